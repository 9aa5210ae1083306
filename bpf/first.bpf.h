/* SPDX-License-Identifier: GPL-2.0-only */
/* Intercept: a client's segment that belongs to no connection the guard knows. With the proof that its client got the
 * guard's SYN-ACK, and with the first bytes of a request, it is answered here, becomes the SYN to the CA, or is held.
 */
#ifndef SG_FIRST_BPF_H
#define SG_FIRST_BPF_H

/* Answers of the guard that a client's ACK or FIN may lie behind. */
#define SG_FIRST_ANSWERS 3

/* A useful ask that was not served counts as age for so long. */
#define SG_ASKED_KEPT(times) (3 * (times)->useful_recent)

static __always_inline const struct sg_edge_answer *sg_edge(__u32 service, __u32 kind)
{
	__u32 index = service * SG_EDGE_MAX_ + kind;

	return bpf_map_lookup_elem(&sg_edges, &index);
}

static __always_inline __u32 sg_edge_len(__u32 service, __u32 kind)
{
	const struct sg_edge_answer *edge = sg_edge(service, kind);

	return edge ? edge->len : 0;
}

/* Look for the proof at ack - 1, and behind each answer the guard gives (and its FIN). To flow->proof. */
__noinline int sg_first_prove(void)
{
	struct sg_cookie_flow flow;
	struct sg_run run = {};
	const struct sg_packet *pkt;
	__u32 candidates[SG_COOKIE_CANDIDATES], service;

	if (!sg_run_again(&run, NULL))
		return SG_COOKIE_NONE;
	pkt = &run.flow->pkt;
	service = run.flow->service;
	flow.client = pkt->src;
	flow.ca = pkt->dst;
	flow.client_port = pkt->sport;
	flow.ca_port = pkt->dport;
	candidates[0] = pkt->ack - 1;
	candidates[1] = pkt->ack - 2 - sg_edge_len(service, SG_EDGE_AS_CA);
	candidates[2] = pkt->ack - 2 - sg_edge_len(service, SG_EDGE_404);
	candidates[3] = pkt->ack - 2 - sg_edge_len(service, SG_EDGE_BUSY);
	sg_cookie_check(run.live->cookie_key, &flow, pkt->seq - 1, sg_cookie_slot(run.flow->now),
			candidates, &run.flow->proof);
	return run.flow->proof.look;
}

/* ---- Answering at the edge ---- */

/* Make the request at hand the guard's answer `kind`. Returns the XDP action, or -1: there is no such answer, or no
 * room for it; the frame is as it was.
 */
__noinline int sg_edge_send(struct xdp_md *ctx, __u32 kind)
{
	const struct sg_edge_answer *edge;
	const struct sg_packet *pkt;
	struct sg_run run = {};
	struct sg_made *made;
	__u32 len;

	if (kind >= SG_EDGE_MAX_ || !sg_run_again(&run, NULL))
		return -1;
	edge = sg_edge(run.flow->service, kind);
	if (!edge || !edge->len)
		return -1;
	pkt = &run.flow->pkt;
	made = sg_made_answer(run.flow, pkt->ack,
			      pkt->seq + pkt->payload_len + !!(pkt->tcp_flags & SG_TCP_FIN),
			      SG_TCP_FIN | SG_TCP_PSH | SG_TCP_ACK);
	len = edge->len;
	made->payload_len = len;
	made->payload_sum = edge->sum;
	made->window = SG_DOOR_WINDOW;
	if (!sg_make_room(ctx))
		return -1;
	asm volatile("" : "+r"(len));
	if (!len || len > SG_EDGE_BYTES || !sg_make_headers(ctx) ||
	    bpf_xdp_store_bytes(ctx, run.flow->pkt.l4_off + sizeof(struct sg_tcp_header),
				(void *)edge->bytes, len))
		return XDP_DROP;
	if (sg_event_sampled(&run, run.stats->counters[SG_COUNTER_EDGE_AS_CA] +
					   run.stats->counters[SG_COUNTER_EDGE_STATUS] +
					   run.stats->counters[SG_COUNTER_EDGE_BUSY]))
		sg_event_tell(NULL, SG_EVENT_EDGE, 0, 0, run.live->sample_mask + 1);
	sg_count(&run, kind == SG_EDGE_AS_CA  ? SG_COUNTER_EDGE_AS_CA
		       : kind == SG_EDGE_BUSY ? SG_COUNTER_EDGE_BUSY
					      : SG_COUNTER_EDGE_STATUS);
	return XDP_TX;
}

static __always_inline int sg_edge_busy(struct xdp_md *ctx)
{
	int action = sg_edge_send(ctx, SG_EDGE_BUSY);

	return action >= 0 ? action : XDP_DROP;
}

/* Repeat the CA's refusal: in its own words, else by its status. Returns the XDP action, or -1: the daemon has not said how
 * (or there is no room, which a request always leaves).
 */
static __always_inline int sg_edge_repeat(struct xdp_md *ctx, const struct sg_run *run,
					  __u32 status)
{
	const struct sg_edge_answer *own = sg_edge(run->flow->service, SG_EDGE_AS_CA);
	int action = -1;

	if (run->svc->answer_busy)
		return sg_edge_send(ctx, SG_EDGE_BUSY);
	if (own && own->status == status)
		action = sg_edge_send(ctx, SG_EDGE_AS_CA);
	if (action < 0)
		action = sg_edge_send(ctx, status == 403 ? SG_EDGE_403 : SG_EDGE_404);
	return action;
}

/* ---- What the segment asks ---- */

/* Can this byte begin a request? A method does with a letter; an empty line may stand before it (RFC 9112, 2.2). */
static __always_inline bool sg_may_begin(__u8 byte)
{
	return (byte | 0x20) >= 'a' ? (byte | 0x20) <= 'z' : byte == '\r' || byte == '\n';
}

/* Read the request at hand with the code that reads it in police, on an entry that is in no table. Returns its
 * class so far.
 */
__noinline int sg_first_read(struct xdp_md *ctx)
{
	struct sg_packet *pkt;
	struct sg_run run = {};
	struct sg_conn *conn;

	if (!sg_run_again(&run, NULL))
		return SG_REQUEST_UNDECIDED;
	pkt = &run.flow->pkt;
	conn = sg_conn_blank(&run, 0);
	if (!conn)
		return SG_REQUEST_UNDECIDED;
	run.conn = conn;
	conn->state = SG_CONN_ESTABLISHED;
	conn->family = pkt->family;
	conn->opened = run.flow->now;
	conn->client.seen = run.flow->now;
	conn->client.isn = pkt->seq - 1;
	conn->client.next = pkt->seq;
	conn->client.end = pkt->seq + pkt->payload_len;
	conn->client.request_ack = pkt->ack;
	run.flow->probing = true;
	sg_client_payload(ctx, &run, pkt->seq);
	run.flow->probing = false;
	return conn->client.request_class;
}

/* The question the request asks, if it can be learned: to flow->question. */
__noinline int sg_first_question(struct xdp_md *ctx, const struct sg_conn *conn)
{
	struct sg_question_text *text;
	struct sg_run run = {};
	__u32 zero = 0, len;

	if (!conn || !sg_run_again(&run, NULL))
		return 0;
	run.flow->question = 0;
	text = bpf_map_lookup_elem(&sg_texts, &zero);
	len = run.flow->pkt.payload_len;
	if (!text || conn->client.line.method != SG_METHOD_GET || len > SG_QUESTION_BYTES)
		return 0;
	asm volatile("" : "+r"(len));
	if (!len || len > SG_QUESTION_BYTES ||
	    bpf_xdp_load_bytes(ctx, run.flow->pkt.payload_off, text->bytes, len))
		return 0;
	run.flow->question = sg_question_hash(text, len, conn->client.line.target_start,
					      conn->client.line.target_end, run.svc->question_path,
					      run.live->hash_key);
	return 0;
}

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
	if (sg_first_provisional(conn) && run->src && run->src->broke_word)
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
		       (run->src ? SG_CONN_SOURCE : 0) | (run->flow->canary ? SG_CONN_CANARY : 0) |
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
		sg_question_tell(ctx);
	sg_first_verdict(&run, run.flow->ask.priority, run.flow->grant.reason);
	if (run.flow->grant.reason == SG_REASON_FEELER)
		sg_count(&run, SG_COUNTER_FEELERS);
	if (run.flow->canary)
		sg_count(&run, SG_COUNTER_CANARIES);
	if (!sg_first_entry(ctx, frame, ticket)) {
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
	if (run->flow->asked_since == run->flow->now)
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
	if (!sg_queue_before(&run, run.flow->ask.priority)) {
		action = sg_first_tries(ctx, &run, &waiting);
		if (action >= 0)
			return action;
	}
	if (!waiting.ticket)
		sg_first_asks(&run, class);
	return sg_first_hold(ctx, &run, conn, &waiting);
}

/* ---- What is to be done with it ---- */

/* May the request at hand be the one that asks a learned question again? Its source must be free to, and the CA listen;
 * whether there is room shows next, and it is held until there is.
 */
static __always_inline bool sg_first_canary(struct sg_run *run, struct sg_intercept *ic)
{
	struct sg_flow *flow = run->flow;

	run->src = bpf_map_lookup_elem(&sg_sources, &flow->source);
	if (!sg_policy(run) || !sg_reason_admits(sg_look_source(run, flow->source_hash)) ||
	    sg_budget_hears(run->budget, run->svc, SG_TIMES, flow->now) == SG_REASON_CA_DEAF)
		return false;
	flow->canary = sg_canary_take(ic, SG_TIMES, run->svc->ca_window_ticks, flow->source_hash,
				      flow->now);
	return flow->canary;
}

/* A question that the CA has refused: repeat that, unless it is due to be asked again. Returns the XDP action, or -1: ask
 * the CA.
 */
__noinline int sg_first_learned(struct xdp_md *ctx)
{
	struct sg_waiting waiting;
	struct sg_intercept *ic;
	struct sg_run run = {};
	struct sg_frame *frame;
	struct sg_question *q;
	int action;

	if (!sg_run_again(&run, NULL) || !run.flow->question)
		return -1;
	waiting = sg_first_slot(&run);
	frame = sg_frame_of(waiting.frame, waiting.ticket);
	/* The canary itself, once more. */
	if (frame && frame->canary && frame->question == run.flow->question) {
		run.flow->canary = true;
		return -1;
	}
	q = sg_question_slot(run.flow->service, run.flow->question);
	ic = sg_intercept_of(run.flow->service);
	if (!q || !ic)
		return -1;
	sg_question_asked(q, run.flow->source_hash);
	switch (sg_question_look(q, ic, run.svc->answer_ttl_ticks, SG_TIMES,
				 run.svc->ca_window_ticks, run.flow->source_hash, run.flow->now)) {
	case SG_QUESTION_ASK:
		return -1;
	case SG_QUESTION_CANARY:
		if (sg_question_first(q, ic, run.svc->answer_ttl_ticks, run.flow->now) &&
		    sg_first_canary(&run, ic))
			return -1;
		break;
	case SG_QUESTION_REPEAT:
		break;
	}
	sg_question_hit(q);
	action = sg_edge_repeat(ctx, &run, q->status);
	/* It waits no more; and if its turn has come, it does not need it. */
	if (action >= 0 && frame)
		sg_frame_free(waiting.frame, waiting.ticket);
	return action;
}

/* The first segment of a connection whose client is who it says it is. Returns the XDP action. */
static __always_inline int sg_first_request(struct xdp_md *ctx, struct sg_run *run)
{
	struct sg_flow *flow = run->flow;
	const __u8 *byte = sg_frame_at(ctx, flow->pkt.payload_off, 1);
	struct sg_conn *conn;
	__u32 zero = 0, class;

	if (!byte || !sg_may_begin(*byte)) {
		sg_count(run, SG_COUNTER_REFUSED_EARLY);
		return sg_answer_stray(ctx, flow);
	}
	sg_deaf_watch(run);
	sg_run_source(run, &flow->pkt.src);
	flow->source_hash = sg_source_hash(&flow->source.ip, run->live->hash_key);
	flow->ask.spread = false;
	flow->asked_since = flow->now;
	flow->question = 0;
	flow->canary = false;
	flow->was_partial = false;
	class = sg_first_read(ctx);
	conn = bpf_map_lookup_elem(&sg_scratch, &zero);
	if (!conn)
		return XDP_DROP;
	if (class == SG_REQUEST_GETNEXTCACERT && conn->client.line_done)
		bpf_tail_call(ctx, &sg_steps, SG_STEP_QUESTION);
	return sg_first_queue(ctx, class);
}

/* An entry of another connection on this address and port is still open, and this segment proves that its client has
 * begun anew: it becomes the RST that ends the old one at the CA. The client sends it again.
 */
static __always_inline int sg_first_ends_old(struct xdp_md *ctx, struct sg_run *run)
{
	struct sg_conn *old = run->conn;
	struct sg_rst *rst = &run->flow->rst;

	rst->src = run->flow->pkt.src;
	rst->dst = run->flow->pkt.dst;
	rst->sport = run->flow->pkt.sport;
	rst->dport = run->flow->pkt.dport;
	rst->seq = old->ca.known ? old->ca.ack : old->client.isn + 1;
	rst->ack = 0;
	rst->flags = SG_TCP_RST;
	rst->turn = false;
	sg_conn_finish(old, run->flow->now);
	return sg_frame_rst(ctx) ? XDP_PASS : XDP_DROP;
}

/* With a proof behind an answer of the guard: the client acknowledges it, or sends the rest of its request, or closes. What it
 * sends is acknowledged and thrown away, so that its end of the connection can go.
 */
static __always_inline int sg_first_answered(struct xdp_md *ctx, struct sg_run *run)
{
	const struct sg_packet *pkt = &run->flow->pkt;
	bool fin = pkt->tcp_flags & SG_TCP_FIN;

	if (pkt->tcp_flags & SG_TCP_RST || (!fin && !pkt->payload_len))
		return XDP_DROP;
	sg_made_answer(run->flow, pkt->ack, pkt->seq + pkt->payload_len + fin, SG_TCP_ACK);
	run->flow->made.window = 0xffff;
	return sg_made_send(ctx);
}

/* The client closes without a request: so does the guard. */
static __always_inline int sg_first_closes(struct xdp_md *ctx, struct sg_run *run)
{
	const struct sg_packet *pkt = &run->flow->pkt;

	sg_made_answer(run->flow, pkt->ack, pkt->seq + 1, SG_TCP_FIN | SG_TCP_ACK);
	return sg_made_send(ctx);
}

/* The client went while its request was held. */
static __always_inline int sg_first_gone(const struct sg_run *run)
{
	const struct sg_waiting *waiting = bpf_map_lookup_elem(&sg_waiting, &run->flow->key);
	const struct sg_frame *frame =
		waiting ? sg_frame_of(waiting->frame, waiting->ticket) : NULL;

	if (frame && frame->state == SG_FRAME_WAITING &&
	    run->flow->pkt.seq - frame->seq <= frame->payload_len)
		sg_frame_free(waiting->frame, waiting->ticket);
	return XDP_DROP;
}

/* A late copy of a request that was served: the entry's own, or that of the connection before it on this port. */
static __always_inline bool sg_first_late(const struct sg_conn *conn, const struct sg_packet *pkt)
{
	__u32 isn = pkt->seq - 1;

	return isn == conn->splice.before || (isn == conn->client.isn && conn->ca.known);
}

/* Proven. Returns the XDP action. */
static __always_inline int sg_first_proven(struct xdp_md *ctx, struct sg_run *run)
{
	const struct sg_packet *pkt = &run->flow->pkt;

	if (run->flow->proof.which)
		return sg_first_answered(ctx, run);
	if (pkt->tcp_flags & SG_TCP_RST)
		return sg_first_gone(run);
	/* Behind a request that is held it closes its half, and waits for the answer. */
	if (!pkt->payload_len)
		return pkt->tcp_flags & SG_TCP_FIN && run->flow->proof.first &&
				       !sg_first_slot(run).ticket
			       ? sg_first_closes(ctx, run)
			       : XDP_DROP;
	if (!sg_look_sound(ctx)) {
		sg_count(run, SG_COUNTER_BAD_CHECKSUM);
		return XDP_DROP;
	}
	if (!run->flow->proof.first) {
		sg_count(run, SG_COUNTER_LATER_SEGMENTS);
		return XDP_DROP;
	}
	sg_count(run, SG_COUNTER_COOKIES_PROVEN);
	if (run->conn && sg_spliced(run->conn) && sg_first_late(run->conn, pkt))
		return XDP_DROP;
	if (run->conn && run->conn->state != SG_CONN_CLOSED)
		return sg_first_ends_old(ctx, run);
	return sg_first_request(ctx, run);
}

/* No connection, no proof: one that began before intercept goes on natively for `life`; later its client is told that
 * it is over. Returns the XDP action, or -1: as in police.
 */
static __always_inline int sg_first_unproven(struct xdp_md *ctx, struct sg_run *run)
{
	const struct sg_packet *pkt = &run->flow->pkt;

	if (run->flow->mode < SG_MODE_INTERCEPT ||
	    run->flow->now <= run->live->intercept_since + run->svc->life_ticks)
		return -1;
	sg_count(run, run->flow->proof.look == SG_COOKIE_OLD ? SG_COUNTER_COOKIES_OLD
							     : SG_COUNTER_COOKIES_REFUSED);
	/* An entry is open there: whoever this is, it is not told about it. */
	if (pkt->tcp_flags & SG_TCP_RST || !(pkt->tcp_flags & SG_TCP_ACK) ||
	    (run->conn && run->conn->state != SG_CONN_CLOSED))
		return XDP_DROP;
	return sg_answer_stray(ctx, run->flow);
}

/* A GetNextCACert: has its question been refused? The request is in sg_scratch, as it was read. */
SEC("xdp")
int scepguard_question(struct xdp_md *ctx)
{
	struct sg_run run = {};
	struct sg_conn *conn;
	__u32 zero = 0;
	int action;

	conn = bpf_map_lookup_elem(&sg_scratch, &zero);
	if (!conn || !sg_run_again(&run, NULL))
		return XDP_DROP;
	sg_first_question(ctx, conn);
	action = sg_first_learned(ctx);
	return action >= 0 ? action : sg_first_queue(ctx, SG_REQUEST_GETNEXTCACERT);
}

SEC("xdp")
int scepguard_first(struct xdp_md *ctx)
{
	struct sg_run run = {};
	int action;

	if (!sg_run_again(&run, NULL))
		return XDP_PASS;
	/* The door has looked. */
	if (run.flow->met)
		run.conn = bpf_map_lookup_elem(&sg_conns, &run.flow->key);
	if (sg_first_prove() == SG_COOKIE_GOOD)
		return sg_first_proven(ctx, &run);
	action = sg_first_unproven(ctx, &run);
	return action >= 0 ? action : sg_go_native(ctx, &run);
}

#endif
