/* SPDX-License-Identifier: GPL-2.0-only */
/* Tends the table of known sources: counts them, corrects drifted connection counts, and forgets the
 * longest silent when it is nearly full. A tenth of the table a tick, so that 100 000 sources cost a
 * thousandth of a core.
 */
#ifndef SG_DAEMON_SOURCES_H
#define SG_DAEMON_SOURCES_H

#include "maps.h"
#include "marks.h"
#include "recount.h"
#include "../guard/guard.h"

/* Fuller than this, the oldest go until SG_SOURCES_LEAVE is reached. */
#define SG_SOURCES_FULL_PERMILLE  800
#define SG_SOURCES_LEAVE_PERMILLE 700
#define SG_SOURCES_AGES           64

/* How many sources are how old, for choosing whom to forget: bucket i holds ages in
 * [2^(i/2), 2^((i+1)/2)) ticks, roughly.
 */
struct sg_sources_ages {
	__u32 count[SG_SOURCES_AGES];
};

/* Bucket of an age. Pure. */
__u32 sg_sources_age_bucket(__u64 age_ticks);

/* The youngest bucket that must go, so that at least @excess sources do; SG_SOURCES_AGES when none
 * must. Pure.
 */
__u32 sg_sources_oldest_bucket(const struct sg_sources_ages *ages, __u32 excess);

/* May it be forgotten at all: nothing open, no claim. Pure. */
bool sg_sources_may_go(const struct sg_source *src, __u64 now);

struct sg_sources {
	struct sg_maps_walk walk;
	__u32 capacity;
	__u32 counted;    /* in this round so far */
	__u32 known;      /* by the last whole round */
	__u32 evict_from; /* bucket, for this round; SG_SOURCES_AGES = nobody */
	__u32 evict_left;
	__u64 evicted_total;
	struct sg_sources_ages ages;
	struct sg_recount_sources suspects;
	struct sg_marks marks;
};

/* One source of the round that runs, at @now (ticks). Returns true when it must go; it is counted
 * otherwise. Pure.
 */
bool sg_sources_count(struct sg_sources *s, const struct sg_source *src, __u64 now);

/* The table was walked through: how many are known, and whom must the next round forget? Pure. */
void sg_sources_end_round(struct sg_sources *s);

/* Returns 0 or a negative errno. */
int sg_sources_open(struct sg_sources *s, const struct sg_guard *guard);
void sg_sources_close(struct sg_sources *s);

/* One tick. sweep: of this tick; hash_key: of sg_live. Returns 0 or a negative errno. */
int sg_sources_tend(struct sg_sources *s, const struct sg_sweep *sweep, const __u64 *hash_key);

#endif
