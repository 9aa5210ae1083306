/* SPDX-License-Identifier: GPL-2.0-only */
/* Clears marks of sources that were forgotten (bpf/core/known.h). A mark too many costs a look in vain, so there is
 * no haste: a round over all sources that follows the forgetting of some notes which marks are needed
 * and takes the others away, where the program has made none meanwhile.
 */
#ifndef SG_DAEMON_MARKS_H
#define SG_DAEMON_MARKS_H

#include <stdbool.h>
#include <linux/types.h>

#include "../../bpf/abi/scepguard_abi.h"

struct sg_marks {
	struct sg_refused_bucket *buckets; /* the map's own memory, shared with the program */
	__u64 *before;                     /* words as they were when the round began */
	__u64 *needed;                     /* bits of the sources met so far */
	__u32 mask;                        /* buckets - 1: a power of two */
	bool stale;                        /* sources were forgotten since the round began */
	bool running;
};

/* @fd: of sg_refused, @entries its size. Returns 0, or a negative errno with a message. */
int sg_marks_open(struct sg_marks *m, int fd, __u32 entries);
void sg_marks_close(struct sg_marks *m);

/* A round over all sources begins; if none was forgotten since the last one, nothing is done in it. */
void sg_marks_begin(struct sg_marks *m);

/* A source that stays, by sg_source_hash(). If its mark is missing (the daemon died between the making of an entry and
 * its mark's, or a walk took it away) it is set: without it nobody would look for the source.
 */
void sg_marks_need(struct sg_marks *m, __u64 hash);

/* The round is complete. Returns how many marks were cleared. */
__u32 sg_marks_end(struct sg_marks *m);

#endif
