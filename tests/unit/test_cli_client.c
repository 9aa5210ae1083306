// SPDX-License-Identifier: GPL-2.0-only
/* Commands against a stand-in at the other end of a real control socket: it says what a test tells it to,
 * sensible or not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>

#include "../../userspace/cli/cli.h"
#include "../../userspace/cli/doc.h"
#include "../../userspace/util/json.h"

#define ANSWERS_MAX 4

/* Serves one connection after another: reads one line, says the next answer, closes. An answer without
 * newline is followed by the end of the connection.
 */
struct peer {
	char directory[32];
	char path[64];
	int fd;
	pthread_t thread;
	const char *answers[ANSWERS_MAX]; /* NULL: no more connections */
	char asked[ANSWERS_MAX][256];
	char output[65536]; /* what the command wrote */
};

static void *serve(void *arg)
{
	struct peer *p = arg;

	for (int i = 0; i < ANSWERS_MAX && p->answers[i]; i++) {
		int fd = accept(p->fd, NULL, NULL);
		size_t used = 0;

		while (used < sizeof(p->asked[i]) - 1 && recv(fd, p->asked[i] + used, 1, 0) == 1 &&
		       p->asked[i][used] != '\n')
			used++;
		p->asked[i][used] = '\0';
		send(fd, p->answers[i], strlen(p->answers[i]), MSG_NOSIGNAL);
		close(fd);
	}
	return NULL;
}

static int open_peer(void **state)
{
	struct peer *p = calloc(1, sizeof(*p));
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	strcpy(p->directory, "/tmp/test_cli_XXXXXX");
	if (!mkdtemp(p->directory))
		return -1;
	snprintf(p->path, sizeof(p->path), "%s/control.sock", p->directory);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", p->path);
	p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	*state = p;
	return bind(p->fd, (struct sockaddr *)&sa, sizeof(sa)) || listen(p->fd, 4);
}

static int close_peer(void **state)
{
	struct peer *p = *state;

	close(p->fd);
	unlink(p->path);
	rmdir(p->directory);
	free(p);
	return 0;
}

/* Runs "scepguard WORDS... --runtime DIR" with both outputs in p->output. */
static int run_command(struct peer *p, const char *words)
{
	char text[256], *argv[16] = {(char *)"scepguard"}, *at, *word;
	int argc = 1, out = dup(1), err = dup(2), status;
	FILE *file = tmpfile();
	size_t n;

	snprintf(text, sizeof(text), "%s --runtime %s", words, p->directory);
	for (word = strtok_r(text, " ", &at); word; word = strtok_r(NULL, " ", &at))
		argv[argc++] = word;
	fflush(stdout);
	dup2(fileno(file), 1);
	dup2(fileno(file), 2);
	status = sg_cli_main(argc, argv);
	fflush(stdout);
	dup2(out, 1);
	dup2(err, 2);
	close(out);
	close(err);
	rewind(file);
	n = fread(p->output, 1, sizeof(p->output) - 1, file);
	p->output[n] = '\0';
	fclose(file);
	return status;
}

static int run_against(struct peer *p, const char *words, const char *first, const char *second)
{
	int status;

	p->answers[0] = first;
	p->answers[1] = second;
	assert_int_equal(pthread_create(&p->thread, NULL, serve, p), 0);
	status = run_command(p, words);
	pthread_join(p->thread, NULL);
	return status;
}

static void expect(struct peer *p, const char *words, const char *answer, int status,
		   const char *said)
{
	int got = run_against(p, words, answer, NULL);

	if (got != status || !strstr(p->output, said))
		fail_msg("%s: %d '%s' instead of %d '%s'", words, got, p->output, status, said);
}

static void expect_question(const struct peer *p, const char *key, const char *value)
{
	_cleanup_json_ json_t *asked = json_loads(p->asked[0], 0, NULL);

	assert_non_null(asked);
	assert_string_equal(sg_doc_text(asked, key), value);
}

static void test_questions(void **state)
{
	struct peer *p = *state;

	run_against(p, "sources -n 7 --sort admitted", "{\"ok\":true}\n", NULL);
	assert_string_equal(p->asked[0],
			    "{\"command\":\"sources\",\"limit\":7,\"sort\":\"admitted\"}");
	run_against(p, "sources", "{\"ok\":true}\n", NULL);
	assert_string_equal(p->asked[0], "{\"command\":\"sources\"}");
	run_against(p, "explain 192.0.2.7", "{\"ok\":true}\n", "{\"ok\":true}\n");
	expect_question(p, "address", "192.0.2.7");
	run_against(p, "events -f", "{\"ok\":true,\"events\":[]}\n", NULL);
	assert_string_equal(p->asked[0], "{\"command\":\"events\",\"limit\":10,\"follow\":true}");
	run_against(p, "mode police --confirm-within 10m", "{\"ok\":true}\n", NULL);
	assert_string_equal(p->asked[0], "{\"command\":\"mode\",\"mode\":\"police\","
					 "\"confirm_within_ns\":600000000000}");
	run_against(p, "mode --confirm", "{\"ok\":true}\n", NULL);
	expect_question(p, "command", "confirm");
	run_against(p, "mode", "{\"ok\":true,\"mode\":\"observe\"}\n", NULL);
	expect_question(p, "command", "status");
}

static void test_learned_questions(void **state)
{
	static const char answer[] = "{\"ok\":true,\"services\":[{\"name\":\"one\",\"learned\":1},"
				     "{\"name\":\"two\",\"learned\":2}],\"questions\":[]}\n";
	struct peer *p = *state;

	expect(p, "questions", answer, SG_EXIT_OK, "one: 1 of");
	assert_string_equal(p->asked[0], "{\"command\":\"questions\"}");
	assert_non_null(strstr(p->output, "two: 2 of"));
	expect(p, "questions two", answer, SG_EXIT_OK, "two: 2 of");
	assert_string_equal(p->asked[0], "{\"command\":\"questions\"}");
	assert_null(strstr(p->output, "one:"));
	expect(p, "questions three", answer, SG_EXIT_FAILED,
	       "there is no service 'three': this guard has 'one', 'two'\n");
	expect(p, "questions two --json", answer, SG_EXIT_OK, "");
	assert_string_equal(p->output, answer);
	expect(p, "questions", "{\"ok\":true}\n", SG_EXIT_OK, "");
}

static void test_json_as_is(void **state)
{
	struct peer *p = *state;

	expect(p, "sources --json", "{ \"ok\" : true,\"x\":1}\n", SG_EXIT_OK, "");
	assert_string_equal(p->output, "{ \"ok\" : true,\"x\":1}\n");
	expect(p, "sources --json", "{\"ok\":false,\"error\":\"no\"}\n", SG_EXIT_FAILED, "");
	assert_string_equal(p->output, "{\"ok\":false,\"error\":\"no\"}\n");
	expect(p, "mode --json",
	       "{\"ok\":true,\"mode\":\"police\",\"mode_then\":\"observe\","
	       "\"mode_until_time\":null,\"services\":[]}\n",
	       SG_EXIT_OK, "\"mode\": \"police\"");
	assert_null(strstr(p->output, "services"));
}

static void test_trouble_has_its_status(void **state)
{
	static const char deaf[] =
		"{\"ok\":true,\"services\":[{\"mirror\":{\"deaf\":{\"now\":true}}}]}\n";
	struct peer *p = *state;

	expect(p, "status", deaf, SG_EXIT_NOT_SERVING, "The CA is deaf");
	expect(p, "status --json", deaf, SG_EXIT_NOT_SERVING, "\"now\":true");
	expect(p, "status", "{\"ok\":true,\"services\":[]}\n", SG_EXIT_OK, "What to do now");
}

static void test_refusals_and_nonsense(void **state)
{
	struct peer *p = *state;

	expect(p, "sources", "{\"ok\":false,\"error\":\"unknown key 'x'\\u001b[31m\"}\n",
	       SG_EXIT_FAILED, "scepguard: unknown key 'x'?[31m\n");
	expect(p, "sources", "{\"ok\":false}\n", SG_EXIT_FAILED, "refused without a reason");
	expect(p, "mode intercept",
	       "{\"ok\":false,\"error\":\"not ready\",\"findings\":[{\"subject\":\"IPv4\",\"sentence\":\"does "
	       "not forward\",\"what_to_type\":\"sysctl -w a=1\"},{\"subject\":\"ca\",\"sentence\":\"is "
	       "here\",\"what_to_type\":\"\"}]}\n",
	       SG_EXIT_FAILED,
	       "scepguard: not ready\n  IPv4: does not forward\n    do: sysctl -w a=1\n  ca: is here\n");
	expect(p, "sources", "rubbish\n", SG_EXIT_FAILED, "not JSON");
	expect(p, "sources", "[]\n", SG_EXIT_FAILED, "not JSON");
	expect(p, "sources", "\n", SG_EXIT_FAILED, "not JSON");
	expect(p, "sources", "{\"ok\":true", SG_EXIT_FAILED,
	       "closed the connection without an answer");
	expect(p, "status", "", SG_EXIT_FAILED, "closed the connection without an answer");
}

static void test_followed_events(void **state)
{
	static const char answers[] =
		"{\"ok\":true,\"events\":[{\"event\":\"deaf\",\"service\":\"one\"}]}\n"
		"{\"ok\":true,\"event\":{\"event\":\"listening\",\"service\":\"two\"}}\n";
	struct peer *p = *state;

	expect(p, "events -f", answers, SG_EXIT_FAILED, "deaf");
	assert_non_null(strstr(p->output, "two  the CA answers again\n"));
	assert_non_null(strstr(p->output, "closed the connection"));
	expect(p, "events -f --json", answers, SG_EXIT_FAILED, "\"service\":\"two\"}}\n");
}

/* The socket of a daemon that died. */
static void test_dead_socket(void **state)
{
	struct peer *p = *state;

	shutdown(p->fd, SHUT_RDWR);
	close(p->fd);
	p->fd = -1;
	assert_int_equal(run_command(p, "sources"), SG_EXIT_NOT_RUNNING);
	assert_int_equal(run_command(p, "events"), SG_EXIT_NOT_RUNNING);
	assert_int_equal(run_command(p, "status"), SG_EXIT_NOT_RUNNING);
	assert_non_null(strstr(p->output, "The daemon is not running"));
	assert_int_equal(run_command(p, "status --json"), SG_EXIT_NOT_RUNNING);
	assert_non_null(strstr(p->output, "\"running\": false"));
}

#define AGAINST_PEER(f) cmocka_unit_test_setup_teardown(f, open_peer, close_peer)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AGAINST_PEER(test_questions),
		AGAINST_PEER(test_learned_questions),
		AGAINST_PEER(test_json_as_is),
		AGAINST_PEER(test_trouble_has_its_status),
		AGAINST_PEER(test_refusals_and_nonsense),
		AGAINST_PEER(test_followed_events),
		AGAINST_PEER(test_dead_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
