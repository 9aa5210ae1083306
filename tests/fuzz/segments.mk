# Fuzzing of connection and classifier: `make fuzz-segments FUZZ_SECONDS=60`. Needs clang with libFuzzer.

.PHONY: fuzz-segments
fuzz-segments: build/fuzz/fuzz_segments
	$(Q)mkdir -p build/fuzz/segments.corpus
	$(Q)build/fuzz/fuzz_segments -max_total_time=$(or $(FUZZ_SECONDS),60) -max_len=256 -seed=1 \
		-dict=tests/fuzz/segments.dict -artifact_prefix=build/fuzz/ -verbosity=0 \
		-print_final_stats=1 build/fuzz/segments.corpus tests/fuzz/segments.seeds

build/fuzz/fuzz_segments: tests/fuzz/fuzz_segments.c
	$(say) CLANG $@
	$(Q)mkdir -p $(@D)
	$(Q)$(firstword $(shell command -v clang-14 clang-19 clang 2>/dev/null)) -std=gnu11 $(WARNINGS) \
		-O1 -g -MMD -MP -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -o $@ $<
