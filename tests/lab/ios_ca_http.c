// SPDX-License-Identifier: GPL-2.0-only
/* The CA's HTTP server: one request a connection, answered (ios_ca_answer.c), then closed.
 *
 * It reads the request as a strict and simple server would, independent of the guard's
 * classifier: the query is cut at '&', the first parameter named exactly `operation` counts.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ios_ca.h"

#define HEAD_BYTES_MAX 16384
#define BODY_BYTES_MAX (1 << 20)
#define EVENTS_MAX     64
#define IDLE_TICK_NS   (20 * 1000000LL)

enum phase { PHASE_HEAD, PHASE_BODY, PHASE_SERVICE, PHASE_ANSWER, PHASE_DRAIN };

struct conn {
	struct conn *next, **link;
	int fd;
	enum phase phase;
	struct sockaddr_in6 client;
	uint16_t ca_port;
	int64_t since, last, due;
	char head[HEAD_BYTES_MAX + 1];
	size_t head_bytes, body_bytes, body_left, sent;
	enum ca_operation op;
	char *answer;
	size_t answer_bytes;
};

struct listener {
	int fd;
	uint16_t port;
};

struct ca_http {
	const struct ca_options *options;
	struct ca_gate *gate;
	int epoll_fd;
	struct listener listeners[CA_PORTS_MAX];
	struct conn *conns;
	bool shadow;
};

/* --- opening and closing -------------------------------------------------------------- */

static int listen_on(uint16_t port)
{
	struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int off = 0, on = 1, err;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 65535)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

int ca_http_open(const struct ca_options *options, struct ca_gate *gate, struct ca_http **ret)
{
	struct ca_http *http = calloc(1, sizeof(*http));
	int fd;

	if (!http)
		return -ENOMEM;
	http->options = options;
	http->gate = gate;
	http->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < options->n_ports; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = &http->listeners[i]};

		fd = listen_on(options->ports[i]);
		if (fd < 0 || epoll_ctl(http->epoll_fd, EPOLL_CTL_ADD, fd, &event)) {
			ca_http_close(http);
			return fd < 0 ? fd : -errno;
		}
		http->listeners[i] = (struct listener){.fd = fd, .port = options->ports[i]};
	}
	*ret = http;
	return 0;
}

static void conn_end(struct conn *conn)
{
	*conn->link = conn->next;
	if (conn->next)
		conn->next->link = conn->link;
	close(conn->fd);
	free(conn->answer);
	free(conn);
}

void ca_http_close(struct ca_http *http)
{
	while (http->conns)
		conn_end(http->conns);
	for (int i = 0; i < http->options->n_ports; i++)
		if (http->listeners[i].fd > 0)
			close(http->listeners[i].fd);
	close(http->epoll_fd);
	free(http);
}

int ca_http_fd(const struct ca_http *http)
{
	return http->epoll_fd;
}

void ca_http_set_shadow(struct ca_http *http, bool exists)
{
	http->shadow = exists;
}

/* --- reading the request -------------------------------------------------------------- */

static bool is_value(const char *value, size_t bytes, const char *name)
{
	return bytes == strlen(name) && !memcmp(value, name, bytes);
}

/* Length of parameter `name`'s first value in the query; -1: absent. */
static long parameter(const char *query, size_t bytes, const char *name, const char **ret_value)
{
	size_t name_bytes = strlen(name);
	const char *end = query + bytes;

	while (query < end) {
		const char *next = memchr(query, '&', (size_t)(end - query));
		const char *stop = next ? next : end;

		if ((size_t)(stop - query) > name_bytes && query[name_bytes] == '=' &&
		    !memcmp(query, name, name_bytes)) {
			*ret_value = query + name_bytes + 1;
			return stop - *ret_value;
		}
		query = stop + 1;
	}
	return -1;
}

static enum ca_operation operation_of(const char *value, size_t bytes, bool post)
{
	static const struct {
		const char *name;
		enum ca_operation op;
	} gets[] = {
		{"GetCACaps", CA_OP_GETCACAPS},
		{"GetCACert", CA_OP_GETCACERT},
		{"GetNextCACert", CA_OP_GETNEXTCACERT},
		{"PKIOperation", CA_OP_PKIOPERATION_GET},
	};

	if (post)
		return is_value(value, bytes, "PKIOperation") ? CA_OP_PKIOPERATION_POST
							      : CA_OP_OTHER_SCEP;
	for (size_t i = 0; i < sizeof(gets) / sizeof(gets[0]); i++)
		if (is_value(value, bytes, gets[i].name))
			return gets[i].op;
	return CA_OP_OTHER_SCEP;
}

/* Sets op and, for a PKIOperation by GET, body_bytes to the message's length. */
static void read_target(struct conn *conn, const char *target, size_t bytes, bool post)
{
	const char *query = memchr(target, '?', bytes), *value;
	long length;

	conn->op = CA_OP_NOT_SCEP;
	if (!query)
		return;
	query++;
	bytes -= (size_t)(query - target);
	length = parameter(query, bytes, "operation", &value);
	if (length < 0)
		return;
	conn->op = operation_of(value, (size_t)length, post);
	if (conn->op != CA_OP_PKIOPERATION_GET)
		return;
	length = parameter(query, bytes, "message", &value);
	conn->body_bytes = length > 0 ? (size_t)length : 0;
}

static size_t content_length(const char *head)
{
	const char *line = head;

	while ((line = strchr(line, '\n'))) {
		line++;
		if (!strncasecmp(line, "Content-Length:", 15))
			return strtoul(line + 15, NULL, 10);
	}
	return 0;
}

/* The head is whole: what is asked, and how much body follows. */
static void read_head(struct conn *conn, size_t head_end)
{
	const char *head = conn->head, *target, *stop;
	bool post = !strncmp(head, "POST ", 5);
	size_t early = conn->head_bytes - head_end;

	conn->op = CA_OP_BAD;
	conn->body_left = 0;
	if (!post && strncmp(head, "GET ", 4))
		return;
	target = head + (post ? 5 : 4);
	stop = strpbrk(target, " \r\n");
	if (!stop || *stop != ' ' || strncmp(stop, " HTTP/1.", 8))
		return;
	read_target(conn, target, (size_t)(stop - target), post);
	if (!post)
		return;
	conn->body_bytes = content_length(head);
	if (conn->body_bytes > BODY_BYTES_MAX)
		conn->op = CA_OP_BAD;
	else if (conn->body_bytes > early)
		conn->body_left = conn->body_bytes - early;
}

/* Offset behind the empty line that ends the head; 0: not there yet. */
static size_t find_head_end(const char *head)
{
	const char *crlf = strstr(head, "\r\n\r\n"), *lf = strstr(head, "\n\n");

	if (crlf && (!lf || crlf < lf))
		return (size_t)(crlf - head) + 4;
	return lf ? (size_t)(lf - head) + 2 : 0;
}

static void conn_wants(struct ca_http *http, struct conn *conn, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = conn};

	epoll_ctl(http->epoll_fd, EPOLL_CTL_MOD, conn->fd, &event);
}

static void begin_answer(struct ca_http *http, struct conn *conn, int64_t now)
{
	const struct ca_question question = {.op = conn->op, .message_bytes = conn->body_bytes};
	struct in6_addr router = conn->client.sin6_addr;
	struct ca_answer answer;

	if (ca_answer_build(&question, http->shadow, &answer)) {
		conn_end(conn);
		return;
	}
	conn->answer = answer.text;
	conn->answer_bytes = answer.bytes;
	if (http->options->trust_forwarded)
		ca_answer_forwarded_for(conn->head, &router);
	ca_log_request(now, &conn->client, &router, conn->ca_port, conn->op, answer.status);
	conn->phase = PHASE_ANSWER;
	conn_wants(http, conn, EPOLLOUT);
}

static void request_is_whole(struct ca_http *http, struct conn *conn, int64_t now)
{
	conn->phase = PHASE_SERVICE;
	conn->due = now + http->options->service_ns;
	/* Not even a hang-up is looked at meanwhile: a busy server does not see it either. */
	conn_wants(http, conn, 0);
	if (!http->options->service_ns)
		begin_answer(http, conn, now);
}

static void conn_write(struct ca_http *http, struct conn *conn)
{
	ssize_t n = send(conn->fd, conn->answer + conn->sent, conn->answer_bytes - conn->sent,
			 MSG_NOSIGNAL);

	if (n < 0) {
		if (errno != EAGAIN)
			conn_end(conn);
		return;
	}
	conn->sent += (size_t)n;
	if (conn->sent < conn->answer_bytes)
		return;
	/* The server closes first, but reads on so that no late byte turns the FIN into RST. */
	shutdown(conn->fd, SHUT_WR);
	conn->phase = PHASE_DRAIN;
	conn_wants(http, conn, EPOLLIN);
}

/* --- events --------------------------------------------------------------------------- */

static void head_grew(struct ca_http *http, struct conn *conn, int64_t now)
{
	size_t head_end;

	conn->head[conn->head_bytes] = '\0';
	head_end = find_head_end(conn->head);
	if (!head_end && conn->head_bytes < HEAD_BYTES_MAX)
		return;
	if (head_end)
		read_head(conn, head_end);
	else
		conn->op = CA_OP_BAD;
	conn->phase = PHASE_BODY;
	if (!conn->body_left)
		request_is_whole(http, conn, now);
}

static void conn_read(struct ca_http *http, struct conn *conn, int64_t now)
{
	char scrap[16384];
	bool head = conn->phase == PHASE_HEAD;
	char *where = head ? conn->head + conn->head_bytes : scrap;
	size_t room = head ? HEAD_BYTES_MAX - conn->head_bytes : sizeof(scrap);
	ssize_t n = recv(conn->fd, where, room, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		conn_end(conn);
		return;
	}
	conn->last = now;
	if (head) {
		conn->head_bytes += (size_t)n;
		head_grew(http, conn, now);
	} else if (conn->phase == PHASE_BODY) {
		conn->body_left -= (size_t)n < conn->body_left ? (size_t)n : conn->body_left;
		if (!conn->body_left)
			request_is_whole(http, conn, now);
	}
}

static void accept_one(struct ca_http *http, const struct listener *listener, int64_t now)
{
	struct sockaddr_in6 client;
	socklen_t size = sizeof(client);
	int fd = accept4(listener->fd, (struct sockaddr *)&client, &size,
			 SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct epoll_event event = {.events = EPOLLIN};
	struct conn *conn;

	if (fd < 0)
		return;
	ca_gate_accepted(http->gate, &client, now);
	conn = calloc(1, sizeof(*conn));
	event.data.ptr = conn;
	if (!conn || epoll_ctl(http->epoll_fd, EPOLL_CTL_ADD, fd, &event)) {
		free(conn);
		close(fd);
		return;
	}
	conn->fd = fd;
	conn->client = client;
	conn->ca_port = listener->port;
	conn->since = conn->last = now;
	conn->next = http->conns;
	conn->link = &http->conns;
	if (conn->next)
		conn->next->link = &conn->next;
	http->conns = conn;
}

static bool is_listener(const struct ca_http *http, const void *what)
{
	const struct listener *listener = what;

	return listener >= http->listeners && listener < http->listeners + CA_PORTS_MAX;
}

void ca_http_work(struct ca_http *http, int64_t now)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(http->epoll_fd, events, EVENTS_MAX, 0);

	for (int i = 0; i < n; i++) {
		struct conn *conn = events[i].data.ptr;

		if (is_listener(http, conn))
			accept_one(http, events[i].data.ptr, now);
		else if (conn->phase == PHASE_SERVICE)
			conn_end(conn); /* EPOLLHUP or EPOLLERR: reset meanwhile */
		else if (conn->phase == PHASE_ANSWER)
			conn_write(http, conn);
		else
			conn_read(http, conn, now);
	}
}

int64_t ca_http_tick(struct ca_http *http, int64_t now)
{
	int64_t next = now + IDLE_TICK_NS;
	struct conn *conn = http->conns;

	while (conn) {
		struct conn *following = conn->next;

		if (conn->phase == PHASE_SERVICE && conn->due <= now)
			begin_answer(http, conn, now);
		else if (conn->phase == PHASE_SERVICE && conn->due < next)
			next = conn->due;
		else if (now - conn->last >= http->options->idle_ns ||
			 now - conn->since >= http->options->life_ns)
			conn_end(conn);
		conn = following;
	}
	return next;
}
