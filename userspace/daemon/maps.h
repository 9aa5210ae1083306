/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading the guard's maps in batches. Every supported kernel (6.1 on) has the batch calls for
 * these map types.
 */
#ifndef SG_DAEMON_MAPS_H
#define SG_DAEMON_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "../../bpf/abi/scepguard_abi.h"

/* Entries of one call: enough that calls are few, small enough for the buffers to stay in cache. */
#define SG_MAPS_BATCH 512

/* A walk over a hash map, which may be spread over several calls. An entry that is inserted or
 * deleted meanwhile may be missed or met twice.
 */
struct sg_maps_walk {
	int fd; /* its own: the guard's changes when it loads the program anew */
	size_t key_size, value_size;
	bool begun;
	__u32 cursor;        /* the kernel's */
	void *keys, *values; /* SG_MAPS_BATCH of each */
};

/* Returns 0 or a negative errno. */
int sg_maps_walk_open(struct sg_maps_walk *w, int fd, size_t key_size, size_t value_size);
void sg_maps_walk_close(struct sg_maps_walk *w);

/* Read the next entries into w->keys and w->values. Returns how many, at most SG_MAPS_BATCH; 0 with
 * *end = true behind the last (the next call starts anew); or a negative errno.
 */
int sg_maps_walk_next(struct sg_maps_walk *w, bool *end);

/* Sum a per-CPU array's entry over all CPUs: @size bytes of __u64 counters. scratch: room for
 * sg_maps_cpus() * @size bytes. Returns 0 or a negative errno; *sum is untouched then.
 */
int sg_maps_sum(int fd, __u32 index, __u64 *sum, size_t size, __u64 *scratch);

/* Possible CPUs, 1 at least. */
int sg_maps_cpus(void);

#endif
