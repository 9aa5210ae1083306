// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "rules.h"

static const char *service_path(unsigned int key)
{
	return sg_keys_service.keys[key].path;
}

/* The key of the two that somebody wrote: that is where to mend it. */
static unsigned int written_of(const struct sg_scope *scope, unsigned int first,
			       unsigned int second)
{
	return scope->origin[first] == SG_CONFIG_ORIGIN_WRITTEN ? first : second;
}

static void check_window(struct sg_conf_service *s, const struct sg_scope *scope)
{
	if (s->limits.connections && !s->limits.window_ns)
		sg_scope_error(
			scope, service_path(SG_KEY_SERVICE_LIMITS_WINDOW),
			"missing; limits.connections (%u) needs the time it counts in, such as 60s",
			s->limits.connections);
	if (s->limits.connections || !s->limits.window_ns)
		return;
	if (scope->origin[SG_KEY_SERVICE_LIMITS_WINDOW] == SG_CONFIG_ORIGIN_WRITTEN)
		sg_scope_error(
			scope, service_path(SG_KEY_SERVICE_LIMITS_WINDOW),
			"expected none, since limits.connections is none; write both or neither");
	s->limits.window_ns = 0;
}

static void check_headroom(const struct sg_conf_service *s, const struct sg_scope *scope)
{
	unsigned int key;

	if (s->limits.connections && s->headroom.connections + 2 > s->limits.connections) {
		key = written_of(scope, SG_KEY_SERVICE_HEADROOM_CONNECTIONS,
				 SG_KEY_SERVICE_LIMITS_CONNECTIONS);
		sg_scope_error(
			scope, service_path(key),
			"headroom.connections is %u%s and limits.connections %u%s, which leaves the "
			"guard no connection (limit - 1 - headroom); lower the headroom",
			s->headroom.connections,
			sg_scope_origin_note(scope, SG_KEY_SERVICE_HEADROOM_CONNECTIONS,
					     s->profile),
			s->limits.connections,
			sg_scope_origin_note(scope, SG_KEY_SERVICE_LIMITS_CONNECTIONS, s->profile));
	}
	if (s->limits.max_connections && s->headroom.slots >= s->limits.max_connections) {
		key = written_of(scope, SG_KEY_SERVICE_HEADROOM_SLOTS,
				 SG_KEY_SERVICE_LIMITS_MAX_CONNECTIONS);
		sg_scope_error(
			scope, service_path(key),
			"headroom.slots is %u%s and limits.max_connections %u%s, which leaves the "
			"guard no slot (limit - headroom); lower the headroom",
			s->headroom.slots,
			sg_scope_origin_note(scope, SG_KEY_SERVICE_HEADROOM_SLOTS, s->profile),
			s->limits.max_connections,
			sg_scope_origin_note(scope, SG_KEY_SERVICE_LIMITS_MAX_CONNECTIONS,
					     s->profile));
	}
}

/* @key, a duration, must not be longer than @limit, another. Written so, it is an error; one that
 * nobody wrote gives way.
 */
static void check_not_longer(struct sg_conf_service *s, const struct sg_scope *scope,
			     unsigned int key, unsigned int limit)
{
	__u64 *ns = (__u64 *)((char *)s + sg_keys_service.keys[key].offset);
	__u64 limit_ns = *(__u64 *)((char *)s + sg_keys_service.keys[limit].offset);
	char text[SG_DURATION_TEXT], limit_text[SG_DURATION_TEXT];

	if (!*ns || !limit_ns || *ns <= limit_ns)
		return;
	if (scope->origin[key] != SG_CONFIG_ORIGIN_WRITTEN) {
		*ns = limit_ns;
		return;
	}
	sg_scope_error(
		scope, service_path(key),
		"expected at most %s, which is %s%s, found %s; shorten the one or lengthen the other",
		service_path(limit), sg_duration_format_exact(limit_ns, limit_text),
		sg_scope_origin_note(scope, limit, s->profile),
		sg_duration_format_exact(*ns, text));
}

static void check_repeats(const struct sg_conf_service *s, const struct sg_scope *scope)
{
	char text[SG_ADDR_TEXT];

	for (__u32 i = 0; i < s->address_count; i++)
		for (__u32 j = 0; j < i; j++)
			if (sg_addr_equal(&s->addresses[i], &s->addresses[j]))
				sg_scope_item_error(scope, service_path(SG_KEY_SERVICE_ADDRESSES),
						    i, "%s is listed twice; remove one",
						    sg_addr_format(&s->addresses[i], text));
	for (__u32 i = 0; i < s->port_count; i++)
		for (__u32 j = 0; j < i; j++)
			if (s->ports[i] == s->ports[j])
				sg_scope_item_error(scope, service_path(SG_KEY_SERVICE_PORTS), i,
						    "%u is listed twice; remove one", s->ports[i]);
}

static void check_behind(const struct sg_config *conf, const struct sg_conf_service *s,
			 const struct sg_scope *scope)
{
	if (!*s->behind)
		return;
	for (__u32 i = 0; i < conf->interface_count; i++)
		if (!strcmp(s->behind, conf->interfaces[i]))
			return;
	sg_scope_error(
		scope, service_path(SG_KEY_SERVICE_BEHIND),
		"expected auto or one of the interfaces, found '%s'; add it to interfaces if the CA is there",
		s->behind);
}

void sg_rules_check_service(const struct sg_config *conf, const struct sg_scope *scope)
{
	struct sg_conf_service *s = scope->target;

	check_window(s, scope);
	check_headroom(s, scope);
	check_not_longer(s, scope, SG_KEY_SERVICE_TIMEOUTS_SYN, SG_KEY_SERVICE_TIMEOUTS_LIFE);
	check_not_longer(s, scope, SG_KEY_SERVICE_TIMEOUTS_REQUEST, SG_KEY_SERVICE_TIMEOUTS_LIFE);
	check_not_longer(s, scope, SG_KEY_SERVICE_TIMEOUTS_IDLE, SG_KEY_SERVICE_TIMEOUTS_LIFE);
	check_not_longer(s, scope, SG_KEY_SERVICE_INTERCEPT_HOLD, SG_KEY_SERVICE_TIMEOUTS_LIFE);
	check_not_longer(s, scope, SG_KEY_SERVICE_ROLLOVER_OVERLAP,
			 SG_KEY_SERVICE_ROLLOVER_CA_LIFETIME);
	check_repeats(s, scope);
	check_behind(conf, s, scope);
}

static void check_interfaces(const struct sg_config *conf, const struct sg_scope *global)
{
	const char *path = sg_keys_global.keys[SG_KEY_GLOBAL_INTERFACES].path;

	for (__u32 i = 0; i < conf->interface_count; i++)
		for (__u32 j = 0; j < i; j++)
			if (!strcmp(conf->interfaces[i], conf->interfaces[j]))
				sg_scope_item_error(global, path, i,
						    "'%s' is listed twice; remove one",
						    conf->interfaces[i]);
}

static const struct sg_addr *shared_address(const struct sg_conf_service *a,
					    const struct sg_conf_service *b, __u32 *ret_index)
{
	for (__u32 i = 0; i < b->address_count; i++)
		for (__u32 j = 0; j < a->address_count; j++)
			if (sg_addr_equal(&a->addresses[j], &b->addresses[i])) {
				*ret_index = i;
				return &b->addresses[i];
			}
	return NULL;
}

static __u16 shared_port(const struct sg_conf_service *a, const struct sg_conf_service *b)
{
	for (__u32 i = 0; i < b->port_count; i++)
		for (__u32 j = 0; j < a->port_count; j++)
			if (a->ports[j] == b->ports[i])
				return b->ports[i];
	return 0;
}

/* Two services must not share an endpoint: whose budget would it take from? */
static void check_pair(const struct sg_conf_service *first, const struct sg_conf_service *second,
		       const struct sg_scope *scope)
{
	char text[SG_LISTEN_TEXT];
	const struct sg_addr *addr;
	__u16 port;
	__u32 index = 0;

	if (!strcmp(first->name, second->name))
		sg_scope_error(scope, service_path(SG_KEY_SERVICE_NAME),
			       "an earlier service has the same name; give each its own");
	addr = shared_address(first, second, &index);
	port = shared_port(first, second);
	if (addr && port)
		sg_scope_item_error(
			scope, service_path(SG_KEY_SERVICE_ADDRESSES), index,
			"%s belongs to service '%s' already; one address and port has one budget",
			sg_addr_format_listen(addr, port, text), first->name);
}

static void check_services(const struct sg_config *conf, const struct sg_scope *services)
{
	unsigned int endpoints = 0;

	for (__u32 i = 0; i < conf->service_count; i++) {
		const struct sg_conf_service *s = &conf->services[i];

		for (__u32 j = 0; j < i; j++)
			check_pair(&conf->services[j], s, &services[i]);
		endpoints += s->address_count * s->port_count;
		if (endpoints > SG_CONFIG_ENDPOINTS_MAX &&
		    endpoints - s->address_count * s->port_count <= SG_CONFIG_ENDPOINTS_MAX)
			sg_scope_error(
				&services[i], service_path(SG_KEY_SERVICE_ADDRESSES),
				"expected at most %d endpoints (addresses x ports) in all services, found %u "
				"up to here; list fewer",
				SG_CONFIG_ENDPOINTS_MAX, endpoints);
	}
}

static bool any_address_of(const struct sg_config *conf, bool v4)
{
	for (__u32 i = 0; i < conf->service_count; i++)
		for (__u32 j = 0; j < conf->services[i].address_count; j++)
			if (sg_addr_is_v4(&conf->services[i].addresses[j]) == v4)
				return true;
	return false;
}

static void check_prefix_policy(const struct sg_conf_prefix *p, const struct sg_scope *scope)
{
	static const unsigned int limits[] = {SG_KEY_PREFIX_RATE, SG_KEY_PREFIX_BURST,
					      SG_KEY_PREFIX_CONNECTIONS};
	const char *action = p->deny ? "deny" : "exempt";

	if (p->deny && p->exempt)
		sg_scope_error(scope, sg_keys_prefix.keys[SG_KEY_PREFIX_DENY].path,
			       "expected deny or exempt, found both; remove one");
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if ((p->deny || p->exempt) && scope->origin[limits[i]] == SG_CONFIG_ORIGIN_WRITTEN)
			sg_scope_error(scope, sg_keys_prefix.keys[limits[i]].path,
				       "has no meaning beside %s; remove one of them", action);
}

/* IPv4 lies inside ::/0 as ::ffff:0:0/96, and the table of prefixes knows only one kind of key. */
static bool holds_both_families(const struct sg_addr_prefix *p)
{
	static const __u8 any[4];
	struct sg_addr v4 = sg_addr_from_v4(any);

	return p->bits < SG_ADDR_V4_BITS && sg_prefix_contains(p, &v4);
}

static void check_prefixes(const struct sg_config *conf, const struct sg_scope *prefixes)
{
	const char *path = sg_keys_prefix.keys[SG_KEY_PREFIX_PREFIX].path;

	for (__u32 i = 0; i < conf->sources.prefix_count; i++) {
		const struct sg_conf_prefix *p = &conf->sources.prefixes[i];
		bool v4 = sg_addr_is_v4(&p->prefix.addr) && p->prefix.bits >= SG_ADDR_V4_BITS;

		check_prefix_policy(p, &prefixes[i]);
		if (holds_both_families(&p->prefix))
			sg_scope_error(
				&prefixes[i], path,
				"would hold IPv4 as well (::ffff:0:0/96); write 2000::/3 for IPv6 and 0.0.0.0/0 for IPv4");
		else if (!any_address_of(conf, v4))
			sg_scope_error(
				&prefixes[i], path,
				"can never match, since no service has an %s address; remove it or add the address",
				v4 ? "IPv4" : "IPv6");
		for (__u32 j = 0; j < i; j++)
			if (p->prefix.bits == conf->sources.prefixes[j].prefix.bits &&
			    sg_addr_equal(&p->prefix.addr, &conf->sources.prefixes[j].prefix.addr))
				sg_scope_error(&prefixes[i], path, "is listed twice; remove one");
	}
}

void sg_rules_check_config(const struct sg_config *conf, const struct sg_scope *global,
			   const struct sg_scope *services, const struct sg_scope *prefixes)
{
	check_interfaces(conf, global);
	check_services(conf, services);
	check_prefixes(conf, prefixes);
}
