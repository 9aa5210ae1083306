/* SPDX-License-Identifier: GPL-2.0-only */
/* Everything the daemon knows at one moment, as plain numbers: made once a second by the control
 * loop, read by the metrics formatter and turned into JSON for the CLI. No pointers into maps.
 * Durations are real nanoseconds; times are CLOCK_REALTIME nanoseconds unless named otherwise.
 */
#ifndef SG_DAEMON_SNAPSHOT_H
#define SG_DAEMON_SNAPSHOT_H

#include <stdbool.h>
#include <linux/types.h>

#include "bypass.h"
#include "../../bpf/abi/scepguard_abi.h"
#include "../guard/guard.h"

enum sg_shadow_state {
	SG_SHADOW_UNKNOWN,
	SG_SHADOW_NOT_READY,
	SG_SHADOW_READY,            /* verified: only a probe can say so (later issue) */
	SG_SHADOW_READY_UNVERIFIED, /* 200 with the right content type */
	SG_SHADOW_EXPIRED,          /* evidence too old */
	SG_SHADOW_WRONG_PATH,       /* 404 to GetNextCACert and to GetCACert */
	SG_SHADOW_MAX_,
};

/* Passive evidence about the shadow (rollover) certificate. */
struct sg_snap_shadow {
	enum sg_shadow_state state;
	__u64 since_ns;    /* when this state began; 0 = at start */
	__u64 evidence_ns; /* last answer to GetNextCACert; 0 = none yet */
	__u16 last_status; /* of that answer */
	char content_type[64];
	__u64 not_ready_ns, ready_ns; /* last evidence of each kind; 0 = never */
};

/* The simple mirror of the CA's limits (the observed one comes later). */
struct sg_snap_mirror {
	__u32 window_limit; /* the CA's own: connections */
	__u32 window_cap;   /* the guard's own cap; 0 = none */
	__u64 window_ns;
	__u32 window_used;  /* actual: connections the CA answered in the trailing window */
	__u32 window_worst; /* actual: most in any window ever */
	__u32 places_used;  /* police: places of the ring younger than the window; observe: would */
	__u32 slots_limit, slots_cap;
	__u32 slots_used; /* actual: connections open at the CA now */
	__u32 slots_peak;
	__u32 leases_used; /* police: slots given; observe: would */
	bool deaf;         /* data plane: SYNs unanswered while it answered shortly before */
	__u64 deaf_since_ns;
	__u64 next_feeler_in_ns;
	__u32 deaf_episodes;
	__u64 deaf_total_ns;  /* finished episodes and the present one */
	bool predicted_block; /* by the count: the CA's limit was reached */
	__u64 predicted_since_ns;
	__u64 predicted_remaining_ns;
	__u32 predicted_episodes;
	bool answering;       /* the CA answered a SYN within the last minute (scaled) */
	__u64 last_answer_ns; /* 0 = never */
	__u32 unanswered;     /* SYNs forwarded since its last answer */
};

/* What intercept has in its hands now; all zero when the mode never was intercept. */
struct sg_snap_intercept {
	__u32 splices;                   /* connections open whose handshake was with the guard */
	__u32 waiting[SG_PRIORITY_MAX_]; /* requests held for a turn */
	__u64 longest_wait_ns[SG_PRIORITY_MAX_]; /* of those */
	__u64 longest_ns;                        /* of all */
	__u32 questions; /* learned and in force: fresh, or stale and about to be asked again */
	bool canary;     /* one of them is being asked again */
	__u64 canary_since_ns;
	enum sg_bypass_state bypass; /* do the CA's answers come past the guard? */
	__u64 bypass_since_ns;       /* first attempt to which nothing of the CA came; 0 = none */
	__u32 bypass_seen; /* most connections at once whose clients spoke on all the same */
};

struct sg_snap_service {
	char name[SG_CONFIG_NAME_MAX];
	bool one_sided; /* the CA's packets cannot be seen (CA on this host, or route unknown) */
	struct sg_snap_mirror mirror;
	struct sg_snap_shadow shadow;
	struct sg_stats stats;                      /* sum over CPUs */
	__u64 requests_per_minute[SG_REQUEST_MAX_]; /* trailing minute */
	__u64 verdicts_per_minute[SG_PRIORITY_MAX_]
				 [SG_REASON_MAX_]; /* of the book that counts in this mode */
	__u64 counters_per_minute[SG_COUNTER_MAX_];
	struct sg_snap_intercept intercept;
	__u32 connections; /* tracked and not closed */
	__u32 drift;       /* slots corrected by the last recount, absolute */
	__u64 drift_total;
	__u64 reaped_total;
};

struct sg_snapshot {
	__u64 taken_ns;
	__u64 started_ns; /* of the daemon */
	__u64 loaded_ns;  /* of the data plane, survives restarts */
	enum sg_mode mode, mode_then;
	__u64 mode_until_ns;      /* 0 = for good */
	enum sg_mode config_mode; /* as configured; not in force: by command, or as a fallback */
	bool draining;            /* intercept was left, what it began is not over yet */
	__u32 time_scale;
	__u32 service_count;
	struct sg_snap_service services[SG_SERVICES];
	struct sg_passed_stats passed;
	__u32 attachment_count;
	struct sg_guard_attachment attachments[SG_CONFIG_INTERFACES_MAX];
	__u32 connections, connections_capacity;
	__u32 sources, sources_capacity;
	__u32 syn_limiter_capacity;
	bool config_reload_ok;
	__u64 config_loaded_ns; /* last successful load */
	__u64 loop_last_ns, loop_max_ns;
	__u64 loops_total;
	__u64 loops_missed_total;
};

#endif
