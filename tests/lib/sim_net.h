/* SPDX-License-Identifier: GPL-2.0-only */
/* Event simulation: clients, a lossy path, the guard (sim_guard.h), another lossy path, a CA whose
 * kernel answers SYNs and whose program accepts first in, first out. What the CA counts is recorded
 * with its true time; nothing of the guard's own counters is believed.
 *
 * Time is in ms here and in ticks of 4 ms inside the guard.
 */
#ifndef SG_SIM_NET_H
#define SG_SIM_NET_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "sim_guard.h"

#define SIM_TICK_MS 4
#define SIM_EVENTS  65536

enum sim_counting { SIM_COUNT_SYN, SIM_COUNT_HANDSHAKE, SIM_COUNT_ACCEPT, SIM_COUNT_MAX_ };

enum sim_kind {
	SIM_NORMAL,
	SIM_TRICKLE,   /* its request comes in pieces, seconds apart */
	SIM_SILENT,    /* handshake, then nothing */
	SIM_HALF_OPEN, /* a SYN with a spoofed source: never a word more */
	SIM_SLOW_ACK,  /* answers the SYN-ACK after seconds */
	SIM_RST_SYN,   /* RST while the SYN is under way */
	SIM_RST_EARLY, /* RST right after its ACK */
	SIM_FIN_EARLY, /* FIN right after its ACK */
	SIM_KIND_MAX_
};

struct sim_conf {
	enum sim_counting counting;
	__u32 connections, slots;
	__u32 loss_client, loss_ca; /* permille, each direction */
	__u32 client_delay_ms;      /* longest, clients to guard and back */
	__u32 jitter_ms;            /* guard to CA and back; window_ms / 600 at most */
	__u32 arrival_ms;           /* mean time between clients */
	__u32 weight[SIM_KIND_MAX_];
	__u32 workers;                  /* connections the CA's program serves at once */
	__u32 service_ms;               /* longest time from request to answer */
	__u32 pause_every_ms, pause_ms; /* whole CA: nothing is read, then everything at once */
	__u32 stall_every_ms, stall_ms; /* its program only: nothing is accepted or answered */
	__u32 deaf_every_ms, deaf_ms;   /* SYNs are lost */
	__u32 change_every_ms;          /* limits change live */
	__u32 observe_ms;               /* observe first, then police */
	bool reset_is_accepted;         /* accept() returns connections already reset (Linux) */
	bool reaper;
	bool reserves;
	__u32 window_ms, duration_ms;
};

enum sim_event_kind {
	SIM_EV_ARRIVE,
	SIM_EV_GUARD_UP, /* a client's packet at the guard */
	SIM_EV_CA,
	SIM_EV_GUARD_DOWN,
	SIM_EV_CLIENT,
	SIM_EV_CLIENT_TIMER,
	SIM_EV_CLIENT_MORE, /* trickle, slow ACK, early end */
	SIM_EV_CA_TIMER,
	SIM_EV_CA_APP, /* look whether something can be accepted */
	SIM_EV_CA_ANSWER,
	SIM_EV_PAUSE,
	SIM_EV_STALL,
	SIM_EV_DEAF,
	SIM_EV_CHANGE,
	SIM_EV_POLICE,
	SIM_EV_REAP,
};

struct sim_event {
	__u64 at;
	__u64 order;
	__u32 kind, conn;
	struct sg_packet pkt;
	__u32 timer;
};

enum sim_client_state { SIM_C_SYN, SIM_C_OPEN, SIM_C_FIN, SIM_C_GONE };
enum sim_ca_state { SIM_A_NONE, SIM_A_HALF, SIM_A_QUEUED, SIM_A_SERVED, SIM_A_SENT, SIM_A_GONE };

struct sim_conn {
	enum sim_kind kind;
	__u32 priority;
	/* client */
	enum sim_client_state client;
	__u32 isn, sent, una, request, rcv, timer, tries;
	__u64 began;
	/* CA */
	enum sim_ca_state ca;
	__u32 ca_isn, ca_rcv, ca_timer, ca_tries;
	bool counted, reset, answering, fin_seen;
	__u64 accepted_at;
};

struct sim {
	struct sim_conf conf;
	struct sim_guard guard;
	struct sim_event heap[SIM_EVENTS];
	__u32 events;
	__u64 order, now, random, base_ticks;
	struct sim_conn conns[SIM_CONNS];
	__u32 conn_count;
	__u32 accept_queue[SIM_CONNS], accept_head, accept_tail, serving;
	__u64 pause_until, stall_until, deaf_until;
	__u64 counts[SIM_CONNS];        /* what the CA counted, ms */
	__u64 counts_opened[SIM_CONNS]; /* when the counted attempt was admitted, ms; 0 = never */
	__u32 count;
	/* N in force, with its time: for the referee */
	struct {
		__u64 at;
		__u32 n;
	} caps[256];
	__u32 cap_count;
	__u32 completed;
	__u64 last_admission, longest_halt;
};

static inline __u32 sim_random(struct sim *s, __u32 below)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return below ? (s->random * 0x2545f4914f6cdd1dull >> 33) % below : 0;
}

static inline __u64 sim_ticks(const struct sim *s)
{
	return s->base_ticks + s->now / SIM_TICK_MS;
}

static inline bool sim_before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static inline void sim_push(struct sim *s, __u64 at, __u32 kind, __u32 conn, __u32 timer,
			    const struct sg_packet *pkt)
{
	struct sim_event ev = {
		.at = at, .order = s->order++, .kind = kind, .conn = conn, .timer = timer};
	__u32 i = s->events++;

	if (s->events > SIM_EVENTS)
		abort();
	if (pkt)
		ev.pkt = *pkt;
	while (i && sim_before(&ev, &s->heap[(i - 1) / 2])) {
		s->heap[i] = s->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	s->heap[i] = ev;
}

static inline struct sim_event sim_pop(struct sim *s)
{
	struct sim_event top = s->heap[0], last = s->heap[--s->events];
	__u32 i = 0, child;

	while ((child = 2 * i + 1) < s->events) {
		if (child + 1 < s->events && sim_before(&s->heap[child + 1], &s->heap[child]))
			child++;
		if (!sim_before(&s->heap[child], &last))
			break;
		s->heap[i] = s->heap[child];
		i = child;
	}
	s->heap[i] = last;
	return top;
}

/* Send over one of the paths; true arrival kinds: GUARD_UP, CA, GUARD_DOWN, CLIENT. */
static inline void sim_send(struct sim *s, __u32 kind, __u32 conn, const struct sg_packet *pkt)
{
	bool ca_path = kind == SIM_EV_CA || kind == SIM_EV_GUARD_DOWN;
	__u32 delay = ca_path ? 1 + sim_random(s, s->conf.jitter_ms)
			      : 1 + sim_random(s, s->conf.client_delay_ms);

	if (sim_random(s, 1000) < (ca_path ? s->conf.loss_ca : s->conf.loss_client))
		return;
	sim_push(s, s->now + delay, kind, conn, 0, pkt);
}

#endif
