/* SPDX-License-Identifier: GPL-2.0-only */
/* Who has that address on the link, and behind which port of a bridge? */
#ifndef SG_NET_NEIGHBOUR_H
#define SG_NET_NEIGHBOUR_H

#include <linux/types.h>

#include "../util/addr.h"

/* The MAC address of @addr on the link @ifindex, if the kernel holds one that it believes. Returns
 * 0, -ENOENT (not resolved, or given up) or a negative errno of netlink.
 */
int sg_neighbour_mac(int ifindex, const struct sg_addr *addr, __u8 ret_mac[static 6]);

/* Make the kernel look for @addr, and a bridge learn where it is: one empty datagram to its discard port (RFC 863).
 * Whoever is there answers it at least with an ICMP message. Returns 0 or a negative errno; does not wait.
 */
int sg_neighbour_ask(const struct sg_addr *addr);

/* The port of the bridge @bridge behind which @mac was learnt, preferably in VLAN @vlan_id (0 = untagged).
 * Returns its ifindex, -ENOENT (not learnt) or a negative errno of netlink.
 */
int sg_neighbour_bridge_port(int bridge, const __u8 mac[static 6], __u16 vlan_id);

#endif
