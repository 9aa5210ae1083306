/* SPDX-License-Identifier: GPL-2.0-only */
/* Would a receiver believe this segment? Headers and payload are summed, and the timestamp is found
 * (RFC 7323), before a byte of it is read as part of a request: whoever sends a segment that the CA
 * throws away could else show the guard another request than the CA.
 *
 * What cannot be known from here: whether the segment dies on the way behind the guard. With few hops left
 * it may.
 */
#ifndef SG_SEGMENT_H
#define SG_SEGMENT_H

#include <linux/types.h>
#include <stdbool.h>
#include "http_shortcut.h"
#include "net_parse.h"

/* Longest run of bytes summed: the longest frame a driver gives a program without frags, a page less what XDP
 * wants at both ends. A multiple of 64.
 */
#define SG_SUM_MAX 3520

/* Fewer hops left than this may not reach the CA; honest packets come with dozens. */
#define SG_HOPS_MIN 8

/* Most TCP options looked at, padding included: no stack sends half as many, 40 bytes hold twice. */
#define SG_TCP_OPTIONS_MAX 16
#define SG_TCP_OPTION_END  0
#define SG_TCP_OPTION_NOP  1
#define SG_TCP_OPTION_TIME 8
#define SG_TCP_OPTION_MD5  19 /* RFC 2385, RFC 5925: unasked for, Linux throws the segment away */
#define SG_TCP_OPTION_AO   29

/* How a timestamp begins when it is the only option: two NOPs before it (RFC 7323, A). */
#define SG_TCP_STAMP_ALONE 0x0101080a

struct sg_segment_look {
	__u32 stamp;  /* TSval, host order; valid if stamped */
	bool sound;   /* both checksums hold, or the TCP one is only begun (see partial) */
	bool partial; /* the TCP checksum is the pseudo header's sum: not sent over a wire yet */
	bool joined;  /* several segments in one packet: see sg_packet_joined() */
	bool stamped;
	bool odd_ip; /* IP options, extension headers or a hop count that not every receiver gets past */
	bool odd_tcp; /* TCP options for which some receivers throw the segment away; or it is too long to be summed */
};

static __always_inline __u16 sg_sum_fold64(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)sum;
}

/* The last `rest` (1..7) bytes of the eight at p, zeros behind them, as 16-bit words in memory order. */
static __always_inline __u64 sg_sum_rest(const __u8 *p, __u32 rest)
{
	__u64 word = sg_load8(p);
	__u32 bits = 64 - 8 * rest;

	word = SG_SHORTCUT_HERE ? word >> bits : word << bits;
	return (word & 0xffffffff) + (word >> 32);
}

/* Sum of 32 bytes at p. */
static __always_inline __u64 sg_sum_32(const __u8 *p)
{
	return (__u64)sg_load4(p) + sg_load4(p + 4) + sg_load4(p + 8) + sg_load4(p + 12) +
	       sg_load4(p + 16) + sg_load4(p + 20) + sg_load4(p + 24) + sg_load4(p + 28);
}

/* Sum of len bytes from p, at least eight, as 16-bit words in memory order, not folded. *all: they
 * could all be read. Halves of words are added, for BPF has no carry.
 */
static __always_inline __u64 sg_sum_bytes(const __u8 *p, const __u8 *end, __u32 len, bool *all)
{
	__u64 sum = 0;
	__u32 i;

	*all = false;
	if (len < 8 || len > SG_SUM_MAX)
		return 0;
	for (i = 0; i < SG_SUM_MAX / 64; i++) {
		if (len < 64)
			break;
		if (p + 64 > end)
			return 0;
		sum += sg_sum_32(p) + sg_sum_32(p + 32);
		p += 64;
		len -= 64;
	}
	if (len >= 32) {
		if (p + 32 > end)
			return 0;
		sum += sg_sum_32(p);
		p += 32;
		len -= 32;
	}
	for (i = 0; i < 3; i++) {
		if (len < 8)
			break;
		if (p + 8 > end)
			return 0;
		sum += (__u64)sg_load4(p) + sg_load4(p + 4);
		p += 8;
		len -= 8;
	}
	if (len) {
		p += len & 7;
		if (p > end)
			return 0;
		sum += sg_sum_rest(p - 8, len & 7);
	}
	*all = true;
	return sum;
}

/* Sum of the pseudo header for a TCP part of tcp_len bytes, not folded. */
static __always_inline __u64 sg_sum_pseudo(const struct sg_packet *pkt, __u32 tcp_len)
{
	__u64 sum = sg_htons(SG_IPPROTO_TCP) + sg_htons(tcp_len);

	if (pkt->family == 4)
		return sum + pkt->src.w[3] + pkt->dst.w[3];
	for (int i = 0; i < 4; i++)
		sum += (__u64)pkt->src.w[i] + pkt->dst.w[i];
	return sum;
}

/* Find TSval in options of `len` bytes at p, and what receivers differ over: signatures, several
 * timestamps (most take the last) and options of no possible length.
 */
static __always_inline void sg_find_stamp(const __u8 *p, const __u8 *end, __u32 len,
					  struct sg_segment_look *look)
{
	__u32 at = 0;

	for (__u32 i = 0; i < SG_TCP_OPTIONS_MAX; i++) {
		const __u8 *option;

		/* Or clang drops the mask, which the verifier needs. */
		asm volatile("" : "+r"(at));
		at &= 63;
		option = p + at;
		if (at >= len || option + 2 > end || option[0] == SG_TCP_OPTION_END)
			return;
		if (option[0] == SG_TCP_OPTION_NOP) {
			at++;
			continue;
		}
		if (option[1] < 2 || at + option[1] > len || option[0] == SG_TCP_OPTION_MD5 ||
		    option[0] == SG_TCP_OPTION_AO)
			break;
		if (option[0] == SG_TCP_OPTION_TIME && option[1] == 10) {
			if (option + 6 > end)
				return;
			look->stamp = (__u32)option[2] << 24 | (__u32)option[3] << 16 |
				      (__u32)option[4] << 8 | option[5];
			look->odd_tcp |= look->stamped;
			look->stamped = true;
		}
		at += option[1];
	}
	look->odd_tcp |= at < len;
}

/* Do the IPv4 options, if any, do nothing? Source routes and malformed ones are thrown away by Linux. */
static __always_inline bool sg_ipv4_plain(const __u8 *ip, const __u8 *end, __u32 len)
{
	for (__u32 i = 20; i < 60; i++) {
		if (i >= len)
			break;
		if (ip + i + 1 > end || ip[i] > SG_TCP_OPTION_NOP) /* here, too: 0 end, 1 nothing */
			return false;
	}
	return true;
}

/* Eight bytes as they lie in memory. */
#define SG_BYTES8(...) (SG_SHORTCUT_HERE ? SG_WORD8(__VA_ARGS__) : SG_PACK8(__VA_ARGS__))

/* Behind the next header's number: no longer than eight bytes, PadN of six, which are zero (or Linux throws
 * it away: RFC 4942, 2.1.9.5).
 */
#define SG_PADDING 0, 1, 4, 0, 0, 0, 0

/* Do the extension headers do nothing: hop-by-hop in front, then destination options, of eight bytes
 * that are all padding? A fragment header is judged elsewhere.
 */
static __always_inline bool sg_ipv6_plain(const __u8 *ip, const __u8 *end, __u32 len)
{
	const __u8 *p = ip + 40;
	__u8 next;

	if (p > end)
		return false;
	next = ip[6];
	for (__u32 i = 0; i < SG_IPV6_EXTENSIONS; i++) {
		if (40 + 8 * i >= len)
			break;
		if (p + 8 > end || next == SG_IPPROTO_ROUTING || (next == SG_IPPROTO_HOPOPTS && i))
			return false;
		if (next != SG_IPPROTO_FRAGMENT &&
		    (sg_load8(p) & ~SG_BYTES8(0xff, 0, 0, 0, 0, 0, 0, 0)) !=
			    SG_BYTES8(0, SG_PADDING))
			return false;
		next = p[0];
		p += 8;
	}
	return true;
}

/* Is there nothing at the IP layer for which some receivers throw the packet away? ip: the header. */
static __always_inline bool sg_ip_plain(const __u8 *ip, const __u8 *end,
					const struct sg_packet *pkt)
{
	__u32 len = pkt->l4_off - pkt->l3_off;

	if (pkt->family == 4)
		return sg_ipv4_plain(ip, end, len);
	return sg_ipv6_plain(ip, end, len);
}

/* Several segments that the host has joined (GRO) before a program in generic mode sees them? It has checked
 * their sums, and leaves an unfinished one. above: longest packet that can have come as one, in bytes
 * (sg_live.joined_above).
 */
static __always_inline bool sg_packet_joined(const struct sg_packet *pkt, __u32 above)
{
	__u32 len = pkt->payload_off - pkt->l3_off + pkt->payload_len;

	return above && len > above;
}

/* A sum could not be made: the bytes are not all there, or too many. */
#define SG_SUM_NONE (-1)

/* Folded sum of len bytes from p, or SG_SUM_NONE. */
static __always_inline int sg_sum(const __u8 *p, const __u8 *end, __u32 len)
{
	bool all;
	__u64 sum = sg_sum_bytes(p, end, len, &all);

	return all ? sg_sum_fold64(sum) : SG_SUM_NONE;
}

/* ip_sum: of the IPv4 header. tcp_sum: of all of the TCP part, field: the checksum in it. A fragment's
 * sum covers bytes that are not here: it is taken for sound, and whoever reads it has to doubt it. So is a
 * part that is too long to be summed, and doubted. partial_refused: no interface hands over unfinished sums, so one that
 * looks so was written on a wire: whoever does would have SYNs sent that the CA does not answer.
 */
static __always_inline void sg_segment_judge(const struct sg_packet *pkt, int ip_sum, int tcp_sum,
					     __u16 field, __u32 partial_refused,
					     struct sg_segment_look *look)
{
	__u32 len = pkt->payload_off - pkt->l4_off + pkt->payload_len;
	__u64 pseudo = sg_sum_pseudo(pkt, len);
	bool too_long = len > SG_SUM_MAX;
	__u32 wrong;

	/* No branches: each would double what the verifier walks. What holds as a finished sum is one, though once in 65536 it
	 * looks as if it were only begun.
	 */
	wrong = (tcp_sum < 0) | (sg_sum_fold64(pseudo + tcp_sum) ^ 0xffff);
	look->partial = !((field ^ sg_sum_fold64(pseudo)) | partial_refused | !wrong);
	look->sound = pkt->fragment || look->partial || too_long || !wrong;
	if (pkt->family == 4 && ip_sum != 0xffff)
		look->sound = false;
	look->odd_ip = pkt->hops < SG_HOPS_MIN;
	look->odd_tcp = too_long && !look->partial;
}

#endif
