/* SPDX-License-Identifier: GPL-2.0-only */
/* Every constant of time, in one place. The daemon turns them into ticks of this kernel and
 * divides them by the time scale (1 except in labs); the program has the result in .rodata.
 */
#ifndef SG_TIMES_H
#define SG_TIMES_H

#include <linux/types.h>

/* X(name, milliseconds, why) */
#define SG_TIME_LIST(X)                                                                            \
	X(half_open, 30000,                                                                        \
	  "longest life of an attempt without handshake, however often its SYN comes")             \
	X(heartbeat_stale, 30000, "older: the daemon is dead, the CA's MAC is no longer asked")    \
	X(useful_recent, 600000, "a source counts as its most useful request of this time")        \
	X(claim_renew, 600000,                                                                     \
	  "an in-progress claim is not renewed earlier, unless by PKIOperation")                   \
	X(refused_new, 300000, "an unknown source that is refused counts as new for so long")      \
	X(refused_forget, 3600000, "and is new again so long after its last refusal")              \
	X(asked_recent, 3000, "a lower class that was refused so long ago still asks")             \
	X(answered_recent, 60000,                                                                  \
	  "the CA answered shortly before: so silence means deaf, not absent")                     \
	X(cookie_slot, 32000, "how long cookies are made with one time slot (core/cookie.h)")      \
	X(closed_keep, 200000,                                                                     \
	  "a spliced connection's entry outlives its cookie: a late copy of its request is known") \
	X(canary_wait, 10000, "so long a question asked again may be under way")                   \
	X(window_otherwise, 60000, "a window for what counts by windows, where the CA has none")   \
	X(turnkeeper_stale, 2000, "older: the daemon is dead, whoever comes is admitted")          \
	X(resend_alone, 1000, "a SYN to a CA of which nothing is heard is not sent again earlier") \
	X(refresh, 1000, "a lease is extended only when this much would be added")

struct sg_times {
#define X(name, ms, why) __u64 name;
	SG_TIME_LIST(X)
#undef X
};

#endif
