// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "edges.h"
#include "../http/answer_head.h"
#include "../util/units.h"

#define PATIENCE_NS (10 * SG_NS_PER_S)

/* So much of a request in a row is no coincidence; of a short name all of it. Shorter ones say nothing. */
#define ECHO_BYTES 8
#define ECHO_LEAST 4

/* ---- Answers of the guard's own ---- */

__u32 sg_edges_sum(const __u8 *bytes, size_t len)
{
	__u32 sum = 0;
	__u16 word;

	for (size_t i = 0; i < len; i += 2) {
		word = 0;
		memcpy(&word, bytes + i, len - i < 2 ? 1 : 2);
		sum += word;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

__u32 sg_edges_retry_after(__u64 window_ns, __u32 time_scale)
{
	__u64 seconds = window_ns / 2 / time_scale / SG_NS_PER_S;

	if (!window_ns)
		return 30;
	return seconds < 1 ? 1 : seconds > 3600 ? 3600 : seconds;
}

static void put(struct sg_edges *e, __u32 service, enum sg_edge kind,
		const struct sg_edge_answer *answer)
{
	if (!memcmp(&e->answers[service][kind], answer, sizeof(*answer)))
		return;
	e->answers[service][kind] = *answer;
	e->dirty[service][kind] = true;
}

static void fill(struct sg_edge_answer *answer, __u16 status, const void *bytes, size_t len)
{
	memset(answer, 0, sizeof(*answer));
	memcpy(answer->bytes, bytes, len);
	answer->len = len;
	answer->status = status;
	answer->sum = sg_edges_sum(answer->bytes, len);
}

static void put_text(struct sg_edges *e, __u32 service, enum sg_edge kind, __u16 status,
		     const char *text)
{
	struct sg_edge_answer answer;

	fill(&answer, status, text, strlen(text));
	put(e, service, kind, &answer);
}

#define NO_BODY "Content-Length: 0\r\nConnection: close\r\n\r\n"

void sg_edges_configure(struct sg_edges *e, __u32 service, __u32 retry_after_seconds)
{
	char busy[SG_EDGE_BYTES];

	snprintf(busy, sizeof(busy),
		 "HTTP/1.0 503 Service Unavailable\r\nRetry-After: %u\r\n" NO_BODY,
		 retry_after_seconds);
	put_text(e, service, SG_EDGE_404, 404, "HTTP/1.0 404 Not Found\r\n" NO_BODY);
	put_text(e, service, SG_EDGE_403, 403, "HTTP/1.0 403 Forbidden\r\n" NO_BODY);
	put_text(e, service, SG_EDGE_BUSY, 503, busy);
}

void sg_edges_begin(struct sg_edges *e, __u32 service)
{
	memset(e->answers[service], 0, sizeof(e->answers[service]));
	e->as_ca_question[service] = 0;
	for (int kind = 0; kind < SG_EDGE_MAX_; kind++)
		e->dirty[service][kind] = true;
}

/* ---- The CA's own words ---- */

struct text {
	const char *at;
	size_t len;
};

/* One line of a head that ends with CR LF and has no other control byte. Takes it off *rest. */
static int take_line(struct text *rest, struct text *line)
{
	for (size_t i = 0; i < rest->len; i++) {
		unsigned char c = rest->at[i];

		if (c == '\r' && i + 1 == rest->len)
			return -EAGAIN;
		if (c == '\r' && rest->at[i + 1] == '\n') {
			*line = (struct text){rest->at, i};
			*rest = (struct text){rest->at + i + 2, rest->len - i - 2};
			return 0;
		}
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return -EBADMSG;
	}
	return -EAGAIN;
}

static bool is_field(struct text line, const char *name)
{
	return line.len > strlen(name) && !strncasecmp(line.at, name, strlen(name));
}

/* A name that only begins like it: of two lengths some readers take the one, some the other. */
static bool is_nearly_length(struct text line)
{
	return is_field(line, "content-length") && line.at[strlen("content-length")] != ':';
}

/* Is it a field that all may be sent? */
static bool is_for_all(struct text line)
{
	return !is_field(line, "transfer-encoding") && !is_field(line, "set-cookie") &&
	       !is_nearly_length(line) && line.at[0] != ' ' && line.at[0] != '\t';
}

static bool is_refusal(struct text line)
{
	return line.len >= 12 &&
	       (!memcmp(line.at, "HTTP/1.0 40", 11) || !memcmp(line.at, "HTTP/1.1 40", 11)) &&
	       (line.at[11] == '4' || line.at[11] == '3');
}

/* Reads the head off *rest. *length: Content-Length is given, with whatever value. */
static int read_head(struct text *rest, bool *length)
{
	struct text line;
	int err = take_line(rest, &line);

	if (err)
		return err;
	if (!is_refusal(line))
		return -EBADMSG;
	while (!(err = take_line(rest, &line)) && line.len) {
		if (!is_for_all(line))
			return -EBADMSG;
		*length |= is_field(line, "content-length");
	}
	return err;
}

/* Does the answer have enough of `said` in a row, or all of it? */
static bool repeats(struct text answer, const char *said)
{
	size_t n = strlen(said), least = n < ECHO_BYTES ? n : ECHO_BYTES;

	for (size_t i = 0; n >= ECHO_LEAST && i + least <= n; i++)
		if (memmem(answer.at, answer.len, said + i, least))
			return true;
	return false;
}

/* Whoever asked could choose the words. What is encoded would be repeated decoded. */
static bool is_echo(struct text answer, const struct sg_question_said *asked)
{
	return strchr(asked->target, '%') || repeats(answer, asked->target) ||
	       repeats(answer, asked->host);
}

int sg_edges_capture(const __u8 *bytes, size_t len, bool ended,
		     const struct sg_question_said *asked, struct sg_edge_answer *ret)
{
	struct text all = {(const char *)bytes, len}, body = all;
	struct sg_answer_head head;
	bool length = false;
	int err = read_head(&body, &length);
	__u64 whole;

	/* What is not there by now does not come, or does not fit. */
	if (err)
		return err == -EAGAIN && !ended && len < SG_EDGE_BYTES ? err : -EBADMSG;
	if (sg_answer_head_read(bytes, len, &head) || length != head.has_content_length)
		return -EBADMSG;
	whole = length ? len - body.len + head.content_length : len;
	if (whole > SG_EDGE_BYTES || len > whole)
		return -EBADMSG;
	if (len < whole || (!length && !ended))
		return ended || len == SG_EDGE_BYTES ? -EBADMSG : -EAGAIN;
	if (is_echo(all, asked))
		return -EBADMSG;
	fill(ret, head.status, bytes, len);
	return 0;
}

/* ---- As they come ---- */

static void forget_words(struct sg_edges *e, __u32 service)
{
	const struct sg_edge_answer none = {0};

	e->as_ca_question[service] = 0;
	put(e, service, SG_EDGE_AS_CA, &none);
}

/* Take the pending one, if it is whole; it is done with then, and when it never will be. */
static void judge(struct sg_edges *e, const struct sg_questions *q, struct sg_edges_pending *p,
		  bool ended, bool learned)
{
	const struct sg_question_said *asked = sg_questions_find(q, p->service, p->question);
	struct sg_edge_answer answer;
	bool same = e->as_ca_question[p->service] == p->question;
	int err = asked ? sg_edges_capture(p->bytes, p->len, ended, asked, &answer) : -EBADMSG;

	if (err == -EAGAIN)
		return;
	p->begun_ns = 0;
	if (err && same)
		forget_words(e, p->service);
	if (err || (!same && e->as_ca_question[p->service] && learned))
		return;
	e->as_ca_question[p->service] = p->question;
	put(e, p->service, SG_EDGE_AS_CA, &answer);
}

static bool is_of(const struct sg_edges_pending *p, const struct sg_event *ev)
{
	return p->begun_ns && p->key.endpoint == ev->endpoint &&
	       p->key.client_port == ev->client_port && p->request_number == ev->request_number &&
	       !memcmp(&p->key.client, &ev->client, sizeof(ev->client));
}

static struct sg_edges_pending *find(struct sg_edges *e, const struct sg_event *ev)
{
	for (int i = 0; i < SG_EDGES_PENDING; i++)
		if (is_of(&e->pending[i], ev))
			return &e->pending[i];
	return NULL;
}

static struct sg_edges_pending *begin(struct sg_edges *e, const struct sg_event *ev, __u64 now_ns)
{
	struct sg_edges_pending *p = &e->pending[0];

	for (int i = 1; i < SG_EDGES_PENDING && p->begun_ns; i++)
		if (e->pending[i].begun_ns < p->begun_ns)
			p = &e->pending[i];
	*p = (struct sg_edges_pending){
		.begun_ns = now_ns,
		.question = ev->question,
		.key = {.client = ev->client,
			.client_port = ev->client_port,
			.endpoint = ev->endpoint},
		.request_number = ev->request_number,
		.status = ev->status,
		.service = ev->service,
	};
	return p;
}

void sg_edges_answered(struct sg_edges *e, const struct sg_questions *q,
		       const struct sg_answer_event *record, bool learned, __u64 now_ns)
{
	const struct sg_event *ev = &record->event;
	struct sg_edges_pending *p;

	if (ev->service >= SG_SERVICES || !ev->status)
		return;
	if (ev->status != 404 && ev->status != 403) {
		if (ev->status == 200 || ev->question == e->as_ca_question[ev->service])
			forget_words(e, ev->service);
		return;
	}
	p = find(e, ev);
	/* Begun only with its first byte, and where the question is known. */
	if (!p && ev->question && !ev->head_offset)
		p = begin(e, ev, now_ns);
	if (!p || ev->head_offset != p->len || ev->head_bytes > sizeof(p->bytes) - p->len ||
	    ev->head_bytes > sizeof(record->head))
		return;
	memcpy(p->bytes + p->len, record->head, ev->head_bytes);
	p->len += ev->head_bytes;
	judge(e, q, p, false, learned);
}

/* A FIN directly behind the bytes that are here, which were the first of its side: SYN, bytes, FIN. */
static bool has_ended(const struct sg_edges_pending *p, const struct sg_conn *conn)
{
	return conn->flags & SG_CONN_CA_FIN && !(conn->flags & SG_CONN_ADOPTED) && conn->ca.known &&
	       conn->ca.status == p->status && conn->client.requests == 1 &&
	       p->request_number == 1 && conn->ca.end - conn->ca.isn == p->len + 2u;
}

void sg_edges_look(struct sg_edges *e, const struct sg_questions *q, struct sg_edges_pending *p,
		   const struct sg_conn *conn, bool learned, __u64 now_ns)
{
	if (!p->begun_ns)
		return;
	if (conn && has_ended(p, conn))
		judge(e, q, p, true, learned);
	else if (!conn || now_ns > p->begun_ns + PATIENCE_NS)
		p->begun_ns = 0;
}
