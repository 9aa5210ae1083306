/* SPDX-License-Identifier: GPL-2.0-only */
/* Intercept: the two halves of a spliced connection. The client's numbers are the same on both; the CA's differ by one
 * constant. Below the guard's steps of police everything is in the CA's numbers: a client's segment is translated
 * before them, the CA's after.
 */
#ifndef SG_SPLICE_BPF_H
#define SG_SPLICE_BPF_H

/* A 32-bit word of the packet changes: RFC 1624, eqn. 3. */
static __always_inline __u16 sg_sum_replace(__u16 checksum, __be32 from, __be32 to)
{
	__u32 sum = (__u16)~checksum;

	sum = sg_sum_add(sg_sum_add(sum, ~from), to);
	return ~sg_sum_fold(sum);
}

/* Is the checksum of the packet at hand only begun (same host, veth)? Then it stays: what changes is not in it. */
static __always_inline bool sg_splice_partial(const struct sg_run *run, __u32 flag,
					      const struct sg_tcp_header *tcp)
{
	const struct sg_packet *pkt = &run->flow->pkt;

	return run->conn->flags & flag &&
	       sg_checksum_partial(pkt, tcp, pkt->payload_off - pkt->l4_off + pkt->payload_len);
}

/* The client's segment with the CA's numbers. */
static __always_inline bool sg_splice_to_ca(struct xdp_md *ctx, struct sg_run *run)
{
	struct sg_tcp_header *tcp = sg_frame_at(ctx, run->flow->pkt.l4_off, sizeof(*tcp));
	__be32 ack;

	if (!tcp)
		return false;
	ack = sg_htonl(run->flow->pkt.ack - sg_splice_delta(run->conn));
	if (!sg_splice_partial(run, SG_CONN_PARTIAL, tcp))
		tcp->checksum = sg_sum_replace(tcp->checksum, tcp->ack, ack);
	tcp->ack = ack;
	return true;
}

/* The CA's segment with the numbers the client knows. */
static __always_inline bool sg_splice_to_client(struct xdp_md *ctx, struct sg_run *run, __u32 seq)
{
	struct sg_tcp_header *tcp = sg_frame_at(ctx, run->flow->pkt.l4_off, sizeof(*tcp));
	__be32 to = sg_htonl(seq);

	if (!tcp)
		return false;
	if (!sg_splice_partial(run, SG_CONN_CA_PARTIAL, tcp))
		tcp->checksum = sg_sum_replace(tcp->checksum, tcp->seq, to);
	tcp->seq = to;
	return true;
}

/* ---- The stored segment ---- */

/* The stored payload of a connection, or NULL. */
static __always_inline struct sg_frame *sg_splice_frame(const struct sg_conn *conn)
{
	return sg_frame_of(conn->splice.frame, conn->splice.ticket);
}

/* Bytes compared in one call. */
#define SG_SAME_BYTES 64

/* Are `len` (1..64) bytes of the packet from `off` on those of the stored frame from `at` on? A function, so that the
 * verifier walks it once.
 */
__noinline int sg_same_piece(struct xdp_md *ctx, __u32 index, __u32 off, __u32 at, __u32 len)
{
	const struct sg_frame *frame = sg_frame_slot(index);
	__u64 words[SG_SAME_BYTES / 8] = {}, differs = 0;

	asm volatile("" : "+r"(len));
	if (!frame || !len || len > SG_SAME_BYTES || bpf_xdp_load_bytes(ctx, off, words, len))
		return 0;
	asm volatile("" : "+r"(at));
	if (at > SG_FRAME_BYTES - SG_SAME_BYTES)
		return 0;
	for (__u32 i = 0; i < SG_SAME_BYTES / 8; i++) {
		__u64 other = sg_load8(frame->frame + at + 8 * i);

		if (8 * i >= len)
			break;
		/* What lies behind the last byte is not compared. */
		if (len - 8 * i < 8)
			other &= ~0ull >> (64 - 8 * (len - 8 * i));
		differs |= words[i] ^ other;
	}
	return !differs;
}

/* Does the segment at hand say the same as what is stored, where both have bytes? */
__noinline int sg_splice_same(struct xdp_md *ctx, struct sg_conn *conn)
{
	struct sg_run run = {};
	struct sg_frame *frame;
	__u32 skip, have, off, at;

	if (!conn || !sg_run_again(&run, conn))
		return 1;
	frame = sg_splice_frame(conn);
	if (!frame)
		return 1;
	skip = run.flow->pkt.seq -
	       frame->seq; /* not before the first byte: the caller has looked */
	if (skip >= frame->payload_len)
		return 1;
	have = frame->payload_len - skip;
	if (have > run.flow->pkt.payload_len)
		have = run.flow->pkt.payload_len;
	off = run.flow->pkt.payload_off;
	at = frame->payload_off + skip;
	for (__u32 i = 0; i < SG_FRAME_BYTES / SG_SAME_BYTES; i++) {
		__u32 piece = have < SG_SAME_BYTES ? have : SG_SAME_BYTES;

		if (!piece)
			break;
		if (!sg_same_piece(ctx, conn->splice.frame, off, at, piece))
			return 0;
		off += piece;
		at += piece;
		have -= piece;
	}
	return 1;
}

/* Ended by the guard: the client, whose segment this is, gets a RST for it; the CA gets one when its time comes
 * (reaper, or for the next segment it sends).
 */
static __always_inline int sg_splice_cut(struct xdp_md *ctx, struct sg_run *run)
{
	sg_conn_flag(run->conn, SG_CONN_CUT);
	sg_conn_abandon(run);
	sg_event_tell(run->conn, SG_EVENT_MISMATCH, 0, 0, 1);
	return sg_answer_stray(ctx, run->flow);
}

/* ---- The CA's side ---- */

/* The CA has answered the SYN: with this its handshake ends here. */
static __always_inline void sg_back_handshake(struct sg_run *run)
{
	struct sg_conn *conn = run->conn;
	__u32 ack = conn->ca.isn + 1;

	if (__sync_val_compare_and_swap(&conn->state, SG_CONN_SYN_ACKED, SG_CONN_ESTABLISHED) !=
	    SG_CONN_SYN_ACKED) {
		sg_place_event(run->flow->service, conn->place, SG_PLACE_EV_ACK, run->flow->now);
		return;
	}
	conn->client.handshake = run->flow->now;
	conn->client.seen = run->flow->now;
	conn->client.ack = ack;
	conn->client.request_ack = ack;
	if (conn->client.line_done)
		conn->client.requested = run->flow->now;
	sg_client_handshake(conn);
	sg_conn_extend(run);
	sg_count(run, SG_COUNTER_SPLICED);
}

/* Make the CA's SYN-ACK the ACK to it, with the stored bytes if there is room. Returns the XDP action. */
__noinline int sg_back_ack(struct xdp_md *ctx, struct sg_conn *conn)
{
	struct sg_run run = {};
	struct sg_frame *frame;
	struct sg_made *made;
	__u32 len, from;

	if (!conn || !sg_run_again(&run, conn))
		return XDP_DROP;
	frame = sg_splice_frame(conn);
	made = sg_made_answer(run.flow, conn->client.isn + 1, conn->ca.isn + 1, SG_TCP_ACK);
	made->window = conn->splice.window;
	if (!frame) {
		sg_count(&run, SG_COUNTER_REPLAY_LATER);
		return sg_made_send(ctx);
	}
	len = frame->payload_len;
	from = frame->payload_off;
	made->payload_len = len;
	made->payload_sum = frame->payload_sum;
	made->flags |= SG_TCP_PSH;
	if (!sg_make_room(ctx)) {
		made->payload_len = 0;
		made->payload_sum = 0;
		made->flags = SG_TCP_ACK;
		sg_count(&run, SG_COUNTER_REPLAY_LATER);
		sg_event_frame(SG_EVENT_REPLAY, conn->splice.frame, conn->splice.ticket, true);
		return sg_made_send(ctx);
	}
	asm volatile("" : "+r"(len));
	asm volatile("" : "+r"(from));
	if (!len || len > SG_FRAME_MAX || !sg_make_headers(ctx) ||
	    bpf_xdp_store_bytes(ctx, run.flow->pkt.l4_off + sizeof(struct sg_tcp_header),
				frame->frame + (from & 255), len))
		return XDP_DROP;
	/* Not back, when the SYN-ACK comes again. */
	if (sg_seq_after(conn->splice.first_end, conn->client.end))
		conn->client.end = conn->splice.first_end;
	sg_count(&run, SG_COUNTER_REPLAYED);
	return XDP_TX;
}

static __always_inline int sg_back_syn_ack(struct xdp_md *ctx, struct sg_run *run)
{
	struct sg_conn *conn = run->conn;
	struct sg_tcp_header *tcp = sg_frame_at(ctx, run->flow->pkt.l4_off, sizeof(*tcp));

	/* Made anew it would have no room for options; the CA resends it, and its slot is freed in time. */
	if (!tcp || !sg_plain_ip(&run->flow->pkt)) {
		sg_count(run, SG_COUNTER_ODD_IP);
		return XDP_DROP;
	}
	/* The client has gone, or the guard has ended it: the CA's slot must go. */
	if (conn->state == SG_CONN_CLOSED || conn->flags & (SG_CONN_ABANDONED | SG_CONN_CUT)) {
		sg_conn_finish(conn, run->flow->now);
		return sg_answer_stray(ctx, run->flow);
	}
	if (run->flow->pkt.ack != conn->client.isn + 1 || run->flow->pkt.seq != conn->ca.isn)
		return XDP_DROP;
	if (!sg_plain_ip(&run->flow->pkt)) {
		sg_count(run, SG_COUNTER_ODD_IP);
		return XDP_DROP;
	}
	if (sg_checksum_partial(&run->flow->pkt, tcp,
				run->flow->pkt.payload_off - run->flow->pkt.l4_off +
					run->flow->pkt.payload_len))
		sg_conn_flag(conn, SG_CONN_CA_PARTIAL);
	sg_back_handshake(run);
	return sg_back_ack(ctx, conn);
}

/* Once the CA has acknowledged what was stored, it will not be asked for again. */
static __always_inline void sg_back_served(struct sg_conn *conn)
{
	if (conn->splice.frame == SG_NO_FRAME || sg_seq_after(conn->splice.first_end, conn->ca.ack))
		return;
	sg_frame_free(conn->splice.frame, conn->splice.ticket);
	conn->splice.frame = SG_NO_FRAME;
}

/* What the CA answered to a GetNextCACert: a refusal is learned for the question it was asked, and for no other; anything
 * else unlearns it; a 200 to one it had refused means that the shadow certificate is there, and unlearns all.
 */
__noinline int sg_learn(struct sg_conn *conn, __u64 now)
{
	struct sg_question_bucket *bucket;
	struct sg_intercept *ic;
	struct sg_stats *stats;
	__u32 service, index;
	__u64 question;

	if (!conn)
		return 0;
	service = conn->service;
	ic = bpf_map_lookup_elem(&sg_intercepts, &service);
	stats = bpf_map_lookup_elem(&sg_stats, &service);
	if (!ic || !stats)
		return 0;
	if (conn->flags & SG_CONN_CANARY)
		sg_canary_done(ic);
	/* Of a kept-alive connection's later requests the question is not known. */
	question =
		conn->client.requests == 1 &&
				!(conn->flags & (SG_CONN_DOUBT | SG_CONN_CUT | SG_CONN_ABANDONED))
			? conn->splice.question
			: 0;
	index = service * SG_QUESTION_BUCKETS + (__u32)(question % SG_QUESTION_BUCKETS);
	bucket = bpf_map_lookup_elem(&sg_questions, &index);
	if (!question || !bucket)
		return 0;
	if (conn->ca.status != 404 && conn->ca.status != 403) {
		if (!sg_question_forget(bucket, question))
			return 0;
		stats->counters[SG_COUNTER_UNLEARNED]++;
		/* Of one it had refused: else any page with such a parameter would unlearn all. */
		if (conn->ca.status == 200)
			__sync_fetch_and_add(&ic->epoch, 1);
		return 0;
	}
	if (sg_question_learn(bucket, question, conn->ca.status, conn->splice.epoch, now))
		stats->counters[SG_COUNTER_LEARNED]++;
	return 0;
}

/* Each answer once. */
static __always_inline void sg_back_learn(struct sg_run *run)
{
	struct sg_conn *conn = run->conn;

	if (!conn->ca.answer_done || conn->splice.taught == conn->ca.answers)
		return;
	conn->splice.taught = conn->ca.answers;
	sg_splice_asked(conn, true, run->flow->now);
	if (conn->client.request_class == SG_REQUEST_GETNEXTCACERT)
		sg_learn(conn, run->flow->now);
}

/* The CA has not answered this SYN, and sends something else. A refusal resets the client, which believes itself connected. An
 * ACK of other bytes is of a connection before on this port (TIME_WAIT): it gets the RST that a client which had sent a SYN
 * would give (RFC 9293, 3.10.7.3), and the SYN goes again. The rest is old, and was not for this client.
 */
static __always_inline int sg_back_unknown(struct xdp_md *ctx, struct sg_run *run)
{
	struct sg_conn *conn = run->conn;
	__u8 flags = run->flow->pkt.tcp_flags;

	if (flags & SG_TCP_RST)
		return conn->state == SG_CONN_CLOSED &&
				       sg_splice_to_client(ctx, run, conn->splice.cookie + 1)
			       ? XDP_PASS
			       : XDP_DROP;
	if (!(flags & SG_TCP_ACK) || run->flow->pkt.ack == conn->client.isn + 1)
		return XDP_DROP;
	conn->splice.syn_sent = 0;
	return sg_answer_stray(ctx, run->flow);
}

/* Packets of the CA to spliced connections, after everything else was done with them. */
SEC("xdp")
int scepguard_back(struct xdp_md *ctx)
{
	struct sg_run run = {};

	if (!sg_run_again(&run, NULL))
		return XDP_PASS;
	run.conn = bpf_map_lookup_elem(&sg_conns, &run.flow->key);
	if (!run.conn || !(run.conn->flags & SG_CONN_SPLICED))
		return XDP_PASS;
	if ((run.flow->pkt.tcp_flags & (SG_TCP_SYN | SG_TCP_RST)) == SG_TCP_SYN)
		return sg_back_syn_ack(ctx, &run);
	/* Ended by the guard: now the CA gets its RST. One of its own is what was wanted. */
	if (run.conn->flags & SG_CONN_CUT && !(run.flow->pkt.tcp_flags & SG_TCP_RST)) {
		sg_conn_finish(run.conn, run.flow->now);
		return sg_answer_stray(ctx, run.flow);
	}
	if (!run.conn->ca.known)
		return sg_back_unknown(ctx, &run);
	sg_back_served(run.conn);
	sg_back_learn(&run);
	return sg_splice_to_client(ctx, &run, run.flow->pkt.seq + sg_splice_delta(run.conn))
		       ? XDP_PASS
		       : XDP_DROP;
}

#endif
