/* SPDX-License-Identifier: GPL-2.0-only */
/* When the frames of a case came in, as its line of JSON says: "times": [seconds, ...]. Pure. */
#ifndef SG_CLASSIFY_TIMES_H
#define SG_CLASSIFY_TIMES_H

#include <jansson.h>
#include <stddef.h>
#include <linux/types.h>

/* Latest time of a frame in seconds: dates since 1970 fit until the year 2286. */
#define SG_CLASSIFY_SECONDS_MAX 10000000000ll

/* Longest case in seconds, three years. A place's date has 40 bits of ticks. */
#define SG_CLASSIFY_SPAN_MAX 100000000ll

/* Read the times of `packets` frames. On success *ret is an array of so many nanoseconds since the first
 * one, to be freed by the caller; NULL when there are none (times is NULL or null): no time passes.
 * Returns 0; -EINVAL with the reason in error[size]; -ENOMEM.
 */
int sg_classify_times(const json_t *times, size_t packets, __u64 **ret, char *error, size_t size);

#endif
