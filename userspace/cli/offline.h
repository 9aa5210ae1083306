/* SPDX-License-Identifier: GPL-2.0-only */
/* `status` when no daemon answers: the data plane goes on alone, and people must know whether it is
 * there.
 */
#ifndef SG_CLI_OFFLINE_H
#define SG_CLI_OFFLINE_H

#include <jansson.h>

#include "lines.h"
#include "pins.h"
#include "target.h"

/* look: what sg_pins_look() returned; pins counts only when it is 0. Pure. */
void sg_offline_render(const struct sg_target *target, int look, const struct sg_pins *pins,
		       const char *instance, int width, struct sg_lines *lines);

/* The same as a document: "ok": false, "error", "running": false, "pinned" and what is known of it.
 * New reference, or NULL when out of memory.
 */
json_t *sg_offline_json(const struct sg_target *target, int look, const struct sg_pins *pins);

#endif
