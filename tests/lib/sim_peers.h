/* SPDX-License-Identifier: GPL-2.0-only */
/* The clients and the CA of the event simulation (sim_net.h). */
#ifndef SG_SIM_PEERS_H
#define SG_SIM_PEERS_H

#include "sim_net.h"

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

#endif
