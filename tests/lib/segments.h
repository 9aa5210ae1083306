/* SPDX-License-Identifier: GPL-2.0-only */
/* Lists of a client's segments, and two who read them: the guard's own code, called in the order in
 * which bpf/client.bpf.h calls it, and a family of naive receivers that share nothing with it.
 */
#ifndef SG_TEST_SEGMENTS_H
#define SG_TEST_SEGMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "../../bpf/core/http_line.h"
#include "../../bpf/core/http_shortcut.h"
#include "../../bpf/core/request.h"
#include "../../bpf/core/tcp_conn.h"
#include "naive_http.h"

#define SEGMENT_ISN   0xfffffff0u /* so that sequence numbers wrap early in the line */
#define SEGMENT_ACK   5000u       /* what acknowledges the CA's SYN */
#define SEGMENT_STAMP 1000u       /* timestamp of the SYN */
#define STREAM_MAX    1024

struct segment {
	int at; /* of its first byte, from the first byte of the stream; may be negative */
	__u32 ack;
	__u32 stamp;
	const char *bytes;
	__u16 len;
	__u8 flags; /* SG_TCP_* */
	bool stamped;
	bool bad_sum; /* no receiver takes it */
};

/* ---- The guard ---- */

struct reading {
	struct sg_conn conn;
	bool both_sides;
	bool first_done;
	__u8 first_class; /* of the first request, once its line has ended */
};

static inline struct sg_packet segment_packet(const struct segment *s)
{
	return (struct sg_packet){
		.seq = SEGMENT_ISN + 1 + (__u32)s->at,
		.ack = s->ack,
		.payload_len = s->len,
		.tcp_flags = s->flags | SG_TCP_ACK,
		.family = 4,
	};
}

static inline void reading_begin(struct reading *r, const struct segment *syn, bool both_sides)
{
	struct sg_packet pkt = {
		.seq = SEGMENT_ISN, .payload_len = syn->len, .tcp_flags = SG_TCP_SYN, .family = 4};
	const struct sg_segment_look look = {
		.sound = true, .stamped = syn->stamped, .stamp = syn->stamp};

	memset(r, 0, sizeof(*r));
	r->both_sides = both_sides;
	sg_conn_open(&r->conn, &pkt, 1);
	sg_conn_syn_look(&r->conn, &pkt, &look, false);
	if (!both_sides)
		return;
	pkt = (struct sg_packet){.seq = SEGMENT_ACK - 1,
				 .ack = SEGMENT_ISN + 1,
				 .tcp_flags = SG_TCP_SYN | SG_TCP_ACK,
				 .family = 4};
	sg_conn_from_ca(&r->conn, &pkt, 1);
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
	if (sg_request_has_rest(&r->conn)) {
		sg_head_feed(line, data + read, (__u32)(end - data) - read);
		sg_request_advance_rest(&r->conn, (__u32)(end - data) - read);
	}
}

static inline void reading_segment(struct reading *r, const struct segment *s)
{
	const struct sg_packet pkt = segment_packet(s);
	const struct sg_segment_look look = {
		.sound = !s->bad_sum, .stamped = s->stamped, .stamp = s->stamp};
	__u32 sent_before = r->conn.client.end, skip = 0, effects;

	if (sg_request_open(&r->conn, &pkt) && !sg_conn_looks_sound(&r->conn, &pkt, &look))
		return;
	effects = sg_conn_from_client(&r->conn, &pkt, !r->both_sides, 1);
	if (!(effects & SG_EFFECT_BELIEVED))
		sg_request_doubt(&r->conn, &pkt);
	else if (sg_request_place(&r->conn, &pkt, sent_before, &skip) == SG_REQUEST_READING)
		reading_feed(r, &pkt, s->bytes, skip);
	if (effects & SG_EFFECT_ENDED)
		sg_conn_close(&r->conn);
}

/* ---- Naive receivers ---- */

/* In what legitimate receivers differ. */
enum {
	RECEIVER_EARLIER = 0x01, /* of bytes kept ahead of a gap the earlier stay (BSD) */
	RECEIVER_ORDER = 0x02,   /* but bytes in order replace them (Linux) */
	RECEIVER_OLD_ACK = 0x04, /* takes segments that acknowledge less than all */
	RECEIVER_PAWS = 0x08,    /* throws away what its timestamp says is old (RFC 7323) */
	RECEIVER_TFO = 0x10,     /* takes data in the SYN (RFC 7413) */
	RECEIVER_URGENT = 0x20,  /* takes the urgent byte out: the last one of its segment */
	RECEIVER_FIN = 0x40,     /* remembers a FIN ahead of a gap */
	RECEIVERS = 0x80,
};

struct receiver {
	unsigned int habits;
	char bytes[STREAM_MAX];
	bool have[STREAM_MAX];
	int next, fin; /* fin: position of the FIN, -1 = none */
	__u32 stamp;
};

static inline bool receiver_takes(const struct receiver *r, const struct segment *s)
{
	const __u32 behind = SEGMENT_ACK - s->ack;

	if (s->bad_sum || (behind && !(r->habits & RECEIVER_OLD_ACK && behind < 65536)))
		return false;
	if (r->habits & RECEIVER_PAWS && s->stamped && (__s32)(s->stamp - r->stamp) < 0)
		return false;
	return r->fin < 0 || r->next < r->fin;
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

static inline void receiver_segment(struct receiver *r, const struct segment *s)
{
	const bool in_order = s->at <= r->next;
	int at = s->at, len = s->len;

	if (!receiver_takes(r, s))
		return;
	if (in_order && r->habits & RECEIVER_PAWS && s->stamped)
		r->stamp = s->stamp;
	if (s->flags & SG_TCP_URG && r->habits & RECEIVER_URGENT && len)
		len--;
	for (int i = 0; i < len; i++)
		receiver_byte(r, at + i, s->bytes[i], in_order);
	if (s->flags & SG_TCP_FIN && (in_order || r->habits & RECEIVER_FIN) &&
	    at + s->len >= r->next)
		r->fin = at + s->len;
	while (r->next < STREAM_MAX && r->have[r->next] && (r->fin < 0 || r->next < r->fin))
		r->next++;
	/* The place of an urgent byte counts, though the reader does not see it. */
	if (len < s->len && r->next == at + len && r->next < STREAM_MAX) {
		r->have[r->next] = true;
		r->bytes[r->next++] = '\0';
	}
}

/* The stream as the reader on this receiver sees it. Returns its length. */
static inline size_t receiver_stream(struct receiver *r, const struct segment *list, size_t count,
				     unsigned int habits)
{
	size_t len = 0;

	memset(r, 0, sizeof(*r));
	r->habits = habits;
	r->fin = -1;
	r->stamp = list[0].stamped ? list[0].stamp : 0;
	if (!list[0].stamped)
		r->habits &= ~(unsigned int)RECEIVER_PAWS;
	if (habits & RECEIVER_TFO)
		for (int i = 0; i < list[0].len; i++)
			receiver_byte(r, i, list[0].bytes[i], true);
	while (r->next < STREAM_MAX && r->have[r->next])
		r->next++;
	for (size_t i = 1; i < count; i++)
		receiver_segment(r, &list[i]);
	for (int i = 0; i < r->next; i++)
		if (r->bytes[i] || !(habits & RECEIVER_URGENT))
			r->bytes[len++] = r->bytes[i];
	return len;
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

/* list[0] is the SYN. Can any receiver have read GetNextCACert as the first request? */
static inline bool segments_may_ask_next(const struct segment *list, size_t count)
{
	static struct receiver receiver;
	static struct streams seen;

	seen.count = 0;
	for (unsigned int habits = 0; habits < RECEIVERS; habits++) {
		size_t len = receiver_stream(&receiver, list, count, habits);

		if (streams_add(&seen, receiver.bytes, len) &&
		    naive_anyone_sees_next(receiver.bytes, len))
			return true;
	}
	return false;
}

#endif
