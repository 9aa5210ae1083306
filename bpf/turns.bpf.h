/* SPDX-License-Identifier: GPL-2.0-only */
/* What the daemon's turnkeeper asks of the program: place and slot for a held connection, by the same code and under the
 * same lock as XDP; and an end for one whose time is over.
 */
#ifndef SG_TURNS_BPF_H
#define SG_TURNS_BPF_H

/* May the source of this frame have one more connection? Its rate was looked at when the request came. */
static __always_inline bool sg_turn_source_may(const struct sg_live *live,
					       const struct sg_frame *frame)
{
	struct sg_source_key key = {.service = frame->service};
	const struct sg_source *src;

	key.ip = sg_source_mask(&frame->key.client, live->ipv4_mask, live->ipv6_prefix);
	src = bpf_map_lookup_elem(&sg_sources, &key);
	return !src || !frame->connections || src->connections < (__s32)frame->connections;
}

/* Has the CA answered its question meanwhile? Then it takes no turn: the guard answers it. */
static __always_inline bool sg_turn_answered(const struct sg_service *svc,
					     const struct sg_frame *frame, __u64 now)
{
	const struct sg_intercept *ic = sg_intercept_of(frame->service);
	const struct sg_question *q = NULL;

	if (frame->question && !frame->canary)
		q = sg_question_slot(frame->service, frame->question);
	return q && ic &&
	       sg_question_look(q, ic, svc->answer_ttl_ticks, SG_TIMES, svc->ca_window_ticks,
				frame->source_hash, now) != SG_QUESTION_ASK;
}

/* Is its question being asked by another? */
static __always_inline bool sg_turn_waits(const struct sg_frame *frame, __u64 now)
{
	const struct sg_intercept *ic = sg_intercept_of(frame->service);

	return ic && sg_asking_waits(ic, frame->question, SG_TIMES, now);
}

/* What was taken is its own now, if nothing has happened to it in between. */
static __always_inline void sg_turn_grant(struct sg_budget *budget, struct sg_frame *frame,
					  const struct sg_ask *ask, const struct sg_grant *grant,
					  struct sg_turn_call *call)
{
	frame->place = grant->place;
	frame->lease = grant->lease;
	frame->reason = grant->reason;
	frame->generation = ask->generation;
	if (sg_frame_leave(frame, SG_FRAME_GRANTED)) {
		call->done = sg_read_once(frame->ticket) == call->ticket;
		/* The slot was given back and taken again in between: this one's client asks again. */
		if (!call->done)
			sg_frame_free(call->frame, sg_read_once(frame->ticket));
		return;
	}
	/* The client's own segment was admitted, or ended it, in between: the place is lost, the slot is not. */
	sg_lease_return(budget, grant->lease, ask->generation);
}

SEC("syscall")
int sg_turn(struct sg_turn_call *call)
{
	struct sg_ask ask = {.police = true};
	struct sg_grant grant = {};
	struct sg_budget *budget;
	struct sg_service *svc;
	struct sg_frame *frame;
	struct sg_live *live;
	__u32 zero = 0, service;

	call->done = 0;
	call->waits = 0;
	call->reason = SG_REASON_ADMITTED;
	frame = sg_frame_of(call->frame, call->ticket);
	live = bpf_map_lookup_elem(&sg_live, &zero);
	if (!frame || !live || frame->state != SG_FRAME_WAITING)
		return 0;
	service = frame->service;
	svc = bpf_map_lookup_elem(&sg_services, &service);
	budget = bpf_map_lookup_elem(&sg_budgets, &service);
	if (!svc || !budget)
		return 0;
	ask.now = sg_now_ticks();
	if (sg_turn_answered(svc, frame, ask.now)) {
		call->done = 1;
		return 0;
	}
	call->waits = sg_turn_waits(frame, ask.now);
	if (call->waits)
		return 0;
	if (!sg_turn_source_may(live, frame)) {
		call->reason = SG_REASON_SOURCE_CONNECTIONS;
		return 0;
	}
	ask.key = frame->key;
	ask.police_since = live->police_since;
	ask.priority = frame->priority;
	ask.generation = sg_generation_next();
	ask.spread = sg_class_spreads(service, ask.priority, ask.now);
	bpf_spin_lock(&budget->lock);
	sg_budget_take(budget, svc, SG_TIMES, &ask, &grant);
	bpf_spin_unlock(&budget->lock);
	call->reason = grant.reason;
	if (!sg_reason_admits(grant.reason)) {
		/* It goes on asking, for the turns of lower classes. */
		if (grant.reason != SG_REASON_CA_DEAF)
			budget->asked[sg_bound(ask.priority, SG_PRIORITY_MAX_, SG_PRIORITY_OTHER)] =
				ask.now;
		return 0;
	}
	sg_turn_grant(budget, frame, &ask, &grant, call);
	return 0;
}

SEC("syscall")
int sg_expire(struct sg_expire_call *call)
{
	struct sg_frame *frame = sg_frame_of(call->frame, call->ticket);
	struct sg_stats *stats;
	__u32 service;

	call->done = 0;
	if (!frame || (frame->state != SG_FRAME_WAITING &&
		       (frame->state != SG_FRAME_GRANTED || frame->deadline > sg_now_ticks())))
		return 0;
	service = frame->service;
	stats = bpf_map_lookup_elem(&sg_stats, &service);
	call->done = sg_frame_free(call->frame, call->ticket);
	if (stats && call->done)
		stats->counters[SG_COUNTER_HELD_EXPIRED]++;
	return 0;
}

#endif
