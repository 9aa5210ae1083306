/* SPDX-License-Identifier: GPL-2.0-only */
/* Turning a packet round, or into another one: always a bare RST in the room the packet has, so no
 * frame ever grows. IP options and extension headers stay; what is left of the TCP part beyond 20
 * bytes is cut off by the IP length (and then padding, which Ethernet allows).
 */
#ifndef SG_FRAMES_BPF_H
#define SG_FRAMES_BPF_H

/* Time to live of a RST: the frame's own may not last to the end. */
#define SG_RST_HOPS 64

static __always_inline __u32 sg_sum_add(__u32 sum, __u32 value)
{
	return sum + (value & 0xffff) + (value >> 16);
}

static __always_inline __u16 sg_sum_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)sum;
}

/* Sum of the pseudo header for `len` bytes of TCP, not folded, not complemented. */
static __always_inline __u32 sg_pseudo_sum(const struct sg_ip *src, const struct sg_ip *dst,
					   __u8 family, __u32 len)
{
	__u32 sum = sg_htons(SG_IPPROTO_TCP) + sg_htons(len);

	for (int i = family == 4 ? 3 : 0; i < 4; i++) {
		sum = sg_sum_add(sum, src->w[i]);
		sum = sg_sum_add(sum, dst->w[i]);
	}
	return sum;
}

/* Read ctx->data and data_end so that clang cannot merge the loads with others of ctx ("dereference
 * of modified ctx ptr", both clangs).
 */
static __always_inline struct sg_cursor sg_frame(struct xdp_md *ctx)
{
	__u64 data, end;

#ifdef __bpf__
	asm volatile("%[d] = *(u32 *)(%[c] + 0)\n\t"
		     "%[e] = *(u32 *)(%[c] + 4)"
		     : [d] "=&r"(data), [e] "=&r"(end)
		     : [c] "r"(ctx));
#else
	data = ctx->data;
	end = ctx->data_end;
#endif
	return (struct sg_cursor){(__u8 *)data, (__u8 *)data, (__u8 *)end};
}

/* Bytes [off, off + n) of the frame, or NULL. off below 4096: headers only. */
static __always_inline void *sg_frame_at(struct xdp_md *ctx, __u32 off, __u32 n)
{
	struct sg_cursor cur = sg_frame(ctx);

	off &= 0xfff;
	cur.pos += off;
	return (void *)sg_cursor_peek(&cur, n);
}

/* Sum of the IPv4 header, options included, with its checksum as it stands. */
static __always_inline __u32 sg_ipv4_sum(struct xdp_md *ctx, const struct sg_packet *pkt)
{
	__u32 sum = 0, *word;

	for (__u32 off = 0; off < 60 && pkt->l3_off + off < pkt->l4_off; off += 4) {
		word = sg_frame_at(ctx, pkt->l3_off + off, 4);
		if (!word)
			return 0;
		sum = sg_sum_add(sum, *word);
	}
	return sum;
}

static __always_inline bool sg_rst_ipv4(struct xdp_md *ctx, const struct sg_packet *pkt,
					const struct sg_rst *rst)
{
	struct sg_ipv4_header *ip = sg_frame_at(ctx, pkt->l3_off, sizeof(*ip));

	if (!ip)
		return false;
	ip->total_length = sg_htons(pkt->l4_off - pkt->l3_off + 20);
	ip->fragment = 0;
	ip->ttl = SG_RST_HOPS;
	ip->src = rst->src.w[3];
	ip->dst = rst->dst.w[3];
	ip->checksum = 0;
	/* Anew, not by difference: the sender may have got it wrong on purpose. */
	ip->checksum = ~sg_sum_fold(sg_ipv4_sum(ctx, pkt));
	return true;
}

static __always_inline bool sg_rst_ipv6(struct xdp_md *ctx, const struct sg_packet *pkt,
					const struct sg_rst *rst)
{
	struct sg_ipv6_header *ip = sg_frame_at(ctx, pkt->l3_off, sizeof(*ip));

	if (!ip)
		return false;
	ip->payload_length = sg_htons(pkt->l4_off - pkt->l3_off - sizeof(*ip) + 20);
	ip->hop_limit = SG_RST_HOPS;
	ip->src = rst->src;
	ip->dst = rst->dst;
	return true;
}

/* Traffic from the same host carries only the pseudo header's sum (CHECKSUM_PARTIAL, facts): the
 * stack finishes it when the packet is passed on, so it must then stay a pseudo sum.
 */
static __always_inline bool sg_checksum_partial(const struct sg_packet *pkt,
						const struct sg_tcp_header *tcp, __u32 l4_len)
{
	return tcp->checksum ==
	       sg_sum_fold(sg_pseudo_sum(&pkt->src, &pkt->dst, pkt->family, l4_len));
}

static __always_inline bool sg_rst_tcp(struct xdp_md *ctx, const struct sg_packet *pkt,
				       const struct sg_rst *rst)
{
	struct sg_tcp_header *tcp = sg_frame_at(ctx, pkt->l4_off, sizeof(*tcp));
	__u32 sum = sg_pseudo_sum(&rst->src, &rst->dst, pkt->family, 20);
	bool partial;

	if (!tcp)
		return false;
	partial = !rst->turn &&
		  sg_checksum_partial(pkt, tcp, pkt->payload_off - pkt->l4_off + pkt->payload_len);
	tcp->sport = rst->sport;
	tcp->dport = rst->dport;
	tcp->seq = sg_htonl(rst->seq);
	tcp->ack = sg_htonl(rst->ack);
	tcp->offset = 5 << 4;
	tcp->flags = rst->flags;
	tcp->window = 0;
	tcp->urgent = 0;
	if (partial) {
		tcp->checksum = sg_sum_fold(sum);
		return true;
	}
	sum += rst->sport + rst->dport;
	sum = sg_sum_add(sg_sum_add(sum, tcp->seq), tcp->ack);
	sum += sg_htons(0x5000 | rst->flags);
	tcp->checksum = ~sg_sum_fold(sum);
	return true;
}

static __always_inline bool sg_frame_turn(struct xdp_md *ctx)
{
	__u16 *eth = sg_frame_at(ctx, 0, 14);

	if (!eth)
		return false;
	for (int i = 0; i < 3; i++) {
		__u16 word = eth[i];

		eth[i] = eth[i + 3];
		eth[i + 3] = word;
	}
	return true;
}

/* Turn the frame at hand into flow->rst. False: nothing usable was written, drop the frame. */
__noinline int sg_frame_rst(struct xdp_md *ctx)
{
	const struct sg_packet *pkt;
	const struct sg_rst *rst;
	struct sg_run run = {};

	if (!sg_run_begin(&run))
		return false;
	pkt = &run.flow->pkt;
	rst = &run.flow->rst;
	if (rst->turn && !sg_frame_turn(ctx))
		return false;
	if (pkt->family == 4 ? !sg_rst_ipv4(ctx, pkt, rst) : !sg_rst_ipv6(ctx, pkt, rst))
		return false;
	return sg_rst_tcp(ctx, pkt, rst);
}

/* Answer the frame at hand with a RST of its own addresses. Returns the XDP action. */
static __always_inline int sg_answer(struct xdp_md *ctx, struct sg_flow *flow, __u32 seq, __u32 ack,
				     __u8 flags)
{
	const struct sg_packet *pkt = &flow->pkt;

	flow->rst.src = pkt->dst;
	flow->rst.dst = pkt->src;
	flow->rst.sport = pkt->dport;
	flow->rst.dport = pkt->sport;
	flow->rst.seq = seq;
	flow->rst.ack = ack;
	flow->rst.flags = flags;
	flow->rst.turn = true;
	return sg_frame_rst(ctx) ? XDP_TX : XDP_DROP;
}

/* Answer a refused SYN with RST (RFC 9293, 3.10.7.1: seq 0, ack seq + length). */
static __always_inline int sg_answer_rst(struct xdp_md *ctx, struct sg_flow *flow)
{
	return sg_answer(ctx, flow, 0, flow->pkt.seq + 1 + flow->pkt.payload_len,
			 SG_TCP_RST | SG_TCP_ACK);
}

/* Answer a segment that acknowledges something with RST (RFC 9293, 3.10.7.1): a SYN-ACK that came too
 * late, so that the CA's half-open slot goes; a client whose connection is over.
 */
static __always_inline int sg_answer_stray(struct xdp_md *ctx, struct sg_flow *flow)
{
	return sg_answer(ctx, flow, flow->pkt.ack, 0, SG_TCP_RST);
}

#endif
