/* SPDX-License-Identifier: GPL-2.0-only */
/* What one packet's run through the program needs from step to step, and how it counts.
 *
 * Plain data is in sg_flow (a per-CPU map value); the pointers into maps are in sg_run. Steps that
 * are rare are global functions: the verifier checks each of them once, for any arguments, and a
 * global function takes no pointer to pointers, so it fetches its own sg_run (array lookups).
 */
#ifndef SG_RUN_BPF_H
#define SG_RUN_BPF_H

struct sg_run {
	struct sg_flow *flow;
	struct sg_live *live;
	struct sg_service *svc;
	struct sg_budget *budget;
	struct sg_stats *stats;
	struct sg_conn *conn;
	struct sg_source *src;
};

/* value as an array's index below max. The barrier keeps clang from testing another copy than the one it
 * indexes with (both clangs; "max value is outside of the allowed memory range").
 */
static __always_inline __u32 sg_bound(__u32 value, __u32 max, __u32 otherwise)
{
	asm volatile("" : "+r"(value));
	return value < max ? value : otherwise;
}

/* Per CPU: only this CPU writes, packets are not interrupted by packets (NAPI), so a plain add. */
static __always_inline void sg_count(const struct sg_run *run, enum sg_counter counter)
{
	run->stats->counters[counter]++;
}

static __always_inline int sg_pass_other(enum sg_passed what)
{
	struct sg_passed_stats *stats;
	__u32 zero = 0;

	stats = bpf_map_lookup_elem(&sg_passed, &zero);
	if (stats)
		stats->packets[what]++;
	return XDP_PASS;
}

/* Police changes what happens; observe only counts. Folds to false in a program loaded for observe. */
static __always_inline bool sg_polices(const struct sg_run *run)
{
	return sg_highest_mode >= SG_MODE_POLICE && run->flow->mode >= SG_MODE_POLICE;
}

/* The live configuration. */
static __always_inline bool sg_run_configured(struct sg_run *run)
{
	__u32 zero = 0;

	run->live = bpf_map_lookup_elem(&sg_live, &zero);
	return run->live;
}

/* And the packet's data. */
static __always_inline bool sg_run_begin(struct sg_run *run)
{
	__u32 zero = 0;

	run->flow = bpf_map_lookup_elem(&sg_flows, &zero);
	return run->flow && sg_run_configured(run);
}

/* What belongs to the packet's service. */
static __always_inline bool sg_run_service(struct sg_run *run)
{
	__u32 index = run->flow->service;

	run->svc = bpf_map_lookup_elem(&sg_services, &index);
	run->budget = bpf_map_lookup_elem(&sg_budgets, &index);
	run->stats = bpf_map_lookup_elem(&sg_stats, &index);
	return run->svc && run->budget && run->stats;
}

/* For a global function: fetch everything again. */
static __always_inline bool sg_run_again(struct sg_run *run, struct sg_conn *conn)
{
	run->conn = conn;
	return sg_run_begin(run) && sg_run_service(run);
}

/* Find the endpoint (ip, port), or NULL. */
static __always_inline struct sg_endpoint *sg_endpoint_find(const struct sg_live *live,
							    const struct sg_ip *ip, __be16 port)
{
	__u32 half = live->endpoint_half & 1;
	__u32 slot =
		half * SG_ENDPOINT_SLOTS + sg_endpoint_slot(ip, port, live->endpoint_seed[half]);
	struct sg_endpoint *ep = bpf_map_lookup_elem(&sg_endpoints, &slot);

	return ep && sg_endpoint_is(ep, ip, port) ? ep : NULL;
}

/* Port and endpoint of a key, in one piece, in which the kernel's hash reads them: a load of what was stored in
 * pieces waits until they have reached the cache.
 */
static __always_inline void sg_key_port(struct sg_conn_key *key, __be16 port, __u16 endpoint)
{
	__u32 word = SG_SHORTCUT_HERE ? (__u32)endpoint << 16 | port : (__u32)port << 16 | endpoint;

	_Static_assert(sizeof(*key) == offsetof(struct sg_conn_key, client_port) + sizeof(word),
		       "port and endpoint are the last word of a key");
	/* Or clang stores the halves after all. */
	asm volatile("" : "+r"(word));
	__builtin_memcpy((__u32 *)key + 4, &word, sizeof(word));
}

/* The packet is one of this endpoint's, with this client. False: the service is switched off. */
static __always_inline bool sg_run_enter(struct sg_run *run, const struct sg_endpoint *ep,
					 const struct sg_ip *client, __be16 port)
{
	struct sg_flow *flow = run->flow;

	flow->service = ep->service;
	if (!sg_run_service(run) || !run->svc->enabled)
		return false;
	flow->ca_ifindex = ep->ca_ifindex;
	flow->now = sg_now_ticks();
	flow->mode = sg_mode_now(run->live->mode_word, flow->now);
	flow->key.client = *client;
	sg_key_port(&flow->key, port, ep->id);
	return true;
}

/* The source of this client: flow->source. */
static __always_inline void sg_run_source(struct sg_run *run, const struct sg_ip *client)
{
	struct sg_source_key *key = &run->flow->source;

	key->ip = sg_source_mask(client, run->live->ipv4_mask, run->live->ipv6_prefix);
	key->service = run->flow->service;
}

/* The entry of a connection's source. */
static __always_inline struct sg_source *sg_source_of(const struct sg_conn *conn)
{
	struct sg_source_key key = {.ip = conn->source, .service = conn->service};

	return bpf_map_lookup_elem(&sg_sources, &key);
}

/* Date a connection's place: sg_place_move() on its service's ring. */
__noinline int sg_place_event(__u32 service, __u64 number, __u32 event, __u64 now)
{
	struct sg_budget *budget = bpf_map_lookup_elem(&sg_budgets, &service);

	if (budget && number != SG_NO_PLACE)
		sg_place_move(budget->places, number, event, now);
	return 0;
}

#endif
