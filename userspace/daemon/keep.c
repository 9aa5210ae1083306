// SPDX-License-Identifier: GPL-2.0-only
/* When and what of the daemon's state is kept in the file (state.h). */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "run.h"
#include "state.h"
#include "../util/cleanup.h"
#include "../util/json.h"
#include "../util/log.h"

/* This load of the data plane: the boot it belongs to and the tick it began at. */
static void name_load(const struct sg_daemon *d, char text[static SG_STATE_LOAD_TEXT])
{
	_cleanup_fclose_ FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
	char boot[40] = "unknown";

	if (file && fgets(boot, sizeof(boot), file))
		boot[strcspn(boot, "\n")] = '\0';
	snprintf(text, SG_STATE_LOAD_TEXT, "%s %llu", boot, d->tables.live.loaded);
}

static __u32 list_services(struct sg_daemon *d, struct sg_state_service list[static SG_SERVICES])
{
	for (__u32 i = 0; i < d->conf->service_count; i++)
		list[i] = (struct sg_state_service){d->services[i].name, d->services[i].window_ns,
						    &d->services[i].mirror, &d->services[i].shadow};
	return d->conf->service_count;
}

void sg_run_state_load(struct sg_daemon *d)
{
	_cleanup_json_ json_t *j = sg_state_load(d->conf->paths.state);
	struct sg_state_service list[SG_SERVICES];
	char load[SG_STATE_LOAD_TEXT];

	if (!j)
		return;
	name_load(d, load);
	if (sg_state_read(j, load, list, list_services(d, list)))
		sg_log_warning(
			"'%s/state.json' is not what this version writes; starting without it",
			d->conf->paths.state);
}

void sg_run_state_save(struct sg_daemon *d)
{
	struct sg_state_service list[SG_SERVICES];
	char load[SG_STATE_LOAD_TEXT];
	static bool told;
	int err;

	d->state_saved_ns = sg_clock_monotonic_ns();
	d->state_changed = false;
	name_load(d, load);
	err = sg_state_save(d->conf->paths.state,
			    sg_state_json(load, list, list_services(d, list)));
	if (err && !told)
		sg_log_err(err, "cannot keep the state in '%s'", d->conf->paths.state);
	told = err;
}
