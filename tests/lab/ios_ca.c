// SPDX-License-Identifier: GPL-2.0-only
/* ios_ca: an IOS-like CA behind a gate with IOS's limits. See ios_ca.h for how it is made,
 * `ios_ca --help` for what it can do. Prints "ready" and, at the end, its summary.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "ios_ca.h"

#define PACKETS_PER_TURN 256 /* then look at the other side: a flood must not starve it */
#define FLUSH_EVERY_NS   (100 * 1000000LL)

struct ca {
	struct ca_options options;
	int front_fd, inner_fd, signal_fd, epoll_fd;
	struct ca_gate *gate;
	struct ca_http *http;
	int64_t start, pause_begin, pause_end, next_flush, next_tick;
	bool paused, stop, shadow;
};

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * CA_SECOND_NS + ts.tv_nsec;
}

/* --- loop ----------------------------------------------------------------------------- */

static int watch(struct ca *ca, int fd, bool on)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	if (epoll_ctl(ca->epoll_fd, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, fd, &event))
		return -errno;
	return 0;
}

static int catch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static int open_all(struct ca *ca)
{
	int err = ca_net_open(&ca->options, &ca->front_fd, &ca->inner_fd);

	if (err)
		return err;
	err = ca_gate_open(&ca->options, ca->inner_fd, &ca->gate);
	if (!err)
		err = ca_http_open(&ca->options, ca->gate, &ca->http);
	if (err)
		return err;
	ca->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	ca->signal_fd = catch_signals();
	if (ca->epoll_fd < 0 || ca->signal_fd < 0)
		return -errno;
	err = watch(ca, ca->front_fd, true);
	if (!err)
		err = watch(ca, ca->inner_fd, true);
	if (!err)
		err = watch(ca, ca->signal_fd, true);
	if (!err)
		err = watch(ca, ca_http_fd(ca->http), true);
	return err;
}

/* Packets from one TUN to the other, as far as the gate lets them. A full queue drops. */
static void pump(struct ca *ca, int from, int to)
{
	uint8_t packet[65536];
	bool from_client = from == ca->front_fd;

	for (int i = 0; i < PACKETS_PER_TURN; i++) {
		ssize_t n = read(from, packet, sizeof(packet));
		int64_t now = now_ns();
		bool pass;

		if (n <= 0)
			return;
		pass = from_client ? ca_gate_from_client(ca->gate, packet, (size_t)n, now)
				   : ca_gate_from_ca(ca->gate, packet, (size_t)n, now);
		if (pass && write(to, packet, (size_t)n) < 0 && errno != ENOBUFS &&
		    errno != EAGAIN && errno != EINVAL)
			perror("ios_ca: write to TUN");
	}
}

static void shadow_appears(struct ca *ca, int64_t now)
{
	ca->shadow = true;
	ca_http_set_shadow(ca->http, true);
	ca_log_shadow(now);
}

static void take_signal(struct ca *ca, int64_t now)
{
	struct signalfd_siginfo info;

	if (read(ca->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGUSR1)
		shadow_appears(ca, now);
	else
		ca->stop = true;
}

static void set_pause(struct ca *ca, bool on, int64_t now)
{
	ca->paused = on;
	ca_log_pause(now, on);
	watch(ca, ca_http_fd(ca->http), !on);
	if (!ca->options.pause_box)
		return;
	watch(ca, ca->front_fd, !on);
	watch(ca, ca->inner_fd, !on);
}

/* Everything that happens by the clock. */
static void tick(struct ca *ca, int64_t now)
{
	const struct ca_options *options = &ca->options;
	int64_t age = now - ca->start;

	if (!ca->shadow && options->shadow_after_ns >= 0 && age >= options->shadow_after_ns)
		shadow_appears(ca, now);
	if (options->pause_for_ns) {
		bool on = age >= options->pause_at_ns &&
			  age < options->pause_at_ns + options->pause_for_ns;

		if (on != ca->paused)
			set_pause(ca, on, now);
	}
	if (!ca->paused || !options->pause_box)
		ca_gate_tick(ca->gate, now);
	ca->next_tick = now + 20 * 1000000LL;
	if (!ca->paused)
		ca->next_tick = ca_http_tick(ca->http, now);
	if (now >= ca->next_flush) {
		ca_log_flush();
		ca->next_flush = now + FLUSH_EVERY_NS;
	}
}

static void serve(struct ca *ca)
{
	struct epoll_event events[8];

	while (!ca->stop) {
		int64_t left = ca->next_tick - now_ns();
		int wait_ms = left > 0 ? (int)(left / 1000000) + 1 : 0;
		int n = epoll_wait(ca->epoll_fd, events, 8, wait_ms);

		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;

			if (fd == ca->signal_fd)
				take_signal(ca, now_ns());
			else if (fd == ca->front_fd)
				pump(ca, ca->front_fd, ca->inner_fd);
			else if (fd == ca->inner_fd)
				pump(ca, ca->inner_fd, ca->front_fd);
			else
				ca_http_work(ca->http, now_ns());
		}
		if (now_ns() >= ca->next_tick)
			tick(ca, now_ns());
	}
}

int main(int argc, char **argv)
{
	static struct ca ca;
	int err;

	ca_options_parse(&ca.options, argc, argv);
	err = open_all(&ca);
	ca.start = now_ns();
	if (!err)
		err = ca_log_open(&ca.options, ca.start);
	if (err) {
		fprintf(stderr, "ios_ca: cannot start: %s\n", strerror(-err));
		return 1;
	}
	printf("ready\n");
	fflush(stdout);
	serve(&ca);
	ca_log_finish(now_ns(), ca_gate_limit(ca.gate));
	ca_http_close(ca.http);
	ca_gate_close(ca.gate);
	return 0;
}
