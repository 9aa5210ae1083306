// SPDX-License-Identifier: GPL-2.0-only
/* Limits, modes, policies, endpoints and what the guard held before, by the dice; and what the daemon
 * changes while it runs.
 */
#include <string.h>

#include "gen.h"
#include "../../bpf/core/budget.h"

/* ---- services ---- */

static void choose_window(struct dice *d, struct sg_service *svc)
{
	svc->window.connections = DICE_OF(d, __u32, 0, 1, 2, 3, 5, 8, 20, 20, 500, 1023, 2000);
	svc->window.ticks = DICE_OF(d, __u64, S(1), S(5), S(5), S(60), S(60.1));
	svc->next_window = svc->window;
	svc->next_from = 0;
	svc->ca_window_ticks = svc->window.ticks;
}

/* A raised limit waits; a lowered one holds at once (as the daemon writes them). */
static void change_window(struct gen *g, struct sg_service *svc)
{
	struct sg_window_limit now =
		g->world.ticks >= svc->next_from ? svc->next_window : svc->window;

	choose_window(&g->dice, svc);
	if (now.connections &&
	    (!svc->window.connections || svc->window.connections > now.connections)) {
		svc->window = now;
		svc->next_from = g->world.ticks + svc->next_window.ticks + svc->life_ticks;
	}
}

static void choose_slots(struct dice *d, struct sg_service *svc)
{
	svc->slots = DICE_OF(d, __u32, 0, 0, 1, 2, 4, 8, 16);
	for (int i = 0; i < SG_PRIORITY_MAX_; i++)
		svc->reserve_permille[i] = DICE_OF(d, __u32, 0, 0, 0, 200, 500, 900, 1000);
	svc->refuse_reset = dice_hits(d, 3);
}

static void choose_times(struct dice *d, struct sg_service *svc)
{
	svc->syn_ticks = DICE_OF(d, __u64, S(1), S(5), S(5));
	svc->request_ticks = DICE_OF(d, __u64, S(1), S(10), S(10));
	svc->idle_ticks = DICE_OF(d, __u64, S(5), S(60));
	svc->life_ticks = DICE_OF(d, __u64, S(20), S(180));
	svc->in_progress_connections = DICE_OF(d, __u32, 0, 2, 6);
	svc->in_progress_ticks = DICE_OF(d, __u64, S(1), S(300));
}

static void choose_deafness(struct dice *d, struct sg_service *svc)
{
	svc->deaf_unanswered = DICE_OF(d, __u32, 0, 1, 3, 3);
	svc->deaf_within_ticks = DICE_OF(d, __u64, 0, 0, S(2));
	svc->block_ticks = DICE_OF(d, __u64, S(1), S(2), S(16));
}

static void change_service(struct gen *g)
{
	__u32 which = (__u32)dice_roll(&g->dice, GUARD_SERVICES);
	struct sg_service *svc = &g->world.services[which];

	switch (dice_roll(&g->dice, 6)) {
	case 5:
		gen_choose_intercept(&g->dice, svc);
		break;
	case 0:
		change_window(g, svc);
		break;
	case 1:
		choose_slots(&g->dice, svc);
		break;
	case 2:
		choose_times(&g->dice, svc);
		break;
	case 3:
		choose_deafness(&g->dice, svc);
		break;
	default:
		svc->enabled = !dice_hits(&g->dice, 3);
		break;
	}
	world_write_service(&g->world, which);
}

/* ---- live ---- */

/* Of a guard that can intercept: mostly that. Sometimes it is loaded for it, and drains. */
static enum sg_mode choose_upper(struct gen *g)
{
	return twin_highest() >= SG_MODE_INTERCEPT && !dice_hits(&g->dice, 6) ? SG_MODE_INTERCEPT
									      : SG_MODE_POLICE;
}

static void choose_mode(struct gen *g)
{
	__u64 until = dice_hits(&g->dice, 4) ? g->world.ticks + dice_roll(&g->dice, S(20)) : 0;
	bool lower = dice_hits(&g->dice, twin_highest() >= SG_MODE_INTERCEPT ? 12 : 4);
	enum sg_mode now = lower ? SG_MODE_OBSERVE : choose_upper(g),
		     then = dice_hits(&g->dice, 2) ? SG_MODE_OBSERVE : choose_upper(g);

	if (dice_hits(&g->dice, 2))
		g->world.live.police_since = g->world.ticks;
	if (dice_hits(&g->dice, 4))
		g->world.live.intercept_since = g->world.ticks;
	world_mode(&g->world, now, then, until);
}

static void choose_source_limits(struct dice *d, struct sg_source_limits *limits)
{
	limits->interval_ticks = DICE_OF(d, __u32, 0, 0, 0, S(1), S(10), 1u << 30);
	limits->burst = DICE_OF(d, __u32, 1, 3, 10);
	limits->connections = DICE_OF(d, __u32, 0, 0, 1, 3);
}

static void choose_live(struct gen *g)
{
	struct dice *d = &g->dice;
	struct sg_live *live = &g->world.live;

	choose_source_limits(d, &live->source_default);
	live->sample_mask = DICE_OF(d, __u32, 0, 1, 3, 63);
	live->log_requests = DICE_OF(d, __u32, 0, 0, 1, 2);
	live->ipv4_mask = DICE_OF(d, __u32, 0xffffffffu, 0xffffffffu, 0xffffff00u, 0);
	live->ipv6_prefix = DICE_OF(d, __u32, 64, 64, 128, 48, 33, 1);
	live->heartbeat = dice_hits(d, 2) ? g->world.ticks : g->world.ticks - S(40);
	world_write_live(&g->world);
}

/* ---- policies and endpoints ---- */

static void change_policy(struct gen *g)
{
	static const struct {
		const char *ip;
		__u32 bits;
	} prefixes[] = {
		{"198.51.100.0", 96 + 24},
		{"198.51.100.8", 128},
		{"203.0.113.0", 96 + 25},
		{"0.0.0.0", 96},
		{"2001:db8::", 32},
		{"2001:db8::7", 128},
		{"::", 0},
	};
	__u64 which = dice_roll(&g->dice, sizeof(prefixes) / sizeof(prefixes[0]));
	const struct sg_prefix_key key = {.prefixlen = prefixes[which].bits,
					  .ip = world_ip(prefixes[which].ip)};
	struct sg_policy policy = {.action = DICE_OF(&g->dice, __u32, SG_POLICY_LIMITS,
						     SG_POLICY_LIMITS, SG_POLICY_EXEMPT,
						     SG_POLICY_DENY)};
	const struct twin_element *at = NULL;

	choose_source_limits(&g->dice, &policy.limits);
	/* Prefixes do not stay long, or few would ever be admitted. */
	if (dice_hits(&g->dice, 2) && twin_map_next(twin_map(TWIN_sg_prefixes), &at)) {
		struct sg_prefix_key old = *(const struct sg_prefix_key *)twin_element_key(at);

		world_no_policy(&g->world, &old);
		return;
	}
	world_policy(&g->world, &key, &policy);
}

static void change_endpoints(struct gen *g)
{
	struct dice *d = &g->dice;
	struct sg_endpoint *ep = &g->world.endpoints[2 * dice_roll(d, WORLD_ENDPOINTS)];

	switch (dice_roll(d, 4)) {
	case 0:
		ep->ca_ifindex = dice_hits(d, 2) ? 0 : DICE_PICK(d, g->world.interfaces);
		break;
	case 1:
		ep->one_armed = !ep->one_armed;
		break;
	case 2:
		ep->mac_known = !ep->mac_known;
		break;
	default:
		break; /* only moved to the other half */
	}
	world_write_endpoints(&g->world, (__u32)dice_roll(d, 1ull << 32));
}

void gen_reconfigure(struct gen *g)
{
	switch (dice_roll(&g->dice, 6)) {
	case 0:
	case 1:
		change_service(g);
		return;
	case 2:
		choose_mode(g);
		return;
	case 3:
		choose_live(g);
		return;
	case 4:
		change_policy(g);
		return;
	default:
		change_endpoints(g);
		return;
	}
}

/* ---- the beginning ---- */

/* Leases that connections the guard has forgotten hold, so that few are free. */
static void forget_connections(struct gen *g, struct sg_budget *b, __u32 free)
{
	for (__u32 i = 0; i < SG_LEASES - free; i++) {
		struct sg_lease *lease = &b->leases[i];

		*lease = (struct sg_lease){.key = {.client = world_ip("192.0.2.200"),
						   .client_port = sg_htons(i),
						   .endpoint = 1},
					   .used = 1,
					   .place = SG_NO_PLACE,
					   .generation = (1ull << 60) + i,
					   .expires = g->world.ticks + (i % 7 ? S(200) : S(1))};
	}
	b->free_top = free;
	for (__u32 i = 0; i < free; i++)
		b->free_leases[i] = (__u16)(SG_LEASES - 1 - i);
	b->slots_used = SG_LEASES - free;
	b->leases_high = SG_LEASES - free;
}

/* A budget of a guard that has run for long: any number of admissions, all settled. */
static void choose_budget(struct gen *g, __u32 service)
{
	static struct sg_budget b;
	struct dice *d = &g->dice;
	__u64 head = DICE_OF(d, __u64, SG_PLACES, SG_PLACES, (1 << 20) - 3, (1 << 20) + 5);

	sg_budget_init(&b, DICE_OF(d, __u32, 0, 0, 0, 6), g->world.ticks);
	for (__u64 i = head - SG_PLACES; head != SG_PLACES && i < head; i++)
		b.places[i & (SG_PLACES - 1)] =
			sg_place_word(0, i, SG_PLACE_SETTLED | SG_PLACE_FINAL);
	b.head = head;
	b.below_enrolment = (__u32)dice_roll(d, 10);
	/* As many answered in the window as there is room for dates. */
	if (dice_hits(d, 12)) {
		b.actual.head = SG_PLACES - 1 + dice_roll(d, 2);
		for (__u32 i = 0; i < SG_PLACES; i++)
			b.actual.dates[i] = g->world.ticks;
	}
	if (dice_hits(d, 12))
		forget_connections(g, &b, (__u32)dice_roll(d, 6));
	guards_write(TWIN_sg_budgets, &service, &b);
}

static void begin_intercept(struct gen *g)
{
	gen_change_keys(g);
	gen_change_keys(g);
	for (int i = 0; i < 2 * GUARD_SERVICES; i++)
		gen_change_edges(g);
}

void gen_configure(struct gen *g)
{
	struct dice *d = &g->dice;

	g->world.live.hash_key[0] = dice_roll(d, 1ull << 32);
	g->world.live.loaded = dice_hits(d, 4) ? g->world.ticks : 0;
	for (__u32 i = 0; i < GUARD_SERVICES; i++) {
		struct sg_service *svc = &g->world.services[i];

		choose_window(d, svc);
		choose_slots(d, svc);
		choose_times(d, svc);
		choose_deafness(d, svc);
		gen_choose_intercept(d, svc);
		world_write_service(&g->world, i);
		choose_budget(g, i);
	}
	choose_live(g);
	choose_mode(g);
	if (twin_highest() >= SG_MODE_INTERCEPT)
		begin_intercept(g);
	if (dice_hits(d, 4))
		change_policy(g);
}
