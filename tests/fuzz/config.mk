# Fuzzing of the configuration: `make fuzz-config FUZZ_SECONDS=60`. Needs clang with libFuzzer.

FUZZ_CONFIG_SOURCES := tests/fuzz/fuzz_config.c $(wildcard userspace/config/*.c userspace/util/*.c)

.PHONY: fuzz-config
fuzz-config: build/fuzz/fuzz_config
	$(Q)mkdir -p build/fuzz/config.corpus build/fuzz/config.seeds
	$(Q)cp docs/scepguard.example.yaml build/fuzz/config.seeds/
	$(Q)build/fuzz/fuzz_config -max_total_time=$(or $(FUZZ_SECONDS),60) -max_len=8192 -seed=1 \
		-artifact_prefix=build/fuzz/ -verbosity=0 -print_final_stats=1 \
		build/fuzz/config.corpus build/fuzz/config.seeds

build/fuzz/fuzz_config: $(FUZZ_CONFIG_SOURCES) $(wildcard userspace/config/*.h userspace/util/*.h)
	$(say) CLANG $@
	$(Q)mkdir -p $(@D)
	$(Q)$(firstword $(shell command -v clang-14 clang-19 clang 2>/dev/null)) -std=gnu11 $(WARNINGS) \
		$(CPPFLAGS) $(PKGFLAGS) -O1 -g -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all -o $@ $(FUZZ_CONFIG_SOURCES) $(LDLIBS)
