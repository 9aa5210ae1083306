/* SPDX-License-Identifier: GPL-2.0-only */
/* Ethernet, VLAN, IPv4 and IPv6, TCP: from the frame's bytes to struct sg_packet. Reads headers
 * only; checks no checksum; knows no service. Lengths come from the IP header, never from the
 * frame's end (short frames are padded).
 */
#ifndef SG_NET_PARSE_H
#define SG_NET_PARSE_H

#include <linux/types.h>
#include <stdbool.h>
#include "cursor.h"
#include "endpoint.h"
#include "../abi/scepguard_abi.h"

enum sg_parse {
	SG_PARSE_TCP,  /* all of sg_packet is valid */
	SG_PARSE_TINY, /* first fragment without the whole TCP header: addresses and ports only */
	SG_PARSE_NOT_TCP,  /* another protocol, or an IPv6 header we do not follow */
	SG_PARSE_FRAGMENT, /* not the first fragment: addresses only */
	SG_PARSE_OVERLAP, /* a fragment that starts inside the TCP header (RFC 3128): addresses only */
	SG_PARSE_HIDDEN, /* IPv6: headers go on in a later fragment (RFC 7112) or too deep: addresses only */
	SG_PARSE_MALFORMED, /* lengths contradict each other or the frame */
	SG_PARSE_CHAIN, /* of sg_parse_plain() only: IPv6 extension headers, see sg_parse_chain() */
};

#define SG_TCP_FIN 0x01
#define SG_TCP_SYN 0x02
#define SG_TCP_RST 0x04
#define SG_TCP_PSH 0x08
#define SG_TCP_ACK 0x10
#define SG_TCP_URG 0x20

/* Deepest chain of IPv6 extension headers followed: hop-by-hop, 2 x destination, routing, fragment
 * (RFC 8200, 4.1) and one to spare.
 */
#define SG_IPV6_EXTENSIONS 6

struct sg_packet {
	struct sg_ip src, dst;
	__be16 sport, dport;
	__u32 seq, ack;
	__u16 l3_off, l4_off; /* from the frame's start */
	__u16 payload_off, payload_len;
	__u16 window;
	__u8 tcp_flags;
	__u8 family; /* 4 or 6 */
	__u8 hops;   /* left: TTL, hop limit */
	__u8 vlan_tags;
	bool fragment; /* first fragment of several */
};

/* Headers stand 14 bytes into a frame: XDP may load unaligned, native code is told so (for BPF clang
 * would load byte by byte).
 */
#ifdef __bpf__
#define SG_UNALIGNED
#else
#define SG_UNALIGNED __attribute__((packed))
#endif

struct sg_ipv4_header {
	__u8 version_ihl, tos;
	__be16 total_length;
	__be16 id, fragment;
	__u8 ttl, protocol;
	__be16 checksum;
	__be32 src, dst;
} SG_UNALIGNED;

struct sg_ipv6_header {
	__be32 version_class_flow;
	__be16 payload_length;
	__u8 next_header, hop_limit;
	struct sg_ip src, dst;
} SG_UNALIGNED;

struct sg_tcp_header {
	__be16 sport, dport;
	__be32 seq, ack;
	__u8 offset, flags;
	__be16 window, checksum, urgent;
} SG_UNALIGNED;

static __always_inline enum sg_parse sg_parse_tcp(struct sg_cursor *cur, __u32 l4_len,
						  bool first_of_many, struct sg_packet *pkt)
{
	const struct sg_tcp_header *tcp;
	__u32 header_len;

	if (l4_len < 8)
		return first_of_many ? SG_PARSE_OVERLAP : SG_PARSE_MALFORMED;
	pkt->l4_off = sg_cursor_offset(cur);
	if (l4_len < sizeof(*tcp)) {
		const __be16 *ports = sg_cursor_take(cur, 8);

		if (!ports || !first_of_many)
			return SG_PARSE_MALFORMED;
		pkt->sport = ports[0];
		pkt->dport = ports[1];
		return SG_PARSE_TINY;
	}
	tcp = sg_cursor_take(cur, sizeof(*tcp));
	if (!tcp)
		return SG_PARSE_MALFORMED;
	header_len = (tcp->offset >> 4) * 4;
	if (header_len < sizeof(*tcp))
		return SG_PARSE_MALFORMED;
	pkt->sport = tcp->sport;
	pkt->dport = tcp->dport;
	if (header_len > l4_len)
		return first_of_many ? SG_PARSE_TINY : SG_PARSE_MALFORMED;
	pkt->seq = sg_ntohl(tcp->seq);
	pkt->ack = sg_ntohl(tcp->ack);
	pkt->window = sg_ntohs(tcp->window);
	pkt->tcp_flags = tcp->flags;
	pkt->payload_off = pkt->l4_off + header_len;
	pkt->payload_len = l4_len - header_len;
	return SG_PARSE_TCP;
}

static __always_inline enum sg_parse sg_parse_ipv4(struct sg_cursor *cur, struct sg_packet *pkt)
{
	const struct sg_ipv4_header *ip = sg_cursor_peek(cur, sizeof(*ip));
	__u32 header_len, total, fragment;

	if (!ip || ip->version_ihl >> 4 != 4)
		return SG_PARSE_MALFORMED;
	header_len = (ip->version_ihl & 0xf) * 4;
	total = sg_ntohs(ip->total_length);
	if (header_len < sizeof(*ip) || total < header_len || total > sg_cursor_left(cur))
		return SG_PARSE_MALFORMED;
	pkt->family = 4;
	pkt->hops = ip->ttl;
	pkt->src = sg_ip_from_v4(ip->src);
	pkt->dst = sg_ip_from_v4(ip->dst);
	if (ip->protocol != SG_IPPROTO_TCP)
		return SG_PARSE_NOT_TCP;
	fragment = sg_ntohs(ip->fragment);
	if (fragment & 0x1fff)
		return (fragment & 0x1fff) * 8 < sizeof(struct sg_tcp_header) ? SG_PARSE_OVERLAP
									      : SG_PARSE_FRAGMENT;
	pkt->fragment = fragment & 0x2000;
	if (!sg_cursor_take(cur, header_len))
		return SG_PARSE_MALFORMED;
	return sg_parse_tcp(cur, total - header_len, pkt->fragment, pkt);
}

/* One IPv6 extension header. left: payload bytes not yet used. Returns 1 to go on with *next,
 * 0 when *result is the answer.
 */
static __always_inline int sg_parse_ipv6_extension(struct sg_cursor *cur, __u8 *next, __u32 *left,
						   bool *first_of_many, enum sg_parse *result)
{
	const __u8 *ext = sg_cursor_peek(cur, 8);
	__u32 len, offset;

	*result = *first_of_many ? SG_PARSE_HIDDEN : SG_PARSE_MALFORMED;
	if (!ext || *left < 8)
		return 0;
	if (*next == SG_IPPROTO_FRAGMENT) {
		len = 8;
		offset = (__u32)ext[2] << 8 | ext[3];
		*first_of_many |= offset & 1;
		if (offset & 0xfff8) {
			*result = ext[0] != SG_IPPROTO_TCP ? SG_PARSE_NOT_TCP
				  : (offset & 0xfff8) < 20 ? SG_PARSE_OVERLAP
							   : SG_PARSE_FRAGMENT;
			return 0;
		}
	} else {
		len = ((__u32)ext[1] + 1) * 8;
	}
	if (len > *left || !sg_cursor_take(cur, len))
		return 0;
	*left -= len;
	*next = ext[0];
	return 1;
}

static __always_inline bool sg_ipv6_followed(__u8 next)
{
	return next == SG_IPPROTO_HOPOPTS || next == SG_IPPROTO_ROUTING ||
	       next == SG_IPPROTO_DSTOPTS || next == SG_IPPROTO_FRAGMENT;
}

/* The IPv6 header, and TCP if it follows at once. */
static __always_inline enum sg_parse sg_parse_ipv6(struct sg_cursor *cur, struct sg_packet *pkt)
{
	const struct sg_ipv6_header *ip = sg_cursor_take(cur, sizeof(*ip));
	__u32 left;

	if (!ip || (sg_ntohl(ip->version_class_flow) >> 28) != 6)
		return SG_PARSE_MALFORMED;
	left = sg_ntohs(ip->payload_length);
	if (left > sg_cursor_left(cur))
		return SG_PARSE_MALFORMED;
	pkt->family = 6;
	pkt->hops = ip->hop_limit;
	pkt->src = ip->src;
	pkt->dst = ip->dst;
	/* On the wire these are nobody's addresses (every stack drops them); here they would pass for IPv4. */
	if (sg_ip_is_v4(&pkt->src) || sg_ip_is_v4(&pkt->dst))
		return SG_PARSE_MALFORMED;
	pkt->fragment = false;
	if (ip->next_header != SG_IPPROTO_TCP)
		return sg_ipv6_followed(ip->next_header) ? SG_PARSE_CHAIN : SG_PARSE_NOT_TCP;
	return sg_parse_tcp(cur, left, false, pkt);
}

/* Go on after SG_PARSE_CHAIN. [cur] stands at the IPv6 header. Apart, because it is rare and long. */
static __always_inline enum sg_parse sg_parse_chain(struct sg_cursor *cur, struct sg_packet *pkt)
{
	const struct sg_ipv6_header *ip = sg_cursor_take(cur, sizeof(*ip));
	bool first_of_many = false;
	enum sg_parse result;
	__u32 left;
	__u8 next;

	if (!ip)
		return SG_PARSE_MALFORMED;
	left = sg_ntohs(ip->payload_length);
	next = ip->next_header;
	for (int i = 0; i < SG_IPV6_EXTENSIONS && sg_ipv6_followed(next); i++)
		if (!sg_parse_ipv6_extension(cur, &next, &left, &first_of_many, &result))
			return result;
	if (next != SG_IPPROTO_TCP)
		return sg_ipv6_followed(next) ? SG_PARSE_HIDDEN : SG_PARSE_NOT_TCP;
	pkt->fragment = first_of_many;
	return sg_parse_tcp(cur, left, first_of_many, pkt);
}

enum sg_glance {
	SG_GLANCE_CLOSER, /* look closer */
	SG_GLANCE_NOT_TCP,
	SG_GLANCE_OTHER_TCP,
};

/* Is this surely none of ours: not TCP, or between ports none of which is an endpoint's? At a glance, for what passes a
 * gateway most: no tag, no option, no extension header, and nothing is kept. It may be malformed, which is not
 * the guard's business then. ports: of sg_live.
 */
static __always_inline enum sg_glance sg_parse_glance(const struct sg_cursor *cur, __u64 ports)
{
	const __u8 *p = cur->start;
	const __be16 *pair;
	__be16 type;

	if (!ports || p + 14 + 20 + 4 > cur->end)
		return SG_GLANCE_CLOSER;
	type = *(const __be16 *)(p + 12);
	if (type == sg_htons(SG_ETH_P_IP)) {
		if (p[14] != 0x45 || *(const __be16 *)(p + 14 + 6) & sg_htons(0x1fff))
			return SG_GLANCE_CLOSER;
		if (p[14 + 9] != SG_IPPROTO_TCP)
			return SG_GLANCE_NOT_TCP;
		pair = (const __be16 *)(p + 14 + 20);
	} else {
		if (type != sg_htons(SG_ETH_P_IPV6) || p + 14 + 40 + 4 > cur->end ||
		    sg_ipv6_followed(p[14 + 6]))
			return SG_GLANCE_CLOSER;
		if (p[14 + 6] != SG_IPPROTO_TCP)
			return SG_GLANCE_NOT_TCP;
		pair = (const __be16 *)(p + 14 + 40);
	}
	return ports & (sg_port_bit(pair[0]) | sg_port_bit(pair[1])) ? SG_GLANCE_CLOSER
								     : SG_GLANCE_OTHER_TCP;
}

/* Parse one frame up to IPv6 extension headers. [cur] stands at the Ethernet header. Fields of *pkt are
 * valid as far as the result says; pkt->vlan_tags must be 0 before.
 */
static __always_inline enum sg_parse sg_parse_plain(struct sg_cursor *cur, struct sg_packet *pkt)
{
	const __be16 *eth = sg_cursor_take(cur, 14);
	__be16 type;

	if (!eth)
		return SG_PARSE_NOT_TCP;
	type = eth[6];
	for (int i = 0; i < SG_VLAN_MAX && sg_is_vlan(type); i++) {
		const __be16 *tag = sg_cursor_take(cur, 4);

		if (!tag)
			return SG_PARSE_MALFORMED;
		type = tag[1];
		pkt->vlan_tags++;
	}
	pkt->l3_off = sg_cursor_offset(cur);
	if (type == sg_htons(SG_ETH_P_IP))
		return sg_parse_ipv4(cur, pkt);
	if (type == sg_htons(SG_ETH_P_IPV6))
		return sg_parse_ipv6(cur, pkt);
	return SG_PARSE_NOT_TCP;
}

/* Parse one frame, whatever it is. As sg_parse_plain(), but never SG_PARSE_CHAIN. */
static __always_inline enum sg_parse sg_parse_frame(struct sg_cursor *cur, struct sg_packet *pkt)
{
	enum sg_parse parsed = sg_parse_plain(cur, pkt);

	if (parsed != SG_PARSE_CHAIN)
		return parsed;
	cur->pos = cur->start + pkt->l3_off;
	return sg_parse_chain(cur, pkt);
}

#endif
