/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets of clients: SYNs are admitted, resent or refused; everything else passes and is read. */
#ifndef SG_CLIENT_BPF_H
#define SG_CLIENT_BPF_H

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

/* What a resent SYN that goes on says. */
__noinline int sg_resent(struct xdp_md *ctx, struct sg_conn *conn)
{
	struct sg_run run = {};

	if (!conn || !sg_run_again(&run, conn))
		return 0;
	sg_syn_sent(ctx, &run);
	sg_conn_syn_look(conn, &run.flow->pkt, &run.flow->look, true);
	sg_conn_extend(&run);
	return 0;
}

/* A SYN of an admitted attempt comes again: forwarded, and its place dated anew, unless the CA is
 * deaf (nothing is forwarded into a deaf CA, save a feeler).
 */
static __always_inline int sg_resend(struct xdp_md *ctx, struct sg_run *run)
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
	sg_resent(ctx, run->conn);
	sg_count(run, SG_COUNTER_SYN_RESENT);
	return XDP_PASS;
}

/* Is a feeler due, and this SYN none? */
static __always_inline bool sg_feeler_wasted(struct xdp_md *ctx, const struct sg_run *run)
{
	const struct sg_deaf *deaf = &run->budget->deaf;

	return sg_polices(run) && sg_read_once(deaf->since) &&
	       run->flow->now >= sg_read_once(deaf->next_feeler) && !sg_syn_look(ctx);
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

	sg_deaf_watch(run);
	if (resend && sg_attempt_over(run)) {
		sg_conn_finish(run->conn, run->flow->now);
		resend = false;
	}
	if (sg_feeler_wasted(ctx, run))
		return sg_refuse(ctx, SG_PRIORITY_OTHER, SG_REASON_CA_DEAF);
	if (sg_syn_on_open(run))
		return sg_refuse_on_open(ctx, run);
	return resend ? sg_resend(ctx, run) : sg_attempt(ctx, run);
}

/* The destination's MAC in the first eight bytes of a frame. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define SG_MAC_FIRST 0x0000ffffffffffffull
#else
#define SG_MAC_FIRST 0xffffffffffff0000ull
#endif

/* Tell a request: always when every one is logged, else sampled. */
static __always_inline void sg_request_tell(struct sg_run *run, __u64 count)
{
	bool all = run->live->log_requests == 1;

	if (all || sg_event_sampled(run, count))
		sg_event_tell(run->conn, SG_EVENT_REQUEST, 0, 0,
			      all ? 1 : run->live->sample_mask + 1);
}

/* The class of a request is final. Its source is credited later: sg_conn_credit(). */
static __always_inline void sg_request_done(struct sg_run *run)
{
	__u32 class = run->conn->client.request_class;

	if (sg_may_intercept() && run->flow->probing)
		return;
	class = sg_bound(class, SG_REQUEST_MAX_, SG_REQUEST_UNDECIDED);
	run->conn->client.credit = 1;
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
	if (sg_request_is_followed(conn, read)) {
		sg_conn_credit(conn, run.flow->now);
		sg_request_follow(conn);
		sg_request_done(&run);
	}
	return 0;
}

/* Feed the payload from `skip` on to the connection's reader. */
__noinline int sg_request_read(struct xdp_md *ctx, struct sg_conn *conn, __u32 skip)
{
	struct sg_run run = {};
	__u32 off, len, read;
	bool done;

	if (!conn || !sg_run_again(&run, conn))
		return 0;
	off = run.flow->pkt.payload_off + skip;
	len = run.flow->pkt.payload_len - skip;
	if (off > SG_CLASSIFY_OFFSET_MAX)
		return 0;
	read = sg_classify_segment(ctx, &conn->client.line, off, len);
	done = sg_http_done(&conn->client.line);
	if (sg_request_advance(conn, &run.flow->pkt, read, sg_http_class(&conn->client.line), done,
			       run.flow->now) != SG_REQUEST_LINE_DONE)
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

/* Is this segment for another station on the link than the connection's SYN was? Then the CA never gets it. Not
 * asked when it came in elsewhere, nor of a connection met in mid-life.
 */
static __always_inline bool sg_strays(struct xdp_md *ctx, const struct sg_run *run)
{
	const struct sg_path *path = &run->conn->client.path;
	const __u8 *eth = sg_frame_at(ctx, 0, 8);

	if (!path->ifindex || path->ifindex != run->flow->ifindex)
		return false;
	return !eth || path->vlan_tags != run->flow->pkt.vlan_tags ||
	       (sg_load8(eth) ^ sg_load8(path->mac)) & SG_MAC_FIRST;
}

/* While a line is being read, every segment is looked at before it is believed. False for one that no
 * receiver believes.
 */
static __always_inline bool sg_segment_sound(struct xdp_md *ctx, struct sg_run *run)
{
	if (sg_strays(ctx, run))
		sg_conn_flag(run->conn, SG_CONN_DOUBT);
	sg_segment_look(ctx, run);
	return sg_conn_looks_sound(run->conn, &run->flow->pkt, &run->flow->look);
}

/* A segment with bytes behind a line: is it sound? And does the rest have to be doubted? By itself, for the stack
 * that it takes.
 */
__noinline int sg_request_rest_sound(struct xdp_md *ctx, struct sg_conn *conn, __u32 skip)
{
	struct sg_run run = {};

	if (!conn || !sg_run_again(&run, conn) || !sg_segment_sound(ctx, &run))
		return 0;
	sg_request_doubt_rest(conn, &run.flow->pkt, skip);
	return 1;
}

/* Nearly every request: a line of a known form at the start of the segment. Returns false when it is not, and
 * nothing has been read.
 */
static __always_inline bool sg_request_read_known(struct xdp_md *ctx, struct sg_run *run)
{
	struct sg_packet *pkt = &run->flow->pkt;
	struct sg_conn *conn = run->conn;
	struct sg_cursor cur = sg_frame(ctx);
	__u32 off = pkt->payload_off, read, rest;

	if (off > SG_CLASSIFY_OFFSET_MAX)
		return false;
	cur.pos += off;
	read = sg_http_shortcut(&conn->client.line, cur.pos, cur.end, pkt->payload_len);
	if (!read)
		return false;
	sg_request_advance(conn, pkt, read, conn->client.line.final_class, true, run->flow->now);
	sg_request_done(run);
	rest = pkt->payload_len - read;
	if (!rest || !sg_request_has_rest(conn))
		return true;
	if (sg_classify_head_shortcut(ctx, &conn->client.line, off + read, rest))
		sg_request_is_followed(conn, rest);
	else
		sg_request_read_rest(ctx, conn, read);
	return true;
}

/* Feed a believed segment to the connection's reader. */
static __always_inline void sg_client_payload(struct xdp_md *ctx, struct sg_run *run,
					      __u32 sent_before)
{
	struct sg_conn *conn = run->conn;
	__u32 skip = 0;

	switch (sg_request_place(conn, &run->flow->pkt, sent_before, &skip)) {
	case SG_REQUEST_OUT_OF_ORDER:
		sg_count(run, SG_COUNTER_REQUEST_UNLEARNED);
		break;
	case SG_REQUEST_READING:
		if (skip || !sg_request_read_known(ctx, run))
			sg_request_read(ctx, conn, skip);
		break;
	case SG_REQUEST_REST:
		if (sg_request_rest_sound(ctx, conn, skip))
			sg_request_read_rest(ctx, conn, skip);
		break;
	default:
		break;
	}
}

/* Nothing of this connection may reach the CA any more: the client is told. */
static __always_inline int sg_client_forfeits(struct xdp_md *ctx, struct sg_run *run)
{
	sg_count(run, SG_COUNTER_FORFEITED);
	if (!(run->flow->pkt.tcp_flags & SG_TCP_ACK))
		return XDP_DROP;
	/* It has the CA's numbers here. */
	if (sg_spliced(run->conn))
		run->flow->pkt.ack += sg_splice_delta(run->conn);
	return sg_answer_stray(ctx, run->flow);
}

/* A segment with which the handshake may end at the CA only now dates the place, and opens it again. False: it
 * must not go on. The slot stays taken until the CA is told.
 */
static __always_inline bool sg_client_in_time(struct sg_run *run)
{
	if (sg_budget_too_late(run->budget, run->svc, SG_TIMES, run->conn, run->flow->now)) {
		if (!sg_polices(run))
			return true;
		sg_conn_abandon(run);
		return false;
	}
	sg_place_event(run->flow->service, run->conn->place, SG_PLACE_EV_ACK, run->flow->now);
	return true;
}

/* Admitted on the strength of how its request began, and now the line is whole: was it a PKIOperation? Else
 * its end must not reach the CA, and the source is not believed again. Returns 1 when that is so.
 */
__noinline int sg_broke_word(struct sg_conn *conn)
{
	struct sg_source *src;
	struct sg_run run = {};

	if (!conn || !(conn->flags & SG_CONN_PROVISIONAL) || !conn->client.line_done ||
	    !sg_run_again(&run, conn))
		return 0;
	__sync_fetch_and_and(&conn->flags, ~SG_CONN_PROVISIONAL);
	if (conn->client.request_class == SG_REQUEST_PKIOPERATION_GET)
		return 0;
	src = sg_source_of(conn);
	if (src)
		src->broke_word = 1;
	sg_count(&run, SG_COUNTER_PROVISIONAL_ENDED);
	sg_conn_flag(conn, SG_CONN_CUT);
	sg_conn_abandon(&run);
	return 1;
}

/* Returns the XDP action. */
static __always_inline int sg_client_segment(struct xdp_md *ctx, struct sg_run *run)
{
	struct sg_conn *conn = run->conn;
	struct sg_packet *pkt = &run->flow->pkt;
	__u32 sent_before = conn->client.end, effects;

	if (conn->client.credit)
		sg_conn_credit(conn, run->flow->now);
	if (sg_request_open(conn, pkt) && !sg_segment_sound(ctx, run)) {
		sg_count(run, SG_COUNTER_REQUEST_UNLEARNED);
		return XDP_PASS;
	}
	effects = sg_conn_from_client(conn, pkt, sg_one_sided(run), run->flow->now);
	if (effects & SG_EFFECT_HANDSHAKE)
		sg_client_handshake(conn);
	if (effects & SG_EFFECT_MAYBE_LATE && !sg_client_in_time(run))
		return sg_client_forfeits(ctx, run);
	run->flow->effects = effects;
	if (!(effects & SG_EFFECT_BELIEVED)) {
		sg_request_doubt(conn, pkt);
	} else {
		sg_client_payload(ctx, run, sent_before);
		sg_conn_extend(run);
	}
	effects = sg_read_once(run->flow->effects);
	if (effects & SG_EFFECT_ENDED)
		sg_conn_finish(conn, run->flow->now);
	if (effects & SG_EFFECT_ABANDONED)
		sg_conn_abandon(run);
	if (sg_spliced(conn) && sg_broke_word(conn))
		return sg_client_forfeits(ctx, run);
	return XDP_PASS;
}

/* May this client's address and port have a connection that is not closed? Of a closed one a SYN need know
 * nothing.
 */
static __always_inline bool sg_conn_may_be_open(const struct sg_run *run, __u16 endpoint)
{
	const struct sg_packet *pkt = &run->flow->pkt;
	__u32 place = sg_conn_place(&pkt->src, pkt->sport, endpoint, run->live->hash_key);
	const __u32 *open = bpf_map_lookup_elem(&sg_open_conns, &place);

	return !open || sg_read_once(*open);
}

/* A packet to a protected endpoint. */
static __always_inline int sg_from_client(struct xdp_md *ctx, struct sg_run *run,
					  const struct sg_endpoint *ep)
{
	struct sg_packet *pkt = &run->flow->pkt;
	bool syn;

	if (!sg_run_enter(run, ep, &pkt->src, pkt->sport)) {
		run->flow->through_door = false;
		return XDP_PASS;
	}
	sg_go_door(ctx, run);
	/* With FIN too: some stacks open a connection on it. Every other flag is ignored on a SYN. */
	syn = (pkt->tcp_flags & (SG_TCP_SYN | SG_TCP_ACK | SG_TCP_RST)) == SG_TCP_SYN;
	run->conn = NULL;
	if (!syn || sg_conn_may_be_open(run, ep->id))
		run->conn = bpf_map_lookup_elem(&sg_conns, &run->flow->key);
	if (syn)
		return sg_client_syn(ctx, run);
	if (run->conn && sg_forfeits(run) && !(pkt->tcp_flags & SG_TCP_RST))
		return sg_client_forfeits(ctx, run);
	if (run->conn)
		return sg_client_segment(ctx, run);
	sg_count(run, SG_COUNTER_UNTRACKED);
	return XDP_PASS;
}

#endif
