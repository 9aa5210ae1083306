/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets of clients: SYNs are admitted, resent or refused; everything else passes and is read. */
#ifndef SG_CLIENT_BPF_H
#define SG_CLIENT_BPF_H

/* A SYN is on its way to the CA. */
static __always_inline void sg_syn_forwarded(struct sg_run *run)
{
	sg_deaf_syn(&run->budget->deaf, run->flow->now);
}

/* Find out that the CA has gone deaf. One of several CPUs wins and tells. */
static __always_inline void sg_deaf_watch(struct sg_run *run)
{
	struct sg_deaf *deaf = &run->budget->deaf;

	if (deaf->since || !sg_deaf_due(deaf, run->svc, SG_TIMES->answered_recent, run->flow->now))
		return;
	if (__sync_val_compare_and_swap(&deaf->since, 0, deaf->first_unanswered))
		return;
	sg_deaf_begin(deaf, run->svc, run->flow->now);
	sg_event_tell(NULL, SG_EVENT_DEAF, 0, 0, 1);
}

/* Has this attempt run its course without a handshake? Then a SYN of it is a new attempt. */
static __always_inline bool sg_attempt_over(const struct sg_run *run)
{
	const struct sg_conn *conn = run->conn;
	__u64 now = run->flow->now, word;

	if (conn->state != SG_CONN_SYN_SENT)
		return false;
	if (conn->opened + SG_TIMES->half_open < now)
		return true;
	if (conn->place == SG_NO_PLACE)
		return false;
	word = sg_read_once(run->budget->places[conn->place & (SG_PLACES - 1)]);
	return !sg_place_is(word, conn->place) || sg_place_given_up(word, now, run->svc->syn_ticks);
}

/* A SYN of an admitted attempt comes again: forwarded, and its place dated anew, unless the CA is
 * deaf (nothing is forwarded into a deaf CA, save a feeler).
 */
static __always_inline int sg_resend(struct sg_run *run)
{
	__u32 hears = SG_REASON_ADMITTED;

	if (sg_polices(run))
		hears = sg_budget_hears(run->budget, run->svc, SG_TIMES, run->flow->now);
	if (hears == SG_REASON_CA_DEAF) {
		sg_count(run, SG_COUNTER_SYN_RESENT_DEAF);
		return XDP_DROP;
	}
	if (hears == SG_REASON_FEELER) {
		run->budget->deaf.next_feeler = run->flow->now + run->svc->block_ticks;
		sg_count(run, SG_COUNTER_FEELERS);
	}
	sg_place_event(run->flow->service, run->conn->place, SG_PLACE_EV_SYN, run->flow->now);
	sg_conn_extend(run);
	sg_count(run, SG_COUNTER_SYN_RESENT);
	return XDP_PASS;
}

/* sg_sum() of bytes of the frame, off below 4096. */
__noinline int sg_frame_sum(struct xdp_md *ctx, __u32 off, __u32 len)
{
	struct sg_cursor cur = sg_frame(ctx);

	return sg_sum(cur.start + (off & 0xfff), cur.end, len);
}

/* Timestamp of the packet at hand. */
__noinline int sg_frame_stamp(struct xdp_md *ctx, struct sg_segment_look *look)
{
	struct sg_run run = {};
	struct sg_cursor cur;

	if (!look || !sg_run_begin(&run))
		return 0;
	cur = sg_frame(ctx);
	sg_find_stamp(cur.start + ((run.flow->pkt.l4_off + 20) & 0xfff), cur.end,
		      run.flow->pkt.payload_off - run.flow->pkt.l4_off - 20, look);
	return 0;
}

/* IP options and extension headers of the packet at hand. */
__noinline int sg_frame_odd_ip(struct xdp_md *ctx)
{
	struct sg_run run = {};
	struct sg_cursor cur;

	if (!sg_run_begin(&run))
		return 1;
	cur = sg_frame(ctx);
	return !sg_ip_plain(cur.start + (run.flow->pkt.l3_off & 0xfff), cur.end, &run.flow->pkt);
}

/* Read checksums and timestamp of the packet at hand. */
static __always_inline void sg_segment_look(struct xdp_md *ctx, const struct sg_packet *pkt,
					    struct sg_segment_look *look)
{
	const struct sg_tcp_header *tcp = sg_frame_at(ctx, pkt->l4_off, sizeof(*tcp));
	__u32 ip_len = pkt->l4_off - pkt->l3_off, tcp_header = pkt->payload_off - pkt->l4_off;
	__u16 field;
	int ip_sum = 0;

	if (!tcp)
		return;
	field = tcp->checksum;
	if (pkt->family == 4)
		ip_sum = sg_frame_sum(ctx, pkt->l3_off, ip_len);
	sg_segment_judge(pkt, ip_sum, sg_frame_sum(ctx, pkt->l4_off, tcp_header + pkt->payload_len),
			 field, look);
	if (tcp_header > sizeof(*tcp))
		sg_frame_stamp(ctx, look);
	if (ip_len > (pkt->family == 4 ? 20 : 40))
		look->odd_ip = sg_frame_odd_ip(ctx);
}

/* Fewer hops left than this may not reach the CA; honest packets come with dozens. */
#define SG_HOPS_MIN 8

/* Would a CA that listens answer this SYN? Else its silence is no evidence of deafness, and a feeler is
 * wasted: one client with wrong checksums could keep everybody out.
 */
__noinline int sg_syn_answerable(struct xdp_md *ctx)
{
	struct sg_segment_look look = {};
	struct sg_run run = {};
	const __u8 *hops;

	if (!sg_run_begin(&run))
		return 0;
	hops = sg_frame_at(ctx, run.flow->pkt.l3_off + (run.flow->pkt.family == 4 ? 8 : 7), 1);
	if (!hops || *hops < SG_HOPS_MIN || run.flow->pkt.fragment ||
	    run.flow->pkt.tcp_flags & SG_TCP_FIN)
		return 0;
	sg_segment_look(ctx, &run.flow->pkt, &look);
	return look.sound && !look.odd_ip;
}

/* A SYN was let through: what it says about the segments to come. */
__noinline int sg_syn_look(struct xdp_md *ctx, __u32 resend)
{
	struct sg_segment_look look = {};
	struct sg_run run = {};

	if (!sg_run_begin(&run))
		return 0;
	run.conn = bpf_map_lookup_elem(&sg_conns, &run.flow->key);
	if (!run.conn)
		return 0;
	sg_segment_look(ctx, &run.flow->pkt, &look);
	sg_conn_syn_look(run.conn, &run.flow->pkt, &look, resend);
	return 0;
}

/* Is a feeler due, and this SYN none? */
static __always_inline bool sg_feeler_wasted(struct xdp_md *ctx, const struct sg_run *run)
{
	const struct sg_deaf *deaf = &run->budget->deaf;

	return sg_polices(run) && sg_read_once(deaf->since) &&
	       run->flow->now >= sg_read_once(deaf->next_feeler) && !sg_syn_answerable(ctx);
}

/* While a line is being read, every segment is looked at before it is believed. Returns 0 for one that
 * no receiver believes.
 */
__noinline int sg_segment_sound(struct xdp_md *ctx, struct sg_conn *conn)
{
	struct sg_segment_look look = {};
	struct sg_run run = {};

	if (!conn || !sg_run_begin(&run))
		return 0;
	sg_segment_look(ctx, &run.flow->pkt, &look);
	return sg_conn_looks_sound(conn, &run.flow->pkt, &look);
}

/* Is this a SYN on the address and port of a connection that is still open, other than a resend of its
 * own? The CA would ignore it, or, if it knows of an end that was hidden from the guard, open a
 * connection that no place stands for.
 */
static __always_inline bool sg_syn_on_open(const struct sg_run *run)
{
	const struct sg_conn *conn = run->conn;

	return conn && sg_polices(run) && conn->state != SG_CONN_CLOSED &&
	       conn->lease < SG_LEASES &&
	       (conn->state == SG_CONN_ESTABLISHED || conn->client.isn != run->flow->pkt.seq);
}

/* Such a SYN waits until the connection's time is over, and then ends it at the CA. */
static __always_inline int sg_refuse_on_open(struct xdp_md *ctx, struct sg_run *run)
{
	int action = sg_reclaim(ctx, run->conn->lease);

	return action >= 0 ? action
			   : sg_refuse(ctx, run->conn->priority, SG_REASON_SOURCE_CONNECTIONS);
}

static __always_inline int sg_client_syn(struct xdp_md *ctx, struct sg_run *run)
{
	bool resend = run->conn && sg_conn_is_resend(run->conn, &run->flow->pkt);
	__u64 reclaimed = run->stats->counters[SG_COUNTER_RECLAIMED];
	int action;

	sg_deaf_watch(run);
	if (resend && sg_attempt_over(run)) {
		sg_conn_finish(run->conn, run->flow->now);
		resend = false;
	}
	if (sg_feeler_wasted(ctx, run))
		action = sg_refuse(ctx, SG_PRIORITY_OTHER, SG_REASON_CA_DEAF);
	else if (sg_syn_on_open(run))
		action = sg_refuse_on_open(ctx, run);
	else
		action = resend ? sg_resend(run) : sg_attempt(ctx, run);
	/* A refused SYN that became another connection's RST passes too, but is no SYN any more. */
	if (action == XDP_PASS && run->stats->counters[SG_COUNTER_RECLAIMED] == reclaimed) {
		if (sg_syn_answerable(ctx))
			sg_syn_forwarded(run);
		sg_syn_look(ctx, resend);
	}
	return action;
}

/* Tell a request: always when every one is logged, else sampled. */
static __always_inline void sg_request_tell(struct sg_run *run, __u64 count)
{
	bool all = run->live->log_requests == 1;

	if (all || sg_event_sampled(run, count))
		sg_event_tell(run->conn, SG_EVENT_REQUEST, 0, 0,
			      all ? 1 : run->live->sample_mask + 1);
}

/* The class of a request is final: count it and remember it with its source. */
static __always_inline void sg_request_done(struct sg_run *run)
{
	__u32 class = run->conn->client.request_class;
	struct sg_source *src = sg_source_of(run->conn);

	class = sg_bound(class, SG_REQUEST_MAX_, SG_REQUEST_UNDECIDED);
	if (src)
		sg_source_requested(src, run->svc, class, SG_TIMES, run->flow->now);
	sg_request_tell(run, run->stats->requests[class]++);
}

/* Bytes behind a line, from `skip` on in the payload: is there another request? */
__noinline int sg_request_read_rest(struct xdp_md *ctx, struct sg_conn *conn, __u32 skip)
{
	struct sg_run run = {};
	__u32 read;

	if (!conn || !sg_run_again(&run, conn))
		return 0;
	read = sg_classify_head(ctx, &conn->client.line, run.flow->pkt.payload_off + skip,
				run.flow->pkt.payload_len - skip);
	if (sg_request_advance_rest(conn, read))
		sg_request_done(&run);
	return 0;
}

/* Feed the payload from `skip` on to the connection's reader. */
__noinline int sg_request_read(struct xdp_md *ctx, struct sg_conn *conn, __u32 skip)
{
	struct sg_run run = {};
	struct sg_cursor cur;
	__u32 off, len, read;
	bool done;

	if (!conn || !sg_run_again(&run, conn))
		return 0;
	off = run.flow->pkt.payload_off + skip;
	len = run.flow->pkt.payload_len - skip;
	if (off > SG_CLASSIFY_OFFSET_MAX)
		return 0;
	cur = sg_frame(ctx);
	cur.pos += off;
	read = sg_classify_segment(ctx, &conn->client.line, cur.pos, cur.end, off, len);
	done = sg_http_done(&conn->client.line);
	if (sg_request_advance(conn, &run.flow->pkt, read, sg_http_class(&conn->client.line), done,
			       done ? sg_now_ns() : 0) != SG_REQUEST_LINE_DONE)
		return 0;
	sg_request_done(&run);
	if (read < len && sg_request_has_rest(conn))
		sg_request_read_rest(ctx, conn, skip + read);
	return 0;
}

/* The client's first ACK was forwarded: the place is dated, the source proven. */
__noinline int sg_client_handshake(struct sg_conn *conn)
{
	struct sg_run run = {};
	struct sg_source *src;

	if (!conn || !sg_run_again(&run, conn))
		return 0;
	sg_count(&run, SG_COUNTER_HANDSHAKES);
	sg_place_event(run.flow->service, conn->place,
		       sg_one_sided(&run) ? SG_PLACE_EV_FINAL : SG_PLACE_EV_ACK, run.flow->now);
	src = sg_source_of(conn);
	if (src && sg_policy(&run) && run.flow->limited)
		sg_source_handshake(src, &run.flow->limits, run.flow->now);
	return 0;
}

static __always_inline void sg_client_segment(struct xdp_md *ctx, struct sg_run *run)
{
	struct sg_conn *conn = run->conn;
	struct sg_packet *pkt = &run->flow->pkt;
	__u32 sent_before = conn->client.end, skip = 0, effects;
	enum sg_request_progress progress;

	if (sg_request_open(conn, pkt) && !sg_segment_sound(ctx, conn)) {
		sg_count(run, SG_COUNTER_REQUEST_UNLEARNED);
		return;
	}
	effects = sg_conn_from_client(conn, pkt, sg_one_sided(run), run->flow->now);
	if (effects & SG_EFFECT_HANDSHAKE)
		sg_client_handshake(conn);
	if (effects & SG_EFFECT_MAYBE_LATE &&
	    run->flow->now - conn->ca.syn_ack <= run->svc->syn_ticks)
		sg_place_event(run->flow->service, conn->place, SG_PLACE_EV_ACK, run->flow->now);
	if (!(effects & SG_EFFECT_BELIEVED)) {
		sg_request_doubt(conn, pkt);
	} else {
		progress = sg_request_place(conn, pkt, sent_before, &skip);
		if (progress == SG_REQUEST_OUT_OF_ORDER)
			sg_count(run, SG_COUNTER_REQUEST_UNLEARNED);
		else if (progress == SG_REQUEST_READING)
			sg_request_read(ctx, conn, skip);
		else if (progress == SG_REQUEST_REST && sg_segment_sound(ctx, conn))
			sg_request_read_rest(ctx, conn, skip);
		sg_conn_extend(run);
	}
	if (effects & SG_EFFECT_ENDED)
		sg_conn_finish(conn, run->flow->now);
	if (effects & SG_EFFECT_ABANDONED)
		sg_conn_abandon(run);
}

/* A packet to a protected endpoint. */
static __always_inline int sg_from_client(struct xdp_md *ctx, struct sg_run *run,
					  const struct sg_endpoint *ep)
{
	struct sg_packet *pkt = &run->flow->pkt;

	if (!sg_run_enter(run, ep, &pkt->src, pkt->sport))
		return XDP_PASS;
	sg_count(run, SG_COUNTER_PACKETS_CLIENT);
	run->conn = bpf_map_lookup_elem(&sg_conns, &run->flow->key);
	/* With FIN too: some stacks open a connection on it. Every other flag is ignored on a SYN. */
	if ((pkt->tcp_flags & (SG_TCP_SYN | SG_TCP_ACK | SG_TCP_RST)) == SG_TCP_SYN)
		return sg_client_syn(ctx, run);
	if (run->conn && sg_forfeits(run) && !(pkt->tcp_flags & SG_TCP_RST)) {
		sg_count(run, SG_COUNTER_FORFEITED);
		return pkt->tcp_flags & SG_TCP_ACK ? sg_answer_stray(ctx, pkt) : XDP_DROP;
	}
	if (run->conn)
		sg_client_segment(ctx, run);
	else
		sg_count(run, SG_COUNTER_UNTRACKED);
	return XDP_PASS;
}

#endif
