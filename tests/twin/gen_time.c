// SPDX-License-Identifier: GPL-2.0-only
/* Time: mostly a little; sometimes as long as one of the limits, or up to the tick at which something that
 * the guard holds changes its meaning, or one beside it.
 */
#include "gen.h"
#include "../../bpf/core/window.h"

/* Farthest that is waited for such a moment. */
#define FARTHEST S(2 * 3600)

static __u64 of_a_place(struct gen *g, __u32 service, const struct sg_budget *b)
{
	const struct sg_service *svc = &g->world.services[service];
	__u64 n = svc->window.connections ? svc->window.connections : dice_roll(&g->dice, 8),
	      word = b->places[(b->head - n) & (SG_PLACES - 1)];

	return sg_place_ticks(word) + svc->window.ticks +
	       (dice_hits(&g->dice, 2) ? svc->syn_ticks : 0);
}

static __u64 of_a_lease(struct gen *g, const struct sg_budget *b)
{
	return b->leases_high ? b->leases[dice_roll(&g->dice, b->leases_high)].expires : 0;
}

static __u64 of_a_source(struct gen *g)
{
	const struct twin_element *at = gen_some_element(g, TWIN_sg_sources);
	const struct sg_source *src;

	if (!at)
		return 0;
	src = twin_element_value(twin_map(TWIN_sg_sources), at);
	switch (dice_roll(&g->dice, 4)) {
	case 0:
		return src->claim_until;
	case 1:
		return src->claim_granted + S(600);
	case 2:
		return src->last_handshake + S(600);
	default:
		return src->asked[dice_roll(&g->dice, SG_PRIORITY_MAX_)] + S(600);
	}
}

/* Slots hold 32 bits of the time. */
static __u64 of_a_slot(struct gen *g)
{
	bool refused = dice_hits(&g->dice, 2);
	struct twin_map *map = twin_map(refused ? TWIN_sg_refused : TWIN_sg_syn_limiter);
	__u32 index = (__u32)dice_roll(&g->dice, twin_map_about(map)->max_entries);
	const struct sg_syn_bucket *bucket = twin_map_lookup(map, &index);
	__u64 slot = bucket->slot[dice_roll(&g->dice, 8)];
	__u64 more = refused ? DICE_OF(&g->dice, __u64, S(300), S(3600))
			     : DICE_OF(&g->dice, __u64, 0, -S(1), -S(10));

	return slot ? g->world.ticks + (__u32)((__u32)(slot + more) - (__u32)g->world.ticks) : 0;
}

static __u64 of_a_connection(struct gen *g, const struct sg_service *svc)
{
	const struct twin_element *at = gen_some_element(g, TWIN_sg_conns);
	const struct sg_conn *conn;

	if (!at)
		return 0;
	conn = twin_element_value(twin_map(TWIN_sg_conns), at);
	switch (dice_roll(&g->dice, 3)) {
	case 0:
		return conn->opened + S(30);
	case 1:
		return conn->ca.syn_ack + svc->syn_ticks;
	default:
		return conn->opened + svc->life_ticks;
	}
}

static __u64 of_deafness(struct gen *g, const struct sg_service *svc, const struct sg_deaf *deaf)
{
	const __u64 moments[] = {deaf->next_feeler, deaf->first_unanswered + svc->deaf_within_ticks,
				 deaf->resume_until, deaf->last_answer + S(60),
				 deaf->last_answer + S(60) + svc->block_ticks};

	return DICE_PICK(&g->dice, moments);
}

static __u64 of_the_rest(struct gen *g, const struct sg_service *svc, const struct sg_budget *b)
{
	const struct sg_live *live = &g->world.live;
	const __u64 moments[] = {
		live->mode_word >> 8,    live->police_since + svc->life_ticks,
		live->heartbeat + S(30), live->loaded + svc->syn_ticks,
		svc->next_from,          b->asked[dice_roll(&g->dice, SG_PRIORITY_MAX_)] + S(3)};

	return DICE_PICK(&g->dice, moments);
}

static __u64 of_a_frame(struct gen *g)
{
	__u32 count = twin_map_about(twin_map(TWIN_sg_frames))->max_entries,
	      index = (__u32)dice_roll(&g->dice, count);
	const struct sg_frame *f = twin_map_lookup(twin_map(TWIN_sg_frames), &index);

	return dice_hits(&g->dice, 2) ? f->deadline : f->deadline + S(2);
}

/* When a question was refused that is in one of a service's buckets. */
static __u64 refused_at(struct gen *g, __u32 service)
{
	__u32 from = (__u32)dice_roll(&g->dice, SG_QUESTION_BUCKETS);

	for (__u32 i = 0; i < SG_QUESTION_BUCKETS; i++) {
		__u32 index = service * SG_QUESTION_BUCKETS + (from + i) % SG_QUESTION_BUCKETS;
		const struct sg_question_bucket *bucket =
			twin_map_lookup(twin_map(TWIN_sg_questions), &index);

		if (bucket->slot[0].hash)
			return bucket->slot[0].refused;
	}
	return 0;
}

static __u64 of_intercept(struct gen *g, __u32 service, const struct sg_service *svc)
{
	const struct sg_intercept *ic = twin_map_lookup(twin_map(TWIN_sg_intercepts), &service);
	__u64 refused = refused_at(g, service);
	const __u64 moments[] = {
		ic->turnkeeper + S(2),
		ic->canary_since + S(10),
		ic->canary_sent[0] + svc->ca_window_ticks,
		ic->ready + S(600),
		ic->cookie_last + 4 * S(32),
		(g->world.ticks / S(32) + dice_roll(&g->dice, 8)) * S(32),
		g->world.live.intercept_since + svc->life_ticks,
		refused + svc->answer_ttl_ticks,
		refused + 10 * svc->answer_ttl_ticks,
	};

	return DICE_PICK(&g->dice, moments);
}

static void wait_for_a_moment(struct gen *g)
{
	__u32 service = (__u32)dice_roll(&g->dice, GUARD_SERVICES);
	const struct sg_service *svc = &g->world.services[service];
	const struct sg_budget *b = twin_map_lookup(twin_map(TWIN_sg_budgets), &service);
	__u64 moment;

	switch (dice_roll(&g->dice, twin_highest() < SG_MODE_INTERCEPT ? 8 : 12)) {
	case 8:
		moment = of_a_frame(g);
		break;
	case 9:
	case 10:
	case 11:
		moment = of_intercept(g, service, svc);
		break;
	case 0:
	case 1:
		moment = of_a_place(g, service, b);
		break;
	case 2:
		moment = of_a_lease(g, b);
		break;
	case 3:
		moment = of_a_source(g);
		break;
	case 4:
		moment = of_a_slot(g);
		break;
	case 5:
		moment = of_a_connection(g, svc);
		break;
	case 6:
		moment = of_deafness(g, svc, &b->deaf);
		break;
	default:
		moment = of_the_rest(g, svc, b);
		break;
	}
	moment += dice_roll(&g->dice, 4) - 2;
	if (moment > g->world.ticks && moment - g->world.ticks < FARTHEST)
		world_wait(&g->world, moment - g->world.ticks, 0);
}

static void jump(struct gen *g)
{
	const struct sg_service *svc = &g->world.services[dice_roll(&g->dice, GUARD_SERVICES)];
	const __u64 jumps[] = {svc->syn_ticks,
			       svc->request_ticks,
			       svc->idle_ticks,
			       svc->life_ticks,
			       svc->block_ticks,
			       svc->window.ticks,
			       S(3),
			       S(30),
			       S(32),
			       S(96),
			       svc->window.ticks + svc->syn_ticks};

	world_wait(&g->world, DICE_PICK(&g->dice, jumps) + dice_roll(&g->dice, 3) - 1, 0);
}

void gen_let_time_pass(struct gen *g)
{
	static const __u64 long_jumps[] = {S(60), S(301), S(600), S(3601), 1ull << 31, 1ull << 32};
	struct dice *d = &g->dice;
	__u64 luck = dice_roll(d, 256);

	/* What the guard begins with a client takes more packets. */
	if (twin_highest() >= SG_MODE_INTERCEPT && luck >= 220 && !dice_hits(d, 3))
		luck = 0;
	if (luck < 160)
		world_wait(&g->world, 0, dice_roll(d, 65536));
	else if (luck < 220)
		world_wait(&g->world, dice_roll(d, 32), 0);
	else if (luck < 235)
		world_wait(&g->world, dice_roll(d, 256), 0);
	else if (luck < 249)
		wait_for_a_moment(g);
	else if (luck < 255)
		jump(g);
	else if (dice_hits(d, 3))
		world_wait(&g->world, DICE_PICK(d, long_jumps), 0);
}
