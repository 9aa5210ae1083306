// SPDX-License-Identifier: GPL-2.0-only
/* What of intercept the snapshot and status say: from tables as the program leaves them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../userspace/daemon/collect.c" /* NOLINT(bugprone-suspicious-include) */
#include "../../userspace/daemon/status.c"  /* NOLINT(bugprone-suspicious-include) */
#include "../../userspace/guard/guard_internal.h"

#define NOW 100000ull
#define HZ  250
#define TTL 1000ull

static struct sg_daemon *d;

static int set_up(void **state)
{
	(void)state;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -1;
	d->guard = calloc(1, sizeof(*d->guard));
	d->tables.sweep = sg_sweep_new(64);
	if (!d->guard || !d->tables.sweep)
		return -1;
	d->guard->hz = HZ;
	d->guard->times.canary_wait = 10 * HZ;
	d->tables.now_ticks = NOW;
	d->tables.now_ns = 1700000000 * SG_NS_PER_S;
	d->tables.services[2].answer_ttl_ticks = TTL;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	sg_sweep_free(d->tables.sweep);
	free(d->guard);
	free(d);
	return 0;
}

static void learn(__u32 place, __u64 hash, __u32 epoch, __u64 refused)
{
	d->tables.questions[2][place / SG_QUESTION_SLOTS].slot[place % SG_QUESTION_SLOTS] =
		(struct sg_question){.hash = hash, .epoch = epoch, .refused = refused};
}

static void test_questions_in_force(void **state)
{
	struct sg_snap_intercept snap = {0};
	const __u64 waits[SG_PRIORITY_MAX_] = {0};

	(void)state;
	d->tables.intercepts[2].epoch = 7;
	learn(0, 1, 7, NOW);
	learn(63, 2, 7, NOW - SG_QUESTION_STALE * TTL + 1); /* stale, and repeated still */
	learn(1, 3, 7, NOW - SG_QUESTION_STALE * TTL);      /* over */
	learn(2, 4, 6, NOW);                                /* unlearned by a 200 */
	learn(3, 0, 7, NOW);                                /* empty */
	learn(4, 5, 7, NOW + 1); /* refused a moment after the clock was read */
	collect_intercept(d, 2, waits, &snap);
	assert_int_equal(snap.questions, 3);
}

static void test_waiting(void **state)
{
	struct sg_snap_intercept snap = {.longest_ns = 99};
	__u64 waits[SG_PRIORITY_MAX_] = {
		[SG_PRIORITY_ENROLMENT] = HZ, [SG_PRIORITY_ROLLOVER] = 3 * HZ};

	(void)state;
	d->tables.intercepts[2].waiting[SG_PRIORITY_ROLLOVER] = 12;
	d->tables.intercepts[2].waiting[SG_PRIORITY_OTHER] = -1;
	d->tables.sweep->services[2].spliced = 4;
	collect_intercept(d, 2, waits, &snap);
	assert_int_equal(snap.waiting[SG_PRIORITY_ROLLOVER], 12);
	assert_int_equal(snap.waiting[SG_PRIORITY_OTHER], 0);
	assert_int_equal(snap.splices, 4);
	assert_true(snap.longest_wait_ns[SG_PRIORITY_ENROLMENT] == SG_NS_PER_S);
	assert_true(snap.longest_ns == 3 * SG_NS_PER_S);
	memset(waits, 0, sizeof(waits));
	collect_intercept(d, 2, waits, &snap);
	assert_true(snap.longest_ns == 0);
}

static void test_canary(void **state)
{
	const __u64 waits[SG_PRIORITY_MAX_] = {0};
	struct sg_snap_intercept snap = {0};

	(void)state;
	d->tables.intercepts[2].canary_since = NOW - 2 * HZ;
	collect_intercept(d, 2, waits, &snap);
	assert_true(snap.canary);
	assert_true(snap.canary_since_ns == d->tables.now_ns - 2 * SG_NS_PER_S);
	d->tables.intercepts[2].canary_since = NOW - 10 * HZ; /* nothing was heard of it */
	collect_intercept(d, 2, waits, &snap);
	assert_false(snap.canary);
	assert_true(snap.canary_since_ns == 0);
}

/* Of the counters' growth, of the book that is told. */
static void test_minute_has_counters(void **state)
{
	static struct sg_run_service run;
	static struct sg_snap_service snap;

	(void)state;
	d->conf = calloc(1, sizeof(*d->conf));
	assert_non_null(d->conf);
	d->conf->time_scale = 1;
	d->tables.ktime_ns = SG_NS_PER_S;
	collect_minute(d, &run, &snap);
	snap.stats.counters[SG_COUNTER_EDGE_AS_CA] = 5;
	d->tables.ktime_ns += SG_NS_PER_S;
	collect_minute(d, &run, &snap);
	assert_int_equal(snap.counters_per_minute[SG_COUNTER_EDGE_AS_CA], 5);
	free(d->conf);
}

/* Answers that come past the guard: it cannot see them. */
static void test_bypass(void **state)
{
	struct sg_held_waits waits = {0};

	(void)state;
	d->services[1].index = -1;
	d->services[1].bypass = (struct sg_bypass){
		.state = SG_BYPASS_TRIED, .silent_since = NOW - HZ, .unheard = 3};
	collect_service(d, 1, &waits);
	assert_true(d->snap.services[1].intercept.bypass_since_ns ==
		    d->tables.now_ns - SG_NS_PER_S);
	assert_int_equal(d->snap.services[1].intercept.bypass_seen, 3);
	assert_int_equal(d->snap.services[1].intercept.bypass, SG_BYPASS_TRIED);
	assert_false(d->snap.services[1].one_sided);
	d->services[1].bypass.state = SG_BYPASS_FOUND;
	collect_service(d, 1, &waits);
	assert_true(d->snap.services[1].one_sided);
}

static void test_status(void **state)
{
	static struct sg_snap_service snap = {.name = "ca"};
	static const struct sg_conf_service conf;
	json_t *j, *ic, *waiting, *waited;

	(void)state;
	snap.stats.waited[3] = 8;
	snap.stats.waited_sum_ns = 1500 * SG_NS_PER_MS;
	snap.stats.latency[3] = 9;
	snap.counters_per_minute[SG_COUNTER_TURNS] = 6;
	snap.intercept = (struct sg_snap_intercept){
		.splices = 1,
		.waiting = {[SG_PRIORITY_BOOTSTRAP] = 2},
		.longest_wait_ns = {[SG_PRIORITY_BOOTSTRAP] = 2500 * SG_NS_PER_MS},
		.questions = 3,
		.canary = true,
		.canary_since_ns = 4 * SG_NS_PER_S,
		.bypass = SG_BYPASS_TRIED,
		.bypass_since_ns = 5 * SG_NS_PER_S,
		.bypass_seen = 6,
	};
	j = service_json(&snap, &conf);
	ic = json_object_get(j, "intercept");
	waiting = json_object_get(json_object_get(ic, "waiting"), "bootstrap");
	waited = json_object_get(j, "waited");
	assert_int_equal(json_integer_value(json_object_get(ic, "splices")), 1);
	assert_int_equal(json_integer_value(json_object_get(waiting, "requests")), 2);
	assert_float_equal(json_number_value(json_object_get(waiting, "longest_seconds")), 2.5, 0);
	assert_int_equal(json_object_size(json_object_get(ic, "waiting")), SG_PRIORITY_MAX_);
	assert_int_equal(json_integer_value(json_object_get(ic, "questions_learned")), 3);
	assert_true(json_is_true(json_object_get(ic, "canary_in_flight")));
	assert_float_equal(json_number_value(json_object_get(ic, "canary_since_time")), 4, 0);
	assert_string_equal(json_string_value(json_object_get(ic, "bypass")), "tried");
	assert_float_equal(json_number_value(json_object_get(ic, "bypass_since_time")), 5, 0);
	assert_int_equal(json_integer_value(json_object_get(ic, "bypass_seen")), 6);
	assert_int_equal(json_integer_value(json_array_get(json_object_get(waited, "counts"), 3)),
			 8);
	assert_float_equal(json_number_value(json_object_get(waited, "sum_seconds")), 1.5, 0);
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(j, "counters_per_minute"), "turns")),
			 6);
	json_decref(j);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_questions_in_force),  T(test_waiting), T(test_canary),
		T(test_minute_has_counters), T(test_bypass),  T(test_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
