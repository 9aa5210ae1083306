/* SPDX-License-Identifier: GPL-2.0-only */
/* Where is an address, seen from this host? Asks the kernel (rtnetlink) for route, neighbour and
 * bridge port; the daemon fills the map of the CA's side from the answers.
 */
#ifndef SG_NET_ROUTE_H
#define SG_NET_ROUTE_H

#include <stdbool.h>
#include <linux/if.h>
#include <linux/types.h>

#include "../util/addr.h"

struct sg_route {
	/* Where the frames of that address arrive, which is where XDP must be attached: the device
	 * below @oif when that is a VLAN device, the port when it is a bridge, else @oif itself.
	 */
	int ifindex;
	char ifname[IFNAMSIZ];
	int oif; /* output interface of the route */
	char oif_name[IFNAMSIZ];
	bool local;       /* the address is this host's own */
	bool has_gateway; /* false: the address is on the link */
	struct sg_addr gateway;
	bool has_mac;      /* false: the neighbour is not resolved (yet) */
	__u8 mac[6];       /* of the next hop: source MAC of frames from that address */
	__u16 vlan_id;     /* of the VLAN device the route goes through; 0 = none */
	bool port_unknown; /* @oif is a bridge that has not learnt the MAC: @ifindex is the bridge */
	__u32 next_hops;   /* of the route; more than 1: the kernel spreads over several paths */
};

/* Resolves @dst. Returns 0; -ENETUNREACH or what else the kernel answers (no route); -EIO: malformed
 * answer; another negative errno: netlink failed. *@ret is untouched on failure.
 */
int sg_route_resolve(const struct sg_addr *dst, struct sg_route *ret);

/* The route of everything that has no better one, of @family (AF_INET, AF_INET6) in the main table;
 * neighbour and port as above. Returns -ENETUNREACH when there is no default route.
 */
int sg_route_default(int family, struct sg_route *ret);

/* A non-blocking netlink socket that becomes readable when links, neighbours or routes change.
 * Returns the descriptor, or a negative errno.
 */
int sg_route_monitor_open(void);

/* Reads what waits in the socket, without blocking, and at most a bounded part of it: neighbours
 * change as often as remote parties like. Returns 1: something changed that may move the CA's side
 * (also when messages were lost); 0: nothing; or a negative errno.
 */
int sg_route_monitor_drain(int fd);

#endif
