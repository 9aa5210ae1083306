/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames for tests: built from a description, with right checksums; and checksums computed the slow
 * way, to judge frames the guard wrote.
 */
#ifndef SG_TEST_PACKET_H
#define SG_TEST_PACKET_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "../../bpf/core/net_parse.h"

#define PACKET_MAX 2048

struct packet {
	int family;            /* 4 or 6 */
	const char *src, *dst; /* text */
	uint16_t sport, dport; /* host order */
	uint32_t seq, ack;
	uint8_t flags;
	const void *payload;
	size_t payload_len;
	int vlan_tags;               /* 0..5 */
	uint16_t vlan_type;          /* 0 = 802.1Q */
	int ip_options, tcp_options; /* bytes, multiples of 4 */
	const uint8_t *extensions;   /* IPv6: header types, in order, ended by 0xff */
	uint16_t fragment_offset;    /* in units of 8 bytes */
	bool more_fragments;
	int padding;      /* bytes behind the IP packet */
	uint8_t protocol; /* 0 = TCP */
	bool partial;     /* checksum field holds the pseudo header's sum only */
};

static inline uint32_t packet_sum(const void *data, size_t len, uint32_t sum)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Sum of the pseudo header and of `len` bytes of TCP. addresses: source and destination. */
static inline uint16_t packet_tcp_sum(const void *addresses, size_t addresses_len, const void *tcp,
				      size_t len, uint8_t protocol)
{
	uint32_t sum = packet_sum(addresses, addresses_len, (uint32_t)len + protocol);

	return packet_sum(tcp, len, sum);
}

static inline void packet_put16(uint8_t *at, uint32_t value)
{
	at[0] = value >> 8;
	at[1] = value;
}

static inline void packet_put32(uint8_t *at, uint32_t value)
{
	packet_put16(at, value >> 16);
	packet_put16(at + 2, value);
}

/* Header of TCP (or of what stands in its place) and payload. Returns its length. */
static inline size_t packet_tcp(const struct packet *p, uint8_t *at, const void *addresses,
				size_t addresses_len)
{
	uint8_t protocol = p->protocol ? p->protocol : SG_IPPROTO_TCP;
	size_t header = 20 + p->tcp_options, len = header + p->payload_len;
	uint16_t sum;

	packet_put16(at, p->sport);
	packet_put16(at + 2, p->dport);
	packet_put32(at + 4, p->seq);
	packet_put32(at + 8, p->ack);
	at[12] = header / 4 << 4;
	at[13] = p->flags;
	packet_put16(at + 14, 64240);
	memset(at + 20, 1, p->tcp_options); /* NOPs */
	if (p->payload_len)
		memcpy(at + header, p->payload, p->payload_len);
	sum = p->partial ? packet_tcp_sum(addresses, addresses_len, at, 0, protocol)
			 : packet_tcp_sum(addresses, addresses_len, at, len, protocol);
	if (p->partial)
		sum = packet_sum(addresses, addresses_len, (uint32_t)len + protocol);
	packet_put16(at + 16, p->partial ? sum : (uint16_t)~sum);
	return len;
}

static inline size_t packet_ipv4(const struct packet *p, uint8_t *at)
{
	size_t header = 20 + p->ip_options, len;

	at[0] = 0x40 | header / 4;
	packet_put16(at + 4, 0x1234);
	packet_put16(at + 6, (p->more_fragments ? 0x2000 : 0) | p->fragment_offset);
	at[8] = 64;
	at[9] = p->protocol ? p->protocol : SG_IPPROTO_TCP;
	inet_pton(AF_INET, p->src, at + 12);
	inet_pton(AF_INET, p->dst, at + 16);
	memset(at + 20, 1, p->ip_options);
	len = header + packet_tcp(p, at + header, at + 12, 8);
	packet_put16(at + 2, len);
	packet_put16(at + 10, ~packet_sum(at, header, 0));
	return len;
}

/* One extension header of this type, 8 bytes. */
static inline void packet_extension(const struct packet *p, uint8_t *at, uint8_t type, uint8_t next)
{
	memset(at, 0, 8);
	at[0] = next;
	if (type == SG_IPPROTO_FRAGMENT)
		packet_put16(at + 2, p->fragment_offset << 3 | p->more_fragments);
	else if (type != SG_IPPROTO_ROUTING)
		at[2] = 1, at[3] = 4; /* PadN */
}

static inline size_t packet_ipv6(const struct packet *p, uint8_t *at)
{
	uint8_t protocol = p->protocol ? p->protocol : SG_IPPROTO_TCP;
	size_t len = 40;

	at[0] = 0x60;
	at[7] = 64;
	inet_pton(AF_INET6, p->src, at + 8);
	inet_pton(AF_INET6, p->dst, at + 24);
	at[6] = p->extensions && p->extensions[0] != 0xff ? p->extensions[0] : protocol;
	for (int i = 0; p->extensions && p->extensions[i] != 0xff; i++, len += 8)
		packet_extension(p, at + len, p->extensions[i],
				 p->extensions[i + 1] == 0xff ? protocol : p->extensions[i + 1]);
	len += packet_tcp(p, at + len, at + 8, 32);
	packet_put16(at + 4, len - 40);
	return len;
}

/* Build the frame into out[PACKET_MAX]. Returns its length. */
static inline size_t packet_build(const struct packet *p, uint8_t *out)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	size_t len = 12;

	memset(out, 0, PACKET_MAX);
	memcpy(out, macs, 12);
	for (int i = 0; i < p->vlan_tags; i++, len += 4) {
		packet_put16(out + len, p->vlan_type ? p->vlan_type : SG_ETH_P_8021Q);
		packet_put16(out + len + 2, 100 + i);
	}
	packet_put16(out + len, p->family == 4 ? SG_ETH_P_IP : SG_ETH_P_IPV6);
	len += 2;
	len += p->family == 4 ? packet_ipv4(p, out + len) : packet_ipv6(p, out + len);
	return len + p->padding;
}

/* Are the checksums of this whole TCP frame right, judged byte by byte? */
static inline bool packet_sums_right(const uint8_t *frame, const struct sg_packet *pkt)
{
	size_t len = pkt->payload_off - pkt->l4_off + pkt->payload_len;
	const uint8_t *ip = frame + pkt->l3_off;
	bool v4 = pkt->family == 4;

	if (v4 && packet_sum(ip, (ip[0] & 0xf) * 4, 0) != 0xffff)
		return false;
	return packet_tcp_sum(ip + (v4 ? 12 : 8), v4 ? 8 : 32, frame + pkt->l4_off, len,
			      SG_IPPROTO_TCP) == 0xffff;
}

#endif
