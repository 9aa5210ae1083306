// SPDX-License-Identifier: GPL-2.0-only
/* libFuzzer target: list of segments -> connection and classifier. The input is a program that makes
 * segments, mostly out of slices of two lines of one length that ask for different things. Crashes
 * when a useful class is given where any receiver can have read GetNextCACert.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "../lib/segments.h"

#define SEGMENTS_MAX   24
#define SEGMENT_RECORD 6 /* bytes of input a segment takes, without raw ones */

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static const char useful[] = "GET /scep?operation=GetCACaps HTTP/1.1\r\nHost: example\r\n\r\n";
static const char other[] = "GET /scep?operation=GetNextCACert HTTP/1.1\r\nHost: exam\r\n\r\n";

/* The bytes of a segment: a slice of a line at its own place, or raw ones at any. */
static size_t take_bytes(const uint8_t *record, const uint8_t *rest, size_t left, struct segment *s)
{
	const size_t from = record[1] % sizeof(useful);
	size_t len = record[2] % 64;

	if (record[0] & 2) {
		len = len < left ? len : left;
		s->bytes = (const char *)rest;
		s->len = (__u16)len;
		s->at = record[1];
		return len;
	}
	if (len > sizeof(useful) - 1 - from)
		len = sizeof(useful) - 1 - from;
	s->bytes = (record[0] & 1 ? other : useful) + from;
	s->len = (__u16)len;
	s->at = (int)from;
	return 0;
}

static const uint8_t tcp_flags[4] = {0, 0, SG_TCP_FIN, SG_TCP_URG};

/* One segment. Returns the bytes of input used. */
static size_t take_segment(const uint8_t *input, size_t left, struct segment *s)
{
	*s = (struct segment){0};
	s->flags = tcp_flags[input[0] >> 2 & 3];
	s->bad_sum = (input[0] & 0x70) == 0x70;
	s->stamped = input[0] & 0x80;
	s->ack = SEGMENT_ACK + (__u32)(input[3] < 200 ? 0 : (int)input[3] - 220);
	s->stamp = SEGMENT_STAMP + (__u32)((int)(int8_t)input[4] / 16);
	left = take_bytes(input, input + SEGMENT_RECORD, left - SEGMENT_RECORD, s);
	if (input[5] >= 192)
		s->at += (int)input[5] - 224;
	return SEGMENT_RECORD + left;
}

static void explain(const struct segment *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		fprintf(stderr, "%zu: at %d ack %u stamp %u%s flags %02x%s '%.*s'\n", i, list[i].at,
			list[i].ack, list[i].stamp, list[i].stamped ? "" : " (none)", list[i].flags,
			list[i].bad_sum ? " bad sum" : "", list[i].len, list[i].bytes);
}

static void run(const struct segment *list, size_t count, bool both_sides)
{
	struct reading reading;

	reading_begin(&reading, &list[0], both_sides);
	/* Who sees one side only cannot know the right ACK number: the first one has to be. */
	if (!both_sides)
		reading_segment(&reading, &(struct segment){.ack = SEGMENT_ACK,
							    .stamp = SEGMENT_STAMP,
							    .stamped = list[0].stamped});
	for (size_t i = 1; i < count; i++)
		reading_segment(&reading, &list[i]);
	if (!reading.first_done || !naive_is_useful(reading.first_class))
		return;
	if (!segments_may_ask_next(list, count))
		return;
	explain(list, count);
	fprintf(stderr,
		"fuzz_segments: a useful class, seen from %s, where a receiver can have "
		"read GetNextCACert\n",
		both_sides ? "both sides" : "one side");
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct segment list[SEGMENTS_MAX + 1] = {{0}};
	size_t used = 1, count = 1;

	if (!size)
		return 0;
	list[0].stamped = input[0] & 1;
	list[0].stamp = SEGMENT_STAMP;
	if (input[0] & 2) {
		list[0].bytes = other;
		list[0].len = input[0] >> 2 < sizeof(other) - 1 ? input[0] >> 2 : sizeof(other) - 1;
	}
	while (count <= SEGMENTS_MAX && size - used >= SEGMENT_RECORD)
		used += take_segment(input + used, size - used, &list[count++]);
	run(list, count, false);
	run(list, count, true);
	return 0;
}
