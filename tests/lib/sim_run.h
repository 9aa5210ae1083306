/* SPDX-License-Identifier: GPL-2.0-only */
/* The guard's place in the event simulation (sim_net.h), episodes, and the run itself. */
#ifndef SG_SIM_RUN_H
#define SG_SIM_RUN_H

#include "sim_peers.h"

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
