// SPDX-License-Identifier: GPL-2.0-only
/* Answers of the guard's own: that they are what HTTP and the program want, and how the CA's words come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../../userspace/daemon/edges.h"
#include "../../userspace/http/answer_head.h"
#include "../../userspace/util/units.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define NOW           (1000 * SG_NS_PER_S)
#define SERVICE       3

/* As IOS answers: no length, the end is the FIN. */
#define IOS_HEAD                                                                                 \
	"HTTP/1.1 404 Not Found\r\nDate: Fri, 12 Oct 2029 03:14:19 GMT\r\nServer: cisco-IOS\r\n" \
	"Accept-Ranges: none\r\n\r\n"
#define IOS   IOS_HEAD "404 Not Found\r\n"
#define SIZED "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nNot here\n"

static struct sg_edges edges;
static struct sg_questions questions;

static void ask(__u64 hash, const char *request)
{
	sg_questions_add(&questions, SERVICE, hash, (const __u8 *)request, strlen(request), NULL,
			 hash);
}

static int begin(void **state)
{
	(void)state;
	memset(&edges, 0, sizeof(edges));
	memset(&questions, 0, sizeof(questions));
	ask(1, "GET /cgi-bin/pkiclient.exe?operation=GetNextCACert&message=ONE HTTP/1.0\r\n"
	       "Host: 192.0.2.17\r\n\r\n");
	ask(2, "GET /cgi-bin/pkiclient.exe?operation=GetNextCACert&message=TWO HTTP/1.0\r\n\r\n");
	return 0;
}

/* ---- What needs nothing of the CA ---- */

static void test_sum(void **state)
{
	__u8 words[] = {0x01, 0x02, 0xff, 0xff, 0x80};
	__u16 word[3] = {0};
	__u32 sum = 0;

	(void)state;
	memcpy(word, words, sizeof(words));
	for (int i = 0; i < 3; i++)
		sum += word[i];
	sum = (sum & 0xffff) + (sum >> 16);
	assert_int_equal(sg_edges_sum(words, sizeof(words)), sum);
	assert_int_equal(sg_edges_sum(words, 0), 0);
	assert_int_equal(sg_edges_sum(words, 4), word[0]); /* 0xffff is zero, twice */
}

static const struct sg_edge_answer *own(enum sg_edge kind)
{
	return &edges.answers[SERVICE][kind];
}

static void is_bare(enum sg_edge kind, __u16 status, const char *first_line)
{
	const struct sg_edge_answer *a = own(kind);
	struct sg_answer_head head;

	assert_true(edges.dirty[SERVICE][kind]);
	assert_int_equal(a->status, status);
	assert_int_equal(a->sum, sg_edges_sum(a->bytes, a->len));
	assert_memory_equal(a->bytes, first_line, strlen(first_line));
	assert_int_equal(sg_answer_head_read(a->bytes, a->len, &head), 0);
	assert_true(head.complete && head.has_content_length);
	assert_int_equal(head.content_length, 0);
	assert_int_equal(head.status, status);
	assert_memory_equal(a->bytes + a->len - 4, "\r\n\r\n", 4);
	assert_non_null(memmem(a->bytes, a->len, "\r\nConnection: close\r\n", 21));
}

static void test_own_answers(void **state)
{
	(void)state;
	sg_edges_configure(&edges, SERVICE, 30);
	is_bare(SG_EDGE_404, 404, "HTTP/1.0 404 Not Found\r\n");
	is_bare(SG_EDGE_403, 403, "HTTP/1.0 403 Forbidden\r\n");
	is_bare(SG_EDGE_BUSY, 503, "HTTP/1.0 503 Service Unavailable\r\nRetry-After: 30\r\n");
	/* The program knows a client's FIN by its distance from the cookie. */
	assert_int_equal(own(SG_EDGE_404)->len, own(SG_EDGE_403)->len);
	assert_int_equal(own(SG_EDGE_AS_CA)->len, 0);
	assert_false(edges.dirty[SERVICE][SG_EDGE_AS_CA]);
}

static void test_only_what_changed_is_written(void **state)
{
	(void)state;
	sg_edges_configure(&edges, SERVICE, 30);
	memset(edges.dirty, 0, sizeof(edges.dirty));
	sg_edges_configure(&edges, SERVICE, 30);
	for (int i = 0; i < SG_EDGE_MAX_; i++)
		assert_false(edges.dirty[SERVICE][i]);
	sg_edges_configure(&edges, SERVICE, 31);
	assert_true(edges.dirty[SERVICE][SG_EDGE_BUSY]);
	assert_false(edges.dirty[SERVICE][SG_EDGE_404]);
	sg_edges_begin(&edges, SERVICE);
	for (int i = 0; i < SG_EDGE_MAX_; i++) {
		assert_true(edges.dirty[SERVICE][i]);
		assert_int_equal(own(i)->len, 0);
	}
	assert_false(edges.dirty[0][SG_EDGE_404]);
}

static void test_retry_after(void **state)
{
	(void)state;
	assert_int_equal(sg_edges_retry_after(60 * SG_NS_PER_S, 1), 30);
	assert_int_equal(sg_edges_retry_after(60 * SG_NS_PER_S, 10), 3);
	assert_int_equal(sg_edges_retry_after(SG_NS_PER_S, 1), 1);
	assert_int_equal(sg_edges_retry_after(SG_NS_PER_D, 1), 3600);
	assert_int_equal(sg_edges_retry_after(0, 10), 30);
}

/* ---- As they come ---- */

static void piece(__u64 question, __u16 port, __u16 status, size_t offset, const char *text,
		  bool learned)
{
	struct sg_answer_event record = {
		.event = {.kind = SG_EVENT_ANSWER,
			  .service = SERVICE,
			  .client_port = port,
			  .endpoint = 1,
			  .status = status,
			  .request_number = 1,
			  .head_offset = offset,
			  .head_bytes = strlen(text),
			  .question = question},
	};

	memcpy(record.head, text, strlen(text));
	sg_edges_answered(&edges, &questions, &record, learned, NOW);
}

static void words_are(const char *text)
{
	assert_int_equal(own(SG_EDGE_AS_CA)->len, strlen(text));
	assert_memory_equal(own(SG_EDGE_AS_CA)->bytes, text, strlen(text));
	assert_true(edges.dirty[SERVICE][SG_EDGE_AS_CA] || !*text);
}

static void test_in_one_piece_or_two(void **state)
{
	(void)state;
	piece(1, 80, 404, 0, SIZED, false);
	words_are(SIZED);
	assert_int_equal(edges.as_ca_question[SERVICE], 1);
	assert_int_equal(edges.pending[0].begun_ns, 0);
	piece(1, 81, 403, 0, "HTTP/1.1 403 No\r\nContent-", false);
	piece(2, 82, 404, 20, SIZED, false); /* another's, and not from its beginning */
	piece(1, 81, 403, 25, "Length: 2\r\n\r\nno", true);
	words_are("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno");
	/* A gap: not taken, and what there is stays. */
	piece(1, 83, 404, 0, "HTTP/1.1 404 No\r\n", true);
	piece(1, 83, 404, 18, "Content-Length: 0\r\n\r\n", true);
	words_are("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno");
}

static void test_which_questions_words(void **state)
{
	static const char other[] = "HTTP/1.1 404 Other\r\nContent-Length: 0\r\n\r\n";

	(void)state;
	piece(0, 80, 404, 0, "HTTP/1.1", false); /* not learnable: waits in nobody's place */
	piece(1, 80, 404, 5, "1.1", false);      /* nor does what has no beginning */
	assert_int_equal(edges.pending[0].begun_ns, 0);
	piece(0, 80, 404, 0, SIZED, false);
	piece(9, 80, 404, 0, SIZED, false); /* not known: it may be an echo */
	words_are("");
	piece(1, 80, 404, 0, SIZED, true);
	piece(2, 81, 404, 0, other, true);
	words_are(SIZED);
	piece(2, 82, 404, 0, other, false);
	words_are(other);
	assert_int_equal(edges.as_ca_question[SERVICE], 2);
}

static void test_words_end(void **state)
{
	(void)state;
	piece(1, 80, 404, 0, SIZED, false);
	piece(2, 81, 500, 0, "HTTP/1.1 500 No\r\n\r\n", true);
	piece(2, 81, 404, 0, "HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n", true);
	piece(1, 81, 0, 0, "HTTP/1.1", true); /* a piece of who knows what */
	words_are(SIZED);
	piece(2, 81, 200, 0, "HTTP/1.1 200 OK\r\n\r\n", true);
	words_are("");
	piece(1, 82, 404, 0, SIZED, false);
	piece(1, 83, 500, 0, "HTTP/1.1 500 No\r\n\r\n", true);
	words_are("");
	piece(1, 84, 404, 0, SIZED, false);
	piece(1, 85, 404, 0, "HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n", true);
	words_are("");
	assert_int_equal(edges.as_ca_question[SERVICE], 0);
}

static struct sg_conn ended_conn(void)
{
	struct sg_conn conn = {.flags = SG_CONN_CA_FIN | SG_CONN_SPLICED};

	conn.ca.known = 1;
	conn.ca.isn = 0xfffffff0;
	conn.ca.end = conn.ca.isn + 2 + strlen(IOS);
	conn.ca.status = 404;
	conn.client.requests = 1;
	return conn;
}

static void look(const struct sg_conn *conn, __u64 now_ns)
{
	sg_edges_look(&edges, &questions, &edges.pending[0], conn, false, now_ns);
}

/* Its end is its FIN: known from the connection. */
static void test_without_a_length(void **state)
{
	struct sg_conn conn = ended_conn();

	(void)state;
	look(&conn, NOW); /* nothing waits */
	piece(1, 80, 404, 0, IOS_HEAD, false);
	piece(1, 80, 404, strlen(IOS_HEAD), "404 Not Found\r\n", false);
	words_are("");
	look(&conn, NOW + 10 * SG_NS_PER_S);
	words_are(IOS);
	assert_int_equal(edges.pending[0].begun_ns, 0);
}

static void test_no_end_that_is_known(void **state)
{
	struct sg_conn good = ended_conn(), bad[7];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		bad[i] = good;
	bad[0].flags = SG_CONN_SPLICED;
	bad[1].flags |= SG_CONN_ADOPTED;
	bad[2].ca.known = 0;
	bad[3].ca.status = 403;
	bad[4].client.requests = 2;
	bad[5].ca.end++;
	bad[6].ca.end--;
	piece(1, 80, 404, 0, IOS, false);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		look(&bad[i], NOW + 10 * SG_NS_PER_S);
	words_are("");
	assert_int_equal(edges.pending[0].begun_ns, NOW);
	look(&bad[0], NOW + 10 * SG_NS_PER_S + 1);
	look(&good, NOW);
	words_are("");
	piece(1, 80, 404, 0, IOS, false);
	look(NULL, NOW);
	assert_int_equal(edges.pending[0].begun_ns, 0);
	words_are("");
}

/* The oldest that waits makes room. */
static void test_places_are_few(void **state)
{
	(void)state;
	for (__u16 port = 1; port <= SG_EDGES_PENDING + 1; port++) {
		struct sg_answer_event record = {
			.event = {.service = SERVICE,
				  .client_port = port,
				  .status = 404,
				  .request_number = 1,
				  .head_bytes = 8,
				  .question = 1},
		};

		memcpy(record.head, "HTTP/1.1", 8);
		sg_edges_answered(&edges, &questions, &record, false, NOW + port);
	}
	assert_int_equal(edges.pending[0].key.client_port, SG_EDGES_PENDING + 1);
	for (__u16 i = 1; i < SG_EDGES_PENDING; i++)
		assert_int_equal(edges.pending[i].key.client_port, i + 1);
	piece(0, 90, 404, 0, "HTTP/1.1", false); /* not learnable: nobody has to go for it */
	for (__u16 i = 0; i < SG_EDGES_PENDING; i++)
		assert_int_not_equal(edges.pending[i].begun_ns, 0);
}

/* A piece of another connection, or of another answer on the same. */
static void test_pieces_of_others(void **state)
{
	struct sg_answer_event record = {
		.event = {.service = SERVICE,
			  .client_port = 80,
			  .status = 404,
			  .endpoint = 1,
			  .request_number = 2,
			  .head_offset = 8,
			  .head_bytes = 1,
			  .question = 1},
	};

	(void)state;
	memset(record.head, ' ', sizeof(record.head));
	piece(1, 80, 404, 0, "HTTP/1.1", false);
	sg_edges_answered(&edges, &questions, &record, false, NOW);
	record.event.request_number = 1;
	record.event.endpoint = 2;
	sg_edges_answered(&edges, &questions, &record, false, NOW);
	record.event.endpoint = 1;
	record.event.client.w[3] = 1;
	sg_edges_answered(&edges, &questions, &record, false, NOW);
	assert_int_equal(edges.pending[0].len, 8);
	record.event.client.w[3] = 0;
	sg_edges_answered(&edges, &questions, &record, false, NOW);
	assert_int_equal(edges.pending[0].len, 9);
	/* More than there is room for. */
	record.event.head_offset = 9;
	record.event.head_bytes = SG_EDGE_BYTES - 8;
	sg_edges_answered(&edges, &questions, &record, false, NOW);
	assert_int_equal(edges.pending[0].len, 9);
}

static void test_records_are_not_believed(void **state)
{
	struct sg_answer_event record = {
		.event = {.service = SG_SERVICES,
			  .status = 200,
			  .request_number = 1,
			  .question = 1},
	};
	struct sg_edges before = edges;

	(void)state;
	sg_edges_answered(&edges, &questions, &record, false, NOW);
	assert_memory_equal(&edges, &before, sizeof(edges));
	record.event.service = SERVICE;
	record.event.status = 404;
	record.event.head_bytes = SG_ANSWER_HEAD + 1;
	sg_edges_answered(&edges, &questions, &record, false, NOW);
	assert_int_equal(edges.pending[0].len, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sum),
		TEST(test_own_answers),
		TEST(test_only_what_changed_is_written),
		TEST(test_retry_after),
		TEST(test_in_one_piece_or_two),
		TEST(test_which_questions_words),
		TEST(test_words_end),
		TEST(test_without_a_length),
		TEST(test_no_end_that_is_known),
		TEST(test_places_are_few),
		TEST(test_pieces_of_others),
		TEST(test_records_are_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
