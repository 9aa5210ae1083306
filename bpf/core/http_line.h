/* SPDX-License-Identifier: GPL-2.0-only */
/* Resumable reader of an HTTP request line: fed the client's bytes in order, in pieces of
 * any size, it says what the request asks of the CA, and when that is certain.  It reads
 * nothing after the line.
 *
 * XDP sees packets, not the stream.  A client may cut the line anywhere, so "more" is no
 * verdict: the state stays in the connection's entry and the next byte in sequence goes on
 * from there.  Bytes out of order are not fed, for the CA reads the stream and so must we.
 *
 * Readers differ (facts 1.5), so two kinds of oddity are told apart:
 * - malformed (control byte, byte above 0x7e, bare CR, no HTTP/1.x): ends undecided at once;
 * - doubtful (extra spaces, HTTP/0.9, an odd target, a parameter that only some readers
 *   take for "operation"): read on, but a useful class ends as undecided.
 */
#ifndef SG_CORE_HTTP_LINE_H
#define SG_CORE_HTTP_LINE_H

#include "http_tables.h"
#include "scep_class.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

/* Longest line read, with the empty lines before it, in bytes.  Positions fit in 16 bits. */
#define SG_HTTP_LINE_MAX 65535

/* A server should ignore at least one empty line before the request (RFC 9112, 2.2). */
#define SG_HTTP_EMPTY_LINES_MAX 4

/* A CMS object begins with these two characters in base64, and is long; CA names are short. */
#define SG_HTTP_CMS_START     ('M' << 8 | 'I')
#define SG_HTTP_CMS_MIN_BYTES 200

/* Flags of struct sg_http_line. */
#define SG_HTTP_DOUBTFUL 0x01 /* readers differ over this line */
#define SG_HTTP_FRAGMENT 0x02 /* past a '#': only some readers look at what follows */
#define SG_HTTP_SOFT     0x04 /* this parameter is one only for some readers */
#define SG_HTTP_MISMATCH 0x08 /* this name or value can equal no known one any more */
#define SG_HTTP_LONG_CMS 0x10 /* in a message value that begins like a CMS object */

/* State of one request line.  All zero is the start of a request.  Kept in the value of
 * the connection table and opaque to everything but this header.
 */
struct sg_http_line {
	struct sg_token token; /* method, name, operation value or version being read */
	__u32 line_bytes;      /* fed so far, empty lines included */
	__u16 message_start;   /* where the message value began, from the request's start */
	__u16 target_start;    /* request target: first byte … */
	__u16 target_end;      /* … and the byte after its last, 0 while unknown */
	__u8 state;            /* enum sg_http_state */
	__u8 method;           /* enum sg_http_method, once past it */
	__u8 lowest;           /* enum sg_request_class: least useful operation so far */
	__u8 final_class;      /* enum sg_request_class, once done */
	__u8 flags;
	__u8 escape; /* 0, 1 after '%', SG_HTTP_ESCAPE_LOW | high digit after that */
	__u8 empty_lines;
	__u8 head;       /* what follows the line: enum sg_http_head_state (http_head.h) */
	__u8 head_flags; /* SG_HEAD_* */
	__u8 reserved;
	__u32 body_left; /* bytes of the body still to come */
};

_Static_assert(sizeof(struct sg_http_line) == 40, "grows every connection's entry");

#define SG_HTTP_ESCAPE_HIGH 0x01
#define SG_HTTP_ESCAPE_LOW  0x80

/* Is the class final?  Feeding does nothing from then on, until the state is zeroed. */
static inline bool sg_http_done(const struct sg_http_line *line)
{
	return line->state >= SG_HTTP_STATE_DONE;
}

/* Would the line be a PKIOperation, if nothing else came?  A message that begins like a
 * CMS object and is long already (Go clients put the operation behind 3 kB of it; a router
 * with an MSS of 536 sends seven segments).  Provisional: the end of the line may differ.
 */
static inline bool sg_http_provisional(const struct sg_http_line *line)
{
	return !sg_http_done(line) && (line->flags & SG_HTTP_LONG_CMS) &&
	       line->line_bytes - line->message_start >= SG_HTTP_CMS_MIN_BYTES &&
	       line->method == SG_METHOD_GET && !(line->flags & SG_HTTP_DOUBTFUL) &&
	       (line->lowest == SG_REQUEST_NONE || line->lowest == SG_REQUEST_PKIOPERATION_GET);
}

/* Class so far, enum sg_request_class: final when sg_http_done(). */
static inline __u8 sg_http_class(const struct sg_http_line *line)
{
	if (sg_http_done(line))
		return line->final_class;
	if (sg_http_provisional(line))
		return SG_REQUEST_PKIOPERATION_GET;
	return line->line_bytes ? SG_REQUEST_UNDECIDED : SG_REQUEST_NONE;
}

/* Value of a hexadecimal digit, above 15 if it is none. */
static inline __u8 sg_http_hex_digit(__u8 byte)
{
	__u8 letter = (byte | 0x20) - 'a';

	if ((__u8)(byte - '0') < 10)
		return byte - '0';
	return letter < 6 ? letter + 10 : 0xff;
}

/* RFC 3986, 2.3: the only characters whose escape means the same as the character. */
static inline bool sg_http_unreserved(__u8 byte)
{
	return (__u8)((byte | 0x20) - 'a') < 26 || (__u8)(byte - '0') < 10 || byte == '-' ||
	       byte == '.' || byte == '_' || byte == '~';
}

/* A byte that cannot be part of a known name: strictly this is another parameter.  Some
 * readers trim it or stop at it (PHP, C strings), and may see "operation" after all.
 */
static inline void sg_http_odd_byte(struct sg_http_line *line, __u8 state)
{
	if (state == SG_HTTP_STATE_NAME && !(line->flags & SG_HTTP_MISMATCH)) {
		if (sg_token_empty(&line->token)) {
			line->flags |= SG_HTTP_SOFT;
			return;
		}
		if (sg_scep_name_is_operation_caseless(&line->token))
			line->flags |= SG_HTTP_DOUBTFUL;
	}
	line->flags |= SG_HTTP_MISMATCH;
}

/* A '%' without two hexadecimal digits after it.  In a name it leaves a doubt: CGI.pm and
 * IIS know %uXXXX.
 */
static inline void sg_http_broken_escape(struct sg_http_line *line, __u8 state)
{
	line->escape = 0;
	line->flags |= SG_HTTP_MISMATCH;
	if (state == SG_HTTP_STATE_NAME)
		line->flags |= SG_HTTP_DOUBTFUL;
}

/* One byte of an escape in a name or an operation value, after its '%'. */
static inline void sg_http_escape_byte(struct sg_http_line *line, __u8 state, __u8 byte)
{
	__u8 digit = sg_http_hex_digit(byte);

	if (digit > 15) {
		sg_http_broken_escape(line, state);
		return;
	}
	if (line->escape == SG_HTTP_ESCAPE_HIGH) {
		line->escape = SG_HTTP_ESCAPE_LOW | digit;
		return;
	}
	byte = line->escape << 4 | digit;
	line->escape = 0;
	if (sg_http_unreserved(byte))
		sg_token_push(&line->token, byte);
	else
		sg_http_odd_byte(line, state);
}

/* A parameter name ends: whose value follows?  Returns the state after it. */
static inline __u8 sg_http_end_name(struct sg_http_line *line, __u8 kind, __u8 next, __u32 position)
{
	if (line->escape)
		sg_http_broken_escape(line, SG_HTTP_STATE_NAME);
	if (line->flags & SG_HTTP_MISMATCH)
		return next;
	if (sg_scep_name_is_operation_caseless(&line->token)) {
		/* Strictly ';' and what follows is part of the name. */
		if (!sg_scep_name_is_operation(&line->token) || kind == SG_BYTE_SEMI ||
		    (line->flags & (SG_HTTP_SOFT | SG_HTTP_FRAGMENT)))
			line->flags |= SG_HTTP_DOUBTFUL;
		else if (kind == SG_BYTE_EQUALS)
			next = SG_HTTP_STATE_OPERATION;
		else
			line->lowest = sg_scep_lower(line->lowest, SG_REQUEST_OTHER_SCEP);
	} else if (kind == SG_BYTE_EQUALS && sg_scep_name_is_message(&line->token)) {
		line->message_start = position + 1;
		next = SG_HTTP_STATE_MESSAGE;
	}
	line->token.high = 0;
	line->token.low = 0;
	return next;
}

/* The value of an operation parameter ends. */
static inline void sg_http_end_operation(struct sg_http_line *line, __u8 kind)
{
	__u8 operation = SG_REQUEST_OTHER_SCEP;

	/* Strictly ';' is part of the value, which then equals no known one. */
	if (!line->escape && !(line->flags & SG_HTTP_MISMATCH) && kind != SG_BYTE_SEMI)
		operation = sg_scep_operation(&line->token);
	/* For Go, Node and others '#' is part of the value. */
	if (kind == SG_BYTE_HASH)
		line->flags |= SG_HTTP_DOUBTFUL;
	line->escape = 0;
	line->lowest = sg_scep_lower(line->lowest, operation);
}

static inline void sg_http_begin_name(struct sg_http_line *line, __u8 kind)
{
	line->token.high = 0;
	line->token.low = 0;
	line->escape = 0;
	line->flags &= SG_HTTP_DOUBTFUL | SG_HTTP_FRAGMENT;
	/* CGI.pm and other older readers also split the query at ';'. */
	if (kind == SG_BYTE_SEMI)
		line->flags |= SG_HTTP_SOFT;
}

/* The line ends well. */
static inline __u8 sg_http_end_line(struct sg_http_line *line)
{
	line->final_class =
		sg_scep_class(line->method, line->lowest, line->flags & SG_HTTP_DOUBTFUL);
	return SG_HTTP_STATE_DONE;
}

/* A delimiter inside the target, or the one that ends it. */
static inline __u8 sg_http_target_delimiter(struct sg_http_line *line, __u8 kind, __u8 next,
					    __u32 position)
{
	switch (kind) {
	case SG_BYTE_QUERY:
	case SG_BYTE_AMP:
	case SG_BYTE_SEMI:
		sg_http_begin_name(line, kind);
		return next;
	case SG_BYTE_HASH:
		line->flags = (line->flags & ~SG_HTTP_LONG_CMS) | SG_HTTP_FRAGMENT;
		return next;
	case SG_BYTE_SPACE:
		line->target_end = position;
		line->token.high = 0;
		line->token.low = 0;
		return next;
	case SG_BYTE_CR:
	case SG_BYTE_LF:
		/* HTTP/0.9, which knew only GET: some servers still answer it. */
		line->target_end = position;
		line->flags |= SG_HTTP_DOUBTFUL;
		if (line->method != SG_METHOD_GET)
			return SG_HTTP_STATE_BAD;
		return kind == SG_BYTE_LF ? sg_http_end_line(line) : next;
	}
	return next;
}

/* The version ends with CR or LF; a space before it is one too many, after it malformed. */
static inline __u8 sg_http_version_delimiter(struct sg_http_line *line, __u8 kind, __u8 next)
{
	if (kind == SG_BYTE_SPACE) {
		line->flags |= SG_HTTP_DOUBTFUL;
		return sg_token_empty(&line->token) ? next : SG_HTTP_STATE_BAD;
	}
	if (line->token.high ||
	    line->token.low >> 8 != SG_PACK8(0, 'H', 'T', 'T', 'P', '/', '1', '.') ||
	    (__u8)(line->token.low - '0') > 9)
		return SG_HTTP_STATE_BAD;
	return kind == SG_BYTE_LF ? sg_http_end_line(line) : next;
}

/* "http://" or "https://", in any case (RFC 3986, 3.1). */
static inline bool sg_http_scheme_ends(const struct sg_token *token)
{
	__u64 low = token->low | SG_PACK8(0, 0x20, 0x20, 0x20, 0x20, 0, 0, 0);

	if (!token->high && low == SG_PACK8(0, 'h', 't', 't', 'p', ':', '/', '/'))
		return true;
	low = token->low | SG_PACK8(0x20, 0x20, 0x20, 0x20, 0x20, 0, 0, 0);
	return !token->high && low == SG_PACK8('h', 't', 't', 'p', 's', ':', '/', '/');
}

/* A mark inside a parameter's name or the value of operation=. */
static inline __u8 sg_http_parameter_mark(struct sg_http_line *line, __u8 state, __u8 kind,
					  __u8 next, __u32 position)
{
	if (kind == SG_BYTE_PERCENT) {
		if (line->escape)
			sg_http_broken_escape(line, state);
		line->escape = SG_HTTP_ESCAPE_HIGH;
		return next;
	}
	if (kind == SG_BYTE_ODD) {
		if (line->escape)
			sg_http_broken_escape(line, state);
		sg_http_odd_byte(line, state);
		return next;
	}
	if (state == SG_HTTP_STATE_OPERATION) {
		sg_http_end_operation(line, kind);
	} else {
		next = sg_http_end_name(line, kind, next, position);
		if (kind == SG_BYTE_EQUALS) {
			line->flags &= ~SG_HTTP_MISMATCH;
			return next;
		}
	}
	return sg_http_target_delimiter(line, kind, next, position);
}

/* Something begins or ends at this byte: what that means depends on where we are.
 * Returns the state after it: `next` from the table, unless the token says otherwise.
 */
static inline __u8 sg_http_mark(struct sg_http_line *line, __u8 state, __u8 kind, __u8 next,
				__u32 position)
{
	/* A second '?' begins a parameter for HAProxy, as ';' does for others. */
	if (kind == SG_BYTE_QUERY && state >= SG_HTTP_STATE_NAME)
		kind = SG_BYTE_SEMI;
	switch (state) {
	case SG_HTTP_STATE_START:
	case SG_HTTP_STATE_START_CR:
		return ++line->empty_lines > SG_HTTP_EMPTY_LINES_MAX ? SG_HTTP_STATE_BAD : next;
	case SG_HTTP_STATE_METHOD:
		line->method = sg_scep_method(&line->token);
		line->token.high = 0;
		line->token.low = 0;
		return next;
	case SG_HTTP_STATE_TARGET:
		if (kind != SG_BYTE_SPACE)
			line->target_start = position;
		if (kind != SG_BYTE_SLASH && kind != SG_BYTE_WORD)
			line->flags |= SG_HTTP_DOUBTFUL;
		break;
	case SG_HTTP_STATE_FORM:
		if (kind == SG_BYTE_SLASH)
			return sg_http_scheme_ends(&line->token) ? SG_HTTP_STATE_AUTHORITY : next;
		line->flags |= SG_HTTP_DOUBTFUL;
		break;
	case SG_HTTP_STATE_AUTHORITY:
		line->flags |= SG_HTTP_DOUBTFUL; /* empty */
		break;
	case SG_HTTP_STATE_NAME:
	case SG_HTTP_STATE_OPERATION:
		return sg_http_parameter_mark(line, state, kind, next, position);
	case SG_HTTP_STATE_MESSAGE:
		if (kind != SG_BYTE_WORD)
			break;
		if (line->token.low == SG_HTTP_CMS_START)
			line->flags |= SG_HTTP_LONG_CMS;
		return line->token.low == 'M' ? next : SG_HTTP_STATE_VALUE;
	case SG_HTTP_STATE_VERSION:
		return sg_http_version_delimiter(line, kind, next);
	case SG_HTTP_STATE_CR:
		return sg_http_end_line(line);
	}
	return sg_http_target_delimiter(line, kind, next, position);
}

/* Reads one byte; position is its distance from the request's first byte.  Returns the
 * state after it, which the caller keeps: only a mark goes through memory.
 */
static inline __u8 sg_http_step(struct sg_http_line *line, __u8 state, __u8 byte, __u32 position)
{
	__u8 kind = sg_http_byte_kinds[byte];
	__u32 index = state << SG_HTTP_ROW_SHIFT | kind;
	__u8 to, next;

	/* Or clang drops the mask, which the verifier needs (clang 14, Linux 6.18). */
	asm volatile("" : "+r"(index));
	to = sg_http_transitions[index & SG_HTTP_TABLE_MASK];
	next = to & SG_HTTP_STATE_MASK;
	if (to & SG_HTTP_PUSH) {
		if (line->escape)
			sg_http_escape_byte(line, state, byte);
		else
			sg_token_push(&line->token, byte);
	}
	if (to & SG_HTTP_MARK) {
		next = sg_http_mark(line, state, kind, next, position);
	}
	return next;
}

/* Feeds the next bytes of the client's stream.
 * @data, @data_end: the segment's payload and the end of what may be read
 * @len: payload bytes, which may be fewer than lie before data_end
 * @most: look at no more bytes than this in one call; in BPF a small constant, since the
 *	verifier walks every round of the loop (see bpf/classify.bpf.h)
 *
 * Stops after the line's last byte.  Returns how many bytes were read; when that is `most`,
 * call again with what is left.
 */
static __always_inline __u32 sg_http_feed_some(struct sg_http_line *line, const __u8 *data,
					       const __u8 *data_end, __u32 len, __u32 most)
{
	__u32 position = line->line_bytes;
	__u32 room = SG_HTTP_LINE_MAX - position; /* more than 0, or it was done */
	__u8 state = line->state;
	__u32 i;

	if (state >= SG_HTTP_STATE_DONE)
		return 0;
	if (len > room)
		len = room;
	for (i = 0; i < most; i++) {
		if (i >= len || data + i + 1 > data_end)
			break;
		state = sg_http_step(line, state, data[i], position + i);
		if (state >= SG_HTTP_STATE_DONE) {
			i++;
			break;
		}
	}
	if (i == room && state < SG_HTTP_STATE_DONE)
		state = SG_HTTP_STATE_BAD;
	if (state == SG_HTTP_STATE_BAD)
		line->final_class = SG_REQUEST_UNDECIDED;
	line->state = state;
	line->line_bytes = position + i;
	return i;
}

#ifndef __bpf__
/* The same for native code: reads all of it.  In BPF: sg_classify_segment(). */
static inline __u32 sg_http_feed(struct sg_http_line *line, const __u8 *data, const __u8 *data_end,
				 __u32 len)
{
	return sg_http_feed_some(line, data, data_end, len, len);
}
#endif

#endif /* SG_CORE_HTTP_LINE_H */
