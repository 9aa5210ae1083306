/* SPDX-License-Identifier: GPL-2.0-only */
/* An attempt (a SYN that is no resend): look first, then take; a refusal charges nothing. */
#ifndef SG_ADMIT_BPF_H
#define SG_ADMIT_BPF_H

/* Policy of the client's address; false: deny. Sets flow->limited and flow->limits. */
static __always_inline bool sg_policy(struct sg_run *run)
{
	struct sg_prefix_key key;
	struct sg_policy *policy;

	run->flow->limited = true;
	run->flow->limits = run->live->source_default;
	if (!run->live->policies)
		return true;
	key = (struct sg_prefix_key){.prefixlen = 128, .ip = run->flow->key.client};
	policy = bpf_map_lookup_elem(&sg_prefixes, &key);
	if (!policy)
		return true;
	run->flow->limited = policy->action != SG_POLICY_EXEMPT;
	run->flow->limits = policy->limits;
	return policy->action != SG_POLICY_DENY;
}

static __always_inline struct sg_syn_bucket *sg_syn_bucket(__u64 hash)
{
	__u32 index = (__u32)hash & sg_syn_bucket_mask;

	return bpf_map_lookup_elem(&sg_syn_limiter, &index);
}

static __always_inline struct sg_refused_bucket *sg_refused_bucket(__u64 hash)
{
	__u32 index = (__u32)hash & sg_syn_bucket_mask;

	return bpf_map_lookup_elem(&sg_refused, &index);
}

/* Per-source limits, looking only. Returns a reason. */
static __always_inline __u32 sg_look_source(struct sg_run *run, __u64 hash)
{
	const struct sg_source_limits *limits = &run->flow->limits;
	struct sg_syn_bucket *bucket;
	__u64 now = run->flow->now;

	if (!run->flow->limited)
		return SG_REASON_ADMITTED;
	bucket = sg_syn_bucket(hash);
	if (bucket && !sg_bucket_may(bucket, sg_source_fingerprint(hash), limits, (__u32)now) &&
	    !sg_source_proven(run->src, limits, SG_TIMES, now))
		return SG_REASON_SOURCE_RATE;
	if (run->src && limits->connections && run->src->connections >= (__s32)limits->connections)
		return SG_REASON_SOURCE_CONNECTIONS;
	return SG_REASON_ADMITTED;
}

/* Remember that this priority asked in vain; seldom written, so that a flood shares a clean line. */
static __always_inline void sg_note_asked(struct sg_run *run, __u32 priority)
{
	__u64 *asked =
		&run->budget->asked[priority < SG_PRIORITY_MAX_ ? priority : SG_PRIORITY_OTHER];

	if (run->flow->now - *asked > SG_TIMES->asked_recent / 4)
		*asked = run->flow->now;
}

/* Can this SYN carry a RST to the CA for that connection? Nothing in it may keep it from arriving:
 * options a router refuses, a fragment that is never put together.
 */
static __always_inline bool sg_carries(const struct sg_run *run, const struct sg_conn *old,
				       const struct sg_conn_key *key)
{
	const struct sg_packet *pkt = &run->flow->pkt;

	return old->family == pkt->family && key->endpoint == run->flow->key.endpoint &&
	       !pkt->fragment && pkt->l4_off - pkt->l3_off == (pkt->family == 4 ? 20 : 40);
}

/* Free this lease, if it has expired, at the CA too: this refused SYN becomes the RST of that connection.
 * Returns an XDP action, or -1 when the SYN is refused as usual.
 */
__noinline int sg_reclaim(struct xdp_md *ctx, __u32 index)
{
	struct sg_run run = {};
	struct sg_lease *lease;
	struct sg_conn *old;
	struct sg_rst *rst;
	bool carried;

	if (index >= SG_LEASES || !sg_run_again(&run, NULL))
		return -1;
	lease = &run.budget->leases[index];
	if (!sg_lease_expired(lease, run.flow->now))
		return -1;
	rst = &run.flow->rst;
	rst->src = lease->key.client;
	rst->sport = lease->key.client_port;
	rst->dst = run.flow->pkt.dst;
	rst->dport = run.flow->pkt.dport;
	old = bpf_map_lookup_elem(&sg_conns, &lease->key);
	if (!old || old->generation != lease->generation || old->lease != index) {
		sg_lease_return(run.budget, index, lease->generation);
		sg_count(&run, SG_COUNTER_RECLAIM_UNSENT);
		return -1;
	}
	carried = sg_carries(&run, old, &lease->key);
	/* Another SYN may carry it; but not for ever, if none of its kind comes. */
	if (!carried && run.flow->now < lease->expires + run.svc->life_ticks)
		return -1;
	rst->seq = old->ca.known ? old->ca.ack : old->client.isn + 1;
	sg_conn_finish(old, run.flow->now);
	if (!carried) {
		sg_count(&run, SG_COUNTER_RECLAIM_UNSENT);
		return -1;
	}
	rst->ack = 0;
	rst->flags = SG_TCP_RST;
	rst->turn = false;
	sg_count(&run, SG_COUNTER_RECLAIMED);
	sg_event_tell(old, SG_EVENT_RECLAIMED, 0, 0, 1);
	return sg_frame_rst(ctx) ? XDP_PASS : XDP_DROP;
}

/* Observe: the *would* book lets an expired lease go, and its place. The connection goes on as it is. */
__noinline int sg_lapse(__u32 index)
{
	struct sg_run run = {};
	struct sg_lease *lease;
	struct sg_conn *old;

	if (index >= SG_LEASES || !sg_run_again(&run, NULL))
		return 0;
	lease = &run.budget->leases[index];
	if (!sg_lease_expired(lease, run.flow->now))
		return 0;
	old = bpf_map_lookup_elem(&sg_conns, &lease->key);
	if (old && old->generation == lease->generation)
		old->lease = SG_NO_LEASE;
	sg_place_event(run.flow->service, lease->place, SG_PLACE_EV_ENDED, run.flow->now);
	sg_lease_return(run.budget, index, lease->generation);
	return 0;
}

/* Could looking at one lease help the next one? */
static __always_inline bool sg_refused_for_room(__u32 reason)
{
	return reason == SG_REASON_SLOTS || reason == SG_REASON_SLOTS_RESERVED ||
	       reason == SG_REASON_WINDOW_UNSETTLED || reason == SG_REASON_SOURCE_CONNECTIONS;
}

/* Count a refusal and act on it. Returns the XDP action. */
__noinline int sg_refuse(struct xdp_md *ctx, __u32 priority, __u32 reason)
{
	struct sg_run run = {};
	__u32 lease = SG_NO_LEASE;
	__u64 *counter;
	int action;

	if (!sg_run_again(&run, NULL))
		return XDP_PASS;
	priority = sg_bound(priority, SG_PRIORITY_MAX_, SG_PRIORITY_OTHER);
	reason = sg_bound(reason, SG_REASON_MAX_, SG_REASON_WINDOW);
	counter = sg_polices(&run) ? &run.stats->verdicts[priority][reason]
				   : &run.stats->would[priority][reason];
	if (sg_event_sampled(&run, (*counter)++))
		sg_event_tell(NULL, SG_EVENT_REFUSED, priority, reason, run.live->sample_mask + 1);
	if (sg_refused_for_room(reason))
		lease = sg_budget_suspect(run.budget, run.svc, reason, run.flow->now);
	if (!sg_polices(&run)) {
		sg_lapse(lease);
		sg_syn_sent(ctx, &run);
		return XDP_PASS;
	}
	if (lease < SG_LEASES) {
		action = sg_reclaim(ctx, lease);
		if (action >= 0)
			return action;
	}
	return run.svc->refuse_reset ? sg_answer_rst(ctx, run.flow) : XDP_DROP;
}

/* A known source has its mark (core/known.h): of one just made it is set, of the others looked after. */
static __always_inline void sg_source_mark(__u64 hash, bool made)
{
	struct sg_refused_bucket *bucket = sg_refused_bucket(hash);

	if (bucket && (made || !sg_known_may(sg_read_once(bucket->known), hash)))
		sg_known_mark(&bucket->known, hash);
}

/* The source's entry, made if there is none. */
static __always_inline struct sg_source *sg_source_make(struct sg_run *run, __u64 hash)
{
	struct sg_source *src = bpf_map_lookup_elem(&sg_sources, &run->flow->source), *blank;
	__u32 zero = 0;

	if (src) {
		sg_source_mark(hash, false);
		return src;
	}
	blank = bpf_map_lookup_elem(&sg_blank_source, &zero);
	if (!blank || bpf_map_update_elem(&sg_sources, &run->flow->source, blank, BPF_NOEXIST))
		sg_count(run, SG_COUNTER_SOURCE_MAP_FULL);
	sg_source_mark(hash, true);
	return bpf_map_lookup_elem(&sg_sources, &run->flow->source);
}

/* Charge the source of an admitted attempt. */
__noinline int sg_charge_source(__u64 hash)
{
	struct sg_run run = {};
	struct sg_syn_bucket *bucket = sg_syn_bucket(hash);

	if (!bucket || !sg_run_again(&run, NULL))
		return 0;
	if (sg_bucket_charge(bucket, sg_source_fingerprint(hash), &run.flow->limits,
			     (__u32)run.flow->now))
		sg_count(&run, SG_COUNTER_SOURCE_EVICTED);
	return 0;
}

/* Make the entry of an admitted attempt: flow->ask and flow->grant. */
__noinline int sg_admitted(struct xdp_md *ctx, __u64 hash)
{
	const struct sg_grant *grant;
	const struct sg_ask *ask;
	struct sg_run run = {};
	struct sg_conn *conn;

	if (!sg_run_again(&run, NULL))
		return 0;
	ask = &run.flow->ask;
	grant = &run.flow->grant;
	sg_syn_sent(ctx, &run);
	run.conn = bpf_map_lookup_elem(&sg_conns, &run.flow->key);
	run.src = sg_source_make(&run, hash);
	if (run.src)
		sg_source_admitted(run.src, ask->priority, run.flow->now);
	conn = sg_conn_blank(&run, ask->generation);
	if (!conn)
		return 0;
	sg_conn_open(conn, &run.flow->pkt, run.flow->now);
	sg_conn_syn_look(conn, &run.flow->pkt, &run.flow->look, false);
	conn->place = grant->place;
	conn->lease = grant->lease;
	conn->priority = ask->priority;
	conn->reason = grant->reason;
	conn->flags |= run.src ? SG_CONN_SOURCE : 0;
	sg_path_note(ctx, &conn->client.path, &run);
	if (sg_conn_insert(&run, conn))
		return 0;
	/* Untracked: its slot would never be seen to end. */
	if (run.src)
		__sync_fetch_and_sub(&run.src->connections, 1);
	sg_lease_return(run.budget, grant->lease, ask->generation);
	return 0;
}

/* Look at everything; a reason that admits means: go and take. A known source's own limits come first: one that
 * would fail them must not count as asking for a turn, in which all others would wait for it.
 */
static __always_inline __u32 sg_look(struct sg_run *run, __u64 hash)
{
	struct sg_ask *ask = &run->flow->ask;
	__u32 reason;

	if (!sg_policy(run))
		return SG_REASON_DENIED;
	if (run->src) {
		reason = sg_look_source(run, hash);
		if (!sg_reason_admits(reason))
			return reason;
	}
	ask->now = run->flow->now;
	ask->police = sg_polices(run);
	ask->police_since = run->live->police_since;
	reason = sg_budget_look(run->budget, run->svc, SG_TIMES, ask);
	if (!sg_reason_admits(reason)) {
		if (reason != SG_REASON_CA_DEAF)
			sg_note_asked(run, ask->priority);
		return reason;
	}
	return run->src ? SG_REASON_ADMITTED : sg_look_source(run, hash);
}

/* Take place and slot. Returns the reason. */
__noinline int sg_take_place(void)
{
	struct sg_run run = {};
	struct sg_flow *flow;

	if (!sg_run_again(&run, NULL))
		return SG_REASON_ADMITTED;
	flow = run.flow;
	flow->ask.key = flow->key;
	flow->ask.generation = sg_generation_next();
	bpf_spin_lock(&run.budget->lock);
	sg_budget_take(run.budget, run.svc, SG_TIMES, &flow->ask, &flow->grant);
	bpf_spin_unlock(&run.budget->lock);
	return flow->grant.reason;
}

/* Nearly every refusal of a flood: counted, dropped, and nothing else to do. False: sg_refuse() it. */
static __always_inline bool sg_drop(const struct sg_run *run, __u32 priority, __u32 reason)
{
	__u64 *counter;

	if (!sg_polices(run) || run->svc->refuse_reset || sg_refused_for_room(reason))
		return false;
	priority = sg_bound(priority, SG_PRIORITY_MAX_, SG_PRIORITY_OTHER);
	reason = sg_bound(reason, SG_REASON_MAX_, SG_REASON_WINDOW);
	counter = &run->stats->verdicts[priority][reason];
	if (sg_event_sampled(run, *counter))
		return false;
	(*counter)++;
	return true;
}

/* Whom this SYN competes as; finds the source's entry, if it is known. An unknown source that was refused
 * before and comes again is "seen, not useful" (core/refused.h).
 */
static __always_inline __u32 sg_predict(struct sg_run *run, __u64 hash)
{
	const struct sg_refused_bucket *bucket = sg_refused_bucket(hash);
	__u32 found;

	run->flow->noted = true;
	run->src = NULL;
	if (!bucket)
		return SG_PRIORITY_BOOTSTRAP;
	if (sg_known_may(sg_read_once(bucket->known), hash))
		run->src = bpf_map_lookup_elem(&sg_sources, &run->flow->source);
	if (run->src)
		return sg_source_predict(run->src, SG_TIMES, run->flow->now);
	found = sg_refused_look(bucket, sg_source_fingerprint(hash), SG_TIMES, run->flow->now);
	run->flow->noted = found & SG_REFUSED_NOTED;
	return found & SG_REFUSED_BEFORE ? SG_PRIORITY_ROLLOVER : SG_PRIORITY_BOOTSTRAP;
}

/* Remember that an unknown source was refused for want of room. */
__noinline int sg_note_refused(__u64 hash, __u64 now)
{
	struct sg_refused_bucket *bucket = sg_refused_bucket(hash);

	if (bucket)
		sg_refused_note(bucket, sg_source_fingerprint(hash), SG_TIMES, now);
	return 0;
}

/* Decide an attempt and act. */
static __always_inline int sg_attempt(struct xdp_md *ctx, struct sg_run *run)
{
	struct sg_ask *ask = &run->flow->ask;
	__u32 reason, priority;
	__u64 hash;

	sg_run_source(run, &run->flow->pkt.src);
	/* Of another load it was never set. */
	if (sg_may_intercept())
		ask->spread = false;
	hash = sg_source_hash(&run->flow->source.ip, run->live->hash_key);
	ask->priority = sg_predict(run, hash);
	reason = sg_look(run, hash);
	if (sg_reason_admits(reason))
		reason = sg_take_place();
	if (!sg_reason_admits(reason)) {
		if (!run->flow->noted && reason != SG_REASON_DENIED)
			sg_note_refused(hash, run->flow->now);
		return sg_drop(run, ask->priority, reason) ? XDP_DROP
							   : sg_refuse(ctx, ask->priority, reason);
	}
	priority = sg_bound(ask->priority, SG_PRIORITY_MAX_, SG_PRIORITY_OTHER);
	reason = sg_bound(reason, SG_REASON_MAX_, SG_REASON_ADMITTED);
	if (run->flow->limited)
		sg_charge_source(hash);
	sg_admitted(ctx, hash);
	(*(sg_polices(run) ? &run->stats->verdicts[priority][reason]
			   : &run->stats->would[priority][reason]))++;
	if (reason == SG_REASON_FEELER)
		sg_count(run, SG_COUNTER_FEELERS);
	return XDP_PASS;
}

#endif
