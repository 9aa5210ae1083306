// SPDX-License-Identifier: GPL-2.0-only
/* Text helpers, log lines and JSON helpers. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../userspace/util/cleanup.h"
#include "../../userspace/util/json.h"
#include "../../userspace/util/log.h"
#include "../../userspace/util/text.h"
#include "../../userspace/util/units.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static void test_append(void **state)
{
	char buf[8] = "";

	(void)state;
	assert_true(sg_text_append(buf, sizeof(buf), "%d", 12345));
	assert_true(sg_text_append(buf, sizeof(buf), "67"));
	assert_string_equal(buf, "1234567");
	assert_false(sg_text_append(buf, sizeof(buf), "8"));
	assert_string_equal(buf, "1234567");
	buf[4] = '\0';
	assert_false(sg_text_append(buf, sizeof(buf), "abcdef"));
	assert_string_equal(buf, "1234abc");
}

static void test_quote(void **state)
{
	char buf[8];

	(void)state;
	assert_string_equal(sg_text_quote("ab\n\x1b"
					  "c",
					  buf, sizeof(buf)),
			    "ab??c");
	assert_string_equal(sg_text_quote("1234567", buf, sizeof(buf)), "1234567");
	assert_string_equal(sg_text_quote("12345678", buf, sizeof(buf)), "1234...");
}

static void test_distance(void **state)
{
	char longest[65];

	(void)state;
	assert_int_equal(sg_text_distance("", ""), 0);
	assert_int_equal(sg_text_distance("mode", "mode"), 0);
	assert_int_equal(sg_text_distance("", "mode"), 4);
	assert_int_equal(sg_text_distance("mdoe", "mode"), 1);
	assert_int_equal(sg_text_distance("address", "addresses"), 2);
	assert_int_equal(sg_text_distance("kitten", "sitting"), 3);
	memset(longest, 'a', 64);
	longest[64] = '\0';
	assert_true(sg_text_distance(longest, longest) == SIZE_MAX);
	assert_int_equal(sg_text_distance(longest + 1, longest + 1), 0);
}

static void test_nearest(void **state)
{
	static const char *const names[] = {"window", "block", NULL, "connections"};

	(void)state;
	assert_string_equal(sg_text_nearest("windwo", names, ARRAY_SIZE(names)), "window");
	assert_string_equal(sg_text_nearest("conections", names, ARRAY_SIZE(names)), "connections");
	assert_null(sg_text_nearest("probe", names, ARRAY_SIZE(names)));
	assert_null(sg_text_nearest("", names, ARRAY_SIZE(names)));
}

static void test_utf8(void **state)
{
	static const struct {
		const char *text;
		size_t bad; /* offset, or its length when all is well */
	} cases[] = {
		{"plain", 5},
		{"gr\xc3\xbc\xc3\x9f"
		 "e",
		 7},
		{"\xe2\x82\xac", 3},
		{"\xf0\x9f\x98\x80", 4},
		{"ab\xff", 2},
		{"\xc0\xaf", 0}, /* longer than needed */
		{"\xe0\x80\xaf", 0},
		{"\xed\xa0\x80", 0},     /* surrogate */
		{"\xf4\x90\x80\x80", 0}, /* over U+10FFFF */
		{"x\xe2\x82", 1},        /* cut */
		{"\xe2\x82x", 0},
		{"\x80", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(sg_text_utf8_valid(cases[i].text, strlen(cases[i].text)),
				 cases[i].bad);
}

/* What the log writes while @journal says whether systemd reads it. */
static void expect_log(const char *expected, bool journal, void (*write)(void))
{
	char buf[2048] = "";
	FILE *out = fmemopen(buf, sizeof(buf), "w");

	assert_non_null(out);
	if (journal)
		setenv("JOURNAL_STREAM", "8:1", 1);
	else
		unsetenv("JOURNAL_STREAM");
	sg_log_set_stream(out);
	write();
	sg_log_set_stream(NULL);
	unsetenv("JOURNAL_STREAM");
	fclose(out);
	assert_string_equal(buf, expected);
}

static void write_all_levels(void)
{
	sg_log_warning("w %d", 1);
	sg_log_info("i");
	sg_log_debug("d");
	assert_int_equal(sg_log_err(-ENOENT, "cannot read '%s'", "x"), -ENOENT);
	assert_int_equal(sg_log_err(0, "no reason"), 0);
	assert_int_equal(sg_log_refusal(-EBUSY, "'%s' is taken: free it", "x"), -EBUSY);
}

static void write_forged(void)
{
	sg_log_warning("name 'a\nerror: b\x1b[31m'");
}

static void test_log(void **state)
{
	(void)state;
	assert_int_equal(sg_log_level(), SG_LOG_INFO);
	expect_log(
		"warning: w 1\ninfo: i\nerror: cannot read 'x': No such file or directory\nerror: no reason\nerror: 'x' is taken: free it\n",
		false, write_all_levels);
	expect_log(
		"<4>w 1\n<6>i\n<3>cannot read 'x': No such file or directory\n<3>no reason\n<3>'x' is taken: free it\n",
		true, write_all_levels);
	sg_log_set_level(SG_LOG_ERROR);
	expect_log(
		"error: cannot read 'x': No such file or directory\nerror: no reason\nerror: 'x' is taken: free it\n",
		false, write_all_levels);
	sg_log_set_level(SG_LOG_DEBUG);
	expect_log(
		"warning: w 1\ninfo: i\ndebug: d\nerror: cannot read 'x': No such file or directory\n"
		"error: no reason\nerror: 'x' is taken: free it\n",
		false, write_all_levels);
	expect_log("warning: name 'a?error: b?[31m'\n", false, write_forged);
	assert_string_equal(sg_log_level_name(SG_LOG_DEBUG), "debug");
	sg_log_set_level(SG_LOG_INFO);
}

static void test_json(void **state)
{
	_cleanup_json_ json_t *bad = sg_json_text("a\xff\xc3\xbc\xc0z");
	_cleanup_json_ json_t *seconds = sg_json_seconds(1500 * SG_NS_PER_MS);
	struct sg_addr a;
	_cleanup_json_ json_t *addr =
		(assert_int_equal(sg_addr_parse("192.0.2.1", &a), 0), sg_json_addr(&a));
	char buf[64] = "";
	FILE *out = fmemopen(buf, sizeof(buf), "w");

	(void)state;
	assert_string_equal(json_string_value(bad), "a?\xc3\xbc?z");
	assert_true(json_real_value(seconds) == 1.5);
	assert_string_equal(json_string_value(addr), "192.0.2.1");
	assert_non_null(out);
	assert_int_equal(sg_json_print(out, json_pack("{s:i}", "a", 1)), 0);
	fclose(out);
	assert_string_equal(buf, "{\n  \"a\": 1\n}\n");
	assert_int_equal(sg_json_print(stdout, NULL), -ENOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append),   cmocka_unit_test(test_quote),
		cmocka_unit_test(test_distance), cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_utf8),     cmocka_unit_test(test_log),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
