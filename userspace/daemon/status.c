// SPDX-License-Identifier: GPL-2.0-only
/* The snapshot as JSON (docs/control-socket.md). Setting a key to NULL fails in jansson, so running
 * out of memory anywhere shows in the sum of the results.
 */
#include <unistd.h>

#include "labels.h"
#include "run.h"
#include "../util/json.h"
#include "../util/units.h"
#include "../version.h"

json_t *sg_run_time_json(__u64 time_ns)
{
	return time_ns ? sg_json_seconds(time_ns) : json_null();
}

static json_t *counts_json(const __u64 *counts, __u32 n, const char *(*label)(__u32))
{
	_cleanup_json_ json_t *j = json_object();
	int bad = 0;

	for (__u32 i = 0; i < n; i++)
		bad |= json_object_set_new(j, label(i), json_integer(counts[i]));
	return bad ? NULL : json_incref(j);
}

static json_t *verdicts_json(const __u64 verdicts[SG_PRIORITY_MAX_][SG_REASON_MAX_])
{
	_cleanup_json_ json_t *j = json_object();
	int bad = 0;

	for (__u32 p = 0; p < SG_PRIORITY_MAX_; p++)
		bad |= json_object_set_new(
			j, sg_label_priority(p),
			counts_json(verdicts[p], SG_REASON_MAX_, sg_label_reason));
	return bad ? NULL : json_incref(j);
}

/* There is no class 1xx. */
static json_t *answers_json(const __u64 answers[SG_REQUEST_MAX_][SG_STATUS_CLASSES])
{
	_cleanup_json_ json_t *j = json_object();
	int bad = 0;

	for (__u32 c = 0; c < SG_REQUEST_MAX_; c++) {
		json_t *of_class =
			counts_json(answers[c], SG_STATUS_CLASSES, sg_label_status_class);

		json_object_del(of_class, sg_label_status_class(1));
		bad |= json_object_set_new(j, sg_label_class(c), of_class);
	}
	return bad ? NULL : json_incref(j);
}

static json_t *histogram_json(const __u64 *buckets, __u64 sum_ns)
{
	static const __u32 bounds_ms[SG_LATENCY_BUCKETS] = SG_LATENCY_BOUNDS_MS;
	json_t *bounds = json_array(), *counts = json_array();
	int bad = 0;

	for (int i = 0; i < SG_LATENCY_BUCKETS; i++)
		bad |= json_array_append_new(bounds, sg_json_seconds(bounds_ms[i] * SG_NS_PER_MS));
	for (int i = 0; i <= SG_LATENCY_BUCKETS; i++)
		bad |= json_array_append_new(counts, json_integer(buckets[i]));
	if (bad) {
		json_decref(bounds);
		json_decref(counts);
		return NULL;
	}
	return json_pack("{s:o, s:o, s:o}", "bounds_seconds", bounds, "counts", counts,
			 "sum_seconds", sg_json_seconds(sum_ns));
}

static json_t *window_json(const struct sg_snap_mirror *m)
{
	return json_pack("{s:i, s:i, s:o, s:i, s:i, s:i}", "limit", m->window_limit, "cap",
			 m->window_cap, "seconds", sg_json_seconds(m->window_ns), "used",
			 m->window_used, "worst", m->window_worst, "places_used", m->places_used);
}

static json_t *slots_json(const struct sg_snap_mirror *m)
{
	return json_pack("{s:i, s:i, s:i, s:i, s:i}", "limit", m->slots_limit, "cap", m->slots_cap,
			 "used", m->slots_used, "peak", m->slots_peak, "leases_used",
			 m->leases_used);
}

static json_t *deaf_json(const struct sg_snap_mirror *m)
{
	return json_pack("{s:b, s:o, s:o, s:i, s:o, s:i}", "now", m->deaf, "since_time",
			 sg_run_time_json(m->deaf_since_ns), "next_feeler_in_seconds",
			 sg_json_seconds(m->next_feeler_in_ns), "episodes", m->deaf_episodes,
			 "total_seconds", sg_json_seconds(m->deaf_total_ns), "unanswered",
			 m->unanswered);
}

static json_t *predicted_json(const struct sg_snap_mirror *m)
{
	return json_pack("{s:b, s:o, s:o, s:i}", "now", m->predicted_block, "since_time",
			 sg_run_time_json(m->predicted_since_ns), "remaining_seconds",
			 sg_json_seconds(m->predicted_remaining_ns), "episodes",
			 m->predicted_episodes);
}

static json_t *mirror_json(const struct sg_snap_mirror *m)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:b, s:o}", "window", window_json(m), "slots",
			 slots_json(m), "deaf", deaf_json(m), "predicted_block", predicted_json(m),
			 "answering", m->answering, "last_answer_time",
			 sg_run_time_json(m->last_answer_ns));
}

static json_t *shadow_json(const struct sg_snap_shadow *s)
{
	return json_pack(
		"{s:s, s:o, s:o, s:i, s:o, s:o, s:o}", "state", sg_shadow_state_name(s->state),
		"since_time", sg_run_time_json(s->since_ns), "evidence_time",
		sg_run_time_json(s->evidence_ns), "last_status", s->last_status, "content_type",
		sg_json_text(s->content_type), "not_ready_time", sg_run_time_json(s->not_ready_ns),
		"ready_time", sg_run_time_json(s->ready_ns));
}

static int add_books(json_t *j, const struct sg_snap_service *s)
{
	return json_object_set_new(
		       j, "requests",
		       counts_json(s->stats.requests, SG_REQUEST_MAX_, sg_label_class)) |
	       json_object_set_new(
		       j, "requests_per_minute",
		       counts_json(s->requests_per_minute, SG_REQUEST_MAX_, sg_label_class)) |
	       json_object_set_new(j, "verdicts", verdicts_json(s->stats.verdicts)) |
	       json_object_set_new(j, "would", verdicts_json(s->stats.would)) |
	       json_object_set_new(j, "verdicts_per_minute",
				   verdicts_json(s->verdicts_per_minute)) |
	       json_object_set_new(j, "answers", answers_json(s->stats.answers)) |
	       json_object_set_new(j, "latency",
				   histogram_json(s->stats.latency, s->stats.latency_sum_ns)) |
	       json_object_set_new(j, "waited",
				   histogram_json(s->stats.waited, s->stats.waited_sum_ns)) |
	       json_object_set_new(
		       j, "counters",
		       counts_json(s->stats.counters, SG_COUNTER_MAX_, sg_label_counter)) |
	       json_object_set_new(
		       j, "counters_per_minute",
		       counts_json(s->counters_per_minute, SG_COUNTER_MAX_, sg_label_counter));
}

static json_t *waiting_json(const struct sg_snap_intercept *ic)
{
	_cleanup_json_ json_t *j = json_object();
	int bad = 0;

	for (__u32 p = 0; p < SG_PRIORITY_MAX_; p++)
		bad |= json_object_set_new(j, sg_label_priority(p),
					   json_pack("{s:I, s:o}", "requests",
						     (json_int_t)ic->waiting[p], "longest_seconds",
						     sg_json_seconds(ic->longest_wait_ns[p])));
	return bad ? NULL : json_incref(j);
}

static json_t *intercept_json(const struct sg_snap_intercept *ic)
{
	return json_pack("{s:I, s:o, s:I, s:b, s:o, s:s, s:o, s:I}", "splices",
			 (json_int_t)ic->splices, "waiting", waiting_json(ic), "questions_learned",
			 (json_int_t)ic->questions, "canary_in_flight", ic->canary,
			 "canary_since_time", sg_run_time_json(ic->canary_since_ns), "bypass",
			 sg_label_bypass(ic->bypass), "bypass_since_time",
			 sg_run_time_json(ic->bypass_since_ns), "bypass_seen",
			 (json_int_t)ic->bypass_seen);
}

static int add_place(json_t *j, const struct sg_conf_service *conf)
{
	json_t *addresses = json_array(), *ports = json_array();
	int bad = 0;

	for (__u32 i = 0; i < conf->address_count; i++)
		bad |= json_array_append_new(addresses, sg_json_addr(&conf->addresses[i]));
	for (__u32 i = 0; i < conf->port_count; i++)
		bad |= json_array_append_new(ports, json_integer(conf->ports[i]));
	bad |= json_object_set_new(j, "addresses", addresses);
	return bad | json_object_set_new(j, "ports", ports);
}

static json_t *service_json(const struct sg_snap_service *s, const struct sg_conf_service *conf)
{
	_cleanup_json_ json_t *j = json_object();
	int bad = json_object_set_new(j, "name", sg_json_text(s->name)) |
		  json_object_set_new(j, "one_sided", json_boolean(s->one_sided)) |
		  add_place(j, conf) | json_object_set_new(j, "mirror", mirror_json(&s->mirror)) |
		  json_object_set_new(j, "shadow", shadow_json(&s->shadow)) | add_books(j, s) |
		  json_object_set_new(j, "intercept", intercept_json(&s->intercept)) |
		  json_object_set_new(j, "connections", json_integer(s->connections)) |
		  json_object_set_new(j, "drift", json_integer(s->drift)) |
		  json_object_set_new(j, "drift_total", json_integer(s->drift_total)) |
		  json_object_set_new(j, "reaped_total", json_integer(s->reaped_total));

	return bad ? NULL : json_incref(j);
}

static json_t *services_json(const struct sg_daemon *d)
{
	_cleanup_json_ json_t *j = json_array();
	int bad = 0;

	for (__u32 i = 0; i < d->snap.service_count; i++)
		bad |= json_array_append_new(
			j, service_json(&d->snap.services[i], &d->conf->services[i]));
	return bad ? NULL : json_incref(j);
}

static json_t *attachments_json(const struct sg_snapshot *snap)
{
	_cleanup_json_ json_t *j = json_array();
	int bad = 0;

	for (__u32 i = 0; i < snap->attachment_count; i++) {
		const struct sg_guard_attachment *a = &snap->attachments[i];

		bad |= json_array_append_new(j, json_pack("{s:o, s:i, s:b, s:s}", "interface",
							  sg_json_text(a->ifname), "ifindex",
							  a->ifindex, "present", a->present, "xdp",
							  a->native ? "native" : "generic"));
	}
	return bad ? NULL : json_incref(j);
}

static json_t *used_json(__u32 used, __u32 capacity)
{
	return json_pack("{s:I, s:I}", "used", (json_int_t)used, "capacity", (json_int_t)capacity);
}

static json_t *loop_json(const struct sg_daemon *d)
{
	return json_pack(
		"{s:o, s:o, s:o, s:I, s:I}", "last_seconds", sg_json_seconds(d->snap.loop_last_ns),
		"max_seconds", sg_json_seconds(d->snap.loop_max_ns), "interval_seconds",
		sg_json_seconds(d->times.interval_ns), "total", (json_int_t)d->snap.loops_total,
		"missed_total", (json_int_t)d->snap.loops_missed_total);
}

static json_t *control_json(const struct sg_daemon *d)
{
	struct sg_server_totals totals = sg_server_totals(d->server);
	__u64 lost = 0;

	for (__u32 i = 0; i < d->snap.service_count; i++)
		lost += d->snap.services[i].stats.counters[SG_COUNTER_EVENTS_LOST];
	return json_pack("{s:i, s:I, s:I, s:I}", "clients", totals.clients, "clients_dropped_total",
			 (json_int_t)totals.dropped, "events_lost_total", (json_int_t)lost,
			 "log_lines_lost_total", (json_int_t)d->lines.lost);
}

static json_t *config_json(const struct sg_daemon *d)
{
	return json_pack("{s:o, s:b, s:o, s:s}", "path", sg_json_text(d->config_path), "reload_ok",
			 d->snap.config_reload_ok, "loaded_time",
			 sg_run_time_json(d->snap.config_loaded_ns), "mode",
			 sg_label_mode(d->snap.config_mode));
}

json_t *sg_run_mode_json(const struct sg_daemon *d)
{
	return json_pack("{s:s, s:s, s:o}", "mode", sg_label_mode(d->snap.mode), "mode_then",
			 sg_label_mode(d->snap.mode_then), "mode_until_time",
			 sg_run_time_json(d->snap.mode_until_ns));
}

static int add_times(json_t *j, const struct sg_snapshot *snap)
{
	return json_object_set_new(j, "version", json_string(SG_VERSION)) |
	       json_object_set_new(j, "pid", json_integer(getpid())) |
	       json_object_set_new(j, "taken_time", sg_run_time_json(snap->taken_ns)) |
	       json_object_set_new(j, "started_time", sg_run_time_json(snap->started_ns)) |
	       json_object_set_new(j, "loaded_time", sg_run_time_json(snap->loaded_ns)) |
	       json_object_set_new(j, "time_scale", json_integer(snap->time_scale));
}

json_t *sg_run_status_json(const struct sg_daemon *d)
{
	const struct sg_snapshot *snap = &d->snap;
	_cleanup_json_ json_t *j = sg_run_mode_json(d);
	int bad = add_times(j, snap) |
		  json_object_set_new(j, "draining", json_boolean(snap->draining)) |
		  json_object_set_new(j, "services", services_json(d)) |
		  json_object_set_new(
			  j, "passed",
			  counts_json(snap->passed.packets, SG_PASSED_MAX_, sg_label_passed)) |
		  json_object_set_new(j, "attachments", attachments_json(snap)) |
		  json_object_set_new(j, "connections",
				      used_json(snap->connections, snap->connections_capacity)) |
		  json_object_set_new(j, "sources",
				      used_json(snap->sources, snap->sources_capacity)) |
		  json_object_set_new(j, "syn_limiter_capacity",
				      json_integer(snap->syn_limiter_capacity)) |
		  json_object_set_new(j, "config", config_json(d)) |
		  json_object_set_new(j, "loop", loop_json(d)) |
		  json_object_set_new(j, "control", control_json(d));

	return bad ? NULL : json_incref(j);
}
