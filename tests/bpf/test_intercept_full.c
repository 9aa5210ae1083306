// SPDX-License-Identifier: GPL-2.0-only
/* Intercept, packet by packet: no room to hold, full tables, and a CA that does not listen. */
#include "held.h"

#define KEYS 64 /* entries of sg_conns here */

/* ---- no room to hold ---- */

static void a_source_holds_no_more_than_it_may_have(void **state)
{
	struct talk t = TALK(1001), more = TALK(1002);

	(void)state;
	fresh_intercept();
	begun(1000);
	guard.live.source_default.connections = 1;
	write_live();
	net = &others[0];
	HELD(&t, GETCACERT);
	SHAKE_HANDS(&more);
	DROPS(SEG(CLIENT(&more, 0, 0, WIRE_ACK, BYTES(GETCACERT))));
	assert_int_equal(counted(SG_COUNTER_HELD), 0);
	assert_int_equal(counted(SG_COUNTER_HELD_FULL), 1);
	net = &others[1];
	HELD(&more, GETCACERT);
}

static void when_all_is_full_nothing_is_held_and_nobody_suffers(void **state)
{
	struct talk first, t = TALK(2000);

	(void)state;
	fresh_intercept();
	first = begun(1000);
	for (__u16 i = 0; i < guard.frames; i++, t = talk_of((__u16)(2000 + i)))
		HELD(&t, GETCACERT);
	t = talk_of(2999);
	SHAKE_HANDS(&t);
	DROPS(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT))));
	assert_int_equal(counted(SG_COUNTER_HELD_FULL), 1);
	/* What goes on has room of its own. */
	PASSES_AS(SEG(CA(&first, 0, ASKED, WIRE_ACK, BYTES("x"))),
		  SEG(AT_CLIENT(&first, 0, ASKED, WIRE_ACK, BYTES("x"))));
	guard.svc.slots = 0;
	write_service();
	pass_ticks(3 * HZ);
	ASK(&t, GETCACERT);
	JOIN(&t, GETCACERT);
}

static void nothing_is_held_where_that_is_off(void **state)
{
	struct talk first, t = TALK(1001);

	(void)state;
	fresh_intercept();
	first = begun(1000);
	guard.svc.hold_ticks = 0;
	write_service();
	SHAKE_HANDS(&t);
	DROPS(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT))));
	assert_int_equal(frames_in(SG_FRAME_WAITING, NULL), 0);
	gives_way(&first);
	ASK(&t, GETCACERT);
}

static void a_full_table_of_connections_admits_nobody(void **state)
{
	struct sg_conn_key key = {.endpoint = 99};
	static struct sg_conn none;
	struct talk t = TALK(1001);
	struct bpf_map *conns;

	(void)state;
	fresh_intercept();
	conns = guard.skel->maps.sg_conns;
	none.state = SG_CONN_CLOSED;
	for (__u16 i = 0; i < KEYS; i++) {
		key.client_port = i;
		assert_int_equal(bpf_map_update_elem(map_fd(conns), &key, &none, 0), 0);
	}
	SHAKE_HANDS(&t);
	for (int i = 0; i < 3; i++)
		DROPS(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT))));
	assert_int_equal(counted(SG_COUNTER_CONN_MAP_FULL), 3);
	assert_int_equal(told_of(SG_EVENT_TABLE_FULL), 3);
	assert_int_equal(budget()->slots_used, 0);
	assert_int_equal(frames_in(SG_FRAME_SENT, NULL), 0);
	assert_int_equal(bpf_map_delete_elem(map_fd(conns), &key), 0);
	ASK(&t, GETCACERT);
	JOIN(&t, GETCACERT);
}

/* ---- a CA that does not listen ---- */

static void nothing_is_sent_to_a_deaf_ca_but_one_feeler(void **state)
{
	struct talk t = TALK(1000), lost = TALK(1020), held_back, feeler;

	(void)state;
	fresh_intercept();
	guard.svc.deaf_unanswered = 3;
	guard.svc.syn_ticks = 20 * HZ;
	write_service();
	SHAKE_HANDS(&lost);
	ASK(&lost, GETCACERT);
	pass_ticks(1);
	/* It listened, and did not get that one. */
	SPLICE(&t, GETCACERT);
	for (__u16 i = 0; i < 3; i++) {
		pass_ticks(HZ);
		t = talk_of((__u16)(1001 + i));
		SHAKE_HANDS(&t);
		ASK(&t, GETCACERT);
	}
	pass_s(2);
	turnkeeper_lives();
	held_back = talk_of(1010);
	HELD(&held_back, GETCACERT);
	assert_int_equal(told_of(SG_EVENT_DEAF), 1);
	/* Not even again; also not what it would get otherwise. */
	DROPS(SEG(CLIENT(&lost, 0, 0, WIRE_ACK, BYTES(GETCACERT))));
	DROPS(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT))));
	pass_ticks(guard.svc.block_ticks + 1);
	feeler = talk_of(1011);
	SHAKE_HANDS(&feeler);
	ASK(&feeler, GETCACERT);
	assert_int_equal(counted(SG_COUNTER_FEELERS), 1);
	JOIN(&feeler, GETCACERT);
	assert_int_equal(told_of(SG_EVENT_LISTENING), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_source_holds_no_more_than_it_may_have),
		cmocka_unit_test(when_all_is_full_nothing_is_held_and_nobody_suffers),
		cmocka_unit_test(nothing_is_held_where_that_is_off),
		cmocka_unit_test(a_full_table_of_connections_admits_nobody),
		cmocka_unit_test(nothing_is_sent_to_a_deaf_ca_but_one_feeler),
	};

	return cmocka_run_group_tests(tests, once, end_intercept);
}
