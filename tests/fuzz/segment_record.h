/* SPDX-License-Identifier: GPL-2.0-only */
/* How the input of fuzz_segments spells segments: records of eight bytes, all zero being the useful line
 * from its start, cut to nothing. The first record is the SYN's.
 */
#ifndef SG_SEGMENT_RECORD_H
#define SG_SEGMENT_RECORD_H

#include <stdint.h>

#include "../lib/segments.h"

#define RECORD_BYTES 8

/* Byte 0, the kind. */
#define RECORD_KIND     0x03 /* 0, 1 client, 2 SYN, 3 CA */
#define RECORD_STAMPED  0x04
#define RECORD_BAD_SUM  0x08
#define RECORD_ISN      0x10
#define RECORD_ODD_AT   5 /* shift: enum segment_odd */
#define RECORD_FRAGMENT 0x80

/* Byte 1, whose bytes; byte 2, from where; byte 3, how many. */
#define RECORD_SOURCE 0x03 /* 0 useful, 1 other, 2 the bytes behind the record, 3 decoy */

/* Byte 4, TCP flags, ACK turned round: 0 = ACK alone. Byte 5, ACK number; byte 6, timestamp; byte 7,
 * shift: 0 = its own place.
 */

static const char record_useful[] =
	"GET /scep?operation=GetCACaps HTTP/1.1\r\nHost: example\r\n\r\n";
static const char record_other[] =
	"GET /scep?operation=GetNextCACert HTTP/1.1\r\nHost: exam\r\n\r\n";

/* Without its 'X', byte number 30, it asks for something else. */
static const char record_decoy[] =
	"GET /scep?operation=GetCACaps&Xoperation=GetNextCACert HTTP/1.1\r\n\r\n";

/* ACK number: mostly the right one; a little less or more; and too far off either way. */
static inline __u32 record_ack(uint8_t byte)
{
	if (byte < 16)
		return SEGMENT_ACK;
	return SEGMENT_ACK + (__u32)((int)byte - 136) * (byte & 1 ? 1 : 4096);
}

/* Timestamp: a little earlier or later (six bits with sign), and a part of the circle away. */
static inline __u32 record_stamp(uint8_t byte)
{
	static const __u32 parts[4] = {0, 0x7fffffff, 0x3fffffff, 0xc0000000};

	return SEGMENT_STAMP + (__u32)((byte & 0x1f) - (byte & 0x20)) + parts[byte >> 6];
}

/* The bytes of a segment: a slice of a line at its own place, or raw ones at any. Returns the bytes of
 * input used behind the record.
 */
static inline size_t record_bytes(const uint8_t *record, size_t left, struct segment *s)
{
	static const char *const lines[4] = {record_useful, record_other, NULL, record_decoy};
	const char *line = lines[record[1] & RECORD_SOURCE];
	size_t len = record[3] % 64, from = record[2];

	s->bytes = (const char *)record + RECORD_BYTES;
	if (line) {
		from %= strlen(line) + 1;
		left = strlen(line) - from;
		s->bytes = line + from;
	}
	len = len < left ? len : left;
	s->len = (__u16)len;
	s->at = (int)from;
	return line ? 0 : len;
}

static inline void record_kind(uint8_t byte, struct segment *s)
{
	static const __u8 kinds[4] = {SEGMENT_CLIENT, SEGMENT_CLIENT, SEGMENT_SYN, SEGMENT_CA};

	s->kind = kinds[byte & RECORD_KIND];
	s->stamped = byte & RECORD_STAMPED;
	s->bad_sum = byte & RECORD_BAD_SUM;
	s->other_isn = byte & RECORD_ISN;
	s->odd = byte >> RECORD_ODD_AT & 3;
	s->fragment = byte & RECORD_FRAGMENT;
}

/* One segment. Returns the bytes of input used. */
static inline size_t record_read(const uint8_t *record, size_t left, struct segment *s)
{
	size_t raw;

	*s = (struct segment){0};
	record_kind(record[0], s);
	raw = record_bytes(record, left - RECORD_BYTES, s);
	s->no_ack = record[4] & SG_TCP_ACK;
	s->flags = record[4] & (SG_TCP_FIN | SG_TCP_SYN | SG_TCP_RST | SG_TCP_URG);
	s->ack = record_ack(record[5]);
	s->stamp = record_stamp(record[6]);
	s->at += (int8_t)record[7];
	if (s->kind == SEGMENT_SYN)
		s->at = 0;
	return RECORD_BYTES + raw;
}

/* All segments, most of them at the most. What is left of a record at the end does not count. The first
 * is the SYN, sound: the guard judges no other (see sg_syn_answerable()). Returns their number, 1 at
 * least.
 */
static inline size_t segments_read(const uint8_t *input, size_t size, struct segment *list,
				   size_t most)
{
	size_t used = 0, count = 0;

	list[0] = (struct segment){.stamp = SEGMENT_STAMP};
	while (count < most && size - used >= RECORD_BYTES)
		used += record_read(input + used, size - used, &list[count++]);
	list[0].kind = SEGMENT_SYN;
	list[0].at = 0;
	list[0].bad_sum = list[0].other_isn = list[0].fragment = false;
	list[0].odd = SEGMENT_EVEN;
	list[0].flags = 0;
	return count ? count : 1;
}

#endif
