// SPDX-License-Identifier: GPL-2.0-only
/* Marks of known sources, cleared beside a program that makes more of them: a source that is there is never
 * without its mark, one that is gone loses it in the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../bpf/core/known.h"
#include "../../userspace/daemon/marks.h"

#define BUCKETS 64 /* a page of them */
#define SOURCES 600

static struct sg_marks marks;
static __u64 hashes[SOURCES];
static bool there[SOURCES];

static __u64 dice(void)
{
	static __u64 state = 1;

	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return state >> 33;
}

static int open_marks(void **state)
{
	int fd = memfd_create("marks", 0);

	(void)state;
	for (int i = 0; i < SOURCES; i++)
		hashes[i] = dice() << 32 | dice();
	memset(there, 0, sizeof(there));
	if (fd < 0 || ftruncate(fd, BUCKETS * sizeof(struct sg_refused_bucket)) ||
	    sg_marks_open(&marks, fd, BUCKETS))
		return -1;
	close(fd);
	return 0;
}

static int close_marks(void **state)
{
	(void)state;
	sg_marks_close(&marks);
	return 0;
}

static __u64 *word_of(int i)
{
	return &marks.buckets[hashes[i] & (BUCKETS - 1)].known;
}

/* As the program does at an admission. */
static void admit(int i)
{
	there[i] = true;
	sg_known_mark(word_of(i), hashes[i]);
}

static void forget(int i)
{
	there[i] = false;
	marks.stale = true;
}

static __u32 marks_set(void)
{
	__u32 sum = 0;

	for (int i = 0; i < BUCKETS; i++)
		sum += (__u32)__builtin_popcountll(marks.buckets[i].known & SG_KNOWN_MASK);
	return sum;
}

static void assert_marked(void)
{
	for (int i = 0; i < SOURCES; i++)
		if (there[i] && !sg_known_may(*word_of(i), hashes[i]))
			fail_msg("source %d is there without a mark", i);
}

/* All sources that are there, in the order of the table. */
static __u32 whole_round(void)
{
	sg_marks_begin(&marks);
	for (int i = 0; i < SOURCES; i++)
		if (there[i])
			sg_marks_need(&marks, hashes[i]);
	return sg_marks_end(&marks);
}

static void test_forgotten(void **state)
{
	__u32 full;

	(void)state;
	for (int i = 0; i < 300; i++)
		admit(i);
	full = marks_set();
	assert_in_range(full, 200, 300);
	for (int i = 0; i < 300; i += 2)
		forget(i);
	assert_int_equal(marks_set(), full);
	assert_in_range(whole_round(), full / 3, 2 * full / 3);
	assert_marked();
	for (int i = 0; i < 300; i++)
		forget(i);
	whole_round();
	assert_int_equal(marks_set(), 0);
}

static void test_nothing_forgotten_nothing_done(void **state)
{
	(void)state;
	admit(1);
	sg_marks_begin(&marks);
	assert_false(marks.running);
	assert_int_equal(sg_marks_end(&marks), 0);
	assert_true(sg_known_may(*word_of(1), hashes[1]));
}

/* The source whose mark is about to go comes back before, and behind the walk: nobody has met it. */
static void test_comes_back_meanwhile(void **state)
{
	(void)state;
	admit(1);
	forget(1);
	sg_marks_begin(&marks);
	admit(1);
	assert_int_equal(sg_marks_end(&marks), 0);
	assert_marked();
	assert_true(marks.stale);
	assert_int_equal(whole_round(), 0);
	assert_marked();
}

/* However a mark was lost: the walk that meets its source sets it, in a round that has nothing to clear as well. */
static void test_heals(void **state)
{
	(void)state;
	for (int stale = 0; stale < 2; stale++) {
		admit(1);
		*word_of(1) = 0;
		marks.stale = stale;
		whole_round();
		assert_marked();
		whole_round();
		assert_marked();
	}
	/* One mark more is made, not one for each walk. */
	assert_int_equal(*word_of(1) >> SG_KNOWN_BITS, 1);
}

/* Rounds of many steps with admissions and forgetting between them. */
static void test_always_marked(void **state)
{
	(void)state;
	for (int round = 0; round < 2000; round++) {
		sg_marks_begin(&marks);
		for (int i = 0; i < SOURCES; i++) {
			if (there[i] && !(dice() % 8))
				forget(i);
			else if (there[i])
				sg_marks_need(&marks, hashes[i]);
			if (!(dice() % 32))
				admit((int)(dice() % SOURCES));
		}
		sg_marks_end(&marks);
		assert_marked();
	}
	for (int i = 0; i < SOURCES; i++)
		forget(i);
	whole_round();
	assert_int_equal(marks_set(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_forgotten, open_marks, close_marks),
		cmocka_unit_test_setup_teardown(test_nothing_forgotten_nothing_done, open_marks,
						close_marks),
		cmocka_unit_test_setup_teardown(test_comes_back_meanwhile, open_marks, close_marks),
		cmocka_unit_test_setup_teardown(test_heals, open_marks, close_marks),
		cmocka_unit_test_setup_teardown(test_always_marked, open_marks, close_marks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
