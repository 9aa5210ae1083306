// SPDX-License-Identifier: GPL-2.0-only
/* libFuzzer target: a refusal of the CA, and the request it answers -> is it taken for the CA's words to everybody
 * (userspace/daemon/edges.h)? Both are chosen by strangers. Whole, and in pieces as the program tells
 * them. Crashes when it disagrees with a strict reader that has all of it before it.
 *
 * Input: one byte (bit 0: the CA closes behind it; the others: size of the pieces), the request up to a NUL, the
 * answer.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../../userspace/daemon/edges.h"

#define SERVICE     1
#define QUESTION    7
#define LENGTH_MOST 18 /* digits */
#define ECHO_MOST   8  /* so many bytes of the question in a row, or all of a shorter one */
#define ECHO_LEAST  4
#define SECOND_NS   1000000000ull

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

struct text {
	const char *at;
	size_t len;
};

static void require(bool right, const char *what)
{
	if (right)
		return;
	fprintf(stderr, "fuzz_edges: %s\n", what);
	abort();
}

/* ---- A strict reader ---- */

/* Bytes up to and with the empty line; 0: it is not there, or something before it is no line of text. */
static size_t head_length(struct text t)
{
	for (size_t i = 0; i < t.len; i++) {
		unsigned char c = t.at[i];

		if (c == '\r' && i + 1 < t.len && t.at[i + 1] == '\n') {
			if (i + 3 < t.len && t.at[i + 2] == '\r' && t.at[i + 3] == '\n')
				return i + 4;
			i++;
		} else if ((c < ' ' && c != '\t') || c == 0x7f) {
			return 0;
		}
	}
	return 0;
}

static bool begins(struct text line, const char *name)
{
	return line.len > strlen(name) && !strncasecmp(line.at, name, strlen(name));
}

/* Digits between blanks, and nothing else. */
static bool is_number(struct text t, unsigned long long *value)
{
	char digits[LENGTH_MOST + 1] = "";
	size_t n = 0, blanks = 0;

	while (blanks < t.len && (t.at[blanks] == ' ' || t.at[blanks] == '\t'))
		blanks++;
	while (t.len > blanks && (t.at[t.len - 1] == ' ' || t.at[t.len - 1] == '\t'))
		t.len--;
	for (size_t i = blanks; i < t.len; i++) {
		if (t.at[i] < '0' || t.at[i] > '9' || n == LENGTH_MOST)
			return false;
		digits[n++] = t.at[i];
	}
	*value = strtoull(digits, NULL, 10);
	return n;
}

struct fields {
	bool good, sized;
	unsigned long long length;
};

static void read_field(struct text line, struct fields *f)
{
	const size_t name = strlen("content-length");
	unsigned long long value;

	f->good &= line.at[0] != ' ' && line.at[0] != '\t' && !begins(line, "transfer-encoding") &&
		   !begins(line, "set-cookie");
	if (!begins(line, "content-length"))
		return;
	f->good &= line.at[name] == ':' &&
		   is_number((struct text){line.at + name + 1, line.len - name - 1}, &value) &&
		   (!f->sized || value == f->length);
	f->length = f->good ? value : 0;
	f->sized = true;
}

/* Lines behind the first one. */
static struct fields read_fields(struct text head)
{
	struct fields f = {.good = true};
	const char *end = head.at + head.len - 2, *at = memmem(head.at, head.len, "\r\n", 2);

	for (at += 2; at < end;) {
		const char *next = memmem(at, (size_t)(head.at + head.len - at), "\r\n", 2);

		read_field((struct text){at, (size_t)(next - at)}, &f);
		at = next + 2;
	}
	return f;
}

static bool is_refusal(struct text t)
{
	return t.len > 12 && !memcmp(t.at, "HTTP/1.", 7) && (t.at[7] == '0' || t.at[7] == '1') &&
	       (!memcmp(t.at + 8, " 404", 4) || !memcmp(t.at + 8, " 403", 4)) &&
	       (t.at[12] == ' ' || t.at[12] == '\r');
}

static bool says(struct text t, const char *word)
{
	size_t n = strlen(word), enough = n < ECHO_MOST ? n : ECHO_MOST;

	for (size_t i = 0; n >= ECHO_LEAST && i + enough <= n; i++)
		for (size_t j = 0; j + enough <= t.len; j++)
			if (!strncmp(t.at + j, word + i, enough))
				return true;
	return false;
}

/* May all who are refused be sent this? */
static bool strict_takes(struct text t, bool ended, const struct sg_question_said *asked)
{
	size_t head = head_length(t);
	struct fields f;

	if (!head || t.len > SG_EDGE_BYTES || !is_refusal(t))
		return false;
	f = read_fields((struct text){t.at, head});
	if (!f.good || (f.sized ? t.len - head != f.length : !ended))
		return false;
	return !strchr(asked->target, '%') && !says(t, asked->target) && !says(t, asked->host);
}

/* ---- The answer is whole ---- */

static void check_answer(const struct sg_edge_answer *answer, struct text t)
{
	__u64 sum = 0;

	require(answer->len == t.len && !memcmp(answer->bytes, t.at, t.len), "other bytes");
	require(answer->status == (t.at[11] == '3' ? 403 : 404), "status");
	for (size_t i = 0; i < t.len; i++)
		sum += (__u64)(__u8)t.at[i] << (i % 2 ? 8 : 0);
	require(answer->sum <= 0xffff && answer->sum % 0xffff == sum % 0xffff, "sum");
}

static void check_whole(struct text t, bool ended, const struct sg_question_said *asked)
{
	struct sg_edge_answer answer, untouched;
	int err;

	memset(&untouched, 0x5a, sizeof(untouched));
	answer = untouched;
	err = sg_edges_capture((const __u8 *)t.at, t.len, ended, asked, &answer);
	require(!err == strict_takes(t, ended, asked), "taken or not");
	if (!err) {
		check_answer(&answer, t);
		return;
	}
	require(!memcmp(&answer, &untouched, sizeof(answer)), "touched on failure");
	require(err == -EBADMSG || (err == -EAGAIN && !ended && t.len < SG_EDGE_BYTES),
		"waits for more that cannot come");
}

/* ---- As the program tells it ---- */

static struct sg_answer_event record_of(struct text t, __u32 offset, __u32 bytes)
{
	struct sg_answer_event record = {
		.event = {.kind = SG_EVENT_ANSWER,
			  .service = SERVICE,
			  .question = QUESTION,
			  .request_class = SG_REQUEST_GETNEXTCACERT,
			  .request_number = 1,
			  .status = t.len > 11 && t.at[11] == '3' ? 403 : 404,
			  .head_offset = offset,
			  .head_bytes = bytes},
	};

	memcpy(record.head, t.at + offset, bytes);
	return record;
}

/* The bytes that are taken, 0 = none: the first of these beginnings that is an answer, or all of it at its end. */
static size_t strict_pieces(struct text t, size_t piece, bool ended,
			    const struct sg_question_said *asked)
{
	const size_t told = t.len < SG_EDGE_BYTES ? t.len : SG_EDGE_BYTES;

	for (size_t done = 0; done < told;) {
		done = done + piece < told ? done + piece : told;
		if (strict_takes((struct text){t.at, done}, false, asked))
			return done;
	}
	/* Of so many bytes nobody waits to hear whether they are all. */
	return ended && t.len < SG_EDGE_BYTES && strict_takes(t, true, asked) ? t.len : 0;
}

/* Its connection, when the CA has closed it: behind the last byte, or so much later. */
static struct sg_conn closed_conn(struct text t, __u32 later)
{
	struct sg_conn conn = {.flags = SG_CONN_CA_FIN};

	conn.ca.known = 1;
	conn.ca.status = t.len > 11 && t.at[11] == '3' ? 403 : 404;
	conn.ca.isn = 0xfffffff0;
	conn.ca.end = conn.ca.isn + (__u32)t.len + later + 2;
	conn.client.requests = 1;
	return conn;
}

static void tell(struct sg_edges *e, const struct sg_questions *q, struct text t, size_t from,
		 size_t to)
{
	struct sg_answer_event record = record_of(t, from, to - from);

	sg_edges_answered(e, q, &record, false, SECOND_NS);
}

static void check_pieces(struct text t, size_t piece, bool ended, const struct sg_questions *q)
{
	static struct sg_edges edges;
	const struct sg_edge_answer *words = &edges.answers[SERVICE][SG_EDGE_AS_CA];
	const size_t told = t.len < SG_EDGE_BYTES ? t.len : SG_EDGE_BYTES;
	const size_t taken =
		strict_pieces(t, piece, ended, sg_questions_find(q, SERVICE, QUESTION));
	struct sg_conn conn = closed_conn(t, !ended);
	struct sg_answer_event record;

	memset(&edges, 0, sizeof(edges));
	for (size_t done = 0; done < told; done += piece) {
		/* One from behind a gap first, and one from before it again: neither counts. */
		if (done && done + piece < told)
			tell(&edges, q, t, done + piece, told);
		tell(&edges, q, t, done, told < done + piece ? told : done + piece);
		tell(&edges, q, t, done / 2, told < done + piece ? told : done + piece);
	}
	for (int i = 0; i < SG_EDGES_PENDING; i++)
		sg_edges_look(&edges, q, &edges.pending[i], &conn, false, 2 * SECOND_NS);
	require(words->len == taken, "in pieces it differs");
	if (taken)
		check_answer(words, (struct text){t.at, taken});
	record = record_of(t, 0, 0);
	record.event.status = 200;
	record.event.question = QUESTION + 1;
	sg_edges_answered(&edges, q, &record, true, 3 * SECOND_NS);
	require(!words->len, "a 200 leaves its words");
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static struct sg_questions questions;
	const struct sg_question_said *asked;
	const uint8_t *nul = size ? memchr(input + 1, '\0', size - 1) : NULL;
	struct text answer;

	if (!nul)
		return 0;
	answer = (struct text){(const char *)nul + 1, (size_t)(input + size - nul - 1)};
	memset(&questions, 0, sizeof(questions));
	sg_questions_add(&questions, SERVICE, QUESTION, input + 1, (size_t)(nul - input - 1), NULL,
			 1);
	asked = sg_questions_find(&questions, SERVICE, QUESTION);
	if (!asked || !answer.len)
		return 0;
	check_whole(answer, input[0] & 1, asked);
	check_pieces(answer, 1 + (input[0] >> 1) * 4, input[0] & 1, &questions);
	return 0;
}
