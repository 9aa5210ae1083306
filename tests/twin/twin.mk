# The native twin of the whole data plane program against the real object (root; skips aloud without).
#
#   build/bpf-tests/test_twin           part of bpf-test: packet table, a million generated inputs
#   build/bpf-tests/test_twin-clang     the same built by clang, fewer inputs
#
# Replay what was found: build/bpf-tests/test_twin --seed S --case N

TWIN_SOURCES := $(wildcard tests/twin/*.c)
TWIN_CLANG ?= $(firstword $(shell command -v clang-14 clang 2>/dev/null))
TWIN_FLAGS = $(ALL_CFLAGS) -O1 $(SANITIZE)
TWIN_OBJECTS := $(TWIN_SOURCES:%.c=build/twin/gcc/%.o) build/twin/gcc/tests/bpf/test_twin.o
TWIN_CLANG_OBJECTS := $(TWIN_OBJECTS:build/twin/gcc/%=build/twin/clang/%)

BPF_TEST_PROGRAMS += build/bpf-tests/test_twin-clang
bpf-test: build/bpf-tests/test_twin-clang

build/twin/gcc/%.o: %.c | $(SKELETON)
	$(say) CC+SAN $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(TWIN_FLAGS) -c $< -o $@

build/twin/clang/%.o: %.c | $(SKELETON)
	$(say) CLANG $@
	$(Q)mkdir -p $(@D)
	$(Q)$(TWIN_CLANG) $(TWIN_FLAGS) -DTWIN_INPUTS=100000ull -c $< -o $@

build/twin/gcc/tests/twin/kernel.o build/twin/clang/tests/twin/kernel.o: $(SKELETON)

# As in BPF, headers lie where they lie: after a frame has grown at its head by any number of bytes.
build/twin/gcc/tests/twin/twin.o build/twin/clang/tests/twin/twin.o: TWIN_FLAGS += -fno-sanitize=alignment

build/bpf-tests/test_twin: $(TWIN_OBJECTS)
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(SANITIZE) $(LDFLAGS) -o $@ $^ $(LDLIBS)

build/bpf-tests/test_twin-clang: $(TWIN_CLANG_OBJECTS)
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(TWIN_CLANG) $(CFLAGS) $(SANITIZE) $(LDFLAGS) -o $@ $^ $(LDLIBS)
