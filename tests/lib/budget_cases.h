/* SPDX-License-Identifier: GPL-2.0-only */
/* A service and a budget with round numbers, for tests: 1000 ticks a second, window 60 s. */
#ifndef SG_TEST_BUDGET_CASES_H
#define SG_TEST_BUDGET_CASES_H

#include <string.h>
#include "../../bpf/core/budget.h"

#define SECOND 1000ull
#define WINDOW (60 * SECOND)
#define START  (1000 * SECOND)

static const struct sg_times case_times = {
#define X(name, ms, why) .name = (ms),
	SG_TIME_LIST(X)
#undef X
};

static inline struct sg_service case_service(__u32 connections, __u32 slots)
{
	struct sg_service svc = {
		.enabled = 1,
		.slots = slots,
		.window = {.connections = connections, .ticks = WINDOW},
		.next_window = {.connections = connections, .ticks = WINDOW},
		.ca_window_ticks = WINDOW,
		.syn_ticks = 5 * SECOND,
		.request_ticks = 10 * SECOND,
		.idle_ticks = 60 * SECOND,
		.life_ticks = 180 * SECOND,
		.block_ticks = 16 * SECOND,
		.deaf_unanswered = 3,
		.deaf_within_ticks = 2 * SECOND,
	};

	return svc;
}

/* An attempt of this priority at now, in police that began long ago. Settled at once when admitted and
 * its slot given back, unless `keep`.
 */
static inline __u32 case_ask(struct sg_budget *b, const struct sg_service *svc, __u32 priority,
			     __u64 now, bool keep, struct sg_grant *out)
{
	struct sg_ask ask = {.now = now, .priority = priority, .police = true, .generation = 1};
	struct sg_grant grant = {};

	sg_budget_take(b, svc, &case_times, &ask, &grant);
	if (sg_reason_admits(grant.reason)) {
		if (!keep) {
			sg_place_move(b->places, grant.place, SG_PLACE_EV_FINAL, now);
			sg_lease_release(b, grant.lease, ask.generation);
		}
	} else if (grant.reason != SG_REASON_CA_DEAF) {
		b->asked[priority] = now;
	}
	if (out)
		*out = grant;
	return grant.reason;
}

#endif
