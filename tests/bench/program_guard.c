// SPDX-License-Identifier: GPL-2.0-only
/* The real object, loaded as the daemon loads it: sizes and limits of docs/scepguard.example.yaml, the
 * constants of time for this kernel's tick, police or intercept. Nothing is pinned or attached.
 */
#include "program.h"
#include "../../bpf/core/budget.h"
#include "../../bpf/core/endpoint.h"
#include "../../bpf/core/times.h"

#define ENDPOINT_SEED 1u
#define SAMPLE_MASK   63 /* userspace/guard/guard_config.c */
#define CONNS         16384
#define SYN_BUCKETS   (65536 / 8)

/* One slot of the cookies' time lasts longer than any run: a row's frame has its cookie made once. */
#define COOKIE_SLOT_S (24 * 3600)

/* userspace/guard/guard_steps.c */
static const char *const step_programs[SG_STEP_MAX_] = {
	[SG_STEP_ENTRY] = "scepguard",       [SG_STEP_DOOR] = "scepguard_door",
	[SG_STEP_FIRST] = "scepguard_first", [SG_STEP_QUESTION] = "scepguard_question",
	[SG_STEP_BACK] = "scepguard_back",
};

static int check_layout(const struct guard *g)
{
	const struct {
		const char *map;
		size_t size;
	} known[] = {
		{"sg_live", sizeof(struct sg_live)},
		{"sg_endpoints", sizeof(struct sg_endpoint)},
		{"sg_services", sizeof(struct sg_service)},
		{"sg_budgets", sizeof(struct sg_budget)},
		{"sg_stats", sizeof(struct sg_stats)},
		{"sg_passed", sizeof(struct sg_passed_stats)},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		const struct bpf_map *map = bpf_object__find_map_by_name(g->obj, known[i].map);

		if (!map || bpf_map__value_size(map) != known[i].size)
			return bench_error(
				-EINVAL,
				"map '%s' is not laid out as in this tree (bpf/abi): build "
				"the benchmark from the object's own tree",
				known[i].map);
	}
	return 0;
}

static int set_constants(struct guard *g)
{
	const __u32 highest = g->mode, ring = CONNS - 1, buckets = SYN_BUCKETS - 1;
	struct sg_times times;
	int err;

#define X(name, ms, why) times.name = (__u64)(ms)*g->machine->hz / 1000;
	SG_TIME_LIST(X)
#undef X
	times.cookie_slot = (__u64)COOKIE_SLOT_S * g->machine->hz;
	err = object_set(g->obj, "sg_times", &times, sizeof(times));
	err = err ? err : object_set(g->obj, "sg_highest_mode", &highest, sizeof(highest));
	err = err ? err : object_set(g->obj, "sg_conn_ring_mask", &ring, sizeof(ring));
	return err ? err : object_set(g->obj, "sg_syn_bucket_mask", &buckets, sizeof(buckets));
}

/* Without the programs that the mode has no use for, as the daemon loads them. */
static void select_programs(struct guard *g)
{
	for (int i = SG_STEP_ENTRY + 1; i < SG_STEP_MAX_; i++) {
		struct bpf_program *prog =
			bpf_object__find_program_by_name(g->obj, step_programs[i]);

		if (prog)
			bpf_program__set_autoload(prog, g->mode >= SG_MODE_INTERCEPT);
	}
}

static int fill_steps(struct guard *g)
{
	int fd = object_map_fd(g->obj, "sg_steps");

	for (__u32 i = 0; fd >= 0 && i < SG_STEP_MAX_; i++) {
		int program = object_program_fd(g->obj, step_programs[i]);

		if (program < 0)
			return program;
		if (bpf_map_update_elem(fd, &i, &program, BPF_ANY))
			return bench_error(-errno, "cannot set step '%s'", step_programs[i]);
	}
	return fd < 0 ? fd : 0;
}

static int find_maps(struct guard *g)
{
	const struct bpf_map *conns = bpf_object__find_map_by_name(g->obj, "sg_conns");
	const struct {
		const char *name;
		int *fd;
	} maps[] = {
		{"sg_conns", &g->conns_fd},       {"sg_budgets", &g->budgets_fd},
		{"sg_services", &g->services_fd}, {"sg_live", &g->live_fd},
		{"sg_stats", &g->stats_fd},       {"sg_passed", &g->passed_fd},
	};

	for (size_t i = 0; i < sizeof(maps) / sizeof(*maps); i++) {
		*maps[i].fd = object_map_fd(g->obj, maps[i].name);
		if (*maps[i].fd < 0)
			return *maps[i].fd;
	}
	g->conn_size = bpf_map__value_size(conns);
	g->conn_key_size = bpf_map__key_size(conns);
	g->program_fd = object_program_fd(g->obj, "scepguard");
	g->clock_fd = object_program_fd(g->obj, "sg_clock");
	return g->program_fd < 0 || g->clock_fd < 0 ? -ENOENT : 0;
}

static int ignore_event(void *ctx, void *data, size_t size)
{
	(void)ctx;
	(void)data;
	(void)size;
	return 0;
}

static int guard_clock(const struct guard *g, __u64 *ticks)
{
	struct sg_clock_call call = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &call, .ctx_size_in = sizeof(call));

	if (bpf_prog_test_run_opts(g->clock_fd, &opts))
		return bench_error(-errno, "cannot ask the program for its clock");
	*ticks = call.ticks;
	return 0;
}

static int write_first(int fd, const void *value)
{
	const __u32 zero = 0;

	return bpf_map_update_elem(fd, &zero, value, BPF_ANY) ? -errno : 0;
}

int guard_write_live(struct guard *g)
{
	return write_first(g->live_fd, &g->live);
}

int guard_limits_on(struct guard *g)
{
	const __u32 hz = g->machine->hz;

	g->svc = (struct sg_service){
		.name = "branch-ca",
		.enabled = 1,
		.slots = 15,
		.window = {.connections = 77, .ticks = 60 * hz + hz / 10 + 1},
		.ca_window_ticks = 60 * hz,
		.reserve_permille = {0, 0, 100, 400, 600},
		.syn_ticks = 5 * hz,
		.request_ticks = 10 * hz,
		.idle_ticks = 60 * hz,
		.life_ticks = 180 * hz,
		.block_ticks = 16 * hz,
		.deaf_unanswered = 3,
		.deaf_within_ticks = 2 * hz,
		.in_progress_connections = 6,
		.in_progress_ticks = 300 * hz,
		.answer_ttl_ticks = 24ull * 3600 * hz,
		.hold_ticks = 60 * hz,
		.mss = 1360,
	};
	g->svc.next_window = g->svc.window;
	g->live.source_default =
		(struct sg_source_limits){.interval_ticks = 5 * hz, .burst = 6, .connections = 4};
	return write_first(g->services_fd, &g->svc) ?: guard_write_live(g);
}

int guard_limits_off(struct guard *g)
{
	int err = guard_limits_on(g);

	if (err)
		return err;
	g->svc.slots = 0;
	g->svc.window.connections = 0;
	g->svc.next_window.connections = 0;
	g->svc.deaf_unanswered = 0;
	g->live.source_default = (struct sg_source_limits){};
	return write_first(g->services_fd, &g->svc) ?: guard_write_live(g);
}

int guard_fresh_budget(struct guard *g)
{
	struct sg_budget *budget = malloc(sizeof(*budget));
	__u64 now;
	int err = budget ? guard_clock(g, &now) : -ENOMEM;

	if (!err) {
		sg_budget_init(budget, 0, now);
		err = write_first(g->budgets_fd, budget);
	}
	free(budget);
	return err;
}

static int write_endpoints(struct guard *g)
{
	static const char *const addresses[] = {"192.168.105.3", "2001:db8:105::3"};
	const int fd = object_map_fd(g->obj, "sg_endpoints");

	if (fd < 0)
		return fd;
	for (int i = 0; i < 4; i++) {
		struct sg_endpoint ep = {.used = 1,
					 .port = i & 1 ? 0 : htons(80),
					 .id = i + 1,
					 .ca_ifindex = g->machine->ca_if};
		__u32 slot;

		ep.ip.w[2] = htonl(0xffff);
		if (inet_pton(AF_INET, addresses[i / 2], &ep.ip.w[3]) != 1)
			inet_pton(AF_INET6, addresses[i / 2], &ep.ip);
		slot = sg_endpoint_slot(&ep.ip, ep.port, ENDPOINT_SEED);
		if (bpf_map_update_elem(fd, &slot, &ep, BPF_NOEXIST) && errno != EEXIST)
			return -errno;
		if (bpf_map_update_elem(fd, &slot, &ep, BPF_ANY))
			return -errno;
	}
	return 0;
}

static int configure(struct guard *g)
{
	__u64 now;
	int err = guard_clock(g, &now);

	if (err)
		return err;
	g->live = (struct sg_live){
		.mode_word = SG_MODE_WORD(g->mode, g->mode, 0),
		.config_mode = g->mode,
		/* An hour ago: what holds only shortly after a start is over. */
		.police_since = now - 3600ull * g->machine->hz,
		.loaded = now - 3600ull * g->machine->hz,
		.heartbeat = now,
		.hash_key = {0x0123456789abcdefull, 0xfedcba9876543210ull},
		.endpoint_seed = {ENDPOINT_SEED, ENDPOINT_SEED},
		.ports = sg_port_bit(htons(80)),
		.ipv4_mask = 0xffffffff,
		.ipv6_prefix = 64,
		.sample_mask = SAMPLE_MASK,
		.cookie_key = {{0x0f1e2d3c4b5a6978ull, 0x8796a5b4c3d2e1f0ull},
			       {0x1032547698badcfeull, 0xefcdab8967452301ull}},
		.intercept_since = now - 3600ull * g->machine->hz,
	};
	err = write_endpoints(g);
	err = err ? err : guard_fresh_budget(g);
	return err ? err : guard_limits_on(g);
}

int guard_load(const char *path, const struct machine *m, enum sg_mode mode, struct guard **ret)
{
	struct guard *g = calloc(1, sizeof(*g));
	int err;

	if (!g)
		return -ENOMEM;
	g->machine = m;
	g->mode = mode;
	err = object_open(path, &g->obj);
	err = err ? err : check_layout(g);
	err = err ? err : set_constants(g);
	if (!err)
		select_programs(g);
	if (!err && bpf_object__load(g->obj))
		err = bench_error(-errno, "the kernel refuses '%s'", path);
	err = err ? err : find_maps(g);
	if (!err && mode >= SG_MODE_INTERCEPT)
		err = fill_steps(g);
	err = err ? err : configure(g);
	if (!err) {
		g->events = ring_buffer__new(object_map_fd(g->obj, "sg_events"), ignore_event, NULL,
					     NULL);
		err = g->events ? 0 : -errno;
	}
	if (err) {
		guard_free(g);
		return err;
	}
	*ret = g;
	return 0;
}

void guard_free(struct guard *g)
{
	if (!g)
		return;
	ring_buffer__free(g->events);
	bpf_object__close(g->obj);
	free(g);
}

int guard_packet(struct guard *g, const uint8_t *bytes, __u32 len, bool from_ca)
{
	struct run run = {.fd = g->program_fd,
			  .frame = bytes,
			  .len = len,
			  .repeat = 1,
			  .ifindex = from_ca ? g->machine->ca_if : g->machine->client_if};
	__u32 action;
	int err = run_program(&run, NULL, &action);

	return err ? err : (int)action;
}

static int sum_cpus(int fd, void *sum, size_t size)
{
	const __u32 zero = 0;
	const int cpus = libbpf_num_possible_cpus();
	__u64 *each = calloc(cpus, size), *total = sum;
	int err = 0;

	if (!each)
		return -ENOMEM;
	if (bpf_map_lookup_elem(fd, &zero, each))
		err = -errno;
	memset(sum, 0, size);
	for (int cpu = 0; !err && cpu < cpus; cpu++)
		for (size_t i = 0; i < size / 8; i++)
			total[i] += each[cpu * (size / 8) + i];
	free(each);
	return err;
}

int guard_count(struct guard *g, struct guard_counts *ret)
{
	int err = sum_cpus(g->stats_fd, &ret->stats, sizeof(ret->stats));

	return err ? err : sum_cpus(g->passed_fd, &ret->passed, sizeof(ret->passed));
}

void guard_read_events(struct guard *g)
{
	ring_buffer__consume(g->events);
}

static void *read_until_stopped(void *arg)
{
	struct guard *g = arg;

	machine_pin(g->machine->cpus - 1);
	while (!__atomic_load_n(&g->reader_stops, __ATOMIC_RELAXED))
		ring_buffer__poll(g->events, 20);
	return NULL;
}

int guard_reader_start(struct guard *g)
{
	g->reader_stops = false;
	return -pthread_create(&g->reader, NULL, read_until_stopped, g);
}

void guard_reader_stop(struct guard *g)
{
	__atomic_store_n(&g->reader_stops, true, __ATOMIC_RELAXED);
	pthread_join(g->reader, NULL);
}
