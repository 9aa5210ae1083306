// SPDX-License-Identifier: GPL-2.0-only
/* Intercept, packet by packet: a question nobody knows the answer to is put to the CA by one; others wait for that
 * answer.
 */
#include "held.h"

#define QUESTION_LEN (sizeof(QUESTION) - 1)
#define OTHER_NAME   REQUEST("/cgi-bin/pkiclient.exe?operation=GetNextCACert&message=other")

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
	/* And for nobody after that, for a window. */
	net = &others[1];
	SPLICE(&later, QUESTION);
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

/* Nor when it goes later. */
static void client_resets_after_the_splice(void **state)
{
	struct talk first = asks(1000), t = TALK(1001);
	__u32 slot;

	(void)state;
	CA_ACKS(&first, QUESTION_LEN);
	net = &others[0];
	slot = HELD(&t, QUESTION);
	assert_true(waits(slot));
	net = &nets[0];
	run_seg(SEG(CLIENT(&first, QUESTION_LEN, 0, WIRE_RST)));
	net = &others[0];
	assert_false(waits(slot));
}

/* What the CA still says to it is no answer to anybody. */
static void client_resets_and_the_ca_answers(void **state)
{
	struct talk first = asks(1000), t = TALK(1001);
	__u32 slot;

	(void)state;
	net = &others[0];
	slot = HELD(&t, QUESTION);
	net = &nets[0];
	run_seg(SEG(CLIENT(&first, QUESTION_LEN, 0, WIRE_RST)));
	run_seg(SEG(CA(&first, 0, QUESTION_LEN, WIRE_ACK, BYTES(NOT_FOUND))));
	run_seg(SEG(CA(&first, sizeof(NOT_FOUND) - 1, QUESTION_LEN, WIRE_RST | WIRE_ACK)));
	net = &others[0];
	assert_false(waits(slot));
}

/* The answer to a request with another one behind it teaches nothing, and is one. */
static void another_request_behind_it(void **state)
{
	struct talk first = asks(1000), t = TALK(1001);
	__u32 slot;

	(void)state;
	net = &others[0];
	slot = HELD(&t, QUESTION);
	net = &nets[0];
	SENDS_ON(&first, QUESTION_LEN, 0, "GET / HTTP/1.0\r\n\r\n");
	PASSES_AS(SEG(CA(&first, 0, QUESTION_LEN, WIRE_ACK, BYTES(NOT_FOUND))),
		  SEG(AT_CLIENT(&first, 0, QUESTION_LEN, WIRE_ACK, BYTES(NOT_FOUND))));
	CA_RESETS(&first, sizeof(NOT_FOUND) - 1, QUESTION_LEN);
	assert_int_equal(conn_now(&first).state, SG_CONN_CLOSED);
	net = &others[0];
	assert_false(waits(slot));
}

/* Nobody is waited for twice in a window: or clients that never take the answer would have everybody wait, one after the other,
 * while the CA has nothing to do.
 */
static void two_that_never_take_the_answer(void **state)
{
	struct talk bad = TALK(1001), good = TALK(1002);
	struct sg_frame frame;
	__u32 a, b;

	(void)state;
	asks(1000); /* window 0: the CA may not answer */
	net = &others[0];
	a = HELD(&bad, QUESTION);
	net = &others[1];
	pass_s(1);
	turnkeeper_lives();
	b = HELD(&good, QUESTION);
	frame = frame_at(b);
	pass_s(9);
	net = &others[0];
	assert_true(turn(a, NULL));
	inject(&bad, a, __LINE__);
	net = &others[1];
	if (!waits(b)) { /* as the daemon does */
		assert_int_equal(frame_at(b).state, SG_FRAME_GRANTED);
		inject(&good, b, __LINE__);
		return;
	}
	pass_ticks(6 * HZ + 1); /* hold is 15 s here, 20 s by default */
	turnkeeper_lives();
	net = &others[1];
	assert_int_equal(budget()->slots_used, 2);
	assert_false(run_frame(frame.frame, frame.len, frame.ifindex) == XDP_TX); /* 503 */
}

/* An answered one that goes on and ends does not end the wait for the next. */
static void ends_what_another_asks(void **state)
{
	struct talk first = asks(1000), second = TALK(1001), t = TALK(1002);
	__u32 slot;

	(void)state;
	/* answered 200: now the next one asks; the first goes on on its connection, and leaves. */
	PASSES_AS(SEG(CA(&first, 0, QUESTION_LEN, WIRE_ACK, BYTES(OK200))),
		  SEG(AT_CLIENT(&first, 0, QUESTION_LEN, WIRE_ACK, BYTES(OK200))));
	net = &others[0];
	SPLICE(&second, QUESTION);
	net = &others[1];
	slot = HELD(&t, QUESTION);
	assert_true(waits(slot));
	net = &nets[0];
	SENDS_ON(&first, QUESTION_LEN, OKL, "GET / HTTP/1.0\r\n\r\n");
	CA_RESETS(&first, OKL, QUESTION_LEN + 18);
	assert_int_equal(conn_now(&first).state, SG_CONN_CLOSED);
	net = &others[1];
	assert_true(waits(slot));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(others_wait_for_the_answer),
		cmocka_unit_test(when_it_is_handed_out_the_next_one_asks),
		cmocka_unit_test(while_it_is_handed_out_nobody_waits),
		cmocka_unit_test(nobody_waits_for_ten_seconds),
		cmocka_unit_test(whoever_asked_and_went_is_not_waited_for),
		cmocka_unit_test(client_resets_after_the_splice),
		cmocka_unit_test(client_resets_and_the_ca_answers),
		cmocka_unit_test(another_request_behind_it),
		cmocka_unit_test(two_that_never_take_the_answer),
		cmocka_unit_test(ends_what_another_asks),
		cmocka_unit_test(the_first_one_is_as_good_as_a_canary),
	};

	return cmocka_run_group_tests(tests, once, end_intercept);
}
