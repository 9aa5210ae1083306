# Fuzzing of the request-line reader: `make fuzz-http-line FUZZ_SECONDS=60`. Needs clang with libFuzzer.

FUZZ_CLANG ?= $(firstword $(shell command -v clang-14 clang-19 clang 2>/dev/null))
FUZZ_SECONDS ?= 60
FUZZ_OUT := build/fuzz

.PHONY: fuzz-http-line
fuzz-http-line: $(FUZZ_OUT)/fuzz_http_line $(FUZZ_OUT)/seeds_http_line
	$(Q)mkdir -p $(FUZZ_OUT)/http_line.seeds $(FUZZ_OUT)/http_line.corpus
	$(Q)$(FUZZ_OUT)/seeds_http_line $(FUZZ_OUT)/http_line.seeds
	$(Q)$(FUZZ_OUT)/fuzz_http_line -max_total_time=$(FUZZ_SECONDS) -max_len=1024 -seed=1 \
		-dict=tests/fuzz/http_line.dict -artifact_prefix=$(FUZZ_OUT)/ -verbosity=0 \
		-print_final_stats=1 $(FUZZ_OUT)/http_line.corpus $(FUZZ_OUT)/http_line.seeds

$(FUZZ_OUT)/fuzz_http_line: tests/fuzz/fuzz_http_line.c
	$(say) CLANG $@
	$(Q)mkdir -p $(@D)
	$(Q)$(FUZZ_CLANG) -std=gnu11 $(WARNINGS) -O1 -g -MMD -MP \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -o $@ $<

$(FUZZ_OUT)/seeds_http_line: tests/fuzz/seeds_http_line.c
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $<
