// SPDX-License-Identifier: GPL-2.0-only
/* The metrics server, over loopback: what it answers, and that hostile clients harm nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "../../userspace/export/prom.h"
#include "../../userspace/util/log.h"

struct server {
	struct sg_prom_http *http;
	__u16 port;
	char listen[32];
};

/* A port that was free a moment ago. */
static __u16 free_port(void)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	close(fd);
	return ntohs(sa.sin_port);
}

static int start(void **state)
{
	struct server *s = calloc(1, sizeof(*s));

	s->port = free_port();
	snprintf(s->listen, sizeof(s->listen), "127.0.0.1:%u", s->port);
	*state = s;
	return sg_prom_http_start(s->listen, &s->http);
}

static int stop(void **state)
{
	struct server *s = *state;

	sg_prom_http_stop(s->http);
	free(s);
	return 0;
}

/* 127.0.0.0/8 gives us as many client addresses as we like. */
static int dial(const struct server *s, const char *from)
{
	struct sockaddr_in sa = {.sin_family = AF_INET};
	struct timeval patience = {.tv_sec = 5};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, from, &sa.sin_addr);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sa.sin_port = htons(s->port);
	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

/* Reads to the end; returns the length, or -1 when nothing came for 5 s. */
static ssize_t read_all(int fd, char *buf, size_t size)
{
	size_t used = 0;
	ssize_t n;

	while (used < size - 1 && (n = recv(fd, buf + used, size - 1 - used, 0)) != 0) {
		if (n < 0 && errno == ECONNRESET)
			break;
		if (n < 0)
			return -1;
		used += (size_t)n;
	}
	buf[used] = '\0';
	return (ssize_t)used;
}

static void ask(const struct server *s, const char *request, char *buf, size_t size)
{
	int fd = dial(s, "127.0.0.1");

	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	assert_true(read_all(fd, buf, size) > 0);
	close(fd);
}

static void expect(const struct server *s, const char *request, const char *status,
		   const char *contains)
{
	char buf[8192];

	ask(s, request, buf, sizeof(buf));
	assert_memory_equal(buf, "HTTP/1.", 7);
	if (strncmp(buf + 9, status, 3))
		fail_msg("'%s': %.12s instead of %s", request, buf, status);
	if (!strstr(buf, contains))
		fail_msg("'%s': no '%s' in '%s'", request, contains, buf);
}

static void publish(struct server *s, const char *text)
{
	sg_prom_http_publish(s->http, strdup(text), strlen(text));
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

static void test_pages(void **state)
{
	struct server *s = *state;

	expect(s, GET("/metrics"), "503", "starting");
	publish(s, "one 1\n");
	expect(s, GET("/metrics"), "200", "\r\n\r\none 1\n");
	expect(s, GET("/metrics"), "200", "text/plain; version=0.0.4");
	publish(s, "two 2\n");
	expect(s, GET("/metrics?x=1"), "200", "\r\n\r\ntwo 2\n");
	expect(s, GET("/"), "200", "href=\"/metrics\"");
	expect(s, GET("/metrics/"), "404", "not found");
	expect(s, GET("/../etc/passwd"), "404", "not found");
	expect(s, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "405",
	       "Allow: GET, HEAD");
	expect(s, "DELETE / HTTP/1.1\r\nHost: x\r\n\r\n", "405", "only GET");
}

static void test_head(void **state)
{
	struct server *s = *state;
	char buf[4096];

	publish(s, "one 1\n");
	ask(s, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n", buf, sizeof(buf));
	assert_memory_equal(buf + 9, "200", 3);
	assert_non_null(strstr(buf, "Content-Length: 6"));
	assert_string_equal(strstr(buf, "\r\n\r\n"), "\r\n\r\n");
}

/* A scrape under way keeps its text while newer ones are published. */
static void test_publish_during_scrape(void **state)
{
	const size_t size = 4 * 1024 * 1024;
	struct server *s = *state;
	char *big = malloc(size), *buf = malloc(size + 4096), *body;
	int fd;

	memset(big, 'a', size);
	sg_prom_http_publish(s->http, big, size);
	fd = dial(s, "127.0.0.1");
	assert_true(send(fd, GET("/metrics"), strlen(GET("/metrics")), 0) > 0);
	assert_int_equal(recv(fd, buf, 100, MSG_WAITALL), 100);
	for (int i = 0; i < 50; i++)
		publish(s, "newer 1\n");
	assert_true(read_all(fd, buf + 100, size + 3000) > 0);
	body = strstr(buf, "\r\n\r\n") + 4;
	assert_int_equal(strspn(body, "a"), size);
	assert_int_equal(body[size], '\0');
	close(fd);
	free(buf);
}

/* An endless request head is cut off at the memory limit. */
static void test_huge_head(void **state)
{
	struct server *s = *state;
	char line[1024], buf[4096];
	int fd = dial(s, "127.0.0.1"), sent;

	memset(line, 'h', sizeof(line));
	memcpy(line, "X: ", 3);
	memcpy(line + sizeof(line) - 2, "\r\n", 2);
	assert_true(send(fd, "GET /metrics HTTP/1.1\r\n", 23, MSG_NOSIGNAL) == 23);
	for (sent = 0; sent < 1000; sent++)
		if (send(fd, line, sizeof(line), MSG_NOSIGNAL) < 0)
			break;
	if (sent == 1000) /* all buffered: then the answer must be a refusal */
		assert_true(read_all(fd, buf, sizeof(buf)) >= 0);
	close(fd);
	publish(s, "alive 1\n");
	expect(s, GET("/metrics"), "200", "alive 1");
}

/* Silent clients of one address fill its share, not the server. */
static void test_silent_clients(void **state)
{
	struct server *s = *state;
	int fds[40]; /* more than the server takes in all */
	size_t n = sizeof(fds) / sizeof(fds[0]);

	publish(s, "alive 1\n");
	for (size_t i = 0; i < n; i++) {
		fds[i] = dial(s, "127.0.0.9");
		assert_true(send(fds[i], "G", 1, MSG_NOSIGNAL) >= -1);
	}
	expect(s, GET("/metrics"), "200", "alive 1");
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

static bool closed_within(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char c;

	return poll(&p, 1, ms) == 1 && recv(fd, &c, 1, 0) <= 0;
}

/* Trickling clients from many addresses fill every place; age ends them. */
static void test_trickle_ends(void **state)
{
	struct server *s = *state;
	struct timespec now;
	char from[32];
	int fds[32];
	size_t n = sizeof(fds) / sizeof(fds[0]);

	publish(s, "alive 1\n");
	for (size_t i = 0; i < n; i++) {
		snprintf(from, sizeof(from), "127.0.1.%zu", i + 1);
		fds[i] = dial(s, from);
		assert_int_equal(send(fds[i], "GET ", 4, MSG_NOSIGNAL), 4);
	}
	usleep(100 * 1000); /* let the server's thread accept all of them */
	clock_gettime(CLOCK_MONOTONIC, &now);
	sg_prom_http_expire(s->http, now.tv_sec + SG_PROM_HTTP_LIFE_MAX_S - 5);
	assert_false(closed_within(fds[0], 200));
	sg_prom_http_expire(s->http, now.tv_sec + SG_PROM_HTTP_LIFE_MAX_S + 5);
	for (size_t i = 0; i < n; i++)
		assert_true(closed_within(fds[i], 2000));
	expect(s, GET("/metrics"), "200", "alive 1");
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

static void test_bad_listen(void **state)
{
	struct server *s = *state;
	struct sg_prom_http *other = (void *)1;
	char *said = NULL;
	size_t len = 0;
	FILE *log = open_memstream(&said, &len);

	sg_log_set_stream(log);
	assert_int_equal(sg_prom_http_start(s->listen, &other), -EADDRINUSE);
	assert_int_equal(sg_prom_http_start("127.0.0.1", &other), -EINVAL);
	assert_int_equal(sg_prom_http_start("", &other), -EINVAL);
	assert_int_equal(sg_prom_http_start(NULL, &other), -EINVAL);
	assert_int_equal(sg_prom_http_start("192.0.2.1:9834", &other), -EADDRNOTAVAIL);
	assert_ptr_equal(other, (void *)1);
	sg_log_set_stream(NULL);
	fclose(log);
	assert_non_null(strstr(said, s->listen));
	assert_non_null(strstr(said, "metrics.listen"));
	free(said);
	sg_prom_http_stop(NULL);
}

#define SERVED(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(test_pages),
		SERVED(test_head),
		SERVED(test_publish_during_scrape),
		SERVED(test_huge_head),
		SERVED(test_silent_clients),
		SERVED(test_trickle_ends),
		SERVED(test_bad_listen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
