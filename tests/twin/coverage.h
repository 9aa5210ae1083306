/* SPDX-License-Identifier: GPL-2.0-only */
/* What generated inputs have reached, counted by the twin's own counters. */
#ifndef SG_TWIN_COVERAGE_H
#define SG_TWIN_COVERAGE_H

#include "guards.h"

struct coverage {
	__u64 packets, cases;
	__u64 actions[XDP_REDIRECT + 1];
	__u64 resets;          /* frames that left as a RST */
	struct sg_stats stats; /* of all services */
	struct sg_passed_stats passed;
	__u64 events[SG_EVENT_MAX_];
	__u64 states[SG_CONN_CLOSED + 1]; /* of entries at the end of a case */
};

void coverage_packet(struct coverage *c, const __u8 *frame, size_t len, const struct outcome *out);
void coverage_event(void *ctx, const struct sg_event *event); /* ctx: struct coverage */

/* At the end of a case: all that the guard has counted in it. */
void coverage_case(struct coverage *c);

void coverage_add(struct coverage *to, const struct coverage *from);

/* Say what was reached how often. Returns how many of the things that must be were reached less than
 * `least` times, each told on standard error.
 */
unsigned int coverage_judge(const struct coverage *c, __u64 least);
void coverage_print(const struct coverage *c);

#endif
