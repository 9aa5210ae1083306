// SPDX-License-Identifier: GPL-2.0-only
/* libFuzzer target: bytes of an answer -> status (bpf/core/http_answer.h) and head (userspace/http). The
 * first byte says how they are cut. Crashes when whole and pieces disagree, or a strict reader that has
 * all of it before it, as lines of text.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../../bpf/core/http_answer.h"
#include "../../userspace/http/answer_head.h"

#define LINES_MAX   1024
#define NOT_THERE   (-1) /* the line is not there yet */
#define VALUE_MAX   1024
#define LENGTH_MOST 18 /* digits */

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void require(bool right, const char *what)
{
	if (right)
		return;
	fprintf(stderr, "fuzz_answer: %s\n", what);
	abort();
}

/* The answer as lines: whole ones, ended by LF, without it and without one CR before it. */
struct lines {
	const char *at[LINES_MAX];
	size_t len[LINES_MAX], count;
	const char *rest; /* behind the last LF */
	size_t rest_len;
};

static void split(struct lines *l, const char *bytes, size_t len)
{
	const char *end;

	l->count = 0;
	while (l->count < LINES_MAX && (end = memchr(bytes, '\n', len))) {
		size_t n = (size_t)(end - bytes);

		l->at[l->count] = bytes;
		l->len[l->count++] = n && bytes[n - 1] == '\r' ? n - 1 : n;
		bytes += n + 1;
		len -= n + 1;
	}
	l->rest = bytes;
	l->rest_len = len;
}

/* RFC 9112, 4, as far as the bytes go: the status, 0 for what is none, or NOT_THERE. */
static int status_of(const char *line, size_t len, bool ended)
{
	static const char shape[] = "HTTP/1.d CDD";

	for (size_t i = 0; i < sizeof(shape) - 1; i++) {
		char c = i < len ? line[i] : '\n';

		if (i == len && !ended)
			return NOT_THERE;
		if (shape[i] == 'd' || shape[i] == 'D') {
			if (c < '0' || c > '9')
				return 0;
		} else if (shape[i] == 'C' ? c < '1' || c > '5' : c != shape[i]) {
			return 0;
		}
	}
	if (len == 12 && !ended)
		return NOT_THERE;
	/* A CR that is not the line's end ends the code, too. */
	if (len > 12 && line[12] != ' ' && line[12] != '\r')
		return 0;
	return 100 * (line[9] - '0') + 10 * (line[10] - '0') + (line[11] - '0');
}

/* The final status, past interim answers. *behind: the line after the one it stands in. */
static int strict_status(const struct lines *l, size_t *behind)
{
	size_t i = 0;

	for (;;) {
		const bool ended = i < l->count;
		int status = status_of(ended ? l->at[i] : l->rest, ended ? l->len[i] : l->rest_len,
				       ended);

		*behind = i + 1;
		if (status <= 0 || status >= 200 || status == 101)
			return status;
		while (i < l->count && (i < *behind || l->len[i]))
			i++;
		if (i >= l->count)
			return NOT_THERE;
		i++;
	}
}

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Value of a field line, without blanks around it, if it has this name. */
static bool field_is(const char *line, size_t len, const char *name, char *value)
{
	size_t n = strlen(name);

	if (len <= n || strncasecmp(line, name, n) || line[n] != ':' || memchr(line, '\0', n))
		return false;
	for (n++; n < len && blank(line[n]);)
		n++;
	while (len > n && blank(line[len - 1]))
		len--;
	memcpy(value, line + n, len - n);
	value[len - n] = '\0';
	/* A NUL is as bad as any control byte; in a type's parameters nobody looks. */
	for (size_t i = 0; i < len - n; i++)
		value[i] = value[i] ? value[i] : 1;
	return true;
}

static bool good_type(char *value)
{
	size_t n;

	value[strcspn(value, ";")] = '\0';
	for (n = strlen(value); n && blank(value[n - 1]);)
		value[--n] = '\0';
	for (size_t i = 0; i < n; i++) {
		if (value[i] <= ' ' || value[i] > '~')
			return false;
		if (value[i] >= 'A' && value[i] <= 'Z')
			value[i] += 'a' - 'A';
	}
	return n && n < SG_MEDIA_TYPE_MAX;
}

static bool good_length(char *value)
{
	size_t n = strlen(value);

	if (!n || n > LENGTH_MOST || strspn(value, "0123456789") != n)
		return false;
	snprintf(value, VALUE_MAX, "%llu", strtoull(value, NULL, 10));
	return true;
}

/* The one value a field has from line i on, "" when there is none or readers may differ. */
static void strict_field(const struct lines *l, size_t i, const char *name, bool (*good)(char *),
			 char *found)
{
	char value[VALUE_MAX + 1];
	bool bad = false, last = false;

	found[0] = '\0';
	for (; i < l->count && l->len[i]; i++) {
		if (blank(l->at[i][0])) {
			bad |= last;
			continue;
		}
		last = field_is(l->at[i], l->len[i], name, value);
		if (!last)
			continue;
		bad |= !good(value) || (found[0] && strcmp(found, value));
		strcpy(found, value);
	}
	if (bad)
		found[0] = '\0';
}

static void check_head(const struct lines *l, int status, size_t i, const char *bytes, size_t len)
{
	char type[VALUE_MAX + 1], length[VALUE_MAX + 1];
	struct sg_answer_head head;
	int err = sg_answer_head_read((const __u8 *)bytes, len, &head);
	size_t end = i;

	if (!status) {
		require(err == -EBADMSG, "a head of no answer");
		return;
	}
	/* The status may be final before its line is whole. */
	if (status == NOT_THERE || i > l->count) {
		require(err == -EAGAIN, "a head too early");
		return;
	}
	require(!err && head.status == (__u32)status, "status of the head");
	strict_field(l, i, "content-type", good_type, type);
	strict_field(l, i, "content-length", good_length, length);
	while (end < l->count && l->len[end])
		end++;
	require(head.complete == (end < l->count), "complete or not");
	require(!strcmp(head.media_type, type), "media type");
	require(head.has_content_length == !!length[0], "length given or not");
	require(head.content_length == strtoull(length, NULL, 10), "length");
}

static struct sg_http_answer feed_pieces(const char *bytes, size_t len, __u32 piece)
{
	struct sg_http_answer answer = {0};
	const __u8 *data = (const __u8 *)bytes;

	for (size_t done = 0; done < len;) {
		__u32 n = len - done < piece ? (__u32)(len - done) : piece;
		__u32 read = sg_http_answer_feed_some(&answer, data + done, data + len, n, piece);

		require(read <= n && (read == n || sg_http_answer_done(&answer)), "bytes left");
		if (sg_http_answer_done(&answer))
			break;
		done += read;
	}
	return answer;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	const char *bytes = (const char *)input + 1;
	struct sg_http_answer whole, cut;
	static struct lines lines;
	size_t behind = 0;
	int status;

	if (!size || size > VALUE_MAX)
		return 0;
	size--;
	whole = feed_pieces(bytes, size, VALUE_MAX);
	cut = feed_pieces(bytes, size, 1 + input[0]);
	require(whole.state == cut.state && whole.status == cut.status, "in pieces it differs");
	split(&lines, bytes, size);
	status = strict_status(&lines, &behind);
	require(sg_http_answer_done(&whole) == (status != NOT_THERE), "decided or not");
	require(status == NOT_THERE || sg_http_answer_status(&whole) == (__u32)status, "status");
	check_head(&lines, status, behind, bytes, size);
	return 0;
}
