# Fuzzing: `make fuzz-NAME FUZZ_SECONDS=60`, `make fuzz` for all of them. Needs clang with libFuzzer.
# Corpora are kept in build/fuzz/NAME.corpus; `make fuzz-summary` shows what the last runs did.

FUZZ_CLANG   ?= $(firstword $(shell command -v clang-14 clang-19 clang 2>/dev/null))
FUZZ_SECONDS ?= 60
FUZZ_OUT     := build/fuzz
FUZZ_NAMES   := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SANITIZE := -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
FUZZ_CFLAGS  = -std=gnu11 $(WARNINGS) $(CPPFLAGS) $(PKGFLAGS) -O1 -g
# All of them: the compiler writes down what only the last of several sources includes.
FUZZ_HEADERS := $(wildcard bpf/core/*.h bpf/abi/*.h userspace/*/*.h tests/fuzz/*.h tests/lib/*.h)
# Coverage of the same sources: scripts/coverage.sh.
FUZZ_COVERAGE := -fsanitize=fuzzer -fprofile-instr-generate -fcoverage-mapping

# Sources of a target beside fuzz_NAME.c; libraries.
FUZZ_MORE_answer  := userspace/http/answer_head.c
FUZZ_MORE_config  := $(wildcard userspace/config/*.c userspace/util/*.c)
FUZZ_MORE_control := $(addprefix userspace/,daemon/control.c daemon/labels.c daemon/state.c \
	ios/mirror.c shadow/shadow.c) $(FUZZ_MORE_config)
FUZZ_MORE_edges   := $(addprefix userspace/,daemon/edges.c daemon/questions.c http/answer_head.c \
	$(addprefix util/,addr.c json.c text.c units.c))
FUZZ_MORE_packet  := tests/fuzz/packet_filters.c
FUZZ_LIBS_config  = $(LDLIBS)
FUZZ_LIBS_control = $(LDLIBS)
FUZZ_LIBS_edges   = $(LDLIBS)
FUZZ_LIBS_packet  = -lpcap

# How a target is run: libFuzzer's options, then the seeds' directories.
FUZZ_RUN_answer    = -max_len=1024 -dict=tests/fuzz/answer.dict $(FUZZ_OUT)/answer.seeds
FUZZ_RUN_config    = -max_len=8192 -dict=tests/fuzz/config.dict $(FUZZ_OUT)/config.seeds
FUZZ_RUN_control   = -max_len=4200 -dict=tests/fuzz/control.dict $(FUZZ_OUT)/control.seeds
FUZZ_RUN_edges     = -max_len=1400 -dict=tests/fuzz/edges.dict $(FUZZ_OUT)/edges.seeds
FUZZ_RUN_http_line = -max_len=1024 -dict=tests/fuzz/http_line.dict $(FUZZ_OUT)/http_line.seeds
FUZZ_RUN_packet    = -max_len=2048 -dict=tests/fuzz/packet.dict $(FUZZ_OUT)/packet.seeds
FUZZ_RUN_question  = -max_len=1400 -dict=tests/fuzz/question.dict $(FUZZ_OUT)/question.seeds
FUZZ_RUN_segments  = -max_len=160 -dict=tests/fuzz/segments.dict $(FUZZ_OUT)/segments.seeds

FUZZ_HERE := answer config control edges http_line packet question segments

.PHONY: fuzz fuzz-summary fuzz-mutants coverage $(FUZZ_HERE:%=fuzz-seeds-%)

fuzz: ## every fuzz target for FUZZ_SECONDS (60), one after the other
	$(Q)for name in $(subst _,-,$(FUZZ_NAMES)); do \
		$(MAKE) --no-print-directory fuzz-$$name || exit 1; \
	done
	$(Q)tests/fuzz/summary.sh

fuzz-summary: ## what the fuzz targets did when they ran last
	$(Q)tests/fuzz/summary.sh

fuzz-mutants: ## do the fuzz targets find planted bugs, each within a minute?
	$(Q)tests/fuzz/mutants.py

coverage: ## lines of the classifier that unit tests and fuzz corpora reach
	$(Q)scripts/coverage.sh

define fuzz_target
.PHONY: fuzz-$(subst _,-,$(1))
fuzz-$(subst _,-,$(1)): $(FUZZ_OUT)/fuzz_$(1) fuzz-seeds-$(1)
	$$(Q)tests/fuzz/run.sh $(1) $$(FUZZ_SECONDS) $$(FUZZ_RUN_$(1))

$(FUZZ_OUT)/fuzz_$(1): tests/fuzz/fuzz_$(1).c $(FUZZ_MORE_$(1)) $(FUZZ_HEADERS)
	$$(say) CLANG $$@
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(FUZZ_CLANG) $$(FUZZ_CFLAGS) $$(FUZZ_SANITIZE) -o $$@ \
		$$(filter %.c,$$^) $$(FUZZ_LIBS_$(1))

build/coverage/fuzz_$(1): tests/fuzz/fuzz_$(1).c $(FUZZ_MORE_$(1)) $(FUZZ_HEADERS)
	$$(say) CLANG $$@
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(FUZZ_CLANG) $$(FUZZ_CFLAGS) $$(FUZZ_COVERAGE) -o $$@ \
		$$(filter %.c,$$^) $$(FUZZ_LIBS_$(1))
endef
$(foreach name,$(FUZZ_HERE),$(eval $(call fuzz_target,$(name))))

# Seeds that a program of ours writes.
$(FUZZ_OUT)/seeds_%: tests/fuzz/seeds_%.c $(FUZZ_HEADERS) $(wildcard tests/fixtures/*.h)
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $<

fuzz-seeds-answer fuzz-seeds-edges fuzz-seeds-http_line fuzz-seeds-packet fuzz-seeds-question \
fuzz-seeds-segments: fuzz-seeds-%: $(FUZZ_OUT)/seeds_%
	$(Q)mkdir -p $(FUZZ_OUT)/$*.seeds
	$(Q)$(FUZZ_OUT)/seeds_$* $(FUZZ_OUT)/$*.seeds

fuzz-seeds-config:
	$(Q)mkdir -p $(FUZZ_OUT)/config.seeds
	$(Q)cp docs/scepguard.example.yaml tests/fuzz/config.seeds/*.yaml $(FUZZ_OUT)/config.seeds/

# One seed a line.
fuzz-seeds-control:
	$(Q)mkdir -p $(FUZZ_OUT)/control.seeds
	$(Q)awk '{file = "$(FUZZ_OUT)/control.seeds/" NR; printf "%s", $$0 > file; close(file)}' \
		tests/fuzz/control.seeds

# Unit tests of what is in bpf/core, for their coverage of it; the rest of the program comes as it is.
COVERAGE_TESTS := $(sort $(wildcard tests/unit/test_core_*.c) \
	$(shell grep -lE 'bpf/core/http|lib/(segments|receivers)|answer_head' tests/unit/*.c))
COVERAGE_UNIT := $(COVERAGE_TESTS:tests/unit/%.c=build/coverage/%)

.PHONY: coverage-programs
coverage-programs: $(FUZZ_HERE:%=build/coverage/fuzz_%) $(COVERAGE_UNIT)
	$(Q)printf '%s\n' $^ > build/coverage/programs

build/coverage/objects.a: $(OBJECTS)
	$(Q)mkdir -p $(@D)
	$(Q)rm -f $@ && ar rcs $@ $^

build/coverage/test_%: tests/unit/test_%.c build/coverage/objects.a $(FUZZ_HEADERS)
	$(say) CLANG $@
	$(Q)$(FUZZ_CLANG) $(FUZZ_CFLAGS) -fprofile-instr-generate -fcoverage-mapping \
		-o $@ $< build/coverage/objects.a $(LDLIBS) -lcmocka
