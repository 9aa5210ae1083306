// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "jsonl.h"
#include "times.h"
#include "../util/cleanup.h"
#include "../util/json.h"

#define SG_ERROR_TEXT 256

/* One line without its end. `bytes` has one byte more than SG_CLASSIFY_LINE_MAX, for the NUL. */
struct line {
	char *bytes;
	size_t len;
	bool too_long;
};

/* The next line. Returns false at the end of the input. */
static bool read_line(FILE *in, struct line *line)
{
	int c = getc_unlocked(in);

	if (c == EOF)
		return false;
	line->len = 0;
	line->too_long = false;
	for (; c != EOF && c != '\n'; c = getc_unlocked(in)) {
		if (line->len < SG_CLASSIFY_LINE_MAX)
			line->bytes[line->len++] = (char)c;
		else
			line->too_long = true;
	}
	line->bytes[line->len] = '\0';
	return true;
}

static bool is_blank(const struct line *line)
{
	for (size_t i = 0; i < line->len; i++)
		if (!isspace((unsigned char)line->bytes[i]))
			return false;
	return true;
}

static const char *skip_blanks(const char *at)
{
	while (isspace((unsigned char)*at))
		at++;
	return at;
}

/* The id of a line that is no JSON as a whole, when it comes first in it: so that whoever sent it can
 * tell which one it was. New reference; null when there is none.
 */
static json_t *id_in_ruins(const char *text)
{
	json_t *id = NULL;
	const char *end;

	text = skip_blanks(text);
	if (*text == '{')
		text = skip_blanks(text + 1);
	if (!strncmp(text, "\"id\"", 4)) {
		text = skip_blanks(text + 4);
		end = *text == ':' ? strchr(text, ',') : NULL;
		if (end)
			id = json_loadb(text + 1, (size_t)(end - text - 1), JSON_DECODE_ANY, NULL);
	}
	if (id && (json_is_string(id) || json_is_number(id)))
		return id;
	json_decref(id);
	return json_null();
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes len characters, at most 2 * SG_CLASSIFY_FRAME_MAX. Returns the bytes, or -EINVAL. */
static int decode_hex(const char *hex, size_t len, __u8 *bytes)
{
	if (len % 2)
		return -EINVAL;
	for (size_t i = 0; i < len; i += 2) {
		int high = hex_digit(hex[i]), low = hex_digit(hex[i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		bytes[i / 2] = (__u8)(high << 4 | low);
	}
	return (int)(len / 2);
}

const char *sg_classify_reason(int err)
{
	switch (err) {
	case -EINVAL:
		return "expected an even number of hexadecimal digits";
	case -EMSGSIZE:
		return "too long: expected at most 3520 bytes, the most a driver gives the program";
	case -EPROTO:
		return "the program aborted";
	case -ENOSPC:
		return "more connections than the guard's table has room for";
	case -ENOMEM:
		return "out of memory";
	}
	return strerror(-err);
}

_Static_assert(SG_CLASSIFY_FRAME_MAX == 3520, "the sentence above says so");

/* One frame, at_ns after the first. Returns 0 or negative errno, see sg_classify_reason(). */
static int feed_packet(struct sg_classifier *c, const json_t *packet, __u64 at_ns)
{
	__u8 frame[SG_CLASSIFY_FRAME_MAX];
	int len, err;

	if (!json_is_string(packet))
		return -EINVAL;
	if (json_string_length(packet) > 2 * sizeof(frame))
		return -EMSGSIZE;
	len = decode_hex(json_string_value(packet), json_string_length(packet), frame);
	if (len < 0)
		return len;
	err = sg_classifier_time(c, at_ns);
	return err ? err : sg_classifier_frame(c, frame, (size_t)len);
}

/* All frames of a case; times NULL: all at once. On failure `error` says what is wrong with which. */
static int feed_packets(struct sg_classifier *c, const json_t *packets, const __u64 *times,
			char *error)
{
	size_t i;
	json_t *packet;
	int err = sg_classifier_begin(c);

	if (err)
		snprintf(error, SG_ERROR_TEXT, "cannot begin anew: %s", sg_classify_reason(err));
	json_array_foreach (packets, i, packet) {
		if (err)
			break;
		err = feed_packet(c, packet, times ? times[i] : 0);
		if (err)
			snprintf(error, SG_ERROR_TEXT, "packet %zu: %s", i,
				 sg_classify_reason(err));
	}
	return err;
}

/* An array, if it has all its elements: adding one fails when out of memory. Takes the reference. */
static json_t *whole(json_t *array, size_t count)
{
	if (json_array_size(array) == count)
		return array;
	json_decref(array);
	return NULL;
}

static json_t *classes_json(const struct sg_classify_result *result)
{
	json_t *classes = json_array();

	for (size_t i = 0; i < result->request_count; i++)
		json_array_append_new(
			classes, json_string(sg_classify_name(result->requests[i].request_class)));
	if (!result->request_count)
		json_array_append_new(classes, json_string(result->tracked ? "none" : "ignored"));
	return whole(classes, result->request_count ? result->request_count : 1);
}

static json_t *dropped_json(const struct sg_classify_result *result)
{
	json_t *dropped = json_array();

	for (size_t i = 0; i < result->dropped_count; i++)
		json_array_append_new(dropped, json_integer((json_int_t)result->dropped[i]));
	return whole(dropped, result->dropped_count);
}

static json_t *hex_json(const __u8 *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	_cleanup_free_ char *hex = malloc(2 * len + 1);

	if (!hex)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		hex[2 * i] = digits[bytes[i] >> 4];
		hex[2 * i + 1] = digits[bytes[i] & 0xf];
	}
	return json_stringn(hex, 2 * len);
}

static json_t *sent_json(const struct sg_classify_result *result)
{
	json_t *sent = json_array();

	for (size_t i = 0; i < result->sent_count; i++) {
		const struct sg_classify_sent *one = &result->sent[i];

		json_array_append_new(sent, json_pack("[I, o]", (json_int_t)one->index,
						      hex_json(one->bytes, one->len)));
	}
	return whole(sent, result->sent_count);
}

json_t *sg_classify_json(const struct sg_classify_result *result)
{
	json_t *doc = json_pack("{s:o, s:o}", "classes", classes_json(result), "dropped",
				dropped_json(result));

	if (!doc || !result->sent_kept || !json_object_set_new(doc, "to_ca", sent_json(result)))
		return doc;
	json_decref(doc);
	return NULL;
}

/* The verdict on one case, without its id; NULL: `error` says why there is none. */
static json_t *classify_case(struct sg_classifier *c, const json_t *doc, char *error)
{
	const json_t *packets = json_object_get(doc, "packets");
	_cleanup_free_ __u64 *times = NULL;
	struct sg_classify_result result;

	if (!json_is_array(packets)) {
		snprintf(error, SG_ERROR_TEXT,
			 "'packets': expected a list of frames in hexadecimal");
		return NULL;
	}
	if (sg_classify_times(json_object_get(doc, "times"), json_array_size(packets), &times,
			      error, SG_ERROR_TEXT))
		return NULL;
	sg_classifier_keep_sent(c, json_is_true(json_object_get(doc, "to_ca")));
	if (feed_packets(c, packets, times, error) || sg_classifier_end(c, &result))
		return NULL;
	return sg_classify_json(&result);
}

/* The answer to one line; new reference, or NULL when out of memory. */
static json_t *answer_line(struct sg_classifier *c, const struct line *line)
{
	char error[SG_ERROR_TEXT] = "out of memory";
	json_t *verdict = NULL, *id;
	_cleanup_json_ json_t *doc = NULL;
	json_error_t why;

	if (line->too_long)
		snprintf(error, sizeof(error), "a line longer than %u bytes", SG_CLASSIFY_LINE_MAX);
	else
		doc = json_loadb(line->bytes, line->len, JSON_ALLOW_NUL, &why);
	if (!doc && !line->too_long)
		snprintf(error, sizeof(error), "not JSON: %s (column %d)", why.text, why.column);
	else if (doc && !json_is_object(doc))
		snprintf(error, sizeof(error), "expected an object with 'id' and 'packets'");
	else if (doc)
		verdict = classify_case(c, doc, error);
	id = json_incref(json_object_get(doc, "id"));
	if (!id)
		id = json_is_object(doc) ? json_null() : id_in_ruins(line->bytes);
	if (!verdict)
		return json_pack("{s:o, s:o}", "id", id, "error", sg_json_text(error));
	if (json_object_set_new(verdict, "id", id)) {
		json_decref(verdict);
		return NULL;
	}
	return verdict;
}

static int write_answer(FILE *out, json_t *answer)
{
	int err = 0;

	if (!answer)
		return -ENOMEM;
	if (json_dumpf(answer, out, JSON_COMPACT | JSON_ENSURE_ASCII) || fputc('\n', out) == EOF ||
	    fflush(out))
		err = -EIO;
	json_decref(answer);
	return err;
}

int sg_classify_jsonl(struct sg_classifier *c, FILE *in, FILE *out)
{
	_cleanup_free_ char *bytes = malloc(SG_CLASSIFY_LINE_MAX + 1);
	struct line line = {.bytes = bytes};
	int err = bytes ? 0 : -ENOMEM;

	while (!err && read_line(in, &line))
		if (!is_blank(&line))
			err = write_answer(out, answer_line(c, &line));
	return !err && ferror(in) ? -EIO : err;
}
