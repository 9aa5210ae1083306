// SPDX-License-Identifier: GPL-2.0-only
/* Every constant of time that a connection or a service has, on the real object: just before and just
 * after. The numbers are those of scepguard.yaml(5) and core/times.h, written out again.
 */
#include "clocked.h"

#define A "198.51.100.7"
#define B "198.51.100.8"
#define C "198.51.100.9"

/* A budget that holds nothing of the cold start any more. */
static void begin(void)
{
	fresh_at(begin_ticks, begin_hz);
	pass_s(120);
}

static void one_slot(void)
{
	begin();
	guard.svc.slots = 1;
	write_service();
}

/* B's SYN at the last moment at which A's connection counts, and one tick later. */
static void assert_lease_ends(__u64 ticks)
{
	struct verdict v;

	pass_ticks(ticks);
	assert_refused_as(ask(B, 1), SLOTS);
	pass_ticks(1);
	v = ask(B, 1);
	assert_true(v.reclaimed);
	assert_int_equal(v.action, XDP_PASS);
	assert_admitted(ask(B, 1));
}

static void test_half_open_lease(void **state)
{
	(void)state;
	one_slot();
	assert_admitted(ask(A, 1));
	assert_lease_ends(5 * guard.hz);
}

static void test_answered_half_open_lease(void **state)
{
	(void)state;
	one_slot();
	assert_admitted(ask(A, 1));
	pass_s(3);
	from_ca(A, 1, SG_TCP_SYN | SG_TCP_ACK, CA_ISN, CLIENT_ISN + 1, "");
	assert_lease_ends(2 * guard.hz);
}

static void test_request_lease(void **state)
{
	(void)state;
	one_slot();
	assert_admitted(ask(A, 1));
	pass_s(2);
	shake(A, 1);
	assert_lease_ends(10 * guard.hz);
}

static void test_idle_lease(void **state)
{
	(void)state;
	one_slot();
	assert_admitted(ask(A, 1));
	shake(A, 1);
	pass_s(2);
	request(A, 1, LINE_CAPS);
	assert_lease_ends(60 * guard.hz);
}

/* However busy it is. */
static void test_life(void **state)
{
	(void)state;
	one_slot();
	assert_admitted(ask(A, 1));
	shake(A, 1);
	request(A, 1, LINE_CAPS);
	assert_int_equal(
		from_ca(A, 1, SG_TCP_ACK, CA_ISN + 1, CLIENT_ISN + 1 + strlen(LINE_CAPS), ""),
		XDP_PASS);
	for (int i = 0; i < 3; i++) {
		pass_s(50);
		request(A, 1, LINE_CAPS);
	}
	assert_lease_ends(30 * guard.hz);
}

/* Nothing in 30 s that the CA has read: what comes now may be what ends the handshake there. */
static void test_unproven_life(void **state)
{
	(void)state;
	one_slot();
	assert_admitted(ask(A, 1));
	shake(A, 1);
	pass_s(30);
	request(A, 1, LINE_CAPS);
	pass_ticks(1);
	assert_int_equal(from_client(A, 1, SG_TCP_ACK, CLIENT_ISN + 1, CA_ISN + 1, LINE_CAPS),
			 XDP_TX);
	assert_int_equal(count_of(SG_COUNTER_FORFEITED), 1);
	assert_lease_ends(5 * guard.hz);
}

/* The client's RST is no proof, but after `syn` it is enough. */
static void test_abandoned_lease(void **state)
{
	(void)state;
	one_slot();
	assert_admitted(ask(A, 1));
	shake(A, 1);
	request(A, 1, LINE_CAPS);
	pass_s(1);
	from_client(A, 1, SG_TCP_RST, CLIENT_ISN + 1 + strlen(LINE_CAPS), 0, "");
	assert_lease_ends(5 * guard.hz);
}

static __u64 expiry_of(const char *client, __u16 port)
{
	struct sg_conn conn;

	assert_true(conn_of(client, port, &conn));
	assert_true(conn.lease < SG_LEASES);
	return budget()->leases[conn.lease].expires;
}

static void test_refresh(void **state)
{
	__u64 expires;

	(void)state;
	begin();
	assert_admitted(ask(A, 1));
	shake(A, 1);
	request(A, 1, LINE_CAPS);
	expires = expiry_of(A, 1);
	assert_int_equal(expires, clock_now() + 60 * guard.hz);
	pass_s(1);
	request(A, 1, LINE_CAPS);
	assert_int_equal(expiry_of(A, 1), expires);
	pass_ticks(1);
	request(A, 1, LINE_CAPS);
	assert_int_equal(expiry_of(A, 1), clock_now() + 60 * guard.hz);
}

static bool is_new_attempt(const char *client)
{
	const __u64 head = budget()->head, resent = count_of(SG_COUNTER_SYN_RESENT);

	assert_int_equal(from_client(client, 1, SG_TCP_SYN, CLIENT_ISN, 0, ""), XDP_PASS);
	assert_int_equal(budget()->head - head + count_of(SG_COUNTER_SYN_RESENT) - resent, 1);
	return budget()->head != head;
}

static void test_attempt_is_given_up(void **state)
{
	(void)state;
	begin();
	guard.svc.deaf_unanswered = 0;
	write_service();
	assert_true(is_new_attempt(A));
	pass_s(5);
	assert_false(is_new_attempt(A));
	pass_ticks(5 * guard.hz + 1);
	assert_true(is_new_attempt(A));
	assert_true(is_new_attempt(B));
	for (int i = 0; i < 6; i++) {
		pass_s(5);
		assert_false(is_new_attempt(B));
	}
	pass_ticks(1); /* 30 s after it began */
	assert_true(is_new_attempt(B));
}

static void test_late_syn_ack(void **state)
{
	(void)state;
	begin();
	ask(A, 1);
	ask(B, 1);
	pass_s(5);
	assert_int_equal(from_ca(A, 1, SG_TCP_SYN | SG_TCP_ACK, CA_ISN, CLIENT_ISN + 1, ""),
			 XDP_PASS);
	pass_ticks(1);
	assert_int_equal(from_ca(B, 1, SG_TCP_SYN | SG_TCP_ACK, CA_ISN, CLIENT_ISN + 1, ""),
			 XDP_TX);
	assert_int_equal(count_of(SG_COUNTER_LATE_SYN_ACK), 1);
}

/* Fill the window at one moment with strangers' connections, answered or only begun. */
static __u32 fill_window(bool answered)
{
	struct verdict v;
	__u32 n = 0;

	for (;; n++) {
		v = answered ? serve(stranger(), 1, LINE_CAPS) : ask(stranger(), 1);
		if (v.action != XDP_PASS)
			break;
		assert_int_equal(v.reclaimed, false);
		assert_true(n < 1000);
	}
	assert_true(v.reason == SG_REASON_WINDOW || v.reason == SG_REASON_WINDOW_RESERVED);
	return n;
}

/* 60 s, a 600th of it, a tick. 77 of them are 80 - 1 - 2; 69 are without the tenth kept for enrolment. */
static void test_window(void **state)
{
	(void)state;
	begin();
	assert_int_equal(fill_window(true), 69);
	pass_ticks(60 * guard.hz + guard.hz / 10);
	assert_refused_as(ask(stranger(), 1), WINDOW_RESERVED);
	pass_ticks(1);
	assert_int_equal(fill_window(true), 69);
	guard.svc.reserve_permille[SG_PRIORITY_BOOTSTRAP] = 0;
	write_service();
	assert_int_equal(fill_window(true), 8);
}

/* Nothing came back of them: they count for `syn` more. */
static void test_window_of_unanswered(void **state)
{
	(void)state;
	begin();
	guard.svc.slots = 0;
	guard.svc.deaf_unanswered = 0;
	write_service();
	assert_int_equal(fill_window(false), 69);
	pass_ticks(60 * guard.hz + guard.hz / 10 + 1);
	assert_refused_as(ask(stranger(), 1), WINDOW_RESERVED);
	pass_ticks(5 * guard.hz - 1);
	assert_refused_as(ask(stranger(), 1), WINDOW_RESERVED);
	pass_ticks(1);
	assert_admitted(ask(stranger(), 1));
}

static void test_cold_start(void **state)
{
	(void)state;
	fresh_at(begin_ticks, begin_hz);
	assert_int_equal(fill_window(true), 69 - 77 / 3);
	pass_ticks(60 * guard.hz + guard.hz / 10);
	assert_refused_as(ask(stranger(), 1), WINDOW_RESERVED);
	pass_ticks(1);
	assert_int_equal(fill_window(true), 77 / 3 + 69 - 77 / 3);
}

/* An expired half-open connection that only a share of the window waits for: without a daemon the refused
 * SYNs themselves must find and end it.
 */
static void test_share_does_not_wedge(void **state)
{
	int asked = 0;

	(void)state;
	begin();
	assert_admitted(ask(C, 1)); /* has the first lease, and stays */
	shake(C, 1);
	request(C, 1, LINE_CAPS);
	from_ca(C, 1, SG_TCP_ACK, CA_ISN + 1, CLIENT_ISN + 1 + strlen(LINE_CAPS), ANSWER_OK);
	pass_s(50);
	request(C, 1, LINE_CAPS);
	pass_s(15);
	assert_admitted(ask(A, 1));
	from_ca(A, 1, SG_TCP_SYN | SG_TCP_ACK, CA_ISN, CLIENT_ISN + 1, "");
	pass_s(1);
	for (int i = 0; i < 68; i++)
		assert_admitted(serve(stranger(), 1, LINE_CAPS));
	request(C, 1, LINE_CAPS);
	pass_s(59);
	request(C, 1, LINE_CAPS);
	pass_s(20);
	assert_int_equal(ask(stranger(), 1).reason, SG_REASON_WINDOW_UNSETTLED);
	while (ask(stranger(), 1).reason != SG_REASON_ADMITTED)
		assert_true(++asked < 10);
	assert_int_equal(count_of(SG_COUNTER_RECLAIMED), 1);
}

/* A raised limit counts from next_from on. */
static void test_raised_limit(void **state)
{
	__u32 zero = 0;

	(void)state;
	begin();
	guard.svc.reserve_permille[SG_PRIORITY_BOOTSTRAP] = 0;
	guard.svc.window.connections = 20;
	write_service();
	assert_int_equal(fill_window(true), 20);
	guard.svc.next_window.connections = 30;
	guard.svc.next_from = clock_now() + 60 * guard.hz;
	assert_int_equal(
		bpf_map_update_elem(map_fd(guard.skel->maps.sg_services), &zero, &guard.svc, 0), 0);
	pass_ticks(60 * guard.hz - 1);
	assert_refused_as(ask(stranger(), 1), WINDOW);
	pass_ticks(1);
	assert_int_equal(fill_window(true), 10);
}

/* A timed trial ends by itself, either way. */
static void test_trial(void **state)
{
	(void)state;
	one_slot();
	assert_admitted(ask(A, 1));
	guard.svc.slots = 1;
	guard.svc.syn_ticks = 7200ull * guard.hz;
	write_service();
	shake(A, 1);
	request(A, 1, LINE_CAPS);
	guard.live.mode_word =
		SG_MODE_WORD(SG_MODE_POLICE, SG_MODE_OBSERVE, clock_now() + 10 * guard.hz);
	write_live();
	pass_ticks(10 * guard.hz - 1);
	assert_int_equal(ask(B, 1).action, XDP_DROP);
	pass_ticks(1);
	assert_int_equal(ask(B, 1).action, XDP_PASS);
	guard.live.mode_word =
		SG_MODE_WORD(SG_MODE_OBSERVE, SG_MODE_POLICE, clock_now() + 10 * guard.hz);
	write_live();
	pass_ticks(10 * guard.hz - 1);
	assert_int_equal(ask(C, 1).action, XDP_PASS);
	pass_ticks(1);
	assert_int_equal(ask(C, 2).action, XDP_DROP);
}

/* Connections that observe left open count as slots for the first `life` of police. */
static void test_police_begins(void **state)
{
	struct sg_budget *book;
	__u32 zero = 0;

	(void)state;
	begin();
	guard.live.police_since = clock_now();
	write_live();
	book = budget();
	book->actual.open = 15;
	assert_int_equal(bpf_map_update_elem(map_fd(guard.skel->maps.sg_budgets), &zero, book, 0),
			 0);
	pass_ticks(180 * guard.hz - 1);
	assert_refused_as(ask(A, 1), SLOTS);
	pass_ticks(1);
	assert_admitted(ask(A, 1));
}

/* SYN-ACKs of strangers adopt for `syn` after load. */
static void test_adoption_after_load(void **state)
{
	(void)state;
	fresh_at(begin_ticks, begin_hz);
	pass_s(5);
	from_ca(A, 1, SG_TCP_SYN | SG_TCP_ACK, CA_ISN, CLIENT_ISN + 1, "");
	assert_int_equal(conn_count(), 1);
	pass_ticks(1);
	from_ca(B, 1, SG_TCP_SYN | SG_TCP_ACK, CA_ISN, CLIENT_ISN + 1, "");
	assert_int_equal(conn_count(), 1);
	from_ca(B, 1, SG_TCP_ACK, CA_ISN + 1, CLIENT_ISN + 1, ANSWER_OK);
	assert_int_equal(conn_count(), 2);
}

/* A minute ago is shortly before; 3 SYNs unanswered for 2 s are deafness, which lasts 16 s a feeler. */
static void test_deaf(void **state)
{
	(void)state;
	begin();
	serve(stranger(), 1, LINE_CAPS);
	pass_s(60);
	for (int i = 0; i < 3; i++)
		assert_admitted(ask(stranger(), 1));
	pass_ticks(2 * guard.hz - 1);
	assert_admitted(ask(stranger(), 1));
	pass_ticks(1);
	assert_refused_as(ask(stranger(), 1), CA_DEAF);
	pass_ticks(14 * guard.hz - 1);
	assert_refused_as(ask(stranger(), 1), CA_DEAF);
	pass_ticks(1);
	assert_refused_as(ask(stranger(), 1), CA_DEAF);
	pass_ticks(1); /* silent for more than 76 s: absent, not deaf */
	assert_admitted(ask(stranger(), 1));
}

static void test_absent_is_not_deaf(void **state)
{
	(void)state;
	begin();
	serve(stranger(), 1, LINE_CAPS);
	pass_ticks(60 * guard.hz + 1);
	for (int i = 0; i < 10; i++) {
		assert_admitted(ask(stranger(), 1));
		pass_s(1);
	}
}

/* Begin a deafness now. Returns when. */
static __u64 go_deaf(void)
{
	serve(stranger(), 1, LINE_CAPS);
	for (int i = 0; i < 3; i++)
		assert_admitted(ask(stranger(), 1));
	pass_s(2);
	assert_refused_as(ask(stranger(), 1), CA_DEAF);
	return clock_now();
}

static void test_feelers(void **state)
{
	(void)state;
	begin();
	go_deaf();
	for (int i = 0; i < 4; i++) {
		pass_ticks(16 * guard.hz - 1);
		assert_refused_as(ask(stranger(), 1), CA_DEAF);
		pass_ticks(1);
		assert_int_equal(ask(stranger(), 1).reason, SG_REASON_FEELER);
		assert_refused_as(ask(stranger(), 1), CA_DEAF);
	}
}

/* Half the window for one window after it. */
static void test_resumes(void **state)
{
	const char *feeler;

	(void)state;
	begin();
	go_deaf();
	pass_s(70); /* what was admitted before is older than a window */
	feeler = stranger();
	assert_int_equal(ask(feeler, 1).reason, SG_REASON_FEELER);
	shake(feeler, 1);
	request(feeler, 1, LINE_CAPS);
	answer(feeler, 1, LINE_CAPS);
	assert_int_equal(fill_window(true), 77 / 2 * 9 / 10 - 1);
	pass_ticks(60 * guard.hz + guard.hz / 10);
	assert_refused_as(ask(stranger(), 1), WINDOW_RESERVED);
	pass_ticks(1);
	assert_int_equal(fill_window(true), 69);
}

/* One-armed, the CA is known by its MAC as long as the daemon lives. */
static void test_heartbeat(void **state)
{
	struct sg_endpoint ep = {.used = 1,
				 .port = htons(80),
				 .id = 1,
				 .ca_ifindex = guard.ca_if,
				 .one_armed = 1,
				 .mac_known = 1,
				 .ca_mac = {2, 0, 0, 0, 0, 99}};
	__u32 slot;

	(void)state;
	begin();
	ep.ca_ifindex = guard.ca_if;
	ep.ip = sg_ip_from_v4(inet_addr(CA_V4));
	slot = sg_endpoint_slot(&ep.ip, ep.port, SEED);
	assert_int_equal(bpf_map_update_elem(map_fd(guard.skel->maps.sg_endpoints), &slot, &ep, 0),
			 0);
	guard.live.heartbeat = clock_now();
	write_live();
	assert_admitted(ask(A, 1));
	pass_s(30);
	from_ca(A, 1, SG_TCP_SYN | SG_TCP_ACK, CA_ISN, CLIENT_ISN + 1, "");
	assert_int_equal(count_of(SG_COUNTER_FORGED), 1);
	pass_ticks(1);
	from_ca(A, 1, SG_TCP_SYN | SG_TCP_ACK, CA_ISN, CLIENT_ISN + 1, "");
	assert_int_equal(count_of(SG_COUNTER_FORGED), 1);
	assert_int_equal(count_of(SG_COUNTER_PACKETS_CA), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_half_open_lease),
		cmocka_unit_test(test_answered_half_open_lease),
		cmocka_unit_test(test_request_lease),
		cmocka_unit_test(test_idle_lease),
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_unproven_life),
		cmocka_unit_test(test_abandoned_lease),
		cmocka_unit_test(test_refresh),
		cmocka_unit_test(test_attempt_is_given_up),
		cmocka_unit_test(test_late_syn_ack),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_window_of_unanswered),
		cmocka_unit_test(test_cold_start),
		cmocka_unit_test(test_share_does_not_wedge),
		cmocka_unit_test(test_raised_limit),
		cmocka_unit_test(test_trial),
		cmocka_unit_test(test_police_begins),
		cmocka_unit_test(test_adoption_after_load),
		cmocka_unit_test(test_deaf),
		cmocka_unit_test(test_absent_is_not_deaf),
		cmocka_unit_test(test_feelers),
		cmocka_unit_test(test_resumes),
		cmocka_unit_test(test_heartbeat),
	};

	return RUN_AT_ALL_TIMES(tests);
}
