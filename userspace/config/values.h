/* SPDX-License-Identifier: GPL-2.0-only */
/* From texts to values: what was written, else the profile's, else the default. */
#ifndef SG_CONFIG_VALUES_H
#define SG_CONFIG_VALUES_H

#include "scope.h"

/* Reads key number @index of @scope into its target and notes where the value comes from.
 * Reports what cannot be read. Returns true when the target holds the value.
 */
bool sg_values_read_key(const struct sg_scope *scope, unsigned int index,
			enum sg_config_profile profile);

/* The same for all keys of the scope; true when all could be read. Lists of objects are left out. */
bool sg_values_read(const struct sg_scope *scope, enum sg_config_profile profile);

#endif
