// SPDX-License-Identifier: GPL-2.0-only
/* The manual tells the same commands, options and exit statuses as the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../userspace/cli/cli.h"
#include "../../userspace/version.h"

static const struct {
	char letter;
	const char *name;
	const char *arg;
} options[] = {
#define X(id, letter, name, arg, help) [SG_OPT_##id] = {letter, name, arg},
	SG_CLI_OPTIONS(X)
#undef X
};

/* The manual without its markup: "\-" is "-", fonts and quotes are gone. */
static char *read_manual(void)
{
	char path[512], *text = NULL;
	size_t size = 0;
	FILE *in, *out = open_memstream(&text, &size);
	int c, next;

	snprintf(path, sizeof(path), "%.*s../../docs/scepguard.8",
		 (int)(strrchr(__FILE__, '/') + 1 - __FILE__), __FILE__);
	in = fopen(path, "r");
	if (!in)
		fail_msg("cannot open %s", path);
	while ((c = fgetc(in)) != EOF) {
		if (c == '"')
			continue;
		if (c != '\\') {
			fputc(c, out);
			continue;
		}
		next = fgetc(in);
		if (next == 'f')
			fgetc(in);
		else
			fputc(next, out);
	}
	fclose(in);
	fclose(out);
	return text;
}

/* A copy of what stands between a heading's line and the next heading; the heading itself in title. */
static char *section(const char *manual, const char *heading, char *title, size_t size)
{
	const char *at = strstr(manual, heading), *end, *next;

	if (!at)
		fail_msg("the manual has no '%s'", heading + 1);
	at++;
	end = strchr(at, '\n');
	snprintf(title, size, "%.*s", (int)(end - at), at);
	next = strstr(end, "\n.S");
	return strndup(end, next ? (size_t)(next - end) : strlen(end));
}

/* How the manual writes an option: "-n , --number  N" in the page's font macros. */
static void write_option(unsigned int option, char *buf, size_t size)
{
	char letter[16] = "", arg[32] = "";

	if (options[option].letter)
		snprintf(letter, sizeof(letter), "-%c , ", options[option].letter);
	if (options[option].arg)
		snprintf(arg, sizeof(arg), " %s", options[option].arg);
	snprintf(buf, size, "%s--%s%s", letter, options[option].name, arg);
}

/* One option an item: .TP, then a line with a font macro and a dash. Blanks are squeezed. */
static size_t listed_options(char *text, char (*ret)[80])
{
	bool after_tp = false;
	size_t count = 0;
	char *at, *line;

	for (line = strtok_r(text, "\n", &at); line; line = strtok_r(NULL, "\n", &at)) {
		const bool is_item = after_tp;
		size_t used = 0;

		after_tp = !strcmp(line, ".TP");
		if (!is_item)
			continue;
		if (strncmp(line, ".BR -", 5) != 0 && strncmp(line, ".B --", 5) != 0)
			continue;
		for (line = strchr(line, ' ') + 1; *line && used < 79; line++)
			if (*line != ' ' || (used && ret[count][used - 1] != ' '))
				ret[count][used++] = *line;
		ret[count++][used] = '\0';
		assert_true(count < SG_OPT_MAX_ + 1);
	}
	return count;
}

static bool is_listed(const char *option, char (*listed)[80], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(option, listed[i]))
			return true;
	return false;
}

/* As `.BR \-c ", " \-\-config " \fIFILE\fR"` reads after read_manual(). */
static void expect_options(const struct sg_cli_command *command, char *text)
{
	char listed[SG_OPT_MAX_ + 2][80], option[80];
	const size_t count = listed_options(text, listed);
	size_t expected = 0;

	for (unsigned int i = 0; i < SG_OPT_MAX_; i++) {
		if (!(command->options & 1u << i))
			continue;
		expected++;
		write_option(i, option, sizeof(option));
		if (!is_listed(option, listed, count))
			fail_msg("%s: the manual does not list '%s'", command->name, option);
	}
	if (count != expected)
		fail_msg("%s: the manual lists %zu options instead of %zu", command->name, count,
			 expected);
}

static void test_commands(void **state)
{
	char *manual = read_manual();

	(void)state;
	for (size_t i = 0; i < sg_cli_command_count; i++) {
		const struct sg_cli_command *c = &sg_cli_commands[i];
		char heading[64], title[64], wanted[64], *text;

		snprintf(heading, sizeof(heading), "\n.SS %s", c->name);
		text = section(manual, heading, title, sizeof(title));
		snprintf(wanted, sizeof(wanted), ".SS %s%s%s", c->name, c->operand ? " " : "",
			 c->operand ? c->operand : "");
		assert_string_equal(title, wanted);
		expect_options(c, text);
		free(text);
	}
	free(manual);
}

static void test_no_other_commands(void **state)
{
	char *manual = read_manual();
	const char *at = manual;

	(void)state;
	while ((at = strstr(at, "\n.SS "))) {
		char name[32];

		assert_int_equal(sscanf(at, "\n.SS %31s", name), 1);
		if (!sg_cli_find(name))
			fail_msg("the manual has a command '%s'", name);
		at += 5;
	}
	free(manual);
}

static void test_exit_statuses(void **state)
{
	char *manual = read_manual(), title[64];
	char *text = section(manual, "\n.SH EXIT STATUS", title, sizeof(title));
	char line[32];

	(void)state;
	for (int status = SG_EXIT_OK; status <= SG_EXIT_NOT_SERVING; status++) {
		snprintf(line, sizeof(line), "\n.B %d\n", status);
		assert_non_null(strstr(text, line));
	}
	snprintf(line, sizeof(line), "\n.B %d\n", SG_EXIT_NOT_SERVING + 1);
	assert_null(strstr(text, line));
	free(text);
	free(manual);
}

static void test_facts(void **state)
{
	char *manual = read_manual();

	(void)state;
	assert_non_null(strstr(manual, "scepguard " SG_VERSION));
	assert_non_null(strstr(manual, SG_CLI_CONFIG_DEFAULT));
	assert_non_null(strstr(manual, SG_CLI_RUNTIME_DEFAULT));
	assert_non_null(strstr(manual, SG_CLI_BPFFS_DEFAULT));
	free(manual);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_no_other_commands),
		cmocka_unit_test(test_exit_statuses),
		cmocka_unit_test(test_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
