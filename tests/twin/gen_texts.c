// SPDX-License-Identifier: GPL-2.0-only
/* Requests of every class, and answers. */
#include <stdio.h>
#include <string.h>

#include "gen.h"
#include "../fixtures/request_lines.h"

#define GET(target) "GET " target " HTTP/1.1\r\nHost: ca\r\n\r\n"

static const char *const requests[] = {
	GET("/scep?operation=GetCACaps"),
	GET("/cgi-bin/pkiclient.exe?operation=GetCACaps&message=ca"),
	GET("/cgi-bin/pkiclient.exe?operation=GetCACert&message=ca"),
	GET("/scep?operation=GetCACert"),
	GET("/scep/ca/?message=x&operation=GetCACert"),
	GET("/scep?operation=GetCACertChain&message=ca"),
	GET("/cgi-bin/pkiclient.exe?operation=GetNextCACert&message=ca"),
	GET("/scep?operation=GetNextCACert"),
	GET("/cgi-bin/pkiclient.exe?operation=PKIOperation&message=MIIC"),
	GET("/scep?operation=PKIOperation&message=MIIB%2B"),
	"POST /scep?operation=PKIOperation HTTP/1.1\r\nContent-Length: 20\r\n\r\n01234567890123456789",
	"POST /cgi-bin/pkiclient.exe?operation=PKIOperation HTTP/1.0\r\nHost: ca\r\nContent-Length: 6"
	"\r\n\r\nabcdef",
	"POST /scep?operation=PKIOperation HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"
	"012345678",
	"POST /scep?operation=GetCACert HTTP/1.1\r\n\r\n",
	GET("/scep?operation=Enrol"),
	GET("/scep?Operation=GetCACert"),
	GET("/index.html"),
	GET("http://ca/scep?operation=GetCACert"),
	GET("/scep?oper%61tion=GetCACer%74"),
	GET("/scep?operation=GetCACert&operation=GetNextCACert"),
	GET("/scep?operation=GetCACaps;operation=GetCACert#x"),
	"GET  /scep?operation=GetCACert HTTP/1.1\r\n\r\n",
	"GET /scep?operation=GetCACert\r\n",
	"\r\n\r\nGET /scep?operation=GetCACert HTTP/1.1\r\n\r\n",
	"HEAD /scep?operation=GetCACert HTTP/1.1\r\n\r\n",
	"GET /scep?operation=GetCACaps HTTP/1.1\r\n\r\nGET /scep?operation=GetCACert HTTP/1.1\r\n\r\n",
	"GET /scep?operation=GetCACaps HTTP/1.1\r\n\tfolded: 1\r\nContent-Length: 3\r\n\r\nabc",
	"POST /scep?operation=PKIOperation HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n",
	"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
	"PUT / HTTP/2.0\r\n\r\n",
	"GET /scep?operation=GetCACert HTTP/1.1\rX",
	"x",
};

static const char *const answers[] = {
	"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.0 200 OK\r\nContent-Type: application/x-x509-ca-cert\r\n\r\n0123456789",
	"HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n",
	"HTTP/1.1 403 Forbidden\r\n\r\n",
	"HTTP/1.1 500 Internal Server Error\r\n\r\n",
	"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n\r\n",
	"HTTP/1.1 301 Moved\r\nLocation: /\r\n\r\n",
	"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
	"HTTP/1.1 100 Continue\r\n\r\n",
	"HTTP/2 200\r\n",
	"SSH-2.0-server\r\n",
	"HTTP/1.1 199 x\r\nx: y\r\n\r\n",
	"HTTP/1.1 299\r\n",
	"HTTP/1.1 300\r\n",
	"HTTP/1.1 399\n",
	"HTTP/1.1 400\r\n",
	"HTTP/1.1 599 x\r\n",
	"HTTP/1.1 600\r\n",
};

/* Long ones: an enrolment in a GET, with the operation in front or behind; what looks like one and is none; a shadow
 * certificate.
 */
static char long_front[2700], long_behind[2700], long_other[900], long_answer[1400];

static void make_long(void)
{
	static const char front[] = "GET /scep?operation=PKIOperation&message=MII",
			  behind[] = "GET /scep?message=MII", last[] = "&operation=PKIOperation",
			  other[] = "&operation=GetCACaps", end[] = " HTTP/1.1\r\nHost: ca\r\n\r\n",
			  head[] = "HTTP/1.1 200 OK\r\nContent-Type: "
				   "application/x-x509-next-ca-cert\r\n\r\n";

	memset(long_front, 'a', sizeof(long_front));
	memcpy(long_front, front, sizeof(front) - 1);
	memcpy(long_front + sizeof(long_front) - sizeof(end), end, sizeof(end));
	memset(long_behind, 'b', sizeof(long_behind));
	memcpy(long_behind, behind, sizeof(behind) - 1);
	memcpy(long_behind + sizeof(long_behind) - sizeof(end) - sizeof(last) + 1, last,
	       sizeof(last) - 1);
	memcpy(long_behind + sizeof(long_behind) - sizeof(end), end, sizeof(end));
	memset(long_other, 'b', sizeof(long_other));
	memcpy(long_other, behind, sizeof(behind) - 1);
	memcpy(long_other + sizeof(long_other) - sizeof(end) - sizeof(other) + 1, other,
	       sizeof(other) - 1);
	memcpy(long_other + sizeof(long_other) - sizeof(end), end, sizeof(end));
	memset(long_answer, 'c', sizeof(long_answer));
	memcpy(long_answer, head, sizeof(head) - 1);
	long_answer[sizeof(long_answer) - 1] = 0;
}

static struct gen_text text(const char *bytes)
{
	return (struct gen_text){bytes, (__u32)strlen(bytes)};
}

/* A text with a byte put in, taken out or exchanged that means something somewhere, into own. */
static struct gen_text altered(struct dice *d, struct gen_text from, char own[GEN_OWN_TEXT])
{
	static const char marks[] = "?&;#%=+/: \t\r\n[@\x7f\x80Oo0";
	__u64 at = dice_roll(d, from.len);
	bool put = dice_hits(d, 3), take = !put && dice_hits(d, 3);

	memcpy(own, from.bytes, at);
	own[at] = marks[dice_roll(d, sizeof(marks) - 1)];
	memcpy(own + at + !take, from.bytes + at + !put, from.len - at - !put);
	return (struct gen_text){own, from.len + put - take};
}

/* Few, so that one is asked again when it was refused. */
static const char *const questions[] = {
	GET("/cgi-bin/pkiclient.exe?operation=GetNextCACert&message=ca"),
	GET("/scep?operation=GetNextCACert"),
	GET("/scep?operation=GetNextCACert&message=other"),
	"GET /scep?operation=GetNextCACert HTTP/1.0\r\n\r\n",
};

struct gen_text gen_request(struct dice *d, char own[GEN_OWN_TEXT])
{
	struct gen_text chosen;

	if (!long_answer[0])
		make_long();
	if (twin_highest() >= SG_MODE_INTERCEPT && dice_hits(d, 2))
		return text(dice_hits(d, 8) ? long_other : DICE_PICK(d, questions));
	if (dice_hits(d, 16))
		return text(dice_hits(d, 2) ? long_front : long_behind);
	if (dice_hits(d, 4)) {
		const struct sg_request_line *line = &DICE_PICK(d, sg_request_lines);

		chosen = (struct gen_text){line->bytes, (__u32)line->len};
	} else {
		/* Plain ones more often: connections are to come to their end. */
		chosen =
			text(dice_hits(d, 2) ? DICE_PICK(d, requests) : requests[dice_roll(d, 11)]);
	}
	if (chosen.len > 1 && chosen.len < GEN_OWN_TEXT - 1 && dice_hits(d, 8))
		chosen = altered(d, chosen, own);
	return chosen;
}

struct gen_text gen_answer(struct dice *d, const char *request)
{
	if (!long_answer[0])
		make_long();
	if (request && strstr(request, "GetNextCACert")) {
		if (dice_hits(d, twin_highest() < SG_MODE_INTERCEPT ? 3 : 4))
			return text(long_answer);
		if (twin_highest() >= SG_MODE_INTERCEPT && !dice_hits(d, 4)) /* 404, 403 */
			return text(answers[2 + dice_roll(d, 2)]);
	}
	return text(DICE_PICK(d, answers));
}
