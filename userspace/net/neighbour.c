// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <linux/neighbour.h>

#include "../util/cleanup.h"
#include "neighbour.h"
#include "netlink.h"

#define DISCARD 9

/* States in which the address is not to be believed. */
#define NUD_UNKNOWN (NUD_INCOMPLETE | NUD_FAILED)

static int read_neighbour(const struct nlmsghdr *m, void *ctx)
{
	const struct ndmsg *n = NLMSG_DATA(m);
	struct rtattr *a[NDA_MAX + 1];

	if (m->nlmsg_type != RTM_NEWNEIGH || sg_nl_attributes(m, sizeof(*n), a, NDA_MAX))
		return -EIO;
	if (n->ndm_state & NUD_UNKNOWN || !a[NDA_LLADDR] || RTA_PAYLOAD(a[NDA_LLADDR]) != 6)
		return -ENOENT;
	memcpy(ctx, RTA_DATA(a[NDA_LLADDR]), 6);
	return 0;
}

int sg_neighbour_mac(int ifindex, const struct sg_addr *addr, __u8 ret_mac[static 6])
{
	const struct ndmsg n = {
		.ndm_family = (__u8)sg_addr_family(addr),
		.ndm_ifindex = ifindex,
	};
	struct sg_nl_request req;
	__u8 mac[6] = {0};
	int err;

	sg_nl_begin(&req, RTM_GETNEIGH, 0, &n, sizeof(n));
	sg_nl_add(&req, NDA_DST, sg_addr_bytes(addr), sg_addr_is_v4(addr) ? 4 : 16);
	err = sg_nl_ask(&req, read_neighbour, mac);
	if (err)
		return err;
	memcpy(ret_mac, mac, sizeof(mac));
	return 0;
}

int sg_neighbour_ask(const struct sg_addr *addr)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(DISCARD)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(DISCARD)};
	bool v4 = sg_addr_is_v4(addr);
	_cleanup_close_ int fd = socket(sg_addr_family(addr), SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	memcpy(&in.sin_addr, sg_addr_bytes(addr), v4 ? sizeof(in.sin_addr) : 0);
	memcpy(&in6.sin6_addr, sg_addr_bytes(addr), v4 ? 0 : sizeof(in6.sin6_addr));
	if (sendto(fd, "", 0, MSG_DONTWAIT, v4 ? (void *)&in : (void *)&in6,
		   v4 ? sizeof(in) : sizeof(in6)) < 0)
		return -errno;
	return 0;
}

struct port_search {
	const __u8 *mac;
	int bridge;
	int port; /* 0 = none yet */
};

static int read_fdb_entry(const struct nlmsghdr *m, void *ctx)
{
	const struct ndmsg *n = NLMSG_DATA(m);
	struct rtattr *a[NDA_MAX + 1];
	struct port_search *search = ctx;

	if (m->nlmsg_type != RTM_NEWNEIGH || sg_nl_attributes(m, sizeof(*n), a, NDA_MAX))
		return -EIO;
	if (!a[NDA_LLADDR] || RTA_PAYLOAD(a[NDA_LLADDR]) != 6 ||
	    memcmp(RTA_DATA(a[NDA_LLADDR]), search->mac, 6))
		return 0;
	if ((int)sg_nl_u32(a[NDA_MASTER]) != search->bridge || n->ndm_ifindex == search->bridge)
		return 0;
	if (!search->port)
		search->port = n->ndm_ifindex;
	return 0;
}

int sg_neighbour_bridge_port(int bridge, const __u8 mac[static 6], __u16 vlan_id)
{
	const struct ndmsg n = {.ndm_family = AF_BRIDGE};
	struct port_search search = {.mac = mac, .bridge = bridge};
	const __u32 master = (__u32)bridge;
	struct sg_nl_request req;
	int err;

	sg_nl_begin(&req, RTM_GETNEIGH, 0, &n, sizeof(n));
	sg_nl_add(&req, NDA_MASTER, &master, sizeof(master));
	sg_nl_add(&req, NDA_LLADDR, mac, 6);
	if (vlan_id)
		sg_nl_add(&req, NDA_VLAN, &vlan_id, sizeof(vlan_id));
	err = sg_nl_ask(&req, read_fdb_entry, &search);
	if (!err && search.port)
		return search.port;
	/* A bridge that filters VLANs has learnt it under another VLAN than we know of. */
	sg_nl_begin(&req, RTM_GETNEIGH, NLM_F_DUMP, &n, sizeof(n));
	sg_nl_add(&req, NDA_MASTER, &master, sizeof(master));
	err = sg_nl_ask(&req, read_fdb_entry, &search);
	if (err)
		return err;
	return search.port ? search.port : -ENOENT;
}
