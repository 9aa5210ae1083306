// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "../util/cleanup.h"
#include "netlink.h"

/* The kernel's own choice for dumps is at most 32 KiB a datagram. */
#define ANSWER_BYTES 32768

void sg_nl_begin(struct sg_nl_request *req, __u16 type, __u16 flags, const void *fixed, size_t size)
{
	memset(req, 0, sizeof(*req));
	req->header.nlmsg_type = type;
	req->header.nlmsg_flags = NLM_F_REQUEST | flags;
	req->header.nlmsg_len = (__u32)NLMSG_LENGTH(size);
	memcpy(NLMSG_DATA(&req->header), fixed, size);
}

void sg_nl_add(struct sg_nl_request *req, __u16 type, const void *data, size_t size)
{
	size_t used = NLMSG_ALIGN(req->header.nlmsg_len);
	struct rtattr *attribute = (struct rtattr *)((char *)&req->header + used);

	if (used + RTA_SPACE(size) > sizeof(req->header) + sizeof(req->body))
		return;
	attribute->rta_type = type;
	attribute->rta_len = (unsigned short)RTA_LENGTH(size);
	memcpy(RTA_DATA(attribute), data, size);
	req->header.nlmsg_len = (__u32)(used + RTA_SPACE(size));
}

static int open_socket(int protocol)
{
	const struct timeval patience = {.tv_sec = 5}; /* the kernel answers at once, or never */
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	const int on = 1;
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&kernel, sizeof(kernel)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
		return -errno;
	/* Lets the kernel filter dumps (4.20); an older one only answers more. */
	setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	return SG_TAKE_FD(fd);
}

/* Reads one datagram's messages. Returns 1: there will be more; 0: this was all; or an error. */
static int read_messages(const char *buf, size_t len, sg_nl_answer_fn answer, void *ctx)
{
	const struct nlmsghdr *m = (const struct nlmsghdr *)buf;
	bool more = false;
	int err;

	for (; NLMSG_OK(m, len); m = NLMSG_NEXT(m, len)) {
		if (m->nlmsg_type == NLMSG_DONE)
			return 0;
		if (m->nlmsg_type == NLMSG_ERROR) {
			if (m->nlmsg_len < NLMSG_LENGTH(sizeof(struct nlmsgerr)))
				return -EIO;
			return ((const struct nlmsgerr *)NLMSG_DATA(m))->error;
		}
		err = answer(m, ctx);
		if (err)
			return err;
		more = m->nlmsg_flags & NLM_F_MULTI;
	}
	return more;
}

int sg_nl_ask(struct sg_nl_request *req, sg_nl_answer_fn answer, void *ctx)
{
	_cleanup_free_ char *buf = malloc(ANSWER_BYTES);
	_cleanup_close_ int fd = open_socket(req->protocol);
	int more = 1;
	ssize_t n;

	if (!buf)
		return -ENOMEM;
	if (fd < 0)
		return fd;
	if (send(fd, &req->header, req->header.nlmsg_len, 0) < 0)
		return -errno;
	while (more > 0) {
		n = recv(fd, buf, ANSWER_BYTES, MSG_TRUNC);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n > ANSWER_BYTES)
			return -EIO;
		more = read_messages(buf, (size_t)n, answer, ctx);
	}
	return more;
}

void sg_nl_sort(const void *first, size_t len, struct rtattr **table, unsigned int max)
{
	const struct rtattr *a = first;
	int left = (int)len; /* signed: the last one's padding may be missing */

	for (unsigned int type = 0; type <= max; type++)
		table[type] = NULL;
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		unsigned int type = a->rta_type & NLA_TYPE_MASK;

		if (type <= max)
			table[type] = (struct rtattr *)a;
	}
}

int sg_nl_attributes(const struct nlmsghdr *message, size_t fixed, struct rtattr **table,
		     unsigned int max)
{
	const char *body = NLMSG_DATA(message);

	if (message->nlmsg_len < NLMSG_SPACE(fixed))
		return -EIO;
	sg_nl_sort(body + NLMSG_ALIGN(fixed), message->nlmsg_len - NLMSG_SPACE(fixed), table, max);
	return 0;
}

void sg_nl_nested(const struct rtattr *nest, struct rtattr **table, unsigned int max)
{
	sg_nl_sort(nest ? RTA_DATA(nest) : NULL, nest ? RTA_PAYLOAD(nest) : 0, table, max);
}

__u32 sg_nl_u32(const struct rtattr *attribute)
{
	__u32 value = 0;

	if (attribute && RTA_PAYLOAD(attribute) >= sizeof(value))
		memcpy(&value, RTA_DATA(attribute), sizeof(value));
	return value;
}

__u16 sg_nl_u16(const struct rtattr *attribute)
{
	__u16 value = 0;

	if (attribute && RTA_PAYLOAD(attribute) >= sizeof(value))
		memcpy(&value, RTA_DATA(attribute), sizeof(value));
	return value;
}
