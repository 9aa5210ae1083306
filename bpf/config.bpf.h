/* SPDX-License-Identifier: GPL-2.0-only */
/* Switches frozen at load. What an operator may change live is in the maps sg_live, sg_services. */
#ifndef SG_CONFIG_BPF_H
#define SG_CONFIG_BPF_H

#include "core/times.h"

/* The highest mode this load can do: code above it is dead and is removed by the verifier, so a
 * program loaded for observe has no instruction that drops or changes a packet.
 */
const volatile __u32 sg_highest_mode = SG_MODE_POLICE;

/* Constants of time in ticks of this kernel, divided by the time scale. */
const volatile struct sg_times sg_times = {};

/* Length of a tick, in ns. */
const volatile __u32 sg_tick_ns = 4000000;

/* A clock that tests set, in place of the kernel's. Off, as in every load of the daemon, the verifier
 * removes the branch.
 */
const volatile __u32 sg_test_clock = 0;
volatile struct sg_clock_call sg_test_time = {};

static __always_inline __u64 sg_now_ticks(void)
{
	return sg_test_clock ? sg_test_time.ticks : bpf_jiffies64();
}

static __always_inline __u64 sg_now_ns(void)
{
	return sg_test_clock ? sg_test_time.ktime_ns : bpf_ktime_get_ns();
}

/* Capacities of tables whose index is masked: powers of two. */
const volatile __u32 sg_conn_ring_mask = 16384 - 1;
const volatile __u32 sg_syn_bucket_mask = 65536 / 8 - 1;
const volatile __u32 sg_frame_mask = 4096 - 1;

/* The core takes pointers without qualifiers. The barrier hides where the pointer points: reading a
 * const object that is not volatile, clang takes the zeros written above for the truth.
 */
static __always_inline const struct sg_times *sg_times_loaded(void)
{
	const struct sg_times *times = (const struct sg_times *)&sg_times;

	asm volatile("" : "+r"(times));
	return times;
}
#define SG_TIMES sg_times_loaded()

#endif
