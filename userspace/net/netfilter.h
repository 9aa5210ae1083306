/* SPDX-License-Identifier: GPL-2.0-only */
/* What the host's packet filter makes of connections, as far as forwarded packets meet it. */
#ifndef SG_NET_NETFILTER_H
#define SG_NET_NETFILTER_H

#include <stdbool.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>

/* Rules of one family (NFPROTO_*) that are not for the host's own packets only. */
struct sg_netfilter_rules {
	unsigned int states;   /* that ask for the state of a connection */
	unsigned int notracks; /* that exempt packets from being followed */
};

struct sg_netfilter {
	struct sg_netfilter_rules rules[NFPROTO_NUMPROTO];
	bool legacy; /* tables of the old iptables are there, which cannot be read this way */
};

/* Reads the rules of nf_tables, in this network namespace. Returns 0 (also where the kernel has no nf_tables),
 * -EPERM without CAP_NET_ADMIN, or another negative errno; *@ret is untouched then.
 */
int sg_netfilter_read(struct sg_netfilter *ret);

/* Adds one message of a dump of rules (NFT_MSG_NEWRULE) to @ret. Pure. Returns 0 or -EIO. */
int sg_netfilter_count(const struct nlmsghdr *message, struct sg_netfilter_rules *ret);

#endif
