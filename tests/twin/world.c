// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"
#include "../../bpf/core/budget.h"
#include "../../bpf/core/endpoint.h"

const __u8 world_ca_mac[6] = {2, 0, 0, 0, 0, 9};

struct sg_ip world_ip(const char *text)
{
	struct sg_ip ip = {};
	__be32 v4;

	if (inet_pton(AF_INET, text, &v4) == 1)
		return sg_ip_from_v4(v4);
	if (inet_pton(AF_INET6, text, &ip) != 1)
		abort();
	return ip;
}

void world_write_live(const struct world *w)
{
	const __u32 zero = 0;

	guards_write(TWIN_sg_live, &zero, &w->live);
}

void world_write_service(struct world *w, __u32 service)
{
	guards_write(TWIN_sg_services, &service, &w->services[service]);
}

void world_mode(struct world *w, enum sg_mode now, enum sg_mode then, __u64 until)
{
	w->live.mode_word = SG_MODE_WORD(now, then, until);
	world_write_live(w);
}

void world_wait(struct world *w, __u64 ticks, __u64 more_ns)
{
	w->ticks += ticks;
	w->ns += ticks * (1000000000ull / WORLD_HZ) + more_ns;
	guards_clock(w->ticks, w->ns);
}

/* ---- endpoints ---- */

static __u32 slot_of(const struct sg_endpoint *ep, __u32 half, __u32 seed)
{
	return half * SG_ENDPOINT_SLOTS + sg_endpoint_slot(&ep->ip, ep->port, seed);
}

static bool collides(const struct world *w, __u32 seed)
{
	for (int i = 0; i < 2 * WORLD_ENDPOINTS; i++)
		for (int k = 0; k < i; k++)
			if (slot_of(&w->endpoints[i], 0, seed) ==
			    slot_of(&w->endpoints[k], 0, seed))
				return true;
	return false;
}

void world_write_endpoints(struct world *w, __u32 seed)
{
	static const struct sg_endpoint none;
	__u32 half = !w->live.endpoint_half, slot;

	for (int i = 0; i < 2 * WORLD_ENDPOINTS; i++) {
		slot = slot_of(&w->endpoints[i], half, w->live.endpoint_seed[half]);
		guards_write(TWIN_sg_endpoints, &slot, &none);
	}
	while (collides(w, seed))
		seed++;
	for (int i = 0; i < 2 * WORLD_ENDPOINTS; i++) {
		slot = slot_of(&w->endpoints[i], half, seed);
		guards_write(TWIN_sg_endpoints, &slot, &w->endpoints[i]);
	}
	w->live.endpoint_seed[half] = seed;
	w->live.endpoint_half = half;
	w->live.ports = 0;
	for (int i = 0; i < 2 * WORLD_ENDPOINTS; i++)
		if (w->endpoints[i].port)
			w->live.ports |= sg_port_bit(w->endpoints[i].port);
	world_write_live(w);
}

static void make_endpoints(struct world *w)
{
	static const struct {
		const char *ip;
		__u16 port;
		__u8 service;
	} places[WORLD_ENDPOINTS] = {
		[WORLD_V4] = {"192.0.2.1", 80, 0},
		[WORLD_V6] = {"2001:db8:1::1", 80, 0},
		[WORLD_SAME_WIRE] = {"192.0.2.9", 8080, 1},
		[WORLD_ONE_SIDED] = {"192.0.2.17", 80, 2},
	};

	for (int i = 0; i < WORLD_ENDPOINTS; i++) {
		struct sg_endpoint *ep = &w->endpoints[2 * i];

		*ep = (struct sg_endpoint){.ip = world_ip(places[i].ip),
					   .port = sg_htons(places[i].port),
					   .used = 1,
					   .service = places[i].service,
					   .id = (__u16)(2 * i + 1)};
		if (i == WORLD_SAME_WIRE) {
			ep->ca_ifindex = w->interfaces[WORLD_ONE_ARMED];
			ep->one_armed = ep->mac_known = 1;
			memcpy(ep->ca_mac, world_ca_mac, 6);
		} else if (i != WORLD_ONE_SIDED) {
			ep->ca_ifindex = w->interfaces[WORLD_CA];
		}
		ep[1] = ep[0];
		ep[1].port = 0;
		ep[1].id++;
	}
}

const struct sg_endpoint *world_endpoint(const struct world *w, enum world_endpoint which)
{
	return &w->endpoints[2 * which];
}

__u32 world_interface_of_clients(const struct world *w, enum world_endpoint to)
{
	return w->interfaces[to == WORLD_SAME_WIRE ? WORLD_ONE_ARMED : WORLD_CLIENTS];
}

__u32 world_interface_of_ca(const struct world *w, enum world_endpoint from)
{
	return w->interfaces[from == WORLD_SAME_WIRE ? WORLD_ONE_ARMED : WORLD_CA];
}

/* ---- policies ---- */

void world_policy(struct world *w, const struct sg_prefix_key *prefix,
		  const struct sg_policy *policy)
{
	guards_write(TWIN_sg_prefixes, prefix, policy);
	w->live.policies = twin_map_count(twin_map(TWIN_sg_prefixes));
	world_write_live(w);
}

void world_no_policy(struct world *w, const struct sg_prefix_key *prefix)
{
	guards_erase(TWIN_sg_prefixes, prefix);
	w->live.policies = twin_map_count(twin_map(TWIN_sg_prefixes));
	world_write_live(w);
}

/* ---- beginning ---- */

static struct sg_service default_service(void)
{
	const __u64 hz = WORLD_HZ;
	struct sg_service svc = {
		.name = "test",
		.enabled = 1,
		.window = {.connections = 500, .ticks = 60 * hz},
		.ca_window_ticks = 60 * hz,
		.syn_ticks = 5 * hz,
		.request_ticks = 10 * hz,
		.idle_ticks = 60 * hz,
		.life_ticks = 180 * hz,
		.block_ticks = 16 * hz,
		.deaf_within_ticks = 2 * hz,
		.in_progress_connections = 6,
		.in_progress_ticks = 300 * hz,
	};

	svc.next_window = svc.window;
	return svc;
}

static void write_budgets(const struct world *w)
{
	static struct sg_budget budget;

	sg_budget_init(&budget, 0, w->ticks);
	for (__u32 i = 0; i < GUARD_SERVICES; i++)
		guards_write(TWIN_sg_budgets, &i, &budget);
}

void world_begin(struct world *w, const __u32 interfaces[WORLD_SIDES], __u64 ticks)
{
	memset(w, 0, sizeof(*w));
	memcpy(w->interfaces, interfaces, sizeof(w->interfaces));
	w->live = (struct sg_live){
		.mode_word = SG_MODE_WORD(SG_MODE_POLICE, SG_MODE_POLICE, 0),
		.heartbeat = ticks,
		.hash_key = {0x0123456789abcdefull, 0xfedcba9876543210ull},
		.ipv4_mask = 0xffffffff,
		.ipv6_prefix = 64,
	};
	guards_clear();
	world_wait(w, ticks, 1000);
	make_endpoints(w);
	world_write_endpoints(w, 1);
	for (__u32 i = 0; i < GUARD_SERVICES; i++) {
		w->services[i] = default_service();
		world_write_service(w, i);
	}
	write_budgets(w);
}
