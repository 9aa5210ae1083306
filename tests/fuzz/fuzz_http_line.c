// SPDX-License-Identifier: GPL-2.0-only
/* libFuzzer target: request line in pieces -> class. The first byte of the input says how it is cut;
 * the rest are the client's bytes. Crashes when pieces, short cut and whole disagree, or when the
 * oracle objects: above all to a useful class where any reader could see GetNextCACert.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../bpf/core/http_head.h"
#include "../../bpf/core/http_line.h"
#include "../../bpf/core/http_shortcut.h"
#include "../lib/line_feeds.h"
#include "../lib/naive_http.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void require(bool right, const char *what)
{
	if (right)
		return;
	fprintf(stderr, "fuzz_http_line: %s\n", what);
	abort();
}

static void check_shortcut(const struct sg_http_line *whole, const __u8 *data, size_t len)
{
	struct sg_http_line line = {0};
	__u32 taken = sg_http_shortcut(&line, data, data + len, len);

	require(!taken || (taken == whole->line_bytes && same_result(whole, &line)),
		"the short cut reads differently");
}

/* Never a useful class before the line's end, except the one that says it is provisional. */
static void check_prefix(const char *bytes, size_t len)
{
	struct sg_http_line line = feed_at_once(bytes, len);

	if (!sg_http_done(&line))
		require(sg_http_provisional(&line) || sg_http_class(&line) <= SG_REQUEST_UNDECIDED,
			"a class before the line's end");
}

/* What follows the line of a GET: is there anything but line ends behind its empty line? */
static bool naive_more(const char *bytes, size_t len)
{
	const char *end;

	while ((end = memchr(bytes, '\n', len))) {
		const size_t line = (size_t)(end - bytes);
		const bool empty = !line || (line == 1 && bytes[0] == '\r');

		bytes += line + 1;
		len -= line + 1;
		if (!empty)
			continue;
		while (len && (*bytes == '\r' || *bytes == '\n')) {
			bytes++;
			len--;
		}
		return len;
	}
	return false;
}

/* The head whole, in pieces and by the short cut: another request behind it is never overlooked. */
static void check_head(const struct sg_http_line *done, const char *bytes, size_t len, size_t piece)
{
	const __u8 *data = (const __u8 *)bytes + done->line_bytes;
	const __u32 left = (__u32)(len - done->line_bytes);
	struct sg_http_line whole = *done, cut = *done, quick = *done;

	sg_head_feed(&whole, data, left);
	for (size_t at = 0; at < left; at += piece)
		sg_head_feed(&cut, data + at, (__u32)(left - at < piece ? left - at : piece));
	require(whole.head == cut.head && whole.body_left == cut.body_left,
		"in pieces the head reads differently");
	if (done->method == SG_METHOD_GET)
		require(sg_head_more(&whole) == naive_more((const char *)data, left),
			"what is behind the head");
	if (done->line_bytes > 8 && len < 2048 &&
	    sg_head_shortcut(&quick, (const __u8 *)bytes, (const __u8 *)bytes + len,
			     done->line_bytes, (__u32)len))
		require(whole.head == SG_HEAD_ENDED, "the head's short cut reads differently");
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	const char *bytes = (const char *)input + 1;
	size_t len = size - 1, piece;
	struct sg_http_line whole, cut;
	const char *wrong;

	if (!size || len > NAIVE_MAX)
		return 0;
	piece = 1 + input[0];
	whole = feed_at_once(bytes, len);
	cut = feed_pieces(bytes, len, piece);
	require(same_result(&whole, &cut), "in pieces it reads differently");
	if (piece < len) {
		cut = feed_cut(bytes, len, piece);
		require(same_result(&whole, &cut), "cut in two it reads differently");
		check_prefix(bytes, piece);
	}
	check_shortcut(&whole, input + 1, len);
	require(whole.line_bytes <= len, "more read than there is");
	if (!sg_http_done(&whole))
		return 0;
	if (whole.state == SG_HTTP_STATE_DONE)
		check_head(&whole, bytes, len, piece);
	wrong = naive_judge(bytes, len, sg_http_class(&whole));
	require(!wrong, wrong);
	return 0;
}
