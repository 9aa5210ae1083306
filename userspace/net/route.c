// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "../util/cleanup.h"
#include "link.h"
#include "neighbour.h"
#include "netlink.h"
#include "route.h"

/* Datagrams read at one go; the rest keeps the descriptor readable. */
#define DRAIN_MAX   256
#define DRAIN_BYTES 8192

static void read_gateway(struct rtattr *const *a, int family, struct sg_route *r)
{
	const struct rtvia *via;

	if (a[RTA_GATEWAY] && RTA_PAYLOAD(a[RTA_GATEWAY]) >= (family == AF_INET ? 4 : 16)) {
		r->gateway = family == AF_INET ? sg_addr_from_v4(RTA_DATA(a[RTA_GATEWAY]))
					       : sg_addr_from_v6(RTA_DATA(a[RTA_GATEWAY]));
		r->has_gateway = true;
	} else if (a[RTA_VIA] && RTA_PAYLOAD(a[RTA_VIA]) >= sizeof(*via) + 16) {
		/* IPv4 by way of an IPv6 neighbour (RFC 5549) */
		via = RTA_DATA(a[RTA_VIA]);
		if (via->rtvia_family != AF_INET6)
			return;
		r->gateway = sg_addr_from_v6(via->rtvia_addr);
		r->has_gateway = true;
	}
}

static __u32 count_next_hops(const struct rtattr *multipath)
{
	const struct rtnexthop *hop;
	__u32 count = 0;
	int len;

	if (!multipath)
		return 1;
	hop = RTA_DATA(multipath);
	len = (int)RTA_PAYLOAD(multipath);
	for (; RTNH_OK(hop, len); hop = RTNH_NEXT(hop)) {
		count++;
		len -= RTNH_ALIGN(hop->rtnh_len);
	}
	return count;
}

static int read_route(const struct nlmsghdr *m, void *ctx)
{
	const struct rtmsg *route = NLMSG_DATA(m);
	struct rtattr *a[RTA_MAX + 1];
	struct sg_route *r = ctx;

	if (m->nlmsg_type != RTM_NEWROUTE || sg_nl_attributes(m, sizeof(*route), a, RTA_MAX))
		return -EIO;
	r->oif = (int)sg_nl_u32(a[RTA_OIF]);
	r->local = route->rtm_type == RTN_LOCAL;
	if (!r->oif || (route->rtm_type != RTN_UNICAST && !r->local))
		return -ENETUNREACH;
	read_gateway(a, route->rtm_family, r);
	return 0;
}

/* Only how many paths the entry of the table has that matched. */
static int read_next_hops(const struct nlmsghdr *m, void *ctx)
{
	struct rtattr *a[RTA_MAX + 1];

	if (m->nlmsg_type != RTM_NEWROUTE || sg_nl_attributes(m, sizeof(struct rtmsg), a, RTA_MAX))
		return -EIO;
	*(__u32 *)ctx = count_next_hops(a[RTA_MULTIPATH]);
	return 0;
}

static void begin_lookup(struct sg_nl_request *req, const struct sg_addr *dst, unsigned int flags)
{
	const struct rtmsg route = {
		.rtm_family = (unsigned char)sg_addr_family(dst),
		.rtm_dst_len = sg_addr_is_v4(dst) ? 32 : 128,
		.rtm_flags = flags,
	};

	sg_nl_begin(req, RTM_GETROUTE, 0, &route, sizeof(route));
	sg_nl_add(req, RTA_DST, sg_addr_bytes(dst), sg_addr_is_v4(dst) ? 4 : 16);
}

/* From the route's interface to the one where the frames arrive. */
static int find_device(struct sg_route *r, const struct sg_addr *next_hop)
{
	struct sg_link link;
	int port, err;

	err = sg_link_by_index(r->oif, &link);
	if (err)
		return err;
	snprintf(r->oif_name, sizeof(r->oif_name), "%s", link.name);
	err = sg_link_lowest(r->oif, &link, &r->vlan_id);
	if (err)
		return err;
	/* The loopback interface has no neighbours, and asking for one would make it. */
	r->has_mac = !r->local && next_hop && !sg_neighbour_mac(r->oif, next_hop, r->mac);
	if (!strcmp(link.kind, "bridge") && !r->local) {
		port = r->has_mac ? sg_neighbour_bridge_port(link.ifindex, r->mac, r->vlan_id)
				  : -ENOENT;
		r->port_unknown = port < 0 || sg_link_lowest(port, &link, &r->vlan_id);
	}
	r->ifindex = link.ifindex;
	snprintf(r->ifname, sizeof(r->ifname), "%s", link.name);
	return 0;
}

int sg_route_resolve(const struct sg_addr *dst, struct sg_route *ret)
{
	struct sg_route r = {.next_hops = 1};
	struct sg_nl_request req;
	int err;

	begin_lookup(&req, dst, 0);
	err = sg_nl_ask(&req, read_route, &r);
	if (err)
		return err;
	begin_lookup(&req, dst, RTM_F_FIB_MATCH);
	err = sg_nl_ask(&req, read_next_hops, &r.next_hops);
	if (!err)
		err = find_device(&r, r.has_gateway ? &r.gateway : dst);
	if (err)
		return err;
	*ret = r;
	return 0;
}

struct default_search {
	struct sg_route route;
	__u32 metric;
	bool found;
};

/* Output interface and gateway of a default route; of several paths, the first stands for all. */
static void read_path(struct rtattr **a, int family, struct sg_route *r)
{
	const struct rtnexthop *hop;

	r->oif = (int)sg_nl_u32(a[RTA_OIF]);
	r->next_hops = count_next_hops(a[RTA_MULTIPATH]);
	if (a[RTA_MULTIPATH] && r->next_hops) {
		hop = RTA_DATA(a[RTA_MULTIPATH]);
		r->oif = hop->rtnh_ifindex;
		sg_nl_sort(hop + 1, hop->rtnh_len - sizeof(*hop), a, RTA_MAX);
	}
	read_gateway(a, family, r);
}

static int read_default(const struct nlmsghdr *m, void *ctx)
{
	const struct rtmsg *route = NLMSG_DATA(m);
	struct rtattr *a[RTA_MAX + 1];
	struct default_search *search = ctx;
	struct sg_route r = {0};
	__u32 metric;

	if (m->nlmsg_type != RTM_NEWROUTE || sg_nl_attributes(m, sizeof(*route), a, RTA_MAX))
		return -EIO;
	metric = sg_nl_u32(a[RTA_PRIORITY]);
	if (route->rtm_dst_len || route->rtm_type != RTN_UNICAST ||
	    sg_nl_u32(a[RTA_TABLE]) != RT_TABLE_MAIN || (search->found && metric >= search->metric))
		return 0;
	read_path(a, route->rtm_family, &r);
	if (!r.oif)
		return 0;
	search->route = r;
	search->metric = metric;
	search->found = true;
	return 0;
}

int sg_route_default(int family, struct sg_route *ret)
{
	const struct rtmsg route = {.rtm_family = (unsigned char)family};
	struct default_search search = {.found = false};
	struct sg_nl_request req;
	int err;

	sg_nl_begin(&req, RTM_GETROUTE, NLM_F_DUMP, &route, sizeof(route));
	err = sg_nl_ask(&req, read_default, &search);
	if (err)
		return err;
	if (!search.found)
		return -ENETUNREACH;
	err = find_device(&search.route, search.route.has_gateway ? &search.route.gateway : NULL);
	if (err)
		return err;
	*ret = search.route;
	return 0;
}

int sg_route_monitor_open(void)
{
	const struct sockaddr_nl groups = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_NEIGH | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE,
	};
	_cleanup_close_ int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&groups, sizeof(groups)))
		return -errno;
	return SG_TAKE_FD(fd);
}

static bool moves_the_ca(const char *buf, size_t len)
{
	for (const struct nlmsghdr *m = (const struct nlmsghdr *)buf; NLMSG_OK(m, len);
	     m = NLMSG_NEXT(m, len))
		switch (m->nlmsg_type) {
		case RTM_NEWLINK:
		case RTM_DELLINK:
		case RTM_NEWNEIGH:
		case RTM_DELNEIGH:
		case RTM_NEWROUTE:
		case RTM_DELROUTE:
			return true;
		default:
			break;
		}
	return false;
}

int sg_route_monitor_drain(int fd)
{
	char buf[DRAIN_BYTES] __attribute__((aligned(__alignof__(struct nlmsghdr))));
	int changed = 0;
	ssize_t n;

	for (int i = 0; i < DRAIN_MAX; i++) {
		n = recv(fd, buf, sizeof(buf), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ENOBUFS) { /* messages were lost: anything may have changed */
			changed = 1;
			continue;
		}
		if (n < 0)
			return errno == EAGAIN ? changed : -errno;
		if (moves_the_ca(buf, (size_t)n))
			changed = 1;
	}
	return changed;
}
