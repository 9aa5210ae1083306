// SPDX-License-Identifier: GPL-2.0-only
/* Who of the held requests is next, beside a program that gives and takes slots: order, what a refusal means for the
 * others, the end of a hold, and that a round's work is bounded.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "turns_program.h"

static void asked_were(size_t count, ...)
{
	va_list args;

	assert_int_equal(sim.asked_count, count);
	va_start(args, count);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(sim.asked[i], va_arg(args, int));
	va_end(args);
}

static void test_class_then_age_then_ticket(void **state)
{
	(void)state;
	hold(0, 1, 0, SG_PRIORITY_OTHER, 10);
	hold(1, 2, 0, SG_PRIORITY_ENROLMENT, 90);
	hold(2, 3, 0, SG_PRIORITY_ENROLMENT, 80);
	hold(3, 5, 0, SG_PRIORITY_ROLLOVER, 5);
	hold(4, 4, 0, SG_PRIORITY_ENROLMENT, 80);
	hold(5, 6, 0, SG_PRIORITY_IN_PROGRESS, 99);
	sg_turns_round(&sim.turns, NOW);
	asked_were(6, 6, 3, 4, 2, 5, 1);
	assert_memory_equal(sim.injected, sim.asked, 6 * sizeof(sim.asked[0]));
	assert_false(sg_turns_wanted(&sim.turns));
}

static void test_the_frame_as_it_came(void **state)
{
	(void)state;
	hold(300, 1, 0, SG_PRIORITY_ENROLMENT, 1);
	for (int i = 16; i < 316; i++)
		sim.frames[300].frame[i] = (__u8)dice();
	sg_turns_round(&sim.turns, NOW);
	assert_int_equal(sim.last_ifindex, 7);
	assert_int_equal(sim.last_len, 316);
	assert_memory_equal(sim.last_bytes, sim.frames[300].frame, 316);
}

/* No room for the best: none for any other of that service; another service has its own. */
/* Of whoever is held in that slot, and nobody else. */
static void test_class_of_a_ticket(void **state)
{
	(void)state;
	hold(3, 7, 0, SG_PRIORITY_ENROLMENT, 1);
	sim.frames[3].request_class = SG_REQUEST_GETCACERT;
	sim.frames[4].request_class = SG_REQUEST_GETCACERT; /* of one that is gone */
	assert_int_equal(sg_turns_class(&sim.turns, 3, 7), SG_REQUEST_GETCACERT);
	assert_int_equal(sg_turns_class(&sim.turns, 3, 8), SG_REQUEST_NONE);
	assert_int_equal(sg_turns_class(&sim.turns, 4, 0), SG_REQUEST_NONE);
	assert_int_equal(sg_turns_class(&sim.turns, SLOTS, 7), SG_REQUEST_NONE);
}

static void test_refusal_ends_the_round_of_its_service(void **state)
{
	static const __u32 reasons[] = {
		SG_REASON_WINDOW,
		SG_REASON_WINDOW_UNSETTLED,
		SG_REASON_SLOTS,
		SG_REASON_CA_DEAF,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		sim.asked_count = 0;
		sim.turns.first_service = 0;
		sim.reason[0][SG_PRIORITY_ENROLMENT] = reasons[i];
		hold(0, 1, 0, SG_PRIORITY_ENROLMENT, 1);
		hold(1, 2, 0, SG_PRIORITY_ENROLMENT, 2);
		hold(2, 3, 0, SG_PRIORITY_ROLLOVER, 1);
		hold(3, 4, 1, SG_PRIORITY_OTHER, 1);
		sg_turns_round(&sim.turns, NOW);
		asked_were(2, 1, 4);
		assert_true(sg_turns_wanted(&sim.turns));
	}
}

/* What is kept free of one class need not be of the next: the shadow is there, or so it is configured. */
static void test_each_class_has_its_reserve(void **state)
{
	static const __u32 reasons[] = {SG_REASON_WINDOW_RESERVED, SG_REASON_SLOTS_RESERVED};

	(void)state;
	for (int i = 0; i < 2; i++) {
		sim.asked_count = sim.injected_count = 0;
		sim.reason[0][SG_PRIORITY_BOOTSTRAP] = reasons[i];
		sim.reason[0][SG_PRIORITY_OTHER] = reasons[!i];
		hold(0, 1, 0, SG_PRIORITY_BOOTSTRAP, 1);
		hold(1, 2, 0, SG_PRIORITY_BOOTSTRAP, 2);
		hold(2, 3, 0, SG_PRIORITY_ROLLOVER, 1);
		hold(3, 4, 0, SG_PRIORITY_ROLLOVER, 2);
		hold(4, 5, 0, SG_PRIORITY_OTHER, 2);
		sg_turns_round(&sim.turns, NOW);
		asked_were(4, 1, 3, 4, 5);
		assert_int_equal(sim.injected_count, 2);
	}
}

/* Behind a class that takes all there is, the lowest asks now and then: else its place in ten would be forgotten. */
static void test_the_lowest_keeps_asking(void **state)
{
	(void)state;
	sim.turns.times.lowest_asks = 300;
	sim.turns_left = 0;
	hold(0, 1, 0, SG_PRIORITY_ENROLMENT, 1);
	hold(1, 2, 0, SG_PRIORITY_ROLLOVER, 1);
	hold(2, 3, 0, SG_PRIORITY_OTHER, 1);
	hold(3, 4, 1, SG_PRIORITY_OTHER, 1);
	sg_turns_round(&sim.turns, NOW);
	asked_were(3, 1, 3, 4);
	sg_turns_round(&sim.turns, NOW + 299);
	assert_int_equal(sim.asked_count, 5);
	sg_turns_round(&sim.turns, NOW + 300);
	assert_int_equal(sim.asked_count, 8);
	/* It is one of the round's turns. */
	for (__u32 i = 0; i < SG_TURNS_A_ROUND; i++)
		hold(10 + i, 10 + i, 0, SG_PRIORITY_ENROLMENT, 0);
	sim.turns_left = SG_TURNS_A_ROUND - 1;
	sim.asked_count = 0;
	sim.turns.first_service = 0;
	sg_turns_round(&sim.turns, NOW + 600);
	assert_int_equal(sim.asked_count, SG_TURNS_A_ROUND);
	sim.asked_count = 0;
	/* Into a deaf CA nobody asks. */
	sim.reason[0][SG_PRIORITY_ENROLMENT] = SG_REASON_CA_DEAF;
	sim.turns_left = ~0u;
	sim.reason[1][SG_PRIORITY_OTHER] = SG_REASON_CA_DEAF;
	sg_turns_round(&sim.turns, NOW + 900);
	assert_int_equal(sim.asked_count, 2);
	assert_int_equal(sim.asked[0] + sim.asked[1], 4 + 10 + SG_TURNS_A_ROUND - 1);
}

/* The place in ten: it goes to the lowest class, and the highest goes on after it. */
static void test_lowest_class_has_its_place(void **state)
{
	(void)state;
	sim.reason[0][SG_PRIORITY_BOOTSTRAP] = SG_REASON_OTHER_TURN;
	sim.reason[0][SG_PRIORITY_OTHER] = SG_REASON_LOWEST_TURN;
	sim.turns_left = 1;
	hold(0, 1, 0, SG_PRIORITY_BOOTSTRAP, 1);
	hold(1, 2, 0, SG_PRIORITY_ROLLOVER, 1);
	hold(2, 3, 0, SG_PRIORITY_OTHER, 1);
	sg_turns_round(&sim.turns, NOW);
	/* The lowest, then the highest again; it has no room now. */
	asked_were(3, 1, 3, 1);
	assert_int_equal(sim.injected_count, 1);
	assert_int_equal(sim.injected[0], 3);
}

/* Whose turn it is does not wait here any more: nobody is asked for twice. */
static void test_place_of_a_class_that_is_gone(void **state)
{
	(void)state;
	sim.reason[0][SG_PRIORITY_BOOTSTRAP] = SG_REASON_OTHER_TURN;
	sim.reason[0][SG_PRIORITY_ROLLOVER] = SG_REASON_OTHER_TURN;
	hold(0, 1, 0, SG_PRIORITY_BOOTSTRAP, 1);
	sg_turns_round(&sim.turns, NOW);
	asked_were(1, 1);
	hold(1, 2, 0, SG_PRIORITY_ROLLOVER, 1);
	sg_turns_round(&sim.turns, NOW);
	asked_were(3, 1, 1, 2);
}

/* A source with too many connections stands in nobody's way, and is tried again only after a while. */
static void test_refused_for_its_source(void **state)
{
	(void)state;
	hold(0, 1, 0, SG_PRIORITY_ENROLMENT, 1);
	hold(1, 2, 0, SG_PRIORITY_ENROLMENT, 2);
	hold(2, 3, 0, SG_PRIORITY_ROLLOVER, 1);
	sim.frames[0].source_hash = sim.bad_source = 77;
	sg_turns_round(&sim.turns, NOW);
	asked_were(3, 1, 2, 3);
	assert_int_equal(sim.injected_count, 2);
	sg_turns_round(&sim.turns, NOW + PAUSE - 1);
	assert_int_equal(sim.asked_count, 3);
	sim.bad_source = ~0ull;
	sg_turns_round(&sim.turns, NOW + PAUSE);
	assert_int_equal(sim.asked[3], 1);
	assert_false(sg_turns_wanted(&sim.turns));
}

/* Nor does one whose question is being asked by another; and it is tried again soon. */
static void test_its_question_is_being_asked(void **state)
{
	(void)state;
	hold(0, 1, 0, SG_PRIORITY_ROLLOVER, 1);
	hold(1, 2, 0, SG_PRIORITY_ROLLOVER, 2);
	hold(2, 3, 0, SG_PRIORITY_OTHER, 1);
	sim.frames[0].question = sim.asked_now = 77;
	sim.turns.notes[sim.turns.note_of[0] - 1].question = 77;
	sg_turns_round(&sim.turns, NOW);
	asked_were(3, 1, 2, 3);
	assert_int_equal(sim.injected_count, 2);
	sg_turns_round(&sim.turns, NOW + SOON - 1);
	assert_int_equal(sim.asked_count, 3);
	sim.asked_now = 0;
	sg_turns_round(&sim.turns, NOW + SOON);
	assert_int_equal(sim.asked[3], 1);
	assert_false(sg_turns_wanted(&sim.turns));
}

/* A round is bounded, and the services that had nothing of it come first in one of the next. */
static void test_round_is_bounded(void **state)
{
	bool served[SG_SERVICES] = {false};

	(void)state;
	for (__u32 i = 0; i < SLOTS; i++)
		hold(i, i + 1, i % SG_SERVICES, SG_PRIORITY_ENROLMENT, i);
	for (__u32 round = 0; round < SG_SERVICES; round++) {
		sg_turns_round(&sim.turns, NOW);
		assert_int_equal(sim.asked_count, (round + 1) * SG_TURNS_A_ROUND);
	}
	for (__u32 i = 0; i < sim.asked_count; i++)
		served[(sim.asked[i] - 1) % SG_SERVICES] = true;
	for (int i = 0; i < SG_SERVICES; i++)
		assert_true(served[i]);
	sg_turns_round(&sim.turns, NOW + HOLD + 1);
	assert_int_equal(sim.injected_count, SG_SERVICES * SG_TURNS_A_ROUND + SG_TURNS_DUE_MAX);
}

static void test_deadline_is_told_once(void **state)
{
	(void)state;
	hold(0, 1, 0, SG_PRIORITY_ENROLMENT, 1);
	sim.turns_left = 0;
	sg_turns_round(&sim.turns, NOW + HOLD);
	assert_int_equal(sim.injected_count, 0);
	assert_int_equal(sim.asked_count, 1);
	sg_turns_round(&sim.turns, NOW + HOLD + 1);
	assert_int_equal(sim.asked_count, 1); /* too late for a turn */
	assert_int_equal(sim.injected_count, 1);
	assert_false(sg_turns_wanted(&sim.turns));
	assert_int_equal(sim.expired_count, 0);
}

/* The program did not take it: expired later, and not injected again meanwhile. */
static void test_what_stays_is_taken_out(void **state)
{
	(void)state;
	hold(0, 1, 0, SG_PRIORITY_ENROLMENT, 1);
	sim.keeps = true;
	for (__u64 now = NOW + HOLD + 1; now <= NOW + HOLD + GIVEN; now += 10) {
		sg_turns_round(&sim.turns, now);
		sg_turns_scan(&sim.turns);
		assert_int_equal(sim.injected_count, 1);
		assert_int_equal(sim.expired_count, 0);
		assert_true(sg_turns_wanted(&sim.turns));
	}
	sg_turns_round(&sim.turns, NOW + HOLD + GIVEN + 1);
	assert_int_equal(sim.expired_count, 1);
	assert_int_equal(sim.expired[0], 1);
	assert_false(sg_turns_wanted(&sim.turns));
}

/* A turn that was given by a daemon which then died, or whose injection failed: again at each scan, until the end. */
static void test_granted_and_not_injected(void **state)
{
	(void)state;
	hold(0, 1, 0, SG_PRIORITY_ENROLMENT, 1);
	sim.inject_error = -ENODEV;
	sg_turns_round(&sim.turns, NOW);
	assert_int_equal(sim.frames[0].state, SG_FRAME_GRANTED);
	assert_false(sg_turns_wanted(&sim.turns));
	sg_turns_scan(&sim.turns);
	sg_turns_round(&sim.turns, NOW + 1);
	sim.inject_error = 0;
	sg_turns_round(&sim.turns, NOW + 2);
	assert_int_equal(sim.injected_count, 0);
	sg_turns_scan(&sim.turns);
	sg_turns_round(&sim.turns, NOW + 3);
	assert_int_equal(sim.injected_count, 1);
	assert_int_equal(sim.asked_count, 1);
	assert_int_equal(sim.frames[0].state, SG_FRAME_SENT);
	assert_false(sg_turns_wanted(&sim.turns));
}

static void test_slot_is_anothers_by_now(void **state)
{
	(void)state;
	hold(0, 1, 0, SG_PRIORITY_ENROLMENT, 1);
	sim.frames[0].ticket = 2;
	sg_turns_round(&sim.turns, NOW);
	assert_int_equal(sim.injected_count, 0);
	assert_false(sg_turns_wanted(&sim.turns));
	sim.asked_count = 0;
	/* Its event comes: the note of the one before is not in its way. */
	sg_turns_held(&sim.turns, 0);
	hold(1, 3, 0, SG_PRIORITY_ENROLMENT, 9);
	sim.frames[1].ticket = 4;
	sg_turns_held(&sim.turns, 1);
	sg_turns_round(&sim.turns, NOW);
	asked_were(2, 2, 4);
}

/* The client's own segment took the turn as soon as it was given. */
static void test_taken_by_the_client(void **state)
{
	(void)state;
	hold(0, 1, 0, SG_PRIORITY_ENROLMENT, 1);
	sim.taken_at_once = true;
	sg_turns_round(&sim.turns, NOW);
	assert_int_equal(sim.asked_count, 1);
	assert_int_equal(sim.injected_count, 0);
	assert_false(sg_turns_wanted(&sim.turns));
}

/* It went on while the daemon looked: the call says so by giving no reason, and nothing is injected. */
static void test_gone_before_its_turn(void **state)
{
	(void)state;
	hold(0, 1, 0, SG_PRIORITY_ENROLMENT, 1);
	sim.frames[0].state = SG_FRAME_SENT;
	sg_turns_round(&sim.turns, NOW);
	assert_int_equal(sim.injected_count, 0);
	assert_false(sg_turns_wanted(&sim.turns));
}

static void test_scan_finds_what_events_missed(void **state)
{
	(void)state;
	hold(0, 1, 0, SG_PRIORITY_ENROLMENT, 1);
	free_slot(&sim.frames[0]);
	hold(1, 2, 0, SG_PRIORITY_ENROLMENT, 1);
	sim.frames[1].state = SG_FRAME_SENT;
	memcpy(&sim.frames[SLOTS - 1], &sim.frames[1], sizeof(sim.frames[1]));
	sim.frames[SLOTS - 1].ticket = 3;
	sim.frames[SLOTS - 1].state = SG_FRAME_WAITING;
	sg_turns_scan(&sim.turns);
	assert_int_equal(sim.turns.count, 1);
	assert_int_equal(sim.turns.notes[0].slot, SLOTS - 1);
	sg_turns_held(&sim.turns, SG_NO_FRAME); /* no such slot */
	assert_int_equal(sim.turns.count, 1);
}

/* Told twice, and moved meanwhile because others are gone: still one note. */
static void test_one_note_a_slot(void **state)
{
	(void)state;
	for (__u32 i = 0; i < 4; i++)
		hold(i, i + 1, 0, SG_PRIORITY_ENROLMENT, i);
	sim.turns_left = 2;
	sg_turns_round(&sim.turns, NOW);
	assert_int_equal(sim.turns.count, 2);
	for (__u32 i = 0; i < 4; i++)
		sg_turns_held(&sim.turns, i);
	sg_turns_scan(&sim.turns);
	assert_int_equal(sim.turns.count, 2);
	hold(2, 9, 0, SG_PRIORITY_ENROLMENT, 0);
	sim.turns_left = 1;
	sg_turns_round(&sim.turns, NOW);
	assert_int_equal(sim.injected[sim.injected_count - 1], 9);
	assert_int_equal(sim.turns.count, 1);
}

/* Slots hold what the program wrote; a torn or wrong one must not lead astray. */
static void test_slots_are_not_believed(void **state)
{
	(void)state;
	hold(0, 1, SG_SERVICES, SG_PRIORITY_ENROLMENT, 1);
	hold(1, 2, 0, SG_PRIORITY_MAX_, 1);
	assert_false(sg_turns_wanted(&sim.turns));
	hold(2, 3, 0, SG_PRIORITY_ENROLMENT, 1);
	sim.frames[2].len = SG_FRAME_MAX + 1;
	sg_turns_round(&sim.turns, NOW);
	assert_int_equal(sim.injected_count, 0);
	assert_int_equal(sg_turns_replay(&sim.turns, 2, 3), -ESTALE);
}

static void test_replay(void **state)
{
	(void)state;
	hold(5, 9, 0, SG_PRIORITY_ENROLMENT, 1);
	sim.frames[5].state = SG_FRAME_SENT;
	assert_int_equal(sg_turns_replay(&sim.turns, 5, 8), -ESTALE);
	assert_int_equal(sg_turns_replay(&sim.turns, SG_NO_FRAME, 9), -ESTALE);
	assert_int_equal(sg_turns_replay(&sim.turns, 4, 0), -ESTALE);
	assert_int_equal(sim.injected_count, 0);
	sim.keeps = true;
	assert_int_equal(sg_turns_replay(&sim.turns, 5, 9), 0);
	assert_int_equal(sim.injected_count, 1);
	assert_int_equal(sim.injected[0], 9);
	assert_int_equal(sim.last_len, 21);
	sim.inject_error = -ENODEV;
	assert_int_equal(sg_turns_replay(&sim.turns, 5, 9), -ENODEV);
}

/* Of what the program writes in sg_intercepts, nothing is touched. */
static void test_only_the_turnkeepers_field(void **state)
{
	struct sg_intercept expected[SG_SERVICES];

	(void)state;
	for (size_t i = 0; i < sizeof(expected); i++)
		((__u8 *)sim.intercepts)[i] = (__u8)dice();
	memcpy(expected, sim.intercepts, sizeof(expected));
	for (int i = 0; i < SG_SERVICES; i++)
		expected[i].turnkeeper = NOW;
	sg_turns_round(&sim.turns, NOW);
	assert_memory_equal(sim.intercepts, expected, sizeof(expected));
}

static int by_turn(const void *a, const void *b)
{
	const struct sg_frame *const *x = a, *const *y = b;

	if ((*x)->priority != (*y)->priority)
		return (*x)->priority < (*y)->priority ? -1 : 1;
	if ((*x)->asked_since != (*y)->asked_since)
		return (*x)->asked_since < (*y)->asked_since ? -1 : 1;
	return (*x)->ticket < (*y)->ticket ? -1 : 1;
}

/* Thousands, in as many rounds as it takes: for each service the order of a sort. */
static void test_order_is_that_of_a_sort(void **state)
{
	struct sg_frame *expected[SLOTS];
	__u64 tickets[SLOTS];
	__u32 place = 0;

	(void)state;
	for (__u32 i = 0; i < SLOTS; i++) {
		hold(i, 1 + (i * 173) % SLOTS, 3, dice() % SG_PRIORITY_MAX_, dice() % 20);
		expected[i] = &sim.frames[i];
	}
	qsort(expected, SLOTS, sizeof(expected) / SLOTS, by_turn);
	for (__u32 i = 0; i < SLOTS; i++)
		tickets[i] = expected[i]->ticket;
	while (sg_turns_wanted(&sim.turns)) {
		sg_turns_round(&sim.turns, NOW);
		assert_true(sim.asked_count <= ++place * SG_TURNS_A_ROUND);
	}
	assert_int_equal(sim.injected_count, SLOTS);
	assert_memory_equal(sim.injected, tickets, sizeof(tickets));
}

/* They do not use up the rounds of others. */
static void test_many_wait_for_one_answer(void **state)
{
	__u64 asked_other = 0, asked_question = 0;

	(void)state;
	for (__u32 i = 0; i < 400; i++) {
		hold(i, i + 1, 0, SG_PRIORITY_ROLLOVER, 1);
		sim.frames[i].question = 77;
		sim.turns.notes[sim.turns.note_of[i] - 1].question = 77;
	}
	sim.asked_now = 77;
	hold(400, 401, 0, SG_PRIORITY_ROLLOVER, 2); /* another question */
	hold(401, 402, 0, SG_PRIORITY_OTHER, 2);
	/* 9 s in rounds of 10 ms: a pause of 100 ms is 10 rounds */
	sim.turns.times.question_pause = 10;
	for (int i = 0; i < 200; i++) {
		sim.asked_count = 0;
		sg_turns_round(&sim.turns, NOW + i);
		for (__u32 j = 0; j < sim.asked_count; j++) {
			asked_question += sim.asked[j] == 401;
			asked_other += sim.asked[j] == 402;
		}
	}
	assert_true(asked_question && asked_other);
}

/* Nor the ask of the lowest class. */
static void test_lowest_asks_past_those_who_wait(void **state)
{
	__u64 asked = 0;

	(void)state;
	sim.turns.times.lowest_asks = 375;
	sim.reason[0][SG_PRIORITY_ENROLMENT] = SG_REASON_WINDOW;
	hold(0, 1, 0, SG_PRIORITY_ENROLMENT, 1);
	hold(1, 2, 0, SG_PRIORITY_ROLLOVER, 1);
	hold(2, 3, 0, SG_PRIORITY_ROLLOVER, 2);
	sim.frames[1].question = sim.asked_now = 77;
	sim.turns.notes[sim.turns.note_of[1] - 1].question = 77;
	for (int i = 0; i < 2500; i++) {
		sim.asked_count = 0;
		sg_turns_round(&sim.turns, NOW + i);
		for (__u32 j = 0; j < sim.asked_count; j++)
			asked += sim.asked[j] == 3;
	}
	assert_true(asked);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_sim, close_sim)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_class_then_age_then_ticket),
		TEST(test_the_frame_as_it_came),
		TEST(test_class_of_a_ticket),
		TEST(test_refusal_ends_the_round_of_its_service),
		TEST(test_each_class_has_its_reserve),
		TEST(test_the_lowest_keeps_asking),
		TEST(test_lowest_class_has_its_place),
		TEST(test_place_of_a_class_that_is_gone),
		TEST(test_refused_for_its_source),
		TEST(test_its_question_is_being_asked),
		TEST(test_many_wait_for_one_answer),
		TEST(test_lowest_asks_past_those_who_wait),
		TEST(test_round_is_bounded),
		TEST(test_deadline_is_told_once),
		TEST(test_what_stays_is_taken_out),
		TEST(test_granted_and_not_injected),
		TEST(test_slot_is_anothers_by_now),
		TEST(test_taken_by_the_client),
		TEST(test_gone_before_its_turn),
		TEST(test_scan_finds_what_events_missed),
		TEST(test_one_note_a_slot),
		TEST(test_slots_are_not_believed),
		TEST(test_replay),
		TEST(test_only_the_turnkeepers_field),
		TEST(test_order_is_that_of_a_sort),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
