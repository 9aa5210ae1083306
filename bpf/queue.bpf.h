/* SPDX-License-Identifier: GPL-2.0-only */
/* Intercept: a request that is worth a connection gets one, now or in its turn. Its segment becomes the SYN to the CA, or is
 * held; when it comes again, from the client or injected by the daemon, its turn may have come.
 */
#ifndef SG_QUEUE_BPF_H
#define SG_QUEUE_BPF_H

/* A useful ask that was not served counts as age for so long. */
#define SG_ASKED_KEPT(times) (3 * (times)->useful_recent)

/* ---- Admission ---- */

/* A class for which only the beginning of the line speaks. */
static __always_inline bool sg_first_provisional(const struct sg_conn *conn)
{
	return !conn->client.line_done && conn->client.request_class == SG_REQUEST_PKIOPERATION_GET;
}

/* Whom a request of this class competes as. */
static __always_inline __u32 sg_first_priority(const struct sg_run *run, const struct sg_conn *conn,
					       __u32 class)
{
	__u32 priority = sg_request_priority(class);

	if (run->flow->canary)
		return SG_PRIORITY_ENROLMENT;
	if (run->src &&
	    (run->src->left_unfinished || (run->src->broke_word && sg_first_provisional(conn))))
		return SG_PRIORITY_OTHER;
	if (priority <= SG_PRIORITY_BOOTSTRAP && run->src &&
	    sg_source_claims(run->src, run->flow->now))
		return SG_PRIORITY_IN_PROGRESS;
	return priority;
}

/* The entry of an admitted request: what was read of it, and what it was given. */
static __always_inline void sg_first_fill(struct xdp_md *ctx, struct sg_run *run,
					  struct sg_conn *conn, const struct sg_grant *grant)
{
	const struct sg_intercept *ic = sg_intercept_of(run->flow->service);
	struct sg_packet *pkt = &run->flow->pkt;

	/* A 404 that is overtaken by a 200 teaches nothing. */
	conn->splice.epoch = ic ? sg_read_once(ic->epoch) : 0;
	conn->state = SG_CONN_SYN_SENT;
	conn->flags |= SG_CONN_SPLICED |
		       (run->flow->look.partial || run->flow->was_partial ? SG_CONN_PARTIAL : 0) |
		       (run->src ? SG_CONN_SOURCE : 0) |
		       (run->flow->canary     ? SG_CONN_CANARY
			: run->flow->question ? SG_CONN_ASKS
					      : 0) |
		       (sg_first_provisional(conn) ? SG_CONN_PROVISIONAL : 0);
	conn->generation = run->flow->ask.generation;
	conn->place = grant->place;
	conn->lease = grant->lease;
	conn->priority = run->flow->ask.priority;
	conn->reason = grant->reason;
	conn->source = run->flow->source.ip;
	conn->client.end = pkt->seq;
	conn->splice.question = run->flow->question;
	if (run->conn && run->conn->flags & SG_CONN_SPLICED)
		/* The same one, given up and asked anew, is not before itself. */
		conn->splice.before = run->conn->client.isn == conn->client.isn
					      ? run->conn->splice.before
					      : run->conn->client.isn;
	conn->splice.cookie = run->flow->proof.isn;
	conn->splice.mss = sg_cookie_mss(run->flow->proof.mss_index);
	conn->splice.window = pkt->window;
	conn->splice.first_end = pkt->seq + pkt->payload_len;
	conn->splice.syn_sent = run->flow->now;
	conn->splice.syns = 1;
	sg_path_note(ctx, &conn->client.path, run);
}

/* Make the entry of the request that was read last, with what flow->ask and flow->grant say. frame: its slot, or
 * SG_NO_FRAME.
 */
__noinline int sg_first_entry(struct xdp_md *ctx, __u32 frame, __u64 ticket)
{
	struct sg_run run = {};
	struct sg_conn *conn;
	__u32 zero = 0;

	if (!sg_run_again(&run, NULL))
		return 0;
	conn = bpf_map_lookup_elem(&sg_scratch, &zero);
	if (!conn)
		return 0;
	run.conn = bpf_map_lookup_elem(&sg_conns, &run.flow->key);
	run.src = sg_source_make(&run, run.flow->source_hash);
	if (run.src)
		sg_source_admitted(run.src, run.flow->ask.priority, run.flow->now);
	sg_first_fill(ctx, &run, conn, &run.flow->grant);
	conn->splice.frame = frame;
	conn->splice.ticket = ticket;
	if (conn->client.line_done) {
		conn->client.credit = 1;
		run.stats->requests[sg_bound(conn->client.request_class, SG_REQUEST_MAX_,
					     SG_REQUEST_UNDECIDED)]++;
	}
	run.conn = sg_conn_insert(&run, conn);
	if (run.conn) {
		sg_deaf_syn(&run.budget->deaf, run.flow->now);
		return 1;
	}
	if (run.src)
		__sync_fetch_and_sub(&run.src->connections, 1);
	sg_lease_return(run.budget, run.flow->grant.lease, run.flow->ask.generation);
	return 0;
}

/* The frame at hand becomes the SYN to the CA, with the client's own first number. Returns the XDP action. */
__noinline int sg_syn_send(struct xdp_md *ctx, __u32 isn, __u32 mss)
{
	struct sg_run run = {};
	struct sg_made *made;

	if (!sg_run_again(&run, NULL))
		return XDP_DROP;
	made = &run.flow->made;
	made->src = run.flow->pkt.src;
	made->dst = run.flow->pkt.dst;
	made->sport = run.flow->pkt.sport;
	made->dport = run.flow->pkt.dport;
	made->seq = isn;
	made->ack = 0;
	made->flags = SG_TCP_SYN;
	made->window = run.flow->pkt.window;
	/* A segment of less than four bytes has no room for the option; then the CA takes 536 for granted. */
	made->mss = run.flow->pkt.payload_len < 4 ? 0 : mss < run.svc->mss ? mss : run.svc->mss;
	made->payload_len = 0;
	made->payload_sum = 0;
	made->turn = false;
	return sg_make_room(ctx) && sg_make_headers(ctx) ? XDP_PASS : XDP_DROP;
}

/* Count what became of it, as police counts attempts. */
static __always_inline void sg_first_verdict(const struct sg_run *run, __u32 priority, __u32 reason)
{
	priority = sg_bound(priority, SG_PRIORITY_MAX_, SG_PRIORITY_OTHER);
	reason = sg_bound(reason, SG_REASON_MAX_, SG_REASON_WINDOW);
	run->stats->verdicts[priority][reason]++;
}

/* Tell the daemon a question in its own words: it is about to be asked. */
__noinline int sg_question_tell(struct xdp_md *ctx)
{
	struct sg_answer_event *ev;
	struct sg_run run = {};
	__u32 len;

	if (!sg_run_again(&run, NULL))
		return 0;
	ev = bpf_ringbuf_reserve(&sg_events, sizeof(*ev), 0);
	if (!ev) {
		sg_count(&run, SG_COUNTER_EVENTS_LOST);
		return 0;
	}
	sg_event_fill(&ev->event, &run, SG_EVENT_QUESTION);
	ev->event.question = run.flow->question;
	len = run.flow->pkt.payload_len;
	if (len > SG_ANSWER_HEAD)
		len = SG_ANSWER_HEAD;
	asm volatile("" : "+r"(len));
	if (len && len <= SG_ANSWER_HEAD &&
	    !bpf_xdp_load_bytes(ctx, run.flow->pkt.payload_off, ev->head, len))
		ev->event.head_bytes = len;
	bpf_ringbuf_submit(ev, sg_event_wakes(SG_EVENT_QUESTION));
	return 0;
}

/* It is about to be asked: others wait for the answer, and the daemon learns its own words. */
static __always_inline void sg_first_puts(struct xdp_md *ctx, const struct sg_run *run)
{
	struct sg_intercept *ic = sg_intercept_of(run->flow->service);

	if (ic && !run->flow->canary)
		sg_asking_begin(ic, run->flow->question, run->svc->ca_window_ticks, SG_TIMES,
				run->flow->now);
	sg_question_tell(ctx);
}

/* It goes nowhere after all: nobody waits for its answer. */
static __always_inline void sg_first_unput(const struct sg_run *run)
{
	struct sg_intercept *ic = sg_intercept_of(run->flow->service);

	if (ic && !run->flow->canary)
		sg_asking_done(ic, run->flow->question);
}

/* Admitted: flow->grant. Returns the XDP action. */
__noinline int sg_first_admit(struct xdp_md *ctx)
{
	struct sg_run run = {};
	struct sg_conn *conn;
	__u32 zero = 0, frame;
	__u64 ticket;

	conn = bpf_map_lookup_elem(&sg_scratch, &zero);
	if (!conn || !sg_run_again(&run, NULL))
		return XDP_DROP;
	frame = sg_frame_keep(ctx, conn, run.flow->grant.lease);
	if (frame == SG_NO_FRAME) {
		/* What nobody keeps nobody could compare with what the CA gets. */
		sg_lease_return(run.budget, run.flow->grant.lease, run.flow->ask.generation);
		sg_count(&run, SG_COUNTER_HELD_FULL);
		return XDP_DROP;
	}
	ticket = run.flow->ticket;
	if (run.flow->limited)
		sg_charge_source(run.flow->source_hash);
	if (run.flow->question)
		sg_first_puts(ctx, &run);
	sg_first_verdict(&run, run.flow->ask.priority, run.flow->grant.reason);
	if (run.flow->grant.reason == SG_REASON_FEELER)
		sg_count(&run, SG_COUNTER_FEELERS);
	if (run.flow->canary)
		sg_count(&run, SG_COUNTER_CANARIES);
	if (!sg_first_entry(ctx, frame, ticket)) {
		sg_first_unput(&run);
		sg_frame_free(frame, ticket);
		return XDP_DROP;
	}
	return sg_syn_send(ctx, run.flow->pkt.seq - 1, sg_cookie_mss(run.flow->proof.mss_index));
}

/* May it go on now? Looks, and takes: flow->grant. Returns the reason. */
__noinline int sg_first_ask(void)
{
	struct sg_run run = {};
	__u32 reason;

	if (!sg_run_again(&run, NULL))
		return SG_REASON_WINDOW;
	run.src = bpf_map_lookup_elem(&sg_sources, &run.flow->source);
	reason = sg_look(&run, run.flow->source_hash);
	if (sg_reason_admits(reason))
		reason = sg_take_place();
	return reason;
}

/* ---- Those that wait ---- */

/* Its turn has come, and the segment at hand is worth it: what goes to the CA is this one. Returns the XDP action, or -1:
 * it came too late, or is of a worse class than the one that was granted; it asks anew.
 */
static __always_inline int sg_first_granted(struct xdp_md *ctx, struct sg_run *run,
					    struct sg_frame *frame, __u32 index, __u64 ticket)
{
	struct sg_flow *flow = run->flow;
	const struct sg_lease *lease = &run->budget->leases[frame->lease & (SG_LEASES - 1)];

	if (flow->ask.priority > frame->priority || lease->generation != frame->generation ||
	    !lease->used || sg_lease_expired(lease, flow->now) ||
	    (frame->canary && frame->question != flow->question)) {
		sg_frame_free(index, ticket);
		return -1;
	}
	if (__sync_val_compare_and_swap(&frame->state, SG_FRAME_GRANTED, SG_FRAME_SENT) !=
	    SG_FRAME_GRANTED)
		return XDP_DROP;
	/* Its SYN goes only now. */
	sg_place_event(flow->service, frame->place, SG_PLACE_EV_SYN, flow->now);
	flow->grant.place = frame->place;
	flow->grant.lease = frame->lease;
	flow->grant.reason = frame->reason;
	flow->ask.generation = frame->generation;
	flow->ask.priority = frame->priority;
	flow->was_partial = frame->partial;
	sg_waited(run, frame);
	sg_count(run, SG_COUNTER_TURNS);
	sg_frame_free(index, ticket);
	return sg_first_admit(ctx);
}

/* A held connection's segment: it may have got its turn; its time may be over. Returns the XDP action, or -1: it may
 * try for itself.
 */
__noinline int sg_first_waiting(struct xdp_md *ctx, __u32 index, __u64 ticket)
{
	struct sg_frame *frame = sg_frame_of(index, ticket);
	struct sg_run run = {};

	if (!frame || !sg_run_again(&run, NULL))
		return -1;
	if (frame->state == SG_FRAME_GRANTED)
		return sg_first_granted(ctx, &run, frame, index, ticket);
	if (frame->state != SG_FRAME_WAITING)
		return XDP_DROP;
	if (frame->deadline < run.flow->now) {
		sg_waited(&run, frame);
		sg_count(&run, SG_COUNTER_HELD_EXPIRED);
		sg_frame_free(index, ticket);
		return sg_edge_busy(ctx);
	}
	return -1;
}

/* No room now: hold it, or keep holding it. */
static __always_inline int sg_first_hold(struct xdp_md *ctx, const struct sg_run *run,
					 const struct sg_conn *conn,
					 const struct sg_waiting *waiting)
{
	struct sg_intercept *ic = sg_intercept_of(run->flow->service);

	if (waiting->ticket)
		sg_hold_again(ctx, conn, waiting->frame, waiting->ticket);
	else if (!sg_hold(ctx, conn) && run->flow->canary && ic)
		sg_canary_done(ic);
	return XDP_DROP;
}

/* Refused for want of room: a connection whose time is over may have it. Then this segment becomes the RST that ends it at
 * the CA, as a refused SYN does in police; its client sends it again. Returns the XDP action, or -1.
 */
static __always_inline int sg_first_reclaims(struct xdp_md *ctx, struct sg_run *run, __u32 reason)
{
	__u32 lease = SG_NO_LEASE;

	if (sg_refused_for_room(reason))
		lease = sg_budget_suspect(run->budget, run->svc, reason, run->flow->now);
	return lease < SG_LEASES ? sg_reclaim(ctx, lease) : -1;
}

/* From when on its source asks in vain: kept with the source, so that a new connection does not lose its turn. The address
 * is proven, so no flood makes entries.
 */
static __always_inline void sg_first_asks(struct sg_run *run, __u32 class)
{
	if (sg_request_priority(class) > SG_PRIORITY_BOOTSTRAP)
		return;
	if (!run->src)
		run->src = sg_source_make(run, run->flow->source_hash);
	if (!run->src)
		return;
	run->src->last_seen = run->flow->now;
	if (run->flow->asked_since == run->flow->now && !run->src->left_unfinished)
		run->src->useful_since = run->flow->now;
}

/* Since when does its source ask for something useful in vain? Survives reconnects; what is no use has no age. */
static __always_inline __u64 sg_first_age(struct sg_run *run, __u32 class)
{
	__u64 now = run->flow->now, since;

	if (sg_request_priority(class) > SG_PRIORITY_BOOTSTRAP || !run->src)
		return now;
	since = run->src->useful_since;
	return since && now - since < SG_ASKED_KEPT(SG_TIMES) ? since : now;
}

/* The slot of the connection at hand, by value: the entry may go. ticket 0: it has none. */
static __always_inline struct sg_waiting sg_first_slot(const struct sg_run *run)
{
	const struct sg_waiting *waiting = bpf_map_lookup_elem(&sg_waiting, &run->flow->key);
	struct sg_waiting none = {};

	return waiting ? *waiting : none;
}

/* No turn is needed before this one: it asks for itself. Returns the XDP action, or -1: no room. */
static __always_inline int sg_first_tries(struct xdp_md *ctx, struct sg_run *run,
					  const struct sg_waiting *waiting)
{
	__u32 reason = sg_first_ask();

	if (sg_reason_admits(reason)) {
		/* Its frame is stored anew: what waits is not what goes on. */
		if (waiting->ticket)
			sg_frame_free(waiting->frame, waiting->ticket);
		return sg_first_admit(ctx);
	}
	if (!waiting->ticket)
		sg_first_verdict(run, run->flow->ask.priority, reason);
	return sg_first_reclaims(ctx, run, reason);
}

/* What the request competes as: to flow->ask and flow->asked_since. False: a prefix policy denies it. */
static __always_inline bool sg_first_competes(struct sg_run *run, const struct sg_conn *conn,
					      __u32 class)
{
	struct sg_flow *flow = run->flow;

	run->src = bpf_map_lookup_elem(&sg_sources, &flow->source);
	flow->ask.priority = sg_first_priority(run, conn, class);
	flow->ask.spread = sg_class_spreads(flow->service, flow->ask.priority, flow->now);
	/* A canary goes before all of its class: everybody waits for what it learns. */
	flow->asked_since = flow->canary ? 1 : sg_first_age(run, class);
	return sg_policy(run);
}

/* A request that is worth a connection: now, or in its turn. Returns the XDP action. */
__noinline int sg_first_queue(struct xdp_md *ctx, __u32 class)
{
	struct sg_waiting waiting;
	struct sg_run run = {};
	struct sg_conn *conn;
	__u32 zero = 0, reason;
	int action;

	conn = bpf_map_lookup_elem(&sg_scratch, &zero);
	if (!conn || !sg_run_again(&run, NULL) || !sg_first_competes(&run, conn, class))
		return XDP_DROP;
	waiting = sg_first_slot(&run);
	if (waiting.ticket) {
		action = sg_first_waiting(ctx, waiting.frame, waiting.ticket);
		if (action >= 0)
			return action;
		waiting = sg_first_slot(&run);
	}
	/* Who asks more often than it may does not wait in anybody's place: its next try may find that it may. */
	reason = sg_look_source(&run, run.flow->source_hash);
	if (!sg_reason_admits(reason)) {
		sg_first_verdict(&run, run.flow->ask.priority, reason);
		return XDP_DROP;
	}
	if (!run.flow->being_asked && !sg_queue_before(&run, run.flow->ask.priority)) {
		action = sg_first_tries(ctx, &run, &waiting);
		if (action >= 0)
			return action;
	}
	if (!waiting.ticket)
		sg_first_asks(&run, class);
	return sg_first_hold(ctx, &run, conn, &waiting);
}

#endif
