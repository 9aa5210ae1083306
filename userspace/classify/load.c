// SPDX-License-Identifier: GPL-2.0-only
/* The BPF object with maps of its own: nothing is pinned or attached, and all of it is gone when the
 * process ends. Its limits are idle: none is set. Its clock is the case's.
 */
#include <arpa/inet.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "../../bpf/core/budget.h"
#include "../../bpf/core/endpoint.h"
#include "scepguard.skel.h"
#include "../util/cleanup.h"
#include "../util/log.h"

/* Entries deleted at a time. */
#define SG_EMPTY_BATCH 512

/* Seeds tried; with 64 entries in 1024 slots every tenth one fits. */
#define SG_SEED_TRIES 100000

/* BPF_PROG_TEST_RUN says that frames come in on loopback unless told otherwise. */
#define SG_TEST_RUN_IFINDEX 1

static int set_sizes(struct scepguard_bpf *skel)
{
	int err = bpf_map__set_max_entries(skel->maps.sg_conns, SG_CLASSIFY_CONNS);

	err = err ? err : bpf_map__set_max_entries(skel->maps.sg_conn_ring, SG_CLASSIFY_CONNS);
	err = err ? err : bpf_map__set_max_entries(skel->maps.sg_sources, SG_CLASSIFY_CONNS);
	err = err ? err : bpf_map__set_max_entries(skel->maps.sg_syn_limiter, 1);
	err = err ? err : bpf_map__set_max_entries(skel->maps.sg_refused, 1);
	err = err ? err : bpf_map__set_max_entries(skel->maps.sg_waiting, SG_CLASSIFY_HELD);
	err = err ? err
		  : bpf_map__set_max_entries(skel->maps.sg_frames, SG_CLASSIFY_HELD + SG_LEASES);
	return err ? err : bpf_map__set_max_entries(skel->maps.sg_events, 4096);
}

static void set_constants(struct scepguard_bpf *skel, enum sg_mode mode)
{
	struct sg_times *times = (struct sg_times *)&skel->rodata->sg_times;

#define X(name, ms, why) times->name = sg_classifier_ticks(ms * 1000000ull);
	SG_TIME_LIST(X)
#undef X
	skel->rodata->sg_test_clock = 1;
	/* Not observe: what the guard would not let through shows as dropped. */
	skel->rodata->sg_highest_mode = mode;
	skel->rodata->sg_conn_ring_mask = SG_CLASSIFY_CONNS - 1;
	skel->rodata->sg_syn_bucket_mask = 0;
	skel->rodata->sg_frame_mask = SG_CLASSIFY_HELD - 1;
}

/* Where a connection's key stands in a value of sg_flows, by the object's own description. */
static int find_key_offset(struct sg_classifier *c)
{
	const struct btf *btf = bpf_object__btf(c->skel->obj);
	const struct btf_type *flow =
		btf__type_by_id(btf, bpf_map__btf_value_type_id(c->skel->maps.sg_flows));

	for (__u32 i = 0; flow && i < btf_vlen(flow); i++) {
		const struct btf_member *member = btf_members(flow) + i;

		if (strcmp(btf__name_by_offset(btf, member->name_off), "key"))
			continue;
		c->key_offset = btf_member_bit_offset(flow, i) / 8;
		return 0;
	}
	return sg_log_refusal(-EINVAL, "the built-in BPF object does not describe its maps");
}

static int alloc_flows(struct sg_classifier *c)
{
	const int cpus = libbpf_num_possible_cpus();

	if (cpus < 0)
		return cpus;
	c->flow_size = (bpf_map__value_size(c->skel->maps.sg_flows) + 7) & ~7u;
	if (c->cpu >= (__u32)cpus || c->key_offset + sizeof(struct sg_conn_key) > c->flow_size)
		return -ERANGE;
	c->flows = calloc((size_t)cpus, c->flow_size);
	return c->flows ? 0 : -ENOMEM;
}

int sg_classifier_load(struct sg_classifier *c)
{
	int err;

	c->skel = scepguard_bpf__open();
	if (!c->skel)
		return sg_log_err(-errno, "cannot open the built-in BPF object");
	err = set_sizes(c->skel);
	if (err)
		return sg_log_err(err, "cannot size the tables");
	set_constants(c->skel, c->mode);
	sg_classifier_steps_select(c->skel, c->mode);
	err = scepguard_bpf__load(c->skel);
	if (err)
		return sg_log_err(err, "the kernel refuses the guard's program%s",
				  err == -EPERM || err == -EACCES
					  ? ": run as root, or with CAP_BPF and CAP_NET_ADMIN"
					  : " (Linux 6.1 or later is needed)");
	c->program_fd = bpf_program__fd(c->skel->progs.scepguard);
	c->conns_fd = bpf_map__fd(c->skel->maps.sg_conns);
	c->flows_fd = bpf_map__fd(c->skel->maps.sg_flows);
	err = find_key_offset(c);
	err = err ? err : sg_classifier_steps_fill(c);
	return err ? err : alloc_flows(c);
}

void sg_classifier_unload(struct sg_classifier *c)
{
	sg_classifier_steps_unload(c);
	scepguard_bpf__destroy(c->skel);
	free(c->fresh);
	c->skel = NULL;
	c->fresh = NULL;
}

static int write_first(const struct bpf_map *map, const void *value)
{
	__u32 zero = 0;

	return bpf_map_update_elem(bpf_map__fd(map), &zero, value, BPF_ANY) ? -errno : 0;
}

static bool listed(const struct sg_endpoint *list, size_t count, const struct sg_endpoint *ep)
{
	for (size_t i = 0; i < count; i++)
		if (sg_endpoint_is(&list[i], &ep->ip, ep->port))
			return true;
	return false;
}

/* Where the CA is: with a capture of both sides wherever its address is. Else nowhere; in intercept somewhere all the same,
 * for without it nothing is intercepted: only the CA that is played has this MAC address.
 */
static void place_ca(const struct sg_classifier *c, struct sg_endpoint *ep)
{
	static const __u8 played[6] = SG_PLAYED_MAC;

	ep->ca_ifindex = c->both_sides || c->mode == SG_MODE_INTERCEPT ? SG_TEST_RUN_IFINDEX : 0;
	if (c->both_sides || !ep->ca_ifindex)
		return;
	ep->one_armed = 1;
	ep->mac_known = 1;
	memcpy(ep->ca_mac, played, sizeof(ep->ca_mac));
}

/* Each endpoint, and one of port 0 for each address (for fragments). */
static void list_endpoints(struct sg_classifier *c, const struct sg_classify_service *services,
			   size_t count)
{
	for (size_t i = 0; i < 2 * count; i++) {
		struct sg_endpoint ep = {.used = 1, .id = (__u16)(c->endpoint_count + 1)};

		memcpy(&ep.ip, services[i / 2].addr.b, sizeof(ep.ip));
		ep.port = i % 2 ? 0 : htons(services[i / 2].port);
		place_ca(c, &ep);
		if (!listed(c->endpoints, c->endpoint_count, &ep))
			c->endpoints[c->endpoint_count++] = ep;
	}
}

/* A seed for which no two endpoints share a slot. Returns false when there is none. */
static bool find_seed(const struct sg_endpoint *list, size_t count, __u32 *seed)
{
	for (*seed = 0; *seed < SG_SEED_TRIES; ++*seed) {
		bool taken[SG_ENDPOINT_SLOTS] = {false};
		size_t i;

		for (i = 0; i < count; i++) {
			__u32 slot = sg_endpoint_slot(&list[i].ip, list[i].port, *seed);

			if (taken[slot])
				break;
			taken[slot] = true;
		}
		if (i == count)
			return true;
	}
	return false;
}

static int write_endpoints(struct sg_classifier *c, __u32 *seed)
{
	const int fd = bpf_map__fd(c->skel->maps.sg_endpoints);

	if (!find_seed(c->endpoints, c->endpoint_count, seed))
		return -ENOSPC;
	for (size_t i = 0; i < c->endpoint_count; i++) {
		const struct sg_endpoint *ep = &c->endpoints[i];
		__u32 slot = sg_endpoint_slot(&ep->ip, ep->port, *seed);

		if (bpf_map_update_elem(fd, &slot, ep, BPF_ANY))
			return -errno;
	}
	return 0;
}

/* No limit on connections at once or in a window, on sources, or by deafness. */
static int write_service(struct sg_classifier *c)
{
	struct sg_service svc = {.name = "classify", .enabled = 1};
	int err = sg_classifier_defaults(&svc);

	return err ? err : write_first(c->skel->maps.sg_services, &svc);
}

int sg_classifier_write_live(struct sg_classifier *c)
{
	return write_first(c->skel->maps.sg_live, &c->live);
}

/* In intercept it has been for long: who has no proof has no connection from before. The keys do not matter, but one case
 * has one verdict.
 */
static void make_live(struct sg_classifier *c, const struct sg_classify_service *services,
		      size_t count, __u32 seed)
{
	c->live = (struct sg_live){
		.mode_word = SG_MODE_WORD(c->mode, c->mode, 0),
		.config_mode = c->mode,
		.loaded = sg_classifier_first_tick(),
		.heartbeat = 1ull << 62,
		.endpoint_seed = {seed, seed},
		.ipv4_mask = 0xffffffff,
		.ipv6_prefix = 128,
		.sample_mask = 0xffffffff,
		.cookie_key = {{1, 2}, {3, 4}},
		.intercept_since = 1,
	};
	for (size_t i = 0; i < count; i++)
		c->live.ports |= sg_port_bit(htons(services[i].port));
}

int sg_classifier_configure(struct sg_classifier *c, const struct sg_classify_service *services,
			    size_t count)
{
	__u32 seed = 0;
	int err;

	c->fresh = malloc(sizeof(*c->fresh));
	if (!c->fresh)
		return -ENOMEM;
	sg_budget_init(c->fresh, 0, 0);
	list_endpoints(c, services, count);
	err = write_endpoints(c, &seed);
	err = err ? err : write_service(c);
	err = err ? err : write_first(c->skel->maps.sg_budgets, c->fresh);
	if (err)
		return sg_log_err(err, "cannot fill the program's tables");
	make_live(c, services, count, seed);
	err = sg_classifier_write_live(c);
	return err ? sg_log_err(err, "cannot fill the program's tables") : 0;
}

/* Delete every key of a hash map. */
static int empty_map(const struct bpf_map *map)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	_cleanup_free_ char *keys = malloc(SG_EMPTY_BATCH * bpf_map__key_size(map));
	_cleanup_free_ char *values = malloc(SG_EMPTY_BATCH * bpf_map__value_size(map));
	__u32 batch = 0, count;
	bool first = true;
	int err;

	if (!keys || !values)
		return -ENOMEM;
	do {
		count = SG_EMPTY_BATCH;
		err = bpf_map_lookup_and_delete_batch(bpf_map__fd(map), first ? NULL : &batch,
						      &batch, keys, values, &count, &opts);
		first = false;
	} while (!err);
	return err == -ENOENT ? 0 : err;
}

int sg_classifier_empty(struct sg_classifier *c)
{
	int err = empty_map(c->skel->maps.sg_conns);

	err = err ? err : empty_map(c->skel->maps.sg_sources);
	err = err ? err : empty_map(c->skel->maps.sg_waiting);
	err = err ? err : sg_classifier_steps_empty(c);
	return err ? err : write_first(c->skel->maps.sg_budgets, c->fresh);
}

int sg_classifier_generation(struct sg_classifier *c, __u64 *ret)
{
	__u32 zero = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(c->skel->maps.sg_generation), &zero, ret))
		return -errno;
	return 0;
}

/* When few are left, all leases free again; what is known of the CA stays. */
int sg_classifier_renew_leases(struct sg_classifier *c)
{
	_cleanup_free_ struct sg_budget *budget = malloc(sizeof(*budget));
	__u32 zero = 0;

	if (!budget)
		return -ENOMEM;
	if (bpf_map_lookup_elem(bpf_map__fd(c->skel->maps.sg_budgets), &zero, budget))
		return -errno;
	if (budget->free_top >= SG_RENEW_FRAMES)
		return 0;
	budget->slots_used = 0;
	budget->free_top = c->fresh->free_top;
	memcpy(budget->free_leases, c->fresh->free_leases, sizeof(budget->free_leases));
	memset(budget->leases, 0, sizeof(budget->leases));
	return write_first(c->skel->maps.sg_budgets, budget);
}
