// SPDX-License-Identifier: GPL-2.0-only
/* Moments told by a wall clock that is set, and what grew in the last minute. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../userspace/daemon/clock.h"
#include "../../userspace/daemon/minute.h"

static void test_follows_a_clock_that_is_set(void **state)
{
	const __u64 at = 1000 * SG_NS_PER_S;

	(void)state;
	assert_int_equal(sg_clock_follow(0, at), at);
	assert_int_equal(sg_clock_follow(at, at + 7), at); /* jitter of two readings */
	assert_int_equal(sg_clock_follow(at, at - 7), at);
	assert_int_equal(sg_clock_follow(at, at + SG_NS_PER_H), at + SG_NS_PER_H);
	assert_int_equal(sg_clock_follow(at, at - 900 * SG_NS_PER_S), 100 * SG_NS_PER_S);
}

static __u64 grown(struct sg_minute *m, __u64 count, __u64 at_s)
{
	struct sg_minute_counts counts = {.requests = {[SG_REQUEST_GETCACERT] = count}}, growth;

	sg_minute_add(m, &counts, at_s * SG_NS_PER_S, SG_NS_PER_MIN, &growth);
	return growth.requests[SG_REQUEST_GETCACERT];
}

static void test_minute(void **state)
{
	static struct sg_minute m;
	__u64 second;

	(void)state;
	assert_int_equal(grown(&m, 500, 100), 0); /* what was before is not of this minute */
	for (second = 1; second <= 60; second++)
		assert_int_equal(grown(&m, 500 + second, 100 + second), second);
	for (; second <= 300; second++)
		assert_int_equal(grown(&m, 500 + second, 100 + second), 60);
	assert_int_equal(grown(&m, 800, 500), 0); /* a long pause */
	assert_int_equal(grown(&m, 20, 501), 20); /* counters that began anew */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_follows_a_clock_that_is_set),
		cmocka_unit_test(test_minute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
