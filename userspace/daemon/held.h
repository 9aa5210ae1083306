/* SPDX-License-Identifier: GPL-2.0-only */
/* Who waits for a turn, as status and explain tell it: a reader of the turnkeeper's notes and of the frames they are
 * about. Pure but for those frames, which the program may change at any moment.
 */
#ifndef SG_DAEMON_HELD_H
#define SG_DAEMON_HELD_H

#include <stdbool.h>
#include <linux/types.h>

#include "turns.h"

/* A held request. Times in ticks. */
struct sg_held {
	struct sg_conn_key key;
	__u64 since, deadline;
	__u32 place; /* in its service's order, from 1; 0 = it has its turn */
	__u8 priority;
	__u8 request_class;
};

/* Longest wait of each service and priority, in ticks; 0 = nobody waits. */
struct sg_held_waits {
	__u64 longest[SG_SERVICES][SG_PRIORITY_MAX_];
};

void sg_held_look(const struct sg_turns *t, __u64 now, struct sg_held_waits *ret);

/* Requests of one client for one service, in their order (those that have their turn first). Returns how many were
 * written, @max at most: then those noted first.
 */
__u32 sg_held_of(const struct sg_turns *t, const struct sg_ip *client, __u32 service,
		 struct sg_held *ret, __u32 max);

#endif
