/* SPDX-License-Identifier: GPL-2.0-only */
/* Cases as lines of JSON: {"id": "…", "packets": ["hex of one Ethernet frame", …], "times": [s, …]} in,
 * {"id": …, "classes": […], "dropped": […]} or {"id": …, "error": "…"} out, one line for each. Times
 * may be left out: then no time passes. With "to_ca": true in, "to_ca": [[index, "hex"], …] comes out, too.
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

/* {"classes": […], "dropped": […]}, and with what was sent to the CA, if that was kept, {"to_ca": [[index, "hex"], …]}.
 * New reference, or NULL when out of memory.
 */
json_t *sg_classify_json(const struct sg_classify_result *result);

/* Why sg_classifier_frame() failed, as a sentence about a frame. */
const char *sg_classify_reason(int err);

#endif
