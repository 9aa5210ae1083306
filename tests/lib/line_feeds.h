/* SPDX-License-Identifier: GPL-2.0-only */
/* Ways to feed a request line to the reader under test. */
#ifndef SG_LINE_FEEDS_H
#define SG_LINE_FEEDS_H

#include <stdbool.h>
#include <stddef.h>
#include "../../bpf/core/http_line.h"

static inline __u32 feed(struct sg_http_line *line, const char *bytes, size_t len)
{
	const __u8 *data = (const __u8 *)bytes;

	return sg_http_feed(line, data, data + len, len);
}

static inline struct sg_http_line feed_at_once(const char *bytes, size_t len)
{
	struct sg_http_line line = {0};

	feed(&line, bytes, len);
	return line;
}

/* The first `cut` bytes, then the rest, as two segments would bring them. */
static inline struct sg_http_line feed_cut(const char *bytes, size_t len, size_t cut)
{
	struct sg_http_line line = {0};

	feed(&line, bytes, cut);
	feed(&line, bytes + cut, len - cut);
	return line;
}

/* In pieces of `size`, as the BPF side does. */
static inline struct sg_http_line feed_pieces(const char *bytes, size_t len, size_t size)
{
	struct sg_http_line line = {0};
	const __u8 *data = (const __u8 *)bytes;
	size_t done = 0, read;

	do {
		read = sg_http_feed_some(&line, data + done, data + len, len - done, size);
		done += read;
	} while (read == size);
	return line;
}

/* Do two readers agree in all that others may look at? */
static inline bool same_result(const struct sg_http_line *a, const struct sg_http_line *b)
{
	if (sg_http_done(a) != sg_http_done(b) || sg_http_class(a) != sg_http_class(b) ||
	    a->line_bytes != b->line_bytes)
		return false;
	return a->state != SG_HTTP_STATE_DONE ||
	       (a->method == b->method && a->target_start == b->target_start &&
		a->target_end == b->target_end);
}

#endif
