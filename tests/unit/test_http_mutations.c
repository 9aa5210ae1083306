// SPDX-License-Identifier: GPL-2.0-only
/* A million mutations of the known request lines: whole, cut in two and by short cut they give the
 * same result, and an oracle that shares no code with the reader finds nothing wrong with it. The
 * seed is fixed; SG_MUTATIONS=N in the environment sets how many.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "../../bpf/core/http_line.h"
#include "../../bpf/core/http_shortcut.h"
#include "../fixtures/request_lines.h"
#include "../lib/line_feeds.h"
#include "../lib/naive_http.h"

#define LINE_MAX_BYTES    512
#define DEFAULT_MUTATIONS 1000000

/* What mutations are made of: all that means something to the reader, and its neighbours. */
static const char *const tokens[] = {
	"operation",
	"message",
	"GetCACaps",
	"GetCACert",
	"GetNextCACert",
	"GetCACertChain",
	"PKIOperation",
	"operation=GetNextCACert",
	";operation=GetNextCACert",
	"&operation=",
	"?operation=",
	"&message=MI",
	" HTTP/1.1\r\n",
	" HTTP/1.0\r\n",
	"\r\n",
	"GET ",
	"POST ",
	"http://",
	"https://a",
	"%6f",
	"%4F",
	"%00",
	"%20",
	"%26",
	"%3D",
	"%3B",
	"%",
	"%4",
	"%%",
	"+",
	"[",
	"]",
	";",
	"#",
	"&",
	"=",
	"?",
	"/",
	" ",
	"\r",
	"\n",
	"\t",
	"\x7f",
	"\x80",
	"Operation",
	"OPERATION",
	"x",
};

struct mutant {
	char bytes[LINE_MAX_BYTES];
	size_t len;
};

/* xorshift64*: the same on every machine. */
static uint64_t random_state = 0x5ce9;

static uint32_t random_below(uint32_t bound)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)((random_state * 0x2545f4914f6cdd1dULL) >> 32) % bound;
}

/* Replaces `gone` bytes at `at` by `text`; leaves the mutant as it is when that does not fit. */
static void splice(struct mutant *m, size_t at, size_t gone, const char *text, size_t len)
{
	if (at > m->len || gone > m->len - at || m->len - gone + len > LINE_MAX_BYTES)
		return;
	memmove(m->bytes + at + len, m->bytes + at + gone, m->len - at - gone);
	memcpy(m->bytes + at, text, len);
	m->len += len - gone;
}

static void mutate(struct mutant *m)
{
	const char *token = tokens[random_below(sizeof(tokens) / sizeof(tokens[0]))];
	size_t at = random_below(m->len + 1), left = m->len - at;
	char byte = random_below(256), copy[32];
	size_t some = random_below(sizeof(copy)), from;

	switch (random_below(6)) {
	case 0: /* one byte becomes another */
		splice(m, at, !!left, &byte, 1);
		break;
	case 1: /* something goes */
		splice(m, at, some < left ? some : left, "", 0);
		break;
	case 2: /* a token comes in */
		splice(m, at, 0, token, strlen(token));
		break;
	case 3: /* a token takes the place of something */
		splice(m, at, strlen(token) < left ? strlen(token) : left, token, strlen(token));
		break;
	case 4: /* the case of a letter changes */
		if (left && ((m->bytes[at] | 0x20) >= 'a' && (m->bytes[at] | 0x20) <= 'z'))
			m->bytes[at] ^= 0x20;
		break;
	case 5: /* a piece is repeated elsewhere */
		from = random_below(m->len + 1);
		if (some > m->len - from)
			some = m->len - from;
		memcpy(copy, m->bytes + from, some);
		splice(m, at, 0, copy, some);
		break;
	}
}

static void fail_mutant(const struct mutant *m, const char *what)
{
	size_t i;

	print_error("%s: \"", what);
	for (i = 0; i < m->len; i++)
		print_error(m->bytes[i] >= ' ' && m->bytes[i] <= '~' ? "%c" : "\\x%02x",
			    (unsigned char)m->bytes[i]);
	print_error("\"\n");
	fail();
}

/* Returns whether the short cut took it. */
static bool check_mutant(const struct mutant *m)
{
	const __u8 *data = (const __u8 *)m->bytes;
	struct sg_http_line whole = feed_at_once(m->bytes, m->len), other = {0};
	const char *wrong;
	__u32 taken;

	other = feed_cut(m->bytes, m->len, random_below(m->len + 1));
	if (!same_result(&whole, &other))
		fail_mutant(m, "cut in two it reads differently");
	other = feed_pieces(m->bytes, m->len, 16);
	if (!same_result(&whole, &other))
		fail_mutant(m, "in pieces it reads differently");
	memset(&other, 0, sizeof(other));
	taken = sg_http_shortcut(&other, data, data + m->len, m->len);
	if (taken && (taken != whole.line_bytes || !same_result(&whole, &other)))
		fail_mutant(m, "the short cut reads differently");
	if (sg_http_done(&whole)) {
		wrong = naive_judge(m->bytes, m->len, whole.final_class);
		if (wrong)
			fail_mutant(m, wrong);
	}
	return taken;
}

/* Starts from a known line: `gentle` mutants stay near the common ones. */
static void seed_mutant(struct mutant *m, bool gentle)
{
	const struct sg_request_line *row = &sg_request_lines[random_below(SG_REQUEST_LINES)];

	if (gentle)
		row = &sg_request_lines[random_below(6)];
	m->len = row->len;
	memcpy(m->bytes, row->bytes, row->len);
}

static void test_mutations(void **state)
{
	const char *wanted = getenv("SG_MUTATIONS");
	unsigned long i, n = wanted ? strtoul(wanted, NULL, 10) : DEFAULT_MUTATIONS;
	unsigned long taken = 0, useful = 0;
	struct sg_http_line line;
	struct mutant m;
	uint32_t steps;

	(void)state;
	for (i = 0; i < n; i++) {
		seed_mutant(&m, i & 1);
		for (steps = 1 + random_below(i & 1 ? 2 : 6); steps; steps--)
			mutate(&m);
		taken += check_mutant(&m);
		line = feed_at_once(m.bytes, m.len);
		useful += naive_is_useful(sg_http_class(&line));
	}
	print_message("%lu mutants, %lu taken by the short cut, %lu of a useful class\n", n, taken,
		      useful);
	/* Or the mutations have wandered off into what is malformed anyway. */
	assert_true(taken > n / 200);
	assert_true(useful > n / 50);
}

/* Every single byte of a common line, changed to every value. */
static void test_every_byte_of_common_lines(void **state)
{
	struct mutant m;
	size_t row, at;
	int byte;

	(void)state;
	for (row = 0; row < 6; row++) {
		for (at = 0; at < sg_request_lines[row].len; at++) {
			for (byte = 0; byte < 256; byte++) {
				m.len = sg_request_lines[row].len;
				memcpy(m.bytes, sg_request_lines[row].bytes, m.len);
				m.bytes[at] = byte;
				check_mutant(&m);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte_of_common_lines),
		cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
