/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs the request-line reader over a packet.  The reader itself is in core/; this is only
 * what the verifier wants.
 *
 * A plain loop of 1460 rounds is refused ("sequence of 8193 jumps is too complex"): the
 * verifier walks every round.  So one global function, verified once for any arguments,
 * reads 16 bytes, and a bounded loop calls it: 12 ns a call, under 1 ns a byte.  Longer
 * pieces are hardly faster and cost 1100 verified instructions per byte.
 */
#ifndef SG_CLASSIFY_BPF_H
#define SG_CLASSIFY_BPF_H

#include <linux/bpf.h>
#include "core/http_answer.h"
#include "core/http_head.h"
#include "core/http_line.h"
#include "core/http_shortcut.h"

#define SG_CLASSIFY_PIECE_BYTES 16

/* The same for what follows a request line: fewest verified instructions. GETs take the short cut. */
#define SG_CLASSIFY_HEAD_BYTES 12

/* Most bytes of an answer's segment looked at.  A status line takes 13; an interim answer
 * before it in the same segment fits too.
 */
#define SG_CLASSIFY_ANSWER_BYTES 256

/* Most bytes of a request's segment looked at: as many as are summed (SG_SUM_MAX). */
#define SG_CLASSIFY_SEGMENT_BYTES 3520

/* The same behind a line: bodies are passed over by their length, and no head of a request is so long. */
#define SG_CLASSIFY_REST_BYTES 1536

/* Highest offset of a payload byte in a frame that is looked at. */
#define SG_CLASSIFY_OFFSET_MAX 4095

/* Feeds up to SG_CLASSIFY_PIECE_BYTES bytes that start at `offset` in the frame.  Returns
 * how many were read.
 */
__noinline int sg_classify_piece(struct xdp_md *ctx, struct sg_http_line *line, __u32 offset,
				 __u32 len)
{
	const __u8 *data = (const __u8 *)(long)ctx->data;
	const __u8 *data_end = (const __u8 *)(long)ctx->data_end;

	if (!line || offset > SG_CLASSIFY_OFFSET_MAX)
		return 0;
	return sg_http_feed_some(line, data + offset, data_end, len, SG_CLASSIFY_PIECE_BYTES);
}

/* Reads the payload of an in-order segment of the client, byte by byte.
 * @offset: distance of the first byte from ctx->data
 * @len: payload bytes by the IP header
 *
 * Returns how many bytes were read: all of them, or up to the line's end.  Fewer only if
 * the segment is not linear or longer than SG_CLASSIFY_SEGMENT_BYTES; the rest must not be
 * skipped then, so the line stays undecided.
 */
static __always_inline __u32 sg_classify_segment(struct xdp_md *ctx, struct sg_http_line *line,
						 __u32 offset, __u32 len)
{
	__u32 i, read, done = 0;

	for (i = 0; i < SG_CLASSIFY_SEGMENT_BYTES / SG_CLASSIFY_PIECE_BYTES; i++) {
		read = sg_classify_piece(ctx, line, offset + done, len - done);
		done += read;
		if (read != SG_CLASSIFY_PIECE_BYTES)
			break;
	}
	return done;
}

/* Feeds up to SG_CLASSIFY_PIECE_BYTES bytes of what follows a request line. */
__noinline int sg_classify_head_piece(struct xdp_md *ctx, struct sg_http_line *line, __u32 offset,
				      __u32 len)
{
	const __u8 *data = (const __u8 *)(long)ctx->data;
	const __u8 *data_end = (const __u8 *)(long)ctx->data_end;

	if (!line || offset > SG_CLASSIFY_OFFSET_MAX)
		return 0;
	return sg_head_feed_some(line, data + offset, data_end, len, SG_CLASSIFY_HEAD_BYTES);
}

/* sg_head_glance() at the bytes [from, to) of the frame. By itself, so that it is verified once. */
__noinline int sg_classify_glance(struct xdp_md *ctx, __u32 from, __u32 to)
{
	return sg_head_glance((const __u8 *)(long)ctx->data, (const __u8 *)(long)ctx->data_end,
			      from, to);
}

/* The same for what nearly every request is. Returns true, and the head is read; or false, and nothing has changed. */
static __always_inline bool sg_classify_head_shortcut(struct xdp_md *ctx, struct sg_http_line *line,
						      __u32 offset, __u32 len)
{
	if (!sg_head_may_shortcut(line) || !sg_classify_glance(ctx, offset, offset + len))
		return false;
	line->head = SG_HEAD_ENDED;
	return true;
}

/* Reads what follows a request line, from `offset` in the frame on. Returns how many bytes were read:
 * all, up to another request, or fewer as for sg_classify_segment().
 */
__noinline int sg_classify_head(struct xdp_md *ctx, struct sg_http_line *line, __u32 offset,
				__u32 len)
{
	__u32 done = 0, read;

	if (!line)
		return 0;
	if (sg_classify_head_shortcut(ctx, line, offset, len))
		return len;
	for (__u32 i = 0; i < SG_CLASSIFY_REST_BYTES / SG_CLASSIFY_HEAD_BYTES; i++) {
		done += sg_head_skip_body(line, len - done);
		read = sg_classify_head_piece(ctx, line, offset + done, len - done);
		done += read;
		if (!read || done >= len)
			break;
	}
	return done;
}

/* Feeds up to SG_CLASSIFY_PIECE_BYTES bytes of an answer.  Returns how many were read. */
__noinline int sg_classify_answer_piece(struct xdp_md *ctx, struct sg_http_answer *answer,
					__u32 offset, __u32 len)
{
	const __u8 *data = (const __u8 *)(long)ctx->data;
	const __u8 *data_end = (const __u8 *)(long)ctx->data_end;

	if (!answer || offset > SG_CLASSIFY_OFFSET_MAX)
		return 0;
	return sg_http_answer_feed_some(answer, data + offset, data_end, len,
					SG_CLASSIFY_PIECE_BYTES);
}

/* Reads the payload of an in-order segment of the CA, up to the byte that decides.
 * @offset: distance of the payload from ctx->data
 * @len: payload bytes by the IP header
 *
 * An answer that hides its status behind more interim bytes than are looked at ends as 0,
 * unknown: what follows could not be read in sequence.
 */
static __always_inline void sg_classify_answer(struct xdp_md *ctx, struct sg_http_answer *answer,
					       __u32 offset, __u32 len)
{
	__u32 i, read, done = 0;

	for (i = 0; i < SG_CLASSIFY_ANSWER_BYTES / SG_CLASSIFY_PIECE_BYTES; i++) {
		read = sg_classify_answer_piece(ctx, answer, offset + done, len - done);
		done += read;
		if (read != SG_CLASSIFY_PIECE_BYTES)
			break;
	}
	if (done < len && !sg_http_answer_done(answer))
		answer->state = sg_http_answer_fail(answer);
}

#endif /* SG_CLASSIFY_BPF_H */
