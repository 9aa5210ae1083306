// SPDX-License-Identifier: GPL-2.0-only
/* The commands of the control socket. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "labels.h"
#include "run.h"
#include "../check/check.h"
#include "../util/cleanup.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../version.h"

/* What the data plane is in now, not what the last tick saw. */
static json_t *mode_now(struct sg_daemon *d, char *error)
{
	__u64 until = 0, now = 0;

	if (sg_guard_mode(d->guard, &d->snap.mode, &d->snap.mode_then, &until) ||
	    sg_guard_clock(d->guard, &now, NULL)) {
		snprintf(error, SG_CONTROL_ERROR, "cannot read the mode in force");
		return NULL;
	}
	d->tables.now_ticks = now;
	d->tables.now_ns = sg_clock_realtime_ns();
	d->snap.mode_until_ns = sg_tables_time(&d->tables, d->guard, until);
	return sg_run_mode_json(d);
}

/* A refusal with what is missing, as `check` tells it. New reference or NULL. */
static json_t *not_ready(const struct sg_control_request *req,
			 const struct sg_check_report *missing)
{
	_cleanup_json_ json_t *report = sg_check_json(missing);
	char error[SG_CONTROL_ERROR];

	snprintf(error, sizeof(error),
		 "cannot change to mode '%s': this machine is not ready for it",
		 sg_label_mode(req->mode));
	return json_pack("{s:s, s:O}", "error", error, "findings",
			 json_object_get(report, "findings"));
}

static json_t *set_mode(struct sg_daemon *d, const struct sg_control_request *req, char *error)
{
	_cleanup_free_ struct sg_check_report *missing = calloc(1, sizeof(*missing));
	__u64 trial = sg_guard_ticks(d->guard, req->confirm_within_ns);
	int err;

	err = sg_guard_set_mode(d->guard, req->mode, trial, missing);
	if (err && missing && missing->count)
		return not_ready(req, missing);
	if (err) {
		snprintf(error, SG_CONTROL_ERROR, "cannot change to mode '%s': %s (see the log)",
			 sg_label_mode(req->mode), strerror(-err));
		return NULL;
	}
	sg_log_info("mode '%s' by command%s", sg_label_mode(req->mode), trial ? ", on trial" : "");
	return mode_now(d, error);
}

static json_t *confirm(struct sg_daemon *d, char *error)
{
	enum sg_mode now, then;
	__u64 until = 0;
	int err = sg_guard_mode(d->guard, &now, &then, &until);

	if (!err && !until) {
		snprintf(error, SG_CONTROL_ERROR,
			 "no mode is on trial: there is nothing to confirm, or the trial is over");
		return NULL;
	}
	if (!err)
		err = sg_guard_set_mode(d->guard, now, 0, NULL);
	if (err) {
		snprintf(error, SG_CONTROL_ERROR, "cannot keep the mode: %s", strerror(-err));
		return NULL;
	}
	sg_log_info("mode '%s' confirmed", sg_label_mode(now));
	return mode_now(d, error);
}

static json_t *metrics(const struct sg_daemon *d)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (sg_prom_format(&d->snap, &text, &len))
		return NULL;
	return json_pack("{s:o}", "text", json_stringn(text, len));
}

static json_t *events(const struct sg_daemon *d, const struct sg_control_request *req)
{
	__u64 lost = 0;

	for (__u32 i = 0; i < d->snap.service_count; i++)
		lost += d->snap.services[i].stats.counters[SG_COUNTER_EVENTS_LOST];
	return json_pack("{s:o, s:I}", "events",
			 sg_events_list(&d->events, &d->names, req->limit, NULL), "lost",
			 (json_int_t)lost);
}

json_t *sg_run_answer(void *daemon, const struct sg_control_request *req, char *error)
{
	struct sg_daemon *d = daemon;

	switch (req->command) {
	case SG_CONTROL_VERSION:
		return json_pack("{s:s, s:i, s:i}", "version", SG_VERSION, "abi", SG_ABI_VERSION,
				 "pid", getpid());
	case SG_CONTROL_STATUS:
		return sg_run_status_json(d);
	case SG_CONTROL_SOURCES:
		return sg_run_sources_json(d, req);
	case SG_CONTROL_EXPLAIN:
		return sg_run_explain_json(d, &req->address);
	case SG_CONTROL_EVENTS:
		return events(d, req);
	case SG_CONTROL_MODE:
		return set_mode(d, req, error);
	case SG_CONTROL_CONFIRM:
		return confirm(d, error);
	case SG_CONTROL_METRICS:
		return metrics(d);
	case SG_CONTROL_QUESTIONS:
		return sg_run_questions_json(d);
	default:
		return NULL;
	}
}
