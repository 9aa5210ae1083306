/* SPDX-License-Identifier: GPL-2.0-only */
/* The real object in this kernel, on maps of its own (nothing is pinned or attached), with a clock that
 * is written, in a network namespace that ends with the process. One at a time.
 */
#ifndef SG_TWIN_KERNEL_H
#define SG_TWIN_KERNEL_H

#include "twin.h"

/* Interfaces that exist in the namespace. */
#define KERNEL_INTERFACES 4

/* Once a process, before anything else here. 0, or negative errno and *why says what is missing. */
int kernel_prepare(__u32 interfaces[KERNEL_INTERFACES], const char **why);

/* Keep this process on one CPU, the n-th of those it may run on: per-CPU maps then have one copy. */
void kernel_stay_on_cpu(unsigned int n);

/* A newly loaded object in place of the one before. 0 or negative errno. */
int kernel_open(const struct guard_sizes *sizes);
void kernel_close(void);
bool kernel_is_open(void);

int kernel_fd(enum twin_map_id id);
void kernel_clock_set(__u64 ticks, __u64 ktime_ns);

/* Run a frame, which is rewritten in place if the program does so. Returns the XDP action or negative
 * errno.
 */
int kernel_run(__u8 *frame, size_t *len, __u32 ifindex);

enum kernel_program { KERNEL_TAKE, KERNEL_END, KERNEL_CLOCK, KERNEL_TURN, KERNEL_EXPIRE };

/* Returns what the program returned, or negative errno. */
int kernel_call(enum kernel_program program, void *call, __u32 size);

/* One of the steps of intercept is there, or is not. Nothing to do for a lower highest mode. */
void kernel_step(enum sg_step step, bool there);

/* Read an entry into *value; per-CPU counters are summed. Ends the process on errors but ENOENT, for
 * which it returns false.
 */
bool kernel_read(enum twin_map_id id, const void *key, void *value);
void kernel_write(enum twin_map_id id, const void *key, const void *value);
void kernel_erase(enum twin_map_id id, const void *key);

/* All values of sg_frames, as they are now. */
const void *kernel_frames(void);

/* Entries 0 to count - 1 of an array. */
void kernel_read_all(enum twin_map_id id, __u32 count, void *values);

/* All entries of a hash. keys and values have room for `most`. Returns how many there are. */
__u32 kernel_read_hash(enum twin_map_id id, __u32 most, void *keys, void *values, bool and_delete);

/* As twin_ring_drain(). */
__u32 kernel_drain(void (*take)(void *ctx, const void *record, size_t len), void *ctx);

/* Name of the field at `offset` in a map's value: "leases[3].expires". */
void kernel_field(enum twin_map_id id, size_t offset, char *out, size_t out_len);

#endif
