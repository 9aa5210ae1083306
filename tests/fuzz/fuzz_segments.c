// SPDX-License-Identifier: GPL-2.0-only
/* libFuzzer target: list of segments -> connection and classifier. The input is a program that makes
 * segments, mostly out of slices of two lines of one length that ask for different things. Crashes
 * - when a useful class is given where any receiver can have read GetNextCACert, or can read it yet
 *   because it did not take what the guard has read;
 * - when a list with nothing odd in it is a useful line, and is not read as that;
 * - when the guard takes a connection for ended that no receiver can have ended.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "../lib/receivers.h"
#include "segment_mutator.h"

#define SEGMENTS_MAX 11

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void explain(const struct segment *list, size_t count)
{
	static const char *const kinds[] = {"client", "SYN", "CA"};

	for (size_t i = 0; i < count; i++) {
		const struct segment *s = &list[i];

		fprintf(stderr,
			"%zu: %s at %d ack %u stamp %u%s flags %02x%s%s%s%s%s odd %u '%.*s'\n", i,
			kinds[s->kind], s->at, s->ack, s->stamp, s->stamped ? "" : " (none)",
			s->flags, s->no_ack ? " no ACK" : "", s->bad_sum ? " bad sum" : "",
			s->fragment ? " fragment" : "", s->other_isn ? " other ISN" : "",
			s->held ? " held" : "", s->odd, s->len, s->bytes ? s->bytes : "");
	}
}

static void wrong(const struct segment *list, size_t count, bool both_sides, const char *what)
{
	explain(list, count);
	fprintf(stderr, "fuzz_segments: seen from %s: %s\n", both_sides ? "both sides" : "one side",
		what);
	abort();
}

/* The CA's FIN and any RST may end its reading at once; the guard may read on. */
static bool may_be_cut(const struct segment *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].kind == SEGMENT_CA || list[i].flags & SG_TCP_RST)
			return true;
	return false;
}

static void judge(const struct reading *reading, const struct segment *list, size_t count)
{
	if (!reading->first_done || !naive_is_useful(reading->first_class))
		return;
	if (segments_may_ask_next(list, count, record_other))
		wrong(list, count, reading->both_sides,
		      "a useful class where a receiver can read GetNextCACert yet");
	if (!may_be_cut(list, count) && !segments_may_ask(list, count, reading->first_class))
		wrong(list, count, reading->both_sides, "a useful class that no receiver reads");
}

/* The bytes of a list in which everything is in order: its length, 0 when anything is not. */
static size_t plain_stream(const struct segment *list, size_t count, char *stream)
{
	int len = 0;

	for (size_t i = 0; i < count; i++) {
		const struct segment *s = &list[i];

		if (!i ? s->stamped || s->len
		       : s->kind != SEGMENT_CLIENT || s->flags || s->no_ack || s->bad_sum ||
				    s->odd || s->fragment || s->other_isn ||
				    s->ack != SEGMENT_ACK || s->at < 0 || s->at > len ||
				    s->at + s->len > STREAM_MAX)
			return 0;
		if (s->at < len && memcmp(stream + s->at, s->bytes,
					  s->at + s->len < len ? s->len : (size_t)(len - s->at)))
			return 0;
		if (s->len)
			memcpy(stream + s->at, s->bytes, s->len);
		len = s->at + s->len > len ? s->at + s->len : len;
	}
	return (size_t)len;
}

/* No enrolment is lost: what a strict reader finds useful in plain segments the guard does, too. */
static void judge_plain(const struct reading *reading, const struct segment *list, size_t count)
{
	char stream[STREAM_MAX] = "";
	struct naive_line line = naive_strict(stream, plain_stream(list, count, stream));

	if (line.strict && line.plain && naive_is_useful(line.request_class) &&
	    (!reading->first_done || reading->first_class != line.request_class))
		wrong(list, count, reading->both_sides, "a plain line was not read");
}

/* One-sided the guard has to believe a FIN and a RST: there the end is not judged, nor what comes
 * after it on the same address and port (docs/decisions, one-sided paths).
 */
static void run(struct segment *list, size_t count, bool both_sides, bool adopted)
{
	struct reading reading;

	if (adopted)
		reading_adopt(&reading);
	else
		reading_begin(&reading, &list[0], both_sides);
	/* Who sees one side only cannot know the right ACK number: the first one has to be. */
	if (!both_sides)
		reading_segment(&reading, &(struct segment){.ack = SEGMENT_ACK,
							    .stamp = list[0].stamp,
							    .stamped = list[0].stamped});
	for (size_t i = 1; i < count; i++) {
		struct reading before = reading;

		reading_segment(&reading, &list[i]);
		list[i].held = reading.held;
		list[i].begins = reading.begun_again;
		if (reading.begun_again) {
			judge(&before, list, i);
			if (both_sides && !segments_may_be_over(list, i))
				wrong(list, i + 1, both_sides, "another attempt on an open one");
			if (!both_sides)
				return;
		}
		if (reading.ended && both_sides && !segments_may_be_over(list, i + 1))
			wrong(list, i + 1, both_sides, "ended, for no receiver");
	}
	judge(&reading, list, count);
	judge_plain(&reading, list, count);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct segment list[SEGMENTS_MAX + 1];
	size_t count;

	if (!size)
		return 0;
	count = segments_read(input, size, list, SEGMENTS_MAX + 1);
	run(list, count, false, false);
	run(list, count, true, false);
	/* What a SYN says that was not seen cannot be known. */
	if (!list[0].len && !list[0].stamped)
		run(list, count, true, true);
	return 0;
}
