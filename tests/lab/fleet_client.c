// SPDX-License-Identifier: GPL-2.0-only
/* What a router does. One attempt = one connection = one request; its end sets the next timer.
 *
 * Storm: asks GetNextCACert, and asks again a period after the last ask began, until answered 200.
 * Slow: sends half of a request, waits for an answer as long as anybody, and comes again like the
 * storm.
 * Enrolling: three requests one after the other, each tried `retry_count` times, `retry_period`
 * apart (IOS: 10 times, 1 minute), within an overall patience.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fleet.h"

/* Where each role's sources begin: the second byte of 10.x, or the fourth group of fd00:64:0:x,
 * so that every IPv6 source has a /64 of its own.
 */
static const uint32_t first_source4[] = {
	[ROLE_STORM] = 0x0a400001,  [ROLE_ENROL] = 0x0a410001,   [ROLE_RUSH] = 0x0a420001,
	[ROLE_SILENT] = 0x0a430001, [ROLE_TRICKLE] = 0x0a438001, [ROLE_SLOW] = 0x0a428001,
};
static const uint16_t first_source6[] = {
	[ROLE_STORM] = 0x0001,  [ROLE_ENROL] = 0x8000,   [ROLE_RUSH] = 0xc000,
	[ROLE_SILENT] = 0xe000, [ROLE_TRICKLE] = 0xf000, [ROLE_SLOW] = 0xd000,
};

socklen_t fleet_client_source(const struct fleet *fleet, const struct fleet_client *client,
			      struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
	uint16_t group = (uint16_t)(first_source6[client->role] + client->index);

	memset(ret, 0, sizeof(*ret));
	ret->ss_family = (sa_family_t)fleet->options.family;
	if (fleet->options.family == AF_INET) {
		v4->sin_addr.s_addr = htonl(first_source4[client->role] + client->index);
		return sizeof(*v4);
	}
	inet_pton(AF_INET6, "fd00:64::1", &v6->sin6_addr);
	v6->sin6_addr.s6_addr[6] = (uint8_t)(group >> 8);
	v6->sin6_addr.s6_addr[7] = (uint8_t)group;
	return sizeof(*v6);
}

static int bind_source(const struct fleet *fleet, const struct fleet_client *client, int fd)
{
	struct sockaddr_storage source;
	socklen_t size = fleet_client_source(fleet, client, &source);
	int on = 1;

	setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	return bind(fd, (struct sockaddr *)&source, size);
}

static int open_socket(const struct fleet *fleet, const struct fleet_client *client)
{
	const struct fleet_options *options = &fleet->options;
	int fd = socket(options->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (options->mss)
		setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &options->mss, sizeof(options->mss));
	if (bind_source(fleet, client, fd) ||
	    (connect(fd, (const struct sockaddr *)&options->target, sizeof(options->target)) &&
	     errno != EINPROGRESS)) {
		int err = -errno;

		close(fd);
		return err;
	}
	return fd;
}

/* --- how an attempt ends -------------------------------------------------------------- */

static bool is_enrolling(const struct fleet_client *client)
{
	return client->role == ROLE_ENROL || client->role == ROLE_RUSH;
}

static int64_t jitter(struct fleet *fleet, int64_t period)
{
	return (int64_t)((double)period * (0.95 + 0.1 * fleet_uniform(&fleet->random)));
}

static void next_enrolment_step(struct fleet *fleet, struct fleet_client *client,
				enum fleet_outcome outcome, int64_t now)
{
	const struct fleet_options *options = &fleet->options;
	int64_t again = now;

	if (outcome == OUTCOME_200) {
		client->step++;
		client->tries = 0;
		if (client->step == FLEET_ENROLMENT_STEPS) {
			fleet->stats.roles[client->role].completed++;
			fleet_latencies_add(&fleet->stats.roles[client->role].whole,
					    now - client->arrival);
			return;
		}
	} else {
		again = now + jitter(fleet, options->retry_period_ns);
	}
	if (client->tries >= options->retry_count ||
	    again - client->arrival > options->patience_ns) {
		fleet->stats.roles[client->role].given_up++;
		return;
	}
	fleet_timers_set(&fleet->timers, client, again);
}

static void attempt_ends(struct fleet *fleet, struct fleet_client *client,
			 enum fleet_outcome outcome, int64_t now)
{
	int64_t again;

	close(client->fd);
	client->fd = -1;
	fleet_timers_clear(&fleet->timers, client);
	fleet_log_attempt(fleet, client, outcome, now);
	fleet->stats.roles[client->role].outcomes[outcome]++;
	if (outcome == OUTCOME_200 || outcome == OUTCOME_404)
		fleet_latencies_add(&fleet->stats.roles[client->role].answer,
				    now - client->attempt);
	if (is_enrolling(client)) {
		next_enrolment_step(fleet, client, outcome, now);
		return;
	}
	if (client->role == ROLE_STORM && outcome == OUTCOME_200) {
		fleet->stats.roles[ROLE_STORM].completed++;
		return;
	}
	again = now + jitter(fleet, fleet->options.retry_period_ns);
	if (client->role == ROLE_STORM)
		again = client->attempt + jitter(fleet, fleet->storm_period_ns);
	else if (client->role == ROLE_SLOW)
		again = client->attempt + jitter(fleet, fleet->slow_period_ns);
	fleet_timers_set(&fleet->timers, client, again > now ? again : now);
}

/* --- an attempt ----------------------------------------------------------------------- */

static void begin_attempt(struct fleet *fleet, struct fleet_client *client, int64_t now)
{
	struct epoll_event event = {.events = EPOLLOUT, .data.ptr = client};
	int fd = open_socket(fleet, client);

	if (!client->arrival) {
		client->arrival = now;
		fleet->stats.roles[client->role].arrived++;
	}
	fleet->stats.roles[client->role].attempts++;
	client->tries++;
	client->attempt = now;
	client->connected = false;
	client->sent = client->received = 0;
	client->fd = fd;
	if (fd < 0 || epoll_ctl(fleet->epoll_fd, EPOLL_CTL_ADD, fd, &event)) {
		attempt_ends(fleet, client, OUTCOME_RESET, now);
		return;
	}
	fleet_timers_set(&fleet->timers, client, now + fleet->options.synwait_ns);
}

static void wants(struct fleet *fleet, struct fleet_client *client, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = client};

	epoll_ctl(fleet->epoll_fd, EPOLL_CTL_MOD, client->fd, &event);
}

/* A trickling client: head and first bytes at once, then a byte a field second. */
static void trickle(struct fleet *fleet, struct fleet_client *client, int64_t now)
{
	static char request[FLEET_REQUEST_MAX];
	size_t bytes = fleet_request_build(fleet, client, request);
	size_t n = client->sent ? 1 : bytes - 2400;

	if (client->sent < bytes &&
	    send(client->fd, request + client->sent, n, MSG_NOSIGNAL) == (ssize_t)n)
		client->sent += n;
	fleet_timers_set(&fleet->timers, client,
			 now + (int64_t)(FLEET_SECOND_NS / fleet->options.scale));
}

static void send_request(struct fleet *fleet, struct fleet_client *client, int64_t now)
{
	static char request[FLEET_REQUEST_MAX];
	size_t bytes = fleet_request_build(fleet, client, request);
	ssize_t n;

	while (client->sent < bytes) {
		n = send(client->fd, request + client->sent, bytes - client->sent, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			attempt_ends(fleet, client, OUTCOME_RESET, now);
			return;
		}
		client->sent += (size_t)n;
	}
	wants(fleet, client, EPOLLIN);
}

static void connected(struct fleet *fleet, struct fleet_client *client, int64_t now)
{
	int error = 0;
	socklen_t size = sizeof(error);

	getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error) {
		attempt_ends(fleet, client,
			     error == ETIMEDOUT ? OUTCOME_CONNECT_TIMEOUT : OUTCOME_RESET, now);
		return;
	}
	client->connected = true;
	switch (client->role) {
	case ROLE_SILENT: /* says nothing until it is thrown out */
		fleet_timers_clear(&fleet->timers, client);
		wants(fleet, client, EPOLLIN);
		break;
	case ROLE_TRICKLE:
		wants(fleet, client, EPOLLIN);
		trickle(fleet, client, now);
		break;
	default:
		fleet_timers_set(&fleet->timers, client, now + fleet->options.answer_ns);
		send_request(fleet, client, now);
	}
}

static enum fleet_outcome outcome_of(const struct fleet_client *client)
{
	if (client->received < 12 || memcmp(client->head, "HTTP/1.", 7))
		return OUTCOME_NO_ANSWER;
	if (!memcmp(client->head + 9, "200", 3))
		return OUTCOME_200;
	return memcmp(client->head + 9, "404", 3) ? OUTCOME_OTHER_STATUS : OUTCOME_404;
}

/* Reads to the close, as IOS does when no length is given. */
static void read_answer(struct fleet *fleet, struct fleet_client *client, int64_t now)
{
	static char buffer[65536];

	for (;;) {
		ssize_t n = recv(client->fd, buffer, sizeof(buffer), 0);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			attempt_ends(fleet, client, n < 0 ? OUTCOME_RESET : outcome_of(client),
				     now);
			return;
		}
		if (client->received < sizeof(client->head)) {
			size_t room = sizeof(client->head) - client->received;

			memcpy(client->head + client->received, buffer,
			       (size_t)n < room ? (size_t)n : room);
		}
		client->received += (size_t)n;
	}
}

void fleet_client_event(struct fleet *fleet, struct fleet_client *client, uint32_t events,
			int64_t now)
{
	if (client->fd < 0)
		return;
	if (!client->connected)
		connected(fleet, client, now);
	else if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		read_answer(fleet, client, now);
	else
		send_request(fleet, client, now);
}

void fleet_client_timer(struct fleet *fleet, struct fleet_client *client, int64_t now)
{
	if (client->fd < 0)
		begin_attempt(fleet, client, now);
	else if (!client->connected)
		attempt_ends(fleet, client, OUTCOME_CONNECT_TIMEOUT, now);
	else if (client->role == ROLE_TRICKLE)
		trickle(fleet, client, now);
	else
		attempt_ends(fleet, client, OUTCOME_NO_ANSWER, now);
}

/* --- who there is --------------------------------------------------------------------- */

/* Enrolments begin within this time from the start. */
static int64_t enrolment_span(const struct fleet_options *options)
{
	int64_t longest = options->duration_ns - options->grace_ns;

	return options->enrol_within_ns && options->enrol_within_ns < longest
		       ? options->enrol_within_ns
		       : longest;
}

static unsigned int enrolments(const struct fleet_options *options)
{
	double minutes =
		(double)enrolment_span(options) * options->scale / (60.0 * FLEET_SECOND_NS);

	return (unsigned int)lround(options->enrol_per_min * minutes);
}

/* When the i-th of n clients of a role first acts, from the start of the run. Drawn from the
 * seed alone, so that runs with and without a guard meet the same arrivals.
 */
static int64_t first_act(const struct fleet *fleet, enum fleet_role role, uint64_t *random)
{
	const struct fleet_options *options = &fleet->options;
	double span = 0;

	switch (role) {
	case ROLE_STORM:
		span = (double)fleet->storm_period_ns;
		break;
	case ROLE_SLOW:
		span = (double)fleet->slow_period_ns;
		break;
	case ROLE_ENROL:
		span = (double)enrolment_span(options);
		break;
	case ROLE_RUSH:
		span = (double)options->rush_within_ns;
		break;
	default:
		span = (double)options->retry_period_ns;
	}
	return (int64_t)(span * fleet_uniform(random));
}

int fleet_clients_init(struct fleet *fleet, int64_t start)
{
	const struct fleet_options *options = &fleet->options;
	const unsigned int counts[] = {
		[ROLE_STORM] = options->storm_sources, [ROLE_ENROL] = enrolments(options),
		[ROLE_RUSH] = options->rush,           [ROLE_SILENT] = options->silent,
		[ROLE_TRICKLE] = options->trickle,     [ROLE_SLOW] = options->slow_sources,
	};
	uint64_t random = options->seed * 2 + 1;
	struct fleet_client *client;

	for (int role = 0; role < ROLE_MAX_; role++)
		fleet->n_clients += counts[role];
	fleet->clients = calloc(fleet->n_clients + 1, sizeof(*fleet->clients));
	if (!fleet->clients || fleet_timers_init(&fleet->timers, fleet->n_clients))
		return -ENOMEM;
	client = fleet->clients;
	for (int role = 0; role < ROLE_MAX_; role++) {
		fleet->stats.roles[role].clients = counts[role];
		for (uint32_t i = 0; i < counts[role]; i++, client++) {
			client->role = (enum fleet_role)role;
			client->index = i;
			client->fd = -1;
			client->post = fleet_uniform(&random) < options->post_share;
			fleet_timers_set(&fleet->timers, client,
					 start + first_act(fleet, client->role, &random));
		}
	}
	return 0;
}
