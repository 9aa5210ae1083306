// SPDX-License-Identifier: GPL-2.0-only
/* The BPF object: opened, sized, told its constants, loaded; and what its programs can be asked. */
#include <errno.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "guard_internal.h"
#include "scepguard.skel.h"

#define SG_HZ_SAMPLE_NS 100000000ull

static __u64 monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (__u64)ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static int run_probe(int fd, __u32 *ticks)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	if (bpf_prog_test_run_opts(fd, &opts))
		return -errno;
	*ticks = opts.retval;
	return 0;
}

/* The kernel tells HZ only in its build configuration, which need not be there. So count ticks for a
 * tenth of a second with a program of two instructions; HZ is one of four numbers.
 */
int sg_guard_measure_hz(__u32 *hz)
{
	static const __u32 known[] = {100, 250, 300, 1000};
	struct bpf_insn insns[] = {
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_jiffies64},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .prog_flags = BPF_F_SLEEPABLE);
	struct timespec pause = {.tv_nsec = SG_HZ_SAMPLE_NS};
	_cleanup_close_ int fd = -1;
	__u64 from, measured;
	__u32 before = 0, after = 0, best = 0;
	int err;

	fd = bpf_prog_load(BPF_PROG_TYPE_SYSCALL, "sg_hz", "GPL", insns, 2, &opts);
	if (fd < 0)
		return sg_log_err(
			-errno,
			"the kernel refuses BPF programs: run as root, or with CAP_BPF, CAP_NET_ADMIN "
			"and CAP_PERFMON, on Linux 6.1 or later");
	err = run_probe(fd, &before);
	from = monotonic_ns();
	nanosleep(&pause, NULL);
	if (!err)
		err = run_probe(fd, &after);
	if (err)
		return sg_log_err(err, "cannot run a BPF program to measure the kernel's tick");
	measured = (__u64)(after - before) * 1000000000ull / (monotonic_ns() - from);
	for (size_t i = 1; i < 4; i++)
		if (llabs((long long)measured - known[i]) <
		    llabs((long long)measured - known[best]))
			best = i;
	*hz = known[best];
	return 0;
}

static __u64 scaled_ticks(const struct sg_guard *g, __u64 ns)
{
	__u64 scaled = ns / g->time_scale;

	return scaled / 1000000000ull * g->hz + scaled % 1000000000ull * g->hz / 1000000000ull;
}

__u64 sg_guard_ticks(const struct sg_guard *g, __u64 configured_ns)
{
	return scaled_ticks(g, configured_ns);
}

__u64 sg_guard_tick_ns(const struct sg_guard *g, __u64 ticks)
{
	return ticks / g->hz * 1000000000ull + ticks % g->hz * 1000000000ull / g->hz;
}

static void fill_times(struct sg_guard *g)
{
#define X(name, ms, why) g->times.name = scaled_ticks(g, (__u64)(ms)*1000000ull);
	SG_TIME_LIST(X)
#undef X
}

/* Smallest power of two that holds n. */
static __u32 power_of_two(__u32 n)
{
	__u32 p = 1;

	while (p < n && p < 1u << 30)
		p <<= 1;
	return p;
}

static int set_sizes(struct sg_guard *g, struct scepguard_bpf *skel)
{
	const struct sg_conf_tables *tables = &g->conf->tables;
	__u32 conns = power_of_two(tables->connections);
	__u32 buckets = power_of_two((tables->syn_limiter + 7) / 8);
	__u32 held = power_of_two(tables->held);
	int err;

	err = bpf_map__set_max_entries(skel->maps.sg_conns, conns);
	err = err ? err : bpf_map__set_max_entries(skel->maps.sg_conn_ring, conns);
	err = err ? err : bpf_map__set_max_entries(skel->maps.sg_sources, tables->sources);
	err = err ? err : bpf_map__set_max_entries(skel->maps.sg_syn_limiter, buckets);
	err = err ? err : bpf_map__set_max_entries(skel->maps.sg_refused, buckets);
	err = err ? err : bpf_map__set_max_entries(skel->maps.sg_frames, held + SG_LEASES);
	err = err ? err : bpf_map__set_max_entries(skel->maps.sg_waiting, held);
	return err;
}

static void set_constants(struct sg_guard *g, struct scepguard_bpf *skel, enum sg_mode highest)
{
	skel->rodata->sg_highest_mode = highest;
	memcpy((void *)&skel->rodata->sg_times, &g->times, sizeof(g->times));
	skel->rodata->sg_tick_ns = SG_NS_PER_S / g->hz;
	skel->rodata->sg_conn_ring_mask = bpf_map__max_entries(skel->maps.sg_conn_ring) - 1;
	skel->rodata->sg_syn_bucket_mask = bpf_map__max_entries(skel->maps.sg_syn_limiter) - 1;
	skel->rodata->sg_frame_mask = bpf_map__max_entries(skel->maps.sg_waiting) - 1;
}

/* libbpf explains a refusal in hundreds of lines: for whoever asks for them (log.level: debug). */
static int tell_debug(enum libbpf_print_level level, const char *fmt, va_list args)
{
	_cleanup_free_ char *text = NULL;
	char *rest, *line;

	if (level == LIBBPF_DEBUG || sg_log_level() < SG_LOG_DEBUG)
		return 0;
	if (vasprintf(&text, fmt, args) < 0) {
		text = NULL;
		return 0;
	}
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		sg_log_debug("%s", line);
	return 0;
}

static int load_skeleton(struct sg_guard *g, struct scepguard_bpf *skel, enum sg_mode highest)
{
	int err = set_sizes(g, skel);

	if (err)
		return sg_log_err(err, "cannot size the tables");
	err = sg_guard_pins_reuse(g, skel->obj);
	if (err)
		return err;
	set_constants(g, skel, highest);
	sg_guard_steps_select(skel->obj, highest);
	err = scepguard_bpf__load(skel);
	if (err)
		return sg_log_err(
			err, "the kernel refuses the guard's program%s",
			err == -EPERM || err == -EACCES
				? ": run as root, or with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON"
			: err == -ENOMEM
				? ": not enough memory for the tables (tables: in the file)"
				: " (Linux 6.1 or later is needed)");
	err = sg_guard_pins_keep(g, skel->obj);
	return err ? err : sg_guard_steps_fill(g, skel->obj, highest);
}

/* Load the program for `highest`, on the pinned maps if there are any, and make it the guard's. The
 * one before, if any, stays attached until the links are updated.
 */
int sg_guard_load(struct sg_guard *g, enum sg_mode highest)
{
	struct scepguard_bpf *skel = scepguard_bpf__open();
	libbpf_print_fn_t before;
	int err;

	if (!skel)
		return sg_log_err(-errno, "cannot open the built-in BPF object");
	fill_times(g);
	before = libbpf_set_print(tell_debug);
	err = load_skeleton(g, skel, highest);
	libbpf_set_print(before);
	if (err) {
		scepguard_bpf__destroy(skel);
		return err;
	}
	scepguard_bpf__destroy(g->skel);
	g->skel = skel;
	g->highest = highest;
	return 0;
}

struct bpf_map *sg_guard_bpf_map(const struct sg_guard *g, enum sg_guard_map map)
{
	struct bpf_map *const maps[SG_MAP_MAX_] = {
		[SG_MAP_LIVE] = g->skel->maps.sg_live,
		[SG_MAP_ENDPOINTS] = g->skel->maps.sg_endpoints,
		[SG_MAP_SERVICES] = g->skel->maps.sg_services,
		[SG_MAP_BUDGETS] = g->skel->maps.sg_budgets,
		[SG_MAP_CONNS] = g->skel->maps.sg_conns,
		[SG_MAP_CONN_RING] = g->skel->maps.sg_conn_ring,
		[SG_MAP_SOURCES] = g->skel->maps.sg_sources,
		[SG_MAP_SYN_LIMITER] = g->skel->maps.sg_syn_limiter,
		[SG_MAP_REFUSED] = g->skel->maps.sg_refused,
		[SG_MAP_PREFIXES] = g->skel->maps.sg_prefixes,
		[SG_MAP_STATS] = g->skel->maps.sg_stats,
		[SG_MAP_PASSED] = g->skel->maps.sg_passed,
		[SG_MAP_EVENTS] = g->skel->maps.sg_events,
		[SG_MAP_STEPS] = g->skel->maps.sg_steps,
		[SG_MAP_FRAMES] = g->skel->maps.sg_frames,
		[SG_MAP_WAITING] = g->skel->maps.sg_waiting,
		[SG_MAP_EDGES] = g->skel->maps.sg_edges,
		[SG_MAP_QUESTIONS] = g->skel->maps.sg_questions,
		[SG_MAP_INTERCEPTS] = g->skel->maps.sg_intercepts,
	};

	return maps[map];
}

int sg_guard_map_fd(const struct sg_guard *g, enum sg_guard_map map)
{
	return bpf_map__fd(sg_guard_bpf_map(g, map));
}

__u32 sg_guard_map_entries(const struct sg_guard *g, enum sg_guard_map map)
{
	return bpf_map__max_entries(sg_guard_bpf_map(g, map));
}

int sg_guard_program_fd(const struct sg_guard *g)
{
	return bpf_program__fd(g->skel->progs.scepguard);
}

int sg_guard_call_fd(const struct sg_guard *g, enum sg_guard_call call)
{
	struct bpf_program *const programs[SG_CALL_MAX_] = {
		[SG_CALL_CLOCK] = g->skel->progs.sg_clock,
		[SG_CALL_TAKE] = g->skel->progs.sg_take,
		[SG_CALL_END] = g->skel->progs.sg_end,
		[SG_CALL_TURN] = bpf_object__find_program_by_name(g->skel->obj, "sg_turn"),
		[SG_CALL_EXPIRE] = bpf_object__find_program_by_name(g->skel->obj, "sg_expire"),
	};

	return programs[call] ? bpf_program__fd(programs[call]) : -ENOENT;
}

__u32 sg_guard_hz(const struct sg_guard *g)
{
	return g->hz;
}

const struct sg_times *sg_guard_times(const struct sg_guard *g)
{
	return &g->times;
}

void sg_guard_unload(struct sg_guard *g)
{
	scepguard_bpf__destroy(g->skel);
	g->skel = NULL;
}
