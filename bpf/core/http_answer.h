/* SPDX-License-Identifier: GPL-2.0-only */
/* Resumable reader of an answer's status line (RFC 9112, 4).  Interim answers (1xx but 101)
 * are skipped: the first line that is none of them counts.  Header fields are not read here;
 * userspace/http/answer_head.h does that for the few answers where they matter.
 */
#ifndef SG_CORE_HTTP_ANSWER_H
#define SG_CORE_HTTP_ANSWER_H

#include <linux/types.h>
#include <stdbool.h>

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

enum sg_http_answer_state {
	SG_HTTP_ANSWER_START, /* and on to 11: that many bytes of "HTTP/1.x NNN" matched */
	SG_HTTP_ANSWER_MINOR = 7,
	SG_HTTP_ANSWER_SPACE = 8,
	SG_HTTP_ANSWER_CODE = 9,
	SG_HTTP_ANSWER_CODE_END = 12, /* space or line end after the code */
	SG_HTTP_ANSWER_SKIP,          /* in a line of an interim answer */
	SG_HTTP_ANSWER_SKIP_START,    /* at the start of such a line */
	SG_HTTP_ANSWER_SKIP_CR,       /* CR there: the blank line that ends it */
	SG_HTTP_ANSWER_DONE,
};

/* All zero is the start of an answer. */
struct sg_http_answer {
	__u16 status; /* digits read so far; final when done: 100 to 599, 0 = no HTTP/1.x */
	__u8 state;   /* enum sg_http_answer_state */
	__u8 reserved;
};

/* Is the status final?  Feeding does nothing from then on, until the state is zeroed. */
static inline bool sg_http_answer_done(const struct sg_http_answer *answer)
{
	return answer->state >= SG_HTTP_ANSWER_DONE;
}

/* Status code, 100 to 599; 0 while unknown, and for what is no HTTP/1.x answer. */
static inline __u32 sg_http_answer_status(const struct sg_http_answer *answer)
{
	return sg_http_answer_done(answer) ? answer->status : 0;
}

static inline __u8 sg_http_answer_fail(struct sg_http_answer *answer)
{
	answer->status = 0;
	return SG_HTTP_ANSWER_DONE;
}

/* The code is complete: final, or the start of an interim answer to skip? */
static inline __u8 sg_http_answer_code_end(struct sg_http_answer *answer, __u8 byte)
{
	if (byte != ' ' && byte != '\r' && byte != '\n')
		return sg_http_answer_fail(answer);
	if (answer->status >= 200 || answer->status == 101)
		return SG_HTTP_ANSWER_DONE;
	answer->status = 0;
	return byte == '\n' ? SG_HTTP_ANSWER_SKIP_START : SG_HTTP_ANSWER_SKIP;
}

/* Skips the rest of an interim answer, up to and including its blank line. */
static inline __u8 sg_http_answer_skip(__u8 state, __u8 byte)
{
	if (byte == '\n')
		return state == SG_HTTP_ANSWER_SKIP ? SG_HTTP_ANSWER_SKIP_START
						    : SG_HTTP_ANSWER_START;
	if (byte == '\r' && state == SG_HTTP_ANSWER_SKIP_START)
		return SG_HTTP_ANSWER_SKIP_CR;
	return SG_HTTP_ANSWER_SKIP;
}

/* Reads one byte, returns the state after it. */
static inline __u8 sg_http_answer_step(struct sg_http_answer *answer, __u8 byte)
{
	/* As a number, not a string: no table in .rodata for seven bytes. */
	const __u64 version = 0x2e312f50545448ULL; /* "HTTP/1.", first byte lowest */
	__u8 state = answer->state, digit = byte - '0';

	if (state > SG_HTTP_ANSWER_CODE_END)
		return sg_http_answer_skip(state, byte);
	if (state == SG_HTTP_ANSWER_CODE_END)
		return sg_http_answer_code_end(answer, byte);
	if (state >= SG_HTTP_ANSWER_CODE) {
		if (digit > 9 || (state == SG_HTTP_ANSWER_CODE && (digit < 1 || digit > 5)))
			return sg_http_answer_fail(answer);
		answer->status = answer->status * 10 + digit;
		return state + 1;
	}
	if (state == SG_HTTP_ANSWER_SPACE)
		return byte == ' ' ? state + 1 : sg_http_answer_fail(answer);
	if (state == SG_HTTP_ANSWER_MINOR)
		return digit < 10 ? state + 1 : sg_http_answer_fail(answer);
	return byte == (__u8)(version >> 8 * state) ? state + 1 : sg_http_answer_fail(answer);
}

/* Feeds the next bytes of the CA's stream.
 * @data, @data_end: the segment's payload and the end of what may be read
 * @len: payload bytes, which may be fewer than lie before data_end
 * @most: look at no more bytes than this in one call; in BPF a small constant
 *
 * Stops at the byte that decides.  Returns how many bytes were read; when that is `most`,
 * call again with what is left.
 */
static __always_inline __u32 sg_http_answer_feed_some(struct sg_http_answer *answer,
						      const __u8 *data, const __u8 *data_end,
						      __u32 len, __u32 most)
{
	__u32 i;

	for (i = 0; i < most; i++) {
		if (sg_http_answer_done(answer) || i >= len || data + i + 1 > data_end)
			break;
		/* Kept in memory only: the verifier then sees the same in every round. */
		answer->state = sg_http_answer_step(answer, data[i]);
		asm volatile("" : : : "memory");
	}
	return i;
}

#ifndef __bpf__
/* The same for native code: reads all of it.  In BPF: sg_classify_answer(). */
static inline __u32 sg_http_answer_feed(struct sg_http_answer *answer, const __u8 *data,
					const __u8 *data_end, __u32 len)
{
	return sg_http_answer_feed_some(answer, data, data_end, len, len);
}
#endif

#endif /* SG_CORE_HTTP_ANSWER_H */
