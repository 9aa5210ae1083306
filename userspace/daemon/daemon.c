// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <bpf/libbpf.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <systemd/sd-daemon.h>

#include "clock.h"
#include "daemon.h"
#include "privileges.h"
#include "run.h"
#include "../net/route.h"
#include "../util/cleanup.h"
#include "../util/log.h"

/* The loop keeps pace with a compressed lab, up to ten turns a second. */
#define SCALE_MAX 10

#define DAEMON_OF(watch, member) \
	((struct sg_daemon *)((char *)(watch)-offsetof(struct sg_daemon, member)))

static void timer_ready(struct sg_loop_watch *w, __u32 events)
{
	struct sg_daemon *d = DAEMON_OF(w, timer);
	__u64 expirations = 0;

	(void)events;
	if (read(w->fd, &expirations, sizeof(expirations)) != sizeof(expirations))
		return;
	if (expirations > 1)
		d->times.missed += expirations - 1;
	sg_run_tick(d);
}

static void signal_ready(struct sg_loop_watch *w, __u32 events)
{
	struct sg_daemon *d = DAEMON_OF(w, signals);
	struct signalfd_siginfo info;

	(void)events;
	if (read(w->fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		sg_run_reload(d);
	else
		d->loop.stop = true;
}

static void records_ready(struct sg_loop_watch *w, __u32 events)
{
	(void)events;
	ring_buffer__consume(DAEMON_OF(w, records)->ring);
}

static void routes_ready(struct sg_loop_watch *w, __u32 events)
{
	struct sg_daemon *d = DAEMON_OF(w, routes);

	(void)events;
	if (sg_route_monitor_drain(w->fd))
		d->routes_changed = true;
}

static int watch(struct sg_daemon *d, struct sg_loop_watch *w, int fd,
		 void (*ready)(struct sg_loop_watch *, __u32))
{
	int err;

	if (fd < 0)
		return fd;
	*w = (struct sg_loop_watch){fd, ready};
	err = sg_loop_add(&d->loop, w, EPOLLIN);
	if (err) {
		close(fd);
		w->fd = -1;
	}
	return err;
}

/* Before any thread is made: they inherit the mask. */
static int watch_signals(struct sg_daemon *d)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return watch(d, &d->signals, fd < 0 ? -errno : fd, signal_ready);
}

static int watch_timer(struct sg_daemon *d)
{
	__u32 scale = d->conf->time_scale < SCALE_MAX ? d->conf->time_scale : SCALE_MAX;
	__u64 ns = SG_NS_PER_S / scale;
	struct itimerspec spec = {
		.it_interval = {.tv_sec = ns / SG_NS_PER_S, .tv_nsec = ns % SG_NS_PER_S},
		.it_value = {.tv_nsec = 1}, /* the first turn at once */
	};
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd < 0 || timerfd_settime(fd, 0, &spec, NULL))
		return -errno;
	d->times.interval_ns = ns;
	return watch(d, &d->timer, fd, timer_ready);
}

/* The epoll descriptor belongs to libbpf; the buffer's is our own, since the guard's changes when it
 * loads the program anew.
 */
static int watch_records(struct sg_daemon *d)
{
	d->ring_fd = fcntl(sg_guard_map_fd(d->guard, SG_MAP_EVENTS), F_DUPFD_CLOEXEC, 3);
	if (d->ring_fd < 0)
		return -errno;
	d->ring = ring_buffer__new(d->ring_fd, sg_run_record, d, NULL);
	if (!d->ring)
		return -errno;
	d->records = (struct sg_loop_watch){ring_buffer__epoll_fd(d->ring), records_ready};
	return sg_loop_add(&d->loop, &d->records, EPOLLIN);
}

/* Without it the guard still works: it says so and goes on. */
static void watch_routes(struct sg_daemon *d)
{
	int err = watch(d, &d->routes, sg_route_monitor_open(), routes_ready);

	if (err)
		sg_log_err(err,
			   "cannot follow changes of routes; the CA's side is looked up at start "
			   "and at reload only");
}

static int open_guard(struct sg_daemon *d)
{
	int err = sg_instance_claim(&d->instance, &d->conf->paths);

	if (!err)
		err = sg_guard_open(d->conf, &d->guard);
	if (!err)
		err = sg_instance_claim_bpffs(&d->instance, &d->conf->paths);
	if (err)
		return err;
	err = sg_tables_open(&d->tables, d->guard);
	if (!err)
		err = sg_sources_open(&d->sources, d->guard);
	if (!err)
		err = sg_tables_read(&d->tables, d->guard, ~0ull >> 1);
	if (err)
		return sg_log_err(err, "cannot read the guard's tables");
	sg_run_match_services(d);
	sg_run_state_load(d);
	sg_run_collect(d); /* whoever asks before the first turn gets figures, not zeros */
	return 0;
}

static int open_loop(struct sg_daemon *d)
{
	int err = watch_records(d);

	if (!err)
		err = sg_run_intercept_open(d);
	if (!err)
		err = watch_timer(d);
	if (err)
		return sg_log_err(err, "cannot set up the control loop");
	watch_routes(d);
	err = sg_server_open(d->conf->paths.runtime, &d->loop, sg_run_answer, d, &d->server);
	if (!err)
		err = sg_privileges_drop();
	if (!err)
		err = sg_run_start_metrics(
			d); /* makes a thread, so after the privileges are gone */
	return err;
}

static void find_watchdog(struct sg_daemon *d)
{
	uint64_t usec = 0;

	if (sd_watchdog_enabled(0, &usec) > 0)
		d->watchdog_ns = usec * SG_NS_PER_US / 2;
}

static void say_ready(const struct sg_daemon *d)
{
	sg_log_info("ready: %s, %u service%s, %u interface%s, pid %d",
		    sg_config_mode_name(d->conf->mode), d->conf->service_count,
		    d->conf->service_count == 1 ? "" : "s", d->conf->interface_count,
		    d->conf->interface_count == 1 ? "" : "s", getpid());
	sd_notify(0, "READY=1");
}

static int start(struct sg_daemon *d)
{
	int err;

	d->started_ns = sg_clock_monotonic_ns();
	sg_log_lines_open(&d->lines, STDOUT_FILENO);
	err = sg_loop_open(&d->loop);
	if (!err)
		err = watch_signals(d);
	if (err)
		return sg_log_err(err, "cannot set up the control loop");
	err = sg_run_read_config(d->config_path, &d->conf);
	if (err)
		return err;
	sg_log_set_level(d->conf->log.level);
	d->reload_ok = true;
	d->config_loaded_ns = sg_clock_realtime_ns();
	err = open_guard(d);
	if (!err)
		err = open_loop(d);
	if (!err)
		find_watchdog(d);
	return err;
}

static void end(struct sg_daemon *d)
{
	const struct sg_loop_watch *own[] = {&d->timer, &d->signals, &d->routes};

	if (d->ready) {
		ring_buffer__consume(d->ring); /* what came since the last turn */
		sg_run_state_save(d);
	}
	sg_prom_http_stop(d->prom);
	sg_server_close(d->server);
	ring_buffer__free(d->ring);
	if (d->ring_fd >= 0)
		close(d->ring_fd);
	sg_run_intercept_close(d);
	sg_sources_close(&d->sources);
	sg_tables_close(&d->tables);
	if (d->ready)
		sg_guard_close(d->guard);
	else
		sg_guard_abandon(d->guard);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (own[i]->fd >= 0)
			close(own[i]->fd);
	sg_loop_close(&d->loop);
	sg_instance_release(&d->instance);
	sg_config_free(d->conf);
}

int sg_daemon_run(const char *config_path)
{
	_cleanup_free_ struct sg_daemon *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	d->config_path = config_path;
	d->loop.epoll_fd = -1;
	d->timer.fd = d->signals.fd = d->records.fd = d->routes.fd = d->rounds.fd = -1;
	d->ring_fd = -1;
	d->instance = (struct sg_instance){.pid_fd = -1, .bpffs_fd = -1};
	err = start(d);
	if (!err) {
		d->ready = true;
		say_ready(d);
		err = sg_loop_run(&d->loop);
		sd_notify(0, "STOPPING=1");
		if (!d->detached)
			sg_log_info("stopping; the data plane goes on alone (scepguard detach "
				    "takes it off)");
	}
	end(d);
	return err;
}
