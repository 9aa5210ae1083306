// SPDX-License-Identifier: GPL-2.0-only
/* One turn of the control loop: read, recount, mirror, reap, judge, publish. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/libbpf.h>
#include <systemd/sd-daemon.h>

#include "clock.h"
#include "reaper.h"
#include "run.h"
#include "../util/log.h"

#define KEEP_CLOSED_NS    (10 * SG_NS_PER_S) /* real: packets of the past may still be under way */
#define STATE_INTERVAL_NS (10 * SG_NS_PER_S)
#define STATE_SOON_NS     SG_NS_PER_S

static __u64 keep_closed_ticks(const struct sg_daemon *d)
{
	return KEEP_CLOSED_NS / SG_NS_PER_S * sg_guard_hz(d->guard);
}

static void advance_service(struct sg_daemon *d, __u32 i)
{
	const struct sg_conf_service *conf = &d->conf->services[i];
	struct sg_run_service *run = &d->services[i];
	const struct sg_service *service;
	struct sg_mirror_limits limits;
	__u32 episodes;

	if (sg_shadow_update(&run->shadow,
			     sg_shadow_lifetime_ns(conf->probe.interval_ns, d->conf->time_scale),
			     d->tables.now_ns))
		d->state_changed = true;
	if (run->index < 0)
		return;
	service = &d->tables.services[run->index];
	limits = (struct sg_mirror_limits){
		.connections = conf->limits.connections,
		.window_ticks = service->ca_window_ticks,
		.block_ticks = sg_guard_ticks(d->guard, conf->limits.block_ns),
	};
	episodes = run->mirror.episodes;
	sg_mirror_advance(&run->mirror, &limits, &d->tables.budgets[run->index].actual);
	d->state_changed |= run->mirror.episodes != episodes;
	sg_recount_service(&run->recount, &d->tables.budgets[run->index],
			   &d->tables.sweep->services[run->index]);
	if (run->recount.drift_total != run->drift_told)
		sg_log_debug("service '%s': the books differ from the connections by %u", run->name,
			     run->recount.drift);
	run->drift_told = run->recount.drift_total;
}

static void reap(struct sg_daemon *d)
{
	const struct sg_sweep *sweep = d->tables.sweep;
	bool observes = d->snap.mode == SG_MODE_OBSERVE;
	__u32 ended[SG_SERVICES] = {0};

	/* Observe ends nothing but what intercept has begun. */
	sg_reaper_end(d->guard, sweep, observes, ended);
	for (int i = 0; observes && i < SG_SERVICES; i++)
		ended[i] = sweep->services[i].newly_due;
	for (__u32 i = 0; i < d->conf->service_count; i++)
		if (d->services[i].index >= 0)
			d->services[i].reaped_total += ended[d->services[i].index];
	sg_reaper_delete(d->guard, sweep);
}

/* Ids of endpoints begin at 1 and are used again after a restart; this many are looked at. */
#define ENDPOINT_IDS 256

/* The CA's packets cannot be seen when no endpoint of the service has a side that is known. */
static void look_at_sides(struct sg_daemon *d)
{
	bool listed[SG_SERVICES] = {false}, seen[SG_SERVICES] = {false};
	struct sg_endpoint ep;

	for (__u16 id = 0; id < ENDPOINT_IDS; id++) {
		if (!sg_guard_endpoint(d->guard, id, &ep) || ep.service >= SG_SERVICES)
			continue;
		listed[ep.service] = true;
		seen[ep.service] |= ep.ca_ifindex != 0;
	}
	for (__u32 i = 0; i < d->conf->service_count; i++) {
		int index = d->services[i].index;

		d->services[i].one_sided = index >= 0 && listed[index] && !seen[index];
	}
}

static void publish(struct sg_daemon *d)
{
	char *text;
	size_t len;

	if (d->prom && !sg_prom_format(&d->snap, &text, &len))
		sg_prom_http_publish(d->prom, text, len);
}

static void tell_watchdog(struct sg_daemon *d, __u64 now_ns)
{
	if (!d->watchdog_ns || now_ns < d->watchdog_told_ns + d->watchdog_ns)
		return;
	sd_notify(0, "WATCHDOG=1");
	d->watchdog_told_ns = now_ns;
}

/* What matters is kept soon, the rest now and then: a daemon may be killed at any moment. */
static void keep_state(struct sg_daemon *d, __u64 now_ns)
{
	__u64 interval_ns = d->state_changed ? STATE_SOON_NS : STATE_INTERVAL_NS;

	if (now_ns >= d->state_saved_ns + interval_ns)
		sg_run_state_save(d);
}

static int read_all(struct sg_daemon *d)
{
	int err = sg_tables_read(&d->tables, d->guard, keep_closed_ticks(d));

	/* Samples wake nobody (bpf/events.bpf.h). */
	ring_buffer__consume(d->ring);
	if (!err)
		err = sg_sources_tend(&d->sources, d->tables.sweep, d->tables.live.hash_key);
	return err;
}

void sg_run_tick(struct sg_daemon *d)
{
	__u64 begun_ns = sg_clock_monotonic_ns();
	int err;

	if (sg_guard_tend(d->guard, d->routes_changed) == -ESTALE) {
		sg_log_info("the guard was detached: nothing is left to do here; start the daemon "
			    "again to guard again");
		d->loop.stop = true;
		d->detached = true;
		return;
	}
	d->routes_changed = false;
	sg_run_intercept_tick(d);
	ring_buffer__consume(d->ring);
	sg_run_judge_unfinished(d);
	err = read_all(d);
	if (err) {
		sg_log_err(err, "cannot read the guard's tables; the data plane goes on alone");
	} else {
		for (__u32 i = 0; i < d->conf->service_count; i++)
			advance_service(d, i);
		look_at_sides(d);
		sg_run_watch_answers(d);
		sg_run_collect(d);
		sg_run_note_changes(d);
		reap(d);
		publish(d);
	}
	sg_log_lines_flush(&d->lines);
	sg_server_tend(d->server, begun_ns);
	keep_state(d, begun_ns);
	tell_watchdog(d, begun_ns);
	d->times.last_ns = sg_clock_monotonic_ns() - begun_ns;
	if (d->times.last_ns > d->times.max_ns)
		d->times.max_ns = d->times.last_ns;
	d->times.total++;
}
