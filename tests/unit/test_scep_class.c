// SPDX-License-Identifier: GPL-2.0-only
/* Request line to class: the whole list of lines, whole, cut everywhere and cut off; what is
 * provisional; the longest line. Mutations are in test_http_mutations.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "../../bpf/core/http_line.h"
#include "../../bpf/core/http_shortcut.h"
#include "../fixtures/request_lines.h"
#include "../lib/line_feeds.h"
#include "../lib/naive_http.h"

static const char *const class_labels[] = {
#define SG_LABEL(identifier, label) label,
	SG_REQUEST_CLASSES(SG_LABEL)
#undef SG_LABEL
};

/* Readable to a failing test: which line, and what came out. */
static void assert_class(const struct sg_request_line *row, __u8 got, const char *how, size_t where)
{
	if (got != row->request_class)
		fail_msg("'%s' (%s %zu): got %s, expected %s", row->name, how, where,
			 class_labels[got], class_labels[row->request_class]);
}

static void test_every_line_at_once(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < SG_REQUEST_LINES; i++) {
		const struct sg_request_line *row = &sg_request_lines[i];
		struct sg_http_line line = feed_at_once(row->bytes, row->len);

		assert_class(row, sg_http_class(&line), "at once", 0);
		assert_true(sg_http_done(&line));
	}
}

static void test_every_line_cut_in_two(void **state)
{
	size_t i, cut;

	(void)state;
	for (i = 0; i < SG_REQUEST_LINES; i++) {
		const struct sg_request_line *row = &sg_request_lines[i];
		struct sg_http_line whole = feed_at_once(row->bytes, row->len);

		for (cut = 0; cut <= row->len; cut++) {
			struct sg_http_line line = feed_cut(row->bytes, row->len, cut);

			assert_class(row, sg_http_class(&line), "cut at", cut);
			assert_true(same_result(&whole, &line));
		}
	}
}

static void test_every_line_byte_by_byte(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < SG_REQUEST_LINES; i++) {
		const struct sg_request_line *row = &sg_request_lines[i];
		struct sg_http_line whole = feed_at_once(row->bytes, row->len);
		struct sg_http_line line = feed_pieces(row->bytes, row->len, 1);

		assert_class(row, sg_http_class(&line), "byte by byte", 1);
		assert_true(same_result(&whole, &line));
		line = feed_pieces(row->bytes, row->len, 16);
		assert_true(same_result(&whole, &line));
	}
}

/* No useful class before the line's last byte, and nothing final but "undecided". */
static void test_every_line_cut_off(void **state)
{
	size_t i, len;

	(void)state;
	for (i = 0; i < SG_REQUEST_LINES; i++) {
		const struct sg_request_line *row = &sg_request_lines[i];

		for (len = 0; len < row->len; len++) {
			struct sg_http_line line = feed_at_once(row->bytes, len);

			if (!sg_http_done(&line))
				assert_int_equal(sg_http_class(&line),
						 len ? SG_REQUEST_UNDECIDED : SG_REQUEST_NONE);
			else if (line.final_class != SG_REQUEST_UNDECIDED)
				/* A bare LF row may end before the text of the row does. */
				assert_int_equal(row->bytes[line.line_bytes - 1], '\n');
		}
	}
}

static void test_every_line_by_short_cut(void **state)
{
	unsigned int taken = 0;
	size_t i;

	(void)state;
	for (i = 0; i < SG_REQUEST_LINES; i++) {
		const struct sg_request_line *row = &sg_request_lines[i];
		const __u8 *data = (const __u8 *)row->bytes;
		struct sg_http_line whole = feed_at_once(row->bytes, row->len), line = {0};

		if (!sg_http_shortcut(&line, data, data + row->len, row->len))
			continue;
		taken++;
		assert_class(row, sg_http_class(&line), "short cut", 0);
		assert_true(same_result(&whole, &line));
		assert_int_equal(sg_http_shortcut(&line, data, data + row->len, row->len), 0);
	}
	assert_true(taken >= 5);
}

static void test_judged_by_the_oracle(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < SG_REQUEST_LINES; i++) {
		const struct sg_request_line *row = &sg_request_lines[i];
		const char *wrong = naive_judge(row->bytes, row->len, row->request_class);

		if (wrong)
			fail_msg("'%s': %s", row->name, wrong);
	}
}

static void test_nothing_after_the_line_is_read(void **state)
{
	static const char bytes[] = "GET / HTTP/1.1\r\nGET /?operation=PKIOperation HTTP/1.1\r\n";
	struct sg_http_line line = {0};
	const __u8 *data = (const __u8 *)bytes;
	__u32 len = sizeof(bytes) - 1;

	(void)state;
	assert_int_equal(sg_http_feed(&line, data, data + len, len), 16);
	assert_int_equal(sg_http_class(&line), SG_REQUEST_NOT_SCEP);
	assert_int_equal(sg_http_feed(&line, data + 16, data + len, len - 16), 0);
	assert_int_equal(sg_http_class(&line), SG_REQUEST_NOT_SCEP);
	assert_int_equal(line.line_bytes, 16);
}

/* Neither beyond the payload (padding of a short frame) nor beyond the frame. */
static void test_both_ends_hold(void **state)
{
	static const char bytes[] = "GET /scep?operation=GetCACaps HTTP/1.1\r\n";
	const __u8 *data = (const __u8 *)bytes;
	__u32 len = sizeof(bytes) - 1, n;

	(void)state;
	for (n = 0; n < len; n++) {
		struct sg_http_line by_len = {0}, by_end = {0};

		assert_int_equal(sg_http_feed_some(&by_len, data, data + len, n, len), n);
		assert_false(sg_http_done(&by_len));
		assert_int_equal(sg_http_feed(&by_end, data, data + n, len), n);
		assert_false(sg_http_done(&by_end));
		assert_int_equal(sg_http_shortcut(&by_len, data, data + len, n), 0);
	}
}

static void test_target_position(void **state)
{
	static const char bytes[] = "\r\nGET /scep?a=b HTTP/1.1\r\n";
	struct sg_http_line line = feed_at_once(bytes, sizeof(bytes) - 1);

	(void)state;
	assert_int_equal(line.target_start, 6);
	assert_int_equal(line.target_end, 15);
}

static struct sg_http_line feed_message(const char *start, unsigned int message_bytes)
{
	struct sg_http_line line = feed_at_once(start, strlen(start));
	unsigned int i;

	for (i = 0; i < message_bytes; i++)
		feed(&line, "a", 1);
	return line;
}

static void test_provisional(void **state)
{
	static const struct {
		const char *start;
		bool provisional;
	} rows[] = {
		{"GET /scep?message=MI", true},
		{"GET /scep?operation=PKIOperation&message=MI", true},
		{"GET /scep?x=1&message=MI", true},
		{"GET /scep?message=MJ", false},
		{"GET /scep?message=AMI", false},
		{"GET /scep?xmessage=MI", false},
		{"GET /scep?operation=GetCACaps&message=MI", false},
		{"GET /scep?operation=GetNextCACert&message=MI", false},
		{"POST /scep?message=MI", false},
		{"GET  /scep?message=MI", false},
		{"GET /scep?OPERATION=GetNextCACert&message=MI", false},
		{"GET /scep?message=MI&x=", false},
		{"GET /scep?message=MI#", false},
		{"GET /scepmessage=MI", false},
	};
	struct sg_http_line line;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		line = feed_message(rows[i].start, SG_HTTP_CMS_MIN_BYTES - 3);
		assert_false(sg_http_provisional(&line));
		line = feed_message(rows[i].start, SG_HTTP_CMS_MIN_BYTES - 2);
		assert_int_equal(sg_http_provisional(&line), rows[i].provisional);
		assert_int_equal(sg_http_class(&line), rows[i].provisional
							       ? SG_REQUEST_PKIOPERATION_GET
							       : SG_REQUEST_UNDECIDED);
		assert_false(sg_http_done(&line));
	}
}

/* What a provisional line turns out to be, with the escapes IOS sends in between. */
static void test_provisional_then_final(void **state)
{
	struct sg_http_line line = feed_message("GET /scep?message=MI", 300);

	(void)state;
	feed(&line, "%2B%0A", 6);
	assert_true(sg_http_provisional(&line));
	feed(&line, "&operation=GetNextCACert HTTP/1.1\r\n", 35);
	assert_true(sg_http_done(&line));
	assert_false(sg_http_provisional(&line));
	assert_int_equal(sg_http_class(&line), SG_REQUEST_GETNEXTCACERT);
	line = feed_message("GET /scep?message=MI", 3000);
	feed(&line, "&operation=PKIOperation HTTP/1.1\r\n", 34);
	assert_int_equal(sg_http_class(&line), SG_REQUEST_PKIOPERATION_GET);
}

static void test_longest_line(void **state)
{
	static const char start[] = "GET /scep?operation=PKIOperation&message=";
	static const char end[] = " HTTP/1.1\r\n";
	unsigned int room = SG_HTTP_LINE_MAX - (sizeof(start) - 1) - (sizeof(end) - 1);
	struct sg_http_line line = feed_message(start, room);

	(void)state;
	feed(&line, end, sizeof(end) - 1);
	assert_int_equal(line.line_bytes, SG_HTTP_LINE_MAX);
	assert_int_equal(sg_http_class(&line), SG_REQUEST_PKIOPERATION_GET);
	line = feed_message(start, room + 1);
	feed(&line, end, sizeof(end) - 1);
	assert_true(sg_http_done(&line));
	assert_int_equal(sg_http_class(&line), SG_REQUEST_UNDECIDED);
}

static void test_labels(void **state)
{
	(void)state;
	assert_int_equal(sizeof(class_labels) / sizeof(class_labels[0]), SG_REQUEST_MAX_);
	assert_string_equal(class_labels[SG_REQUEST_NONE], "none");
	assert_string_equal(class_labels[SG_REQUEST_GETNEXTCACERT], "GetNextCACert");
	assert_string_equal(class_labels[SG_REQUEST_PKIOPERATION_POST], "PKIOperation-POST");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_line_at_once),
		cmocka_unit_test(test_every_line_cut_in_two),
		cmocka_unit_test(test_every_line_byte_by_byte),
		cmocka_unit_test(test_every_line_cut_off),
		cmocka_unit_test(test_every_line_by_short_cut),
		cmocka_unit_test(test_judged_by_the_oracle),
		cmocka_unit_test(test_nothing_after_the_line_is_read),
		cmocka_unit_test(test_both_ends_hold),
		cmocka_unit_test(test_target_position),
		cmocka_unit_test(test_provisional),
		cmocka_unit_test(test_provisional_then_final),
		cmocka_unit_test(test_longest_line),
		cmocka_unit_test(test_labels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
