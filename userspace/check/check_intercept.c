// SPDX-License-Identifier: GPL-2.0-only
/* What intercept needs beyond the other modes: the packet filter must not judge connections of which it
 * sees a half, and segments must come as they were sent.
 */
#include <stdio.h>
#include <string.h>

#include "../util/text.h"
#include "check_internal.h"

enum sg_check_level sg_check_grade(const struct sg_check *c)
{
	return c->conf->mode == SG_CONFIG_MODE_INTERCEPT ? SG_CHECK_ERROR : SG_CHECK_WARNING;
}

/* Rules that forwarded packets of a service meet here. */
static struct sg_netfilter_rules rules_met(const struct sg_check *c,
					   const struct sg_netfilter *filter)
{
	static const unsigned int routed[] = {NFPROTO_INET, NFPROTO_IPV4, NFPROTO_IPV6};
	struct sg_netfilter_rules met = {0};

	if (c->bridged)
		met = filter->rules[NFPROTO_BRIDGE];
	/* br_netfilter shows them bridged packets as well. */
	if (c->bridged && sg_check_sysctl(0, "net/bridge/bridge-nf-call-iptables") != 1)
		return met;
	for (size_t i = 0; i < sizeof(routed) / sizeof(routed[0]); i++) {
		met.states += filter->rules[routed[i]].states;
		met.notracks += filter->rules[routed[i]].notracks;
	}
	return met;
}

/* "tcp dport { 80, 443 }" needs the braces only for more than one. */
static void append_ports(const struct sg_conf_service *service, char *buf, size_t size)
{
	bool several = service->port_count > 1;

	sg_text_append(buf, size, "%s", several ? "'{" : "");
	for (__u32 i = 0; i < service->port_count; i++)
		sg_text_append(buf, size, "%s%u", i ? "," : "", service->ports[i]);
	sg_text_append(buf, size, "%s", several ? "}'" : "");
}

static void refuse_tracking(struct sg_check *c, const struct sg_check_endpoint *e)
{
	const char *ip = sg_addr_is_v4(e->addr) ? "ip" : "ip6";
	const char *family = c->bridged ? "bridge" : "inet";
	char type[SG_CHECK_TEXT] = "", addr[SG_ADDR_TEXT];

	sg_addr_format(e->addr, addr);
	sg_text_append(type, sizeof(type),
		       "nft add table %s sg; nft add chain %s sg pre '{type filter hook prerouting "
		       "priority -300;}'; nft add rule %s sg pre %s daddr %s tcp dport ",
		       family, family, family, ip, addr);
	append_ports(e->service, type, sizeof(type));
	sg_text_append(type, sizeof(type),
		       " notrack; nft add rule %s sg pre %s saddr %s tcp sport ", family, ip, addr);
	append_ports(e->service, type, sizeof(type));
	sg_text_append(type, sizeof(type), " notrack");
	sg_check_add(
		c, SG_CHECK_ERROR, e->subject, type,
		"rules of this host ask for states of connections (ct state), and of a connection that the "
		"guard splices conntrack sees a half and calls it invalid: exempt the service both ways");
}

void sg_check_rules(struct sg_check *c, const struct sg_netfilter *filter)
{
	struct sg_netfilter_rules met = rules_met(c, filter);

	if (filter->legacy)
		sg_check_add(c, SG_CHECK_WARNING, "netfilter",
			     "iptables-legacy-save | grep -e conntrack -e state",
			     "rules of iptables-legacy cannot be read: where one drops INVALID, "
			     "spliced connections die; exempt the services with -j CT --notrack");
	if (met.states && met.notracks)
		sg_check_add(c, SG_CHECK_OK, "netfilter", NULL,
			     "rules ask for states of connections, and others exempt from it "
			     "(notrack), which must hold for the services both ways");
	else if (!met.states)
		sg_check_add(c, SG_CHECK_OK, "netfilter", NULL,
			     "no rule asks for states of connections");
	for (unsigned int i = 0; i < c->endpoint_count && met.states && !met.notracks; i++)
		refuse_tracking(c, &c->endpoints[i]);
}

void sg_check_conntrack(struct sg_check *c)
{
	struct sg_netfilter filter;
	int err;

	if (c->conf->mode != SG_CONFIG_MODE_INTERCEPT)
		return;
	err = sg_netfilter_read(&filter);
	if (err)
		sg_check_add(c, SG_CHECK_WARNING, "netfilter", "nft list ruleset | grep 'ct state'",
			     "whether rules ask for states of connections cannot be read (%s)",
			     strerror(-err));
	else
		sg_check_rules(c, &filter);
}

void sg_check_joined(struct sg_check *c, const char *ifname)
{
	char type[SG_CHECK_TEXT] = "";

	if (c->conf->mode != SG_CONFIG_MODE_INTERCEPT)
		return;
	sg_text_append(
		type, sizeof(type),
		"ethtool -K %s gro off   # and tso off gso off where hosts on this machine send",
		ifname);
	sg_check_add(
		c, SG_CHECK_WARNING, ifname, type,
		"in generic mode the program may meet several segments joined to one: a spliced "
		"connection with much data may then stall");
}

/* What the guard offers the client and the CA must fit where it goes through. */
void sg_check_mss(struct sg_check *c)
{
	if (c->conf->mode != SG_CONFIG_MODE_INTERCEPT)
		return;
	for (unsigned int i = 0; i < c->endpoint_count; i++) {
		const struct sg_check_endpoint *e = &c->endpoints[i];
		__u32 headers = sg_addr_is_v4(e->addr) ? 40 : 60; /* IP and TCP, no options */
		char type[SG_CHECK_TEXT];

		for (__u32 k = 0; k < c->conf->interface_count; k++) {
			const struct sg_check_interface *at = &c->interfaces[k];

			if (!at->present || e->service->intercept.mss + headers <= at->link.mtu)
				continue;
			snprintf(type, sizeof(type), "in the configuration: intercept: {mss: %u}",
				 at->link.mtu > headers ? at->link.mtu - headers : 0);
			sg_check_add(c, SG_CHECK_ERROR, e->subject, type,
				     "intercept.mss is %u, and %u bytes of headers make that more "
				     "than the MTU of '%s', %u",
				     e->service->intercept.mss, headers, at->name, at->link.mtu);
		}
	}
}
