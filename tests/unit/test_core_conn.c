// SPDX-License-Identifier: GPL-2.0-only
/* Life of one connection from the middle: both handshakes, what ends it and what only claims to, where
 * requests and answers begin, and which bytes are read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../../bpf/core/request.h"

#define SYN SG_TCP_SYN
#define ACK SG_TCP_ACK
#define FIN SG_TCP_FIN
#define RST SG_TCP_RST

/* A connection and the stream each side has sent so far. */
struct talk {
	struct sg_conn conn;
	__u32 client, ca; /* next sequence numbers */
	__u64 now;
	struct sg_http_line lines[8]; /* as each request line ended */
	__u32 line_count;
};

static struct sg_packet packet(__u8 flags, __u32 seq, __u32 ack, __u32 len)
{
	return (struct sg_packet){
		.family = 4, .tcp_flags = flags, .seq = seq, .ack = ack, .payload_len = len};
}

static __u32 client(struct talk *t, __u8 flags, __u32 seq, __u32 ack, __u32 len)
{
	struct sg_packet pkt = packet(flags, seq, ack, len);

	return sg_conn_from_client(&t->conn, &pkt, false, ++t->now);
}

static __u32 ca(struct talk *t, __u8 flags, __u32 seq, __u32 ack, __u32 len)
{
	struct sg_packet pkt = packet(flags, seq, ack, len);

	return sg_conn_from_ca(&t->conn, &pkt, ++t->now);
}

static struct talk syn_sent(__u32 client_isn, __u32 ca_isn)
{
	struct talk t = {.client = client_isn + 1, .ca = ca_isn + 1, .now = 1000};
	struct sg_packet syn = packet(SYN, client_isn, 0, 0);

	sg_conn_open(&t.conn, &syn, t.now);
	return t;
}

static struct talk syn_acked(__u32 client_isn, __u32 ca_isn)
{
	struct talk t = syn_sent(client_isn, ca_isn);

	assert_int_equal(ca(&t, SYN | ACK, ca_isn, client_isn + 1, 0), SG_EFFECT_SYN_ACK);
	return t;
}

static struct talk established(__u32 client_isn, __u32 ca_isn)
{
	struct talk t = syn_acked(client_isn, ca_isn);

	assert_int_equal(client(&t, ACK, t.client, t.ca, 0),
			 SG_EFFECT_HANDSHAKE | SG_EFFECT_BELIEVED);
	return t;
}

/* Sequence numbers that wrap in the middle of everything, and quiet ones. */
static const __u32 isns[] = {1000, 0xfffffff8u, 0x7ffffff8u, 0xffffffffu, 0};

static void test_handshake(void **state)
{
	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct talk t = syn_sent(isns[i], isns[4 - i]);
		__u32 isn = isns[4 - i];

		assert_int_equal(t.conn.state, SG_CONN_SYN_SENT);
		assert_int_equal(ca(&t, SYN | ACK, isn, t.client - 1, 0), 0); /* wrong ack */
		assert_int_equal(ca(&t, SYN | ACK, isn, t.client + 1, 0), 0);
		assert_int_equal(client(&t, ACK, t.client, t.ca, 0), 0); /* before the SYN-ACK */
		assert_int_equal(ca(&t, SYN | ACK, isn, t.client, 0), SG_EFFECT_SYN_ACK);
		assert_int_equal(ca(&t, SYN | ACK, isn, t.client, 0), SG_EFFECT_SYN_ACK_AGAIN);
		assert_int_equal(ca(&t, SYN | ACK, isn + 5, t.client, 0), 0); /* another ISN */
		assert_int_equal(t.conn.state, SG_CONN_SYN_ACKED);
		assert_int_equal(client(&t, ACK, t.client, t.ca + 1, 0),
				 0); /* of bytes never sent */
		assert_int_equal(client(&t, ACK, t.client, t.ca - 1, 0), 0);
		assert_int_equal(t.conn.state, SG_CONN_SYN_ACKED);
		assert_int_equal(client(&t, ACK, t.client, t.ca, 0),
				 SG_EFFECT_HANDSHAKE | SG_EFFECT_BELIEVED);
		assert_int_equal(t.conn.state, SG_CONN_ESTABLISHED);
		assert_int_equal(client(&t, ACK, t.client, t.ca, 0),
				 SG_EFFECT_MAYBE_LATE | SG_EFFECT_BELIEVED);
		assert_int_equal(ca(&t, SYN | ACK, isn, t.client, 0), SG_EFFECT_SYN_ACK_AGAIN);
	}
}

/* The ACK was lost: the first data segment ends the handshake; later ones only may. */
static void test_handshake_by_data(void **state)
{
	struct talk t = syn_acked(10, 20);

	(void)state;
	assert_int_equal(client(&t, ACK, t.client + 50, t.ca, 10), 0);
	assert_int_equal(client(&t, ACK, t.client, t.ca, 50),
			 SG_EFFECT_HANDSHAKE | SG_EFFECT_BELIEVED);
	assert_true(client(&t, ACK, t.client, t.ca, 50) & SG_EFFECT_MAYBE_LATE);
	assert_int_equal(ca(&t, ACK, t.ca, t.client + 50, 0), SG_EFFECT_BELIEVED);
	assert_false(client(&t, ACK, t.client + 50, t.ca, 50) & SG_EFFECT_MAYBE_LATE);
}

static void test_resend_or_new_attempt(void **state)
{
	struct talk t = syn_sent(500, 9);
	struct sg_packet same = packet(SYN, 500, 0, 0), other = packet(SYN, 501, 0, 0);

	(void)state;
	assert_true(sg_conn_is_resend(&t.conn, &same));
	assert_false(sg_conn_is_resend(&t.conn, &other)); /* port reused */
	t = established(500, 9);
	assert_true(sg_conn_is_resend(&t.conn, &same));
	assert_true(sg_conn_close(&t.conn));
	assert_false(sg_conn_is_resend(&t.conn, &same)); /* ISN reused after the end */
	assert_false(sg_conn_close(&t.conn));            /* one caller ends it */
}

/* RFC 5961: only an RST exactly in sequence ends it, on either side, in any state. */
static void test_rst(void **state)
{
	static const __s32 off_by[] = {-1, 1, 100, -100, 65536, -65536, 0x7fffffff};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct talk sent = syn_sent(isns[i], 77), acked = syn_acked(isns[i], 77),
			    open = established(isns[i], 77);

		for (size_t k = 0; k < 7; k++) {
			assert_int_equal(client(&sent, RST, sent.client + off_by[k], 0, 0), 0);
			assert_int_equal(client(&acked, RST, acked.client + off_by[k], 0, 0), 0);
			assert_int_equal(client(&open, RST, open.client + off_by[k], 0, 0), 0);
			assert_int_equal(ca(&sent, RST | ACK, 0, sent.client + off_by[k], 0), 0);
			assert_int_equal(ca(&acked, RST, acked.ca + off_by[k], 0, 0), 0);
			assert_int_equal(ca(&open, RST | ACK, open.ca + off_by[k], open.client, 0),
					 0);
		}
		assert_int_equal(ca(&sent, RST, 0, sent.client, 0), 0); /* without ACK */
		assert_int_equal(ca(&acked, RST, 0, 0, 0), 0); /* nothing is acknowledged yet */
		assert_int_equal(ca(&sent, RST | ACK, 0, sent.client, 0),
				 SG_EFFECT_ENDED | SG_EFFECT_REFUSED);
		assert_int_equal(ca(&acked, RST, acked.ca, 0, 0), SG_EFFECT_ENDED);
		assert_int_equal(ca(&open, RST | ACK, open.ca, open.client, 0), SG_EFFECT_ENDED);
		assert_int_not_equal(client(&sent, RST, sent.client, 0, 0), 0);
		assert_int_not_equal(client(&acked, RST, acked.client, 0, 0), 0);
		assert_int_not_equal(client(&open, RST | ACK, open.client, 0, 0), 0);
	}
}

static void test_fins(void **state)
{
	struct talk t = established(1, 2);

	(void)state;
	/* The CA first, as HTTP/1.0 does. */
	assert_int_equal(client(&t, ACK, t.client, t.ca, 30) & SG_EFFECT_ENDED, 0);
	assert_int_equal(ca(&t, FIN | ACK, t.ca, t.client + 30, 100),
			 SG_EFFECT_ANSWERED | SG_EFFECT_BELIEVED);
	assert_int_equal(ca(&t, FIN | ACK, t.ca, t.client + 30, 100) & SG_EFFECT_ENDED, 0);
	assert_true(client(&t, FIN | ACK, t.client + 30, t.ca + 101, 0) & SG_EFFECT_ENDED);
	/* The client first, half closed, then the answer. */
	t = established(1, 2);
	assert_int_equal(client(&t, FIN | ACK, t.client, t.ca, 30) & SG_EFFECT_ENDED, 0);
	assert_int_equal(ca(&t, ACK, t.ca, t.client + 31, 100) & SG_EFFECT_ENDED, 0);
	assert_int_equal(t.conn.state, SG_CONN_ESTABLISHED);
	assert_true(ca(&t, FIN | ACK, t.ca + 100, t.client + 31, 0) & SG_EFFECT_ENDED);
	/* A FIN beyond what was sent before it does not count yet. */
	t = established(1, 2);
	ca(&t, FIN | ACK, t.ca, t.client, 0);
	assert_int_equal(client(&t, FIN | ACK, t.client + 500, t.ca + 1, 0) & SG_EFFECT_ENDED, 0);
}

/* For the CA these are no FINs: its side would stay open. */
static void test_fins_that_are_none(void **state)
{
	struct talk t = established(1, 2);

	(void)state;
	client(&t, ACK, t.client, t.ca, 30);
	ca(&t, FIN | ACK, t.ca, t.client + 30, 0);
	for (__u32 old = 0; old < 30; old++)
		assert_int_equal(
			client(&t, FIN | ACK, t.client + old, t.ca + 1, 0) & SG_EFFECT_ENDED, 0);
	assert_int_equal(client(&t, SYN | FIN | ACK, t.client + 30, t.ca + 1, 0), 0);
	assert_true(client(&t, FIN | ACK, t.client + 20, t.ca + 1, 10) & SG_EFFECT_ENDED);
	/* One that came too early counts when it comes again. */
	t = established(1, 2);
	ca(&t, FIN | ACK, t.ca, t.client, 0);
	assert_int_equal(client(&t, FIN | ACK, t.client + 9, t.ca + 1, 0) & SG_EFFECT_ENDED, 0);
	client(&t, ACK, t.client, t.ca + 1, 9);
	assert_true(client(&t, FIN | ACK, t.client + 9, t.ca + 1, 0) & SG_EFFECT_ENDED);
}

/* Lost before the guard, or overtaken there: they count when they come again, or when the CA acknowledges them. */
static void test_fins_out_of_order(void **state)
{
	struct talk t;

	(void)state;
	for (size_t i = 0; i < sizeof(isns) / sizeof(isns[0]); i++) {
		/* An ACK behind it comes first. */
		t = established(isns[i], 2);
		client(&t, ACK, t.client, t.ca, 30);
		ca(&t, FIN | ACK, t.ca, t.client + 30, 0);
		assert_int_equal(client(&t, ACK, t.client + 31, t.ca + 1, 0) & SG_EFFECT_ENDED, 0);
		assert_true(client(&t, FIN | ACK, t.client + 30, t.ca + 1, 0) & SG_EFFECT_ENDED);
		/* The bytes before it come behind it, and it does not come again. */
		t = established(isns[i], 2);
		client(&t, FIN | ACK, t.client + 20, t.ca, 10);
		client(&t, ACK, t.client, t.ca, 20);
		ca(&t, FIN | ACK, t.ca, t.client + 30, 0);
		assert_int_equal(t.conn.flags & SG_CONN_CLIENT_FIN, 0);
		assert_true(ca(&t, ACK, t.ca + 1, t.client + 31, 0) & SG_EFFECT_ENDED);
	}
	/* Without one nothing ends. */
	t = established(1, 2);
	client(&t, ACK, t.client, t.ca, 30);
	ca(&t, FIN | ACK, t.ca, t.client + 30, 0);
	assert_int_equal(ca(&t, ACK, t.ca + 1, t.client + 31, 0) & SG_EFFECT_ENDED, 0);
}

static void test_far_segments_are_not_believed(void **state)
{
	struct talk t = established(100, 200);

	(void)state;
	assert_int_equal(client(&t, ACK, t.client + SG_SEQ_REACH + 1, t.ca, 10), 0);
	assert_int_equal(client(&t, ACK, t.client - SG_SEQ_REACH - 1, t.ca, 10), 0);
	assert_int_equal(client(&t, ACK, t.client, t.ca + 1, 10), 0);
	assert_int_equal(client(&t, 0, t.client, t.ca, 10), 0); /* no ACK flag */
	assert_int_equal(ca(&t, ACK, t.ca + SG_SEQ_REACH + 1, t.client, 10), 0);
	assert_true(client(&t, ACK, t.client + SG_SEQ_REACH, t.ca, 10) & SG_EFFECT_BELIEVED);
	sg_conn_close(&t.conn);
	assert_int_equal(client(&t, ACK, t.client, t.ca, 10), 0);
	assert_int_equal(ca(&t, ACK, t.ca, t.client, 10), 0);
}

static void test_one_sided(void **state)
{
	struct talk t = syn_sent(50, 60);
	struct sg_packet ack = packet(ACK, 51, 61, 0), fin = packet(FIN | ACK, 51, 61, 0);

	(void)state;
	assert_int_equal(sg_conn_from_client(&t.conn, &ack, true, 5),
			 SG_EFFECT_HANDSHAKE | SG_EFFECT_BELIEVED);
	assert_true(sg_conn_from_client(&t.conn, &fin, true, 6) & SG_EFFECT_ENDED);
}

static void test_adoption(void **state)
{
	struct talk t = {.client = 301, .ca = 701};
	struct sg_packet data = packet(ACK, 701, 301, 80), syn_ack = packet(SYN | ACK, 700, 301, 0);
	struct sg_packet syn = packet(SYN, 300, 0, 0);

	(void)state;
	sg_conn_adopt(&t.conn, &data, 1);
	assert_int_equal(t.conn.state, SG_CONN_ESTABLISHED);
	assert_false(sg_conn_is_resend(&t.conn, &syn));
	assert_true(client(&t, ACK, 301, 781, 0) & SG_EFFECT_BELIEVED);
	assert_int_equal(client(&t, RST, 300, 0, 0), 0);
	assert_int_not_equal(client(&t, RST, 301, 0, 0), 0);

	memset(&t.conn, 0, sizeof(t.conn));
	sg_conn_adopt(&t.conn, &syn_ack, 1);
	assert_int_equal(t.conn.state, SG_CONN_SYN_ACKED);
	assert_true(sg_conn_is_resend(&t.conn, &syn));
	assert_true(client(&t, ACK, 301, 701, 0) & SG_EFFECT_HANDSHAKE);
}

/* ---- requests and answers ---- */

/* Bytes behind a line. */
static void say_rest(struct talk *t, const __u8 *data, size_t len)
{
	sg_head_feed(&t->conn.client.line, data, len);
	if (sg_request_is_followed(&t->conn, len))
		sg_request_follow(&t->conn);
}

/* Bytes of the client at seq, as the program reads them. Returns the progress. */
static enum sg_request_progress say_at(struct talk *t, __u32 seq, __u32 ack, const char *bytes,
				       size_t len)
{
	struct sg_packet pkt = packet(ACK, seq, ack, len);
	__u32 before = t->conn.client.end, skip = 0, read;
	enum sg_request_progress progress;
	const __u8 *data = (const __u8 *)bytes;

	if (!(sg_conn_from_client(&t->conn, &pkt, false, ++t->now) & SG_EFFECT_BELIEVED))
		return SG_REQUEST_NOTHING;
	progress = sg_request_place(&t->conn, &pkt, before, &skip);
	if (progress == SG_REQUEST_REST)
		say_rest(t, data + skip, len - skip);
	if (progress != SG_REQUEST_READING)
		return progress;
	read = sg_http_feed(&t->conn.client.line, data + skip, data + len, len - skip);
	progress = sg_request_advance(&t->conn, &pkt, read, sg_http_class(&t->conn.client.line),
				      sg_http_done(&t->conn.client.line), 1);
	if (progress == SG_REQUEST_LINE_DONE && t->line_count < 8)
		t->lines[t->line_count++] = t->conn.client.line;
	if (progress == SG_REQUEST_LINE_DONE && sg_request_has_rest(&t->conn))
		say_rest(t, data + skip + read, len - skip - read);
	return progress;
}

static enum sg_request_progress say(struct talk *t, const char *text)
{
	__u32 seq = t->client;

	t->client += strlen(text);
	return say_at(t, seq, t->ca, text, strlen(text));
}

/* Bytes of the CA; returns whether they were read as part of an answer's head. */
static bool answer(struct talk *t, const char *text)
{
	struct sg_packet pkt = packet(ACK, t->ca, t->client, strlen(text));
	const __u8 *data = (const __u8 *)text;
	__u32 skip = 0;

	t->ca += strlen(text);
	sg_conn_from_ca(&t->conn, &pkt, ++t->now);
	if (!sg_answer_place(&t->conn, &pkt, &skip))
		return false;
	if (!t->conn.ca.answer_done)
		sg_http_answer_feed(&t->conn.ca.answer, data + skip, data + pkt.payload_len,
				    pkt.payload_len - skip);
	if (sg_http_answer_done(&t->conn.ca.answer)) {
		t->conn.ca.answer_done = 1;
		t->conn.ca.status = sg_http_answer_status(&t->conn.ca.answer);
	}
	t->conn.ca.next = pkt.seq + pkt.payload_len;
	return true;
}

#define CAPS "GET /scep?operation=GetCACaps HTTP/1.1\r\nHost: ca\r\n\r\n"
#define NEXT "GET /scep?operation=GetNextCACert HTTP/1.1\r\n\r\n"
#define POST                                             \
	"POST /scep?operation=PKIOperation HTTP/1.1\r\n" \
	"Expect: 100-continue\r\nContent-Length: 46\r\n\r\n"

static void assert_class(const struct talk *t, __u32 requests, __u8 request_class)
{
	assert_int_equal(t->conn.client.requests, requests);
	assert_int_equal(t->conn.client.request_class, request_class);
}

static void test_keep_alive(void **state)
{
	struct talk t = established(0xffffffc0u, 0xfffffff0u); /* wraps inside the requests */

	(void)state;
	assert_int_equal(say(&t, CAPS), SG_REQUEST_LINE_DONE);
	assert_class(&t, 1, SG_REQUEST_GETCACAPS);
	assert_true(answer(&t, "HTTP/1.1 200 OK\r\n\r\nAES"));
	assert_int_equal(t.conn.ca.status, 200);
	assert_int_equal(say(&t, NEXT), SG_REQUEST_LINE_DONE);
	assert_class(&t, 2, SG_REQUEST_GETNEXTCACERT);
	assert_true(answer(&t, "HTTP/1.1 404 Not Found\r\n\r\n"));
	assert_int_equal(t.conn.ca.status, 404);
	assert_int_equal(t.conn.ca.answers, 2);
}

/* The body of a POST comes after an interim answer was acknowledged: still the same request. */
static void test_continue_and_body(void **state)
{
	struct talk t = established(5, 6);

	(void)state;
	say(&t, POST);
	assert_class(&t, 1, SG_REQUEST_PKIOPERATION_POST);
	answer(&t, "HTTP/1.1 100 Continue\r\n\r\n");
	assert_int_equal(t.conn.ca.answer_done, 0);
	assert_int_equal(say(&t, NEXT), SG_REQUEST_REST); /* a body that looks like a request */
	assert_class(&t, 1, SG_REQUEST_PKIOPERATION_POST);
	answer(&t, "HTTP/1.1 200 OK\r\n\r\n");
	assert_int_equal(t.conn.ca.status, 200);
	assert_int_equal(say(&t, CAPS), SG_REQUEST_LINE_DONE);
	assert_class(&t, 2, SG_REQUEST_GETCACAPS);
}

/* Without a length what follows is no body. */
static void test_body_without_continue(void **state)
{
	struct talk t = established(5, 6);

	(void)state;
	say(&t, "POST /scep?operation=PKIOperation HTTP/1.1\r\n\r\n" NEXT);
	assert_class(&t, 2, SG_REQUEST_UNDECIDED);
	assert_int_equal(say(&t, NEXT), SG_REQUEST_NOTHING);
	assert_class(&t, 2, SG_REQUEST_UNDECIDED);
}

static void test_one_byte_segments(void **state)
{
	struct talk t = established(0xfffffffau, 3);
	char one[2] = {};

	(void)state;
	for (size_t i = 0; i < strlen(CAPS); i++) {
		one[0] = CAPS[i];
		say(&t, one);
	}
	assert_class(&t, 1, SG_REQUEST_GETCACAPS);
	for (const char *p = "HTTP/1.1 403 No\r\n"; *p; p++) {
		one[0] = *p;
		answer(&t, one);
	}
	assert_int_equal(t.conn.ca.status, 403);
}

/* What was read stays read: a retransmission with other bytes does not change the class. */
static void test_retransmission_is_skipped(void **state)
{
	struct talk t = established(40, 3);
	__u32 start = t.client;

	(void)state;
	say(&t, "GET /scep?operation=GetNextCA");
	assert_int_equal(say_at(&t, start, t.ca, "GET /scep?operation=GetCACaps", 29),
			 SG_REQUEST_NOTHING);
	/* Overlap: its first part is skipped, the rest goes on. */
	assert_int_equal(say_at(&t, start + 20, t.ca, "XXXXXXXXXCert HTTP/1.1\r\n", 24),
			 SG_REQUEST_LINE_DONE);
	assert_class(&t, 1, SG_REQUEST_GETNEXTCACERT);
}

/* Bytes before their turn are not read; when they come again in order, the line is read or doubted. */
static void test_out_of_order_is_not_read(void **state)
{
	struct talk t = established(40, 3);
	__u32 start = t.client;

	(void)state;
	assert_int_equal(say_at(&t, start + 10, t.ca, "operation=GetCACaps HTTP/1.1\r\n", 30),
			 SG_REQUEST_OUT_OF_ORDER);
	assert_int_equal(t.conn.client.requests, 0);
	assert_int_equal(say_at(&t, start, t.ca, "GET /scep?", 10), SG_REQUEST_READING);
	assert_int_equal(say_at(&t, start + 10, t.ca, "operation=GetNextCACert HTTP/1.1\r\n", 34),
			 SG_REQUEST_LINE_DONE);
	assert_int_equal(t.conn.client.requests, 1);
	assert_true(t.conn.client.request_class == SG_REQUEST_GETNEXTCACERT ||
		    t.conn.client.request_class == SG_REQUEST_UNDECIDED);
}

/* Requests sent before any answer are one; the answer belongs to the first. */
static void test_pipelined(void **state)
{
	struct talk t = established(40, 3);

	(void)state;
	say(&t, CAPS NEXT);
	assert_class(&t, 2, SG_REQUEST_UNDECIDED);
	assert_int_equal(t.lines[0].final_class, SG_REQUEST_GETCACAPS);
	assert_int_equal(say(&t, NEXT), SG_REQUEST_NOTHING);
	answer(&t, "HTTP/1.1 200 OK\r\n\r\n");
	assert_int_equal(t.conn.ca.answers, 2);
}

/* The CA's bytes before any request, and a repeated head, are no answer. */
static void test_answer_placement(void **state)
{
	struct talk t = established(40, 3);
	struct sg_packet again;
	__u32 skip;

	(void)state;
	assert_false(answer(&t, "HTTP/1.1 200 OK\r\n"));
	say(&t, CAPS);
	again = packet(ACK, t.ca, t.client, 17);
	assert_true(answer(&t, "HTTP/1.1 404 No\r\n"));
	assert_false(sg_answer_place(&t.conn, &again, &skip)); /* retransmitted */
	assert_true(answer(&t, "\r\nbody"));
	assert_int_equal(t.conn.ca.status, 404);
	assert_int_equal(t.conn.ca.answers, 1);
}

/* Late bytes of the answer before, which the client had not acknowledged, are not the next answer. */
static void test_late_bytes_of_the_answer_before(void **state)
{
	struct talk t = established(40, 3);
	struct sg_packet late;
	__u32 skip, first;

	(void)state;
	say(&t, CAPS);
	first = t.ca;
	answer(&t, "HTTP/1.1 200 OK\r\n\r\n");
	say(&t, NEXT);
	assert_class(&t, 2, SG_REQUEST_GETNEXTCACERT);
	late = packet(ACK, first, t.client, 19);
	assert_false(sg_answer_place(&t.conn, &late, &skip));
	assert_true(answer(&t, "HTTP/1.1 404 No\r\n\r\n"));
	assert_int_equal(t.conn.ca.status, 404);
}

/* The second request of an adopted connection is read. */
static void test_request_after_adoption(void **state)
{
	struct talk t = {.client = 301, .ca = 701};
	struct sg_packet data = packet(ACK, 701, 301, 80);

	(void)state;
	sg_conn_adopt(&t.conn, &data, 1);
	t.ca = 781;
	assert_int_equal(say(&t, NEXT), SG_REQUEST_LINE_DONE);
	assert_int_equal(t.conn.client.request_class, SG_REQUEST_GETNEXTCACERT);
	assert_true(answer(&t, "HTTP/1.1 404 No\r\n\r\n"));
	assert_int_equal(t.conn.ca.status, 404);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handshake),
		cmocka_unit_test(test_handshake_by_data),
		cmocka_unit_test(test_resend_or_new_attempt),
		cmocka_unit_test(test_rst),
		cmocka_unit_test(test_fins),
		cmocka_unit_test(test_fins_that_are_none),
		cmocka_unit_test(test_fins_out_of_order),
		cmocka_unit_test(test_far_segments_are_not_believed),
		cmocka_unit_test(test_one_sided),
		cmocka_unit_test(test_adoption),
		cmocka_unit_test(test_keep_alive),
		cmocka_unit_test(test_continue_and_body),
		cmocka_unit_test(test_body_without_continue),
		cmocka_unit_test(test_one_byte_segments),
		cmocka_unit_test(test_retransmission_is_skipped),
		cmocka_unit_test(test_out_of_order_is_not_read),
		cmocka_unit_test(test_pipelined),
		cmocka_unit_test(test_answer_placement),
		cmocka_unit_test(test_late_bytes_of_the_answer_before),
		cmocka_unit_test(test_request_after_adoption),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
