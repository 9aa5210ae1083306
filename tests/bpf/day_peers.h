/* SPDX-License-Identifier: GPL-2.0-only */
/* The clients and the CA of a day (day.h), and its run. */
#ifndef SG_TEST_DAY_PEERS_H
#define SG_TEST_DAY_PEERS_H

#include "day.h"

/* ---- clients ---- */

static inline void day_client_timer(__u32 slot)
{
	struct day_slot *s = &day.slots[slot];

	day_push(1000ull << s->tries, EV_TIMER, slot, ++s->timer, (struct day_packet){});
}

static inline void day_client_send(__u32 slot)
{
	const struct day_slot *s = &day.slots[slot];
	struct day_packet syn = {.seq = s->isn, .flags = SG_TCP_SYN};
	struct day_packet ask = {s->isn + 1, s->ca_isn + 1, SG_TCP_ACK, PAYLOAD_REQUEST};

	day_send(EV_UP, slot, s->client == CLIENT_SYN ? syn : ask);
}

static inline void day_begin(__u32 slot, __u8 kind, __u8 line)
{
	struct day_slot *s = &day.slots[slot];

	s->client = kind == KIND_SPOOFED ? CLIENT_IDLE : CLIENT_SYN;
	s->kind = kind;
	s->line = line;
	s->isn = day_random(0x7fffffff) * 2;
	s->tries = 0;
	day_send(EV_UP, slot, (struct day_packet){.seq = s->isn, .flags = SG_TCP_SYN});
	if (kind != KIND_SPOOFED)
		day_client_timer(slot);
}

static inline const struct day_hour *day_hour(void)
{
	return &day.hours[day.now / DAY_HOUR];
}

static inline void day_arrive(void)
{
	const struct day_hour *hour = day_hour();
	const __u32 slot = day_random(DAY_OWN);
	__u8 kind = KIND_NORMAL, line = 1 + day_random(3);

	day_push(hour->arrivals ? 1 + day_random(120000 / hour->arrivals) : 60000, EV_ARRIVE, 0, 0,
		 (struct day_packet){});
	if (!hour->arrivals || day.slots[slot].client != CLIENT_IDLE)
		return;
	if (day_random(1000) < hour->odd_permille)
		kind = 1 + day_random(KIND_SPOOFED - 1);
	if (day_random(1000) < hour->next_permille)
		line = 0;
	day_begin(slot, kind, line);
}

static inline void day_flood(void)
{
	const struct day_hour *hour = day_hour();

	day_push(hour->spoofed ? 1 + day_random(120000 / hour->spoofed) : 60000, EV_FLOOD, 0, 0,
		 (struct day_packet){});
	if (hour->spoofed)
		day_begin(DAY_OWN + day.flooded++ % DAY_SPOOFED, KIND_SPOOFED, 0);
}

static inline void day_timer(__u32 slot)
{
	struct day_slot *s = &day.slots[slot];

	if (s->client == CLIENT_IDLE)
		return;
	if (++s->tries > 4) {
		s->client = CLIENT_IDLE;
		return;
	}
	day_client_send(slot);
	day_client_timer(slot);
}

static inline void day_opened(__u32 slot, const struct day_packet *syn_ack)
{
	struct day_slot *s = &day.slots[slot];
	struct day_packet ack = {s->isn + 1, syn_ack->seq + 1, SG_TCP_ACK, PAYLOAD_NONE};

	s->client = s->kind == KIND_SILENT ? CLIENT_IDLE : CLIENT_OPEN;
	s->ca_isn = syn_ack->seq;
	s->tries = 0;
	day_send(EV_UP, slot, ack);
	if (s->kind == KIND_SILENT)
		return;
	day_client_send(slot);
	if (s->kind == KIND_NORMAL) {
		day_client_timer(slot);
		return;
	}
	s->client = CLIENT_IDLE;
	ack.seq += strlen(day_lines[s->line]);
	ack.flags = SG_TCP_RST;
	if (s->kind == KIND_RESETS)
		day_send(EV_UP, slot, ack);
}

/* A packet at a client. A spoofed one's never comes to the one who sent it. */
static inline void day_client(__u32 slot, const struct day_packet *in)
{
	struct day_slot *s = &day.slots[slot];
	const __u32 end = s->isn + 1 + strlen(day_lines[s->line]);

	if (s->kind == KIND_SPOOFED)
		return;
	if (in->flags & SG_TCP_RST) {
		s->client = CLIENT_IDLE;
		return;
	}
	if (in->flags & SG_TCP_SYN) {
		if (s->client == CLIENT_SYN && in->ack == s->isn + 1)
			day_opened(slot, in);
		return;
	}
	/* The answer, the first time or again. */
	if (in->flags & SG_TCP_FIN && in->ack == end && s->kind == KIND_NORMAL) {
		s->client = CLIENT_IDLE;
		day_send(EV_UP, slot,
			 (struct day_packet){end, in->seq + strlen(ANSWER_OK) + 1,
					     SG_TCP_FIN | SG_TCP_ACK, PAYLOAD_NONE});
	}
}

/* ---- the CA ---- */

static inline void day_ca_end(struct day_slot *s)
{
	if (s->ca != CA_NONE)
		day.at_once--;
	s->ca = CA_NONE;
	s->ca_timer++;
}

/* Off for a while; it forgets everything. */
static inline void day_reboot(__u64 ms)
{
	for (__u32 i = 0; i < DAY_OWN + DAY_SPOOFED; i++)
		day_ca_end(&day.slots[i]);
	day.off_until = day.now + ms;
	day.while_off = 0;
	day.answered_again = 0;
}

static inline void day_ca_timer(__u32 slot, __u64 ms)
{
	day_push(ms, EV_CA_TIMER, slot, ++day.slots[slot].ca_timer, (struct day_packet){});
}

static inline void day_ca_send(__u32 slot)
{
	const struct day_slot *s = &day.slots[slot];
	struct day_packet syn_ack = {s->ca_isn, s->ca_next, SG_TCP_SYN | SG_TCP_ACK, PAYLOAD_NONE};
	struct day_packet answer = {s->ca_isn + 1, s->ca_next, SG_TCP_FIN | SG_TCP_ACK,
				    PAYLOAD_ANSWER};

	day_send(EV_DOWN, slot, s->ca == CA_HALF ? syn_ack : answer);
}

static inline void day_ca_syn(__u32 slot, const struct day_packet *in)
{
	struct day_slot *s = &day.slots[slot];

	if (s->ca == CA_NONE) {
		day_count(&day.syns);
		if (!day.answered_again)
			day.answered_again = day.now;
		if (++day.at_once > day.at_once_most)
			day.at_once_most = day.at_once;
		s->ca = CA_HALF;
		s->ca_isn = day_random(0x7fffffff);
		s->ca_next = in->seq + 1;
		s->ca_tries = 0;
		day_ca_timer(slot, 2000);
	}
	if (s->ca == CA_HALF && in->seq + 1 == s->ca_next)
		day_ca_send(slot);
}

static inline void day_ca(__u32 slot, const struct day_packet *in)
{
	struct day_slot *s = &day.slots[slot];
	const __u32 len = in->payload == PAYLOAD_REQUEST ? strlen(day_lines[s->line]) : 0;

	if (day.now < day.off_until) {
		day.while_off += in->flags == SG_TCP_SYN;
		return;
	}
	if (in->flags == SG_TCP_SYN) {
		day_ca_syn(slot, in);
	} else if (in->flags & SG_TCP_RST) {
		if (in->seq == s->ca_next)
			day_ca_end(s);
	} else if (s->ca == CA_NONE) {
		day_send(EV_DOWN, slot, (struct day_packet){.seq = in->ack, .flags = SG_TCP_RST});
	} else if (in->ack - s->ca_isn - 1 <= strlen(ANSWER_OK) + 1) {
		if (s->ca == CA_HALF) {
			day_count(&day.handshakes);
			s->ca = CA_OPEN;
			day_ca_timer(slot, DAY_PATIENCE);
		}
		if (len && in->seq == s->ca_next) {
			s->ca_next += len;
			day_send(EV_DOWN, slot,
				 (struct day_packet){s->ca_isn + 1, s->ca_next, SG_TCP_ACK,
						     PAYLOAD_NONE});
			day_push(20 + day_random(300), EV_ANSWER, slot, s->ca_timer,
				 (struct day_packet){});
		}
		if (s->ca == CA_SENT && in->flags & SG_TCP_FIN && in->seq == s->ca_next) {
			day.served++;
			day_send(EV_DOWN, slot,
				 (struct day_packet){in->ack, in->seq + 1, SG_TCP_ACK,
						     PAYLOAD_NONE});
			day_ca_end(s);
		}
	}
}

static inline void day_ca_again(__u32 slot)
{
	struct day_slot *s = &day.slots[slot];

	/* A half-open one is kept for half a minute, an answer sent again for two. */
	if (s->ca == CA_OPEN || ++s->ca_tries > (s->ca == CA_HALF ? 3 : 5)) {
		day_ca_end(s);
		return;
	}
	day_ca_send(slot);
	day_ca_timer(slot, 2000ull << s->ca_tries);
}

static inline void day_answer(__u32 slot)
{
	day.slots[slot].ca = CA_SENT;
	day.slots[slot].ca_tries = 0;
	day_ca_send(slot);
	day_ca_timer(slot, 2000);
}

/* ---- the run ---- */

static inline void day_step(const struct day_event *ev)
{
	struct day_slot *s = &day.slots[ev->slot];

	switch (ev->kind) {
	case EV_ARRIVE:
		day_arrive();
		break;
	case EV_FLOOD:
		day_flood();
		break;
	case EV_UP:
	case EV_DOWN:
		day_guard(ev->slot, ev->pkt, ev->kind == EV_UP);
		break;
	case EV_CA:
		day_ca(ev->slot, &ev->pkt);
		break;
	case EV_CLIENT:
		day_client(ev->slot, &ev->pkt);
		break;
	case EV_TIMER:
		if (ev->timer == s->timer)
			day_timer(ev->slot);
		break;
	case EV_CA_TIMER:
		if (ev->timer == s->ca_timer)
			day_ca_again(ev->slot);
		break;
	case EV_ANSWER:
		if (ev->timer == s->ca_timer && s->ca == CA_OPEN)
			day_answer(ev->slot);
		break;
	}
}

static inline void day_clock(void)
{
	clock_set(day.base + day.now * guard.hz / 1000);
}

/* Everything that happens before `until`, in ms. */
static inline void day_until(__u64 until)
{
	while (day.events && day.heap[0].at < until) {
		struct day_event ev = day_pop();

		day.now = ev.at;
		day_clock();
		day_step(&ev);
	}
	day.now = until;
	day_clock();
}

static inline void day_start(const struct day_hour *hours, __u64 base, __u64 seed)
{
	memset(&day, 0, sizeof(day));
	day.hours = hours;
	day.base = base;
	day.random = seed * 0x9e3779b97f4a7c15ull + 1;
	day.lost_permille = 20;
	day_push(0, EV_ARRIVE, 0, 0, (struct day_packet){});
	day_push(0, EV_FLOOD, 0, 0, (struct day_packet){});
}

#endif
