/* SPDX-License-Identifier: GPL-2.0-only */
/* The daemon's copy of what the guard's maps held at this tick. */
#ifndef SG_DAEMON_TABLES_H
#define SG_DAEMON_TABLES_H

#include "maps.h"
#include "sweep.h"
#include "../guard/guard.h"

struct sg_tables {
	__u64 now_ticks, ktime_ns; /* when they were read */
	__u64 now_ns;              /* CLOCK_REALTIME then */
	struct sg_live live;
	struct sg_service services[SG_SERVICES];
	struct sg_budget budgets[SG_SERVICES];
	struct sg_stats stats[SG_SERVICES];
	/* Of intercept; questions only where a cookie was ever given, else all zero. */
	struct sg_intercept intercepts[SG_SERVICES];
	struct sg_question_bucket questions[SG_SERVICES][SG_QUESTION_BUCKETS];
	struct sg_passed_stats passed;
	struct sg_maps_walk conns;
	struct sg_sweep *sweep;
	__u64 *scratch; /* for per-CPU sums */
};

/* Make room. guard is borrowed by later reads. Returns 0 or a negative errno. */
int sg_tables_open(struct sg_tables *t, const struct sg_guard *guard);
void sg_tables_close(struct sg_tables *t);

/* Read everything but the sources, and sweep the connections; closed ones silent for longer than
 * @keep_closed_ticks are picked. Returns 0 or the first error.
 */
int sg_tables_read(struct sg_tables *t, struct sg_guard *guard, __u64 keep_closed_ticks);

/* Number in the maps of the service of this name, or -ENOENT. */
int sg_tables_service(const struct sg_tables *t, const char *name);

/* CLOCK_REALTIME of a moment in ticks; 0 stays 0 (never). Moments to come give times to come. */
__u64 sg_tables_time(const struct sg_tables *t, const struct sg_guard *guard, __u64 ticks);

#endif
