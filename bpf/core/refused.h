/* SPDX-License-Identifier: GPL-2.0-only */
/* Sources that were refused and never admitted. In a storm thousands of unknown routers ask again and
 * again; a router that begins an enrolment is unknown too, but new. So an unknown source counts as
 * "never seen" for `refused_new` (5 minutes: half of the ten tries IOS makes, one a minute), and after
 * that as "seen, not useful", behind those that are new. Nothing is charged and nobody is shut out:
 * it still competes, with the class rollover, and its first admission ends this.
 *
 * A table like that of the per-source rate (gcra.h): 7 slots a bucket of fingerprint (bits 32-63), time of a
 * refusal in ticks (1-31) and "comes again" (0). A spoofed flood fills it with strangers; then more
 * sources than should count as new, which is how it would be without this table.
 */
#ifndef SG_REFUSED_H
#define SG_REFUSED_H

#include <linux/types.h>
#include <stdbool.h>
#include "times.h"
#include "gcra.h"

#define SG_REFUSED_AGAIN 1u

static __always_inline __u32 sg_refused_age(__u64 slot, __u64 now)
{
	return (__u32)now - ((__u32)slot & ~SG_REFUSED_AGAIN);
}

/* Slot of this fingerprint, or -1. */
static __always_inline int sg_refused_find(const struct sg_refused_bucket *b, __u32 fingerprint)
{
	int found = -1;

	for (int i = 0; i < SG_REFUSED_SLOTS; i++)
		if (sg_slot_fingerprint(&b->slot[i]) == fingerprint)
			found = i;
	return found;
}

/* What sg_refused_look() finds. */
#define SG_REFUSED_BEFORE \
	0x1u /* it comes again, past its time as a new one, and not forgotten since */
#define SG_REFUSED_NOTED 0x2u /* one more refusal of it need not be noted, as of most */

/* Looks only. Returns SG_REFUSED_* flags. */
static __always_inline __u32 sg_refused_look(const struct sg_refused_bucket *b, __u32 fingerprint,
					     const struct sg_times *times, __u64 now)
{
	int i = sg_refused_find(b, fingerprint);
	__u64 slot;
	__u32 age;

	if (i < 0)
		return 0;
	slot = sg_read_once(b->slot[i]);
	age = sg_refused_age(slot, now);
	if (age > times->refused_forget)
		return 0;
	if (age > times->refused_new)
		return SG_REFUSED_BEFORE;
	return SG_REFUSED_NOTED | (slot & SG_REFUSED_AGAIN ? SG_REFUSED_BEFORE : 0);
}

/* The slot after one more refusal; the same when nothing need be written (most refusals). */
static __always_inline __u64 sg_refused_next(__u64 slot, __u32 fingerprint,
					     const struct sg_times *times, __u64 now)
{
	__u32 age = sg_refused_age(slot, now), ticks = (__u32)now & ~SG_REFUSED_AGAIN;

	if (!slot || age > times->refused_forget)
		return (__u64)fingerprint << 32 | ticks;
	if (age <= times->refused_new)
		return slot;
	return (__u64)fingerprint << 32 | ticks | SG_REFUSED_AGAIN;
}

/* Oldest of them, or an empty one. */
static __always_inline int sg_refused_victim(const struct sg_refused_bucket *b, __u64 now)
{
	__u32 most = 0;
	int victim = 0;

	for (int i = 0; i < SG_REFUSED_SLOTS; i++) {
		__u64 slot = sg_read_once(b->slot[i]);
		__u32 age = slot ? sg_refused_age(slot, now) : 0xffffffffu;

		if (age > most) {
			most = age;
			victim = i;
		}
	}
	return victim;
}

/* Note a refusal of an unknown source. Two CPUs at one slot: one note is lost, and is made at the next
 * refusal.
 */
static __always_inline void sg_refused_note(struct sg_refused_bucket *b, __u32 fingerprint,
					    const struct sg_times *times, __u64 now)
{
	int i = sg_refused_find(b, fingerprint);
	bool known = i >= 0;
	__u64 old, next;

	if (!known)
		i = sg_refused_victim(b, now);
	old = sg_read_once(b->slot[i]);
	next = sg_refused_next(known ? old : 0, fingerprint, times, now);
	if (next != old)
		__sync_val_compare_and_swap(&b->slot[i], old, next);
}

#endif
