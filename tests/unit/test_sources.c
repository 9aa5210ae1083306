// SPDX-License-Identifier: GPL-2.0-only
/* Forgetting sources: as many as needed, the longest silent first, and not one more. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../../userspace/daemon/sources.h"

#define CAPACITY 1000
#define NOW      1000000

static struct sg_sources s;
static struct sg_source table[CAPACITY];
static bool there[CAPACITY];

/* @n sources; the higher the number the younger. */
static void fill(int n)
{
	s = (struct sg_sources){.capacity = CAPACITY, .evict_from = SG_SOURCES_AGES};
	memset(table, 0, sizeof(table));
	for (int i = 0; i < CAPACITY; i++) {
		there[i] = i < n;
		table[i].last_seen = 1 + i * 900;
	}
}

static void walk_once(void)
{
	for (int i = 0; i < CAPACITY; i++)
		if (there[i] && sg_sources_count(&s, &table[i], NOW))
			there[i] = false;
	sg_sources_end_round(&s);
}

static int left(void)
{
	int n = 0;

	for (int i = 0; i < CAPACITY; i++)
		n += there[i];
	return n;
}

static void test_leaves_what_it_means_to(void **state)
{
	(void)state;
	fill(850);
	for (int round = 0; round < 6; round++)
		walk_once();
	assert_int_equal(left(), CAPACITY * SG_SOURCES_LEAVE_PERMILLE / 1000);
	assert_int_equal(s.known, left());
}

static void test_longest_silent_go(void **state)
{
	(void)state;
	fill(850);
	for (int round = 0; round < 6; round++)
		walk_once();
	for (int i = 400; i < 850; i++) /* a bucket of ages is half an octave wide */
		assert_true(there[i]);
}

static void test_not_full(void **state)
{
	(void)state;
	fill(800);
	for (int round = 0; round < 3; round++)
		walk_once();
	assert_int_equal(left(), 800);
}

static void test_open_and_claiming_stay(void **state)
{
	(void)state;
	fill(1000);
	for (int i = 0; i < 500; i++)
		table[i].connections = 1;
	for (int i = 500; i < 950; i++) {
		table[i].claim_left = 1;
		table[i].claim_until = NOW + 1;
	}
	for (int round = 0; round < 6; round++)
		walk_once();
	assert_int_equal(left(), 950);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leaves_what_it_means_to),
		cmocka_unit_test(test_longest_silent_go),
		cmocka_unit_test(test_not_full),
		cmocka_unit_test(test_open_and_claiming_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
