/* SPDX-License-Identifier: GPL-2.0-only */
/* Rate of one source: generic cell rate algorithm on 32-bit ticks, and the set-associative table
 * that holds one theoretical arrival time a source. Why not an LRU hash: facts/bpf-costs.md, it
 * is 19 times dearer exactly when a spoofed flood overflows it.
 */
#ifndef SG_GCRA_H
#define SG_GCRA_H

#include <linux/types.h>
#include <stdbool.h>
#include "cursor.h"

/* May this source open another connection now? Looks only; sg_gcra_charge() takes.
 *
 * tat is the theoretical arrival time: the moment by which the source would have earned all it
 * was given. Invariant: tat <= now + burst * interval. A larger value is left over from a clock
 * that wrapped while a router was silent for months (32-bit ticks wrap after 50 to 497 days):
 * it counts as empty.
 */
static __always_inline bool sg_gcra_may(__u32 tat, __u32 interval, __u32 burst, __u32 now)
{
	__u32 ahead = tat - now;

	if (!interval || (__s32)ahead <= 0)
		return true;
	if (ahead > (__u64)(burst + 1) * interval)
		return true;
	return ahead + interval <= (__u64)burst * interval;
}

/* The arrival time after one more connection at `now`. Never more than burst intervals ahead, so
 * that charging past the limit (a lost race) cannot silence a source for longer.
 */
static __always_inline __u32 sg_gcra_charge(__u32 tat, __u32 interval, __u32 burst, __u32 now)
{
	__u32 ahead = tat - now;

	if ((__s32)ahead < 0 || ahead > (__u64)(burst + 1) * interval)
		ahead = 0;
	if (ahead + interval > (__u64)burst * interval)
		return now + burst * interval;
	return now + ahead + interval;
}

/* Keyed mixing of an address. Not a cipher: the key must stay secret, or an attacker picks
 * addresses that fall into one bucket (multiply-xorshift rounds; the multiplier is 2^64 / phi).
 */
static __always_inline __u64 sg_source_hash(const struct sg_ip *ip, const __u64 *key)
{
	const __u64 golden = 0x9e3779b97f4a7c15ull;
	__u64 h = ((__u64)ip->w[0] << 32 | ip->w[1]) ^ key[0];

	h = (h ^ (h >> 32)) * golden;
	h ^= ((__u64)ip->w[2] << 32 | ip->w[3]) ^ key[1];
	h = (h ^ (h >> 32)) * golden;
	h = (h ^ (h >> 29)) * golden;
	return h ^ (h >> 32);
}

/* Never 0: that marks an empty slot. */
static __always_inline __u32 sg_source_fingerprint(__u64 hash)
{
	return (__u32)(hash >> 32) | 1;
}

/* Upper half of a slot: in BPF read alone, which spares a shift for each slot looked at. */
static __always_inline __u32 sg_slot_fingerprint(const __u64 *slot)
{
#if defined(__bpf__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	typedef __u32 __attribute__((may_alias)) half;

	return ((const volatile half *)slot)[1];
#else
	return (__u32)(sg_read_once(*slot) >> 32);
#endif
}

/* Slot of this fingerprint, or -1. Two sources with one fingerprint in one bucket share a rate
 * (2^-31 for a pair): a limiter can bear that.
 */
static __always_inline int sg_bucket_find(const struct sg_syn_bucket *b, __u32 fingerprint)
{
	int found = -1;

	for (int i = 0; i < 8; i++)
		if (sg_slot_fingerprint(&b->slot[i]) == fingerprint)
			found = i;
	return found;
}

/* Empty slot, else the one whose arrival time lies furthest back. */
static __always_inline int sg_bucket_victim(const struct sg_syn_bucket *b, __u32 now)
{
	__u32 most = 0;
	int victim = 0;

	for (int i = 0; i < 8; i++) {
		__u64 slot = sg_read_once(b->slot[i]);
		__u32 age = slot ? now + 0x80000000u - (__u32)slot : 0xffffffffu;

		if (age > most) {
			most = age;
			victim = i;
		}
	}
	return victim;
}

/* Look: may the source with this fingerprint open another connection? Unknown sources may. */
static __always_inline bool sg_bucket_may(const struct sg_syn_bucket *b, __u32 fingerprint,
					  const struct sg_source_limits *lim, __u32 now)
{
	int i = sg_bucket_find(b, fingerprint);

	if (i < 0)
		return true;
	return sg_gcra_may((__u32)sg_read_once(b->slot[i & 7]), lim->interval_ticks, lim->burst,
			   now);
}

/* Does this slot still hold something: an arrival time that is ahead, and not left over from a wrap? */
static __always_inline bool sg_bucket_busy(__u64 slot, const struct sg_source_limits *lim,
					   __u32 now)
{
	__u32 ahead = (__u32)slot - now;

	return slot && (__s32)ahead > 0 && ahead <= (__u64)(lim->burst + 1) * lim->interval_ticks;
}

/* Take: charge the source. Returns true when a source that was still charged is displaced. Two CPUs
 * that charge one bucket at once: one compare-and-swap loses and one connection goes uncharged.
 */
static __always_inline bool sg_bucket_charge(struct sg_syn_bucket *b, __u32 fingerprint,
					     const struct sg_source_limits *lim, __u32 now)
{
	int i = sg_bucket_find(b, fingerprint);
	bool known = i >= 0;
	__u64 old;
	__u32 tat;

	if (!known)
		i = sg_bucket_victim(b, now);
	old = sg_read_once(b->slot[i & 7]);
	tat = sg_gcra_charge(known ? (__u32)old : now, lim->interval_ticks, lim->burst, now);
	__sync_val_compare_and_swap(&b->slot[i & 7], old, (__u64)fingerprint << 32 | tat);
	return !known && sg_bucket_busy(old, lim, now);
}

#endif
