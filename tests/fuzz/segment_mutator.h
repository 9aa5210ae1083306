/* SPDX-License-Identifier: GPL-2.0-only */
/* Mutations of whole records, in place of bytes that fall out of step: see segment_record.h. */
#ifndef SG_SEGMENT_MUTATOR_H
#define SG_SEGMENT_MUTATOR_H

#include <stdlib.h>
#include <string.h>

#include "segment_record.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

/* Values of each byte of a record that mean something. */
static const uint8_t record_values[RECORD_BYTES][8] = {
	{0, RECORD_STAMPED, RECORD_STAMPED, RECORD_BAD_SUM, RECORD_ISN, 0x60, 2 | RECORD_STAMPED,
	 3},
	{0, 0, 0, 1, 1, 1, 2, 3},
	{0, 0, 0, 0, 20, 20, 30, 57},
	{0, 0, 63, 63, 63, 20, 30, 1},
	{0, 0, 0, SG_TCP_FIN, SG_TCP_SYN, SG_TCP_RST, SG_TCP_ACK, SG_TCP_URG},
	{0, 0, 0, 0, 0, 135, 137, 255},
	{0, 0, 2, 4, 0x3e, 0x3c, 0x40, 0x80},
	{0, 0, 0, 0, 1, 0xff, 8, 0xf8},
};

static inline void record_random(uint8_t *record)
{
	for (int i = 0; i < RECORD_BYTES; i++)
		record[i] = rand() % 4 ? record_values[i][0] : record_values[i][rand() % 8];
	record[3] = record_values[3][rand() % 8];
}

/* Room for a record at this one. Returns the new size, the old one when there is none. */
static inline size_t record_insert(uint8_t *data, size_t size, size_t max_size, size_t at)
{
	if (size + RECORD_BYTES > max_size)
		return size;
	memmove(data + at + RECORD_BYTES, data + at, size - at);
	record_random(data + at);
	return size + RECORD_BYTES;
}

static inline void record_swap(uint8_t *a, uint8_t *b)
{
	uint8_t kept[RECORD_BYTES];

	memcpy(kept, a, RECORD_BYTES);
	memmove(a, b, RECORD_BYTES);
	memcpy(b, kept, RECORD_BYTES);
}

static inline size_t record_mutate(uint8_t *data, size_t size, size_t max_size)
{
	const size_t records = size / RECORD_BYTES;
	const size_t at = (size_t)rand() % records * RECORD_BYTES;
	const size_t other = (size_t)rand() % records * RECORD_BYTES;
	const int field = rand() % RECORD_BYTES;

	switch (rand() % 8) {
	case 0:
		return record_insert(data, size, max_size, at);
	case 1:
		return record_insert(data, size, max_size, records * RECORD_BYTES);
	case 2:
		memmove(data + at, data + at + RECORD_BYTES, size - at - RECORD_BYTES);
		return size - RECORD_BYTES;
	case 3:
		record_swap(data + at, data + other);
		return size;
	case 4:
		memmove(data + at, data + other, RECORD_BYTES);
		return size;
	default:
		data[at + field] = record_values[field][rand() % 8];
		return size;
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	srand(seed);
	if (seed % 4 == 0 || size < RECORD_BYTES)
		return LLVMFuzzerMutate(data, size, max_size);
	for (int rounds = 1 + rand() % 3; rounds && size >= RECORD_BYTES; rounds--)
		size = record_mutate(data, size, max_size);
	return size;
}

#endif
