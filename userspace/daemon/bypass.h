/* SPDX-License-Identifier: GPL-2.0-only */
/* Do the CA's answers come past the guard, by another way? Then intercept, which must see them, keeps every
 * client waiting. Silence alone does not tell that from a CA that is down: police is tried, where the clients'
 * own handshakes reach the CA. Clients that speak on though no packet of the CA has passed prove the other
 * way. A packet of the CA proves that there is none, now or again, and intercept goes on: so nobody who
 * sends what such clients would send keeps the guard in police for longer than the CA is silent.
 *
 * Pure: what was counted and the time (ticks) are arguments; changing the mode is the caller's. Answers of which
 * only some take another way are not found.
 */
#ifndef SG_DAEMON_BYPASS_H
#define SG_DAEMON_BYPASS_H

#include <stdbool.h>
#include <linux/types.h>

#include "../../bpf/abi/scepguard_abi.h"

/* So many attempts in a row without a packet of the CA make suspicious; more, where it was seen since intercept
 * began and is rather down or deaf.
 */
#define SG_BYPASS_ATTEMPTS      3
#define SG_BYPASS_ATTEMPTS_SEEN 5
/* Clients that speak on: one may be a stray. */
#define SG_BYPASS_UNHEARD 2

enum sg_bypass_state {
	SG_BYPASS_WATCH, /* nothing is suspected */
	SG_BYPASS_TRIED, /* police is tried */
	SG_BYPASS_FOUND, /* the CA's answers come past the guard: police, until one comes by it */
};

struct sg_bypass_times {
	__u64 silent;      /* before police is tried */
	__u64 silent_seen; /* the same, where the CA was seen since intercept began */
};

struct sg_bypass_counts {
	__u64 attempts; /* since load: admitted, to the CA */
	__u64 from_ca;  /* since load: packets of the CA */
	__u32 unheard;  /* now: see struct sg_sweep_service */
};

/* The mode in force, as far as it matters here. */
enum sg_bypass_mode {
	SG_BYPASS_OTHER,
	SG_BYPASS_INTERCEPT,
	SG_BYPASS_POLICE_ON_TRIAL, /* police for a time, then intercept */
};

struct sg_bypass {
	enum sg_bypass_state state;
	bool watched;   /* in intercept */
	bool seen;      /* the CA, since intercept began */
	__u64 since;    /* WATCH: first attempt since the CA was last seen, 0 = none; TRIED: when */
	__u64 attempts; /* when the CA was last seen, or intercept began */
	__u64 from_ca;  /* the same, or when police was tried */
	__u64 silent_since; /* TRIED, FOUND: the first attempt to which nothing of the CA came; else 0 */
	__u32 unheard;      /* TRIED, FOUND: most of them at once; else 0 */
};

enum sg_bypass_act {
	SG_BYPASS_NOTHING,
	SG_BYPASS_TRY_POLICE, /* police on trial, for minutes */
	SG_BYPASS_BACK,       /* to intercept */
	SG_BYPASS_STAY,       /* police on trial, for long, and tell it */
};

/* What the statistics of a service say. */
struct sg_bypass_counts sg_bypass_count(const struct sg_stats *stats, __u32 unheard);

/* Would sg_bypass_advance() try police now, if the CA is reachable? */
bool sg_bypass_asks(const struct sg_bypass *b, const struct sg_bypass_counts *counts,
		    const struct sg_bypass_times *times, __u64 now);

/* Once a second. reachable: whoever is next on the way to the CA is there; matters only when sg_bypass_asks(). */
enum sg_bypass_act sg_bypass_advance(struct sg_bypass *b, const struct sg_bypass_counts *counts,
				     const struct sg_bypass_times *times, enum sg_bypass_mode mode,
				     bool reachable, __u64 now);

#endif
