// SPDX-License-Identifier: GPL-2.0-only
/* Questions the CA refused: what is repeated, for how long, who is pushed out; canaries, also of two CPUs at once. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../bpf/abi/scepguard_abi.h"
#include "../../bpf/core/cursor.h"

/* Whatever another CPU does between two looks of this one at what they share: at step `at`, counted down. */
struct interruption {
	int at;
	void (*other)(struct sg_intercept *ic);
	struct sg_intercept *ic;
};
static struct interruption interruption = {.at = -1};

static void step(void)
{
	if (interruption.at-- == 0)
		interruption.other(interruption.ic);
}

#undef sg_read_once
#define sg_read_once(x) (step(), *(const volatile __typeof__(x) *)&(x))
#define __sync_val_compare_and_swap(at, old, new) \
	(step(), __sync_val_compare_and_swap(at, old, new))

#include "../../bpf/core/question.h"

#undef __sync_val_compare_and_swap

/* Ticks of a second here. */
#define S      250ull

#define TTL    (60 * S)
#define WINDOW (60 * S)
#define START  1000000ull

static const struct sg_times times = {.canary_wait = 10 * S, .window_otherwise = 60 * S};

static enum sg_question_say look(const struct sg_question *q, const struct sg_intercept *ic,
				 __u64 source, __u64 now)
{
	return sg_question_look(q, ic, TTL, &times, WINDOW, source, now);
}

static void test_learn(void **state)
{
	struct sg_question_bucket b = {};
	__u32 i;

	(void)state;
	assert_int_equal(sg_question_find(&b, 0, 0), SG_QUESTION_SLOTS);
	assert_false(sg_question_learn(&b, 0, 404, 3, START));
	assert_true(sg_question_learn(&b, 7, 404, 3, START));
	assert_false(sg_question_learn(&b, 7, 403, 3, START + 5));
	i = sg_question_find(&b, 7, 3);
	assert_true(i < SG_QUESTION_SLOTS);
	assert_int_equal(b.slot[i].status, 403);
	assert_int_equal(b.slot[i].refused, START + 5);
	/* A CPU that was held up does not make it older. */
	assert_false(sg_question_learn(&b, 7, 403, 3, START));
	assert_int_equal(b.slot[i].refused, START + 5);
	assert_int_equal(sg_question_find(&b, 8, 3), SG_QUESTION_SLOTS);
	assert_int_equal(sg_question_find(&b, 7, 4), SG_QUESTION_SLOTS);
	/* Anew in the next epoch, in its place. */
	sg_question_hit(&b.slot[i]);
	assert_true(sg_question_learn(&b, 7, 404, 4, START + 9));
	assert_int_equal(sg_question_find(&b, 7, 4), i);
	assert_int_equal(b.slot[i].hits, 0);
	assert_true(sg_question_forget(&b, 7));
	assert_false(sg_question_forget(&b, 7));
	assert_int_equal(sg_question_find(&b, 7, 4), SG_QUESTION_SLOTS);
	assert_false(sg_question_forget(&b, 0));
}

/* Two CPUs may have learned one question twice: it is forgotten whole. */
static void test_forget_twins(void **state)
{
	struct sg_question_bucket b = {};

	(void)state;
	b.slot[2].hash = b.slot[5].hash = 7;
	assert_true(sg_question_forget(&b, 7));
	assert_int_equal(sg_question_find(&b, 7, 0), SG_QUESTION_SLOTS);
}

static void test_hits_end(void **state)
{
	struct sg_question q = {.hits = 0xfffffffe};

	(void)state;
	sg_question_hit(&q);
	sg_question_hit(&q);
	assert_int_equal(q.hits, 0xffffffff);
}

static void test_look(void **state)
{
	struct sg_question q = {.hash = 7, .refused = START, .epoch = 2, .status = 404};
	struct sg_intercept ic = {.epoch = 2};

	(void)state;
	assert_int_equal(look(&q, &ic, 1, START), SG_QUESTION_REPEAT);
	assert_int_equal(look(&q, &ic, 1, START - 3), SG_QUESTION_REPEAT);
	assert_int_equal(look(&q, &ic, 1, START + TTL - 1), SG_QUESTION_REPEAT);
	assert_int_equal(look(&q, &ic, 1, START + TTL), SG_QUESTION_CANARY);
	assert_int_equal(look(&q, &ic, 1, START + 10 * TTL - 1), SG_QUESTION_CANARY);
	assert_int_equal(look(&q, &ic, 1, START + 10 * TTL), SG_QUESTION_ASK);
	ic.epoch = 3;
	assert_int_equal(look(&q, &ic, 1, START), SG_QUESTION_ASK);
	ic.epoch = 2;
	assert_int_equal(sg_question_look(&q, &ic, 0, &times, WINDOW, 1, START), SG_QUESTION_ASK);
	/* While one is under way, the rest is told what was. */
	assert_true(sg_canary_take(&ic, &times, WINDOW, 1, START + TTL));
	assert_int_equal(look(&q, &ic, 2, START + TTL), SG_QUESTION_REPEAT);
	sg_canary_done(&ic);
	assert_int_equal(look(&q, &ic, 2, START + TTL), SG_QUESTION_CANARY);
	assert_int_equal(look(&q, &ic, 1, START + TTL), SG_QUESTION_REPEAT);
}

static void test_canary(void **state)
{
	struct sg_intercept ic = {};
	__u64 t = START;

	(void)state;
	assert_true(sg_canary_take(&ic, &times, WINDOW, 1, t));
	assert_false(sg_canary_take(&ic, &times, WINDOW, 2, t + 10 * S - 1));
	/* Nothing was heard of it. Not the same source. */
	assert_false(sg_canary_take(&ic, &times, WINDOW, 1, t + 10 * S));
	assert_true(sg_canary_take(&ic, &times, WINDOW, 2, t + 10 * S));
	sg_canary_done(&ic);
	/* Two in a window. */
	assert_false(sg_canary_take(&ic, &times, WINDOW, 3, t + WINDOW - 1));
	assert_true(sg_canary_take(&ic, &times, WINDOW, 3, t + WINDOW));
	sg_canary_done(&ic);
	assert_false(sg_canary_take(&ic, &times, WINDOW, 4, t + 10 * S + WINDOW - 1));
	/* Without a window there is one all the same. */
	assert_false(sg_canary_take(&ic, &times, 0, 4, t + 10 * S + WINDOW - 1));
	assert_true(sg_canary_take(&ic, &times, 0, 4, t + 10 * S + WINDOW));
}

/* Whoever asks, at any time, with answers at any time: the limits hold. */
static void test_canary_limits(void **state)
{
	struct sg_intercept ic = {};
	__u64 now = START, sent[2] = {}, flies = 0, last = 0;
	__u32 random = 7, taken = 0;

	(void)state;
	for (int i = 0; i < 1000000; i++) {
		__u64 source;

		random = random * 1664525 + 1013904223;
		now += random >> 16 & 127;
		source = 1 + (random >> 8 & 3);
		if (!(random >> 24 & 7) && flies) {
			sg_canary_done(&ic);
			flies = 0;
		}
		if (!sg_canary_take(&ic, &times, WINDOW, source, now)) {
			/* And it is not refused without cause. */
			assert_true(source == last || (flies && now - flies < times.canary_wait) ||
				    (taken > 1 && now - sent[0] < WINDOW));
			continue;
		}
		assert_true(source != last);
		assert_true(!flies || now - flies >= times.canary_wait);
		assert_true(taken < 2 || now - sent[0] >= WINDOW);
		sent[0] = sent[1];
		sent[1] = now;
		last = source;
		flies = now;
		taken++;
	}
	assert_true(taken > 1000);
}

/* ---- Two CPUs ---- */

#define ROUNDS 4000

struct race {
	struct sg_intercept ic;
	pthread_barrier_t start;
	__u64 now;
	bool won[2];
};

struct racer {
	struct race *race;
	int number;
};

static void *race_takes(void *argument)
{
	struct racer *racer = argument;
	struct race *race = racer->race;

	for (int i = 0; i < ROUNDS; i++) {
		pthread_barrier_wait(&race->start);
		race->won[racer->number] =
			sg_canary_take(&race->ic, &times, WINDOW, 2 * i + racer->number, race->now);
		pthread_barrier_wait(&race->start);
		if (racer->number)
			continue;
		if (race->won[0] == race->won[1])
			return "not exactly one of two CPUs has the canary";
		race->now += WINDOW / 2;
		sg_canary_done(&race->ic);
	}
	return NULL;
}

static void test_canary_race(void **state)
{
	struct race race = {.now = START};
	struct racer racers[2] = {{&race, 0}, {&race, 1}};
	void *failed;
	pthread_t other;

	(void)state;
	pthread_barrier_init(&race.start, NULL, 2);
	assert_int_equal(pthread_create(&other, NULL, race_takes, &racers[1]), 0);
	failed = race_takes(&racers[0]);
	if (failed)
		fail_msg("%s", (char *)failed); /* ends the program, and so the other one */
	pthread_join(other, NULL);
	pthread_barrier_destroy(&race.start);
}

static bool other_won;

static void other_takes(struct sg_intercept *ic)
{
	other_won = sg_canary_take(ic, &times, WINDOW, 2, START);
}

/* Its canary is back before this CPU goes on. */
static void other_takes_whole(struct sg_intercept *ic)
{
	other_takes(ic);
	if (other_won)
		sg_canary_done(ic);
}

/* A CPU is held up at each of its steps in turn while another one takes the canary. @used: when one of the two of this
 * window went, 0 = none
 */
static void check_interrupted(void (*other)(struct sg_intercept *), bool whole, __u64 used)
{
	int steps = 0, both = 0;

	for (bool last = false; !last; steps++) {
		struct sg_intercept ic = {.canary_sent = {used}, .canary_source = 9};
		bool won;

		other_won = false;
		interruption = (struct interruption){steps, other, &ic};
		won = sg_canary_take(&ic, &times, WINDOW, 1, START);
		last = interruption.at >= 0;
		interruption.at = -1;
		both += won && other_won;
		assert_true(won || other_won);
		if (!whole)
			assert_false(won && other_won);
		if (used)
			assert_false(won && other_won);
		/* One is under way, and is known to be; or none is. */
		assert_int_equal(!!ic.canary_since, won || !whole);
		assert_int_equal(ic.canary_source, won ? 1 : 2);
	}
	assert_true(steps > 6 && both <= steps);
}

static void test_canary_interrupted(void **state)
{
	(void)state;
	check_interrupted(other_takes, false, 0);
	check_interrupted(other_takes, false, START - 1);
	check_interrupted(other_takes_whole, true, 0);
	check_interrupted(other_takes_whole, true, START - 1);
}

/* ---- Who is pushed out ---- */

static bool known(const struct sg_question_bucket *b, __u64 hash)
{
	return sg_question_find(b, hash, 0) < SG_QUESTION_SLOTS;
}

static void ask(struct sg_question_bucket *b, __u64 hash, int times_asked)
{
	__u32 i = sg_question_find(b, hash, 0);

	assert_true(i < SG_QUESTION_SLOTS);
	while (times_asked--)
		sg_question_hit(&b->slot[i]);
}

static void test_victim(void **state)
{
	struct sg_question_bucket b = {};

	(void)state;
	for (__u64 h = 1; h <= SG_QUESTION_SLOTS; h++) {
		assert_true(sg_question_learn(&b, h, 404, h == 5, START + h));
		if (h != 4 && h != 6)
			b.slot[h - 1].hits = 100;
	}
	assert_true(sg_question_learn(&b, 10, 404, 0, START + 20)); /* another epoch first */
	assert_int_equal(b.slot[4].hash, 10);
	assert_int_equal(b.slot[0].hits, 100);
	b.slot[4].hits = 100;
	assert_true(
		sg_question_learn(&b, 11, 404, 0, START + 21)); /* the older of two never asked */
	assert_int_equal(b.slot[3].hash, 11);
	assert_true(known(&b, 6));
	assert_int_equal(b.slot[0].hits, 50);
	assert_true(sg_question_forget(&b, 2));
	assert_true(sg_question_learn(&b, 12, 404, 0, START + 22)); /* an empty one before any */
	assert_int_equal(b.slot[1].hash, 12);
	assert_int_equal(b.slot[0].hits, 50);
}

/* A name that is made up is asked once and learned: in one bucket ten a minute at most, since each costs one of
 * the CA's 80 connections a minute. The storm's own question is asked once a second.
 */
static void test_poisoning(void **state)
{
	struct sg_question_bucket b = {};
	__u64 now = START;

	(void)state;
	sg_question_learn(&b, 7, 404, 0, now);
	for (__u64 i = 0; i < 100000; i++) {
		now += 6 * S;
		ask(&b, 7, 6);
		assert_true(sg_question_learn(&b, 1000 + i, 404, 0, now));
		if (i % 10 == 9)
			assert_false(sg_question_learn(&b, 7, 404, 0, now));
		if (!known(&b, 7))
			fail_msg("pushed out by name %llu", i);
	}
	/* A new honest question has its chance all the same, and stays when it is asked. */
	for (__u64 i = 0; i < 1000; i++) {
		if (i == 500)
			assert_true(sg_question_learn(&b, 8, 404, 0, now));
		if (i >= 500 + SG_QUESTION_SLOTS / 2)
			ask(&b, 8, 1);
		ask(&b, 7, 6);
		assert_true(sg_question_learn(&b, 2000000 + i, 404, 0, now += 6 * S));
	}
	assert_true(known(&b, 7));
	assert_true(known(&b, 8));
}

/* Names that are asked again, too, but each less often than the storm's question. */
static void test_poisoning_asked(void **state)
{
	struct sg_question_bucket b = {};
	__u64 now = START;

	(void)state;
	sg_question_learn(&b, 7, 404, 0, now);
	for (__u64 i = 0; i < 100000; i++) {
		ask(&b, 7, 60);
		for (__u32 k = 0; k < SG_QUESTION_SLOTS; k++)
			if (b.slot[k].hash && b.slot[k].hash != 7)
				ask(&b, b.slot[k].hash, 50);
		assert_true(sg_question_learn(&b, 1000 + i, 404, 0, now += 6 * S));
		assert_true(known(&b, 7));
	}
}

/* However often it was asked: asked no more, it goes when others press. Until then it harms nobody. */
static void test_ageing(void **state)
{
	struct sg_question_bucket b = {};
	__u64 now = START;
	int lasted = 0;

	(void)state;
	for (__u64 h = 1; h <= SG_QUESTION_SLOTS; h++) {
		sg_question_learn(&b, h, 404, 0, now);
		b.slot[h - 1].hits = 0xffffffff;
	}
	while (known(&b, 3)) {
		assert_true(sg_question_learn(&b, 100 + (__u64)lasted, 404, 0, ++now));
		lasted++;
		assert_true(lasted < 50);
	}
	assert_true(lasted > 1);
}

static void test_asking(void **state)
{
	struct sg_intercept ic = {};

	(void)state;
	assert_false(sg_asking_waits(&ic, 7, &times, START));
	sg_asking_begin(&ic, 7, WINDOW, &times, START);
	assert_true(sg_asking_waits(&ic, 7, &times, START));
	assert_true(sg_asking_waits(&ic, 7, &times, START - 1)); /* the other CPU's clock */
	assert_true(sg_asking_waits(&ic, 7, &times, START + 10 * S - 1));
	assert_false(sg_asking_waits(&ic, 7, &times, START + 10 * S));
	/* Not another one, not one that cannot be learned; and not the one before in its slot. */
	assert_false(sg_asking_waits(&ic, 8, &times, START));
	assert_false(sg_asking_waits(&ic, 0, &times, START));
	assert_false(sg_asking_waits(&ic, 7 + SG_ASKING_SLOTS, &times, START));
	sg_asking_done(&ic, 7 + SG_ASKING_SLOTS);
	assert_true(sg_asking_waits(&ic, 7, &times, START));
	sg_asking_begin(&ic, 7 + SG_ASKING_SLOTS, WINDOW, &times, START);
	assert_false(sg_asking_waits(&ic, 7, &times, START));
	sg_asking_done(&ic, 7 + SG_ASKING_SLOTS);
	assert_false(sg_asking_waits(&ic, 7 + SG_ASKING_SLOTS, &times, START));
	/* While the shadow certificate is handed out everybody asks for himself. */
	sg_asking_begin(&ic, 7, WINDOW, &times, START);
	ic.ready = START;
	assert_false(sg_asking_waits(&ic, 7, &times, START));
	assert_true(sg_asking_waits(&ic, 7, &(struct sg_times){.canary_wait = 10 * S}, START + 1));
}

/* The first one in a window counts among the two; the next takes nothing away. */
static void test_asking_counts_once(void **state)
{
	struct sg_intercept ic = {};

	(void)state;
	sg_asking_begin(&ic, 7, WINDOW, &times, START);
	sg_asking_begin(&ic, 8, WINDOW, &times, START + 1);
	assert_true(sg_canary_take(&ic, &times, WINDOW, 1, START + 2));
	sg_canary_done(&ic);
	assert_false(sg_canary_take(&ic, &times, WINDOW, 2, START + WINDOW - 1));
	assert_true(sg_canary_take(&ic, &times, WINDOW, 2, START + WINDOW));
	sg_canary_done(&ic);
	sg_asking_begin(&ic, 9, WINDOW, &times, START + WINDOW + 2);
	assert_true(sg_canary_take(&ic, &times, WINDOW, 3, START + WINDOW + 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asking),          cmocka_unit_test(test_asking_counts_once),
		cmocka_unit_test(test_learn),           cmocka_unit_test(test_forget_twins),
		cmocka_unit_test(test_hits_end),        cmocka_unit_test(test_look),
		cmocka_unit_test(test_canary),          cmocka_unit_test(test_canary_limits),
		cmocka_unit_test(test_canary_race),     cmocka_unit_test(test_canary_interrupted),
		cmocka_unit_test(test_victim),          cmocka_unit_test(test_poisoning),
		cmocka_unit_test(test_poisoning_asked), cmocka_unit_test(test_ageing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
