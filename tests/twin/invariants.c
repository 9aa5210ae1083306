// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "invariants.h"
#include "../../bpf/core/endpoint.h"
#include "../../bpf/core/gcra.h"
#include "../../bpf/core/known.h"
#include "../../bpf/core/window.h"

/* Leases with such a generation were made by gen_config.c, for connections that nobody knows. */
#define NOBODYS (1ull << 60)

static const struct sg_budget *budget_of(__u32 service)
{
	return twin_map_lookup(twin_map(TWIN_sg_budgets), &service);
}

void invariants_begin(struct invariants *inv)
{
	for (__u32 i = 0; i < GUARD_SERVICES; i++)
		inv->head[i] = inv->first[i] = budget_of(i)->head;
}

/* ---- after every step ---- */

/* One more admission: the N-th before it, if there was one, is older than the window. */
static bool window_holds(struct invariants *inv, __u32 service, const struct sg_service *svc,
			 __u64 now)
{
	const struct sg_window_limit *limit =
		now >= svc->next_from ? &svc->next_window : &svc->window;
	__u64 number = inv->head[service]++, n = limit->connections;

	inv->dates[service][number % SG_PLACES] = now;
	if (n > SG_PLACES - 1)
		n = SG_PLACES - 1;
	if (!n || number - inv->first[service] < n)
		return true;
	return inv->dates[service][(number - n) % SG_PLACES] + limit->ticks <= now;
}

static const char *budget_holds(struct invariants *inv, __u32 service, const struct gen *g)
{
	const struct sg_service *svc = &g->world.services[service];
	const struct sg_budget *b = budget_of(service);
	bool admitted = b->head != inv->head[service];

	if (b->slots_used + b->free_top != SG_LEASES)
		return "slots in use and free leases are all leases";
	if (b->actual.open < 0)
		return "open connections are not fewer than none";
	if (b->head - inv->head[service] > 1)
		return "one step admits one at most";
	if (admitted && svc->slots && b->slots_used > svc->slots)
		return "an admission stays inside the slots";
	if (admitted && !window_holds(inv, service, svc, g->world.ticks))
		return "never more admissions than the limit in any window";
	return NULL;
}

/* A frame the guard has written is a bare RST with right checksums. */
static bool is_rst(const struct outcome *out)
{
	struct sg_cursor cur = {out->frame, out->frame, out->frame + out->len};
	struct sg_packet pkt = {};

	return sg_parse_frame(&cur, &pkt) == SG_PARSE_TCP && pkt.tcp_flags & SG_TCP_RST &&
	       !(pkt.tcp_flags & (SG_TCP_SYN | SG_TCP_FIN)) && !pkt.payload_len &&
	       frame_sums_right(out->frame, &pkt);
}

/* Sent back to who sent it, or on to the CA. */
static bool goes_the_right_way(const struct outcome *out, const __u8 *frame)
{
	if (out->action == XDP_TX)
		return !memcmp(out->frame, frame + 6, 6) && !memcmp(out->frame + 6, frame, 6);
	return !memcmp(out->frame, frame, 12);
}

static const char *packet_holds(const struct gen *g)
{
	const struct outcome *out = &g->outcome;
	bool changed = out->len != g->frame_len || memcmp(out->frame, g->frame, out->len) != 0;

	if (out->action != XDP_PASS && out->action != XDP_DROP && out->action != XDP_TX)
		return "a packet is passed, dropped or sent back";
	if (twin_highest() >= SG_MODE_INTERCEPT)
		return invariants_door(g);
	if (sg_mode_now(g->world.live.mode_word, g->world.ticks) < SG_MODE_POLICE &&
	    (changed || out->action != XDP_PASS))
		return "observe changes nothing";
	if (out->action == XDP_DROP)
		return NULL;
	if (out->action == XDP_TX && !changed)
		return "what is sent back was written by the guard";
	if (changed && !is_rst(out))
		return "what the guard writes is a RST with right checksums";
	if (changed && !goes_the_right_way(out, g->frame))
		return "what is sent back has the MAC addresses turned round, and nothing else has";
	return NULL;
}

const char *invariants_step(struct invariants *inv, const struct gen *g, bool packet)
{
	const char *broken = packet ? packet_holds(g) : NULL;

	for (__u32 i = 0; i < GUARD_SERVICES && !broken; i++)
		broken = budget_holds(inv, i, g);
	return broken;
}

/* ---- at the end ---- */

/* What the entries of the connection table add up to. */
struct sums {
	__u32 leases[GUARD_SERVICES];
	__s32 actual[GUARD_SERVICES];
	__u32 by_source;
	__u32 open[1 << SG_OPEN_CONNS_BITS]; /* by sg_conn.open_place */
};

static const char *conn_holds(const struct sg_conn *conn, struct sums *sums)
{
	const struct sg_lease *lease;

	if (conn->service >= GUARD_SERVICES)
		return "an entry belongs to a service";
	if (conn->state > SG_CONN_CLOSED)
		return "an entry has a state";
	sums->actual[conn->service] += !!(conn->flags & SG_CONN_ACTUAL);
	if (conn->state == SG_CONN_CLOSED)
		return conn->lease == SG_NO_LEASE && !(conn->flags & SG_CONN_ACTUAL)
			       ? NULL
			       : "what has ended holds nothing";
	sums->by_source += !!(conn->flags & SG_CONN_SOURCE);
	sums->open[conn->open_place % (1 << SG_OPEN_CONNS_BITS)]++;
	if (conn->lease == SG_NO_LEASE)
		return NULL;
	if (conn->lease >= SG_LEASES)
		return "a lease is one of the budget's";
	lease = &budget_of(conn->service)->leases[conn->lease];
	sums->leases[conn->service]++;
	return lease->used && lease->generation == conn->generation
		       ? NULL
		       : "the lease of an entry is its own";
}

static const char *conns_hold(struct sums *sums)
{
	const struct twin_map *conns = twin_map(TWIN_sg_conns);
	const struct twin_element *at = NULL;
	const char *broken = NULL;

	while (!broken && twin_map_next(conns, &at))
		broken = conn_holds(twin_element_value(conns, at), sums);
	return broken;
}

/* Too few, and a resent SYN would not be known for one; too many cost a look in vain. */
static const char *open_conns_hold(const struct sums *sums)
{
	for (__u32 place = 0; place < 1 << SG_OPEN_CONNS_BITS; place++) {
		const __u32 *open = twin_map_lookup(twin_map(TWIN_sg_open_conns), &place);

		if (*open != sums->open[place])
			return "connections that are not closed are counted by their keys";
	}
	return NULL;
}

/* Without it a known source's SYN would pass for a stranger's. */
static bool source_is_marked(const struct sg_source_key *key, const __u64 *secret)
{
	__u64 hash = sg_source_hash(&key->ip, secret);
	__u32 index = (__u32)hash & (twin_map_about(twin_map(TWIN_sg_refused))->max_entries - 1);
	const struct sg_refused_bucket *bucket = twin_map_lookup(twin_map(TWIN_sg_refused), &index);

	return sg_known_may(bucket->known, hash);
}

static const char *sources_hold(const struct sums *sums)
{
	const struct twin_map *sources = twin_map(TWIN_sg_sources);
	const struct twin_element *at = NULL;
	__u32 connections = 0, zero = 0;
	const struct sg_live *live = twin_map_lookup(twin_map(TWIN_sg_live), &zero);

	while (twin_map_next(sources, &at)) {
		const struct sg_source *src = twin_element_value(sources, at);

		if (src->connections < 0)
			return "a source's connections are not fewer than none";
		if (!source_is_marked(twin_element_key(at), live->hash_key))
			return "a known source has its mark";
		connections += (__u32)src->connections;
	}
	return connections == sums->by_source ? NULL
					      : "the sources' connections are those of the table";
}

/* Every lease is free once, or in use: by an entry, or by a connection that nobody knows. */
static const char *leases_hold(const struct sg_budget *b, __u32 by_entries)
{
	bool free[SG_LEASES] = {};
	__u32 nobodys = 0, used = 0;

	for (__u32 i = 0; i < b->free_top; i++) {
		if (b->free_leases[i] >= SG_LEASES || free[b->free_leases[i]])
			return "a lease is free once";
		free[b->free_leases[i]] = true;
	}
	for (__u32 i = 0; i < SG_LEASES; i++) {
		if (!!b->leases[i].used == free[i])
			return "a lease is free or in use";
		used += !!b->leases[i].used;
		nobodys += b->leases[i].used && b->leases[i].generation >= NOBODYS;
	}
	return used - nobodys == by_entries
		       ? NULL
		       : "a lease in use is held by an entry, or by a frame that has its turn";
}

static const char *places_hold(const struct invariants *inv, __u32 service)
{
	const struct sg_budget *b = budget_of(service);

	for (__u64 number = b->head - SG_PLACES; number < b->head; number++) {
		__u64 word = b->places[number % SG_PLACES];

		if (!sg_place_is(word, number))
			return "a place has the number of its admission";
		if (number >= inv->first[service] &&
		    sg_place_ticks(word) < inv->dates[service][number % SG_PLACES])
			return "a place's date never goes back";
	}
	return NULL;
}

const char *invariants_end(const struct invariants *inv)
{
	struct sums sums = {};
	const char *broken = conns_hold(&sums);

	if (!broken)
		broken = sources_hold(&sums);
	if (!broken)
		broken = open_conns_hold(&sums);
	if (!broken && twin_highest() >= SG_MODE_INTERCEPT)
		broken = invariants_held();
	for (__u32 i = 0; i < GUARD_SERVICES && !broken; i++) {
		broken = leases_hold(budget_of(i),
				     sums.leases[i] + invariants_granted(budget_of(i), i));
		if (!broken)
			broken = places_hold(inv, i);
		if (!broken && budget_of(i)->actual.open != sums.actual[i])
			broken = "open connections are those of the table";
	}
	return broken;
}
