/* SPDX-License-Identifier: GPL-2.0-only */
/* What counters grew by in the trailing minute. Pure; the time is an argument. */
#ifndef SG_DAEMON_MINUTE_H
#define SG_DAEMON_MINUTE_H

#include <linux/types.h>

#include "../../bpf/abi/scepguard_abi.h"

/* One sample a tick, at most 60 ticks a minute, and room for ticks that come early. */
#define SG_MINUTE_SAMPLES 80

struct sg_minute_counts {
	__u64 requests[SG_REQUEST_MAX_];
	__u64 verdicts[SG_PRIORITY_MAX_][SG_REASON_MAX_];
	__u64 counters[SG_COUNTER_MAX_];
};

/* All zero is empty. */
struct sg_minute {
	__u32 head, used;
	struct {
		__u64 at_ns;
		struct sg_minute_counts counts;
	} samples[SG_MINUTE_SAMPLES];
};

/* Add the counters' state at @now_ns and tell the growth since @span_ns before (or since the first
 * sample). A counter that fell (state was lost) counts from 0.
 */
void sg_minute_add(struct sg_minute *m, const struct sg_minute_counts *counts, __u64 now_ns,
		   __u64 span_ns, struct sg_minute_counts *growth);

#endif
