// SPDX-License-Identifier: GPL-2.0-only
/* Sums of segments, of every length and at every offset, in buffers that end where the bytes end; where
 * timestamps are found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../bpf/core/segment.h"

/* RFC 1071 by the letter: bytes in pairs, the carry brought round at each. */
static __u16 sum_by_the_letter(const __u8 *bytes, size_t len)
{
	__u32 sum = 0;

	for (size_t i = 0; i < len; i++) {
		sum += i % 2 ? bytes[i] : bytes[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

static void fill(__u8 *bytes, size_t len, unsigned int seed)
{
	for (size_t i = 0; i < len; i++) {
		seed = seed * 1103515245 + 12345;
		/* 0xff in rows makes carries. */
		bytes[i] = seed & 0x10000 ? 0xff : seed >> 16;
	}
}

static void test_sum(void **state)
{
	(void)state;
	for (__u32 len = 8; len <= SG_SUM_MAX; len++) {
		__u32 offset = len % 9;
		__u8 *bytes = malloc(offset + len);

		assert_non_null(bytes);
		fill(bytes, offset + len, len);
		assert_int_equal(sg_sum(bytes + offset, bytes + offset + len, len),
				 sg_htons(sum_by_the_letter(bytes + offset, len)));
		/* One byte is missing. */
		assert_int_equal(sg_sum(bytes + offset, bytes + offset + len - 1, len),
				 SG_SUM_NONE);
		free(bytes);
	}
}

static void test_sum_of_too_few_or_too_many(void **state)
{
	__u8 *bytes = calloc(1, SG_SUM_MAX + 64);

	(void)state;
	assert_non_null(bytes);
	for (__u32 len = 0; len < 8; len++)
		assert_int_equal(sg_sum(bytes, bytes + SG_SUM_MAX + 64, len), SG_SUM_NONE);
	for (__u32 len = SG_SUM_MAX + 1; len < SG_SUM_MAX + 64; len++)
		assert_int_equal(sg_sum(bytes, bytes + SG_SUM_MAX + 64, len), SG_SUM_NONE);
	free(bytes);
}

struct stamp_case {
	const char *bytes;
	__u32 len;
	bool stamped;
	__u32 stamp;
	bool odd;
};

static void test_stamp(void **state)
{
	static const struct stamp_case cases[] = {
		{"\1\1\x8\xa\1\2\3\4\0\0\0\0", 12, true, 0x01020304, false},
		{"\x8\xa\1\2\3\4\0\0\0\0\1\1", 12, true, 0x01020304, false},
		{"\2\4\5\xb4\4\2\x8\xa\xff\xff\xff\xff\0\0\0\0", 16, true, 0xffffffff, false},
		{"\1\1\x8\xa\1\2\3\4\0\0\0\0", 11, false, 0, true},  /* cut off */
		{"\0\1\x8\xa\1\2\3\4\0\0\0\0", 12, false, 0, false}, /* behind the end */
		{"\1\1\x8\x9\1\2\3\4\0\0\0\0", 12, false, 0, false}, /* of a wrong length */
		{"\2\0\x8\xa\1\2\3\4\0\0\0\0", 12, false, 0, true},  /* behind one of no length */
		{"\xfe\x9\1\1\1\1\1\1", 8, false, 0, true},          /* longer than the rest */
		{"\x8\xa\1\2\3\4\0\0\0\0\x8\xa\5\6\7\x8\0\0\0\0", 20, true, 0x05060708, true},
		{"\x13\x12\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\1", 20, false, 0, true},  /* MD5 */
		{"\x8\xa\1\2\3\4\0\0\0\0\x1d\x4\1\1\1\1", 16, true, 0x01020304, true}, /* AO */
		{"\xfe\x4\1\1", 4, false, 0, false}, /* unknown: passed over by all */
		{"", 0, false, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sg_segment_look look = {};
		__u8 *bytes = malloc(cases[i].len + 1);

		assert_non_null(bytes);
		memcpy(bytes, cases[i].bytes, cases[i].len);
		sg_find_stamp(bytes, bytes + cases[i].len, cases[i].len, &look);
		assert_int_equal(look.stamped, cases[i].stamped);
		assert_int_equal(look.stamp, cases[i].stamp);
		if (look.odd_tcp != cases[i].odd)
			fail_msg("options %zu: odd is %d", i, look.odd_tcp);
		free(bytes);
	}
}

/* Padding is nothing only if it is zero: else Linux throws the packet away. */
static void test_padding(void **state)
{
	struct sg_packet pkt = {.family = 6, .l3_off = 14, .l4_off = 14 + 48};
	__u8 *ip = calloc(1, 48);

	(void)state;
	assert_non_null(ip);
	ip[6] = SG_IPPROTO_DSTOPTS;
	ip[40] = SG_IPPROTO_TCP;
	ip[42] = 1;
	ip[43] = 4;
	assert_true(sg_ip_plain(ip, ip + 48, &pkt));
	for (int i = 44; i < 48; i++) {
		ip[i] = 1;
		assert_false(sg_ip_plain(ip, ip + 48, &pkt));
		ip[i] = 0;
	}
	free(ip);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sum),
		cmocka_unit_test(test_sum_of_too_few_or_too_many),
		cmocka_unit_test(test_stamp),
		cmocka_unit_test(test_padding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
