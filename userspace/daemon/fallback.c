// SPDX-License-Identifier: GPL-2.0-only
/* Falls back to police when the CA's answers do not pass here (bypass.h). */
#include "run.h"
#include "../net/route.h"
#include "../util/log.h"

/* Longer than the kernel takes to find out that a neighbour is gone (5 s and three probes). */
#define SILENT_NS (15 * SG_NS_PER_S)
/* Longer than a block of IOS and its feelers. */
#define SILENT_SEEN_NS (60 * SG_NS_PER_S)
/* So long police is tried at most: by then a CA that is there has answered. */
#define TRIAL_NS (10 * SG_NS_PER_MIN)
/* And so long, once it is found: then it is looked at anew. */
#define STAY_NS SG_NS_PER_D

/* Is whoever comes next on the way to the CA there? Of one that is not, no answer takes another way. */
static bool is_reachable(const struct sg_conf_service *conf)
{
	struct sg_route route;

	for (__u32 i = 0; i < conf->address_count; i++)
		if (!sg_route_resolve(&conf->addresses[i], &route) && route.has_mac)
			return true;
	return false;
}

static void try_police(struct sg_daemon *d, const char *name)
{
	sg_log_warning(
		"service '%s': the CA was asked, and no packet of it has come: it is down, or its "
		"answers take another way; trying police to find out",
		name);
	sg_guard_set_mode(d->guard, SG_MODE_POLICE, sg_guard_ticks(d->guard, TRIAL_NS), NULL);
}

static void stay_in_police(struct sg_daemon *d, const char *name)
{
	sg_log(SG_LOG_ERROR,
	       "service '%s': clients are served, and no packet of the CA passes here: intercept is not "
	       "possible, mode is police until one does; lead the CA's way to its clients through "
	       "this host",
	       name);
	sg_guard_set_mode(d->guard, SG_MODE_POLICE, sg_guard_ticks(d->guard, STAY_NS), NULL);
}

/* There is one mode for all services. */
static bool found_elsewhere(const struct sg_daemon *d)
{
	for (__u32 i = 0; i < d->conf->service_count; i++)
		if (d->services[i].bypass.state == SG_BYPASS_FOUND)
			return true;
	return false;
}

static void go_back(struct sg_daemon *d, const char *name)
{
	if (found_elsewhere(d))
		return;
	sg_log_info("service '%s': the CA answers, and by this way: back to intercept", name);
	sg_guard_set_mode(d->guard, SG_MODE_INTERCEPT, 0, NULL);
}

static void act(struct sg_daemon *d, const char *name, enum sg_bypass_act what)
{
	if (what == SG_BYPASS_TRY_POLICE)
		try_police(d, name);
	else if (what == SG_BYPASS_STAY)
		stay_in_police(d, name);
	else if (what == SG_BYPASS_BACK)
		go_back(d, name);
}

static enum sg_bypass_mode mode_of(struct sg_daemon *d)
{
	enum sg_mode mode, then;
	__u64 until;

	if (sg_guard_mode(d->guard, &mode, &then, &until))
		return SG_BYPASS_OTHER;
	if (mode == SG_MODE_INTERCEPT)
		return SG_BYPASS_INTERCEPT;
	return mode == SG_MODE_POLICE && until && then == SG_MODE_INTERCEPT
		       ? SG_BYPASS_POLICE_ON_TRIAL
		       : SG_BYPASS_OTHER;
}

void sg_run_watch_answers(struct sg_daemon *d)
{
	const struct sg_bypass_times times = {
		.silent = sg_guard_ticks(d->guard, SILENT_NS),
		.silent_seen = sg_guard_ticks(d->guard, SILENT_SEEN_NS),
	};
	enum sg_bypass_mode mode = mode_of(d);
	__u64 now = d->tables.now_ticks;

	for (__u32 i = 0; i < d->conf->service_count; i++) {
		const struct sg_conf_service *conf = &d->conf->services[i];
		struct sg_run_service *run = &d->services[i];
		struct sg_bypass_counts counts;
		enum sg_bypass_act what;

		if (run->index < 0)
			continue;
		counts = sg_bypass_count(&d->tables.stats[run->index],
					 d->tables.sweep->services[run->index].unheard);
		what = sg_bypass_advance(&run->bypass, &counts, &times, mode,
					 sg_bypass_asks(&run->bypass, &counts, &times, now) &&
						 is_reachable(conf),
					 now);
		if (what == SG_BYPASS_TRY_POLICE)
			sg_sweep_unheard_since(d->tables.sweep, run->index, now);
		act(d, conf->name, what);
	}
}
