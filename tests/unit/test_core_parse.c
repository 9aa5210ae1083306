// SPDX-License-Identifier: GPL-2.0-only
/* From frames to struct sg_packet: a table of frames, each whole and at every truncation. The bytes lie
 * in a block of exactly their length, so that a read beyond them ends the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../lib/packet.h"

#define V4   .family = 4, .src = "198.51.100.7", .dst = "192.0.2.1"
#define V6   .family = 6, .src = "2001:db8::7", .dst = "2001:db8:1::1"
#define TCP  .sport = 40000, .dport = 80, .seq = 0x01020304, .ack = 0x05060708, .flags = SG_TCP_SYN
#define DATA .payload = "GET / HTTP/1.0", .payload_len = 14

static const uint8_t hop[] = {SG_IPPROTO_HOPOPTS, 0xff};
static const uint8_t chain[] = {SG_IPPROTO_HOPOPTS, SG_IPPROTO_DSTOPTS, SG_IPPROTO_ROUTING,
				SG_IPPROTO_DSTOPTS, 0xff};
static const uint8_t fragment[] = {SG_IPPROTO_HOPOPTS, SG_IPPROTO_FRAGMENT, 0xff};
static const uint8_t too_many[] = {0, 60, 60, 60, 60, 60, 60, 0xff};
static const uint8_t authentication[] = {51, 0xff};

static const struct frame_case {
	const char *name;
	struct packet packet;
	enum sg_parse result;
} cases[] = {
	{"IPv4", {V4, TCP}, SG_PARSE_TCP},
	{"IPv4 with data", {V4, TCP, DATA}, SG_PARSE_TCP},
	{"one VLAN tag", {V4, TCP, .vlan_tags = 1}, SG_PARSE_TCP},
	{"two VLAN tags", {V4, TCP, DATA, .vlan_tags = 2}, SG_PARSE_TCP},
	{"three VLAN tags", {V6, TCP, .vlan_tags = 3}, SG_PARSE_TCP},
	{"four VLAN tags", {V4, TCP, .vlan_tags = 4}, SG_PARSE_TCP},
	{"802.1ad", {V4, TCP, .vlan_tags = 2, .vlan_type = 0x88a8}, SG_PARSE_TCP},
	{"five VLAN tags", {V4, TCP, .vlan_tags = 5}, SG_PARSE_NOT_TCP},
	{"IPv4 options", {V4, TCP, DATA, .ip_options = 40}, SG_PARSE_TCP},
	{"TCP options", {V4, TCP, DATA, .tcp_options = 40}, SG_PARSE_TCP},
	{"both options, tagged",
	 {V4, TCP, .ip_options = 8, .tcp_options = 20, .vlan_tags = 1},
	 SG_PARSE_TCP},
	{"padding", {V4, TCP, .padding = 6}, SG_PARSE_TCP},
	{"padding behind data", {V4, TCP, DATA, .padding = 20}, SG_PARSE_TCP},
	{"IPv6", {V6, TCP}, SG_PARSE_TCP},
	{"IPv6 with data", {V6, TCP, DATA, .tcp_options = 12, .padding = 4}, SG_PARSE_TCP},
	{"IPv6 hop-by-hop", {V6, TCP, DATA, .extensions = hop}, SG_PARSE_TCP},
	{"IPv6 chain", {V6, TCP, DATA, .extensions = chain}, SG_PARSE_TCP},
	{"IPv6 atomic fragment", {V6, TCP, DATA, .extensions = fragment}, SG_PARSE_TCP},
	{"IPv6 first fragment",
	 {V6, TCP, DATA, .extensions = fragment, .more_fragments = true},
	 SG_PARSE_TCP},
	{"IPv6 later fragment",
	 {V6, TCP, DATA, .extensions = fragment, .fragment_offset = 100},
	 SG_PARSE_FRAGMENT},
	{"IPv6 overlapping fragment",
	 {V6, TCP, DATA, .extensions = fragment, .fragment_offset = 1},
	 SG_PARSE_OVERLAP},
	{"IPv6 later UDP fragment",
	 {V6, TCP, DATA, .extensions = fragment, .fragment_offset = 1, .protocol = 17},
	 SG_PARSE_NOT_TCP},
	{"IPv6 too many headers", {V6, TCP, .extensions = too_many}, SG_PARSE_HIDDEN},
	{"IPv6 authentication header", {V6, TCP, .extensions = authentication}, SG_PARSE_NOT_TCP},
	{"IPv4 first fragment", {V4, TCP, DATA, .more_fragments = true}, SG_PARSE_TCP},
	{"IPv4 later fragment", {V4, TCP, DATA, .fragment_offset = 185}, SG_PARSE_FRAGMENT},
	{"IPv4 offset 3: behind the header", {V4, TCP, .fragment_offset = 3}, SG_PARSE_FRAGMENT},
	{"IPv4 offset 2: inside the header", {V4, TCP, .fragment_offset = 2}, SG_PARSE_OVERLAP},
	{"IPv4 offset 1: over the flags",
	 {V4, TCP, .fragment_offset = 1, .more_fragments = true},
	 SG_PARSE_OVERLAP},
	{"IPv6 with a mapped source",
	 {.family = 6, .src = "::ffff:198.51.100.7", .dst = "2001:db8:1::1", TCP},
	 SG_PARSE_MALFORMED},
	{"UDP", {V4, TCP, .protocol = 17}, SG_PARSE_NOT_TCP},
	{"UDP over IPv6", {V6, TCP, .protocol = 17}, SG_PARSE_NOT_TCP},
	{"later UDP fragment", {V4, TCP, .protocol = 17, .fragment_offset = 1}, SG_PARSE_NOT_TCP},
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

/* Parse exactly these bytes. */
static enum sg_parse parse(const uint8_t *frame, size_t len, struct sg_packet *pkt)
{
	uint8_t *exact = malloc(len ? len : 1);
	struct sg_cursor cur = {exact, exact, exact + len};
	enum sg_parse result;

	assert_non_null(exact);
	memcpy(exact, frame, len);
	memset(pkt, 0, sizeof(*pkt));
	result = sg_parse_frame(&cur, pkt);
	free(exact);
	return result;
}

static void assert_fields(const struct frame_case *c, const struct sg_packet *pkt)
{
	struct sg_ip src = {};

	if (c->packet.family == 4) {
		src.w[2] = sg_htonl(0xffff);
		inet_pton(AF_INET, c->packet.src, &src.w[3]);
	} else {
		inet_pton(AF_INET6, c->packet.src, &src);
	}
	assert_true(sg_ip_equal(&src, &pkt->src));
	assert_int_equal(pkt->family, c->packet.family);
	assert_int_equal(pkt->vlan_tags, c->packet.vlan_tags);
	assert_int_equal(ntohs(pkt->sport), 40000);
	assert_int_equal(ntohs(pkt->dport), 80);
	assert_int_equal(pkt->seq, 0x01020304);
	assert_int_equal(pkt->ack, 0x05060708);
	assert_int_equal(pkt->tcp_flags, SG_TCP_SYN);
	assert_int_equal(pkt->payload_len, c->packet.payload_len);
	assert_int_equal(pkt->payload_off, pkt->l4_off + 20 + c->packet.tcp_options);
	assert_int_equal(pkt->fragment, c->packet.more_fragments);
}

static void test_whole_frames(void **state)
{
	uint8_t frame[PACKET_MAX];
	struct sg_packet pkt;

	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		size_t len = packet_build(&cases[i].packet, frame);
		enum sg_parse result = parse(frame, len, &pkt);

		if (result != cases[i].result)
			fail_msg("'%s': got %d, expected %d", cases[i].name, result,
				 cases[i].result);
		if (result == SG_PARSE_TCP)
			assert_fields(&cases[i], &pkt);
		if (result == SG_PARSE_FRAGMENT || result == SG_PARSE_OVERLAP)
			assert_int_equal(pkt.sport | pkt.dport, 0);
	}
}

/* A frame cut short: lengths contradict it, so it is never taken for TCP and ports are never given. */
static void test_every_truncation(void **state)
{
	uint8_t frame[PACKET_MAX];
	struct sg_packet pkt;

	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		size_t len = packet_build(&cases[i].packet, frame) - cases[i].packet.padding;

		for (size_t cut = 0; cut < len; cut++) {
			enum sg_parse result = parse(frame, cut, &pkt);

			if (result == SG_PARSE_TCP || result == SG_PARSE_TINY)
				fail_msg("'%s' cut at %zu: taken for TCP", cases[i].name, cut);
			assert_int_equal(pkt.sport | pkt.dport, 0);
		}
	}
}

/* One byte of the plain frame changed to something that contradicts the rest. at: from the frame's start. */
static void assert_broken(const struct packet *packet, size_t at, uint8_t value,
			  enum sg_parse result)
{
	uint8_t frame[PACKET_MAX];
	size_t len = packet_build(packet, frame);
	struct sg_packet pkt;

	frame[at] = value;
	if (parse(frame, len, &pkt) != result)
		fail_msg("byte %zu = 0x%02x: expected %d", at, value, result);
}

static void test_lengths_that_contradict(void **state)
{
	struct packet v4 = {V4, TCP, DATA}, v6 = {V6, TCP, DATA, .extensions = hop};

	(void)state;
	assert_broken(&v4, 14, 0x65, SG_PARSE_MALFORMED); /* version 6 in an IPv4 frame */
	assert_broken(&v4, 14, 0x44, SG_PARSE_MALFORMED); /* ihl 16 */
	assert_broken(&v4, 14, 0x40, SG_PARSE_MALFORMED);
	assert_broken(&v4, 14, 0x4f, SG_PARSE_MALFORMED); /* header longer than the packet */
	assert_broken(&v4, 17, 19, SG_PARSE_MALFORMED);   /* total below the header */
	assert_broken(&v4, 17, 20, SG_PARSE_MALFORMED);   /* nothing behind it */
	assert_broken(&v4, 17, 27, SG_PARSE_MALFORMED);
	assert_broken(&v4, 17, 39, SG_PARSE_MALFORMED); /* TCP cut */
	assert_broken(&v4, 17, 55, SG_PARSE_MALFORMED); /* one more than the frame */
	assert_broken(&v4, 16, 0xff, SG_PARSE_MALFORMED);
	assert_broken(&v4, 46, 0x40, SG_PARSE_MALFORMED); /* doff 16 */
	assert_broken(&v4, 46, 0xf0, SG_PARSE_MALFORMED); /* doff beyond the packet */
	assert_broken(&v4, 46, 0x80, SG_PARSE_TCP);       /* options where data was */
	assert_broken(&v6, 14, 0x45, SG_PARSE_MALFORMED);
	assert_broken(&v6, 19, 0xff, SG_PARSE_MALFORMED); /* payload beyond the frame */
	assert_broken(&v6, 19, 8, SG_PARSE_MALFORMED);    /* the extension alone */
	assert_broken(&v6, 55, 200, SG_PARSE_MALFORMED);  /* extension longer than the payload */
}

/* RFC 1858: a first fragment that ends inside the TCP header. Ports are there, nothing else. */
static void assert_tiny(struct packet packet, size_t l3, size_t keep, enum sg_parse result)
{
	uint8_t frame[PACKET_MAX];
	struct sg_packet pkt;

	packet.more_fragments = true;
	packet_build(&packet, frame);
	if (packet.family == 4)
		packet_put16(frame + l3 + 2, 20 + keep);
	else
		packet_put16(frame + l3 + 4, 16 + keep);
	assert_int_equal(parse(frame, l3 + (packet.family == 4 ? 20 : 56) + keep, &pkt), result);
	if (result == SG_PARSE_TINY)
		assert_int_equal(ntohs(pkt.dport), 80);
	else
		assert_int_equal(pkt.dport, 0);
}

static void test_tiny_fragments(void **state)
{
	(void)state;
	for (size_t keep = 0; keep < 20; keep++) {
		enum sg_parse result = keep < 8 ? SG_PARSE_OVERLAP : SG_PARSE_TINY;

		assert_tiny((struct packet){V4, TCP, DATA}, 14, keep, result);
		assert_tiny((struct packet){V6, TCP, DATA, .extensions = fragment}, 14, keep,
			    result);
	}
	/* The header whole, its options cut. */
	assert_tiny((struct packet){V4, TCP, DATA, .tcp_options = 20}, 14, 32, SG_PARSE_TINY);
}

/* RFC 7112: a first fragment whose chain of headers goes on in the next one. */
static void test_chain_cut_by_a_fragment(void **state)
{
	static const uint8_t cut[] = {SG_IPPROTO_FRAGMENT, SG_IPPROTO_DSTOPTS, 0xff};
	struct packet packet = {V6, TCP, .extensions = cut, .more_fragments = true};
	uint8_t frame[PACKET_MAX];
	struct sg_packet pkt;

	(void)state;
	packet_build(&packet, frame);
	packet_put16(frame + 18, 8);
	assert_int_equal(parse(frame, 14 + 40 + 8, &pkt), SG_PARSE_HIDDEN);
	frame[14 + 40 + 3] = 0; /* no more fragments: it is only broken */
	assert_int_equal(parse(frame, 14 + 40 + 8, &pkt), SG_PARSE_MALFORMED);
}

/* What lies behind the payload is padding of the frame, no fragment header. */
static void test_fragment_header_in_the_padding(void **state)
{
	struct packet packet = {V6, TCP, .extensions = fragment, .fragment_offset = 100};
	uint8_t frame[PACKET_MAX];
	size_t len = packet_build(&packet, frame);
	struct sg_packet pkt;

	(void)state;
	assert_int_equal(parse(frame, len, &pkt), SG_PARSE_FRAGMENT);
	packet_put16(frame + 18, 8); /* the hop-by-hop options alone */
	assert_int_equal(parse(frame, len, &pkt), SG_PARSE_MALFORMED);
}

static void test_other_ethertypes(void **state)
{
	struct packet packet = {V4, TCP};
	uint8_t frame[PACKET_MAX];
	size_t len = packet_build(&packet, frame);
	struct sg_packet pkt;

	(void)state;
	packet_put16(frame + 12, 0x0806);
	assert_int_equal(parse(frame, len, &pkt), SG_PARSE_NOT_TCP);
	packet_put16(frame + 12, 60); /* 802.3 length */
	assert_int_equal(parse(frame, len, &pkt), SG_PARSE_NOT_TCP);
}

/* Of what a closer look finds, a glance passes only what is not TCP, or is between other ports. */
static void test_glance(void **state)
{
	const __u64 web = sg_port_bit(sg_htons(80)), other = sg_port_bit(sg_htons(81));
	uint8_t frame[PACKET_MAX];
	struct sg_packet pkt;

	(void)state;
	for (size_t i = 0; i < CASES; i++) {
		const struct sg_cursor cur = {frame, frame,
					      frame + packet_build(&cases[i].packet, frame)};
		const enum sg_glance seen = sg_parse_glance(&cur, web);

		assert_int_not_equal(seen, SG_GLANCE_OTHER_TCP);
		if (seen == SG_GLANCE_NOT_TCP)
			assert_int_equal(parse(frame, (size_t)(cur.end - frame), &pkt),
					 SG_PARSE_NOT_TCP);
		assert_int_equal(sg_parse_glance(&cur, 0), SG_GLANCE_CLOSER);
	}
	for (int family = 4; family <= 6; family += 2) {
		const char *address = family == 4 ? "192.0.2.1" : "2001:db8::1";
		struct packet packet = {.family = family, .src = address, .dst = address, TCP};
		struct sg_cursor cur = {frame, frame, frame + packet_build(&packet, frame)};

		assert_int_equal(sg_parse_glance(&cur, web), SG_GLANCE_CLOSER);
		assert_int_equal(sg_parse_glance(&cur, other), SG_GLANCE_OTHER_TCP);
		packet.protocol = 17;
		packet_build(&packet, frame);
		assert_int_equal(sg_parse_glance(&cur, web), SG_GLANCE_NOT_TCP);
	}
}

/* Any bytes: nothing is read outside, and TCP means that every offset lies inside. */
static void test_random_bytes(void **state)
{
	uint8_t frame[PACKET_MAX];
	struct sg_packet pkt;
	uint64_t r = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t len = packet_build(&cases[round % CASES].packet, frame);

		for (int i = 0; i < 3; i++) {
			r = r * 6364136223846793005ull + 1442695040888963407ull;
			frame[12 + (r >> 40) % (len - 12)] = r >> 33;
		}
		if (parse(frame, len, &pkt) == SG_PARSE_TCP)
			assert_true(pkt.payload_off + pkt.payload_len <= len &&
				    pkt.l4_off + 20 <= pkt.payload_off);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_frames),
		cmocka_unit_test(test_every_truncation),
		cmocka_unit_test(test_lengths_that_contradict),
		cmocka_unit_test(test_tiny_fragments),
		cmocka_unit_test(test_chain_cut_by_a_fragment),
		cmocka_unit_test(test_fragment_header_in_the_padding),
		cmocka_unit_test(test_other_ethertypes),
		cmocka_unit_test(test_glance),
		cmocka_unit_test(test_random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
