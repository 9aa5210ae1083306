/* SPDX-License-Identifier: GPL-2.0-only */
/* Bounds-checked reading of a frame. Nothing above this file compares a pointer with the end. */
#ifndef SG_CURSOR_H
#define SG_CURSOR_H

#include <linux/types.h>
#include <stdbool.h>
#include "../abi/scepguard_abi.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#define SG_ETH_P_IP         0x0800
#define SG_ETH_P_IPV6       0x86dd
#define SG_ETH_P_8021Q      0x8100
#define SG_ETH_P_8021AD     0x88a8

#define SG_IPPROTO_HOPOPTS  0
#define SG_IPPROTO_TCP      6
#define SG_IPPROTO_ROUTING  43
#define SG_IPPROTO_FRAGMENT 44
#define SG_IPPROTO_DSTOPTS  60

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define sg_htons(x) ((__be16)__builtin_bswap16(x))
#define sg_htonl(x) ((__be32)__builtin_bswap32(x))
#else
#define sg_htons(x) ((__be16)(x))
#define sg_htonl(x) ((__be32)(x))
#endif
#define sg_ntohs(x) ((__u16)sg_htons(x))
#define sg_ntohl(x) ((__u32)sg_htonl(x))

struct sg_cursor {
	const __u8 *start, *pos, *end;
};

/* The next n bytes without advancing, or NULL when fewer are left. */
static __always_inline const void *sg_cursor_peek(const struct sg_cursor *cur, __u32 n)
{
	const __u8 *p = cur->pos;

	if (p + n > cur->end)
		return 0;
	return p;
}

/* The next n bytes, advancing past them, or NULL (then nothing moves). */
static __always_inline const void *sg_cursor_take(struct sg_cursor *cur, __u32 n)
{
	const void *p = sg_cursor_peek(cur, n);

	if (p)
		cur->pos += n;
	return p;
}

static __always_inline __u32 sg_cursor_offset(const struct sg_cursor *cur)
{
	return (__u32)(cur->pos - cur->start);
}

static __always_inline __u32 sg_cursor_left(const struct sg_cursor *cur)
{
	return (__u32)(cur->end - cur->pos);
}

static __always_inline bool sg_is_vlan(__be16 type)
{
	return type == sg_htons(SG_ETH_P_8021Q) || type == sg_htons(SG_ETH_P_8021AD);
}

static __always_inline struct sg_ip sg_ip_from_v4(__be32 v4)
{
	return (struct sg_ip){{0, 0, sg_htonl(0xffff), v4}};
}

static __always_inline bool sg_ip_is_v4(const struct sg_ip *ip)
{
	return !ip->w[0] && !ip->w[1] && ip->w[2] == sg_htonl(0xffff);
}

static __always_inline bool sg_ip_equal(const struct sg_ip *a, const struct sg_ip *b)
{
	return !((a->w[0] ^ b->w[0]) | (a->w[1] ^ b->w[1]) | (a->w[2] ^ b->w[2]) |
		 (a->w[3] ^ b->w[3]));
}

/* A plain load that the compiler must neither repeat nor merge: of a value that another CPU may be
 * changing.
 */
#define sg_read_once(x) (*(const volatile __typeof__(x) *)&(x))

#endif
