// SPDX-License-Identifier: GPL-2.0-only
/* Intercept, packet by packet: half a request. Whoever sends no more of it has its place for less time, and is believed less;
 * but only if it was the client that was silent.
 */
#include "held.h"

#define HALF     "POST /scep?operation=PKIOperation HTTP/1.0\r\nContent-Length: 900\r\n\r\n0123456789"
#define HALF_LEN (sizeof(HALF) - 1)
#define GET1     "GET /cgi-bin/pkiclient.exe?operation=PKIOperation&message=AAAAAAAAAAAAAAAAAAAA"
#define GET2     "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
#define GET3     "CCCCCCCCCCCCCCCCCCCC HTTP/1.0\r\n\r\n"
#define G1       (sizeof(GET1) - 1)
#define G2       (sizeof(GET2) - 1)
#define G3       (sizeof(GET3) - 1)

/* The CA takes it, and ends it. Returns what its source competes as afterwards. */
static __u32 after_half(const struct talk *first, __u16 port)
{
	struct talk t = *first, next = talk_of(port);

	CA_ACKS(&t, HALF_LEN);
	CA_RESETS(&t, 0, HALF_LEN);
	assert_int_equal(conn_now(&t).state, SG_CONN_CLOSED);
	SPLICE(&next, GETCACERT);
	return conn_now(&next).priority;
}

static void half_a_request_makes_its_source_the_last(void **state)
{
	struct talk t = TALK(1000), next = TALK(1001), last = TALK(1002);

	(void)state;
	fresh_intercept();
	SPLICE(&t, HALF);
	assert_int_equal(conn_now(&t).priority, SG_PRIORITY_ENROLMENT);
	assert_int_equal(after_half(&t, 1001), SG_PRIORITY_OTHER);
	/* Until it gets something useful. */
	next.cookie = conn_now(&next).splice.cookie;
	PASSES_AS(SEG(CA(&next, 0, ASKED, WIRE_ACK, BYTES("HTTP/1.0 200 OK\r\n\r\n"))),
		  SEG(AT_CLIENT(&next, 0, ASKED, WIRE_ACK, BYTES("HTTP/1.0 200 OK\r\n\r\n"))));
	SPLICE(&last, GETCACERT);
	assert_int_equal(conn_now(&last).priority, SG_PRIORITY_BOOTSTRAP);
}

/* Only what the client owes. */
static void a_whole_request_without_an_answer_is_no_fault(void **state)
{
	struct talk t = TALK(1000), next = TALK(1001);

	(void)state;
	fresh_intercept();
	SPLICE(&t, GETCACERT);
	CA_RESETS(&t, 0, ASKED);
	SPLICE(&next, GETCACERT);
	assert_int_equal(conn_now(&next).priority, SG_PRIORITY_IN_PROGRESS);
}

/* Nor what the CA did not take, or answered before it had all. */
static void what_the_ca_did_not_wait_for_is_no_fault(void **state)
{
	struct talk t = TALK(1000), next = TALK(1001);

	(void)state;
	fresh_intercept();
	SPLICE(&t, HALF);
	CA_RESETS(&t, 0, 0);
	assert_int_equal(conn_now(&t).state, SG_CONN_CLOSED);
	SPLICE(&next, GETCACERT);
	assert_int_not_equal(conn_now(&next).priority, SG_PRIORITY_OTHER);
	fresh_intercept();
	SPLICE(&t, HALF);
	PASSES_AS(SEG(CA(&t, 0, HALF_LEN, WIRE_ACK, BYTES("HTTP/1.0 413 No\r\n\r\n"))),
		  SEG(AT_CLIENT(&t, 0, HALF_LEN, WIRE_ACK, BYTES("HTTP/1.0 413 No\r\n\r\n"))));
	CA_RESETS(&t, 19, HALF_LEN);
	assert_int_equal(conn_now(&t).state, SG_CONN_CLOSED);
	SPLICE(&next, GETCACERT);
	assert_int_not_equal(conn_now(&next).priority, SG_PRIORITY_OTHER);
}

/* It is waited for as long as for a head, from its last byte on; a whole one for `idle`. */
static void a_body_that_does_not_come_has_less_time(void **state)
{
	static char rest[900 - 10];
	struct talk t = TALK(1000);
	__u32 lease;

	(void)state;
	memset(rest, 'x', sizeof(rest));
	fresh_intercept();
	SPLICE(&t, HALF);
	lease = conn_now(&t).lease;
	assert_int_equal(budget()->leases[lease].expires, clock_now() + 10 * HZ);
	pass_s(9);
	PASSES_AS(SEG(CLIENT(&t, HALF_LEN, 0, WIRE_ACK, .bytes = rest, .len = 100)),
		  SEG(AT_CA(&t, HALF_LEN, 0, WIRE_ACK, .bytes = rest, .len = 100)));
	assert_int_equal(budget()->leases[lease].expires, clock_now() + 10 * HZ);
	PASSES_AS(SEG(CLIENT(&t, sizeof(HALF) + 99, 0, WIRE_ACK, .bytes = rest, .len = 790)),
		  SEG(AT_CA(&t, sizeof(HALF) + 99, 0, WIRE_ACK, .bytes = rest, .len = 790)));
	assert_int_equal(budget()->leases[lease].expires, clock_now() + 60 * HZ);
}

/* What its source competes as then. */
static __u32 next_priority(__u16 port)
{
	struct talk next = talk_of(port);

	SPLICE(&next, GETCACERT);
	return conn_now(&next).priority;
}

/* Its line was never read to the end here; the CA had it all, and answered. */
static void a_lost_segment_of_a_get(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	SPLICE(&t, GET1);
	CA_ACKS(&t, G1);
	SENDS_ON(&t, G1 + G2, 0, GET3);
	CA_ACKS(&t, G1);
	SENDS_ON(&t, G1, 0, GET2);
	CA_ACKS(&t, G1 + G2 + G3);
	PASSES_AS(SEG(CA(&t, 0, G1 + G2 + G3, WIRE_ACK, BYTES(OK200))),
		  SEG(AT_CLIENT(&t, 0, G1 + G2 + G3, WIRE_ACK, BYTES(OK200))));
	PASSES_AS(SEG(CLIENT(&t, G1 + G2 + G3, OKL, WIRE_ACK)),
		  SEG(AT_CA(&t, G1 + G2 + G3, OKL, WIRE_ACK)));
	close_both(&t, G1 + G2 + G3, OKL);
	assert_int_equal(conn_now(&t).state, SG_CONN_CLOSED);
	assert_int_not_equal(next_priority(1001), SG_PRIORITY_OTHER);
}

/* The CA had not taken all it was sent. */
static void a_ca_that_restarts(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	SPLICE(&t, HALF);
	CA_ACKS(&t, HALF_LEN);
	SENDS_ON(&t, HALF_LEN, 0, "abcdefghijklmnopqrstuvwxyz");
	pass_s(1);
	SENDS_ON(&t, HALF_LEN, 0, "abcdefghijklmnopqrstuvwxyz");
	CA_RESETS(&t, 0, HALF_LEN);
	assert_int_equal(conn_now(&t).state, SG_CONN_CLOSED);
	assert_int_not_equal(next_priority(1001), SG_PRIORITY_OTHER);
}

/* It is not the client that is silent. */
static void a_ca_without_a_window(void **state)
{
	struct talk t = TALK(1000);
	__u32 lease;

	(void)state;
	fresh_intercept();
	SPLICE(&t, HALF);
	PASSES_AS(SEG(CA(&t, 0, HALF_LEN, WIRE_ACK, .no_window = true)),
		  SEG(AT_CLIENT(&t, 0, HALF_LEN, WIRE_ACK, .no_window = true)));
	lease = conn_now(&t).lease;
	assert_int_equal(budget()->leases[lease].expires, clock_now() + 60 * HZ);
	pass_s(11);
	CA_RESETS(&t, 0, HALF_LEN);
	assert_int_equal(conn_now(&t).state, SG_CONN_CLOSED);
	assert_int_not_equal(next_priority(1001), SG_PRIORITY_OTHER);
}

/* A byte behind a gap changes nothing: the CA has acknowledged what it has. */
static void half_a_request_and_a_gap(void **state)
{
	struct talk t = TALK(1000);
	__u32 lease;

	(void)state;
	fresh_intercept();
	SPLICE(&t, HALF);
	CA_ACKS(&t, HALF_LEN);
	SENDS_ON(&t, HALF_LEN + 5, 0, "x");
	CA_ACKS(&t, HALF_LEN);
	lease = conn_now(&t).lease;
	assert_int_equal(budget()->leases[lease].expires, clock_now() + 10 * HZ);
	pass_s(11);
	CA_RESETS(&t, 0, HALF_LEN);
	assert_int_equal(conn_now(&t).state, SG_CONN_CLOSED);
	assert_int_equal(next_priority(1001), SG_PRIORITY_OTHER);
}

/* However often it is held: it has no turn before those who have done nothing. */
static void and_it_does_not_grow_old(void **state)
{
	struct talk t = TALK(1000), other = TALK(1001), next = TALK(1002), again = TALK(1003);
	struct sg_frame frame;

	(void)state;
	fresh_intercept();
	SPLICE(&t, HALF);
	CA_ACKS(&t, HALF_LEN);
	CA_RESETS(&t, 0, HALF_LEN);
	net = &others[0];
	one_slot(&other);
	net = &nets[0];
	frame = frame_at(HELD(&next, GETCACERT));
	assert_int_equal(frame.priority, SG_PRIORITY_OTHER);
	assert_int_equal(frame.asked_since, clock_now());
	pass_s(5);
	frame = frame_at(HELD(&again, GETCACERT));
	assert_int_equal(frame.asked_since, clock_now());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(half_a_request_makes_its_source_the_last),
		cmocka_unit_test(and_it_does_not_grow_old),
		cmocka_unit_test(a_whole_request_without_an_answer_is_no_fault),
		cmocka_unit_test(what_the_ca_did_not_wait_for_is_no_fault),
		cmocka_unit_test(a_body_that_does_not_come_has_less_time),
		cmocka_unit_test(a_lost_segment_of_a_get),
		cmocka_unit_test(a_ca_that_restarts),
		cmocka_unit_test(a_ca_without_a_window),
		cmocka_unit_test(half_a_request_and_a_gap),
	};

	return cmocka_run_group_tests(tests, once, end_intercept);
}
