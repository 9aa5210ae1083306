// SPDX-License-Identifier: GPL-2.0-only
/* One service's budget: the window at n, n + 1 and after it has passed; reserves; the turn of the lowest
 * class; nobody starves whatever mix asks; cold start; observe turned to police; a raised limit; the
 * actual book against a naive count.
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

static __u32 ask(__u32 priority, __u64 now)
{
	return case_ask(&budget, &svc, priority, now, false, NULL);
}

/* How many of this priority get in at one moment. */
static __u32 fill(__u32 priority, __u64 now)
{
	__u32 n = 0;

	while (n < 2000 && sg_reason_admits(ask(priority, now)))
		n++;
	return n;
}

static void test_n_and_one_more(void **state)
{
	(void)state;
	assert_int_equal(fill(SG_PRIORITY_ENROLMENT, START), 10);
	assert_int_equal(ask(SG_PRIORITY_ENROLMENT, START), SG_REASON_WINDOW);
	assert_int_equal(ask(SG_PRIORITY_ENROLMENT, START + WINDOW - 1), SG_REASON_WINDOW);
	assert_int_equal(fill(SG_PRIORITY_ENROLMENT, START + WINDOW), 10);
}

static void test_limits_of_the_ring(void **state)
{
	(void)state;
	svc = case_service(0, 0);
	assert_int_equal(fill(SG_PRIORITY_ENROLMENT, START), 2000);
	setup(state);
	svc = case_service(SG_PLACES + 500, 0);
	assert_int_equal(fill(SG_PRIORITY_ENROLMENT, START), SG_PLACES - 1);
	setup(state);
	svc = case_service(1, 0);
	assert_int_equal(fill(SG_PRIORITY_ENROLMENT, START), 1);
}

static void test_unsettled_halts_and_final_frees(void **state)
{
	struct sg_grant grant;

	(void)state;
	svc = case_service(1, 0);
	case_ask(&budget, &svc, SG_PRIORITY_ENROLMENT, START, true, &grant);
	sg_place_move(budget.places, grant.place, SG_PLACE_EV_SYN_ACK, START + 1);
	assert_int_equal(ask(SG_PRIORITY_ENROLMENT, START + 3 * WINDOW),
			 SG_REASON_WINDOW_UNSETTLED);
	sg_place_move(budget.places, grant.place, SG_PLACE_EV_FINAL, START + 3 * WINDOW);
	assert_int_equal(ask(SG_PRIORITY_ENROLMENT, START + 4 * WINDOW - 1), SG_REASON_WINDOW);
	assert_int_equal(ask(SG_PRIORITY_ENROLMENT, START + 4 * WINDOW), SG_REASON_ADMITTED);
}

/* Given up unanswered: its last SYN's time, and `syn` on top. */
static void test_given_up(void **state)
{
	struct sg_grant grant;
	__u64 t = START + 2 * SECOND;

	(void)state;
	svc = case_service(1, 0);
	case_ask(&budget, &svc, SG_PRIORITY_ENROLMENT, START, true, &grant);
	sg_place_move(budget.places, grant.place, SG_PLACE_EV_SYN, t);
	assert_int_equal(ask(SG_PRIORITY_ENROLMENT, t + WINDOW + svc.syn_ticks - 1),
			 SG_REASON_WINDOW);
	assert_int_equal(ask(SG_PRIORITY_ENROLMENT, t + WINDOW + svc.syn_ticks),
			 SG_REASON_ADMITTED);
}

/* What each event does to a place. */
static void test_place_events(void **state)
{
	__u64 word = sg_place_word(100, 7, 0), next;

	(void)state;
	next = sg_place_next(word, SG_PLACE_EV_SYN, 110);
	assert_int_equal(next, sg_place_word(110, 7, 0));
	assert_int_equal(sg_place_next(next, SG_PLACE_EV_SYN, 105), next); /* never back */
	next = sg_place_next(next, SG_PLACE_EV_ACK, 120);
	assert_true(sg_place_overtaken(next, 122, SG_PLACE_JITTER));
	assert_false(sg_place_overtaken(next, 121, SG_PLACE_JITTER));
	assert_int_equal(sg_place_next(next, SG_PLACE_EV_SYN, 130), next);
	next = sg_place_next(next, SG_PLACE_EV_OVERTAKEN, 140);
	assert_true(next & SG_PLACE_SETTLED && sg_place_ticks(next) == 140);
	assert_int_equal(sg_place_next(next, SG_PLACE_EV_OVERTAKEN, 150), next);
	next = sg_place_next(next, SG_PLACE_EV_SYN_ACK, 150);
	assert_int_equal(next, sg_place_word(150, 7, SG_PLACE_SYN_ACKED)); /* open again */
	assert_int_equal(sg_place_next(next, SG_PLACE_EV_NEVER, 160) >> 24, 150);
	next = sg_place_next(next, SG_PLACE_EV_FINAL, 170);
	for (int ev = SG_PLACE_EV_SYN; ev < SG_PLACE_EV_LATE; ev++)
		assert_int_equal(sg_place_next(next, ev, 999), next);
	assert_int_equal(sg_place_ticks(sg_place_next(next, SG_PLACE_EV_LATE, 999)), 999);
	next = sg_place_next(sg_place_word(100, 7, SG_PLACE_SYN_ACKED | SG_PLACE_HANDSHAKE),
			     SG_PLACE_EV_ENDED, 200);
	assert_int_equal(next, sg_place_word(200, 7, SG_PLACE_HANDSHAKE));
}

/* A place that the ring has given to another admission is left alone. */
static void test_a_reused_place_is_not_moved(void **state)
{
	(void)state;
	budget.places[5] = sg_place_word(100, 5 + SG_PLACES, 0);
	sg_place_move(budget.places, 5, SG_PLACE_EV_FINAL, 500);
	assert_int_equal(budget.places[5], sg_place_word(100, 5 + SG_PLACES, 0));
	sg_place_move(budget.places, 5 + SG_PLACES, SG_PLACE_EV_FINAL, 500);
	assert_int_equal(sg_place_ticks(budget.places[5]), 500);
}

static void reserves(void)
{
	svc.reserve_permille[SG_PRIORITY_BOOTSTRAP] = 100;
	svc.reserve_permille[SG_PRIORITY_ROLLOVER] = 400;
	svc.reserve_permille[SG_PRIORITY_OTHER] = 600;
}

static void test_reserved_shares(void **state)
{
	static const __u32 shares[] = {10, 10, 9, 6, 4};

	(void)state;
	for (__u32 priority = 0; priority < SG_PRIORITY_MAX_; priority++) {
		setup(state);
		reserves();
		assert_int_equal(fill(priority, START), shares[priority]);
	}
	/* What the lower ones left is there for the higher. */
	assert_int_equal(ask(SG_PRIORITY_OTHER, START), SG_REASON_WINDOW_RESERVED);
	assert_int_equal(fill(SG_PRIORITY_ROLLOVER, START), 2);
	assert_int_equal(fill(SG_PRIORITY_BOOTSTRAP, START), 3);
	assert_int_equal(fill(SG_PRIORITY_ENROLMENT, START), 1);
}

static void test_reserved_slots(void **state)
{
	struct sg_grant grant;
	__u32 n = 0;

	(void)state;
	svc = case_service(0, 10);
	reserves();
	while (sg_reason_admits(case_ask(&budget, &svc, SG_PRIORITY_ROLLOVER, START, true, &grant)))
		n++;
	assert_int_equal(n, 6);
	assert_int_equal(grant.reason, SG_REASON_SLOTS_RESERVED);
	assert_int_equal(case_ask(&budget, &svc, SG_PRIORITY_ENROLMENT, START, true, &grant),
			 SG_REASON_ADMITTED);
}

/* Simulate clients of every class for ten minutes. per_second[i]: attempts of class i. got[]: admitted. */
static void mix(const __u32 per_second[SG_PRIORITY_MAX_], __u32 got[SG_PRIORITY_MAX_])
{
	memset(got, 0, SG_PRIORITY_MAX_ * sizeof(got[0]));
	sg_budget_init(&budget, 77, START);
	svc = case_service(77, 0);
	reserves();
	for (__u64 t = 0; t < 600 * SECOND; t += 10)
		for (__u32 p = 0; p < SG_PRIORITY_MAX_; p++)
			if (per_second[p] && t % (SECOND / per_second[p]) < 10)
				got[p] += sg_reason_admits(ask(p, START + t));
}

static void test_nobody_starves(void **state)
{
	(void)state;
	/* Every set of classes below enrolment that asks, one of them ten times as much. */
	for (__u32 set = 1; set < 8; set++) {
		for (__u32 flood = 0; flood < 3; flood++) {
			__u32 per_second[SG_PRIORITY_MAX_] = {}, got[SG_PRIORITY_MAX_];

			for (__u32 i = 0; i < 3; i++)
				if (set & 1u << i)
					per_second[SG_PRIORITY_BOOTSTRAP + i] = i == flood ? 50 : 5;
			mix(per_second, got);
			for (__u32 i = 0; i < 3; i++)
				if (set & 1u << i && !got[SG_PRIORITY_BOOTSTRAP + i])
					fail_msg("class %u starves: set %u, flood of %u",
						 SG_PRIORITY_BOOTSTRAP + i, set,
						 SG_PRIORITY_BOOTSTRAP + flood);
		}
	}
}

static void test_one_in_ten_for_the_lowest(void **state)
{
	__u32 per_second[SG_PRIORITY_MAX_] = {0, 0, 50, 0, 5}, got[SG_PRIORITY_MAX_], all;

	(void)state;
	mix(per_second, got);
	all = got[SG_PRIORITY_BOOTSTRAP] + got[SG_PRIORITY_OTHER];
	assert_true(got[SG_PRIORITY_OTHER] * 10 >= all * 9 / 10);
	assert_true(all * 100 >= 77 * 10 * 85);
	/* Nobody waits for a class that does not ask. */
	per_second[SG_PRIORITY_OTHER] = 0;
	mix(per_second, got);
	assert_true(got[SG_PRIORITY_BOOTSTRAP] * 100 >= 77 * 10 * 80);
}

/* Enrolment asks for all there is: it gets it, and the lower ones wait. */
static void test_enrolment_comes_first(void **state)
{
	const __u32 per_second[SG_PRIORITY_MAX_] = {0, 1, 0, 50, 50};
	__u32 got[SG_PRIORITY_MAX_];

	(void)state;
	mix(per_second, got);
	assert_true(got[SG_PRIORITY_ENROLMENT] >=
		    390); /* 60 a minute and all that the reserve holds */
}

static void test_cold_start_counts_a_third(void **state)
{
	(void)state;
	svc = case_service(30, 0);
	sg_budget_init(&budget, 30, START);
	assert_int_equal(fill(SG_PRIORITY_ENROLMENT, START), 20);
	assert_int_equal(fill(SG_PRIORITY_ENROLMENT, START + WINDOW), 30);
}

static void test_raised_limit_waits(void **state)
{
	(void)state;
	svc.next_window.connections = 20;
	svc.next_from = START + 2 * WINDOW;
	assert_int_equal(fill(SG_PRIORITY_ENROLMENT, START), 10);
	assert_int_equal(fill(SG_PRIORITY_ENROLMENT, START + 2 * WINDOW - 1), 10);
	assert_int_equal(fill(SG_PRIORITY_ENROLMENT, START + 2 * WINDOW), 10);
	assert_int_equal(fill(SG_PRIORITY_ENROLMENT, START + 4 * WINDOW), 20);
}

/* Connections that came before police count: window by their dates, slots by what is open. */
static void test_what_observe_let_through_counts(void **state)
{
	struct sg_ask attempt = {.now = START + SECOND,
				 .priority = SG_PRIORITY_ENROLMENT,
				 .police = true,
				 .police_since = START};

	(void)state;
	for (int i = 0; i < 10; i++)
		sg_actual_open(&budget.actual, WINDOW, START);
	assert_int_equal(sg_budget_look(&budget, &svc, &case_times, &attempt), SG_REASON_WINDOW);
	attempt.police = false;
	assert_int_equal(sg_budget_look(&budget, &svc, &case_times, &attempt), SG_REASON_ADMITTED);
	attempt.police = true;
	attempt.now = START + WINDOW;
	assert_int_equal(sg_budget_look(&budget, &svc, &case_times, &attempt), SG_REASON_ADMITTED);
	svc.slots = 10;
	assert_int_equal(sg_budget_look(&budget, &svc, &case_times, &attempt), SG_REASON_SLOTS);
	attempt.now = START + svc.life_ticks;
	assert_int_equal(sg_budget_look(&budget, &svc, &case_times, &attempt), SG_REASON_ADMITTED);
}

/* The worst window against a naive count of random dates: equal as long as the book may hold it. */
static void test_actual_book_is_exact(void **state)
{
	static __u64 dates[4000];
	static struct sg_actual actual;
	__u64 random = 1, now = START;
	__u32 worst;

	(void)state;
	for (__u32 run = 0; run < 20; run++) {
		memset(&actual, 0, sizeof(actual));
		worst = 0;
		for (__u32 i = 0, tail = 0; i < 4000; i++) {
			random = random * 6364136223846793005ull + 1442695040888963407ull;
			now += (random >> 40) % (run % 4 == 3 && i % 50 == 0 ? 100000 : 400);
			dates[i] = now;
			sg_actual_open(&actual, WINDOW, now);
			while (dates[tail] + WINDOW <= now)
				tail++;
			worst = i - tail + 1 > worst ? i - tail + 1 : worst;
			assert_true(actual.worst <= worst || actual.worst <= SG_PLACES);
			if (run % 4 != 3)
				assert_int_equal(actual.worst, worst);
		}
		assert_int_equal(actual.worst, worst);
		assert_int_equal(actual.open_peak, 4000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_n_and_one_more, setup),
		cmocka_unit_test_setup(test_limits_of_the_ring, setup),
		cmocka_unit_test_setup(test_unsettled_halts_and_final_frees, setup),
		cmocka_unit_test_setup(test_given_up, setup),
		cmocka_unit_test_setup(test_place_events, setup),
		cmocka_unit_test_setup(test_a_reused_place_is_not_moved, setup),
		cmocka_unit_test_setup(test_reserved_shares, setup),
		cmocka_unit_test_setup(test_reserved_slots, setup),
		cmocka_unit_test_setup(test_nobody_starves, setup),
		cmocka_unit_test_setup(test_one_in_ten_for_the_lowest, setup),
		cmocka_unit_test_setup(test_enrolment_comes_first, setup),
		cmocka_unit_test_setup(test_cold_start_counts_a_third, setup),
		cmocka_unit_test_setup(test_raised_limit_waits, setup),
		cmocka_unit_test_setup(test_what_observe_let_through_counts, setup),
		cmocka_unit_test_setup(test_actual_book_is_exact, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
