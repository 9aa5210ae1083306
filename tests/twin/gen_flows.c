// SPDX-License-Identifier: GPL-2.0-only
/* What the ends of a connection send next. */
#include <stdio.h>
#include <string.h>

#include "gen.h"

void gen_make_flow(struct gen *g, struct gen_flow *flow)
{
	static const char *const v4[] = {"198.51.100.7", "198.51.100.8", "203.0.113.5",
					 "203.0.113.77", "10.0.0.1",     "10.0.1.1"};
	static const char *const v6[] = {"2001:db8::7", "2001:db8::8", "2001:db8:0:7::7",
					 "2001:db9::1", "::7",         "0:0:1::ffff:7"};
	static const enum world_endpoint to[] = {WORLD_V4,        WORLD_V4,       WORLD_V4,
						 WORLD_V4,        WORLD_V6,       WORLD_V6,
						 WORLD_SAME_WIRE, WORLD_ONE_SIDED};
	struct dice *d = &g->dice;

	memset(flow, 0, sizeof(*flow));
	flow->to = DICE_PICK(d, to);
	flow->client = world_ip(flow->to == WORLD_V6 ? DICE_PICK(d, v6) : DICE_PICK(d, v4));
	flow->port = (__u16)(4000 + dice_roll(d, 6));
}

static void begin(struct gen *g, struct gen_flow *flow)
{
	struct dice *d = &g->dice;

	flow->isn = DICE_OF(d, __u32, 100, 100, 0xfffffff0u, 0x7ffffff0u, 5000);
	flow->client_next = flow->isn + 1;
	flow->ca_next = DICE_OF(d, __u32, 900, 0xffffffe0u, 0x80000000u);
	flow->stamped = dice_hits(d, 3);
	flow->partial = dice_hits(d, 8);
	flow->stamp = DICE_OF(d, __u32, 1000, 0xfffffffeu);
	flow->shift = 0;
	flow->request = flow->answer = NULL;
	flow->client_fin = flow->ca_fin = false;
}

/* The first option of nearly every SYN. */
static void offer_mss(struct gen *g, struct frame *f)
{
	__u32 mss =
		DICE_OF(&g->dice, __u32, 1460, 1452, 1440, 1439, 1360, 1220, 536, 100, 0, 65535);

	f->tcp_options_len = 4;
	f->tcp_options[0] = 2;
	f->tcp_options[1] = 4;
	f->tcp_options[2] = (__u8)(mss >> 8);
	f->tcp_options[3] = (__u8)mss;
}

void gen_from_client(struct gen *g, struct gen_packet *p, __u8 flags)
{
	struct gen_flow *flow = p->flow;
	const struct sg_endpoint *ep = world_endpoint(&g->world, flow->to);

	p->from_ca = false;
	p->ifindex = world_interface_of_clients(&g->world, flow->to);
	memcpy(p->frame.mac, (const __u8[12]){2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}, 12);
	p->frame.src = flow->client;
	p->frame.dst = ep->ip;
	p->frame.sport = flow->port;
	p->frame.dport = sg_ntohs(ep->port);
	p->frame.flags = flags;
	p->frame.partial = flow->partial;
	p->frame.seq = flags & SG_TCP_SYN ? flow->isn : flow->client_next;
	p->frame.ack = flags & SG_TCP_ACK ? flow->ca_next + flow->shift : 0;
	if (flow->stamped)
		frame_stamp(&p->frame, flow->stamp++);
	else if (flags & SG_TCP_SYN && !dice_hits(&g->dice, 4))
		offer_mss(g, &p->frame);
}

void gen_from_ca(struct gen *g, struct gen_packet *p, __u8 flags)
{
	struct gen_flow *flow = p->flow;
	const struct sg_endpoint *ep = world_endpoint(&g->world, flow->to);

	p->from_ca = true;
	p->ifindex = world_interface_of_ca(&g->world, flow->to);
	memcpy(p->frame.mac, (const __u8[6]){2, 0, 0, 0, 0, 3}, 6);
	memcpy(p->frame.mac + 6, world_ca_mac, 6);
	p->frame.src = ep->ip;
	p->frame.dst = flow->client;
	p->frame.sport = sg_ntohs(ep->port);
	p->frame.dport = flow->port;
	p->frame.flags = flags;
	p->frame.seq = flags & SG_TCP_SYN ? flow->ca_next - 1 : flow->ca_next;
	p->frame.ack = flags & SG_TCP_ACK ? flow->client_next : 0;
}

/* The next piece of a text: mostly all that fits into a segment. */
static void add_piece(struct gen *g, struct frame *f, const char *text, __u32 len, __u32 sent)
{
	/* Disturbed packets may have taken it past its end. */
	__u32 left = sent < len ? len - sent : 0, piece = left < 1400 ? left : 1400;

	if (left && dice_hits(&g->dice, 4))
		piece = (__u32)dice_roll(&g->dice, piece) + 1;
	f->payload = text + len - left;
	f->payload_len = (__u16)piece;
	f->flags |= 0x08;
}

void gen_client_asks(struct gen *g, struct gen_packet *p)
{
	struct gen_flow *flow = p->flow;

	if (!flow->request) {
		struct gen_text text = gen_request(&g->dice, flow->own);

		flow->request = text.bytes;
		flow->request_len = text.len;
		flow->request_sent = 0;
		flow->answer = NULL;
	}
	gen_from_client(g, p, SG_TCP_ACK);
	add_piece(g, &p->frame, flow->request, flow->request_len, flow->request_sent);
}

static void ca_answers(struct gen *g, struct gen_packet *p)
{
	struct gen_flow *flow = p->flow;

	if (!flow->answer) {
		struct gen_text text = gen_answer(&g->dice, flow->request);

		flow->answer = text.bytes;
		flow->answer_len = text.len;
		flow->answer_sent = 0;
	}
	gen_from_ca(g, p, SG_TCP_ACK);
	add_piece(g, &p->frame, flow->answer, flow->answer_len, flow->answer_sent);
}

static bool asked_all(const struct gen_flow *flow)
{
	return flow->request && flow->request_sent >= flow->request_len;
}

static bool answered_all(const struct gen_flow *flow)
{
	return flow->answer && flow->answer_sent >= flow->answer_len;
}

/* The one that comes next: the rest of the request, the answer, the ACK of it, another request. */
static void talk_on(struct gen *g, struct gen_packet *p)
{
	struct gen_flow *flow = p->flow;

	if (!asked_all(flow))
		gen_client_asks(g, p);
	else if (!answered_all(flow) && flow->to != WORLD_ONE_SIDED)
		ca_answers(g, p);
	else if (dice_hits(&g->dice, 2))
		gen_from_client(g, p, SG_TCP_ACK);
	else if (dice_hits(&g->dice, 2)) {
		flow->request = NULL;
		if (flow->to == WORLD_ONE_SIDED)
			flow->ca_next += 50;
		gen_client_asks(g, p);
	} else if (dice_hits(&g->dice, 2) && flow->to != WORLD_ONE_SIDED)
		gen_from_ca(g, p, SG_TCP_FIN | SG_TCP_ACK);
	else
		gen_from_client(g, p, SG_TCP_FIN | SG_TCP_ACK);
}

/* What may come at any time. */
void gen_other_packet(struct gen *g, struct gen_packet *p)
{
	switch (dice_roll(&g->dice, 10)) {
	case 0:
		gen_from_client(g, p, SG_TCP_RST);
		return;
	case 1:
		gen_from_ca(g, p, dice_hits(&g->dice, 2) ? SG_TCP_RST : SG_TCP_RST | SG_TCP_ACK);
		return;
	case 2:
		gen_from_client(g, p, SG_TCP_FIN | SG_TCP_ACK);
		return;
	case 3:
		gen_from_ca(g, p, SG_TCP_FIN | SG_TCP_ACK);
		return;
	case 4:
		gen_from_ca(g, p, SG_TCP_SYN | SG_TCP_ACK);
		return;
	case 5:
		gen_from_ca(g, p, SG_TCP_ACK);
		return;
	case 6:
		ca_answers(g, p);
		return;
	case 7:
		gen_from_client(g, p, SG_TCP_SYN);
		return;
	case 8: /* the request's beginning once more */
		gen_client_asks(g, p);
		p->frame.seq = p->flow->isn + 1;
		p->frame.payload = p->flow->request;
		if (p->frame.payload_len > p->flow->request_len)
			p->frame.payload_len = (__u16)p->flow->request_len;
		return;
	default:
		gen_from_client(g, p, SG_TCP_ACK);
		return;
	}
}

void gen_next_packet(struct gen *g, struct gen_flow *flow, struct gen_packet *p)
{
	__u32 luck = (__u32)dice_roll(&g->dice, 16);

	memset(p, 0, sizeof(*p));
	p->flow = flow;
	if (flow->phase != GEN_IDLE && luck == 15) {
		gen_other_packet(g, p);
		return;
	}
	switch (flow->phase) {
	case GEN_IDLE:
		begin(g, flow);
		if (luck == 15) { /* met in mid-life */
			flow->phase = GEN_OPEN;
			ca_answers(g, p);
			return;
		}
		/* fall through */
	case GEN_SYN_SENT:
		if (flow->phase == GEN_SYN_SENT && luck == 14)
			gen_from_ca(g, p, SG_TCP_RST | SG_TCP_ACK);
		else if (flow->phase == GEN_SYN_SENT && flow->to == WORLD_ONE_SIDED && luck > 2)
			gen_from_client(g, p, SG_TCP_ACK);
		else if (flow->phase == GEN_SYN_SENT && luck > 2)
			gen_from_ca(g, p, SG_TCP_SYN | SG_TCP_ACK);
		else
			gen_from_client(g, p, SG_TCP_SYN);
		return;
	case GEN_SYN_ACKED:
		if (luck > 1)
			gen_from_client(g, p, SG_TCP_ACK);
		else if (luck)
			gen_from_ca(g, p, SG_TCP_SYN | SG_TCP_ACK);
		else
			gen_from_client(g, p, SG_TCP_SYN);
		return;
	case GEN_OPEN:
		talk_on(g, p);
		return;
	case GEN_COOKIE:
	case GEN_JOINING:
	case GEN_EDGED:
		gen_behind_door(g, flow, p);
		return;
	case GEN_CLOSING:
		if (flow->ca_fin)
			gen_from_client(g, p, SG_TCP_FIN | SG_TCP_ACK);
		else
			gen_from_ca(g, p, SG_TCP_FIN | SG_TCP_ACK);
		return;
	}
}
