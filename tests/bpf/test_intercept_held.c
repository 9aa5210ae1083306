// SPDX-License-Identifier: GPL-2.0-only
/* Intercept, packet by packet: requests for which there is no room now. They are held, get their turn, or an answer at
 * the end of their time.
 */
#include "held.h"

/* ---- the turn ---- */

static void it_is_held_and_injected_in_its_turn(void **state)
{
	__u32 slot, reason;

	(void)state;
	for (size_t n = 0; n < NETS; n++) {
		uint8_t sent[WIRE_MAX];
		struct talk first, t = TALK(1001);
		struct sg_frame frame;
		size_t len;

		fresh_intercept();
		net = &nets[n];
		first = begun(1000);
		slot = HELD(&t, GETCACERT);
		frame = frame_at(slot);
		len = wire_build(net,
				 SEG(CLIENT(&t, 0, 0, WIRE_PSH | WIRE_ACK, BYTES(GETCACERT),
					    .window = 4321)),
				 sent);
		assert_int_equal(frame.len, len);
		assert_memory_equal(frame.frame, sent, len);
		assert_int_equal(frame.ifindex, guard.client_if);
		assert_int_equal(frame.deadline, BEGIN_TICKS + HOLD_S * HZ);
		assert_int_equal(frame.priority, SG_PRIORITY_BOOTSTRAP);
		assert_int_equal(intercept_now().waiting[SG_PRIORITY_BOOTSTRAP], 1);
		/* Again: it is still there, once. */
		pass_s(1);
		turnkeeper_lives();
		DROPS(SEG(CLIENT(&t, 0, 0, WIRE_PSH | WIRE_ACK, BYTES(GETCACERT))));
		assert_int_equal(counted(SG_COUNTER_HELD), 0);
		assert_false(turn(slot, &reason));
		assert_int_equal(reason, SG_REASON_SLOTS);
		gives_way(&first);
		assert_true(turn(slot, NULL));
		assert_int_equal(budget()->slots_used, 1);
		assert_int_equal(intercept_now().waiting[SG_PRIORITY_BOOTSTRAP], 0);
		assert_false(turn(slot, NULL));
		inject(&t, slot, __LINE__);
		assert_int_equal(counted(SG_COUNTER_TURNS), 1);
		assert_int_equal(budget()->slots_used, 1);
		JOIN(&t, GETCACERT);
	}
}

static void its_own_segment_takes_the_turn(void **state)
{
	struct talk first, t = TALK(1001);
	__u32 slot;

	(void)state;
	fresh_intercept();
	first = begun(1000);
	slot = HELD(&t, GETCACERT);
	gives_way(&first);
	assert_true(turn(slot, NULL));
	ASK(&t, GETCACERT);
	assert_int_equal(counted(SG_COUNTER_TURNS), 1);
	/* What the daemon injects then is a copy. */
	DROPS(SEG(CLIENT(&t, 0, 0, WIRE_PSH | WIRE_ACK, BYTES(GETCACERT))));
	JOIN(&t, GETCACERT);
}

static void what_came_unfinished_is_stored_finished(void **state)
{
	struct talk first, t = TALK(1001);
	struct sg_frame frame;
	uint8_t sent[WIRE_MAX];
	__u32 slot = 0;
	size_t len;

	(void)state;
	fresh_intercept();
	first = begun(1000);
	SHAKE_HANDS(&t);
	DROPS(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT), .partial = true)));
	assert_int_equal(frames_in(SG_FRAME_WAITING, &slot), 1);
	frame = frame_at(slot);
	len = wire_build(net, SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT))), sent);
	assert_int_equal(frame.len, len);
	assert_memory_equal(frame.frame, sent, len);
	gives_way(&first);
	assert_true(turn(slot, NULL));
	/* Nobody finishes what is injected. */
	assert_int_equal(run_frame(frame.frame, frame.len, frame.ifindex), XDP_PASS);
	expect_frame(SEG(.port = t.port, .seq = t.isn, .flags = WIRE_SYN, .hops = WIRE_OWN_HOPS,
			 .mss = GUARD_MSS),
		     0, __LINE__);
	SENT_BACK(SEG(CA(&t, -1u, 0, WIRE_SYN | WIRE_ACK)),
		  SEG(AT_CA(&t, 0, 0, WIRE_PSH | WIRE_ACK, BYTES(GETCACERT)), MADE));
	/* And its later segments may be unfinished as ever. */
	PASSES_AS(SEG(CLIENT(&t, ASKED, 0, WIRE_ACK, BYTES("x"), .partial = true)),
		  SEG(AT_CA(&t, ASKED, 0, WIRE_ACK, BYTES("x"), .partial = true)));
}

static void a_request_that_grows_is_held_as_what_it_is_now(void **state)
{
	struct talk first, t = TALK(1001);
	struct sg_frame frame;
	__u32 slot = 0;

	(void)state;
	fresh_intercept();
	first = begun(1000);
	HELD(&t, "GET /cgi-bin/pki");
	pass_s(1);
	turnkeeper_lives();
	DROPS(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT))));
	assert_int_equal(frames_in(SG_FRAME_WAITING, &slot), 1);
	frame = frame_at(slot);
	assert_int_equal(frame.payload_len, ASKED);
	assert_int_equal(frame.request_class, SG_REQUEST_GETCACERT);
	/* It has not to wait anew. */
	assert_int_equal(frame.since, BEGIN_TICKS);
	assert_int_equal(frame.deadline, BEGIN_TICKS + HOLD_S * HZ);
	/* Less is nothing new. */
	DROPS(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES("GET /c"))));
	assert_int_equal(frame_at(slot).payload_len, ASKED);
	gives_way(&first);
	assert_true(turn(slot, NULL));
	assert_int_equal(run_frame(frame.frame, frame.len, frame.ifindex), XDP_PASS);
	SENT_BACK(SEG(CA(&t, -1u, 0, WIRE_SYN | WIRE_ACK)),
		  SEG(AT_CA(&t, 0, 0, WIRE_PSH | WIRE_ACK, BYTES(GETCACERT)), MADE));
}

/* Another one with the same question was answered meanwhile: no turn is spent on it. */
static void what_was_answered_meanwhile_needs_no_turn(void **state)
{
	struct talk first = TALK(1000), t = TALK(1001);
	const uint32_t len = sizeof(QUESTION) - 1;
	struct sg_frame frame;
	__u32 slot;

	(void)state;
	fresh_intercept();
	guard.svc.slots = 1;
	write_service();
	SPLICE(&first, QUESTION);
	turnkeeper_lives();
	net = &others[0];
	slot = HELD(&t, QUESTION);
	frame = frame_at(slot);
	net = &nets[0];
	PASSES_AS(SEG(CA(&first, 0, len, WIRE_ACK, BYTES(NOT_FOUND))),
		  SEG(AT_CLIENT(&first, 0, len, WIRE_ACK, BYTES(NOT_FOUND))));
	assert_int_equal(counted(SG_COUNTER_LEARNED), 1);
	net = &others[0];
	assert_true(turn(slot, NULL));
	assert_int_equal(frames_in(SG_FRAME_GRANTED, NULL), 0);
	assert_int_equal(run_frame(frame.frame, frame.len, frame.ifindex), XDP_TX);
	expect_frame(SEG(AT_CLIENT(&t, 0, len, WIRE_FIN | WIRE_PSH | WIRE_ACK, BYTES(NOT_FOUND),
				   .window = 536),
			 MADE),
		     0, __LINE__);
	assert_int_equal(frames_in(SG_FRAME_WAITING, NULL), 0);
	assert_int_equal(budget()->slots_used, 1);
}

/* The CA counts from its SYN on. */
static void its_place_is_dated_when_its_syn_goes(void **state)
{
	struct talk first, t = TALK(1001);
	__u32 slot;

	(void)state;
	fresh_intercept();
	first = begun(1000);
	slot = HELD(&t, GETCACERT);
	gives_way(&first);
	assert_true(turn(slot, NULL));
	pass_s(2);
	inject(&t, slot, __LINE__);
	assert_int_equal(budget()->places[conn_now(&t).place % SG_PLACES] >> 24, clock_now());
}

static void a_turn_is_for_what_was_held_only(void **state)
{
	struct talk first, t = TALK(1001);
	__u32 slot;

	(void)state;
	fresh_intercept();
	first = begun(1000);
	slot = HELD(&t, REQUEST("/scep?operation=PKIOperation&message=MII"));
	assert_int_equal(frame_at(slot).priority, SG_PRIORITY_ENROLMENT);
	gives_way(&first);
	assert_true(turn(slot, NULL));
	/* Something else by now, for which that turn was not given. */
	ASK(&t, PAGE);
	assert_int_equal(counted(SG_COUNTER_TURNS), 0);
	assert_int_equal(conn_now(&t).priority, SG_PRIORITY_OTHER);
	assert_int_equal(budget()->slots_used, 1);
}

/* ---- order ---- */

static void whoever_comes_waits_behind_those_who_wait(void **state)
{
	struct talk first, t = TALK(1001), later = TALK(1002), better = TALK(1003);

	(void)state;
	fresh_intercept();
	first = begun(1000);
	HELD(&t, GETCACERT);
	gives_way(&first);
	net = &others[0];
	HELD(&later, GETCACERT);
	/* Not behind a lower class. */
	net = &others[1];
	SHAKE_HANDS(&better);
	PASSES_AS(SEG(CLIENT(&better, 0, 0, WIRE_ACK,
			     BYTES(REQUEST("/scep?operation=PKIOperation&message=MII")))),
		  SEG(.port = better.port, .seq = better.isn, .flags = WIRE_SYN,
		      .hops = WIRE_OWN_HOPS, .mss = GUARD_MSS));
}

static void without_a_daemon_whoever_comes_is_admitted(void **state)
{
	struct talk first, t = TALK(1001), later = TALK(1002);

	(void)state;
	fresh_intercept();
	first = begun(1000);
	HELD(&t, GETCACERT);
	gives_way(&first);
	pass_ticks(2 * HZ);
	net = &others[0];
	HELD(&later, GETCACERT);
	pass_ticks(1);
	/* The one that waited, or another: whoever's segment comes. */
	ASK(&later, GETCACERT);
	assert_int_equal(intercept_now().waiting[SG_PRIORITY_BOOTSTRAP], 1);
	net = &nets[0];
	DROPS(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT))));
}

/* A slot whose connection has fallen silent: the segment that asks for it ends that one at the CA. */
static void an_expired_slot_heals_without_a_daemon(void **state)
{
	struct talk silent = TALK(1000), t = TALK(1001);

	(void)state;
	fresh_intercept();
	guard.svc.slots = 1;
	write_service();
	SHAKE_HANDS(&silent);
	ASK(&silent, GETCACERT);
	SHAKE_HANDS(&t);
	DROPS(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT))));
	pass_ticks(5 * HZ + 1);
	PASSES_AS(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT))),
		  SEG(.port = silent.port, RESET_(silent.isn + 1), .hops = WIRE_OWN_HOPS));
	assert_int_equal(counted(SG_COUNTER_RECLAIMED), 1);
	ASK(&t, GETCACERT);
	JOIN(&t, GETCACERT);
}

static void who_asks_too_often_does_not_wait(void **state)
{
	struct talk t = TALK(1001);

	(void)state;
	fresh_intercept();
	guard.live.source_default =
		(struct sg_source_limits){.interval_ticks = 60 * HZ, .burst = 1};
	write_live();
	begun(1000);
	SHAKE_HANDS(&t);
	DROPS(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(PAGE))));
	assert_int_equal(counted(SG_COUNTER_HELD), 0);
	assert_int_equal(stats().verdicts[SG_PRIORITY_OTHER][SG_REASON_SOURCE_RATE], 1);
	/* Another one does. */
	net = &others[0];
	HELD(&t, PAGE);
}

/* ---- the end of its time ---- */

static void at_the_end_of_its_time_it_is_told_to_come_back(void **state)
{
	struct talk t = TALK(1001);
	__u32 slot;

	(void)state;
	for (int injected = 0; injected < 2; injected++) {
		struct sg_frame frame;

		fresh_intercept();
		begun(1000);
		slot = HELD(&t, GETCACERT);
		pass_s(HOLD_S);
		turnkeeper_lives();
		DROPS(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT))));
		assert_int_equal(counted(SG_COUNTER_HELD_EXPIRED), 0);
		pass_ticks(1);
		frame = frame_at(slot);
		if (injected)
			assert_int_equal(run_frame(frame.frame, frame.len, frame.ifindex), XDP_TX);
		else
			assert_int_equal(run_seg(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT)))),
					 XDP_TX);
		expect_frame(SEG(AT_CLIENT(&t, 0, ASKED, WIRE_FIN | WIRE_PSH | WIRE_ACK,
					   BYTES(COME_BACK), .window = 536),
				 MADE),
			     0, __LINE__);
		assert_int_equal(counted(SG_COUNTER_HELD_EXPIRED), 1);
		assert_int_equal(counted(SG_COUNTER_EDGE_BUSY), 1);
		assert_int_equal(intercept_now().waiting[SG_PRIORITY_BOOTSTRAP], 0);
		assert_int_equal(frames_in(SG_FRAME_WAITING, NULL), 0);
	}
}

static void the_daemon_takes_it_out(void **state)
{
	struct talk t = TALK(1001);
	__u32 slot;

	(void)state;
	fresh_intercept();
	begun(1000);
	slot = HELD(&t, GETCACERT);
	assert_true(expires(slot));
	assert_false(expires(slot));
	assert_false(turn(slot, NULL));
	assert_int_equal(frames_in(SG_FRAME_WAITING, NULL), 0);
	assert_int_equal(intercept_now().waiting[SG_PRIORITY_BOOTSTRAP], 0);
	/* Its client asks anew. */
	HELD(&t, GETCACERT);
}

static void a_turn_nobody_comes_for_is_given_back(void **state)
{
	struct talk first, t = TALK(1001);
	__u32 slot;

	(void)state;
	fresh_intercept();
	first = begun(1000);
	slot = HELD(&t, GETCACERT);
	gives_way(&first);
	assert_true(turn(slot, NULL));
	assert_false(expires(slot));
	pass_ticks(HOLD_S * HZ + 1);
	assert_true(expires(slot));
	assert_int_equal(budget()->slots_used, 0);
}

/* Its slot is free for others by then: it asks again. */
static void a_turn_that_comes_too_late(void **state)
{
	struct talk first, t = TALK(1001);
	__u32 slot;

	(void)state;
	fresh_intercept();
	first = begun(1000);
	slot = HELD(&t, GETCACERT);
	gives_way(&first);
	assert_true(turn(slot, NULL));
	pass_ticks(guard.svc.syn_ticks + 1);
	ASK(&t, GETCACERT);
	assert_int_equal(counted(SG_COUNTER_TURNS), 0);
	assert_int_equal(budget()->slots_used, 1);
	JOIN(&t, GETCACERT);
}

static void who_resets_waits_no_more(void **state)
{
	struct talk t = TALK(1001);

	(void)state;
	fresh_intercept();
	begun(1000);
	HELD(&t, GETCACERT);
	/* Half closed it waits. */
	DROPS(SEG(CLIENT(&t, ASKED, 0, WIRE_FIN | WIRE_ACK)));
	assert_int_equal(frames_in(SG_FRAME_WAITING, NULL), 1);
	DROPS(SEG(CLIENT(&t, ASKED + 1, 0, WIRE_RST | WIRE_ACK)));
	assert_int_equal(frames_in(SG_FRAME_WAITING, NULL), 1);
	DROPS(SEG(CLIENT(&t, ASKED, 0, WIRE_RST | WIRE_ACK)));
	assert_int_equal(frames_in(SG_FRAME_WAITING, NULL), 0);
	assert_int_equal(intercept_now().waiting[SG_PRIORITY_BOOTSTRAP], 0);
}

/* A FIN behind it that looks like one of a client which asks nothing: once in 64. */
static void half_closed_it_waits(void **state)
{
	static char bytes[600] = GETCACERT;
	const uint64_t *key;
	struct talk t = TALK(1001);
	uint32_t len = ASKED;

	(void)state;
	fresh_intercept();
	begun(1000);
	memset(bytes + ASKED - 2, 'x', sizeof(bytes) - ASKED + 1);
	key = (const uint64_t *)guard.live.cookie_key[BEGIN_SLOT / 128 % 2];
	while (wire_cookie_first(net, key, t.port, t.isn + len) !=
	       wire_cookie_first(net, key, t.port, t.isn))
		len++;
	assert_true(len < sizeof(bytes));
	bytes[len] = 0;
	HELD(&t, bytes);
	DROPS(SEG(CLIENT(&t, len, 0, WIRE_FIN | WIRE_ACK)));
	assert_int_equal(frames_in(SG_FRAME_WAITING, NULL), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_held_and_injected_in_its_turn),
		cmocka_unit_test(its_own_segment_takes_the_turn),
		cmocka_unit_test(what_came_unfinished_is_stored_finished),
		cmocka_unit_test(a_request_that_grows_is_held_as_what_it_is_now),
		cmocka_unit_test(what_was_answered_meanwhile_needs_no_turn),
		cmocka_unit_test(its_place_is_dated_when_its_syn_goes),
		cmocka_unit_test(a_turn_is_for_what_was_held_only),
		cmocka_unit_test(whoever_comes_waits_behind_those_who_wait),
		cmocka_unit_test(without_a_daemon_whoever_comes_is_admitted),
		cmocka_unit_test(an_expired_slot_heals_without_a_daemon),
		cmocka_unit_test(who_asks_too_often_does_not_wait),
		cmocka_unit_test(at_the_end_of_its_time_it_is_told_to_come_back),
		cmocka_unit_test(the_daemon_takes_it_out),
		cmocka_unit_test(a_turn_nobody_comes_for_is_given_back),
		cmocka_unit_test(a_turn_that_comes_too_late),
		cmocka_unit_test(who_resets_waits_no_more),
		cmocka_unit_test(half_closed_it_waits),
	};

	return cmocka_run_group_tests(tests, once, end_intercept);
}
