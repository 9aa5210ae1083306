// SPDX-License-Identifier: GPL-2.0-only
/* Status line of an answer, whole and cut everywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../../bpf/core/http_answer.h"

#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"

static const struct row {
	const char *bytes;
	unsigned int status; /* 0: no HTTP/1.x */
} rows[] = {
	/* Response heads of the facts file. */
	{"HTTP/1.1 404 Not Found\r\nServer: cisco-IOS\r\n\r\n404 Not Found\r\n", 404},
	{"HTTP/1.1 200 OK\r\nContent-Type: application/x-x509-next-ca-cert\r\n\r\n", 200},
	{"HTTP/1.1 403 Forbidden\r\n\r\n", 403},
	{"HTTP/1.1 500 operation not implemented\r\n\r\n", 500},
	{"HTTP/1.1 501 Not Implemented\r\n\r\n", 501},
	{"HTTP/1.1 400 Bad Request\r\n\r\n", 400},
	{"HTTP/1.0 200 OK\r\n\r\n", 200},
	/* The line itself. */
	{"HTTP/1.1 200\r\n", 200},
	{"HTTP/1.1 200\n", 200},
	{"HTTP/1.1 200 \r\n", 200},
	{"HTTP/1.1 599 x\r\n", 599},
	{"HTTP/1.9 200 OK\r\n", 200},
	{"HTTP/1.1 600 x\r\n", 0},
	{"HTTP/1.1 099 x\r\n", 0},
	{"HTTP/1.1 2000 x\r\n", 0},
	{"HTTP/1.1 20 x\r\n", 0},
	{"HTTP/1.1 2x0 x\r\n", 0},
	{"HTTP/1.1 200x\r\n", 0},
	{"HTTP/1.1  200 OK\r\n", 0},
	{"HTTP/1.1\t200 OK\r\n", 0},
	{"HTTP/1.x 200 OK\r\n", 0},
	{"HTTP/1.10 200 OK\r\n", 0},
	{"HTTP/2.0 200 OK\r\n", 0},
	{"http/1.1 200 OK\r\n", 0},
	{"\r\nHTTP/1.1 200 OK\r\n", 0},
	{"ICY 200 OK\r\n", 0},
	{"<html>", 0},
	{"\x15\x03\x01", 0},
	/* Interim answers. */
	{CONTINUE "HTTP/1.1 200 OK\r\n\r\n", 200},
	{"HTTP/1.1 100\n\nHTTP/1.1 404 x\r\n\r\n", 404},
	{"HTTP/1.1 102 x\r\nA: b\r\n\r\nHTTP/1.1 103 y\r\nC: d\r\n\r\nHTTP/1.0 403 z\r\n", 403},
	{"HTTP/1.1 100 x\r\n\rA: b\r\n\r\nHTTP/1.0 403 z\r\n", 403},
	{"HTTP/1.1 101 Switching Protocols\r\n\r\n", 101},
	{CONTINUE "garbage", 0},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void feed(struct sg_http_answer *answer, const char *bytes, size_t len)
{
	const __u8 *data = (const __u8 *)bytes;

	sg_http_answer_feed(answer, data, data + len, len);
}

static void test_at_once(void **state)
{
	struct sg_http_answer answer;
	size_t i;

	(void)state;
	for (i = 0; i < ROWS; i++) {
		memset(&answer, 0, sizeof(answer));
		feed(&answer, rows[i].bytes, strlen(rows[i].bytes));
		assert_true(sg_http_answer_done(&answer));
		if (sg_http_answer_status(&answer) != rows[i].status)
			fail_msg("'%s': got %u, expected %u", rows[i].bytes,
				 sg_http_answer_status(&answer), rows[i].status);
	}
}

static void test_cut_in_two(void **state)
{
	struct sg_http_answer answer;
	size_t i, cut, len;

	(void)state;
	for (i = 0; i < ROWS; i++) {
		len = strlen(rows[i].bytes);
		for (cut = 0; cut <= len; cut++) {
			memset(&answer, 0, sizeof(answer));
			feed(&answer, rows[i].bytes, cut);
			feed(&answer, rows[i].bytes + cut, len - cut);
			assert_true(sg_http_answer_done(&answer));
			assert_int_equal(sg_http_answer_status(&answer), rows[i].status);
		}
	}
}

/* Cut off, it says nothing, or already what it will say in the end. */
static void test_cut_off(void **state)
{
	struct sg_http_answer answer;
	size_t i, len;

	(void)state;
	for (i = 0; i < ROWS; i++) {
		for (len = 0; len < strlen(rows[i].bytes); len++) {
			memset(&answer, 0, sizeof(answer));
			feed(&answer, rows[i].bytes, len);
			assert_int_equal(sg_http_answer_status(&answer),
					 sg_http_answer_done(&answer) ? rows[i].status : 0);
		}
	}
}

static void test_decides_at_the_byte_after_the_code(void **state)
{
	struct sg_http_answer answer = {0};

	(void)state;
	feed(&answer, "HTTP/1.1 404", 12);
	assert_false(sg_http_answer_done(&answer));
	feed(&answer, " ", 1);
	assert_true(sg_http_answer_done(&answer));
	feed(&answer, "HTTP/1.1 200 OK\r\n", 17);
	assert_int_equal(sg_http_answer_status(&answer), 404);
}

static void test_both_ends_hold(void **state)
{
	static const char bytes[] = "HTTP/1.1 404 x";
	const __u8 *data = (const __u8 *)bytes;
	struct sg_http_answer by_len = {0}, by_end = {0};

	(void)state;
	assert_int_equal(sg_http_answer_feed(&by_len, data, data + 14, 12), 12);
	assert_false(sg_http_answer_done(&by_len));
	assert_int_equal(sg_http_answer_feed(&by_end, data, data + 12, 14), 12);
	assert_false(sg_http_answer_done(&by_end));
	assert_int_equal(sg_http_answer_feed_some(&by_end, data + 12, data + 14, 2, 1), 1);
	assert_true(sg_http_answer_done(&by_end));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_cut_in_two),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_decides_at_the_byte_after_the_code),
		cmocka_unit_test(test_both_ends_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
