/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses and prefixes. Every address is 16 bytes in network byte order; IPv4 is held
 * v4-mapped (::ffff:a.b.c.d, RFC 4291 2.5.5.2), so that one key type serves both families.
 */
#ifndef SG_UTIL_ADDR_H
#define SG_UTIL_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

struct sg_addr {
	__u8 b[16];
};

/* @bits counts from the front of the 16 bytes: an IPv4 /24 has bits = 96 + 24. */
struct sg_addr_prefix {
	struct sg_addr addr;
	__u8 bits;
};

#define SG_ADDR_V4_BITS 96 /* bits before the IPv4 part of a v4-mapped address */
#define SG_ADDR_TEXT    48 /* longest address as text, with its NUL */
#define SG_PREFIX_TEXT  52 /* the same with "/128" */
#define SG_LISTEN_TEXT  56 /* the same with brackets and ":65535" */

/* Parses "192.0.2.1" or "2001:db8::1"; no scope, no prefix length, nothing around it.
 * Returns 0 or -EINVAL.
 */
int sg_addr_parse(const char *text, struct sg_addr *ret);

/* Makes an address from an IPv4 address of 4 bytes (network byte order), or from one of 16. */
struct sg_addr sg_addr_from_v4(const void *be4);
struct sg_addr sg_addr_from_v6(const void *be16);

bool sg_addr_is_v4(const struct sg_addr *a);
bool sg_addr_equal(const struct sg_addr *a, const struct sg_addr *b);
/* memcmp order: IPv4 by value, sorted together. */
int sg_addr_compare(const struct sg_addr *a, const struct sg_addr *b);

/* May be the address of one host: not unspecified, not multicast, not broadcast. */
bool sg_addr_is_unicast(const struct sg_addr *a);
/* 127.0.0.0/8 or ::1. */
bool sg_addr_is_loopback(const struct sg_addr *a);

/* AF_INET or AF_INET6. */
int sg_addr_family(const struct sg_addr *a);
/* The 4 or 16 bytes of the address in its own family, inside @a. */
const void *sg_addr_bytes(const struct sg_addr *a);

/* Writes the address as people write it (IPv4 dotted) into @buf of SG_ADDR_TEXT; returns @buf. */
const char *sg_addr_format(const struct sg_addr *a, char buf[static SG_ADDR_TEXT]);

/* Parses "10.9.0.0/16" or "2001:db8::/32"; a bare address is a host prefix. Returns 0;
 * -EINVAL: not a prefix; -ERANGE: more bits than its family has; -EDOM: bits are set behind
 * the prefix length, @ret then holds the prefix with them cleared, to be shown.
 */
int sg_prefix_parse(const char *text, struct sg_addr_prefix *ret);
const char *sg_prefix_format(const struct sg_addr_prefix *p, char buf[static SG_PREFIX_TEXT]);
bool sg_prefix_contains(const struct sg_addr_prefix *p, const struct sg_addr *a);

/* Parses "127.0.0.1:9834" or "[::1]:9834"; @ret_port in host byte order, 1..65535.
 * Returns 0 or -EINVAL.
 */
int sg_addr_parse_listen(const char *text, struct sg_addr *ret, __u16 *ret_port);
const char *sg_addr_format_listen(const struct sg_addr *a, __u16 port,
				  char buf[static SG_LISTEN_TEXT]);

#endif
