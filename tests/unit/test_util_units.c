// SPDX-License-Identifier: GPL-2.0-only
/* Durations, rates, percentages and counts: what is read, what is refused, and at the edge of 64
 * bits.
 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../userspace/util/units.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define UNTOUCHED     0xabcdef

static void test_duration_parse(void **state)
{
	static const struct {
		const char *text;
		int err;
		__u64 ns;
	} cases[] = {
		{"500ms", 0, 500000000},
		{"15s", 0, 15 * SG_NS_PER_S},
		{"2m", 0, 120 * SG_NS_PER_S},
		{"6h", 0, 6 * SG_NS_PER_H},
		{"30d", 0, 30 * SG_NS_PER_D},
		{"1825d", 0, 157680000 * SG_NS_PER_S},
		{"0", 0, 0},
		{"0s", 0, 0},
		{"007s", 0, 7 * SG_NS_PER_S},
		{"60", -ENODATA, 0},
		{"", -EINVAL, 0},
		{"s", -EINVAL, 0},
		{"-1s", -EINVAL, 0},
		{"+1s", -EINVAL, 0},
		{" 1s", -EINVAL, 0},
		{"1 s", -EINVAL, 0},
		{"1s ", -EINVAL, 0},
		{"1.5s", -EINVAL, 0},
		{"1sec", -EINVAL, 0},
		{"1S", -EINVAL, 0},
		{"1min", -EINVAL, 0},
		{"0x10s", -EINVAL, 0},
		{"18446744073709ms", 0, 18446744073709 * SG_NS_PER_MS},
		{"18446744073710ms", -ERANGE, 0},
		{"213503d", 0, 213503 * SG_NS_PER_D},
		{"213504d", -ERANGE, 0},
		{"18446744073709551616s", -ERANGE, 0},
		{"99999999999999999999999d", -ERANGE, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		__u64 ns = UNTOUCHED;

		print_message("'%s'\n", cases[i].text);
		assert_int_equal(sg_duration_parse(cases[i].text, &ns), cases[i].err);
		assert_int_equal(ns, cases[i].err ? UNTOUCHED : cases[i].ns);
	}
}

static void test_rate_parse(void **state)
{
	static const struct {
		const char *text;
		int err;
		__u32 count;
		__u64 per_ns;
	} cases[] = {
		{"6/min", 0, 6, SG_NS_PER_MIN},
		{"2/s", 0, 2, SG_NS_PER_S},
		{"10/h", 0, 10, SG_NS_PER_H},
		{"1/d", 0, 1, SG_NS_PER_D},
		{"4294967295/s", 0, UINT_MAX, SG_NS_PER_S},
		{"4294967296/s", -ERANGE, 0, 0},
		{"6", -ENODATA, 0, 0},
		{"6/", -EINVAL, 0, 0},
		{"/min", -EINVAL, 0, 0},
		{"6/m", -EINVAL, 0, 0},
		{"6 /min", -EINVAL, 0, 0},
		{"6per min", -EINVAL, 0, 0},
		{"-6/min", -EINVAL, 0, 0},
		{"", -EINVAL, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sg_unit_rate rate = {UNTOUCHED, UNTOUCHED};

		print_message("'%s'\n", cases[i].text);
		assert_int_equal(sg_rate_parse(cases[i].text, &rate), cases[i].err);
		assert_int_equal(rate.count, cases[i].err ? UNTOUCHED : cases[i].count);
		assert_int_equal(rate.per_ns, cases[i].err ? UNTOUCHED : cases[i].per_ns);
	}
}

static void test_permille_parse(void **state)
{
	static const struct {
		const char *text;
		int err;
		__u32 permille;
	} cases[] = {
		{"0%", 0, 0},
		{"10%", 0, 100},
		{"100%", 0, 1000},
		{"12.5%", 0, 125},
		{"0.1%", 0, 1},
		{"100.0%", 0, 1000},
		{"100.1%", -ERANGE, 0},
		{"101%", -ERANGE, 0},
		{"10", -ENODATA, 0},
		{"12.5", -ENODATA, 0},
		{"%", -EINVAL, 0},
		{"", -EINVAL, 0},
		{"10 %", -EINVAL, 0},
		{"-1%", -EINVAL, 0},
		{".5%", -EINVAL, 0},
		{"12.%", -EINVAL, 0},
		{"12.55%", -EINVAL, 0},
		{"10%%", -EINVAL, 0},
		{"1844674407370955162%", -ERANGE, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		__u32 permille = UNTOUCHED;

		print_message("'%s'\n", cases[i].text);
		assert_int_equal(sg_permille_parse(cases[i].text, &permille), cases[i].err);
		assert_int_equal(permille, cases[i].err ? UNTOUCHED : cases[i].permille);
	}
}

static void test_count_parse(void **state)
{
	__u64 value = UNTOUCHED;

	(void)state;
	assert_int_equal(sg_count_parse("18446744073709551616", &value), -ERANGE);
	assert_int_equal(sg_count_parse("12x", &value), -EINVAL);
	assert_int_equal(sg_count_parse("-1", &value), -EINVAL);
	assert_int_equal(sg_count_parse("", &value), -EINVAL);
	assert_int_equal(value, UNTOUCHED);
	assert_int_equal(sg_count_parse("18446744073709551615", &value), 0);
	assert_true(value == ULLONG_MAX);
	assert_int_equal(sg_count_parse("0", &value), 0);
	assert_int_equal(value, 0);
}

static void test_duration_format(void **state)
{
	static const struct {
		__u64 ns;
		const char *people, *exact;
	} cases[] = {
		{0, "0ms", "0"},
		{850 * SG_NS_PER_MS, "850ms", "850ms"},
		{SG_NS_PER_S - 1, "999ms", "999ms"},
		{15 * SG_NS_PER_S, "15s", "15s"},
		{1500 * SG_NS_PER_MS, "1s", "1500ms"},
		{65 * SG_NS_PER_S, "1m 05s", "65s"},
		{120 * SG_NS_PER_S, "2m 00s", "2m"},
		{SG_NS_PER_H - 1, "59m 59s", "3599999ms"},
		{2 * SG_NS_PER_H + 3 * SG_NS_PER_MIN, "2h 03m", "123m"},
		{3 * SG_NS_PER_D + 4 * SG_NS_PER_H, "3d 4h", "76h"},
		{30 * SG_NS_PER_D, "30d 0h", "30d"},
		{ULLONG_MAX, "213503d 23h", "18446744073709ms"},
	};
	char buf[SG_DURATION_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_string_equal(sg_duration_format(cases[i].ns, buf), cases[i].people);
		assert_string_equal(sg_duration_format_exact(cases[i].ns, buf), cases[i].exact);
	}
}

static void test_rate_format(void **state)
{
	static const char *const texts[] = {"12/min", "2/s", "10/h", "1/d", "4294967295/min"};
	struct sg_unit_rate odd = {3, 10 * SG_NS_PER_S}, rate;
	char buf[SG_DURATION_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_int_equal(sg_rate_parse(texts[i], &rate), 0);
		assert_string_equal(sg_rate_format(&rate, buf), texts[i]);
	}
	assert_string_equal(sg_rate_format(&odd, buf), "3/10s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_duration_parse),  cmocka_unit_test(test_rate_parse),
		cmocka_unit_test(test_permille_parse),  cmocka_unit_test(test_count_parse),
		cmocka_unit_test(test_duration_format), cmocka_unit_test(test_rate_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
