/* SPDX-License-Identifier: GPL-2.0-only */
/* Requests and answers of one connection: which bytes are fed to the readers, where a new request
 * begins, which answer belongs to it.
 *
 * A new request on a kept-alive connection begins at the first client byte whose ACK number lies
 * beyond what it was when the last request line ended: the client's ACK is the evidence of an
 * answer, so it works one-sided too. An interim answer (100 Continue) is no answer. What is sent behind
 * a request before it is answered is one more, undecided request: see http_head.h.
 */
#ifndef SG_REQUEST_H
#define SG_REQUEST_H

#include <linux/types.h>
#include <stdbool.h>
#include "http_head.h"
#include "tcp_conn.h"

enum sg_request_progress {
	SG_REQUEST_NOTHING,      /* no bytes for the reader */
	SG_REQUEST_OUT_OF_ORDER, /* bytes not read: they are not the next ones */
	SG_REQUEST_READING,
	SG_REQUEST_REST,      /* bytes behind the line: is this the end of the request? */
	SG_REQUEST_LINE_DONE, /* the request's class is final */
};

/* Has its last request not been counted, or the connection none? One of which no byte was read, behind others,
 * is none (sg_request_begin()).
 */
static __always_inline bool sg_request_unfinished(const struct sg_conn *c)
{
	return !c->client.line_done &&
	       (c->client.request_class != SG_REQUEST_NONE || !c->client.requests);
}

/* Is it known, or still to be found out, where the request ends? Of an undecided one nobody asks. */
static __always_inline bool sg_request_has_rest(const struct sg_conn *c)
{
	return c->client.line.final_class > SG_REQUEST_UNDECIDED && !sg_head_more(&c->client.line);
}

/* Does the client still owe bytes of its request, so that it is its turn to speak and not the CA's? Not while the CA takes
 * none. Of a body only if the CA has not acknowledged more than was read here: what was not may have been its end.
 */
static __always_inline bool sg_request_owed(const struct sg_conn *c)
{
	if (c->splice.shut)
		return false;
	if (!c->client.line_done)
		return true;
	return sg_request_has_rest(c) && c->client.line.head < SG_HEAD_ENDED &&
	       !(c->client.line.head_flags & SG_HEAD_ODD) && !(c->flags & SG_CONN_DOUBT) &&
	       c->ca.answers != c->client.requests &&
	       !sg_seq_after(c->ca.known ? c->ca.ack : c->client.end, c->client.next);
}

static __always_inline bool sg_request_begins(const struct sg_conn *c, const struct sg_packet *pkt)
{
	if (!c->client.line_done || !sg_seq_after(pkt->ack, c->client.request_ack))
		return false;
	/* The rest of a head, or a body, after an interim answer. */
	if (sg_request_has_rest(c) && sg_head_expects(&c->client.line) &&
	    !sg_seq_after(pkt->seq, c->client.next))
		return false;
	return !c->ca.known || (c->ca.answers == c->client.requests && c->ca.answer_done);
}

/* Bytes came before it was their turn: the CA may keep them, and they are not read here. If other
 * bytes fill their place later, receivers differ in which they keep (Linux the later, BSD the earlier).
 */
static __always_inline void sg_request_ahead(struct sg_conn *c, __u32 seq)
{
	if (!(c->flags & SG_CONN_AHEAD) || sg_seq_after(c->client.ahead, seq))
		c->client.ahead = seq;
	sg_conn_flag(c, SG_CONN_AHEAD);
}

/* A segment that may or may not count for the CA was not believed, or has bytes that cannot be seen
 * here, or a timestamp that was noted (sg_conn_looks_sound()): nothing useful is believed of this
 * connection any more.
 */
static __always_inline void sg_request_doubt(struct sg_conn *c, const struct sg_packet *pkt)
{
	if (pkt->payload_len || pkt->fragment ||
	    (c->flags & SG_CONN_STAMPED && !c->client.line_done))
		sg_conn_flag(c, SG_CONN_DOUBT);
}

/* Signs that the CA may read this segment differently, or not at all. Until the line has ended the CA
 * has nothing to say, so the ACK number of all its segments is the same; an urgent byte is taken out
 * of the stream by some (RFC 6093).
 */
static __always_inline void sg_request_suspect(struct sg_conn *c, const struct sg_packet *pkt)
{
	if (pkt->ack != c->client.request_ack || pkt->fragment || pkt->tcp_flags & SG_TCP_URG)
		sg_conn_flag(c, SG_CONN_DOUBT);
}

/* The reader is about to read up to seq `end`: does it have to doubt? A CA that took the client's RST reads
 * nothing any more.
 */
static __always_inline bool sg_request_doubtful(const struct sg_conn *c, __u32 end)
{
	if (c->flags & (SG_CONN_DOUBT | SG_CONN_ABANDONED))
		return true;
	return c->flags & SG_CONN_AHEAD && sg_seq_after(end, c->client.ahead);
}

/* A line in doubt: nor is it known where its request ends. */
static __always_inline void sg_request_doubt_line(struct sg_conn *c, __u32 end)
{
	if (!sg_request_doubtful(c, end))
		return;
	c->client.line.flags |= SG_HTTP_DOUBTFUL;
	sg_head_odd(&c->client.line);
}

/* The same behind the line, for a segment of which the first `skip` bytes are old: what the CA reads there
 * may be anything, another request too, and one counts as found. In a body only its end matters, and no byte
 * of it moves that.
 */
static __always_inline void sg_request_doubt_rest(struct sg_conn *c, const struct sg_packet *pkt,
						  __u32 skip)
{
	if (c->client.line.head == SG_HEAD_BODY &&
	    pkt->payload_len - skip <= c->client.line.body_left)
		return;
	sg_request_suspect(c, pkt);
	if (sg_request_doubtful(c, pkt->seq + pkt->payload_len))
		c->client.line.head = SG_HEAD_MORE;
}

/* Where the body ends, or, outside of one, what comes next. */
static __always_inline __u32 sg_request_body_end(const struct sg_conn *c)
{
	return c->client.next +
	       (c->client.line.head == SG_HEAD_BODY ? c->client.line.body_left : 0);
}

/* Do the CA and this reader agree on where the request ends? Has the CA acknowledged all of it, nothing of it died
 * on the way, and a body may have come in any order.
 */
static __always_inline bool sg_request_end_sure(const struct sg_conn *c)
{
	const struct sg_http_line *line = &c->client.line;

	if (!sg_request_has_rest(c) || line->head_flags & SG_HEAD_ODD)
		return false;
	if (c->ca.known && sg_seq_after(sg_request_body_end(c), c->ca.ack))
		return false;
	return !sg_head_expects(line) || (line->head == SG_HEAD_BODY && c->ca.known);
}

/* Where a new request begins: behind the one before, if its end is known, else behind all that was sent. */
static __always_inline __u32 sg_request_start(const struct sg_conn *c, __u32 sent_before)
{
	if (sg_request_has_rest(c) && (!sg_head_expects(&c->client.line) || sg_request_end_sure(c)))
		return sg_request_body_end(c);
	return sent_before;
}

/* `ahead` is the lowest byte of several: if one of them may lie behind `start`, that is the new request's. */
static __always_inline void sg_request_keep_ahead(struct sg_conn *c, __u32 start, __u32 sent_before)
{
	if (!(c->flags & SG_CONN_AHEAD) || !sg_seq_after(start, c->client.ahead))
		return;
	if (sg_seq_after(sent_before, start))
		c->client.ahead = start;
	else
		__sync_fetch_and_and(&c->flags, ~SG_CONN_AHEAD);
}

static __always_inline void sg_request_begin(struct sg_conn *c, const struct sg_packet *pkt,
					     __u32 start, __u32 sent_before)
{
	/* What begins here may be a part of the request before, or begin elsewhere. Of a connection met in
	 * mid-life nothing was read yet: nothing to be wrong about.
	 */
	if (c->client.requests && !sg_request_end_sure(c))
		sg_conn_flag(c, SG_CONN_DOUBT);
	sg_request_keep_ahead(c, start, sent_before);
	__builtin_memset(&c->client.line, 0, sizeof(c->client.line));
	c->client.line_done = 0;
	c->client.next = start;
	c->client.request_ack = pkt->ack;
	c->client.request_class = SG_REQUEST_NONE;
}

/* May this packet of the client have to do with a request line? Then it is looked at closely. */
static __always_inline bool sg_request_open(const struct sg_conn *c, const struct sg_packet *pkt)
{
	return !c->client.line_done || (pkt->payload_len && sg_request_begins(c, pkt));
}

/* As sg_request_ahead(), behind the line: bytes of a body may come in any order. */
static __always_inline void sg_request_rest_ahead(struct sg_conn *c, const struct sg_packet *pkt)
{
	__u32 seq = pkt->seq, body_end = sg_request_body_end(c);

	if (sg_seq_after(body_end, seq))
		seq = body_end;
	if (sg_seq_after(pkt->seq + pkt->payload_len, seq))
		sg_request_ahead(c, seq);
}

/* As sg_request_place(), behind the line. Of a body only the length is looked at, and an urgent byte, which
 * the CA may not count.
 */
static __always_inline enum sg_request_progress
sg_request_place_rest(struct sg_conn *c, const struct sg_packet *pkt, __u32 *skip)
{
	__u32 left;

	*skip = c->client.next - pkt->seq;
	if (!sg_request_has_rest(c))
		return SG_REQUEST_NOTHING;
	if ((__s32)*skip < 0)
		sg_request_rest_ahead(c, pkt);
	if (pkt->tcp_flags & SG_TCP_URG && pkt->payload_len)
		sg_conn_flag(c, SG_CONN_DOUBT);
	if (*skip >= pkt->payload_len)
		return SG_REQUEST_NOTHING;
	left = pkt->payload_len - *skip;
	if (c->client.line.head != SG_HEAD_BODY || left >= c->client.line.body_left)
		return SG_REQUEST_REST;
	c->client.line.body_left -= left;
	c->client.next += left;
	return SG_REQUEST_NOTHING;
}

/* After reading `read` bytes behind the line. Returns true when another request was found there. */
static __always_inline bool sg_request_is_followed(struct sg_conn *c, __u32 read)
{
	c->client.next += read;
	return sg_head_more(&c->client.line);
}

/* The request that was found behind another one counts, and is undecided together with all that follows
 * it before an answer.
 */
static __always_inline void sg_request_follow(struct sg_conn *c)
{
	c->client.requests++;
	c->client.request_class = SG_REQUEST_UNDECIDED;
}

/* Where in the payload reading goes on: sets *skip and returns true when there are bytes to feed. A
 * new request resets the reader. sent_before: client.end before this packet.
 */
static __always_inline enum sg_request_progress
sg_request_place(struct sg_conn *c, const struct sg_packet *pkt, __u32 sent_before, __u32 *skip)
{
	if (c->state != SG_CONN_ESTABLISHED)
		return SG_REQUEST_NOTHING;
	if (pkt->payload_len && sg_request_begins(c, pkt)) {
		__u32 start = sg_request_start(c, sent_before);

		/* Nothing in it that is new. */
		if (!sg_seq_after(pkt->seq + pkt->payload_len, start))
			return SG_REQUEST_OUT_OF_ORDER;
		sg_request_begin(c, pkt, start, sent_before);
	}
	if (c->client.line_done)
		return sg_request_place_rest(c, pkt, skip);
	sg_request_suspect(c, pkt);
	*skip = c->client.next - pkt->seq;
	if ((__s32)*skip < 0) {
		sg_request_ahead(c, pkt->seq);
		return pkt->payload_len ? SG_REQUEST_OUT_OF_ORDER : SG_REQUEST_NOTHING;
	}
	if (*skip >= pkt->payload_len)
		return SG_REQUEST_NOTHING;
	sg_request_doubt_line(c, pkt->seq + pkt->payload_len);
	return SG_REQUEST_READING;
}

/* After feeding: the reader has seen `read` more bytes. done: its class is final. */
static __always_inline enum sg_request_progress sg_request_advance(struct sg_conn *c,
								   const struct sg_packet *pkt,
								   __u32 read, __u8 request_class,
								   bool done, __u64 now)
{
	if (c->client.request_class == SG_REQUEST_NONE) /* its first byte */
		c->client.requests++;
	c->client.next += read;
	c->client.request_class =
		request_class == SG_REQUEST_NONE ? SG_REQUEST_UNDECIDED : request_class;
	if (!done)
		return SG_REQUEST_READING;
	c->client.line_done = 1;
	c->client.request_ack = pkt->ack;
	c->client.requested = now;
	return SG_REQUEST_LINE_DONE;
}

/* The answer reader's next bytes: returns true and *skip when there are some. The first bytes after
 * a new request reset the reader.
 */
static __always_inline bool sg_answer_place(struct sg_conn *c, const struct sg_packet *pkt,
					    __u32 *skip)
{
	if (!pkt->payload_len || !c->client.requests)
		return false;
	if (c->ca.answers != c->client.requests) {
		/* Late bytes of the answer before: the client had not acknowledged them. */
		if (sg_seq_after(c->client.request_ack, pkt->seq))
			return false;
		__builtin_memset(&c->ca.answer, 0, sizeof(c->ca.answer));
		c->ca.answers = c->client.requests;
		c->ca.answer_done = 0;
		c->ca.head_bytes = 0;
		c->ca.next = pkt->seq;
	}
	*skip = c->ca.next - pkt->seq;
	return *skip < pkt->payload_len;
}

#endif
