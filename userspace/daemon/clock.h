/* SPDX-License-Identifier: GPL-2.0-only */
/* The two clocks of the daemon, in nanoseconds. Pure modules get the time as an argument. */
#ifndef SG_DAEMON_CLOCK_H
#define SG_DAEMON_CLOCK_H

#include <time.h>
#include <linux/types.h>

#include "../util/units.h"

static inline __u64 sg_clock_ns(clockid_t clock)
{
	struct timespec ts = {0};

	clock_gettime(clock, &ts);
	return (__u64)ts.tv_sec * SG_NS_PER_S + ts.tv_nsec;
}

static inline __u64 sg_clock_monotonic_ns(void)
{
	return sg_clock_ns(CLOCK_MONOTONIC);
}

static inline __u64 sg_clock_realtime_ns(void)
{
	return sg_clock_ns(CLOCK_REALTIME);
}

/* A moment of the past, @measured_ns as the wall clock tells it now: @kept_ns, what was told before,
 * unless the clock was set since (a second apart). So it neither jitters nor lies. 0 = nothing told yet.
 */
static inline __u64 sg_clock_follow(__u64 kept_ns, __u64 measured_ns)
{
	__u64 apart = kept_ns > measured_ns ? kept_ns - measured_ns : measured_ns - kept_ns;

	return kept_ns && apart < SG_NS_PER_S ? kept_ns : measured_ns;
}

#endif
