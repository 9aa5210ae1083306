// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <string.h>

#include "wire.h"
#include "../../bpf/core/segment.h"

/* What whoever answers gives its packets. */
#define SG_ANSWER_HOPS   64
#define SG_ANSWER_WINDOW 65535

bool sg_wire_read(const void *frame, size_t len, struct sg_packet *ret)
{
	const __u8 *start = frame;
	struct sg_cursor cur = {start, start, start + len};

	memset(ret, 0, sizeof(*ret));
	return sg_parse_frame(&cur, ret) == SG_PARSE_TCP;
}

static __u16 get16(const void *at)
{
	__u16 v;

	memcpy(&v, at, sizeof(v));
	return v;
}

static void put16(void *at, __u16 v)
{
	memcpy(at, &v, sizeof(v));
}

static void put32(void *at, __u32 v)
{
	memcpy(at, &v, sizeof(v));
}

static __u32 tcp_len(const struct sg_packet *pkt)
{
	return pkt->payload_off - pkt->l4_off + pkt->payload_len;
}

static struct sg_segment_look look_at(const __u8 *frame, size_t len, const struct sg_packet *pkt,
				      bool partial_refused)
{
	const __u8 *end = frame + len;
	struct sg_segment_look look = {};
	int ip_sum = 0;

	if (pkt->family == 4)
		ip_sum = sg_sum(frame + pkt->l3_off, end, pkt->l4_off - pkt->l3_off);
	sg_segment_judge(pkt, ip_sum, sg_sum(frame + pkt->l4_off, end, tcp_len(pkt)),
			 get16(frame + pkt->l4_off + 16), partial_refused, &look);
	return look;
}

bool sg_wire_partial(const void *frame, size_t len, const struct sg_packet *pkt)
{
	return look_at(frame, len, pkt, false).partial && !look_at(frame, len, pkt, true).sound;
}

bool sg_wire_sound(const void *frame, size_t len, const struct sg_packet *pkt, bool partial)
{
	return look_at(frame, len, pkt, !partial).sound;
}

void sg_wire_move_ack(void *frame, size_t len, const struct sg_packet *pkt, __u32 by)
{
	__u8 *tcp = (__u8 *)frame + pkt->l4_off;
	const __be32 before = htonl(pkt->ack), after = htonl(pkt->ack + by);
	__u64 sum = (__u16)~get16(tcp + 16);

	if (!(pkt->tcp_flags & SG_TCP_ACK))
		return;
	if (!sg_wire_partial(frame, len, pkt))
		put16(tcp + 16, ~sg_sum_fold64(sum + (__u32)~before + after));
	put32(tcp + 8, after);
}

bool sg_wire_same(const void *a, const void *b, size_t len, const struct sg_packet *pkt)
{
	const size_t at = pkt->l4_off + 16u;
	const __u8 *x = a, *y = b;
	__u16 sum_x, sum_y;

	if (at + 2 > len || memcmp(x, y, at) || memcmp(x + at + 2, y + at + 2, len - at - 2))
		return false;
	sum_x = get16(x + at);
	sum_y = get16(y + at);
	return (sum_x == 0xffff ? 0 : sum_x) == (sum_y == 0xffff ? 0 : sum_y);
}

/* IPv4 or IPv6 header at `ip`, which is a copy of the one of a packet the other way. */
static void turn_ip(__u8 *ip, const struct sg_packet *pkt, size_t tcp_bytes)
{
	const size_t size = pkt->family == 4 ? 4 : 16, src = pkt->family == 4 ? 12 : 8;
	__u8 address[16];

	memcpy(address, ip + src, size);
	memcpy(ip + src, ip + src + size, size);
	memcpy(ip + src + size, address, size);
	if (pkt->family == 6) {
		put16(ip + 4, htons((__u16)tcp_bytes));
		ip[7] = SG_ANSWER_HOPS;
		return;
	}
	put16(ip + 2, htons((__u16)(20 + tcp_bytes)));
	ip[8] = SG_ANSWER_HOPS;
	put16(ip + 10, 0);
	put16(ip + 10, (__u16)~sg_sum(ip, ip + 20, 20));
}

size_t sg_wire_answer(const void *from, const struct sg_packet *pkt,
		      const struct sg_wire_segment *segment, void *out)
{
	const size_t bytes = 20 + segment->payload_len;
	__u8 *frame = out, *tcp = frame + pkt->l4_off;
	struct sg_packet made = *pkt;

	memcpy(frame, from, pkt->l4_off);
	memcpy(frame, (const __u8 *)from + 6, 6);
	memcpy(frame + 6, from, 6);
	turn_ip(frame + pkt->l3_off, pkt, bytes);
	memset(tcp, 0, 20);
	put16(tcp, pkt->dport);
	put16(tcp + 2, pkt->sport);
	put32(tcp + 4, htonl(segment->seq));
	put32(tcp + 8, htonl(segment->ack));
	tcp[12] = 5 << 4;
	tcp[13] = segment->flags;
	put16(tcp + 14, htons(SG_ANSWER_WINDOW));
	if (segment->payload_len)
		memcpy(tcp + 20, segment->payload, segment->payload_len);
	made.src = pkt->dst;
	made.dst = pkt->src;
	put16(tcp + 16, (__u16)~sg_sum_fold64(sg_sum_pseudo(&made, (__u32)bytes) +
					      (__u64)sg_sum(tcp, tcp + bytes, (__u32)bytes)));
	return pkt->l4_off + bytes;
}
