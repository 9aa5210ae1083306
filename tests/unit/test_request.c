// SPDX-License-Identifier: GPL-2.0-only
/* Where requests begin on a connection, and when one is not to be believed: seen from the client's side
 * alone, as `scepguard classify --jsonl` does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/segments.h"

#define CAPS     "GET /scep?operation=GetCACaps HTTP/1.0\r\n\r\n"
#define CERT     "GET /scep?operation=GetCACert HTTP/1.0\r\n\r\n"
#define SIZE     ((int)sizeof(CAPS) - 1)
#define TEXT(t)  .bytes = (t), .len = sizeof(t) - 1
#define OK_ACK   .ack = SEGMENT_ACK
#define ANSWERED .ack = SEGMENT_ACK + 500

static void begin(struct reading *r, const struct segment *syn)
{
	reading_begin(r, syn, false);
	reading_segment(r, &(struct segment){OK_ACK});
}

static void feed(struct reading *r, const struct segment *s)
{
	reading_segment(r, s);
}

static void test_syn_that_the_ca_may_not_take(void **state)
{
	static const struct segment syns[] = {
		{.bad_sum = true}, {.odd = SEGMENT_ODD_IP}, {.odd = SEGMENT_ODD_HOPS}};
	struct reading r;

	(void)state;
	for (size_t i = 0; i < sizeof(syns) / sizeof(syns[0]); i++) {
		begin(&r, &syns[i]);
		feed(&r, &(struct segment){OK_ACK, TEXT(CAPS)});
		assert_int_equal(r.first_class, SG_REQUEST_UNDECIDED);
	}
}

static void test_abandoned(void **state)
{
	struct reading r;

	(void)state;
	begin(&r, &(struct segment){0});
	r.conn.flags |= SG_CONN_ABANDONED;
	feed(&r, &(struct segment){OK_ACK, TEXT(CAPS)});
	assert_int_equal(r.first_class, SG_REQUEST_UNDECIDED);
}

/* Something was sent ahead; the CA, which has not seen it, takes the RST at the byte it waits for. */
static void test_reset_where_the_reader_stands(void **state)
{
	struct reading r;

	(void)state;
	begin(&r, &(struct segment){0});
	/* An ACK alone says nothing of the byte before it, which may be a FIN that got lost: a CA that misses it, too, does
	 * not take a RST behind it (RFC 5961, 3.2).
	 */
	feed(&r, &(struct segment){OK_ACK, .at = 1});
	feed(&r, &(struct segment){OK_ACK, .at = 1, .flags = SG_TCP_RST});
	assert_false(r.ended);
	begin(&r, &(struct segment){0});
	feed(&r, &(struct segment){OK_ACK, .at = 1});
	feed(&r, &(struct segment){OK_ACK, .flags = SG_TCP_RST});
	assert_true(r.ended);
}

static void begin_second(struct reading *r)
{
	begin(r, &(struct segment){0});
	feed(r, &(struct segment){OK_ACK, TEXT(CAPS)});
	assert_int_equal(r->conn.client.request_class, SG_REQUEST_GETCACAPS);
}

static void expect(const struct reading *r, __u16 requests, __u8 request_class)
{
	assert_int_equal(r->conn.client.requests, requests);
	assert_int_equal(r->conn.client.request_class, request_class);
}

static void test_second_with_the_end_of_the_first(void **state)
{
	struct reading r;

	(void)state;
	begin_second(&r);
	feed(&r, &(struct segment){ANSWERED, .at = SIZE - 4, TEXT("\r\n\r\n" CERT)});
	expect(&r, 2, SG_REQUEST_GETCACERT);
}

static void test_second_out_of_order(void **state)
{
	struct reading r;

	(void)state;
	begin_second(&r);
	feed(&r, &(struct segment){ANSWERED, .at = SIZE + 4, TEXT("/scep?operation=GetCACert")});
	feed(&r, &(struct segment){ANSWERED, .at = SIZE, TEXT("GET ")});
	expect(&r, 2, SG_REQUEST_UNDECIDED);
}

/* What is sent far ahead of everything does not hide what comes in order. */
static void test_second_behind_something_far(void **state)
{
	struct reading r;

	(void)state;
	begin_second(&r);
	feed(&r, &(struct segment){OK_ACK, .at = 70000, TEXT(CAPS)});
	feed(&r, &(struct segment){ANSWERED, .at = SIZE, TEXT(CERT)});
	expect(&r, 2, SG_REQUEST_GETCACERT);
}

static void test_first_resent_is_no_second(void **state)
{
	struct reading r;

	(void)state;
	begin_second(&r);
	feed(&r, &(struct segment){ANSWERED, TEXT(CERT)});
	expect(&r, 1, SG_REQUEST_GETCACAPS);
	feed(&r, &(struct segment){ANSWERED, .at = SIZE - 1, TEXT("\n")});
	expect(&r, 1, SG_REQUEST_GETCACAPS);
	feed(&r, &(struct segment){ANSWERED, .at = SIZE, TEXT(CERT)});
	expect(&r, 2, SG_REQUEST_GETCACERT);
}

/* The CA takes a FIN when what is missing before it has come: what follows it is nothing. */
static void test_second_behind_a_fin_that_came_early(void **state)
{
	struct reading r;

	(void)state;
	begin(&r, &(struct segment){0});
	feed(&r, &(struct segment){OK_ACK, .at = SIZE, .flags = SG_TCP_FIN});
	feed(&r, &(struct segment){OK_ACK, TEXT(CAPS)});
	feed(&r, &(struct segment){ANSWERED, .at = SIZE, TEXT(CERT)});
	expect(&r, 2, SG_REQUEST_UNDECIDED);
}

#define POST  "POST /scep?operation=PKIOperation HTTP/1.1\r\nContent-Length: 20\r\n\r\n"
#define HEAD  ((int)sizeof(POST) - 1)
#define BODY  "01234567890123456789"
#define WHOLE (HEAD + 20)

static void answer(struct reading *r, int read_to)
{
	feed(r, &(struct segment){.kind = SEGMENT_CA, .len = 500});
	r->conn.ca.ack = SEGMENT_ISN + 1 + (__u32)read_to;
	r->conn.ca.end = SEGMENT_ACK + 500;
}

static void begin_post(struct reading *r, bool both_sides)
{
	reading_begin(r, &(struct segment){0}, both_sides);
	feed(r, &(struct segment){OK_ACK});
	feed(r, &(struct segment){OK_ACK, TEXT(POST)});
	feed(r, &(struct segment){OK_ACK, .at = HEAD + 9, TEXT("90123456789")});
	feed(r, &(struct segment){OK_ACK, .at = HEAD, TEXT("012345678")});
	expect(r, 1, SG_REQUEST_PKIOPERATION_POST);
}

/* The CA has it all, though the end of the body was never in order here. */
static void test_body_out_of_order(void **state)
{
	struct reading r;

	(void)state;
	begin_post(&r, true);
	answer(&r, WHOLE);
	feed(&r, &(struct segment){ANSWERED, .at = WHOLE, TEXT(CERT)});
	expect(&r, 2, SG_REQUEST_GETCACERT);
}

/* A byte of it is missing: there may be another one, or none. */
static void test_body_not_acknowledged(void **state)
{
	struct reading r;

	(void)state;
	begin_post(&r, true);
	answer(&r, WHOLE - 1);
	feed(&r, &(struct segment){ANSWERED, .at = WHOLE, TEXT(CERT)});
	expect(&r, 2, SG_REQUEST_UNDECIDED);
	begin_post(&r, false);
	feed(&r, &(struct segment){ANSWERED, .at = WHOLE, TEXT(CERT)});
	expect(&r, 2, SG_REQUEST_UNDECIDED);
	/* All of it came by here, and died behind. */
	for (int missing = 0; missing < 2; missing++) {
		begin_post(&r, true);
		feed(&r, &(struct segment){OK_ACK, .at = HEAD, TEXT(BODY)});
		answer(&r, WHOLE - missing);
		feed(&r, &(struct segment){ANSWERED, .at = WHOLE, TEXT(CERT)});
		expect(&r, 2, missing ? SG_REQUEST_UNDECIDED : SG_REQUEST_GETCACERT);
	}
}

/* An urgent byte in a body may not count for the CA: what it reads next begins one byte later. */
static void test_urgent_byte_in_a_body(void **state)
{
	struct reading r;

	(void)state;
	for (int cut = 1; cut <= 20; cut++) {
		struct segment body = {OK_ACK, .at = HEAD, TEXT(BODY), .flags = SG_TCP_URG};

		begin(&r, &(struct segment){0});
		feed(&r, &(struct segment){OK_ACK, TEXT(POST)});
		body.len = (__u16)cut;
		feed(&r, &body);
		feed(&r, &(struct segment){OK_ACK, .at = HEAD, TEXT(BODY)});
		feed(&r, &(struct segment){ANSWERED, .at = WHOLE, TEXT(CERT)});
		expect(&r, 2, SG_REQUEST_UNDECIDED);
	}
}

/* Nothing was read of a connection met in mid-life: its first request begins behind all that was sent. */
static void test_adopted(void **state)
{
	const struct sg_packet of_ca = {.seq = SEGMENT_ACK,
					.ack = SEGMENT_ISN + 1,
					.tcp_flags = SG_TCP_ACK,
					.payload_len = 9};
	struct reading r;

	(void)state;
	reading_adopt(&r);
	sg_conn_adopt(&r.conn, &of_ca, 1);
	feed(&r, &(struct segment){.ack = SEGMENT_ACK + 9, TEXT(CERT)});
	expect(&r, 1, SG_REQUEST_GETCACERT);
}

/* Does the client owe bytes after the first `at` of a POST? */
static bool owed_after(int at)
{
	struct segment head = {OK_ACK, TEXT(POST)}, body = {OK_ACK, .at = HEAD, TEXT(BODY)};
	struct reading r;

	begin(&r, &(struct segment){0});
	head.len = (__u16)(at < HEAD ? at : HEAD);
	body.len = (__u16)(at < HEAD ? 0 : at - HEAD);
	feed(&r, &head);
	if (body.len)
		feed(&r, &body);
	return sg_request_owed(&r.conn);
}

static void test_owed(void **state)
{
	static const char chunked[] =
		"POST /scep?operation=PKIOperation HTTP/1.1\r\nTransfer-Encoding: chunked\r\nHo";
	struct reading r;

	(void)state;
	for (int at = 0; at <= WHOLE; at++)
		assert_int_equal(owed_after(at), at < WHOLE);
	/* What is missing may have come, and not have been seen. */
	begin(&r, &(struct segment){0});
	feed(&r, &(struct segment){OK_ACK, TEXT(POST)});
	feed(&r, &(struct segment){OK_ACK, .at = WHOLE, TEXT(BODY)});
	assert_false(sg_request_owed(&r.conn));
	begin(&r, &(struct segment){0});
	feed(&r, &(struct segment){OK_ACK, TEXT(POST)});
	assert_true(sg_request_owed(&r.conn));
	r.conn.flags |= SG_CONN_DOUBT;
	assert_false(sg_request_owed(&r.conn));
	/* Servers differ over where this ends. */
	begin(&r, &(struct segment){0});
	feed(&r, &(struct segment){OK_ACK, TEXT(chunked)});
	assert_false(sg_request_owed(&r.conn));
	/* While the CA takes nothing the client cannot send it. */
	begin(&r, &(struct segment){0});
	feed(&r, &(struct segment){OK_ACK, TEXT(POST)});
	r.conn.splice.shut = 1;
	assert_false(sg_request_owed(&r.conn));
	/* Once it is answered it owes nothing. */
	reading_begin(&r, &(struct segment){0}, true);
	feed(&r, &(struct segment){OK_ACK});
	feed(&r, &(struct segment){OK_ACK, TEXT(POST)});
	assert_true(sg_request_owed(&r.conn));
	answer(&r, HEAD);
	assert_false(sg_request_owed(&r.conn));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_owed),
		cmocka_unit_test(test_syn_that_the_ca_may_not_take),
		cmocka_unit_test(test_abandoned),
		cmocka_unit_test(test_reset_where_the_reader_stands),
		cmocka_unit_test(test_second_with_the_end_of_the_first),
		cmocka_unit_test(test_second_out_of_order),
		cmocka_unit_test(test_second_behind_something_far),
		cmocka_unit_test(test_first_resent_is_no_second),
		cmocka_unit_test(test_second_behind_a_fin_that_came_early),
		cmocka_unit_test(test_body_out_of_order),
		cmocka_unit_test(test_body_not_acknowledged),
		cmocka_unit_test(test_urgent_byte_in_a_body),
		cmocka_unit_test(test_adopted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
