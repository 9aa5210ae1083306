/* SPDX-License-Identifier: GPL-2.0-only */
/* The simple mirror of the CA's own limit of new connections: how full its window is, what the
 * worst window was, and whether the count alone says that it has stopped listening. Pure: fed with
 * the dates of connections the CA answered (the actual book) and the time, both in ticks.
 *
 * What the CA counts and whether its window slides is not published; the mirror takes the stricter
 * reading, a sliding window over answered connections. What is observed (deafness) is not judged
 * here.
 */
#ifndef SG_IOS_MIRROR_H
#define SG_IOS_MIRROR_H

#include <stdbool.h>
#include <linux/types.h>

#include "../../bpf/abi/scepguard_abi.h"

/* The CA's own limit; connections = 0: it has none, and nothing is predicted. block_ticks = 0: it
 * does not stop listening.
 */
struct sg_mirror_limits {
	__u32 connections;
	__u64 window_ticks;
	__u64 block_ticks;
};

/* All zero is the start. */
struct sg_mirror {
	__u64 next;        /* number of the first date not yet read (counted like sg_actual.head) */
	__u64 tail;        /* dates from here on were inside the window at the last one read */
	__u64 last_date;   /* of the last one read */
	__u64 count_from;  /* the CA is taken to count anew after a block: from this date on */
	__u64 block_since; /* 0 = no block predicted yet */
	__u64 block_until;
	__u32 worst;    /* most in any window, ever */
	__u32 episodes; /* predicted blocks, ever */
};

/* Read the dates that came since the last call. Up to SG_PLACES between two calls are read exactly;
 * beyond that the data plane's own worst count stands in for what was overwritten.
 */
void sg_mirror_advance(struct sg_mirror *m, const struct sg_mirror_limits *limits,
		       const struct sg_actual *actual);

/* How many connections the CA answered in the window that ends at now. */
__u32 sg_mirror_used(const struct sg_actual *actual, __u64 window_ticks, __u64 now);

/* Does the count say that the CA does not listen at now? *remaining_ticks (may be NULL) is set
 * then.
 */
bool sg_mirror_blocked(const struct sg_mirror *m, __u64 now, __u64 *remaining_ticks);

#endif
