// SPDX-License-Identifier: GPL-2.0-only
/* Places of services over reloads: no two share one, and a name keeps its own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "../../userspace/guard/guard_internal.h"

static struct sg_config conf;
static struct sg_service present[SG_SERVICES];
static __u32 index_of[SG_CONFIG_SERVICES_MAX];

/* One letter is one service's name. */
static void configure(const char *names)
{
	memset(&conf, 0, sizeof(conf));
	for (; *names; names++)
		conf.services[conf.service_count++].name[0] = *names;
}

/* Places 0, 1, ...: a capital letter is enabled, a small one was removed, a dot was never used. */
static void fill(const char *places)
{
	memset(present, 0, sizeof(present));
	for (int i = 0; places[i]; i++) {
		if (places[i] == '.')
			continue;
		present[i].enabled = places[i] < 'a';
		present[i].name[0] = (char)(places[i] | 0x20);
	}
}

static void gives(const char *places, const char *names, const char *expected)
{
	fill(places);
	configure(names);
	assert_true(sg_guard_place_services(present, &conf, index_of));
	for (int i = 0; expected[i]; i++)
		assert_int_equal(index_of[i], expected[i] - '0');
}

static void test_fresh(void **state)
{
	(void)state;
	gives("", "abc", "012");
}

static void test_names_keep_their_places(void **state)
{
	(void)state;
	gives("AB", "ba", "10");
	gives("AB", "bca", "120");
}

static void test_new_one_before_one_that_comes_back(void **state)
{
	(void)state;
	gives("aB", "ca", "20");
	gives("abcdEFGH", "xyad", "1203");
}

static void test_removed_places_are_used_again(void **state)
{
	(void)state;
	gives("ABCDEFGh", "abcdefgx", "01234567");
}

static void test_full(void **state)
{
	(void)state;
	fill("ABCDEFGH");
	configure("x");
	assert_false(sg_guard_place_services(present, &conf, index_of));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fresh),
		cmocka_unit_test(test_names_keep_their_places),
		cmocka_unit_test(test_new_one_before_one_that_comes_back),
		cmocka_unit_test(test_removed_places_are_used_again),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
