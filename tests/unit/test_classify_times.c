// SPDX-License-Identifier: GPL-2.0-only
/* "times" of a case for scepguard classify. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../userspace/classify/times.h"
#include "../../userspace/util/json.h"

static __u64 *ns; /* of the last one read; the sentinel: untouched */
static __u64 sentinel;
static char error[128];

static int read_times(const char *text, size_t packets)
{
	_cleanup_json_ json_t *times = json_loads(text, JSON_DECODE_ANY, NULL);

	assert_non_null(times);
	memset(error, 0, sizeof(error));
	return sg_classify_times(times, packets, &ns, error, sizeof(error));
}

static void forget(void)
{
	free(ns);
	ns = NULL;
}

static void test_since_the_first(void **state)
{
	(void)state;
	assert_int_equal(read_times("[1700000000.25, 1700000000.25, 1700000001, 1700000060.5]", 4),
			 0);
	assert_int_equal(ns[0], 0);
	assert_int_equal(ns[1], 0);
	assert_int_equal(ns[2], 750000000);
	assert_int_equal(ns[3], 60250000000);
	forget();
	assert_int_equal(read_times("[0, 0.001, 8.2, 33.3]", 4), 0);
	assert_int_equal(ns[1], 1000000);
	assert_int_equal(ns[2], 8200000000);
	assert_int_equal(ns[3], 33300000000);
	forget();
}

static void test_may_be_left_out(void **state)
{
	(void)state;
	ns = &sentinel;
	assert_int_equal(sg_classify_times(NULL, 3, &ns, error, sizeof(error)), 0);
	assert_null(ns);
	ns = &sentinel;
	assert_int_equal(read_times("null", 3), 0);
	assert_null(ns);
	assert_int_equal(read_times("[]", 0), 0);
	forget();
}

static void test_bounds(void **state)
{
	(void)state;
	assert_int_equal(read_times("[9900000000, 10000000000]", 2), 0);
	assert_int_equal(ns[1], 100000000ull * 1000000000);
	forget();
}

static void test_faults(void **state)
{
	static const struct {
		const char *times, *says;
	} cases[] = {
		{"7", "'times': expected a list of 2 numbers, one for each packet"},
		{"{}", "'times': expected a list of 2 numbers, one for each packet"},
		{"[]", "expected a list of 2"},
		{"[1]", "expected a list of 2"},
		{"[1, 2, 3]", "expected a list of 2"},
		{"[1, \"2\"]", "time 1: expected seconds, a number"},
		{"[null, 2]", "time 0: expected seconds, a number"},
		{"[true, 2]", "time 0: expected seconds, a number"},
		{"[1, [2]]", "time 1: expected seconds"},
		{"[-1, 2]", "time 0: expected seconds, a number from 0 to"},
		{"[-0.001, 2]", "time 0: expected seconds"},
		{"[10000000001, 10000000001]", "time 0: expected seconds"},
		{"[1, 1e300]", "time 1: expected seconds"},
		{"[2, 1]", "time 1: earlier than the one before it"},
		{"[2, 1.9999]", "time 1: earlier than the one before it"},
		{"[0, 100000000.5]", "time 1: too long after the first"},
		{"[7, 100000008]", "time 1: too long after the first"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ns = &sentinel;
		assert_int_equal(read_times(cases[i].times, 2), -EINVAL);
		assert_ptr_equal(ns, &sentinel);
		if (!strstr(error, cases[i].says))
			fail_msg("%s: '%s'", cases[i].times, error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_since_the_first),
		cmocka_unit_test(test_may_be_left_out),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
