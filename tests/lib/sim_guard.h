/* SPDX-License-Identifier: GPL-2.0-only */
/* The program's steps around the pure core, without maps, packets and a kernel: what client.bpf.h,
 * ca.bpf.h, admit.bpf.h and conns.bpf.h do with a SYN, a segment, a refusal, in the same order and
 * with the same calls. For event simulations of the budget. When those files change, so must this.
 */
#ifndef SG_SIM_GUARD_H
#define SG_SIM_GUARD_H

#include <stdbool.h>
#include <string.h>
#include "../../bpf/core/request.h"
#include "../../bpf/core/budget.h"
#include "../../bpf/core/tcp_conn.h"

#define SIM_CONNS 8192

/* What became of a packet. */
enum sim_action {
	SIM_DROP,
	SIM_PASS,
	SIM_RST_TO_CA, /* dropped; instead an RST goes to the CA: sim_guard.rst_* */
};

struct sim_guard {
	struct sg_service svc;
	struct sg_times times;
	struct sg_budget budget;
	struct sg_conn conns[SIM_CONNS]; /* indexed by the simulation's connection number */
	bool known[SIM_CONNS];
	bool police;
	__u64 police_since;
	__u64 loaded;
	__u64 generation;
	__u32 admitted;    /* attempts */
	__u32 last_reason; /* of the last attempt */
	__u32 rst_conn;    /* whose connection the RST to the CA is of */
	__u32 rst_seq;
};

static inline void sim_place_event(struct sim_guard *g, __u64 place, enum sg_place_event event,
				   __u64 now)
{
	if (place != SG_NO_PLACE)
		sg_place_move(g->budget.places, place, event, now);
}

static inline bool sim_forfeited(const struct sim_guard *g, const struct sg_conn *conn)
{
	return g->police && sg_conn_forfeited(conn);
}

/* sg_conn_finish() */
static inline void sim_finish(struct sim_guard *g, struct sg_conn *conn, __u64 now)
{
	__u32 lease;

	if (!sg_conn_close(conn))
		return;
	sim_place_event(g, conn->place, sg_place_end_event(conn), now);
	lease = __sync_lock_test_and_set(&conn->lease, SG_NO_LEASE);
	sg_lease_release(&g->budget, lease, conn->generation);
	if (conn->flags & SG_CONN_ACTUAL)
		g->budget.actual.open--;
}

/* sg_conn_extend() */
static inline void sim_extend(struct sim_guard *g, struct sg_conn *conn, __u64 now)
{
	struct sg_lease *lease;
	__u64 expires;

	if (conn->lease >= SG_LEASES || conn->flags & SG_CONN_ABANDONED)
		return;
	lease = &g->budget.leases[conn->lease];
	expires = sg_lease_expiry(&g->svc, g->times.half_open, conn->state, sg_request_owed(conn),
				  conn->opened, now);
	if (lease->generation != conn->generation)
		return;
	if (expires > lease->expires + g->times.refresh || expires < lease->expires)
		lease->expires = expires;
}

/* sg_conn_abandon() */
static inline void sim_abandon(struct sim_guard *g, struct sg_conn *conn, __u64 now)
{
	__u64 expires = now + g->svc.syn_ticks;
	struct sg_lease *lease;

	if (conn->lease >= SG_LEASES || !g->police) {
		sim_finish(g, conn, now);
		return;
	}
	conn->flags |= SG_CONN_ABANDONED;
	lease = &g->budget.leases[conn->lease];
	if (lease->generation == conn->generation && lease->expires > expires)
		lease->expires = expires;
}

/* sg_attempt_over() */
static inline bool sim_over(const struct sim_guard *g, const struct sg_conn *conn, __u64 now)
{
	__u64 word;

	if (conn->state != SG_CONN_SYN_SENT)
		return false;
	if (conn->opened + g->times.half_open < now)
		return true;
	if (conn->place == SG_NO_PLACE)
		return false;
	word = g->budget.places[conn->place & (SG_PLACES - 1)];
	return !sg_place_is(word, conn->place) || sg_place_given_up(word, now, g->svc.syn_ticks);
}

/* sg_deaf_watch() */
static inline void sim_deaf_watch(struct sim_guard *g, __u64 now)
{
	struct sg_deaf *deaf = &g->budget.deaf;

	if (!deaf->since && sg_deaf_due(deaf, &g->svc, g->times.answered_recent, now))
		sg_deaf_begin(deaf, &g->svc, now);
}

/* sg_reclaim(): the connection of this lease ends, at the CA too. */
static inline enum sim_action sim_reclaim(struct sim_guard *g, __u32 lease, __u64 now)
{
	struct sg_conn *old;

	if (lease >= SG_LEASES || !sg_lease_expired(&g->budget.leases[lease], now))
		return SIM_DROP;
	g->rst_conn = g->budget.leases[lease].key.client.w[3];
	old = &g->conns[g->rst_conn];
	if (!g->known[g->rst_conn] || old->generation != g->budget.leases[lease].generation ||
	    old->lease != lease) {
		sg_lease_release(&g->budget, lease, g->budget.leases[lease].generation);
		return SIM_DROP;
	}
	g->rst_seq = old->ca.known ? old->ca.ack : old->client.isn + 1;
	sim_finish(g, old, now);
	return SIM_RST_TO_CA;
}

/* The daemon's reaper looks at every lease. Returns true when one was reclaimed: call again. */
static inline bool sim_reap(struct sim_guard *g, __u64 now)
{
	for (__u32 i = 0; i < SG_LEASES; i++)
		if (sim_reclaim(g, i, now) == SIM_RST_TO_CA)
			return true;
	return false;
}

/* sg_attempt(): look, take, or refuse. */
static inline enum sim_action sim_attempt(struct sim_guard *g, __u32 number,
					  const struct sg_packet *syn, __u32 priority, __u64 now)
{
	struct sg_conn *conn = &g->conns[number];
	struct sg_ask ask = {.key.client = sg_ip_from_v4(number),
			     .now = now,
			     .police_since = g->police_since,
			     .priority = priority,
			     .police = g->police};
	struct sg_grant grant = {.reason = sg_budget_look(&g->budget, &g->svc, &g->times, &ask)};

	if (sg_reason_admits(grant.reason)) {
		ask.generation = ++g->generation;
		sg_budget_take(&g->budget, &g->svc, &g->times, &ask, &grant);
	}
	g->last_reason = grant.reason;
	if (!sg_reason_admits(grant.reason)) {
		if (grant.reason != SG_REASON_CA_DEAF)
			g->budget.asked[priority] = now;
		if (!g->police)
			return SIM_PASS;
		if (grant.reason != SG_REASON_SLOTS && grant.reason != SG_REASON_SLOTS_RESERVED &&
		    grant.reason != SG_REASON_WINDOW_UNSETTLED)
			return SIM_DROP;
		return sim_reclaim(g, sg_budget_suspect(&g->budget, &g->svc, grant.reason, now),
				   now);
	}
	if (g->known[number])
		sim_finish(g, conn, now);
	memset(conn, 0, sizeof(*conn));
	sg_conn_open(conn, syn, now);
	conn->generation = ask.generation;
	conn->place = grant.place;
	conn->lease = grant.lease;
	g->known[number] = true;
	g->admitted++;
	return SIM_PASS;
}

/* sg_client_syn() */
static inline enum sim_action sim_client_syn(struct sim_guard *g, __u32 number,
					     const struct sg_packet *syn, __u32 priority, __u64 now)
{
	struct sg_conn *conn = &g->conns[number];
	bool resend = g->known[number] && sg_conn_is_resend(conn, syn);
	enum sim_action action;
	__u32 hears;

	sim_deaf_watch(g, now);
	if (resend && sim_over(g, conn, now)) {
		sim_finish(g, conn, now);
		resend = false;
	}
	if (resend) {
		hears = sg_budget_hears(&g->budget, &g->svc, &g->times, now);
		if (g->police && hears == SG_REASON_CA_DEAF)
			return SIM_DROP;
		if (hears == SG_REASON_FEELER)
			g->budget.deaf.next_feeler = now + g->svc.block_ticks;
		sim_place_event(g, conn->place, SG_PLACE_EV_SYN, now);
		sim_extend(g, conn, now);
		action = SIM_PASS;
	} else {
		action = sim_attempt(g, number, syn, priority, now);
	}
	if (action == SIM_PASS)
		sg_deaf_syn(&g->budget.deaf, now);
	return action;
}

/* sg_client_in_time() */
static inline bool sim_in_time(struct sim_guard *g, struct sg_conn *conn, __u64 now)
{
	if (sg_budget_too_late(&g->budget, &g->svc, &g->times, conn, now)) {
		if (!g->police)
			return true;
		sim_abandon(g, conn, now);
		return false;
	}
	sim_place_event(g, conn->place, SG_PLACE_EV_ACK, now);
	return true;
}

/* sg_from_client() */
static inline enum sim_action sim_from_client(struct sim_guard *g, __u32 number,
					      const struct sg_packet *pkt, __u32 priority,
					      bool line_done, __u64 now)
{
	struct sg_conn *conn = &g->conns[number];
	__u32 effects;

	if ((pkt->tcp_flags & (SG_TCP_SYN | SG_TCP_ACK | SG_TCP_RST)) == SG_TCP_SYN)
		return sim_client_syn(g, number, pkt, priority, now);
	if (!g->known[number])
		return SIM_PASS;
	if (!(pkt->tcp_flags & SG_TCP_RST) && sim_forfeited(g, conn))
		return SIM_DROP;
	effects = sg_conn_from_client(conn, pkt, false, now);
	if (effects & SG_EFFECT_HANDSHAKE)
		sim_place_event(g, conn->place, SG_PLACE_EV_ACK, now);
	if (effects & SG_EFFECT_MAYBE_LATE && !sim_in_time(g, conn, now))
		return SIM_DROP;
	if (effects & SG_EFFECT_BELIEVED) {
		conn->client.line_done |= line_done;
		sim_extend(g, conn, now);
	}
	if (effects & SG_EFFECT_ENDED)
		sim_finish(g, conn, now);
	if (effects & SG_EFFECT_ABANDONED)
		sim_abandon(g, conn, now);
	return SIM_PASS;
}

/* sg_ca_adopt(), SYN-ACK and data */
static inline void sim_adopt(struct sim_guard *g, __u32 number, const struct sg_packet *pkt,
			     __u64 now)
{
	struct sg_conn *conn = &g->conns[number];
	struct sg_conn_key key = {.client = sg_ip_from_v4(number)};
	bool syn = pkt->tcp_flags & SG_TCP_SYN;

	if (pkt->tcp_flags & (SG_TCP_RST | SG_TCP_FIN) || !(pkt->tcp_flags & SG_TCP_ACK))
		return;
	if (syn ? g->police && now > g->loaded + g->svc.syn_ticks : !pkt->payload_len)
		return;
	memset(conn, 0, sizeof(*conn));
	sg_conn_adopt(conn, pkt, now);
	conn->flags |= SG_CONN_ACTUAL;
	conn->generation = ++g->generation;
	conn->place = SG_NO_PLACE;
	conn->lease = SG_NO_LEASE;
	if (g->police)
		conn->lease = sg_lease_take(&g->budget, &key, SG_NO_PLACE, conn->generation,
					    now + g->svc.request_ticks);
	g->known[number] = true;
	if (syn)
		sg_actual_open(&g->budget.actual, g->svc.ca_window_ticks, now);
	else
		g->budget.actual.open++;
}

/* sg_ca_overtake() */
static inline void sim_overtake(struct sim_guard *g, __u64 number, __u64 now)
{
	if (sg_budget_overtaken(&g->budget, &g->svc, number, now))
		sim_place_event(g, number, SG_PLACE_EV_OVERTAKEN, now);
}

/* sg_ca_settles() */
static inline void sim_settles(struct sim_guard *g, struct sg_conn *conn, __u64 now)
{
	conn->flags |= SG_CONN_PLACE_SETTLED | SG_CONN_CA_ANSWERED;
	sim_place_event(g, conn->place, SG_PLACE_EV_FINAL, now);
	if (conn->client.handshake > g->budget.answered_handshake)
		g->budget.answered_handshake = conn->client.handshake;
	for (__u32 i = 1; conn->place != SG_NO_PLACE && i <= SG_OVERTAKES; i++)
		sim_overtake(g, conn->place - i, now);
}

/* sg_ca_overtakes() */
static inline void sim_overtakes(struct sim_guard *g, __u64 now)
{
	struct sg_window_limit limit = sg_budget_window(&g->svc, now);
	struct sg_budget *b = &g->budget;
	__u64 number;

	if (!limit.connections || limit.connections >= SG_PLACES)
		return;
	number = b->head - 1 - b->settle_hand++ % limit.connections;
	sim_overtake(g, number, now);
}

/* sg_ca_too_late() */
static inline bool sim_ca_too_late(struct sim_guard *g, const struct sg_conn *conn,
				   const struct sg_packet *pkt, __u64 now)
{
	if (!g->police || pkt->ack != conn->client.isn + 1 || conn->flags & SG_CONN_ADOPTED)
		return false;
	if (conn->ca.known && !sim_forfeited(g, conn))
		return sg_budget_too_late(&g->budget, &g->svc, &g->times, conn, now);
	return conn->state == SG_CONN_CLOSED || sim_over(g, conn, now);
}

/* sg_from_ca(). SIM_RST_TO_CA: a SYN-ACK that came too late. */
static inline enum sim_action sim_from_ca(struct sim_guard *g, __u32 number,
					  const struct sg_packet *pkt, __u64 now)
{
	struct sg_conn *conn = &g->conns[number];
	bool syn_ack = pkt->tcp_flags & SG_TCP_SYN;
	__u32 effects;

	if (syn_ack)
		sg_deaf_answer(&g->budget.deaf, &g->svc, now);
	if (!g->known[number]) {
		sim_adopt(g, number, pkt, now);
		return SIM_PASS;
	}
	if (conn->state == SG_CONN_CLOSED && conn->ca.known && !sim_forfeited(g, conn))
		return SIM_PASS;
	if (syn_ack && sim_ca_too_late(g, conn, pkt, now)) {
		sim_place_event(g, conn->place, SG_PLACE_EV_LATE, now);
		sim_finish(g, conn, now);
		g->rst_conn = number;
		g->rst_seq = pkt->ack;
		return SIM_RST_TO_CA;
	}
	effects = sg_conn_from_ca(conn, pkt, now);
	if (effects & (SG_EFFECT_SYN_ACK | SG_EFFECT_SYN_ACK_AGAIN))
		sim_place_event(g, conn->place, SG_PLACE_EV_SYN_ACK, now);
	if (effects & SG_EFFECT_SYN_ACK) {
		conn->flags |= SG_CONN_ACTUAL;
		sg_actual_open(&g->budget.actual, g->svc.ca_window_ticks, now);
	}
	if (effects & (SG_EFFECT_ANSWERED | SG_EFFECT_REFUSED) &&
	    !(conn->flags & SG_CONN_PLACE_SETTLED))
		sim_settles(g, conn, now);
	if (effects & SG_EFFECT_REFUSED)
		sg_deaf_answer(&g->budget.deaf, &g->svc, now);
	sim_overtakes(g, now);
	if (effects & SG_EFFECT_BELIEVED)
		sim_extend(g, conn, now);
	if (effects & SG_EFFECT_ENDED)
		sim_finish(g, conn, now);
	return SIM_PASS;
}

#endif
