/* SPDX-License-Identifier: GPL-2.0-only */
/* The native twin and the real object driven as one: whatever is written, run or asked goes to both, and
 * both must answer the same. Without a kernel (no root, or a fuzzer) the twin goes alone.
 *
 * A disagreement, an XDP_ABORTED and a failed test run are explained on standard error, and the
 * function returns false.
 */
#ifndef SG_TWIN_GUARDS_H
#define SG_TWIN_GUARDS_H

#include "twin.h"

/* Services that tests use: sg_budgets and sg_services beyond are not looked at. */
#define GUARD_SERVICES 3

/* What became of a frame. */
struct outcome {
	__u32 action;
	__u32 len;
	__u8 frame[TWIN_FRAME_ROOM];
};

/* Ends the process when the kernel refuses to load the object. */
void guards_open(const struct guard_sizes *sizes, bool with_kernel);
void guards_close(void);

/* As just loaded: all state gone, every step there. What the two hold must be the same (else: guards_open()). */
void guards_clear(void);

void guards_clock(__u64 ticks, __u64 ktime_ns);
void guards_write(enum twin_map_id id, const void *key, const void *value);
void guards_erase(enum twin_map_id id, const void *key); /* must be there */

/* One of the steps of intercept is there, or is not (while a load is replaced). */
void guards_step(enum sg_step step, bool there);

/* out: of the twin. */
bool guards_frame(const __u8 *frame, size_t len, __u32 ifindex, struct outcome *out);
bool guards_take(struct sg_take_call *call);
bool guards_end(struct sg_end_call *call);
bool guards_ask_clock(void);
bool guards_turn(struct sg_turn_call *call);
bool guards_expire(struct sg_expire_call *call);

/* Are the records told since the last time the same? Each of the twin's is handed to `take`. */
bool guards_drain(void (*take)(void *ctx, const struct sg_event *event), void *ctx);

/* Is all state the same? */
bool guards_compare(void);

/* The frame as hexadecimal text, on standard error. */
void guards_print_frame(const char *what, const __u8 *frame, size_t len);

#endif
