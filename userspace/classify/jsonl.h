/* SPDX-License-Identifier: GPL-2.0-only */
/* Cases as lines of JSON: {"id": "…", "packets": ["hex of one Ethernet frame", …], "times": [s, …]} in,
 * {"id": …, "classes": […], "dropped": […]} or {"id": …, "error": "…"} out, one line for each. Times
 * may be left out: then no time passes.
 */
#ifndef SG_CLASSIFY_JSONL_H
#define SG_CLASSIFY_JSONL_H

#include <jansson.h>
#include <stdio.h>

#include "classify.h"

/* Longest line read, in bytes; of a longer one only the beginning is kept, and it is refused. */
#define SG_CLASSIFY_LINE_MAX (16u << 20)

/* Classify every line of `in` to `out`. A bad line gets its error and the rest go on. Returns 0, or
 * negative errno when `out` cannot be written or `in` not read.
 */
int sg_classify_jsonl(struct sg_classifier *c, FILE *in, FILE *out);

/* {"classes": […], "dropped": […]}; takes the reference to dropped, an array of frame indexes. New
 * reference, or NULL when out of memory.
 */
json_t *sg_classify_json(const struct sg_classify_result *result, json_t *dropped);

/* Why sg_classifier_frame() failed, as a sentence about a frame. */
const char *sg_classify_reason(int err);

#endif
