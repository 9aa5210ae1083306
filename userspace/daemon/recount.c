// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "recount.h"

__u32 sg_recount_leases(const struct sg_budget *budget)
{
	__u32 used = 0;

	for (__u32 i = 0; i < SG_LEASES; i++)
		used += !!budget->leases[i].used;
	return used;
}

/* Leases in use that no open connection holds, twice in a row. */
static __u32 recount_leases(struct sg_recount *r, const struct sg_budget *budget,
			    const struct sg_sweep_service *found)
{
	__u32 drift = 0;

	for (__u32 i = 0; i < SG_LEASES; i++) {
		const struct sg_lease *lease = &budget->leases[i];

		if (!lease->used || found->holder[i] == lease->generation) {
			r->unheld[i] = 0;
			continue;
		}
		if (r->unheld[i] == lease->generation) {
			drift++;
			if (r->reported[i] != lease->generation)
				r->drift_total++;
			r->reported[i] = lease->generation;
		}
		r->unheld[i] = lease->generation;
	}
	return drift;
}

/* A difference that stayed the same; summed up when it is new. */
static __u32 recount_difference(struct sg_recount *r, __s32 *before, __s32 *reported, __s32 now)
{
	__u32 drift = now && now == *before ? abs(now) : 0;

	*before = now;
	if (!now)
		*reported = 0;
	if (drift && *reported != now) {
		r->drift_total += drift;
		*reported = now;
	}
	return drift;
}

__u32 sg_recount_service(struct sg_recount *r, const struct sg_budget *budget,
			 const struct sg_sweep_service *found)
{
	__s32 slots_off = (__s32)(budget->slots_used - sg_recount_leases(budget));
	__s32 actual_off = budget->actual.open - (__s32)found->actual_open;

	r->drift = recount_leases(r, budget, found);
	r->drift += recount_difference(r, &r->slots_off, &r->reported_slots, slots_off);
	r->drift += recount_difference(r, &r->actual_off, &r->reported_actual, actual_off);
	return r->drift;
}

void sg_recount_suspect(struct sg_recount_sources *r, const struct sg_sweep *s,
			const struct sg_source_key *key, const struct sg_source *src)
{
	__s32 off = src->connections - (__s32)sg_sweep_source_connections(s, key);

	if (off && r->count < SG_RECOUNT_SUSPECTS)
		r->suspects[r->count++] = (struct sg_recount_source){*key, off};
}
