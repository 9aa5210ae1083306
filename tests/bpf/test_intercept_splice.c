// SPDX-License-Identifier: GPL-2.0-only
/* Intercept, packet by packet: a client's connection and the CA's, joined: how it begins, both directions, and every
 * way it ends.
 */
#include "intercept.h"

/* Numbers at which something wraps. */
static const struct talk talks[] = {
	{.port = 1000, .isn = 100, .ca_isn = 900},
	{.port = 1001, .isn = 0xffffffff, .ca_isn = 0xffffffff},
	{.port = 1002, .isn = 0xfffffff0, .ca_isn = 0},
	{.port = 1003, .isn = 0x7ffffff0, .ca_isn = 0x7fffffff},
	{.port = 1004, .isn = 0, .ca_isn = 0xfffffffe},
	{.port = 1005, .isn = 0x80000000, .ca_isn = 0xffffffe0},
};

/* ---- the beginning ---- */

static void first_segments_of_any_size_are_replayed(void **state)
{
	static char bytes[1400] = GETCACERT;
	static const size_t lens[] = {1, 2, 3, 4, 5, 255, 535, 536, 1360};
	struct talk t = TALK(1000);

	(void)state;
	memset(bytes + ASKED - 2, 'x', sizeof(bytes) - ASKED + 2);
	for (size_t n = 0; n < NETS; n++) {
		fresh_intercept();
		net = &nets[n];
		for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++, t.port++) {
			SHAKE_HANDS(&t);
			first_segment(&t, bytes, lens[i], __LINE__);
			assert_int_equal(conn_now(&t).state, SG_CONN_SYN_SENT);
			ca_joins(&t, bytes, lens[i], __LINE__);
			assert_int_equal(conn_now(&t).state, SG_CONN_ESTABLISHED);
		}
		assert_int_equal(counted(SG_COUNTER_SPLICED), sizeof(lens) / sizeof(lens[0]));
	}
}

static void the_syn_offers_the_smaller_mss(void **state)
{
	static const uint16_t offered[][2] = {{1460, 1360}, {1360, 1360}, {1359, 1220}, {536, 536}};
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	for (int i = 0; i < 4; i++, t.port++) {
		shake_hands(&t, offered[i][0], __LINE__);
		PASSES_AS(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT))),
			  SEG(.port = t.port, .seq = t.isn, .flags = WIRE_SYN,
			      .hops = WIRE_OWN_HOPS, .mss = offered[i][1]));
	}
}

static void an_unfinished_checksum_goes_through_both_ways(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	for (size_t n = 0; n < NETS; n++, t.port++) {
		net = &nets[n];
		SHAKE_HANDS(&t);
		PASSES_AS(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT), .partial = true)),
			  SEG(.port = t.port, .seq = t.isn, .flags = WIRE_SYN,
			      .hops = WIRE_OWN_HOPS, .mss = GUARD_MSS, .partial = true));
		/* What the guard sends back is finished. */
		SENT_BACK(SEG(CA(&t, -1u, 0, WIRE_SYN | WIRE_ACK, .partial = true)),
			  SEG(AT_CA(&t, 0, 0, WIRE_PSH | WIRE_ACK, BYTES(GETCACERT)), MADE));
		PASSES_AS(SEG(CA(&t, 0, ASKED, WIRE_ACK, BYTES(ANSWER), .partial = true)),
			  SEG(AT_CLIENT(&t, 0, ASKED, WIRE_ACK, BYTES(ANSWER), .partial = true)));
		PASSES_AS(SEG(CLIENT(&t, ASKED, ANSWERED, WIRE_ACK, .partial = true)),
			  SEG(AT_CA(&t, ASKED, ANSWERED, WIRE_ACK, .partial = true)));
		/* The stack finishes those of its RSTs itself. */
		PASSES_AS(SEG(CLIENT(&t, ASKED, ANSWERED, WIRE_RST | WIRE_ACK)),
			  SEG(AT_CA(&t, ASKED, ANSWERED, WIRE_RST | WIRE_ACK)));
	}
}

/* Nothing is made right that came wrong. */
static void a_wrong_checksum_stays_wrong(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	SPLICE(&t, GETCACERT);
	ca_answers(&t);
	PASSES_AS(SEG(CA(&t, ANSWERED, ASKED, WIRE_ACK, BYTES("more"), .bad_sum = true)),
		  SEG(AT_CLIENT(&t, ANSWERED, ASKED, WIRE_ACK, BYTES("more"), .bad_sum = true)));
	PASSES_AS(SEG(CLIENT(&t, ASKED, ANSWERED, WIRE_ACK, BYTES("more"), .bad_sum = true)),
		  SEG(AT_CA(&t, ASKED, ANSWERED, WIRE_ACK, BYTES("more"), .bad_sum = true)));
}

static void a_syn_ack_that_comes_again_is_acknowledged_again(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	SPLICE(&t, GETCACERT);
	JOIN(&t, GETCACERT);
	assert_int_equal(counted(SG_COUNTER_SPLICED), 1);
	/* Another one than before is none of this connection. */
	DROPS(SEG(CA(&t, 76, 0, WIRE_SYN | WIRE_ACK)));
	DROPS(SEG(CA(&t, -1u, 5, WIRE_SYN | WIRE_ACK)));
	ca_answers(&t);
	/* It has the bytes by now. */
	SENT_BACK(SEG(CA(&t, -1u, 0, WIRE_SYN | WIRE_ACK)),
		  SEG(AT_CA(&t, 0, 0, WIRE_ACK, .window = 4321), MADE));
	close_both(&t, ASKED, ANSWERED);
}

static void a_lost_syn_goes_again_with_the_first_segment(void **state)
{
	struct talk t = TALK(1000), other = TALK(1001);

	(void)state;
	fresh_intercept();
	SHAKE_HANDS(&t);
	ASK(&t, GETCACERT);
	DROPS(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT))));
	DROPS(SEG(CLIENT(&t, 0, 0, WIRE_ACK)));
	/* The CA was heard meanwhile: it was the SYN that got lost. */
	pass_ticks(HZ / 5);
	SPLICE(&other, GETCACERT);
	ASK(&t, GETCACERT);
	assert_int_equal(counted(SG_COUNTER_SYN_RESENT), 1);
	JOIN(&t, GETCACERT);
}

static void a_silent_ca_is_asked_less_and_less(void **state)
{
	static const struct {
		unsigned int after_ms;
		bool goes;
	} rows[] = {{1996, false}, {2000, true},   {3000, false},  {5996, false},
		    {6000, true},  {13996, false}, {14000, false}, {19000, false}};
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	guard.svc.syn_ticks = 20 * HZ;
	write_service();
	SHAKE_HANDS(&t);
	ASK(&t, GETCACERT);
	/* Three times in all: what is sent into a pause is answered after it, all at once. */
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		clock_set(BEGIN_TICKS + rows[i].after_ms * HZ / 1000);
		if (rows[i].goes)
			ASK(&t, GETCACERT);
		else
			DROPS(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT))));
	}
	JOIN(&t, GETCACERT);
}

/* It remembers a connection before on this port (TIME_WAIT): told that there is none, it takes the SYN. */
static void a_ca_that_remembers_is_made_to_forget(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	for (size_t n = 0; n < NETS; n++, t.port++) {
		net = &nets[n];
		SHAKE_HANDS(&t);
		ASK(&t, GETCACERT);
		DROPS(SEG(.from_ca = true, .port = t.port, .seq = 4711, .ack = t.isn + 1,
			  .flags = WIRE_ACK));
		DROPS(SEG(.from_ca = true, .port = t.port, .seq = 4711, .ack = 5,
			  .flags = WIRE_FIN));
		DROPS(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT))));
		SENT_BACK(SEG(.from_ca = true, .port = t.port, .seq = 4711, .ack = 0x01020304,
			      .flags = WIRE_ACK),
			  SEG(.port = t.port, RESET_(0x01020304), MADE));
		/* At once with the next copy. */
		ASK(&t, GETCACERT);
		JOIN(&t, GETCACERT);
	}
}

static void a_request_in_segments(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	SPLICE(&t, "GET /cgi-bin/pkiclient.exe?oper");
	PASSES_AS(SEG(CLIENT(&t, 31, 0, WIRE_ACK, BYTES("ation=GetCACert HTTP/1.1\r\n"))),
		  SEG(AT_CA(&t, 31, 0, WIRE_ACK, BYTES("ation=GetCACert HTTP/1.1\r\n"))));
	assert_int_equal(conn_now(&t).client.request_class, SG_REQUEST_GETCACERT);
	PASSES_AS(SEG(CLIENT(&t, 57, 0, WIRE_ACK, BYTES("\r\n"))),
		  SEG(AT_CA(&t, 57, 0, WIRE_ACK, BYTES("\r\n"))));
}

/* ---- both directions ---- */

static void numbers_are_moved_both_ways(void **state)
{
	(void)state;
	for (size_t n = 0; n < NETS; n++) {
		fresh_intercept();
		net = &nets[n];
		for (size_t i = 0; i < sizeof(talks) / sizeof(talks[0]); i++) {
			struct talk t = talks[i];

			SPLICE(&t, GETCACERT);
			ca_answers(&t);
			/* The next request on it. */
			PASSES_AS(SEG(CLIENT(&t, ASKED, ANSWERED, WIRE_ACK, BYTES(GETCACERT))),
				  SEG(AT_CA(&t, ASKED, ANSWERED, WIRE_ACK, BYTES(GETCACERT))));
			PASSES_AS(SEG(CA(&t, ANSWERED, 2 * ASKED, WIRE_ACK, BYTES(ANSWER))),
				  SEG(AT_CLIENT(&t, ANSWERED, 2 * ASKED, WIRE_ACK, BYTES(ANSWER))));
			PASSES_AS(SEG(CLIENT(&t, 2 * ASKED, 2 * ANSWERED, WIRE_ACK)),
				  SEG(AT_CA(&t, 2 * ASKED, 2 * ANSWERED, WIRE_ACK)));
			close_both(&t, 2 * ASKED, 2 * ANSWERED);
		}
		nothing_is_held();
	}
}

static void what_was_stored_is_given_back_when_the_ca_has_it(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	SPLICE(&t, GETCACERT);
	assert_int_equal(frames_in(SG_FRAME_SENT, NULL), 1);
	PASSES_AS(SEG(CA(&t, 0, ASKED - 1, WIRE_ACK)), SEG(AT_CLIENT(&t, 0, ASKED - 1, WIRE_ACK)));
	assert_int_equal(frames_in(SG_FRAME_SENT, NULL), 1);
	PASSES_AS(SEG(CA(&t, 0, ASKED, WIRE_ACK)), SEG(AT_CLIENT(&t, 0, ASKED, WIRE_ACK)));
	assert_int_equal(frames_in(SG_FRAME_SENT, NULL), 0);
}

static void half_closed_by_the_client(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	SHAKE_HANDS(&t);
	/* With the request itself, even: that FIN comes again. */
	PASSES_AS(SEG(CLIENT(&t, 0, 0, WIRE_FIN | WIRE_PSH | WIRE_ACK, BYTES(GETCACERT))),
		  SEG(.port = t.port, .seq = t.isn, .flags = WIRE_SYN, .hops = WIRE_OWN_HOPS,
		      .mss = GUARD_MSS));
	SENT_BACK(SEG(CA(&t, -1u, 0, WIRE_SYN | WIRE_ACK)),
		  SEG(AT_CA(&t, 0, 0, WIRE_PSH | WIRE_ACK, BYTES(GETCACERT)), MADE));
	PASSES_AS(SEG(CLIENT(&t, 0, 0, WIRE_FIN | WIRE_PSH | WIRE_ACK, BYTES(GETCACERT))),
		  SEG(AT_CA(&t, 0, 0, WIRE_FIN | WIRE_PSH | WIRE_ACK, BYTES(GETCACERT))));
	PASSES_AS(SEG(CA(&t, 0, ASKED + 1, WIRE_ACK, BYTES(ANSWER))),
		  SEG(AT_CLIENT(&t, 0, ASKED + 1, WIRE_ACK, BYTES(ANSWER))));
	assert_int_equal(conn_now(&t).state, SG_CONN_ESTABLISHED);
	PASSES_AS(SEG(CLIENT(&t, ASKED + 1, ANSWERED, WIRE_ACK)),
		  SEG(AT_CA(&t, ASKED + 1, ANSWERED, WIRE_ACK)));
	PASSES_AS(SEG(CA(&t, ANSWERED, ASKED + 1, WIRE_FIN | WIRE_ACK)),
		  SEG(AT_CLIENT(&t, ANSWERED, ASKED + 1, WIRE_FIN | WIRE_ACK)));
	assert_int_equal(conn_now(&t).state, SG_CONN_CLOSED);
	PASSES_AS(SEG(CLIENT(&t, ASKED + 1, ANSWERED + 1, WIRE_ACK)),
		  SEG(AT_CA(&t, ASKED + 1, ANSWERED + 1, WIRE_ACK)));
	nothing_is_held();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_segments_of_any_size_are_replayed),
		cmocka_unit_test(the_syn_offers_the_smaller_mss),
		cmocka_unit_test(an_unfinished_checksum_goes_through_both_ways),
		cmocka_unit_test(a_wrong_checksum_stays_wrong),
		cmocka_unit_test(a_syn_ack_that_comes_again_is_acknowledged_again),
		cmocka_unit_test(a_lost_syn_goes_again_with_the_first_segment),
		cmocka_unit_test(a_silent_ca_is_asked_less_and_less),
		cmocka_unit_test(a_ca_that_remembers_is_made_to_forget),
		cmocka_unit_test(a_request_in_segments),
		cmocka_unit_test(numbers_are_moved_both_ways),
		cmocka_unit_test(what_was_stored_is_given_back_when_the_ca_has_it),
		cmocka_unit_test(half_closed_by_the_client),
	};

	return cmocka_run_group_tests(tests, once, end_intercept);
}
