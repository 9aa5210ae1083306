// SPDX-License-Identifier: GPL-2.0-only
/* Intercept, packet by packet: a question nobody knows the answer to is put to the CA by one; others wait for that
 * answer. And half a request, after which its source is believed less.
 */
#include "held.h"

#define QUESTION_LEN (sizeof(QUESTION) - 1)
#define OTHER_NAME   REQUEST("/cgi-bin/pkiclient.exe?operation=GetNextCACert&message=other")
#define HALF         "POST /scep?operation=PKIOperation HTTP/1.0\r\nContent-Length: 900\r\n\r\n0123456789"

/* The first one asks. Of slots and places there are enough. */
static struct talk asks(__u16 port)
{
	struct talk t = talk_of(port);

	fresh_intercept();
	turnkeeper_lives();
	net = &nets[0];
	SPLICE(&t, QUESTION);
	return t;
}

static void gets(const struct talk *t, const char *text)
{
	PASSES_AS(SEG(CA(t, 0, QUESTION_LEN, WIRE_ACK, .bytes = text, .len = strlen(text))),
		  SEG(AT_CLIENT(t, 0, QUESTION_LEN, WIRE_ACK, .bytes = text, .len = strlen(text))));
}

static bool waits(__u32 slot)
{
	struct sg_turn_call call = {.frame = slot, .ticket = frame_at(slot).ticket};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &call, .ctx_size_in = sizeof(call));

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(guard.skel->progs.sg_turn), &opts),
			 0);
	assert_false(call.waits && call.done);
	return call.waits;
}

static void write_intercept(struct sg_intercept ic)
{
	__u32 zero = 0;

	assert_int_equal(bpf_map_update_elem(map_fd(guard.skel->maps.sg_intercepts), &zero, &ic, 0),
			 0);
}

/* ---- one asks ---- */

static void others_wait_for_the_answer(void **state)
{
	struct talk first = asks(1000), t = TALK(1001), other = TALK(1002);
	struct sg_frame frame;
	__u32 slot, other_slot;

	(void)state;
	net = &others[0];
	slot = HELD(&t, QUESTION);
	frame = frame_at(slot);
	assert_true(waits(slot));
	/* Sent again, too. */
	pass_s(1);
	DROPS(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(QUESTION))));
	assert_true(waits(slot));
	/* Another question does not, though it comes behind one that does; nor does another request. */
	turnkeeper_lives();
	net = &others[1];
	other_slot = HELD(&other, OTHER_NAME);
	assert_true(turn(other_slot, NULL));
	inject(&other, other_slot, __LINE__);
	other = talk_of(1003);
	SPLICE(&other, GETCACERT);
	net = &nets[0];
	gets(&first, NOT_FOUND);
	net = &others[0];
	assert_true(turn(slot, NULL));
	assert_int_equal(run_frame(frame.frame, frame.len, frame.ifindex), XDP_TX);
	assert_int_equal(frames_in(SG_FRAME_WAITING, NULL), 0);
}

static void when_it_is_handed_out_the_next_one_asks(void **state)
{
	struct talk first = asks(1000), t = TALK(1001);
	__u32 slot;

	(void)state;
	net = &others[0];
	slot = HELD(&t, QUESTION);
	net = &nets[0];
	gets(&first, "HTTP/1.0 200 OK\r\n\r\n");
	net = &others[0];
	assert_true(turn(slot, NULL));
	inject(&t, slot, __LINE__);
}

/* Everybody gets one for himself. */
static void while_it_is_handed_out_nobody_waits(void **state)
{
	struct sg_intercept ic;
	struct talk t = TALK(1001);

	(void)state;
	asks(1000);
	ic = intercept_now();
	ic.ready = clock_now();
	write_intercept(ic);
	net = &others[0];
	SPLICE(&t, QUESTION);
}

static void nobody_waits_for_ten_seconds(void **state)
{
	struct talk t = TALK(1001), later = TALK(1002);
	__u32 slot;

	(void)state;
	asks(1000);
	net = &others[0];
	slot = HELD(&t, QUESTION);
	pass_ticks(10 * HZ - 1);
	assert_true(waits(slot));
	pass_ticks(1);
	assert_true(turn(slot, NULL));
	inject(&t, slot, __LINE__);
	/* Now this one asks. */
	net = &others[1];
	slot = HELD(&later, QUESTION);
	assert_true(waits(slot));
}

static void whoever_asked_and_went_is_not_waited_for(void **state)
{
	struct talk first = TALK(1000), t = TALK(1001);
	__u32 slot;

	(void)state;
	/* Before the CA has said anything; */
	fresh_intercept();
	turnkeeper_lives();
	SHAKE_HANDS(&first);
	ASK(&first, QUESTION);
	net = &others[0];
	slot = HELD(&t, QUESTION);
	assert_true(waits(slot));
	net = &nets[0];
	DROPS(SEG(CLIENT(&first, QUESTION_LEN, 0, WIRE_RST)));
	net = &others[0];
	assert_false(waits(slot));
	/* or after that, by the CA itself. */
	first = asks(1000);
	net = &others[0];
	slot = HELD(&t, QUESTION);
	net = &nets[0];
	PASSES_AS(SEG(CA(&first, 0, QUESTION_LEN, WIRE_RST | WIRE_ACK)),
		  SEG(AT_CLIENT(&first, 0, QUESTION_LEN, WIRE_RST | WIRE_ACK)));
	net = &others[0];
	assert_false(waits(slot));
}

/* One of the two in a window; but what is made up afterwards takes nothing from those that many ask. */
static void the_first_one_is_as_good_as_a_canary(void **state)
{
	struct talk other = TALK(1002);

	(void)state;
	asks(1000);
	assert_int_equal(intercept_now().canary_sent[0], clock_now());
	pass_s(1);
	SPLICE(&other, OTHER_NAME);
	assert_int_equal(intercept_now().canary_sent[0], clock_now() - HZ);
	assert_int_equal(intercept_now().canary_sent[1], 0);
}

/* ---- half a request ---- */

/* Half a request, for so many seconds. Returns what its source competes as afterwards. */
static __u32 after_half(const struct talk *first, __u16 port)
{
	struct talk t = *first, next = talk_of(port);

	PASSES_AS(SEG(CA(&t, 0, sizeof(HALF) - 1, WIRE_ACK)),
		  SEG(AT_CLIENT(&t, 0, sizeof(HALF) - 1, WIRE_ACK)));
	PASSES_AS(SEG(CA(&t, 0, sizeof(HALF) - 1, WIRE_RST | WIRE_ACK)),
		  SEG(AT_CLIENT(&t, 0, sizeof(HALF) - 1, WIRE_RST | WIRE_ACK)));
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
	PASSES_AS(SEG(CA(&t, 0, ASKED, WIRE_RST | WIRE_ACK)),
		  SEG(AT_CLIENT(&t, 0, ASKED, WIRE_RST | WIRE_ACK)));
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
	PASSES_AS(SEG(CA(&t, 0, 0, WIRE_RST | WIRE_ACK)),
		  SEG(AT_CLIENT(&t, 0, 0, WIRE_RST | WIRE_ACK)));
	assert_int_equal(conn_now(&t).state, SG_CONN_CLOSED);
	SPLICE(&next, GETCACERT);
	assert_int_not_equal(conn_now(&next).priority, SG_PRIORITY_OTHER);
	fresh_intercept();
	SPLICE(&t, HALF);
	PASSES_AS(SEG(CA(&t, 0, sizeof(HALF) - 1, WIRE_ACK, BYTES("HTTP/1.0 413 No\r\n\r\n"))),
		  SEG(AT_CLIENT(&t, 0, sizeof(HALF) - 1, WIRE_ACK,
				BYTES("HTTP/1.0 413 No\r\n\r\n"))));
	PASSES_AS(SEG(CA(&t, 19, sizeof(HALF) - 1, WIRE_RST | WIRE_ACK)),
		  SEG(AT_CLIENT(&t, 19, sizeof(HALF) - 1, WIRE_RST | WIRE_ACK)));
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
	PASSES_AS(SEG(CLIENT(&t, sizeof(HALF) - 1, 0, WIRE_ACK, .bytes = rest, .len = 100)),
		  SEG(AT_CA(&t, sizeof(HALF) - 1, 0, WIRE_ACK, .bytes = rest, .len = 100)));
	assert_int_equal(budget()->leases[lease].expires, clock_now() + 10 * HZ);
	PASSES_AS(SEG(CLIENT(&t, sizeof(HALF) + 99, 0, WIRE_ACK, .bytes = rest, .len = 790)),
		  SEG(AT_CA(&t, sizeof(HALF) + 99, 0, WIRE_ACK, .bytes = rest, .len = 790)));
	assert_int_equal(budget()->leases[lease].expires, clock_now() + 60 * HZ);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(others_wait_for_the_answer),
		cmocka_unit_test(when_it_is_handed_out_the_next_one_asks),
		cmocka_unit_test(while_it_is_handed_out_nobody_waits),
		cmocka_unit_test(nobody_waits_for_ten_seconds),
		cmocka_unit_test(whoever_asked_and_went_is_not_waited_for),
		cmocka_unit_test(the_first_one_is_as_good_as_a_canary),
		cmocka_unit_test(half_a_request_makes_its_source_the_last),
		cmocka_unit_test(a_whole_request_without_an_answer_is_no_fault),
		cmocka_unit_test(what_the_ca_did_not_wait_for_is_no_fault),
		cmocka_unit_test(a_body_that_does_not_come_has_less_time),
	};

	return cmocka_run_group_tests(tests, once, end_intercept);
}
