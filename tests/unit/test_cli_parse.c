// SPDX-License-Identifier: GPL-2.0-only
/* Command lines: right ones, and one sentence for each wrong one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../userspace/cli/cli.h"
#include "../../userspace/cli/target.h"

/* Runs f with stderr and stdout caught; returns what was written. */
static char *catch_output(int (*f)(void *), void *arg, int *status)
{
	int out = dup(1), err = dup(2), fd;
	FILE *file = tmpfile();
	char *text;
	long size;

	fflush(stdout);
	fd = fileno(file);
	dup2(fd, 1);
	dup2(fd, 2);
	*status = f(arg);
	fflush(stdout);
	fflush(stderr);
	dup2(out, 1);
	dup2(err, 2);
	close(out);
	close(err);
	fseek(file, 0, SEEK_END);
	size = ftell(file);
	rewind(file);
	text = calloc(1, (size_t)size + 1);
	assert_int_equal(fread(text, 1, (size_t)size, file), size);
	fclose(file);
	return text;
}

struct line {
	char text[256];
	char *argv[16];
	int argc;
	struct sg_cli_args args;
};

static void split(struct line *line, const char *text)
{
	char *at, *word;

	memset(line, 0, sizeof(*line));
	snprintf(line->text, sizeof(line->text), "%s", text);
	for (word = strtok_r(line->text, " ", &at); word; word = strtok_r(NULL, " ", &at))
		line->argv[line->argc++] = word;
}

static int parse(void *arg)
{
	struct line *line = arg;

	return sg_cli_parse(sg_cli_find(line->argv[0]), line->argc, line->argv, &line->args);
}

static int run(void *arg)
{
	struct line *line = arg;

	return sg_cli_main(line->argc, line->argv);
}

static void expect_wrong(const char *text, const char *sentence)
{
	struct line line;
	char *said;
	int status;

	split(&line, text);
	said = catch_output(parse, &line, &status);
	assert_int_equal(status, -EINVAL);
	assert_null(line.args.program); /* untouched */
	if (!strstr(said, sentence) || !strstr(said, "--help\n") || strchr(said, '\n')[1])
		fail_msg("%s: '%s' instead of '%s'", text, said, sentence);
	free(said);
}

static void expect_right(struct line *line, const char *text)
{
	char *said;
	int status;

	split(line, text);
	said = catch_output(parse, line, &status);
	if (status || *said)
		fail_msg("%s: %d, '%s'", text, status, said);
	free(said);
}

static void test_right(void **state)
{
	struct line line;

	(void)state;
	expect_right(&line, "status");
	assert_false(sg_cli_given(&line.args, SG_OPT_CONFIG));
	expect_right(&line, "events -fn 1000 --json -c f.yaml");
	assert_int_equal(line.args.number, 1000);
	assert_true(sg_cli_given(&line.args, SG_OPT_FOLLOW));
	assert_true(sg_cli_given(&line.args, SG_OPT_JSON));
	assert_string_equal(line.args.value[SG_OPT_CONFIG], "f.yaml");
	expect_right(&line, "mode police --confirm-within 10m --runtime=/run/x");
	assert_string_equal(line.args.operand, "police");
	assert_true(line.args.confirm_within_ns == 600 * 1000000000ULL);
	assert_string_equal(line.args.value[SG_OPT_RUNTIME], "/run/x");
	expect_right(&line, "mode --confirm-within 10m police"); /* operands may stand anywhere */
	assert_string_equal(line.args.operand, "police");
	expect_right(&line, "explain 2001:db8::1");
	expect_right(&line, "explain --help");
	expect_right(&line, "sources --num 1"); /* unambiguous beginning */
	assert_int_equal(line.args.number, 1);
}

static void test_wrong(void **state)
{
	(void)state;
	expect_wrong("status --bogus", "'--bogus' is not an option of this command");
	expect_wrong("status -x", "'-x' is not an option of this command");
	expect_wrong("status -n 5", "is not an option of this command");
	expect_wrong("status extra", "'extra' is too much");
	expect_wrong("status --json=1", "'--json=1' is not an option of this command");
	expect_wrong("events -n", "'-n' needs an argument");
	expect_wrong("events -n 0", "-n '0': expected a number from 1 to 1000");
	expect_wrong("events -n 1001", "-n '1001': expected");
	expect_wrong("events -n 1x", "-n '1x': expected");
	expect_wrong("events -n -5", "-n '-5': expected");
	expect_wrong("mode police --confirm-within 10", "expected a time with its unit");
	expect_wrong("mode police --confirm-within 0", "expected a time with its unit");
	expect_wrong("sources --sort x", "expected recent, requests, admitted or connections");
	expect_wrong("mode police observe", "'observe' is too much");
	expect_wrong("explain", "ADDRESS is missing");
	expect_wrong("explain 192.0.2.1 192.0.2.2", "'192.0.2.2' is too much");
	expect_wrong("status -c f --runtime d", "give one of them");
	expect_wrong("detach -c f --bpffs d", "give one of them");
}

static void expect_main(const char *text, int expected, const char *sentence)
{
	struct line line;
	char *said;
	int status;

	split(&line, text);
	said = catch_output(run, &line, &status);
	if (status != expected || !strstr(said, sentence))
		fail_msg("%s: %d, '%s'", text, status, said);
	free(said);
}

static int times_in(const char *text, const char *part)
{
	int times = 0;

	for (; (text = strstr(text, part)); text++)
		times++;
	return times;
}

/* A file with errors: each is told once, with what to do, whatever was asked. */
static void test_broken_file(void **state)
{
	static const char *const asked[] = {"status",      "sources", "events", "explain 192.0.2.1",
					    "mode police", "detach"};
	char path[] = "/tmp/sg-broken-XXXXXX", text[128];
	FILE *f = fdopen(mkstemp(path), "w");
	struct line line;
	char *said;
	int status;

	(void)state;
	assert_non_null(f);
	fputs("mode: observ\ninterfaces: [lo]\nservices: [{name: x, addresses: [192.0.2]}]\n", f);
	fclose(f);
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		snprintf(text, sizeof(text), "scepguard %s -c %s", asked[i], path);
		split(&line, text);
		said = catch_output(run, &line, &status);
		if (status != SG_EXIT_FAILED || times_in(said, "mode: expected") != 1 ||
		    times_in(said, "addresses: expected") != 1 ||
		    times_in(said, "`scepguard check -c /tmp/sg-broken") != 1)
			fail_msg("%s: %d, '%s'", text, status, said);
		free(said);
	}
	unlink(path);
}

static void test_main(void **state)
{
	(void)state;
	expect_main("scepguard", SG_EXIT_USAGE, "usage: scepguard COMMAND");
	expect_main("scepguard --help", SG_EXIT_OK, "commands:");
	expect_main("scepguard help", SG_EXIT_OK, "commands:");
	expect_main("scepguard help mode", SG_EXIT_OK, "usage: scepguard mode [OPTIONS] [MODE]");
	expect_main("scepguard mode --help", SG_EXIT_OK, "--confirm-within TIME");
	expect_main("scepguard --version", SG_EXIT_OK, "layout of pinned maps: 4");
	expect_main("scepguard version --json", SG_EXIT_OK, "\"abi\": 4");
	expect_main("scepguard statsu", SG_EXIT_USAGE, "did you mean 'status'?");
	expect_main("scepguard xyzzy", SG_EXIT_USAGE, "see scepguard --help");
	expect_main("scepguard help xyzzy", SG_EXIT_USAGE, "'xyzzy' is not a command");
	expect_main("scepguard explain 192.0.2", SG_EXIT_USAGE, "expected an IPv4 or IPv6 address");
	expect_main("scepguard mode polcie", SG_EXIT_USAGE,
		    "expected observe, police or intercept");
	expect_main("scepguard mode police --confirm", SG_EXIT_USAGE, "goes alone");
	expect_main("scepguard mode --confirm-within 5m", SG_EXIT_USAGE, "needs a mode");
	expect_main("scepguard sources --sort x", SG_EXIT_USAGE, "--sort 'x'");
	expect_main("scepguard check -c /nonexistent/f", SG_EXIT_CHECK_ERRORS, "/nonexistent/f: ");
	expect_main("scepguard check --json -c /nonexistent/f", SG_EXIT_CHECK_ERRORS,
		    "\"exit_status\": 4");
	expect_main("scepguard status -c /nonexistent/f", SG_EXIT_FAILED, "/nonexistent/f: ");
	expect_main("scepguard sources --runtime /nonexistent", SG_EXIT_NOT_RUNNING,
		    "no guard runs here (nobody answers at /nonexistent/control.sock)");
	expect_main("scepguard events --runtime /nonexistent", SG_EXIT_NOT_RUNNING,
		    "no guard runs");
	expect_main("scepguard status --runtime /nonexistent", SG_EXIT_NOT_RUNNING,
		    "The daemon is not running");
	expect_main("scepguard detach --bpffs /nonexistent", SG_EXIT_FAILED,
		    "nothing is pinned below '/nonexistent'");
}

/* Every command's help lists every option it takes, and none it does not. */
static void test_help_is_complete(void **state)
{
	static const char *const names[] = {
#define X(id, letter, name, arg, help) "--" name,
		SG_CLI_OPTIONS(X)
#undef X
	};

	(void)state;
	for (size_t i = 0; i < sg_cli_command_count; i++) {
		const struct sg_cli_command *c = &sg_cli_commands[i];
		const __u32 takes = c->options | SG_OPT_BIT(HELP);
		size_t size = 0;
		char *text = NULL, word[40];
		FILE *out = open_memstream(&text, &size);

		sg_cli_print_command_help(out, c);
		fclose(out);
		for (unsigned int o = 0; o < SG_OPT_MAX_; o++) {
			snprintf(word, sizeof(word), "%s ", names[o]);
			if ((strstr(text, word) != NULL) != ((takes & 1u << o) != 0))
				fail_msg("%s: %s", c->name, names[o]);
		}
		free(text);
	}
}

static void test_target(void **state)
{
	struct sg_cli_args args = {.program = "scepguard"};
	struct sg_target target;
	char buf[64];

	(void)state;
	args.value[SG_OPT_RUNTIME] = "/tmp/x";
	assert_int_equal(sg_target_choose(&args, &target), 0);
	assert_string_equal(target.runtime, "/tmp/x");
	assert_string_equal(target.bpffs, SG_CLI_BPFFS_DEFAULT);
	assert_true(target.bpffs_guessed);
	assert_string_equal(sg_target_options(&args, buf, sizeof(buf)), " --runtime /tmp/x");
	args.value[SG_OPT_RUNTIME] = NULL;
	args.value[SG_OPT_BPFFS] = "/tmp/y";
	assert_int_equal(sg_target_choose(&args, &target), 0);
	assert_string_equal(target.bpffs, "/tmp/y");
	assert_string_equal(target.runtime, SG_CLI_RUNTIME_DEFAULT);
	assert_false(target.bpffs_guessed);
	assert_string_equal(sg_target_options(&args, buf, sizeof(buf)), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_broken_file),
		cmocka_unit_test(test_main),
		cmocka_unit_test(test_help_is_complete),
		cmocka_unit_test(test_target),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
