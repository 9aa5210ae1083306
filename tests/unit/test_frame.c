// SPDX-License-Identifier: GPL-2.0-only
/* RST frames the daemon injects: parsed back by the program's own parser, checksums verified by a sum
 * written here, and believed by the program's own connection code.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../../bpf/core/tcp_conn.h"
#include "../../userspace/daemon/reaper.h"

#define CLIENT_ISN 0xfffffff0u /* sequence numbers wrap within the request */
#define CA_ISN     0x7ffffffeu

/* RFC 1071 over bytes of any number, as far from frame.c's way as can be: 0xffff is "correct". */
static __u16 ones_sum(const __u8 *bytes, size_t len, __u64 sum)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? bytes[i] : (__u64)bytes[i] * 256;
	return sum % 65535 ? sum % 65535 : 65535;
}

static __u64 pseudo_sum(const __u8 *addresses, size_t len, size_t tcp_len)
{
	return ones_sum(addresses, len, 6 + tcp_len);
}

static struct sg_ip ipv4(__u8 last)
{
	struct sg_ip ip = {{0, 0, sg_htonl(0xffff), 0}};
	__u8 bytes[4] = {192, 0, 2, last};

	memcpy(&ip.w[3], bytes, 4);
	return ip;
}

static struct sg_ip ipv6(__u8 last)
{
	struct sg_ip ip = {{sg_htonl(0x20010db8), sg_htonl(0xdeadbeef), 0xffffffff, 0}};

	ip.w[3] = sg_htonl(0xfffe0000u | last);
	return ip;
}

static struct sg_path path_of(__u32 tags)
{
	static const __u8 mac[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
	static const __u16 tpid[SG_VLAN_MAX] = {0x88a8, 0x8100, 0x8100, 0x8100};
	struct sg_path path = {.vlan_tags = tags, .ifindex = 3};

	memcpy(path.mac, mac, sizeof(mac));
	for (__u32 i = 0; i < tags; i++)
		path.vlan[i] = sg_htonl((__u32)tpid[i] << 16 | (100 + i));
	return path;
}

/* The IP header stands at a multiple of four, as in a driver's buffer. */
static void parse(const __u8 *frame, size_t len, struct sg_packet *pkt)
{
	__u8 buffer[2 + SG_FRAME_RST_MAX] __attribute__((aligned(4)));
	struct sg_cursor cur = {buffer + 2, buffer + 2, buffer + 2 + len};

	memcpy(buffer + 2, frame, len);
	memset(pkt, 0, sizeof(*pkt));
	assert_int_equal(sg_parse_frame(&cur, pkt), SG_PARSE_TCP);
}

static void check_sums(const __u8 *frame, size_t len, const struct sg_packet *pkt)
{
	size_t address_at = pkt->family == 4 ? 12 : 8, address_len = pkt->family == 4 ? 8 : 32;
	const __u8 *l3 = frame + pkt->l3_off, *l4 = frame + pkt->l4_off;
	size_t tcp_len = len - pkt->l4_off;

	assert_int_equal(tcp_len, 20);
	if (pkt->family == 4)
		assert_int_equal(ones_sum(l3, 20, 0), 65535);
	assert_int_equal(ones_sum(l4, tcp_len, pseudo_sum(l3 + address_at, address_len, tcp_len)),
			 65535);
}

static void test_every_family_and_tag(void **state)
{
	(void)state;
	for (__u32 tags = 0; tags <= SG_VLAN_MAX; tags++) {
		for (__u8 family = 4; family <= 6; family += 2) {
			struct sg_path path = path_of(tags);
			struct sg_frame_rst_spec spec = {
				.path = &path,
				.family = family,
				.src = family == 4 ? ipv4(1) : ipv6(1),
				.dst = family == 4 ? ipv4(200) : ipv6(200),
				.sport = sg_htons(54321),
				.dport = sg_htons(80),
				.seq = 0xfffffffe,
			};
			__u8 frame[SG_FRAME_RST_MAX];
			size_t len = sg_frame_rst_build(&spec, frame);
			struct sg_packet pkt;

			assert_int_equal(len, 14 + 4 * tags + (family == 4 ? 20 : 40) + 20);
			parse(frame, len, &pkt);
			assert_int_equal(pkt.vlan_tags, tags);
			assert_memory_equal(frame, path.mac, 12);
			assert_memory_equal(frame + 12, path.vlan, 4 * tags);
			assert_memory_equal(&pkt.src, &spec.src, sizeof(spec.src));
			assert_memory_equal(&pkt.dst, &spec.dst, sizeof(spec.dst));
			assert_int_equal(pkt.seq, 0xfffffffe);
			assert_int_equal(pkt.tcp_flags, SG_TCP_RST);
			assert_int_equal(pkt.payload_len, 0);
			check_sums(frame, len, &pkt);
		}
	}
}

static void test_unusable_paths(void **state)
{
	struct sg_path path = path_of(0);
	struct sg_frame_rst_spec spec = {.path = &path, .family = 4};
	__u8 frame[SG_FRAME_RST_MAX];

	(void)state;
	assert_int_not_equal(sg_frame_rst_build(&spec, frame), 0);
	path.ifindex = 0;
	assert_int_equal(sg_frame_rst_build(&spec, frame), 0);
	path = path_of(0);
	path.vlan_tags = SG_VLAN_MAX + 1;
	assert_int_equal(sg_frame_rst_build(&spec, frame), 0);
	path = path_of(0);
	spec.family = 5;
	assert_int_equal(sg_frame_rst_build(&spec, frame), 0);
}

/* ---- Ending a connection: is each frame what its receiver and the program believe? ---- */

struct talk {
	struct sg_conn conn;
	struct sg_conn_key key;
	struct sg_endpoint endpoint;
	struct sg_reaper_frames frames;
};

static void client_says(struct talk *t, __u32 seq, __u32 ack, __u8 flags, __u16 len)
{
	struct sg_packet pkt = {
		.family = 4, .seq = seq, .ack = ack, .tcp_flags = flags, .payload_len = len};

	sg_conn_from_client(&t->conn, &pkt, false, 100);
}

static void ca_says(struct talk *t, __u32 seq, __u32 ack, __u8 flags, __u16 len)
{
	struct sg_packet pkt = {
		.family = 4, .seq = seq, .ack = ack, .tcp_flags = flags, .payload_len = len};

	sg_conn_from_ca(&t->conn, &pkt, 100);
}

static void begin(struct talk *t)
{
	struct sg_packet syn = {.family = 4, .seq = CLIENT_ISN, .tcp_flags = SG_TCP_SYN};

	memset(t, 0, sizeof(*t));
	t->key.client = ipv4(1);
	t->key.client_port = sg_htons(40000);
	t->endpoint.ip = ipv4(200);
	t->endpoint.port = sg_htons(80);
	sg_conn_open(&t->conn, &syn, 1);
	t->conn.client.path = path_of(1);
	t->conn.ca.path = path_of(0);
}

static void establish(struct talk *t)
{
	begin(t);
	ca_says(t, CA_ISN, CLIENT_ISN + 1, SG_TCP_SYN | SG_TCP_ACK, 0);
	client_says(t, CLIENT_ISN + 1, CA_ISN + 1, SG_TCP_ACK, 0);
	assert_int_equal(t->conn.state, SG_CONN_ESTABLISHED);
}

static void test_idle_connection_ends_on_both_sides(void **state)
{
	struct talk t;
	struct sg_packet pkt;

	(void)state;
	establish(&t);
	client_says(&t, CLIENT_ISN + 1, CA_ISN + 1, SG_TCP_ACK, 100);
	ca_says(&t, CA_ISN + 1, CLIENT_ISN + 101, SG_TCP_ACK, 50);
	client_says(&t, CLIENT_ISN + 101, CA_ISN + 51, SG_TCP_ACK, 0);
	sg_reaper_build(&t.key, &t.conn, &t.endpoint, &t.frames);

	parse(t.frames.to_ca, t.frames.to_ca_len, &pkt);
	assert_int_equal(pkt.seq, CLIENT_ISN + 101);
	assert_int_equal(pkt.vlan_tags, 1);
	assert_memory_equal(&pkt.src, &t.key.client, sizeof(pkt.src));
	assert_true(sg_conn_from_client(&t.conn, &pkt, false, 200) & SG_EFFECT_ABANDONED);

	parse(t.frames.to_client, t.frames.to_client_len, &pkt);
	assert_int_equal(pkt.seq, CA_ISN + 51);
	assert_int_equal(pkt.vlan_tags, 0);
	assert_memory_equal(&pkt.dst, &t.key.client, sizeof(pkt.dst));
	assert_true(sg_conn_from_ca(&t.conn, &pkt, 200) & SG_EFFECT_ENDED);
}

/* The client has sent what the CA never got: the CA expects the first byte it lacks. */
static void test_lost_request(void **state)
{
	struct talk t;
	struct sg_packet pkt;

	(void)state;
	establish(&t);
	client_says(&t, CLIENT_ISN + 1, CA_ISN + 1, SG_TCP_ACK, 100);
	sg_reaper_build(&t.key, &t.conn, &t.endpoint, &t.frames);
	parse(t.frames.to_ca, t.frames.to_ca_len, &pkt);
	assert_int_equal(pkt.seq, CLIENT_ISN + 1);
	assert_true(sg_conn_from_client(&t.conn, &pkt, false, 200) & SG_EFFECT_ABANDONED);
}

/* Unanswered, or half open: the CA's slot is freed, the client goes on resending its SYN. */
static void test_half_open(void **state)
{
	struct talk t;
	struct sg_packet pkt;

	(void)state;
	begin(&t);
	memset(&t.conn.ca.path, 0, sizeof(t.conn.ca.path));
	sg_reaper_build(&t.key, &t.conn, &t.endpoint, &t.frames);
	assert_int_equal(t.frames.to_client_len, 0);
	parse(t.frames.to_ca, t.frames.to_ca_len, &pkt);
	assert_int_equal(pkt.seq, CLIENT_ISN + 1);
	assert_true(sg_conn_from_client(&t.conn, &pkt, false, 200) & SG_EFFECT_ABANDONED);

	ca_says(&t, CA_ISN, CLIENT_ISN + 1, SG_TCP_SYN | SG_TCP_ACK, 0);
	t.conn.ca.path = path_of(0);
	sg_reaper_build(&t.key, &t.conn, &t.endpoint, &t.frames);
	assert_int_equal(t.frames.to_client_len, 0);
	parse(t.frames.to_ca, t.frames.to_ca_len, &pkt);
	assert_int_equal(pkt.seq, CLIENT_ISN + 1);
}

/* Adopted from the CA's side: no frame of the client was seen, so there is no way to speak as it. */
static void test_unknown_path(void **state)
{
	struct talk t;

	(void)state;
	establish(&t);
	memset(&t.conn.client.path, 0, sizeof(t.conn.client.path));
	sg_reaper_build(&t.key, &t.conn, &t.endpoint, &t.frames);
	assert_int_equal(t.frames.to_ca_len, 0);
	assert_int_not_equal(t.frames.to_client_len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_family_and_tag),
		cmocka_unit_test(test_unusable_paths),
		cmocka_unit_test(test_idle_connection_ends_on_both_sides),
		cmocka_unit_test(test_lost_request),
		cmocka_unit_test(test_half_open),
		cmocka_unit_test(test_unknown_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
