/* SPDX-License-Identifier: GPL-2.0-only */
/* The loaded program in intercept, on a clock that the test sets; clients and a CA that speak through it in
 * frames of wire.h. Whatever comes out is compared with a frame that the test builds itself.
 */
#ifndef SG_TEST_INTERCEPT_H
#define SG_TEST_INTERCEPT_H

#include "clocked.h"
#include "wire.h"

#define HZ          250
#define SLOT        (32ull * HZ) /* ticks of a cookie's time slot */
#define BEGIN_SLOT  1000u
#define BEGIN_TICKS (BEGIN_SLOT * SLOT)
#define GUARD_MSS   1360

#define NOT_FOUND   "HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
#define FORBIDDEN   "HTTP/1.0 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
#define COME_BACK                                                                      \
	"HTTP/1.0 503 Service Unavailable\r\nRetry-After: 30\r\nContent-Length: 0\r\n" \
	"Connection: close\r\n\r\n"

#define REQUEST(target) "GET " target " HTTP/1.1\r\nHost: ca\r\n\r\n"
#define GETCACERT       REQUEST("/cgi-bin/pkiclient.exe?operation=GetCACert&message=ca")
#define QUESTION        REQUEST("/cgi-bin/pkiclient.exe?operation=GetNextCACert&message=ca")
#define OTHER_QUESTION  REQUEST("/cgi-bin/pkiclient.exe?operation=GetNextCACert&message=other")

static const struct wire_net nets[] = {
	{"IPv4", 4, 0, CLIENT_V4, CA_V4},
	{"IPv6", 6, 0, CLIENT_V6, CA_V6},
	{"IPv4, tagged", 4, 1, CLIENT_V4, CA_V4},
	{"IPv6, two tags", 6, 2, CLIENT_V6, CA_V6},
};
#define NETS (sizeof(nets) / sizeof(nets[0]))

static const struct wire_net *net;
static struct sg_stats counted_before;

/* A client's connection, and what the CA's side of it is. */
struct talk {
	uint16_t port;
	uint32_t isn, cookie, ca_isn;
	uint32_t seq; /* next byte of the client */
	uint32_t ack; /* next byte of the CA, as the client counts */
};

/* ---- what the program tells ---- */

static struct ring_buffer *ring;
static struct {
	__u32 kinds[SG_EVENT_MAX_];
	struct sg_event last[SG_EVENT_MAX_];
} told;

static inline int on_event(void *ctx, void *record, size_t len)
{
	const struct sg_event *ev = record;

	(void)ctx;
	if (len < sizeof(*ev) || ev->kind >= SG_EVENT_MAX_)
		return 0;
	told.kinds[ev->kind]++;
	told.last[ev->kind] = *ev;
	return 0;
}

/* How many records of this kind since one asked last; the last of them is told.last[kind]. */
static inline __u32 told_of(enum sg_event_kind kind)
{
	__u32 n;

	assert_true(ring_buffer__consume(ring) >= 0);
	n = told.kinds[kind];
	told.kinds[kind] = 0;
	return n;
}

static inline int end_intercept(void **state)
{
	ring_buffer__free(ring);
	ring = NULL;
	return end(state);
}

/* ---- the guard ---- */

static inline void write_edge(__u32 kind, __u16 status, const char *text)
{
	struct sg_edge_answer edge = {.status = status, .len = (__u16)strlen(text)};
	__u32 index = kind, sum = 0;
	__u16 word;

	memcpy(edge.bytes, text, edge.len);
	for (__u32 i = 0; i < edge.len; i += 2) {
		memcpy(&word, edge.bytes + i, 2);
		sum += word;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	edge.sum = sum;
	assert_int_equal(bpf_map_update_elem(map_fd(guard.skel->maps.sg_edges), &index, &edge, 0),
			 0);
}

static inline void zero_array(struct bpf_map *map)
{
	void *zeros = calloc(1, bpf_map__value_size(map));

	assert_non_null(zeros);
	for (__u32 i = 0; i < bpf_map__max_entries(map); i++)
		assert_int_equal(bpf_map_update_elem(map_fd(map), &i, zeros, 0), 0);
	free(zeros);
}

static inline void set_service(void)
{
	default_service();
	guard.svc.mss = GUARD_MSS;
	guard.svc.answer_ttl_ticks = 30 * HZ;
	guard.svc.hold_ticks = 15 * HZ;
	write_service();
}

/* Nothing is known; in intercept for long. */
static inline void fresh_intercept(void)
{
	static const __u64 keys[2][2] = {{0x1122334455667788ull, 0x99aabbccddeeff00ull},
					 {0x0f1e2d3c4b5a6978ull, 0x8796a5b4c3d2e1f0ull}};

	if (!prepared)
		skip();
	if (!guard.skel) {
		guard.hz = HZ;
		guard.test_clock = true;
		guard.frames = 16;
		assert_int_equal(fresh_sized(64, SG_MODE_INTERCEPT), 0);
		ring = ring_buffer__new(map_fd(guard.skel->maps.sg_events), on_event, NULL, NULL);
		assert_non_null(ring);
	}
	clock_set(BEGIN_TICKS);
	empty_tables();
	empty_hash(guard.skel->maps.sg_waiting);
	zero_array(guard.skel->maps.sg_frames);
	zero_array(guard.skel->maps.sg_held_by);
	zero_array(guard.skel->maps.sg_questions);
	zero_array(guard.skel->maps.sg_intercepts);
	zero_array(guard.skel->maps.sg_edges);
	zero_array(guard.skel->maps.sg_open_conns);
	fresh_budget_at(BEGIN_TICKS, 0);
	memcpy(guard.live.cookie_key, keys, sizeof(keys));
	guard.live.hash_key[0] = 0x5851f42d4c957f2dull;
	guard.live.hash_key[1] = 0x14057b7ef767814full;
	guard.live.intercept_since = 1;
	guard.live.police_since = 1;
	guard.live.heartbeat = BEGIN_TICKS;
	guard.live.policies = 0;
	guard.live.source_default = (struct sg_source_limits){};
	set_mode(SG_MODE_INTERCEPT);
	set_service();
	write_edge(SG_EDGE_404, 404, NOT_FOUND);
	write_edge(SG_EDGE_403, 403, FORBIDDEN);
	write_edge(SG_EDGE_BUSY, 503, COME_BACK);
	net = &nets[0];
	counted_before = stats();
	ring_buffer__consume(ring);
	memset(&told, 0, sizeof(told));
}

/* How often it was counted since the last time one asked. */
static inline __u64 counted(enum sg_counter counter)
{
	struct sg_stats now = stats();
	__u64 n = now.counters[counter] - counted_before.counters[counter];

	counted_before.counters[counter] = now.counters[counter];
	return n;
}

static inline bool entry_of(const struct talk *t, struct sg_conn *out)
{
	struct sg_conn_key key = {.client_port = htons(t->port),
				  .endpoint = net->family == 4 ? 1 : 3};

	if (net->family == 6) {
		inet_pton(AF_INET6, net->client, &key.client);
	} else {
		key.client.w[2] = htonl(0xffff);
		inet_pton(AF_INET, net->client, &key.client.w[3]);
	}
	return !bpf_map_lookup_elem(map_fd(guard.skel->maps.sg_conns), &key, out);
}

static inline struct sg_frame frame_at(__u32 index)
{
	struct sg_frame frame;

	assert_int_equal(bpf_map_lookup_elem(map_fd(guard.skel->maps.sg_frames), &index, &frame),
			 0);
	return frame;
}

/* Slots of sg_frames in this state; *last is one of them. */
static inline __u32 frames_in(__u32 state, __u32 *last)
{
	__u32 n = 0;

	for (__u32 i = 0; i < guard.frames + SG_LEASES; i++) {
		struct sg_frame frame = frame_at(i);

		if (!frame.ticket || frame.state != state)
			continue;
		n++;
		if (last)
			*last = i;
	}
	return n;
}

static inline struct sg_intercept intercept_now(void)
{
	struct sg_intercept ic;
	__u32 zero = 0;

	assert_int_equal(bpf_map_lookup_elem(map_fd(guard.skel->maps.sg_intercepts), &zero, &ic),
			 0);
	return ic;
}

/* The daemon looks who is next. */
static inline void turnkeeper_lives(void)
{
	struct sg_intercept ic = intercept_now();
	__u32 zero = 0;

	ic.turnkeeper = clock_now();
	assert_int_equal(bpf_map_update_elem(map_fd(guard.skel->maps.sg_intercepts), &zero, &ic, 0),
			 0);
}

/* ---- packets, and what becomes of them ---- */

static inline __u32 run_seg(const struct seg *s)
{
	uint8_t frame[WIRE_MAX];
	size_t len = wire_build(net, s, frame);

	return run_frame(frame, len, s->from_ca ? guard.ca_if : guard.client_if);
}

static inline void print_hex(const char *what, const uint8_t *bytes, size_t len)
{
	print_error("%s (%zu bytes): ", what, len);
	for (size_t i = 0; i < len; i++)
		print_error("%02x", bytes[i]);
	print_error("\n");
}

static inline void expect_action(__u32 action, __u32 found, int line)
{
	static const char *const names[] = {"ABORTED", "DROP", "PASS", "TX", "REDIRECT"};

	if (action != found)
		fail_msg("line %d, %s: expected %s, found %s", line, net->name, names[action],
			 found < 5 ? names[found] : "?");
}

/* The frame that left is this one. A RST keeps the length of the frame it was: only its IP packet counts. */
static inline void expect_frame(const struct seg *s, size_t frame_len, int line)
{
	uint8_t frame[WIRE_MAX];
	size_t len = wire_build(net, s, frame);
	bool same = guard.out_len >= len && !memcmp(frame, guard.out, len);

	if (same && guard.out_len == (s->flags & WIRE_RST ? frame_len : len))
		return;
	print_hex("expected", frame, len);
	print_hex("found   ", guard.out, guard.out_len);
	fail_msg("line %d, %s: another frame left", line, net->name);
}

static inline void expect_seg(const struct seg *s, __u32 action, const struct seg *out, int line)
{
	uint8_t frame[WIRE_MAX];

	expect_action(action, run_seg(s), line);
	if (out)
		expect_frame(out, wire_build(net, s, frame), line);
}

/* Initialisers of a segment as it is. */
#define SEG(...)           (&(const struct seg){__VA_ARGS__})
#define DROPS(s)           expect_seg(s, XDP_DROP, NULL, __LINE__)
#define PASSES(s)          expect_seg(s, XDP_PASS, s, __LINE__)
#define PASSES_AS(s, as)   expect_seg(s, XDP_PASS, as, __LINE__)
#define SENT_BACK(s, back) expect_seg(s, XDP_TX, back, __LINE__)

/* From the client of a talk; from its CA: numbers are offsets in either's stream, `ack` too. */
#define CLIENT(t, offset, acked, bits, ...)                                                  \
	.port = (t)->port, .seq = (t)->isn + 1 + (offset), .ack = (t)->cookie + 1 + (acked), \
	.flags = (bits), ##__VA_ARGS__
#define CA(t, offset, acked, bits, ...)                                        \
	.from_ca = true, .port = (t)->port, .seq = (t)->ca_isn + 1 + (offset), \
	.ack = (t)->isn + 1 + (acked), .flags = (bits), ##__VA_ARGS__
/* The same as the other side is to see it. */
#define AT_CA(t, offset, acked, bits, ...)                                                   \
	.port = (t)->port, .seq = (t)->isn + 1 + (offset), .ack = (t)->ca_isn + 1 + (acked), \
	.flags = (bits), ##__VA_ARGS__
#define AT_CLIENT(t, offset, acked, bits, ...)                                 \
	.from_ca = true, .port = (t)->port, .seq = (t)->cookie + 1 + (offset), \
	.ack = (t)->isn + 1 + (acked), .flags = (bits), ##__VA_ARGS__
/* Of the guard itself. */
#define MADE      .hops = WIRE_OWN_HOPS, .turned = true
#define BYTES(b)  .bytes = (b), .len = sizeof(b) - 1
#define RESET_(n) .flags = WIRE_RST, .seq = (n), .no_window = true, .reset = true

/* ---- what nearly every test begins with ---- */

static inline unsigned int mss_index(unsigned int mss)
{
	return mss >= 1440 ? 3 : mss >= 1360 ? 2 : mss >= 1220 ? 1 : 0;
}

static inline uint32_t slot_now(void)
{
	return (uint32_t)(clock_now() / SLOT);
}

/* A handshake with the guard: the cookie is as it is described. */
static inline void shake_hands(struct talk *t, uint16_t mss, int line)
{
	t->cookie = wire_cookie(net, (const uint64_t(*)[2])guard.live.cookie_key, t->port, t->isn,
				slot_now(), mss_index(mss));
	expect_seg(SEG(.port = t->port, .seq = t->isn, .flags = WIRE_SYN, .mss = mss, .nops = 8),
		   XDP_TX,
		   SEG(.from_ca = true, .port = t->port, .seq = t->cookie, .ack = t->isn + 1,
		       .flags = WIRE_SYN | WIRE_ACK, .window = 536, .mss = GUARD_MSS, MADE),
		   line);
}

/* The first segment becomes the SYN to the CA. */
static inline void first_segment(const struct talk *t, const void *bytes, size_t len, int line)
{
	expect_seg(SEG(CLIENT(t, 0, 0, WIRE_PSH | WIRE_ACK, .bytes = bytes, .len = len,
			      .window = 4321)),
		   XDP_PASS,
		   SEG(.port = t->port, .seq = t->isn, .flags = WIRE_SYN, .hops = WIRE_OWN_HOPS,
		       .window = 4321, .mss = len < 4 ? 0 : GUARD_MSS),
		   line);
}

/* The CA's SYN-ACK becomes the end of the handshake, with the first segment. */
static inline void ca_joins(const struct talk *t, const void *bytes, size_t len, int line)
{
	expect_seg(
		SEG(.from_ca = true, .port = t->port, .seq = t->ca_isn, .ack = t->isn + 1,
		    .flags = WIRE_SYN | WIRE_ACK, .mss = 1460, .window = 5840),
		XDP_TX,
		SEG(AT_CA(t, 0, 0, WIRE_PSH | WIRE_ACK, .bytes = bytes, .len = len, .window = 4321),
		    MADE),
		line);
}

#define SHAKE_HANDS(t) shake_hands(t, 1460, __LINE__)
#define ASK(t, bytes)  first_segment(t, bytes, sizeof(bytes) - 1, __LINE__)
#define JOIN(t, bytes) ca_joins(t, bytes, sizeof(bytes) - 1, __LINE__)
#define SPLICE(t, bytes)        \
	do {                    \
		SHAKE_HANDS(t); \
		ASK(t, bytes);  \
		JOIN(t, bytes); \
	} while (0)

#define ASKED    (sizeof(GETCACERT) - 1)
#define ANSWER   "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n12345"
#define ANSWERED (sizeof(ANSWER) - 1)

static inline struct sg_conn conn_now(const struct talk *t)
{
	struct sg_conn conn;

	assert_true(entry_of(t, &conn));
	return conn;
}

/* The CA takes the request and answers it; the client acknowledges. */
static inline void ca_answers(const struct talk *t)
{
	PASSES_AS(SEG(CA(t, 0, ASKED, WIRE_ACK)), SEG(AT_CLIENT(t, 0, ASKED, WIRE_ACK)));
	PASSES_AS(SEG(CA(t, 0, ASKED, WIRE_PSH | WIRE_ACK, BYTES(ANSWER))),
		  SEG(AT_CLIENT(t, 0, ASKED, WIRE_PSH | WIRE_ACK, BYTES(ANSWER))));
	PASSES_AS(SEG(CLIENT(t, ASKED, ANSWERED, WIRE_ACK)),
		  SEG(AT_CA(t, ASKED, ANSWERED, WIRE_ACK)));
}

/* Both close, the CA first; the last ACK too. */
static inline void close_both(const struct talk *t, uint32_t asked, uint32_t answered)
{
	PASSES_AS(SEG(CA(t, answered, asked, WIRE_FIN | WIRE_ACK)),
		  SEG(AT_CLIENT(t, answered, asked, WIRE_FIN | WIRE_ACK)));
	PASSES_AS(SEG(CLIENT(t, asked, answered + 1, WIRE_FIN | WIRE_ACK)),
		  SEG(AT_CA(t, asked, answered + 1, WIRE_FIN | WIRE_ACK)));
	assert_int_equal(conn_now(t).state, SG_CONN_CLOSED);
	PASSES_AS(SEG(CA(t, answered + 1, asked + 1, WIRE_ACK)),
		  SEG(AT_CLIENT(t, answered + 1, asked + 1, WIRE_ACK)));
}

/* What was stored of connections that ended early is found when its slot is needed. */
static inline void nothing_is_held(void)
{
	assert_int_equal(budget()->slots_used, 0);
	assert_int_equal(frames_in(SG_FRAME_WAITING, NULL) + frames_in(SG_FRAME_GRANTED, NULL), 0);
}

/* A talk of this port with numbers of its own. */
#define TALK(number)                                             \
	{                                                        \
		.port = (number), .isn = 0x10000000u + (number), \
		.ca_isn = 0x90000000u + 7 * (number)             \
	}

#endif
