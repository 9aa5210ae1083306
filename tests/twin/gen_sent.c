// SPDX-License-Identifier: GPL-2.0-only
/* How the ends of a connection go on from what became of a packet of theirs. */
#include "gen.h"

/* ---- it passed as it was, or with other numbers ---- */

static void client_sent(struct gen_flow *flow, const struct frame *f)
{
	if (f->flags & SG_TCP_RST) {
		flow->phase = GEN_IDLE;
	} else if (f->flags & SG_TCP_SYN) {
		flow->phase = GEN_SYN_SENT;
	} else if (f->flags & SG_TCP_FIN) {
		flow->client_fin = true;
		flow->phase = flow->ca_fin ? GEN_IDLE : GEN_CLOSING;
		flow->client_next += f->payload_len + 1u;
	} else {
		if (flow->phase == GEN_SYN_ACKED || flow->to == WORLD_ONE_SIDED)
			flow->phase = GEN_OPEN;
		flow->client_next += f->payload_len;
		flow->request_sent += f->payload_len;
	}
}

static void ca_sent(struct gen_flow *flow, const struct frame *f)
{
	if (f->flags & SG_TCP_RST) {
		flow->phase = GEN_IDLE;
	} else if (f->flags & SG_TCP_SYN) {
		if (flow->phase == GEN_SYN_SENT)
			flow->phase = GEN_SYN_ACKED;
	} else if (f->flags & SG_TCP_FIN) {
		flow->ca_fin = true;
		flow->phase = flow->client_fin ? GEN_IDLE : GEN_CLOSING;
		flow->ca_next += f->payload_len + 1u;
	} else {
		flow->ca_next += f->payload_len;
		flow->answer_sent += f->payload_len;
	}
}

/* ---- the guard made another packet of it ---- */

/* What left, read. */
static bool read_outcome(struct gen *g, struct sg_packet *pkt)
{
	struct outcome *out = &g->outcome;
	struct sg_cursor cur = {out->frame, out->frame, out->frame + out->len};

	*pkt = (struct sg_packet){};
	return sg_parse_frame(&cur, pkt) == SG_PARSE_TCP;
}

/* To the client, from the guard: the SYN-ACK with its cookie, an answer, the end. */
static void client_gets(struct gen_flow *flow, const struct frame *f, const struct sg_packet *pkt)
{
	if (pkt->tcp_flags & SG_TCP_RST) {
		flow->phase = GEN_IDLE;
	} else if (pkt->tcp_flags & SG_TCP_SYN) {
		if (flow->phase == GEN_SYN_SENT || flow->phase == GEN_COOKIE ||
		    flow->phase == GEN_IDLE) {
			flow->shift = pkt->seq + 1 - flow->ca_next;
			flow->phase = GEN_COOKIE;
		}
	} else if (pkt->tcp_flags & SG_TCP_FIN) {
		flow->shift += pkt->payload_len + 1u;
		flow->client_next += f->payload_len + !!(f->flags & SG_TCP_FIN);
		flow->phase = GEN_EDGED;
	} else {
		flow->phase = GEN_IDLE; /* its FIN is acknowledged */
	}
}

/* To the CA, in the client's name: the end of the handshake, perhaps with the first bytes. */
static void ca_gets(struct gen_flow *flow, const struct sg_packet *pkt)
{
	if (pkt->tcp_flags & SG_TCP_RST) {
		flow->phase = GEN_IDLE;
		return;
	}
	if (flow->phase != GEN_JOINING)
		return;
	flow->phase = GEN_OPEN;
	flow->client_next += pkt->payload_len;
	flow->request_sent += pkt->payload_len;
}

/* The ends go on from a packet that passed; what was refused was never sent. */
void gen_sent(struct gen *g, const struct gen_packet *p)
{
	struct gen_flow *flow = p->flow;
	struct sg_packet pkt;

	if (g->outcome.action == XDP_DROP || !read_outcome(g, &pkt) || dice_hits(&g->dice, 64))
		return;
	if (g->outcome.action == XDP_TX) {
		if (p->from_ca)
			ca_gets(flow, &pkt);
		else
			client_gets(flow, &p->frame, &pkt);
	} else if (p->from_ca) {
		ca_sent(flow, &p->frame);
	} else if (pkt.tcp_flags & SG_TCP_SYN && !(p->frame.flags & SG_TCP_SYN)) {
		flow->phase = GEN_JOINING;
	} else if (pkt.tcp_flags & SG_TCP_RST && !(p->frame.flags & SG_TCP_RST)) {
		/* It frees another one's slot. */
	} else {
		client_sent(flow, &p->frame);
	}
}
