// SPDX-License-Identifier: GPL-2.0-only
/* Intercept, packet by packet: the front door. What is answered with a cookie, what proves one, and what becomes of
 * everything that does not.
 */
#include "intercept.h"

/* ---- the SYN ---- */

static void a_syn_gets_a_cookie_and_leaves_nothing(void **state)
{
	static const uint16_t offered[] = {1460, 1440, 1439, 1360, 1359, 1220, 1219, 536, 100};

	(void)state;
	fresh_intercept();
	for (size_t n = 0; n < NETS; n++) {
		net = &nets[n];
		for (size_t i = 0; i < sizeof(offered) / sizeof(offered[0]); i++) {
			struct talk t = {.port = (uint16_t)(1000 + i), .isn = 0xfffffffd + i};

			shake_hands(&t, offered[i], __LINE__);
		}
	}
	assert_int_equal(counted(SG_COUNTER_COOKIES_SENT),
			 NETS * sizeof(offered) / sizeof(offered[0]));
	assert_int_equal(conn_count(), 0);
	assert_int_equal(budget()->slots_used, 0);
}

static void a_syn_without_options_takes_the_least_mss(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	for (size_t n = 0; n < NETS; n++) {
		net = &nets[n];
		t.cookie = wire_cookie(net, (const uint64_t(*)[2])guard.live.cookie_key, t.port,
				       t.isn, BEGIN_SLOT, net->family == 4 ? 0 : 1);
		/* It is shorter than its answer. Bytes that come with it are not acknowledged. */
		for (int bytes = 0; bytes < 2; bytes++)
			SENT_BACK(SEG(.port = t.port, .seq = t.isn, .flags = WIRE_SYN,
				      .bytes = "xyz", .len = bytes ? 3 : 0),
				  SEG(.from_ca = true, .port = t.port, .seq = t.cookie,
				      .ack = t.isn + 1, .flags = WIRE_SYN | WIRE_ACK, .window = 536,
				      .mss = GUARD_MSS, MADE));
	}
}

static void the_other_key_serves_the_other_slots(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	for (unsigned int i = 0; i < 300; i += 37) {
		clock_set((BEGIN_SLOT + i) * SLOT);
		SHAKE_HANDS(&t);
	}
}

static void a_denied_prefix_gets_none(void **state)
{
	struct sg_prefix_key all = {.prefixlen = 0};
	struct sg_policy deny = {.action = SG_POLICY_DENY};
	struct bpf_map *map;
	__u64 denied;

	(void)state;
	fresh_intercept();
	map = guard.skel->maps.sg_prefixes;
	assert_int_equal(bpf_map_update_elem(map_fd(map), &all, &deny, 0), 0);
	guard.live.policies = 1;
	write_live();
	denied = stats().verdicts[SG_PRIORITY_OTHER][SG_REASON_DENIED];
	DROPS(SEG(.port = 1000, .seq = 5, .flags = WIRE_SYN, .mss = 1460));
	assert_int_equal(stats().verdicts[SG_PRIORITY_OTHER][SG_REASON_DENIED], denied + 1);
	assert_int_equal(bpf_map_delete_elem(map_fd(map), &all), 0);
}

/* ---- what proves nothing ---- */

static void a_bare_ack_never_reaches_the_ca(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	SHAKE_HANDS(&t);
	DROPS(SEG(CLIENT(&t, 0, 0, WIRE_ACK)));
	/* Nor does that of a connection nobody knows, once those from before are over. */
	DROPS(SEG(.port = 2000, .seq = 7, .ack = 9, .flags = WIRE_ACK));
	guard.live.intercept_since = BEGIN_TICKS;
	write_live();
	DROPS(SEG(CLIENT(&t, 0, 0, WIRE_ACK)));
	PASSES(SEG(.port = 2000, .seq = 7, .ack = 9, .flags = WIRE_ACK));
	assert_int_equal(conn_count(), 0);
}

static void what_is_unproven_passes_for_life_and_is_reset_then(void **state)
{
	const struct seg unproven = {.port = 1000,
				     .seq = 7,
				     .ack = 0x01020304,
				     .flags = WIRE_PSH | WIRE_ACK,
				     BYTES(GETCACERT)};
	struct seg without_ack = unproven, reset = unproven;

	(void)state;
	fresh_intercept();
	without_ack.flags = WIRE_PSH;
	reset.flags = WIRE_RST | WIRE_ACK;
	reset.len = 0;
	guard.live.intercept_since = BEGIN_TICKS - guard.svc.life_ticks;
	write_live();
	for (size_t n = 0; n < NETS; n++) {
		net = &nets[n];
		clock_set(BEGIN_TICKS);
		PASSES(&unproven);
		PASSES(&reset);
		clock_set(BEGIN_TICKS + 1);
		SENT_BACK(&unproven, SEG(.from_ca = true, .port = 1000, RESET_(0x01020304), MADE));
		DROPS(&without_ack);
		DROPS(&reset);
		assert_int_equal(counted(SG_COUNTER_COOKIES_REFUSED), 3);
	}
	assert_int_equal(conn_count(), 0);
}

static void not_one_bit_of_a_cookie_can_be_guessed(void **state)
{
	struct talk t = TALK(1000), other;

	(void)state;
	fresh_intercept();
	for (size_t n = 0; n < NETS; n++) {
		net = &nets[n];
		SHAKE_HANDS(&t);
		for (int bit = 0; bit < 32; bit++) {
			other = t;
			other.cookie ^= 1u << bit;
			SENT_BACK(SEG(CLIENT(&other, 0, 0, WIRE_ACK, BYTES(GETCACERT))),
				  SEG(.from_ca = true, .port = t.port, RESET_(other.cookie + 1),
				      MADE));
		}
		/* Nor is it good for another port. */
		other = t;
		other.port++;
		SENT_BACK(SEG(CLIENT(&other, 0, 0, WIRE_ACK, BYTES(GETCACERT))),
			  SEG(.from_ca = true, .port = other.port, RESET_(t.cookie + 1), MADE));
	}
	assert_int_equal(counted(SG_COUNTER_COOKIES_REFUSED), NETS * 33);
	assert_int_equal(counted(SG_COUNTER_COOKIES_PROVEN), 0);
	assert_int_equal(conn_count(), 0);
}

static void a_cookie_is_good_in_three_slots_and_old_in_three_more(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	for (unsigned int age = 0; age < 9; age++) {
		fresh_intercept();
		/* At the end of its slot, and where the key changes. */
		clock_set((BEGIN_SLOT + 24 + 1) * SLOT - 1);
		SHAKE_HANDS(&t);
		if (age)
			clock_set((BEGIN_SLOT + 24 + age) * SLOT);
		if (age < 3) {
			ASK(&t, GETCACERT);
			continue;
		}
		SENT_BACK(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT))),
			  SEG(.from_ca = true, .port = t.port, RESET_(t.cookie + 1), MADE));
		assert_int_equal(counted(SG_COUNTER_COOKIES_OLD), age < 6);
		assert_int_equal(counted(SG_COUNTER_COOKIES_REFUSED), age >= 6);
		assert_int_equal(conn_count(), 0);
	}
}

/* ---- what is proven, and no request ---- */

static void a_later_segment_waits_for_the_first(void **state)
{
	const uint64_t *key;
	uint32_t offset = 536;
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	SHAKE_HANDS(&t);
	/* One in 64 looks like the first. */
	key = (const uint64_t *)guard.live.cookie_key[BEGIN_SLOT / 128 % 2];
	while (wire_cookie_first(net, key, t.port, t.isn + offset) ==
	       wire_cookie_first(net, key, t.port, t.isn))
		offset++;
	DROPS(SEG(CLIENT(&t, offset, 0, WIRE_ACK, BYTES(GETCACERT))));
	assert_int_equal(counted(SG_COUNTER_LATER_SEGMENTS), 1);
	assert_int_equal(counted(SG_COUNTER_COOKIES_PROVEN), 0);
	assert_int_equal(conn_count(), 0);
	ASK(&t, GETCACERT);
}

static void a_wrong_checksum_is_not_believed(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	for (size_t n = 0; n < NETS; n++, t.port++) {
		net = &nets[n];
		SHAKE_HANDS(&t);
		DROPS(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT), .bad_sum = true)));
		DROPS(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT), .bad_sum = true,
				 .partial = true)));
		assert_int_equal(counted(SG_COUNTER_BAD_CHECKSUM), 2);
		assert_int_equal(conn_count(), n);
		ASK(&t, GETCACERT);
	}
}

static void an_unfinished_checksum_stays_unfinished(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	for (size_t n = 0; n < NETS; n++, t.port++) {
		net = &nets[n];
		SHAKE_HANDS(&t);
		PASSES_AS(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT), .partial = true)),
			  SEG(.port = t.port, .seq = t.isn, .flags = WIRE_SYN,
			      .hops = WIRE_OWN_HOPS, .mss = GUARD_MSS, .partial = true));
	}
}

static void what_cannot_begin_a_request_is_reset(void **state)
{
	static const char *const bytes[] = {"\x16\x03\x01\x02", "\x80", " GET", "1", "\n\x01"};
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	SHAKE_HANDS(&t);
	for (int i = 0; i < 4; i++)
		SENT_BACK(
			SEG(CLIENT(&t, 0, 0, WIRE_ACK, .bytes = bytes[i], .len = strlen(bytes[i]))),
			SEG(.from_ca = true, .port = t.port, RESET_(t.cookie + 1), MADE));
	assert_int_equal(counted(SG_COUNTER_REFUSED_EARLY), 4);
	assert_int_equal(conn_count(), 0);
	assert_int_equal(budget()->slots_used, 0);
}

static void who_closes_without_a_request_is_closed_with(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	for (size_t n = 0; n < NETS; n++) {
		net = &nets[n];
		SHAKE_HANDS(&t);
		for (int again = 0; again < 2; again++)
			SENT_BACK(SEG(CLIENT(&t, 0, 0, WIRE_FIN | WIRE_ACK)),
				  SEG(AT_CLIENT(&t, 0, 1, WIRE_FIN | WIRE_ACK, .no_window = true),
				      MADE));
		DROPS(SEG(CLIENT(&t, 1, 1, WIRE_ACK)));
		DROPS(SEG(CLIENT(&t, 0, 0, WIRE_RST | WIRE_ACK)));
	}
	assert_int_equal(conn_count(), 0);
}

/* ---- what is not let in ---- */

static void ip_options_and_fragments_are_not_let_in(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	for (size_t n = 0; n < NETS; n++) {
		net = &nets[n];
		SHAKE_HANDS(&t);
		DROPS(SEG(.port = t.port, .seq = t.isn, .flags = WIRE_SYN, .ip_options = 8));
		DROPS(SEG(.port = t.port, .seq = t.isn, .flags = WIRE_SYN, .more = true));
		DROPS(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT), .ip_options = 4)));
		DROPS(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT), .more = true)));
		assert_int_equal(counted(SG_COUNTER_ODD_IP), 4);
	}
	assert_int_equal(conn_count(), 0);
	assert_int_equal(counted(SG_COUNTER_COOKIES_PROVEN), 0);
}

static void what_is_odd_is_not_let_in_while_it_drains(void **state)
{
	struct talk t = TALK(1000), joined = TALK(1001);

	(void)state;
	fresh_intercept();
	SHAKE_HANDS(&t);
	SPLICE(&joined, GETCACERT);
	set_mode(SG_MODE_POLICE);
	DROPS(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT), .ip_options = 4)));
	DROPS(SEG(CLIENT(&joined, 0, 0, WIRE_ACK, BYTES(GETCACERT), .ip_options = 4)));
	assert_int_equal(counted(SG_COUNTER_ODD_IP), 2);
	PASSES(SEG(.port = 1002, .seq = 1, .flags = WIRE_SYN, .ip_options = 4));
	assert_int_equal(counted(SG_COUNTER_ODD_IP), 0);
}

static void the_ca_with_ip_options_joins_nothing(void **state)
{
	struct talk t = TALK(1000);

	(void)state;
	fresh_intercept();
	SHAKE_HANDS(&t);
	ASK(&t, GETCACERT);
	DROPS(SEG(.from_ca = true, .port = t.port, .seq = t.ca_isn, .ack = t.isn + 1,
		  .flags = WIRE_SYN | WIRE_ACK, .ip_options = 8));
	assert_int_equal(counted(SG_COUNTER_ODD_IP), 1);
	assert_int_equal(counted(SG_COUNTER_SPLICED), 0);
	JOIN(&t, GETCACERT);
}

/* ---- entering and leaving ---- */

static void a_native_connection_lives_on_when_intercept_is_entered(void **state)
{
	struct talk t = TALK(1000);
	struct sg_conn conn;

	(void)state;
	fresh_intercept();
	set_mode(SG_MODE_POLICE);
	t.cookie = t.ca_isn;
	PASSES(SEG(.port = t.port, .seq = t.isn, .flags = WIRE_SYN, .mss = 1460));
	PASSES(SEG(CA(&t, -1u, 0, WIRE_SYN | WIRE_ACK)));
	PASSES(SEG(CLIENT(&t, 0, 0, WIRE_ACK)));
	guard.live.intercept_since = BEGIN_TICKS;
	set_mode(SG_MODE_INTERCEPT);
	pass_s(1);
	PASSES(SEG(CLIENT(&t, 0, 0, WIRE_ACK, BYTES(GETCACERT))));
	PASSES(SEG(CA(&t, 0, sizeof(GETCACERT) - 1, WIRE_ACK, BYTES("HTTP/1.0 200 OK\r\n"))));
	/* As long as it is known, also when others would be over. */
	pass_s(200);
	PASSES(SEG(CLIENT(&t, sizeof(GETCACERT) - 1, 17, WIRE_FIN | WIRE_ACK)));
	PASSES(SEG(CA(&t, 17, sizeof(GETCACERT), WIRE_FIN | WIRE_ACK)));
	assert_true(entry_of(&t, &conn));
	assert_int_equal(conn.state, SG_CONN_CLOSED);
	assert_false(conn.flags & SG_CONN_SPLICED);
	/* Its address and port get a cookie now. */
	t.isn += 100000;
	SHAKE_HANDS(&t);
}

static void cookies_are_honoured_when_intercept_is_left(void **state)
{
	struct talk t = TALK(1000), late = TALK(1001), joined = TALK(1002), native = TALK(1003);

	(void)state;
	fresh_intercept();
	SHAKE_HANDS(&t);
	SHAKE_HANDS(&late);
	SPLICE(&joined, GETCACERT);
	set_mode(SG_MODE_POLICE);
	/* SYNs go to the CA. */
	PASSES(SEG(.port = native.port, .seq = native.isn, .flags = WIRE_SYN, .mss = 1460));
	ASK(&t, GETCACERT);
	JOIN(&t, GETCACERT);
	PASSES_AS(SEG(CA(&joined, 0, 5, WIRE_ACK, BYTES("x"))),
		  SEG(AT_CLIENT(&joined, 0, 5, WIRE_ACK, BYTES("x"))));
	PASSES_AS(SEG(CLIENT(&joined, 5, 1, WIRE_ACK)), SEG(AT_CA(&joined, 5, 1, WIRE_ACK)));
	clock_set((BEGIN_SLOT + 3) * SLOT);
	PASSES(SEG(CLIENT(&late, 0, 0, WIRE_ACK, BYTES(GETCACERT))));
	assert_int_equal(counted(SG_COUNTER_COOKIES_PROVEN), 2);
}

static void joined_connections_live_on_in_observe(void **state)
{
	struct talk t = TALK(1000), cookie = TALK(1001);

	(void)state;
	fresh_intercept();
	SPLICE(&t, GETCACERT);
	SHAKE_HANDS(&cookie);
	set_mode(SG_MODE_OBSERVE);
	PASSES_AS(SEG(CA(&t, 0, 5, WIRE_ACK, BYTES("x"))),
		  SEG(AT_CLIENT(&t, 0, 5, WIRE_ACK, BYTES("x"))));
	PASSES_AS(SEG(CLIENT(&t, 5, 1, WIRE_ACK)), SEG(AT_CA(&t, 5, 1, WIRE_ACK)));
	ASK(&cookie, GETCACERT);
	JOIN(&cookie, GETCACERT);
}

static void where_the_ca_is_not_known_it_is_as_in_police(void **state)
{
	struct sg_endpoint ep;
	__u32 slot;

	(void)state;
	fresh_intercept();
	memset(&ep, 0, sizeof(ep));
	ep.ip.w[2] = htonl(0xffff);
	inet_pton(AF_INET, CA_V4, &ep.ip.w[3]);
	slot = sg_endpoint_slot(&ep.ip, htons(80), SEED);
	guard.ca_if = 0;
	write_endpoint(CA_V4, 80, 1);
	PASSES(SEG(.port = 1000, .seq = 1, .flags = WIRE_SYN, .mss = 1460));
	guard.ca_if = if_nametoindex("sg1");
	write_endpoint(CA_V4, 80, 1);
	assert_int_equal(bpf_map_lookup_elem(map_fd(guard.skel->maps.sg_endpoints), &slot, &ep), 0);
	assert_int_equal(ep.ca_ifindex, guard.ca_if);
}

/* Port 0 stands for the address itself in the table. Behind a tag the program's first glance does not see it. */
static void port_0_is_nobodys(void **state)
{
	uint8_t frame[WIRE_MAX];
	size_t len;

	(void)state;
	fresh_intercept();
	net = &nets[2];
	len = wire_build(net, SEG(.port = 1000, .seq = 1, .flags = WIRE_SYN), frame);
	frame[wire_l4(net) + 3] = 0;
	assert_int_equal(run_frame(frame, len, guard.client_if), XDP_PASS);
	assert_int_equal(counted(SG_COUNTER_PACKETS_CLIENT), 0);
	assert_int_equal(counted(SG_COUNTER_COOKIES_SENT), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_syn_gets_a_cookie_and_leaves_nothing),
		cmocka_unit_test(a_syn_without_options_takes_the_least_mss),
		cmocka_unit_test(the_other_key_serves_the_other_slots),
		cmocka_unit_test(a_denied_prefix_gets_none),
		cmocka_unit_test(a_bare_ack_never_reaches_the_ca),
		cmocka_unit_test(what_is_unproven_passes_for_life_and_is_reset_then),
		cmocka_unit_test(not_one_bit_of_a_cookie_can_be_guessed),
		cmocka_unit_test(a_cookie_is_good_in_three_slots_and_old_in_three_more),
		cmocka_unit_test(a_later_segment_waits_for_the_first),
		cmocka_unit_test(a_wrong_checksum_is_not_believed),
		cmocka_unit_test(an_unfinished_checksum_stays_unfinished),
		cmocka_unit_test(what_cannot_begin_a_request_is_reset),
		cmocka_unit_test(who_closes_without_a_request_is_closed_with),
		cmocka_unit_test(ip_options_and_fragments_are_not_let_in),
		cmocka_unit_test(what_is_odd_is_not_let_in_while_it_drains),
		cmocka_unit_test(the_ca_with_ip_options_joins_nothing),
		cmocka_unit_test(a_native_connection_lives_on_when_intercept_is_entered),
		cmocka_unit_test(cookies_are_honoured_when_intercept_is_left),
		cmocka_unit_test(joined_connections_live_on_in_observe),
		cmocka_unit_test(where_the_ca_is_not_known_it_is_as_in_police),
		cmocka_unit_test(port_0_is_nobodys),
	};

	return cmocka_run_group_tests(tests, once, end_intercept);
}
