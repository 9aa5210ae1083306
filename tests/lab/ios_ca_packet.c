// SPDX-License-Identifier: GPL-2.0-only
/* Reading and building the few TCP/IP packets the gate needs. */
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <string.h>

#include "ios_ca.h"

static void map_v4(struct in6_addr *ret, uint32_t address_be)
{
	memset(ret, 0, sizeof(*ret));
	ret->s6_addr[10] = 0xff;
	ret->s6_addr[11] = 0xff;
	memcpy(&ret->s6_addr[12], &address_be, 4);
}

/* Offset of the TCP header; 0: not a TCP segment the gate can read. */
static size_t parse_v4(const uint8_t *packet, size_t *bytes, struct in6_addr *src,
		       struct in6_addr *dst)
{
	struct iphdr ip;

	if (*bytes < sizeof(ip))
		return 0;
	memcpy(&ip, packet, sizeof(ip));
	if (ip.protocol != IPPROTO_TCP || (ntohs(ip.frag_off) & 0x3fff))
		return 0;
	if (ip.ihl < 5 || ntohs(ip.tot_len) > *bytes)
		return 0;
	*bytes = ntohs(ip.tot_len);
	map_v4(src, ip.saddr);
	map_v4(dst, ip.daddr);
	return ip.ihl * 4u;
}

static size_t parse_v6(const uint8_t *packet, size_t *bytes, struct in6_addr *src,
		       struct in6_addr *dst)
{
	struct ip6_hdr ip;

	if (*bytes < sizeof(ip))
		return 0;
	memcpy(&ip, packet, sizeof(ip));
	if (ip.ip6_nxt != IPPROTO_TCP || sizeof(ip) + ntohs(ip.ip6_plen) > *bytes)
		return 0;
	*bytes = sizeof(ip) + ntohs(ip.ip6_plen);
	*src = ip.ip6_src;
	*dst = ip.ip6_dst;
	return sizeof(ip);
}

bool ca_packet_parse(const uint8_t *packet, size_t bytes, bool from_client, struct ca_segment *ret)
{
	struct in6_addr src, dst;
	struct tcphdr tcp;
	size_t offset;

	if (!bytes)
		return false;
	offset = packet[0] >> 4 == 4 ? parse_v4(packet, &bytes, &src, &dst)
				     : parse_v6(packet, &bytes, &src, &dst);
	if (!offset || offset + sizeof(tcp) > bytes)
		return false;
	memcpy(&tcp, packet + offset, sizeof(tcp));
	if (tcp.doff < 5 || offset + tcp.doff * 4u > bytes)
		return false;
	ret->flow.client = from_client ? src : dst;
	ret->flow.ca = from_client ? dst : src;
	ret->flow.client_port = ntohs(from_client ? tcp.source : tcp.dest);
	ret->flow.ca_port = ntohs(from_client ? tcp.dest : tcp.source);
	ret->seq = ntohl(tcp.seq);
	ret->ack = ntohl(tcp.ack_seq);
	ret->payload_bytes = (uint32_t)(bytes - offset - tcp.doff * 4u);
	ret->flags = packet[offset + 13];
	return true;
}

static uint32_t sum16(const void *data, size_t bytes, uint32_t sum)
{
	const uint8_t *p = data;

	for (size_t i = 0; i + 1 < bytes; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static void build_tcp_rst(const struct ca_flow *flow, uint32_t seq, uint32_t pseudo, uint8_t *where)
{
	struct tcphdr tcp = {
		.source = htons(flow->client_port),
		.dest = htons(flow->ca_port),
		.seq = htonl(seq),
		.doff = 5,
		.rst = 1,
	};

	tcp.check = fold(sum16(&tcp, sizeof(tcp), pseudo + IPPROTO_TCP + sizeof(tcp)));
	memcpy(where, &tcp, sizeof(tcp));
}

size_t ca_packet_build_rst(const struct ca_flow *flow, uint32_t seq, uint8_t *packet)
{
	if (IN6_IS_ADDR_V4MAPPED(&flow->client)) {
		struct iphdr ip = {
			.version = 4,
			.ihl = 5,
			.tot_len = htons(sizeof(ip) + sizeof(struct tcphdr)),
			.ttl = 64,
			.protocol = IPPROTO_TCP,
		};

		memcpy(&ip.saddr, &flow->client.s6_addr[12], 4);
		memcpy(&ip.daddr, &flow->ca.s6_addr[12], 4);
		ip.check = fold(sum16(&ip, sizeof(ip), 0));
		memcpy(packet, &ip, sizeof(ip));
		build_tcp_rst(flow, seq, sum16(&ip.saddr, 8, 0), packet + sizeof(ip));
		return sizeof(ip) + sizeof(struct tcphdr);
	}
	struct ip6_hdr ip6 = {
		.ip6_flow = htonl(6u << 28),
		.ip6_plen = htons(sizeof(struct tcphdr)),
		.ip6_nxt = IPPROTO_TCP,
		.ip6_hlim = 64,
		.ip6_src = flow->client,
		.ip6_dst = flow->ca,
	};

	memcpy(packet, &ip6, sizeof(ip6));
	build_tcp_rst(flow, seq, sum16(&ip6.ip6_src, 32, 0), packet + sizeof(ip6));
	return sizeof(ip6) + sizeof(struct tcphdr);
}
