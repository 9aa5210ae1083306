# Fuzzing of the whole program: `make fuzz-program FUZZ_SECONDS=60`. Needs clang with libFuzzer. Of the
# twin's sources those that speak to the kernel are linked, and never called. Alignment: as in twin.mk.

FUZZ_PROGRAM_SOURCES := $(filter-out tests/twin/scenes_%.c tests/twin/coverage.c,$(wildcard tests/twin/*.c))
FUZZ_PROGRAM_READS := $(BPF_SOURCES) $(wildcard tests/twin/*.h) tests/fixtures/request_lines.h
FUZZ_PROGRAM_CLANG ?= $(firstword $(shell command -v clang-14 clang-19 clang 2>/dev/null))
FUZZ_PROGRAM_LIBS := $(shell $(PKG_CONFIG) --libs libbpf 2>/dev/null)

.PHONY: fuzz-program
fuzz-program: build/fuzz/fuzz_program build/fuzz/seeds_program
	$(Q)mkdir -p build/fuzz/program.corpus build/fuzz/program.seeds
	$(Q)build/fuzz/seeds_program build/fuzz/program.seeds
	$(Q)tests/fuzz/run.sh program $(or $(FUZZ_SECONDS),60) -max_len=3000 \
		build/fuzz/program.corpus build/fuzz/program.seeds

build/fuzz/fuzz_program: tests/fuzz/fuzz_program.c $(FUZZ_PROGRAM_SOURCES) $(FUZZ_PROGRAM_READS) | $(SKELETON)
	$(say) CLANG $@
	$(Q)mkdir -p $(@D)
	$(Q)$(FUZZ_PROGRAM_CLANG) -std=gnu11 $(WARNINGS) $(CPPFLAGS) -O1 -g \
		-fsanitize=fuzzer,address,undefined -fno-sanitize=alignment -fno-sanitize-recover=all -o $@ \
		$< $(FUZZ_PROGRAM_SOURCES) $(FUZZ_PROGRAM_LIBS)

build/fuzz/seeds_program: tests/fuzz/seeds_program.c $(FUZZ_PROGRAM_SOURCES) $(FUZZ_PROGRAM_READS) | $(SKELETON)
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 $(WARNINGS) $(CPPFLAGS) $(CFLAGS) $(SANITIZE) -o $@ \
		$< $(FUZZ_PROGRAM_SOURCES) $(FUZZ_PROGRAM_LIBS)
