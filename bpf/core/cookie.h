/* SPDX-License-Identifier: GPL-2.0-only */
/* The guard's SYN cookie: the initial sequence number of its SYN-ACK, by which a later segment proves
 * that its sender received it, without any state kept. Most significant bit first:
 *
 *   2 bits  MSS index (sg_cookie_mss)
 *   6 bits  f(key, addresses and ports, the client's ISN): is a segment the client's first one?
 *  24 bits  MAC(key, addresses and ports, time slot, the 8 bits above)
 *
 * Both are SipHash-2-4 over the flow, which is absorbed once, and a last word that tells them apart.
 * Of a MAC's 64 bits two neighbouring slots take 24 each: half the hashes for looking at six slots.
 * A blind guess is good once in 2^24 / 3 per candidate, or "old" once in 2^24 / 3.
 *
 * Slots are counted modulo 2^32, here and in what is subtracted from them: those before slot 0 are
 * 0xffffffff and so on, their key included. Nothing was made in them, and so nothing proves them.
 */
#ifndef SG_COOKIE_H
#define SG_COOKIE_H

#include "siphash.h"

/* A key serves 128 slots. The six slots of a check reach into the other key's time only within the
 * first five of a key's slots: the idle half may be renewed from slot & 127 == 5 on.
 */
#define SG_COOKIE_KEY_SHIFT  7
#define SG_COOKIE_CANDIDATES 4
#define SG_COOKIE_SLOTS_GOOD 3u /* the current slot and the two before */
#define SG_COOKIE_SLOTS      6u /* and three more, that are too old */
#define SG_COOKIE_PAIRS      4  /* pairs of slots that can hold six slots in a row */

/* What the last word is for. */
#define SG_COOKIE_FIRST 1ull
#define SG_COOKIE_MAC   2ull

/* The six bits that f has in a cookie's upper eight. */
#define SG_COOKIE_FIRST_BITS 0x3fu

struct sg_cookie_flow {
	struct sg_ip client, ca;
	__be16 client_port, ca_port;
};

enum sg_cookie_look { SG_COOKIE_NONE, SG_COOKIE_GOOD, SG_COOKIE_OLD };

struct sg_cookie_proof {
	__u32 isn;      /* the cookie; 0 without one */
	__u8 look;      /* enum sg_cookie_look */
	__u8 which;     /* index of the candidate */
	__u8 mss_index; /* for sg_cookie_mss() */
	bool first;     /* the SYN's ISN was client_isn (else true once in 64) */
};

/* What all hashes of a flow begin with. IPv4 and IPv6 differ in length, and so in every last word. */
struct sg_cookie_prefix {
	struct sg_siphash hash;
	__u64 length; /* of the whole message, in bits 56-63 */
};

static __always_inline __u64 sg_cookie_word(__be32 low, __be32 high)
{
	return (__u64)high << 32 | low;
}

/* Both addresses are IPv4? One test: of six branches the verifier would walk every way. */
static __always_inline bool sg_cookie_is_v4(const __be32 a[4], const __be32 b[4])
{
	return !(a[0] | a[1] | (a[2] ^ sg_htonl(0xffff)) | b[0] | b[1] | (b[2] ^ sg_htonl(0xffff)));
}

/* Absorb addresses and ports. IPv4: 16 bytes, else 40; the last word has 7 more. */
static __always_inline void sg_cookie_absorb(struct sg_cookie_prefix *p, const __u64 key[2],
					     const struct sg_cookie_flow *flow)
{
	const __be32 *a = flow->client.w, *b = flow->ca.w;

	sg_siphash_begin(&p->hash, key);
	if (sg_cookie_is_v4(a, b)) {
		p->length = 23ull << 56;
		sg_siphash_word(&p->hash, sg_cookie_word(a[3], b[3]));
	} else {
		p->length = 47ull << 56;
		sg_siphash_word(&p->hash, sg_cookie_word(a[0], a[1]));
		sg_siphash_word(&p->hash, sg_cookie_word(a[2], a[3]));
		sg_siphash_word(&p->hash, sg_cookie_word(b[0], b[1]));
		sg_siphash_word(&p->hash, sg_cookie_word(b[2], b[3]));
	}
	sg_siphash_word(&p->hash, sg_cookie_word(flow->client_port, flow->ca_port));
}

static __always_inline __u64 sg_cookie_hash(const struct sg_cookie_prefix *p, __u64 purpose,
					    __u32 upper, __u32 number)
{
	struct sg_siphash hash = p->hash;

	return sg_siphash_end(&hash, p->length | purpose << 40 | (__u64)upper << 32 | number);
}

/* f: six bits. */
static __always_inline __u32 sg_cookie_first(const struct sg_cookie_prefix *p, __u32 client_isn)
{
	return (__u32)sg_cookie_hash(p, SG_COOKIE_FIRST, 0, client_isn) & SG_COOKIE_FIRST_BITS;
}

/* The MACs of a slot and its neighbour, each in 24 bits: sg_cookie_isn() picks one. */
static __always_inline __u64 sg_cookie_macs(const struct sg_cookie_prefix *p, __u32 upper,
					    __u32 slot)
{
	return sg_cookie_hash(p, SG_COOKIE_MAC, upper, slot >> 1);
}

static __always_inline __u32 sg_cookie_isn(__u32 upper, __u64 macs, __u32 slot)
{
	return upper << 24 | ((__u32)(slot & 1 ? macs >> 24 : macs) & 0xffffff);
}

/* Which half of the keys serves this slot. */
static __always_inline __u32 sg_cookie_half(__u32 slot)
{
	return slot >> SG_COOKIE_KEY_SHIFT & 1;
}

/* What the guard can remember of a client's MSS: 536 = IPv4 without the option (RFC 9293 3.7.1), 1220
 * = the same of IPv6 (its least MTU), 1360 = tunnels (MTU 1400), 1440 = IPv6 on Ethernet, and only 20
 * below IPv4 there and 12 below IPv4 in PPPoE (1452). IPv6 in PPPoE (1432) gets 1360.
 */
static __always_inline __u32 sg_cookie_mss(__u32 index)
{
	return index == 0 ? 536 : index == 1 ? 1220 : index == 2 ? 1360 : 1440;
}

/* Index of the largest MSS not above this one, 0..3; of one below 536 that of 536, as without the
 * option.
 */
static __always_inline __u32 sg_cookie_mss_index(__u32 mss)
{
	return mss >= sg_cookie_mss(3)   ? 3
	       : mss >= sg_cookie_mss(2) ? 2
	       : mss >= sg_cookie_mss(1) ? 1
					 : 0;
}

/* The ISN of the SYN-ACK to a SYN with client_isn (host order).
 *
 * keys: sg_live.cookie_key. slot: now / cookie_slot, in ticks. mss_index: 0..3.
 */
static __always_inline __u32 sg_cookie_make(const __u64 (*keys)[2],
					    const struct sg_cookie_flow *flow, __u32 client_isn,
					    __u32 slot, __u32 mss_index)
{
	struct sg_cookie_prefix p;
	__u32 upper;

	sg_cookie_absorb(&p, keys[sg_cookie_half(slot)], flow);
	upper = (mss_index & 3) << 6 | sg_cookie_first(&p, client_isn);
	return sg_cookie_isn(upper, sg_cookie_macs(&p, upper, slot), slot);
}

/* Negative when one of the candidates is this ISN, else not. One test instead of four branches, which
 * spares the verifier most of its work: only 0 - 1 is negative in 64 bits.
 */
static __always_inline __s64 sg_cookie_among(const __u32 candidates[SG_COOKIE_CANDIDATES],
					     __u32 isn)
{
	__u64 found = 0;

	for (__u32 i = 0; i < SG_COOKIE_CANDIDATES; i++)
		found |= (__u64)(candidates[i] ^ isn) - 1;
	return (__s64)found;
}

/* Look for a cookie with these upper eight bits, newest slots first. Returns true with [macs] and
 * [odd], the later slot of their pair, and [p] of the key in use then.
 */
static __always_inline bool sg_cookie_search(const __u64 (*keys)[2],
					     const struct sg_cookie_flow *flow, __u32 slot,
					     const __u32 candidates[SG_COOKIE_CANDIDATES],
					     __u32 upper, struct sg_cookie_prefix *p, __u64 *macs,
					     __u32 *odd)
{
	__u32 absorbed = 2; /* neither half */

	*odd = slot | 1;
	for (__u32 i = 0; i < SG_COOKIE_PAIRS; i++, *odd -= 2) {
		__u32 half = sg_cookie_half(*odd);

		if (half != absorbed)
			sg_cookie_absorb(p, keys[half], flow);
		absorbed = half;
		*macs = sg_cookie_macs(p, upper, *odd);
		if ((sg_cookie_among(candidates, sg_cookie_isn(upper, *macs, 0)) |
		     sg_cookie_among(candidates, sg_cookie_isn(upper, *macs, 1))) < 0)
			return true;
	}
	return false;
}

/* What the candidate that is this ISN, made in a slot of this age, proves. */
static __always_inline void sg_cookie_found(const __u32 candidates[SG_COOKIE_CANDIDATES], __u32 isn,
					    __u32 age, struct sg_cookie_proof *proof)
{
	/* The pairs reach two slots further than the six: into the future, or further back. */
	if (age >= SG_COOKIE_SLOTS)
		return;
	for (__u32 i = 0; i < SG_COOKIE_CANDIDATES; i++) {
		if (candidates[i] != isn)
			continue;
		proof->isn = isn;
		proof->look = age < SG_COOKIE_SLOTS_GOOD ? SG_COOKIE_GOOD : SG_COOKIE_OLD;
		proof->which = i;
		proof->mss_index = isn >> 30;
		return;
	}
}

/* Is one of the candidates a cookie of this flow, from this slot or the two before (GOOD) or the three
 * before those (OLD)? A candidate that is not needed repeats another. Those with equal upper eight
 * bits, as distances of a few hundred nearly always have, cost one search together.
 *
 * client_isn: the segment's sequence number - 1 (host order), for proof->first.
 */
static __always_inline void sg_cookie_check(const __u64 (*keys)[2],
					    const struct sg_cookie_flow *flow, __u32 client_isn,
					    __u32 slot,
					    const __u32 candidates[SG_COOKIE_CANDIDATES],
					    struct sg_cookie_proof *proof)
{
	struct sg_cookie_prefix p = {};
	__u32 upper = 0, odd = 0;
	bool found = false;
	__u64 macs = 0;

	*proof = (struct sg_cookie_proof){};
	for (__u32 i = 0; i < SG_COOKIE_CANDIDATES && !found; i++) {
		__s64 again = 0;

		upper = candidates[i] >> 24;
		for (__u32 k = 0; k < i; k++)
			again |= (__s64)(candidates[k] >> 24 ^ upper) - 1;
		if (again >= 0)
			found = sg_cookie_search(keys, flow, slot, candidates, upper, &p, &macs,
						 &odd);
	}
	if (!found)
		return;
	for (__u32 i = 0; i < 2; i++)
		sg_cookie_found(candidates, sg_cookie_isn(upper, macs, odd - i), slot - odd + i,
				proof);
	if (proof->look)
		proof->first = sg_cookie_first(&p, client_isn) == (upper & SG_COOKIE_FIRST_BITS);
}

#endif
