/* SPDX-License-Identifier: GPL-2.0-only */
/* Intercept: whatever clients send comes through here. SYNs are answered by the guard, without state (core/cookie.h);
 * segments of spliced connections get the CA's numbers and go on as in police; of all others one has to prove
 * that it belongs to a handshake the guard gave (first.bpf.h).
 */
#ifndef SG_DOOR_BPF_H
#define SG_DOOR_BPF_H

/* MSS of a SYN without the option (RFC 9293, 3.7.1). */
#define SG_MSS_IPV4 536
#define SG_MSS_IPV6 1220

/* MSS option of the SYN at hand. */
__noinline int sg_syn_mss(struct xdp_md *ctx)
{
	__u32 at = 0, len;
	const __u8 *option;
	struct sg_run run = {};

	if (!sg_run_begin(&run))
		return SG_MSS_IPV4;
	len = run.flow->pkt.payload_off - run.flow->pkt.l4_off - sizeof(struct sg_tcp_header);
	for (__u32 i = 0; i < SG_TCP_OPTIONS_MAX; i++) {
		asm volatile("" : "+r"(at));
		at &= 63;
		option = sg_frame_at(ctx, run.flow->pkt.l4_off + sizeof(struct sg_tcp_header) + at,
				     4);
		if (at + 4 > len || !option || option[0] == SG_TCP_OPTION_END)
			break;
		if (option[0] == SG_TCP_OPTION_MSS && option[1] == 4)
			return option[2] << 8 | option[3];
		if (option[0] != SG_TCP_OPTION_NOP && option[1] < 2)
			break;
		at += option[0] == SG_TCP_OPTION_NOP ? 1 : option[1];
	}
	return run.flow->pkt.family == 4 ? SG_MSS_IPV4 : SG_MSS_IPV6;
}

/* Answer a SYN. Returns the XDP action. */
__noinline int sg_cookie_send(struct xdp_md *ctx)
{
	struct sg_cookie_flow flow;
	struct sg_intercept *ic;
	const struct sg_packet *pkt;
	struct sg_run run = {};
	struct sg_made *made;
	__u32 cookie;

	if (!sg_run_again(&run, NULL))
		return XDP_DROP;
	pkt = &run.flow->pkt;
	flow.client = pkt->src;
	flow.ca = pkt->dst;
	flow.client_port = pkt->sport;
	flow.ca_port = pkt->dport;
	cookie =
		sg_cookie_make(run.live->cookie_key, &flow, pkt->seq, sg_cookie_slot(run.flow->now),
			       sg_cookie_mss_index(sg_syn_mss(ctx)));
	made = sg_made_answer(run.flow, cookie, pkt->seq + 1, SG_TCP_SYN | SG_TCP_ACK);
	made->window = SG_DOOR_WINDOW;
	made->mss = run.svc->mss;
	ic = sg_intercept_of(run.flow->service);
	/* Seldom written, so that a flood shares a clean line. */
	if (ic && run.flow->now - ic->cookie_last > SG_TIMES->refresh)
		ic->cookie_last = run.flow->now;
	sg_count(&run, SG_COUNTER_COOKIES_SENT);
	return sg_made_send(ctx);
}

static __always_inline int sg_door_syn(struct xdp_md *ctx, struct sg_run *run)
{
	if (!sg_policy(run)) {
		run->stats->verdicts[SG_PRIORITY_OTHER][SG_REASON_DENIED]++;
		return XDP_DROP;
	}
	return sg_cookie_send(ctx);
}

/* May a cookie be out there that is still good, or too old? */
static __always_inline bool sg_cookies_given(const struct sg_run *run)
{
	const struct sg_intercept *ic = sg_intercept_of(run->flow->service);

	return ic && ic->cookie_last &&
	       run->flow->now - ic->cookie_last <= (SG_COOKIE_SLOTS + 1) * SG_TIMES->cookie_slot;
}

/* Does the segment belong to the connection of this entry, and not to one before or after it? In numbers the guard gave. */
static __always_inline bool sg_door_belongs(const struct sg_conn *conn, const struct sg_packet *pkt)
{
	__u32 answered = pkt->ack - (conn->splice.cookie + 1);
	__u32 sent = conn->ca.known ? conn->ca.end - (conn->ca.isn + 1) : 0;

	if (!sg_seq_near(pkt->seq, conn->client.end))
		return false;
	return !(pkt->tcp_flags & SG_TCP_ACK) || answered <= sent;
}

/* Should a SYN that the CA has not answered go once more? When the CA was heard since, it was lost; of a CA that is silent
 * altogether one must think that it pauses: whatever is sent into a pause is answered after it, all at once.
 */
static __always_inline bool sg_door_resends(const struct sg_run *run)
{
	const struct sg_conn *conn = run->conn;
	const struct sg_deaf *deaf = &run->budget->deaf;
	__u64 now = run->flow->now;

	if (sg_read_once(deaf->since))
		return false;
	if (sg_read_once(deaf->last_answer) > conn->splice.syn_sent)
		return true;
	return sg_read_once(deaf->unanswered) <= 2 &&
	       now - conn->splice.syn_sent >= SG_TIMES->resend_alone << (conn->splice.syns & 7);
}

/* A client's RST is in sequence where it has sent to: behind the stored segment, or further, if it cared for no window. Its
 * ACK, where it has one, is the cookie's (sg_door_belongs).
 */
static __always_inline bool sg_door_resets(const struct sg_conn *conn, const struct sg_packet *pkt)
{
	return pkt->tcp_flags & SG_TCP_ACK || pkt->seq == conn->client.isn + 1 ||
	       pkt->seq == conn->splice.first_end;
}

/* The client goes before the CA has said anything. What it was to ask for others, another may ask. */
static __always_inline void sg_door_leaves(struct sg_run *run)
{
	struct sg_intercept *ic = sg_intercept_of(run->flow->service);

	if (run->conn->flags & SG_CONN_CANARY && ic)
		sg_canary_done(ic);
	sg_conn_abandon(run);
}

/* The first segment again, while its SYN is on the way. */
static __always_inline int sg_door_pending(struct xdp_md *ctx, struct sg_run *run)
{
	struct sg_conn *conn = run->conn;
	struct sg_packet *pkt = &run->flow->pkt;

	if (pkt->tcp_flags & SG_TCP_RST) {
		if (sg_door_resets(conn, pkt))
			sg_door_leaves(run);
		return XDP_DROP;
	}
	if (!pkt->payload_len || pkt->seq != conn->client.isn + 1)
		return XDP_DROP;
	sg_deaf_watch(run);
	if (sg_attempt_over(run)) {
		/* Given up: it asks anew, as whoever comes. */
		sg_frame_free(conn->splice.frame, conn->splice.ticket);
		sg_conn_finish(conn, run->flow->now);
		return -1;
	}
	if (!sg_look_sound(ctx))
		return XDP_DROP;
	if (!sg_splice_same(ctx, conn)) {
		sg_count(run, SG_COUNTER_MISMATCHES);
		return sg_splice_cut(ctx, run);
	}
	if (conn->state != SG_CONN_SYN_SENT || !sg_door_resends(run))
		return XDP_DROP;
	conn->splice.syn_sent = run->flow->now;
	conn->splice.syns++;
	sg_place_event(run->flow->service, conn->place, SG_PLACE_EV_SYN, run->flow->now);
	sg_deaf_syn(&run->budget->deaf, run->flow->now);
	sg_conn_extend(run);
	sg_count(run, SG_COUNTER_SYN_RESENT);
	return sg_syn_send(ctx, conn->client.isn, conn->splice.mss);
}

/* Bytes that are stored come again, and the CA has not acknowledged them: they must be the same. */
static __always_inline bool sg_door_differs(struct xdp_md *ctx, struct sg_run *run)
{
	const struct sg_conn *conn = run->conn;
	const struct sg_packet *pkt = &run->flow->pkt;

	if (!pkt->payload_len || conn->splice.frame == SG_NO_FRAME ||
	    !sg_seq_after(conn->splice.first_end, pkt->seq))
		return false;
	return !sg_splice_same(ctx, run->conn);
}

/* What lies behind all that a connection which is over has said is a new one's on the same port: its cookie may well be
 * the old one's (same time slot, same 6 bits of the client's ISN: once in 64).
 */
static __always_inline bool sg_door_is_new(const struct sg_conn *conn, const struct sg_packet *pkt)
{
	bool over = conn->state == SG_CONN_CLOSED || conn->flags & SG_CONN_ABANDONED;

	/* Its FIN may not be counted there. */
	return over && sg_seq_after(pkt->seq, conn->client.end + 1);
}

/* It is over here, and perhaps not at the CA: the RST that frees its slot there (the daemon's, as if from the client). */
static __always_inline bool sg_door_frees(const struct sg_conn *conn, const struct sg_packet *pkt)
{
	return conn->state == SG_CONN_CLOSED && pkt->tcp_flags & SG_TCP_RST &&
	       pkt->seq == (conn->ca.known ? conn->ca.ack : conn->client.isn + 1);
}

/* A segment of a spliced connection. Returns the XDP action, or -1: it may begin a new one. */
static __always_inline int sg_door_spliced(struct xdp_md *ctx, struct sg_run *run)
{
	struct sg_conn *conn = run->conn;
	const struct sg_packet *pkt = &run->flow->pkt;

	if (!sg_door_belongs(conn, pkt) || sg_door_is_new(conn, pkt))
		return -1;
	if (sg_door_frees(conn, pkt))
		return sg_splice_to_ca(ctx, run) ? sg_go_native(ctx, run) : XDP_DROP;
	/* Given up before the CA said anything: the client asks anew, and need not know. */
	if (conn->state == SG_CONN_CLOSED && !conn->ca.known &&
	    !(conn->flags & (SG_CONN_CUT | SG_CONN_ABANDONED)))
		return -1;
	if (conn->flags & SG_CONN_CUT || sg_forfeits(run))
		return pkt->tcp_flags & SG_TCP_RST ? XDP_DROP : sg_answer_stray(ctx, run->flow);
	/* What comes when it is over goes on, too: a copy is told so by the CA, and what was lost behind the guard, with both
	 * FINs seen here, the CA still waits for.
	 */
	if (!conn->ca.known)
		return conn->state == SG_CONN_CLOSED ? XDP_DROP : sg_door_pending(ctx, run);
	/* The CA would trim it, and read what is behind as the first bytes. */
	if (pkt->payload_len && sg_seq_after(conn->client.isn + 1, pkt->seq))
		return XDP_DROP;
	if (sg_door_differs(ctx, run)) {
		if (!sg_look_sound(ctx))
			return XDP_DROP;
		sg_count(run, SG_COUNTER_MISMATCHES);
		return sg_splice_cut(ctx, run);
	}
	if (!sg_splice_to_ca(ctx, run))
		return XDP_DROP;
	return sg_go_native(ctx, run);
}

static __always_inline int sg_door(struct xdp_md *ctx, struct sg_run *run, bool syn)
{
	const struct sg_packet *pkt = &run->flow->pkt;
	/* Where the CA is must be known: its packets have to be translated. Else as in police. */
	bool intercepts = run->flow->mode >= SG_MODE_INTERCEPT && run->flow->ca_ifindex;
	bool native = run->conn && !(run->conn->flags & SG_CONN_SPLICED);
	int action;

	if (native && run->conn->state != SG_CONN_CLOSED)
		return sg_go_native(ctx, run);
	if (syn && !intercepts)
		return sg_go_native(ctx, run);
	/* While it drains, too: what is made of such a packet would be wrong. */
	if (!sg_plain_ip(pkt) && (intercepts || (run->conn && !native) || sg_cookies_given(run))) {
		sg_count(run, SG_COUNTER_ODD_IP);
		return XDP_DROP;
	}
	if (syn)
		return sg_door_syn(ctx, run);
	if (run->conn && !native) {
		action = sg_door_spliced(ctx, run);
		if (action >= 0)
			return action;
	}
	if (!sg_cookies_given(run) && !intercepts)
		return sg_go_native(ctx, run);
	/* A bare ACK proves nothing that the data behind it will not; and must not reach the CA. */
	if (intercepts && !pkt->payload_len && !(pkt->tcp_flags & (SG_TCP_FIN | SG_TCP_RST)) &&
	    run->flow->now > run->live->intercept_since + run->svc->life_ticks)
		return XDP_DROP;
	bpf_tail_call(ctx, &sg_steps, SG_STEP_FIRST);
	return sg_go_native(ctx, run);
}

SEC("xdp")
int scepguard_door(struct xdp_md *ctx)
{
	struct sg_run run = {};
	__u8 flags;
	bool syn;

	if (!sg_run_again(&run, NULL))
		return XDP_PASS;
	flags = run.flow->pkt.tcp_flags;
	syn = (flags & (SG_TCP_SYN | SG_TCP_ACK | SG_TCP_RST)) == SG_TCP_SYN;
	/* Of an entry that is closed a SYN need know nothing: it gets its cookie. */
	if (!syn || sg_conn_may_be_open(&run, run.flow->key.endpoint))
		run.conn = bpf_map_lookup_elem(&sg_conns, &run.flow->key);
	run.flow->met = run.conn;
	return sg_door(ctx, &run, syn);
}

#endif
