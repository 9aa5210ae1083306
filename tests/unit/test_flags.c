// SPDX-License-Identifier: GPL-2.0-only
/* Flags that share a word share no bit, and fit it. Read from the headers' text, so that a new flag is
 * looked at without being listed here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../bpf/core/tcp_conn.h"
#include "../../bpf/core/window.h"
#include "../../userspace/util/cleanup.h"

#define MEMBER_BITS(type, member) (8 * sizeof(((struct type *)0)->member))

/* Flags of one word: every `#define <prefix>NAME <number>` between the lines that begin so. */
struct word {
	const char *file, *prefix;
	const char *from, *until; /* texts in the file; NULL: all of it */
	unsigned int bits, least; /* of the word; how many flags there are at least */
};

static const struct word words[] = {
	{"bpf/abi/scepguard_abi.h", "SG_CONN_", NULL, NULL, MEMBER_BITS(sg_conn, flags), 13},
	{"bpf/abi/scepguard_abi.h", "SG_PLACE_", NULL, NULL, 4, 4},
	{"bpf/core/tcp_conn.h", "SG_EFFECT_", NULL, NULL, 32, 9},
	{"bpf/core/http_line.h", "SG_HTTP_", "#define SG_HTTP_DOUBTFUL", "struct sg_http_line",
	 MEMBER_BITS(sg_http_line, flags), 5},
	{"bpf/core/http_head.h", "SG_HEAD_", "#define SG_HEAD_ODD", "#define SG_HEAD_BODY_MAX",
	 MEMBER_BITS(sg_http_line, head_flags), 3},
	{"bpf/core/net_parse.h", "SG_TCP_", NULL, NULL, MEMBER_BITS(sg_packet, tcp_flags), 5},
};

static char *read_file(const char *path)
{
	char *text = calloc(1, 1 << 20);
	_cleanup_fclose_ FILE *f = fopen(path, "r");

	if (!f)
		fail_msg("cannot open %s: run the tests from the top of the tree", path);
	assert_non_null(text);
	assert_in_range(fread(text, 1, (1 << 20) - 1, f), 1, (1 << 20) - 2);
	return text;
}

/* The part of the file that holds the word's flags. */
static char *flags_of(const struct word *w, char *text)
{
	char *from = w->from ? strstr(text, w->from) : text;
	char *until = from && w->until ? strstr(from, w->until) : NULL;

	if (!from || (w->until && !until))
		fail_msg("%s: where are the flags %s?", w->file, w->prefix);
	if (until)
		*until = '\0';
	return from;
}

static void check_flag(const struct word *w, const char *name, unsigned long long value,
		       unsigned long long *seen)
{
	if (!value || value & (value - 1))
		fail_msg("%s is %#llx: expected one bit", name, value);
	if (value >> w->bits)
		fail_msg("%s is %#llx: its word has %u bits", name, value, w->bits);
	if (*seen & value)
		fail_msg("%s is %#llx, which is another one's bit", name, value);
	*seen |= value;
}

static void test_flags_share_no_bit(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const struct word *w = &words[i];
		_cleanup_free_ char *text = read_file(w->file);
		unsigned long long seen = 0, value;
		unsigned int count = 0;
		char name[64], *rest;

		for (char *line = strtok_r(flags_of(w, text), "\n", &rest); line;
		     line = strtok_r(NULL, "\n", &rest)) {
			if (sscanf(line, "#define %63s %lli", name, (long long *)&value) != 2 ||
			    strncmp(name, w->prefix, strlen(w->prefix)))
				continue;
			check_flag(w, name, value, &seen);
			count++;
		}
		if (count < w->least)
			fail_msg("%s: only %u flags %s were found", w->file, count, w->prefix);
	}
}

/* The flags of a place and its mask. */
static void test_place_mask(void **state)
{
	(void)state;
	assert_int_equal(SG_PLACE_SYN_ACKED | SG_PLACE_HANDSHAKE | SG_PLACE_SETTLED |
				 SG_PLACE_FINAL,
			 SG_PLACE_FLAGS);
	assert_int_equal(sg_place_ticks(sg_place_word(1, SG_PLACE_NUMBER, SG_PLACE_FLAGS)), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flags_share_no_bit),
		cmocka_unit_test(test_place_mask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
