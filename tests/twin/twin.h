/* SPDX-License-Identifier: GPL-2.0-only */
/* The native twin: bpf/scepguard.bpf.c, every line of it, built for this machine with sanitizers. One
 * guard, one CPU, a clock that is written.
 */
#ifndef SG_TWIN_H
#define SG_TWIN_H

#include "twin_map.h"
#include "../../bpf/abi/scepguard_abi.h"
#include "../../bpf/core/times.h"

/* Every map of bpf/maps.bpf.h that has keys and values. */
#define TWIN_TABLES(X)     \
	X(sg_live)         \
	X(sg_endpoints)    \
	X(sg_services)     \
	X(sg_budgets)      \
	X(sg_conns)        \
	X(sg_conn_ring)    \
	X(sg_generation)   \
	X(sg_open_conns)   \
	X(sg_sources)      \
	X(sg_syn_limiter)  \
	X(sg_refused)      \
	X(sg_prefixes)     \
	X(sg_stats)        \
	X(sg_passed)       \
	X(sg_steps)        \
	X(sg_frames)       \
	X(sg_waiting)      \
	X(sg_ticket)       \
	X(sg_held_by)      \
	X(sg_edges)        \
	X(sg_questions)    \
	X(sg_intercepts)   \
	X(sg_flows)        \
	X(sg_scratch)      \
	X(sg_texts)        \
	X(sg_blank_source) \
	X(sg_call_scratch)

/* And the ring buffer. */
#define TWIN_MAPS(X)   \
	TWIN_TABLES(X) \
	X(sg_events)

enum twin_map_id {
#define X(map) TWIN_##map,
	TWIN_MAPS(X)
#undef X
		TWIN_MAPS_COUNT
};

/* What is fixed at load. Tables that are smaller than in the field fill up, evict and reuse. */
struct guard_sizes {
	__u32 conns;       /* entries of sg_conns; a power of two */
	__u32 ring;        /* entries of sg_conn_ring; a power of two */
	__u32 sources;     /* entries of sg_sources */
	__u32 syn_buckets; /* of sg_syn_limiter and sg_refused; a power of two */
	__u32 frames; /* that can be held: of sg_waiting, and of sg_frames less SG_LEASES; a power of two */
	__u32 event_bytes; /* of sg_events; a power of two, at least a page */
	__u32 highest_mode;
	__u32 hz; /* ticks a second of the constants of time */
};

/* Longest frame the kernel's test run takes, with room for its own; and the longest that comes out. */
#define TWIN_FRAME_MAX  3400
#define TWIN_FRAME_ROOM 4096

/* What the kernel's test run leaves: its own struct xdp_frame in front, struct skb_shared_info behind (facts). */
#define TWIN_ROOM_HEAD 216
#define TWIN_ROOM_END  3520 /* longest frame, from where it began */

/* A new guard in place of the one before; its maps are empty. Ends the process on failure. */
void twin_open(const struct guard_sizes *sizes);
void twin_close(void);

struct twin_map *twin_map(enum twin_map_id id);

void twin_clock_set(__u64 ticks, __u64 ktime_ns);

/* Run a frame that came in on this interface. It is rewritten in place, and *len with it, if the program does so:
 * frame has room for TWIN_FRAME_ROOM bytes. Bytes before its start or behind its end cannot be read: the address
 * sanitizer ends the process. Returns the XDP action.
 */
__u32 twin_run(__u8 *frame, size_t *len, __u32 ifindex);

/* How far frames can grow from now on, in bytes; at first as in the kernel's test run. */
void twin_room(__u32 head, __u32 tail);

/* The highest mode it was opened for. */
enum sg_mode twin_highest(void);

/* The programs for the daemon. */
int twin_take(struct sg_take_call *call);
int twin_end(struct sg_end_call *call);
int twin_clock(struct sg_clock_call *call);
int twin_turn(struct sg_turn_call *call);
int twin_expire(struct sg_expire_call *call);

#endif
