// SPDX-License-Identifier: GPL-2.0-only
/* From the configuration to the maps: limits in ticks, policies, the live word. */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "guard_internal.h"
#include "../../bpf/core/budget.h"
#include "../../bpf/core/endpoint.h"

/* One refusal in so many is told as an event. */
#define SG_SAMPLE_MASK 63
/* log.requests: sampled. */
#define SG_REQUEST_SAMPLE 64

static __u32 max_zero_is_none(__u64 ticks)
{
	return ticks ? (ticks < 0x7fffffff ? ticks : 0x7fffffff) : 1;
}

static void source_limits(const struct sg_guard *g, const struct sg_conf_source_limits *conf,
			  struct sg_source_limits *out)
{
	memset(out, 0, sizeof(*out));
	out->connections = conf->connections;
	out->burst = conf->burst;
	if (conf->rate.count)
		out->interval_ticks =
			max_zero_is_none(sg_guard_ticks(g, conf->rate.per_ns) / conf->rate.count);
}

static struct sg_window_limit window_limit(const struct sg_guard *g,
					   const struct sg_conf_service *conf)
{
	struct sg_window_limit limit = {.connections = sg_config_cap_connections(conf)};

	/* 1/600 of it for path jitter, and one tick of rounding (DESIGN 4, "Exact window"). */
	if (limit.connections)
		limit.ticks =
			sg_guard_ticks(g, conf->limits.window_ns + conf->limits.window_ns / 600) +
			1;
	return limit;
}

/* A raised limit, or a shortened window, counts only after one window plus `life`. */
static void merge_window(struct sg_service *svc, const struct sg_service *old, __u64 now)
{
	struct sg_window_limit was;

	svc->next_window = svc->window;
	if (!old->enabled)
		return;
	was = now >= old->next_from ? old->next_window : old->window;
	if (!was.connections)
		return;
	if (svc->window.connections && svc->window.connections <= was.connections &&
	    svc->window.ticks >= was.ticks)
		return;
	if (svc->window.connections == was.connections && svc->window.ticks == was.ticks)
		return;
	svc->next_from = now + (was.ticks > svc->window.ticks ? was.ticks : svc->window.ticks) +
			 svc->life_ticks;
	svc->window = was;
}

void sg_guard_fill_service(const struct sg_guard *g, const struct sg_conf_service *conf,
			   struct sg_service *svc)
{
	memset(svc, 0, sizeof(*svc));
	memcpy(svc->name, conf->name, sizeof(svc->name) - 1);
	svc->enabled = 1;
	svc->slots = sg_config_cap_slots(conf);
	svc->window = window_limit(g, conf);
	svc->ca_window_ticks =
		sg_guard_ticks(g, conf->limits.window_ns ? conf->limits.window_ns : 60000000000ull);
	svc->reserve_permille[SG_PRIORITY_IN_PROGRESS] = 0;
	svc->reserve_permille[SG_PRIORITY_ENROLMENT] = conf->reserve.enrolment_permille;
	svc->reserve_permille[SG_PRIORITY_BOOTSTRAP] = conf->reserve.bootstrap_permille;
	svc->reserve_permille[SG_PRIORITY_ROLLOVER] = conf->reserve.rollover_permille;
	svc->reserve_permille[SG_PRIORITY_OTHER] = conf->reserve.other_permille;
	svc->refuse_reset = conf->refuse == SG_CONFIG_REFUSE_RESET;
	svc->syn_ticks = sg_guard_ticks(g, conf->timeouts.syn_ns);
	svc->request_ticks = sg_guard_ticks(g, conf->timeouts.request_ns);
	svc->idle_ticks = sg_guard_ticks(g, conf->timeouts.idle_ns);
	svc->life_ticks = sg_guard_ticks(g, conf->timeouts.life_ns);
	svc->block_ticks = sg_guard_ticks(g, conf->limits.block_ns + 1000000000ull);
	svc->deaf_unanswered = conf->limits.block_ns ? conf->deaf.unanswered : 0;
	svc->deaf_within_ticks = sg_guard_ticks(g, conf->deaf.within_ns);
	svc->in_progress_connections = conf->in_progress.connections;
	svc->in_progress_ticks = sg_guard_ticks(g, conf->in_progress.time_ns);
	svc->answer_ttl_ticks = sg_guard_ticks(g, conf->intercept.answer_ttl_ns);
	svc->hold_ticks = sg_guard_ticks(g, conf->intercept.hold_ns);
	svc->mss = conf->intercept.mss;
	svc->answer_busy = conf->intercept.answer == SG_CONFIG_ANSWER_UNAVAILABLE;
	svc->question_path = conf->intercept.question == SG_CONFIG_QUESTION_PATH;
}

static int init_budget(struct sg_guard *g, __u32 index, __u32 connections, __u64 now)
{
	_cleanup_free_ struct sg_budget *budget = malloc(sizeof(*budget));

	if (!budget)
		return -ENOMEM;
	sg_budget_init(budget, connections, now);
	if (bpf_map_update_elem(sg_guard_map_fd(g, SG_MAP_BUDGETS), &index, budget, BPF_ANY))
		return sg_log_err(-errno, "cannot initialise the budget");
	return 0;
}

static int write_service(struct sg_guard *g, __u32 index, const struct sg_conf_service *conf,
			 __u64 now)
{
	struct sg_service svc;
	bool fresh = strncmp(g->services[index].name, conf->name, sizeof(svc.name)) != 0;
	int err = 0;

	sg_guard_fill_service(g, conf, &svc);
	if (fresh)
		err = init_budget(g, index, svc.window.connections, now);
	if (err)
		return err;
	merge_window(&svc, &g->services[index], now);
	if (fresh) {
		svc.window = svc.next_window;
		svc.next_from = 0;
	}
	if (bpf_map_update_elem(sg_guard_map_fd(g, SG_MAP_SERVICES), &index, &svc, BPF_ANY))
		return sg_log_err(-errno, "cannot write the limits of service '%s'", conf->name);
	g->services[index] = svc;
	return 0;
}

static int disable_service(struct sg_guard *g, __u32 index)
{
	if (!g->services[index].enabled)
		return 0;
	g->services[index].enabled = 0;
	if (bpf_map_update_elem(sg_guard_map_fd(g, SG_MAP_SERVICES), &index, &g->services[index],
				BPF_ANY))
		return sg_log_err(-errno, "cannot disable a service that is no longer configured");
	return 0;
}

static int write_services(struct sg_guard *g, const struct sg_config *conf, __u64 now)
{
	__u32 index_of[SG_CONFIG_SERVICES_MAX], taken = 0;
	int err = 0;

	for (__u32 i = 0; i < SG_SERVICES; i++)
		if (bpf_map_lookup_elem(sg_guard_map_fd(g, SG_MAP_SERVICES), &i, &g->services[i]))
			return sg_log_err(-errno, "cannot read the services");
	if (!sg_guard_place_services(g->services, conf, index_of))
		return sg_log_refusal(
			-ENOSPC,
			"there is room for %u services, and those that go still count: take "
			"them out and reload, then add the new ones and reload again",
			SG_SERVICES);
	for (__u32 i = 0; !err && i < conf->service_count; i++) {
		taken |= 1u << index_of[i];
		g->index_of[i] = index_of[i];
		err = write_service(g, index_of[i], &conf->services[i], now);
	}
	for (__u32 i = 0; !err && i < SG_SERVICES; i++)
		if (!(taken & 1u << i))
			err = disable_service(g, i);
	return err;
}

/* Remove every policy whose prefix is not in the new list (count entries at keep). */
static void prune_policies(int fd, const struct sg_prefix_key *keep, __u32 count)
{
	struct sg_prefix_key key, next;
	bool more = !bpf_map_get_next_key(fd, NULL, &next);

	while (more) {
		bool listed = false;

		key = next;
		more = !bpf_map_get_next_key(fd, &key, &next);
		for (__u32 i = 0; i < count; i++)
			listed |= !memcmp(&keep[i], &key, sizeof(key));
		if (!listed)
			bpf_map_delete_elem(fd, &key);
	}
}

static int write_policies(struct sg_guard *g, const struct sg_config *conf)
{
	struct sg_prefix_key keep[SG_CONFIG_PREFIXES_MAX] = {};
	int fd = sg_guard_map_fd(g, SG_MAP_PREFIXES);

	for (__u32 i = 0; i < conf->sources.prefix_count; i++) {
		const struct sg_conf_prefix *from = &conf->sources.prefixes[i];
		struct sg_policy policy = {
			.action = from->deny     ? SG_POLICY_DENY
				  : from->exempt ? SG_POLICY_EXEMPT
						 : SG_POLICY_LIMITS,
		};

		source_limits(g, &from->limits, &policy.limits);
		keep[i].prefixlen = from->prefix.bits;
		memcpy(&keep[i].ip, from->prefix.addr.b, sizeof(keep[i].ip));
		if (bpf_map_update_elem(fd, &keep[i], &policy, BPF_ANY))
			return sg_log_err(-errno, "cannot write the policy of a prefix");
	}
	prune_policies(fd, keep, conf->sources.prefix_count);
	return 0;
}

static __u32 ipv4_mask(__u32 bits)
{
	return bits ? 0xffffffffu << (32 - bits) : 0;
}

int sg_guard_live_write(struct sg_guard *g)
{
	__u32 zero = 0;

	if (bpf_map_update_elem(sg_guard_map_fd(g, SG_MAP_LIVE), &zero, &g->live, BPF_ANY))
		return sg_log_err(-errno, "cannot write the live configuration");
	return 0;
}

/* The mode: that of the file when the file's changed (or at first), else what is in force, so that a
 * daemon that is restarted does not undo `scepguard mode`.
 */
static void merge_mode(struct sg_guard *g, const struct sg_config *conf, bool first, __u64 now)
{
	enum sg_mode before =
		first ? SG_MODE_OBSERVE : (enum sg_mode)sg_mode_now(g->live.mode_word, now);

	if (first || g->live.config_mode != (__u32)conf->mode) {
		g->live.config_mode = conf->mode;
		g->live.mode_word = SG_MODE_WORD(conf->mode, conf->mode, 0);
		sg_guard_mode_rises(g, before, (enum sg_mode)conf->mode, now);
	}
	/* Connections that were there before their table are passed as before for their `life`. */
	if (g->anew)
		g->live.intercept_since = now;
	g->anew = false;
}

static int fill_live(struct sg_guard *g, const struct sg_config *conf, __u64 now)
{
	bool first = !g->live.loaded;

	if (first) {
		int err = sg_guard_keys_first(g);

		if (err)
			return err;
		g->live.loaded = now;
		if (getrandom(g->live.hash_key, sizeof(g->live.hash_key), 0) !=
		    (ssize_t)sizeof(g->live.hash_key))
			return sg_log_err(-errno,
					  "cannot get random bytes for the source table's key");
	}
	merge_mode(g, conf, first, now);
	g->live.heartbeat = now;
	g->live.policies = conf->sources.prefix_count;
	g->live.ipv4_mask = ipv4_mask(conf->sources.ipv4_prefix);
	g->live.ipv6_prefix = conf->sources.ipv6_prefix;
	g->live.sample_mask = SG_SAMPLE_MASK;
	g->live.log_requests = conf->log.requests == SG_CONFIG_REQUESTS_ALL ? 1
			       : conf->log.requests == SG_CONFIG_REQUESTS_SAMPLED
				       ? SG_REQUEST_SAMPLE
				       : 0;
	source_limits(g, &conf->sources.limits, &g->live.source_default);
	return 0;
}

/* Write everything. Order: what packets need first, the switch to new endpoints last. */
int sg_guard_configure(struct sg_guard *g, const struct sg_config *conf)
{
	__u64 now;
	int err = sg_guard_clock(g, &now, NULL);

	if (!err)
		err = write_services(g, conf, now);
	if (!err)
		err = write_policies(g, conf);
	if (!err)
		err = fill_live(g, conf, now);
	if (!err)
		err = sg_guard_endpoints_write(g, conf);
	return err ? err : sg_guard_live_write(g);
}
