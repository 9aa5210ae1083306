// SPDX-License-Identifier: GPL-2.0-only
/* Endpoints and where the CA is: filled into the idle half of sg_endpoints, then switched over. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "guard_internal.h"
#include "../../bpf/core/endpoint.h"
#include "../net/neighbour.h"
#include "../net/route.h"

/* Seeds tried before giving up; with 64 entries in 1024 slots every tenth one fits. */
#define SG_SEED_TRIES 100000
/* A neighbour answers within milliseconds; one that does not within a second is not there. */
#define SG_ASK_PAUSE_NS 50000000
#define SG_ASK_PAUSES   20

static bool is_listed(const struct sg_guard *g, __u32 ifindex)
{
	for (__u32 i = 0; i < g->link_count; i++)
		if (if_nametoindex(g->links[i].ifname) == ifindex)
			return true;
	return false;
}

/* The CA's MAC, when the route is over this interface. A neighbour that is not resolved just now keeps the
 * MAC it had: one-armed, everybody could otherwise speak as the CA until it is.
 */
static void note_mac(const struct sg_guard *g, const struct sg_route *route, struct sg_endpoint *ep)
{
	if (route->has_mac && (__u32)route->ifindex == ep->ca_ifindex) {
		ep->mac_known = 1;
		memcpy(ep->ca_mac, route->mac, sizeof(ep->ca_mac));
		return;
	}
	for (__u32 i = 0; i < g->endpoint_count; i++) {
		const struct sg_endpoint *was = &g->endpoints[i];

		if (!was->mac_known || was->ca_ifindex != ep->ca_ifindex ||
		    !sg_ip_equal(&was->ip, &ep->ip))
			continue;
		ep->mac_known = 1;
		memcpy(ep->ca_mac, was->ca_mac, sizeof(ep->ca_mac));
		return;
	}
}

/* Where a bridge knew the CA to be before its entry grew old: it learns anew from the CA's first frame. */
static bool keep_side(const struct sg_guard *g, struct sg_endpoint *ep)
{
	for (__u32 i = 0; i < g->endpoint_count; i++) {
		if (!g->endpoints[i].ca_ifindex || !sg_ip_equal(&g->endpoints[i].ip, &ep->ip))
			continue;
		ep->ca_ifindex = g->endpoints[i].ca_ifindex;
		return is_listed(g, ep->ca_ifindex);
	}
	return false;
}

/* Where the CA at this address is. Unknown (ca_ifindex 0) is allowed: the guard then works with the
 * clients' packets alone, and says so once.
 */
static void find_side(struct sg_guard *g, const struct sg_conf_service *conf,
		      const struct sg_addr *addr, struct sg_endpoint *ep)
{
	struct sg_route route;
	char text[SG_ADDR_TEXT];
	bool *told = &g->side_told[ep->service];
	int err;

	ep->one_armed = g->link_count == 1;
	err = sg_route_resolve(addr, &route);
	if (conf->behind[0]) {
		ep->ca_ifindex = if_nametoindex(conf->behind);
		if (!err)
			note_mac(g, &route, ep);
		return;
	}
	if (!err && !route.local && is_listed(g, route.ifindex)) {
		ep->ca_ifindex = route.ifindex;
		note_mac(g, &route, ep);
		*told = false;
		return;
	}
	if (!err && route.port_unknown && keep_side(g, ep)) {
		note_mac(g, &route, ep);
		return;
	}
	if (*told)
		return;
	*told = true;
	sg_addr_format(addr, text);
	if (err)
		sg_log_warning(
			"service '%s': no route to %s (%s): its answers cannot be told from forged "
			"ones; add the route, or set behind:",
			conf->name, text, strerror(-err));
	else if (route.local)
		sg_log_warning(
			"service '%s': %s is this host's own address: the CA's answers cannot be seen; "
			"limits on clients work, answers, deafness and shadow state do not",
			conf->name, text);
	else if (route.port_unknown)
		sg_log_warning(
			"service '%s': the bridge '%s' has not learnt at which port %s is: its answers "
			"count as forged until it has; type `ping -c1 %s`, or set behind:",
			conf->name, route.ifname, text, text);
	else
		sg_log_warning(
			"service '%s': %s is reached over '%s', which is not in interfaces: the CA's "
			"answers cannot be seen; add it, or set behind:",
			conf->name, text, route.ifname);
}

/* Ask for the CAs whose place is not known. Returns whether there are any. */
static bool ask_for_sides(const struct sg_config *conf, bool send)
{
	struct sg_route route;
	bool asked = false;

	for (__u32 i = 0; i < conf->service_count; i++) {
		for (__u32 a = 0; a < conf->services[i].address_count; a++) {
			const struct sg_addr *addr = &conf->services[i].addresses[a];

			if (sg_route_resolve(addr, &route) || route.local ||
			    (route.has_mac && !route.port_unknown))
				continue;
			asked = true;
			if (send)
				sg_neighbour_ask(addr);
		}
	}
	return asked;
}

void sg_guard_sides_ask(const struct sg_config *conf)
{
	const struct timespec pause = {.tv_nsec = SG_ASK_PAUSE_NS};
	bool open = ask_for_sides(conf, true);

	for (int i = 0; open && i < SG_ASK_PAUSES; i++) {
		nanosleep(&pause, NULL);
		open = ask_for_sides(conf, false);
	}
}

/* The id an endpoint had before, else a fresh one. Ids are part of connection keys. */
static __u16 endpoint_id(const struct sg_guard *g, const struct sg_endpoint *ep, __u16 *next)
{
	for (__u32 i = 0; i < g->endpoint_count; i++)
		if (sg_endpoint_is(&g->endpoints[i], &ep->ip, ep->port))
			return g->endpoints[i].id;
	return (*next)++;
}

static __u16 next_id(const struct sg_guard *g)
{
	__u16 next = 1;

	for (__u32 i = 0; i < g->endpoint_count; i++)
		if (g->endpoints[i].id >= next)
			next = g->endpoints[i].id + 1;
	return next;
}

static bool has_address(const struct sg_endpoint *list, __u32 count, const struct sg_ip *ip)
{
	for (__u32 i = 0; i < count; i++)
		if (sg_endpoint_is(&list[i], ip, 0))
			return true;
	return false;
}

/* All endpoints of a service, and one entry of port 0 for each address (for fragments). */
static __u32 list_service(struct sg_guard *g, const struct sg_conf_service *conf, __u32 service,
			  struct sg_endpoint *out, __u32 count, __u16 *next)
{
	for (__u32 a = 0; a < conf->address_count; a++) {
		struct sg_endpoint ep = {.used = 1, .service = service};

		memcpy(&ep.ip, conf->addresses[a].b, sizeof(ep.ip));
		find_side(g, conf, &conf->addresses[a], &ep);
		for (__u32 p = 0; p < conf->port_count && count < 2 * SG_ENDPOINTS; p++) {
			ep.port = htons(conf->ports[p]);
			ep.id = endpoint_id(g, &ep, next);
			out[count++] = ep;
		}
		ep.port = 0;
		if (count < 2 * SG_ENDPOINTS && !has_address(out, count, &ep.ip)) {
			ep.id = endpoint_id(g, &ep, next);
			out[count++] = ep;
		}
	}
	return count;
}

/* Place all of list into the table (of one half) with this seed; false: two collide. */
static bool place_all(const struct sg_endpoint *list, __u32 count, __u32 seed,
		      struct sg_endpoint *table)
{
	memset(table, 0, sizeof(*table) * SG_ENDPOINT_SLOTS);
	for (__u32 i = 0; i < count; i++) {
		struct sg_endpoint *slot =
			&table[sg_endpoint_slot(&list[i].ip, list[i].port, seed)];

		if (slot->used)
			return false;
		*slot = list[i];
	}
	return true;
}

static int find_seed(const struct sg_endpoint *list, __u32 count, struct sg_endpoint *table,
		     __u32 *seed)
{
	__u32 start;

	if (getrandom(&start, sizeof(start), 0) != (ssize_t)sizeof(start))
		return -errno;
	for (__u32 i = 0; i < SG_SEED_TRIES; i++) {
		*seed = start + i;
		if (place_all(list, count, *seed, table))
			return 0;
	}
	return sg_log_refusal(-ENOSPC, "cannot place %u endpoints in the table", count);
}

static int write_half(struct sg_guard *g, const struct sg_endpoint *table, __u32 half)
{
	int fd = sg_guard_map_fd(g, SG_MAP_ENDPOINTS);

	for (__u32 i = 0; i < SG_ENDPOINT_SLOTS; i++) {
		__u32 key = half * SG_ENDPOINT_SLOTS + i;

		if (bpf_map_update_elem(fd, &key, &table[i], BPF_ANY))
			return sg_log_err(-errno, "cannot write the endpoints");
	}
	return 0;
}

/* At takeover: the endpoints in force, so that ids and thus connections stay. */
static void read_present(struct sg_guard *g)
{
	int fd = sg_guard_map_fd(g, SG_MAP_ENDPOINTS);
	__u32 base = (g->live.endpoint_half & 1) * SG_ENDPOINT_SLOTS;

	for (__u32 i = 0; i < SG_ENDPOINT_SLOTS && g->endpoint_count < 2 * SG_ENDPOINTS; i++) {
		__u32 key = base + i;
		struct sg_endpoint ep;

		if (!bpf_map_lookup_elem(fd, &key, &ep) && ep.used)
			g->endpoints[g->endpoint_count++] = ep;
	}
}

/* A CA that is now elsewhere: whoever reads the log later must see since when. */
static void tell_moves(const struct sg_guard *g, const struct sg_endpoint *list, __u32 count)
{
	char text[SG_ADDR_TEXT], name[IF_NAMESIZE];
	struct sg_addr addr;

	for (__u32 i = 0; i < count; i++) {
		for (__u32 k = 0; k < g->endpoint_count; k++) {
			const struct sg_endpoint *was = &g->endpoints[k];

			if (list[i].port || !sg_endpoint_is(was, &list[i].ip, 0) ||
			    was->ca_ifindex == list[i].ca_ifindex || !list[i].ca_ifindex ||
			    !if_indextoname(list[i].ca_ifindex, name))
				continue;
			memcpy(addr.b, &list[i].ip, sizeof(addr.b));
			sg_log_info("%s is now behind '%s'", sg_addr_format(&addr, text), name);
		}
	}
}

static __u64 ports_of(const struct sg_endpoint *list, __u32 count)
{
	__u64 ports = 0;

	for (__u32 i = 0; i < count; i++)
		if (list[i].port)
			ports |= sg_port_bit(list[i].port);
	return ports;
}

/* Write the endpoints when they differ from those in force. Does not write sg_live: the caller does,
 * and that is the switch.
 */
int sg_guard_endpoints_write(struct sg_guard *g, const struct sg_config *conf)
{
	_cleanup_free_ struct sg_endpoint *table = calloc(SG_ENDPOINT_SLOTS, sizeof(*table));
	struct sg_endpoint list[2 * SG_ENDPOINTS] = {};
	__u32 count = 0, half, seed = 0;
	__u16 next;
	int err;

	if (!table)
		return -ENOMEM;
	if (!g->endpoint_count && g->live.endpoint_seed[g->live.endpoint_half & 1])
		read_present(g);
	next = next_id(g);
	for (__u32 i = 0; i < conf->service_count; i++)
		count = list_service(g, &conf->services[i], g->index_of[i], list, count, &next);
	if (count == g->endpoint_count && !memcmp(list, g->endpoints, count * sizeof(list[0])))
		return 0;
	err = find_seed(list, count, table, &seed);
	if (err)
		return err;
	half = !(g->live.endpoint_half & 1);
	err = write_half(g, table, half);
	if (err)
		return err;
	tell_moves(g, list, count);
	memcpy(g->endpoints, list, sizeof(list));
	g->endpoint_count = count;
	/* First the seed, of the half nobody reads: a map is not written in one step, and the new half with
	 * its old seed would find no endpoint.
	 */
	g->live.endpoint_seed[half] = seed;
	g->live.ports |= ports_of(list, count); /* of both halves, while either may be read */
	err = sg_guard_live_write(g);
	if (err)
		return err;
	g->live.endpoint_half = half;
	g->live.ports = ports_of(list, count);
	return 0;
}

bool sg_guard_endpoint(const struct sg_guard *g, __u16 id, struct sg_endpoint *ret)
{
	for (__u32 i = 0; i < g->endpoint_count; i++) {
		if (g->endpoints[i].id != id || !g->endpoints[i].port)
			continue;
		*ret = g->endpoints[i];
		return true;
	}
	return false;
}
