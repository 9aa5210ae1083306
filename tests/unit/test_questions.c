// SPDX-License-Identifier: GPL-2.0-only
/* Texts of learned questions: what is kept of a request, who makes room, and what people are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../userspace/daemon/questions.h"
#include "../../userspace/util/cleanup.h"
#include "../../userspace/util/json.h"

#define HZ     250
#define NOW    (1000000ull * HZ)
#define TTL    (60ull * HZ)
#define WINDOW (30ull * HZ)

static struct sg_questions questions;
static struct sg_questions_view view;
static const struct sg_times times = {.canary_wait = 10 * HZ, .window_otherwise = 60 * HZ};

static int begin(void **state)
{
	(void)state;
	memset(&questions, 0, sizeof(questions));
	memset(&view, 0, sizeof(view));
	view.name = "ca";
	view.service = 2;
	view.limits.answer_ttl_ticks = TTL;
	view.limits.ca_window_ticks = WINDOW;
	view.intercept.epoch = 5;
	return 0;
}

/* From memory that ends where the request does. */
static void add(__u32 service, __u64 hash, const char *request, __u64 now)
{
	size_t len = strlen(request);
	_cleanup_free_ __u8 *copy = malloc(len + !len);

	assert_non_null(copy);
	memcpy(copy, request, len);
	sg_questions_add(&questions, service, hash, copy, len, NULL, now);
}

static void target_is(__u64 hash, const char *target, const char *host)
{
	const struct sg_question_said *said = sg_questions_find(&questions, 2, hash);

	assert_non_null(said);
	assert_string_equal(said->target, target);
	assert_string_equal(said->host, host);
}

static void test_what_is_kept_of_a_request(void **state)
{
	char request[600] = "GET /", cut[SG_QUESTION_TARGET] = "/";

	(void)state;
	add(2, 1,
	    "GET /a?operation=GetNextCACert&message=x HTTP/1.1\r\nHost: ca.example:80\r\n\r\n",
	    NOW);
	target_is(1, "/a?operation=GetNextCACert&message=x", "ca.example:80");
	add(2, 2, "GET /b HTTP/1.0\r\nX-Host: no\r\nHOST:\t 192.0.2.1 \r\nHost: second\r\n\r\n",
	    NOW);
	target_is(2, "/b", "192.0.2.1");
	add(2, 3, "GET /c HTTP/1.0\r\n\r\nHost: in-the-body\r\n", NOW);
	target_is(3, "/c", "");
	add(2, 4, "GET /d HTTP/1.0\r\nHost: cut-o", NOW);
	target_is(4, "/d", "");
	add(2, 5, "GET /e\x01\xc3\xa4\x7f HTTP/1.0\r\nHost: \x1b[31m\r\n", NOW);
	target_is(5, "/e????", "?[31m");
	add(2, 6, "GET /cut/off", NOW);
	target_is(6, "/cut/off", "");
	memset(request + 5, 'x', sizeof(request) - 6);
	memset(cut + 1, 'x', sizeof(cut) - 2);
	add(2, 7, request, NOW);
	target_is(7, cut, "");
}

static void test_what_is_not_kept(void **state)
{
	static const char *const requests[] = {
		"", "G", "GET", "GET ", "GET\r/ HTTP/1.0\r\n", "GET  HTTP/1.0"};
	static struct sg_questions empty;

	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		add(2, 1, requests[i], NOW);
	add(2, 0, "GET / HTTP/1.0\r\n", NOW);
	add(SG_SERVICES, 1, "GET / HTTP/1.0\r\n", NOW);
	assert_memory_equal(&questions, &empty, sizeof(empty));
	assert_null(sg_questions_find(&questions, 2, 0));
	assert_null(sg_questions_find(&questions, SG_SERVICES, 1));
}

static void fill(void)
{
	for (__u64 i = 1; i <= SG_QUESTIONS_KEPT; i++) {
		assert_false(sg_questions_full(&questions, 2));
		add(2, i, "GET / HTTP/1.0\r\n", NOW + i);
	}
	assert_true(sg_questions_full(&questions, 2));
	assert_false(sg_questions_full(&questions, 1));
}

static void test_the_one_told_longest_ago_goes(void **state)
{
	(void)state;
	fill();
	add(2, 2, "GET /again HTTP/1.0\r\n", NOW + 100); /* known: told anew, nobody goes */
	assert_non_null(sg_questions_find(&questions, 2, 1));
	add(2, 100, "GET / HTTP/1.0\r\n", NOW + 101);
	add(2, 101, "GET / HTTP/1.0\r\n", NOW + 101);
	assert_null(sg_questions_find(&questions, 2, 1));
	assert_null(sg_questions_find(&questions, 2, 3));
	target_is(2, "/again", "");
	/* Another service has its own. */
	add(1, 200, "GET / HTTP/1.0\r\n", NOW);
	assert_non_null(sg_questions_find(&questions, 2, 4));
}

/* What the program knows stays, however long ago it was told: made-up names push out each other. */
static void test_what_is_learned_stays(void **state)
{
	static const char request[] = "GET / HTTP/1.0\r\n";
	static struct sg_questions empty;

	(void)state;
	fill();
	for (__u64 hash = 1; hash <= 10; hash++)
		view.table[hash % SG_QUESTION_BUCKETS].slot[hash / SG_QUESTION_BUCKETS].hash = hash;
	for (__u64 i = 0; i < 1000; i++)
		sg_questions_add(&questions, 2, 1000 + i, (const __u8 *)request, strlen(request),
				 view.table, NOW + 1000 + i);
	for (__u64 hash = 1; hash <= 10; hash++)
		assert_non_null(sg_questions_find(&questions, 2, hash));
	assert_null(sg_questions_find(&questions, 2, 11));
	assert_non_null(sg_questions_find(&questions, 2, 1999));
	sg_questions_drop(&questions, 2);
	assert_memory_equal(&questions, &empty, sizeof(empty));
}

static void learn(int at, __u64 hash, __u64 refused, __u32 epoch)
{
	view.table[at / SG_QUESTION_SLOTS].slot[at % SG_QUESTION_SLOTS] = (struct sg_question){
		.hash = hash, .refused = refused, .hits = hash * 10, .epoch = epoch, .status = 404};
}

static json_t *told(void)
{
	json_t *j = sg_questions_json(&questions, &view, 1, &times, NOW, HZ);

	assert_non_null(j);
	return j;
}

static const json_t *nth(const json_t *j, size_t n, const char *key)
{
	return json_object_get(json_array_get(json_object_get(j, "questions"), n), key);
}

static const json_t *of_service(const json_t *j, const char *key)
{
	return json_object_get(json_array_get(json_object_get(j, "services"), 0), key);
}

static void is_seconds(const json_t *value, double expected)
{
	assert_true(json_is_real(value));
	assert_true(json_real_value(value) > expected - 1e-6 &&
		    json_real_value(value) < expected + 1e-6);
}

static void test_a_question_in_all_its_states(void **state)
{
	_cleanup_json_ json_t *j = NULL;

	(void)state;
	add(2, 0xabc, "GET /x HTTP/1.0\r\nHost: h\r\n", NOW);
	add(2, 2, "GET /y HTTP/1.0\r\nHost:\r\n", NOW);
	learn(0, 0xabc, NOW - TTL + 1, 5);
	learn(63, 2, NOW - TTL, 5);
	learn(17, 3, NOW - 10 * TTL + 1, 5);
	learn(9, 4, NOW - 10 * TTL, 5);
	learn(10, 5, NOW, 4);     /* unlearned */
	learn(11, 6, NOW + 3, 5); /* by another CPU, a moment later */
	j = told();
	assert_int_equal(json_array_size(json_object_get(j, "questions")), 5);
	assert_string_equal(json_string_value(nth(j, 0, "hash")), "0000000000000006");
	is_seconds(nth(j, 0, "age_seconds"), 0);
	assert_string_equal(json_string_value(nth(j, 1, "hash")), "0000000000000abc");
	assert_string_equal(json_string_value(nth(j, 1, "target")), "/x");
	assert_string_equal(json_string_value(nth(j, 1, "host")), "h");
	assert_string_equal(json_string_value(nth(j, 1, "service")), "ca");
	assert_string_equal(json_string_value(nth(j, 1, "state")), "fresh");
	assert_int_equal(json_integer_value(nth(j, 1, "status")), 404);
	assert_int_equal(json_integer_value(nth(j, 1, "hits")), 27480);
	is_seconds(nth(j, 1, "age_seconds"), 60 - 1.0 / HZ);
	is_seconds(nth(j, 1, "next_canary_in_seconds"), 1.0 / HZ);
	assert_string_equal(json_string_value(nth(j, 2, "state")), "stale");
	is_seconds(nth(j, 2, "next_canary_in_seconds"), 0);
	assert_string_equal(json_string_value(nth(j, 2, "target")), "/y");
	assert_true(json_is_null(nth(j, 2, "host")));
	assert_true(json_is_null(nth(j, 3, "target")));
	assert_true(json_is_null(nth(j, 3, "host")));
	assert_string_equal(json_string_value(nth(j, 3, "state")), "stale");
	assert_string_equal(json_string_value(nth(j, 4, "state")), "over");
	assert_int_equal(json_integer_value(of_service(j, "learned")), 4);
	assert_int_equal(json_integer_value(of_service(j, "capacity")), 64);
}

static void canaries_are(__u64 since, __u64 first, __u64 second, bool flies, int recent,
			 double next)
{
	_cleanup_json_ json_t *j = NULL;

	view.intercept.canary_since = since;
	view.intercept.canary_sent[0] = first;
	view.intercept.canary_sent[1] = second;
	j = told();
	assert_int_equal(json_is_true(of_service(j, "canary_in_flight")), flies);
	assert_int_equal(json_integer_value(of_service(j, "canaries_in_window")), recent);
	is_seconds(of_service(j, "next_canary_in_seconds"), next);
	is_seconds(nth(j, 0, "next_canary_in_seconds"), next);
}

static void test_when_the_next_canary_may_go(void **state)
{
	(void)state;
	learn(0, 1, NOW - 2 * TTL, 5);
	canaries_are(0, 0, 0, false, 0, 0);
	canaries_are(0, NOW - 5 * HZ, 0, false, 1, 0);
	canaries_are(NOW - 4 * HZ, NOW - 4 * HZ, 0, true, 1, 6);
	canaries_are(NOW - 10 * HZ, NOW - 10 * HZ, 0, false, 1, 0);
	canaries_are(0, NOW - 20 * HZ, NOW - 5 * HZ, false, 2, 10);
	canaries_are(0, NOW - 5 * HZ, NOW - 20 * HZ, false, 2, 10);
	canaries_are(NOW - 1 * HZ, NOW - 1 * HZ, NOW - 29 * HZ, true, 2, 9);
	canaries_are(0, NOW - 5 * HZ, NOW - 30 * HZ, false, 1, 0);
	view.limits.ca_window_ticks = 0;
	canaries_are(0, NOW - 5 * HZ, NOW - 30 * HZ, false, 2, 30);
}

static void test_a_service(void **state)
{
	_cleanup_json_ json_t *j = NULL, *k = NULL;

	(void)state;
	view.as_ca_bytes = 118;
	j = told();
	assert_int_equal(json_array_size(json_object_get(j, "questions")), 0);
	assert_string_equal(json_string_value(of_service(j, "name")), "ca");
	assert_string_equal(json_string_value(of_service(j, "answer")), "as_ca");
	assert_int_equal(json_integer_value(of_service(j, "as_ca_bytes")), 118);
	is_seconds(of_service(j, "answer_ttl_seconds"), 60);
	view.limits.answer_busy = 1;
	k = told();
	assert_string_equal(json_string_value(of_service(k, "answer")), "unavailable");
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_is_kept_of_a_request),
		TEST(test_what_is_not_kept),
		TEST(test_the_one_told_longest_ago_goes),
		TEST(test_what_is_learned_stays),
		TEST(test_a_question_in_all_its_states),
		TEST(test_when_the_next_canary_may_go),
		TEST(test_a_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
