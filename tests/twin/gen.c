// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "gen.h"

struct guard_sizes gen_sizes(__u64 seed)
{
	static const struct guard_sizes kinds[] = {
		{64, 64, 16, 2, 1, 4096, SG_MODE_POLICE, WORLD_HZ},
		{24, 32, 64, 1, 1, 65536, SG_MODE_POLICE, WORLD_HZ}, /* full before its ring is */
		{256, 256, 256, 16, 1, 16384, SG_MODE_POLICE, WORLD_HZ},
		{64, 64, 32, 2, 1, 4096, SG_MODE_OBSERVE, WORLD_HZ},
	};

	return kinds[seed % (sizeof(kinds) / sizeof(kinds[0]))];
}

void gen_begin(struct gen *g, struct dice dice, const __u32 interfaces[WORLD_SIDES])
{
	struct dice *d = &g->dice;
	__u64 ticks;

	g->dice = dice;
	g->packets = 0;
	g->frame_len = 0;
	ticks = DICE_OF(d, __u64, 1, 40, 100000, (1ull << 31) - 100, (1ull << 32) - 500,
			(3ull << 32) + 17, 1ull << 38);
	world_begin(&g->world, interfaces, ticks);
	gen_configure(g);
	g->chaos = DICE_OF(d, __u32, 0, 64, 16, 8, 3);
	g->flow_count = DICE_OF(d, __u32, 1, 3, 8, 16, GEN_FLOWS);
	for (__u32 i = 0; i < g->flow_count; i++)
		gen_make_flow(g, &g->flows[i]);
}

/* ---- packets ---- */

static bool run(struct gen *g)
{
	g->packets++;
	return guards_frame(g->frame, g->frame_len, g->frame_ifindex, &g->outcome);
}

/* A packet of a flow, perhaps disturbed; then the flow goes on as if it had not been sent. */
static bool flow_packet(struct gen *g)
{
	struct gen_flow *flow = &g->flows[dice_roll(&g->dice, g->flow_count)];
	bool mutated = g->chaos && dice_hits(&g->dice, g->chaos);
	struct gen_packet p;

	gen_next_packet(g, flow, &p);
	if (mutated)
		gen_mutate(g, &p);
	g->frame_len = frame_build(&p.frame, g->frame);
	g->frame_ifindex = p.ifindex;
	if (!g->frame_len)
		return true;
	if (g->chaos && dice_hits(&g->dice, 3 * g->chaos)) {
		g->frame_len = gen_mutate_bytes(g, g->frame, g->frame_len);
		mutated = true;
	}
	if (!run(g))
		return false;
	if (!mutated || dice_hits(&g->dice, 2))
		gen_sent(g, &p, g->outcome.action);
	return true;
}

/* One SYN of a flood: an address that is nobody's. */
static bool flood_packet(struct gen *g)
{
	struct gen_flow flow = {};
	struct gen_packet p;

	gen_make_flow(g, &flow);
	flow.client.w[3] ^= sg_htonl((__u32)dice_roll(&g->dice, 65536));
	gen_next_packet(g, &flow, &p);
	g->frame_len = frame_build(&p.frame, g->frame);
	g->frame_ifindex = p.ifindex;
	return run(g);
}

static bool noise_packet(struct gen *g)
{
	g->frame_len = gen_noise(g, g->frame);
	g->frame_ifindex = DICE_PICK(&g->dice, g->world.interfaces);
	return run(g);
}

/* ---- the daemon ---- */

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

const struct twin_element *gen_some_element(struct gen *g, enum twin_map_id id)
{
	const struct twin_element *at = NULL;
	__u32 count = twin_map_count(twin_map(id));

	for (__u64 n = count ? dice_roll(&g->dice, count) + 1 : 0; n; n--)
		twin_map_next(twin_map(id), &at);
	return at;
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

static bool daemon_acts(struct gen *g)
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

bool gen_step(struct gen *g)
{
	__u64 luck;

	gen_let_time_pass(g);
	luck = dice_roll(&g->dice, 256);
	if (luck < 236)
		return flow_packet(g);
	if (luck < 246)
		return flood_packet(g);
	if (luck < 248)
		return noise_packet(g);
	return daemon_acts(g);
}
