// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "answer_head.h"
#include "../../bpf/core/http_answer.h"

struct text {
	const char *at;
	size_t len;
};

/* Fields we read. BAD stays: whatever comes later, readers may differ over this field. */
enum field_state { FIELD_ABSENT, FIELD_GIVEN, FIELD_BAD };

struct head_reader {
	struct sg_answer_head head;
	enum field_state type, length;
	enum field_state *last; /* of the field line before this one, NULL = one we skip */
};

/* Take the next whole line off *rest, without its line end. */
static bool take_line(struct text *rest, struct text *line)
{
	const char *end = memchr(rest->at, '\n', rest->len);

	if (!end)
		return false;
	line->at = rest->at;
	line->len = end - rest->at;
	rest->at = end + 1;
	rest->len -= line->len + 1;
	if (line->len && line->at[line->len - 1] == '\r')
		line->len--;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct text trim(struct text t)
{
	while (t.len && is_blank(t.at[0])) {
		t.at++;
		t.len--;
	}
	while (t.len && is_blank(t.at[t.len - 1]))
		t.len--;
	return t;
}

static bool named(struct text name, const char *wanted)
{
	return name.len == strlen(wanted) && !strncasecmp(name.at, wanted, name.len);
}

/* Media type without parameters, in lower case. */
static bool read_media_type(struct text value, char *ret)
{
	const char *semicolon = memchr(value.at, ';', value.len);
	size_t i;

	if (semicolon)
		value.len = semicolon - value.at;
	value = trim(value);
	if (!value.len || value.len >= SG_MEDIA_TYPE_MAX)
		return false;
	for (i = 0; i < value.len; i++) {
		char c = value.at[i];

		if (c <= ' ' || c > '~')
			return false;
		ret[i] = c >= 'A' && c <= 'Z' ? c | 0x20 : c;
	}
	ret[i] = '\0';
	return true;
}

/* Digits only; refuses what does not fit. */
static bool read_length(struct text value, __u64 *ret)
{
	__u64 bytes = 0;
	size_t i;

	if (!value.len || value.len > 18)
		return false;
	for (i = 0; i < value.len; i++) {
		if (value.at[i] < '0' || value.at[i] > '9')
			return false;
		bytes = bytes * 10 + (value.at[i] - '0');
	}
	*ret = bytes;
	return true;
}

static void take_media_type(struct head_reader *r, struct text value)
{
	char type[SG_MEDIA_TYPE_MAX];

	r->last = &r->type;
	if (!read_media_type(value, type) ||
	    (r->type == FIELD_GIVEN && strcmp(type, r->head.media_type)))
		r->type = FIELD_BAD;
	if (r->type != FIELD_ABSENT)
		return;
	strcpy(r->head.media_type, type);
	r->type = FIELD_GIVEN;
}

static void take_length(struct head_reader *r, struct text value)
{
	__u64 bytes;

	r->last = &r->length;
	if (!read_length(value, &bytes) ||
	    (r->length == FIELD_GIVEN && bytes != r->head.content_length))
		r->length = FIELD_BAD;
	if (r->length != FIELD_ABSENT)
		return;
	r->head.content_length = bytes;
	r->length = FIELD_GIVEN;
}

static void take_field(struct head_reader *r, struct text line)
{
	const char *colon;
	struct text name, value;

	if (is_blank(line.at[0])) { /* folded: obsolete, and read in different ways */
		if (r->last)
			*r->last = FIELD_BAD;
		return;
	}
	r->last = NULL;
	colon = memchr(line.at, ':', line.len);
	if (!colon)
		return;
	name = (struct text){line.at, colon - line.at};
	value = trim((struct text){colon + 1, line.len - name.len - 1});
	if (named(name, "content-type"))
		take_media_type(r, value);
	else if (named(name, "content-length"))
		take_length(r, value);
}

/* The final status line, past any interim answers; *rest then begins after it. */
static int read_status(struct text *rest, __u32 *ret)
{
	struct sg_http_answer answer = {0};
	const __u8 *bytes = (const __u8 *)rest->at;
	__u32 read = sg_http_answer_feed(&answer, bytes, bytes + rest->len, rest->len);
	struct text line;

	if (!sg_http_answer_done(&answer))
		return -EAGAIN;
	if (!sg_http_answer_status(&answer))
		return -EBADMSG;
	/* The byte that decided may be the line's end itself: leave it for take_line(). */
	rest->at += read - 1;
	rest->len -= read - 1;
	if (!take_line(rest, &line))
		return -EAGAIN;
	*ret = sg_http_answer_status(&answer);
	return 0;
}

int sg_answer_head_read(const __u8 *bytes, size_t len, struct sg_answer_head *ret)
{
	struct head_reader r = {0};
	struct text rest = {(const char *)bytes, len}, line;
	int err = read_status(&rest, &r.head.status);

	if (err)
		return err;
	while (!r.head.complete && take_line(&rest, &line)) {
		if (line.len)
			take_field(&r, line);
		else
			r.head.complete = true;
	}
	if (r.type != FIELD_GIVEN)
		r.head.media_type[0] = '\0';
	r.head.has_content_length = r.length == FIELD_GIVEN;
	if (!r.head.has_content_length)
		r.head.content_length = 0;
	*ret = r.head;
	return 0;
}
