/* SPDX-License-Identifier: GPL-2.0-only */
/* Intercept: what the guard answers itself, in the place of the CA: the refusal the CA gave to the same question, or "come
 * back later". The request becomes the answer: one segment, no state.
 */
#ifndef SG_EDGE_BPF_H
#define SG_EDGE_BPF_H

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

#endif
