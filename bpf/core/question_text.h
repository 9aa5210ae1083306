/* SPDX-License-Identifier: GPL-2.0-only */
/* What a GET asks: the hash of its target and Host, by which a refusal of the CA is known again (question.h).
 *
 * Learnable is only what every reader takes for the same request: one GET, all of its head and nothing else in the
 * first segment; lines end with CR LF; no other control byte and none above 0x7e; no folded line; at most one Host.
 * Whatever is not goes to the CA like a question never asked.
 *
 * The words below are written for little endian, as those of http_shortcut.h; elsewhere nothing is learnable.
 */
#ifndef SG_QUESTION_TEXT_H
#define SG_QUESTION_TEXT_H

#include <linux/types.h>
#include <stdbool.h>
#include "http_shortcut.h"
#include "siphash.h"

/* Most bytes of a first segment that are looked at; a power of two. */
#define SG_QUESTION_BYTES 1024

/* A copy of the payload's first bytes. What lies behind them may be anything, and does not matter. */
struct sg_question_text {
	__u8 bytes[SG_QUESTION_BYTES + 8];
};

/* Most steps through what follows the target: one for each 16 bytes begun of a name or a value. Enough for 1024
 * bytes with 16 fields, or for what a window of 536 lets through with 30.
 */
#define SG_QUESTION_STEPS 98

/* Longest value of Host, in bytes: a name of 255, a port, rounded up to words. */
#define SG_QUESTION_HOST_MAX 264

/* The same byte eight times. For BPF loaded where it is used: kept in registers, so many would spill to the
 * stack, of which all functions together have 512 bytes.
 */
#ifdef __bpf__
#define sg_all(byte)                                                             \
	({                                                                       \
		__u64 all_;                                                      \
		asm volatile("%0 = %1 ll" : "=r"(all_) : "i"(SG_ONES * (byte))); \
		all_;                                                            \
	})
#else
#define sg_all(byte) (SG_ONES * (byte))
#endif

/* As sg_zero_bytes(). */
static __always_inline __u64 sg_question_zeros(__u64 word)
{
	return (word - sg_all(0x01)) & ~word & sg_all(0x80);
}

/* A place in the text. The barrier keeps the compiler from dropping a mask that the verifier needs. */
static __always_inline const __u8 *sg_question_at(const struct sg_question_text *text, __u32 at)
{
	asm volatile("" : "+r"(at));
	return text->bytes + (at & (SG_QUESTION_BYTES - 1));
}

/* The same value, of which the verifier knows nothing any more, not even what it was reckoned from: else nearly every
 * step of a loop is a state of its own. @zero: 0, of which it knows nothing either
 */
static __always_inline __u32 sg_question_blur(__u32 value, __u32 zero)
{
#ifdef __bpf__
	asm volatile("%0 ^= %1" : "+r"(value) : "r"(zero));
#else
	value ^= zero;
#endif
	return value;
}

static __always_inline __u64 sg_question_load8(const struct sg_question_text *text, __u32 at)
{
	return sg_load8(sg_question_at(text, at));
}

/* That 0, made of a word of the text, of which the verifier knows not even a bound. */
static __always_inline __u32 sg_question_zero(const struct sg_question_text *text)
{
	__u32 any = (__u32)sg_question_load8(text, 0);

	return sg_question_blur(any, any);
}

/* Marks control bytes, DEL and what is above. Exact up to and including the first one. */
static __always_inline __u64 sg_question_controls(__u64 word)
{
	return (((word - sg_all(0x20)) & ~word) | (word + sg_all(0x01)) | word) & sg_all(0x80);
}

/* Marks blanks, more or less, and ':'. Exact up to and including the first one that sg_question_controls() marks, too,
 * or this does.
 */
static __always_inline __u64 sg_question_name_ends(__u64 word)
{
	return ((word - sg_all(0x21)) & ~word & sg_all(0x80)) |
	       sg_question_zeros(word ^ sg_all(':'));
}

/* Marks every byte that is no space; exact. */
static __always_inline __u64 sg_question_no_spaces(__u64 word)
{
	__u64 other = word ^ sg_all(' ');

	return (((other & sg_all(0x7f)) + sg_all(0x7f)) | other) & sg_all(0x80);
}

/* 1 if x is 0, without a branch: each would double the ways through a step. */
static __always_inline __u32 sg_question_is_zero(__u32 x)
{
	return ((__u64)x - 1) >> 63;
}

/* Marks where a name or a value ends among the eight bytes at `at`. Exact up to and including the first. */
static __always_inline __u64 sg_question_ends(const struct sg_question_text *text, __u32 at,
					      __u32 name)
{
	__u64 word = sg_question_load8(text, at);

	return sg_question_controls(word) | (sg_question_name_ends(word) & -(__u64)name);
}

/* What a walk through a head has found so far. */
struct sg_question_head {
	__u32 at;
	__u32 line;      /* where the line begins */
	__u32 name;      /* 1: in a field's name; 0: in a value, or in the request line */
	__u32 hosts;     /* how many lines of Host */
	__u32 host_line; /* where the last of them begins */
	__u32 host_end;  /* its CR */
};

/* Behind the ':' of a name: is it Host? */
static __always_inline void sg_question_value(struct sg_question_head *h,
					      const struct sg_question_text *text, __u32 zero)
{
	__u32 folded = sg_load4(sg_question_at(text, h->line)) | 0x20202020;
	__u32 host = sg_question_is_zero((folded ^ SG_WORD4('h', 'o', 's', 't')) |
					 (h->at - h->line - 4));

	h->hosts += host;
	h->host_line = sg_question_blur(h->host_line ^ ((h->host_line ^ h->line) & -host), zero);
	h->at = sg_question_blur(h->at + 1, zero);
	h->name = sg_question_blur(0, zero);
}

/* Behind the CR LF of a line that is not empty. */
static __always_inline void sg_question_line(struct sg_question_head *h, __u32 zero)
{
	__u32 host = sg_question_is_zero(h->line ^ h->host_line);

	h->host_end = sg_question_blur(h->host_end ^ ((h->host_end ^ h->at) & -host), zero);
	h->at = sg_question_blur(h->at + 2, zero);
	h->line = sg_question_blur(h->at, zero);
	h->name = sg_question_blur(1, zero);
}

/* Walks through a head from `from` in its request line: is it whole, the only thing in len bytes, and as it should be?
 * A walk that leaves the len bytes never comes back to their end.
 */
static __always_inline bool sg_question_walk(const struct sg_question_text *text, __u32 len,
					     __u32 from, struct sg_question_head *h)
{
	__u32 zero = sg_question_zero(text);

	h->at = sg_question_blur(from, zero);
	h->line = sg_question_blur(0, zero);
	h->name = sg_question_blur(0, zero);
	h->hosts = sg_question_blur(0, zero);
	h->host_line = sg_question_blur(0, zero);
	h->host_end = sg_question_blur(0, zero);
	for (__u32 i = 0; i < SG_QUESTION_STEPS; i++) {
		__u64 ends = sg_question_ends(text, h->at, h->name), later;
		const __u8 *p;

		if (!ends) {
			later = sg_question_ends(text, h->at + 8, h->name);
			h->at = sg_question_blur(h->at + 8, zero);
			ends = later;
		}
		if (!ends) {
			h->at = sg_question_blur(h->at + 8, zero);
			continue;
		}
		h->at = sg_question_blur(h->at + sg_first_marked(ends), zero);
		p = sg_question_at(text, h->at);
		if (p[0] == ':') {
			if (h->at == h->line)
				return false;
			sg_question_value(h, text, zero);
			continue;
		}
		if (p[0] != '\r' || p[1] != '\n')
			return false;
		if (h->name)
			return h->at == h->line && h->at + 2 == len && h->hosts <= 1;
		sg_question_line(h, zero);
	}
	return false;
}

/* The value of Host without the blanks around it: [*start, *end). False if there are more than seven on a side, or
 * if it is too long.
 */
static __always_inline bool sg_question_host(const struct sg_question_text *text,
					     const struct sg_question_head *head, __u32 *start,
					     __u32 *end)
{
	__u32 value = head->host_line + 5;
	__u64 first = sg_question_no_spaces(sg_question_load8(text, value));
	__u64 last = sg_question_no_spaces(sg_question_load8(text, head->host_end - 8));

	if (!first || !last)
		return false;
	*start = value + sg_first_marked(first);
	/* Mark all below the last one, and count. */
	last |= last >> 8;
	last |= last >> 16;
	last |= last >> 32;
	*end = head->host_end - 8 + ((last >> 7) * SG_ONES >> 56);
	/* Nothing but blanks: the last that is none is the colon. */
	if (*end < *start)
		*end = *start;
	return *end - *start <= SG_QUESTION_HOST_MAX;
}

/* Where the target's path ends. */
static __always_inline __u32 sg_question_path_end(const struct sg_question_text *text, __u32 start,
						  __u32 end)
{
	__u32 zero = sg_question_zero(text), at = sg_question_blur(start, zero);

	for (__u32 i = 0; i < SG_QUESTION_BYTES / 8; i++) {
		__u64 found = sg_question_zeros(sg_question_load8(text, at) ^ sg_all('?'));

		if (found) {
			at += sg_first_marked(found);
			break;
		}
		if (at >= end)
			break;
		at = sg_question_blur(at + 8, zero);
	}
	return at < end ? at : end;
}

/* Absorbs [start, end) and up to eight zeros behind it, to the next word; at most `most` bytes. Returns not zero
 * when there is a control byte or the like before the last word.
 */
static __always_inline __u64 sg_question_absorb(struct sg_siphash *s,
						const struct sg_question_text *text, __u32 start,
						__u32 end, __u32 most)
{
	__u32 zero = sg_question_zero(text), left;
	__u64 odd = 0;

	end = sg_question_blur(end, zero);
	start = sg_question_blur(start, zero);
	for (__u32 i = 0; i < most / 8; i++) {
		__u64 word;

		if (start + 8 > end)
			break;
		word = sg_question_load8(text, start);
		odd |= sg_question_controls(word);
		sg_siphash13_word(s, word);
		start = sg_question_blur(start + 8, zero);
	}
	left = (end - start) & 7;
	sg_siphash13_word(s, sg_question_load8(text, start) & ((1ull << 8 * left) - 1));
	return odd;
}

/* Hash of the question that a GET asks.
 * @text, @len: the first segment's payload; longer than SG_QUESTION_BYTES is not learnable
 * @start, @end: the request target in it, as sg_http_feed() found it
 * @path_only: of the target only what is before '?'
 *
 * SipHash-1-3: the key is secret, and no client sees a hash, nor anything else that depends on more of it than whether two
 * questions are the same. Who wants a wrong question's refusal repeated to others has to hit 64 bits blindly.
 *
 * 0 = not learnable. Behind the target and behind Host a zero is absorbed at least, and neither has any: so where the
 * one ends and the other begins is part of the hash. No Host and an empty one are two questions: HTTP/1.1 servers refuse
 * the one, not the other.
 */
static __always_inline __u64 sg_question_hash(const struct sg_question_text *text, __u32 len,
					      __u32 start, __u32 end, bool path_only,
					      const __u64 key[2])
{
	__u32 zero = sg_question_zero(text), host_start = 0, host_end = 0;
	__u32 path = sg_question_blur(path_only, zero);
	struct sg_question_head head;
	struct sg_siphash s;
	__u64 hash;

	if (!SG_SHORTCUT_HERE || len > SG_QUESTION_BYTES || end <= start || end >= len)
		return 0;
	if (path_only)
		end = sg_question_path_end(text, start, end);
	end = sg_question_blur(end, zero);
	/* Behind "GET ", and nothing before it: some take an empty line for the end. Asked here, so that the verifier
	 * has a place at which the ways are one again before the loops.
	 */
	if (start != 4 || sg_load4(sg_question_at(text, 0)) != SG_WORD4('G', 'E', 'T', ' '))
		return 0;
	sg_siphash_begin(&s, key);
	if (sg_question_absorb(&s, text, start, end, SG_QUESTION_BYTES))
		return 0;
	/* From the last word on: absorbing has looked at those before. */
	if (!sg_question_walk(text, len, end - ((end - start) & 7), &head))
		return 0;
	head.hosts = sg_question_blur(head.hosts, zero);
	if (head.hosts && !sg_question_host(text, &head, &host_start, &host_end))
		return 0;
	sg_question_absorb(&s, text, host_start, host_end, SG_QUESTION_HOST_MAX);
	hash = sg_siphash13_end(&s, (__u64)head.hosts << 1 | path);
	return hash ? hash : 1;
}

#endif
