// SPDX-License-Identifier: GPL-2.0-only
/* The control protocol under hostile input, and the socket's bounds with real sockets: every answer
 * is one object with "ok", nothing crashes, nobody is waited for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <cmocka.h>

#include "../../userspace/daemon/clock.h"
#include "../../userspace/daemon/control.h"
#include "../../userspace/daemon/server.h"
#include "../../userspace/util/json.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static struct sg_control_request seen;
static int calls;
static size_t answer_size;

static json_t *handler(void *ctx, const struct sg_control_request *req, char *error)
{
	char *text;
	json_t *j;

	(void)ctx;
	seen = *req;
	calls++;
	if (req->command == SG_CONTROL_CONFIRM) {
		snprintf(error, SG_CONTROL_ERROR, "nothing on trial");
		return NULL;
	}
	text = calloc(1, answer_size + 1);
	memset(text, 'x', answer_size);
	j = json_pack("{s:s}", "text", text);
	free(text);
	return j;
}

/* Returns "ok", after checking the shape. */
static bool ask(const char *line, size_t len)
{
	struct sg_control_request req;
	_cleanup_json_ json_t *answer = NULL;
	const json_t *ok;

	answer_size = 3;
	answer = sg_control_handle(line, len, handler, NULL, &req);
	assert_true(json_is_object(answer));
	ok = json_object_get(answer, "ok");
	assert_true(json_is_boolean(ok));
	if (json_is_false(ok)) {
		assert_true(json_is_string(json_object_get(answer, "error")));
		assert_int_equal(req.command, SG_CONTROL_MAX_);
	}
	return json_is_true(ok);
}

static void test_good_requests(void **state)
{
	static const struct {
		const char *line;
		enum sg_control_command command;
		__u32 limit;
		bool follow;
	} cases[] = {
		{"{\"command\":\"version\"}", SG_CONTROL_VERSION, 0, false},
		{"{\"command\":\"status\"}", SG_CONTROL_STATUS, 0, false},
		{" { \"command\" : \"status\" } \r", SG_CONTROL_STATUS, 0, false},
		{"{\"command\":\"sources\"}", SG_CONTROL_SOURCES, 20, false},
		{"{\"limit\":1,\"command\":\"sources\"}", SG_CONTROL_SOURCES, 1, false},
		{"{\"command\":\"sources\",\"limit\":1000,\"sort\":\"admitted\"}",
		 SG_CONTROL_SOURCES, 1000, false},
		{"{\"command\":\"explain\",\"address\":\"2001:db8::1\"}", SG_CONTROL_EXPLAIN, 0,
		 false},
		{"{\"command\":\"events\",\"follow\":true}", SG_CONTROL_EVENTS, 100, true},
		{"{\"command\":\"mode\",\"mode\":\"police\"}", SG_CONTROL_MODE, 0, false},
		{"{\"command\":\"metrics\"}", SG_CONTROL_METRICS, 0, false},
		{"{\"command\":\"questions\"}", SG_CONTROL_QUESTIONS, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_true(ask(cases[i].line, strlen(cases[i].line)));
		assert_int_equal(seen.command, cases[i].command);
		assert_int_equal(seen.limit, cases[i].limit);
		assert_int_equal(seen.follow, cases[i].follow);
	}
}

static void test_bad_requests(void **state)
{
	static const char *const lines[] = {
		"",
		" ",
		"null",
		"true",
		"1",
		"\"status\"",
		"[]",
		"[{\"command\":\"status\"}]",
		"{}",
		"{",
		"{\"command\":\"status\"",
		"{\"command\":\"status\"}{}",
		"{\"command\":\"status\"} x",
		"{\"command\":null}",
		"{\"command\":1}",
		"{\"command\":[]}",
		"{\"command\":\"\"}",
		"{\"command\":\"stat\"}",
		"{\"command\":\"STATUS\"}",
		"{\"command\":\"status\\u0000\"}",
		"{\"command\":\"status\",\"limit\":1}",
		"{\"command\":\"status\",\"x\":1}",
		"{\"command\":\"mode\",\"command\":\"status\"}",
		"{\"command\":\"sources\",\"limit\":0}",
		"{\"command\":\"sources\",\"limit\":1001}",
		"{\"command\":\"sources\",\"limit\":-1}",
		"{\"command\":\"sources\",\"limit\":1.5}",
		"{\"command\":\"sources\",\"limit\":\"5\"}",
		"{\"command\":\"sources\",\"limit\":18446744073709551616}",
		"{\"command\":\"sources\",\"sort\":\"name\"}",
		"{\"command\":\"sources\",\"sort\":1}",
		"{\"command\":\"explain\"}",
		"{\"command\":\"explain\",\"address\":\"10.0.0.0/8\"}",
		"{\"command\":\"explain\",\"address\":\"\"}",
		"{\"command\":\"explain\",\"address\":{}}",
		"{\"command\":\"events\",\"follow\":1}",
		"{\"command\":\"mode\"}",
		"{\"command\":\"mode\",\"mode\":\"off\"}",
		"{\"command\":\"mode\",\"mode\":\"police\",\"confirm_within_ns\":0}",
		"{\"command\":\"mode\",\"mode\":\"police\",\"confirm_within_ns\":999999999}",
		"{\"command\":\"mode\",\"mode\":\"police\",\"confirm_within_ns\":86400000000001}",
		"{\"command\":\"mode\",\"mode\":\"police\",\"confirm_within_ns\":1e9}",
		"{\"command\":\"\xff\xfe\"}",
		"{\"\xc3\x28\":1}",
	};

	(void)state;
	calls = 0;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		assert_false(ask(lines[i], strlen(lines[i])));
	assert_int_equal(calls, 0);
	assert_false(ask("{\"command\":\"confirm\"}", 21)); /* the handler's own refusal */
	assert_int_equal(calls, 1);
	assert_false(ask("{\"command\":\"status\"}\0", 21)); /* a NUL is no blank */
}

static json_t *refuse_at_length(void *ctx, const struct sg_control_request *req, char *error)
{
	(void)ctx, (void)req, (void)error;
	return json_pack("{s:s, s:[s]}", "error", "not ready", "findings", "one");
}

static void test_refusal_with_findings(void **state)
{
	struct sg_control_request req;
	_cleanup_json_ json_t *answer =
		sg_control_handle("{\"command\":\"status\"}", 20, refuse_at_length, NULL, &req);

	(void)state;
	assert_true(json_is_false(json_object_get(answer, "ok")));
	assert_int_equal(json_array_size(json_object_get(answer, "findings")), 1);
	assert_int_equal(req.command, SG_CONTROL_MAX_);
}

static void test_trial_bounds(void **state)
{
	static const char *const good[] = {
		"{\"command\":\"mode\",\"mode\":\"police\",\"confirm_within_ns\":1000000000}",
		"{\"command\":\"mode\",\"mode\":\"police\",\"confirm_within_ns\":86400000000000}",
	};

	(void)state;
	assert_true(ask(good[0], strlen(good[0])));
	assert_int_equal(seen.confirm_within_ns, SG_NS_PER_S);
	assert_true(ask(good[1], strlen(good[1])));
	assert_int_equal(seen.confirm_within_ns, SG_NS_PER_D);
}

/* Every truncation of a good line, and every byte of it replaced by every other. */
static void test_truncated_and_mutated(void **state)
{
	static const char line[] = "{\"command\":\"explain\",\"address\":\"192.0.2.1\"}";
	char mutant[sizeof(line)];

	(void)state;
	for (size_t len = 0; len < strlen(line); len++)
		assert_false(ask(line, len));
	for (size_t at = 0; at < strlen(line); at++) {
		for (int byte = 0; byte < 256; byte++) {
			memcpy(mutant, line, sizeof(line));
			mutant[at] = (char)byte;
			ask(mutant, strlen(line));
		}
	}
}

static void test_huge_and_deep(void **state)
{
	static char line[SG_CONTROL_LINE_MAX + 2];

	(void)state;
	memset(line, '[', sizeof(line));
	assert_false(ask(line, SG_CONTROL_LINE_MAX));
	assert_false(ask(line, SG_CONTROL_LINE_MAX + 1));
	memset(line, ' ', sizeof(line));
	memcpy(line, "{\"command\":\"status\"}", 20);
	assert_true(ask(line, SG_CONTROL_LINE_MAX));
	assert_false(ask(line, SG_CONTROL_LINE_MAX + 1));
}

/* ---- The socket ---- */

struct bench {
	char directory[64];
	struct sg_loop loop;
	struct sg_server *server;
};

static int open_bench(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));

	strcpy(b->directory, "/tmp/sg-control-XXXXXX");
	if (!mkdtemp(b->directory) || sg_loop_open(&b->loop) ||
	    sg_server_open(b->directory, &b->loop, handler, NULL, &b->server))
		return -1;
	answer_size = 3;
	*state = b;
	return 0;
}

static int close_bench(void **state)
{
	struct bench *b = *state;

	sg_server_close(b->server);
	sg_loop_close(&b->loop);
	rmdir(b->directory);
	free(b);
	return 0;
}

/* Hand out what is ready now, without waiting. */
static void turn(struct bench *b, int times)
{
	struct epoll_event events[SG_LOOP_BATCH];

	for (int t = 0; t < times; t++) {
		int n = epoll_wait(b->loop.epoll_fd, events, SG_LOOP_BATCH, 0);

		for (int i = 0; i < n; i++) {
			struct sg_loop_watch *w = events[i].data.ptr;

			if (w->fd >= 0)
				w->ready(w, events[i].events);
		}
	}
}

static int join(struct bench *b)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock", b->directory);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	turn(b, 1);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static const char *hear(int fd)
{
	static char text[65536];
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static int count_lines(const char *text)
{
	int lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

static void test_socket_mode(void **state)
{
	struct bench *b = *state;
	char path[96];
	struct stat st;

	snprintf(path, sizeof(path), "%s/control.sock", b->directory);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
}

/* Cut into single bytes, and several lines in one piece: each gets its answer, in order. */
static void test_socket_pieces(void **state)
{
	struct bench *b = *state;
	const char *line = "{\"command\":\"status\"}\n";
	int fd = join(b);

	for (size_t i = 0; i < strlen(line); i++) {
		assert_int_equal(send(fd, line + i, 1, 0), 1);
		turn(b, 1);
	}
	assert_int_equal(count_lines(hear(fd)), 1);
	for (int i = 0; i < 20; i++)
		say(fd, line);
	turn(b, 1); /* the others and the clock come between two answers */
	assert_int_equal(count_lines(hear(fd)), 1);
	turn(b, 19);
	assert_int_equal(count_lines(hear(fd)), 19);
	close(fd);
	turn(b, 1);
	assert_int_equal(sg_server_totals(b->server).clients, 0);
	assert_int_equal(sg_server_totals(b->server).dropped, 0);
}

/* `printf ... | socat`: the client says all it has to say and closes its half. */
static void test_socket_half_closed(void **state)
{
	struct bench *b = *state;
	int fd = join(b);

	say(fd, "{\"command\":\"status\"}\n{\"command\":\"version\"}\n");
	shutdown(fd, SHUT_WR);
	turn(b, 5);
	assert_int_equal(count_lines(hear(fd)), 2);
	assert_int_equal(sg_server_totals(b->server).clients, 0);
	close(fd);
}

static void test_socket_endless_line(void **state)
{
	struct bench *b = *state;
	char chunk[1024];
	int fd = join(b);

	memset(chunk, 'x', sizeof(chunk));
	for (int i = 0; i < 8; i++) {
		(void)!send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL);
		turn(b, 1);
	}
	assert_int_equal(sg_server_totals(b->server).clients, 0);
	assert_int_equal(sg_server_totals(b->server).dropped, 1);
	close(fd);
}

/* Asks and asks and never reads: its answers stay bounded, and others are served meanwhile. */
static void test_socket_never_reads(void **state)
{
	struct bench *b = *state;
	const char *line = "{\"command\":\"status\"}\n";
	int greedy = join(b), other = join(b);

	answer_size = 100000;
	calls = 0;
	for (int i = 0; i < 3000; i++) {
		(void)!send(greedy, line, strlen(line), MSG_NOSIGNAL);
		if (i % 8 == 7)
			turn(b, 1);
	}
	/* A socket's buffer and one answer waiting: far fewer than were asked for. */
	assert_in_range(calls, 1, 6);
	answer_size = 3;
	say(other, line);
	turn(b, 2);
	assert_int_equal(count_lines(hear(other)), 1);
	sg_server_tend(b->server, sg_clock_monotonic_ns() + SG_SERVER_IDLE_NS + SG_NS_PER_S);
	assert_int_equal(sg_server_totals(b->server).clients, 0);
	assert_int_equal(sg_server_totals(b->server).dropped, 2);
	close(greedy);
	close(other);
}

static void test_socket_too_many(void **state)
{
	struct bench *b = *state;
	int fds[SG_SERVER_CLIENTS + 1];

	for (int i = 0; i <= SG_SERVER_CLIENTS; i++)
		fds[i] = join(b);
	assert_int_equal(sg_server_totals(b->server).clients, SG_SERVER_CLIENTS);
	assert_non_null(strstr(hear(fds[SG_SERVER_CLIENTS]), "\"ok\":false"));
	close(fds[0]);
	turn(b, 1);
	close(fds[SG_SERVER_CLIENTS]);
	fds[SG_SERVER_CLIENTS] = join(b);
	say(fds[SG_SERVER_CLIENTS], "{\"command\":\"status\"}\n");
	turn(b, 1);
	assert_non_null(strstr(hear(fds[SG_SERVER_CLIENTS]), "\"ok\":true"));
	for (int i = 1; i <= SG_SERVER_CLIENTS; i++)
		close(fds[i]);
}

/* Clients that hold a place and ask nothing keep nobody out; those who follow or wait keep theirs. */
static void test_socket_idle_make_room(void **state)
{
	struct bench *b = *state;
	int fds[SG_SERVER_CLIENTS], late;

	for (int i = 0; i < SG_SERVER_CLIENTS; i++)
		fds[i] = join(b);
	say(fds[0], "{\"command\":\"events\",\"follow\":true}\n");
	turn(b, 1);
	usleep((SG_SERVER_SPARE_NS + SG_NS_PER_S / 20) / 1000);
	for (int i = 0; i < SG_SERVER_CLIENTS; i++) {
		if (i == 2)
			continue;
		say(fds[i], "{\"command\":\"version\"}\n");
		turn(b, 1);
	}
	for (int more = 0; more < 2; more++) {
		late = join(b);
		if (!more)
			say(late, "{\"command\":\"status\"}\n");
		turn(b, 1);
		/* The second finds everybody busy: all have asked just now. */
		assert_non_null(strstr(hear(late), more ? "\"ok\":false" : "\"ok\":true"));
		assert_int_equal(sg_server_totals(b->server).clients, SG_SERVER_CLIENTS);
	}
	assert_int_equal(recv(fds[2], &late, 1, MSG_DONTWAIT), 0);
	for (int i = 0; i < SG_SERVER_CLIENTS; i++)
		close(fds[i]);
}

/* A follower gets every line, is never idle, and is dropped when it stops reading. */
static void test_socket_follower(void **state)
{
	struct bench *b = *state;
	static char line[4096];
	int fd = join(b);

	say(fd, "{\"command\":\"events\",\"follow\":true}\n");
	turn(b, 1);
	assert_int_equal(count_lines(hear(fd)), 1);
	assert_true(sg_server_has_followers(b->server));
	sg_server_tell_followers(b->server, "{}\n", 3);
	assert_string_equal(hear(fd), "{}\n");
	sg_server_tend(b->server, sg_clock_monotonic_ns() + 10 * SG_SERVER_IDLE_NS);
	assert_int_equal(sg_server_totals(b->server).clients, 1);
	memset(line, 'x', sizeof(line));
	for (int i = 0; i < 1000; i++)
		sg_server_tell_followers(b->server, line, sizeof(line));
	assert_int_equal(sg_server_totals(b->server).clients, 0);
	assert_int_equal(sg_server_totals(b->server).dropped, 1);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_requests),
		cmocka_unit_test(test_bad_requests),
		cmocka_unit_test(test_refusal_with_findings),
		cmocka_unit_test(test_trial_bounds),
		cmocka_unit_test(test_truncated_and_mutated),
		cmocka_unit_test(test_huge_and_deep),
		cmocka_unit_test_setup_teardown(test_socket_mode, open_bench, close_bench),
		cmocka_unit_test_setup_teardown(test_socket_pieces, open_bench, close_bench),
		cmocka_unit_test_setup_teardown(test_socket_half_closed, open_bench, close_bench),
		cmocka_unit_test_setup_teardown(test_socket_endless_line, open_bench, close_bench),
		cmocka_unit_test_setup_teardown(test_socket_never_reads, open_bench, close_bench),
		cmocka_unit_test_setup_teardown(test_socket_too_many, open_bench, close_bench),
		cmocka_unit_test_setup_teardown(test_socket_idle_make_room, open_bench,
						close_bench),
		cmocka_unit_test_setup_teardown(test_socket_follower, open_bench, close_bench),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
