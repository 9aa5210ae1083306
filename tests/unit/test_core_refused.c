// SPDX-License-Identifier: GPL-2.0-only
/* Refused sources: new for a while (here a minute), then behind those that are new, forgotten after an
 * hour. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../../bpf/core/refused.h"

/* Ticks of a second here. */
#define S 250ull

static const struct sg_times times = {.refused_new = 60 * S, .refused_forget = 3600 * S};

/* Any time: also where 32-bit ticks wrap. */
static const __u64 starts[] = {1000000, 0xffffffffull - 10 * S, 0x7fffffffull - 10 * S,
			       0x300000000ull - 60 * S};

static bool sg_refused_before(const struct sg_refused_bucket *b, __u32 fingerprint,
			      const struct sg_times *t, __u64 now)
{
	return sg_refused_look(b, fingerprint, t, now) & SG_REFUSED_BEFORE;
}

/* "Noted" means just that: one more note would write nothing. */
static void test_noted(void **state)
{
	struct sg_refused_bucket b = {}, before;
	__u64 now = starts[1];

	(void)state;
	for (int i = 0; i < 20000; i++) {
		__u32 fingerprint = 1 + 2 * (i * 7919 % 9);
		bool noted = sg_refused_look(&b, fingerprint, &times, now) & SG_REFUSED_NOTED;

		before = b;
		sg_refused_note(&b, fingerprint, &times, now);
		if (noted != !memcmp(&b, &before, sizeof(b)))
			fail_msg("step %d: noted %d, but a note says otherwise", i, noted);
		now += 1 + i * 104729ull % (40 * S);
		if (i % 1000 == 999)
			now += 4000 * S;
	}
}

static void test_new_for_a_minute(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		struct sg_refused_bucket b = {0};
		__u64 t = starts[i];

		assert_false(sg_refused_before(&b, 7, &times, t));
		sg_refused_note(&b, 7, &times, t);
		/* Its own SYN resends must not cost it its turn. */
		for (__u64 d = 0; d <= 59 * S; d += S) {
			assert_false(sg_refused_before(&b, 7, &times, t + d));
			sg_refused_note(&b, 7, &times, t + d);
		}
		assert_true(sg_refused_before(&b, 7, &times, t + 62 * S));
	}
}

static void test_comes_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		struct sg_refused_bucket b = {0};
		__u64 t = starts[i];

		sg_refused_note(&b, 7, &times, t);
		/* Every half hour: it stays known as one that comes again. */
		for (int n = 0; n < 10; n++) {
			t += 1800 * S;
			assert_true(sg_refused_before(&b, 7, &times, t));
			sg_refused_note(&b, 7, &times, t);
			assert_true(sg_refused_before(&b, 7, &times, t + S));
		}
	}
}

static void test_forgotten_after_an_hour(void **state)
{
	struct sg_refused_bucket b = {0};
	__u64 t = starts[0];

	(void)state;
	sg_refused_note(&b, 7, &times, t);
	sg_refused_note(&b, 7, &times, t + 100 * S);
	assert_true(sg_refused_before(&b, 7, &times, t + 3600 * S));
	assert_false(sg_refused_before(&b, 7, &times, t + 3702 * S));
	/* And new again, for a minute. */
	sg_refused_note(&b, 7, &times, t + 3702 * S);
	assert_false(sg_refused_before(&b, 7, &times, t + 3702 * S + 59 * S));
	assert_true(sg_refused_before(&b, 7, &times, t + 3702 * S + 62 * S));
}

/* Most refusals of a source must write nothing: a storm shares clean cache lines. */
static void test_seldom_written(void **state)
{
	struct sg_refused_bucket b = {0};
	unsigned int writes = 0;

	(void)state;
	for (__u64 t = 0; t < 600 * S; t += S) {
		struct sg_refused_bucket before = b;

		sg_refused_note(&b, 7, &times, starts[0] + t);
		writes += memcmp(&before, &b, sizeof(b)) != 0;
	}
	assert_in_range(writes, 9, 11);
}

/* One source more than a bucket has slots: the one not seen for longest goes, and counts as new. */
static void test_oldest_is_displaced(void **state)
{
	struct sg_refused_bucket b = {0};
	__u64 t = starts[0];

	(void)state;
	for (__u32 source = 1; source <= SG_REFUSED_SLOTS; source++)
		sg_refused_note(&b, source, &times, t + source * S);
	sg_refused_note(&b, 1, &times, t + 100 * S); /* source 1 came again: 2 is the oldest */
	sg_refused_note(&b, 9, &times, t + 101 * S);
	assert_false(sg_refused_before(&b, 2, &times, t + 102 * S));
	assert_true(sg_refused_before(&b, 1, &times, t + 102 * S));
	assert_true(sg_refused_before(&b, 3, &times, t + 102 * S));
	assert_false(sg_refused_before(&b, 9, &times, t + 102 * S));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_noted),
		cmocka_unit_test(test_new_for_a_minute),
		cmocka_unit_test(test_comes_again),
		cmocka_unit_test(test_forgotten_after_an_hour),
		cmocka_unit_test(test_seldom_written),
		cmocka_unit_test(test_oldest_is_displaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
