/* SPDX-License-Identifier: GPL-2.0-only */
/* What both guards are told: three services of each kind of place in the network, the live
 * configuration, the time.
 */
#ifndef SG_TWIN_WORLD_H
#define SG_TWIN_WORLD_H

#include "guards.h"

#define WORLD_HZ 250

/* Where a frame comes in. */
enum world_side {
	WORLD_CLIENTS,   /* clients of service 0 and 2 */
	WORLD_CA,        /* the CA of service 0 */
	WORLD_ONE_ARMED, /* clients and CA of service 1 */
	WORLD_ELSEWHERE,
	WORLD_SIDES
};

/* Endpoints that take connections, each followed by the entry of its address. */
enum world_endpoint {
	WORLD_V4,        /* service 0, 192.0.2.1:80 */
	WORLD_V6,        /* service 0, 2001:db8:1::1:80 */
	WORLD_SAME_WIRE, /* service 1, 192.0.2.9:8080, one-armed */
	WORLD_ONE_SIDED, /* service 2, 192.0.2.17:80, the CA is nowhere */
	WORLD_ENDPOINTS
};

struct world {
	__u64 ticks, ns;
	__u32 interfaces[WORLD_SIDES];
	struct sg_live live;
	struct sg_service services[GUARD_SERVICES];
	struct sg_endpoint endpoints[2 * WORLD_ENDPOINTS];
};

/* Its source MAC of service 1. */
extern const __u8 world_ca_mac[6];

struct sg_ip world_ip(const char *text);

/* A guard in police that has just been emptied: no reserves, no limits of sources, 500 connections a
 * minute, budgets without a past. All is written to the guards.
 */
void world_begin(struct world *w, const __u32 interfaces[WORLD_SIDES], __u64 ticks);

/* Time goes on. */
void world_wait(struct world *w, __u64 ticks, __u64 more_ns);

void world_mode(struct world *w, enum sg_mode now, enum sg_mode then, __u64 until);
void world_write_live(const struct world *w);
void world_write_service(struct world *w, __u32 service);

/* Endpoints into the half that is idle, by a seed from `seed` on that lets none collide; then switch. */
void world_write_endpoints(struct world *w, __u32 seed);

void world_policy(struct world *w, const struct sg_prefix_key *prefix,
		  const struct sg_policy *policy);
void world_no_policy(struct world *w, const struct sg_prefix_key *prefix);

__u32 world_interface_of_clients(const struct world *w, enum world_endpoint to);
__u32 world_interface_of_ca(const struct world *w, enum world_endpoint from);
const struct sg_endpoint *world_endpoint(const struct world *w, enum world_endpoint which);

#endif
