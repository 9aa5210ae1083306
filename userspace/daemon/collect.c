// SPDX-License-Identifier: GPL-2.0-only
/* From the maps of this tick to the snapshot. */
#include <string.h>

#include "clock.h"
#include "held.h"
#include "run.h"
#include "../../bpf/core/budget.h"
#include "../../bpf/core/question.h"

/* Longest moment the data plane remembers as "the CA answers". */
static bool is_answering(const struct sg_daemon *d, const struct sg_deaf *deaf)
{
	return deaf->last_answer &&
	       d->tables.now_ticks - deaf->last_answer <= sg_guard_times(d->guard)->answered_recent;
}

static __u64 ticks_ns(const struct sg_daemon *d, __u64 ticks)
{
	return sg_guard_tick_ns(d->guard, ticks);
}

static void collect_deaf(const struct sg_daemon *d, const struct sg_deaf *deaf,
			 struct sg_snap_mirror *m)
{
	__u64 now = d->tables.now_ticks;

	m->deaf = deaf->since != 0;
	m->deaf_since_ns = sg_tables_time(&d->tables, d->guard, deaf->since);
	m->deaf_episodes = deaf->episodes;
	m->deaf_total_ns = ticks_ns(d, deaf->deaf_ticks);
	m->next_feeler_in_ns = 0;
	if (m->deaf && now > deaf->since)
		m->deaf_total_ns += ticks_ns(d, now - deaf->since);
	if (m->deaf && deaf->next_feeler > now)
		m->next_feeler_in_ns = ticks_ns(d, deaf->next_feeler - now);
	m->unanswered = deaf->unanswered;
	m->last_answer_ns = sg_tables_time(&d->tables, d->guard, deaf->last_answer);
	m->answering = is_answering(d, deaf);
}

/* Places of the ring whose last date is younger than the guard's window. */
static __u32 places_used(const struct sg_budget *budget, const struct sg_window_limit *limit,
			 __u64 now)
{
	__u32 used = 0;

	for (__u64 i = 1; i <= SG_PLACES && i <= budget->head; i++) {
		__u64 word = budget->places[(budget->head - i) & (SG_PLACES - 1)];

		used += sg_place_ticks(word) + limit->ticks > now;
	}
	return used;
}

static void collect_window(const struct sg_daemon *d, const struct sg_conf_service *conf,
			   const struct sg_run_service *run, struct sg_snap_mirror *m)
{
	const struct sg_service *service = &d->tables.services[run->index];
	const struct sg_budget *budget = &d->tables.budgets[run->index];
	__u64 now = d->tables.now_ticks, remaining = 0;
	struct sg_window_limit limit = sg_budget_window(service, now);

	m->window_limit = conf->limits.connections;
	m->window_cap = limit.connections;
	m->window_ns = sg_config_scaled_ns(d->conf, conf->limits.window_ns);
	m->window_used = sg_mirror_used(&budget->actual, service->ca_window_ticks, now);
	m->window_worst = run->mirror.worst;
	m->places_used = places_used(budget, &limit, now);
	m->predicted_block = sg_mirror_blocked(&run->mirror, now, &remaining);
	m->predicted_since_ns = sg_tables_time(&d->tables, d->guard, run->mirror.block_since);
	m->predicted_remaining_ns = ticks_ns(d, remaining);
	m->predicted_episodes = run->mirror.episodes;
}

/* The table is the better witness of what is open; its counter may have drifted. */
static void collect_slots(const struct sg_daemon *d, const struct sg_conf_service *conf,
			  const struct sg_run_service *run, struct sg_snap_mirror *m)
{
	const struct sg_budget *budget = &d->tables.budgets[run->index];

	m->slots_limit = conf->limits.max_connections;
	m->slots_cap = d->tables.services[run->index].slots;
	m->slots_used = d->tables.sweep->services[run->index].actual_open;
	m->slots_peak = budget->actual.open_peak;
	m->leases_used = sg_recount_leases(budget);
}

static void collect_shadow(const struct sg_shadow *shadow, struct sg_snap_shadow *snap)
{
	*snap = (struct sg_snap_shadow){
		.state = shadow->state,
		.since_ns = shadow->since_ns,
		.evidence_ns = shadow->evidence_ns,
		.last_status = shadow->status,
		.not_ready_ns = shadow->not_ready_ns,
		.ready_ns = shadow->ready_ns,
	};
	memcpy(snap->content_type, shadow->content_type, sizeof(snap->content_type));
}

static void collect_minute(struct sg_daemon *d, struct sg_run_service *run,
			   struct sg_snap_service *snap)
{
	struct sg_minute_counts counts, growth;
	bool observes = d->snap.mode == SG_MODE_OBSERVE;

	memcpy(counts.requests, snap->stats.requests, sizeof(counts.requests));
	memcpy(counts.verdicts, observes ? snap->stats.would : snap->stats.verdicts,
	       sizeof(counts.verdicts));
	memcpy(counts.counters, snap->stats.counters, sizeof(counts.counters));
	sg_minute_add(&run->minute, &counts, d->tables.ktime_ns,
		      SG_NS_PER_MIN / d->conf->time_scale, &growth);
	memcpy(snap->requests_per_minute, growth.requests, sizeof(growth.requests));
	memcpy(snap->verdicts_per_minute, growth.verdicts, sizeof(growth.verdicts));
	memcpy(snap->counters_per_minute, growth.counters, sizeof(growth.counters));
}

/* Learned and not yet too old to be repeated. */
static __u32 questions_in_force(const struct sg_question_bucket buckets[SG_QUESTION_BUCKETS],
				__u32 epoch, __u64 ttl, __u64 now)
{
	__u32 count = 0;

	for (__u32 i = 0; i < SG_QUESTION_BUCKETS * SG_QUESTION_SLOTS; i++) {
		const struct sg_question *q =
			&buckets[i / SG_QUESTION_SLOTS].slot[i % SG_QUESTION_SLOTS];

		count += q->hash && q->epoch == epoch &&
			 sg_question_age(q->refused, now) < ttl * SG_QUESTION_STALE;
	}
	return count;
}

/* waits: in ticks, by priority. */
static void collect_waiting(const struct sg_daemon *d, const struct sg_intercept *ic,
			    const __u64 *waits, struct sg_snap_intercept *snap)
{
	snap->longest_ns = 0;
	for (int p = 0; p < SG_PRIORITY_MAX_; p++) {
		/* Counted up and down by several CPUs: for a moment it may be below 0. */
		snap->waiting[p] = ic->waiting[p] > 0 ? (__u32)ic->waiting[p] : 0;
		snap->longest_wait_ns[p] = ticks_ns(d, waits[p]);
		if (snap->longest_wait_ns[p] > snap->longest_ns)
			snap->longest_ns = snap->longest_wait_ns[p];
	}
}

static void collect_intercept(const struct sg_daemon *d, __u32 index, const __u64 *waits,
			      struct sg_snap_intercept *snap)
{
	const struct sg_intercept *ic = &d->tables.intercepts[index];
	__u64 now = d->tables.now_ticks;

	snap->splices = d->tables.sweep->services[index].spliced;
	collect_waiting(d, ic, waits, snap);
	snap->questions = questions_in_force(d->tables.questions[index], ic->epoch,
					     d->tables.services[index].answer_ttl_ticks, now);
	snap->canary = sg_canary_flies(ic->canary_since, sg_guard_times(d->guard), now);
	snap->canary_since_ns =
		snap->canary ? sg_tables_time(&d->tables, d->guard, ic->canary_since) : 0;
}

static void collect_service(struct sg_daemon *d, __u32 i, const struct sg_held_waits *waits)
{
	struct sg_run_service *run = &d->services[i];
	struct sg_snap_service *snap = &d->snap.services[i];

	memcpy(snap->name, run->name, sizeof(snap->name));
	snap->one_sided = run->one_sided;
	/* A daemon that found the answers past the guard knows so before the facts below do. */
	snap->intercept.bypass = run->bypass.state;
	snap->intercept.bypass_since_ns =
		sg_tables_time(&d->tables, d->guard, run->bypass.silent_since);
	snap->intercept.bypass_seen = run->bypass.unheard;
	snap->one_sided |= run->bypass.state == SG_BYPASS_FOUND;
	collect_shadow(&run->shadow, &snap->shadow);
	if (run->index < 0)
		return;
	snap->stats = d->tables.stats[run->index];
	collect_window(d, &d->conf->services[i], run, &snap->mirror);
	collect_slots(d, &d->conf->services[i], run, &snap->mirror);
	collect_deaf(d, &d->tables.budgets[run->index].deaf, &snap->mirror);
	/* Handshakes end, yet the CA never answered a SYN: its packets take another way (the data plane
	 * judges by the same two facts).
	 */
	if (snap->stats.counters[SG_COUNTER_HANDSHAKES] && !snap->mirror.last_answer_ns)
		snap->one_sided = true;
	collect_minute(d, run, snap);
	collect_intercept(d, run->index, waits->longest[run->index], &snap->intercept);
	snap->connections = d->tables.sweep->services[run->index].open;
	snap->drift = run->recount.drift;
	snap->drift_total = run->recount.drift_total;
	snap->reaped_total = run->reaped_total;
}

static void collect_mode(struct sg_daemon *d)
{
	__u64 until = 0;

	if (sg_guard_mode(d->guard, &d->snap.mode, &d->snap.mode_then, &until))
		return;
	d->snap.mode_until_ns = sg_tables_time(&d->tables, d->guard, until);
	d->snap.config_mode = d->tables.live.config_mode;
	d->snap.draining = sg_guard_draining(d->guard);
}

void sg_run_collect(struct sg_daemon *d)
{
	struct sg_snapshot *snap = &d->snap;
	struct sg_held_waits waits;

	sg_held_look(&d->turns, d->tables.now_ticks, &waits);
	collect_mode(d);
	snap->taken_ns = d->tables.now_ns;
	/* At boot the daemon is often there before the right time is. */
	snap->started_ns = sg_clock_follow(
		snap->started_ns, d->tables.now_ns - (sg_clock_monotonic_ns() - d->started_ns));
	snap->loaded_ns = sg_tables_time(&d->tables, d->guard, d->tables.live.loaded);
	snap->time_scale = d->conf->time_scale;
	snap->service_count = d->conf->service_count;
	for (__u32 i = 0; i < snap->service_count; i++)
		collect_service(d, i, &waits);
	snap->passed = d->tables.passed;
	snap->attachment_count =
		sg_guard_attachments(d->guard, snap->attachments, SG_CONFIG_INTERFACES_MAX);
	snap->connections = d->tables.sweep->entries;
	snap->connections_capacity = sg_guard_map_entries(d->guard, SG_MAP_CONNS);
	snap->sources = d->sources.known;
	snap->sources_capacity = d->sources.capacity;
	snap->syn_limiter_capacity = 8 * sg_guard_map_entries(d->guard, SG_MAP_SYN_LIMITER);
	snap->config_reload_ok = d->reload_ok;
	snap->config_loaded_ns = d->config_loaded_ns;
	snap->loop_last_ns = d->times.last_ns;
	snap->loop_max_ns = d->times.max_ns;
	snap->loops_total = d->times.total;
	snap->loops_missed_total = d->times.missed;
}
