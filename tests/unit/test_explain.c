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
	the_daemon->guard->hz = 250;
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

/* What comes is not known in intercept; it counts as what it asked last, and its own limits come first. */
static void test_intercept(void **state)
{
	(void)state;
	the_daemon->snap.mode = SG_MODE_INTERCEPT;
	assert_int_equal(priority_of_request(&q), SG_PRIORITY_BOOTSTRAP);
	q.src.last_class = SG_REQUEST_GETNEXTCACERT;
	assert_int_equal(priority_of_request(&q), SG_PRIORITY_ROLLOVER);
	q.src.claim_left = 1;
	q.src.claim_until = NOW + 1;
	assert_int_equal(priority_of_request(&q), SG_PRIORITY_ROLLOVER);
	q.src.last_class = SG_REQUEST_GETCACERT;
	assert_int_equal(priority_of_request(&q), SG_PRIORITY_IN_PROGRESS);
	q.src.left_unfinished = 1;
	assert_int_equal(priority_of_request(&q), SG_PRIORITY_OTHER);
	q.known = false;
	assert_int_equal(priority_of_request(&q), SG_PRIORITY_BOOTSTRAP);
	exceed_rate();
	fill_slots();
	assert_int_equal(decide(&q), SG_REASON_SOURCE_RATE);
	the_daemon->snap.mode = SG_MODE_POLICE;
	assert_int_equal(decide(&q), SG_REASON_SLOTS);
}

static void test_waiting_before(void **state)
{
	struct sg_intercept *ic = &the_daemon->tables.intercepts[0];

	(void)state;
	ic->waiting[SG_PRIORITY_ENROLMENT] = 3;
	ic->waiting[SG_PRIORITY_BOOTSTRAP] = 20;
	ic->waiting[SG_PRIORITY_IN_PROGRESS] = -1;
	ic->waiting[SG_PRIORITY_ROLLOVER] = 500;
	assert_int_equal(waiting_before(&q), 0); /* nobody waits in police */
	the_daemon->snap.mode = SG_MODE_INTERCEPT;
	assert_int_equal(waiting_before(&q), 23);
}

/* The class's own reserve does not hold it back while the CA hands out the shadow certificate. */
static void test_shadow_served(void **state)
{
	struct sg_intercept *ic = &the_daemon->tables.intercepts[0];

	(void)state;
	the_daemon->guard->times.useful_recent = 1000;
	the_daemon->snap.mode = SG_MODE_INTERCEPT;
	service.reserve_permille[SG_PRIORITY_ROLLOVER] = 500;
	the_daemon->tables.budgets[0].slots_used = service.slots / 2;
	q.priority = SG_PRIORITY_ROLLOVER;
	assert_int_equal(decide(&q), SG_REASON_SLOTS_RESERVED);
	ic->ready = NOW - 1000;
	assert_true(sg_reason_admits(decide(&q)));
	ic->ready = NOW - 1001;
	assert_int_equal(decide(&q), SG_REASON_SLOTS_RESERVED);
	ic->ready = NOW;
	the_daemon->snap.mode = SG_MODE_POLICE;
	assert_int_equal(decide(&q), SG_REASON_SLOTS_RESERVED);
}

/* Which of its connections the guard has joined. */
static void test_spliced(void **state)
{
	const struct sg_conn_key key = {.client_port = htons(7)};
	struct sg_conn conn = {.state = SG_CONN_ESTABLISHED, .lease = SG_NO_LEASE, .opened = NOW};
	json_t *j = connection_json(&q, &key, &conn);

	(void)state;
	assert_true(json_is_false(json_object_get(j, "spliced")));
	json_decref(j);
	conn.flags = SG_CONN_SPLICED | SG_CONN_CANARY;
	j = connection_json(&q, &key, &conn);
	assert_true(json_is_true(json_object_get(j, "spliced")));
	json_decref(j);
}

static void expect_text(const json_t *j, const char *key, const char *value)
{
	assert_string_equal(json_string_value(json_object_get(j, key)), value);
}

static void expect_number(const json_t *j, const char *key, double value)
{
	assert_float_equal(json_number_value(json_object_get(j, key)), value, 1e-9);
}

/* Two of its requests wait behind another's, one has its turn. */
static void test_held(void **state)
{
	static struct sg_frame frames[3];
	static struct sg_turns_note notes[3];
	json_t *list, *j;

	(void)state;
	for (__u32 i = 0; i < 3; i++) {
		frames[i] = (struct sg_frame){
			.ticket = 10 + i,
			.state = SG_FRAME_WAITING,
			.key = {.client.w = {[3] = i ? 1 : 2}, .client_port = htons(1000 + i)},
			.since = NOW - 500,
			.deadline = NOW + 250,
			.request_class = SG_REQUEST_GETCACAPS,
		};
		notes[i] = (struct sg_turns_note){
			.ticket = 10 + i, .slot = i, .priority = SG_PRIORITY_BOOTSTRAP};
	}
	notes[2].granted = true;
	q.d->turns = (struct sg_turns){.frames = frames, .notes = notes, .count = 3};
	q.ip = (struct sg_ip){.w = {[3] = 1}};
	list = held_json(&q);
	assert_int_equal(json_array_size(list), 2);
	j = json_array_get(list, 1);
	expect_number(j, "port", 1001);
	expect_text(j, "class", "GetCACaps");
	expect_text(j, "priority", "bootstrap");
	expect_number(j, "waited_seconds", 2);
	expect_number(j, "deadline_in_seconds", 1);
	expect_number(j, "place", 2);
	assert_true(json_is_false(json_object_get(j, "granted")));
	j = json_array_get(list, 0);
	expect_number(j, "place", 0);
	assert_true(json_is_true(json_object_get(j, "granted")));
	json_decref(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_room, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_own_limits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_exempt, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_intercept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_waiting_before, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_shadow_served, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_spliced, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_held, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
