// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>

#include "link.h"
#include "netlink.h"

#define DEPTH_MAX 8 /* the kernel stacks no more (MAX_NEST_DEV) */

static void copy_text(char *to, size_t size, const struct rtattr *from)
{
	if (from)
		snprintf(to, size, "%.*s", (int)RTA_PAYLOAD(from), (const char *)RTA_DATA(from));
}

/* Which device carries this one's frames? IFLA_LINK alone does not tell: for veth it is the peer. */
static void read_linkinfo(const struct rtattr *linkinfo, const struct rtattr *link,
			  struct sg_link *ret)
{
	struct rtattr *info[IFLA_INFO_MAX + 1], *vlan[IFLA_VLAN_MAX + 1];

	sg_nl_nested(linkinfo, info, IFLA_INFO_MAX);
	copy_text(ret->kind, sizeof(ret->kind), info[IFLA_INFO_KIND]);
	if (!strcmp(ret->kind, "vlan")) {
		sg_nl_nested(info[IFLA_INFO_DATA], vlan, IFLA_VLAN_MAX);
		ret->vlan_id = sg_nl_u16(vlan[IFLA_VLAN_ID]);
	} else if (strcmp(ret->kind, "macvlan") && strcmp(ret->kind, "ipvlan")) {
		return;
	}
	ret->lower = (int)sg_nl_u32(link);
}

static int read_link(const struct nlmsghdr *m, void *ctx)
{
	const struct ifinfomsg *info = NLMSG_DATA(m);
	struct rtattr *a[IFLA_MAX + 1];
	struct sg_link *ret = ctx;

	if (m->nlmsg_type != RTM_NEWLINK || sg_nl_attributes(m, sizeof(*info), a, IFLA_MAX))
		return -EIO;
	*ret = (struct sg_link){
		.ifindex = info->ifi_index,
		.master = (int)sg_nl_u32(a[IFLA_MASTER]),
		.mtu = sg_nl_u32(a[IFLA_MTU]),
		.up = info->ifi_flags & IFF_UP,
		.carrier = info->ifi_flags & IFF_LOWER_UP,
		.loopback = info->ifi_type == ARPHRD_LOOPBACK,
	};
	copy_text(ret->name, sizeof(ret->name), a[IFLA_IFNAME]);
	/* A link in another namespace is of no use here. */
	read_linkinfo(a[IFLA_LINKINFO], a[IFLA_LINK_NETNSID] ? NULL : a[IFLA_LINK], ret);
	return 0;
}

static int get_link(int ifindex, const char *name, struct sg_link *ret)
{
	const struct ifinfomsg info = {.ifi_index = ifindex};
	struct sg_link link = {0};
	struct sg_nl_request req;
	int err;

	sg_nl_begin(&req, RTM_GETLINK, 0, &info, sizeof(info));
	if (name)
		sg_nl_add(&req, IFLA_IFNAME, name, strlen(name) + 1);
	err = sg_nl_ask(&req, read_link, &link);
	if (err)
		return err;
	*ret = link;
	return 0;
}

int sg_link_by_name(const char *name, struct sg_link *ret)
{
	if (!*name || strlen(name) >= IFNAMSIZ)
		return -ENODEV;
	return get_link(0, name, ret);
}

int sg_link_by_index(int ifindex, struct sg_link *ret)
{
	return ifindex > 0 ? get_link(ifindex, NULL, ret) : -ENODEV;
}

int sg_link_lowest(int ifindex, struct sg_link *ret, __u16 *ret_vlan_id)
{
	struct sg_link link;
	__u16 vlan_id = 0;
	int err;

	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		err = sg_link_by_index(ifindex, &link);
		if (err)
			return err;
		if (!vlan_id)
			vlan_id = link.vlan_id;
		if (!link.lower)
			break;
		ifindex = link.lower;
	}
	*ret = link;
	if (ret_vlan_id && vlan_id)
		*ret_vlan_id = vlan_id;
	return 0;
}

struct vlan_search {
	int lower;
	bool found;
};

static int match_vlan(const struct nlmsghdr *m, void *ctx)
{
	struct vlan_search *search = ctx;
	struct sg_link link;
	int err;

	err = read_link(m, &link);
	if (!err && link.vlan_id && link.lower == search->lower)
		search->found = true;
	return err;
}

int sg_link_carries_vlans(int ifindex)
{
	const struct ifinfomsg info = {0};
	struct vlan_search search = {.lower = ifindex};
	struct sg_nl_request req;
	int err;

	sg_nl_begin(&req, RTM_GETLINK, NLM_F_DUMP, &info, sizeof(info));
	err = sg_nl_ask(&req, match_vlan, &search);
	return err ? err : search.found;
}
