// SPDX-License-Identifier: GPL-2.0-only
/* What scepguard classify stands in for in intercept: ACK numbers that move, a CA that is played, segments that come
 * again. Frames are those of tests/bpf/wire.h, which shares nothing with the code.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../userspace/classify/fates.h"
#include "../../userspace/classify/peers.h"
#include "../../userspace/classify/played_ca.h"
#include "../../userspace/classify/wire.h"
#include "../bpf/wire.h"

#define ISN    0xfffffff0u /* its numbers wrap */
#define CA_ISN 0xa000u
#define FRAME  __attribute__((aligned(8)))

static const struct wire_net nets[] = {
	{"IPv4", 4, 0, "198.51.100.7", "192.0.2.1"},
	{"IPv6", 6, 0, "2001:db8::7", "2001:db8:1::1"},
	{"IPv4, tagged", 4, 1, "198.51.100.7", "192.0.2.1"},
	{"IPv6, two tags", 6, 2, "2001:db8::7", "2001:db8:1::1"},
};
#define NETS (sizeof(nets) / sizeof(nets[0]))

static struct sg_packet read_frame(const uint8_t *frame, size_t len)
{
	struct sg_packet pkt;

	assert_true(sg_wire_read(frame, len, &pkt));
	return pkt;
}

/* A moved number is as if it had been sent so; of a wrong checksum the error stays. */
static void test_ack_moves(void **state)
{
	const uint32_t from[] = {0, 1, 0xffff, 0x10000, 0x7fffffff, 0xffffffff};
	const uint32_t by[] = {0, 1, 0xfffe, 0xffff, 0x10001, 0xdeadbeef, 0xffffffff};
	uint8_t frame[WIRE_MAX] FRAME, wanted[WIRE_MAX] FRAME;

	(void)state;
	for (size_t i = 0; i < NETS * 6 * 7 * 3; i++) {
		const struct wire_net *net = &nets[i % NETS];
		struct seg s = {
			.port = 4321, .seq = ISN, .flags = WIRE_ACK, .bytes = "odd", .len = 3};
		size_t len;
		struct sg_packet pkt;

		s.ack = from[i / NETS % 6];
		s.bad_sum = i / NETS / 6 / 7 == 1;
		s.partial = i / NETS / 6 / 7 == 2;
		len = wire_build(net, &s, frame);
		pkt = read_frame(frame, len);
		assert_int_equal(sg_wire_sound(frame, len, &pkt, true), !s.bad_sum);
		assert_int_equal(sg_wire_sound(frame, len, &pkt, false), !s.bad_sum && !s.partial);
		assert_int_equal(sg_wire_partial(frame, len, &pkt), s.partial);
		sg_wire_move_ack(frame, len, &pkt, by[i / NETS / 6 % 7]);
		s.ack += by[i / NETS / 6 % 7];
		assert_int_equal(wire_build(net, &s, wanted), len);
		pkt = read_frame(frame, len);
		assert_true(sg_wire_same(frame, wanted, len, &pkt));
		assert_int_equal(sg_wire_sound(frame, len, &pkt, true), !s.bad_sum);
	}
}

/* Without the ACK flag there is no number. */
static void test_no_ack_stays(void **state)
{
	const struct seg s = {.port = 4321, .seq = ISN, .ack = 7, .flags = WIRE_RST};
	uint8_t frame[WIRE_MAX] FRAME, before[WIRE_MAX];
	const size_t len = wire_build(&nets[0], &s, frame);
	const struct sg_packet pkt = read_frame(frame, len);

	(void)state;
	memcpy(before, frame, len);
	sg_wire_move_ack(frame, len, &pkt, 5);
	assert_memory_equal(before, frame, len);
	frame[len - 1] ^= 1;
	assert_false(sg_wire_same(before, frame, len, &pkt));
}

static void test_not_whole(void **state)
{
	const struct seg s = {.port = 4321, .seq = ISN, .flags = WIRE_ACK, .bytes = "x", .len = 1};
	uint8_t frame[WIRE_MAX] FRAME;
	struct sg_packet pkt;

	(void)state;
	for (size_t i = 0; i < NETS; i++) {
		const size_t len = wire_build(&nets[i], &s, frame);

		for (size_t cut = 0; cut < len; cut++) {
			/* Its own piece of memory, so that a byte too many is noticed. */
			uint8_t *piece = malloc(cut + 1);

			assert_non_null(piece);
			memcpy(piece, frame, cut);
			assert_false(sg_wire_read(piece, cut, &pkt));
			free(piece);
		}
	}
}

static void open_ca(struct sg_played_ca *ca, const struct wire_net *net)
{
	const struct seg syn = {.port = 4321, .seq = ISN, .flags = WIRE_SYN, .mss = 1360};
	uint8_t frame[WIRE_MAX] FRAME;
	const size_t len = wire_build(net, &syn, frame);
	const struct sg_packet pkt = read_frame(frame, len);

	assert_true(sg_wire_is_syn(&pkt));
	sg_played_open(ca, frame, &pkt, CA_ISN);
}

/* What it sends is what the wire says: the SYN-ACK, an acknowledgement, an answer of which the status line can be read. */
static void test_ca_speaks(void **state)
{
	static const char line[] = "HTTP/1.1 200 OK\r\n";
	uint8_t frame[SG_WIRE_ANSWER_MAX] FRAME, wanted[WIRE_MAX] FRAME;
	struct sg_played_ca ca;

	(void)state;
	for (size_t i = 0; i < NETS; i++) {
		struct seg s = {.from_ca = true,
				.port = 4321,
				.seq = CA_ISN,
				.ack = ISN + 1,
				.flags = WIRE_SYN | WIRE_ACK,
				.window = 65535,
				.hops = 64,
				.turned = true};
		size_t len;
		struct sg_packet pkt;

		open_ca(&ca, &nets[i]);
		len = sg_played_frame(&ca, SG_TCP_SYN, 0, frame);
		assert_int_equal(len, wire_build(&nets[i], &s, wanted));
		assert_memory_equal(frame, wanted, len);
		ca.said = 3;
		s.seq = CA_ISN + 4;
		s.flags = WIRE_PSH | WIRE_ACK;
		s.bytes = line + 3;
		s.len = sizeof(line) - 4;
		len = sg_played_frame(&ca, SG_TCP_PSH, s.len, frame);
		assert_int_equal(len, wire_build(&nets[i], &s, wanted));
		assert_memory_equal(frame, wanted, len);
		len = sg_played_frame(&ca, SG_TCP_PSH, SG_WIRE_PAYLOAD, frame);
		pkt = read_frame(frame, len);
		assert_int_equal(pkt.payload_len, SG_WIRE_PAYLOAD);
		assert_true(sg_wire_sound(frame, len, &pkt, false));
	}
}

/* A segment of its client, from byte `at` on. */
static bool hears(struct sg_played_ca *ca, uint32_t at, uint16_t len, uint8_t flags, uint32_t ack)
{
	const struct sg_packet pkt = {.seq = ISN + 1 + at,
				      .ack = CA_ISN + 1 + ack,
				      .payload_len = len,
				      .tcp_flags = flags};

	return sg_played_take(ca, &pkt, true);
}

#define WAITS_FOR(ca, at) assert_int_equal((ca)->next - (ISN + 1), at)

static void test_ca_listens(void **state)
{
	struct sg_played_ca ca;

	(void)state;
	open_ca(&ca, &nets[0]);
	assert_true(hears(&ca, 20, 10, WIRE_ACK, 0)); /* ahead */
	assert_true(hears(&ca, 40, 5, WIRE_ACK, 0));
	WAITS_FOR(&ca, 0);
	assert_true(hears(&ca, 0, 20, WIRE_ACK, 0));
	WAITS_FOR(&ca, 30);
	assert_true(hears(&ca, 25, 15, WIRE_ACK, 0)); /* old bytes, then those that were missing */
	WAITS_FOR(&ca, 45);
	assert_true(hears(&ca, 0, 45, WIRE_ACK, 0)); /* again: acknowledged again */
	WAITS_FOR(&ca, 45);
	assert_true(hears(&ca, 45, 5, WIRE_ACK, 1)); /* of what it has not said */
	assert_true(hears(&ca, 45, 5, 0, 0));
	assert_true(hears(&ca, 45, 5, WIRE_SYN | WIRE_ACK, 0));
	assert_true(hears(&ca, 200000, 5, WIRE_ACK, 0)); /* it has no room for that */
	WAITS_FOR(&ca, 45);
	assert_false(hears(&ca, 45, 0, WIRE_ACK, 0)); /* nothing to acknowledge */
	assert_true(hears(&ca, 50, 0, WIRE_FIN | WIRE_ACK, 0));
	assert_false(ca.fin);
	assert_true(hears(&ca, 45, 5, WIRE_FIN | WIRE_ACK, 0));
	assert_true(ca.fin);
	WAITS_FOR(&ca, 51);
	assert_true(hears(&ca, 51, 5, WIRE_ACK, 0)); /* behind the end is nothing */
	WAITS_FOR(&ca, 51);
}

static void test_ca_is_careful(void **state)
{
	const struct sg_packet pkt = {
		.seq = ISN + 1, .ack = CA_ISN + 1, .payload_len = 5, .tcp_flags = WIRE_ACK};
	struct sg_played_ca ca = {};

	(void)state;
	assert_false(sg_played_take(&ca, &pkt, true)); /* it has no SYN */
	open_ca(&ca, &nets[0]);
	assert_false(sg_played_take(&ca, &pkt, false));
	WAITS_FOR(&ca, 0);
	for (uint32_t i = 0; i < 2 * SG_PLAYED_AHEAD; i++)
		hears(&ca, 10 + 2 * i, 1, WIRE_ACK, 0);
	assert_int_equal(ca.ahead_count, SG_PLAYED_AHEAD);
	assert_false(hears(&ca, 1, 0, WIRE_RST, 0)); /* not in sequence */
	assert_true(hears(&ca, 0, 10, WIRE_ACK, 0));
	WAITS_FOR(&ca, 11);
	assert_false(hears(&ca, 11, 0, WIRE_RST, 0));
	assert_true(ca.gone);
	assert_false(hears(&ca, 11, 5, WIRE_ACK, 0));
}

static struct sg_conn_key key_of(uint16_t port)
{
	return (struct sg_conn_key){.client_port = htons(port), .endpoint = 1};
}

static void test_peers(void **state)
{
	const struct sg_conn_key key = key_of(7), other = key_of(8);
	struct sg_peers peers = {};
	struct sg_peer *old, *later;

	(void)state;
	assert_null(sg_peers_find(&peers, &key));
	old = sg_peers_add(&peers, &key);
	assert_non_null(old);
	assert_non_null(sg_peers_add(&peers, &other));
	assert_ptr_equal(sg_peers_find(&peers, &key), old);
	later = sg_peers_add(&peers, &key);
	assert_ptr_equal(sg_peers_find(&peers, &key), later);
	assert_ptr_equal(peers.first, old);
	assert_ptr_equal(old->next->next, later);
	assert_null(later->next);
	for (uint16_t port = 100; port < 2000; port++) {
		const struct sg_conn_key many = key_of(port);

		assert_non_null(sg_peers_add(&peers, &many));
	}
	sg_peers_clear(&peers);
	assert_null(sg_peers_find(&peers, &key));
	assert_null(peers.first);
	sg_peers_clear(&peers);
}

/* By their numbers, across the wrap; those of one number as they came; no more than there is room for. */
static void test_again(void **state)
{
	const uint32_t seqs[] = {5, 0xfffffff0, 5, 2, 0xffffffff}, wanted[] = {1, 4, 3, 0, 2};
	const struct sg_conn_key key = key_of(7);
	struct sg_packet pkt = {};
	struct sg_peers peers = {};
	struct sg_peer *peer = sg_peers_add(&peers, &key);
	struct sg_again *again;

	(void)state;
	assert_non_null(peer);
	for (size_t i = 0; i < 5; i++) {
		pkt.seq = seqs[i];
		assert_int_equal(sg_peer_keep(peer, &pkt, "frame", 5, i), 0);
	}
	for (size_t i = 0; i < 5; i++) {
		again = sg_peer_again(peer);
		assert_non_null(again);
		assert_int_equal(again->index, wanted[i]);
		assert_memory_equal(again->frame, "frame", 5);
		free(again);
	}
	assert_null(sg_peer_again(peer));
	for (size_t i = 0; i < SG_PEER_AGAIN + 9; i++)
		assert_int_equal(sg_peer_keep(peer, &pkt, "frame", 5, i), 0);
	assert_int_equal(peer->again_count, SG_PEER_AGAIN);
	sg_peers_clear(&peers);
}

static void test_fates(void **state)
{
	struct sg_fates fates = {};

	(void)state;
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(sg_fates_drop(&fates, 2 * i), 0);
	sg_fates_undrop(&fates, 0);
	sg_fates_undrop(&fates, 3); /* was not */
	sg_fates_undrop(&fates, 198);
	sg_fates_undrop(&fates, 6);
	assert_int_equal(fates.dropped_count, 97);
	assert_int_equal(fates.dropped[0], 2);
	assert_int_equal(fates.dropped[2], 8);
	assert_int_equal(fates.dropped[96], 196);
	assert_int_equal(sg_fates_send(&fates, 1, "x", 1), 0);
	assert_int_equal(fates.sent_count, 0);
	fates.keep_sent = true;
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(sg_fates_send(&fates, i, "abc", i % 4), 0);
	assert_int_equal(fates.sent_count, 100);
	assert_int_equal(fates.sent[7].len, 3);
	assert_memory_equal(fates.sent[7].bytes, "abc", 3);
	sg_fates_clear(&fates);
	assert_int_equal(fates.sent_count + fates.dropped_count, 0);
	assert_true(fates.keep_sent);
	sg_fates_free(&fates);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ack_moves),  cmocka_unit_test(test_no_ack_stays),
		cmocka_unit_test(test_not_whole),  cmocka_unit_test(test_ca_speaks),
		cmocka_unit_test(test_ca_listens), cmocka_unit_test(test_ca_is_careful),
		cmocka_unit_test(test_peers),      cmocka_unit_test(test_again),
		cmocka_unit_test(test_fates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
