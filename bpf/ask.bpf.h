/* SPDX-License-Identifier: GPL-2.0-only */
/* Intercept: what does a first segment ask, and was that refused before? It is read by the code that reads requests in
 * police, on an entry that is in no table.
 */
#ifndef SG_ASK_BPF_H
#define SG_ASK_BPF_H

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

/* Nobody knows the answer: the CA is asked, or is being asked. Returns -1. */
static __always_inline int sg_first_unlearned(const struct sg_run *run,
					      const struct sg_intercept *ic)
{
	run->flow->being_asked =
		ic && sg_asking_waits(ic, run->flow->question, SG_TIMES, run->flow->now);
	return -1;
}

/* A question that the CA has refused: repeat that, unless it is due to be asked again. Returns the XDP action, or -1: ask
 * the CA, or wait while it is being asked.
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
		return sg_first_unlearned(&run, ic);
	sg_question_asked(q, run.flow->source_hash);
	switch (sg_question_look(q, ic, run.svc->answer_ttl_ticks, SG_TIMES,
				 run.svc->ca_window_ticks, run.flow->source_hash, run.flow->now)) {
	case SG_QUESTION_ASK:
		return sg_first_unlearned(&run, ic);
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

#endif
