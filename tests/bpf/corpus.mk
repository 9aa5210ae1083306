# `scepguard classify` against Linux's TCP, hostile input and the public suites (root). Part of bpf-test.

.PHONY: test-corpus
test-corpus: build/scepguard
	$(Q)python3 tests/bpf/test_corpus.py

bpf-test: test-corpus
