// SPDX-License-Identifier: GPL-2.0-only
/* Serves the text published last, with libmicrohttpd on a thread of its own. A client can cost at
 * most one of a few connections, for a bounded time and with bounded memory; the guard never waits
 * for it. No TLS, no authentication: loopback by default, a proxy in front for everything else.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <netinet/in.h>

#include <microhttpd.h>

#include "prom.h"
#include "../util/cleanup.h"
#include "../util/log.h"

#define CONNECTIONS_MAX        32
#define CONNECTIONS_PER_IP_MAX 8
#define IDLE_MAX_S             10 /* nothing read or written for so long */
#define LIFE_MAX_S             SG_PROM_HTTP_LIFE_MAX_S
#define MEMORY_MAX             (16 * 1024) /* request head and buffers of one connection */
#define BACKLOG                16

static const char index_page[] =
	"<!DOCTYPE html><title>scepguard</title><p>scepguard: <a href=\"/metrics\">metrics</a>\n";
static const char not_found_text[] = "not found: there are / and /metrics\n";
static const char bad_method_text[] = "only GET and HEAD are answered\n";
static const char not_yet_text[] = "no metrics yet: the guard is starting\n";

/* A connection under way. fd is valid from its start until the daemon says it is closed. */
struct guest {
	int fd; /* -1: place is free */
	time_t since_s;
};

struct sg_prom_http {
	struct MHD_Daemon *daemon;
	struct MHD_Response *index, *not_found, *bad_method, *not_yet;
	pthread_mutex_t
		lock; /* guards the two below: the server's thread and the publisher's use them */
	struct MHD_Response *metrics; /* NULL until the first publish */
	struct guest guests[CONNECTIONS_MAX];
};

/* libmicrohttpd tells a request's begin by a NULL here; any other pointer will do. */
static char request_begun;

static time_t monotonic_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static enum MHD_Result queue_page(struct sg_prom_http *http, struct MHD_Connection *connection,
				  const char *url)
{
	enum MHD_Result result;

	if (!strcmp(url, "/"))
		return MHD_queue_response(connection, MHD_HTTP_OK, http->index);
	if (strcmp(url, "/metrics"))
		return MHD_queue_response(connection, MHD_HTTP_NOT_FOUND, http->not_found);
	/* Queueing takes a reference, so the text lives on when a newer one is published. */
	pthread_mutex_lock(&http->lock);
	result = http->metrics ? MHD_queue_response(connection, MHD_HTTP_OK, http->metrics)
			       : MHD_queue_response(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
						    http->not_yet);
	pthread_mutex_unlock(&http->lock);
	return result;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload_data,
				  size_t *upload_data_size, void **state)
{
	struct sg_prom_http *http = cls;

	(void)version;
	(void)upload_data;
	if (strcmp(method, MHD_HTTP_METHOD_GET) && strcmp(method, MHD_HTTP_METHOD_HEAD))
		return MHD_queue_response(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
					  http->bad_method);
	if (!*state) {
		*state = &request_begun;
		return MHD_YES;
	}
	if (*upload_data_size) /* a GET with a body: not read, the connection is closed */
		return MHD_NO;
	return queue_page(http, connection, url);
}

/* Keeps the list of guests. In the server's thread. */
static void on_connection(void *cls, struct MHD_Connection *connection, void **place,
			  enum MHD_ConnectionNotificationCode code)
{
	struct sg_prom_http *http = cls;
	struct guest *g = *place;

	pthread_mutex_lock(&http->lock);
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		for (g = http->guests; g < http->guests + CONNECTIONS_MAX && g->fd >= 0; g++)
			;
		if (g < http->guests + CONNECTIONS_MAX) {
			g->fd = MHD_get_connection_info(connection,
							MHD_CONNECTION_INFO_CONNECTION_FD)
					->connect_fd;
			g->since_s = monotonic_s();
			*place = g;
		}
	} else if (g) {
		g->fd = -1;
	}
	pthread_mutex_unlock(&http->lock);
}

/* shutdown() makes the server's thread see the end and close; it alone closes the descriptor, after
 * on_connection() has given the place back, so fd cannot be somebody else's here.
 */
void sg_prom_http_expire(struct sg_prom_http *http, time_t now_s)
{
	pthread_mutex_lock(&http->lock);
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (http->guests[i].fd >= 0 && now_s - http->guests[i].since_s > LIFE_MAX_S)
			shutdown(http->guests[i].fd, SHUT_RDWR);
	pthread_mutex_unlock(&http->lock);
}

static struct MHD_Response *make_response(const char *text, size_t len, const char *type,
					  enum MHD_ResponseMemoryMode mode)
{
	struct MHD_Response *r =
		MHD_create_response_from_buffer(len, (void *)(uintptr_t)text, mode);

	if (!r) {
		if (mode == MHD_RESPMEM_MUST_FREE)
			free((void *)(uintptr_t)text);
		return NULL;
	}
	/* One request per connection: a scrape comes every few seconds at most. */
	if (MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES &&
	    MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES)
		return r;
	MHD_destroy_response(r);
	return NULL;
}

static int make_responses(struct sg_prom_http *http)
{
	static const char plain[] = "text/plain; charset=utf-8";

	http->index = make_response(index_page, sizeof(index_page) - 1, "text/html; charset=utf-8",
				    MHD_RESPMEM_PERSISTENT);
	http->not_found = make_response(not_found_text, sizeof(not_found_text) - 1, plain,
					MHD_RESPMEM_PERSISTENT);
	http->bad_method = make_response(bad_method_text, sizeof(bad_method_text) - 1, plain,
					 MHD_RESPMEM_PERSISTENT);
	http->not_yet = make_response(not_yet_text, sizeof(not_yet_text) - 1, plain,
				      MHD_RESPMEM_PERSISTENT);
	if (!http->index || !http->not_found || !http->bad_method || !http->not_yet)
		return -ENOMEM;
	if (MHD_add_response_header(http->bad_method, MHD_HTTP_HEADER_ALLOW, "GET, HEAD") !=
	    MHD_YES)
		return -ENOMEM;
	return 0;
}

static socklen_t make_sockaddr(const struct sg_addr *addr, __u16 port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	ret->ss_family = (sa_family_t)sg_addr_family(addr);
	if (ret->ss_family == AF_INET) {
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, sg_addr_bytes(addr), sizeof(in->sin_addr));
		return sizeof(*in);
	}
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, sg_addr_bytes(addr), sizeof(in6->sin6_addr));
	return sizeof(*in6);
}

/* Our own socket instead of libmicrohttpd's, so that a failure has a reason. */
static int listen_on(const char *text, int *ret_fd)
{
	struct sockaddr_storage sa;
	struct sg_addr addr;
	_cleanup_close_ int fd = -1;
	const int on = 1;
	socklen_t len;
	__u16 port;

	if (!text || sg_addr_parse_listen(text, &addr, &port))
		return -EINVAL;
	len = make_sockaddr(&addr, port, &sa);
	fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (sa.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&sa, len) || listen(fd, BACKLOG))
		return -errno;
	*ret_fd = SG_TAKE_FD(fd);
	return 0;
}

/* Takes fd, also on failure. Signals belong to the caller's threads, so the server's thread is born
 * with all of them blocked.
 */
static int start_server(struct sg_prom_http *http, int fd)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	http->daemon = MHD_start_daemon(
		MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL, NULL, on_request, http,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned int)CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		(unsigned int)CONNECTIONS_PER_IP_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned int)IDLE_MAX_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_MAX,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, http, MHD_OPTION_END);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (http->daemon)
		return 0;
	close(fd);
	return -EIO;
}

int sg_prom_http_start(const char *listen, struct sg_prom_http **ret)
{
	struct sg_prom_http *http;
	int err, fd = -1;

	err = listen_on(listen, &fd);
	if (err)
		return sg_log_err(err,
				  "cannot listen for metrics on '%s': set metrics.listen to a free "
				  "address:port of this host, or to off",
				  listen ? listen : "");
	http = calloc(1, sizeof(*http));
	if (!http) {
		close(fd);
		return sg_log_err(-ENOMEM, "cannot start the metrics server");
	}
	pthread_mutex_init(&http->lock, NULL);
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		http->guests[i].fd = -1;
	err = make_responses(http);
	if (err)
		close(fd);
	else
		err = start_server(http, fd);
	if (err) {
		sg_prom_http_stop(http);
		return sg_log_err(err, "cannot start the metrics server");
	}
	*ret = http;
	return 0;
}

void sg_prom_http_publish(struct sg_prom_http *http, char *text, size_t len)
{
	struct MHD_Response *fresh, *old = NULL;

	fresh = make_response(text, len, "text/plain; version=0.0.4; charset=utf-8",
			      MHD_RESPMEM_MUST_FREE);
	pthread_mutex_lock(&http->lock);
	if (fresh) {
		old = http->metrics;
		http->metrics = fresh;
	}
	pthread_mutex_unlock(&http->lock);
	sg_prom_http_expire(http, monotonic_s());
	if (old)
		MHD_destroy_response(old);
}

void sg_prom_http_stop(struct sg_prom_http *http)
{
	if (!http)
		return;
	if (http->daemon)
		MHD_stop_daemon(http->daemon); /* ends connections and closes the socket */
	struct MHD_Response *const all[] = {http->index, http->not_found, http->bad_method,
					    http->not_yet, http->metrics};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i])
			MHD_destroy_response(all[i]);
	pthread_mutex_destroy(&http->lock);
	free(http);
}
