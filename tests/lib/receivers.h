/* SPDX-License-Identifier: GPL-2.0-only */
/* A family of naive receivers of a client's segments, one for every combination of habits, that share
 * nothing with the guard: could any of them have read, or ended, what the guard did not?
 */
#ifndef SG_TEST_RECEIVERS_H
#define SG_TEST_RECEIVERS_H

#include "naive_http.h"
#include "segments.h"

#define STREAM_MAX 1024 /* bytes of the client's stream that are kept */

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
	bool have[STREAM_MAX]; /* of sound segments */
	int least;             /* the first byte that sound segments left out */
	int most;              /* behind the last byte of all */
	/* The CA's last answer acknowledged one between: what it had by then. 0 and 0: the handshake alone. */
	int acked_least, acked_most;
};

/* An ACK alone brings no receiver on, and nor do bytes behind a gap until it is filled. */
static inline void ends_sound(struct ends *e, int at, int end)
{
	for (int i = at < 0 ? 0 : at; i < end && i < STREAM_MAX; i++)
		e->have[i] = true;
	while (e->least < STREAM_MAX && e->have[e->least])
		e->least++;
}

static inline void ends_client(struct ends *e, const struct segment *s)
{
	const int end = s->at + s->len;
	const bool sound = !s->bad_sum && !s->odd && !s->fragment && s->ack == SEGMENT_ACK;

	/* What the CA has acknowledged last is the next byte for it if all else is lost. */
	if (s->flags & SG_TCP_RST) {
		e->client |= (s->at >= e->acked_least && s->at <= e->acked_most) ||
			     (s->at >= e->least && s->at <= e->most + 1);
		return;
	}
	if (s->no_ack || s->flags & SG_TCP_SYN)
		return;
	if (s->flags & SG_TCP_FIN && s->at <= e->most && end >= e->least)
		e->client = true;
	e->most = end > e->most ? end : e->most;
	e->open |= sound && !s->at; /* the handshake's end is the next byte */
	if (e->open && sound)
		ends_sound(e, s->at, end);
}

static inline void ends_ca(struct ends *e, const struct segment *s)
{
	e->ca_fin |= s->flags & SG_TCP_FIN;
	e->ca_rst |= s->flags & SG_TCP_RST;
	if (s->len) {
		e->acked_least = e->least;
		e->acked_most = e->most;
	}
}

/* Can the last attempt be over? The CA has reset it; or closed its side, and the client too. */
static inline bool segments_may_be_over(const struct segment *list, size_t count)
{
	struct ends e = {0};
	bool other_isn = false;

	for (size_t i = 1; i < count; i++) {
		const struct segment *s = &list[i];

		if (s->kind == SEGMENT_CA) {
			ends_ca(&e, s);
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
