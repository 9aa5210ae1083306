// SPDX-License-Identifier: GPL-2.0-only
/* What the daemon does while packets pass: it takes places, ends and forgets, gives turns, injects, changes limits. */
#include <string.h>

#include "gen.h"

static bool take(struct gen *g)
{
	struct sg_take_call call = {
		.service = (__u32)dice_roll(&g->dice, GUARD_SERVICES + 1),
		.priority = (__u32)dice_roll(&g->dice, SG_PRIORITY_MAX_ + 1),
		.key = {.client = world_ip("192.0.2.250"),
			.client_port = sg_htons(dice_roll(&g->dice, 8)),
			.endpoint = 1},
	};

	/* No such service: nothing is in the budget of the fourth, and nobody looks at it. */
	if (call.service >= GUARD_SERVICES)
		call.service = SG_SERVICES;
	return guards_take(&call);
}

static bool end(struct gen *g)
{
	const struct twin_element *at = gen_some_element(g, TWIN_sg_conns);
	const struct sg_conn *conn;
	struct sg_end_call call;

	if (!at)
		return true;
	conn = twin_element_value(twin_map(TWIN_sg_conns), at);
	memset(&call, 0, sizeof(call));
	call.key = *(const struct sg_conn_key *)twin_element_key(at);
	call.generation = conn->generation + dice_hits(&g->dice, 8);
	return guards_end(&call);
}

/* The daemon deletes closed connections, and sources that nobody heard of for long. */
static bool forget(struct gen *g)
{
	bool conns = dice_hits(&g->dice, 2);
	enum twin_map_id id = conns ? TWIN_sg_conns : TWIN_sg_sources;
	const struct twin_element *at = gen_some_element(g, id);
	__u8 key[sizeof(struct sg_conn_key)];

	if (!at)
		return true;
	if (conns) {
		const struct sg_conn *conn = twin_element_value(twin_map(id), at);

		if (conn->state != SG_CONN_CLOSED)
			return true;
	} else {
		const struct sg_source *src = twin_element_value(twin_map(id), at);

		if (src->connections)
			return true;
	}
	memcpy(key, twin_element_key(at), twin_map_about(twin_map(id))->key_size);
	guards_erase(id, key);
	return true;
}

static bool acts_in_police(struct gen *g)
{
	switch (dice_roll(&g->dice, 10)) {
	case 0:
		return take(g);
	case 1:
	case 2:
		return end(g);
	case 3:
	case 4:
		return forget(g);
	case 5:
		return guards_drain(g->take, g->take_ctx);
	case 6:
		return guards_ask_clock();
	case 7:
		gen_make_flow(g, &g->flows[dice_roll(&g->dice, g->flow_count)]);
		return true;
	default:
		gen_reconfigure(g);
		return true;
	}
}

/* ---- intercept ---- */

/* A slot in this state, if it is one in use; or any. */
static __u32 some_frame(struct gen *g, __u32 state)
{
	const struct twin_map *frames = twin_map(TWIN_sg_frames);
	__u32 count = twin_map_about(frames)->max_entries, from = (__u32)dice_roll(&g->dice, count);

	for (__u32 i = 0; i < count; i++) {
		__u32 index = (from + i) % count;
		const struct sg_frame *f = twin_map_lookup(twin_map(TWIN_sg_frames), &index);

		if (f->ticket && f->state == state)
			return index;
	}
	return from;
}

static const struct sg_frame *frame_at(__u32 index)
{
	return twin_map_lookup(twin_map(TWIN_sg_frames), &index);
}

/* The flow of a connection, if it is one of ours. */
static struct gen_flow *flow_of(struct gen *g, const struct sg_conn_key *key)
{
	for (__u32 i = 0; i < g->flow_count; i++) {
		struct gen_flow *flow = &g->flows[i];

		if (!memcmp(&flow->client, &key->client, sizeof(key->client)) &&
		    flow->port == sg_ntohs(key->client_port) &&
		    world_endpoint(&g->world, flow->to)->id == key->endpoint)
			return flow;
	}
	return NULL;
}

/* A stored frame, as if it had come again. */
static bool inject(struct gen *g, __u32 index)
{
	const struct sg_frame *f = frame_at(index);
	struct sg_conn_key key = f->key;
	struct gen_packet p = {};

	if (!f->ticket || !f->len)
		return true;
	p.frame.payload_len = f->payload_len;
	p.frame.flags = SG_TCP_ACK;
	g->frame_len = f->len;
	memcpy(g->frame, f->frame, f->len);
	g->frame_ifindex = f->ifindex;
	if (!gen_run(g))
		return false;
	p.flow = flow_of(g, &key);
	if (p.flow)
		gen_sent(g, &p);
	return true;
}

static bool give_turn(struct gen *g)
{
	__u32 index = some_frame(g, SG_FRAME_WAITING);
	struct sg_turn_call call = {.frame = index,
				    .ticket = frame_at(index)->ticket + dice_hits(&g->dice, 16)};

	if (!guards_turn(&call))
		return false;
	if (call.done && !dice_hits(&g->dice, 4))
		g->turn = index + 1;
	return true;
}

bool gen_turn(struct gen *g)
{
	__u32 index = g->turn - 1;

	g->turn = 0;
	return inject(g, index);
}

static bool expire(struct gen *g)
{
	__u32 index = some_frame(g, SG_FRAME_WAITING);
	struct sg_expire_call call = {.frame = index,
				      .ticket = frame_at(index)->ticket + dice_hits(&g->dice, 16)};

	return guards_expire(&call);
}

/* It lives, for the turns of one service. */
static void look_who_waits(struct gen *g)
{
	__u32 service = (__u32)dice_roll(&g->dice, GUARD_SERVICES);
	struct sg_intercept ic = *(const struct sg_intercept *)twin_map_lookup(
		twin_map(TWIN_sg_intercepts), &service);

	ic.turnkeeper = g->world.ticks;
	guards_write(TWIN_sg_intercepts, &service, &ic);
}

static void change_step(struct gen *g)
{
	guards_step((enum sg_step)dice_roll(&g->dice, SG_STEP_MAX_), !dice_hits(&g->dice, 3));
}

/* Most of it is done again and again. */
static bool acts_in_intercept(struct gen *g)
{
	switch (dice_roll(&g->dice, 16)) {
	case 0:
	case 1:
	case 2:
	case 3:
	case 4:
		return give_turn(g);
	case 5:
		return expire(g);
	case 6:
	case 7:
	case 8:
	case 9:
		return inject(g, some_frame(g, (__u32)dice_roll(&g->dice, SG_FRAME_SENT + 1)));
	case 10:
	case 11:
		look_who_waits(g);
		return true;
	case 12:
		if (dice_hits(&g->dice, 4))
			change_step(g);
		else
			for (__u32 i = 0; i < SG_STEP_MAX_; i++)
				guards_step((enum sg_step)i, true);
		return true;
	case 13:
		gen_change_edges(g);
		return true;
	case 14:
		if (dice_hits(&g->dice, 4))
			gen_change_keys(g);
		return true;
	default:
		return acts_in_police(g);
	}
}

bool gen_daemon(struct gen *g)
{
	if (twin_highest() >= SG_MODE_INTERCEPT && !dice_hits(&g->dice, 3))
		return acts_in_intercept(g);
	return acts_in_police(g);
}
