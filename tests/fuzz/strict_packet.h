/* SPDX-License-Identifier: GPL-2.0-only */
/* Another reader of frames, to judge the guard's: written from the RFCs, as questions about numbers at
 * places, each asked again from the frame's start; no cursor, no structures, nothing shared. A place
 * outside the layer that is asked for gives OUTSIDE.
 */
#ifndef SG_STRICT_PACKET_H
#define SG_STRICT_PACKET_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define OUTSIDE (-1LL)

enum strict_kind {
	STRICT_TCP,
	STRICT_PORTS, /* the first fragment has the ports, not the whole header */
	STRICT_OTHER, /* not TCP, or not to be followed */
	STRICT_LATER, /* not the first fragment, behind the TCP header */
	STRICT_TORN, /* fragments cut the TCP header so that a later one can change it (RFC 3128) */
	STRICT_CHAIN, /* the chain of headers does not end in this fragment, or not soon (RFC 7112) */
	STRICT_BROKEN,
};

struct strict {
	const uint8_t *frame;
	long len;   /* shrinks to the end of the IP packet */
	long whole; /* and does not */
	enum strict_kind kind;
	int family, tags, hops;
	long ip, tcp, data;
	bool first_of_many;
	bool plain; /* nothing at the IP layer for which anybody throws it away, hops left aside */
};

/* The big-endian number of so many bytes at a place. */
static inline long long strict_number(const struct strict *s, long at, int bytes)
{
	long long n = 0;

	if (at < 0 || at + bytes > s->len)
		return OUTSIDE;
	for (int i = 0; i < bytes; i++)
		n = n * 256 + s->frame[at + i];
	return n;
}

/* RFC 9293, 3.1, in what is left of the packet; RFC 1858 and 3128 for first fragments: with less than
 * eight bytes not even the ports are sure, which is as bad as a fragment over them.
 */
static inline enum strict_kind strict_tcp(struct strict *s)
{
	const long left = s->len - s->tcp;
	const long long words = strict_number(s, s->tcp + 12, 1);

	if (left < 8)
		return s->first_of_many ? STRICT_TORN : STRICT_BROKEN;
	if (left >= 20 && words / 16 < 5)
		return STRICT_BROKEN;
	if (left < 20 || words / 16 * 4 > left)
		return s->first_of_many ? STRICT_PORTS : STRICT_BROKEN;
	s->data = s->tcp + (long)(words / 16 * 4);
	return STRICT_TCP;
}

static inline enum strict_kind strict_later(long offset)
{
	return offset < 20 ? STRICT_TORN : STRICT_LATER;
}

/* RFC 791. */
static inline enum strict_kind strict_ipv4(struct strict *s)
{
	const long long version = strict_number(s, s->ip, 1),
			total = strict_number(s, s->ip + 2, 2);
	const long long cut = strict_number(s, s->ip + 6, 2);
	const long header = (long)(version % 16 * 4);

	if (s->ip + 20 > s->len || version / 16 != 4 || header < 20 || total < header ||
	    s->ip + total > s->len)
		return STRICT_BROKEN;
	s->family = 4;
	s->len = s->ip + (long)total;
	s->hops = (int)strict_number(s, s->ip + 8, 1);
	if (strict_number(s, s->ip + 9, 1) != 6)
		return STRICT_OTHER;
	if (cut % 8192)
		return strict_later((long)(cut % 8192) * 8);
	s->first_of_many = cut / 8192 % 2;
	s->tcp = s->ip + header;
	for (long at = s->ip + 20; at < s->tcp; at++)
		s->plain &= strict_number(s, at, 1) <= 1;
	return strict_tcp(s);
}

/* One extension header, of eight bytes of padding only? RFC 8200, 4.2 to 4.6; RFC 4942, 2.1.9.5. */
static inline bool strict_padding(const struct strict *s, long at, long long kind, int nth)
{
	if (kind == 44)
		return true;
	return kind != 43 && (kind != 0 || !nth) && strict_number(s, at + 1, 1) == 0 &&
	       strict_number(s, at + 2, 2) == 0x0104 && strict_number(s, at + 4, 4) == 0;
}

/* The chain from its nth header on, which is of this kind. Six are followed: more than RFC 8200 (4.1) has
 * in its list.
 */
static inline enum strict_kind strict_chain(struct strict *s, long at, long long kind, int nth)
{
	const long long next = strict_number(s, at, 1), size = strict_number(s, at + 1, 1);
	const long long cut = strict_number(s, at + 2, 2);

	if (kind == 6) {
		s->tcp = at;
		return strict_tcp(s);
	}
	if (kind != 0 && kind != 43 && kind != 44 && kind != 60)
		return STRICT_OTHER;
	if (nth == 6)
		return STRICT_CHAIN;
	if (at + 8 > s->len)
		return s->first_of_many ? STRICT_CHAIN : STRICT_BROKEN;
	s->plain &= strict_padding(s, at, kind, nth);
	if (kind == 44) {
		s->first_of_many |= cut % 2;
		if (cut / 8)
			return next == 6 ? strict_later((long)(cut / 8 * 8)) : STRICT_OTHER;
		return strict_chain(s, at + 8, next, nth + 1);
	}
	if (at + (long)(size + 1) * 8 > s->len)
		return s->first_of_many ? STRICT_CHAIN : STRICT_BROKEN;
	return strict_chain(s, at + (long)(size + 1) * 8, next, nth + 1);
}

/* RFC 8200. Addresses that stand for IPv4 ones are nobody's on a wire (RFC 4291, 2.5.5.2; RFC 6890). */
static inline enum strict_kind strict_ipv6(struct strict *s)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	const long long size = strict_number(s, s->ip + 4, 2);

	if (s->ip + 40 > s->len || s->frame[s->ip] / 16 != 6 || s->ip + 40 + size > s->len)
		return STRICT_BROKEN;
	s->family = 6;
	s->len = s->ip + 40 + (long)size;
	s->hops = (int)strict_number(s, s->ip + 7, 1);
	if (!memcmp(s->frame + s->ip + 8, mapped, 12) || !memcmp(s->frame + s->ip + 24, mapped, 12))
		return STRICT_BROKEN;
	return strict_chain(s, s->ip + 40, strict_number(s, s->ip + 6, 1), 0);
}

static inline void strict_read(struct strict *s, const uint8_t *frame, size_t len)
{
	long at = 12;

	*s = (struct strict){.frame = frame,
			     .len = (long)len,
			     .whole = (long)len,
			     .plain = true,
			     .kind = STRICT_OTHER};
	if (len < 14)
		return;
	while (s->tags < 4 &&
	       (strict_number(s, at, 2) == 0x8100 || strict_number(s, at, 2) == 0x88a8)) {
		s->tags++;
		at += 4;
	}
	s->ip = at + 2;
	if (strict_number(s, at, 2) == OUTSIDE)
		s->kind = STRICT_BROKEN; /* cut inside a tag */
	else if (strict_number(s, at, 2) == 0x0800)
		s->kind = strict_ipv4(s);
	else if (strict_number(s, at, 2) == 0x86dd)
		s->kind = strict_ipv6(s);
}

/* RFC 1071, word by word with the carry brought round at once. */
static inline long long strict_sum(const struct strict *s, long from, long to, long long sum)
{
	for (long at = from; at < to; at += 2) {
		sum += at + 1 < to ? strict_number(s, at, 2) : strict_number(s, at, 1) * 256;
		if (sum > 0xffff)
			sum -= 0xffff;
	}
	return sum;
}

/* Of the pseudo header (RFC 9293, 3.1; RFC 8200, 8.1). */
static inline long long strict_pseudo(const struct strict *s)
{
	const long addresses = s->ip + (s->family == 4 ? 12 : 8);

	return strict_sum(s, addresses, addresses + (s->family == 4 ? 8 : 32),
			  6 + (s->len - s->tcp));
}

struct strict_options {
	bool stamped, odd;
	uint32_t stamp;
};

/* RFC 9293, 3.2, and RFC 7323; the last timestamp counts, as for Linux. Known differences: behind sixteen
 * options anything is odd, and a lone byte at the frame's end is not.
 */
static inline struct strict_options strict_options(const struct strict *s)
{
	struct strict_options o = {0};
	long at = s->tcp + 20;
	int seen = 0;

	while (at < s->data && at + 1 < s->whole) {
		const int kind = s->frame[at];
		const long size = kind == 1 ? 1 : at + 1 < s->data ? s->frame[at + 1] : 0;

		if (!kind && seen < 16)
			break;
		if (++seen > 16 || size < 1 || (kind != 1 && size < 2) || at + size > s->data ||
		    kind == 19 || kind == 29) {
			o.odd = true;
			break;
		}
		if (kind == 8 && size == 10) {
			o.odd |= o.stamped;
			o.stamped = true;
			o.stamp = (uint32_t)strict_number(s, at + 2, 4);
		}
		at += size;
	}
	o.odd |= seen == 16 && at < s->data;
	return o;
}

#endif
