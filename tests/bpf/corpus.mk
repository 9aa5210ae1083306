# `scepguard classify` against Linux's TCP, real HTTP servers, real clients, hostile input and the public
# suites (root). Part of bpf-test.

CORPUS_TESTS := test-corpus test-readers test-clients

.PHONY: $(CORPUS_TESTS)
$(CORPUS_TESTS): test-%: build/scepguard
	$(Q)python3 tests/bpf/test_$*.py

test-readers: build/corpus/reader_microhttpd

bpf-test: $(CORPUS_TESTS)
