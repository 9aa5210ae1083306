# Fuzzing of the control socket's lines and of the kept state: `make fuzz-control FUZZ_SECONDS=60`.
# Needs clang with libFuzzer. One seed a line.

FUZZ_CONTROL_SOURCES := tests/fuzz/fuzz_control.c $(addprefix userspace/,daemon/control.c \
	daemon/labels.c daemon/state.c ios/mirror.c shadow/shadow.c) \
	$(wildcard userspace/config/*.c userspace/util/*.c)

.PHONY: fuzz-control
fuzz-control: build/fuzz/fuzz_control
	$(Q)rm -rf build/fuzz/control.seeds
	$(Q)mkdir -p build/fuzz/control.corpus build/fuzz/control.seeds
	$(Q)awk '{file = "build/fuzz/control.seeds/" NR; printf "%s", $$0 > file; close(file)}' \
		tests/fuzz/control.seeds
	$(Q)build/fuzz/fuzz_control -max_total_time=$(or $(FUZZ_SECONDS),60) -max_len=4200 -seed=1 \
		-dict=tests/fuzz/control.dict -artifact_prefix=build/fuzz/ -verbosity=0 \
		-print_final_stats=1 build/fuzz/control.corpus build/fuzz/control.seeds

build/fuzz/fuzz_control: $(FUZZ_CONTROL_SOURCES) $(wildcard userspace/*/*.h bpf/abi/*.h)
	$(say) CLANG $@
	$(Q)mkdir -p $(@D)
	$(Q)$(firstword $(shell command -v clang-14 clang-19 clang 2>/dev/null)) -std=gnu11 $(WARNINGS) \
		$(CPPFLAGS) $(PKGFLAGS) -O1 -g -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all -o $@ $(FUZZ_CONTROL_SOURCES) $(LDLIBS)
