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

#endif
