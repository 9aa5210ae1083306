// SPDX-License-Identifier: GPL-2.0-only
/* Disturbed packets: some fit no connection, some nobody can read, some only a few readers. */
#include <string.h>

#include "gen.h"

static __u32 moved(struct dice *d, __u32 number)
{
	static const __u32 by[] = {1,
				   -1u,
				   2,
				   -2u,
				   10,
				   -10u,
				   100,
				   -100u,
				   1400,
				   1u << 20,
				   (1u << 20) + 1,
				   -(1u << 20),
				   1u << 31,
				   1u << 30};

	return dice_hits(d, 8) ? (__u32)dice_roll(d, 1ull << 32) : number + DICE_PICK(d, by);
}

static void mutate_payload(struct gen *g, struct frame *f)
{
	static char own[GEN_OWN_TEXT];
	struct gen_text other =
		dice_hits(&g->dice, 4) ? gen_answer(&g->dice, NULL) : gen_request(&g->dice, own);
	__u32 from = dice_hits(&g->dice, 2) ? 0 : (__u32)dice_roll(&g->dice, other.len);

	switch (dice_roll(&g->dice, 4)) {
	case 0: /* none, or only a part */
		f->payload_len = (__u16)dice_roll(&g->dice, f->payload_len + 1u);
		return;
	case 1: /* as long, but something else */
		f->payload = other.bytes + from;
		if (f->payload_len > other.len - from)
			f->payload_len = (__u16)(other.len - from);
		return;
	default:
		f->payload = other.bytes + from;
		f->payload_len = (__u16)(other.len - from);
		return;
	}
}

/* A timestamp behind padding or another option, not always whole. */
static void place_stamp(struct dice *d, struct frame *f)
{
	__u8 at = (__u8)dice_roll(d, 12), *p = f->tcp_options;

	f->tcp_options_len = (__u8)(4 * dice_roll(d, 8));
	memset(p, 1, sizeof(f->tcp_options));
	if (at >= 4 && dice_hits(d, 2)) { /* MSS */
		p[at - 4] = 2;
		p[at - 3] = DICE_OF(d, __u8, 4, 4, 4, 0, 1, 60);
	}
	p[at] = 8;
	p[at + 1] = DICE_OF(d, __u8, 10, 10, 10, 9, 2, 0);
	p[at + 2] = p[at + 3] = 0;
	p[at + 4] = (__u8)dice_roll(d, 8);
	p[at + 5] = (__u8)dice_roll(d, 256);
}

static void mutate_options(struct gen *g, struct frame *f)
{
	struct dice *d = &g->dice;

	if (dice_hits(d, 3)) {
		place_stamp(d, f);
		return;
	}
	if (dice_hits(d, 2)) {
		f->ip_options_len = (__u8)(4 * (1 + dice_roll(d, 10)));
		memset(f->ip_options, (int)dice_roll(d, 2), sizeof(f->ip_options));
		if (dice_hits(d, 3))
			f->ip_options[dice_roll(d, f->ip_options_len)] = (__u8)dice_roll(d, 256);
		return;
	}
	f->tcp_options_len = (__u8)(4 * dice_roll(d, 11));
	for (__u32 i = 0; i < f->tcp_options_len; i++)
		f->tcp_options[i] = DICE_OF(d, __u8, 0, 1, 2, 4, 8, 10, 3, 255);
	if (f->tcp_options_len >= 12 && dice_hits(d, 2))
		frame_stamp(f, (__u32)dice_roll(d, 2048));
}

static void mutate_extensions(struct gen *g, struct frame *f)
{
	static const __u8 kinds[] = {0, 43, 60, 44, 60, 50, 44};
	struct dice *d = &g->dice;

	f->extensions = (__u8)(1 + dice_roll(d, dice_hits(d, 2) ? 2 : FRAME_EXTENSIONS));
	for (__u32 i = 0; i < f->extensions; i++)
		f->extension[i] = DICE_PICK(d, kinds);
	f->more_fragments = dice_hits(d, 3);
	if (dice_hits(d, 4))
		f->fragment = (__u16)dice_roll(d, 5);
}

static void mutate_ip(struct gen *g, struct frame *f)
{
	struct dice *d = &g->dice;

	switch (dice_roll(d, 7)) {
	case 6:
		f->mapped = true;
		return;
	case 0:
		f->vlan_tags = (__u8)dice_roll(d, 6);
		f->service_tags = dice_hits(d, 2);
		return;
	case 1:
		f->more_fragments = true;
		return;
	case 2:
		f->fragment = DICE_OF(d, __u16, 1, 2, 3, 100, 0x1fff);
		f->more_fragments = dice_hits(d, 2);
		return;
	case 3:
		f->hops = DICE_OF(d, __u8, 1, 7, 8, 255);
		return;
	case 4:
		f->protocol = DICE_OF(d, __u8, 1, 17, 50, 58, 132);
		return;
	default:
		mutate_extensions(g, f);
		return;
	}
}

static void mutate_sums(struct gen *g, struct frame *f)
{
	switch (dice_roll(&g->dice, 3)) {
	case 0:
		f->bad_tcp_sum = true;
		return;
	case 1:
		f->bad_ip_sum = true;
		return;
	default:
		f->partial = !f->partial;
		return;
	}
}

static void mutate_place(struct gen *g, struct gen_packet *p)
{
	struct dice *d = &g->dice;

	switch (dice_roll(d, 5)) {
	case 0:
		p->ifindex = DICE_PICK(d, g->world.interfaces);
		return;
	case 1:
		p->frame.mac[dice_roll(d, 12)] ^= 1;
		return;
	case 2:
		p->frame.dport = DICE_OF(d, __u16, 0, 80, 8080, 443, 4000);
		return;
	case 3:
		p->frame.sport = DICE_OF(d, __u16, 0, 80, 8080, 4001, 4005);
		return;
	default:
		p->frame.padding = (__u16)dice_roll(d, 64);
		return;
	}
}

static void mutate_once(struct gen *g, struct gen_packet *p)
{
	struct dice *d = &g->dice;
	struct frame *f = &p->frame;

	switch (dice_roll(d, 10)) {
	case 0:
		f->flags ^= (__u8)(1u << dice_roll(d, 8));
		return;
	case 1:
		f->flags = (__u8)dice_roll(d, 64);
		return;
	case 2:
		f->seq = moved(d, f->seq);
		return;
	case 3:
		f->ack = moved(d, f->ack);
		return;
	case 4:
	case 5:
		mutate_payload(g, f);
		return;
	case 6:
		mutate_options(g, f);
		return;
	case 7:
		mutate_ip(g, f);
		return;
	case 8:
		mutate_sums(g, f);
		return;
	default:
		mutate_place(g, p);
		return;
	}
}

void gen_mutate(struct gen *g, struct gen_packet *p)
{
	do
		mutate_once(g, p);
	while (dice_hits(&g->dice, 3));
}

/* Fields that lie about lengths and kinds, with sums as they were. */
static void lie(struct gen *g, __u8 *frame, size_t len)
{
	struct dice *d = &g->dice;
	static const __u8 at[] = {12, 13, 14, 16, 17, 18, 19, 20, 21, 23, 34, 46, 47, 54, 55, 66};
	size_t where = DICE_PICK(d, at);

	if (where >= len)
		return;
	frame[where] = dice_hits(d, 2) ? (__u8)dice_roll(d, 256)
				       : (__u8)(frame[where] + dice_roll(d, 17) - 8);
}

size_t gen_mutate_bytes(struct gen *g, __u8 *frame, size_t len)
{
	struct dice *d = &g->dice;
	size_t front = len < 120 ? len : 120;

	switch (dice_roll(d, 4)) {
	case 0:
		return 14 + dice_roll(d, len - 13);
	case 1:
		return 14 + dice_roll(d, front - 13);
	case 2:
		for (__u64 i = 1 + dice_roll(d, 4); i; i--)
			frame[dice_roll(d, front)] ^= (__u8)(1u << dice_roll(d, 8));
		return len;
	default:
		for (__u64 i = 1 + dice_roll(d, 3); i; i--)
			lie(g, frame, len);
		return len;
	}
}

size_t gen_noise(struct gen *g, __u8 *frame)
{
	size_t len = 14 + dice_roll(&g->dice, 120);

	for (size_t i = 0; i < len; i++)
		frame[i] = (__u8)dice_roll(&g->dice, 256);
	if (dice_hits(&g->dice, 2))
		memcpy(frame + 12, (const __u8[]){8, 0, 0x45}, 3 < len - 12 ? 3 : len - 12);
	return len;
}
