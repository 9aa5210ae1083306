// SPDX-License-Identifier: GPL-2.0-only
/* What the pages are made of: lines, tables, numbers for people, documents. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../userspace/cli/doc.h"
#include "../../userspace/cli/human.h"
#include "../../userspace/cli/lines.h"
#include "../../userspace/cli/style.h"
#include "../../userspace/util/json.h"

static void expect_lines(struct sg_lines *lines, const char *const *expected)
{
	for (size_t i = 0; i < lines->count; i++) {
		assert_non_null(expected[i]);
		assert_string_equal(lines->line[i], expected[i]);
	}
	assert_null(expected[lines->count]);
	sg_lines_free(lines);
}

#define EXPECT(lines, ...) expect_lines(lines, (const char *const[]){__VA_ARGS__, NULL})

static void test_wrap(void **state)
{
	struct sg_lines lines = {0};

	(void)state;
	sg_lines_wrap(&lines, 20, "1. ", "%s", "aaaa bbbb cccc dd eeee");
	EXPECT(&lines, "1. aaaa bbbb cccc dd", "   eeee"); /* 20 fit */
	sg_lines_wrap(&lines, 19, "1. ", "%s", "aaaa bbbb cccc dd eeee");
	EXPECT(&lines, "1. aaaa bbbb cccc", "   dd eeee"); /* 19 do not */
	sg_lines_wrap(&lines, 20, "", "%s", "");
	EXPECT(&lines, "");
	sg_lines_wrap(&lines, 12, "  ", "%s", "a wordthatislongerthanaline b");
	EXPECT(&lines, "  a", "  wordthatislongerthanaline", "  b");
	sg_lines_wrap(&lines, 12, "", "%s", "wordthatislongerthanaline");
	EXPECT(&lines, "wordthatislongerthanaline");
}

/* Colour takes no room, and a character of several bytes takes one column. */
static void test_columns(void **state)
{
	struct sg_lines lines = {0};

	(void)state;
	assert_int_equal(sg_text_columns("\033[31mabc\033[0m"), 3);
	assert_int_equal(sg_text_columns("█░é"), 3);
	assert_int_equal(sg_text_columns(""), 0);
	assert_int_equal(sg_text_columns("\033[3"), 0);
	sg_lines_wrap(&lines, 12, "", "\033[31maaaa\033[0m %s", "ébbbbb cc");
	EXPECT(&lines, "\033[31maaaa\033[0m ébbbbb", "cc");
}

static void test_long_text_is_cut(void **state)
{
	struct sg_lines lines = {0};
	char text[3 * SG_LINE_MAX];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	sg_lines_add(&lines, "%s", text);
	sg_lines_wrap(&lines, 80, "", "%s", text);
	assert_int_equal(strlen(lines.line[0]), SG_LINE_MAX - 1);
	assert_false(lines.failed);
	sg_lines_free(&lines);
}

static void test_table(void **state)
{
	struct sg_table table = {.align = "lrl"};
	struct sg_lines lines = {0};

	(void)state;
	sg_table_row(&table, "name", "n", "note");
	sg_table_row(&table, "a", "1,234", "");
	sg_table_row(&table, "bé", "5", "x");
	sg_table_finish(&table, &lines, "  ");
	EXPECT(&lines, "  name      n  note", "  a     1,234", "  bé        5  x");
	sg_table_row(&table, "a", "", "c"); /* an empty column takes no room */
	sg_table_finish(&table, &lines, "");
	EXPECT(&lines, "a  c");
	for (int i = 0; i < SG_TABLE_ROWS; i++)
		sg_table_row(&table, "a", "b", "c");
	assert_false(table.failed);
	sg_table_finish(&table, &lines, "");
	assert_int_equal(lines.count, SG_TABLE_ROWS);
	sg_lines_free(&lines);
}

static void test_beside(void **state)
{
	struct sg_lines lines = {0}, left = {0}, right = {0};

	(void)state;
	sg_lines_add(&left, "one");
	sg_lines_add(&left, "é");
	sg_lines_add(&left, "three");
	sg_lines_add(&right, "1");
	sg_lines_add(&right, "2");
	sg_lines_beside(&lines, &left, &right, 6);
	EXPECT(&lines, "one   1", "é     2", "three");
	assert_int_equal(left.count + right.count, 0);
}

static void expect_text(const char *got, const char *expected)
{
	assert_string_equal(got, expected);
}

static void test_numbers(void **state)
{
	char buf[SG_HUMAN_TEXT];

	(void)state;
	expect_text(sg_human_count(0, buf), "0");
	expect_text(sg_human_count(999, buf), "999");
	expect_text(sg_human_count(1000, buf), "1,000");
	expect_text(sg_human_count(1234567, buf), "1,234,567");
	expect_text(sg_human_count(18446744073709551615ULL, buf), "18,446,744,073,709,551,615");
	expect_text(sg_human_share(0, 0, buf), "0%");
	expect_text(sg_human_share(0, 7, buf), "0%");
	expect_text(sg_human_share(1, 1000, buf), "<1%");
	expect_text(sg_human_share(999, 1000, buf), ">99%");
	expect_text(sg_human_share(1, 3, buf), "33%");
	expect_text(sg_human_share(7, 7, buf), "100%");
}

static void test_times(void **state)
{
	char buf[SG_HUMAN_TEXT];
	const double now = 1767225600.0; /* 2026-01-01 00:00:00 */

	(void)state;
	expect_text(sg_human_seconds(-1, buf), "0s");
	expect_text(sg_human_seconds(0.0004, buf), "<1ms");
	expect_text(sg_human_seconds(0.35, buf), "350ms");
	expect_text(sg_human_seconds(15, buf), "15s");
	expect_text(sg_human_seconds(60, buf), "1m");
	expect_text(sg_human_seconds(65, buf), "1m 05s");
	expect_text(sg_human_seconds(9 * 86400, buf), "9d");
	expect_text(sg_human_seconds(9 * 86400 + 4 * 3600, buf), "9d 4h");
	expect_text(sg_human_seconds(1e300, buf), "for ever");
	expect_text(sg_human_seconds(0.0 / 1e-300 * 0, buf), "0s");
	expect_text(sg_human_ago(now, 0, buf), "never");
	expect_text(sg_human_ago(now, now - 0.9, buf), "just now");
	expect_text(sg_human_ago(now, now + 5, buf), "just now"); /* a clock was set */
	expect_text(sg_human_ago(now, now - 1, buf), "1s ago");
	expect_text(sg_human_clock(now, now + 420, buf), "00:07:00");
	expect_text(sg_human_clock(now, now - 1, buf), "2025-12-31 23:59:59");
}

static void test_bar(void **state)
{
	const struct sg_style plain = {.width = 80}, ascii = {.width = 80, .bars = true};
	char buf[SG_BAR_TEXT];

	(void)state;
	expect_text(sg_bar(&plain, 5, 10, 10, buf), "");
	expect_text(sg_bar(&ascii, 0, 10, 10, buf), "..........");
	expect_text(sg_bar(&ascii, 0.1, 1000, 10, buf), "#.........");
	expect_text(sg_bar(&ascii, 9.9, 10, 10, buf), "#########.");
	expect_text(sg_bar(&ascii, 10, 10, 10, buf), "##########");
	expect_text(sg_bar(&ascii, 99, 10, 10, buf), "##########");
	expect_text(sg_bar(&ascii, 5, 0, 10, buf), "#.........");
	assert_int_equal(strlen(sg_bar(&ascii, 1, 1, 1000, buf)), 20);
}

static void test_documents(void **state)
{
	_cleanup_json_ json_t *doc =
		json_loads("{\"a\": {\"b\": 3, \"c\": null, \"d\": \"x\", \"e\": 1.5, \"f\": -2},"
			   " \"g\": true, \"h\": {\"i\": {\"j\": 4}, \"k\": 5, \"l\": -1}}",
			   0, NULL);

	(void)state;
	assert_int_equal(sg_doc_count(doc, "a.b"), 3);
	assert_int_equal(sg_doc_count(doc, "a.f"), 0);
	assert_int_equal(sg_doc_count(doc, "a.d"), 0);
	assert_int_equal(sg_doc_count(doc, "a.b.c"), 0);
	assert_int_equal(sg_doc_count(NULL, "a"), 0);
	assert_true(sg_doc_real(doc, "a.e") == 1.5 && sg_doc_real(doc, "a.b") == 3);
	assert_false(sg_doc_known(doc, "a.c"));
	assert_false(sg_doc_known(doc, "a.z"));
	assert_true(sg_doc_known(doc, "a.b"));
	assert_true(sg_doc_true(doc, "g"));
	assert_false(sg_doc_true(doc, "a"));
	assert_string_equal(sg_doc_text(doc, "a.d"), "x");
	assert_string_equal(sg_doc_text(doc, "a.b"), "");
	assert_ptr_equal(sg_doc_at(doc, ""), doc);
	assert_int_equal(sg_doc_sum(sg_doc_at(doc, "h")), 9);
	assert_int_equal(sg_doc_sum(NULL), 0);
}

/* A CA, or whoever sits between, chooses the content type: it must not steer the terminal. */
static void test_printable(void **state)
{
	_cleanup_json_ json_t *doc = json_loads(
		"{\"a\": \"x\\u001b[2Jy\\n\\u007f\", \"b\": [\"\\u009b31m\", \"gr\\u00fc\\u00df \\u2588\"]}",
		0, NULL);

	(void)state;
	sg_doc_make_printable(doc);
	assert_string_equal(sg_doc_text(doc, "a"), "x?[2Jy??");
	assert_string_equal(json_string_value(json_array_get(sg_doc_at(doc, "b"), 0)), "?31m");
	assert_string_equal(json_string_value(json_array_get(sg_doc_at(doc, "b"), 1)), "grüß █");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_long_text_is_cut),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_beside),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_bar),
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_printable),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
