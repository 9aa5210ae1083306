/* SPDX-License-Identifier: GPL-2.0-only */
/* As much of netlink(7) as asking the kernel a question takes. */
#ifndef SG_NET_NETLINK_H
#define SG_NET_NETLINK_H

#include <stddef.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/types.h>

/* One request, built in place. */
struct sg_nl_request {
	int protocol; /* NETLINK_ROUTE unless set otherwise after sg_nl_begin() */
	struct nlmsghdr header;
	char body[512];
};

/* Begins a request of @type whose fixed part is @fixed of @size bytes. */
void sg_nl_begin(struct sg_nl_request *req, __u16 type, __u16 flags, const void *fixed,
		 size_t size);

/* Adds one attribute. The requests made here are far smaller than the buffer. */
void sg_nl_add(struct sg_nl_request *req, __u16 type, const void *data, size_t size);

/* Called for each message of the answer; a negative errno ends the reading and is handed back. */
typedef int (*sg_nl_answer_fn)(const struct nlmsghdr *message, void *ctx);

/* Sends the request on a socket of its own and reads the whole answer. Returns 0, the kernel's
 * negative errno, -EIO for a malformed answer, or a negative errno of the socket.
 */
int sg_nl_ask(struct sg_nl_request *req, sg_nl_answer_fn answer, void *ctx);

/* Sorts the attributes behind a fixed part of @fixed bytes into @table[0 .. @max]; absent ones
 * are NULL. Returns 0 or -EIO.
 */
int sg_nl_attributes(const struct nlmsghdr *message, size_t fixed, struct rtattr **table,
		     unsigned int max);

/* The same for the attributes inside @nest (may be NULL: then all are absent). */
void sg_nl_nested(const struct rtattr *nest, struct rtattr **table, unsigned int max);

/* The same for @len bytes of attributes at @first. */
void sg_nl_sort(const void *first, size_t len, struct rtattr **table, unsigned int max);

/* The attribute's value, or 0 when it is absent or too short. */
__u32 sg_nl_u32(const struct rtattr *attribute);
__u16 sg_nl_u16(const struct rtattr *attribute);

#endif
