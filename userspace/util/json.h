/* SPDX-License-Identifier: GPL-2.0-only */
/* A little comfort on top of jansson. */
#ifndef SG_UTIL_JSON_H
#define SG_UTIL_JSON_H

#include <stdio.h>
#include <jansson.h>
#include <linux/types.h>

#include "addr.h"

static inline void sg_cleanup_json(json_t **j)
{
	json_decref(*j);
}
#define _cleanup_json_ __attribute__((cleanup(sg_cleanup_json)))

/* New references, or NULL when out of memory. */
json_t *sg_json_addr(const struct sg_addr *a);
/* Seconds as a real, since JSON consumers expect base units. */
json_t *sg_json_seconds(__u64 ns);
/* Text of unknown origin: bytes that are not UTF-8 become '?'. */
json_t *sg_json_text(const char *text);

/* Writes @j and a newline; takes the reference. Returns 0, -ENOMEM (@j is NULL) or -EIO. */
int sg_json_print(FILE *out, json_t *j);

#endif
