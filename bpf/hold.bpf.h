/* SPDX-License-Identifier: GPL-2.0-only */
/* First segments of connections, stored: of those that wait for a turn, and of those whose SYN is on its way. A slot has
 * one owner: who moved its ticket from 0. Its state moves by compare-and-swap; who moves it out of WAITING takes
 * it out of what counts the waiting, too.
 */
#ifndef SG_HOLD_BPF_H
#define SG_HOLD_BPF_H

/* Slots looked at for a free one. All taken: as good as full. */
#define SG_FRAME_TRIES 16

static __always_inline struct sg_frame *sg_frame_slot(__u32 index)
{
	return bpf_map_lookup_elem(&sg_frames, &index);
}

/* The slot `index`, if it is still the one with this ticket. */
static __always_inline struct sg_frame *sg_frame_of(__u32 index, __u64 ticket)
{
	struct sg_frame *frame = index == SG_NO_FRAME ? NULL : sg_frame_slot(index);

	return frame && ticket && sg_read_once(frame->ticket) == ticket ? frame : NULL;
}

static __always_inline struct sg_intercept *sg_intercept_of(__u32 service)
{
	return bpf_map_lookup_elem(&sg_intercepts, &service);
}

/* How many frames of sources with this hash are held. */
static __always_inline __u32 *sg_held_by_source(__u64 source_hash)
{
	__u32 index = (__u32)(source_hash >> 16) & ((1 << SG_HELD_BY_BITS) - 1);

	return bpf_map_lookup_elem(&sg_held_by, &index);
}

/* Count it in (1) or out (-1). Returns how many waited before with its priority. */
static __always_inline __s32 sg_frame_count(const struct sg_frame *frame, int by)
{
	__s32 before = 0;
	struct sg_intercept *ic = sg_intercept_of(frame->service);
	__u32 *held = sg_held_by_source(frame->source_hash), priority;

	priority = sg_bound(frame->priority, SG_PRIORITY_MAX_, SG_PRIORITY_OTHER);
	if (ic)
		before = __sync_fetch_and_add(&ic->waiting[priority], by);
	if (held)
		__sync_fetch_and_add(held, by);
	return before;
}

/* Forget which slot the connection has, if it is this one. */
static __always_inline void sg_waiting_forget(const struct sg_conn_key *key, __u64 ticket)
{
	const struct sg_waiting *waiting = bpf_map_lookup_elem(&sg_waiting, key);

	if (waiting && waiting->ticket == ticket)
		bpf_map_delete_elem(&sg_waiting, key);
}

/* Take a frame out of WAITING into `state`. True for the one who did it. */
static __always_inline bool sg_frame_leave(struct sg_frame *frame, __u32 state)
{
	if (__sync_val_compare_and_swap(&frame->state, SG_FRAME_WAITING, state) != SG_FRAME_WAITING)
		return false;
	sg_frame_count(frame, -1);
	return true;
}

/* Nobody came for the turn: its slot goes back, its place is lost. */
static __always_inline bool sg_frame_ungrant(struct sg_frame *frame)
{
	struct sg_budget *budget;
	__u32 service = frame->service;

	if (__sync_val_compare_and_swap(&frame->state, SG_FRAME_GRANTED, SG_FRAME_FREE) !=
	    SG_FRAME_GRANTED)
		return false;
	budget = bpf_map_lookup_elem(&sg_budgets, &service);
	if (budget)
		sg_lease_return(budget, frame->lease, frame->generation);
	return true;
}

/* Give a slot back, in whatever state it is. */
__noinline int sg_frame_free(__u32 index, __u64 ticket)
{
	struct sg_frame *frame = sg_frame_of(index, ticket);
	struct sg_conn_key key;

	if (!frame)
		return 0;
	if (!sg_frame_leave(frame, SG_FRAME_FREE) && !sg_frame_ungrant(frame))
		frame->state = SG_FRAME_FREE;
	key = frame->key;
	sg_waiting_forget(&key, ticket);
	__sync_val_compare_and_swap(&frame->ticket, ticket, 0);
	return 1;
}

/* Has its time passed so long ago that nobody, daemon or client, will come for it? */
static __always_inline bool sg_frame_stale(const struct sg_frame *frame,
					   const struct sg_service *svc, __u64 now)
{
	if (frame->state == SG_FRAME_WAITING || frame->state == SG_FRAME_GRANTED)
		return frame->deadline + SG_TIMES->turnkeeper_stale < now;
	return frame->since + svc->hold_ticks + svc->life_ticks < now;
}

/* Find a free slot, and give it a ticket. A stale one is freed on the way, for the next. SG_NO_FRAME: none. */
__noinline __u32 sg_frame_take(__u64 ticket, __u64 now)
{
	struct sg_service *svc;
	struct sg_frame *frame;
	__u32 index, service;
	__u64 old;

	for (__u32 i = 0; i < SG_FRAME_TRIES; i++) {
		index = ((__u32)ticket * SG_FRAME_TRIES + i) & sg_frame_mask;
		frame = sg_frame_slot(index);
		if (!frame)
			return SG_NO_FRAME;
		old = sg_read_once(frame->ticket);
		if (!old && !__sync_val_compare_and_swap(&frame->ticket, 0, ticket))
			return index;
		service = frame->service;
		svc = bpf_map_lookup_elem(&sg_services, &service);
		if (old && svc && sg_frame_stale(frame, svc, now))
			sg_frame_free(index, old);
	}
	return SG_NO_FRAME;
}

static __always_inline __u64 sg_ticket_next(void)
{
	__u32 zero = 0;
	__u64 *next = bpf_map_lookup_elem(&sg_ticket, &zero);

	return next ? __sync_fetch_and_add(next, 1) + 1 : 0;
}

/* Sums of the frame at hand, from the one of all of TCP: that of its payload, and, if the checksum was only begun, the
 * finished one, for what is injected is not finished by anybody.
 */
static __always_inline void sg_frame_sums(struct xdp_md *ctx, const struct sg_run *run,
					  struct sg_frame *frame)
{
	const struct sg_packet *pkt = &run->flow->pkt;
	__u32 header = pkt->payload_off - pkt->l4_off, at = pkt->l4_off + 16;
	__u32 all = (__u32)sg_frame_sum(ctx, pkt->l4_off, header + pkt->payload_len);
	__u32 less = (__u32)sg_frame_sum(ctx, pkt->l4_off, header);

	frame->payload_sum = sg_sum_fold((all & 0xffff) + (~less & 0xffff));
	frame->partial = run->flow->look.partial;
	asm volatile("" : "+r"(at));
	if (!frame->partial || at > SG_HEAD_BYTES + 16)
		return;
	all = ~all;
	frame->frame[at] = all & 0xff;
	frame->frame[at + 1] = all >> 8 & 0xff;
}

/* Copy the frame at hand, and where its payload is. False: too long. */
static __always_inline bool sg_frame_copy(struct xdp_md *ctx, const struct sg_run *run,
					  struct sg_frame *frame)
{
	const struct sg_packet *pkt = &run->flow->pkt;
	__u32 len = pkt->payload_off + pkt->payload_len;

	asm volatile("" : "+r"(len));
	if (len < 14 || len > SG_FRAME_MAX || bpf_xdp_load_bytes(ctx, 0, frame->frame, len))
		return false;
	frame->len = len;
	frame->payload_off = pkt->payload_off;
	frame->payload_len = pkt->payload_len;
	sg_frame_sums(ctx, run, frame);
	frame->seq = pkt->seq;
	frame->ack = pkt->ack;
	frame->ifindex = run->flow->ifindex;
	frame->family = pkt->family;
	return true;
}

/* The learned question with this hash, or NULL. */
static __always_inline struct sg_question *sg_question_slot(__u32 service, __u64 hash)
{
	__u32 index = service * SG_QUESTION_BUCKETS + (__u32)(hash % SG_QUESTION_BUCKETS), slot;
	struct sg_question_bucket *bucket = bpf_map_lookup_elem(&sg_questions, &index);
	const struct sg_intercept *ic = sg_intercept_of(service);

	if (!bucket || !ic)
		return NULL;
	slot = sg_question_find(bucket, hash, ic->epoch);
	asm volatile("" : "+r"(slot));
	return slot < SG_QUESTION_SLOTS ? &bucket->slot[slot] : NULL;
}

/* What a frame is, beside its bytes. */
static __always_inline void sg_frame_fill(const struct sg_run *run, struct sg_frame *frame,
					  const struct sg_conn *conn)
{
	const struct sg_flow *flow = run->flow;

	frame->key = flow->key;
	frame->service = flow->service;
	frame->request_class = conn->client.request_class;
	frame->priority = flow->ask.priority;
	frame->question = flow->question;
	frame->source_hash = flow->source_hash;
	frame->canary = flow->canary;
	frame->connections = flow->limited ? flow->limits.connections : 0;
	frame->since = flow->now;
	frame->deadline = flow->now + run->svc->hold_ticks;
	if (flow->held_since) {
		frame->since = flow->held_since;
		frame->deadline = flow->held_until;
	}
	frame->asked_since = flow->asked_since;
}

/* Hold the frame at hand in a slot of its own. conn: what was read of it. Returns the index, and its ticket in
 * flow->ticket; or SG_NO_FRAME.
 */
__noinline __u32 sg_frame_store(struct xdp_md *ctx, const struct sg_conn *conn)
{
	struct sg_run run = {};
	struct sg_frame *frame;
	__u64 ticket;
	__u32 index;

	if (!conn || !sg_run_again(&run, NULL))
		return SG_NO_FRAME;
	run.flow->ticket = 0;
	ticket = sg_ticket_next();
	index = ticket ? sg_frame_take(ticket, run.flow->now) : SG_NO_FRAME;
	frame = sg_frame_of(index, ticket);
	if (!frame)
		return SG_NO_FRAME;
	sg_frame_fill(&run, frame, conn);
	if (!sg_frame_copy(ctx, &run, frame)) {
		__sync_val_compare_and_swap(&frame->ticket, ticket, 0);
		return SG_NO_FRAME;
	}
	run.flow->ticket = ticket;
	frame->state = SG_FRAME_WAITING;
	return index;
}

/* Store the frame of an admitted request. Those have slots of their own behind the held ones, as many as leases: nobody
 * who waits can take the room of one who goes. Returns the index, and its ticket in flow->ticket; or SG_NO_FRAME: it is
 * too long.
 */
__noinline __u32 sg_frame_keep(struct xdp_md *ctx, const struct sg_conn *conn, __u32 lease)
{
	__u32 index = sg_frame_mask + 1 + lease;
	struct sg_frame *frame = sg_frame_slot(index);
	struct sg_run run = {};

	if (!conn || !frame || lease >= SG_LEASES || !sg_run_again(&run, NULL))
		return SG_NO_FRAME;
	/* The one that had the lease has ended; whoever still comes for its bytes finds another ticket. */
	frame->state = SG_FRAME_SENT;
	frame->ticket = run.flow->ticket = sg_ticket_next();
	sg_frame_fill(&run, frame, conn);
	return sg_frame_copy(ctx, &run, frame) ? index : SG_NO_FRAME;
}

/* Does this source hold as many requests as it may have connections? */
static __always_inline bool sg_holds_enough(const struct sg_run *run)
{
	const __u32 *held = sg_held_by_source(run->flow->source_hash);

	return run->flow->limited && run->flow->limits.connections && held &&
	       sg_read_once(*held) >= run->flow->limits.connections;
}

/* Hold the request at hand. Returns true when it is stored; else the client's next try finds out. */
__noinline int sg_hold(struct xdp_md *ctx, const struct sg_conn *conn)
{
	struct sg_waiting waiting = {};
	struct sg_run run = {};
	struct sg_frame *frame;
	bool alone;

	if (!conn || !sg_run_again(&run, NULL) || !run.svc->hold_ticks)
		return 0;
	waiting.frame = sg_holds_enough(&run) ? SG_NO_FRAME : sg_frame_store(ctx, conn);
	waiting.ticket = run.flow->ticket;
	frame = sg_frame_of(waiting.frame, waiting.ticket);
	if (!frame) {
		sg_count(&run, SG_COUNTER_HELD_FULL);
		return 0;
	}
	/* While one of its kind waits the daemon looks every few ms anyway. */
	alone = sg_frame_count(frame, 1) <= 0;
	if (bpf_map_update_elem(&sg_waiting, &run.flow->key, &waiting, BPF_ANY)) {
		sg_frame_free(waiting.frame, waiting.ticket);
		sg_count(&run, SG_COUNTER_HELD_FULL);
		return 0;
	}
	sg_count(&run, SG_COUNTER_HELD);
	sg_event_frame(SG_EVENT_HELD, waiting.frame, waiting.ticket, alone);
	return 1;
}

/* The request of a held connection again. With more in it, or from further before, it is another one for all that the guard
 * knows: it is held anew, as what it is now, with the age of the one before. What is stored is what was read, always.
 */
__noinline int sg_hold_again(struct xdp_md *ctx, const struct sg_conn *conn, __u32 index,
			     __u64 ticket)
{
	const struct sg_frame *frame = sg_frame_of(index, ticket);
	struct sg_run run = {};
	struct sg_packet *pkt;

	if (!conn || !frame || !sg_run_again(&run, NULL) || frame->state != SG_FRAME_WAITING)
		return 0;
	pkt = &run.flow->pkt;
	if (sg_seq_after(pkt->seq, frame->seq) ||
	    (pkt->seq == frame->seq && pkt->payload_len <= frame->payload_len))
		return 0;
	run.flow->held_since = frame->since;
	run.flow->held_until = frame->deadline;
	run.flow->asked_since = frame->asked_since;
	if (sg_frame_free(index, ticket))
		sg_hold(ctx, conn);
	run.flow->held_since = 0;
	return 1;
}

/* May this class use what it has to keep free for better ones, spread evenly (core/budget.h)? Here those come first one by
 * one, so they need no more than a place soon. What begins an enrolment may; a GetNextCACert only while the CA hands the shadow
 * certificate out.
 */
static __always_inline bool sg_class_spreads(__u32 service, __u32 priority, __u64 now)
{
	const struct sg_intercept *ic = sg_intercept_of(service);

	if (priority == SG_PRIORITY_BOOTSTRAP)
		return true;
	return priority == SG_PRIORITY_ROLLOVER && ic && sg_shadow_ready(ic, SG_TIMES, now);
}

/* How long it waited. */
static __always_inline void sg_waited(struct sg_run *run, const struct sg_frame *frame)
{
	static const __u32 bounds_ms[SG_LATENCY_BUCKETS] = SG_LATENCY_BOUNDS_MS;
	__u64 took = (run->flow->now - frame->since) * sg_tick_ns;
	__u32 bucket = 0;

	for (__u32 i = 0; i < SG_LATENCY_BUCKETS; i++)
		bucket += took > (__u64)bounds_ms[i] * 1000000;
	run->stats->waited[sg_bound(bucket, SG_LATENCY_BUCKETS + 1, 0)]++;
	run->stats->waited_sum_ns += took;
}

/* Does somebody wait whose turn it is before one of this priority, and is there a daemon that gives turns? */
static __always_inline bool sg_queue_before(const struct sg_run *run, __u32 priority)
{
	const struct sg_intercept *ic = sg_intercept_of(run->flow->service);

	if (!ic || run->flow->now > ic->turnkeeper + SG_TIMES->turnkeeper_stale)
		return false;
	for (__u32 i = 0; i < SG_PRIORITY_MAX_; i++)
		if (i <= priority && sg_read_once(ic->waiting[i]) > 0)
			return true;
	return false;
}

#endif
