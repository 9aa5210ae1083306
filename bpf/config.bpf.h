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

/* Capacities of tables whose index is masked: powers of two. */
const volatile __u32 sg_conn_ring_mask = 16384 - 1;
const volatile __u32 sg_syn_bucket_mask = 65536 / 8 - 1;

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
