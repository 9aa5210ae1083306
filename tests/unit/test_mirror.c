// SPDX-License-Identifier: GPL-2.0-only
/* The mirror of the CA's limit, in virtual time: at the limit and one below, as the window slides,
 * when a block ends, after a restart, and when more came than the ring holds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../../bpf/core/budget.h"
#include "../../userspace/ios/mirror.h"

#define SECOND 250 /* ticks */
#define WINDOW (60 * SECOND)
#define BLOCK  (15 * SECOND)
#define START  1000000

static const struct sg_mirror_limits limits = {80, WINDOW, BLOCK};

struct fixture {
	struct sg_actual actual;
	struct sg_mirror mirror;
};

static int set_up(void **state)
{
	static struct fixture fixture;

	memset(&fixture, 0, sizeof(fixture));
	*state = &fixture;
	return 0;
}

/* @count connections, @step ticks apart, the first at @from. Returns the last one's date. */
static __u64 answer(struct fixture *f, __u32 count, __u64 from, __u64 step)
{
	for (__u32 i = 0; i < count; i++)
		sg_actual_open(&f->actual, WINDOW, from + i * step);
	return from + (count - 1) * step;
}

static void test_one_below_the_limit(void **state)
{
	struct fixture *f = *state;
	__u64 last = answer(f, 79, START, 10);

	sg_mirror_advance(&f->mirror, &limits, &f->actual);
	assert_int_equal(f->mirror.worst, 79);
	assert_int_equal(f->mirror.episodes, 0);
	assert_false(sg_mirror_blocked(&f->mirror, last, NULL));
}

static void test_at_the_limit_a_block_begins(void **state)
{
	struct fixture *f = *state;
	__u64 last = answer(f, 80, START, 10), remaining = 0;

	sg_mirror_advance(&f->mirror, &limits, &f->actual);
	assert_int_equal(f->mirror.worst, 80);
	assert_int_equal(f->mirror.episodes, 1);
	assert_int_equal(f->mirror.block_since, last);
	assert_true(sg_mirror_blocked(&f->mirror, last + SECOND, &remaining));
	assert_int_equal(remaining, BLOCK - SECOND);
	assert_true(sg_mirror_blocked(&f->mirror, last + BLOCK - 1, NULL));
	assert_false(sg_mirror_blocked(&f->mirror, last + BLOCK, NULL));
}

/* 79 and, just as the first of them leaves the window, one more; then one a tick too early. */
static void test_the_window_slides(void **state)
{
	struct fixture *f = *state;

	answer(f, 79, START, 1);
	answer(f, 1, START + WINDOW, 1);
	sg_mirror_advance(&f->mirror, &limits, &f->actual);
	assert_int_equal(f->mirror.worst, 79);
	assert_int_equal(f->mirror.episodes, 0);

	set_up(state);
	answer(f, 79, START, 1);
	answer(f, 1, START + WINDOW - 1, 1);
	sg_mirror_advance(&f->mirror, &limits, &f->actual);
	assert_int_equal(f->mirror.worst, 80);
	assert_int_equal(f->mirror.episodes, 1);
}

static void test_used_counts_the_trailing_window(void **state)
{
	struct fixture *f = *state;

	answer(f, 10, START, SECOND);
	assert_int_equal(sg_mirror_used(&f->actual, WINDOW, START + 9 * SECOND), 10);
	assert_int_equal(sg_mirror_used(&f->actual, WINDOW, START + WINDOW - 1), 10);
	assert_int_equal(sg_mirror_used(&f->actual, WINDOW, START + WINDOW), 9);
	assert_int_equal(sg_mirror_used(&f->actual, WINDOW, START + WINDOW + 9 * SECOND), 0);
}

/* After a block the CA is taken to count anew, or each connection after it would predict another. */
static void test_counts_anew_after_a_block(void **state)
{
	struct fixture *f = *state;
	__u64 last = answer(f, 80, START, 1);

	last = answer(f, 79, last + BLOCK + 1, 1);
	sg_mirror_advance(&f->mirror, &limits, &f->actual);
	assert_int_equal(f->mirror.episodes, 1);
	assert_int_equal(f->mirror.worst, 159);
	answer(f, 1, last + 1, 1);
	sg_mirror_advance(&f->mirror, &limits, &f->actual);
	assert_int_equal(f->mirror.episodes, 2);
}

/* A restarted daemon goes on where it was: nothing is counted twice, nothing is missed. */
static void test_restart_goes_on(void **state)
{
	struct fixture *f = *state;
	struct sg_mirror kept;
	__u64 last = answer(f, 80, START, 1);

	sg_mirror_advance(&f->mirror, &limits, &f->actual);
	kept = f->mirror;
	memset(&f->mirror, 0, sizeof(f->mirror));
	answer(f, 5, last + BLOCK + 1, 1);
	f->mirror = kept;
	sg_mirror_advance(&f->mirror, &limits, &f->actual);
	assert_int_equal(f->mirror.episodes, 1);
	assert_int_equal(f->mirror.worst, 85);
	assert_int_equal(f->mirror.next, 85);
}

/* The data plane was loaded anew: its numbers begin at 0, what was ever found stays. */
static void test_new_load_keeps_the_worst(void **state)
{
	struct fixture *f = *state;

	answer(f, 80, START, 1);
	sg_mirror_advance(&f->mirror, &limits, &f->actual);
	memset(&f->actual, 0, sizeof(f->actual));
	answer(f, 3, 50, 1);
	sg_mirror_advance(&f->mirror, &limits, &f->actual);
	assert_int_equal(f->mirror.worst, 80);
	assert_int_equal(f->mirror.episodes, 1);
	assert_int_equal(f->mirror.next, 3);
	assert_false(sg_mirror_blocked(&f->mirror, 60, NULL));
}

/* The daemon was away for longer than the ring remembers: the data plane's own count stands in. */
static void test_more_than_the_ring_holds(void **state)
{
	struct fixture *f = *state;

	answer(f, 500, START, 1);
	answer(f, 2 * SG_PLACES, START + 10 * WINDOW, WINDOW);
	sg_mirror_advance(&f->mirror, &limits, &f->actual);
	assert_int_equal(f->mirror.worst, 500);
	assert_int_equal(f->mirror.next, 500 + 2 * SG_PLACES);
}

static void test_no_limit_predicts_nothing(void **state)
{
	static const struct sg_mirror_limits none = {0, 0, 0}, no_block = {80, WINDOW, 0};
	struct fixture *f = *state;

	answer(f, 200, START, 1);
	sg_mirror_advance(&f->mirror, &none, &f->actual);
	assert_int_equal(f->mirror.episodes, 0);
	memset(&f->mirror, 0, sizeof(f->mirror));
	sg_mirror_advance(&f->mirror, &no_block, &f->actual);
	assert_int_equal(f->mirror.worst, 200);
	assert_int_equal(f->mirror.episodes, 0);
}

/* A slot not yet written by the other CPU holds an ancient date: it must not empty the window. */
static void test_stale_slot_is_not_older(void **state)
{
	struct fixture *f = *state;

	answer(f, 79, START, 1);
	f->actual.dates[79] = 5;
	f->actual.head = 80;
	sg_mirror_advance(&f->mirror, &limits, &f->actual);
	assert_int_equal(f->mirror.worst, 80);
	assert_int_equal(f->mirror.episodes, 1);
	assert_int_equal(f->mirror.block_since, START + 78);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_one_below_the_limit, set_up),
		cmocka_unit_test_setup(test_at_the_limit_a_block_begins, set_up),
		cmocka_unit_test_setup(test_the_window_slides, set_up),
		cmocka_unit_test_setup(test_used_counts_the_trailing_window, set_up),
		cmocka_unit_test_setup(test_counts_anew_after_a_block, set_up),
		cmocka_unit_test_setup(test_restart_goes_on, set_up),
		cmocka_unit_test_setup(test_new_load_keeps_the_worst, set_up),
		cmocka_unit_test_setup(test_more_than_the_ring_holds, set_up),
		cmocka_unit_test_setup(test_no_limit_predicts_nothing, set_up),
		cmocka_unit_test_setup(test_stale_slot_is_not_older, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
