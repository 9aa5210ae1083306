// SPDX-License-Identifier: GPL-2.0-only
/* Which refusals of the CA are taken for its words to everybody. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../userspace/daemon/edges.h"
#include "../../userspace/util/cleanup.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define SERVICE       3

/* As IOS answers: no length, the end is the FIN. */
#define IOS_HEAD                                                                                 \
	"HTTP/1.1 404 Not Found\r\nDate: Fri, 12 Oct 2029 03:14:19 GMT\r\nServer: cisco-IOS\r\n" \
	"Accept-Ranges: none\r\n\r\n"
#define IOS   IOS_HEAD "404 Not Found\r\n"
#define SIZED "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nNot here\n"

static struct sg_questions questions;

static void ask(__u64 hash, const char *request)
{
	sg_questions_add(&questions, SERVICE, hash, (const __u8 *)request, strlen(request), NULL,
			 hash);
}

static int begin(void **state)
{
	(void)state;
	memset(&questions, 0, sizeof(questions));
	ask(1, "GET /cgi-bin/pkiclient.exe?operation=GetNextCACert&message=ONE HTTP/1.0\r\n"
	       "Host: 192.0.2.17\r\n\r\n");
	return 0;
}

static int capture(const char *text, size_t len, bool ended, struct sg_edge_answer *ret)
{
	_cleanup_free_ __u8 *copy = malloc(len + !len); /* ends where the answer does */

	assert_non_null(copy);
	memcpy(copy, text, len);
	return sg_edges_capture(copy, len, ended, sg_questions_find(&questions, SERVICE, 1), ret);
}

static int captured(const char *text, bool ended)
{
	struct sg_edge_answer answer;

	memset(&answer, 0xaa, sizeof(answer));
	int err = capture(text, strlen(text), ended, &answer);

	if (err) {
		assert_int_equal(answer.len, 0xaaaa);
		return err;
	}
	assert_int_equal(answer.len, strlen(text));
	assert_memory_equal(answer.bytes, text, answer.len);
	assert_int_equal(answer.sum, sg_edges_sum(answer.bytes, answer.len));
	return answer.status;
}

static void test_refusals_that_are_taken(void **state)
{
	(void)state;
	assert_int_equal(captured(SIZED, false), 404);
	assert_int_equal(captured(SIZED, true), 404);
	assert_int_equal(captured(IOS, true), 404);
	assert_int_equal(captured(IOS_HEAD, true), 404);
	assert_int_equal(captured("HTTP/1.0 403 Forbidden\r\nContent-Length: 0\r\n\r\n", false),
			 403);
	assert_int_equal(
		captured("HTTP/1.0 403\r\ncontent-length:\t0\r\nX: \xc3\xa4\r\n\r\n", false), 403);
	assert_int_equal(
		captured(
			"HTTP/1.1 404 \r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\na\r\n",
			false),
		404);
}

/* A byte less is no whole answer, and a byte more is none either. */
static void test_every_truncation(void **state)
{
	struct sg_edge_answer answer;

	(void)state;
	for (size_t len = 0; len < strlen(SIZED); len++) {
		assert_int_equal(capture(SIZED, len, false, &answer), -EAGAIN);
		assert_int_equal(capture(SIZED, len, true, &answer), -EBADMSG);
	}
	for (size_t len = 0; len <= strlen(IOS); len++) {
		assert_int_equal(capture(IOS, len, false, &answer), -EAGAIN);
		if (len < strlen(IOS_HEAD))
			assert_int_equal(capture(IOS, len, true, &answer), -EBADMSG);
	}
	assert_int_equal(captured(SIZED "x", false), -EBADMSG);
	assert_int_equal(captured(SIZED "x", true), -EBADMSG);
}

static void test_what_is_not_for_all(void **state)
{
	static const char *const never[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 4040 No\r\nContent-Length: 0\r\n\r\n",
		"HTTP/2.0 404 No\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.2 404 No\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
		"\r\nHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 404 No\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 404 No\r\nContent-Length: 0\n\r\n",
		"HTTP/1.1 404 No\r\nContent-Length: 0\r\r\n\r\n",
		"HTTP/1.1 404 No\r\nX: a\x01\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 404 No\r\nX: a\x7f\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 404 No\r\nContent-Length: 0\r\n folded: 1\r\n\r\n",
		"HTTP/1.1 404 No\r\nX: 1\r\n folded: 1\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1\r\n",
		"HTTP/1.1 40\r\n\r\n",
		"HTTP/1.1 404 No\r\nX: 1\r\n\tfolded: 1\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 404 No\r\nContent-Length: 0\r\nContent-Length: 1\r\n\r\n",
		"HTTP/1.1 404 No\r\nContent-Length: +0\r\n\r\n",
		"HTTP/1.1 404 No\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"HTTP/1.1 404 No\r\nContent-Length : 0\r\n\r\n",
		"HTTP/1.1 404 No\r\nContent-Length : 3\r\nContent-Length: 2\r\n\r\n??",
		"HTTP/1.1 404 No\r\ntransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 404 No\r\nContent-Length: 0\r\nTransfer-Encoding: identity\r\n\r\n",
		"HTTP/1.1 404 No\r\nSet-Cookie: you=1\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 404 No\r\nContent-Length: 513\r\n\r\n",
		/* words of the question */
		"HTTP/1.1 404 No\r\nContent-Length: 21\r\n\r\nno such message=ONE \n",
		"HTTP/1.1 404 No\r\nContent-Length: 22\r\n\r\nServer at 192.0.2.17 \n",
		"HTTP/1.1 404 No\r\nX-Path: /cgi-bin/\r\nContent-Length: 0\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(never); i++) {
		assert_int_equal(captured(never[i], false), -EBADMSG);
		assert_int_equal(captured(never[i], true), -EBADMSG);
	}
}

/* Encoded in the question, decoded in the answer; and names too short to say anything. */
static void test_echoes(void **state)
{
	struct sg_edge_answer answer;
	static const char short_words[] = "HTTP/1.1 404 No\r\nContent-Length: 7\r\n\r\nca ca/x";

	(void)state;
	ask(7, "GET /%65vil HTTP/1.0\r\n\r\n");
	ask(8, "GET /x HTTP/1.0\r\nHost: ca\r\n\r\n");
	assert_int_equal(sg_edges_capture((const __u8 *)SIZED, strlen(SIZED), false,
					  sg_questions_find(&questions, SERVICE, 7), &answer),
			 -EBADMSG);
	assert_int_equal(sg_edges_capture((const __u8 *)short_words, strlen(short_words), false,
					  sg_questions_find(&questions, SERVICE, 8), &answer),
			 0);
}

static void fill_to(char *text, size_t len)
{
	size_t n = sprintf(text, "HTTP/1.1 404 No\r\nX: ");

	memset(text + n, 'x', len - n - 4);
	memcpy(text + len - 4, "\r\n\r\n", 5);
}

static void test_size(void **state)
{
	struct sg_edge_answer answer;
	char text[SG_EDGE_BYTES + 2];

	(void)state;
	fill_to(text, SG_EDGE_BYTES);
	assert_int_equal(captured(text, true), 404);
	assert_int_equal(captured(text, false), -EBADMSG); /* no more is told than this */
	fill_to(text, SG_EDGE_BYTES + 1);
	assert_int_equal(captured(text, true), -EBADMSG);
	fill_to(text, SG_EDGE_BYTES - 1);
	assert_int_equal(captured(text, false), -EAGAIN);
	memset(text, 'x', SG_EDGE_BYTES);
	memcpy(text, "HTTP/1.1 404 ", 13);
	assert_int_equal(capture(text, SG_EDGE_BYTES, false, &answer), -EBADMSG);
	assert_int_equal(capture(text, SG_EDGE_BYTES - 1, false, &answer), -EAGAIN);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_refusals_that_are_taken),
		TEST(test_every_truncation),
		TEST(test_what_is_not_for_all),
		TEST(test_echoes),
		TEST(test_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
