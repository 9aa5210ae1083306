/* SPDX-License-Identifier: GPL-2.0-only */
/* What poll_time.bpf.c and poll_time.c share. */
#ifndef SG_LAB_POLL_TIME_H
#define SG_LAB_POLL_TIME_H

#include <linux/types.h>

/* Whose packets, and in whose process they were worked off: whom the scheduler charges. */
struct poll_key {
	__u32 netns_inum, ifindex, pid;
};

struct poll_sum {
	__u64 ns, packets, polls;
};

#endif
