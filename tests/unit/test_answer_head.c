// SPDX-License-Identifier: GPL-2.0-only
/* Head of an answer: rows R1 to R10 of the facts file at every truncation, and hostile heads. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../userspace/http/answer_head.h"

#define NO_LENGTH UINT64_MAX

static const struct row {
	const char *name;
	const char *bytes;
	unsigned int status;
	const char *media_type;
	uint64_t content_length;
} rows[] = {
	{"R1: IOS has none",
	 "HTTP/1.1 404 Not Found\r\nDate: Thu, 30 Dec 2010 10:00:00 GMT\r\nServer: cisco-IOS\r\n"
	 "Accept-Ranges: none\r\n\r\n404 Not Found\r\n",
	 404, "", NO_LENGTH},
	{"R2: ready",
	 "HTTP/1.1 200 OK\r\nContent-Type: application/x-x509-next-ca-cert\r\n\r\n\x30\x82", 200,
	 "application/x-x509-next-ca-cert", NO_LENGTH},
	{"R3: EJBCA has none", "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", 403, "", 0},
	{"R4: unsupported",
	 "HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain; charset=utf-8\r\n"
	 "Content-Length: 25\r\n\r\noperation not implemented",
	 500, "text/plain", 25},
	{"R5: web page", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>", 200,
	 "text/html", NO_LENGTH},
	{"R6: capabilities",
	 "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nPOSTPKIOperation\n", 200, "text/plain",
	 NO_LENGTH},
	{"R7: CA certificate",
	 "HTTP/1.1 200 OK\r\nContent-Type: application/x-x509-ca-cert\r\nContent-Length: 795\r\n\r\n",
	 200, "application/x-x509-ca-cert", 795},
	{"R8: CA and RA", "HTTP/1.0 200 OK\r\nContent-Type: application/x-x509-ca-ra-cert\r\n\r\n",
	 200, "application/x-x509-ca-ra-cert", NO_LENGTH},
	{"R9: chunked",
	 "HTTP/1.1 200 OK\r\nContent-Type: application/x-pki-message\r\n"
	 "Transfer-Encoding: chunked\r\n\r\n",
	 200, "application/x-pki-message", NO_LENGTH},
	{"R10: lower-case names",
	 "HTTP/1.1 200 OK\r\ncontent-type:application/x-x509-next-ca-cert\r\ncontent-length:2\r\n\r\n",
	 200, "application/x-x509-next-ca-cert", 2},
	{"upper-case names and type",
	 "HTTP/1.1 200 OK\r\nCONTENT-TYPE: \t Application/X-X509-Next-CA-Cert \t;x=y\r\n\r\n", 200,
	 "application/x-x509-next-ca-cert", NO_LENGTH},
	{"bare LF", "HTTP/1.1 200 OK\nContent-Type: text/html\nContent-Length: 3\n\nabc", 200,
	 "text/html", 3},
	{"after an interim answer",
	 "HTTP/1.1 100 Continue\r\nContent-Length: 9\r\n\r\nHTTP/1.1 404 x\r\nContent-Length: 1\r\n\r\n",
	 404, "", 1},
	{"no reason phrase", "HTTP/1.1 404\r\nContent-Length: 1\r\n\r\n", 404, "", 1},
	{"no fields", "HTTP/1.1 404 x\r\n\r\nContent-Length: 1\r\n\r\n", 404, "", NO_LENGTH},

	/* Hostile: a field over which readers may differ is not given. */
	{"two types", "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Type: c/d\r\n\r\n", 200, "",
	 NO_LENGTH},
	{"two types, then the first again",
	 "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Type: c/d\r\nContent-Type: a/b\r\n\r\n",
	 200, "", NO_LENGTH},
	{"the same type twice",
	 "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Type: A/B;c\r\n\r\n", 200, "a/b",
	 NO_LENGTH},
	{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 200,
	 "", NO_LENGTH},
	{"the same length twice",
	 "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 01\r\n\r\n", 200, "", 1},
	{"folded type", "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n c\r\n\r\n", 200, "", NO_LENGTH},
	{"folded twice", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n 2\r\n\t3\r\n\r\n", 200, "",
	 NO_LENGTH},
	{"something else folded", "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nX: y\r\n z\r\n\r\n", 200,
	 "a/b", NO_LENGTH},
	{"fold without a field", "HTTP/1.1 200 OK\r\n Content-Type: a/b\r\n\r\n", 200, "",
	 NO_LENGTH},
	{"space before the colon", "HTTP/1.1 200 OK\r\nContent-Type : a/b\r\n\r\n", 200, "",
	 NO_LENGTH},
	{"longer name", "HTTP/1.1 200 OK\r\nX-Content-Type: a/b\r\nContent-Types: a/b\r\n\r\n", 200,
	 "", NO_LENGTH},
	{"no colon", "HTTP/1.1 200 OK\r\nContent-Type\r\nContent-Length: 5\r\n\r\n", 200, "", 5},
	{"empty type", "HTTP/1.1 200 OK\r\nContent-Type:\r\n\r\n", 200, "", NO_LENGTH},
	{"only parameters", "HTTP/1.1 200 OK\r\nContent-Type: ;a/b\r\n\r\n", 200, "", NO_LENGTH},
	{"space in the type", "HTTP/1.1 200 OK\r\nContent-Type: a/b c\r\n\r\n", 200, "", NO_LENGTH},
	{"control byte in the type", "HTTP/1.1 200 OK\r\nContent-Type: a\x01/b\r\n\r\n", 200, "",
	 NO_LENGTH},
	{"high byte in the type", "HTTP/1.1 200 OK\r\nContent-Type: a\xff/b\r\n\r\n", 200, "",
	 NO_LENGTH},
	{"type of 63",
	 "HTTP/1.1 200 OK\r\nContent-Type: "
	 "aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaa\r\n\r\n",
	 200, "aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaa", NO_LENGTH},
	{"type of 64",
	 "HTTP/1.1 200 OK\r\nContent-Type: "
	 "aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaaaaaaa/aaaa\r\n\r\n",
	 200, "", NO_LENGTH},
	{"negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", 200, "", NO_LENGTH},
	{"length of 18 digits", "HTTP/1.1 200 OK\r\nContent-Length: 999999999999999999\r\n\r\n",
	 200, "", 999999999999999999},
	{"length that overflows", "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551617\r\n\r\n",
	 200, "", NO_LENGTH},
	{"list of lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n", 200, "", NO_LENGTH},
	{"empty length", "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n", 200, "", NO_LENGTH},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* Reads from the end of a block, so that ASan sees one byte too many. */
static int read_exactly(const char *bytes, size_t len, struct sg_answer_head *ret)
{
	__u8 *block = malloc(len + 1);
	int err;

	if (!block)
		abort();
	memcpy(block + 1, bytes, len);
	err = sg_answer_head_read(block + 1, len, ret);
	free(block);
	return err;
}

static void test_whole(void **state)
{
	struct sg_answer_head head;
	size_t i;

	(void)state;
	for (i = 0; i < ROWS; i++) {
		const struct row *row = &rows[i];

		if (read_exactly(row->bytes, strlen(row->bytes), &head))
			fail_msg("%s: not read", row->name);
		if (strcmp(head.media_type, row->media_type) ||
		    head.has_content_length != (row->content_length != NO_LENGTH) ||
		    (head.has_content_length && head.content_length != row->content_length))
			fail_msg("%s: type '%s', length %d %llu", row->name, head.media_type,
				 head.has_content_length, (unsigned long long)head.content_length);
		assert_int_equal(head.status, row->status);
		assert_true(head.complete);
	}
}

/* Cut off it is incomplete or the same; and a field is there only when its whole line is. */
static void test_cut_off(void **state)
{
	struct sg_answer_head whole, head;
	size_t i, len;
	int err;

	(void)state;
	for (i = 0; i < ROWS; i++) {
		const struct row *row = &rows[i];

		assert_int_equal(read_exactly(row->bytes, strlen(row->bytes), &whole), 0);
		for (len = 0; len < strlen(row->bytes); len++) {
			memset(&head, 0x55, sizeof(head));
			err = read_exactly(row->bytes, len, &head);
			if (err) {
				assert_int_equal(err, -EAGAIN);
				assert_int_equal(head.status, 0x55555555);
				continue;
			}
			assert_int_equal(head.status, row->status);
			if (!head.complete)
				continue;
			assert_string_equal(head.media_type, whole.media_type);
			assert_int_equal(head.has_content_length, whole.has_content_length);
			assert_int_equal(head.content_length, whole.content_length);
		}
	}
}

static void test_field_needs_its_line_end(void **state)
{
	static const char bytes[] = "HTTP/1.1 200 OK\r\nContent-Length: 795\r\n";
	struct sg_answer_head head;

	(void)state;
	assert_int_equal(read_exactly(bytes, sizeof(bytes) - 2, &head), 0);
	assert_false(head.has_content_length);
	assert_int_equal(read_exactly(bytes, sizeof(bytes) - 1, &head), 0);
	assert_true(head.has_content_length);
	assert_int_equal(head.content_length, 795);
	assert_false(head.complete);
}

static void test_no_http(void **state)
{
	static const char *const texts[] = {"<html>", "HTTP/2 200\r\n", "HTTP/1.1 99\r\n\r\n",
					    "\r\n", "HTTP/1.1 100 x\r\n\r\nnonsense"};
	struct sg_answer_head head = {.status = 77};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(read_exactly(texts[i], strlen(texts[i]), &head), -EBADMSG);
	assert_int_equal(read_exactly("", 0, &head), -EAGAIN);
	assert_int_equal(head.status, 77);
}

static void test_nul_inside(void **state)
{
	static const char bytes[] = "HTTP/1.1 200 OK\r\nContent-Type: a/b\0c\r\nX\0: y\r\n\r\n";
	struct sg_answer_head head;

	(void)state;
	assert_int_equal(read_exactly(bytes, sizeof(bytes) - 1, &head), 0);
	assert_string_equal(head.media_type, "");
	assert_true(head.complete);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_field_needs_its_line_end),
		cmocka_unit_test(test_no_http),
		cmocka_unit_test(test_nul_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
