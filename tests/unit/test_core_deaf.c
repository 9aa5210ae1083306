// SPDX-License-Identifier: GPL-2.0-only
/* Deafness of the CA: found only when it answered shortly before, nothing sent for `block`, then one
 * feeler at a time, then half the window for one window.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../lib/budget_cases.h"

static struct sg_budget budget;
static struct sg_service svc;

static int setup(void **state)
{
	(void)state;
	svc = case_service(10, 0);
	sg_budget_init(&budget, 0, START);
	return 0;
}

static bool due(__u64 now)
{
	return sg_deaf_due(&budget.deaf, &svc, case_times.answered_recent, now);
}

static void syns(int n, __u64 now)
{
	for (int i = 0; i < n; i++)
		sg_deaf_syn(&budget.deaf, now);
}

static __u32 ask(__u64 now)
{
	return case_ask(&budget, &svc, SG_PRIORITY_ENROLMENT, now, false, NULL);
}

static void test_not_deaf_if_it_never_answered(void **state)
{
	(void)state;
	syns(50, START);
	assert_false(due(START + 30 * SECOND));
	/* Not even when the clock itself is young. */
	setup(state);
	syns(50, SECOND);
	assert_false(due(10 * SECOND));
}

static void test_not_deaf_if_it_answered_long_before(void **state)
{
	(void)state;
	sg_deaf_answer(&budget.deaf, &svc, START);
	syns(50, START + case_times.answered_recent + 1);
	assert_false(due(START + case_times.answered_recent + 30 * SECOND));
	setup(state);
	sg_deaf_answer(&budget.deaf, &svc, START);
	syns(50, START + case_times.answered_recent);
	assert_true(due(START + case_times.answered_recent + 30 * SECOND));
}

static void test_three_for_two_seconds(void **state)
{
	(void)state;
	sg_deaf_answer(&budget.deaf, &svc, START);
	syns(2, START + 1);
	assert_false(due(START + 10 * SECOND));
	syns(1, START + 1);
	assert_false(due(START + 2 * SECOND));
	assert_true(due(START + 1 + 2 * SECOND));
	svc.deaf_unanswered = 0; /* no block configured */
	assert_false(due(START + 10 * SECOND));
}

static void test_an_answer_in_between(void **state)
{
	(void)state;
	sg_deaf_answer(&budget.deaf, &svc, START);
	syns(2, START + 1);
	assert_false(sg_deaf_answer(&budget.deaf, &svc, START + SECOND));
	syns(2, START + SECOND);
	assert_int_equal(budget.deaf.unanswered, 2);
	assert_false(due(START + 10 * SECOND));
}

/* Found by silence alone, before anybody has said so. */
static void test_nothing_goes_into_a_deaf_ca(void **state)
{
	__u64 t = START + SECOND;

	(void)state;
	sg_deaf_answer(&budget.deaf, &svc, START);
	syns(3, t);
	assert_int_equal(ask(t + SECOND), SG_REASON_ADMITTED);
	assert_int_equal(ask(t + 2 * SECOND), SG_REASON_CA_DEAF);
}

static void test_one_feeler_at_a_time(void **state)
{
	__u64 t = START + 3 * SECOND;

	(void)state;
	sg_deaf_answer(&budget.deaf, &svc, START);
	syns(3, START);
	sg_deaf_begin(&budget.deaf, &svc, t);
	assert_int_equal(budget.deaf.since, START);
	assert_int_equal(ask(t), SG_REASON_CA_DEAF);
	assert_int_equal(ask(t + svc.block_ticks - 1), SG_REASON_CA_DEAF);
	assert_int_equal(ask(t + svc.block_ticks), SG_REASON_FEELER);
	assert_int_equal(ask(t + svc.block_ticks), SG_REASON_CA_DEAF);
	assert_int_equal(ask(t + 2 * svc.block_ticks - 1), SG_REASON_CA_DEAF);
	assert_int_equal(ask(t + 2 * svc.block_ticks), SG_REASON_FEELER);
}

static void test_resume_with_half(void **state)
{
	__u64 over = START + 100 * SECOND;
	int admitted = 0;

	(void)state;
	sg_deaf_answer(&budget.deaf, &svc, START);
	syns(3, START);
	sg_deaf_begin(&budget.deaf, &svc, START + 3 * SECOND);
	assert_true(sg_deaf_answer(&budget.deaf, &svc, over));
	assert_false(sg_deaf_answer(&budget.deaf, &svc, over));
	assert_int_equal(budget.deaf.deaf_ticks, 100 * SECOND);
	assert_int_equal(budget.deaf.episodes, 1);
	while (sg_reason_admits(ask(over)) && admitted < 100)
		admitted++;
	assert_int_equal(admitted, 5);
	while (sg_reason_admits(ask(over + WINDOW - 1)) && admitted < 100)
		admitted++;
	assert_int_equal(admitted, 5);
	while (sg_reason_admits(ask(over + WINDOW)) && admitted < 100)
		admitted++;
	assert_int_equal(admitted, 15);
	assert_int_equal(sg_deaf_window(&budget.deaf, 1, over), 1);
}

/* In observe the CA's deafness is what police would have prevented. */
static void test_not_heeded_in_observe(void **state)
{
	struct sg_ask ask = {.now = START + 10 * SECOND, .priority = SG_PRIORITY_ENROLMENT};

	(void)state;
	sg_deaf_answer(&budget.deaf, &svc, START);
	syns(9, START);
	assert_int_equal(sg_budget_look(&budget, &svc, &case_times, &ask), SG_REASON_ADMITTED);
	ask.police = true;
	assert_int_equal(sg_budget_look(&budget, &svc, &case_times, &ask), SG_REASON_CA_DEAF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_not_deaf_if_it_never_answered, setup),
		cmocka_unit_test_setup(test_not_deaf_if_it_answered_long_before, setup),
		cmocka_unit_test_setup(test_three_for_two_seconds, setup),
		cmocka_unit_test_setup(test_an_answer_in_between, setup),
		cmocka_unit_test_setup(test_nothing_goes_into_a_deaf_ca, setup),
		cmocka_unit_test_setup(test_one_feeler_at_a_time, setup),
		cmocka_unit_test_setup(test_resume_with_half, setup),
		cmocka_unit_test_setup(test_not_heeded_in_observe, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
