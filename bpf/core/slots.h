/* SPDX-License-Identifier: GPL-2.0-only */
/* The CA's connections at once, as leases: every connection the guard counts holds one, each with
 * an expiry, so that a lost FIN cannot keep a slot for ever. A refusal for want of slots looks at
 * one lease (a clock hand); an expired one is reclaimed. Taking and releasing happen under the
 * budget's lock; looking and extending do not.
 */
#ifndef SG_SLOTS_H
#define SG_SLOTS_H

#include <linux/types.h>
#include <stdbool.h>
#include "cursor.h"

/* Under the lock. Returns the lease's index, or SG_NO_LEASE when all SG_LEASES are taken. */
static __always_inline __u32 sg_lease_take(struct sg_budget *b, const struct sg_conn_key *key,
					   __u64 place, __u64 generation, __u64 expires)
{
	__u32 top = b->free_top, index;

	if (!top || top > SG_LEASES)
		return SG_NO_LEASE;
	index = b->free_leases[(top - 1) & (SG_LEASES - 1)] & (SG_LEASES - 1);
	b->free_top = top - 1;
	b->slots_used++;
	if (index >= b->leases_high)
		b->leases_high = index + 1;
	b->leases[index].key = *key;
	b->leases[index].place = place;
	b->leases[index].generation = generation;
	b->leases[index].expires = expires;
	b->leases[index].used = 1;
	return index;
}

/* Under the lock, by the one who took the index out of the connection (so once only). generation: of that
 * connection; a lease that went to another one since (the service's place was given to a new service)
 * is left alone.
 */
static __always_inline void sg_lease_release(struct sg_budget *b, __u32 index, __u64 generation)
{
	__u32 top = b->free_top;

	if (index >= SG_LEASES || !b->leases[index].used || top >= SG_LEASES ||
	    b->leases[index].generation != generation)
		return;
	b->leases[index].used = 0;
	b->free_leases[top & (SG_LEASES - 1)] = index;
	b->free_top = top + 1;
	if (b->slots_used)
		b->slots_used--;
}

/* Is this lease in use and past its time? */
static __always_inline bool sg_lease_expired(const struct sg_lease *lease, __u64 now)
{
	return lease->used && lease->expires < now;
}

/* The lease the clock hand points at. hand: any number. */
static __always_inline __u32 sg_lease_at_hand(const struct sg_budget *b, __u32 hand)
{
	__u32 high = sg_read_once(b->leases_high);

	return high ? (hand % high) & (SG_LEASES - 1) : 0;
}

/* Is this connection's time over? */
static __always_inline bool sg_conn_is_due(const struct sg_budget *b, const struct sg_service *svc,
					   const struct sg_conn *conn, __u64 now)
{
	const struct sg_lease *lease;

	if (conn->state == SG_CONN_CLOSED)
		return false;
	if (now > conn->opened + svc->life_ticks)
		return true;
	if (conn->lease >= SG_LEASES)
		return false;
	lease = &b->leases[conn->lease];
	return lease->generation == conn->generation && sg_lease_expired(lease, now);
}

/* When the lease of a connection in this state runs out: half-open ones after `syn` but not later
 * than `half_open` after they began, then as one whose client owes bytes of its request, then idle; never
 * beyond `life`.
 */
static __always_inline __u64 sg_lease_expiry(const struct sg_service *svc, __u64 half_open_ticks,
					     __u32 state, bool owed, __u64 opened, __u64 now)
{
	__u64 limit = opened + svc->life_ticks, expires;

	if (state == SG_CONN_SYN_SENT || state == SG_CONN_SYN_ACKED) {
		limit = opened + half_open_ticks;
		expires = now + svc->syn_ticks;
	} else {
		expires = now + (owed ? svc->request_ticks : svc->idle_ticks);
	}
	return expires < limit ? expires : limit;
}

#endif
