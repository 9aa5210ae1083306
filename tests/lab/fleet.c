// SPDX-License-Identifier: GPL-2.0-only
/* fleet: thousands of routers in one process. See fleet.h; `fleet --help` lists the options.
 * Runs for its time (or until SIGTERM or SIGINT) and prints a summary as one JSON object.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

#include "fleet.h"

#define EVENTS_MAX    256
#define FLOOD_TICK_NS 1000000LL

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * FLEET_SECOND_NS + ts.tv_nsec;
}

/* One descriptor per router that is just asking. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		perror("fleet: cannot raise the descriptor limit");
}

static int wait_ms(const struct fleet *fleet, int64_t now, int64_t end)
{
	int64_t next = fleet_timers_next(&fleet->timers);

	if (fleet->flood.fd >= 0 && next > now + FLOOD_TICK_NS)
		next = now + FLOOD_TICK_NS;
	if (next > end)
		next = end;
	return next <= now ? 0 : (int)((next - now) / 1000000 + 1);
}

static void turn(struct fleet *fleet, int64_t end)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(fleet->epoll_fd, events, EVENTS_MAX, wait_ms(fleet, now_ns(), end));
	struct fleet_client *client;
	int64_t now = now_ns();

	for (int i = 0; i < n; i++)
		fleet_client_event(fleet, events[i].data.ptr, events[i].events, now);
	while ((client = fleet_timers_take(&fleet->timers, now)))
		fleet_client_timer(fleet, client, now);
	fleet_flood_work(&fleet->flood, &fleet->options, now_ns());
}

/* N routers with period N / rate make `rate` asks a minute together. */
static int64_t period_ns(const struct fleet *fleet, unsigned int routers, double per_min)
{
	return per_min > 0
		       ? (int64_t)(routers / per_min * 60 * FLEET_SECOND_NS / fleet->options.scale)
		       : 0;
}

int main(int argc, char **argv)
{
	static struct fleet fleet;
	int64_t start = now_ns(), end;
	struct sigaction action = {.sa_handler = on_signal};
	int err;

	fleet_options_parse(&fleet.options, argc, argv);
	raise_descriptor_limit();
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	fleet.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	fleet.random = fleet.options.seed * 2 + 3;
	fleet.storm_period_ns =
		period_ns(&fleet, fleet.options.storm_sources, fleet.options.storm_per_min);
	fleet.slow_period_ns =
		period_ns(&fleet, fleet.options.slow_sources, fleet.options.slow_per_min);
	err = fleet_log_open(&fleet);
	if (!err)
		err = fleet_clients_init(&fleet, start);
	if (!err)
		err = fleet_flood_open(&fleet.flood, &fleet.options, start);
	if (err) {
		fprintf(stderr, "fleet: cannot start: %s\n", strerror(-err));
		return 1;
	}
	end = start + fleet.options.duration_ns;
	while (!stop && now_ns() < end)
		turn(&fleet, end);
	fleet_log_close(&fleet, now_ns());
	fleet_stats_print(&fleet, now_ns() - start);
	return 0;
}
