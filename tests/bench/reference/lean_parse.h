/* SPDX-License-Identifier: GPL-2.0-only */
/* The least parsing that gets at a TCP packet's addresses, ports and flags: Ethernet, up to two VLAN tags,
 * IPv4 with options, IPv6 without extension headers. No lengths are compared, no fragments told apart by more
 * than their offset: this is what to be measured against, not what to copy.
 */
#ifndef SG_BENCH_LEAN_PARSE_H
#define SG_BENCH_LEAN_PARSE_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct lean {
	const void *l3;
	const struct tcphdr *tcp;
	bool v6;
};

#define LEAN_VLAN_TAGS 2

/* The service all references protect: port 80, whatever the address. */
#define LEAN_PORT 80

/* Is there TCP in IPv4? Returns where, or NULL. */
static __always_inline const void *lean_ipv4(const struct iphdr *ip, const void *end)
{
	if ((const void *)(ip + 1) > end || ip->protocol != IPPROTO_TCP ||
	    ip->frag_off & bpf_htons(0x1fff))
		return NULL;
	return (const void *)ip + ip->ihl * 4;
}

static __always_inline const void *lean_ipv6(const struct ipv6hdr *ip, const void *end)
{
	if ((const void *)(ip + 1) > end || ip->nexthdr != IPPROTO_TCP)
		return NULL;
	return ip + 1;
}

/* Is it TCP? Fills *p. */
static __always_inline bool lean_parse(const struct xdp_md *ctx, struct lean *p)
{
	const void *at = (const void *)(long)ctx->data, *end = (const void *)(long)ctx->data_end;
	const __be16 *eth = at; /* struct ethhdr is packed: it would be loaded byte by byte */
	__be16 type;

	if (at + ETH_HLEN > end)
		return false;
	type = eth[6];
	at += ETH_HLEN;
#pragma unroll
	for (int i = 0; i < LEAN_VLAN_TAGS; i++) {
		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
			break;
		if (at + 4 > end)
			return false;
		type = ((const __be16 *)at)[1];
		at += 4;
	}
	p->l3 = at;
	p->v6 = type == bpf_htons(ETH_P_IPV6);
	if (!p->v6 && type != bpf_htons(ETH_P_IP))
		return false;
	p->tcp = p->v6 ? lean_ipv6(at, end) : lean_ipv4(at, end);
	return p->tcp && (const void *)(p->tcp + 1) <= end;
}

/* A SYN to the service: what the limiters judge. */
static __always_inline bool lean_is_attempt(const struct lean *p)
{
	return p->tcp->dest == bpf_htons(LEAN_PORT) && p->tcp->syn && !p->tcp->ack;
}

static __always_inline __be32 lean_source(const struct lean *p)
{
	return ((const struct iphdr *)p->l3)->saddr;
}

/* IPv6: a /64 is one source. */
static __always_inline __u64 lean_prefix(const struct lean *p)
{
	const __u32 *source = (const __u32 *)&((const struct ipv6hdr *)p->l3)->saddr;

	return (__u64)source[0] << 32 | source[1];
}

#endif
