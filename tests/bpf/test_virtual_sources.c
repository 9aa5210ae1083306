// SPDX-License-Identifier: GPL-2.0-only
/* What the guard remembers of a source, for how long: on the real object, just before and just after. The
 * numbers are those of scepguard.yaml(5) and core/times.h, written out again.
 */
#include "clocked.h"

#define A       "198.51.100.7"
#define HOLDER  "198.51.100.200"
#define OTHERS  "198.51.100.201"
#define FOREVER (1ull << 35)

/* Nothing but the limit per source. */
static void begin_sources(void)
{
	fresh_at(begin_ticks, begin_hz);
	guard.svc.slots = 0;
	guard.svc.window.connections = 0;
	guard.svc.deaf_unanswered = 0;
	write_service();
}

/* Nothing but slots, and no limit per source. */
static void begin_slots(__u32 slots)
{
	fresh_at(begin_ticks, begin_hz);
	memset(&guard.live.source_default, 0, sizeof(guard.live.source_default));
	write_live();
	memset(guard.svc.reserve_permille, 0, sizeof(guard.svc.reserve_permille));
	guard.svc.slots = slots;
	guard.svc.window.connections = 0;
	guard.svc.deaf_unanswered = 0;
	guard.svc.idle_ticks = guard.svc.life_ticks = FOREVER;
	write_service();
}

/* A connection that stays. */
static void hold(const char *client, __u16 port)
{
	assert_int_equal(ask(client, port).action, XDP_PASS);
	shake(client, port);
	request(client, port, LINE_OTHER);
}

static __u32 take_all(const char *client)
{
	static __u16 port;
	__u32 n = 0;

	while (serve(client, ++port, LINE_CAPS).action == XDP_PASS)
		assert_true(++n < 100);
	return n;
}

/* 12 a minute, six at once. */
static void test_burst_refills(void **state)
{
	(void)state;
	begin_sources();
	assert_int_equal(take_all(A), 6);
	assert_refused_as(ask(A, 9000), SOURCE_RATE);
	pass_ticks(5 * guard.hz - 1);
	assert_int_equal(take_all(A), 0);
	pass_ticks(1);
	assert_int_equal(take_all(A), 1);
	pass_ticks(15 * guard.hz);
	assert_int_equal(take_all(A), 3);
	pass_s(30);
	assert_int_equal(take_all(A), 6);
	pass_s(3600);
	assert_int_equal(take_all(A), 6);
}

/* Silent for as long as 32 bits of ticks take to change sign or come round: whatever is left of old times,
 * nobody waits for longer than two intervals.
 */
static void test_silent_for_months(void **state)
{
	static const __s64 around_s[] = {-36, -35, -5, 0, 5, 29, 31};

	(void)state;
	for (__u64 silence = 1ull << 31; silence <= 1ull << 32; silence <<= 1) {
		for (size_t i = 0; i < sizeof(around_s) / sizeof(around_s[0]); i++) {
			const bool comes_round =
				silence >> 32 && around_s[i] >= -5 && around_s[i] < 30;

			begin_sources();
			assert_int_equal(take_all(A), 6);
			pass_ticks(silence + around_s[i] * guard.hz);
			if (comes_round)
				assert_int_equal(take_all(A),
						 around_s[i] < 0 ? 0 : around_s[i] / 5);
			else
				assert_int_equal(take_all(A), 6);
			pass_s(10);
			assert_in_range(take_all(A), 1, 2);
		}
	}
}

/* Four at once, half-open ones included; they end as everybody's do. */
static void test_connections_at_once(void **state)
{
	(void)state;
	begin_sources();
	for (__u16 port = 1; port <= 4; port++)
		assert_admitted(ask(A, port));
	assert_refused_as(ask(A, 5), SOURCE_CONNECTIONS);
	pass_s(5);
	assert_refused_as(ask(A, 5), SOURCE_CONNECTIONS);
	pass_ticks(1);
	assert_true(ask(A, 5).reclaimed);
	assert_admitted(ask(A, 5));
}

/* Spoofed SYNs have used up a router's rate: its handshakes of the last ten minutes speak for it. */
static void test_second_bucket(void **state)
{
	(void)state;
	for (int late = 0; late <= 1; late++) {
		begin_sources();
		guard.live.source_default.connections = 0;
		write_live();
		serve(A, 1, LINE_CAPS);
		pass_ticks(600 * guard.hz + late);
		for (__u16 port = 100; port < 106; port++)
			assert_admitted(ask(A, port));
		if (late)
			assert_refused_as(ask(A, 107), SOURCE_RATE);
		else
			assert_admitted(ask(A, 107));
	}
}

static __u32 predicted(const char *client)
{
	static __u16 port = 10000;
	struct verdict v = ask(client, ++port);

	assert_int_equal(v.reclaimed, false);
	assert_int_not_equal(v.priority, SG_PRIORITY_MAX_);
	return v.priority;
}

/* GetCACert begins an enrolment: five minutes, six connections. */
static void test_claim(void **state)
{
	(void)state;
	begin_slots(0);
	serve(A, 1, LINE_CERT);
	pass_ticks(300 * guard.hz - 1);
	assert_int_equal(predicted(A), SG_PRIORITY_IN_PROGRESS);
	pass_ticks(1);
	assert_int_equal(predicted(A), SG_PRIORITY_BOOTSTRAP);
	begin_slots(0);
	serve(A, 1, LINE_CERT);
	for (int i = 0; i < 6; i++)
		assert_int_equal(predicted(A), SG_PRIORITY_IN_PROGRESS);
	assert_int_equal(predicted(A), SG_PRIORITY_BOOTSTRAP);
}

/* Not renewed within ten minutes, unless by PKIOperation. */
static void test_claim_renewed(void **state)
{
	(void)state;
	begin_slots(0);
	serve(A, 1, LINE_CERT);
	pass_ticks(600 * guard.hz - 1);
	serve(A, 2, LINE_CERT);
	assert_int_equal(predicted(A), SG_PRIORITY_BOOTSTRAP);
	pass_ticks(1);
	serve(A, 3, LINE_CERT);
	assert_int_equal(predicted(A), SG_PRIORITY_IN_PROGRESS);
	pass_s(301);
	serve(A, 4, LINE_PKI);
	assert_int_equal(predicted(A), SG_PRIORITY_IN_PROGRESS);
	pass_ticks(300 * guard.hz - 1);
	assert_int_equal(predicted(A), SG_PRIORITY_IN_PROGRESS);
	pass_ticks(1);
	assert_int_equal(predicted(A), SG_PRIORITY_ENROLMENT);
}

/* The most useful request of ten minutes counts; after that the last one, but nobody is known to enrol for
 * ever.
 */
static void test_useful_lately(void **state)
{
	(void)state;
	begin_slots(0);
	serve(A, 1, LINE_PKI);
	pass_s(200);
	serve(A, 2, LINE_NEXT);
	pass_s(400);
	assert_int_equal(predicted(A), SG_PRIORITY_ENROLMENT);
	pass_ticks(1);
	assert_int_equal(predicted(A), SG_PRIORITY_ROLLOVER);
	pass_s(3600);
	assert_int_equal(predicted(A), SG_PRIORITY_ROLLOVER);
	begin_slots(0);
	serve(A, 1, LINE_PKI);
	pass_ticks(600 * guard.hz + 1);
	assert_int_equal(predicted(A), SG_PRIORITY_BOOTSTRAP);
}

/* A tick at which the lowest bit of a note is free (core/refused.h). */
static void to_even_tick(void)
{
	pass_ticks(clock_now() & 1);
}

/* Refused, an unknown source is new for five minutes, then one of many, until an hour after. */
static void test_refused_is_new(void **state)
{
	(void)state;
	begin_slots(1);
	hold(HOLDER, 1);
	to_even_tick();
	for (int i = 0; i < 10; i++) {
		assert_int_equal(predicted(A), SG_PRIORITY_BOOTSTRAP);
		pass_s(30);
	}
	assert_int_equal(predicted(A), SG_PRIORITY_BOOTSTRAP); /* 300 s after the first */
	pass_ticks(2);
	assert_int_equal(predicted(A), SG_PRIORITY_ROLLOVER); /* noted as coming again */
	pass_s(1);
	assert_int_equal(predicted(A), SG_PRIORITY_ROLLOVER);
}

/* How long ago it is noted, at most, counts from a refusal five minutes after the one before. */
static void test_refused_is_forgotten(void **state)
{
	(void)state;
	for (int late = 0; late <= 1; late++) {
		begin_slots(1);
		hold(HOLDER, 1);
		to_even_tick();
		assert_int_equal(predicted(A), SG_PRIORITY_BOOTSTRAP);
		pass_ticks(300 * guard.hz + 2);
		assert_int_equal(predicted(A), SG_PRIORITY_ROLLOVER);
		pass_ticks(3600 * guard.hz + late);
		assert_int_equal(predicted(A), late ? SG_PRIORITY_BOOTSTRAP : SG_PRIORITY_ROLLOVER);
	}
}

/* Of the places below enrolment every tenth belongs to the lowest class that asked in the last 3 s. */
static void test_turn(void **state)
{
	(void)state;
	begin_slots(15);
	guard.svc.reserve_permille[SG_PRIORITY_OTHER] = 600;
	write_service();
	serve(OTHERS, 1, LINE_OTHER);
	serve(stranger(), 1, LINE_CAPS);
	serve(stranger(), 1, LINE_CAPS);
	for (__u16 port = 1; port <= 5; port++)
		hold(stranger(), port);
	hold(HOLDER, 1); /* nine below enrolment by now, six of fifteen taken */
	assert_int_equal(budget()->below_enrolment, 9);
	guard.svc.slots = 6;
	write_service();
	assert_refused_as(ask(OTHERS, 2), SLOTS);
	guard.svc.slots = 15;
	write_service();
	pass_s(3);
	assert_refused_as(ask(A, 1), OTHER_TURN);
	pass_ticks(1);
	assert_admitted(ask(A, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst_refills),
		cmocka_unit_test(test_silent_for_months),
		cmocka_unit_test(test_connections_at_once),
		cmocka_unit_test(test_second_bucket),
		cmocka_unit_test(test_claim),
		cmocka_unit_test(test_claim_renewed),
		cmocka_unit_test(test_useful_lately),
		cmocka_unit_test(test_refused_is_new),
		cmocka_unit_test(test_refused_is_forgotten),
		cmocka_unit_test(test_turn),
	};

	return RUN_AT_ALL_TIMES(tests);
}
