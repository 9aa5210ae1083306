// SPDX-License-Identifier: GPL-2.0-only
/* What the program in the kernel does with frames: verdicts with their counters and entries, requests
 * and answers, and everything that it must leave alone. The frames it writes: test_written.c.
 */
#include "loaded.h"
#include "talk.h"
#include "../fixtures/request_lines.h"

static void test_admit(void **state)
{
	struct sg_conn conn;

	(void)state;
	fresh();
	assert_int_equal(syn(CLIENT_V4, 4000, 100), XDP_PASS);
	assert_true(conn_of(CLIENT_V4, 4000, &conn));
	assert_int_equal(conn.state, SG_CONN_SYN_SENT);
	assert_int_equal(conn.client.isn, 100);
	assert_int_equal(budget()->head, SG_PLACES + 1);
	assert_int_equal(budget()->slots_used, 1);
	assert_int_equal(stats().verdicts[SG_PRIORITY_BOOTSTRAP][SG_REASON_ADMITTED], 1);
	/* The same SYN again is no new attempt; another ISN is, once the first has ended. */
	assert_int_equal(syn(CLIENT_V4, 4000, 100), XDP_PASS);
	assert_int_equal(stats().counters[SG_COUNTER_SYN_RESENT], 1);
	assert_int_equal(budget()->head, SG_PLACES + 1);
	assert_int_equal(syn(CLIENT_V4, 4000, 101), XDP_DROP);
	assert_int_equal(down(4000, SG_TCP_RST | SG_TCP_ACK, 0, 101, ""), XDP_PASS);
	assert_int_equal(syn(CLIENT_V4, 4000, 101), XDP_PASS);
	assert_int_equal(budget()->head, SG_PLACES + 2);
	assert_int_equal(budget()->slots_used, 1);
}

static void assert_refused(enum sg_reason reason, __u64 before)
{
	struct sg_stats s = stats();
	__u64 n = 0;

	for (int i = 0; i < SG_PRIORITY_MAX_; i++)
		n += s.verdicts[i][reason];
	assert_int_equal(n, before + 1);
}

static void test_refused_by_window(void **state)
{
	struct sg_conn conn;

	(void)state;
	fresh();
	guard.svc.window.connections = 3;
	write_service();
	for (__u16 port = 1; port <= 3; port++)
		assert_int_equal(syn(CLIENT_V4, port, 9), XDP_PASS);
	assert_int_equal(syn(CLIENT_V4, 4, 9), XDP_DROP);
	assert_refused(SG_REASON_WINDOW, 0);
	assert_false(conn_of(CLIENT_V4, 4, &conn));
	assert_int_equal(conn_count(), 3);
}

static void test_refused_by_slots(void **state)
{
	(void)state;
	fresh();
	guard.svc.slots = 2;
	write_service();
	open_connection(1);
	open_connection(2);
	assert_int_equal(syn(CLIENT_V4, 3, 9), XDP_DROP);
	assert_refused(SG_REASON_SLOTS, 0);
	/* One ends: its slot is free, once. */
	assert_int_equal(down(1, SG_TCP_RST, 901, 101, ""), XDP_PASS);
	assert_int_equal(down(1, SG_TCP_RST, 901, 101, ""), XDP_PASS);
	assert_int_equal(budget()->slots_used, 1);
	assert_int_equal(syn(CLIENT_V4, 3, 9), XDP_PASS);
}

static void test_refused_by_source(void **state)
{
	(void)state;
	fresh();
	guard.live.source_default =
		(struct sg_source_limits){.interval_ticks = 100 * guard.hz, .burst = 3};
	write_live();
	for (__u16 port = 1; port <= 3; port++)
		assert_int_equal(syn(CLIENT_V4, port, 9), XDP_PASS);
	assert_int_equal(syn(CLIENT_V4, 4, 9), XDP_DROP);
	assert_refused(SG_REASON_SOURCE_RATE, 0);
	assert_int_equal(syn("198.51.100.8", 4, 9), XDP_PASS);
	fresh();
	guard.live.source_default = (struct sg_source_limits){.connections = 2};
	write_live();
	syn(CLIENT_V4, 1, 9);
	syn(CLIENT_V4, 2, 9);
	assert_int_equal(syn(CLIENT_V4, 3, 9), XDP_DROP);
	assert_refused(SG_REASON_SOURCE_CONNECTIONS, 0);
	assert_int_equal(syn("198.51.100.8", 4, 9), XDP_PASS);
}

static void policy(const char *prefix, __u32 bits, struct sg_policy value)
{
	struct sg_prefix_key key = {.prefixlen = 96 + bits};

	key.ip.w[2] = htonl(0xffff);
	inet_pton(AF_INET, prefix, &key.ip.w[3]);
	assert_int_equal(bpf_map_update_elem(map_fd(guard.skel->maps.sg_prefixes), &key, &value, 0),
			 0);
	guard.live.policies++;
	write_live();
}

static void test_policies(void **state)
{
	(void)state;
	fresh();
	guard.live.source_default =
		(struct sg_source_limits){.interval_ticks = 100 * guard.hz, .burst = 1};
	policy("203.0.113.0", 24, (struct sg_policy){.action = SG_POLICY_DENY});
	policy("198.51.100.8", 32, (struct sg_policy){.action = SG_POLICY_EXEMPT});
	assert_int_equal(syn("203.0.113.77", 1, 9), XDP_DROP);
	assert_refused(SG_REASON_DENIED, 0);
	for (__u16 port = 1; port < 10; port++)
		assert_int_equal(syn("198.51.100.8", port, 9), XDP_PASS);
	assert_int_equal(syn(CLIENT_V4, 1, 9), XDP_PASS);
	assert_int_equal(syn(CLIENT_V4, 2, 9), XDP_DROP);
}

static void test_deaf(void **state)
{
	(void)state;
	fresh();
	open_connection(1);
	guard.svc.deaf_unanswered = 3;
	guard.svc.deaf_within_ticks = 0;
	write_service();
	for (__u16 port = 2; port <= 4; port++)
		assert_int_equal(syn(CLIENT_V4, port, 9), XDP_PASS);
	assert_int_equal(syn(CLIENT_V4, 5, 9), XDP_DROP);
	assert_refused(SG_REASON_CA_DEAF, 0);
	assert_int_equal(syn(CLIENT_V4, 4, 9), XDP_DROP); /* nor resends */
	assert_int_equal(stats().counters[SG_COUNTER_SYN_RESENT_DEAF], 1);
	assert_int_equal(down(2, SG_TCP_SYN | SG_TCP_ACK, 900, 10, ""), XDP_PASS);
	assert_int_equal(budget()->deaf.since, 0);
	assert_int_equal(syn(CLIENT_V4, 5, 9), XDP_PASS);
}

/* The class the program finds, for every line of the list, in one segment and in two. */
static void test_request_classes(void **state)
{
	struct sg_conn conn;
	__u16 port = 1;

	(void)state;
	fresh();
	for (size_t i = 0; i < SG_REQUEST_LINES; i++) {
		const struct sg_request_line *row = &sg_request_lines[i];
		size_t cut[2] = {0, row->len / 2};

		if (row->len > 1400)
			continue;
		for (int k = 0; k < 2; k++, port++) {
			if (port % 400 == 0)
				fresh_budget();
			open_connection(port);
			if (cut[k])
				up(port, SG_TCP_ACK, 101, 901, row->bytes, cut[k]);
			up(port, SG_TCP_ACK, 101 + cut[k], 901, row->bytes + cut[k],
			   row->len - cut[k]);
			assert_true(conn_of(CLIENT_V4, port, &conn));
			if (conn.client.request_class != row->request_class)
				fail_msg("'%s' cut at %zu: class %d, expected %d", row->name,
					 cut[k], conn.client.request_class, row->request_class);
			up(port, SG_TCP_RST, 101 + row->len, 0, NULL, 0);
		}
	}
}

/* A segment behind a gap begins the second request, and none of it is read: that is no request yet. */
static void test_next_unread(void **state)
{
	const char line[] = "GET /scep?operation=GetCACaps HTTP/1.0\r\n\r\n";
	const __u32 len = sizeof(line) - 1;

	(void)state;
	fresh();
	open_connection(7);
	up(7, SG_TCP_ACK, 101, 901, line, len);
	down(7, SG_TCP_ACK, 901, 101 + len, "HTTP/1.1 200 OK\r\n\r\n");
	up(7, SG_TCP_ACK, 101 + len + 20, 920, line + 20, len - 20);
	down(7, SG_TCP_RST, 920, 0, "");
	assert_int_equal(stats().counters[SG_COUNTER_CLOSED], 1);
	assert_int_equal(stats().requests[SG_REQUEST_GETCACAPS], 1);
	assert_int_equal(stats().requests[SG_REQUEST_UNDECIDED], 0);
	assert_int_equal(stats().requests[SG_REQUEST_NONE], 0);
}

/* More than 1500 bytes, and the checksum only begun: nobody's, unless hosts join in front of the program. */
static void test_joined(void **state)
{
	static const char line[] = "GET /scep?operation=GetCACaps HTTP/1.0\r\nX: ";
	static const __u32 above[] = {0, 1500, 9000};
	char bytes[1600];

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, line, sizeof(line) - 1);
	fresh();
	for (__u16 i = 0; i < 3; i++) {
		const struct packet p = {TO_CA,
					 .sport = 20 + i,
					 .seq = 101,
					 .ack = 901,
					 .flags = SG_TCP_ACK,
					 .partial = true,
					 .payload = bytes,
					 .payload_len = sizeof(bytes)};
		struct sg_conn conn;

		guard.live.joined_above = above[i];
		write_live();
		open_connection(p.sport);
		assert_int_equal(run_packet(&p, false, NULL), XDP_PASS);
		assert_true(conn_of(CLIENT_V4, p.sport, &conn));
		assert_int_equal(conn.client.line_done, i == 1);
	}
}

#define NEXT "GET /scep?operation=GetNextCACert HTTP/1.0\r\n\r\n"

static void test_answers(void **state)
{
	struct sg_conn conn;
	size_t len = strlen(NEXT);

	(void)state;
	fresh();
	open_connection(7);
	up(7, SG_TCP_ACK, 101, 901, NEXT, len);
	assert_int_equal(stats().requests[SG_REQUEST_GETNEXTCACERT], 1);
	down(7, SG_TCP_ACK, 901, 101 + len, "HTTP/1.1 404 Not Found\r\n\r\n");
	assert_true(conn_of(CLIENT_V4, 7, &conn));
	assert_int_equal(conn.ca.status, 404);
	assert_int_equal(stats().answers[SG_REQUEST_GETNEXTCACERT][4], 1);
	down(7, SG_TCP_FIN | SG_TCP_ACK, 927, 101 + len, "");
	up(7, SG_TCP_FIN | SG_TCP_ACK, 101 + len, 928, NULL, 0);
	assert_true(conn_of(CLIENT_V4, 7, &conn));
	assert_int_equal(conn.state, SG_CONN_CLOSED);
	assert_int_equal(budget()->slots_used, 0);
	assert_int_equal(budget()->actual.open, 0);
	assert_int_equal(budget()->actual.worst, 1);
}

/* Whoever is not where the CA is changes nothing, whatever it says. */
static void test_forged_changes_nothing(void **state)
{
	static const __u8 flags[] = {SG_TCP_SYN | SG_TCP_ACK, SG_TCP_RST, SG_TCP_RST | SG_TCP_ACK,
				     SG_TCP_ACK, SG_TCP_FIN | SG_TCP_ACK};
	struct sg_conn before, after;
	static struct sg_budget book;
	bool same;

	(void)state;
	fresh();
	assert_int_equal(syn(CLIENT_V4, 5, 100), XDP_PASS);
	open_connection(6);
	book = *budget();
	for (__u16 port = 5; port <= 7; port++) {
		bool known = conn_of(CLIENT_V4, port, &before);

		for (size_t i = 0; i < sizeof(flags); i++) {
			struct packet p = {FROM_CA,
					   .dport = port,
					   .seq = 901,
					   .ack = 101,
					   .flags = flags[i],
					   .payload = "HTTP/1.1 200 OK\r\n",
					   .payload_len = flags[i] == SG_TCP_ACK ? 17 : 0};

			assert_int_equal(run_packet(&p, false, &same), XDP_PASS);
			assert_true(same);
		}
		assert_int_equal(conn_of(CLIENT_V4, port, &after), known);
		if (known)
			assert_memory_equal(&before, &after, sizeof(before));
	}
	assert_memory_equal(&book, budget(), sizeof(book));
	assert_int_equal(stats().counters[SG_COUNTER_FORGED], 3 * sizeof(flags));
}

/* Random frames, half of them near to what concerns the guard. */
static size_t random_frame(uint8_t *frame, uint64_t *r)
{
	static const uint8_t chain[] = {SG_IPPROTO_HOPOPTS, SG_IPPROTO_FRAGMENT, 0xff};
	struct packet p = {.family = *r >> 20 & 1 ? 4 : 6,
			   .flags = *r >> 33,
			   .seq = *r >> 10,
			   .ack = *r >> 12,
			   .payload = NEXT,
			   .payload_len = (*r >> 40) % 46,
			   .vlan_tags = (*r >> 46) % 5,
			   .tcp_options = (*r >> 50) % 10 * 4,
			   .padding = (*r >> 55) % 7};
	bool up = *r >> 21 & 1;
	size_t len;

	p.src = p.family == 4 ? (up ? CLIENT_V4 : CA_V4) : (up ? CLIENT_V6 : CA_V6);
	p.dst = p.family == 4 ? (up ? CA_V4 : CLIENT_V4) : (up ? CA_V6 : CLIENT_V6);
	p.sport = up ? 1000 + (*r >> 25) % 50 : 80;
	p.dport = up ? 80 : 1000 + (*r >> 25) % 50;
	p.extensions = p.family == 6 && *r >> 22 & 1 ? chain : NULL;
	p.more_fragments = (*r >> 58) % 8 == 0;
	p.fragment_offset = (*r >> 61) == 0 ? 1 : 0;
	len = packet_build(&p, frame);
	for (int i = 0; i < (int)(*r % 3); i++) {
		*r = *r * 6364136223846793005ull + 1442695040888963407ull;
		frame[(*r >> 40) % len] = *r >> 33;
	}
	return len;
}

static void test_observe_touches_nothing(void **state)
{
	static uint8_t frame[PACKET_MAX];
	uint64_t r = 42;

	(void)state;
	fresh();
	assert_int_equal(fresh_sized(1024, SG_MODE_OBSERVE), 0);
	guard.svc.window.connections = 5;
	guard.svc.slots = 3;
	guard.svc.refuse_reset = 1;
	write_service();
	for (int i = 0; i < 100000; i++) {
		size_t len;

		r = r * 6364136223846793005ull + 1442695040888963407ull;
		len = random_frame(frame, &r);
		if (run_frame(frame, len, r >> 50 & 1 ? guard.client_if : guard.ca_if) !=
			    XDP_PASS ||
		    guard.out_len != len || memcmp(frame, guard.out, len))
			fail_msg("frame %d was touched in observe", i);
	}
	/* It saw them: attempts were judged. */
	assert_true(stats().would[SG_PRIORITY_BOOTSTRAP][SG_REASON_WINDOW] > 0 ||
		    stats().would[SG_PRIORITY_BOOTSTRAP][SG_REASON_SLOTS] > 0);
}

/* Police: all that is not to or from an endpoint, and everything of the service but SYNs. */
static void test_police_leaves_others_alone(void **state)
{
	static uint8_t frame[PACKET_MAX];
	uint64_t r = 7;
	__u32 action;

	(void)state;
	fresh();
	for (int i = 0; i < 20000; i++) {
		struct packet p = {TO_CA, .sport = i, .flags = SG_TCP_SYN};
		size_t len;

		r = r * 6364136223846793005ull + 1442695040888963407ull;
		p.dport = 81 + r % 60000;
		p.src = r >> 40 & 1 ? CLIENT_V4 : "203.0.113.5";
		p.protocol = r >> 41 & 1 ? 17 : 0;
		if (p.protocol)
			p.dport = 80;
		len = packet_build(&p, frame);
		action = run_frame(frame, len, guard.client_if);
		if (action != XDP_PASS || memcmp(frame, guard.out, len))
			fail_msg("frame %d was touched", i);
	}
	assert_int_equal(conn_count(), 0);
}

/* Nobody deletes entries but the program itself: the table stays within its size and new connections
 * are tracked, whether the old ones ended or not.
 */
static void test_table_heals_without_a_daemon(void **state)
{
	struct sg_conn conn;

	(void)state;
	fresh();
	assert_int_equal(fresh_sized(64, SG_MODE_POLICE), 0);
	guard.svc.window.connections = 0;
	write_service();
	for (__u32 i = 1; i <= 3000; i++) {
		assert_int_equal(syn(CLIENT_V4, i, i), XDP_PASS);
		if (i % 3)
			up(i, SG_TCP_RST, i + 1, 0, NULL, 0);
		assert_true(conn_of(CLIENT_V4, i, &conn));
		assert_true(conn_count() <= 64);
	}
	assert_int_equal(stats().counters[SG_COUNTER_CONN_MAP_FULL], 0);
	/* Those that were forgotten gave their slots back. */
	assert_true(budget()->slots_used <= 64);
}

/* A timed trial ends by itself. */
static void test_trial_ends(void **state)
{
	(void)state;
	fresh();
	guard.svc.window.connections = 1;
	write_service();
	guard.live.mode_word =
		SG_MODE_WORD(SG_MODE_POLICE, SG_MODE_OBSERVE, guard_clock() + guard.hz / 4);
	write_live();
	syn(CLIENT_V4, 1, 1);
	assert_int_equal(syn(CLIENT_V4, 2, 1), XDP_DROP);
	usleep(300000);
	assert_int_equal(syn(CLIENT_V4, 2, 1), XDP_PASS);
}

/* The daemon takes from the same budget. */
static void test_take(void **state)
{
	struct sg_take_call call = {.priority = SG_PRIORITY_ENROLMENT};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &call, .ctx_size_in = sizeof(call));
	int fd;

	(void)state;
	fresh();
	fd = bpf_program__fd(guard.skel->progs.sg_take);
	guard.svc.window.connections = 1;
	write_service();
	call.key.client = sg_ip_from_v4(inet_addr("192.0.2.250"));
	assert_int_equal(bpf_prog_test_run_opts(fd, &opts), 0);
	assert_int_equal(call.reason, SG_REASON_ADMITTED);
	assert_int_not_equal(call.generation, 0);
	assert_int_equal(bpf_prog_test_run_opts(fd, &opts), 0);
	assert_int_equal(call.reason, SG_REASON_WINDOW);
	assert_int_equal(call.generation, 0);
	assert_int_equal(syn(CLIENT_V4, 1, 1), XDP_DROP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_admit),
		cmocka_unit_test(test_refused_by_window),
		cmocka_unit_test(test_refused_by_slots),
		cmocka_unit_test(test_refused_by_source),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_deaf),
		cmocka_unit_test(test_request_classes),
		cmocka_unit_test(test_next_unread),
		cmocka_unit_test(test_joined),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_forged_changes_nothing),
		cmocka_unit_test(test_observe_touches_nothing),
		cmocka_unit_test(test_police_leaves_others_alone),
		cmocka_unit_test(test_table_heals_without_a_daemon),
		cmocka_unit_test(test_trial_ends),
		cmocka_unit_test(test_take),
	};

	return cmocka_run_group_tests(tests, once, end);
}
