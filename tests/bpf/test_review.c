// SPDX-License-Identifier: GPL-2.0-only
/* Ways round the guard that a hostile reader of the source found: each is tried on the real object. */
#include "loaded.h"

#define TO_CA   .family = 4, .src = CLIENT_V4, .dst = CA_V4, .dport = 80
#define FROM_CA .family = 4, .src = CA_V4, .dst = CLIENT_V4, .sport = 80

static bool prepared;

static int once(void **state)
{
	(void)state;
	prepared = !prepare();
	return 0;
}

static int end(void **state)
{
	(void)state;
	scepguard_bpf__destroy(guard.skel);
	guard.skel = NULL;
	return 0;
}

static void fresh(enum sg_mode mode)
{
	if (!prepared)
		skip();
	assert_int_equal(fresh_sized(1024, mode), 0);
}

static void wait_ticks(__u32 ticks)
{
	usleep(ticks * 1000000 / guard.hz);
}

static __u32 up(__u16 port, __u8 flags, __u32 seq, __u32 ack)
{
	struct packet p = {TO_CA, .sport = port, .seq = seq, .ack = ack, .flags = flags};

	return run_packet(&p, false, NULL);
}

static __u32 down(__u16 port, __u8 flags, __u32 seq, __u32 ack)
{
	struct packet p = {FROM_CA, .dport = port, .seq = seq, .ack = ack, .flags = flags};

	return run_packet(&p, true, NULL);
}

static void open_connection(__u16 port)
{
	assert_int_equal(up(port, SG_TCP_SYN, 100, 0), XDP_PASS);
	assert_int_equal(down(port, SG_TCP_SYN | SG_TCP_ACK, 900, 101), XDP_PASS);
	assert_int_equal(up(port, SG_TCP_ACK, 101, 901), XDP_PASS);
}

static __u64 admitted(void)
{
	return budget()->head - SG_PLACES;
}

/* Whatever stands beside SYN: it is an attempt. */
static void test_every_syn_counts(void **state)
{
	static const __u8 beside[] = {0, SG_TCP_FIN, 0x08, 0x20, 0xc0, 0xe8 | SG_TCP_FIN};

	(void)state;
	fresh(SG_MODE_POLICE);
	for (__u16 i = 0; i < (__u16)sizeof(beside); i++) {
		assert_int_equal(up(1 + i, SG_TCP_SYN | beside[i], 100, 0), XDP_PASS);
		assert_int_equal(admitted(), i + 1);
	}
	guard.svc.window.connections = 1;
	write_service();
	for (__u16 i = 0; i < (__u16)sizeof(beside); i++)
		assert_int_equal(up(99, SG_TCP_SYN | beside[i], 100, 0), XDP_DROP);
}

/* IPv6: a chain deeper than followed, one that goes on in the next fragment, and addresses that are
 * IPv4's, do not carry a SYN past the budget.
 */
static void test_ipv6_hides_nothing(void **state)
{
	static const uint8_t deep[] = {60, 60, 60, 60, 60, 60, 60, 0xff}, cut[] = {44, 60, 0xff};
	struct packet p = {.family = 6,
			   .src = CLIENT_V6,
			   .dst = CA_V6,
			   .sport = 5,
			   .dport = 80,
			   .flags = SG_TCP_SYN};
	uint8_t frame[PACKET_MAX];

	(void)state;
	fresh(SG_MODE_POLICE);
	p.extensions = deep;
	assert_int_equal(run_packet(&p, false, NULL), XDP_DROP);
	p.dst = "2001:db8:1::77";
	assert_int_equal(run_packet(&p, false, NULL), XDP_PASS);
	p.dst = CA_V6;
	p.extensions = cut;
	p.more_fragments = true;
	packet_build(&p, frame);
	frame[14 + 40 + 8 + 1] = 1; /* 16 bytes of options, of which 8 are in this fragment */
	packet_put16(frame + 14 + 4, 16);
	assert_int_equal(run_frame(frame, 14 + 40 + 16, guard.client_if), XDP_DROP);
	p.extensions = NULL;
	p.src = "::ffff:198.51.100.7";
	p.dst = "::ffff:192.0.2.1";
	assert_int_equal(run_packet(&p, false, NULL), XDP_PASS); /* the stack drops it */
	assert_int_equal(admitted(), 0);
	assert_int_equal(conn_count(), 0);
}

/* A SYN on an open connection, with its own number or another, neither passes for nothing nor takes the
 * connection's place; when the connection's time is over it ends it at the CA.
 */
static void test_syn_on_open_connection(void **state)
{
	struct sg_conn before, after;
	struct sg_packet out = {};
	struct sg_cursor cur;

	(void)state;
	fresh(SG_MODE_POLICE);
	guard.svc.request_ticks = 50;
	write_service();
	open_connection(7);
	assert_true(conn_of(CLIENT_V4, 7, &before));
	assert_int_equal(up(7, SG_TCP_SYN, 100, 0), XDP_DROP);
	assert_int_equal(up(7, SG_TCP_SYN, 5000, 0), XDP_DROP);
	assert_true(conn_of(CLIENT_V4, 7, &after));
	assert_int_equal(after.generation, before.generation);
	assert_int_equal(after.state, SG_CONN_ESTABLISHED);
	assert_int_equal(admitted(), 1);
	assert_int_equal(budget()->slots_used, 1);
	wait_ticks(60);
	assert_int_equal(up(7, SG_TCP_SYN, 5000, 0), XDP_PASS);
	cur = (struct sg_cursor){guard.out, guard.out, guard.out + guard.out_len};
	assert_int_equal(sg_parse_frame(&cur, &out), SG_PARSE_TCP);
	assert_int_equal(out.tcp_flags, SG_TCP_RST);
	assert_int_equal(out.seq, 101);
	assert_int_equal(budget()->slots_used, 0);
	assert_int_equal(up(7, SG_TCP_SYN, 5000, 0), XDP_PASS);
	assert_int_equal(admitted(), 2);
}

/* A half-open one likewise: another number is not a second connection at the CA, and the guard's RST must
 * fit the one that is there.
 */
static void test_syn_on_half_open(void **state)
{
	(void)state;
	fresh(SG_MODE_POLICE);
	assert_int_equal(up(7, SG_TCP_SYN, 100, 0), XDP_PASS);
	assert_int_equal(down(7, SG_TCP_SYN | SG_TCP_ACK, 900, 101), XDP_PASS);
	assert_int_equal(up(7, SG_TCP_SYN, 5000, 0), XDP_DROP);
	assert_int_equal(up(7, SG_TCP_SYN, 100, 0), XDP_PASS); /* its own resend */
	assert_int_equal(admitted(), 1);
}

/* The client's RST may never reach the CA, or not be taken there: the slot is free only after the
 * guard's own RST, or the CA's FIN.
 */
static void test_client_reset_is_no_proof(void **state)
{
	struct packet p = {TO_CA, .sport = 9, .flags = SG_TCP_SYN};

	(void)state;
	fresh(SG_MODE_POLICE);
	guard.svc.slots = 1;
	guard.svc.syn_ticks = 10;
	write_service();
	open_connection(1);
	assert_int_equal(up(1, SG_TCP_RST, 101, 0), XDP_PASS);
	assert_int_equal(budget()->slots_used, 1);
	assert_int_equal(up(9, SG_TCP_SYN, 1, 0), XDP_DROP);
	/* Nor does the CA's data in flight keep it for long. */
	assert_int_equal(down(1, SG_TCP_ACK, 901, 101), XDP_PASS);
	wait_ticks(15);
	assert_int_equal(run_packet(&p, false, NULL), XDP_PASS);
	assert_int_equal(stats().counters[SG_COUNTER_RECLAIMED], 1);
	assert_int_equal(budget()->slots_used, 0);
	/* After the CA's FIN it ends at once. */
	open_connection(2);
	assert_int_equal(down(2, SG_TCP_FIN | SG_TCP_ACK, 901, 101), XDP_PASS);
	assert_int_equal(up(2, SG_TCP_RST, 101, 0), XDP_PASS);
	assert_int_equal(budget()->slots_used, 0);
}

/* What the guard has ended before the CA knew more than its SYN goes no further. */
static void test_ended_is_forfeited(void **state)
{
	struct packet other = {TO_CA, .sport = 9, .flags = SG_TCP_SYN};

	(void)state;
	fresh(SG_MODE_POLICE);
	guard.svc.slots = 1;
	guard.svc.syn_ticks = guard.svc.request_ticks = 5;
	write_service();
	open_connection(1);
	wait_ticks(10);
	assert_int_equal(run_packet(&other, false, NULL), XDP_PASS);
	assert_int_equal(stats().counters[SG_COUNTER_RECLAIMED], 1);
	assert_int_equal(up(1, SG_TCP_ACK, 101, 901), XDP_TX);
	assert_int_equal(stats().counters[SG_COUNTER_FORFEITED], 1);
	assert_int_equal(up(1, SG_TCP_RST, 101, 0), XDP_PASS);
}

/* The refused SYN that becomes a RST may have been made so that the RST is lost on its way. */
static void test_hostile_carrier(void **state)
{
	struct packet p = {TO_CA, .sport = 9, .flags = SG_TCP_SYN};
	uint8_t frame[PACKET_MAX];
	struct sg_packet out = {};
	struct sg_cursor cur;
	size_t len;

	(void)state;
	fresh(SG_MODE_POLICE);
	guard.svc.slots = 1;
	guard.svc.request_ticks = 5;
	write_service();
	open_connection(1);
	wait_ticks(10);
	p.ip_options = 4;
	assert_int_equal(run_packet(&p, false, NULL), XDP_DROP);
	p.ip_options = 0;
	p.more_fragments = true;
	assert_int_equal(run_packet(&p, false, NULL), XDP_DROP);
	assert_int_equal(budget()->slots_used, 1);
	p.more_fragments = false;
	len = packet_build(&p, frame);
	frame[14 + 8] = 1;   /* time to live */
	frame[14 + 10] ^= 1; /* header checksum */
	frame[14 + 20 + 16] ^= 1;
	assert_int_equal(run_frame(frame, len, guard.client_if), XDP_PASS);
	cur = (struct sg_cursor){guard.out, guard.out, guard.out + guard.out_len};
	assert_int_equal(sg_parse_frame(&cur, &out), SG_PARSE_TCP);
	assert_true(packet_sums_right(guard.out, &out));
	assert_int_equal(out.tcp_flags, SG_TCP_RST);
	assert_int_equal(guard.out[14 + 8], 64);
}

/* Spoofed half-open connections in a router's name, no daemon: its own SYNs free them. */
static void test_source_connections_heal(void **state)
{
	int tries = 0;

	(void)state;
	fresh(SG_MODE_POLICE);
	guard.live.source_default = (struct sg_source_limits){.connections = 4};
	write_live();
	guard.svc.syn_ticks = 5;
	write_service();
	for (__u16 port = 1; port <= 4; port++)
		assert_int_equal(up(port, SG_TCP_SYN, 100, 0), XDP_PASS);
	assert_int_equal(up(50, SG_TCP_SYN, 1, 0), XDP_DROP);
	wait_ticks(10);
	while (admitted() < 5 && tries < 10)
		up(50 + tries++, SG_TCP_SYN, 1, 0);
	assert_true(tries <= 2);
}

/* In observe an expired lease leaves the *would* book; it would be full for ever after a few lost FINs. */
static void test_would_book_heals(void **state)
{
	(void)state;
	fresh(SG_MODE_OBSERVE);
	guard.svc.slots = 3;
	guard.svc.syn_ticks = guard.svc.request_ticks = 5;
	write_service();
	for (__u16 port = 1; port <= 3; port++)
		open_connection(port);
	up(9, SG_TCP_SYN, 1, 0);
	assert_int_equal(stats().would[SG_PRIORITY_BOOTSTRAP][SG_REASON_SLOTS], 1);
	wait_ticks(10);
	for (__u16 port = 10; port <= 12; port++)
		up(port, SG_TCP_SYN, 1, 0);
	assert_true(stats().would[SG_PRIORITY_BOOTSTRAP][SG_REASON_ADMITTED] > 3);
	assert_int_equal(budget()->actual.open, 3);
}

/* One frame of this SYN, spoiled: 0 checksum, 1 hops, 2 IP checksum, 3 a source route. */
static __u32 spoiled_syn(__u16 port, int how)
{
	struct packet p = {TO_CA, .sport = port, .seq = 100, .flags = SG_TCP_SYN,
			   .ip_options = how == 3 ? 4 : 0};
	uint8_t frame[PACKET_MAX];
	size_t len = packet_build(&p, frame);

	if (how == 0)
		frame[14 + 20 + 16] ^= 0x55;
	if (how == 1) {
		frame[14 + 8] = 1;
		packet_put16(frame + 14 + 10, 0);
		packet_put16(frame + 14 + 10, ~packet_sum(frame + 14, 20, 0));
	}
	if (how == 2)
		frame[14 + 10] ^= 0x55;
	if (how == 3) {
		memcpy(frame + 14 + 20, "\x83\x03\x04\x00", 4);
		packet_put16(frame + 14 + 10, 0);
		packet_put16(frame + 14 + 10, ~packet_sum(frame + 14, 24, 0));
	}
	return run_frame(frame, len, guard.client_if);
}

/* SYNs that no CA answers neither make it look deaf nor take the feeler from an honest one. */
static void test_false_deafness(void **state)
{
	struct sg_budget *book;
	__u32 zero = 0;

	(void)state;
	fresh(SG_MODE_POLICE);
	guard.svc.deaf_unanswered = 3;
	guard.svc.deaf_within_ticks = 0;
	write_service();
	open_connection(1);
	for (__u16 port = 10; port < 22; port++)
		spoiled_syn(port, port % 4);
	assert_int_equal(up(2, SG_TCP_SYN, 100, 0), XDP_PASS);
	for (__u16 port = 3; port <= 5; port++)
		up(port, SG_TCP_SYN, 100, 0);
	assert_int_equal(up(6, SG_TCP_SYN, 100, 0), XDP_DROP);
	book = budget();
	assert_int_not_equal(book->deaf.since, 0);
	book->deaf.next_feeler = 0;
	assert_int_equal(bpf_map_update_elem(map_fd(guard.skel->maps.sg_budgets), &zero, book, 0),
			 0);
	for (__u16 port = 30; port < 34; port++)
		assert_int_equal(spoiled_syn(port, port % 4), XDP_DROP);
	assert_int_equal(stats().counters[SG_COUNTER_FEELERS], 0);
	assert_int_equal(up(7, SG_TCP_SYN, 100, 0), XDP_PASS);
	assert_int_equal(stats().counters[SG_COUNTER_FEELERS], 1);
}

/* A CA whose answers are no longer seen is not deaf for ever. */
static void test_deaf_is_not_for_ever(void **state)
{
	struct sg_budget *book;
	__u32 zero = 0;

	(void)state;
	fresh(SG_MODE_POLICE);
	guard.svc.deaf_unanswered = 3;
	guard.svc.deaf_within_ticks = 0;
	write_service();
	open_connection(1);
	for (__u16 port = 2; port <= 4; port++)
		up(port, SG_TCP_SYN, 100, 0);
	assert_int_equal(up(5, SG_TCP_SYN, 100, 0), XDP_DROP);
	/* As if the last answer had been 77 s ago, and a feeler sent just now. */
	book = budget();
	assert_int_not_equal(book->deaf.since, 0);
	book->deaf.last_answer -= 77 * guard.hz;
	assert_int_equal(bpf_map_update_elem(map_fd(guard.skel->maps.sg_budgets), &zero, book, 0),
			 0);
	assert_int_equal(up(5, SG_TCP_SYN, 100, 0), XDP_PASS);
	assert_int_equal(up(6, SG_TCP_SYN, 100, 0), XDP_PASS);
}

static __u32 call_end(__u16 port, __u64 generation)
{
	struct sg_end_call call = {.key = {.client_port = htons(port), .endpoint = 1},
				   .generation = generation};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &call, .ctx_size_in = sizeof(call));

	call.key.client = sg_ip_from_v4(inet_addr(CLIENT_V4));
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(guard.skel->progs.sg_end), &opts),
			 0);
	return call.ended;
}

/* The daemon ends what is due still, not what was when it looked; its RSTs settle nothing. */
static void test_end(void **state)
{
	struct sg_conn conn;

	(void)state;
	fresh(SG_MODE_POLICE);
	guard.svc.request_ticks = 50;
	write_service();
	open_connection(1);
	assert_true(conn_of(CLIENT_V4, 1, &conn));
	assert_int_equal(call_end(1, conn.generation), 0);
	wait_ticks(60);
	assert_int_equal(call_end(1, conn.generation + 1), 0);
	assert_int_equal(call_end(2, conn.generation), 0);
	assert_int_equal(budget()->slots_used, 1);
	assert_int_equal(call_end(1, conn.generation), 1);
	assert_int_equal(call_end(1, conn.generation), 0);
	assert_int_equal(budget()->slots_used, 0);
	assert_int_equal(budget()->actual.open, 0);
	assert_int_equal(budget()->places[SG_PLACES & (SG_PLACES - 1)] & SG_PLACE_FINAL, 0);
	assert_int_equal(down(1, SG_TCP_RST, 901, 0), XDP_PASS);
	assert_int_equal(up(1, SG_TCP_RST, 101, 0), XDP_PASS);
	assert_int_equal(budget()->places[SG_PLACES & (SG_PLACES - 1)] & SG_PLACE_FINAL, 0);
}

/* What the guard doubts of a connection is its class, not its life: its lease goes on. */
static void test_doubtful_keeps_its_lease(void **state)
{
	static const char line[] = "GET /scep?operation=GetCACaps HTTP/1.0\r\n\r\n";
	struct packet p = {TO_CA,
			   .sport = 1,
			   .seq = 101,
			   .ack = 901,
			   .flags = SG_TCP_ACK | SG_TCP_URG,
			   .payload = line,
			   .payload_len = strlen(line)};
	struct sg_conn conn;

	(void)state;
	fresh(SG_MODE_POLICE);
	open_connection(1);
	assert_true(conn_of(CLIENT_V4, 1, &conn));
	assert_in_range(budget()->leases[conn.lease].expires, conn.opened,
			conn.opened + 11 * guard.hz);
	assert_int_equal(run_packet(&p, false, NULL), XDP_PASS);
	assert_true(conn_of(CLIENT_V4, 1, &conn));
	assert_true(conn.flags & SG_CONN_DOUBT);
	assert_true(conn.client.line_done);
	assert_in_range(budget()->leases[conn.lease].expires, conn.opened + 50 * guard.hz,
			conn.opened + 70 * guard.hz);
}

static __u32 syn_of(const char *client, __u16 port)
{
	struct packet p = {TO_CA, .sport = port, .seq = 9, .flags = SG_TCP_SYN};

	p.src = client;
	return run_packet(&p, false, NULL);
}

/* A known source that fails its own rate asks for no turn: else all others would wait for one that cannot be
 * given.
 */
static void test_own_rate_asks_for_nothing(void **state)
{
	(void)state;
	fresh(SG_MODE_POLICE);
	guard.live.source_default =
		(struct sg_source_limits){.interval_ticks = 100 * guard.hz, .burst = 1};
	write_live();
	guard.svc.window.connections = 1;
	write_service();
	assert_int_equal(syn_of(CLIENT_V4, 1), XDP_PASS);
	assert_int_equal(syn_of(CLIENT_V4, 2), XDP_DROP);
	assert_int_equal(stats().verdicts[SG_PRIORITY_BOOTSTRAP][SG_REASON_SOURCE_RATE], 1);
	for (int i = 0; i < SG_PRIORITY_MAX_; i++)
		assert_int_equal(budget()->asked[i], 0);
	/* A stranger asks, and is refused for want of a place. */
	assert_int_equal(syn_of("198.51.100.8", 2), XDP_DROP);
	assert_int_equal(stats().verdicts[SG_PRIORITY_BOOTSTRAP][SG_REASON_WINDOW], 1);
	assert_int_not_equal(budget()->asked[SG_PRIORITY_BOOTSTRAP], 0);
}

/* A segment for another station, or in another VLAN, than the SYN: the CA does not get it. */
static void test_strayed_segment(void **state)
{
	static const char line[] = "GET /scep?operation=GetCACaps HTTP/1.0\r\n\r\n";

	(void)state;
	for (int how = 0; how < 4; how++) {
		struct packet p = {TO_CA,
				   .sport = 1,
				   .seq = 101,
				   .ack = 901,
				   .flags = SG_TCP_ACK,
				   .payload = line,
				   .payload_len = strlen(line),
				   .vlan_tags = how == 3};
		uint8_t frame[PACKET_MAX];
		struct sg_conn conn;
		size_t len = packet_build(&p, frame);

		fresh(SG_MODE_POLICE);
		open_connection(1);
		frame[5] ^= how == 1;
		frame[0] ^= how == 2;
		assert_int_equal(run_frame(frame, len, guard.client_if), XDP_PASS);
		assert_true(conn_of(CLIENT_V4, 1, &conn));
		assert_int_equal(conn.client.request_class,
				 how ? SG_REQUEST_UNDECIDED : SG_REQUEST_GETCACAPS);
	}
}

/* Observe: an attempt that was given up is answered after all. Its SYN came again, and passed though the would
 * book had no place for it: the connection has to be seen.
 */
static void test_given_up_and_answered(void **state)
{
	(void)state;
	fresh(SG_MODE_OBSERVE);
	guard.svc.window.connections = 1;
	guard.svc.syn_ticks = 10;
	write_service();
	assert_int_equal(syn_of(CLIENT_V4, 1), XDP_PASS);
	wait_ticks(30);
	assert_int_equal(syn_of("198.51.100.9", 1), XDP_PASS);
	assert_int_equal(syn_of(CLIENT_V4, 1), XDP_PASS);
	assert_int_equal(down(1, SG_TCP_SYN | SG_TCP_ACK, 900, 10), XDP_PASS);
	assert_int_equal(stats().counters[SG_COUNTER_SYN_ACK], 1);
	assert_int_equal(budget()->actual.open, 1);
	assert_int_equal(up(1, SG_TCP_ACK, 10, 901), XDP_PASS);
	assert_int_equal(stats().counters[SG_COUNTER_HANDSHAKES], 1);
	/* The same answer again is none. */
	assert_int_equal(down(1, SG_TCP_RST, 901, 0), XDP_PASS);
	assert_int_equal(down(1, SG_TCP_SYN | SG_TCP_ACK, 900, 10), XDP_PASS);
	assert_int_equal(stats().counters[SG_COUNTER_SYN_ACK], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_syn_counts),
		cmocka_unit_test(test_ipv6_hides_nothing),
		cmocka_unit_test(test_syn_on_open_connection),
		cmocka_unit_test(test_syn_on_half_open),
		cmocka_unit_test(test_client_reset_is_no_proof),
		cmocka_unit_test(test_ended_is_forfeited),
		cmocka_unit_test(test_hostile_carrier),
		cmocka_unit_test(test_source_connections_heal),
		cmocka_unit_test(test_would_book_heals),
		cmocka_unit_test(test_false_deafness),
		cmocka_unit_test(test_deaf_is_not_for_ever),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_doubtful_keeps_its_lease),
		cmocka_unit_test(test_own_rate_asks_for_nothing),
		cmocka_unit_test(test_strayed_segment),
		cmocka_unit_test(test_given_up_and_answered),
	};

	return cmocka_run_group_tests(tests, once, end);
}
