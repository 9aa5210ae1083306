/* SPDX-License-Identifier: GPL-2.0-only */
/* What is not a whole TCP header passes, with one exception: fragments and IPv6 chains to a protected
 * address that hide or overwrite the TCP header (RFC 3128, RFC 7112) would carry a SYN past the
 * budget. No sender makes them: the smallest IPv4 MTU leaves 48 bytes for the first fragment.
 */
#ifndef SG_FRAGMENT_BPF_H
#define SG_FRAGMENT_BPF_H

/* IPv6 extension headers of the packet at hand. Returns enum sg_parse. */
__noinline int sg_parse_chain_of(struct xdp_md *ctx)
{
	struct sg_cursor cur = sg_frame(ctx);
	struct sg_run run = {};

	if (!sg_run_begin(&run))
		return SG_PARSE_NOT_TCP;
	cur.pos += run.flow->pkt.l3_off & 0xfff;
	return sg_parse_chain(&cur, &run.flow->pkt);
}

static __always_inline int sg_tiny_fragment(struct sg_run *run, __be16 port)
{
	struct sg_packet *pkt = &run->flow->pkt;
	const struct sg_endpoint *ep = sg_endpoint_find(run->live, &pkt->dst, port);

	if (!ep || !sg_run_enter(run, ep, &pkt->src, 0))
		return sg_pass_other(SG_PASSED_FRAGMENT);
	if (!sg_polices(run)) {
		run->stats->would[SG_PRIORITY_OTHER][SG_REASON_TINY_FRAGMENT]++;
		return XDP_PASS;
	}
	run->stats->verdicts[SG_PRIORITY_OTHER][SG_REASON_TINY_FRAGMENT]++;
	return XDP_DROP;
}

static __always_inline int sg_not_whole_tcp(struct sg_run *run, enum sg_parse parsed)
{
	switch (parsed) {
	case SG_PARSE_TINY:
		return sg_tiny_fragment(run, run->flow->pkt.dport);
	case SG_PARSE_OVERLAP:
	case SG_PARSE_HIDDEN:
		/* The ports are in another fragment: ask for the address alone. */
		return sg_tiny_fragment(run, 0);
	case SG_PARSE_FRAGMENT:
		return sg_pass_other(SG_PASSED_FRAGMENT);
	case SG_PARSE_MALFORMED:
		return sg_pass_other(SG_PASSED_MALFORMED);
	default:
		return sg_pass_other(SG_PASSED_NOT_TCP);
	}
}

#endif
