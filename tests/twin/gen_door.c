// SPDX-License-Identifier: GPL-2.0-only
/* Intercept: what a client sends that shook hands with the guard, and what the CA says to it. */
#include "gen.h"

/* The first segment: mostly what the guard's window lets through. */
static void first_segment(struct gen *g, struct gen_packet *p)
{
	gen_client_asks(g, p);
	if (p->frame.payload_len > 536 && !dice_hits(&g->dice, 4))
		p->frame.payload_len = 536;
	if (dice_hits(&g->dice, 32))
		p->frame.flags |= SG_TCP_FIN;
}

/* Behind the first one: of a client that does not heed the window. */
static void later_segment(struct gen *g, struct gen_packet *p)
{
	first_segment(g, p);
	p->frame.seq += 536;
}

static void with_a_cookie(struct gen *g, struct gen_packet *p)
{
	switch (dice_roll(&g->dice, 20)) {
	case 0:
		gen_from_client(g, p, SG_TCP_SYN);
		return;
	case 1:
	case 2:
		gen_from_client(g, p, SG_TCP_ACK);
		return;
	case 3:
		gen_from_client(g, p, SG_TCP_FIN | SG_TCP_ACK);
		return;
	case 4:
		gen_from_client(g, p,
				dice_hits(&g->dice, 2) ? SG_TCP_RST : SG_TCP_RST | SG_TCP_ACK);
		return;
	case 5:
		later_segment(g, p);
		return;
	default:
		first_segment(g, p);
		return;
	}
}

static void joining(struct gen *g, struct gen_packet *p)
{
	switch (dice_roll(&g->dice, 16)) {
	case 0:
		gen_from_ca(g, p, SG_TCP_RST | SG_TCP_ACK);
		return;
	case 1:
		gen_from_client(g, p, SG_TCP_RST);
		return;
	case 2:
	case 3:
	case 4:
		first_segment(g, p);
		return;
	case 5:
		gen_other_packet(g, p);
		return;
	default:
		gen_from_ca(g, p, SG_TCP_SYN | SG_TCP_ACK);
		return;
	}
}

/* Answered by the guard: it acknowledges, closes, or asks once more because the answer was lost. */
static void answered(struct gen *g, struct gen_flow *flow, struct gen_packet *p)
{
	switch (dice_roll(&g->dice, 6)) {
	case 0:
		flow->shift -= (__u32)dice_roll(&g->dice, 2);
		gen_client_asks(g, p);
		return;
	case 1:
	case 2:
		gen_from_client(g, p, SG_TCP_ACK);
		return;
	case 3:
		flow->phase = GEN_IDLE;
		gen_from_client(g, p, SG_TCP_RST);
		return;
	default:
		gen_from_client(g, p, SG_TCP_FIN | SG_TCP_ACK);
		return;
	}
}

void gen_behind_door(struct gen *g, struct gen_flow *flow, struct gen_packet *p)
{
	switch (flow->phase) {
	case GEN_COOKIE:
		with_a_cookie(g, p);
		return;
	case GEN_JOINING:
		joining(g, p);
		return;
	default:
		answered(g, flow, p);
		return;
	}
}
