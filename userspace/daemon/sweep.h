/* SPDX-License-Identifier: GPL-2.0-only */
/* One walk over the connection table: counts what is open, and picks what the daemon must end
 * (lease or life over) or delete (closed long ago). Pure: entries, budgets and the time (ticks) are
 * arguments; acting on the picks is the caller's.
 */
#ifndef SG_DAEMON_SWEEP_H
#define SG_DAEMON_SWEEP_H

#include <stdbool.h>
#include <linux/types.h>

#include "../../bpf/abi/scepguard_abi.h"

/* Ended in one tick at most: four times what a CA has at once, and 128 frames are soon injected. */
#define SG_SWEEP_REAP_MAX 64
/* Deleted in one tick at most; the ring reuses places anyway, so a backlog does no harm. */
#define SG_SWEEP_DELETE_MAX 512

/* A copy of an entry to be ended. */
struct sg_sweep_conn {
	struct sg_conn_key key;
	struct sg_conn conn;
};

/* An entry to be deleted, if it is still this one. */
struct sg_sweep_closed {
	struct sg_conn_key key;
	__u64 generation;
};

/* How many connections a source has open. */
struct sg_sweep_source {
	struct sg_source_key key;
	__u32 connections;
	__u32 walk; /* number of the walk this belongs to; others are empty places */
};

struct sg_sweep_service {
	__u32 open;        /* tracked and not closed */
	__u32 actual_open; /* of them, the CA has answered */
	__u32 spliced;     /* of them, those whose handshake was with the guard (intercept) */
	__u32 unheard;     /* opened since sg_sweep_unheard_since(): see there */
	__u32 newly_due;   /* of them, those whose time ran out since the walk before */
	__u64 holder
		[SG_LEASES]; /* generation of the connection that holds this lease; 0 = nobody */
};

struct sg_sweep {
	__u64 now, before; /* this walk's moment, and the last one's */
	__u64 keep_closed_ticks;
	__u64 unheard_since[SG_SERVICES];
	__u64 keep_spliced_ticks; /* never less than that for spliced connections */
	__u32 walk;
	__u32 entries;              /* of the table, closed ones included */
	__u32 reap_count, reap_due; /* picked; all that were due */
	__u32 delete_count;
	__u32 source_mask;               /* places of sources[] - 1 */
	struct sg_sweep_source *sources; /* NULL: sources are not counted */
	struct sg_sweep_service services[SG_SERVICES];
	struct sg_sweep_conn reap[SG_SWEEP_REAP_MAX];
	struct sg_sweep_closed closed[SG_SWEEP_DELETE_MAX];
};

/* Make a sweep for a table of @entries connections. NULL when out of memory. */
struct sg_sweep *sg_sweep_new(__u32 entries);
void sg_sweep_free(struct sg_sweep *s);

/* Closed entries of spliced connections are kept for @ticks: a late copy of their first request must be
 * known for as long as its cookie is good.
 */
void sg_sweep_keep_spliced(struct sg_sweep *s, __u64 ticks);

/* From now on connections of that service count as unheard that were opened later, by a handshake of their client
 * with the CA, and whose client has spoken on after its SYN though no packet of the CA has passed.
 */
void sg_sweep_unheard_since(struct sg_sweep *s, int service, __u64 ticks);

/* Start a walk at @now. Closed entries silent for longer than @keep_closed_ticks are picked. */
void sg_sweep_begin(struct sg_sweep *s, __u64 now, __u64 keep_closed_ticks);

/* Look at one entry. budgets and services: arrays of SG_SERVICES, read before the walk. */
void sg_sweep_add(struct sg_sweep *s, const struct sg_budget *budgets,
		  const struct sg_service *services, const struct sg_conn_key *key,
		  const struct sg_conn *conn);

/* Connections this walk found open for a source. */
__u32 sg_sweep_source_connections(const struct sg_sweep *s, const struct sg_source_key *key);

#endif
