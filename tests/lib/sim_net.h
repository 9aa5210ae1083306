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
	bool proposed; /* sim_guard.h */
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

/* ---- client ---- */

static inline void sim_client_send(struct sim *s, __u32 i, __u8 flags, __u32 seq, __u32 len)
{
	struct sim_conn *c = &s->conns[i];
	struct sg_packet pkt = {.family = 4,
				.seq = seq,
				.tcp_flags = flags,
				.payload_len = len,
				.ack = flags & SG_TCP_ACK ? c->rcv : 0};

	sim_send(s, SIM_EV_GUARD_UP, i, &pkt);
}

static inline void sim_client_timer(struct sim *s, __u32 i, __u32 ms)
{
	sim_push(s, s->now + ms, SIM_EV_CLIENT_TIMER, i, ++s->conns[i].timer, NULL);
}

static inline void sim_arrive(struct sim *s)
{
	__u32 i = s->conn_count, total = 0, pick;
	struct sim_conn *c = &s->conns[i];

	sim_push(s, s->now + 1 + sim_random(s, 2 * s->conf.arrival_ms), SIM_EV_ARRIVE, 0, 0, NULL);
	if (i >= SIM_CONNS)
		return;
	s->conn_count++;
	for (__u32 k = 0; k < SIM_KIND_MAX_; k++)
		total += s->conf.weight[k];
	pick = sim_random(s, total);
	while (pick >= s->conf.weight[c->kind])
		pick -= s->conf.weight[c->kind++];
	c->priority = s->conf.reserves ? sim_random(s, SG_PRIORITY_MAX_) : SG_PRIORITY_ENROLMENT;
	c->isn = sim_random(s, 0x7fffffff) * 2;
	c->sent = c->una = c->isn + 1;
	c->request = 200;
	c->began = s->now;
	sim_client_send(s, i, SG_TCP_SYN, c->isn, 0);
	if (c->kind == SIM_RST_SYN)
		sim_push(s, s->now + sim_random(s, 4000), SIM_EV_CLIENT_MORE, i, 0, NULL);
	if (c->kind != SIM_HALF_OPEN)
		sim_client_timer(s, i, 1000);
}

/* Send what was never sent, up to `len` more bytes. */
static inline void sim_client_more(struct sim *s, __u32 i, __u32 len)
{
	struct sim_conn *c = &s->conns[i];

	if (len > c->request)
		len = c->request;
	if (!len)
		return;
	sim_client_send(s, i, SG_TCP_ACK, c->sent, len);
	c->sent += len;
	c->request -= len;
	c->tries = 0;
	sim_client_timer(s, i, 300);
}

static inline void sim_client_open(struct sim *s, __u32 i)
{
	struct sim_conn *c = &s->conns[i];

	c->client = SIM_C_OPEN;
	c->timer++;
	sim_client_send(s, i, SG_TCP_ACK, c->sent, 0);
	if (c->kind == SIM_TRICKLE)
		sim_push(s, s->now + sim_random(s, 4000), SIM_EV_CLIENT_MORE, i, 0, NULL);
	else if (c->kind == SIM_RST_EARLY || c->kind == SIM_FIN_EARLY)
		sim_push(s, s->now + sim_random(s, 300), SIM_EV_CLIENT_MORE, i, 0, NULL);
	else if (c->kind != SIM_SILENT)
		sim_client_more(s, i, 1000);
}

/* CLIENT_MORE: what this kind of client does of its own accord. */
static inline void sim_client_act(struct sim *s, __u32 i)
{
	struct sim_conn *c = &s->conns[i];

	if (c->client == SIM_C_GONE)
		return;
	if (c->kind == SIM_RST_SYN || c->kind == SIM_RST_EARLY) {
		if (c->kind == SIM_RST_EARLY || c->client == SIM_C_SYN)
			sim_client_send(s, i, SG_TCP_RST | SG_TCP_ACK, c->sent, 0);
		c->client = SIM_C_GONE;
	} else if (c->kind == SIM_FIN_EARLY && c->client == SIM_C_OPEN) {
		sim_client_send(s, i, SG_TCP_FIN | SG_TCP_ACK, c->sent, 0);
		c->client = SIM_C_FIN;
		c->tries = 0;
		sim_client_timer(s, i, 500);
	} else if (c->kind == SIM_SLOW_ACK && c->client == SIM_C_SYN) {
		sim_client_open(s, i);
	} else if (c->kind == SIM_TRICKLE && c->client == SIM_C_OPEN) {
		sim_client_more(s, i, 10);
		if (c->request)
			sim_push(s, s->now + 3000 + sim_random(s, 4000), SIM_EV_CLIENT_MORE, i, 0,
				 NULL);
	}
}

static inline void sim_client_resend(struct sim *s, __u32 i)
{
	struct sim_conn *c = &s->conns[i];

	if (c->client == SIM_C_GONE)
		return;
	if (++c->tries > 6 || (c->client == SIM_C_SYN && s->now - c->began > 30000)) {
		c->client = SIM_C_GONE;
		return;
	}
	if (c->client == SIM_C_SYN && c->rcv)
		return; /* slow to ACK: it has the SYN-ACK */
	if (c->client == SIM_C_SYN)
		sim_client_send(s, i, SG_TCP_SYN, c->isn, 0);
	else if (c->client == SIM_C_FIN)
		sim_client_send(s, i, SG_TCP_FIN | SG_TCP_ACK, c->sent, 0);
	else if (c->una != c->sent)
		sim_client_send(s, i, SG_TCP_ACK, c->una, c->sent - c->una);
	else
		return;
	sim_client_timer(s, i, (c->client == SIM_C_SYN ? 1000 : 300) << c->tries);
}

static inline void sim_client_packet(struct sim *s, __u32 i, const struct sg_packet *pkt)
{
	struct sim_conn *c = &s->conns[i];

	if (c->kind == SIM_HALF_OPEN)
		return;
	if (pkt->tcp_flags & SG_TCP_RST || c->client == SIM_C_GONE) {
		if (c->client == SIM_C_GONE && !(pkt->tcp_flags & SG_TCP_RST)) {
			struct sg_packet rst = {
				.family = 4, .seq = pkt->ack, .tcp_flags = SG_TCP_RST};

			sim_send(s, SIM_EV_GUARD_UP, i, &rst);
		}
		c->client = SIM_C_GONE;
		return;
	}
	if (pkt->tcp_flags & SG_TCP_SYN) {
		if (c->client != SIM_C_SYN) {
			sim_client_send(s, i, SG_TCP_ACK, c->sent, 0);
			return;
		}
		if (c->rcv)
			return; /* slow: still thinking */
		c->rcv = pkt->seq + 1;
		if (c->kind == SIM_SLOW_ACK)
			sim_push(s, s->now + sim_random(s, 12000), SIM_EV_CLIENT_MORE, i, 0, NULL);
		else
			sim_client_open(s, i);
		return;
	}
	if (sg_seq_after(pkt->ack, c->una))
		c->una = pkt->ack;
	if (!(pkt->tcp_flags & SG_TCP_FIN))
		return;
	if (pkt->seq == c->rcv)
		c->rcv = pkt->seq + pkt->payload_len + 1;
	sim_client_send(s, i, SG_TCP_FIN | SG_TCP_ACK, c->sent, 0);
	if (c->client == SIM_C_OPEN) {
		c->client = SIM_C_FIN;
		c->tries = 3;
		sim_client_timer(s, i, 500);
	}
}

/* ---- CA ---- */

static inline void sim_ca_send(struct sim *s, __u32 i, __u8 flags, __u32 seq, __u32 len)
{
	struct sim_conn *c = &s->conns[i];
	struct sg_packet pkt = {
		.family = 4, .seq = seq, .ack = c->ca_rcv, .tcp_flags = flags, .payload_len = len};

	sim_send(s, SIM_EV_GUARD_DOWN, i, &pkt);
}

static inline void sim_count(struct sim *s, __u32 i, enum sim_counting what)
{
	if (s->conf.counting != what)
		return;
	if (s->guard.known[i] && s->guard.conns[i].place != SG_NO_PLACE)
		s->counts_opened[s->count] =
			(s->guard.conns[i].opened - s->base_ticks) * SIM_TICK_MS;
	s->counts[s->count++] = s->now;
}

static inline void sim_ca_timer(struct sim *s, __u32 i, __u32 ms)
{
	sim_push(s, s->now + ms, SIM_EV_CA_TIMER, i, ++s->conns[i].ca_timer, NULL);
}

static inline void sim_ca_syn(struct sim *s, __u32 i, const struct sg_packet *pkt)
{
	struct sim_conn *c = &s->conns[i];

	if (s->now < s->deaf_until)
		return;
	if (c->ca == SIM_A_NONE || c->ca == SIM_A_GONE) {
		if (!c->counted)
			sim_count(s, i, SIM_COUNT_SYN);
		c->counted = true;
		c->ca = SIM_A_HALF;
		c->ca_isn = sim_random(s, 0x7fffffff);
		c->ca_rcv = pkt->seq + 1;
		c->ca_tries = 0;
		sim_ca_timer(s, i, 1000);
	}
	if (c->ca == SIM_A_HALF)
		sim_ca_send(s, i, SG_TCP_SYN | SG_TCP_ACK, c->ca_isn, 0);
}

static inline void sim_ca_look(struct sim *s)
{
	while (s->accept_head != s->accept_tail && s->serving < s->conf.workers &&
	       s->now >= s->stall_until && s->now >= s->pause_until) {
		__u32 i = s->accept_queue[s->accept_head++ % SIM_CONNS];
		struct sim_conn *c = &s->conns[i];

		if (c->reset && !s->conf.reset_is_accepted)
			continue;
		sim_count(s, i, SIM_COUNT_ACCEPT);
		if (c->reset)
			continue;
		c->ca = SIM_A_SERVED;
		c->accepted_at = s->now;
		s->serving++;
		sim_push(s, s->now + 1, SIM_EV_CA_ANSWER, i, 0, NULL);
		sim_ca_timer(s, i, 20000);
	}
}

/* The connection ends at the CA. */
static inline void sim_ca_end(struct sim *s, __u32 i)
{
	struct sim_conn *c = &s->conns[i];

	if (c->ca == SIM_A_SERVED)
		s->serving--;
	if (c->ca == SIM_A_QUEUED)
		c->reset = true; /* stays in the accept queue */
	else
		c->ca = SIM_A_GONE;
	c->ca_timer++;
	sim_ca_look(s);
}

/* The program may answer: the whole request is there, or the client has closed. */
static inline void sim_ca_answer(struct sim *s, __u32 i, bool timer)
{
	struct sim_conn *c = &s->conns[i];

	if (c->ca != SIM_A_SERVED || (c->ca_rcv < c->isn + 1 + 200 && !c->fin_seen))
		return;
	if (!timer && !c->answering) {
		c->answering = true;
		sim_push(s, s->now + 1 + sim_random(s, s->conf.service_ms), SIM_EV_CA_ANSWER, i, 1,
			 NULL);
		return;
	}
	if (!timer)
		return;
	if (s->now < s->stall_until || s->now < s->pause_until) {
		sim_push(s, s->stall_until > s->pause_until ? s->stall_until : s->pause_until,
			 SIM_EV_CA_ANSWER, i, 1, NULL);
		return;
	}
	c->ca = SIM_A_SENT;
	c->ca_tries = 0;
	s->serving--;
	s->completed += c->kind == SIM_NORMAL;
	sim_ca_send(s, i, SG_TCP_FIN | SG_TCP_ACK, c->ca_isn + 1, 100);
	sim_ca_timer(s, i, 500);
	sim_ca_look(s);
}

static inline void sim_ca_resend(struct sim *s, __u32 i)
{
	struct sim_conn *c = &s->conns[i];

	if (s->now < s->pause_until) {
		sim_ca_timer(s, i, s->pause_until - s->now + 1);
		return;
	}
	if (c->ca == SIM_A_HALF) {
		if (++c->ca_tries > 4) {
			sim_ca_end(s, i);
			return;
		}
		sim_ca_send(s, i, SG_TCP_SYN | SG_TCP_ACK, c->ca_isn, 0);
		sim_ca_timer(s, i, 1000 << c->ca_tries);
	} else if (c->ca == SIM_A_SENT) {
		if (++c->ca_tries > 6) {
			sim_ca_end(s, i);
			return;
		}
		sim_ca_send(s, i, SG_TCP_FIN | SG_TCP_ACK, c->ca_isn + 1, 100);
		sim_ca_timer(s, i, 500 << c->ca_tries);
	} else if (c->ca == SIM_A_SERVED) {
		/* Its own patience: 20 s without a whole request. */
		if (s->now - c->accepted_at < 60000 && c->kind == SIM_TRICKLE) {
			sim_ca_timer(s, i, 20000);
			return;
		}
		sim_ca_send(s, i, SG_TCP_RST | SG_TCP_ACK, c->ca_isn + 1, 0);
		sim_ca_end(s, i);
	}
}

/* A segment with ACK. */
static inline void sim_ca_segment(struct sim *s, __u32 i, const struct sg_packet *pkt)
{
	struct sim_conn *c = &s->conns[i];
	__u32 end = pkt->seq + pkt->payload_len;

	if (c->ca == SIM_A_NONE || c->ca == SIM_A_GONE || c->reset || pkt->ack - c->ca_isn > 102)
		return;
	if (c->ca == SIM_A_HALF) {
		if (pkt->ack != c->ca_isn + 1 || s->now < s->deaf_until)
			return;
		sim_count(s, i, SIM_COUNT_HANDSHAKE);
		c->ca = SIM_A_QUEUED;
		c->ca_timer++;
		s->accept_queue[s->accept_tail++ % SIM_CONNS] = i;
	}
	if (pkt->seq <= c->ca_rcv && end > c->ca_rcv)
		c->ca_rcv = end;
	if (pkt->tcp_flags & SG_TCP_FIN && end == c->ca_rcv && !c->fin_seen) {
		c->fin_seen = true;
		c->ca_rcv++;
	}
	if (pkt->payload_len || pkt->tcp_flags & SG_TCP_FIN)
		sim_ca_send(s, i, SG_TCP_ACK, c->ca == SIM_A_SENT ? c->ca_isn + 102 : c->ca_isn + 1,
			    0);
	sim_ca_look(s);
	sim_ca_answer(s, i, false);
	if (c->ca == SIM_A_SENT && c->fin_seen && pkt->ack == c->ca_isn + 102)
		sim_ca_end(s, i);
}

static inline void sim_ca_packet(struct sim *s, __u32 i, const struct sg_packet *pkt)
{
	struct sim_conn *c = &s->conns[i];

	if (s->now < s->pause_until) {
		/* Waits in the CA's receive ring, in order. */
		sim_push(s, s->pause_until, SIM_EV_CA, i, 0, pkt);
		return;
	}
	if (pkt->tcp_flags & SG_TCP_RST) {
		if (c->ca == SIM_A_NONE || c->ca == SIM_A_GONE || pkt->seq != c->ca_rcv)
			return;
		sim_ca_end(s, i);
		return;
	}
	if (pkt->tcp_flags & SG_TCP_SYN)
		sim_ca_syn(s, i, pkt);
	else
		sim_ca_segment(s, i, pkt);
}

/* ---- guard ---- */

static inline void sim_rst_to_ca(struct sim *s)
{
	struct sg_packet rst = {.family = 4, .seq = s->guard.rst_seq, .tcp_flags = SG_TCP_RST};

	sim_send(s, SIM_EV_CA, s->guard.rst_conn, &rst);
}

static inline void sim_guard_up(struct sim *s, __u32 i, const struct sg_packet *pkt)
{
	__u32 before = s->guard.admitted;
	bool whole = pkt->seq + pkt->payload_len == s->conns[i].isn + 1 + 200;
	enum sim_action action =
		sim_from_client(&s->guard, i, pkt, s->conns[i].priority, whole, sim_ticks(s));

	if (s->guard.admitted != before) {
		if (s->last_admission && s->now - s->last_admission > s->longest_halt)
			s->longest_halt = s->now - s->last_admission;
		s->last_admission = s->now;
	}
	if (action == SIM_RST_TO_CA)
		sim_rst_to_ca(s);
	else if (action == SIM_PASS)
		sim_send(s, SIM_EV_CA, i, pkt);
}

static inline void sim_guard_down(struct sim *s, __u32 i, const struct sg_packet *pkt)
{
	if (sim_from_ca(&s->guard, i, pkt, sim_ticks(s)) == SIM_RST_TO_CA)
		sim_rst_to_ca(s);
	else
		sim_send(s, SIM_EV_CLIENT, i, pkt);
}

static inline void sim_cap_note(struct sim *s, __u64 at, __u32 n)
{
	/* A raise that had not come into force yet is off. */
	while (s->cap_count && at == s->now && s->caps[s->cap_count - 1].at > at)
		s->cap_count--;
	if (s->cap_count < 256) {
		s->caps[s->cap_count].at = at;
		s->caps[s->cap_count++].n = n;
	}
}

static inline struct sg_window_limit sim_limit(const struct sim *s, __u32 n)
{
	return (struct sg_window_limit){
		.connections = n,
		.ticks = (s->conf.window_ms + s->conf.window_ms / 600) / SIM_TICK_MS + 1};
}

/* merge_window() of guard_config.c: a raised limit counts only after one window plus `life`. */
static inline void sim_change(struct sim *s, __u32 n)
{
	struct sg_service *svc = &s->guard.svc;
	__u64 now = sim_ticks(s);
	struct sg_window_limit was = now >= svc->next_from ? svc->next_window : svc->window;

	svc->window = svc->next_window = sim_limit(s, n);
	svc->next_from = 0;
	if (n <= was.connections) {
		sim_cap_note(s, s->now, n);
		return;
	}
	svc->next_from = now + was.ticks + svc->life_ticks;
	svc->window = was;
	sim_cap_note(s, s->now, was.connections);
	sim_cap_note(s, (svc->next_from - s->base_ticks) * SIM_TICK_MS, n);
}

/* ---- run ---- */

static inline void sim_again(struct sim *s, __u32 kind, __u32 every_ms)
{
	if (every_ms)
		sim_push(s, s->now + every_ms / 2 + sim_random(s, every_ms), kind, 0, 0, NULL);
}

static inline void sim_episode(struct sim *s, const struct sim_event *ev)
{
	switch (ev->kind) {
	case SIM_EV_PAUSE:
		s->pause_until = s->now + sim_random(s, s->conf.pause_ms) + 1;
		sim_push(s, s->pause_until, SIM_EV_CA_APP, 0, 0, NULL);
		sim_again(s, SIM_EV_PAUSE, s->conf.pause_every_ms);
		break;
	case SIM_EV_STALL:
		s->stall_until = s->now + sim_random(s, s->conf.stall_ms) + 1;
		sim_push(s, s->stall_until, SIM_EV_CA_APP, 0, 0, NULL);
		sim_again(s, SIM_EV_STALL, s->conf.stall_every_ms);
		break;
	case SIM_EV_DEAF:
		s->deaf_until = s->now + s->conf.deaf_ms;
		sim_again(s, SIM_EV_DEAF, s->conf.deaf_every_ms);
		break;
	case SIM_EV_CHANGE:
		sim_change(s, 1 + sim_random(s, 2 * s->conf.connections));
		sim_again(s, SIM_EV_CHANGE, s->conf.change_every_ms);
		break;
	case SIM_EV_POLICE:
		s->guard.police = true;
		s->guard.police_since = sim_ticks(s);
		break;
	case SIM_EV_REAP:
		if (s->guard.police)
			while (sim_reap(&s->guard, sim_ticks(s)))
				sim_rst_to_ca(s);
		sim_push(s, s->now + 1000, SIM_EV_REAP, 0, 0, NULL);
		break;
	}
}

static inline void sim_step(struct sim *s, const struct sim_event *ev)
{
	struct sim_conn *c = &s->conns[ev->conn];

	switch (ev->kind) {
	case SIM_EV_ARRIVE:
		sim_arrive(s);
		break;
	case SIM_EV_GUARD_UP:
		sim_guard_up(s, ev->conn, &ev->pkt);
		break;
	case SIM_EV_CA:
		sim_ca_packet(s, ev->conn, &ev->pkt);
		break;
	case SIM_EV_GUARD_DOWN:
		sim_guard_down(s, ev->conn, &ev->pkt);
		break;
	case SIM_EV_CLIENT:
		sim_client_packet(s, ev->conn, &ev->pkt);
		break;
	case SIM_EV_CLIENT_TIMER:
		if (ev->timer == c->timer)
			sim_client_resend(s, ev->conn);
		break;
	case SIM_EV_CLIENT_MORE:
		sim_client_act(s, ev->conn);
		break;
	case SIM_EV_CA_TIMER:
		if (ev->timer == c->ca_timer)
			sim_ca_resend(s, ev->conn);
		break;
	case SIM_EV_CA_APP:
		sim_ca_look(s);
		break;
	case SIM_EV_CA_ANSWER:
		sim_ca_answer(s, ev->conn, ev->timer);
		break;
	default:
		sim_episode(s, ev);
	}
}

static inline void sim_service(struct sim *s)
{
	struct sg_service *svc = &s->guard.svc;

	svc->enabled = 1;
	svc->slots = s->conf.slots;
	svc->window = svc->next_window = sim_limit(s, s->conf.connections);
	svc->ca_window_ticks = s->conf.window_ms / SIM_TICK_MS;
	if (s->conf.reserves) {
		svc->reserve_permille[SG_PRIORITY_BOOTSTRAP] = 100;
		svc->reserve_permille[SG_PRIORITY_ROLLOVER] = 400;
		svc->reserve_permille[SG_PRIORITY_OTHER] = 600;
	}
	svc->syn_ticks = 5000 / SIM_TICK_MS;
	svc->request_ticks = 10000 / SIM_TICK_MS;
	svc->idle_ticks = 60000 / SIM_TICK_MS;
	svc->life_ticks = 180000 / SIM_TICK_MS;
	svc->block_ticks = 16000 / SIM_TICK_MS;
	svc->deaf_unanswered = 3;
	svc->deaf_within_ticks = 2000 / SIM_TICK_MS;
#define X(name, ms, why) s->guard.times.name = (ms) / SIM_TICK_MS;
	SG_TIME_LIST(X)
#undef X
}

/* Run one simulation to its end. The caller frees the result. base_ticks: the guard's clock at 0. */
static inline struct sim *sim_run(const struct sim_conf *conf, __u64 seed, __u64 base_ticks)
{
	struct sim *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->conf = *conf;
	s->random = seed * 0x9e3779b97f4a7c15ull + 1;
	s->base_ticks = base_ticks;
	s->guard.proposed = conf->proposed;
	sim_service(s);
	sg_budget_init(&s->guard.budget, conf->connections, base_ticks);
	s->guard.police = !conf->observe_ms;
	s->guard.loaded = s->guard.police_since = base_ticks;
	sim_cap_note(s, 0, conf->connections);
	sim_push(s, 0, SIM_EV_ARRIVE, 0, 0, NULL);
	sim_again(s, SIM_EV_PAUSE, conf->pause_every_ms);
	sim_again(s, SIM_EV_STALL, conf->stall_every_ms);
	sim_again(s, SIM_EV_DEAF, conf->deaf_every_ms);
	sim_again(s, SIM_EV_CHANGE, conf->change_every_ms);
	if (conf->observe_ms)
		sim_push(s, conf->observe_ms, SIM_EV_POLICE, 0, 0, NULL);
	if (conf->reaper)
		sim_push(s, 1000, SIM_EV_REAP, 0, 0, NULL);
	while (s->events) {
		struct sim_event ev = sim_pop(s);

		s->now = ev.at;
		if (s->now > conf->duration_ms)
			break;
		sim_step(s, &ev);
	}
	return s;
}

#endif
