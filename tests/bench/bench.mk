# What the program costs per packet, beside reference programs (root). Target: bench-program.
# Needs nothing but the build's own tools; writes build/bench/program.json.

BENCH_BPF := $(wildcard tests/bench/reference/*.bpf.c) tests/bench/program_front.bpf.c
BENCH_BPF_OBJECTS := $(BENCH_BPF:tests/bench/%.bpf.c=build/bench/%.bpf.o)
BENCH_SOURCES := $(wildcard tests/bench/program*.c)
BENCH_SOURCES := $(filter-out %.bpf.c,$(BENCH_SOURCES))
BENCH_OBJECTS := $(BENCH_SOURCES:%.c=build/obj/%.o)

build/bench/%.bpf.o: tests/bench/%.bpf.c $(BPF_SOURCES) $(wildcard tests/bench/program_*.h tests/bench/reference/*.h)
	$(say) CLANG $@
	$(Q)mkdir -p $(@D)
	$(Q)$(BPF_CLANG) $(BPF_CFLAGS) -c $< -o $@

build/gen/program_front.skel.h: build/bench/program_front.bpf.o
	$(say) SKEL $@
	$(Q)mkdir -p $(@D)
	$(Q)$(BPFTOOL) gen skeleton $< name program_front > $@.new && mv $@.new $@

$(BENCH_OBJECTS): | build/gen/program_front.skel.h
lint: build/gen/program_front.skel.h

build/bench/program: $(BENCH_OBJECTS) $(OBJECTS)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

.PHONY: bench-program
bench-program: build/bench/program $(BENCH_BPF_OBJECTS) $(BPF_OBJECT) ## cost per packet beside reference programs (root)
	$(Q)build/bench/program $(BENCH_ARGS)

# The same for intercept, whose packets are rewritten. Target: bench-intercept; writes build/bench/intercept.json.
INTERCEPT_OBJECTS := $(patsubst %,build/obj/tests/bench/%.o,intercept_cost intercept_scene \
	intercept_steps program_guard program_frames program_objects program_run)

build/bench/intercept_front.bpf.o: tests/bench/intercept_front.h

build/gen/intercept_front.skel.h: build/bench/intercept_front.bpf.o
	$(say) SKEL $@
	$(Q)mkdir -p $(@D)
	$(Q)$(BPFTOOL) gen skeleton $< name intercept_front > $@.new && mv $@.new $@

$(INTERCEPT_OBJECTS): | build/gen/intercept_front.skel.h build/gen/program_front.skel.h
lint: build/gen/intercept_front.skel.h

build/bench/intercept_cost: $(INTERCEPT_OBJECTS) $(OBJECTS)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

.PHONY: bench-intercept
bench: bench-intercept
bench-intercept: build/bench/intercept_cost build/bench/reference/drop.bpf.o $(BPF_OBJECT) ## cost per packet in intercept (root)
	$(Q)build/bench/intercept_cost --json build/bench/intercept.json $(BENCH_ARGS)
