/* SPDX-License-Identifier: GPL-2.0-only */
/* The real BPF object on maps of its own (nothing is pinned or attached), packets run through it by
 * BPF_PROG_TEST_RUN, in a network namespace that ends with the test.
 */
#ifndef SG_TEST_LOADED_H
#define SG_TEST_LOADED_H

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../lib/packet.h"
#include "../../bpf/core/budget.h"
#include "../../bpf/core/endpoint.h"
#include "scepguard.skel.h"

int sg_guard_measure_hz(__u32 *hz); /* userspace/guard */

#define CLIENT_V4 "198.51.100.7"
#define CA_V4     "192.0.2.1"
#define CLIENT_V6 "2001:db8::7"
#define CA_V6     "2001:db8:1::1"
#define SEED      1u

struct loaded {
	struct scepguard_bpf *skel;
	__u32 hz, client_if, ca_if;
	__u32 frames;    /* of the next load: how many can be held; 0 = as shipped */
	bool test_clock; /* of the next load: time is what clocked.h sets */
	struct sg_live live;
	struct sg_service svc;
	uint8_t out[PACKET_MAX]; /* the frame after the last run */
	__u32 out_len;
};

static struct loaded guard;

static inline int map_fd(struct bpf_map *map)
{
	return bpf_map__fd(map);
}

static inline __u64 guard_clock(void)
{
	struct sg_clock_call call = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &call, .ctx_size_in = sizeof(call));

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(guard.skel->progs.sg_clock), &opts),
			 0);
	return call.ticks;
}

static inline void write_live(void)
{
	__u32 zero = 0;

	assert_int_equal(
		bpf_map_update_elem(map_fd(guard.skel->maps.sg_live), &zero, &guard.live, 0), 0);
}

static inline void write_service(void)
{
	__u32 zero = 0;

	guard.svc.next_window = guard.svc.window;
	assert_int_equal(
		bpf_map_update_elem(map_fd(guard.skel->maps.sg_services), &zero, &guard.svc, 0), 0);
}

static inline void set_mode(enum sg_mode mode)
{
	guard.live.mode_word = SG_MODE_WORD(mode, mode, 0);
	write_live();
}

static inline void write_endpoint(const char *text, __u16 port, __u16 id)
{
	struct sg_endpoint ep = {
		.used = 1, .port = htons(port), .id = id, .ca_ifindex = guard.ca_if};
	__u32 slot;

	if (inet_pton(AF_INET, text, &ep.ip.w[3]) == 1)
		ep.ip.w[2] = htonl(0xffff);
	else
		assert_int_equal(inet_pton(AF_INET6, text, &ep.ip), 1);
	slot = sg_endpoint_slot(&ep.ip, ep.port, SEED);
	assert_int_equal(bpf_map_update_elem(map_fd(guard.skel->maps.sg_endpoints), &slot, &ep, 0),
			 0);
}

static inline void fresh_budget(void)
{
	struct sg_budget *budget = calloc(1, sizeof(*budget));
	__u32 zero = 0;

	assert_non_null(budget);
	sg_budget_init(budget, 0, guard_clock());
	assert_int_equal(bpf_map_update_elem(map_fd(guard.skel->maps.sg_budgets), &zero, budget, 0),
			 0);
	free(budget);
}

static inline void default_service(void)
{
	__u32 hz = guard.hz;

	guard.svc = (struct sg_service){
		.name = "test",
		.enabled = 1,
		.window = {.connections = 500, .ticks = 60 * hz},
		.ca_window_ticks = 60 * hz,
		.syn_ticks = 5 * hz,
		.request_ticks = 10 * hz,
		.idle_ticks = 60 * hz,
		.life_ticks = 180 * hz,
		.block_ticks = 16 * hz,
		.deaf_unanswered = 0,
		.deaf_within_ticks = 2 * hz,
		.in_progress_connections = 6,
		.in_progress_ticks = 300 * hz,
	};
	write_service();
}

/* As the daemon: what a lower mode has no use for is not loaded. */
static inline void select_programs(enum sg_mode highest)
{
	struct bpf_program *const intercept[] = {
		guard.skel->progs.scepguard_door,
		guard.skel->progs.scepguard_first,
		guard.skel->progs.scepguard_question,
		guard.skel->progs.scepguard_back,
		guard.skel->progs.sg_turn,
		guard.skel->progs.sg_expire,
	};

	for (size_t i = 0; i < sizeof(intercept) / sizeof(intercept[0]); i++)
		bpf_program__set_autoload(intercept[i], highest >= SG_MODE_INTERCEPT);
}

static inline void fill_steps(void)
{
	struct bpf_program *const steps[SG_STEP_MAX_] = {
		[SG_STEP_ENTRY] = guard.skel->progs.scepguard,
		[SG_STEP_DOOR] = guard.skel->progs.scepguard_door,
		[SG_STEP_FIRST] = guard.skel->progs.scepguard_first,
		[SG_STEP_QUESTION] = guard.skel->progs.scepguard_question,
		[SG_STEP_BACK] = guard.skel->progs.scepguard_back,
	};

	for (__u32 i = 0; i < SG_STEP_MAX_; i++) {
		int fd = bpf_program__fd(steps[i]);

		assert_int_equal(bpf_map_update_elem(map_fd(guard.skel->maps.sg_steps), &i, &fd, 0),
				 0);
	}
}

static inline int load(__u32 conns, enum sg_mode highest)
{
	int err;

	guard.skel = scepguard_bpf__open();
	if (!guard.skel)
		return -errno;
	bpf_map__set_max_entries(guard.skel->maps.sg_conns, conns);
	bpf_map__set_max_entries(guard.skel->maps.sg_conn_ring, conns);
	guard.skel->rodata->sg_conn_ring_mask = conns - 1;
	guard.skel->rodata->sg_highest_mode = highest;
	guard.skel->rodata->sg_tick_ns = 1000000000 / guard.hz;
	guard.skel->rodata->sg_test_clock = guard.test_clock;
#define X(name, ms, why) *(__u64 *)&guard.skel->rodata->sg_times.name = (__u64)(ms)*guard.hz / 1000;
	SG_TIME_LIST(X)
#undef X
	if (guard.frames) {
		bpf_map__set_max_entries(guard.skel->maps.sg_frames, guard.frames + SG_LEASES);
		bpf_map__set_max_entries(guard.skel->maps.sg_waiting, guard.frames);
		guard.skel->rodata->sg_frame_mask = guard.frames - 1;
	}
	select_programs(highest);
	err = scepguard_bpf__load(guard.skel);
	if (!err && highest >= SG_MODE_INTERCEPT)
		fill_steps();
	return err;
}

/* A fresh guard in police with 16 endpoints' worth of room. */
static inline int fresh_sized(__u32 conns, enum sg_mode highest)
{
	int err;

	scepguard_bpf__destroy(guard.skel);
	guard.skel = NULL;
	err = load(conns, highest);
	if (err)
		return err;
	memset(&guard.live, 0, sizeof(guard.live));
	guard.live.endpoint_seed[0] = SEED;
	guard.live.ports = sg_port_bit(htons(80));
	guard.live.ipv4_mask = 0xffffffff;
	guard.live.ipv6_prefix = 64;
	guard.live.sample_mask = 63;
	guard.live.loaded = guard.live.heartbeat = guard_clock();
	guard.live.loaded -= 100 * guard.hz;
	set_mode(highest);
	default_service();
	fresh_budget();
	write_endpoint(CA_V4, 80, 1);
	write_endpoint(CA_V4, 0, 2);
	write_endpoint(CA_V6, 80, 3);
	write_endpoint(CA_V6, 0, 4);
	return 0;
}

/* Run one frame that came in on this interface. Returns the XDP action. */
static inline __u32 run_frame(const uint8_t *frame, size_t len, __u32 ifindex)
{
	struct xdp_md ctx = {.data_end = len, .ingress_ifindex = ifindex};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = len,
		    .data_out = guard.out, .data_size_out = sizeof(guard.out), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = 1);

	if (bpf_prog_test_run_opts(bpf_program__fd(guard.skel->progs.scepguard), &opts))
		fail_msg("the kernel does not run a frame of %zu bytes: %d", len, errno);
	guard.out_len = opts.data_size_out;
	return opts.retval;
}

/* Run a packet; *same: the frame came out as it went in. */
static inline __u32 run_packet(const struct packet *p, bool from_ca, bool *same)
{
	uint8_t frame[PACKET_MAX];
	size_t len = packet_build(p, frame);
	__u32 action = run_frame(frame, len, from_ca ? guard.ca_if : guard.client_if);

	if (same)
		*same = guard.out_len == len && !memcmp(frame, guard.out, len);
	return action;
}

static inline struct sg_stats stats(void)
{
	int cpus = libbpf_num_possible_cpus();
	struct sg_stats *each = calloc(cpus, sizeof(*each)), sum = {};
	__u32 zero = 0;

	assert_non_null(each);
	assert_int_equal(bpf_map_lookup_elem(map_fd(guard.skel->maps.sg_stats), &zero, each), 0);
	for (int cpu = 0; cpu < cpus; cpu++)
		for (size_t i = 0; i < sizeof(sum) / 8; i++)
			((__u64 *)&sum)[i] += ((__u64 *)&each[cpu])[i];
	free(each);
	return sum;
}

static inline struct sg_budget *budget(void)
{
	static struct sg_budget copy;
	__u32 zero = 0;

	assert_int_equal(bpf_map_lookup_elem(map_fd(guard.skel->maps.sg_budgets), &zero, &copy), 0);
	return &copy;
}

/* The entry of this client's connection to the IPv4 endpoint; false: none. */
static inline bool conn_of(const char *client, __u16 port, struct sg_conn *out)
{
	struct sg_conn_key key = {.client_port = htons(port), .endpoint = 1};

	key.client.w[2] = htonl(0xffff);
	inet_pton(AF_INET, client, &key.client.w[3]);
	return !bpf_map_lookup_elem(map_fd(guard.skel->maps.sg_conns), &key, out);
}

static inline __u32 conn_count(void)
{
	struct sg_conn_key key, *at = NULL;
	__u32 n = 0;

	while (!bpf_map_get_next_key(map_fd(guard.skel->maps.sg_conns), at, &key)) {
		at = &key;
		n++;
	}
	return n;
}

/* Once: privileges, namespace, two interfaces. */
static inline int prepare(void)
{
	if (geteuid()) {
		print_message("SKIP: needs root to load the BPF object\n");
		return -EPERM;
	}
	if (sg_guard_measure_hz(&guard.hz) || unshare(CLONE_NEWNET) ||
	    system("ip link add sg0 type veth peer name sg1")) {
		print_message("SKIP: no BPF, no network namespace or no veth here\n");
		return -EPERM;
	}
	guard.client_if = if_nametoindex("sg0");
	guard.ca_if = if_nametoindex("sg1");
	return 0;
}

#endif
