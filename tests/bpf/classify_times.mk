# `scepguard classify` with time between the frames, and in intercept (root). Part of bpf-test.

CLASSIFY_TESTS := test-classify-times test-classify-intercept

.PHONY: $(CLASSIFY_TESTS)
$(CLASSIFY_TESTS): test-classify-%: build/scepguard
	$(Q)python3 tests/bpf/test_classify_$*.py

bpf-test: $(CLASSIFY_TESTS)
