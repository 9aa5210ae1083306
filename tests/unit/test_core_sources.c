// SPDX-License-Identifier: GPL-2.0-only
/* What is known of a source and what its next SYN is therefore predicted to want; the claim of an
 * enrolment in progress; what counts as one source; the proven second bucket.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <arpa/inet.h>
#include <cmocka.h>

#include "../lib/budget_cases.h"
#include "../../bpf/core/sources.h"

#define MINUTE (60 * SECOND)

static const struct sg_source_limits limits = {.interval_ticks = 5000, .burst = 6};
static struct sg_service svc;
static struct sg_source src;

static int setup(void **state)
{
	(void)state;
	svc = case_service(77, 15);
	svc.in_progress_connections = 6;
	svc.in_progress_ticks = 5 * MINUTE;
	memset(&src, 0, sizeof(src));
	return 0;
}

static void request(__u32 request_class, __u64 now)
{
	sg_source_requested(&src, &svc, request_class, &case_times, now);
}

static __u32 predict(__u64 now)
{
	return sg_source_predict(&src, &case_times, now);
}

static void test_prediction_order(void **state)
{
	(void)state;
	assert_int_equal(sg_source_predict(NULL, &case_times, START), SG_PRIORITY_BOOTSTRAP);
	assert_int_equal(predict(START), SG_PRIORITY_BOOTSTRAP); /* admitted, asked nothing yet */
	request(SG_REQUEST_NOT_SCEP, START);
	assert_int_equal(predict(START), SG_PRIORITY_OTHER);
	request(SG_REQUEST_GETNEXTCACERT, START + 1);
	assert_int_equal(predict(START + 1), SG_PRIORITY_ROLLOVER);
	request(SG_REQUEST_GETCACAPS, START + 2);
	assert_int_equal(predict(START + 2), SG_PRIORITY_BOOTSTRAP);
	request(SG_REQUEST_PKIOPERATION_POST, START + 3);
	assert_int_equal(predict(START + 3), SG_PRIORITY_IN_PROGRESS);
	src.claim_left = 0;
	assert_int_equal(predict(START + 3), SG_PRIORITY_ENROLMENT);
}

/* A site behind one address: its most useful request of the last ten minutes, however many others. */
static void test_shared_source(void **state)
{
	__u64 t = START + 10 * MINUTE;

	(void)state;
	request(SG_REQUEST_PKIOPERATION_GET, START);
	src.claim_left = 0;
	for (__u64 i = 0; i < 100; i++)
		request(SG_REQUEST_GETNEXTCACERT, START + 6 * SECOND * i);
	assert_int_equal(predict(t), SG_PRIORITY_ENROLMENT);
	assert_int_equal(predict(t + 1), SG_PRIORITY_ROLLOVER);
}

static void test_useful_long_ago_is_as_never_seen(void **state)
{
	(void)state;
	request(SG_REQUEST_PKIOPERATION_GET, START);
	assert_int_equal(predict(START + 100 * MINUTE), SG_PRIORITY_BOOTSTRAP);
	request(SG_REQUEST_GETNEXTCACERT, START + 100 * MINUTE);
	assert_int_equal(predict(START + 200 * MINUTE), SG_PRIORITY_ROLLOVER);
	request(SG_REQUEST_UNDECIDED, START + 200 * MINUTE);
	assert_int_equal(predict(START + 300 * MINUTE), SG_PRIORITY_OTHER);
}

static void test_who_begins_a_claim(void **state)
{
	static const __u8 none[] = {SG_REQUEST_NONE,          SG_REQUEST_UNDECIDED,
				    SG_REQUEST_NOT_SCEP,      SG_REQUEST_OTHER_SCEP,
				    SG_REQUEST_GETNEXTCACERT, SG_REQUEST_GETCACERTCHAIN,
				    SG_REQUEST_GETCACAPS};
	static const __u8 some[] = {SG_REQUEST_GETCACERT, SG_REQUEST_PKIOPERATION_GET,
				    SG_REQUEST_PKIOPERATION_POST};

	for (size_t i = 0; i < sizeof(none); i++) {
		setup(state);
		request(none[i], START);
		assert_false(sg_source_claims(&src, START));
	}
	for (size_t i = 0; i < sizeof(some); i++) {
		setup(state);
		request(some[i], START);
		assert_true(sg_source_claims(&src, START));
	}
}

static void test_claim_is_for_six_connections(void **state)
{
	(void)state;
	request(SG_REQUEST_GETCACERT, START);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(predict(START + i), SG_PRIORITY_IN_PROGRESS);
		sg_source_admitted(&src, predict(START + i), START + i);
	}
	assert_int_equal(predict(START + 6), SG_PRIORITY_BOOTSTRAP);
	sg_source_admitted(&src, SG_PRIORITY_IN_PROGRESS, START + 7); /* never below zero */
	assert_int_equal(src.claim_left, 0);
	assert_int_equal(src.admitted, 7);
	assert_int_equal(src.connections, 7);
}

static void test_claim_is_for_five_minutes(void **state)
{
	(void)state;
	request(SG_REQUEST_GETCACERT, START);
	assert_int_equal(predict(START + 5 * MINUTE - 1), SG_PRIORITY_IN_PROGRESS);
	assert_int_equal(predict(START + 5 * MINUTE), SG_PRIORITY_BOOTSTRAP);
}

static void test_claim_is_renewed_by_pkioperation_only(void **state)
{
	__u64 t = START + 6 * MINUTE;

	(void)state;
	request(SG_REQUEST_GETCACERT, START);
	request(SG_REQUEST_GETCACERT, t);
	assert_false(sg_source_claims(&src, t));
	request(SG_REQUEST_PKIOPERATION_GET, t);
	assert_true(sg_source_claims(&src, t));
	assert_int_equal(src.claim_left, 6);
	/* Ten minutes after it was granted, GetCACert may begin another. */
	request(SG_REQUEST_GETCACERT, t + 10 * MINUTE - 1);
	assert_false(sg_source_claims(&src, t + 10 * MINUTE - 1));
	request(SG_REQUEST_GETCACERT, t + 10 * MINUTE);
	assert_true(sg_source_claims(&src, t + 10 * MINUTE));
}

static void test_useful_since(void **state)
{
	(void)state;
	request(SG_REQUEST_GETNEXTCACERT, START);
	assert_int_equal(src.useful_since, 0);
	request(SG_REQUEST_GETCACERT, START + 1);
	request(SG_REQUEST_PKIOPERATION_GET, START + 2);
	assert_int_equal(src.useful_since, START + 1);
	sg_source_answered(&src, SG_REQUEST_PKIOPERATION_GET, 503);
	sg_source_answered(&src, SG_REQUEST_GETNEXTCACERT, 200);
	assert_int_equal(src.useful_since, START + 1);
	sg_source_answered(&src, SG_REQUEST_PKIOPERATION_GET, 200);
	assert_int_equal(src.useful_since, 0);
	request(SG_REQUEST_GETCACERT, START + 3);
	sg_source_answered(&src, SG_REQUEST_GETCACERT, 404);
	assert_int_equal(src.useful_since, 0);
	assert_int_equal(src.answers[5], 1);
	assert_int_equal(src.answers[2], 2);
}

/* Until it is served; a refusal, or an answer to what is no use, is not that. */
static void test_left_unfinished(void **state)
{
	(void)state;
	request(SG_REQUEST_GETCACERT, START);
	assert_true(sg_source_claims(&src, START));
	sg_source_left_unfinished(&src);
	assert_false(sg_source_claims(&src, START));
	assert_int_equal(src.useful_since, 0);
	request(SG_REQUEST_GETCACERT, START + 1); /* nor does it grow old by asking */
	assert_int_equal(src.useful_since, 0);
	sg_source_answered(&src, SG_REQUEST_PKIOPERATION_GET, 404);
	sg_source_answered(&src, SG_REQUEST_GETNEXTCACERT, 200);
	assert_int_equal(src.left_unfinished, 1);
	sg_source_answered(&src, SG_REQUEST_GETCACAPS, 200);
	assert_int_equal(src.left_unfinished, 0);
}

static void test_status_classes(void **state)
{
	(void)state;
	assert_int_equal(sg_status_class(0), 0);
	assert_int_equal(sg_status_class(199), 0);
	assert_int_equal(sg_status_class(200), 2);
	assert_int_equal(sg_status_class(399), 3);
	assert_int_equal(sg_status_class(404), 4);
	assert_int_equal(sg_status_class(599), 5);
	assert_int_equal(sg_status_class(600), 0);
}

static struct sg_ip address(const char *text)
{
	struct sg_ip ip = {};

	if (inet_pton(AF_INET6, text, &ip) != 1) {
		ip.w[2] = sg_htonl(0xffff);
		assert_int_equal(inet_pton(AF_INET, text, &ip.w[3]), 1);
	}
	return ip;
}

static void assert_masked(const char *from, __u32 ipv4_bits, __u32 ipv6_prefix, const char *to)
{
	struct sg_ip ip = address(from), expected = address(to);
	__u32 mask = ipv4_bits ? 0xffffffffu << (32 - ipv4_bits) : 0;

	ip = sg_source_mask(&ip, mask, ipv6_prefix);
	if (!sg_ip_equal(&ip, &expected))
		fail_msg("'%s' /%u /%u is not '%s'", from, ipv4_bits, ipv6_prefix, to);
}

static void test_masks(void **state)
{
	const char *v6 = "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff";

	(void)state;
	assert_masked("198.51.100.77", 32, 64, "198.51.100.77");
	assert_masked("198.51.100.77", 31, 64, "198.51.100.76");
	assert_masked("198.51.100.77", 24, 64, "198.51.100.0");
	assert_masked("198.51.100.77", 1, 64, "128.0.0.0");
	assert_masked("198.51.100.77", 0, 64, "0.0.0.0");
	assert_masked(v6, 24, 128, v6);
	assert_masked(v6, 24, 127, "2001:db8:aaaa:bbbb:cccc:dddd:eeee:fffe");
	assert_masked(v6, 24, 97, "2001:db8:aaaa:bbbb:cccc:dddd:8000:0");
	assert_masked(v6, 24, 96, "2001:db8:aaaa:bbbb:cccc:dddd::");
	assert_masked(v6, 24, 64, "2001:db8:aaaa:bbbb::");
	assert_masked(v6, 24, 56, "2001:db8:aaaa:bb00::");
	assert_masked(v6, 24, 33, "2001:db8:8000::");
	assert_masked(v6, 24, 32, "2001:db8::");
	assert_masked(v6, 24, 1, "::");
}

/* The second bucket: charged by completed handshakes only, open only to those who had one lately. */
static void test_proven(void **state)
{
	(void)state;
	assert_false(sg_source_proven(NULL, &limits, &case_times, START));
	assert_false(sg_source_proven(&src, &limits, &case_times, START));
	for (int i = 0; i < 6; i++) {
		sg_source_handshake(&src, &limits, START);
		assert_int_equal(sg_source_proven(&src, &limits, &case_times, START), i < 5);
	}
	assert_true(sg_source_proven(&src, &limits, &case_times, START + 5000));
	assert_true(sg_source_proven(&src, &limits, &case_times, START + 10 * MINUTE));
	assert_false(sg_source_proven(&src, &limits, &case_times, START + 10 * MINUTE + 1));
}

/* Jiffies start five minutes before 32 bits of them wrap: a source without a past has all its burst. */
static void test_proven_shortly_after_boot(void **state)
{
	(void)state;
	for (__u64 t = (1ull << 32) - 60 * SECOND; t < (1ull << 32) + SECOND; t += 977) {
		setup(state);
		sg_source_handshake(&src, &limits, t);
		assert_int_equal(src.handshake_tat, (__u32)t + limits.interval_ticks);
		assert_true(sg_source_proven(&src, &limits, &case_times, t));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_prediction_order, setup),
		cmocka_unit_test_setup(test_shared_source, setup),
		cmocka_unit_test_setup(test_useful_long_ago_is_as_never_seen, setup),
		cmocka_unit_test_setup(test_who_begins_a_claim, setup),
		cmocka_unit_test_setup(test_claim_is_for_six_connections, setup),
		cmocka_unit_test_setup(test_claim_is_for_five_minutes, setup),
		cmocka_unit_test_setup(test_claim_is_renewed_by_pkioperation_only, setup),
		cmocka_unit_test_setup(test_useful_since, setup),
		cmocka_unit_test_setup(test_left_unfinished, setup),
		cmocka_unit_test_setup(test_status_classes, setup),
		cmocka_unit_test_setup(test_masks, setup),
		cmocka_unit_test_setup(test_proven, setup),
		cmocka_unit_test_setup(test_proven_shortly_after_boot, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
