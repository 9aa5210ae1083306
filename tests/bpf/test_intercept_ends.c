// SPDX-License-Identifier: GPL-2.0-only
/* Intercept, packet by packet: every way in which joined connections end, and what comes after their end. */
#include "intercept.h"

/* The connection's time is over, and the daemon ends it. */
static void end_by_daemon(const struct talk *t)
{
	struct sg_end_call call = {.key = {.client_port = htons(t->port), .endpoint = 1},
				   .generation = conn_now(t).generation};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &call, .ctx_size_in = sizeof(call));

	call.key.client.w[2] = htonl(0xffff);
	inet_pton(AF_INET, net->client, &call.key.client.w[3]);
	pass_ticks(guard.svc.life_ticks + 1);
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(guard.skel->progs.sg_end), &opts),
			 0);
	assert_int_equal(call.ended, 1);
	assert_int_equal(budget()->slots_used, 0);
}

/* ---- resets ---- */

static void the_client_resets(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	SPLICE(&t, GETCACERT);
	ca_answers(&t);
	/* Not in sequence: the CA decides. */
	PASSES_AS(SEG(CLIENT(&t, ASKED + 7, 0, WIRE_RST)), SEG(AT_CA(&t, ASKED + 7, 0, WIRE_RST)));
	assert_false(conn_now(&t).flags & SG_CONN_ABANDONED);
	PASSES_AS(SEG(CLIENT(&t, ASKED, 0, WIRE_RST)), SEG(AT_CA(&t, ASKED, 0, WIRE_RST)));
	assert_true(conn_now(&t).flags & SG_CONN_ABANDONED);
	/* And it gets what the CA may still send. */
	PASSES_AS(SEG(CA(&t, ANSWERED, ASKED, WIRE_ACK, BYTES("x"))),
		  SEG(AT_CLIENT(&t, ANSWERED, ASKED, WIRE_ACK, BYTES("x"))));
}

static void the_ca_resets(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	for (size_t n = 0; n < NETS; n++, t.port++) {
		net = &nets[n];
		SPLICE(&t, GETCACERT);
		ca_answers(&t);
		PASSES_AS(SEG(CA(&t, ANSWERED, ASKED, WIRE_RST | WIRE_ACK)),
			  SEG(AT_CLIENT(&t, ANSWERED, ASKED, WIRE_RST | WIRE_ACK)));
		assert_int_equal(conn_now(&t).state, SG_CONN_CLOSED);
		nothing_is_held();
	}
}

static void the_ca_refuses(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	for (size_t n = 0; n < NETS; n++) {
		fresh_intercept();
		net = &nets[n];
		SHAKE_HANDS(&t);
		ASK(&t, GETCACERT);
		/* The client believes itself connected: exactly in its sequence. */
		PASSES_AS(SEG(.from_ca = true, .port = t.port, .seq = 0, .ack = t.isn + 1,
			      .flags = WIRE_RST | WIRE_ACK, .no_window = true),
			  SEG(AT_CLIENT(&t, 0, 0, WIRE_RST | WIRE_ACK, .no_window = true)));
		assert_int_equal(conn_now(&t).state, SG_CONN_CLOSED);
		assert_int_equal(counted(SG_COUNTER_CONN_REFUSED_BY_CA), 1);
		assert_int_equal(budget()->slots_used, 0);
	}
}

static void the_client_resets_while_the_syn_is_on_its_way(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	SHAKE_HANDS(&t);
	ASK(&t, GETCACERT);
	DROPS(SEG(CLIENT(&t, ASKED, 0, WIRE_RST)));
	assert_true(conn_now(&t).flags & SG_CONN_ABANDONED);
	/* The CA's half-open connection must go. */
	SENT_BACK(SEG(CA(&t, -1u, 0, WIRE_SYN | WIRE_ACK)),
		  SEG(.port = t.port, RESET_(t.isn + 1), MADE));
	assert_int_equal(conn_now(&t).state, SG_CONN_CLOSED);
	assert_int_equal(budget()->slots_used, 0);
}

static void a_syn_ack_to_what_was_given_up_is_reset(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	SHAKE_HANDS(&t);
	ASK(&t, GETCACERT);
	pass_s(31);
	SENT_BACK(SEG(CA(&t, -1u, 0, WIRE_SYN | WIRE_ACK)),
		  SEG(.port = t.port, RESET_(t.isn + 1), MADE));
	assert_int_equal(counted(SG_COUNTER_LATE_SYN_ACK), 1);
	assert_int_equal(conn_now(&t).state, SG_CONN_CLOSED);
	assert_int_equal(budget()->slots_used, 0);
	/* The client, who knows nothing of it, asks anew. */
	ASK(&t, GETCACERT);
	JOIN(&t, GETCACERT);
}

/* ---- other bytes ---- */

static void other_bytes_while_the_syn_is_on_its_way_end_it(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	for (size_t n = 0; n < NETS; n++, t.port++) {
		net = &nets[n];
		SHAKE_HANDS(&t);
		ASK(&t, GETCACERT);
		SENT_BACK(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(QUESTION))),
			  SEG(.from_ca = true, .port = t.port, RESET_(t.cookie + 1), MADE));
		assert_int_equal(counted(SG_COUNTER_MISMATCHES), 1);
		SENT_BACK(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT))),
			  SEG(.from_ca = true, .port = t.port, RESET_(t.cookie + 1), MADE));
		SENT_BACK(SEG(CA(&t, -1u, 0, WIRE_SYN | WIRE_ACK)),
			  SEG(.port = t.port, RESET_(t.isn + 1), MADE));
		assert_int_equal(conn_now(&t).state, SG_CONN_CLOSED);
	}
	nothing_is_held();
}

/* Where both have bytes, and only there. */
static void overlaps(void **state)
{
	static const struct {
		uint32_t from;
		const char *bytes;
		bool same;
	} rows[] = {
		{0, "GET /cgi-bin", true},
		{0, GETCACERT "more", true},
		{4, "/cgi-bin/", true},
		{ASKED - 1, "\nrest", true},
		{ASKED, "anything", true},
		{4, "/cgi-bin?", false},
		{ASKED - 1, "xrest", false},
		{0, "H", false},
		{0, "GET /cgi-bin/pkiclient.exe?operation=GetCACert&message=cb", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *bytes = rows[i].bytes;
		struct talk t = TALK(1000);

		fresh_intercept();
		SPLICE(&t, GETCACERT);
		if (rows[i].same) {
			PASSES_AS(SEG(CLIENT(&t, rows[i].from, 0, WIRE_ACK, .bytes = bytes,
					     .len = strlen(bytes))),
				  SEG(AT_CA(&t, rows[i].from, 0, WIRE_ACK, .bytes = bytes,
					    .len = strlen(bytes))));
			continue;
		}
		SENT_BACK(SEG(CLIENT(&t, rows[i].from, 0, WIRE_ACK, .bytes = bytes,
				     .len = strlen(bytes))),
			  SEG(.from_ca = true, .port = t.port, RESET_(t.cookie + 1), MADE));
		/* The CA is told with its next packet. */
		SENT_BACK(SEG(CA(&t, 0, ASKED, WIRE_ACK, BYTES(ANSWER))),
			  SEG(.port = t.port, RESET_(t.isn + 1 + ASKED), MADE));
		assert_int_equal(conn_now(&t).state, SG_CONN_CLOSED);
		assert_int_equal(counted(SG_COUNTER_MISMATCHES), 1);
		nothing_is_held();
	}
}

/* What the CA would not take proves nothing. */
static void other_bytes_with_a_wrong_checksum_are_none(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	SPLICE(&t, GETCACERT);
	DROPS(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES("other"), .bad_sum = true)));
	/* And the CA would take bytes from before the first off, and read on. */
	DROPS(SEG(CLIENT(&t, -3u, 0, WIRE_ACK, BYTES("xyz" GETCACERT))));
	assert_int_equal(counted(SG_COUNTER_MISMATCHES), 0);
	ca_answers(&t);
}

/* ---- afterwards ---- */

/* As what it is: of a connection that is over at the CA. Never as a SYN. */
static void a_late_copy_of_the_request_opens_nothing(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	for (unsigned int age = 0; age < 6; age++) {
		fresh_intercept();
		SPLICE(&t, GETCACERT);
		ca_answers(&t);
		close_both(&t, ASKED, ANSWERED);
		clock_set((BEGIN_SLOT + age) * SLOT + SLOT - 1);
		PASSES_AS(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT))),
			  SEG(AT_CA(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT))));
		/* It says so. */
		PASSES_AS(SEG(.from_ca = true, .port = t.port, .seq = t.ca_isn + 1,
			      .flags = WIRE_RST, .no_window = true),
			  SEG(.from_ca = true, .port = t.port, .seq = t.cookie + 1,
			      .flags = WIRE_RST, .no_window = true));
		assert_int_equal(conn_now(&t).state, SG_CONN_CLOSED);
	}
}

/* What was lost behind the guard, which has seen both ends close, the CA still waits for. */
static void bytes_lost_behind_the_guard_come_again(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	SPLICE(&t, GETCACERT);
	ca_answers(&t);
	PASSES_AS(SEG(CLIENT(&t, ASKED, ANSWERED, WIRE_ACK, BYTES("lost"))),
		  SEG(AT_CA(&t, ASKED, ANSWERED, WIRE_ACK, BYTES("lost"))));
	PASSES_AS(SEG(CLIENT(&t, ASKED + 4, ANSWERED, WIRE_FIN | WIRE_ACK)),
		  SEG(AT_CA(&t, ASKED + 4, ANSWERED, WIRE_FIN | WIRE_ACK)));
	PASSES_AS(SEG(CA(&t, ANSWERED, ASKED, WIRE_FIN | WIRE_ACK)),
		  SEG(AT_CLIENT(&t, ANSWERED, ASKED, WIRE_FIN | WIRE_ACK)));
	assert_int_equal(conn_now(&t).state, SG_CONN_CLOSED);
	PASSES_AS(SEG(CLIENT(&t, ASKED, ANSWERED + 1, WIRE_FIN | WIRE_ACK, BYTES("lost"))),
		  SEG(AT_CA(&t, ASKED, ANSWERED + 1, WIRE_FIN | WIRE_ACK, BYTES("lost"))));
	PASSES_AS(SEG(CA(&t, ANSWERED + 1, ASKED + 5, WIRE_ACK)),
		  SEG(AT_CLIENT(&t, ANSWERED + 1, ASKED + 5, WIRE_ACK)));
}

/* The FIN overtakes the bytes before it, in front of the guard, and the CA puts them in order: it counts by its ACK, and
 * what the client says last still belongs to it.
 */
static void an_overtaken_fin(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	SPLICE(&t, GETCACERT);
	ca_answers(&t);
	PASSES_AS(SEG(CLIENT(&t, ASKED + 4, ANSWERED, WIRE_FIN | WIRE_ACK)),
		  SEG(AT_CA(&t, ASKED + 4, ANSWERED, WIRE_FIN | WIRE_ACK)));
	PASSES_AS(SEG(CLIENT(&t, ASKED, ANSWERED, WIRE_ACK, BYTES("late"))),
		  SEG(AT_CA(&t, ASKED, ANSWERED, WIRE_ACK, BYTES("late"))));
	assert_int_equal(conn_now(&t).state, SG_CONN_ESTABLISHED);
	PASSES_AS(SEG(CA(&t, ANSWERED, ASKED + 5, WIRE_FIN | WIRE_ACK)),
		  SEG(AT_CLIENT(&t, ANSWERED, ASKED + 5, WIRE_FIN | WIRE_ACK)));
	assert_int_equal(conn_now(&t).state, SG_CONN_CLOSED);
	PASSES_AS(SEG(CLIENT(&t, ASKED + 5, ANSWERED + 1, WIRE_ACK)),
		  SEG(AT_CA(&t, ASKED + 5, ANSWERED + 1, WIRE_ACK)));
}

/* Nothing that was seen is forgotten with it. */
static void a_late_syn_ack_sets_nothing_back(void **state)
{
	struct talk t = TALK(1000);
	__u32 end;

	(void)state;
	fresh_intercept();
	SPLICE(&t, GETCACERT);
	PASSES_AS(SEG(CLIENT(&t, ASKED, 0, WIRE_FIN | WIRE_ACK, BYTES("more"))),
		  SEG(AT_CA(&t, ASKED, 0, WIRE_FIN | WIRE_ACK, BYTES("more"))));
	end = conn_now(&t).client.end;
	assert_int_equal(end, t.isn + 1 + ASKED + 5);
	JOIN(&t, GETCACERT);
	assert_int_equal(conn_now(&t).client.end, end);
}

static void an_address_and_port_used_again(void **state)
{
	struct talk t = TALK(1000), again;

	(void)state;
	fresh_intercept();
	SPLICE(&t, GETCACERT);
	ca_answers(&t);
	close_both(&t, ASKED, ANSWERED);
	again = t;
	again.isn += 5000;
	again.ca_isn += 7777777;
	SPLICE(&again, GETCACERT);
	ca_answers(&again);
	close_both(&again, ASKED, ANSWERED);
	nothing_is_held();
}

/* A late copy of the connection before proves its cookie, but is served. */
static void a_copy_of_the_one_before_does_not_end_this_one(void **state)
{
	struct talk t = TALK(1000), again;

	(void)state;
	fresh_intercept();
	SPLICE(&t, GETCACERT);
	ca_answers(&t);
	close_both(&t, ASKED, ANSWERED);
	again = t;
	again.isn += 5000000;
	again.ca_isn += 7777777;
	SPLICE(&again, GETCACERT);
	DROPS(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT))));
	assert_int_equal(conn_now(&again).state, SG_CONN_ESTABLISHED);
	ca_answers(&again);
	close_both(&again, ASKED, ANSWERED);
	DROPS(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT))));
	assert_int_equal(conn_now(&again).client.isn, again.isn);
}

/* Nor does a copy of its own, when it has gone so far that this is no neighbour any more. */
static void a_copy_from_far_back_does_not_end_it(void **state)
{
	struct talk t = TALK(1000);
	uint32_t far = ASKED;

	(void)state;
	fresh_intercept();
	SPLICE(&t, GETCACERT);
	ca_answers(&t);
	for (int i = 0; i < 3; i++) {
		far += 1000000;
		PASSES_AS(SEG(CLIENT(&t, far, ANSWERED, WIRE_ACK, BYTES("x"))),
			  SEG(AT_CA(&t, far, ANSWERED, WIRE_ACK, BYTES("x"))));
	}
	DROPS(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT))));
	assert_int_equal(conn_now(&t).state, SG_CONN_ESTABLISHED);
}

/* The old one was never seen to end: it is ended at the CA first. */
static void an_address_and_port_used_again_while_open(void **state)
{
	struct talk t = TALK(1000), again;

	(void)state;
	fresh_intercept();
	for (size_t n = 0; n < NETS; n++, t.port++) {
		net = &nets[n];
		SPLICE(&t, GETCACERT);
		ca_answers(&t);
		again = t;
		again.isn += 5000000;
		again.ca_isn += 7777777;
		SHAKE_HANDS(&again);
		PASSES_AS(SEG(CLIENT(&again, 0, 0, WIRE_ACK, BYTES(GETCACERT))),
			  SEG(.port = t.port, RESET_(t.isn + 1 + ASKED), .hops = WIRE_OWN_HOPS));
		assert_int_equal(conn_now(&t).state, SG_CONN_CLOSED);
		ASK(&again, GETCACERT);
		JOIN(&again, GETCACERT);
		assert_int_equal(budget()->slots_used, n + 1);
	}
}

/* What the daemon sends for one whose time is over: both RSTs in the CA's numbers, as if they came from the other. */
static void resets_of_the_daemon_reach_both_ends(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	SPLICE(&t, GETCACERT);
	ca_answers(&t);
	end_by_daemon(&t);
	PASSES_AS(SEG(CA(&t, ANSWERED, 0, WIRE_RST)), SEG(AT_CLIENT(&t, ANSWERED, 0, WIRE_RST)));
	PASSES_AS(SEG(CLIENT(&t, ASKED, 0, WIRE_RST)), SEG(AT_CA(&t, ASKED, 0, WIRE_RST)));
}

static void the_daemon_ends_what_the_guard_has_cut(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	SPLICE(&t, GETCACERT);
	SENT_BACK(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES("other"))),
		  SEG(.from_ca = true, .port = t.port, RESET_(t.cookie + 1), MADE));
	end_by_daemon(&t);
	/* The CA never spoke since: this frees its slot. */
	PASSES_AS(SEG(CLIENT(&t, 0, 0, WIRE_RST)), SEG(AT_CA(&t, 0, 0, WIRE_RST)));
}

/* Its SYN-ACK may have been lost: half-open connections count at the CA. */
static void the_daemon_ends_what_the_ca_never_answered(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	SHAKE_HANDS(&t);
	ASK(&t, GETCACERT);
	end_by_daemon(&t);
	t.ca_isn = 0;
	PASSES_AS(SEG(CLIENT(&t, 0, 0, WIRE_RST)), SEG(AT_CA(&t, 0, 0, WIRE_RST)));
}

/* Began as PKIOperation, and was none: its end does not reach the CA. */
static void who_breaks_its_word_is_ended(void **state)
{
	static char bytes[600];
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	memset(bytes, 'M', sizeof(bytes));
	memcpy(bytes, "GET /scep?message=MII", 21);
	SHAKE_HANDS(&t);
	first_segment(&t, bytes, sizeof(bytes), __LINE__);
	ca_joins(&t, bytes, sizeof(bytes), __LINE__);
	SENT_BACK(SEG(CLIENT(&t, sizeof(bytes), 0, WIRE_ACK,
			     BYTES("&operation=GetNextCACert HTTP/1.1\r\n\r\n"))),
		  SEG(.from_ca = true, .port = t.port, RESET_(t.cookie + 1), MADE));
	assert_int_equal(counted(SG_COUNTER_PROVISIONAL_ENDED), 1);
	SENT_BACK(SEG(CA(&t, 0, sizeof(bytes), WIRE_ACK)),
		  SEG(.port = t.port, RESET_(t.isn + 1 + sizeof(bytes)), MADE));
	nothing_is_held();
}

/* The CA's silence after a segment that dies behind the guard would be nobody's: the SYN has the guard's own hops. */
static void few_hops_left_make_nobody_deaf(void **state)
{
	struct talk good = TALK(1000);

	(void)state;
	for (size_t n = 0; n < NETS; n++) {
		struct talk t = TALK(1001);

		fresh_intercept();
		net = &nets[n];
		good = (struct talk)TALK(1000);
		SPLICE(&good, GETCACERT);
		SHAKE_HANDS(&t);
		PASSES_AS(SEG(CLIENT(&t, 0, 0, WIRE_PSH | WIRE_ACK, BYTES(GETCACERT), .hops = 2)),
			  SEG(.port = t.port, .seq = t.isn, .flags = WIRE_SYN,
			      .hops = WIRE_OWN_HOPS, .mss = GUARD_MSS));
	}
}

/* A window with which the checksum of t's request is the sum of the pseudo header, so that it looks only begun. */
static uint16_t window_that_looks_begun(const struct talk *t)
{
	uint8_t frame[WIRE_MAX];

	for (uint32_t window = 1; window < 65536; window++) {
		size_t len = wire_build(net,
					SEG(CLIENT(t, 0, 0, WIRE_PSH | WIRE_ACK, BYTES(GETCACERT),
						   .window = (uint16_t)window)),
					frame);
		const uint8_t *tcp = frame + wire_l4(net);
		uint32_t field = (uint32_t)tcp[16] << 8 | tcp[17];

		if (field == wire_pseudo(frame + wire_l3(net), len - wire_l4(net)))
			return (uint16_t)window;
	}
	fail_msg("none does");
	return 0;
}

/* The SYN made of it goes over a wire: its sum is finished. */
static void a_finished_sum_that_looks_only_begun(void **state)
{
	(void)state;
	for (size_t n = 0; n < NETS; n++) {
		struct talk t = TALK(1000);
		uint16_t window;

		fresh_intercept();
		net = &nets[n];
		SHAKE_HANDS(&t);
		window = window_that_looks_begun(&t);
		PASSES_AS(SEG(CLIENT(&t, 0, 0, WIRE_PSH | WIRE_ACK, BYTES(GETCACERT),
				     .window = window)),
			  SEG(.port = t.port, .seq = t.isn, .flags = WIRE_SYN,
			      .hops = WIRE_OWN_HOPS, .window = window, .mss = GUARD_MSS));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_client_resets),
		cmocka_unit_test(the_ca_resets),
		cmocka_unit_test(the_ca_refuses),
		cmocka_unit_test(the_client_resets_while_the_syn_is_on_its_way),
		cmocka_unit_test(a_syn_ack_to_what_was_given_up_is_reset),
		cmocka_unit_test(few_hops_left_make_nobody_deaf),
		cmocka_unit_test(a_finished_sum_that_looks_only_begun),
		cmocka_unit_test(other_bytes_while_the_syn_is_on_its_way_end_it),
		cmocka_unit_test(overlaps),
		cmocka_unit_test(other_bytes_with_a_wrong_checksum_are_none),
		cmocka_unit_test(a_late_copy_of_the_request_opens_nothing),
		cmocka_unit_test(bytes_lost_behind_the_guard_come_again),
		cmocka_unit_test(an_overtaken_fin),
		cmocka_unit_test(a_late_syn_ack_sets_nothing_back),
		cmocka_unit_test(an_address_and_port_used_again),
		cmocka_unit_test(a_copy_of_the_one_before_does_not_end_this_one),
		cmocka_unit_test(a_copy_from_far_back_does_not_end_it),
		cmocka_unit_test(an_address_and_port_used_again_while_open),
		cmocka_unit_test(resets_of_the_daemon_reach_both_ends),
		cmocka_unit_test(the_daemon_ends_what_the_guard_has_cut),
		cmocka_unit_test(the_daemon_ends_what_the_ca_never_answered),
		cmocka_unit_test(who_breaks_its_word_is_ended),
	};

	return cmocka_run_group_tests(tests, once, end_intercept);
}
