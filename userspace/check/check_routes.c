// SPDX-License-Identifier: GPL-2.0-only
/* Where the CA is, seen from here, and whether packets go through this host both ways. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "../util/text.h"
#include "check_internal.h"

static void check_no_route(struct sg_check *c, const struct sg_check_endpoint *e)
{
	char addr[SG_ADDR_TEXT], type[SG_CHECK_TEXT] = "";

	sg_addr_format(e->addr, addr);
	if (c->bridged) {
		sg_text_append(type, sizeof(type),
			       "in the configuration: behind: %s (the port the CA is behind)",
			       c->conf->interfaces[0]);
		sg_check_add(
			c, SG_CHECK_ERROR, e->subject, type,
			"the bridge has no route to it, and so cannot find out behind which port it is");
		return;
	}
	sg_text_append(type, sizeof(type), "ip route add %s via GATEWAY", addr);
	sg_check_add(c, SG_CHECK_ERROR, e->subject, type, "there is no route to it (%s)",
		     strerror(-e->err));
}

/* @e's packets come from an interface that is not in the configuration. */
static void check_not_listed(struct sg_check *c, const struct sg_check_endpoint *e)
{
	char type[SG_CHECK_TEXT] = "in the configuration: interfaces: [";

	for (__u32 i = 0; i < c->conf->interface_count; i++)
		sg_text_append(type, sizeof(type), "%s, ", c->conf->interfaces[i]);
	sg_text_append(type, sizeof(type), "%s]", e->behind);
	sg_check_add(
		c, SG_CHECK_ERROR, e->subject, type,
		"it is behind '%s', which is not one of the interfaces: the CA's answers would not be seen, and it would "
		"seem deaf",
		e->behind);
}

/* What to type where intercept cannot be. */
static const char *police_instead(const struct sg_check *c)
{
	return sg_check_grade(c) == SG_CHECK_ERROR ? "in the configuration: mode: police" : NULL;
}

static void check_endpoint(struct sg_check *c, const struct sg_check_endpoint *e)
{
	char type[SG_CHECK_TEXT] = "", addr[SG_ADDR_TEXT];

	if (*e->service->behind) {
		sg_check_add(c, SG_CHECK_OK, e->subject, NULL, "it is behind '%s', as configured",
			     e->behind);
	} else if (e->err) {
		check_no_route(c, e);
	} else if (e->route.local) {
		sg_check_add(
			c, sg_check_grade(c), e->subject, police_instead(c),
			"this host itself has the address, and XDP never sees what a host sends: SYNs are "
			"limited, but answers, the CA's deafness and the shadow certificate are not seen");
	} else if (e->route.port_unknown) {
		sg_text_append(type, sizeof(type), "ping -c 1 %s", sg_addr_format(e->addr, addr));
		sg_check_add(
			c, sg_check_grade(c), e->subject, type,
			"the bridge '%s' has not learnt yet behind which port it is; the guard follows when it "
			"does",
			e->route.oif_name);
	} else if (!sg_check_interface(c, e->behind)) {
		check_not_listed(c, e);
	} else {
		sg_check_add(c, SG_CHECK_OK, e->subject, NULL, "it is behind '%s'%s%s", e->behind,
			     strcmp(e->behind, e->route.oif_name) ? ", by way of " : "",
			     strcmp(e->behind, e->route.oif_name) ? e->route.oif_name : "");
	}
}

void sg_check_ca_side(struct sg_check *c)
{
	for (unsigned int i = 0; i < c->endpoint_count; i++)
		check_endpoint(c, &c->endpoints[i]);
}

/* The CA's next hop is also that of everybody else. */
static bool same_next_hop(const struct sg_route *ca, const struct sg_route *others)
{
	if (ca->has_gateway && others->has_gateway && sg_addr_equal(&ca->gateway, &others->gateway))
		return true;
	return ca->has_mac && others->has_mac && !memcmp(ca->mac, others->mac, sizeof(ca->mac));
}

/* A spliced client that goes past the guard is lost to both sides. */
static void check_redirects_v6(struct sg_check *c, const struct sg_check_endpoint *e)
{
	if (c->conf->mode == SG_CONFIG_MODE_INTERCEPT)
		sg_check_add(
			c, SG_CHECK_WARNING, e->subject,
			"nft add table ip6 sg6; nft add chain ip6 sg6 out '{type filter hook output "
			"priority 0;}'; nft add rule ip6 sg6 out icmpv6 type nd-redirect drop",
			"one-armed, and Linux has no switch for ICMPv6 redirects, which would teach "
			"the clients the way past the guard: drop them, if that is not done");
}

static void check_redirects(struct sg_check *c, const struct sg_check_endpoint *e,
			    const char *ifname)
{
	char type[SG_CHECK_TEXT] = "";

	/* The kernel sends them when either says so (ip-sysctl). IPv6 has no such switch. */
	if (!sg_addr_is_v4(e->addr)) {
		check_redirects_v6(c, e);
		return;
	}
	if (sg_check_sysctl(0, "net/ipv4/conf/all/send_redirects") != 1 &&
	    sg_check_sysctl(0, "net/ipv4/conf/%s/send_redirects", ifname) != 1)
		return;
	sg_text_append(
		type, sizeof(type),
		"sysctl -w net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.%s.send_redirects=0",
		ifname);
	sg_check_add(
		c, sg_check_grade(c), e->subject, type,
		"one-armed by '%s', and ICMP redirects would teach the clients the way past the guard",
		ifname);
}

/* One-armed, the CA is whoever has its MAC address: until that is known, everybody. */
static void check_unresolved(struct sg_check *c, const struct sg_check_endpoint *e)
{
	char type[SG_CHECK_TEXT] = "", addr[SG_ADDR_TEXT];

	sg_text_append(type, sizeof(type), "ping -c 1 %s", sg_addr_format(e->addr, addr));
	sg_check_add(c, sg_check_grade(c), e->subject, type,
		     "one-armed, and the CA's MAC address on '%s' is not known yet, by which its "
		     "packets are told from forged ones",
		     e->route.ifname);
}

static void check_one_armed(struct sg_check *c, const struct sg_check_endpoint *e)
{
	struct sg_route others;
	bool known;

	if (e->err || e->route.local)
		return;
	known = !sg_route_default(sg_addr_family(e->addr), &others);
	if (known ? others.ifindex != e->route.ifindex : c->conf->interface_count > 1)
		return;
	if (!known)
		sg_check_add(
			c, SG_CHECK_WARNING, e->subject, "ip route add default via GATEWAY",
			"one-armed, and there is no default route by which clients could be told apart");
	if (known && same_next_hop(&e->route, &others))
		sg_check_add(
			c, sg_check_grade(c), e->subject, police_instead(c),
			"the CA and the default route have the same next hop on '%s': packets of the CA and forged ones "
			"cannot be told apart, so intercept is not possible",
			e->route.ifname);
	else if (!e->route.has_mac)
		check_unresolved(c, e);
	else if (known)
		sg_check_add(c, SG_CHECK_OK, e->subject, NULL,
			     "one-armed: the CA is told apart by its MAC address on '%s'",
			     e->route.ifname);
	check_redirects(c, e, e->route.oif_name);
}

void sg_check_one_armed(struct sg_check *c)
{
	for (unsigned int i = 0; i < c->endpoint_count; i++)
		if (!c->bridged)
			check_one_armed(c, &c->endpoints[i]);
}

/* Whether a CA of that family is to be reached by forwarding. */
static bool routes_family(const struct sg_check *c, bool v4)
{
	for (unsigned int i = 0; i < c->endpoint_count; i++)
		if (sg_addr_is_v4(c->endpoints[i].addr) == v4 && !c->endpoints[i].route.local)
			return !c->bridged;
	return false;
}

static void check_forwarding(struct sg_check *c, const char *family, const char *sysctl)
{
	char type[SG_CHECK_TEXT] = "", path[64];

	snprintf(path, sizeof(path), "%s", sysctl);
	for (char *p = path; *p; p++)
		if (*p == '.')
			*p = '/';
	if (sg_check_sysctl(1, "%s", path) == 1) {
		sg_check_add(c, SG_CHECK_OK, family, NULL, "this host forwards packets");
		return;
	}
	sg_text_append(type, sizeof(type), "sysctl -w %s=1", sysctl);
	sg_check_add(c, SG_CHECK_ERROR, family, type,
		     "this host does not forward packets: no client reaches the CA through it");
}

void sg_check_forwarding(struct sg_check *c)
{
	if (routes_family(c, true))
		check_forwarding(c, "IPv4", "net.ipv4.ip_forward");
	if (routes_family(c, false))
		check_forwarding(c, "IPv6", "net.ipv6.conf.all.forwarding");
}

/* Answers that come back another way than the questions went are not seen, or thrown away. */
static void check_path(struct sg_check *c, const struct sg_check_endpoint *e)
{
	const char *ifname = e->route.oif_name;
	bool strict = sg_addr_is_v4(e->addr) &&
		      (sg_check_sysctl(0, "net/ipv4/conf/all/rp_filter") == 1 ||
		       sg_check_sysctl(0, "net/ipv4/conf/%s/rp_filter", ifname) == 1);

	if (e->err || e->route.local || e->route.next_hops <= 1)
		return;
	sg_check_add(
		c, SG_CHECK_WARNING, e->subject, "ip route get ADDRESS",
		"the route has %u next hops, so packets may go and come by different ones: list all their "
		"interfaces; answers that arrive where the CA is not expected count as forged%s",
		e->route.next_hops, strict ? ", and rp_filter=1 drops them" : "");
}

void sg_check_paths(struct sg_check *c)
{
	for (unsigned int i = 0; i < c->endpoint_count; i++)
		check_path(c, &c->endpoints[i]);
}
