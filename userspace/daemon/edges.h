/* SPDX-License-Identifier: GPL-2.0-only */
/* What the guard answers itself (sg_edges): refusals of the CA by their status alone, "come back later", and the CA's
 * own refusal as it came, once one was seen whole. Pure; answers come from the network and are not trusted. Nothing
 * is kept over a restart.
 *
 * The program sends each as one segment with FIN. That ends an answer for HTTP whatever it says of the connection: of
 * one that says keep-alive, or that says nothing in HTTP/1.1, the client learns from the FIN that no second request
 * will be read (RFC 9112, 9.6).
 */
#ifndef SG_DAEMON_EDGES_H
#define SG_DAEMON_EDGES_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "questions.h"
#include "../../bpf/abi/scepguard_abi.h"

/* Refusals that are not whole yet. A CA has 16 connections; who would keep more waiting loses the oldest. */
#define SG_EDGES_PENDING 16

struct sg_edges_pending {
	__u64 begun_ns; /* 0 = empty */
	__u64 question;
	struct sg_conn_key key;
	__u16 request_number;
	__u16 status;
	__u16 len; /* bytes of the answer from its first on, without a gap */
	__u8 service;
	__u8 bytes[SG_EDGE_BYTES];
};

/* All zero is empty: then what is in the map has to be written anew, see dirty. */
struct sg_edges {
	struct sg_edge_answer answers[SG_SERVICES]
				     [SG_EDGE_MAX_]; /* as the map has them, or is to have them */
	bool dirty[SG_SERVICES][SG_EDGE_MAX_];       /* not in the map yet */
	__u64 as_ca_question[SG_SERVICES];           /* to which the CA gave its own refusal */
	struct sg_edges_pending pending[SG_EDGES_PENDING];
};

/* Sum of 16-bit words in memory order, a zero behind an odd end, folded to 16 bits (RFC 1071). */
__u32 sg_edges_sum(const __u8 *bytes, size_t len);

/* Seconds for Retry-After: half a window of the CA in real time, 1 to 3600; 30 where it has none. */
__u32 sg_edges_retry_after(__u64 window_ns, __u32 time_scale);

/* The answers that need nothing of the CA. Marks what has changed. */
void sg_edges_configure(struct sg_edges *e, __u32 service, __u32 retry_after_seconds);

/* Write all of a service anew, the CA's own refusal forgotten: another map, another service in its place. */
void sg_edges_begin(struct sg_edges *e, __u32 service);

/* A refusal of the CA as an answer of the guard's own, byte by byte.
 * @bytes, @len: from its status line on
 * @ended: the CA closed the connection behind them
 * @asked: the question it answers
 *
 * Taken is 404 or 403 of HTTP/1.0 or 1.1, of SG_EDGE_BYTES at most, whose end is known by Content-Length or by FIN
 * (in sg_edges_answered() one byte less with FIN: what fills all that is told may go on).
 * Not with Transfer-Encoding, nor with what is meant for one client: a cookie, or words of the question itself (the
 * same bytes go to all who are refused). Returns 0; -EAGAIN: not whole yet; -EBADMSG: never. *ret is untouched on failure.
 */
int sg_edges_capture(const __u8 *bytes, size_t len, bool ended,
		     const struct sg_question_said *asked, struct sg_edge_answer *ret);

/* An answer to GetNextCACert, or a piece of it. A 200, and any other answer to the question whose words the guard has,
 * ends their use; words once found stay while the program knows their question.
 * @learned: is as_ca_question[service] in the program's table?
 */
void sg_edges_answered(struct sg_edges *e, const struct sg_questions *q,
		       const struct sg_answer_event *record, bool learned, __u64 now_ns);

/* The connection of a pending refusal, as it is now in sg_conns (NULL: it is gone): did the CA end it behind the last
 * byte? Frees the place when that is decided, or after ten seconds.
 */
void sg_edges_look(struct sg_edges *e, const struct sg_questions *q, struct sg_edges_pending *p,
		   const struct sg_conn *conn, bool learned, __u64 now_ns);

#endif
