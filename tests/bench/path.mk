# End to end on veth (path*, forwarding.py), the control loop (loop*), the verifier (verifier*). Root.
# Targets: bench-path, bench-loop, bench-verifier; each prints a table and writes build/bench/NAME.json.

PATH_CFLAGS := -std=gnu11 -D_GNU_SOURCE -O2 -g $(WARNINGS) $(PKGFLAGS)
PATH_TOOLS := build/bench/path_flood build/bench/path_flood.bpf.o \
	build/bench/reference/limiter_lru.bpf.o build/bench/reference/limiter_sets.bpf.o

build/bench/path_flood.bpf.o: tests/bench/path_flood.bpf.c tests/bench/path_flood.h
	$(say) CLANG $@
	$(Q)mkdir -p $(@D)
	$(Q)$(BPF_CLANG) $(BPF_CFLAGS) -c $< -o $@

build/bench/path_flood: tests/bench/path_flood.c tests/bench/path_flood.h
build/bench/verifier_figures: tests/bench/verifier_figures.c bpf/core/times.h
build/bench/path_flood build/bench/verifier_figures:
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(PATH_CFLAGS) -o $@ $(filter %.c,$^) $(LDLIBS)

.PHONY: bench-path bench-loop bench-verifier
bench-path: build/scepguard $(PATH_TOOLS) ## floods and established traffic on veth (root)
	$(Q)python3 tests/bench/path_flood.py --json build/bench/path.json
	$(Q)python3 tests/bench/forwarding.py --json build/bench/forwarding.json

bench-loop: build/scepguard $(BPF_OBJECT) ## what the daemon costs (root)
	$(Q)python3 tests/bench/loop_cost.py --json build/bench/loop.json

bench-verifier: $(BPF_OBJECT) bpf-clang-19 build/bench/verifier_figures ## instructions verified, time to load (root)
	$(Q)python3 tests/bench/verifier_figures.py --json build/bench/verifier.json
