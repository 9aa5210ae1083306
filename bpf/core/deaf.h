/* SPDX-License-Identifier: GPL-2.0-only */
/* Is the CA deaf? SYNs unanswered while it answered shortly before. Nothing is then forwarded for
 * `block` + 1 s, then one feeler at a time; the first SYN-ACK ends it, and half the window holds
 * for one window. Works without daemon. Counters are changed without lock by the CPU of each
 * side: a lost increment delays the finding by one SYN.
 */
#ifndef SG_DEAF_H
#define SG_DEAF_H

#include <linux/types.h>
#include <stdbool.h>
#include "cursor.h"
#include "times.h"

/* A SYN (first or resent) was forwarded at now. */
static __always_inline void sg_deaf_syn(struct sg_deaf *d, __u64 now)
{
	if (!d->unanswered)
		d->first_unanswered = now;
	d->unanswered++;
}

/* Does silence now mean deafness? Signed: a CPU that was held up compares an old `now` with what another
 * one has just written.
 */
static __always_inline bool sg_deaf_due(const struct sg_deaf *d, const struct sg_service *svc,
					__u64 answered_recent_ticks, __u64 now)
{
	return svc->deaf_unanswered && d->unanswered >= svc->deaf_unanswered &&
	       (__s64)(now - d->first_unanswered) >= (__s64)svc->deaf_within_ticks &&
	       d->last_answer && d->first_unanswered - d->last_answer <= answered_recent_ticks;
}

/* Deafness begins, dated back to the first unanswered SYN; the first feeler goes `block` later. */
static __always_inline void sg_deaf_begin(struct sg_deaf *d, const struct sg_service *svc,
					  __u64 now)
{
	d->since = d->first_unanswered;
	d->next_feeler = now + svc->block_ticks;
	d->episodes++;
}

/* A SYN-ACK (or an RST to a SYN: it listens to SYNs) came from the CA. Returns true when it ends a
 * deafness.
 */
static __always_inline bool sg_deaf_answer(struct sg_deaf *d, const struct sg_service *svc,
					   __u64 now)
{
	bool was = d->since != 0;

	d->unanswered = 0;
	d->last_answer = now;
	if (was) {
		d->deaf_ticks += now - d->since;
		d->since = 0;
		d->resume_until = now + svc->window.ticks;
	}
	return was;
}

/* Connections per window that count now: half of it for one window after a deafness. */
static __always_inline __u32 sg_deaf_window(const struct sg_deaf *d, __u32 connections, __u64 now)
{
	if (now >= d->resume_until || connections < 2)
		return connections;
	return connections / 2;
}

#endif
