/* SPDX-License-Identifier: GPL-2.0-only */
/* Where does a request end? Resumable reader of what follows a request line, only for this: bytes that
 * are sent behind the request before it is answered are another request (pipelining), of which the
 * CA may make anything. No SCEP client does that (facts 1.5), so nothing useful is lost by calling it
 * undecided.
 *
 * Heads over which servers differ (two lengths, chunks, folded lines, bare CR) have no body as far as
 * this reader is concerned: whatever follows them is then another request.
 */
#ifndef SG_CORE_HTTP_HEAD_H
#define SG_CORE_HTTP_HEAD_H

#include "http_shortcut.h"

enum sg_http_head_state {
	SG_HEAD_START,    /* first byte of a field line */
	SG_HEAD_START_CR, /* CR of the empty line */
	SG_HEAD_NAME,
	SG_HEAD_LENGTH, /* value of Content-Length */
	SG_HEAD_VALUE,  /* any other value */
	SG_HEAD_VALUE_CR,
	SG_HEAD_BODY,
	SG_HEAD_ENDED, /* request complete; empty lines may follow (RFC 9112, 2.2) */
	SG_HEAD_MORE,  /* and something else behind it: final */
};

/* Flags of head_flags. */
#define SG_HEAD_ODD        0x01 /* servers differ over where this request ends */
#define SG_HEAD_HAS_LENGTH 0x02
#define SG_HEAD_HAS_DIGITS 0x04

/* Longest body believed, in bytes: far above any PKIOperation. */
#define SG_HEAD_BODY_MAX (1u << 24)

/* Most steps of the short cut: line ends, 32 bytes without one, and up to three at the end. */
#define SG_HEAD_SHORTCUT_STEPS 12

static inline bool sg_head_is_length(const struct sg_token *name)
{
	return sg_token_is(name, SG_PACK8(0, 0, 'c', 'o', 'n', 't', 'e', 'n'),
			   SG_PACK8('t', '-', 'l', 'e', 'n', 'g', 't', 'h'));
}

/* The last 16 of its 17 characters: all that a token keeps. */
static inline bool sg_head_is_transfer_encoding(const struct sg_token *name)
{
	return sg_token_is(name, SG_PACK8('r', 'a', 'n', 's', 'f', 'e', 'r', '-'),
			   SG_PACK8('e', 'n', 'c', 'o', 'd', 'i', 'n', 'g'));
}

static inline void sg_head_odd(struct sg_http_line *line)
{
	line->head_flags |= SG_HEAD_ODD;
}

static inline __u8 sg_head_ends(struct sg_http_line *line)
{
	/* Some read a GET's body, some do not. */
	if (line->method == SG_METHOD_GET && line->body_left)
		sg_head_odd(line);
	if (line->head_flags & SG_HEAD_ODD || !(line->head_flags & SG_HEAD_HAS_DIGITS))
		line->body_left = 0;
	return line->body_left ? SG_HEAD_BODY : SG_HEAD_ENDED;
}

static inline __u8 sg_head_name_ends(struct sg_http_line *line)
{
	if (sg_head_is_length(&line->token)) {
		if (line->head_flags & SG_HEAD_HAS_LENGTH)
			sg_head_odd(line);
		line->head_flags |= SG_HEAD_HAS_LENGTH;
		line->body_left = 0;
		return SG_HEAD_LENGTH;
	}
	if (sg_head_is_transfer_encoding(&line->token))
		sg_head_odd(line);
	return SG_HEAD_VALUE;
}

/* No part of a field name. At such a byte some readers take the head for ended (Python's http.server), and
 * a length behind it for none.
 */
static inline bool sg_head_odd_in_name(__u8 byte)
{
	return byte <= ' ' || byte > '~';
}

/* First byte of a field line, or of the empty one. */
static inline __u8 sg_head_start(struct sg_http_line *line, __u8 byte)
{
	if (byte == '\n')
		return sg_head_ends(line);
	if (byte == '\r')
		return SG_HEAD_START_CR;
	line->token.high = 0;
	line->token.low = 0;
	if (sg_head_odd_in_name(byte) || byte == ':') {
		sg_head_odd(line);
		return SG_HEAD_VALUE;
	}
	sg_token_push(&line->token, byte | 0x20);
	return SG_HEAD_NAME;
}

static inline __u8 sg_head_name(struct sg_http_line *line, __u8 byte)
{
	if (byte == ':')
		return sg_head_name_ends(line);
	if (byte == '\n') {
		sg_head_odd(line);
		return SG_HEAD_START;
	}
	if (sg_head_odd_in_name(byte))
		sg_head_odd(line);
	/* Zero bytes are not for a token; case folds for letters, '-' stays. */
	sg_token_push(&line->token, byte | 0x20);
	return SG_HEAD_NAME;
}

static inline __u8 sg_head_length(struct sg_http_line *line, __u8 byte)
{
	__u8 digit = byte - '0';

	if (digit < 10) {
		line->head_flags |= SG_HEAD_HAS_DIGITS;
		line->body_left = line->body_left * 10 + digit;
		if (line->body_left <= SG_HEAD_BODY_MAX)
			return SG_HEAD_LENGTH;
	} else if (byte == ' ' && !(line->head_flags & SG_HEAD_HAS_DIGITS)) {
		return SG_HEAD_LENGTH;
	} else if (byte == '\r') {
		return SG_HEAD_VALUE_CR;
	}
	sg_head_odd(line);
	return byte == '\n' ? SG_HEAD_START : SG_HEAD_VALUE;
}

/* One byte after the line and before the body. Returns the state after it. */
static inline __u8 sg_head_step(struct sg_http_line *line, __u8 state, __u8 byte)
{
	switch (state) {
	case SG_HEAD_START:
		return sg_head_start(line, byte);
	case SG_HEAD_START_CR:
		if (byte == '\n')
			return sg_head_ends(line);
		sg_head_odd(line);
		return SG_HEAD_VALUE;
	case SG_HEAD_NAME:
		return sg_head_name(line, byte);
	case SG_HEAD_LENGTH:
		return sg_head_length(line, byte);
	case SG_HEAD_VALUE_CR:
		if (byte == '\n')
			return SG_HEAD_START;
		sg_head_odd(line); /* some take a bare CR for the line's end */
		return SG_HEAD_VALUE;
	case SG_HEAD_VALUE:
		if (byte == '\n')
			sg_head_odd(line);
		return byte == '\n' ? SG_HEAD_START : byte == '\r' ? SG_HEAD_VALUE_CR : state;
	case SG_HEAD_ENDED:
		return byte == '\r' || byte == '\n' ? state : SG_HEAD_MORE;
	}
	return state;
}

/* Is another request behind this one? Final until the state is zeroed. */
static inline bool sg_head_more(const struct sg_http_line *line)
{
	return line->head == SG_HEAD_MORE;
}

/* Are there bytes of this request still to come? */
static inline bool sg_head_expects(const struct sg_http_line *line)
{
	return line->head < SG_HEAD_ENDED;
}

/* Bytes of the body among the next `len`. */
static __always_inline __u32 sg_head_skip_body(struct sg_http_line *line, __u32 len)
{
	if (line->head != SG_HEAD_BODY)
		return 0;
	if (len > line->body_left)
		len = line->body_left;
	line->body_left -= len;
	if (!line->body_left)
		line->head = SG_HEAD_ENDED;
	return len;
}

/* Feeds the next bytes, at most `most` of them (see sg_http_feed_some()). Stops where a body begins
 * and behind MORE. Returns how many were read.
 */
static __always_inline __u32 sg_head_feed_some(struct sg_http_line *line, const __u8 *data,
					       const __u8 *data_end, __u32 len, __u32 most)
{
	__u8 state = line->head;
	__u32 i;

	for (i = 0; i < most; i++) {
		if (i >= len || data + i + 1 > data_end || state == SG_HEAD_BODY ||
		    state == SG_HEAD_MORE)
			break;
		state = sg_head_step(line, state, data[i]);
	}
	line->head = state;
	return i;
}

/* The high bit of each byte below ' ' among the eight of word, exact up to the first one. So it may be set for bytes
 * from 0xa0 on, of which the caller makes nothing either.
 */
static __always_inline __u64 sg_head_controls(__u64 word)
{
	return (word - SG_ONES * ' ') & SG_HIGHS;
}

/* A place in the frame. Bounded anew where it is needed, so that the verifier meets states it knows. */
static __always_inline const __u8 *sg_head_at(const __u8 *data, __u32 at)
{
	asm volatile("" : "+r"(at));
	return data + (at & 2047);
}

/* Do CR and LF stand at p, and behind them what begins a field that cannot say that there is a body? Not C or T, as in
 * Content-Length and Transfer-Encoding, and nothing below 0x40, which folds a line. Four bytes are read.
 */
static __always_inline bool sg_head_next_field(const __u8 *p)
{
	__u32 four = sg_load4(p), name = four & 0xdf0000;

	return (four & 0xffff) == SG_WORD4('\r', '\n', 0, 0) && four & 0xc00000 &&
	       name != SG_WORD4(0, 0, 'C', 0) && name != SG_WORD4(0, 0, 'T', 0);
}

/* Looks for the next control byte from *at on, which there is before `to`: 32 bytes a step while so many are left, then
 * 8. Moves *at up to it, or, if it is not in sight, behind what was looked at. Returns sg_head_controls(): 0 for
 * not in sight; so it is if bytes are missing.
 */
static __always_inline __u64 sg_head_seek(const __u8 *data, const __u8 *data_end, __u32 *at,
					  __u32 to)
{
	__u32 left = to - *at;
	const __u8 *p = sg_head_at(data, left < 8 ? to - 8 : *at);
	__u64 found;

	if (left < 32) {
		if (p + 8 > data_end)
			return 0;
		/* Zeros behind the last byte: found after it. */
		found = sg_head_controls(left < 8 ? sg_load8(p) >> (64 - 8 * left) : sg_load8(p));
	} else {
		if (p + 32 > data_end)
			return 0;
		found = sg_head_controls(sg_load8(p));
		if (!found) {
			found = sg_head_controls(sg_load8(p + 8));
			*at += 8;
		}
		if (!found) {
			found = sg_head_controls(sg_load8(p + 16));
			*at += 8;
		}
		if (!found) {
			found = sg_head_controls(sg_load8(p + 24));
			*at += 8;
		}
	}
	*at += found ? sg_first_marked(found) : 8;
	return found;
}

/* Is all from the line end at `at` on, which is that of the request line, up to the empty line at the end one head? If
 * the line came in a segment of its own, a TCP header stands there: it may pass for a line end, what is
 * behind it is the head nevertheless.
 */
static __always_inline bool sg_head_plain(const __u8 *data, const __u8 *data_end, __u32 at,
					  __u32 to)
{
	__u64 found = 1;

	for (__u32 i = 0; i < SG_HEAD_SHORTCUT_STEPS; i++) {
		if (found) {
			const __u8 *p = sg_head_at(data, at);

			if (at == to - 4)
				break;
			at += 3;
			if (p + 4 > data_end)
				return false;
			if (!sg_head_next_field(p))
				return false;
		}
		found = sg_head_seek(data, data_end, &at, to);
	}
	return found && at == to - 4;
}

/* May the head that follows be passed over at a glance? */
static __always_inline bool sg_head_may_shortcut(const struct sg_http_line *line)
{
	return SG_SHORTCUT_HERE && line->method == SG_METHOD_GET && line->head == SG_HEAD_START;
}

/* Is the rest of the segment the rest of one request, and without a body? For a GET whose head ends with the bytes
 * at hand, as nearly all do. False: read it.
 * @data, @data_end: the frame; @from: offset of the byte behind the request line, at least eight;
 *	@to: offset behind the last byte
 *
 * The empty line is at the end, and there is none before it: no other request. No name of a field says that there is a
 * body. No control byte is elsewhere than at the ends of lines.
 */
static __always_inline bool sg_head_glance(const __u8 *data, const __u8 *data_end, __u32 from,
					   __u32 to)
{
	const __u8 *last = sg_head_at(data, to - 4);

	if (to < from + 2 || to > 2047 || last + 4 > data_end ||
	    sg_load4(last) != SG_WORD4('\r', '\n', '\r', '\n'))
		return false;
	return sg_head_plain(data, data_end, from - 2, to);
}

#ifndef __bpf__
/* The short cut for native code: returns true, and the head is read; or false, and nothing has changed. */
static inline bool sg_head_shortcut(struct sg_http_line *line, const __u8 *data,
				    const __u8 *data_end, __u32 from, __u32 to)
{
	if (!sg_head_may_shortcut(line) || !sg_head_glance(data, data_end, from, to))
		return false;
	line->head = SG_HEAD_ENDED;
	return true;
}

/* Reads all of it. In BPF: sg_classify_head(). */
static inline void sg_head_feed(struct sg_http_line *line, const __u8 *data, __u32 len)
{
	__u32 done = 0;

	while (done < len && !sg_head_more(line)) {
		done += sg_head_skip_body(line, len - done);
		done += sg_head_feed_some(line, data + done, data + len, len - done, len - done);
	}
}
#endif

#endif /* SG_CORE_HTTP_HEAD_H */
