/* SPDX-License-Identifier: GPL-2.0-only */
/* A day of a CA and its routers around the real object, in virtual time: clients behind a lossy path, a
 * CA that forgets nothing of its own accord for an hour, and a referee that counts what reaches it. No
 * daemon: nobody reaps, recounts or beats.
 *
 * One slot for each address and port, so that ports are used again and again. Times in ms.
 */
#ifndef SG_TEST_DAY_H
#define SG_TEST_DAY_H

#include "clocked.h"

#define DAY_ROUTERS  3000u
#define DAY_PORTS    16u
#define DAY_SPOOFED  65536u
#define DAY_OWN      (DAY_ROUTERS * DAY_PORTS)
#define DAY_EVENTS   65536u
#define DAY_HOUR     3600000ull
#define DAY_COUNTED  1024u
#define DAY_CAP      77u
#define DAY_SLOTS    15u
#define DAY_PATIENCE DAY_HOUR /* of the CA, with a connection that says nothing */

enum day_event_kind {
	EV_ARRIVE,
	EV_FLOOD,
	EV_UP,
	EV_CA,
	EV_DOWN,
	EV_CLIENT,
	EV_TIMER,
	EV_CA_TIMER,
	EV_ANSWER
};
enum day_client { CLIENT_IDLE, CLIENT_SYN, CLIENT_OPEN };
enum day_ca { CA_NONE, CA_HALF, CA_OPEN, CA_SENT };
/* SILENT: handshake, then gone. VANISHES: gone after its request. RESETS: RST after its request. */
enum day_kind { KIND_NORMAL, KIND_SILENT, KIND_VANISHES, KIND_RESETS, KIND_SPOOFED, KIND_MAX };
enum day_payload { PAYLOAD_NONE, PAYLOAD_REQUEST, PAYLOAD_ANSWER };

static const char *const day_lines[] = {LINE_NEXT, LINE_CAPS, LINE_CERT, LINE_PKI};

struct day_packet {
	__u32 seq, ack;
	__u8 flags, payload;
};

struct day_event {
	__u64 at, order;
	__u32 slot, timer;
	struct day_packet pkt;
	__u8 kind;
};

struct day_slot {
	__u8 client, ca, kind, line, tries, ca_tries;
	__u32 isn, ca_isn, ca_next; /* ca_next: what the CA expects */
	__u32 timer, ca_timer;      /* number of the last one: older ones are off */
};

/* What one hour is like. */
struct day_hour {
	__u32 arrivals, spoofed; /* a minute */
	__u32 next_permille;     /* of the arrivals ask for the shadow certificate */
	__u32 odd_permille;      /* come to a bad end */
};

/* Any N + 1 of what is counted lie more than a window apart. */
struct day_count {
	__u64 at[DAY_COUNTED], total;
	__u32 violations;
};

static struct day {
	struct day_event heap[DAY_EVENTS];
	struct day_slot slots[DAY_OWN + DAY_SPOOFED];
	struct day_count syns, handshakes;
	const struct day_hour *hours;
	__u64 now, order, random, base;
	__u64 off_until;
	__u32 events, flooded, lost_permille;
	__u32 at_once, at_once_most;
	__u32 while_off;      /* SYNs that came while the CA was off */
	__u64 answered_again; /* first SYN after it */
	__u32 served;
} day;

static inline __u32 day_random(__u32 below)
{
	day.random ^= day.random << 13;
	day.random ^= day.random >> 7;
	day.random ^= day.random << 17;
	return below ? (day.random * 0x2545f4914f6cdd1dull >> 33) % below : 0;
}

static inline bool day_before(const struct day_event *a, const struct day_event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static inline void day_push(__u64 delay, __u8 kind, __u32 slot, __u32 timer, struct day_packet pkt)
{
	struct day_event ev = {day.now + delay, day.order++, slot, timer, pkt, kind};
	__u32 i = day.events++;

	assert_true(day.events < DAY_EVENTS);
	while (i && day_before(&ev, &day.heap[(i - 1) / 2])) {
		day.heap[i] = day.heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	day.heap[i] = ev;
}

static inline struct day_event day_pop(void)
{
	struct day_event top = day.heap[0], last = day.heap[--day.events];
	__u32 i = 0, child;

	while ((child = 2 * i + 1) < day.events) {
		if (child + 1 < day.events && day_before(&day.heap[child + 1], &day.heap[child]))
			child++;
		if (!day_before(&day.heap[child], &last))
			break;
		day.heap[i] = day.heap[child];
		i = child;
	}
	day.heap[i] = last;
	return top;
}

static inline void day_count(struct day_count *c)
{
	if (c->total >= DAY_CAP && c->at[(c->total - DAY_CAP) % DAY_COUNTED] + 60000 > day.now)
		c->violations++;
	c->at[c->total++ % DAY_COUNTED] = day.now;
}

/* ---- addresses ---- */

static inline struct packet day_from(__u32 slot, char *text)
{
	const __u32 n = slot < DAY_OWN ? slot / DAY_PORTS : slot - DAY_OWN;
	struct packet p = {.family = 4, .dst = CA_V4, .dport = 80, .src = text};

	snprintf(text, INET_ADDRSTRLEN, "%s.%u.%u", slot < DAY_OWN ? "10.1" : "172.16",
		 n >> 8 & 255, n & 255);
	p.sport = slot < DAY_OWN ? 11000 + slot % DAY_PORTS : 4000;
	return p;
}

/* The slot of a frame the guard made. */
static inline __u32 day_slot_of(const struct sg_packet *pkt)
{
	const __u8 *ip = (const __u8 *)&pkt->src.w[3];
	const __u32 n = (__u32)ip[2] << 8 | ip[3];

	return ip[0] == 10 ? n * DAY_PORTS + ntohs(pkt->sport) - 11000 : DAY_OWN + n;
}

/* ---- the path ---- */

static inline void day_send(__u8 kind, __u32 slot, struct day_packet pkt)
{
	const bool far = kind == EV_UP || kind == EV_CLIENT;

	if (far && day_random(1000) < day.lost_permille)
		return;
	day_push(far ? 5 + day_random(145) : 1 + day_random(3), kind, slot, 0, pkt);
}

static inline const char *day_payload(__u32 slot, __u8 payload)
{
	return payload == PAYLOAD_REQUEST  ? day_lines[day.slots[slot].line]
	       : payload == PAYLOAD_ANSWER ? ANSWER_OK
					   : "";
}

/* A packet at the guard; what comes out goes where it belongs. */
static inline void day_guard(__u32 slot, struct day_packet in, bool up)
{
	char text[INET_ADDRSTRLEN];
	struct packet p = day_from(slot, text);
	struct sg_packet out = {};
	struct sg_cursor cur;
	bool same;
	__u32 action;

	p.seq = in.seq;
	p.ack = in.ack;
	p.flags = in.flags;
	p.payload = day_payload(slot, in.payload);
	p.payload_len = strlen(p.payload);
	if (!up) {
		p.dst = text;
		p.src = CA_V4;
		p.dport = p.sport;
		p.sport = 80;
	}
	action = run_packet(&p, !up, &same);
	if (action == XDP_DROP)
		return;
	assert_true(action == XDP_PASS || action == XDP_TX);
	if (same) {
		day_send(up ? EV_CA : EV_CLIENT, slot, in);
		return;
	}
	cur = (struct sg_cursor){guard.out, guard.out, guard.out + guard.out_len};
	assert_int_equal(sg_parse_frame(&cur, &out), SG_PARSE_TCP);
	assert_int_equal(out.tcp_flags & SG_TCP_RST, SG_TCP_RST);
	in = (struct day_packet){.seq = out.seq, .ack = out.ack, .flags = out.tcp_flags};
	if (action == XDP_TX)
		day_send(up ? EV_CLIENT : EV_CA, slot, in);
	else
		day_send(EV_CA, day_slot_of(&out), in);
}

#endif
