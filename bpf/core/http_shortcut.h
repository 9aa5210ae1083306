/* SPDX-License-Identifier: GPL-2.0-only */
/* Short cut for the request lines nearly every client sends, matched eight bytes at a time.
 * Takes a line only when it has seen all of it, down to the LF, and then leaves what
 * sg_http_feed() would have left; anything else it does not touch.
 */
#ifndef SG_CORE_HTTP_SHORTCUT_H
#define SG_CORE_HTTP_SHORTCUT_H

#include "http_line.h"

/* The words below are written for little endian; elsewhere the table serves every line. */
#define SG_SHORTCUT_HERE (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)

/* Longest message value taken, in words: a CA name. */
#define SG_SHORTCUT_MESSAGE_WORDS 4

#define SG_ONES                   0x0101010101010101ULL
#define SG_HIGHS                  0x8080808080808080ULL

/* Eight characters as they lie in memory. */
#define SG_WORD8(a, b, c, d, e, f, g, h) SG_PACK8(h, g, f, e, d, c, b, a)
#define SG_WORD4(a, b, c, d)             SG_PACK8(0, 0, 0, 0, d, c, b, a)

/* Unaligned loads: XDP allows them on x86 and arm64; native code copies, for UBSan. */
static __always_inline __u64 sg_load8(const __u8 *p)
{
#ifdef __bpf__
	return *(const __u64 *)p;
#else
	__u64 word;

	__builtin_memcpy(&word, p, sizeof(word));
	return word;
#endif
}

static __always_inline __u32 sg_load4(const __u8 *p)
{
#ifdef __bpf__
	return *(const __u32 *)p;
#else
	__u32 word;

	__builtin_memcpy(&word, p, sizeof(word));
	return word;
#endif
}

/* Sets the high bit of bytes that are zero; exact up to and including the first one. */
static inline __u64 sg_zero_bytes(__u64 word)
{
	return (word - SG_ONES) & ~word & SG_HIGHS;
}

/* Sets the high bit of every byte at which a parameter value ends or turns bad: control
 * bytes and space, '#', '&', ';', '?', DEL and above.  Exact up to and including the first one. Two of them a test, which
 * finds '"', '\'' and '{' besides: such values are left to the table.
 */
static inline __u64 sg_value_ends(__u64 word)
{
	__u64 low = (word | SG_ONES * 0x05) ^ SG_ONES * ('#' | '&');
	__u64 high = (word | SG_ONES * 0x44) ^ SG_ONES * 0x7f;

	return (((low - SG_ONES) & ~low) | ((high - SG_ONES) & ~high) |
		((word - SG_ONES * 0x21) & ~word) | word) &
	       SG_HIGHS;
}

/* Index of the first marked byte of such a mask, which is not zero. */
static inline __u32 sg_first_marked(__u64 mask)
{
	__u64 lowest = (mask & -mask) >> 7; /* 1 << 8 * index: moves byte 7 - index to the top */

	return lowest * 0x0001020304050607ULL >> 56 & 7;
}

/* Length of a known "METHOD SP path?operation=" at data, 0 if it is none of them. */
static __always_inline __u32 sg_shortcut_prefix(const __u8 *data, __u8 *method)
{
	switch (sg_load8(data)) {
	case SG_WORD8('G', 'E', 'T', ' ', '/', 'c', 'g', 'i'):
		*method = SG_METHOD_GET;
		return ((sg_load8(data + 8) ^ SG_WORD8('-', 'b', 'i', 'n', '/', 'p', 'k', 'i')) |
			(sg_load8(data + 16) ^ SG_WORD8('c', 'l', 'i', 'e', 'n', 't', '.', 'e')) |
			(sg_load8(data + 24) ^ SG_WORD8('x', 'e', '?', 'o', 'p', 'e', 'r', 'a')) |
			(sg_load8(data + 29) ^ SG_WORD8('e', 'r', 'a', 't', 'i', 'o', 'n', '=')))
			       ? 0
			       : 37;
	case SG_WORD8('P', 'O', 'S', 'T', ' ', '/', 'c', 'g'):
		*method = SG_METHOD_POST;
		return ((sg_load8(data + 8) ^ SG_WORD8('i', '-', 'b', 'i', 'n', '/', 'p', 'k')) |
			(sg_load8(data + 16) ^ SG_WORD8('i', 'c', 'l', 'i', 'e', 'n', 't', '.')) |
			(sg_load8(data + 24) ^ SG_WORD8('e', 'x', 'e', '?', 'o', 'p', 'e', 'r')) |
			(sg_load8(data + 30) ^ SG_WORD8('e', 'r', 'a', 't', 'i', 'o', 'n', '=')))
			       ? 0
			       : 38;
	case SG_WORD8('G', 'E', 'T', ' ', '/', 's', 'c', 'e'):
		*method = SG_METHOD_GET;
		return ((sg_load8(data + 8) ^ SG_WORD8('p', '?', 'o', 'p', 'e', 'r', 'a', 't')) |
			(sg_load4(data + 16) ^ SG_WORD4('i', 'o', 'n', '=')))
			       ? 0
			       : 20;
	case SG_WORD8('P', 'O', 'S', 'T', ' ', '/', 's', 'c'):
		*method = SG_METHOD_POST;
		return ((sg_load8(data + 8) ^ SG_WORD8('e', 'p', '?', 'o', 'p', 'e', 'r', 'a')) |
			(sg_load8(data + 13) ^ SG_WORD8('e', 'r', 'a', 't', 'i', 'o', 'n', '=')))
			       ? 0
			       : 21;
	}
	return 0;
}

/* Length of the operation value at p (16 readable bytes), 0 if it is not a common one.
 * What follows it is for the caller to look at.
 */
static __always_inline __u32 sg_shortcut_operation(const __u8 *p, __u8 *operation)
{
	switch (sg_load8(p)) {
	case SG_WORD8('G', 'e', 't', 'C', 'A', 'C', 'a', 'p'):
		*operation = SG_REQUEST_GETCACAPS;
		return p[8] == 's' ? 9 : 0;
	case SG_WORD8('G', 'e', 't', 'C', 'A', 'C', 'e', 'r'):
		*operation = SG_REQUEST_GETCACERT;
		return p[8] == 't' ? 9 : 0;
	case SG_WORD8('G', 'e', 't', 'N', 'e', 'x', 't', 'C'):
		*operation = SG_REQUEST_GETNEXTCACERT;
		return sg_load4(p + 8) == SG_WORD4('A', 'C', 'e', 'r') && p[12] == 't' ? 13 : 0;
	case SG_WORD8('P', 'K', 'I', 'O', 'p', 'e', 'r', 'a'):
		*operation = SG_REQUEST_PKIOPERATION_GET;
		return sg_load4(p + 8) == SG_WORD4('t', 'i', 'o', 'n') ? 12 : 0;
	}
	return 0;
}

/* The first byte at or after p at which a short value ends, NULL if it is not in sight. */
static __always_inline const __u8 *sg_shortcut_skip_value(const __u8 *p, const __u8 *data_end)
{
	__u64 ends;
	int i;

	for (i = 0; i < SG_SHORTCUT_MESSAGE_WORDS; i++) {
		if (p + 8 > data_end)
			return 0;
		ends = sg_value_ends(sg_load8(p));
		if (ends)
			return p + sg_first_marked(ends);
		p += 8;
	}
	return 0;
}

/* Does " HTTP/1.x" and a line end stand at p?  Returns the bytes up to and including LF. */
static __always_inline __u32 sg_shortcut_version(const __u8 *p, const __u8 *data_end)
{
	if (p + 11 > data_end)
		return 0;
	if (sg_load8(p) != SG_WORD8(' ', 'H', 'T', 'T', 'P', '/', '1', '.') ||
	    (__u8)(p[8] - '0') > 9 || p[9] != '\r' || p[10] != '\n')
		return 0;
	return 11;
}

/* Tries the short cut at the start of a request.
 * @data, @data_end, @len: as for sg_http_feed()
 *
 * Returns the bytes read, and the line is done; or 0, and nothing has changed.
 */
static __always_inline __u32 sg_http_shortcut(struct sg_http_line *line, const __u8 *data,
					      const __u8 *data_end, __u32 len)
{
	__u8 method = SG_METHOD_OTHER, operation = SG_REQUEST_NONE;
	const __u8 *p;
	__u32 size;

	if (!SG_SHORTCUT_HERE || line->line_bytes || line->flags || data + 38 > data_end)
		return 0;
	size = sg_shortcut_prefix(data, &method);
	if (!size)
		return 0;
	p = data + size;
	if (p + 16 > data_end)
		return 0;
	size = sg_shortcut_operation(p, &operation);
	if (!size)
		return 0;
	p += size;
	if (p + 9 > data_end)
		return 0;
	if (sg_load8(p) == SG_WORD8('&', 'm', 'e', 's', 's', 'a', 'g', 'e') && p[8] == '=') {
		p = sg_shortcut_skip_value(p + 9, data_end);
		if (!p)
			return 0;
	}
	size = p - data;
	if (!sg_shortcut_version(p, data_end) || size + 11 > len)
		return 0;
	line->method = method;
	line->lowest = operation;
	line->final_class = sg_scep_class(method, operation, false);
	line->target_start = method == SG_METHOD_GET ? 4 : 5;
	line->target_end = size;
	line->line_bytes = size + 11;
	line->state = SG_HTTP_STATE_DONE;
	return size + 11;
}

#endif /* SG_CORE_HTTP_SHORTCUT_H */
