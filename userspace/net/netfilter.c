// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>

#include "../util/cleanup.h"
#include "netfilter.h"
#include "netlink.h"

/* Base chains of the host's own packets that are remembered; rules of further ones count as if they met
 * forwarded packets.
 */
#define OWN_CHAINS_MAX 64

#define NAME_MAX_NFT   128

struct own_chain {
	__u8 family;
	char table[NAME_MAX_NFT], chain[NAME_MAX_NFT];
};

struct reading {
	struct sg_netfilter found;
	unsigned int own_count;
	struct own_chain own[OWN_CHAINS_MAX];
};

static __u8 family_of(const struct nlmsghdr *m)
{
	return ((const struct nfgenmsg *)NLMSG_DATA(m))->nfgen_family;
}

static bool is_text(const struct rtattr *a, const char *text)
{
	size_t len = strlen(text) + 1;

	return a && RTA_PAYLOAD(a) >= len && !memcmp(RTA_DATA(a), text, len);
}

static void copy_text(const struct rtattr *a, char to[NAME_MAX_NFT])
{
	snprintf(to, NAME_MAX_NFT, "%.*s", a ? (int)RTA_PAYLOAD(a) : 0,
		 a ? (const char *)RTA_DATA(a) : "");
}

/* A base chain at the hooks of what the host itself receives and sends. */
static int note_chain(const struct nlmsghdr *m, void *ctx)
{
	struct reading *r = ctx;
	struct rtattr *a[NFTA_CHAIN_MAX + 1], *hook[NFTA_HOOK_MAX + 1];
	struct own_chain *own;
	__u32 number;

	if (sg_nl_attributes(m, sizeof(struct nfgenmsg), a, NFTA_CHAIN_MAX))
		return -EIO;
	if (!a[NFTA_CHAIN_HOOK] || r->own_count == OWN_CHAINS_MAX)
		return 0;
	sg_nl_nested(a[NFTA_CHAIN_HOOK], hook, NFTA_HOOK_MAX);
	number = ntohl(sg_nl_u32(hook[NFTA_HOOK_HOOKNUM]));
	if (number != NF_INET_LOCAL_IN && number != NF_INET_LOCAL_OUT)
		return 0;
	own = &r->own[r->own_count++];
	own->family = family_of(m);
	copy_text(a[NFTA_CHAIN_TABLE], own->table);
	copy_text(a[NFTA_CHAIN_NAME], own->chain);
	return 0;
}

/* One expression: of nft itself, or one of iptables that nft carries. */
static void count_expression(const struct rtattr *element, struct sg_netfilter_rules *ret)
{
	struct rtattr *a[NFTA_EXPR_MAX + 1], *data[NFTA_CT_MAX + 1];
	const struct rtattr *name, *what;

	sg_nl_nested(element, a, NFTA_EXPR_MAX);
	name = a[NFTA_EXPR_NAME];
	sg_nl_nested(a[NFTA_EXPR_DATA], data, NFTA_CT_MAX);
	if (is_text(name, "notrack")) {
		ret->notracks++;
	} else if (is_text(name, "ct")) {
		ret->states += data[NFTA_CT_KEY] && data[NFTA_CT_DREG] &&
			       ntohl(sg_nl_u32(data[NFTA_CT_KEY])) == NFT_CT_STATE;
	} else if (is_text(name, "match")) {
		what = data[NFTA_MATCH_NAME];
		ret->states += is_text(what, "conntrack") || is_text(what, "state");
	} else if (is_text(name, "target")) {
		what = data[NFTA_TARGET_NAME];
		ret->notracks += is_text(what, "CT") || is_text(what, "NOTRACK");
	}
}

int sg_netfilter_count(const struct nlmsghdr *message, struct sg_netfilter_rules *ret)
{
	struct rtattr *a[NFTA_RULE_MAX + 1];
	const struct rtattr *list, *element;
	int left;

	if (sg_nl_attributes(message, sizeof(struct nfgenmsg), a, NFTA_RULE_MAX))
		return -EIO;
	list = a[NFTA_RULE_EXPRESSIONS];
	if (!list)
		return 0;
	left = RTA_PAYLOAD(list);
	for (element = RTA_DATA(list); RTA_OK(element, left); element = RTA_NEXT(element, left))
		count_expression(element, ret);
	return 0;
}

static bool is_own(const struct reading *r, const struct nlmsghdr *m)
{
	struct rtattr *a[NFTA_RULE_MAX + 1];

	if (sg_nl_attributes(m, sizeof(struct nfgenmsg), a, NFTA_RULE_MAX))
		return false;
	for (unsigned int i = 0; i < r->own_count; i++)
		if (r->own[i].family == family_of(m) &&
		    is_text(a[NFTA_RULE_TABLE], r->own[i].table) &&
		    is_text(a[NFTA_RULE_CHAIN], r->own[i].chain))
			return true;
	return false;
}

static int count_rule(const struct nlmsghdr *m, void *ctx)
{
	struct reading *r = ctx;

	if (m->nlmsg_len < NLMSG_SPACE(sizeof(struct nfgenmsg)))
		return -EIO;
	if (family_of(m) >= NFPROTO_NUMPROTO || is_own(r, m))
		return 0;
	return sg_netfilter_count(m, &r->found.rules[family_of(m)]);
}

static int dump(__u16 what, sg_nl_answer_fn answer, struct reading *r)
{
	const struct nfgenmsg all = {.nfgen_family = NFPROTO_UNSPEC, .version = NFNETLINK_V0};
	struct sg_nl_request req;
	int err;

	sg_nl_begin(&req, NFNL_SUBSYS_NFTABLES << 8 | what, NLM_F_DUMP, &all, sizeof(all));
	req.protocol = NETLINK_NETFILTER;
	err = sg_nl_ask(&req, answer, r);
	/* The module is not there, so neither is any rule. */
	return err == -EINVAL || err == -EPROTONOSUPPORT || err == -EOPNOTSUPP ? 0 : err;
}

/* Whether the file holds a line at all. */
static bool is_written(const char *path)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");

	return f && fgetc(f) != EOF;
}

int sg_netfilter_read(struct sg_netfilter *ret)
{
	_cleanup_free_ struct reading *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	err = dump(NFT_MSG_GETCHAIN, note_chain, r);
	if (!err)
		err = dump(NFT_MSG_GETRULE, count_rule, r);
	if (err)
		return err;
	r->found.legacy =
		is_written("/proc/net/ip_tables_names") || is_written("/proc/net/ip6_tables_names");
	*ret = r->found;
	return 0;
}
