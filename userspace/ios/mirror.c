// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>

#include "mirror.h"

/* Dates are written without a lock: a slot may still hold what it held a round ago, or two may be
 * swapped. Taken as not older than the one before, each is wrong by a moment at most.
 */
static __u64 date_at(const struct sg_actual *actual, __u64 number, __u64 not_before)
{
	__u64 date = actual->dates[number & (SG_PLACES - 1)];

	return date > not_before ? date : not_before;
}

/* The data plane started anew: its numbers begin at 0 again. What was ever found stays. */
static void start_over(struct sg_mirror *m)
{
	*m = (struct sg_mirror){.worst = m->worst, .episodes = m->episodes};
}

static void begin_block(struct sg_mirror *m, const struct sg_mirror_limits *limits, __u64 date)
{
	m->block_since = date;
	m->block_until = date + limits->block_ticks;
	m->count_from = m->next;
	m->episodes++;
}

/* One more connection, dated @date; m->next is already behind it. */
static void count_one(struct sg_mirror *m, const struct sg_mirror_limits *limits,
		      const struct sg_actual *actual, __u64 date)
{
	__u64 from;

	while (m->tail < m->next - 1 &&
	       actual->dates[m->tail & (SG_PLACES - 1)] + limits->window_ticks <= date)
		m->tail++;
	if (m->next - m->tail > SG_PLACES)
		m->tail = m->next - SG_PLACES;
	if (m->next - m->tail > m->worst)
		m->worst = m->next - m->tail;
	from = m->tail > m->count_from ? m->tail : m->count_from;
	if (limits->block_ticks && date >= m->block_until && m->next - from >= limits->connections)
		begin_block(m, limits, date);
}

void sg_mirror_advance(struct sg_mirror *m, const struct sg_mirror_limits *limits,
		       const struct sg_actual *actual)
{
	if (actual->head < m->next)
		start_over(m);
	if (actual->head - m->next > SG_PLACES) {
		m->next = actual->head - SG_PLACES;
		m->tail = m->next;
		if (actual->worst > m->worst)
			m->worst = actual->worst;
	}
	while (m->next < actual->head) {
		__u64 date = date_at(actual, m->next, m->last_date);

		m->next++;
		m->last_date = date;
		if (limits->connections && limits->window_ticks)
			count_one(m, limits, actual, date);
	}
}

__u32 sg_mirror_used(const struct sg_actual *actual, __u64 window_ticks, __u64 now)
{
	__u64 oldest = actual->head > SG_PLACES ? actual->head - SG_PLACES : 0;
	__u32 used = 0;

	for (__u64 n = actual->head; n > oldest; n--) {
		if (actual->dates[(n - 1) & (SG_PLACES - 1)] + window_ticks <= now)
			break;
		used++;
	}
	return used;
}

bool sg_mirror_blocked(const struct sg_mirror *m, __u64 now, __u64 *remaining_ticks)
{
	if (!m->block_since || now >= m->block_until)
		return false;
	if (remaining_ticks)
		*remaining_ticks = m->block_until - now;
	return true;
}
