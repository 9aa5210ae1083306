// SPDX-License-Identifier: GPL-2.0-only
/* What `scepguard explain` says a SYN would get: asked in the program's order (sg_look() in bpf/admit.bpf.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../userspace/daemon/explain.c" /* NOLINT(bugprone-suspicious-include) */
#include "../../userspace/guard/guard_internal.h"

#define NOW     100000ull
#define RATE    250 /* ticks between two connections of one source */
#define ALLOWED 2   /* connections of one source at once */

static struct sg_daemon *the_daemon;
static struct sg_service service;
static struct question q;

/* Police, room for all, a known source within its limits. */
static int set_up(void **state)
{
	(void)state;
	the_daemon = calloc(1, sizeof(*the_daemon));
	if (!the_daemon)
		return -1;
	the_daemon->guard = calloc(1, sizeof(*the_daemon->guard));
	if (!the_daemon->guard)
		return -1;
	the_daemon->snap.mode = SG_MODE_POLICE;
	sg_budget_init(&the_daemon->tables.budgets[0], 0, NOW);
	service = (struct sg_service){.enabled = 1, .slots = 16};
	q = (struct question){
		.d = the_daemon,
		.service = &service,
		.now = NOW,
		.known = true,
		.limits = {.connections = ALLOWED, .burst = 1, .interval_ticks = RATE},
		.priority = SG_PRIORITY_BOOTSTRAP,
	};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(the_daemon->guard);
	free(the_daemon);
	return 0;
}

static void fill_slots(void)
{
	the_daemon->tables.budgets[0].slots_used = service.slots;
}

static void exceed_rate(void)
{
	q.remembered = true;
	q.tat = (__u32)NOW + RATE;
}

static void test_room(void **state)
{
	(void)state;
	assert_true(sg_reason_admits(decide(&q)));
	fill_slots();
	assert_int_equal(decide(&q), SG_REASON_SLOTS);
	q.denied = true;
	assert_int_equal(decide(&q), SG_REASON_DENIED);
}

/* A known source's own limits come before the budget, an unknown one's behind it. */
static void test_own_limits(void **state)
{
	(void)state;
	q.src.connections = ALLOWED;
	assert_int_equal(decide(&q), SG_REASON_SOURCE_CONNECTIONS);
	fill_slots();
	assert_int_equal(decide(&q), SG_REASON_SOURCE_CONNECTIONS);
	exceed_rate();
	assert_int_equal(decide(&q), SG_REASON_SOURCE_RATE);
	q.known = false;
	assert_int_equal(decide(&q), SG_REASON_SLOTS);
	the_daemon->tables.budgets[0].slots_used = 0;
	assert_int_equal(decide(&q), SG_REASON_SOURCE_RATE);
}

static void test_exempt(void **state)
{
	(void)state;
	q.exempt = true;
	q.src.connections = ALLOWED;
	exceed_rate();
	assert_true(sg_reason_admits(decide(&q)));
	fill_slots();
	assert_int_equal(decide(&q), SG_REASON_SLOTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_room, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_own_limits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_exempt, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
