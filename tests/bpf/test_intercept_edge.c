// SPDX-License-Identifier: GPL-2.0-only
/* Intercept, packet by packet: what the CA refused is refused here; and asked again, but seldom. */
#include "intercept.h"

#define REFUSED(code) "HTTP/1.0 " code "\r\nContent-Length: 0\r\n\r\n"
#define HANDED_OUT    "HTTP/1.0 200 OK\r\nContent-Type: application/x-x509-next-ca-cert\r\n\r\n"
#define QUESTION_LEN  (sizeof(QUESTION) - 1)
#define TTL           30
#define NOT_FOUND_LEN (sizeof(NOT_FOUND) - 1)

/* Other clients of the same CA. */
static const struct wire_net others[] = {
	{"a second client", 4, 0, "198.51.100.8", CA_V4},
	{"a third client", 4, 0, "203.0.113.5", CA_V4},
	{"a fourth client", 4, 0, "203.0.113.77", CA_V4},
	{"a fifth client", 4, 0, "10.0.0.1", CA_V4},
};

static __u16 next_port = 3000;

static struct talk new_talk(void)
{
	struct talk t = TALK(next_port);

	next_port++;
	return t;
}

/* The CA answers what was asked on t, and closes. */
static void ca_says(const struct talk *t, const char *asked, const char *text)
{
	uint32_t len = (uint32_t)strlen(asked), answered = (uint32_t)strlen(text);

	PASSES_AS(
		SEG(CA(t, 0, len, WIRE_PSH | WIRE_FIN | WIRE_ACK, .bytes = text, .len = answered)),
		SEG(AT_CLIENT(t, 0, len, WIRE_PSH | WIRE_FIN | WIRE_ACK, .bytes = text,
			      .len = answered)));
	PASSES_AS(SEG(CLIENT(t, len, answered + 1, WIRE_FIN | WIRE_ACK)),
		  SEG(AT_CA(t, len, answered + 1, WIRE_FIN | WIRE_ACK)));
}

/* It goes to the CA, who answers that. */
static void goes_to_the_ca(const char *asked, const char *text, int line)
{
	struct talk t = new_talk();

	SHAKE_HANDS(&t);
	first_segment(&t, asked, strlen(asked), line);
	ca_joins(&t, asked, strlen(asked), line);
	if (text)
		ca_says(&t, asked, text);
}

static struct talk is_answered(const char *asked, const char *text, int line)
{
	struct talk t = new_talk();
	size_t len = strlen(asked);

	SHAKE_HANDS(&t);
	expect_seg(SEG(CLIENT(&t, 0, 0, WIRE_PSH | WIRE_ACK, .bytes = asked, .len = len)), XDP_TX,
		   SEG(AT_CLIENT(&t, 0, (uint32_t)len, WIRE_FIN | WIRE_PSH | WIRE_ACK,
				 .bytes = text, .len = strlen(text), .window = 536),
		       MADE),
		   line);
	return t;
}

#define TO_THE_CA(asked, text)   goes_to_the_ca(asked, text, __LINE__)
#define IS_ANSWERED(asked, text) is_answered(asked, text, __LINE__)

static void learned(void)
{
	struct sg_intercept ic;
	__u32 zero = 0;

	fresh_intercept();
	TO_THE_CA(QUESTION, REFUSED("404 Not Found"));
	assert_int_equal(counted(SG_COUNTER_LEARNED), 1);
	/* As if nothing had been asked for a window before. */
	ic = intercept_now();
	memset(ic.canary_sent, 0, sizeof(ic.canary_sent));
	assert_int_equal(bpf_map_update_elem(map_fd(guard.skel->maps.sg_intercepts), &zero, &ic, 0),
			 0);
}

/* Does anybody wait for the answer to a question that is under way? */
static bool somebody_asks(void)
{
	struct sg_intercept ic = intercept_now();
	bool asks = false;

	for (size_t i = 0; i < SG_ASKING_SLOTS; i++)
		asks |= ic.asking[i].hash != 0;
	return asks;
}

/* ---- the answer ---- */

static void a_refusal_is_repeated_and_leaves_nothing(void **state)
{
	__u32 entries;
	struct talk t;

	(void)state;
	learned();
	entries = conn_count();
	for (size_t n = 0; n < NETS; n++) {
		net = &nets[n];
		t = IS_ANSWERED(QUESTION, NOT_FOUND);
		/* It comes again when the answer is lost. */
		SENT_BACK(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(QUESTION))),
			  SEG(AT_CLIENT(&t, 0, QUESTION_LEN, WIRE_FIN | WIRE_PSH | WIRE_ACK,
					BYTES(NOT_FOUND), .window = 536),
			      MADE));
		/* With its own FIN in the same segment. */
		SENT_BACK(SEG(CLIENT(&t, 0, 0, WIRE_FIN | WIRE_ACK, BYTES(QUESTION))),
			  SEG(AT_CLIENT(&t, 0, QUESTION_LEN + 1, WIRE_FIN | WIRE_PSH | WIRE_ACK,
					BYTES(NOT_FOUND), .window = 536),
			      MADE));
		assert_int_equal(counted(SG_COUNTER_EDGE_STATUS), 3);
	}
	assert_int_equal(conn_count(), entries);
	assert_int_equal(budget()->slots_used, 0);
	assert_int_equal(counted(SG_COUNTER_CANARIES), 0);
}

static void what_lies_behind_the_answer(void **state)
{
	static const struct {
		const char *text, *own;
		const char *status;
		bool busy;
	} rows[] = {
		{NOT_FOUND, NULL, "404 Not Found", false},
		{FORBIDDEN, NULL, "403 Forbidden", false},
		{COME_BACK, NULL, "404 Not Found", true},
		{"HTTP/1.1 404 nothing\r\n\r\n", "HTTP/1.1 404 nothing\r\n\r\n", "404 Not Found",
		 false},
	};
	char answer[200];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t len = (uint32_t)strlen(rows[i].text);
		struct talk t;

		fresh_intercept();
		snprintf(answer, sizeof(answer), "HTTP/1.0 %s\r\n\r\n", rows[i].status);
		TO_THE_CA(QUESTION, answer);
		if (rows[i].own)
			write_edge(SG_EDGE_AS_CA, 404, rows[i].own);
		guard.svc.answer_busy = rows[i].busy;
		write_service();
		t = IS_ANSWERED(QUESTION, rows[i].text);
		DROPS(SEG(CLIENT(&t, QUESTION_LEN, len + 1, WIRE_ACK)));
		DROPS(SEG(CLIENT(&t, QUESTION_LEN, len + 1, WIRE_RST | WIRE_ACK)));
		/* The rest of a request, thrown away; and the end, twice. */
		SENT_BACK(SEG(CLIENT(&t, QUESTION_LEN, len + 1, WIRE_ACK, BYTES("rest"))),
			  SEG(AT_CLIENT(&t, len + 1, QUESTION_LEN + 4, WIRE_ACK, .window = 0xffff),
			      MADE));
		for (int again = 0; again < 2; again++)
			SENT_BACK(SEG(CLIENT(&t, QUESTION_LEN + 4, len + 1, WIRE_FIN | WIRE_ACK)),
				  SEG(AT_CLIENT(&t, len + 1, QUESTION_LEN + 5, WIRE_ACK,
						.window = 0xffff),
				      MADE));
		/* As far as its own answer reached, and no further. */
		DROPS(SEG(CLIENT(&t, QUESTION_LEN, len + 2, WIRE_ACK)));
		SENT_BACK(
			SEG(CLIENT(&t, QUESTION_LEN, len + 2, WIRE_FIN | WIRE_ACK)),
			SEG(.from_ca = true, .port = t.port, RESET_(t.cookie + 1 + len + 2), MADE));
	}
}

static void the_words_of_the_ca_itself(void **state)
{
	static char whole[SG_EDGE_BYTES + 1];

	(void)state;
	learned();
	memset(whole, 'z', SG_EDGE_BYTES);
	memcpy(whole, NOT_FOUND, NOT_FOUND_LEN);
	for (size_t len = SG_EDGE_BYTES; len > 500; len -= 3) {
		whole[len] = 0;
		write_edge(SG_EDGE_AS_CA, 404, whole);
		IS_ANSWERED(QUESTION, whole);
		assert_int_equal(counted(SG_COUNTER_EDGE_AS_CA), 1);
	}
	/* Of another status. */
	write_edge(SG_EDGE_AS_CA, 403, whole);
	IS_ANSWERED(QUESTION, NOT_FOUND);
	assert_int_equal(counted(SG_COUNTER_EDGE_STATUS), 1);
}

static void what_the_daemon_has_not_said_is_not_said(void **state)
{
	(void)state;
	learned();
	write_edge(SG_EDGE_404, 404, "");
	TO_THE_CA(QUESTION, REFUSED("404 Not Found"));
	assert_int_equal(counted(SG_COUNTER_EDGE_STATUS), 0);
}

/* ---- the question ---- */

static void another_question_is_another_one(void **state)
{
	static const char *const asked[] = {
		OTHER_QUESTION,
		REQUEST("/cgi-bin/pkiclient.exe?message=ca&operation=GetNextCACert"),
		"GET /cgi-bin/pkiclient.exe?operation=GetNextCACert&message=ca HTTP/1.1\r\n"
		"Host: cb\r\n\r\n",
		"GET /cgi-bin/pkiclient.exe?operation=GetNextCACert&message=ca HTTP/1.1\r\n\r\n",
		"HEAD /cgi-bin/pkiclient.exe?operation=GetNextCACert&message=ca HTTP/1.1\r\n"
		"Host: ca\r\n\r\n",
		QUESTION "x",
		"\r\n" QUESTION,
	};

	(void)state;
	learned();
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++)
		TO_THE_CA(asked[i], NULL);
	/* The same, as far as a reader can tell. */
	IS_ANSWERED("GET /cgi-bin/pkiclient.exe?operation=GetNextCACert&message=ca HTTP/1.1\r\n"
		    "Accept: */*\r\nhost:  ca \r\n\r\n",
		    NOT_FOUND);
}

static void of_the_path_only_if_so_configured(void **state)
{
	(void)state;
	fresh_intercept();
	guard.svc.question_path = 1;
	write_service();
	TO_THE_CA(QUESTION, REFUSED("404 Not Found"));
	IS_ANSWERED(OTHER_QUESTION, NOT_FOUND);
	TO_THE_CA(REQUEST("/other?operation=GetNextCACert&message=ca"), NULL);
}

static void only_what_the_ca_refused_is_learned(void **state)
{
	static const char *const answers[] = {"HTTP/1.0 500 x\r\n\r\n", "HTTP/1.0 301 x\r\n\r\n",
					      "HTTP/1.0 410 x\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\n",
					      "no HTTP at all\r\n\r\n"};

	(void)state;
	fresh_intercept();
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		TO_THE_CA(QUESTION, answers[i]);
	/* To something else. */
	TO_THE_CA(GETCACERT, REFUSED("404 Not Found"));
	TO_THE_CA(GETCACERT, NULL);
	assert_int_equal(counted(SG_COUNTER_LEARNED), 0);
}

/* Whose question the second answer belongs to nobody knows for certain. */
static void a_later_request_on_a_connection_teaches_nothing(void **state)
{
	struct talk t = new_talk();

	(void)state;
	fresh_intercept();
	SPLICE(&t, GETCACERT);
	ca_answers(&t);
	PASSES_AS(SEG(CLIENT(&t, ASKED, ANSWERED, WIRE_ACK, BYTES(QUESTION))),
		  SEG(AT_CA(&t, ASKED, ANSWERED, WIRE_ACK, BYTES(QUESTION))));
	PASSES_AS(SEG(CA(&t, ANSWERED, ASKED + QUESTION_LEN, WIRE_ACK, BYTES(NOT_FOUND))),
		  SEG(AT_CLIENT(&t, ANSWERED, ASKED + QUESTION_LEN, WIRE_ACK, BYTES(NOT_FOUND))));
	assert_int_equal(counted(SG_COUNTER_LEARNED), 0);
	TO_THE_CA(QUESTION, NULL);
}

static void a_second_question_is_not_the_first(void **state)
{
	static const char no[] = "HTTP/1.0 500 x\r\n\r\n";
	const uint32_t asked = QUESTION_LEN, answered = sizeof(no) - 1;
	struct talk t = new_talk();

	(void)state;
	fresh_intercept();
	SPLICE(&t, QUESTION);
	PASSES_AS(SEG(CA(&t, 0, asked, WIRE_ACK, BYTES(no))),
		  SEG(AT_CLIENT(&t, 0, asked, WIRE_ACK, BYTES(no))));
	PASSES_AS(SEG(CLIENT(&t, asked, answered, WIRE_ACK, BYTES(OTHER_QUESTION))),
		  SEG(AT_CA(&t, asked, answered, WIRE_ACK, BYTES(OTHER_QUESTION))));
	PASSES_AS(SEG(CA(&t, answered, asked, WIRE_ACK, BYTES(NOT_FOUND))),
		  SEG(AT_CLIENT(&t, answered, asked, WIRE_ACK, BYTES(NOT_FOUND))));
	assert_int_equal(conn_now(&t).ca.status, 404);
	assert_int_equal(conn_now(&t).client.request_class, SG_REQUEST_GETNEXTCACERT);
	assert_int_equal(counted(SG_COUNTER_LEARNED), 0);
	TO_THE_CA(QUESTION, NULL);
}

/* ---- asking again ---- */

static void for_a_ttl_nobody_asks_again_and_then_one(void **state)
{
	struct talk canary = new_talk();

	(void)state;
	learned();
	pass_ticks(TTL * HZ - 1);
	IS_ANSWERED(QUESTION, NOT_FOUND);
	assert_int_equal(counted(SG_COUNTER_CANARIES), 0);
	pass_ticks(1);
	net = &others[0];
	SPLICE(&canary, QUESTION);
	assert_int_equal(counted(SG_COUNTER_CANARIES), 1);
	assert_false(somebody_asks());
	/* Until it is back, the stale refusal. */
	net = &others[1];
	IS_ANSWERED(QUESTION, NOT_FOUND);
	net = &others[0];
	ca_says(&canary, QUESTION, REFUSED("403 Forbidden"));
	/* And then the new one, for a TTL. */
	net = &others[1];
	IS_ANSWERED(QUESTION, FORBIDDEN);
	pass_ticks(TTL * HZ - 1);
	IS_ANSWERED(QUESTION, FORBIDDEN);
	assert_int_equal(counted(SG_COUNTER_CANARIES), 0);
}

/* It waits as a canary until there is room, however often its client sends it. */
static void a_canary_may_have_to_wait(void **state)
{
	struct talk first = new_talk(), canary = new_talk();

	(void)state;
	learned();
	guard.svc.slots = 1;
	write_service();
	net = &others[2];
	SPLICE(&first, REQUEST("/"));
	turnkeeper_lives();
	pass_s(TTL);
	turnkeeper_lives();
	net = &others[0];
	SHAKE_HANDS(&canary);
	DROPS(SEG(CLIENT(&canary, 0, 0, WIRE_ACK, BYTES(QUESTION))));
	assert_int_equal(told_of(SG_EVENT_HELD), 1);
	assert_int_equal(frame_at(told.last[SG_EVENT_HELD].frame).canary, 1);
	DROPS(SEG(CLIENT(&canary, 0, 0, WIRE_ACK, BYTES(QUESTION))));
	assert_int_equal(counted(SG_COUNTER_CANARIES), 0);
	/* For the others nothing has changed. */
	net = &others[1];
	IS_ANSWERED(QUESTION, NOT_FOUND);
	guard.svc.slots = 2;
	write_service();
	pass_ticks(2 * HZ + 1);
	net = &others[0];
	ASK(&canary, QUESTION);
	assert_int_equal(counted(SG_COUNTER_CANARIES), 1);
	JOIN(&canary, QUESTION);
	ca_says(&canary, QUESTION, REFUSED("404 Not Found"));
	net = &others[1];
	IS_ANSWERED(QUESTION, NOT_FOUND);
}

/* Whoever was to ask for others and goes, or finds no room, does not keep others from asking. */
static void a_canary_that_goes_is_followed_by_another(void **state)
{
	struct talk canary = new_talk(), first = new_talk();

	(void)state;
	learned();
	pass_s(TTL);
	net = &others[0];
	SHAKE_HANDS(&canary);
	ASK(&canary, QUESTION);
	DROPS(SEG(CLIENT(&canary, QUESTION_LEN, 0, WIRE_RST)));
	net = &others[1];
	TO_THE_CA(QUESTION, REFUSED("404 Not Found"));
	assert_int_equal(counted(SG_COUNTER_CANARIES), 2);
	/* No room, and nothing is held. */
	learned();
	pass_s(TTL);
	guard.svc.slots = 1;
	guard.svc.hold_ticks = 0;
	write_service();
	net = &others[2];
	SPLICE(&first, REQUEST("/"));
	net = &others[0];
	canary = new_talk();
	SHAKE_HANDS(&canary);
	DROPS(SEG(CLIENT(&canary, 0, 0, WIRE_ACK, BYTES(QUESTION))));
	guard.svc.slots = 0;
	write_service();
	net = &others[1];
	TO_THE_CA(QUESTION, NULL);
	assert_int_equal(counted(SG_COUNTER_CANARIES), 1);
}

static void two_in_a_window_and_never_two_of_one_source(void **state)
{
	(void)state;
	learned();
	guard.svc.answer_ttl_ticks = 1 * HZ;
	guard.svc.ca_window_ticks = 9 * HZ;
	write_service();
	pass_s(1);
	TO_THE_CA(QUESTION, REFUSED("404 Not Found"));
	pass_s(1);
	IS_ANSWERED(QUESTION, NOT_FOUND); /* the same source */
	net = &others[0];
	TO_THE_CA(QUESTION, REFUSED("404 Not Found"));
	pass_s(1);
	net = &others[1];
	IS_ANSWERED(QUESTION, NOT_FOUND); /* a third in the window */
	pass_ticks(7 * HZ - 1);
	IS_ANSWERED(QUESTION, NOT_FOUND);
	pass_ticks(1);
	TO_THE_CA(QUESTION, REFUSED("404 Not Found"));
	assert_int_equal(counted(SG_COUNTER_CANARIES), 3);
}

static void a_canary_nobody_hears_of_is_waited_for_ten_seconds(void **state)
{
	struct talk t = new_talk();

	(void)state;
	learned();
	pass_s(TTL);
	SPLICE(&t, QUESTION);
	net = &others[0];
	pass_ticks(10 * HZ - 1);
	IS_ANSWERED(QUESTION, NOT_FOUND);
	pass_ticks(1);
	TO_THE_CA(QUESTION, NULL);
	assert_int_equal(counted(SG_COUNTER_CANARIES), 2);
}

/* Ten times its TTL a refusal is repeated, if no canary can go. */
static void a_refusal_is_forgotten_in_the_end(void **state)
{
	struct talk late = new_talk();

	(void)state;
	learned();
	guard.svc.answer_ttl_ticks = 1 * HZ;
	guard.svc.ca_window_ticks = 100 * HZ;
	write_service();
	pass_s(1);
	TO_THE_CA(QUESTION, REFUSED("404 Not Found"));
	net = &others[0];
	pass_s(1);
	TO_THE_CA(QUESTION, REFUSED("404 Not Found"));
	net = &others[1];
	pass_ticks(10 * HZ - 1);
	IS_ANSWERED(QUESTION, NOT_FOUND);
	pass_ticks(1);
	TO_THE_CA(QUESTION, NULL);
	assert_int_equal(counted(SG_COUNTER_CANARIES), 2);
	/* And by one, as any that nobody knows the answer to. */
	net = &others[2];
	SHAKE_HANDS(&late);
	DROPS(SEG(CLIENT(&late, 0, 0, WIRE_ACK, BYTES(QUESTION))));
	assert_int_equal(told_of(SG_EVENT_HELD), 1);
}

static void when_it_is_handed_out_all_is_unlearned(void **state)
{
	(void)state;
	learned();
	TO_THE_CA(OTHER_QUESTION, REFUSED("403 Forbidden"));
	pass_s(TTL);
	TO_THE_CA(QUESTION, HANDED_OUT);
	assert_int_equal(counted(SG_COUNTER_UNLEARNED), 1);
	TO_THE_CA(QUESTION, NULL);
	TO_THE_CA(OTHER_QUESTION, NULL);
}

/* Any other answer than a refusal unlearns this one, and only this. */
static void another_answer_unlearns_one(void **state)
{
	(void)state;
	learned();
	pass_s(TTL - 1);
	TO_THE_CA(OTHER_QUESTION, REFUSED("403 Forbidden"));
	pass_s(1);
	TO_THE_CA(QUESTION, "HTTP/1.0 500 x\r\n\r\n");
	TO_THE_CA(QUESTION, NULL);
	net = &others[0];
	IS_ANSWERED(OTHER_QUESTION, FORBIDDEN);
}

static void a_refusal_that_was_overtaken_teaches_nothing(void **state)
{
	struct talk slow = new_talk();

	(void)state;
	learned();
	SPLICE(&slow, OTHER_QUESTION);
	pass_s(TTL);
	net = &others[0];
	TO_THE_CA(QUESTION, HANDED_OUT);
	net = &nets[0];
	ca_says(&slow, OTHER_QUESTION, REFUSED("404 Not Found"));
	TO_THE_CA(OTHER_QUESTION, NULL);
	TO_THE_CA(QUESTION, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refusal_is_repeated_and_leaves_nothing),
		cmocka_unit_test(what_lies_behind_the_answer),
		cmocka_unit_test(the_words_of_the_ca_itself),
		cmocka_unit_test(what_the_daemon_has_not_said_is_not_said),
		cmocka_unit_test(another_question_is_another_one),
		cmocka_unit_test(of_the_path_only_if_so_configured),
		cmocka_unit_test(only_what_the_ca_refused_is_learned),
		cmocka_unit_test(a_later_request_on_a_connection_teaches_nothing),
		cmocka_unit_test(a_second_question_is_not_the_first),
		cmocka_unit_test(for_a_ttl_nobody_asks_again_and_then_one),
		cmocka_unit_test(a_canary_may_have_to_wait),
		cmocka_unit_test(a_canary_that_goes_is_followed_by_another),
		cmocka_unit_test(two_in_a_window_and_never_two_of_one_source),
		cmocka_unit_test(a_canary_nobody_hears_of_is_waited_for_ten_seconds),
		cmocka_unit_test(a_refusal_is_forgotten_in_the_end),
		cmocka_unit_test(when_it_is_handed_out_all_is_unlearned),
		cmocka_unit_test(another_answer_unlearns_one),
		cmocka_unit_test(a_refusal_that_was_overtaken_teaches_nothing),
	};

	return cmocka_run_group_tests(tests, once, end_intercept);
}
