// SPDX-License-Identifier: GPL-2.0-only
/* The memory of events, the request log's line, a reader that does not read it, rates of the
 * trailing minute, and the first N of many sources.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <cmocka.h>

#include "../../userspace/daemon/events.h"
#include "../../userspace/daemon/log_lines.h"
#include "../../userspace/daemon/minute.h"
#include "../../userspace/daemon/top_sources.h"
#include "../../userspace/util/json.h"
#include "../../userspace/util/units.h"

#define TIME_NS (1700000000ull * SG_NS_PER_S + 123456789)

static const struct sg_service_names names = {.name = {"branch-ca"}};

static struct sg_event request_of(__u8 last)
{
	struct sg_event ev = {.kind = SG_EVENT_REQUEST,
			      .request_class = SG_REQUEST_GETCACERT,
			      .client_port = htons(40000),
			      .request_number = 2,
			      .sampled = 1};
	struct sg_addr addr;

	sg_addr_parse("192.0.2.0", &addr);
	addr.b[15] = last;
	memcpy(&ev.client, addr.b, sizeof(addr.b));
	return ev;
}

static json_int_t number_at(const json_t *list, size_t i)
{
	return json_integer_value(json_object_get(json_array_get(list, i), "number"));
}

static void test_ring_keeps_the_last(void **state)
{
	static struct sg_events events;
	struct sg_event ev = request_of(1);
	json_t *list;

	(void)state;
	for (int i = 0; i < SG_EVENTS_KEPT + 5; i++) {
		const struct sg_events_entry *entry = sg_events_add(&events, &ev, TIME_NS + i);

		assert_int_equal(entry->number, i + 1);
		assert_int_equal(entry->time_ns, TIME_NS + i);
	}
	list = sg_events_list(&events, &names, SG_EVENTS_LISTED, NULL);
	assert_int_equal(json_array_size(list), SG_EVENTS_KEPT);
	assert_int_equal(number_at(list, 0), 6);
	assert_int_equal(number_at(list, SG_EVENTS_KEPT - 1), SG_EVENTS_KEPT + 5);
	json_decref(list);
}

/* Requests are held by the thousand; what happened once before and in between is there all the same. */
static void test_storm_hides_nothing(void **state)
{
	static struct sg_events events;
	struct sg_event held = request_of(1), mismatch = request_of(2), odd = request_of(3);
	json_t *list;

	(void)state;
	held.kind = SG_EVENT_HELD;
	mismatch.kind = SG_EVENT_MISMATCH;
	odd.kind = 200; /* another version's */
	sg_events_note(&events, SG_EVENTS_MODE, SG_SERVICES, "intercept", 1, TIME_NS);
	sg_events_add(&events, &odd, TIME_NS);
	for (int i = 0; i < 5000; i++) {
		if (i == 2500)
			sg_events_add(&events, &mismatch, TIME_NS);
		sg_events_add(&events, &held, TIME_NS);
	}
	sg_events_note(&events, SG_EVENTS_BYPASS, 0, "found", 1, TIME_NS);
	list = sg_events_list(&events, &names, 10, NULL);
	assert_int_equal(json_array_size(list), 10);
	assert_int_equal(number_at(list, 0), 1);
	assert_int_equal(number_at(list, 1), 2);
	assert_int_equal(number_at(list, 2), 2503);
	assert_int_equal(number_at(list, 3), 4998);
	assert_int_equal(number_at(list, 8), 5003);
	assert_int_equal(number_at(list, 9), 5004);
	json_decref(list);
	list = sg_events_list(&events, &names, 1, NULL);
	assert_int_equal(json_array_size(list), 1);
	assert_int_equal(number_at(list, 0), 5004);
	json_decref(list);
	list = sg_events_list(&events, &names, 0, NULL);
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
}

/* About nobody's request: no client, and of a mode no service. */
static void test_own_events(void **state)
{
	static struct sg_events events;
	struct sg_addr_prefix all = {.bits = 0};
	json_t *list, *j;

	(void)state;
	sg_events_note(&events, SG_EVENTS_MODE, SG_SERVICES, "police", 1, TIME_NS);
	sg_events_note(&events, SG_EVENTS_UNLEARNED, 0, NULL, 7, TIME_NS);
	list = sg_events_list(&events, &names, 10, NULL);
	j = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(j, "event")), "mode");
	assert_string_equal(json_string_value(json_object_get(j, "state")), "police");
	assert_null(json_object_get(j, "service"));
	assert_null(json_object_get(j, "client"));
	j = json_array_get(list, 1);
	assert_string_equal(json_string_value(json_object_get(j, "event")), "unlearned");
	assert_string_equal(json_string_value(json_object_get(j, "service")), "branch-ca");
	assert_int_equal(json_integer_value(json_object_get(j, "sampled")), 7);
	assert_null(json_object_get(j, "state"));
	json_decref(list);
	list = sg_events_list(&events, &names, 10, &all); /* of clients: none */
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
}

static void test_list_is_newest_in_order(void **state)
{
	static struct sg_events events;
	struct sg_addr_prefix odd = {.bits = 128};
	json_t *list;

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct sg_event ev = request_of(i % 2);

		sg_events_add(&events, &ev, TIME_NS);
	}
	list = sg_events_list(&events, &names, 3, NULL);
	assert_int_equal(json_array_size(list), 3);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "number")),
			 18);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 2), "number")),
			 20);
	json_decref(list);
	sg_addr_parse("192.0.2.1", &odd.addr);
	list = sg_events_list(&events, &names, 1000, &odd);
	assert_int_equal(json_array_size(list), 10);
	json_decref(list);
}

static void test_line_has_one_shape(void **state)
{
	struct sg_events_entry entry = {.number = 1, .time_ns = TIME_NS, .event = request_of(7)};
	char line[SG_REQUEST_LINE_MAX];
	size_t len = sg_events_request_line(&entry, &names, line);

	(void)state;
	assert_string_equal(line,
			    "{\"time\":\"2023-11-14T22:13:20.123Z\",\"service\":\"branch-ca\","
			    "\"client\":\"192.0.2.7\",\"port\":40000,\"class\":\"GetCACert\","
			    "\"request\":2,\"sampled\":1}\n");
	assert_int_equal(len, strlen(line));
	entry.event.kind = SG_EVENT_ANSWER;
	assert_int_equal(sg_events_request_line(&entry, &names, line), 0);
}

/* Numbers of another version, and the longest of everything, still make one valid line. */
static void test_line_of_odd_records(void **state)
{
	struct sg_events_entry entry = {.number = 1, .time_ns = ~0ull, .event = request_of(7)};
	char line[SG_REQUEST_LINE_MAX];
	json_t *j;
	size_t len;

	(void)state;
	entry.event.service = 255;
	entry.event.request_class = 255;
	entry.event.sampled = ~0u;
	entry.event.request_number = 0xffff;
	memset(&entry.event.client, 0xfe, sizeof(entry.event.client));
	len = sg_events_request_line(&entry, &names, line);
	assert_true(len > 0 && line[len - 1] == '\n');
	j = json_loadb(line, len, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(j, "service")), "unknown");
	assert_string_equal(json_string_value(json_object_get(j, "class")), "unknown");
	json_decref(j);
}

static void test_event_keys_by_kind(void **state)
{
	struct sg_events_entry entry = {.number = 1, .time_ns = TIME_NS, .event = request_of(7)};
	json_t *j;

	(void)state;
	entry.event.kind = SG_EVENT_REFUSED;
	entry.event.reason = SG_REASON_WINDOW;
	entry.event.would = 1;
	j = sg_events_json(&entry, &names);
	assert_string_equal(json_string_value(json_object_get(j, "reason")), "window");
	assert_true(json_is_true(json_object_get(j, "would")));
	assert_null(json_object_get(j, "class"));
	json_decref(j);
	entry.event.kind = SG_EVENT_ANSWER;
	entry.event.status = 404;
	entry.event.latency_us = 1500;
	j = sg_events_json(&entry, &names);
	assert_int_equal(json_integer_value(json_object_get(j, "status")), 404);
	assert_float_equal(json_real_value(json_object_get(j, "latency_seconds")), 0.0015, 1e-9);
	assert_null(json_object_get(j, "reason"));
	json_decref(j);
}

static void expect_text(const json_t *j, const char *key, const char *value)
{
	assert_string_equal(json_string_value(json_object_get(j, key)), value);
}

static void test_event_keys_of_intercept(void **state)
{
	struct sg_events_entry entry = {.number = 1, .time_ns = TIME_NS, .event = request_of(7)};
	json_t *j;

	(void)state;
	entry.event.kind = SG_EVENT_HELD;
	entry.event.priority = SG_PRIORITY_BOOTSTRAP;
	j = sg_events_json(&entry, &names);
	expect_text(j, "event", "held");
	expect_text(j, "class", "GetCACert");
	expect_text(j, "priority", "bootstrap");
	assert_null(json_object_get(j, "status"));
	assert_null(json_object_get(j, "question"));
	json_decref(j);
	entry.event.request_class = SG_REQUEST_NONE;
	j = sg_events_json(&entry, &names);
	assert_null(json_object_get(j, "class"));
	assert_null(json_object_get(j, "priority"));
	json_decref(j);
	entry.event.request_class = SG_REQUEST_GETNEXTCACERT;
	entry.event.kind = SG_EVENT_EDGE;
	entry.event.status = 404;
	entry.event.question = 0xabc;
	j = sg_events_json(&entry, &names);
	expect_text(j, "class", "GetNextCACert");
	expect_text(j, "question", "0000000000000abc");
	assert_int_equal(json_integer_value(json_object_get(j, "status")), 404);
	assert_null(json_object_get(j, "latency_seconds"));
	json_decref(j);
	entry.event.status = 0; /* the program does not tell it */
	j = sg_events_json(&entry, &names);
	assert_null(json_object_get(j, "status"));
	json_decref(j);
	entry.event.kind = SG_EVENT_QUESTION;
	j = sg_events_json(&entry, &names);
	expect_text(j, "question", "0000000000000abc");
	assert_null(json_object_get(j, "status")); /* it is only asked now */
	json_decref(j);
	entry.event.question = 0;
	j = sg_events_json(&entry, &names);
	assert_true(json_is_null(json_object_get(j, "question")));
	json_decref(j);
	entry.event.kind = SG_EVENT_MISMATCH;
	j = sg_events_json(&entry, &names);
	expect_text(j, "class", "GetNextCACert");
	assert_null(json_object_get(j, "question"));
	json_decref(j);
}

/* The other end of the pipe does not read: lines are lost and counted, and nobody waits. */
static void test_full_pipe_holds_nobody_up(void **state)
{
	static struct sg_log_lines lines;
	char line[100];
	int fds[2];

	(void)state;
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	assert_int_equal(pipe(fds), 0);
	sg_log_lines_open(&lines, fds[1]);
	for (int i = 0; i < 10000; i++)
		sg_log_lines_add(&lines, line, sizeof(line));
	sg_log_lines_flush(&lines);
	assert_in_range(lines.lost, 9000, 10000);
	close(fds[0]);
	close(fds[1]);
}

static void test_lines_arrive_whole(void **state)
{
	static struct sg_log_lines lines;
	char text[64];
	int fds[2];
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	sg_log_lines_open(&lines, fds[1]);
	sg_log_lines_add(&lines, "one\n", 4);
	sg_log_lines_add(&lines, "two\n", 4);
	sg_log_lines_flush(&lines);
	n = read(fds[0], text, sizeof(text));
	assert_int_equal(n, 8);
	assert_memory_equal(text, "one\ntwo\n", 8);
	assert_int_equal(lines.lost, 0);
	close(fds[0]);
	close(fds[1]);
}

static void test_minute(void **state)
{
	static struct sg_minute minute;
	struct sg_minute_counts counts = {0}, growth;

	(void)state;
	for (int s = 0; s <= 200; s++) {
		counts.requests[SG_REQUEST_GETCACERT] = 1000 + 2 * s;
		counts.verdicts[SG_PRIORITY_OTHER][SG_REASON_WINDOW] = s;
		counts.counters[SG_COUNTER_REFUSED_EARLY] = 500 + 3 * s;
		sg_minute_add(&minute, &counts, TIME_NS + s * SG_NS_PER_S, SG_NS_PER_MIN, &growth);
		assert_int_equal(growth.requests[SG_REQUEST_GETCACERT], 2 * (s < 60 ? s : 60));
		assert_int_equal(growth.verdicts[SG_PRIORITY_OTHER][SG_REASON_WINDOW],
				 s < 60 ? s : 60);
		assert_int_equal(growth.counters[SG_COUNTER_REFUSED_EARLY], 3 * (s < 60 ? s : 60));
	}
	/* State was lost: counters begin at 0 again, and nothing becomes huge. */
	counts.requests[SG_REQUEST_GETCACERT] = 3;
	sg_minute_add(&minute, &counts, TIME_NS + 201 * SG_NS_PER_S, SG_NS_PER_MIN, &growth);
	assert_int_equal(growth.requests[SG_REQUEST_GETCACERT], 3);
}

static void test_top_sources(void **state)
{
	struct sg_top_sources top;

	(void)state;
	assert_int_equal(sg_top_sources_open(&top, SG_CONTROL_SORT_ADMITTED, 10), 0);
	for (__u32 i = 0; i < 1000; i++) {
		struct sg_source_key key = {.ip.w[3] = i};
		struct sg_source src = {.admitted = i * 7 % 1000, .last_seen = i};

		sg_top_sources_add(&top, &key, &src);
	}
	sg_top_sources_finish(&top);
	assert_int_equal(top.count, 10);
	for (__u32 i = 0; i < 10; i++)
		assert_int_equal(top.entries[i].src.admitted, 999 - i);
	sg_top_sources_close(&top);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ring_keeps_the_last),
		cmocka_unit_test(test_storm_hides_nothing),
		cmocka_unit_test(test_own_events),
		cmocka_unit_test(test_list_is_newest_in_order),
		cmocka_unit_test(test_line_has_one_shape),
		cmocka_unit_test(test_line_of_odd_records),
		cmocka_unit_test(test_event_keys_by_kind),
		cmocka_unit_test(test_event_keys_of_intercept),
		cmocka_unit_test(test_full_pipe_holds_nobody_up),
		cmocka_unit_test(test_lines_arrive_whole),
		cmocka_unit_test(test_minute),
		cmocka_unit_test(test_top_sources),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
