// SPDX-License-Identifier: GPL-2.0-only
/* What a GET asks (its hash), beside a reader that splits it into lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../bpf/abi/scepguard_abi.h"
#include "../../bpf/core/question.h"
#include "../lib/naive_question.h"

static const __u64 key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

static const char ios[] =
	"GET /cgi-bin/pkiclient.exe?operation=GetNextCACert&message=branch-ca HTTP/1.0\r\n"
	"User-Agent: Mozilla/4.0 (compatible; MSIE 5.0; Cisco PKI)\r\n"
	"Host: 192.168.105.3\r\n\r\n";

static __u32 target_end(const char *bytes, size_t len)
{
	size_t end = 4;

	while (end < len && bytes[end] != ' ' && bytes[end] != '\r')
		end++;
	return (__u32)end;
}

/* The hash, with garbage behind the request. */
static __u64 hash_of(const char *bytes, size_t len, bool path_only, int garbage)
{
	struct sg_question_text text;

	memset(&text, garbage, sizeof(text));
	memcpy(text.bytes, bytes, len);
	return sg_question_hash(&text, (__u32)len, 4, target_end(bytes, len), path_only, key);
}

static __u64 ask(const char *request)
{
	return hash_of(request, strlen(request), false, 0xa5);
}

/* Hash of "GET target HTTP/1.0 head". */
static __u64 ask_with(const char *target, const char *head)
{
	char request[2048];

	snprintf(request, sizeof(request), "GET %s HTTP/1.0\r\n%s\r\n", target, head);
	return ask(request);
}

static void test_ios(void **state)
{
	__u64 hash = ask(ios);

	(void)state;
	assert_true(hash);
	assert_true(ask_with("/cgi-bin/pkiclient.exe?operation=GetNextCACert&message=branch-ca",
			     "Host: 192.168.105.3\r\n") == hash);
	assert_true(ask_with("/cgi-bin/pkiclient.exe?operation=GetNextCACert&message=branch-cb",
			     "Host: 192.168.105.3\r\n") != hash);
	assert_true(ask_with("/cgi-bin/pkiclient.exe?operation=GetNextCACert&message=branch-ca",
			     "Host: 192.168.105.4\r\n") != hash);
}

/* The hash is secret: another key, another hash. */
static void test_key(void **state)
{
	const __u64 other[2] = {key[0], key[1] ^ 1};
	struct sg_question_text text = {};

	(void)state;
	memcpy(text.bytes, ios, sizeof(ios) - 1);
	assert_true(sg_question_hash(&text, sizeof(ios) - 1, 4, target_end(ios, sizeof(ios)), false,
				     other) != ask(ios));
}

static void test_host(void **state)
{
	static const char *const same[] = {
		"Host: a.b:80\r\n",
		"host:a.b:80\r\n",
		"HOST:       a.b:80       \r\n",
		"hOsT: a.b:80\r\nHosts: x\r\n",
		"X: y\r\nHost: a.b:80 \r\n",
		"A:\r\nHos: x\r\nHost: a.b:80\r\nHo-st: z\r\nXHost: 1\r\n",
	};
	static const char *const other[] = {
		"",
		"Host:\r\n",
		"Host: a.b:8\r\n",
		"Host: a.b:800\r\n",
		"Host: A.b:80\r\n",
		"Host: a .b:80\r\n",
		"Host: :a.b:80\r\n",
	};
	static const char *const none[] = {
		"Host: a.b:80\r\nHost: a.b:80\r\n",
		"Host: a\r\nX: y\r\nhost:\r\n",
		"Host:        a.b:80\r\n",
		"Host: a.b:80        \r\n",
		"Host:        \r\n",
		"Host:\ta.b:80\r\n",
		"Host : a.b:80\r\n",
		"Host\r\n",
	};
	__u64 hash = ask_with("/x", same[0]);

	(void)state;
	assert_true(hash);
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		if (ask_with("/x", same[i]) != hash)
			fail_msg("another question: %s", same[i]);
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		if (!ask_with("/x", other[i]) || ask_with("/x", other[i]) == hash)
			fail_msg("no question of its own: %s", other[i]);
		for (size_t k = 0; k < i; k++)
			assert_true(ask_with("/x", other[i]) != ask_with("/x", other[k]));
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (ask_with("/x", none[i]))
			fail_msg("learnable: %s", none[i]);
	assert_true(ask_with("/x", "Host:       \r\n") == ask_with("/x", "Host:\r\n"));
}

/* Bytes do not move between the target and Host. */
static void test_boundary(void **state)
{
	static const char letters[] = "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	__u64 seen[48 * 48];
	size_t count = 0;
	char head[80], target[80];

	(void)state;
	for (int t = 1; t <= 40; t++) {
		for (int h = 0; h <= 40; h++) {
			snprintf(target, sizeof(target), "%.*s", t, letters);
			snprintf(head, sizeof(head), "Host: %.*s\r\n", h, letters + 1);
			seen[count] = ask_with(target, head);
			assert_true(seen[count]);
			count++;
		}
	}
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < i; k++)
			assert_true(seen[i] != seen[k]);
}

static void test_path_only(void **state)
{
	static const char a[] = "GET /p?operation=GetNextCACert&message=a HTTP/1.0\r\n\r\n",
			  b[] = "GET /p?operation=GetNextCACert&message=b HTTP/1.0\r\n\r\n",
			  c[] = "GET /q?operation=GetNextCACert&message=a HTTP/1.0\r\n\r\n",
			  bare[] = "GET /p HTTP/1.0\r\n\r\n";

	(void)state;
	assert_true(hash_of(a, sizeof(a) - 1, true, 0));
	assert_true(hash_of(a, sizeof(a) - 1, true, 0) == hash_of(b, sizeof(b) - 1, true, 0));
	assert_true(hash_of(a, sizeof(a) - 1, true, 0) != hash_of(c, sizeof(c) - 1, true, 0));
	assert_true(hash_of(a, sizeof(a) - 1, true, 0) != hash_of(a, sizeof(a) - 1, false, 0));
	assert_true(hash_of(a, sizeof(a) - 1, true, '?') ==
		    hash_of(bare, sizeof(bare) - 1, true, '?'));
}

static void test_not_learnable(void **state)
{
	static const char *const heads[] = {
		"GET /x HTTP/1.0\r\n",
		"GET /x HTTP/1.0\r\nHost: a\r\n",
		"GET /x HTTP/1.0\r\nHost: a\r\n\r",
		"GET /x HTTP/1.0\r\nHost: a\r\n\n",
		"GET /x HTTP/1.0\r\nHost: a\n\r\n",
		"GET /x HTTP/1.0\nHost: a\r\n\r\n",
		"GET /x HTTP/1.0\r\nHost: a\rb\r\n\r\n",
		"GET /x HTTP/1.0\r\nHost: a\r\r\n\r\n",
		"GET /x HTTP/1.0\r\nA: b\r\n c\r\n\r\n",
		"GET /x HTTP/1.0\r\nA: b\r\n\tc\r\n\r\n",
		"GET /x HTTP/1.0\r\nA b: c\r\n\r\n",
		"GET /x HTTP/1.0\r\n: c\r\n\r\n",
		"GET /x HTTP/1.0\r\nA\x80: c\r\n\r\n",
		"GET /x HTTP/1.0\r\nA: \x7f\r\n\r\n",
		"GET /x HTTP/1.0\r\nA: b\r\n\r\nG",
		"GET /x HTTP/1.0\r\nA: b\r\n\r\n\r\n",
		"GET /x HTTP/1.0\r\n\r\nA: b\r\n\r\n",
		"POST /x HTTP/1.0\r\n\r\n",
		"get /x HTTP/1.0\r\n\r\n",
	};
	static const char nul[] = "GET /x HTTP/1.0\r\nA: b\0c\r\n\r\n";

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (ask(heads[i]))
			fail_msg("learnable: %s", heads[i]);
	assert_false(hash_of(nul, sizeof(nul) - 1, false, 0));
	assert_true(ask("GET /x HTTP/1.0\r\nA: b\r\n\r\n"));
	/* Any byte of the head that is none, at any place. */
	for (size_t i = 0; i < sizeof(ios) - 1; i++) {
		char bytes[sizeof(ios)];

		memcpy(bytes, ios, sizeof(ios));
		for (const char *odd = "\r\n\t\x01\x7f\x80\xff"; *odd; odd++) {
			bytes[i] = *odd;
			if (bytes[i] != ios[i] && hash_of(bytes, sizeof(ios) - 1, false, '\r'))
				fail_msg("learnable with %#x at %zu", (unsigned char)*odd, i);
		}
		/* And cut there. */
		assert_false(hash_of(ios, i, false, '\n'));
	}
}

/* A control byte anywhere in targets of any length. */
static void test_odd_target(void **state)
{
	char request[64];

	(void)state;
	for (int n = 1; n <= 24; n++) {
		int len = snprintf(request, sizeof(request), "GET /%0*d HTTP/1.0\r\n\r\n", n, 0);

		for (int i = 4; i < 5 + n; i++) {
			char was = request[i];

			assert_true(hash_of(request, (size_t)len, i & 1, 0));
			request[i] = '\x01';
			assert_false(hash_of(request, (size_t)len, i & 1, 0));
			request[i] = was;
		}
	}
}

/* Heads of each length up to the longest, with an end at each place in a word; those too long. */
static void test_lengths(void **state)
{
	char request[SG_QUESTION_BYTES + 8], fill[SG_QUESTION_BYTES];
	__u64 first = 0;

	(void)state;
	memset(fill, 'u', sizeof(fill));
	for (int n = 0; n < SG_QUESTION_BYTES; n++) {
		int len =
			snprintf(request, sizeof(request),
				 "GET /x HTTP/1.0\r\nUser-Agent: %.*s\r\nHost: h\r\n\r\n", n, fill);
		__u64 hash;

		if (len > SG_QUESTION_BYTES)
			break;
		hash = hash_of(request, (size_t)len, false, 'u');
		first = first ? first : hash;
		if (!hash || hash != first)
			fail_msg("user agent of %d", n);
	}
	for (int n = 0; n < SG_QUESTION_BYTES - 19; n++) {
		int len = snprintf(request, sizeof(request), "GET /%.*s HTTP/1.0\r\n\r\n", n, fill);

		assert_int_equal(!hash_of(request, (size_t)len, n & 1, 'u'),
				 len > SG_QUESTION_BYTES);
	}
	for (int n = 0; n < 300; n++) {
		int len = snprintf(request, sizeof(request),
				   "GET /x HTTP/1.0\r\nHost: %.*s\r\n\r\n", n, fill);

		assert_int_equal(!hash_of(request, (size_t)len, false, 'u'),
				 n > SG_QUESTION_HOST_MAX);
	}
}

/* What SG_QUESTION_STEPS promises, and that there is an end. */
static void test_fields(void **state)
{
	char request[SG_QUESTION_BYTES + 8];
	int learnable = 0;

	(void)state;
	for (int fields = 0; fields < 200; fields++) {
		int len = snprintf(request, sizeof(request), "GET /x HTTP/1.0\r\n");

		for (int i = 0; i < fields && len < SG_QUESTION_BYTES - 7; i++)
			len += snprintf(request + len, 6, "A:b\r\n");
		len += snprintf(request + len, 3, "\r\n");
		if (!hash_of(request, (size_t)len, false, 0))
			break;
		learnable = fields;
	}
	assert_int_equal(learnable, (SG_QUESTION_STEPS - 2) / 2);
	for (int size = 20; size < 60; size++) {
		int len = snprintf(request, sizeof(request), "GET /x HTTP/1.0\r\n"), fields = 0;

		while (fields < 16 && len + size < SG_QUESTION_BYTES - 2) {
			len += snprintf(request + len, 64, "%0*d: %0*d\r\n", size / 2, 1,
					size - size / 2 - 4, 2);
			fields++;
		}
		len += snprintf(request + len, 3, "\r\n");
		assert_true(hash_of(request, (size_t)len, false, 0));
	}
}

/* A request of pieces that readers stumble over, or of such that they do not. */
static size_t generate(char *bytes, __u32 *random)
{
	static const char *const pieces[] = {
		"Host: ",
		"host:",
		"HOST:  ",
		"User-Agent: ",
		"Mozilla/4.0 (x)",
		"a",
		"bb",
		"\r\n",
		"\r\n",
		"\r\nX: y\r\n",
		"\r\nHost: h\r\n",
		" ",
		"       ",
		":",
		"A:",
		"0123456789ab",
		"\r",
		"\n",
		"\t",
		"Accept",
		": */*\r\n",
		"\x7f",
		"\xe4",
		"",
	};
	size_t len = (size_t)sprintf(bytes, "GET /%.*s%s HTTP/1.%u\r\n", (int)(*random >> 8 & 31),
				     "abcdefghijklmnopqrstuvwxyzabcdefghijkl",
				     *random & 64 ? "?operation=x" : "", *random & 1);
	__u32 rounds = *random >> 16 & 15, kinds = *random >> 24 & 3 ? 16 : 24;

	if (*random >> 26 & 1)
		len += (size_t)sprintf(bytes + len, "Host: ");
	for (__u32 i = 0; i < rounds; i++) {
		*random = *random * 1664525 + 1013904223;
		len += (size_t)sprintf(bytes + len, "%s", pieces[(*random >> 16) % kinds]);
	}
	len += (size_t)sprintf(bytes + len, "%s", *random >> 9 & 15 ? "\r\n\r\n" : "\r\n");
	return len;
}

#define GENERATED 300000

static void test_generated(void **state)
{
	static struct naive_question before[64];
	static __u64 hashes[64];
	__u32 random = 1, learnable = 0, equal = 0;
	char bytes[SG_QUESTION_BYTES];

	(void)state;
	for (__u32 i = 0; i < GENERATED; i++) {
		struct naive_question q;
		bool path_only, right;
		__u64 hash;
		size_t len;

		random = random * 1664525 + 1013904223;
		len = generate(bytes, &random);
		path_only = random >> 31;
		right = naive_question(&q, bytes, len, target_end(bytes, len), path_only);
		hash = hash_of(bytes, len, path_only, (int)(random >> 8));
		if (right != !!hash)
			fail_msg("learnable %d, naive %d: %.*s", !!hash, right, (int)len, bytes);
		if (hash != hash_of(bytes, len, path_only, '\n'))
			fail_msg("what lies behind matters: %.*s", (int)len, bytes);
		if (!right)
			continue;
		learnable++;
		for (__u32 k = 0; k < 64; k++) {
			if ((hash == hashes[k]) != !strcmp(q.asks, before[k].asks))
				fail_msg("\"%s\" and \"%s\"", q.asks, before[k].asks);
			equal += hash == hashes[k];
		}
		before[learnable & 63] = q;
		hashes[learnable & 63] = hash;
	}
	/* There is something of each kind. */
	assert_true(learnable > GENERATED / 20 && learnable < GENERATED / 2 && equal > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ios),        cmocka_unit_test(test_key),
		cmocka_unit_test(test_host),       cmocka_unit_test(test_boundary),
		cmocka_unit_test(test_path_only),  cmocka_unit_test(test_not_learnable),
		cmocka_unit_test(test_odd_target), cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_fields),     cmocka_unit_test(test_generated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
