/* SPDX-License-Identifier: GPL-2.0-only */
/* Lists of a client's segments, and the guard's own code that reads them, called in the order in which
 * bpf/client.bpf.h calls it (police). Who judges it is in receivers.h.
 */
#ifndef SG_TEST_SEGMENTS_H
#define SG_TEST_SEGMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "../../bpf/core/http_answer.h"
#include "../../bpf/core/http_line.h"
#include "../../bpf/core/http_shortcut.h"
#include "../../bpf/core/request.h"
#include "../../bpf/core/tcp_conn.h"

#define SEGMENT_ISN       0xfffffff0u /* so that sequence numbers wrap early in the line */
#define SEGMENT_OTHER_ISN 0x50000000u /* of a second attempt on the same address and port */
#define SEGMENT_ACK       5000u       /* what acknowledges the CA's SYN */
#define SEGMENT_STAMP     1000u       /* timestamp of the SYN */

enum segment_kind {
	SEGMENT_CLIENT, /* anything of the client but a SYN; flags come with ACK */
	SEGMENT_SYN,    /* a SYN on the same address and port: resent, or another attempt */
	SEGMENT_CA,     /* of the CA; with bytes an answer that acknowledges all, else nothing */
};

/* Why some receivers throw a segment away. */
enum segment_odd {
	SEGMENT_EVEN,
	SEGMENT_ODD_IP,  /* IP options, extension headers */
	SEGMENT_ODD_TCP, /* TCP options */
	SEGMENT_ODD_HOPS /* dies on the way */
};

struct segment {
	int at; /* of its first byte, from the first byte of the stream; may be negative */
	__u32 ack;
	__u32 stamp;
	const char *bytes;
	__u16 len;
	__u8 flags; /* SG_TCP_* */
	bool stamped;
	bool bad_sum; /* no receiver takes it */
	bool no_ack;  /* without the ACK flag: nor this */
	bool fragment;
	bool other_isn;
	__u8 kind;   /* enum segment_kind */
	__u8 odd;    /* enum segment_odd */
	bool held;   /* no receiver gets it: the guard did not let it through */
	bool begins; /* another attempt, for the guard */
};

struct reading {
	struct sg_conn conn;
	bool both_sides;
	bool first_done;
	bool ended;       /* this segment ended the connection */
	bool begun_again; /* this SYN was another attempt */
	bool held;        /* this SYN was not let through */
	__u8 first_class; /* of the first request, once its line has ended */
};

static inline struct sg_packet segment_packet(const struct segment *s)
{
	return (struct sg_packet){
		.seq = (s->other_isn ? SEGMENT_OTHER_ISN : SEGMENT_ISN) + 1 + (__u32)s->at,
		.ack = s->ack,
		.payload_len = s->len,
		.tcp_flags = s->flags | (s->no_ack ? 0 : SG_TCP_ACK),
		.family = 4,
		.fragment = s->fragment,
	};
}

static inline struct sg_segment_look segment_look(const struct segment *s)
{
	return (struct sg_segment_look){
		.sound = !s->bad_sum,
		.stamped = s->stamped,
		.stamp = s->stamp,
		.odd_ip = s->odd && s->odd != SEGMENT_ODD_TCP,
		.odd_tcp = s->odd == SEGMENT_ODD_TCP,
	};
}

static inline void reading_begin(struct reading *r, const struct segment *syn, bool both_sides)
{
	struct sg_packet pkt = segment_packet(syn);
	const struct sg_segment_look look = segment_look(syn);

	pkt.seq = syn->other_isn ? SEGMENT_OTHER_ISN : SEGMENT_ISN;
	pkt.tcp_flags = SG_TCP_SYN;
	memset(r, 0, sizeof(*r));
	r->both_sides = both_sides;
	sg_conn_open(&r->conn, &pkt, 1);
	sg_conn_syn_look(&r->conn, &pkt, &look, false);
	if (!both_sides)
		return;
	pkt = (struct sg_packet){.seq = SEGMENT_ACK - 1,
				 .ack = pkt.seq + 1,
				 .tcp_flags = SG_TCP_SYN | SG_TCP_ACK,
				 .family = 4};
	sg_conn_from_ca(&r->conn, &pkt, 1);
}

/* Met with the CA's SYN-ACK: the SYN was not seen. */
static inline void reading_adopt(struct reading *r)
{
	const struct sg_packet syn_ack = {.seq = SEGMENT_ACK - 1,
					  .ack = SEGMENT_ISN + 1,
					  .tcp_flags = SG_TCP_SYN | SG_TCP_ACK,
					  .family = 4};

	memset(r, 0, sizeof(*r));
	r->both_sides = true;
	sg_conn_adopt(&r->conn, &syn_ack, 1);
}

/* A SYN on an entry: refused while the connection is open (sg_syn_on_open()), else passed on as a resend
 * or as a new attempt.
 */
static inline void reading_syn(struct reading *r, const struct segment *s)
{
	struct sg_packet pkt = segment_packet(s);
	const struct sg_segment_look look = segment_look(s);
	bool resend;

	pkt.seq--;
	pkt.tcp_flags = SG_TCP_SYN;
	resend = sg_conn_is_resend(&r->conn, &pkt);
	if (r->conn.state == SG_CONN_ESTABLISHED || (r->conn.state != SG_CONN_CLOSED && !resend)) {
		r->held = true;
	} else if (resend) {
		sg_conn_syn_look(&r->conn, &pkt, &look, true);
	} else {
		reading_begin(r, s, r->both_sides);
		r->begun_again = true;
	}
}

static inline void reading_rest(struct reading *r, const __u8 *data, __u32 len)
{
	sg_head_feed(&r->conn.client.line, data, len);
	if (sg_request_is_followed(&r->conn, len))
		sg_request_follow(&r->conn);
}

static inline void reading_feed(struct reading *r, const struct sg_packet *pkt, const char *bytes,
				__u32 skip)
{
	struct sg_http_line *line = &r->conn.client.line;
	const __u8 *data = (const __u8 *)bytes + skip, *end = data + pkt->payload_len - skip;
	__u32 read = bytes ? sg_http_shortcut(line, data, end, end - data) : 0;

	if (!read)
		read = sg_http_feed(line, data, end, end - data);
	sg_request_advance(&r->conn, pkt, read, sg_http_class(line), sg_http_done(line), 1);
	if (!sg_http_done(line))
		return;
	if (!r->first_done)
		r->first_class = r->conn.client.request_class;
	r->first_done = true;
	if (sg_request_has_rest(&r->conn))
		reading_rest(r, data + read, (__u32)(end - data) - read);
}

static inline void reading_behind(struct reading *r, const struct segment *s,
				  const struct sg_packet *pkt, __u32 skip)
{
	const struct sg_segment_look look = segment_look(s);

	if (!sg_conn_looks_sound(&r->conn, pkt, &look))
		return;
	sg_request_doubt_rest(&r->conn, pkt, skip);
	reading_rest(r, (const __u8 *)s->bytes + skip, s->len - skip);
}

static inline void reading_client(struct reading *r, const struct segment *s)
{
	const struct sg_packet pkt = segment_packet(s);
	const struct sg_segment_look look = segment_look(s);
	__u32 sent_before = r->conn.client.end, skip = 0, effects;
	enum sg_request_progress progress;

	if (sg_request_open(&r->conn, &pkt) && !sg_conn_looks_sound(&r->conn, &pkt, &look))
		return;
	effects = sg_conn_from_client(&r->conn, &pkt, !r->both_sides, 1);
	if (!(effects & SG_EFFECT_BELIEVED)) {
		sg_request_doubt(&r->conn, &pkt);
	} else {
		progress = sg_request_place(&r->conn, &pkt, sent_before, &skip);
		if (progress == SG_REQUEST_READING)
			reading_feed(r, &pkt, s->bytes, skip);
		else if (progress == SG_REQUEST_REST)
			reading_behind(r, s, &pkt, skip);
	}
	if (effects & SG_EFFECT_ENDED)
		r->ended = sg_conn_close(&r->conn);
}

/* The answer's bytes, as bpf/ca.bpf.h has them read. */
static inline void reading_answer(struct reading *r, const struct sg_packet *pkt, const char *bytes)
{
	struct sg_conn *c = &r->conn;
	const __u8 *data = (const __u8 *)bytes;
	__u32 skip = 0;

	if (!sg_answer_place(c, pkt, &skip))
		return;
	if (!c->ca.answer_done)
		sg_http_answer_feed(&c->ca.answer, data + skip, data + pkt->payload_len,
				    pkt->payload_len - skip);
	if (sg_http_answer_done(&c->ca.answer))
		c->ca.answer_done = 1;
	c->ca.next = pkt->seq + pkt->payload_len;
}

/* The CA's segments come in order; with bytes they are an answer. */
static inline void reading_ca(struct reading *r, const struct segment *s)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\n";
	const __u16 len = s->len < sizeof(answer) ? s->len : sizeof(answer) - 1;
	const struct sg_packet pkt = {.seq = r->conn.ca.end,
				      .ack = len ? r->conn.client.end : r->conn.client.isn + 1,
				      .payload_len = len,
				      .tcp_flags = s->flags | SG_TCP_ACK,
				      .family = 4};
	__u32 effects;

	if (!r->both_sides)
		return;
	effects = sg_conn_from_ca(&r->conn, &pkt, 1);
	if (effects & SG_EFFECT_BELIEVED)
		reading_answer(r, &pkt, answer);
	if (effects & SG_EFFECT_ENDED)
		r->ended = sg_conn_close(&r->conn);
}

static inline void reading_segment(struct reading *r, const struct segment *s)
{
	r->ended = r->begun_again = r->held = false;
	if (s->kind == SEGMENT_SYN)
		reading_syn(r, s);
	else if (s->kind == SEGMENT_CA)
		reading_ca(r, s);
	else
		reading_client(r, s);
}

#endif
