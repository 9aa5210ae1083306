// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "sweep.h"
#include "../../bpf/core/slots.h"

/* Half full at most, so that probing stays short. */
static __u32 source_places(__u32 entries)
{
	__u32 places = 1024;

	while (places < 2 * entries && places < 1u << 24)
		places *= 2;
	return places;
}

struct sg_sweep *sg_sweep_new(__u32 entries)
{
	struct sg_sweep *s = calloc(1, sizeof(*s));
	__u32 places = source_places(entries);

	if (!s)
		return NULL;
	s->source_mask = places - 1;
	s->sources = calloc(places, sizeof(*s->sources));
	if (!s->sources) {
		free(s);
		return NULL;
	}
	return s;
}

void sg_sweep_free(struct sg_sweep *s)
{
	if (!s)
		return;
	free(s->sources);
	free(s);
}

void sg_sweep_keep_spliced(struct sg_sweep *s, __u64 ticks)
{
	s->keep_spliced_ticks = ticks;
}

void sg_sweep_unheard_since(struct sg_sweep *s, int service, __u64 ticks)
{
	s->unheard_since[service] = ticks;
}

void sg_sweep_begin(struct sg_sweep *s, __u64 now, __u64 keep_closed_ticks)
{
	s->before = s->now;
	s->now = now;
	s->keep_closed_ticks = keep_closed_ticks;
	s->entries = 0;
	s->reap_count = 0;
	s->reap_due = 0;
	s->delete_count = 0;
	memset(s->services, 0, sizeof(s->services));
	if (++s->walk)
		return;
	/* The number came round: nothing may be taken for an entry of this walk. */
	memset(s->sources, 0, sizeof(*s->sources) * (s->source_mask + 1ul));
	s->walk = 1;
}

/* Where the source stands, or would stand; NULL when the table is full, which its size rules out. */
static struct sg_sweep_source *source_place(const struct sg_sweep *s,
					    const struct sg_source_key *key)
{
	__u64 hash = ((__u64)key->ip.w[3] << 32 | key->ip.w[1]) ^ (__u64)key->ip.w[2] << 16 ^
		     key->ip.w[0] ^ (__u64)key->service << 56;

	hash = (hash ^ hash >> 31) * 0x9e3779b97f4a7c15ull; /* 2^64 / phi */
	for (__u32 i = 0; i <= s->source_mask; i++) {
		struct sg_sweep_source *at = &s->sources[((hash >> 32) + i) & s->source_mask];

		if (at->walk != s->walk || !memcmp(&at->key, key, sizeof(*key)))
			return at;
	}
	return NULL;
}

static void count_source(struct sg_sweep *s, const struct sg_conn *conn)
{
	struct sg_source_key key = {.ip = conn->source, .service = conn->service};
	struct sg_sweep_source *at = source_place(s, &key);

	if (!at)
		return;
	if (at->walk != s->walk)
		*at = (struct sg_sweep_source){.key = key, .walk = s->walk};
	at->connections++;
}

static void pick_closed(struct sg_sweep *s, const struct sg_conn_key *key,
			const struct sg_conn *conn)
{
	__u64 last = conn->client.seen > conn->ca.seen ? conn->client.seen : conn->ca.seen;
	__u64 keep = s->keep_closed_ticks;

	if (conn->flags & SG_CONN_SPLICED && keep < s->keep_spliced_ticks)
		keep = s->keep_spliced_ticks;
	if (last + keep >= s->now || s->delete_count == SG_SWEEP_DELETE_MAX)
		return;
	s->closed[s->delete_count++] = (struct sg_sweep_closed){*key, conn->generation};
}

/* Spliced ones before others: in observe these are not ended, and would be in the way for ever. */
static void pick_due(struct sg_sweep *s, const struct sg_conn_key *key, const struct sg_conn *conn)
{
	__u32 at = s->reap_count;

	if (at < SG_SWEEP_REAP_MAX)
		s->reap_count++;
	else if (conn->flags & SG_CONN_SPLICED)
		for (at = 0; at < SG_SWEEP_REAP_MAX; at++)
			if (!(s->reap[at].conn.flags & SG_CONN_SPLICED))
				break;
	if (at < SG_SWEEP_REAP_MAX)
		s->reap[at] = (struct sg_sweep_conn){*key, *conn};
}

static void count_open(struct sg_sweep *s, const struct sg_conn *conn)
{
	struct sg_sweep_service *svc = &s->services[conn->service];

	svc->open++;
	if (conn->flags & SG_CONN_ACTUAL)
		svc->actual_open++;
	if (conn->flags & SG_CONN_SPLICED)
		svc->spliced++;
	if (conn->lease < SG_LEASES)
		svc->holder[conn->lease] = conn->generation;
	if (conn->flags & SG_CONN_SOURCE)
		count_source(s, conn);
}

/* A SYN that comes again does not count as speaking on. */
static bool is_unheard(const struct sg_sweep *s, const struct sg_conn *conn)
{
	return !conn->ca.known && !(conn->flags & (SG_CONN_SPLICED | SG_CONN_ADOPTED)) &&
	       conn->opened > s->unheard_since[conn->service] && conn->client.seen != conn->opened;
}

void sg_sweep_add(struct sg_sweep *s, const struct sg_budget *budgets,
		  const struct sg_service *services, const struct sg_conn_key *key,
		  const struct sg_conn *conn)
{
	const struct sg_budget *budget = &budgets[conn->service & (SG_SERVICES - 1)];
	const struct sg_service *service = &services[conn->service & (SG_SERVICES - 1)];

	s->entries++;
	if (conn->service >= SG_SERVICES)
		return;
	s->services[conn->service].unheard += is_unheard(s, conn);
	if (conn->state == SG_CONN_CLOSED) {
		pick_closed(s, key, conn);
		return;
	}
	count_open(s, conn);
	if (!sg_conn_is_due(budget, service, conn, s->now))
		return;
	s->reap_due++;
	if (!sg_conn_is_due(budget, service, conn, s->before))
		s->services[conn->service].newly_due++;
	pick_due(s, key, conn);
}

__u32 sg_sweep_source_connections(const struct sg_sweep *s, const struct sg_source_key *key)
{
	const struct sg_sweep_source *at = source_place(s, key);

	return at && at->walk == s->walk ? at->connections : 0;
}
