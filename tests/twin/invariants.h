/* SPDX-License-Identifier: GPL-2.0-only */
/* What is true of a guard at any time, whatever was sent to it: looked at in the twin's own state, with
 * nothing of its arithmetic but the limits it was given.
 */
#ifndef SG_TWIN_INVARIANTS_H
#define SG_TWIN_INVARIANTS_H

#include "gen.h"

struct invariants {
	__u64 head[GUARD_SERVICES];             /* admissions seen */
	__u64 first[GUARD_SERVICES];            /* number of the first one */
	__u64 dates[GUARD_SERVICES][SG_PLACES]; /* when each was admitted, by number */
};

/* After gen_begin(). */
void invariants_begin(struct invariants *inv);

/* After a step; packet: it was one. Returns NULL, or which invariant is broken. */
const char *invariants_step(struct invariants *inv, const struct gen *g, bool packet);

/* invariants_door.c: of what a guard that intercepts did with the last packet; of what it holds. */
const char *invariants_door(const struct gen *g);
const char *invariants_held(void);

/* Leases of this service that frames with a turn hold. */
__u32 invariants_granted(const struct sg_budget *b, __u32 service);

/* Those that take a walk over all tables. */
const char *invariants_end(const struct invariants *inv);

#endif
