# Tests of the real BPF object by BPF_PROG_TEST_RUN (root; they skip aloud without).
# Targets: bpf-test (build and run).

BPF_TEST_SOURCES := $(wildcard tests/bpf/test_*.c)
BPF_TEST_PROGRAMS := $(BPF_TEST_SOURCES:tests/bpf/%.c=build/bpf-tests/%)

build/bpf-tests/test_%: build/asan/tests/bpf/test_%.o build/libscepguard-asan.a
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(SANITIZE) $(LDFLAGS) -o $@ $< build/libscepguard-asan.a $(LDLIBS) -lcmocka

.PHONY: bpf-test
bpf-test: $(BPF_TEST_PROGRAMS)
	$(Q)scripts/run-unit.sh $(BPF_TEST_PROGRAMS)
