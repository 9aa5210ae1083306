// SPDX-License-Identifier: GPL-2.0-only
/* Seeds of fuzz_program.c: cases as the differential test makes them, written down choice by choice.
 *
 *   seeds_program DIRECTORY
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../twin/invariants.h"

#define SEEDS      64
#define SEED_BYTES 1500

static void make_seed(unsigned int number, __u8 *bytes, size_t *len)
{
	static const __u32 interfaces[WORLD_SIDES] = {11, 12, 13, 14};
	static struct gen g;
	const struct guard_sizes sizes = gen_sizes(number);
	struct dice dice = dice_of_seed(number, 1);

	bytes[0] = (__u8)number;
	dice.record = bytes + 1;
	dice.record_room = SEED_BYTES - 1;
	guards_open(&sizes, false);
	gen_begin(&g, dice, interfaces);
	while (g.dice.recorded < g.dice.record_room)
		if (!gen_step(&g))
			exit(1);
	*len = 1 + g.dice.recorded;
	guards_close();
}

int main(int argc, char **argv)
{
	__u8 bytes[SEED_BYTES];
	char path[4096];
	size_t len;

	if (argc != 2) {
		fprintf(stderr, "usage: seeds_program DIRECTORY\n");
		return 2;
	}
	for (unsigned int i = 0; i < SEEDS; i++) {
		FILE *f;

		make_seed(i, bytes, &len);
		snprintf(path, sizeof(path), "%s/case%u", argv[1], i);
		f = fopen(path, "wb");
		if (!f || fwrite(bytes, 1, len, f) != len || fclose(f)) {
			perror(path);
			return 1;
		}
	}
	return 0;
}
