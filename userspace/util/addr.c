// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "units.h"

static const __u8 v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct sg_addr sg_addr_from_v4(const void *be4)
{
	struct sg_addr a;

	memcpy(a.b, v4_mapped, sizeof(v4_mapped));
	memcpy(a.b + 12, be4, 4);
	return a;
}

struct sg_addr sg_addr_from_v6(const void *be16)
{
	struct sg_addr a;

	memcpy(a.b, be16, sizeof(a.b));
	return a;
}

int sg_addr_parse(const char *text, struct sg_addr *ret)
{
	__u8 bytes[16];

	if (inet_pton(AF_INET, text, bytes) == 1) {
		*ret = sg_addr_from_v4(bytes);
		return 0;
	}
	if (inet_pton(AF_INET6, text, bytes) == 1) {
		*ret = sg_addr_from_v6(bytes);
		return 0;
	}
	return -EINVAL;
}

bool sg_addr_is_v4(const struct sg_addr *a)
{
	return !memcmp(a->b, v4_mapped, sizeof(v4_mapped));
}

bool sg_addr_equal(const struct sg_addr *a, const struct sg_addr *b)
{
	return !memcmp(a->b, b->b, sizeof(a->b));
}

int sg_addr_compare(const struct sg_addr *a, const struct sg_addr *b)
{
	return memcmp(a->b, b->b, sizeof(a->b));
}

bool sg_addr_is_unicast(const struct sg_addr *a)
{
	static const struct sg_addr unspecified;

	if (sg_addr_is_v4(a)) /* 0.0.0.0/8 is "this network" (RFC 1122), 224.0.0.0 on: class D, E */
		return a->b[12] != 0 && a->b[12] < 224;
	return a->b[0] != 0xff && !sg_addr_equal(a, &unspecified);
}

bool sg_addr_is_loopback(const struct sg_addr *a)
{
	static const struct sg_addr v6_loopback = {{[15] = 1}};

	if (sg_addr_is_v4(a))
		return a->b[12] == 127;
	return sg_addr_equal(a, &v6_loopback);
}

int sg_addr_family(const struct sg_addr *a)
{
	return sg_addr_is_v4(a) ? AF_INET : AF_INET6;
}

const void *sg_addr_bytes(const struct sg_addr *a)
{
	return sg_addr_is_v4(a) ? a->b + 12 : a->b;
}

const char *sg_addr_format(const struct sg_addr *a, char buf[static SG_ADDR_TEXT])
{
	if (!inet_ntop(sg_addr_family(a), sg_addr_bytes(a), buf, SG_ADDR_TEXT))
		buf[0] = '\0'; /* cannot happen: the buffer is large enough */
	return buf;
}

/* Clears the bits behind the prefix; tells whether any was set. */
static bool clear_host_bits(struct sg_addr_prefix *p)
{
	bool changed = false;

	for (unsigned int bit = p->bits; bit < 128; bit++) {
		__u8 mask = 0x80 >> bit % 8;

		changed |= p->addr.b[bit / 8] & mask;
		p->addr.b[bit / 8] &= (__u8)~mask;
	}
	return changed;
}

int sg_prefix_parse(const char *text, struct sg_addr_prefix *ret)
{
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	struct sg_addr_prefix p = {.bits = 128};
	char addr[SG_ADDR_TEXT];
	unsigned int before;
	bool host_bits;
	__u64 bits;

	if (len >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, len);
	addr[len] = '\0';
	if (sg_addr_parse(addr, &p.addr))
		return -EINVAL;
	/* "::ffff:10.0.0.0/112" counts its bits as IPv6 although the address is IPv4. */
	before = sg_addr_is_v4(&p.addr) && !strchr(addr, ':') ? SG_ADDR_V4_BITS : 0;
	if (slash) {
		if (sg_count_parse(slash + 1, &bits))
			return -EINVAL;
		if (bits > 128 - before)
			return -ERANGE;
		p.bits = (__u8)(before + bits);
	}
	host_bits = clear_host_bits(&p);
	*ret = p;
	return host_bits ? -EDOM : 0;
}

const char *sg_prefix_format(const struct sg_addr_prefix *p, char buf[static SG_PREFIX_TEXT])
{
	bool v4 = sg_addr_is_v4(&p->addr) && p->bits >= SG_ADDR_V4_BITS;
	char addr[SG_ADDR_TEXT];

	if (v4)
		sg_addr_format(&p->addr, addr);
	else
		inet_ntop(AF_INET6, p->addr.b, addr, sizeof(addr));
	snprintf(buf, SG_PREFIX_TEXT, "%s/%u", addr, v4 ? p->bits - SG_ADDR_V4_BITS : p->bits);
	return buf;
}

bool sg_prefix_contains(const struct sg_addr_prefix *p, const struct sg_addr *a)
{
	struct sg_addr_prefix of_a = {.addr = *a, .bits = p->bits};

	clear_host_bits(&of_a);
	return sg_addr_equal(&of_a.addr, &p->addr);
}

int sg_addr_parse_listen(const char *text, struct sg_addr *ret, __u16 *ret_port)
{
	const char *colon = strrchr(text, ':');
	char addr[SG_ADDR_TEXT];
	struct sg_addr a;
	size_t len;
	__u64 port;
	int err;

	if (!colon || sg_count_parse(colon + 1, &port) || port < 1 || port > 65535)
		return -EINVAL;
	len = (size_t)(colon - text);
	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	} else if (memchr(text, ':', len)) {
		return -EINVAL; /* IPv6 without brackets: where does the port begin? */
	}
	if (len >= sizeof(addr))
		return -EINVAL;
	memcpy(addr, text, len);
	addr[len] = '\0';
	err = sg_addr_parse(addr, &a);
	if (err)
		return err;
	*ret = a;
	*ret_port = (__u16)port;
	return 0;
}

const char *sg_addr_format_listen(const struct sg_addr *a, __u16 port,
				  char buf[static SG_LISTEN_TEXT])
{
	char addr[SG_ADDR_TEXT];

	snprintf(buf, SG_LISTEN_TEXT, sg_addr_is_v4(a) ? "%s:%u" : "[%s]:%u",
		 sg_addr_format(a, addr), port);
	return buf;
}
