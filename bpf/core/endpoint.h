/* SPDX-License-Identifier: GPL-2.0-only */
/* Where an endpoint stands in sg_endpoints. The daemon searches a seed for which no two endpoints
 * share a slot, so the program needs one look and one comparison.
 */
#ifndef SG_ENDPOINT_H
#define SG_ENDPOINT_H

#include "cursor.h"

/* Slot within a half, 0..SG_ENDPOINT_SLOTS-1. */
static __always_inline __u32 sg_endpoint_slot(const struct sg_ip *ip, __be16 port, __u32 seed)
{
	__u64 x = ((__u64)(ip->w[0] ^ ip->w[2]) << 32) + (ip->w[1] ^ ip->w[3]);

	x ^= (__u64)port << 20;
	x = (x ^ seed) * 0x9e3779b97f4a7c15ull;
	return (__u32)(x >> 54) & (SG_ENDPOINT_SLOTS - 1);
}

static __always_inline bool sg_endpoint_is(const struct sg_endpoint *ep, const struct sg_ip *ip,
					   __be16 port)
{
	return ep->used && ep->port == port && sg_ip_equal(&ep->ip, ip);
}

/* A port's bit in sg_live.ports. */
static __always_inline __u64 sg_port_bit(__be16 port)
{
	return 1ull << ((__u16)(port * 0x9e37u) >> 10);
}

/* The mode in force: a trial ends by itself, with the daemon dead or alive. */
static __always_inline __u32 sg_mode_now(__u64 word, __u64 now)
{
	__u64 until = word >> 8;

	return until && now >= until ? (word >> 4) & 0xf : word & 0xf;
}

#endif
