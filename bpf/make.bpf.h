/* SPDX-License-Identifier: GPL-2.0-only */
/* Intercept: a whole segment made of the frame at hand, in place. The frame keeps its link layer and its IP header
 * (20 or 40 bytes: others never get here); what is behind is made anew, checksums included. It is resized at its
 * tail; where there is no room (veth: often none), at its head.
 */
#ifndef SG_MAKE_BPF_H
#define SG_MAKE_BPF_H

#define SG_TCP_OPTION_MSS 2

/* Nothing in front of TCP but a plain header? Options and extension headers carry nothing a client of a CA needs, and
 * would have to be made anew; a fragment's rest cannot be seen.
 */
static __always_inline bool sg_plain_ip(const struct sg_packet *pkt)
{
	return !pkt->fragment && pkt->l4_off - pkt->l3_off == (pkt->family == 4 ? 20 : 40);
}

/* Bytes of the TCP header that is made. */
static __always_inline __u32 sg_made_header(const struct sg_made *made)
{
	return sizeof(struct sg_tcp_header) + (made->mss ? 4 : 0);
}

/* Grow by n bytes at the head: link layer and IP header move to the new start. */
static __always_inline bool sg_grow_head(struct xdp_md *ctx, struct sg_flow *flow, __u32 n)
{
	__u32 head = flow->pkt.l4_off;

	asm volatile("" : "+r"(head));
	if (head < 14 || head > SG_HEAD_BYTES || n > 1 << 12)
		return false;
	return !bpf_xdp_load_bytes(ctx, 0, flow->head, head) &&
	       !bpf_xdp_adjust_head(ctx, -(int)n) && !bpf_xdp_store_bytes(ctx, 0, flow->head, head);
}

/* Make the frame end where flow->made ends. False: there is no room; the frame is as it was. */
__noinline int sg_make_room(struct xdp_md *ctx)
{
	struct sg_run run = {};
	struct sg_cursor cur;
	int grow;

	if (!sg_run_begin(&run))
		return false;
	cur = sg_frame(ctx);
	grow = (int)(run.flow->pkt.l4_off + sg_made_header(&run.flow->made) +
		     run.flow->made.payload_len) -
	       (int)(cur.end - cur.start);
	if (grow > 4096 || grow < -65536)
		return false;
	if (!grow || !bpf_xdp_adjust_tail(ctx, grow))
		return true;
	return grow > 0 && sg_grow_head(ctx, run.flow, grow);
}

/* Its hops are the guard's, too: with those of a client's segment that dies behind the guard the CA would look deaf. */
static __always_inline bool sg_make_ipv4(struct xdp_md *ctx, const struct sg_packet *pkt,
					 const struct sg_made *made, __u32 tcp_len)
{
	void *header = sg_frame_at(ctx, pkt->l3_off, sizeof(struct sg_ipv4_header));
	struct sg_ipv4_header *ip = header;
	const __u32 *words = header;

	if (!ip)
		return false;
	ip->total_length = sg_htons(sizeof(*ip) + tcp_len);
	ip->ttl = SG_RST_HOPS;
	ip->src = made->src.w[3];
	ip->dst = made->dst.w[3];
	ip->checksum = 0;
	ip->checksum = ~sg_sum_fold64((__u64)words[0] + words[1] + words[2] + words[3] + words[4]);
	return true;
}

static __always_inline bool sg_make_ipv6(struct xdp_md *ctx, const struct sg_packet *pkt,
					 const struct sg_made *made, __u32 tcp_len)
{
	struct sg_ipv6_header *ip = sg_frame_at(ctx, pkt->l3_off, sizeof(*ip));

	if (!ip)
		return false;
	ip->payload_length = sg_htons(tcp_len);
	ip->hop_limit = SG_RST_HOPS;
	ip->src = made->src;
	ip->dst = made->dst;
	return true;
}

/* The MSS option behind the header: kind, length, value. */
static __always_inline bool sg_make_mss(struct xdp_md *ctx, const struct sg_packet *pkt,
					const struct sg_made *made, __be32 *option)
{
	__be32 *at;

	*option = 0;
	if (!made->mss)
		return true;
	at = sg_frame_at(ctx, pkt->l4_off + sizeof(struct sg_tcp_header), 4);
	if (!at)
		return false;
	*option = sg_htonl((__u32)SG_TCP_OPTION_MSS << 24 | 4u << 16 | made->mss);
	*at = *option;
	return true;
}

/* partial: the stack is to finish the checksum, as it was to finish the one of the frame at hand. */
static __always_inline bool sg_make_tcp(struct xdp_md *ctx, const struct sg_packet *pkt,
					const struct sg_made *made, bool partial)
{
	struct sg_tcp_header *tcp = sg_frame_at(ctx, pkt->l4_off, sizeof(*tcp));
	__u32 header = sg_made_header(made), sum;
	__be32 option;

	if (!tcp || !sg_make_mss(ctx, pkt, made, &option))
		return false;
	/* Found anew: the verifier has lost sight of it. */
	tcp = sg_frame_at(ctx, pkt->l4_off, sizeof(*tcp));
	if (!tcp)
		return false;
	tcp->sport = made->sport;
	tcp->dport = made->dport;
	tcp->seq = sg_htonl(made->seq);
	tcp->ack = sg_htonl(made->ack);
	tcp->offset = header / 4 << 4;
	tcp->flags = made->flags;
	tcp->window = sg_htons(made->window);
	tcp->urgent = 0;
	sum = sg_pseudo_sum(&made->src, &made->dst, pkt->family, header + made->payload_len);
	if (partial) {
		tcp->checksum = sg_sum_fold(sum);
		return true;
	}
	sum += made->sport + made->dport + made->payload_sum;
	sum = sg_sum_add(sg_sum_add(sg_sum_add(sum, tcp->seq), tcp->ack), option);
	sum += sg_htons((header / 4) << 12 | made->flags) + tcp->window;
	tcp->checksum = ~sg_sum_fold(sum);
	return true;
}

/* Write flow->made into the frame, which has its size; the payload is written by the caller. False: drop it. */
__noinline int sg_make_headers(struct xdp_md *ctx)
{
	const struct sg_packet *pkt;
	const struct sg_made *made;
	struct sg_run run = {};
	__u32 tcp_len;

	if (!sg_run_begin(&run))
		return false;
	pkt = &run.flow->pkt;
	made = &run.flow->made;
	tcp_len = sg_made_header(made) + made->payload_len;
	if (made->turn && !sg_frame_turn(ctx))
		return false;
	if (pkt->family == 4 ? !sg_make_ipv4(ctx, pkt, made, tcp_len)
			     : !sg_make_ipv6(ctx, pkt, made, tcp_len))
		return false;
	return sg_make_tcp(ctx, pkt, made, !made->turn && run.flow->look.partial);
}

/* flow->made begins as the answer to the packet at hand. */
static __always_inline struct sg_made *sg_made_answer(struct sg_flow *flow, __u32 seq, __u32 ack,
						      __u8 flags)
{
	struct sg_made *made = &flow->made;

	made->src = flow->pkt.dst;
	made->dst = flow->pkt.src;
	made->sport = flow->pkt.dport;
	made->dport = flow->pkt.sport;
	made->seq = seq;
	made->ack = ack;
	made->flags = flags;
	made->window = 0;
	made->mss = 0;
	made->payload_len = 0;
	made->payload_sum = 0;
	made->turn = true;
	return made;
}

/* Send the answer, which has no payload. Returns the XDP action. */
static __always_inline int sg_made_send(struct xdp_md *ctx)
{
	return sg_make_room(ctx) && sg_make_headers(ctx) ? XDP_TX : XDP_DROP;
}

#endif
