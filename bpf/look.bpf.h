/* SPDX-License-Identifier: GPL-2.0-only */
/* Would the CA believe the packet at hand? Its checksums, timestamp and IP options (core/segment.h).
 * What nearly every packet has is looked at in line; the rest is in functions of its own, since a call
 * costs as much as a checksum (facts).
 */
#ifndef SG_LOOK_BPF_H
#define SG_LOOK_BPF_H

/* sg_sum() of bytes of the frame, off below 4096. */
__noinline int sg_frame_sum(struct xdp_md *ctx, __u32 off, __u32 len)
{
	struct sg_cursor cur = sg_frame(ctx);

	return sg_sum(cur.start + (off & 0xfff), cur.end, len);
}

/* Timestamp of the packet at hand, to flow->look. */
__noinline int sg_frame_stamp(struct xdp_md *ctx)
{
	struct sg_run run = {};
	struct sg_cursor cur;

	if (!sg_run_begin(&run))
		return 0;
	cur = sg_frame(ctx);
	sg_find_stamp(cur.start + ((run.flow->pkt.l4_off + 20) & 0xfff), cur.end,
		      run.flow->pkt.payload_off - run.flow->pkt.l4_off - 20, &run.flow->look);
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

/* Sum of the IPv4 header. */
static __always_inline int sg_look_ip_sum(struct xdp_md *ctx, const struct sg_packet *pkt)
{
	const __u32 *words;

	if (pkt->l4_off - pkt->l3_off != 20)
		return sg_frame_sum(ctx, pkt->l3_off, pkt->l4_off - pkt->l3_off);
	words = sg_frame_at(ctx, pkt->l3_off, 20);
	if (!words)
		return SG_SUM_NONE;
	return sg_sum_fold64((__u64)words[0] + words[1] + words[2] + words[3] + words[4]);
}

/* The timestamp where every stack puts it when there is no other option (RFC 7323, A), else a search. */
static __always_inline void sg_look_stamp(struct xdp_md *ctx, struct sg_flow *flow)
{
	const __u32 *options;

	if (flow->pkt.payload_off - flow->pkt.l4_off == 32) {
		options = sg_frame_at(ctx, flow->pkt.l4_off + 20, 12);
		if (options && options[0] == sg_htonl(SG_TCP_STAMP_ALONE)) {
			flow->look.stamp = sg_ntohl(options[1]);
			flow->look.stamped = true;
			return;
		}
	}
	sg_frame_stamp(ctx);
}

/* Read checksums, timestamp, IP options and hops of the packet at hand, to flow->look. */
static __always_inline void sg_segment_look(struct xdp_md *ctx, const struct sg_run *run)
{
	struct sg_flow *flow = run->flow;
	const struct sg_packet *pkt = &flow->pkt;
	const struct sg_tcp_header *tcp = sg_frame_at(ctx, pkt->l4_off, sizeof(*tcp));
	__u32 ip_len = pkt->l4_off - pkt->l3_off, tcp_header = pkt->payload_off - pkt->l4_off;
	struct sg_cursor cur = sg_frame(ctx);
	int ip_sum = 0, tcp_sum;
	__u16 field;

	__builtin_memset(&flow->look, 0, sizeof(flow->look));
	if (!tcp)
		return;
	field = tcp->checksum;
	if (pkt->family == 4)
		ip_sum = sg_look_ip_sum(ctx, pkt);
	tcp_sum = sg_sum(cur.start + (pkt->l4_off & 0xfff), cur.end, tcp_header + pkt->payload_len);
	sg_segment_judge(pkt, ip_sum, tcp_sum, field, run->live->partial_refused, &flow->look);
	flow->look.joined = sg_packet_joined(pkt, run->live->joined_above);
	if (tcp_header > sizeof(*tcp))
		sg_look_stamp(ctx, flow);
	if (ip_len > (pkt->family == 4 ? 20 : 40) && sg_frame_odd_ip(ctx))
		flow->look.odd_ip = true;
}

/* Would a CA that listens answer this SYN, as it was looked at? Else its silence is no evidence of
 * deafness, and a feeler is wasted: one client with wrong checksums could keep everybody out.
 */
static __always_inline bool sg_syn_answerable(const struct sg_flow *flow)
{
	return !flow->pkt.fragment && !(flow->pkt.tcp_flags & SG_TCP_FIN) && flow->look.sound &&
	       !flow->look.odd_ip && !flow->look.odd_tcp;
}

/* Look at this SYN: would it be answered? */
__noinline int sg_syn_look(struct xdp_md *ctx)
{
	struct sg_run run = {};

	if (!sg_run_begin(&run))
		return 0;
	sg_segment_look(ctx, &run);
	return sg_syn_answerable(run.flow);
}

/* Look at this segment: would a receiver believe it? */
__noinline int sg_look_sound(struct xdp_md *ctx)
{
	struct sg_run run = {};

	if (!sg_run_begin(&run))
		return 0;
	sg_segment_look(ctx, &run);
	return run.flow->look.sound;
}

/* A SYN goes on to the CA. */
static __always_inline void sg_syn_sent(struct xdp_md *ctx, struct sg_run *run)
{
	if (sg_syn_look(ctx))
		sg_deaf_syn(&run->budget->deaf, run->flow->now);
}

#endif
