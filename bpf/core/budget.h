/* SPDX-License-Identifier: GPL-2.0-only */
/* One service's budget: may an attempt of this priority have a place in the window and a slot? One
 * code for the XDP program, the syscall program (the daemon's own connections) and the tests.
 *
 * sg_budget_look() only reads, so a flood that is refused writes nothing. sg_budget_take() runs
 * under the lock, looks again (another CPU may have taken what was free) and takes.
 */
#ifndef SG_BUDGET_H
#define SG_BUDGET_H

#include <linux/types.h>
#include <stdbool.h>
#include "cursor.h"
#include "times.h"
#include "window.h"
#include "slots.h"
#include "deaf.h"

/* An attempt that asks for a place. */
struct sg_ask {
	struct sg_conn_key key;
	__u64 now;
	__u64 generation;
	__u64 police_since; /* when police began, for the first `life` of it */
	__u32 priority;     /* enum sg_priority */
	/* True in police. In observe the CA's real state is not heeded: police would have prevented it. */
	bool police;
	bool spread; /* intercept: its class may use what it has to keep free, spread evenly over the window */
};

/* What an attempt was given. reason says whether at all. */
struct sg_grant {
	__u64 place;
	__u32 lease;
	__u32 reason; /* enum sg_reason */
};

/* Did the CA answer n connections within the window? Implied by the ring for connections that were
 * admitted; this also counts those that came before police, or past the guard.
 */
static __always_inline bool sg_actual_full(const struct sg_actual *a, __u32 n, __u64 window,
					   __u64 now)
{
	__u64 date = sg_read_once(a->dates[(sg_read_once(a->head) - n) & (SG_PLACES - 1)]);

	return date && date + window > now;
}

/* The window limit in force now: a raised one counts only from next_from on. */
static __always_inline struct sg_window_limit sg_budget_window(const struct sg_service *svc,
							       __u64 now)
{
	return now >= svc->next_from ? svc->next_window : svc->window;
}

/* How many of n a priority may use: its reserve stays free. Never none of them, however small n is: a
 * reserve puts a class behind the others, it does not shut it out.
 */
static __always_inline __u32 sg_budget_share(__u32 n, __u32 reserve_permille)
{
	__u32 share = (__u32)((__u64)n * (1000 - reserve_permille) / 1000);

	return share ? share : 1;
}

static __always_inline bool sg_budget_asks(const struct sg_budget *b, __u32 priority,
					   const struct sg_times *times, __u64 now)
{
	__u64 asked = sg_read_once(b->asked[priority]);

	return asked && now - asked <= times->asked_recent;
}

/* Whose turn is it? Of the places below enrolment one in ten goes to the lowest class that asks.
 * Returns that priority, or SG_PRIORITY_MAX_ when it is nobody's turn.
 */
static __always_inline __u32 sg_budget_turn(const struct sg_budget *b, const struct sg_times *times,
					    __u32 asking, __u64 now)
{
	if (sg_read_once(b->below_enrolment) % 10 != 9)
		return SG_PRIORITY_MAX_;
	if (asking == SG_PRIORITY_OTHER || sg_budget_asks(b, SG_PRIORITY_OTHER, times, now))
		return SG_PRIORITY_OTHER;
	if (asking == SG_PRIORITY_ROLLOVER || sg_budget_asks(b, SG_PRIORITY_ROLLOVER, times, now))
		return SG_PRIORITY_ROLLOVER;
	return SG_PRIORITY_MAX_;
}

/* Deaf, or just becoming so? SG_REASON_ADMITTED = listens, _FEELER = one may try, _CA_DEAF = no. */
static __always_inline __u32 sg_budget_hears(const struct sg_budget *b,
					     const struct sg_service *svc,
					     const struct sg_times *times, __u64 now)
{
	const struct sg_deaf *d = &b->deaf;

	/* Silent for longer than any block: absent, or its answers take another way. Holding SYNs back would
	 * then help nobody, and lock everybody out.
	 */
	if (sg_read_once(d->since) &&
	    now > d->last_answer + times->answered_recent + svc->block_ticks)
		return SG_REASON_ADMITTED;
	if (sg_read_once(d->since))
		return now >= sg_read_once(d->next_feeler) ? SG_REASON_FEELER : SG_REASON_CA_DEAF;
	return sg_deaf_due(d, svc, times->answered_recent, now) ? SG_REASON_CA_DEAF
								: SG_REASON_ADMITTED;
}

static __always_inline __u32 sg_budget_look_window(const struct sg_budget *b,
						   const struct sg_service *svc, __u32 permille,
						   const struct sg_ask *ask)
{
	__u64 now = ask->now;
	struct sg_window_limit limit = sg_budget_window(svc, now);
	__u32 n = limit.connections < SG_PLACES ? limit.connections : SG_PLACES - 1, share;
	enum sg_window_look look;
	__u64 head = sg_read_once(b->head);

	if (!n)
		return SG_REASON_ADMITTED;
	if (ask->police && sg_actual_full(&b->actual, n, limit.ticks, now))
		return SG_REASON_WINDOW;
	look = sg_window_look(b->places, head, n, limit.ticks, now, svc->syn_ticks);
	if (look != SG_WINDOW_FREE)
		return look == SG_WINDOW_YOUNG ? SG_REASON_WINDOW : SG_REASON_WINDOW_UNSETTLED;
	/* Checked in addition to N: one check alone let 90 through in a simulation with late places. */
	share = sg_budget_share(sg_deaf_window(&b->deaf, n, now), permille);
	look = sg_window_look(b->places, head, share, limit.ticks, now, svc->syn_ticks);
	if (look == SG_WINDOW_FREE)
		return SG_REASON_ADMITTED;
	return look == SG_WINDOW_YOUNG ? SG_REASON_WINDOW_RESERVED : SG_REASON_WINDOW_UNSETTLED;
}

/* A class that may go into its reserve does so spread evenly over the window: else it would use it up in one go, and who
 * is better had to wait until that has aged. Is this priority ahead of its pace? One more than is due may go, so that a
 * late look loses no place.
 */
static __always_inline bool sg_budget_ahead(const struct sg_budget *b, const struct sg_service *svc,
					    __u32 priority, __u64 now)
{
	struct sg_window_limit limit = sg_budget_window(svc, now);

	return limit.connections &&
	       sg_read_once(b->paced_due[priority]) > now + limit.ticks / limit.connections;
}

static __always_inline void sg_budget_pace(struct sg_budget *b, const struct sg_service *svc,
					   __u32 priority, __u64 now)
{
	struct sg_window_limit limit = sg_budget_window(svc, now);
	__u64 *due = &b->paced_due[priority < SG_PRIORITY_MAX_ ? priority : SG_PRIORITY_OTHER];

	if (!limit.connections)
		return;
	if (*due < now)
		*due = now;
	*due += limit.ticks / limit.connections;
}

static __always_inline __u32 sg_budget_look_slots(const struct sg_budget *b,
						  const struct sg_service *svc, __u32 permille,
						  const struct sg_ask *ask)
{
	__u32 used = sg_read_once(b->slots_used);
	__s32 open = sg_read_once(b->actual.open);

	/* Shortly after observe, connections are open that hold no lease. */
	if (ask->police && ask->now < ask->police_since + svc->life_ticks && open > (__s32)used)
		used = open;
	if (!svc->slots)
		return SG_REASON_ADMITTED;
	if (used >= svc->slots)
		return SG_REASON_SLOTS;
	return used >= sg_budget_share(svc->slots, permille) ? SG_REASON_SLOTS_RESERVED
							     : SG_REASON_ADMITTED;
}

/* May this attempt be admitted? Reads only. Returns a reason; its verdict says whether. */
static __always_inline __u32 sg_budget_look(const struct sg_budget *b, const struct sg_service *svc,
					    const struct sg_times *times, const struct sg_ask *ask)
{
	__u32 priority = ask->priority < SG_PRIORITY_MAX_ ? ask->priority : SG_PRIORITY_OTHER;
	bool spread = ask->spread && !sg_budget_ahead(b, svc, priority, ask->now);
	__u32 permille = svc->reserve_permille[spread ? SG_PRIORITY_ENROLMENT : priority];
	__u32 granted = SG_REASON_ADMITTED, turn, refused;

	if (ask->police) {
		granted = sg_budget_hears(b, svc, times, ask->now);
		if (granted == SG_REASON_CA_DEAF)
			return granted;
	}
	if (priority >= SG_PRIORITY_BOOTSTRAP) {
		turn = sg_budget_turn(b, times, priority, ask->now);
		if (turn == priority) {
			if (!spread)
				permille = svc->reserve_permille[SG_PRIORITY_BOOTSTRAP];
			granted = granted == SG_REASON_FEELER ? granted : SG_REASON_LOWEST_TURN;
		} else if (turn != SG_PRIORITY_MAX_) {
			return SG_REASON_OTHER_TURN;
		}
	}
	/* Thousands at once: not even what is free. */
	if (ask->spread && !spread && priority == SG_PRIORITY_ROLLOVER)
		return SG_REASON_WINDOW_RESERVED;
	refused = sg_budget_look_slots(b, svc, permille, ask);
	if (refused != SG_REASON_ADMITTED)
		return refused;
	refused = sg_budget_look_window(b, svc, permille, ask);
	return refused != SG_REASON_ADMITTED ? refused : granted;
}

static __always_inline bool sg_reason_admits(__u32 reason)
{
	return reason == SG_REASON_ADMITTED || reason == SG_REASON_FEELER ||
	       reason == SG_REASON_LOWEST_TURN;
}

/* Under the lock: look again and take. Cannot fail for want of a lease unless SG_LEASES are gone,
 * which counts as no slot.
 */
static __always_inline void sg_budget_take(struct sg_budget *b, const struct sg_service *svc,
					   const struct sg_times *times, const struct sg_ask *ask,
					   struct sg_grant *grant)
{
	__u64 number = b->head;
	__u32 lease;

	grant->reason = sg_budget_look(b, svc, times, ask);
	if (!sg_reason_admits(grant->reason))
		return;
	lease = sg_lease_take(b, &ask->key, number, ask->generation, ask->now + svc->syn_ticks);
	if (lease == SG_NO_LEASE) {
		grant->reason = SG_REASON_SLOTS;
		return;
	}
	b->head = number + 1;
	b->places[number & (SG_PLACES - 1)] = sg_place_word(ask->now, number, 0);
	b->place_lease[number & (SG_PLACES - 1)] = lease;
	if (ask->priority >= SG_PRIORITY_BOOTSTRAP)
		b->below_enrolment++;
	if (grant->reason == SG_REASON_FEELER)
		b->deaf.next_feeler = ask->now + svc->block_ticks;
	if (ask->spread)
		sg_budget_pace(b, svc, ask->priority, ask->now);
	grant->place = number;
	grant->lease = lease;
}

/* A place that an admission may be waiting for: the one `connections` back, or that of a priority's share.
 * Each refusal looks at another one (hand: any number), so that an unsettled place of a share is found
 * too when nobody is admitted.
 */
static __always_inline __u64 sg_budget_awaited(const struct sg_budget *b,
					       const struct sg_service *svc, __u32 n, __u32 hand,
					       __u64 now)
{
	__u32 priority = hand & 7;

	if (priority > SG_PRIORITY_IN_PROGRESS && priority < SG_PRIORITY_MAX_)
		n = sg_budget_share(sg_deaf_window(&b->deaf, n, now),
				    svc->reserve_permille[priority]);
	return sg_read_once(b->head) - n;
}

/* A packet by which the CA may end this connection's handshake only now: has its place let another one in, or
 * is the time for a handshake over? Then it must not go on.
 */
static __always_inline bool sg_budget_too_late(const struct sg_budget *b,
					       const struct sg_service *svc,
					       const struct sg_times *times,
					       const struct sg_conn *conn, __u64 now)
{
	__u32 n = sg_budget_window(svc, now).connections;

	if (!n || n >= SG_PLACES || conn->place == SG_NO_PLACE || !sg_conn_unproven(conn))
		return false;
	return now > conn->opened + times->half_open ||
	       sg_place_spent(b->places, sg_read_once(b->head), conn->place, n);
}

/* The FIFO rule for one place: has it been overtaken? */
static __always_inline bool sg_budget_overtaken(const struct sg_budget *b,
						const struct sg_service *svc, __u64 number,
						__u64 now)
{
	return sg_place_overtaken(sg_read_once(b->places[number & (SG_PLACES - 1)]),
				  b->answered_handshake, sg_budget_window(svc, now).ticks);
}

/* Which lease to look at after a refusal: for want of slots, the CA's or the source's own, the one at the
 * clock hand; for an unsettled place that of a place's connection. SG_NO_LEASE: none.
 */
static __always_inline __u32 sg_budget_suspect(struct sg_budget *b, const struct sg_service *svc,
					       __u32 reason, __u64 now)
{
	struct sg_window_limit limit = sg_budget_window(svc, now);
	__u64 number;

	if (reason == SG_REASON_SLOTS || reason == SG_REASON_SLOTS_RESERVED ||
	    reason == SG_REASON_SOURCE_CONNECTIONS)
		return sg_lease_at_hand(b, b->lease_hand++);
	if (reason != SG_REASON_WINDOW_UNSETTLED || !limit.connections)
		return SG_NO_LEASE;
	number = sg_budget_awaited(b, svc, limit.connections, b->lease_hand++, now);
	return b->place_lease[number & (SG_PLACES - 1)] & (SG_LEASES - 1);
}

/* The actual book: one more connection that the CA answered. Amortised: each call lets at most four
 * old dates go, so after a pause the count comes down late; it never rises above the true worst.
 */
static __always_inline void sg_actual_open(struct sg_actual *a, __u64 window, __u64 now)
{
	__u64 head = a->head, tail = a->tail;
	__s32 open;

	a->dates[head & (SG_PLACES - 1)] = now;
	a->head = ++head;
	for (int i = 0; i < 4 && tail < head && a->dates[tail & (SG_PLACES - 1)] + window <= now;
	     i++)
		tail++;
	if (head - tail > SG_PLACES)
		tail = head - SG_PLACES;
	a->tail = tail;
	if (head - tail > a->worst)
		a->worst = head - tail;
	open = __sync_fetch_and_add(&a->open, 1) + 1;
	if (open > 0 && (__u32)open > a->open_peak)
		a->open_peak = open;
}

#ifndef __bpf__
/* Native only: an empty budget of a guard that starts while traffic may be flowing. The window
 * counts as a third used (DESIGN 4, "Cold start"); connections: the guard's own cap, may be 0.
 */
static inline void sg_budget_init(struct sg_budget *b, __u32 connections, __u64 now)
{
	__builtin_memset(b, 0, sizeof(*b));
	b->head = SG_PLACES;
	for (__u32 i = 0; i < SG_PLACES; i++) {
		bool recent = SG_PLACES - i <= connections / 3;

		b->places[i] =
			sg_place_word(recent ? now : 0, i, SG_PLACE_SETTLED | SG_PLACE_FINAL);
	}
	b->free_top = SG_LEASES;
	for (__u32 i = 0; i < SG_LEASES; i++)
		b->free_leases[i] = SG_LEASES - 1 - i;
}
#endif

#endif
