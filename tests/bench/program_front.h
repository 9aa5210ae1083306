/* SPDX-License-Identifier: GPL-2.0-only */
/* What the front program and the harness agree on. */
#ifndef SG_BENCH_PROGRAM_FRONT_H
#define SG_BENCH_PROGRAM_FRONT_H

#include "program_vary.h"

#define FRONT_CPUS        8 /* a power of two */
#define FRONT_RESET_WORDS 32
#define FRONT_KEY_MAX     32

/* Words of a connection's entry that are written before every packet. The harness finds them by letting
 * the packet through once and comparing, so it need not know what they mean. All connections of a row
 * have the same sequence numbers, so the words of one serve them all.
 */
struct front_reset {
	__u8 key[FRONT_KEY_MAX] __attribute__((aligned(8)));
	__u32 source_off; /* of the word of the client's address that varies, in the key */
	__u32 count;      /* 0 = nothing is reset */
	__u32 index[FRONT_RESET_WORDS];
	__u64 value[FRONT_RESET_WORDS];
};

/* One CPU's cache line. */
struct front_count {
	__u64 packets;
	__u64 stamp_at[2]; /* before which packets to look at the clock (rows with warm) ... */
	__u64 stamp_ns[2]; /* ... and what it said */
	__u64 pad[3];
};

#endif
