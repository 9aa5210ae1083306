/* SPDX-License-Identifier: GPL-2.0-only */
/* A bare TCP RST as a whole Ethernet frame, as if it had come in along a path the guard has seen.
 * Pure.
 */
#ifndef SG_DAEMON_FRAME_H
#define SG_DAEMON_FRAME_H

#include <stddef.h>
#include <linux/types.h>

#include "../../bpf/abi/scepguard_abi.h"

/* 14 Ethernet, 4 VLAN tags, 40 IPv6, 20 TCP. */
#define SG_FRAME_RST_MAX (14 + 4 * SG_VLAN_MAX + 40 + 20)

struct sg_frame_rst_spec {
	const struct sg_path *path; /* its MAC addresses and VLAN tags are used as they came in */
	__u8 family;                /* 4 or 6 */
	struct sg_ip src, dst;
	__be16 sport, dport;
	__u32 seq; /* must be what the receiver expects next (RFC 5961, 3.2) */
};

/* Writes the frame with correct checksums. Returns its length, or 0 when the path or family cannot
 * be used.
 */
size_t sg_frame_rst_build(const struct sg_frame_rst_spec *spec,
			  __u8 frame[static SG_FRAME_RST_MAX]);

#endif
