// SPDX-License-Identifier: GPL-2.0-only
/* The frames the program writes: refusals, reclaimed slots, late SYN-ACKs; and what it throws away. */
#include "loaded.h"
#include "talk.h"

/* Parse what came out and judge its checksums. */
static struct sg_packet parse_out(void)
{
	struct sg_cursor cur = {guard.out, guard.out, guard.out + guard.out_len};
	struct sg_packet pkt = {};

	assert_int_equal(sg_parse_frame(&cur, &pkt), SG_PARSE_TCP);
	assert_true(packet_sums_right(guard.out, &pkt));
	return pkt;
}

static void assert_reset(struct packet p)
{
	uint8_t frame[PACKET_MAX];
	struct sg_packet out;

	packet_build(&p, frame);
	assert_int_equal(run_packet(&p, false, NULL), XDP_TX);
	out = parse_out();
	assert_memory_equal(guard.out, frame + 6, 6); /* MACs turned */
	assert_memory_equal(guard.out + 6, frame, 6);
	assert_memory_equal(guard.out + 12, frame + 12, 4 * p.vlan_tags + 2);
	assert_int_equal(ntohs(out.sport), 80);
	assert_int_equal(ntohs(out.dport), p.sport);
	assert_int_equal(out.seq, 0);
	assert_int_equal(out.ack, (__u32)(p.seq + 1 + p.payload_len));
	assert_int_equal(out.tcp_flags, SG_TCP_RST | SG_TCP_ACK);
	assert_int_equal(out.payload_len, 0);
	assert_int_equal(out.window, 0);
	assert_int_equal(out.vlan_tags, p.vlan_tags);
}

static void test_reset_refusal(void **state)
{
	static const uint8_t hop[] = {SG_IPPROTO_HOPOPTS, SG_IPPROTO_DSTOPTS, 0xff};

	(void)state;
	fresh();
	guard.svc.refuse_reset = 1;
	guard.svc.window.connections = 1;
	write_service();
	assert_int_equal(syn(CLIENT_V4, 1, 9), XDP_PASS);
	for (__u32 seq = 0xfffffffe; seq != 2; seq++) {
		struct packet v4 = {TO_CA, .sport = 77, .seq = seq, .flags = SG_TCP_SYN};
		struct packet v6 = {.family = 6,
				    .src = CLIENT_V6,
				    .dst = CA_V6,
				    .sport = 77,
				    .dport = 80,
				    .seq = seq,
				    .flags = SG_TCP_SYN};

		assert_reset(v4);
		v4.tcp_options = 20;
		assert_reset(v4);
		v4.ip_options = 12;
		v4.vlan_tags = 2;
		v4.padding = 3;
		assert_reset(v4);
		v4.payload = "data on the SYN";
		v4.payload_len = 15;
		assert_reset(v4);
		v4.partial = true;
		assert_reset(v4);
		assert_reset(v6);
		v6.extensions = hop;
		v6.tcp_options = 40;
		v6.vlan_tags = 4;
		assert_reset(v6);
	}
}

/* A refused SYN becomes the RST that frees the CA's slot of a connection whose lease ran out. */
static void test_reclaim(void **state)
{
	struct packet p = {
		TO_CA,         .sport = 2, .seq = 5, .flags = SG_TCP_SYN, .tcp_options = 20,
		.vlan_tags = 1};
	struct sg_ip client = sg_ip_from_v4(inet_addr(CLIENT_V4));
	struct sg_packet out;

	(void)state;
	fresh();
	guard.svc.slots = 1;
	guard.svc.syn_ticks = guard.svc.request_ticks = 2;
	write_service();
	open_connection(1);
	usleep(8 * 1000000 / guard.hz);
	p.src = "198.51.100.99";
	assert_int_equal(run_packet(&p, false, NULL), XDP_PASS);
	out = parse_out();
	assert_true(sg_ip_equal(&out.src, &client));
	assert_int_equal(ntohs(out.sport), 1);
	assert_int_equal(ntohs(out.dport), 80);
	assert_int_equal(out.tcp_flags, SG_TCP_RST);
	assert_int_equal(out.seq, 101);
	assert_int_equal(stats().counters[SG_COUNTER_RECLAIMED], 1);
	assert_int_equal(budget()->slots_used, 0);
	/* The next SYN takes the slot. */
	assert_int_equal(run_packet(&p, false, NULL), XDP_PASS);
	assert_int_equal(budget()->slots_used, 1);
}

static void test_late_syn_ack(void **state)
{
	struct sg_packet out;

	(void)state;
	fresh();
	guard.svc.syn_ticks = 2;
	write_service();
	assert_int_equal(syn(CLIENT_V4, 9, 100), XDP_PASS);
	usleep(8 * 1000000 / guard.hz);
	assert_int_equal(down(9, SG_TCP_SYN | SG_TCP_ACK, 900, 101, ""), XDP_TX);
	out = parse_out();
	assert_int_equal(out.tcp_flags, SG_TCP_RST);
	assert_int_equal(out.seq, 101);
	assert_int_equal(ntohs(out.sport), 9);
	assert_int_equal(stats().counters[SG_COUNTER_LATE_SYN_ACK], 1);
}

static void test_tiny_fragments(void **state)
{
	struct packet p = {TO_CA, .sport = 1, .flags = SG_TCP_SYN, .more_fragments = true};
	uint8_t frame[PACKET_MAX];

	(void)state;
	fresh();
	packet_build(&p, frame);
	packet_put16(frame + 16, 20 + 8); /* ports only */
	assert_int_equal(run_frame(frame, 14 + 28, guard.client_if), XDP_DROP);
	p.more_fragments = false;
	p.fragment_offset = 1; /* over the flags */
	assert_int_equal(run_packet(&p, false, NULL), XDP_DROP);
	p.dst = "192.0.2.77";
	assert_int_equal(run_packet(&p, false, NULL), XDP_PASS);
	p.dst = CA_V4;
	p.fragment_offset = 3;
	assert_int_equal(run_packet(&p, false, NULL), XDP_PASS);
	assert_int_equal(stats().verdicts[SG_PRIORITY_OTHER][SG_REASON_TINY_FRAGMENT], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reset_refusal),
		cmocka_unit_test(test_reclaim),
		cmocka_unit_test(test_late_syn_ack),
		cmocka_unit_test(test_tiny_fragments),
	};

	return cmocka_run_group_tests(tests, once, end);
}
