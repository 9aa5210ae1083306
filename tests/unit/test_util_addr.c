// SPDX-License-Identifier: GPL-2.0-only
/* Addresses and prefixes, as text and as the 16 bytes that the tables hold. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "../../userspace/util/addr.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static struct sg_addr addr(const char *text)
{
	struct sg_addr a;

	assert_int_equal(sg_addr_parse(text, &a), 0);
	return a;
}

static void test_layout(void **state)
{
	static const __u8 v4[16] = {[10] = 0xff, 0xff, 192, 0, 2, 1};
	static const __u8 v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
	struct sg_addr a = addr("192.0.2.1"), b = addr("2001:db8::1");

	(void)state;
	assert_int_equal(sizeof(struct sg_addr), 16);
	assert_memory_equal(a.b, v4, 16);
	assert_memory_equal(b.b, v6, 16);
	assert_int_equal(sg_addr_family(&a), AF_INET);
	assert_int_equal(sg_addr_family(&b), AF_INET6);
	assert_memory_equal(sg_addr_bytes(&a), v4 + 12, 4);
	assert_memory_equal(sg_addr_bytes(&b), v6, 16);
	a = sg_addr_from_v4(v4 + 12);
	assert_memory_equal(a.b, v4, 16);
	a = sg_addr_from_v6(v6);
	assert_memory_equal(a.b, v6, 16);
}

static void test_parse_and_format(void **state)
{
	static const char *const good[][2] = {
		{"192.0.2.1", "192.0.2.1"},
		{"::ffff:192.0.2.1", "192.0.2.1"}, /* the same host, however it is written */
		{"2001:DB8:0:0::1", "2001:db8::1"},
		{"::1", "::1"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
		 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	};
	static const char *const bad[] = {
		"",          "192.0.2",    "192.0.2.256",   "192.0.2.1 ",   "192.0.2.1/32", "1",
		"localhost", "fe80::1%lo", "[2001:db8::1]", "2001:db8:::1", "0x7f.0.0.1",
	};
	char buf[SG_ADDR_TEXT];
	struct sg_addr a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		a = addr(good[i][0]);
		assert_string_equal(sg_addr_format(&a, buf), good[i][1]);
	}
	memset(&a, 0x5a, sizeof(a));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(sg_addr_parse(bad[i], &a), -EINVAL);
	assert_int_equal(a.b[0], 0x5a);
}

static void test_kinds(void **state)
{
	static const struct {
		const char *text;
		bool unicast, loopback;
	} cases[] = {
		{"192.0.2.1", true, false},  {"127.0.0.1", true, true},
		{"127.255.0.9", true, true}, {"0.0.0.0", false, false},
		{"0.1.2.3", false, false},   {"224.0.0.1", false, false},
		{"223.1.2.3", true, false},  {"255.255.255.255", false, false},
		{"::1", true, true},         {"::", false, false},
		{"ff02::1", false, false},   {"2001:db8::1", true, false},
		{"fe80::1", true, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sg_addr a = addr(cases[i].text);

		print_message("%s\n", cases[i].text);
		assert_int_equal(sg_addr_is_unicast(&a), cases[i].unicast);
		assert_int_equal(sg_addr_is_loopback(&a), cases[i].loopback);
	}
}

static void test_prefix(void **state)
{
	static const struct {
		const char *text;
		int err;
		int bits;
		const char *shown;
	} cases[] = {
		{"10.9.0.0/16", 0, 112, "10.9.0.0/16"},
		{"192.0.2.7", 0, 128, "192.0.2.7/32"},
		{"0.0.0.0/0", 0, 96, "0.0.0.0/0"},
		{"::ffff:10.9.0.0/112", 0, 112, "10.9.0.0/16"},
		{"2001:db8::/32", 0, 32, "2001:db8::/32"},
		{"::/0", 0, 0, "::/0"},
		{"2001:db8::1", 0, 128, "2001:db8::1/128"},
		{"10.9.0.1/16", -EDOM, 112, "10.9.0.0/16"},
		{"10.255.255.255/9", -EDOM, 105, "10.128.0.0/9"},
		{"2001:db8::1/64", -EDOM, 64, "2001:db8::/64"},
		{"10.9.0.0/33", -ERANGE, 0, NULL},
		{"2001:db8::/129", -ERANGE, 0, NULL},
		{"10.9.0.0/", -EINVAL, 0, NULL},
		{"10.9.0.0/-1", -EINVAL, 0, NULL},
		{"10.9.0.0/16/16", -EINVAL, 0, NULL},
		{"10.9/16", -EINVAL, 0, NULL},
		{"/16", -EINVAL, 0, NULL},
		{"", -EINVAL, 0, NULL},
		{"2001:db8:1111:2222:3333:4444:5555:6666:7777:8888:9999/64", -EINVAL, 0, NULL},
	};
	char buf[SG_PREFIX_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sg_addr_prefix p = {.bits = 200};

		print_message("%s\n", cases[i].text);
		assert_int_equal(sg_prefix_parse(cases[i].text, &p), cases[i].err);
		assert_int_equal(p.bits, cases[i].shown ? cases[i].bits : 200);
		if (cases[i].shown)
			assert_string_equal(sg_prefix_format(&p, buf), cases[i].shown);
	}
}

static void test_prefix_contains(void **state)
{
	struct sg_addr in = addr("10.9.255.255"), out = addr("10.10.0.0"), v6 = addr("2001:db8::1");
	struct sg_addr_prefix p, all;

	(void)state;
	assert_int_equal(sg_prefix_parse("10.9.0.0/16", &p), 0);
	assert_int_equal(sg_prefix_parse("0.0.0.0/0", &all), 0);
	assert_true(sg_prefix_contains(&p, &in));
	assert_false(sg_prefix_contains(&p, &out));
	assert_true(sg_prefix_contains(&all, &out));
	assert_false(sg_prefix_contains(&all, &v6));
}

static void test_listen(void **state)
{
	static const char *const good[] = {"127.0.0.1:9834", "[::1]:1", "0.0.0.0:65535"};
	static const char *const bad[] = {
		"127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", ":9834",
		"::1:9834",  "[::1]",      "[::1:9834",   "[]:9834",         "localhost:9834",
		"",          ":",          "127.0.0.1:x", "[127.0.0.1:1",
	};
	char buf[SG_LISTEN_TEXT];
	struct sg_addr a;
	__u16 port = 7;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(sg_addr_parse_listen(bad[i], &a, &port), -EINVAL);
	assert_int_equal(port, 7);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(sg_addr_parse_listen(good[i], &a, &port), 0);
		assert_string_equal(sg_addr_format_listen(&a, port, buf), good[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layout),          cmocka_unit_test(test_parse_and_format),
		cmocka_unit_test(test_kinds),           cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_prefix_contains), cmocka_unit_test(test_listen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
