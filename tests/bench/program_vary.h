/* SPDX-License-Identifier: GPL-2.0-only */
/* How the n-th packet of a row differs from the row's frame: source address, source port, initial
 * sequence number, checksums. One code for the front program, which does it in the kernel, and for the
 * harness, which sends the same client's other packets and the CA's answers.
 */
#ifndef SG_BENCH_PROGRAM_VARY_H
#define SG_BENCH_PROGRAM_VARY_H

#include <linux/types.h>
#include "../../bpf/core/net_parse.h"

/* 2^32 / phi: sequence numbers that do not look like a count. */
#define VARY_GOLDEN 0x9e3779b1u

struct vary {
	__u32 l3_off, l4_off; /* of the row's frame */
	__u32 family;         /* 4 or 6 */
	__u32 source_bits;    /* 2^source_bits sources */
	__u32 vary_port;      /* a new port whenever the sources are through */
	__u32 vary_isn;       /* a new sequence number every packet */
	__u32 cpu_bit; /* each CPU has its own sources: CPU << cpu_bit; 0 = all the same ones */
	__u32 base;    /* first source: IPv4 address, or bits 32-63 of the IPv6 one; host order */
	__u32 port;    /* first port, host order; the frame's own where it does not vary */
	/* Packet n goes on where packet n-1 ended: so many bytes further, on both sides; 0 = not so. */
	__u32 seq_step, ack_step;
	__u32 seq, ack; /* of packet 0 */
	/* Sums of the headers without what varies, not folded, not complemented. */
	__u32 ip_sum, tcp_sum;
};

static __always_inline __u16 vary_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* Which source sends packet n on this CPU, counted from 0. */
static __always_inline __u32 vary_source(const struct vary *v, __u64 n, __u32 cpu)
{
	__u32 source = n & ((1u << v->source_bits) - 1);

	return v->cpu_bit ? source | cpu << v->cpu_bit : source;
}

/* Make packet n of this CPU out of the row's frame, whatever packet it was before. l3 and l4 point at the
 * IP header and at the TCP header.
 */
static __always_inline void vary_apply(const struct vary *v, __u8 *l3, __u8 *l4, __u64 n, __u32 cpu)
{
	struct sg_tcp_header *tcp = (struct sg_tcp_header *)l4;
	__be32 word = sg_htonl(v->base + vary_source(v, n, cpu));
	__u32 sum = v->tcp_sum + (word & 0xffff) + (word >> 16);

	if (v->family == 4) {
		struct sg_ipv4_header *ip = (struct sg_ipv4_header *)l3;

		ip->src = word;
		ip->checksum = ~vary_fold(v->ip_sum + (word & 0xffff) + (word >> 16));
	} else {
		((struct sg_ipv6_header *)l3)->src.w[1] = word;
	}
	if (v->vary_port) {
		tcp->sport = sg_htons(v->port + (n >> v->source_bits & 0x7fff));
		sum += tcp->sport;
	}
	if (v->vary_isn) {
		tcp->seq = sg_htonl((__u32)n * VARY_GOLDEN);
		sum += (tcp->seq & 0xffff) + (tcp->seq >> 16);
	}
	if (v->seq_step) {
		tcp->seq = sg_htonl(v->seq + (__u32)n * v->seq_step);
		tcp->ack = sg_htonl(v->ack + (__u32)n * v->ack_step);
		sum += (tcp->seq & 0xffff) + (tcp->seq >> 16);
		sum += (tcp->ack & 0xffff) + (tcp->ack >> 16);
	}
	tcp->checksum = ~vary_fold(sum);
}

#endif
