/* SPDX-License-Identifier: GPL-2.0-only */
/* Intercept: a client's segment that belongs to no connection the guard knows. With the proof that its client got the
 * guard's SYN-ACK, and with the first bytes of a request, it is answered here, becomes the SYN to the CA, or is held.
 */
#ifndef SG_FIRST_BPF_H
#define SG_FIRST_BPF_H

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
	flow->being_asked = false;
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
