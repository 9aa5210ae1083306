// SPDX-License-Identifier: GPL-2.0-only
/* Configuration files: read, and put into the running daemon. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

#include "clock.h"
#include "run.h"
#include "../util/cleanup.h"
#include "../util/log.h"

static void tell_errors(const struct sg_config_errors *errors)
{
	for (unsigned int i = 0; i < errors->count; i++)
		sg_log(SG_LOG_ERROR, "%s", errors->entries[i].text);
	if (errors->lost)
		sg_log(SG_LOG_ERROR, "and %u more", errors->lost);
}

int sg_run_read_config(const char *path, struct sg_config **ret)
{
	_cleanup_free_ struct sg_config_errors *errors = calloc(1, sizeof(*errors));
	_cleanup_config_ struct sg_config *conf = NULL;
	int err;

	if (!errors)
		return -ENOMEM;
	err = sg_config_load(path, &conf, errors);
	tell_errors(errors);
	if (err)
		return errors->count ? err : sg_log_err(err, "cannot read '%s'", path);
	*ret = SG_TAKE_PTR(conf);
	return 0;
}

static struct sg_run_service *find(struct sg_run_service *services, const char *name)
{
	for (int i = 0; i < SG_SERVICES; i++)
		if (services[i].name[0] && !strcmp(services[i].name, name))
			return &services[i];
	return NULL;
}

/* The worst window belongs to its length: with another one it begins anew. */
static void match_service(struct sg_daemon *d, const struct sg_conf_service *conf,
			  const struct sg_run_service *known, struct sg_run_service *run)
{
	if (known)
		*run = *known;
	if (run->window_ns != conf->limits.window_ns)
		run->mirror = (struct sg_mirror){.next = run->mirror.next};
	run->window_ns = conf->limits.window_ns;
	snprintf(run->name, sizeof(run->name), "%s", conf->name);
	run->index = sg_tables_service(&d->tables, conf->name);
	if (run->index >= 0)
		snprintf(d->names.name[run->index], sizeof(d->names.name[0]), "%s", conf->name);
	else
		sg_log(SG_LOG_ERROR, "service '%s' is not in the guard's tables", conf->name);
}

void sg_run_match_services(struct sg_daemon *d)
{
	_cleanup_free_ struct sg_run_service *known = malloc(sizeof(d->services));

	if (!known) {
		sg_log_err(-ENOMEM, "the services' history is lost");
		return;
	}
	memcpy(known, d->services, sizeof(d->services));
	memset(d->services, 0, sizeof(d->services));
	memset(&d->snap, 0, sizeof(d->snap));
	sg_sweep_keep_spliced(d->tables.sweep, sg_guard_times(d->guard)->closed_keep);
	for (__u32 i = 0; i < d->conf->service_count; i++)
		match_service(d, &d->conf->services[i], find(known, d->conf->services[i].name),
			      &d->services[i]);
}

int sg_run_start_metrics(struct sg_daemon *d)
{
	const struct sg_conf_metrics *metrics = &d->conf->metrics;
	char listen[SG_LISTEN_TEXT];

	if (!metrics->enabled)
		return 0;
	return sg_prom_http_start(sg_addr_format_listen(&metrics->addr, metrics->port, listen),
				  &d->prom);
}

static bool same_metrics(const struct sg_conf_metrics *a, const struct sg_conf_metrics *b)
{
	return a->enabled == b->enabled &&
	       (!a->enabled || (a->port == b->port && sg_addr_equal(&a->addr, &b->addr)));
}

/* Where this instance stands cannot change under it. */
static int refuse_moving(const struct sg_config *old, const struct sg_config *new)
{
	if (!strcmp(old->paths.runtime, new->paths.runtime) &&
	    !strcmp(old->paths.bpffs, new->paths.bpffs) &&
	    !strcmp(old->paths.state, new->paths.state) && old->time_scale == new->time_scale)
		return 0;
	return sg_log_refusal(-EINVAL,
			      "paths and time_scale cannot change while it runs: restart it");
}

/* On failure everything is as before. */
static int apply(struct sg_daemon *d, struct sg_config *conf)
{
	struct sg_config *old = d->conf;
	int err = refuse_moving(old, conf);

	if (!err)
		err = sg_guard_apply(d->guard, conf);
	if (err)
		return err;
	d->conf = conf;
	sg_log_set_level(conf->log.level);
	if (sg_tables_read(&d->tables, d->guard, ~0ull >> 1))
		sg_log(SG_LOG_ERROR, "cannot read the guard's tables after the reload");
	sg_run_match_services(d);
	d->reload_ok = true;
	d->config_loaded_ns = sg_clock_realtime_ns();
	sg_run_collect(d); /* whoever asks before the next turn gets figures, not zeros */
	if (!same_metrics(&old->metrics, &conf->metrics)) {
		sg_prom_http_stop(d->prom);
		d->prom = NULL;
		sg_run_start_metrics(d); /* says itself what is wrong; the guard goes on */
	}
	sg_config_free(old);
	return 0;
}

void sg_run_reload(struct sg_daemon *d)
{
	_cleanup_config_ struct sg_config *conf = NULL;
	int err;

	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu", sg_clock_monotonic_ns() / SG_NS_PER_US);
	err = sg_run_read_config(d->config_path, &conf);
	if (!err)
		err = apply(d, conf);
	if (err) {
		d->reload_ok = false;
		d->snap.config_reload_ok = false; /* status says so at once */
		sg_log(SG_LOG_ERROR,
		       "'%s' was not taken over: the configuration before stays in force",
		       d->config_path);
	} else {
		conf = NULL; /* the daemon's now */
		sg_log_info("'%s' is in force", d->config_path);
	}
	sd_notify(0, "READY=1");
}
