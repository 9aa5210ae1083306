/* SPDX-License-Identifier: GPL-2.0-only */
/* The packet at hand of the native twin, with the room around it that the kernel would give. */
#ifndef SG_TWIN_PACKET_H
#define SG_TWIN_PACKET_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <stddef.h>

/* ctx becomes the packet; what is around it cannot be touched. Ends the process if it is too long. */
void twin_packet_begin(struct xdp_md *ctx, const __u8 *frame, size_t len);

/* What it is now, into frame (TWIN_FRAME_ROOM). Returns its length. */
size_t twin_packet_end(const struct xdp_md *ctx, __u8 *frame);

/* bpf_xdp_load_bytes() and its like: 0 or negative errno. */
long twin_packet_load(const struct xdp_md *ctx, __u32 offset, void *to, __u32 len);
long twin_packet_store(const struct xdp_md *ctx, __u32 offset, const void *from, __u32 len);
long twin_packet_head(struct xdp_md *ctx, int delta);
long twin_packet_tail(struct xdp_md *ctx, int delta);

#endif
