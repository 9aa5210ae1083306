/* SPDX-License-Identifier: GPL-2.0-only */
/* SipHash-2-4: a keyed pseudorandom function for short inputs (Aumasson, Bernstein: "SipHash: a fast
 * short-input PRF", 2012). The state is a value: what several inputs begin with is absorbed once and
 * copied.
 *
 * SipHash-1-3 does half the rounds. It is what hash tables of Rust and CPython use against made-up collisions: enough where
 * the key is secret and nobody but its owner ever sees a hash. Whoever sees them, as in a cookie, gets 2-4.
 *
 * A message of n bytes is n / 8 words (sg_siphash_word, little endian) and a last one that holds the
 * n % 8 bytes left and, in bits 56-63, n mod 256.
 */
#ifndef SG_SIPHASH_H
#define SG_SIPHASH_H

#include "cursor.h"

struct sg_siphash {
	__u64 v0, v1, v2, v3;
};

static __always_inline __u64 sg_rotate_left(__u64 x, __u32 bits)
{
	return x << bits | x >> (64 - bits);
}

static __always_inline void sg_siphash_round(struct sg_siphash *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = sg_rotate_left(s->v1, 13) ^ s->v0;
	s->v3 = sg_rotate_left(s->v3, 16) ^ s->v2;
	s->v0 = sg_rotate_left(s->v0, 32);
	s->v2 += s->v1;
	s->v0 += s->v3;
	s->v1 = sg_rotate_left(s->v1, 17) ^ s->v2;
	s->v3 = sg_rotate_left(s->v3, 21) ^ s->v0;
	s->v2 = sg_rotate_left(s->v2, 32);
}

/* The state before the first word. The constants are "somepseudorandomlygeneratedbytes". */
static __always_inline void sg_siphash_begin(struct sg_siphash *s, const __u64 key[2])
{
	s->v0 = key[0] ^ 0x736f6d6570736575ull;
	s->v1 = key[1] ^ 0x646f72616e646f6dull;
	s->v2 = key[0] ^ 0x6c7967656e657261ull;
	s->v3 = key[1] ^ 0x7465646279746573ull;
}

/* Absorb eight bytes, as a number in host order. */
static __always_inline void sg_siphash_word(struct sg_siphash *s, __u64 word)
{
	s->v3 ^= word;
	sg_siphash_round(s);
	sg_siphash_round(s);
	s->v0 ^= word;
}

/* Absorb the last word (the caller puts the length into bits 56-63) and return the hash. The state
 * is used up.
 */
static __always_inline __u64 sg_siphash_end(struct sg_siphash *s, __u64 last)
{
	sg_siphash_word(s, last);
	s->v2 ^= 0xff;
	sg_siphash_round(s);
	sg_siphash_round(s);
	sg_siphash_round(s);
	sg_siphash_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

/* SipHash-1-3: as sg_siphash_word(). */
static __always_inline void sg_siphash13_word(struct sg_siphash *s, __u64 word)
{
	s->v3 ^= word;
	sg_siphash_round(s);
	s->v0 ^= word;
}

/* SipHash-1-3: as sg_siphash_end(). */
static __always_inline __u64 sg_siphash13_end(struct sg_siphash *s, __u64 last)
{
	sg_siphash13_word(s, last);
	s->v2 ^= 0xff;
	sg_siphash_round(s);
	sg_siphash_round(s);
	sg_siphash_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

#endif
