// SPDX-License-Identifier: GPL-2.0-only
/* The FIFO rule of the exact window, packet by packet: what overtakes a place, what opens it again, and what
 * must not reach the CA once the place has let another connection in. A tick is 4 ms.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../lib/sim_guard.h"

#define WINDOW     15000
#define SYN_TICKS  1250
#define HALF_OPEN  7500
#define JITTER     (WINDOW / 600)
#define START      1000000ull
#define CLIENT_ISN 1000
#define CA_ISN     5000

static struct sim_guard guard;

static void fresh(__u32 connections, __u64 window)
{
	struct sg_service *svc = &guard.svc;

	memset(&guard, 0, sizeof(guard));
	svc->enabled = 1;
	svc->window = svc->next_window =
		(struct sg_window_limit){.connections = connections, .ticks = window};
	svc->syn_ticks = SYN_TICKS;
	svc->request_ticks = 2500;
	svc->idle_ticks = 15000;
	svc->life_ticks = 45000;
	svc->deaf_unanswered = 100;
	guard.times.half_open = HALF_OPEN;
	guard.times.answered_recent = 15000;
	guard.police = true;
	guard.loaded = guard.police_since = START;
	sg_budget_init(&guard.budget, connections, START);
	/* Long after the cold start. */
	for (__u32 i = 0; i < SG_PLACES; i++)
		guard.budget.places[i] = sg_place_word(0, i, SG_PLACE_SETTLED | SG_PLACE_FINAL);
}

static enum sim_action client(__u32 conn, __u8 flags, __u32 seq, __u32 len, __u64 at)
{
	struct sg_packet pkt = {.family = 4,
				.tcp_flags = flags,
				.seq = CLIENT_ISN + seq,
				.ack = flags & SG_TCP_ACK ? CA_ISN + 1 : 0,
				.payload_len = len};

	return sim_from_client(&guard, conn, &pkt, SG_PRIORITY_ENROLMENT, len != 0, START + at);
}

static enum sim_action ca(__u32 conn, __u8 flags, __u32 ack, __u32 len, __u64 at)
{
	struct sg_packet pkt = {.family = 4,
				.tcp_flags = flags,
				.seq = CA_ISN + !(flags & SG_TCP_SYN),
				.ack = CLIENT_ISN + ack,
				.payload_len = len};

	return sim_from_ca(&guard, conn, &pkt, START + at);
}

static void open_at(__u32 conn, __u64 at)
{
	assert_int_equal(client(conn, SG_TCP_SYN, 0, 0, at), SIM_PASS);
	assert_int_equal(ca(conn, SG_TCP_SYN | SG_TCP_ACK, 1, 0, at), SIM_PASS);
}

static void acked_at(__u32 conn, __u64 at)
{
	assert_int_equal(client(conn, SG_TCP_ACK, 1, 0, at), SIM_PASS);
}

/* Its request, and the first byte of the answer, at once. */
static void answered_at(__u32 conn, __u64 at)
{
	assert_int_equal(client(conn, SG_TCP_ACK, 1, 50, at), SIM_PASS);
	assert_int_equal(ca(conn, SG_TCP_ACK, 51, 10, at), SIM_PASS);
}

static void assert_place(__u32 conn, __u64 at, __u32 flags)
{
	__u64 word = guard.budget.places[guard.conns[conn].place & (SG_PLACES - 1)];

	assert_true(sg_place_is(word, guard.conns[conn].place));
	assert_int_equal(sg_place_ticks(word), START + at);
	assert_int_equal(word & SG_PLACE_FLAGS, flags);
}

#define OPEN    (SG_PLACE_SYN_ACKED | SG_PLACE_HANDSHAKE)
#define SETTLED (OPEN | SG_PLACE_SETTLED)

/* 0 and 1 are open; the CA has answered 1, whose handshake ended later: at 300. */
static void overtaken(__u64 window)
{
	fresh(2, window);
	open_at(0, 0);
	acked_at(0, 10);
	open_at(1, 100);
	acked_at(1, 200);
	answered_at(1, 300);
	assert_place(0, 300, SETTLED);
}

/* The CA was deaf to the ACK, or it was lost, and what the CA sent again as well: only the request ends the
 * handshake, later than `syn` after the SYN-ACK. The CA counts it then.
 */
static void test_a_late_request_opens_the_place(void **state)
{
	(void)state;
	overtaken(WINDOW);
	assert_int_equal(client(0, SG_TCP_ACK, 1, 50, 2000), SIM_PASS);
	assert_place(0, 2000, OPEN);
	assert_int_equal(client(2, SG_TCP_SYN, 0, 0, 300 + WINDOW), SIM_DROP);
	assert_int_equal(ca(0, SG_TCP_ACK, 51, 10, 2010), SIM_PASS);
	assert_int_equal(client(2, SG_TCP_SYN, 0, 0, 2010 + WINDOW - 1), SIM_DROP);
	assert_int_equal(client(2, SG_TCP_SYN, 0, 0, 2010 + WINDOW), SIM_PASS);
}

/* The place has let 2 in: the handshake of 0 must not end any more. Its slot stays taken until the CA is told. */
static void test_a_spent_place_stays_closed(void **state)
{
	const __u64 window = 1500;

	(void)state;
	overtaken(window);
	assert_int_equal(client(2, SG_TCP_SYN, 0, 0, 300 + window), SIM_PASS);
	assert_int_equal(client(0, SG_TCP_ACK, 1, 50, 350 + window), SIM_DROP);
	assert_place(0, 300, SETTLED);
	assert_int_equal(guard.budget.slots_used, 3);
	assert_int_equal(ca(0, SG_TCP_SYN | SG_TCP_ACK, 1, 0, 400 + window), SIM_RST_TO_CA);
	assert_int_equal(guard.budget.slots_used, 2);
	assert_int_equal(client(0, SG_TCP_ACK, 1, 50, 450 + window), SIM_DROP);
}

/* What the CA has read, it has shaken hands on before: that may take as long as it likes. */
static void test_a_proven_connection_goes_on(void **state)
{
	const __u64 window = 1500;

	(void)state;
	fresh(2, window);
	open_at(0, 0);
	acked_at(0, 10);
	assert_int_equal(client(0, SG_TCP_ACK, 1, 50, 20), SIM_PASS);
	assert_int_equal(ca(0, SG_TCP_ACK, 51, 0, 30), SIM_PASS);
	open_at(1, 100);
	acked_at(1, 200);
	answered_at(1, 300);
	assert_place(0, 300, SETTLED);
	assert_int_equal(client(2, SG_TCP_SYN, 0, 0, 300 + window), SIM_PASS);
	assert_int_equal(client(0, SG_TCP_ACK, 51, 50, HALF_OPEN + 1), SIM_PASS);
	assert_place(0, 300, SETTLED);
}

/* Nobody holds the ring up with segments that the CA does not take, longer than a handshake may last. */
static void test_an_unproven_connection_ends(void **state)
{
	(void)state;
	fresh(2, WINDOW);
	open_at(0, 0);
	acked_at(0, 10);
	assert_int_equal(client(0, SG_TCP_ACK, 1, 0, HALF_OPEN), SIM_PASS);
	assert_place(0, HALF_OPEN, OPEN);
	assert_int_equal(client(0, SG_TCP_ACK, 1, 0, HALF_OPEN + 1), SIM_DROP);
	assert_place(0, HALF_OPEN, OPEN);
	assert_int_equal(guard.budget.slots_used, 1);
}

/* Two ACKs may change places on the way to the CA. */
static void test_acks_within_the_jitter_overtake_nothing(void **state)
{
	(void)state;
	for (__u64 apart = 1; apart <= JITTER + 1; apart++) {
		fresh(2, WINDOW);
		open_at(0, 0);
		open_at(1, 0);
		acked_at(0, 100);
		acked_at(1, 100 + apart);
		answered_at(1, 200);
		if (apart <= JITTER)
			assert_place(0, 100, OPEN);
		else
			assert_place(0, 200, SETTLED);
	}
}

/* A segment behind a gap carries the ACK, too: 1 has shaken hands before 0. */
static void test_a_handshake_behind_a_gap(void **state)
{
	(void)state;
	fresh(2, WINDOW);
	open_at(0, 0);
	open_at(1, 0);
	assert_int_equal(client(1, SG_TCP_ACK, 21, 30, 50), SIM_PASS);
	acked_at(0, 100);
	acked_at(1, 200);
	answered_at(1, 300);
	assert_place(0, 100, OPEN);
}

/* The CA's kernel resets what it does not know (any more): no accept() is proven by that, of this or others. */
static void test_a_reset_overtakes_nothing(void **state)
{
	(void)state;
	fresh(2, WINDOW);
	open_at(0, 0);
	acked_at(0, 10);
	open_at(1, 100);
	acked_at(1, 200);
	assert_int_equal(ca(1, SG_TCP_RST, 0, 0, 300), SIM_PASS);
	assert_int_equal(guard.conns[1].state, SG_CONN_CLOSED);
	assert_place(0, 10, OPEN);
	assert_place(1, 300, SG_PLACE_HANDSHAKE); /* ended: counts for `syn` longer */
}

/* Silent ones before it are settled by the very answer, and an end without a daemon, long after, does not date
 * them anew.
 */
static void test_silent_ones_are_dated_once(void **state)
{
	(void)state;
	fresh(40, WINDOW);
	for (__u32 i = 0; i <= SG_OVERTAKES; i++) {
		open_at(i, 100 * i);
		acked_at(i, 100 * i);
	}
	answered_at(SG_OVERTAKES, 900);
	for (__u32 i = 0; i < SG_OVERTAKES; i++)
		assert_place(i, 900, SETTLED);
	while (sim_reap(&guard, START + 14000))
		;
	for (__u32 i = 0; i < SG_OVERTAKES; i++) {
		assert_int_equal(guard.conns[i].state, SG_CONN_CLOSED);
		assert_place(i, 900, SETTLED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_late_request_opens_the_place),
		cmocka_unit_test(test_a_spent_place_stays_closed),
		cmocka_unit_test(test_a_proven_connection_goes_on),
		cmocka_unit_test(test_an_unproven_connection_ends),
		cmocka_unit_test(test_acks_within_the_jitter_overtake_nothing),
		cmocka_unit_test(test_a_handshake_behind_a_gap),
		cmocka_unit_test(test_a_reset_overtakes_nothing),
		cmocka_unit_test(test_silent_ones_are_dated_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
