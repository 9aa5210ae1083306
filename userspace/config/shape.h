/* SPDX-License-Identifier: GPL-2.0-only */
/* The check of the file's shape: unknown and repeated keys, text where keys belong, lists that are
 * none, keys that are missing. Reports all of it, where libcyaml would stop at the first.
 */
#ifndef SG_CONFIG_SHAPE_H
#define SG_CONFIG_SHAPE_H

#include "scope.h"

/* Checks @scope (its slots and target are not used) and what is below. Returns true when libcyaml
 * can load the file: unknown keys, which are errors too, do not stop it.
 */
bool sg_shape_check(const struct sg_scope *scope);

#endif
