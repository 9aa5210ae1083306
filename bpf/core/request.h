/* SPDX-License-Identifier: GPL-2.0-only */
/* Requests and answers of one connection: which bytes are fed to the readers, where a new request
 * begins, which answer belongs to it.
 *
 * A new request on a kept-alive connection begins at the first client byte whose ACK number lies
 * beyond what it was when the last request line ended: the client's ACK is the evidence of an
 * answer, so it works one-sided too. An interim answer (100 Continue) is no answer. Requests
 * pipelined before any answer are not told apart.
 */
#ifndef SG_REQUEST_H
#define SG_REQUEST_H

#include <linux/types.h>
#include <stdbool.h>
#include "tcp_conn.h"

enum sg_request_progress {
	SG_REQUEST_NOTHING,      /* no bytes for the reader */
	SG_REQUEST_OUT_OF_ORDER, /* bytes not read: they are not the next ones */
	SG_REQUEST_READING,
	SG_REQUEST_LINE_DONE, /* the request's class is final */
};

static __always_inline bool sg_request_begins(const struct sg_conn *c, const struct sg_packet *pkt)
{
	if (!c->client.line_done || !sg_seq_after(pkt->ack, c->client.request_ack))
		return false;
	return !c->ca.known || (c->ca.answers == c->client.requests && c->ca.answer_done);
}

/* Where in the payload reading goes on: sets *skip and returns true when there are bytes to feed. A
 * new request resets the reader. sent_before: client.end before this packet.
 */
static __always_inline enum sg_request_progress
sg_request_place(struct sg_conn *c, const struct sg_packet *pkt, __u32 sent_before, __u32 *skip)
{
	if (!pkt->payload_len || c->state != SG_CONN_ESTABLISHED)
		return SG_REQUEST_NOTHING;
	if (sg_request_begins(c, pkt)) {
		if (pkt->seq != sent_before)
			return SG_REQUEST_OUT_OF_ORDER;
		__builtin_memset(&c->client.line, 0, sizeof(c->client.line));
		c->client.line_done = 0;
		c->client.next = pkt->seq;
		c->client.request_class = SG_REQUEST_NONE;
	}
	if (c->client.line_done)
		return SG_REQUEST_NOTHING;
	*skip = c->client.next - pkt->seq;
	if ((__s32)*skip < 0)
		return SG_REQUEST_OUT_OF_ORDER;
	if (*skip >= pkt->payload_len)
		return SG_REQUEST_NOTHING;
	return SG_REQUEST_READING;
}

/* After feeding: the reader has seen `read` more bytes. done: its class is final. */
static __always_inline enum sg_request_progress sg_request_advance(struct sg_conn *c,
								   const struct sg_packet *pkt,
								   __u32 read, __u8 request_class,
								   bool done, __u64 now_ns)
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
	c->client.request_ns = now_ns;
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
