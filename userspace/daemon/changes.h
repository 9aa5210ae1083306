/* SPDX-License-Identifier: GPL-2.0-only */
/* What has changed from one snapshot to the next and a person wants to find among the events: the mode, the way of the
 * CA's answers, the shadow certificate, questions unlearned. Pure.
 */
#ifndef SG_DAEMON_CHANGES_H
#define SG_DAEMON_CHANGES_H

#include "events.h"
#include "snapshot.h"

/* A service as it was told last. */
struct sg_changes_service {
	char name[SG_CONFIG_NAME_MAX]; /* another one in its place is no change */
	enum sg_bypass_state bypass;
	enum sg_shadow_state shadow;
	__u64 unlearned;
};

/* All zero: nothing was seen yet. */
struct sg_changes {
	bool begun;
	enum sg_mode mode;
	struct sg_changes_service services[SG_SERVICES];
};

/* service: in the order of the snapshot, SG_SERVICES = it is about all. state: lives for ever, or NULL. */
typedef void (*sg_changes_tell)(void *ctx, enum sg_events_own what, __u32 service,
				const char *state, __u32 times);

/* Tell what is not as it was. What is seen first is no change. */
void sg_changes_look(struct sg_changes *c, const struct sg_snapshot *snap, sg_changes_tell tell,
		     void *ctx);

#endif
