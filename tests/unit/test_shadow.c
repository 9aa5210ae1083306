// SPDX-License-Identifier: GPL-2.0-only
/* What answers say about the rollover certificate: every row of the rule, how evidence ages, and
 * heads that come in pieces.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../../userspace/http/answer_head.h"
#include "../../userspace/shadow/heads.h"
#include "../../userspace/shadow/shadow.h"
#include "../../userspace/util/units.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define NOW           (1700000000ull * SG_NS_PER_S)
#define LIFETIME      SG_NS_PER_H
#define NEXT_TYPE     "application/x-x509-next-ca-cert"

static void test_every_row(void **state)
{
	static const struct {
		__u16 next_status, cert_status;
		const char *type;
		enum sg_shadow_state expected;
	} rows[] = {
		{0, 0, NULL, SG_SHADOW_UNKNOWN},
		{404, 0, NULL, SG_SHADOW_NOT_READY},
		{403, 0, NULL, SG_SHADOW_NOT_READY},
		{404, 200, NULL, SG_SHADOW_NOT_READY},
		{404, 404, NULL, SG_SHADOW_WRONG_PATH},
		{403, 404, NULL, SG_SHADOW_NOT_READY},
		{404, 503, NULL, SG_SHADOW_NOT_READY},
		{200, 0, NEXT_TYPE, SG_SHADOW_READY_UNVERIFIED},
		{200, 404, NEXT_TYPE, SG_SHADOW_READY_UNVERIFIED},
		{200, 0, "text/html", SG_SHADOW_UNKNOWN},
		{200, 0, "application/x-x509-ca-cert", SG_SHADOW_UNKNOWN},
		{200, 0, "", SG_SHADOW_UNKNOWN},
		{200, 0, NULL, SG_SHADOW_UNKNOWN},
		{206, 0, NEXT_TYPE, SG_SHADOW_UNKNOWN},
		{404, 0, NEXT_TYPE, SG_SHADOW_NOT_READY},
		{500, 0, NULL, SG_SHADOW_UNKNOWN},
		{503, 0, NEXT_TYPE, SG_SHADOW_UNKNOWN},
		{302, 0, NULL, SG_SHADOW_UNKNOWN},
		{400, 0, NULL, SG_SHADOW_UNKNOWN},
		{0xffff, 0, NULL, SG_SHADOW_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct sg_shadow s = {0};

		if (rows[i].cert_status)
			sg_shadow_cert_answered(&s, rows[i].cert_status, NOW);
		if (rows[i].next_status)
			sg_shadow_answered(&s, rows[i].next_status, rows[i].type, NOW);
		assert_int_equal(sg_shadow_judge(&s, LIFETIME, NOW), rows[i].expected);
	}
}

static void test_evidence_ages(void **state)
{
	struct sg_shadow s = {0};

	(void)state;
	sg_shadow_answered(&s, 404, NULL, NOW);
	assert_int_equal(sg_shadow_judge(&s, LIFETIME, NOW + LIFETIME), SG_SHADOW_NOT_READY);
	assert_int_equal(sg_shadow_judge(&s, LIFETIME, NOW + LIFETIME + 1), SG_SHADOW_EXPIRED);
	/* The clock was set back: evidence from "tomorrow" is new, not 500 years old. */
	assert_int_equal(sg_shadow_judge(&s, LIFETIME, NOW - SG_NS_PER_D), SG_SHADOW_NOT_READY);
}

/* One refused GetCACert is of no weight once the CA has served it, or long after. */
static void test_wrong_path_is_taken_back(void **state)
{
	struct sg_shadow s = {0};

	(void)state;
	sg_shadow_cert_answered(&s, 404, NOW);
	sg_shadow_answered(&s, 404, NULL, NOW);
	assert_int_equal(sg_shadow_judge(&s, LIFETIME, NOW), SG_SHADOW_WRONG_PATH);
	sg_shadow_cert_answered(&s, 200, NOW + 1);
	assert_int_equal(sg_shadow_judge(&s, LIFETIME, NOW + 1), SG_SHADOW_NOT_READY);

	s = (struct sg_shadow){0};
	sg_shadow_cert_answered(&s, 404, NOW - LIFETIME - 1);
	sg_shadow_answered(&s, 404, NULL, NOW);
	assert_int_equal(sg_shadow_judge(&s, LIFETIME, NOW), SG_SHADOW_NOT_READY);
}

static void test_since_moves_only_with_the_state(void **state)
{
	struct sg_shadow s = {0};

	(void)state;
	assert_false(sg_shadow_update(&s, LIFETIME, NOW));
	assert_int_equal(s.since_ns, 0);
	sg_shadow_answered(&s, 404, NULL, NOW);
	assert_true(sg_shadow_update(&s, LIFETIME, NOW));
	sg_shadow_answered(&s, 404, NULL, NOW + 5);
	assert_false(sg_shadow_update(&s, LIFETIME, NOW + 5));
	assert_int_equal(s.since_ns, NOW);
	sg_shadow_answered(&s, 200, NEXT_TYPE, NOW + 9);
	assert_true(sg_shadow_update(&s, LIFETIME, NOW + 9));
	assert_int_equal(s.since_ns, NOW + 9);
	assert_int_equal(s.not_ready_ns, NOW + 5);
	assert_int_equal(s.ready_ns, NOW + 9);
}

static void test_lifetime(void **state)
{
	(void)state;
	assert_int_equal(sg_shadow_lifetime_ns(0, 1), SG_NS_PER_H);
	assert_int_equal(sg_shadow_lifetime_ns(10 * SG_NS_PER_MIN, 1), SG_NS_PER_H);
	assert_int_equal(sg_shadow_lifetime_ns(SG_NS_PER_H, 1), 3 * SG_NS_PER_H);
	assert_int_equal(sg_shadow_lifetime_ns(SG_NS_PER_H, 10), 18 * SG_NS_PER_MIN);
	assert_int_equal(sg_shadow_lifetime_ns(~0ull, 1), ~0ull);
}

/* A type with control characters cannot forge lines anywhere. */
static void test_type_is_tamed(void **state)
{
	struct sg_shadow s = {0};
	char longer[200];

	(void)state;
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	sg_shadow_answered(&s, 200, "text\n\x1b[2J", NOW);
	assert_null(strchr(s.content_type, '\n'));
	assert_null(strchr(s.content_type, '\x1b'));
	sg_shadow_answered(&s, 200, longer, NOW);
	assert_in_range(strlen(s.content_type), 1, SG_SHADOW_TYPE_MAX - 1);
}

static struct sg_answer_event piece(__u16 port, __u16 offset, const char *text)
{
	struct sg_answer_event record = {
		.event = {.kind = SG_EVENT_ANSWER,
			  .client_port = port,
			  .request_number = 1,
			  .status = 200,
			  .head_offset = offset,
			  .head_bytes = strlen(text)},
	};

	memcpy(record.head, text, strlen(text));
	return record;
}

#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: " NEXT_TYPE "\r\n\r\n"

/* However it is cut, the head comes out whole, and not before its end. */
static void test_head_cut_anywhere(void **state)
{
	(void)state;
	for (size_t cut = 1; cut < strlen(HEAD); cut++) {
		struct sg_heads heads = {0};
		struct sg_answer_head read;
		struct sg_answer_event record;
		struct sg_head done;
		char first[128];

		memcpy(first, HEAD, cut);
		first[cut] = '\0';
		record = piece(7, 0, first);
		assert_false(sg_heads_add(&heads, &record, NOW, &done));
		record = piece(7, cut, &HEAD[cut]);
		assert_true(sg_heads_add(&heads, &record, NOW, &done));
		assert_int_equal(done.len, strlen(HEAD));
		assert_int_equal(sg_answer_head_read(done.bytes, done.len, &read), 0);
		assert_string_equal(read.media_type, NEXT_TYPE);
		assert_false(sg_heads_expire(&heads, ~0ull, &done));
	}
}

/* An interim answer's empty line is not the end. */
static void test_head_after_interim(void **state)
{
	struct sg_heads heads = {0};
	struct sg_answer_event record = piece(7, 0, "HTTP/1.1 100 Continue\r\n\r\n");
	struct sg_head done;

	(void)state;
	assert_false(sg_heads_add(&heads, &record, NOW, &done));
	record = piece(7, 25, HEAD);
	assert_true(sg_heads_add(&heads, &record, NOW, &done));
	assert_int_equal(done.len, 25 + strlen(HEAD));
}

static void test_head_with_a_gap_waits(void **state)
{
	struct sg_heads heads = {0};
	struct sg_answer_event record = piece(7, 0, "HTTP/1.1 200 OK\r\n");
	struct sg_head done;

	(void)state;
	assert_false(sg_heads_add(&heads, &record, NOW, &done));
	record = piece(7, 40, "\r\n\r\n");
	assert_false(sg_heads_add(&heads, &record, NOW, &done));
	assert_false(sg_heads_expire(&heads, NOW, &done));
	assert_true(sg_heads_expire(&heads, NOW + 1, &done));
	assert_int_equal(done.len, 17);
	assert_false(sg_heads_expire(&heads, ~0ull, &done));
}

/* A record that lies about its size changes nothing. */
static void test_head_hostile_sizes(void **state)
{
	struct sg_heads heads = {0};
	struct sg_answer_event record = piece(7, 0, "HTTP/1.1 200 OK\r\n");
	struct sg_head done;

	(void)state;
	record.event.head_bytes = 0xffff;
	assert_false(sg_heads_add(&heads, &record, NOW, &done));
	record.event.head_bytes = SG_ANSWER_HEAD;
	memset(record.head, 'x', sizeof(record.head));
	assert_true(sg_heads_add(&heads, &record, NOW, &done));
	assert_int_equal(done.len, SG_ANSWER_HEAD);
}

/* More unfinished heads than places: the oldest comes out as it is, none is mixed with another. */
static void test_heads_are_bounded(void **state)
{
	struct sg_heads heads = {0};
	struct sg_answer_event record;
	struct sg_head done;

	(void)state;
	for (__u16 port = 0; port < SG_HEADS; port++) {
		record = piece(port, 0, "HTTP/1.1 200 OK\r\n");
		assert_false(sg_heads_add(&heads, &record, NOW + port, &done));
	}
	record = piece(SG_HEADS, 0, "HTTP/1.1 200 OK\r\n");
	assert_true(sg_heads_add(&heads, &record, NOW + SG_HEADS, &done));
	assert_int_equal(done.client_port, 0);
	record = piece(5, 17, "\r\n");
	assert_true(sg_heads_add(&heads, &record, NOW + SG_HEADS, &done));
	assert_int_equal(done.client_port, 5);
	assert_int_equal(done.len, 19);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row),
		cmocka_unit_test(test_evidence_ages),
		cmocka_unit_test(test_wrong_path_is_taken_back),
		cmocka_unit_test(test_since_moves_only_with_the_state),
		cmocka_unit_test(test_lifetime),
		cmocka_unit_test(test_type_is_tamed),
		cmocka_unit_test(test_head_cut_anywhere),
		cmocka_unit_test(test_head_after_interim),
		cmocka_unit_test(test_head_with_a_gap_waits),
		cmocka_unit_test(test_head_hostile_sizes),
		cmocka_unit_test(test_heads_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
