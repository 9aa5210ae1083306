/* SPDX-License-Identifier: GPL-2.0-only */
/* Lists of a client's segments, and two who read them: the guard's own code, called in the order in
 * which bpf/client.bpf.h calls it (police), and a family of naive receivers that share nothing with it.
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
#include "naive_http.h"

#define SEGMENT_ISN       0xfffffff0u /* so that sequence numbers wrap early in the line */
#define SEGMENT_OTHER_ISN 0x50000000u /* of a second attempt on the same address and port */
#define SEGMENT_ACK       5000u       /* what acknowledges the CA's SYN */
#define SEGMENT_STAMP     1000u       /* timestamp of the SYN */
#define STREAM_MAX        1024

enum segment_kind {
	SEGMENT_CLIENT, /* anything of the client but a SYN; flags come with ACK */
	SEGMENT_SYN,    /* a SYN on the same address and port: resent, or another attempt */
	SEGMENT_CA,     /* of the CA, acknowledging nothing; for a RST or a FIN */
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

/* ---- The guard ---- */

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
	if (!sg_request_has_rest(&r->conn))
		return;
	sg_head_feed(&r->conn.client.line, data, len);
	sg_request_advance_rest(&r->conn, len);
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
	reading_rest(r, data + read, (__u32)(end - data) - read);
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
		else if (progress == SG_REQUEST_REST && sg_conn_looks_sound(&r->conn, &pkt, &look))
			reading_rest(r, (const __u8 *)s->bytes + skip, s->len - skip);
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
				      .ack = r->conn.client.isn + 1,
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

/* ---- Naive receivers ---- */

/* In what legitimate receivers differ. */
enum {
	RECEIVER_EARLIER = 0x01, /* of bytes kept ahead of a gap the earlier stay (BSD) */
	RECEIVER_ORDER = 0x02,   /* but bytes in order replace them (Linux) */
	RECEIVER_OLD_ACK = 0x04, /* takes segments that acknowledge less than all */
	RECEIVER_PAWS = 0x08, /* throws away what is old by its timestamp, or has none (RFC 7323) */
	RECEIVER_TFO = 0x10,  /* takes data in the SYN (RFC 7413) */
	RECEIVER_URGENT = 0x20, /* takes the urgent byte out: the last one of its segment */
	RECEIVER_FIN = 0x40,    /* remembers a FIN ahead of a gap */
	RECEIVER_STRICT =
		0x80,         /* throws odd segments away, or never gets them; nor all fragments */
	RECEIVER_RST = 0x100, /* ends on any RST in its window (before RFC 5961) */
	RECEIVER_LATER = 0x200, /* missed the first SYN: a resent one is the one it answered */
	RECEIVERS = 0x400,
};

#define RECEIVER_WINDOW 65535

struct receiver {
	unsigned int habits;
	char bytes[STREAM_MAX];
	bool have[STREAM_MAX];
	int next, fin; /* fin: position of the FIN, -1 = none */
	__u32 stamp;
	bool stamped, other_isn;
	int read_to; /* once the CA has sent its FIN: it reads no further; -1 before */
	bool closed; /* by both sides' FINs, or a RST */
	bool stale;  /* did not take the last attempt's SYN, being busy with the one before */
};

/* Is everything of the client read, up to its FIN? */
static inline bool receiver_at_fin(const struct receiver *r)
{
	return r->fin >= 0 && r->next >= r->fin;
}

static inline bool receiver_takes(const struct receiver *r, const struct segment *s)
{
	const __u32 behind = SEGMENT_ACK - s->ack;

	if (s->bad_sum || s->other_isn != r->other_isn || r->closed)
		return false;
	if ((s->odd || s->fragment) && r->habits & RECEIVER_STRICT)
		return false;
	if (s->flags & SG_TCP_RST)
		return true;
	if (s->no_ack || s->flags & SG_TCP_SYN)
		return false;
	if (behind && !(r->habits & RECEIVER_OLD_ACK && behind < 65536))
		return false;
	if (r->habits & RECEIVER_PAWS && r->stamped &&
	    (!s->stamped || (__s32)(s->stamp - r->stamp) < 0))
		return false;
	return !receiver_at_fin(r);
}

static inline void receiver_byte(struct receiver *r, int at, char byte, bool in_order)
{
	const bool stays =
		r->habits & RECEIVER_EARLIER && !(r->habits & RECEIVER_ORDER && in_order);

	if (at < r->next || at >= STREAM_MAX || (r->have[at] && stays))
		return;
	r->bytes[at] = byte;
	r->have[at] = true;
}

static inline void receiver_rst(struct receiver *r, const struct segment *s)
{
	if (s->at == r->next ||
	    (r->habits & RECEIVER_RST && s->at >= r->next && s->at <= r->next + RECEIVER_WINDOW))
		r->closed = true;
}

static inline void receiver_read(struct receiver *r)
{
	while (r->next < STREAM_MAX && r->have[r->next] && !receiver_at_fin(r))
		r->next++;
	if (receiver_at_fin(r) && r->read_to >= 0)
		r->closed = true;
}

static inline void receiver_client(struct receiver *r, const struct segment *s)
{
	const bool in_order = s->at <= r->next;
	int at = s->at, len = s->len;

	if (!receiver_takes(r, s))
		return;
	if (s->flags & SG_TCP_RST) {
		receiver_rst(r, s);
		return;
	}
	if (in_order && s->stamped && (__s32)(s->stamp - r->stamp) > 0)
		r->stamp = s->stamp;
	if (s->flags & SG_TCP_URG && r->habits & RECEIVER_URGENT && len)
		len--;
	for (int i = 0; i < len; i++)
		receiver_byte(r, at + i, s->bytes[i], in_order);
	if (s->flags & SG_TCP_FIN && (in_order || r->habits & RECEIVER_FIN) &&
	    at + s->len >= r->next)
		r->fin = at + s->len;
	receiver_read(r);
	/* The place of an urgent byte counts, though the reader does not see it. */
	if (len < s->len && r->next == at + len && r->next < STREAM_MAX) {
		r->have[r->next] = true;
		r->bytes[r->next++] = '\0';
	}
}

/* The attempt that this SYN began is the receiver's connection. */
static inline void receiver_open(struct receiver *r, const struct segment *syn, unsigned int habits)
{
	memset(r, 0, sizeof(*r));
	r->habits = habits;
	r->fin = r->read_to = -1;
	r->stamped = syn->stamped;
	r->stamp = syn->stamp;
	r->other_isn = syn->other_isn;
	if (habits & RECEIVER_TFO)
		for (int i = 0; i < syn->len; i++)
			receiver_byte(r, i, syn->bytes[i], true);
	while (r->next < STREAM_MAX && r->have[r->next])
		r->next++;
}

static inline void receiver_syn(struct receiver *r, const struct segment *s)
{
	if (s->bad_sum || ((s->odd || s->fragment) && r->habits & RECEIVER_STRICT))
		return;
	if (r->closed ||
	    (r->habits & RECEIVER_LATER && s->other_isn == r->other_isn && !r->next && r->fin < 0))
		receiver_open(r, s, r->habits);
}

static inline void receiver_ca(struct receiver *r, const struct segment *s)
{
	if (s->flags & SG_TCP_RST)
		r->closed = true;
	else if (s->flags & SG_TCP_FIN && r->read_to < 0)
		r->read_to = r->next;
	receiver_read(r);
}

static inline void receiver_segments(struct receiver *r, const struct segment *list, size_t count,
				     unsigned int habits)
{
	receiver_open(r, &list[0], habits);
	for (size_t i = 1; i < count; i++) {
		if (list[i].held)
			continue;
		r->stale |= list[i].begins;
		if (list[i].kind == SEGMENT_SYN)
			receiver_syn(r, &list[i]);
		else if (list[i].kind == SEGMENT_CA)
			receiver_ca(r, &list[i]);
		else
			receiver_client(r, &list[i]);
	}
}

/* The stream as the reader on this receiver sees it. Returns its length. */
static inline size_t receiver_stream(struct receiver *r)
{
	size_t len = 0;
	int end;

	end = r->read_to < 0 ? r->next : r->read_to;
	for (int i = 0; i < end; i++)
		if (r->bytes[i] || !(r->habits & RECEIVER_URGENT))
			r->bytes[len++] = r->bytes[i];
	return len;
}

/* Habits that can make a difference to this list. */
static inline unsigned int receivers_differ(const struct segment *list, size_t count)
{
	unsigned int habits = RECEIVER_EARLIER | RECEIVER_ORDER;

	for (size_t i = 0; i < count; i++) {
		const struct segment *s = &list[i];
		const bool is_syn = !i || s->kind == SEGMENT_SYN;

		habits |= s->ack != SEGMENT_ACK && !is_syn ? RECEIVER_OLD_ACK : 0;
		habits |= s->stamped ? RECEIVER_PAWS : 0;
		habits |= is_syn && s->len ? RECEIVER_TFO : 0;
		habits |= s->flags & SG_TCP_URG ? RECEIVER_URGENT : 0;
		habits |= s->flags & SG_TCP_FIN ? RECEIVER_FIN : 0;
		habits |= s->odd || s->fragment ? RECEIVER_STRICT : 0;
		habits |= s->flags & SG_TCP_RST ? RECEIVER_RST : 0;
		habits |= i && is_syn ? RECEIVER_LATER : 0;
	}
	return habits;
}

/* Streams judged already: most receivers agree. */
struct streams {
	char bytes[RECEIVERS][STREAM_MAX];
	size_t len[RECEIVERS];
	unsigned int count;
};

/* Adds a stream. Returns false when it was there. */
static inline bool streams_add(struct streams *s, const char *bytes, size_t len)
{
	for (unsigned int i = 0; i < s->count; i++)
		if (s->len[i] == len && !memcmp(s->bytes[i], bytes, len))
			return false;
	memcpy(s->bytes[s->count], bytes, len);
	s->len[s->count++] = len;
	return true;
}

/* The client goes on: what is missing of this line comes in order, and nothing is wrong with it. */
static inline void receiver_goes_on(struct receiver *r, const char *line)
{
	const int len = (int)strlen(line);
	struct segment rest = {.at = r->next,
			       .ack = SEGMENT_ACK,
			       .stamped = r->stamped,
			       .stamp = r->stamp,
			       .other_isn = r->other_isn};

	if (r->next >= len)
		return;
	rest.bytes = line + r->next;
	rest.len = (__u16)(len - r->next);
	receiver_client(r, &rest);
}

/* list[0] is the SYN. Can any receiver have read GetNextCACert as the first request of the last attempt? For
 * one that takes its SYN for no new attempt there is none. rest: a line with which the client goes on
 * after the list, NULL = with none.
 */
static inline bool segments_may_ask_next(const struct segment *list, size_t count, const char *rest)
{
	const unsigned int differ = receivers_differ(list, count);
	static struct receiver receiver;
	static struct streams seen;

	seen.count = 0;
	for (unsigned int habits = 0; habits < RECEIVERS; habits++) {
		size_t len;

		if (habits & ~differ)
			continue;
		receiver_segments(&receiver, list, count, habits);
		if (receiver.stale)
			continue;
		if (rest)
			receiver_goes_on(&receiver, rest);
		len = receiver_stream(&receiver);
		if (streams_add(&seen, receiver.bytes, len) &&
		    naive_anyone_sees_next(receiver.bytes, len))
			return true;
	}
	return false;
}

/* Can any receiver have read a first request of this class? */
static inline bool segments_may_ask(const struct segment *list, size_t count, int request_class)
{
	const unsigned int differ = receivers_differ(list, count);
	static struct receiver receiver;

	for (unsigned int habits = 0; habits < RECEIVERS; habits++) {
		struct naive_line line;

		if (habits & ~differ)
			continue;
		receiver_segments(&receiver, list, count, habits);
		line = naive_strict(receiver.bytes, receiver_stream(&receiver));
		if (line.strict && line.request_class == request_class)
			return true;
	}
	return false;
}

/* What is known of an attempt's end. The client's word alone is nothing: any of its segments may be lost
 * on the way, or thrown away.
 */
struct ends {
	bool ca_fin, ca_rst, client, open;
	int least, most; /* behind the last byte, of sound segments and of all */
};

static inline void ends_client(struct ends *e, const struct segment *s)
{
	const int end = s->at + s->len;
	const bool sound = !s->bad_sum && !s->odd && !s->fragment && s->ack == SEGMENT_ACK;

	/* What the CA has acknowledged last, nothing, is the next byte for it if all else is lost. */
	if (s->flags & SG_TCP_RST) {
		e->client |= !s->at || (s->at >= e->least && s->at <= e->most + 1);
		return;
	}
	if (s->no_ack || s->flags & SG_TCP_SYN)
		return;
	if (s->flags & SG_TCP_FIN && s->at <= e->most && end >= e->least)
		e->client = true;
	e->most = end > e->most ? end : e->most;
	e->open |= sound && !s->at; /* the handshake's end is the next byte */
	if (e->open && sound && end > e->least)
		e->least = end;
}

/* Can the last attempt be over? The CA has reset it; or closed its side, and the client too. */
static inline bool segments_may_be_over(const struct segment *list, size_t count)
{
	struct ends e = {0};
	bool other_isn = false;

	for (size_t i = 1; i < count; i++) {
		const struct segment *s = &list[i];

		if (s->kind == SEGMENT_CA) {
			e.ca_fin |= s->flags & SG_TCP_FIN;
			e.ca_rst |= s->flags & SG_TCP_RST;
		} else if (s->kind == SEGMENT_SYN && !s->held && s->other_isn != other_isn) {
			e = (struct ends){0};
			other_isn = s->other_isn;
		} else if (s->kind == SEGMENT_CLIENT && s->other_isn == other_isn) {
			ends_client(&e, s);
		}
	}
	return e.ca_rst || (e.ca_fin && e.client);
}

#endif
