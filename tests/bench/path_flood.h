/* SPDX-License-Identifier: GPL-2.0-only */
/* What path_flood.c and its BPF programs agree on. */
#ifndef PATH_FLOOD_H
#define PATH_FLOOD_H

#include <linux/types.h>

#define PATH_SOURCES4 0x64000000u /* spoofed sources begin at 100.0.0.0: room for 2^24 */
#define PATH_NET_RX   3 /* NET_RX_SOFTIRQ, enum in linux/interrupt.h, unchanged for years */

#define PATH_HEELS_NS 20000
/* No batch takes this long to send. */
#define PATH_BATCH_NS 100000

/* Ethernet, IPv4, TCP, four bytes of options. */
#define PATH_FRAME_BYTES (14 + 20 + 20 + 4)

/* What is sent: this frame, and the number of the next packet. */
struct path_plan {
	__u64 next;
	__u8 frame[PATH_FRAME_BYTES];
};

/* What one CPU has done since the program was loaded; times in ns. */
struct path_watch {
	__u64 sent, received;       /* packets; received: all sent before the last softirq ended */
	__u64 entered_ns;           /* ktime; 0 = not in a softirq that receives what was sent */
	__u64 last_ns;              /* ktime when the last such softirq ended */
	__u64 receive_ns, softirqs; /* sum of them */
	__u64 send_ns, send_count;  /* time between them, for so many packets */
};

#endif
