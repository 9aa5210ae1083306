// SPDX-License-Identifier: GPL-2.0-only
/* Where a request ends: heads cut at every byte, and the short cut against the reader it stands for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../bpf/core/http_head.h"

#define GET  SG_METHOD_GET
#define POST SG_METHOD_POST

static const struct {
	const char *bytes; /* behind the request line */
	__u8 method;
	__u8 state; /* after all of them */
} rows[] = {
	{"", GET, SG_HEAD_START},
	{"\r\n", GET, SG_HEAD_ENDED},
	{"\n", GET, SG_HEAD_ENDED},
	{"Host: a\r\n", GET, SG_HEAD_START},
	{"Host: a\r\nUser-Agent: Mozilla/4.0 (compatible; MSIE 5.0; Cisco PKI)\r\n\r\n", GET,
	 SG_HEAD_ENDED},
	{"Host: a\r\n\r\n\r\n\n", GET, SG_HEAD_ENDED},
	{"Host: a\r\n\r\nGET /", GET, SG_HEAD_MORE},
	{"Host: a\n\nGET / HTTP/1.1\r\n\r\n", GET, SG_HEAD_MORE},
	{"Host: a\r\nContent-Length: 3\r\n\r\nabc", GET, SG_HEAD_MORE},
	{"Content-Length: 3\r\n\r\n", POST, SG_HEAD_BODY},
	{"Content-Length: 3\r\n\r\nab", POST, SG_HEAD_BODY},
	{"cOnTeNt-LeNgTh:3\r\n\r\nabc", POST, SG_HEAD_ENDED},
	{"Content-Length: 3\r\n\r\nabc\r\n", POST, SG_HEAD_ENDED},
	{"Content-Length: 3\r\n\r\nabcG", POST, SG_HEAD_MORE},
	{"Content-Length: 0\r\n\r\nG", POST, SG_HEAD_MORE},
	{"Host: a\r\n\r\nG", POST, SG_HEAD_MORE},
	{"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", POST, SG_HEAD_MORE},
	{"Content-Length: 3,3\r\n\r\nabc", POST, SG_HEAD_MORE},
	{"Content-Length: +3\r\n\r\nabc", POST, SG_HEAD_MORE},
	{"Content-Length: 3 \r\n\r\nabc", POST, SG_HEAD_MORE},
	{"Content-Length : 3\r\n\r\nabc", POST, SG_HEAD_MORE},
	{"X\xff: y\r\nContent-Length: 3\r\n\r\nabc", POST, SG_HEAD_MORE},
	{"X\x7fY: y\r\nContent-Length: 3\r\n\r\nabc", POST, SG_HEAD_MORE},
	{"\x80: y\r\nContent-Length: 3\r\n\r\nabc", POST, SG_HEAD_MORE},
	{"\x01Y: y\r\nContent-Length: 3\r\n\r\nabc", POST, SG_HEAD_MORE},
	{"X: \xff\r\nContent-Length: 3\r\n\r\nabc", POST, SG_HEAD_ENDED},
	{"Content-Length:\r\n\r\nabc", POST, SG_HEAD_MORE},
	{"Content-Length: 99999999999\r\n\r\nabc", POST, SG_HEAD_MORE},
	{"X: y\r\n Content-Length: 3\r\n\r\nabc", POST, SG_HEAD_MORE},
	{"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", POST, SG_HEAD_MORE},
	{"Transfer-Encoding: x\r\nContent-Length: 3\r\n\r\nabc", POST, SG_HEAD_MORE},
	{"X: y\rContent-Length: 3\r\nContent-Length: 9\r\n\r\nabc", POST, SG_HEAD_MORE},
	{"XContent-Length: 9\r\nContent-Length: 3\r\n\r\nabcG", POST, SG_HEAD_MORE},
	{"XContent-Length: 9\r\n\r\nabc", POST, SG_HEAD_MORE},
};

static struct sg_http_line begin(__u8 method)
{
	return (struct sg_http_line){.state = SG_HTTP_STATE_DONE, .method = method};
}

static void feed(struct sg_http_line *line, const char *bytes, size_t len)
{
	sg_head_feed(line, (const __u8 *)bytes, (__u32)len);
}

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const size_t len = strlen(rows[i].bytes);

		for (size_t cut = 0; cut <= len; cut++) {
			struct sg_http_line line = begin(rows[i].method);

			feed(&line, rows[i].bytes, cut);
			feed(&line, rows[i].bytes + cut, len - cut);
			if (line.head != rows[i].state)
				fail_msg("row %zu cut at %zu: state %u instead of %u", i, cut,
					 line.head, rows[i].state);
		}
	}
}

/* Heads over which servers differ, for GET: what follows is not believed. */
static void test_odd(void **state)
{
	static const struct {
		const char *bytes;
		bool odd;
	} heads[] = {
		{"Host: a\r\n\r\n", false},
		{"Connection: close\r\nTE: x\r\n\r\n", false},
		{"Content-Length: 0\r\n\r\n", false},
		{"Content-Length: 3\r\n\r\n", true},
		{"content-length:3\r\n\r\n", true},
		{"Host: a\r\nContent-Length: 3\r\n\r\n", true},
		{"Host: a\r\ntransfer-encoding: chunked\r\n\r\n", true},
		{"Host: a\rContent-Length: 3\r\n\r\n", true},
		{"Host: a\r\n Content-Length: 3\r\n\r\n", true},
		{"Host: a\r\n\x01"
		 "Content-Length: 3\r\n\r\n",
		 true},
	};
	static const char before[] = "GET / HTTP/1.1\r\n";

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		const size_t from = sizeof(before) - 1, len = from + strlen(heads[i].bytes);
		struct sg_http_line line = begin(GET), slow = begin(GET);
		char bytes[128];

		snprintf(bytes, sizeof(bytes), "%s%s", before, heads[i].bytes);
		feed(&slow, bytes + from, len - from);
		assert_int_equal(slow.head, SG_HEAD_ENDED);
		assert_int_equal(slow.head_flags & SG_HEAD_ODD, heads[i].odd);
		/* The short cut does not look for what is odd, so it must not take it. */
		assert_false(sg_head_shortcut(&line, (const __u8 *)bytes, (const __u8 *)bytes + len,
					      (__u32)from, (__u32)len) &&
			     heads[i].odd);
	}
}

/* Every head of a few pieces: the short cut takes it only when the reader says ENDED, too. */
static void test_shortcut(void **state)
{
	static const char *const pieces[] = {"\r\n", "\n",       "\r",     "Host: a",
					     "x",    "\r\n\r\n", "GET / ", "Agent: 0123456789"};
	const size_t count = sizeof(pieces) / sizeof(pieces[0]);
	const char before[] = "GET / HTTP/1.1\r\n";
	size_t taken = 0;

	(void)state;
	for (size_t n = 0; n < 8 * 8 * 8 * 8 * 8 * 8; n++) {
		struct sg_http_line line = begin(GET), slow = begin(GET);
		char bytes[160];
		const size_t from = strlen(before);
		size_t len;

		strcpy(bytes, before);
		for (size_t i = 0, rest = n; i < 6; i++, rest /= count)
			strcat(bytes, pieces[rest % count]);
		len = strlen(bytes);
		if (!sg_head_shortcut(&line, (const __u8 *)bytes, (const __u8 *)bytes + len,
				      (__u32)from, (__u32)len))
			continue;
		taken++;
		feed(&slow, bytes + from, len - from);
		if (slow.head != SG_HEAD_ENDED)
			fail_msg("'%s' is taken, the reader is in state %u", bytes, slow.head);
	}
	assert_true(taken > 1000);
}

static void test_shortcut_takes_real_heads(void **state)
{
	static const char head[] = "GET /scep?operation=GetCACert HTTP/1.0\r\n"
				   "User-Agent: Mozilla/4.0 (compatible; MSIE 5.0; Cisco PKI)\r\n"
				   "Host: 192.168.105.3\r\n\r\n";
	const __u32 from = 40, len = sizeof(head) - 1;
	struct sg_http_line line = begin(GET);

	(void)state;
	assert_true(
		sg_head_shortcut(&line, (const __u8 *)head, (const __u8 *)head + len, from, len));
	assert_int_equal(line.head, SG_HEAD_ENDED);
	for (__u32 cut = from; cut < len; cut++) {
		line = begin(GET);
		assert_false(sg_head_shortcut(&line, (const __u8 *)head, (const __u8 *)head + cut,
					      from, cut));
	}
	line = begin(POST);
	assert_false(
		sg_head_shortcut(&line, (const __u8 *)head, (const __u8 *)head + len, from, len));
}

/* One field of every length, so that its end and that of the head stand at every place of a step; and each byte of the
 * head in turn replaced by what ends it, folds it or may name a body.
 */
static void test_shortcut_at_every_place(void **state)
{
	static const char before[] = "GET /scep?operation=GetCACert HTTP/1.0\r\n",
			  bad[] = {'\r', '\n', '\0', '\t', 0x1f};
	const __u32 from = sizeof(before) - 1;

	(void)state;
	for (__u32 n = 0; n < 120; n++) {
		struct sg_http_line line = begin(GET);
		char bytes[256];
		const int len = snprintf(bytes, sizeof(bytes), "%sAgent: %0*d\r\nHost: a\r\n\r\n",
					 before, (int)n, 0);

		assert_true(sg_head_shortcut(&line, (const __u8 *)bytes, (const __u8 *)bytes + len,
					     from, len));
		for (__u32 at = from; at < (__u32)len; at++) {
			const char was = bytes[at];

			for (size_t i = 0; i < sizeof(bad); i++) {
				bytes[at] = bad[i];
				line = begin(GET);
				if (bad[i] != was)
					assert_false(sg_head_shortcut(&line, (const __u8 *)bytes,
								      (const __u8 *)bytes + len,
								      from, len));
			}
			bytes[at] = at == from || bytes[at - 1] == '\n' ? 'c' : was;
			line = begin(GET);
			if (bytes[at] != was)
				assert_false(sg_head_shortcut(&line, (const __u8 *)bytes,
							      (const __u8 *)bytes + len, from,
							      len));
			bytes[at] = was;
		}
	}
}

/* The line came in a segment of its own: before its head in the frame there is a TCP header, whatever that ends with. */
static void test_shortcut_of_a_head_alone(void **state)
{
	static const char *const headers[] = {"01234567", "012345\r\n", "0123456\n"};
	static const char *const heads[] = {
		"\r\nGET /scep?operation=GetNextCACert HTTP/1.0\r\n\r\n",
		"Content-Length: 3\r\n\r\n",
		" Host: a\r\n\r\n",
		"\nHost: a\r\n\r\n",
	};

	(void)state;
	for (size_t i = 0; i < 3 * 4; i++) {
		struct sg_http_line line = begin(GET);
		char bytes[128];
		const int len =
			snprintf(bytes, sizeof(bytes), "%s%s", headers[i % 3], heads[i / 3]);

		assert_false(sg_head_shortcut(&line, (const __u8 *)bytes, (const __u8 *)bytes + len,
					      8, len));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_shortcut),
		cmocka_unit_test(test_shortcut_takes_real_heads),
		cmocka_unit_test(test_shortcut_at_every_place),
		cmocka_unit_test(test_shortcut_of_a_head_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
