# `scepguard classify` with time between the frames (root). Part of bpf-test.

.PHONY: test-classify-times
test-classify-times: build/scepguard
	$(Q)python3 tests/bpf/test_classify_times.py

bpf-test: test-classify-times
