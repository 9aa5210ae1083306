/* SPDX-License-Identifier: GPL-2.0-only */
/* What survives a reboot, as a small JSON file: the worst window, predicted blocks, evidence about
 * the rollover certificate. Text in, text out; a file that cannot be read means a fresh start.
 */
#ifndef SG_DAEMON_STATE_H
#define SG_DAEMON_STATE_H

#include <jansson.h>

#include "../config/config.h"
#include "../ios/mirror.h"
#include "../shadow/shadow.h"

#define SG_STATE_LOAD_TEXT 80

/* One service's part. */
struct sg_state_service {
	const char *name;
	__u64 window_ns; /* the worst window belongs to this one; another one begins anew */
	struct sg_mirror *mirror;
	struct sg_shadow *shadow;
};

/* New reference or NULL. load: names this load of the data plane, whose dates and numbers the mirror
 * knows.
 */
json_t *sg_state_json(const char *load, const struct sg_state_service *services, __u32 count);

/* Takes what fits from j (borrowed) into the services. Of another load only what does not depend on
 * it is taken. Returns 0, or -EINVAL when j is no state: nothing is changed then.
 */
int sg_state_read(const json_t *j, const char *load, const struct sg_state_service *services,
		  __u32 count);

/* Read <directory>/state.json. Returns a new reference, or NULL (with a warning, unless there is
 * none yet).
 */
json_t *sg_state_load(const char *directory);

/* Write it whole or not at all (rename). Takes the reference. Returns 0 or a negative errno. */
int sg_state_save(const char *directory, json_t *j);

#endif
