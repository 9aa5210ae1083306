/* SPDX-License-Identifier: GPL-2.0-only */
/* What a running daemon is made of. For the files of this folder that work on the whole of it. */
#ifndef SG_DAEMON_RUN_H
#define SG_DAEMON_RUN_H

#include <jansson.h>

#include "bypass.h"
#include "changes.h"
#include "control.h"
#include "edges.h"
#include "events.h"
#include "instance.h"
#include "log_lines.h"
#include "loop.h"
#include "minute.h"
#include "questions.h"
#include "recount.h"
#include "server.h"
#include "snapshot.h"
#include "sources.h"
#include "tables.h"
#include "turns.h"
#include "../export/prom.h"
#include "../ios/mirror.h"
#include "../shadow/heads.h"
#include "../shadow/shadow.h"

struct ring_buffer;

/* What the daemon knows of one service beyond the maps; in the order of the configuration. */
struct sg_run_service {
	char name[SG_CONFIG_NAME_MAX];
	int index;       /* in the maps; negative: not found there */
	__u64 window_ns; /* the worst window below was measured with this one (as configured) */
	__u64 drift_told;
	__u64 reaped_total;
	bool one_sided;
	struct sg_mirror mirror;
	struct sg_shadow shadow;
	struct sg_minute minute;
	struct sg_recount recount;
	struct sg_bypass bypass;
};

struct sg_run_loop_times {
	__u64 interval_ns, last_ns, max_ns, total, missed;
};

struct sg_daemon {
	const char *config_path;
	struct sg_config *conf;
	struct sg_guard *guard;
	struct sg_instance instance;
	struct sg_loop loop;
	struct sg_loop_watch timer, signals, records, routes, rounds;
	struct sg_server *server;
	struct sg_prom_http *prom;
	struct ring_buffer *ring;
	int ring_fd;
	struct sg_tables tables;
	struct sg_turns turns;
	bool rounds_run; /* somebody waits: the turnkeeper's timer is set */
	struct sg_edges edges;
	struct sg_questions questions;
	struct sg_sources sources;
	struct sg_run_service services[SG_SERVICES];
	struct sg_service_names names;
	struct sg_events events;
	struct sg_changes changes;
	struct sg_heads heads;
	struct sg_log_lines lines;
	struct sg_snapshot snap;
	struct sg_run_loop_times times;
	__u64 started_ns;       /* CLOCK_MONOTONIC */
	__u64 config_loaded_ns; /* CLOCK_REALTIME */
	__u64 watchdog_ns;      /* half of what systemd allows; 0 = it does not watch */
	__u64 watchdog_told_ns, state_saved_ns; /* CLOCK_MONOTONIC */
	bool ready;                             /* the start succeeded */
	bool detached;                          /* by `scepguard detach`, while it ran */
	bool reload_ok;
	bool routes_changed;
	bool state_changed; /* in a way worth keeping at once */
	int err;            /* why the loop was stopped */
};

/* tick.c: one turn of the control loop. */
void sg_run_tick(struct sg_daemon *d);

/* fallback.c: whether the CA's answers pass here, in intercept; else police. */
void sg_run_watch_answers(struct sg_daemon *d);

/* evidence.c: one record of the ring buffer; callback of libbpf. */
int sg_run_record(void *ctx, void *data, size_t size);
/* What has changed since the snapshot before becomes events of the daemon's own. */
void sg_run_note_changes(struct sg_daemon *d);
/* Heads of answers that do not come to an end are judged as they are. */
void sg_run_judge_unfinished(struct sg_daemon *d);

/* intercept.c: who has its turn, what the guard answers, which questions it knows. Opened when the guard and the loop
 * are; a record is one of the ring buffer, a tick is one of the control loop.
 */
int sg_run_intercept_open(struct sg_daemon *d);
void sg_run_intercept_close(struct sg_daemon *d);
void sg_run_intercept_record(struct sg_daemon *d, const struct sg_event *ev, size_t size);
void sg_run_intercept_tick(struct sg_daemon *d);
json_t *sg_run_questions_json(const struct sg_daemon *d); /* a new reference or NULL */

/* collect.c: fill d->snap from d->tables. */
void sg_run_collect(struct sg_daemon *d);

/* apply.c */
int sg_run_read_config(const char *path, struct sg_config **ret);
void sg_run_reload(struct sg_daemon *d);
/* The configuration changed: match what is known by the services' names. */
void sg_run_match_services(struct sg_daemon *d);
int sg_run_start_metrics(struct sg_daemon *d);

/* state.c: what survives a reboot, in <paths.state>/state.json. */
void sg_run_state_load(struct sg_daemon *d);
void sg_run_state_save(struct sg_daemon *d);

/* handler.c: answers of the control socket; an sg_control_handler. */
json_t *sg_run_answer(void *daemon, const struct sg_control_request *req, char *error);

/* status.c, sources_view.c, explain.c: each a new reference or NULL. */
json_t *sg_run_status_json(const struct sg_daemon *d);
json_t *sg_run_mode_json(const struct sg_daemon *d);
json_t *sg_run_sources_json(struct sg_daemon *d, const struct sg_control_request *req);
__u64 sg_run_now(const struct sg_daemon *d);
json_t *sg_run_source_json(const struct sg_daemon *d, const struct sg_source_key *key,
			   const struct sg_source *src);
json_t *sg_run_explain_json(struct sg_daemon *d, const struct sg_addr *address);

/* {"..._time": seconds or null} for a CLOCK_REALTIME of 0 = never. New reference. */
json_t *sg_run_time_json(__u64 time_ns);

#endif
