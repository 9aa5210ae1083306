// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "changes.h"
#include "labels.h"
#include "../shadow/shadow.h"

static void look_at_service(const struct sg_changes_service *old,
			    const struct sg_changes_service *new, __u32 service,
			    sg_changes_tell tell, void *ctx)
{
	if (new->bypass != old->bypass)
		tell(ctx, SG_EVENTS_BYPASS, service, sg_label_bypass(new->bypass), 1);
	if (new->shadow != old->shadow)
		tell(ctx, SG_EVENTS_SHADOW, service, sg_shadow_state_name(new->shadow), 1);
	/* Fewer than before: the tables are new. */
	if (new->unlearned > old->unlearned)
		tell(ctx, SG_EVENTS_UNLEARNED, service, NULL,
		     (__u32)(new->unlearned - old->unlearned));
}

void sg_changes_look(struct sg_changes *c, const struct sg_snapshot *snap, sg_changes_tell tell,
		     void *ctx)
{
	if (c->begun && c->mode != snap->mode)
		tell(ctx, SG_EVENTS_MODE, SG_SERVICES, sg_label_mode(snap->mode), 1);
	c->mode = snap->mode;
	for (__u32 i = 0; i < SG_SERVICES; i++) {
		struct sg_changes_service new = {0};

		if (i < snap->service_count) {
			const struct sg_snap_service *s = &snap->services[i];

			memcpy(new.name, s->name, sizeof(new.name));
			new.bypass = s->intercept.bypass;
			new.shadow = s->shadow.state;
			new.unlearned = s->stats.counters[SG_COUNTER_UNLEARNED];
		}
		if (c->begun && *new.name && !strcmp(new.name, c->services[i].name))
			look_at_service(&c->services[i], &new, i, tell, ctx);
		c->services[i] = new;
	}
	c->begun = true;
}
