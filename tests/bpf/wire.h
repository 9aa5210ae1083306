/* SPDX-License-Identifier: GPL-2.0-only */
/* Segments as they are on the wire, written and read byte by byte, with nothing of the guard's code: what it
 * sends is compared with what is built here.
 */
#ifndef SG_TEST_WIRE_H
#define SG_TEST_WIRE_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define WIRE_MAX      2048

#define WIRE_FIN      0x01
#define WIRE_SYN      0x02
#define WIRE_RST      0x04
#define WIRE_PSH      0x08
#define WIRE_ACK      0x10

#define WIRE_HOPS     57 /* what senders' packets have left here */
#define WIRE_OWN_HOPS 64 /* of packets of the guard */

/* In what the scene is played. */
struct wire_net {
	const char *name;
	int family, tags;
	const char *client, *ca;
};

/* One segment. Numbers in host order. */
struct seg {
	bool from_ca;
	uint16_t port; /* of the client; the CA's is 80 */
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t window; /* 0 = 64240 */
	uint16_t mss;    /* the option; 0 = none */
	const void *bytes;
	size_t len;

	uint8_t hops; /* 0 = WIRE_HOPS */
	bool turned;  /* sent back by the guard to who sent the packet before */
	bool partial; /* the checksum is only begun: the pseudo header's sum */
	bool bad_sum;
	uint8_t nops;       /* bytes of TCP options behind */
	uint8_t ip_options; /* bytes; multiple of 4. IPv6: one extension header instead */
	bool more;          /* more fragments */
	bool no_window;     /* the window is 0 */
	bool reset;         /* a RST of the guard: may be taken to pieces */
};

static inline uint8_t *wire_put16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
	return at + 2;
}

static inline uint8_t *wire_put32(uint8_t *at, uint32_t v)
{
	return wire_put16(wire_put16(at, v >> 16), v);
}

static inline uint32_t wire_get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* One's complement sum of bytes as 16-bit words, RFC 1071. */
static inline uint32_t wire_sum(const uint8_t *bytes, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* Of addresses, protocol and length. */
static inline uint32_t wire_pseudo(const uint8_t *ip, size_t tcp_len)
{
	bool v4 = ip[0] >> 4 == 4;

	return wire_sum(ip + (v4 ? 12 : 8), v4 ? 8 : 32, 6 + (uint32_t)tcp_len);
}

static inline size_t wire_tcp(const struct seg *s, uint8_t *at, const uint8_t *ip)
{
	size_t header = 20 + (s->mss ? 4 : 0) + s->nops, len = header + s->len;
	uint32_t sum;
	uint8_t *p = at;

	p = wire_put16(p, s->from_ca ? 80 : s->port);
	p = wire_put16(p, s->from_ca ? s->port : 80);
	p = wire_put32(p, s->seq);
	p = wire_put32(p, s->ack);
	*p++ = (uint8_t)(header / 4 << 4);
	*p++ = s->flags;
	p = wire_put16(p, s->no_window ? 0 : s->window ? s->window : 64240);
	p = wire_put32(p, 0);
	if (s->mss)
		p = wire_put32(p, 0x02040000u | s->mss);
	memset(p, 1, s->nops);
	if (s->len)
		memcpy(p + s->nops, s->bytes, s->len);
	sum = wire_pseudo(ip, len);
	if (!s->partial)
		sum = ~wire_sum(at, len, sum);
	/* Wrong by so much: as much as behind a step that only changes it by what changes. */
	wire_put16(at + 16, s->bad_sum ? wire_sum(at, 0, (sum & 0xffff) + 0x0101) : sum);
	return len;
}

static inline size_t wire_ipv4(const struct wire_net *net, const struct seg *s, uint8_t *at)
{
	size_t header = 20 + s->ip_options, len;

	memset(at, 1, header); /* NOPs */
	at[0] = (uint8_t)(0x40 | header / 4);
	at[1] = 0x28; /* a class of service */
	wire_put16(at + 4, 0xbeef);
	wire_put16(at + 6, s->more ? 0x2000 : s->reset ? 0 : 0x4000);
	at[8] = s->hops ? s->hops : WIRE_HOPS;
	at[9] = 6;
	wire_put16(at + 10, 0);
	inet_pton(AF_INET, s->from_ca ? net->ca : net->client, at + 12);
	inet_pton(AF_INET, s->from_ca ? net->client : net->ca, at + 16);
	len = header + wire_tcp(s, at + header, at);
	wire_put16(at + 2, (uint32_t)len);
	wire_put16(at + 10, ~wire_sum(at, header, 0));
	return len;
}

static inline size_t wire_ipv6(const struct wire_net *net, const struct seg *s, uint8_t *at)
{
	size_t more = s->ip_options || s->more ? 8 : 0, len;

	wire_put32(at, 0x62812345); /* class and flow label */
	at[6] = s->more ? 44 : more ? 60 : 6;
	at[7] = s->hops ? s->hops : WIRE_HOPS;
	inet_pton(AF_INET6, s->from_ca ? net->ca : net->client, at + 8);
	inet_pton(AF_INET6, s->from_ca ? net->client : net->ca, at + 24);
	if (more)
		memcpy(at + 40, s->more ? "\6\0\0\1\0\0\0\7" : "\6\0\1\4\0\0\0\0", 8);
	len = more + wire_tcp(s, at + 40 + more, at);
	wire_put16(at + 4, (uint32_t)len);
	return 40 + len;
}

/* Into out[WIRE_MAX]. Returns its length. */
static inline size_t wire_build(const struct wire_net *net, const struct seg *s, uint8_t *out)
{
	static const uint8_t guard_mac[6] = {2, 0, 0, 0, 0, 1}, client_mac[6] = {2, 0, 0, 0, 0, 2},
			     ca_mac[6] = {2, 0, 0, 0, 0, 3};
	/* Who really is on the link it came from. */
	const uint8_t *peer = s->from_ca != s->turned ? ca_mac : client_mac;
	uint8_t *p = out + 12;

	memcpy(out, s->turned ? peer : guard_mac, 6);
	memcpy(out + 6, s->turned ? guard_mac : peer, 6);
	for (int i = 0; i < net->tags; i++)
		p = wire_put32(p, 0x81000000u | (0x2000u + 100u + (uint32_t)i));
	p = wire_put16(p, net->family == 4 ? 0x0800 : 0x86dd);
	p += net->family == 4 ? wire_ipv4(net, s, p) : wire_ipv6(net, s, p);
	return (size_t)(p - out);
}

/* Bytes before IP, and before TCP where there are no options. */
static inline size_t wire_l3(const struct wire_net *net)
{
	return 14 + 4 * (size_t)net->tags;
}

static inline size_t wire_l4(const struct wire_net *net)
{
	return wire_l3(net) + (net->family == 4 ? 20 : 40);
}

/* ---- reading ---- */

struct wire_seen {
	uint32_t seq, ack;
	uint8_t flags;
	uint16_t window;
	const uint8_t *bytes;
	size_t len;
	bool sound; /* lengths and checksums are right, and the TCP one is finished */
};

static inline struct wire_seen wire_read(const struct wire_net *net, const uint8_t *frame,
					 size_t len)
{
	const uint8_t *ip = frame + wire_l3(net), *tcp = frame + wire_l4(net);
	bool v4 = net->family == 4;
	size_t ip_len = v4 ? (size_t)ip[2] << 8 | ip[3] : 40 + ((size_t)ip[4] << 8 | ip[5]),
	       tcp_len = ip_len - (v4 ? 20 : 40), header = (size_t)(tcp[12] >> 4) * 4;
	struct wire_seen seen = {.seq = wire_get32(tcp + 4),
				 .ack = wire_get32(tcp + 8),
				 .flags = tcp[13],
				 .window = (uint16_t)(tcp[14] << 8 | tcp[15]),
				 .bytes = tcp + header,
				 .len = tcp_len - header};

	seen.sound = wire_l3(net) + ip_len <= len && header >= 20 && header <= tcp_len &&
		     (!v4 || wire_sum(ip, 20, 0) == 0xffff) &&
		     wire_sum(tcp, tcp_len, wire_pseudo(ip, tcp_len)) == 0xffff;
	return seen;
}

/* ---- the guard's cookie, from its description (core/cookie.h) ---- */

static inline void wire_sip_round(uint64_t v[4])
{
#define WIRE_ROL(x, b) ((x) << (b) | (x) >> (64 - (b)))
	v[0] += v[1], v[1] = WIRE_ROL(v[1], 13) ^ v[0], v[0] = WIRE_ROL(v[0], 32);
	v[2] += v[3], v[3] = WIRE_ROL(v[3], 16) ^ v[2];
	v[0] += v[3], v[3] = WIRE_ROL(v[3], 21) ^ v[0];
	v[2] += v[1], v[1] = WIRE_ROL(v[1], 17) ^ v[2], v[2] = WIRE_ROL(v[2], 32);
}

/* SipHash-2-4 of any bytes. */
static inline uint64_t wire_siphash(const uint64_t key[2], const uint8_t *bytes, size_t len)
{
	uint64_t v[4] = {key[0] ^ 0x736f6d6570736575ull, key[1] ^ 0x646f72616e646f6dull,
			 key[0] ^ 0x6c7967656e657261ull, key[1] ^ 0x7465646279746573ull};

	for (size_t at = 0; at <= len; at += 8) {
		uint64_t word = at + 8 > len ? (uint64_t)len << 56 : 0;

		for (size_t i = 0; i < 8 && at + i < len; i++)
			word |= (uint64_t)bytes[at + i] << 8 * i;
		v[3] ^= word;
		wire_sip_round(v);
		wire_sip_round(v);
		v[0] ^= word;
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		wire_sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* What is hashed: addresses, ports, then seven bytes: a number, the upper bits, the purpose. */
static inline uint64_t wire_cookie_hash(const struct wire_net *net, const uint64_t key[2],
					uint16_t port, uint32_t number, uint8_t upper,
					uint8_t purpose)
{
	uint8_t bytes[64] = {};
	size_t n = net->family == 4 ? 4 : 16;

	inet_pton(net->family == 4 ? AF_INET : AF_INET6, net->client, bytes);
	inet_pton(net->family == 4 ? AF_INET : AF_INET6, net->ca, bytes + n);
	n *= 2;
	wire_put16(bytes + n, port);
	wire_put16(bytes + n + 4, 80);
	n += 8;
	for (int i = 0; i < 4; i++)
		bytes[n++] = (uint8_t)(number >> 8 * i);
	bytes[n++] = upper;
	bytes[n++] = purpose;
	bytes[n++] = 0;
	return wire_siphash(key, bytes, n);
}

/* Six bits that tell the first segment from a later one. */
static inline uint8_t wire_cookie_first(const struct wire_net *net, const uint64_t key[2],
					uint16_t port, uint32_t isn)
{
	return wire_cookie_hash(net, key, port, isn, 0, 1) & 0x3f;
}

/* The initial sequence number given in a time slot. mss_index: 0..3. */
static inline uint32_t wire_cookie(const struct wire_net *net, const uint64_t keys[2][2],
				   uint16_t port, uint32_t isn, uint32_t slot,
				   unsigned int mss_index)
{
	const uint64_t *key = keys[slot / 128 % 2];
	uint8_t upper = (uint8_t)(mss_index << 6 | wire_cookie_first(net, key, port, isn));
	uint64_t macs = wire_cookie_hash(net, key, port, slot / 2, upper, 2);

	return (uint32_t)upper << 24 | ((uint32_t)(slot % 2 ? macs >> 24 : macs) & 0xffffff);
}

#endif
