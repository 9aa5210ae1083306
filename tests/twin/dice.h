/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a generator's choices come from: a seed, so that a case is made again exactly, or the bytes of a
 * fuzzer, so that it learns which choices lead on.
 */
#ifndef SG_TWIN_DICE_H
#define SG_TWIN_DICE_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

struct dice {
	__u64 state;
	const __u8 *bytes; /* NULL: by seed */
	size_t left;
	bool empty; /* the bytes have been used up */
	/* By seed: the bytes that would make the same choices, when not NULL. */
	__u8 *record;
	size_t recorded, record_room;
};

static inline struct dice dice_of_seed(__u64 seed, __u64 number)
{
	return (struct dice){.state =
				     seed * 0x9e3779b97f4a7c15ull + number * 0xd1342543de82ef95ull};
}

static inline struct dice dice_of_bytes(const __u8 *bytes, size_t len)
{
	return (struct dice){.bytes = bytes, .left = len};
}

/* SplitMix64. */
static inline __u64 dice_next(struct dice *d)
{
	__u64 z = (d->state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

static inline void dice_note(struct dice *d, __u64 value, __u64 sides)
{
	__u32 bits = 0;

	for (__u64 most = sides - 1; most; most >>= 8)
		bits += 8;
	for (; bits && d->recorded < d->record_room; bits -= 8)
		d->record[d->recorded++] = (__u8)(value >> (bits - 8));
}

/* 0 to sides - 1. As few bytes as can hold it; 0 when there are none left. */
static inline __u64 dice_roll(struct dice *d, __u64 sides)
{
	__u64 value = 0;

	if (!d->bytes) {
		value = dice_next(d) % sides;
		if (d->record)
			dice_note(d, value, sides);
		return value;
	}
	for (__u64 most = sides - 1; most; most >>= 8) {
		if (!d->left) {
			d->empty = true;
			return 0;
		}
		value = value << 8 | *d->bytes++;
		d->left--;
	}
	return value % sides;
}

/* True once in `of`. */
static inline bool dice_hits(struct dice *d, __u32 of)
{
	return dice_roll(d, of) == of - 1;
}

/* One of the list. */
#define DICE_PICK(d, list) ((list)[dice_roll(d, sizeof(list) / sizeof((list)[0]))])

/* One of these numbers. */
#define DICE_OF(d, type, ...) DICE_PICK(d, ((const type[]){__VA_ARGS__}))

#endif
