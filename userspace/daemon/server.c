// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "clock.h"
#include "server.h"
#include "../util/cleanup.h"
#include "../util/log.h"

#define SOCKET_GROUP "scepguard"

struct client {
	struct sg_loop_watch watch; /* fd -1: this place is free */
	struct sg_server *server;
	bool following;
	bool ended;  /* it sends no more */
	__u32 armed; /* what its watch waits for */
	__u64 asked_ns;
	size_t in_len;
	char in[SG_CONTROL_LINE_MAX + 1];
	char *out;
	size_t out_len, out_size;
};

struct sg_server {
	struct sg_loop_watch watch;
	struct sg_loop *loop;
	sg_control_handler handler;
	void *ctx;
	struct sg_server_totals totals;
	struct sockaddr_un address;
	struct client clients[SG_SERVER_CLIENTS];
};

static void end_client(struct client *c)
{
	sg_loop_remove(c->server->loop, &c->watch);
	close(c->watch.fd);
	free(c->out);
	c->server->totals.clients--;
	*c = (struct client){.watch = {.fd = -1}, .server = c->server};
}

static void drop_client(struct client *c, const char *why)
{
	sg_log_debug("control socket: client dropped: %s", why);
	c->server->totals.dropped++;
	end_client(c);
}

static bool has_line(const struct client *c)
{
	return memchr(c->in, '\n', c->in_len);
}

/* While answers wait, nothing more is read; a line left over from a turn asks for another turn
 * (EPOLLOUT is ready at once then).
 */
static void arm(struct client *c)
{
	bool wants_in = !c->ended && !c->out_len && c->in_len < sizeof(c->in);
	__u32 events = (wants_in ? EPOLLIN : 0) | (c->out_len || has_line(c) ? EPOLLOUT : 0);

	if (events != c->armed)
		sg_loop_change(c->server->loop, &c->watch, events);
	c->armed = events;
}

/* Write what waits, as far as the socket takes it. Returns false when the client was ended. */
static bool flush_client(struct client *c)
{
	ssize_t n = 0;

	if (c->out_len)
		n = send(c->watch.fd, c->out, c->out_len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		end_client(c);
		return false;
	}
	if (n > 0) {
		memmove(c->out, c->out + n, c->out_len - n);
		c->out_len -= n;
	}
	return true;
}

/* Returns false when the client was dropped. */
static bool queue(struct client *c, const char *text, size_t len)
{
	size_t size = c->out_size ? c->out_size : 4096;
	char *grown;

	if (len > SG_SERVER_OUTPUT_MAX - c->out_len) {
		drop_client(c, "it does not read its answers");
		return false;
	}
	while (size < c->out_len + len)
		size *= 2;
	if (size != c->out_size) {
		grown = realloc(c->out, size);
		if (!grown) {
			drop_client(c, "out of memory");
			return false;
		}
		c->out = grown;
		c->out_size = size;
	}
	memcpy(c->out + c->out_len, text, len);
	c->out_len += len;
	return true;
}

static bool queue_json(struct client *c, json_t *answer)
{
	_cleanup_free_ char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;

	json_decref(answer);
	if (!text) {
		drop_client(c, "out of memory");
		return false;
	}
	return queue(c, text, strlen(text)) && queue(c, "\n", 1);
}

/* Returns false when the client is gone. */
static bool answer_line(struct client *c, const char *line, size_t len)
{
	struct sg_control_request req;
	json_t *answer = sg_control_handle(line, len, c->server->handler, c->server->ctx, &req);

	if (req.command == SG_CONTROL_EVENTS)
		c->following = req.follow;
	c->asked_ns = sg_clock_monotonic_ns();
	return queue_json(c, answer);
}

/* Answer the lines that are there, SG_SERVER_LINES_A_TURN at most. Returns false when the client is
 * gone.
 */
static bool answer_lines(struct client *c)
{
	char *newline;

	for (int i = 0; i < SG_SERVER_LINES_A_TURN && !c->out_len; i++) {
		newline = memchr(c->in, '\n', c->in_len);
		if (!newline)
			break;
		if (!answer_line(c, c->in, newline - c->in) || !flush_client(c))
			return false;
		c->in_len -= newline + 1 - c->in;
		memmove(c->in, newline + 1, c->in_len);
	}
	if (c->in_len == sizeof(c->in) && !has_line(c)) {
		drop_client(c, "its line is too long");
		return false;
	}
	return true;
}

/* Returns false when the client is gone. */
static bool receive(struct client *c)
{
	ssize_t n;

	if (!(c->armed & EPOLLIN))
		return true;
	n = recv(c->watch.fd, c->in + c->in_len, sizeof(c->in) - c->in_len, MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		end_client(c);
		return false;
	}
	c->ended |= !n;
	c->in_len += n > 0 ? n : 0;
	return true;
}

static void client_ready(struct sg_loop_watch *w, __u32 events)
{
	struct client *c = (struct client *)w;

	if (!flush_client(c) || !receive(c) || !answer_lines(c))
		return;
	/* Half-closed: it still gets its answers. Hung up: nobody is there to read them. */
	if (events & (EPOLLHUP | EPOLLERR) || (c->ended && !c->out_len && !has_line(c)))
		end_client(c);
	else
		arm(c);
}

/* Does it wait for nothing, and nothing wait for it? */
static bool is_idle(const struct client *c, __u64 now_ns)
{
	return !c->following && !c->out_len && !has_line(c) &&
	       now_ns > c->asked_ns + SG_SERVER_SPARE_NS;
}

/* A free place, if need be that of the client that has been idle longest; NULL: all are busy. */
static struct client *free_place(struct sg_server *s)
{
	const __u64 now_ns = sg_clock_monotonic_ns();
	struct client *idlest = NULL;

	for (int i = 0; i < SG_SERVER_CLIENTS; i++) {
		struct client *c = &s->clients[i];

		if (c->watch.fd < 0)
			return c;
		if (is_idle(c, now_ns) && (!idlest || c->asked_ns < idlest->asked_ns))
			idlest = c;
	}
	if (idlest)
		drop_client(idlest, "it asks nothing, and another one wants its place");
	return idlest;
}

static void refuse(struct sg_server *s, int fd)
{
	static const char sentence[] =
		"{\"ok\":false,\"error\":\"16 clients are being served already, try again\"}\n";

	s->totals.dropped++;
	(void)!send(fd, sentence, sizeof(sentence) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

static void server_ready(struct sg_loop_watch *w, __u32 events)
{
	struct sg_server *s = (struct sg_server *)w;
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *c;

	(void)events;
	if (fd < 0)
		return;
	c = free_place(s);
	if (!c) {
		refuse(s, fd);
		return;
	}
	c->watch = (struct sg_loop_watch){fd, client_ready};
	c->armed = EPOLLIN;
	c->asked_ns = sg_clock_monotonic_ns();
	if (sg_loop_add(s->loop, &c->watch, EPOLLIN)) {
		close(fd);
		c->watch.fd = -1;
		return;
	}
	s->totals.clients++;
}

/* mode 0660 from the moment it exists; the group may be absent. */
static int listen_at(struct sg_server *s)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const struct group *group = getgrnam(SOCKET_GROUP);
	mode_t mask;
	int err;

	if (fd < 0)
		return -errno;
	unlink(s->address.sun_path);
	mask = umask(0117);
	err = bind(fd, (struct sockaddr *)&s->address, sizeof(s->address)) ? -errno : 0;
	umask(mask);
	if (err || listen(fd, SG_SERVER_CLIENTS))
		return err ? err : -errno;
	if (group && chown(s->address.sun_path, -1, group->gr_gid))
		sg_log_warning("cannot give '%s' to group '%s': %s", s->address.sun_path,
			       SOCKET_GROUP, strerror(errno));
	s->watch.fd = SG_TAKE_FD(fd);
	return 0;
}

int sg_server_open(const char *runtime, struct sg_loop *loop, sg_control_handler handler, void *ctx,
		   struct sg_server **ret)
{
	struct sg_server *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	*s = (struct sg_server){.watch = {-1, server_ready},
				.loop = loop,
				.handler = handler,
				.ctx = ctx,
				.address = {.sun_family = AF_UNIX}};
	for (int i = 0; i < SG_SERVER_CLIENTS; i++)
		s->clients[i] = (struct client){.watch = {.fd = -1}, .server = s};
	if ((size_t)snprintf(s->address.sun_path, sizeof(s->address.sun_path), "%s/control.sock",
			     runtime) >= sizeof(s->address.sun_path))
		err = -ENAMETOOLONG;
	else
		err = listen_at(s);
	if (!err)
		err = sg_loop_add(loop, &s->watch, EPOLLIN);
	if (err) {
		sg_log_err(err, "cannot listen on '%s/control.sock'", runtime);
		sg_server_close(s);
		return err;
	}
	*ret = s;
	return 0;
}

bool sg_server_has_followers(const struct sg_server *s)
{
	for (int i = 0; i < SG_SERVER_CLIENTS; i++)
		if (s->clients[i].watch.fd >= 0 && s->clients[i].following)
			return true;
	return false;
}

void sg_server_tell_followers(struct sg_server *s, const char *line, size_t len)
{
	for (int i = 0; i < SG_SERVER_CLIENTS; i++) {
		struct client *c = &s->clients[i];

		if (c->watch.fd >= 0 && c->following && queue(c, line, len) && flush_client(c))
			arm(c);
	}
}

void sg_server_tend(struct sg_server *s, __u64 now_ns)
{
	for (int i = 0; i < SG_SERVER_CLIENTS; i++) {
		struct client *c = &s->clients[i];

		if (c->watch.fd >= 0 && !c->following && now_ns > c->asked_ns + SG_SERVER_IDLE_NS)
			drop_client(c, "it asks nothing");
	}
}

struct sg_server_totals sg_server_totals(const struct sg_server *s)
{
	return s->totals;
}

void sg_server_close(struct sg_server *s)
{
	if (!s)
		return;
	for (int i = 0; i < SG_SERVER_CLIENTS; i++)
		if (s->clients[i].watch.fd >= 0)
			end_client(&s->clients[i]);
	if (s->watch.fd >= 0) {
		sg_loop_remove(s->loop, &s->watch);
		close(s->watch.fd);
		unlink(s->address.sun_path);
	}
	free(s);
}
