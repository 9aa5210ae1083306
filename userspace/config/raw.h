/* SPDX-License-Identifier: GPL-2.0-only */
/* Loads the texts of all keys with libcyaml, by a schema made from the table of keys. */
#ifndef SG_CONFIG_RAW_H
#define SG_CONFIG_RAW_H

#include "scope.h"

struct sg_raw;

/* Loads @text, whose shape was checked (unknown keys are skipped). *@ret_slots has one slot for each
 * global key and lives as long as @ret. Returns 0, -EINVAL with libcyaml's reason in
 * @errors, or -ENOMEM.
 */
int sg_raw_load(const char *text, size_t len, struct sg_raw **ret, const struct sg_slot **ret_slots,
		struct sg_config_errors *errors);
void sg_raw_free(struct sg_raw *raw);

#endif
