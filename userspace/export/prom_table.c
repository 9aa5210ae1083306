// SPDX-License-Identifier: GPL-2.0-only
/* Every metric there is, one row each: what the alert rules, the dashboard and the tests build on. A
 * metric is added here (and in struct sg_snapshot) and nowhere else.
 */
#include <stddef.h>

#include "prom_metric.h"

#define GLOBAL(name, type, member, kind, help)                                                \
	{                                                                                     \
		name, type, help, sg_prom_write_global, offsetof(struct sg_snapshot, member), \
			SG_PROM_##kind                                                        \
	}
#define SERVICE(name, type, member, kind, help)                                                    \
	{                                                                                          \
		name, type, help, sg_prom_write_service, offsetof(struct sg_snap_service, member), \
			SG_PROM_##kind                                                             \
	}
#define LABELLED(name, type, writer, help)                                \
	{                                                                 \
		name, type, help, sg_prom_write_##writer, 0, SG_PROM_NONE \
	}
#define COUNTER_ROW(id, label, help)                                                   \
	{                                                                              \
		label "_total",                                                        \
		"counter",                                                             \
		help,                                                                  \
		sg_prom_write_detail,                                                  \
		offsetof(struct sg_stats, counters) + SG_COUNTER_##id * sizeof(__u64), \
		SG_PROM_U64,                                                           \
	},

/* Counters that are told by a family of prom_intercept.c. */
#define ELSEWHERE_COOKIES_SENT    0,
#define ELSEWHERE_COOKIES_PROVEN  0,
#define ELSEWHERE_COOKIES_REFUSED 0,
#define ELSEWHERE_COOKIES_OLD     0,
#define ELSEWHERE_EDGE_AS_CA      0,
#define ELSEWHERE_EDGE_STATUS     0,
#define ELSEWHERE_EDGE_BUSY       0,
#define ELSEWHERE_LEARNED         0,
#define ELSEWHERE_UNLEARNED       0,
/* A counter that is not told: they come again, and are then counted as what they are. */
#define ELSEWHERE_LATER_SEGMENTS 0,

/* As the kernel's IS_ENABLED() does it: a name that is defined as "0," pushes NO_ROW into second place. */
#define NO_ROW(id, label, help)
#define SECOND(first, second, ...) second
#define CHOOSE(...)                SECOND(__VA_ARGS__)
#define COUNTER(id, label, help)   CHOOSE(ELSEWHERE_##id NO_ROW, COUNTER_ROW, )(id, label, help)

const struct sg_prom_metric sg_prom_metrics[] = {
	/* The guard itself */
	LABELLED("build_info", "gauge", build,
		 "Version of the daemon and layout of its pinned maps."),
	GLOBAL("updated_timestamp_seconds", "gauge", taken_ns, NS,
	       "When these values were read from the data plane."),
	GLOBAL("start_timestamp_seconds", "gauge", started_ns, NS, "When the daemon started."),
	GLOBAL("loaded_timestamp_seconds", "gauge", loaded_ns, NS,
	       "When the data plane was loaded; it outlives the daemon."),
	LABELLED("mode", "gauge", mode, "1 for the mode the data plane obeys now."),
	LABELLED(
		"configured_mode", "gauge", configured_mode,
		"1 for the mode of the configuration; another one is in force by command, on trial "
		"or as a fallback."),
	GLOBAL("mode_until_timestamp_seconds", "gauge", mode_until_ns, NS,
	       "When a mode set with --confirm-within falls back; 0 = it is for good."),
	GLOBAL("time_scale", "gauge", time_scale, U32,
	       "By how much the guard's durations are shortened; 1 outside of labs."),
	LABELLED("attached", "gauge", attached,
		 "1 where the guard's program is on the interface, by XDP mode."),
	GLOBAL("config_reload_success", "gauge", config_reload_ok, BOOL,
	       "Whether the last load of the configuration was accepted."),
	GLOBAL("config_last_success_timestamp_seconds", "gauge", config_loaded_ns, NS,
	       "When a configuration was accepted last."),
	GLOBAL("loop_duration_seconds", "gauge", loop_last_ns, NS,
	       "How long the last round of the control loop took."),
	GLOBAL("loop_duration_worst_seconds", "gauge", loop_max_ns, NS,
	       "How long the longest round of the control loop took."),
	GLOBAL("loops_total", "counter", loops_total, U64, "Rounds of the control loop."),
	GLOBAL("loops_missed_total", "counter", loops_missed_total, U64,
	       "Rounds of the control loop that came too late and were left out."),
	GLOBAL("connection_table_entries", "gauge", connections, U32, "Connections tracked."),
	GLOBAL("connection_table_capacity", "gauge", connections_capacity, U32,
	       "Connections that can be tracked (tables.connections)."),
	GLOBAL("source_table_entries", "gauge", sources, U32, "Sources remembered."),
	GLOBAL("source_table_capacity", "gauge", sources_capacity, U32,
	       "Sources that can be remembered (tables.sources)."),
	GLOBAL("source_rate_table_capacity", "gauge", syn_limiter_capacity, U32,
	       "Sources whose rate can be held (tables.syn_limiter)."),
	LABELLED("passed_packets_total", "counter", passed,
		 "Packets of no service, passed unchanged, by what they are."),

	/* The CA and its limits, as seen from here */
	SERVICE("window_connections", "gauge", mirror.window_used, U32,
		"New connections the CA answered in the trailing window."),
	SERVICE("window_connections_limit", "gauge", mirror.window_limit, U32,
		"New connections in one window at which the CA stops listening; 0 = no limit."),
	SERVICE("window_connections_cap", "gauge", mirror.window_cap, U32,
		"New connections the guard lets through in any window; 0 = no limit."),
	SERVICE("window_connections_worst", "gauge", mirror.window_worst, U32,
		"Most new connections the CA answered in any window, ever."),
	SERVICE("window_places_used", "gauge", mirror.places_used, U32,
		"Places of the window taken in the guard's book (in observe: as police would have)."),
	SERVICE("window_seconds", "gauge", mirror.window_ns, NS, "Length of the window."),
	SERVICE("slots_used", "gauge", mirror.slots_used, U32, "Connections open at the CA now."),
	SERVICE("slots_limit", "gauge", mirror.slots_limit, U32,
		"Connections the CA bears at once; 0 = no limit."),
	SERVICE("slots_cap", "gauge", mirror.slots_cap, U32,
		"Connections the guard lets through at once; 0 = no limit."),
	SERVICE("slots_peak", "gauge", mirror.slots_peak, U32,
		"Most connections open at the CA at once, ever."),
	SERVICE("leases_used", "gauge", mirror.leases_used, U32,
		"Slots given in the guard's book (in observe: as police would have)."),
	SERVICE("ca_deaf", "gauge", mirror.deaf, BOOL,
		"1 while the CA leaves SYNs unanswered that it answered shortly before."),
	SERVICE("ca_deaf_episodes_total", "counter", mirror.deaf_episodes, U32,
		"Times the CA went deaf."),
	SERVICE("ca_deaf_seconds_total", "counter", mirror.deaf_total_ns, NS,
		"Time the CA was deaf, the present episode included."),
	SERVICE("ca_unanswered_syns", "gauge", mirror.unanswered, U32,
		"SYNs forwarded since the CA answered one."),
	SERVICE("ca_last_answer_timestamp_seconds", "gauge", mirror.last_answer_ns, NS,
		"When the CA answered a SYN last; 0 = never."),
	SERVICE("predicted_block", "gauge", mirror.predicted_block, BOOL,
		"1 while the CA should be deaf by the count of its connections."),
	SERVICE("predicted_block_remaining_seconds", "gauge", mirror.predicted_remaining_ns, NS,
		"How long the predicted block lasts still."),
	SERVICE("predicted_blocks_total", "counter", mirror.predicted_episodes, U32,
		"Times the count reached the CA's limit."),
	SERVICE("one_sided", "gauge", one_sided, BOOL,
		"1 when the CA's packets cannot be seen: then nothing is known of its answers."),
	SERVICE("open_connections", "gauge", connections, U32,
		"Connections tracked and not closed."),
	SERVICE("slot_drift_total", "counter", drift_total, U64,
		"Slots that the recount had to correct."),
	SERVICE("reaped_connections_total", "counter", reaped_total, U64,
		"Connections the control loop ended because they were too old."),

	/* Is the shadow certificate there? */
	LABELLED("shadow_state", "gauge", shadow,
		 "1 for what is known about the CA's next (shadow) certificate."),
	SERVICE("shadow_since_timestamp_seconds", "gauge", shadow.since_ns, NS,
		"When the state of the shadow certificate last changed; 0 = at start."),
	SERVICE("shadow_evidence_timestamp_seconds", "gauge", shadow.evidence_ns, NS,
		"Last answer to GetNextCACert; 0 = none yet."),
	SERVICE("shadow_not_ready_timestamp_seconds", "gauge", shadow.not_ready_ns, NS,
		"Last answer that said not ready; 0 = never."),
	SERVICE("shadow_ready_timestamp_seconds", "gauge", shadow.ready_ns, NS,
		"Last answer that said ready; 0 = never."),

	/* Requests, answers, verdicts: summed when there are more than two services */
	LABELLED("requests_total", "counter", requests, "Requests by class."),
	LABELLED("answers_total", "counter", answers, "Answers of the CA by class of the request."),
	LABELLED("answer_duration_seconds", "histogram", latency,
		 "From the end of the request line to the CA's first byte, in whole ticks of the "
		 "kernel (4 ms at 250 a second)."),
	LABELLED("verdicts_total", "counter", verdicts,
		 "What was done with attempts to connect (police), or with requests (intercept)."),
	LABELLED("would_verdicts_total", "counter", would,
		 "What police would have done with attempts to connect (observe; an estimate); "
		 "reason budget: for want of a slot or a place."),

	/* Intercept */
	LABELLED("cookies_total", "counter", cookies,
		 "SYNs the guard answered itself, and what segments without a connection proved."),
	LABELLED(
		"edge_answers_total", "counter", edge_answers,
		"Answers the guard gave: the CA's refusal in its own words, by its status alone, or "
		"come back later."),
	LABELLED("held_requests", "gauge", held,
		 "Requests that wait for a turn, by whom they are."),
	SERVICE("held_longest_seconds", "gauge", intercept.longest_ns, NS,
		"How long the request has waited that waits longest; 0 = nobody waits."),
	LABELLED("hold_seconds", "histogram", hold,
		 "How long requests were held, to their turn or to their end."),
	SERVICE("splices", "gauge", intercept.splices, U32,
		"Connections open whose handshake was with the guard."),
	SERVICE("questions_learned", "gauge", intercept.questions, U32,
		"Questions the CA has refused and the guard answers."),
	SERVICE("answers_bypass", "gauge", intercept.bypass, U32,
		"Whether the CA's answers come past the guard: 0 = no sign of it, 1 = police is tried "
		"because nothing of the CA comes, 2 = they do, and police stays."),
	LABELLED("question_changes_total", "counter", question_changes,
		 "Questions learned, and forgotten because the CA's answer changed."),
	/* The list's help texts begin in lower case, as the CLI needs them. */
	SG_COUNTER_LIST(COUNTER)};

const size_t sg_prom_metric_count = sizeof(sg_prom_metrics) / sizeof(sg_prom_metrics[0]);
