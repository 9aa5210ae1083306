// SPDX-License-Identifier: GPL-2.0-only
/* What the guard makes of a client's segments, with the naive receivers beside it; and the record that
 * `scepguard classify` keeps of requests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../userspace/classify/record.h"
#include "../lib/receivers.h"

#define CAPS      "GET /scep?operation=GetCACaps HTTP/1.0\r\n\r\n"
#define NEXT      "GET /scep?operation=GetNextCACert HTTP/1.0\r\n\r\n"
#define TEXT(t)   .bytes = (t), .len = sizeof(t) - 1
#define CUT       20 /* behind "operation=" */
#define LISTED    4
#define USEFUL    SG_REQUEST_GETCACAPS
#define UNDECIDED SG_REQUEST_UNDECIDED
#define UNREAD    SG_REQUEST_NONE
#define OK_ACK    .ack = SEGMENT_ACK

static const struct {
	const char *name;
	struct segment list[LISTED]; /* behind SYN and handshake */
	__u8 first_class;            /* UNREAD: its line does not end */
	bool may_ask_next;           /* as the receivers see it */
} rows[] = {
	{"whole", {{OK_ACK, TEXT(CAPS)}}, USEFUL, false},
	{"in two",
	 {{OK_ACK, TEXT("GET /scep?operation=")},
	  {OK_ACK, .at = CUT, TEXT("GetCACaps HTTP/1.0\r\n")}},
	 USEFUL,
	 false},
	{"second first",
	 {{OK_ACK, .at = CUT, TEXT("GetCACaps HTTP/1.0\r\n\r\n")},
	  {OK_ACK, TEXT("GET /scep?operation=")}},
	 UNREAD,
	 false},
	{"ahead, then all",
	 {{OK_ACK, .at = CUT, TEXT("GetNextCACert HTTP/1.0\r\n\r\n")}, {OK_ACK, TEXT(CAPS)}},
	 UNDECIDED,
	 true},
	{"body ahead of the line",
	 {{OK_ACK, .at = sizeof(CAPS) - 1, TEXT("body")}, {OK_ACK, TEXT(CAPS)}},
	 USEFUL,
	 false},
	{"resent otherwise", {{OK_ACK, TEXT(CAPS)}, {OK_ACK, TEXT(NEXT)}}, USEFUL, false},
	{"bad checksum",
	 {{OK_ACK, TEXT(CAPS), .bad_sum = true}, {OK_ACK, TEXT(NEXT)}},
	 SG_REQUEST_GETNEXTCACERT,
	 true},
	{"other ACK",
	 {{.ack = SEGMENT_ACK + 9, TEXT(CAPS)}, {OK_ACK, TEXT(NEXT)}},
	 UNDECIDED,
	 true},
	{"urgent", {{OK_ACK, TEXT(CAPS), .flags = SG_TCP_URG}}, UNDECIDED, false},
	{"with SYN",
	 {{OK_ACK, TEXT(CAPS), .flags = SG_TCP_SYN}, {OK_ACK, TEXT(NEXT)}},
	 SG_REQUEST_GETNEXTCACERT,
	 true},
	{"without ACK",
	 {{OK_ACK, TEXT(CAPS), .no_ack = true}, {OK_ACK, TEXT(NEXT)}},
	 SG_REQUEST_GETNEXTCACERT,
	 true},
	{"TCP options",
	 {{OK_ACK, TEXT(CAPS), .odd = SEGMENT_ODD_TCP}, {OK_ACK, TEXT(NEXT)}},
	 UNDECIDED,
	 true},
	{"few hops",
	 {{OK_ACK, TEXT(CAPS), .odd = SEGMENT_ODD_HOPS}, {OK_ACK, TEXT(NEXT)}},
	 UNDECIDED,
	 true},
	{"behind a FIN",
	 {{OK_ACK, .flags = SG_TCP_FIN}, {OK_ACK, .at = 0, TEXT(CAPS)}},
	 UNREAD,
	 false},
};

static void read_row(size_t i, bool both_sides, struct reading *r)
{
	const struct segment syn = {0}, handshake = {OK_ACK};

	reading_begin(r, &syn, both_sides);
	reading_segment(r, &handshake);
	for (size_t s = 0; s < LISTED && rows[i].list[s].ack; s++)
		reading_segment(r, &rows[i].list[s]);
}

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct segment list[LISTED + 1] = {{0}};
		struct reading r;
		__u8 got;

		memcpy(list + 1, rows[i].list, sizeof(rows[i].list));
		if (segments_may_ask_next(list, LISTED + 1, NULL) != rows[i].may_ask_next)
			fail_msg("%s: the receivers see it otherwise", rows[i].name);
		read_row(i, false, &r);
		got = r.first_done ? r.first_class : UNREAD;
		if (got != rows[i].first_class)
			fail_msg("%s: class %u instead of %u", rows[i].name, got,
				 rows[i].first_class);
	}
}

/* Old bytes cut off at every byte, new ones at every length: sequence numbers wrap in the line. */
static void test_overlap_left(void **state)
{
	const int len = sizeof(CAPS) - 1;

	(void)state;
	for (int sent = 1; sent < len; sent++) {
		for (int from = 0; from <= sent; from++) {
			const struct segment syn = {0}, handshake = {OK_ACK};
			struct segment first = {OK_ACK, TEXT(CAPS)}, second = {OK_ACK, TEXT(CAPS)};
			struct reading r;

			first.len = (__u16)sent;
			second.at = from;
			second.bytes += from;
			second.len = (__u16)(len - from);
			reading_begin(&r, &syn, true);
			reading_segment(&r, &handshake);
			reading_segment(&r, &first);
			reading_segment(&r, &second);
			assert_true(r.first_done);
			assert_int_equal(r.first_class, USEFUL);
		}
	}
}

static void test_old_stamp(void **state)
{
	const struct segment syn = {.stamped = true, .stamp = 100};
	const struct segment handshake = {OK_ACK, .stamped = true, .stamp = 110};
	struct segment data = {OK_ACK, TEXT(CAPS), .stamped = true, .stamp = 110};
	struct reading r;

	(void)state;
	for (__u32 stamp = 105; stamp < 115; stamp++) {
		data.stamp = stamp;
		reading_begin(&r, &syn, false);
		reading_segment(&r, &handshake);
		reading_segment(&r, &data);
		assert_int_equal(r.first_class, stamp < 110 ? UNDECIDED : USEFUL);
	}
	data.stamped = false;
	reading_begin(&r, &syn, false);
	reading_segment(&r, &handshake);
	reading_segment(&r, &data);
	assert_int_equal(r.first_class, UNDECIDED);
}

/* The CA may have taken either of two SYNs; what it throws away tells nothing of its timestamps. */
static void test_stamp_of_what_the_ca_may_not_have(void **state)
{
	const __u32 half = 0x7fffffff;
	const struct segment syn = {.stamped = true, .stamp = 1000};
	struct segment data = {OK_ACK, TEXT(CAPS), .stamped = true, .stamp = 600};
	struct segment other = {.kind = SEGMENT_SYN, .stamped = true, .stamp = 500};
	struct reading r;

	(void)state;
	reading_begin(&r, &syn, true);
	reading_segment(&r, &other);
	reading_segment(&r, &data);
	assert_int_equal(r.first_class, UNDECIDED);
	other.stamp = 1500;
	data.stamp = 1501;
	reading_begin(&r, &syn, true);
	reading_segment(&r, &other);
	reading_segment(&r, &data);
	assert_int_equal(r.first_class, USEFUL);
	/* All the way round, by segments that acknowledge what was never sent. */
	other = (struct segment){.ack = SEGMENT_ACK + 9, .stamped = true, .stamp = 1000 + half};
	data.stamp = 999;
	reading_begin(&r, &syn, true);
	reading_segment(&r, &other);
	other.stamp += half;
	reading_segment(&r, &other);
	reading_segment(&r, &data);
	assert_int_equal(r.first_class, UNDECIDED);
}

/* An unfinished checksum: from a sender whose SYN had one, or in segments joined by the host. */
static void test_unfinished_sum(void **state)
{
	const struct sg_segment_look whole = {.sound = true};
	const struct sg_segment_look begun = {.sound = true, .partial = true};
	const struct sg_segment_look joined = {.sound = true, .partial = true, .joined = true};
	struct sg_packet pkt = {.l3_off = 14, .payload_off = 54, .payload_len = 1460};
	struct sg_conn conn = {0};

	(void)state;
	sg_conn_syn_look(&conn, &(struct sg_packet){0}, &begun, false);
	assert_true(sg_conn_looks_sound(&conn, &pkt, &begun));
	sg_conn_syn_look(&conn, &(struct sg_packet){0}, &whole, true);
	assert_false(sg_conn_looks_sound(&conn, &pkt, &begun));
	assert_true(sg_conn_looks_sound(&conn, &pkt, &whole));
	sg_conn_syn_look(&conn, &(struct sg_packet){0}, &begun, true);
	assert_false(sg_conn_looks_sound(&conn, &pkt, &begun));
	assert_false(sg_packet_joined(&pkt, 1500));
	pkt.payload_len++;
	assert_true(sg_packet_joined(&pkt, 1500));
	assert_false(sg_packet_joined(&pkt, 0)); /* native: nobody joins */
	assert_false(sg_packet_joined(&pkt, 9000));
	assert_false(sg_conn_looks_sound(&conn, &pkt, &begun));
	assert_true(sg_conn_looks_sound(&conn, &pkt, &joined));
}

/* ---- The record ---- */

static const struct sg_conn_key nobody;

static void note(struct sg_record *r, __u64 generation, __u16 number, __u8 class, bool done)
{
	struct sg_conn conn = {.generation = generation};

	conn.client.end = 1 + (number ? 10 : 0);
	conn.client.requests = number;
	conn.client.request_class = class;
	conn.client.line_done = done;
	conn.client.line.final_class = class;
	assert_int_equal(sg_record_note(r, &nobody, &conn), 0);
}

static void test_record_order(void **state)
{
	struct sg_record r = {0};

	(void)state;
	note(&r, 1, 0, 0, false);
	note(&r, 2, 1, SG_REQUEST_PKIOPERATION_GET, false); /* provisional */
	note(&r, 1, 1, SG_REQUEST_GETCACAPS, true);
	note(&r, 2, 1, SG_REQUEST_GETNEXTCACERT, true);
	note(&r, 1, 2, UNDECIDED, false);
	assert_int_equal(sg_record_finish(&r), 0);
	assert_int_equal(r.request_count, 3);
	assert_int_equal(r.requests[0].request_class, SG_REQUEST_GETNEXTCACERT);
	assert_int_equal(r.requests[1].request_class, SG_REQUEST_GETCACAPS);
	assert_int_equal(r.requests[2].request_class, UNDECIDED);
	sg_record_clear(&r);
	note(&r, 3, 1, SG_REQUEST_PKIOPERATION_GET, false);
	assert_int_equal(r.requests[0].request_class, UNDECIDED);
	sg_record_free(&r);
}

/* One frame brought a whole request and another behind it. */
static void test_record_two_at_once(void **state)
{
	struct sg_conn conn = {.generation = 1};
	struct sg_record r = {0};

	(void)state;
	conn.client.requests = 2;
	conn.client.line_done = 1;
	conn.client.request_class = UNDECIDED;
	conn.client.line.final_class = SG_REQUEST_GETCACERT;
	assert_int_equal(sg_record_note(&r, &nobody, &conn), 0);
	assert_int_equal(r.request_count, 2);
	assert_int_equal(r.requests[0].request_class, SG_REQUEST_GETCACERT);
	assert_int_equal(r.requests[1].request_class, UNDECIDED);
	sg_record_free(&r);
}

/* A second request of which no byte was in sequence takes nothing from the first; once one is, it counts. */
static void test_record_next_unread(void **state)
{
	struct sg_record r = {0};

	(void)state;
	note(&r, 1, 1, SG_REQUEST_GETCACAPS, true);
	note(&r, 1, 1, SG_REQUEST_NONE, false);
	assert_int_equal(r.request_count, 1);
	assert_int_equal(r.requests[0].request_class, SG_REQUEST_GETCACAPS);
	note(&r, 1, 2, UNDECIDED, false);
	assert_int_equal(sg_record_finish(&r), 0);
	assert_int_equal(r.request_count, 2);
	assert_int_equal(r.requests[0].request_class, SG_REQUEST_GETCACAPS);
	assert_int_equal(r.requests[1].request_class, UNDECIDED);
	sg_record_free(&r);
}

/* Bytes of which none was in sequence are one undecided request; a FIN is no byte. */
static void test_record_unread(void **state)
{
	struct sg_conn conn = {.generation = 1, .flags = SG_CONN_CLIENT_FIN};
	struct sg_record r = {0};

	(void)state;
	conn.client.end = 2;
	assert_int_equal(sg_record_note(&r, &nobody, &conn), 0);
	assert_int_equal(sg_record_finish(&r), 0);
	assert_int_equal(r.request_count, 0);
	conn.client.end = 3;
	assert_int_equal(sg_record_note(&r, &nobody, &conn), 0);
	assert_int_equal(sg_record_finish(&r), 0);
	assert_int_equal(r.request_count, 1);
	assert_int_equal(r.requests[0].number, 0);
	sg_record_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_overlap_left),
		cmocka_unit_test(test_old_stamp),
		cmocka_unit_test(test_stamp_of_what_the_ca_may_not_have),
		cmocka_unit_test(test_unfinished_sum),
		cmocka_unit_test(test_record_order),
		cmocka_unit_test(test_record_two_at_once),
		cmocka_unit_test(test_record_next_unread),
		cmocka_unit_test(test_record_unread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
