/* SPDX-License-Identifier: GPL-2.0-only */
/* One network interface, as the kernel describes it. */
#ifndef SG_NET_LINK_H
#define SG_NET_LINK_H

#include <stdbool.h>
#include <linux/if.h>
#include <linux/types.h>

struct sg_link {
	int ifindex;
	char name[IFNAMSIZ];
	char kind[16]; /* "vlan", "bridge", "veth" ...; "" = a plain device */
	int lower;     /* ifindex of the device below (vlan, macvlan); 0 = none in this namespace */
	int master;    /* ifindex of the bridge or bond it belongs to; 0 = none */
	__u16 vlan_id; /* of a vlan device; 0 = none */
	__u32 mtu;
	bool up;      /* administratively */
	bool carrier; /* and there is somebody at the other end */
	bool loopback;
};

/* Looks up by name or by number. Returns 0, -ENODEV (no such interface) or a negative errno of
 * netlink; *@ret is untouched on failure.
 */
int sg_link_by_name(const char *name, struct sg_link *ret);
int sg_link_by_index(int ifindex, struct sg_link *ret);

/* Follows a VLAN or macvlan device down to the one whose driver sees the frames. @ret_vlan_id (may be
 * NULL): tag of the innermost VLAN device met, untouched when there is none.
 */
int sg_link_lowest(int ifindex, struct sg_link *ret, __u16 *ret_vlan_id);

/* Whether tagged frames have a meaning on @ifindex: a VLAN device lies on top of it. Returns 1, 0 or a
 * negative errno.
 */
int sg_link_carries_vlans(int ifindex);

#endif
