// SPDX-License-Identifier: GPL-2.0-only
/* What is known of one address, and what a SYN of it would get at this moment: the program's own
 * pure code on copies of its state, in the program's order.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <bpf/bpf.h>

#include "held.h"
#include "labels.h"
#include "run.h"
#include "../../bpf/core/budget.h"
#include "../../bpf/core/gcra.h"
#include "../../bpf/core/question.h"
#include "../../bpf/core/refused.h"
#include "../../bpf/core/sources.h"
#include "../util/json.h"

/* More open connections of one address than a person reads. */
#define OPEN_MAX 64

/* One address before one service. */
struct question {
	struct sg_daemon *d;
	struct sg_ip ip;
	struct sg_source_key key;
	const struct sg_service *service;
	__u64 now; /* ticks */
	bool known;
	struct sg_source src;
	bool denied, exempt;
	struct sg_source_limits limits;
	bool remembered; /* its rate */
	__u32 tat;
	struct sg_syn_bucket bucket;
	__u32 priority;
	bool refused; /* unknown, and refused before */
};

static const struct sg_conf_prefix *find_prefix(const struct sg_config *conf,
						const struct sg_addr *address)
{
	const struct sg_conf_prefix *best = NULL;

	for (__u32 i = 0; i < conf->sources.prefix_count; i++) {
		const struct sg_conf_prefix *p = &conf->sources.prefixes[i];

		if (sg_prefix_contains(&p->prefix, address) &&
		    (!best || p->prefix.bits > best->prefix.bits))
			best = p;
	}
	return best;
}

static json_t *policy_json(const struct sg_config *conf, const struct sg_addr *address)
{
	const struct sg_conf_prefix *p = find_prefix(conf, address);
	const struct sg_conf_source_limits *limits = p ? &p->limits : &conf->sources.limits;
	__u32 action = !p          ? SG_POLICY_LIMITS
		       : p->deny   ? SG_POLICY_DENY
		       : p->exempt ? SG_POLICY_EXEMPT
				   : SG_POLICY_LIMITS;
	char prefix[SG_PREFIX_TEXT], rate[SG_DURATION_TEXT];

	return json_pack("{s:o, s:s, s:o, s:i, s:i}", "prefix",
			 p ? json_string(sg_prefix_format(&p->prefix, prefix)) : json_null(),
			 "action", sg_label_policy(action), "rate",
			 limits->rate.count && action == SG_POLICY_LIMITS
				 ? json_string(sg_rate_format(&limits->rate, rate))
				 : json_null(),
			 "burst", limits->burst, "connections", limits->connections);
}

/* The limits as the program finds them. */
static void fetch_limits(struct question *q)
{
	struct sg_prefix_key key = {.prefixlen = 128, .ip = q->ip};
	struct sg_policy policy;

	q->limits = q->d->tables.live.source_default;
	if (!q->d->tables.live.policies ||
	    bpf_map_lookup_elem(sg_guard_map_fd(q->d->guard, SG_MAP_PREFIXES), &key, &policy))
		return;
	q->limits = policy.limits;
	q->exempt = policy.action == SG_POLICY_EXEMPT;
	q->denied = policy.action == SG_POLICY_DENY;
}

static void fetch_rate(struct question *q)
{
	__u64 hash = sg_source_hash(&q->key.ip, q->d->tables.live.hash_key);
	__u32 index = hash & (sg_guard_map_entries(q->d->guard, SG_MAP_SYN_LIMITER) - 1);
	int slot;

	if (bpf_map_lookup_elem(sg_guard_map_fd(q->d->guard, SG_MAP_SYN_LIMITER), &index,
				&q->bucket))
		return;
	slot = sg_bucket_find(&q->bucket, sg_source_fingerprint(hash));
	q->remembered = slot >= 0;
	q->tat = slot >= 0 ? (__u32)q->bucket.slot[slot] : 0;
}

/* Whom an unknown source competes as: new, or refused before (bpf/core/refused.h). */
static void fetch_refused(struct question *q)
{
	__u64 hash = sg_source_hash(&q->key.ip, q->d->tables.live.hash_key);
	__u32 index = hash & (sg_guard_map_entries(q->d->guard, SG_MAP_REFUSED) - 1);
	struct sg_refused_bucket bucket;

	if (q->known ||
	    bpf_map_lookup_elem(sg_guard_map_fd(q->d->guard, SG_MAP_REFUSED), &index, &bucket))
		return;
	q->refused = sg_refused_look(&bucket, sg_source_fingerprint(hash),
				     sg_guard_times(q->d->guard), q->now) &
		     SG_REFUSED_BEFORE;
	if (q->refused)
		q->priority = SG_PRIORITY_ROLLOVER;
}

static bool intercepts(const struct question *q)
{
	return q->d->snap.mode == SG_MODE_INTERCEPT;
}

/* In intercept a request competes as what it is. Which one comes is not known: the last one again, or
 * the first of an enrolment (sg_first_priority(), bpf/first.bpf.h).
 */
static __u32 priority_of_request(const struct question *q)
{
	__u32 priority = SG_PRIORITY_BOOTSTRAP;

	if (q->known && q->src.left_unfinished)
		return SG_PRIORITY_OTHER;
	if (q->known && q->src.last_class != SG_REQUEST_NONE)
		priority = sg_request_priority(q->src.last_class);
	if (priority <= SG_PRIORITY_BOOTSTRAP && q->known && sg_source_claims(&q->src, q->now))
		return SG_PRIORITY_IN_PROGRESS;
	return priority;
}

static void fetch(struct question *q, struct sg_daemon *d, const struct sg_addr *address, int index)
{
	const struct sg_live *live = &d->tables.live;

	memset(q, 0, sizeof(*q));
	q->d = d;
	q->now = sg_run_now(d);
	memcpy(&q->ip, address->b, sizeof(q->ip));
	q->key.ip = sg_source_mask(&q->ip, live->ipv4_mask, live->ipv6_prefix);
	q->key.service = index;
	q->service = &d->tables.services[index];
	q->known =
		!bpf_map_lookup_elem(sg_guard_map_fd(d->guard, SG_MAP_SOURCES), &q->key, &q->src);
	q->priority =
		sg_source_predict(q->known ? &q->src : NULL, sg_guard_times(d->guard), q->now);
	fetch_limits(q);
	fetch_rate(q);
	if (intercepts(q))
		q->priority = priority_of_request(q);
	else
		fetch_refused(q);
}

static bool rate_allows(const struct question *q)
{
	__u32 now = (__u32)q->now;

	if (q->exempt || !q->remembered)
		return true;
	return sg_gcra_may(q->tat, q->limits.interval_ticks, q->limits.burst, now) ||
	       sg_source_proven(q->known ? &q->src : NULL, &q->limits, sg_guard_times(q->d->guard),
				q->now);
}

/* Its own limits, as sg_look_source() has them. */
static __u32 own_limits(const struct question *q)
{
	if (!rate_allows(q))
		return SG_REASON_SOURCE_RATE;
	if (!q->exempt && q->known && q->limits.connections &&
	    q->src.connections >= (__s32)q->limits.connections)
		return SG_REASON_SOURCE_CONNECTIONS;
	return SG_REASON_ADMITTED;
}

/* sg_class_spreads(), bpf/hold.bpf.h. */
static bool spreads(const struct question *q)
{
	if (intercepts(q) && q->priority == SG_PRIORITY_BOOTSTRAP)
		return true;
	return intercepts(q) && q->priority == SG_PRIORITY_ROLLOVER &&
	       sg_shadow_ready(&q->d->tables.intercepts[q->key.service],
			       sg_guard_times(q->d->guard), q->now);
}

/* Requests that wait and go before one of it, or beside it. */
static __u64 waiting_before(const struct question *q)
{
	const struct sg_intercept *ic = &q->d->tables.intercepts[q->key.service];
	__u64 before = 0;

	for (__u32 p = 0; intercepts(q) && p <= q->priority; p++)
		before += ic->waiting[p] > 0 ? ic->waiting[p] : 0;
	return before;
}

/* The order of sg_look(), bpf/admit.bpf.h; in intercept of sg_first_queue(), bpf/first.bpf.h. */
static __u32 decide(const struct question *q)
{
	const struct sg_tables *t = &q->d->tables;
	struct sg_ask ask = {
		.now = q->now,
		.priority = q->priority,
		.police = q->d->snap.mode != SG_MODE_OBSERVE,
		.police_since = t->live.police_since,
		.spread = spreads(q),
	};
	__u32 own, reason;

	if (q->denied)
		return SG_REASON_DENIED;
	own = own_limits(q);
	if ((q->known || intercepts(q)) && !sg_reason_admits(own))
		return own;
	reason = sg_budget_look(&t->budgets[q->key.service], q->service,
				sg_guard_times(q->d->guard), &ask);
	return sg_reason_admits(reason) && !sg_reason_admits(own) ? own : reason;
}

static const char *why_priority(const struct question *q)
{
	__u64 now = q->now;

	if (intercepts(q) && !(q->known && sg_source_claims(&q->src, now)))
		return q->known ? "as what it asked last; what it asks next decides"
				: "as a router that begins to enrol; what it asks decides";
	if (!q->known)
		return q->refused
			       ? "never admitted, refused before, and it comes again: behind those "
				 "that are new"
			       : "never seen: may be a router that begins to enrol";
	if (sg_source_claims(&q->src, now))
		return "an enrolment it began is in progress: first claim";
	switch (q->priority) {
	case SG_PRIORITY_ENROLMENT:
		return "it sent a PKIOperation lately";
	case SG_PRIORITY_BOOTSTRAP:
		return "it asked for the CA's certificate or capabilities, or has asked nothing yet";
	case SG_PRIORITY_ROLLOVER:
		return "it asked last for the next CA certificate, and for nothing more useful lately";
	default:
		return "what it asked was not read, or is of no use to an enrolment";
	}
}

/* How long until its rate allows one more; 0 = now. */
static __u64 rate_wait_ns(const struct question *q)
{
	__u32 now = (__u32)q->now, allowed;

	if (rate_allows(q))
		return 0;
	allowed = q->tat - q->limits.burst * q->limits.interval_ticks + q->limits.interval_ticks;
	return sg_guard_tick_ns(q->d->guard, (__s32)(allowed - now) > 0 ? allowed - now : 0);
}

static void format_endpoint(const struct question *q, __u16 id, char text[static SG_LISTEN_TEXT])
{
	struct sg_endpoint ep;
	struct sg_addr addr;

	text[0] = '\0';
	if (!sg_guard_endpoint(q->d->guard, id, &ep))
		return;
	memcpy(addr.b, &ep.ip, sizeof(addr.b));
	sg_addr_format_listen(&addr, ntohs(ep.port), text);
}

static json_t *connection_json(const struct question *q, const struct sg_conn_key *key,
			       const struct sg_conn *conn)
{
	const struct sg_budget *budget = &q->d->tables.budgets[q->key.service];
	__u64 now = q->now, expires = 0;
	bool leased = conn->lease < SG_LEASES &&
		      budget->leases[conn->lease].generation == conn->generation;
	char endpoint[SG_LISTEN_TEXT];

	if (leased && budget->leases[conn->lease].expires > now)
		expires = budget->leases[conn->lease].expires - now;
	format_endpoint(q, key->endpoint, endpoint);
	return json_pack(
		"{s:i, s:s, s:s, s:s, s:i, s:o, s:o, s:o, s:b}", "port", ntohs(key->client_port),
		"endpoint", endpoint, "state", sg_label_state(conn->state), "class",
		sg_label_class(conn->client.request_class), "requests", conn->client.requests,
		"status", conn->ca.status ? json_integer(conn->ca.status) : json_null(),
		"age_seconds",
		sg_json_seconds(
			sg_guard_tick_ns(q->d->guard, now > conn->opened ? now - conn->opened : 0)),
		"lease_expires_in_seconds",
		leased ? sg_json_seconds(sg_guard_tick_ns(q->d->guard, expires)) : json_null(),
		"spliced", (conn->flags & SG_CONN_SPLICED) != 0);
}

/* Its tracked connections, from a walk of its own (the tick keeps no copy of the table). */
static json_t *open_json(const struct question *q)
{
	struct sg_maps_walk *walk = &q->d->tables.conns;
	_cleanup_json_ json_t *list = json_array();
	bool end = false;
	int n = 0, bad = 0;

	for (walk->begun = false; n >= 0 && !end;) {
		const struct sg_conn_key *keys = walk->keys;
		const struct sg_conn *conns = walk->values;

		n = sg_maps_walk_next(walk, &end);
		for (int i = 0; i < n && json_array_size(list) < OPEN_MAX; i++)
			if (conns[i].service == q->key.service &&
			    conns[i].state != SG_CONN_CLOSED &&
			    sg_ip_equal(&keys[i].client, &q->ip))
				bad |= json_array_append_new(
					list, connection_json(q, &keys[i], &conns[i]));
	}
	return bad || n < 0 ? NULL : json_incref(list);
}

static json_t *ticks_json(const struct question *q, __u64 from, __u64 to)
{
	return sg_json_seconds(sg_guard_tick_ns(q->d->guard, to > from ? to - from : 0));
}

/* Its requests that wait for a turn. */
static json_t *held_json(const struct question *q)
{
	_cleanup_json_ json_t *list = json_array();
	struct sg_held held[OPEN_MAX];
	__u32 n = sg_held_of(&q->d->turns, &q->ip, q->key.service, held, OPEN_MAX);
	int bad = 0;

	for (__u32 i = 0; i < n; i++) {
		const struct sg_held *h = &held[i];
		char endpoint[SG_LISTEN_TEXT];

		format_endpoint(q, h->key.endpoint, endpoint);
		bad |= json_array_append_new(
			list, json_pack("{s:i, s:s, s:s, s:s, s:o, s:o, s:i, s:b}", "port",
					ntohs(h->key.client_port), "endpoint", endpoint, "class",
					sg_label_class(h->request_class), "priority",
					sg_label_priority(h->priority), "waited_seconds",
					ticks_json(q, h->since, q->now), "deadline_in_seconds",
					ticks_json(q, q->now, h->deadline), "place", h->place,
					"granted", !h->place));
	}
	return bad ? NULL : json_incref(list);
}

/* Do answers to it come past the guard? Then what is told of them is not the whole. */
static int add_bypass(json_t *j, const struct sg_bypass *b, const struct sg_daemon *d)
{
	return json_object_set_new(j, "bypass", json_string(sg_label_bypass(b->state))) |
	       json_object_set_new(
		       j, "bypass_since_time",
		       sg_run_time_json(sg_tables_time(&d->tables, d->guard, b->silent_since)));
}

static json_t *service_json(const struct question *q, const struct sg_run_service *run)
{
	__u32 reason = decide(q);
	_cleanup_json_ json_t *j = json_pack(
		"{s:s, s:b, s:o, s:{s:s, s:s}, s:{s:b, s:b, s:o}, s:{s:i, s:i}, "
		"s:{s:s, s:s, s:s, s:I}}",
		"service", run->name, "known", q->known, "source",
		q->known ? sg_run_source_json(q->d, &q->key, &q->src) : json_null(), "priority",
		"name", sg_label_priority(q->priority), "why", why_priority(q), "rate", "may",
		rate_allows(q), "remembered", q->remembered, "wait_seconds",
		sg_json_seconds(rate_wait_ns(q)), "connections", "open",
		q->known ? q->src.connections : 0, "limit", q->exempt ? 0 : q->limits.connections,
		"now", "verdict", sg_label_verdict(sg_label_reason_verdict(reason)), "reason",
		sg_label_reason(reason), "sentence", sg_label_reason_sentence(reason), "before",
		(json_int_t)waiting_before(q));

	if (add_bypass(j, &run->bypass, q->d) | json_object_set_new(j, "open", open_json(q)) |
	    json_object_set_new(j, "held", held_json(q)))
		return NULL;
	return json_incref(j);
}

static void source_prefix(const struct sg_config *conf, const struct sg_addr *address,
			  struct sg_addr_prefix *ret)
{
	char text[SG_PREFIX_TEXT], host[SG_ADDR_TEXT];
	__u32 bits = sg_addr_is_v4(address) ? conf->sources.ipv4_prefix : conf->sources.ipv6_prefix;

	snprintf(text, sizeof(text), "%s/%u", sg_addr_format(address, host), bits);
	sg_prefix_parse(text, ret); /* clears the bits behind the prefix */
}

json_t *sg_run_explain_json(struct sg_daemon *d, const struct sg_addr *address)
{
	_cleanup_json_ json_t *services = json_array();
	struct sg_addr_prefix prefix = {.addr = *address, .bits = 128}, source = prefix;
	char text[SG_PREFIX_TEXT];
	struct question q;
	int bad = 0;

	source_prefix(d->conf, address, &source);
	for (__u32 i = 0; i < d->conf->service_count; i++) {
		if (d->services[i].index < 0)
			continue;
		fetch(&q, d, address, d->services[i].index);
		bad |= json_array_append_new(services, service_json(&q, &d->services[i]));
	}
	if (bad)
		return NULL;
	return json_pack("{s:o, s:s, s:o, s:O, s:o}", "address", sg_json_addr(address), "source",
			 sg_prefix_format(&source, text), "policy", policy_json(d->conf, address),
			 "services", services, "requests",
			 sg_events_list(&d->events, &d->names, SG_CONTROL_LIMIT_MAX, &prefix));
}
