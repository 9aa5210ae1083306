/* SPDX-License-Identifier: GPL-2.0-only */
/* Does what the data plane counts agree with the connections there are? Pure. The two are read at
 * different moments, so only what was wrong in two recounts, one after the other and in the same
 * way, is called drift.
 *
 * A slot that leaked is not corrected from here: the ring, the leases and their free list stand in
 * one value under the program's lock, and writing that value whole would undo what another CPU
 * did to a place's date meanwhile. Its lease runs out, and the next refusal for want of a slot frees
 * it (DESIGN 4, "Slots are leases"). A source's count stands alone in its value and is corrected.
 */
#ifndef SG_DAEMON_RECOUNT_H
#define SG_DAEMON_RECOUNT_H

#include <linux/types.h>

#include "sweep.h"

/* What the last recount of a service found; all zero is the start. */
struct sg_recount {
	__u64 unheld
		[SG_LEASES]; /* generation of leases nobody was seen to hold; 0 = held or free */
	__u64 reported[SG_LEASES]; /* generation last called drift, so that it is summed up once */
	__s32 slots_off;           /* slots_used - leases in use */
	__s32 actual_off;          /* connections counted open at the CA - those found */
	__s32 reported_slots, reported_actual;
	__u32 drift;       /* confirmed by the last recount */
	__u64 drift_total; /* each difference once */
};

/* Compare; updates r. Returns r->drift. */
__u32 sg_recount_service(struct sg_recount *r, const struct sg_budget *budget,
			 const struct sg_sweep_service *found);

/* Leases in use. */
__u32 sg_recount_leases(const struct sg_budget *budget);

/* Sources under suspicion. */
#define SG_RECOUNT_SUSPECTS 256

struct sg_recount_source {
	struct sg_source_key key;
	__s32 off; /* counted - found */
};

struct sg_recount_sources {
	__u32 count;
	struct sg_recount_source suspects[SG_RECOUNT_SUSPECTS];
	__u64 corrected_total;
};

/* Note a source whose count differs from the walk's. Does nothing when the list is full. */
void sg_recount_suspect(struct sg_recount_sources *r, const struct sg_sweep *s,
			const struct sg_source_key *key, const struct sg_source *src);

#endif
