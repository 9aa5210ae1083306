// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "gen.h"

struct guard_sizes gen_sizes(__u64 seed)
{
	static const struct guard_sizes kinds[GEN_KINDS] = {
		{64, 64, 16, 2, 1, 4096, SG_MODE_POLICE, WORLD_HZ},
		{24, 32, 64, 1, 1, 65536, SG_MODE_POLICE, WORLD_HZ}, /* full before its ring is */
		{256, 256, 256, 16, 1, 16384, SG_MODE_POLICE, WORLD_HZ},
		{64, 64, 32, 2, 1, 4096, SG_MODE_OBSERVE, WORLD_HZ},
		{64, 64, 64, 4, 16, 16384, SG_MODE_INTERCEPT, WORLD_HZ},
		{256, 256, 128, 16, 64, 65536, SG_MODE_INTERCEPT, WORLD_HZ},
		{24, 32, 16, 1, 2, 4096, SG_MODE_INTERCEPT, WORLD_HZ}, /* full soon */
		{64, 64, 64, 2, 32, 65536, SG_MODE_INTERCEPT, WORLD_HZ},
	};

	return kinds[seed % GEN_KINDS];
}

void gen_begin(struct gen *g, struct dice dice, const __u32 interfaces[WORLD_SIDES])
{
	struct dice *d = &g->dice;
	__u64 ticks;

	g->dice = dice;
	g->packets = 0;
	g->frame_len = 0;
	g->last_flow = 0;
	g->turn = 0;
	ticks = DICE_OF(d, __u64, 1, 40, 100000, (1ull << 31) - 100, (1ull << 32) - 500,
			(3ull << 32) + 17, 1ull << 38);
	world_begin(&g->world, interfaces, ticks);
	gen_configure(g);
	g->chaos = DICE_OF(d, __u32, 0, 64, 16, 8, 3);
	g->flow_count = DICE_OF(d, __u32, 1, 3, 8, 16, GEN_FLOWS);
	for (__u32 i = 0; i < g->flow_count; i++)
		gen_make_flow(g, &g->flows[i]);
}

const struct twin_element *gen_some_element(struct gen *g, enum twin_map_id id)
{
	const struct twin_element *at = NULL;
	__u32 count = twin_map_count(twin_map(id));

	for (__u64 n = count ? dice_roll(&g->dice, count) + 1 : 0; n; n--)
		twin_map_next(twin_map(id), &at);
	return at;
}

/* ---- packets ---- */

bool gen_run(struct gen *g)
{
	g->packets++;
	return guards_frame(g->frame, g->frame_len, g->frame_ifindex, &g->outcome);
}

/* What the guard begins with a client takes more packets: then they come one after the other. */
static struct gen_flow *next_flow(struct gen *g)
{
	if (twin_highest() < SG_MODE_INTERCEPT || dice_hits(&g->dice, 4))
		g->last_flow = (__u32)dice_roll(&g->dice, g->flow_count);
	return &g->flows[g->last_flow];
}

/* A packet of a flow, perhaps disturbed; then the flow goes on as if it had not been sent. */
static bool flow_packet(struct gen *g)
{
	struct gen_flow *flow = next_flow(g);
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
	if (!gen_run(g))
		return false;
	if (!mutated || dice_hits(&g->dice, 2))
		gen_sent(g, &p);
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
	return gen_run(g);
}

static bool noise_packet(struct gen *g)
{
	g->frame_len = gen_noise(g, g->frame);
	g->frame_ifindex = DICE_PICK(&g->dice, g->world.interfaces);
	return gen_run(g);
}

bool gen_step(struct gen *g)
{
	__u64 luck;

	if (g->turn)
		return gen_turn(g);
	gen_let_time_pass(g);
	luck = dice_roll(&g->dice, 256);
	/* In intercept the daemon has more to do. */
	if (luck < (twin_highest() < SG_MODE_INTERCEPT ? 236 : 220))
		return flow_packet(g);
	if (luck < (twin_highest() < SG_MODE_INTERCEPT ? 246 : 228))
		return flood_packet(g);
	if (luck < (twin_highest() < SG_MODE_INTERCEPT ? 248 : 230))
		return noise_packet(g);
	return gen_daemon(g);
}
