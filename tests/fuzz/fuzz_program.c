// SPDX-License-Identifier: GPL-2.0-only
/* libFuzzer target: the whole data plane program, natively. The input is what the generator of
 * tests/twin would else roll dice for: packets and how they are disturbed, time, what the daemon
 * changes. The first byte chooses the tables' sizes. Aborts when an invariant is broken.
 *
 * SG_FUZZ_TELL=1 prints every packet.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "../twin/invariants.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

#define KINDS_OF_SIZES GEN_KINDS

static const __u32 interfaces[WORLD_SIDES] = {11, 12, 13, 14};

static void open_guard(unsigned int kind)
{
	static unsigned int opened = KINDS_OF_SIZES;
	const struct guard_sizes sizes = gen_sizes(kind);

	if (kind == opened)
		return;
	guards_open(&sizes, false);
	opened = kind;
}

static void must_hold(const char *broken, const struct gen *g)
{
	if (!broken)
		return;
	fprintf(stderr, "fuzz_program: broken at packet %llu, tick %llu: %s\n",
		(unsigned long long)g->packets, (unsigned long long)g->world.ticks, broken);
	guards_print_frame("last frame", g->frame, g->frame_len);
	abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static struct invariants inv;
	static struct gen g;
	bool tell = getenv("SG_FUZZ_TELL");

	if (!size)
		return 0;
	open_guard(input[0] % KINDS_OF_SIZES);
	gen_begin(&g, dice_of_bytes(input + 1, size - 1), interfaces);
	invariants_begin(&inv);
	while (!g.dice.empty) {
		__u64 before = g.packets;

		if (!gen_step(&g))
			abort();
		if (tell && g.packets != before)
			guards_print_frame("frame", g.frame, g.frame_len);
		must_hold(invariants_step(&inv, &g, g.packets != before), &g);
	}
	must_hold(invariants_end(&inv), &g);
	guards_drain(NULL, NULL);
	return 0;
}
