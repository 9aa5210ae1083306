// SPDX-License-Identifier: GPL-2.0-only
/* Intercept: what may leave the guard, and whether those who wait are counted as they are held. */
#include <string.h>

#include "invariants.h"
#include "../../bpf/core/endpoint.h"

/* The last packet, as it came and as it left. */
struct passage {
	const struct gen *g;
	struct sg_packet in, out;
	bool tcp, from_client, from_ca, changed; /* tcp: it came as such, of an endpoint */
	const struct sg_endpoint *ep;
	const struct sg_conn *conn; /* as it is now */
};

static bool read_frame(const __u8 *frame, size_t len, struct sg_packet *pkt)
{
	struct sg_cursor cur = {(__u8 *)frame, (__u8 *)frame, (__u8 *)frame + len};

	*pkt = (struct sg_packet){};
	return sg_parse_frame(&cur, pkt) == SG_PARSE_TCP;
}

static const struct sg_endpoint *endpoint(const struct world *w, const struct sg_ip *ip,
					  __be16 port)
{
	for (int i = 0; i < 2 * WORLD_ENDPOINTS; i++)
		if (w->endpoints[i].port && sg_endpoint_is(&w->endpoints[i], ip, port))
			return &w->endpoints[i];
	return NULL;
}

static void look(const struct gen *g, struct passage *p)
{
	const struct outcome *out = &g->outcome;
	const struct world *w = &g->world;
	struct sg_conn_key key;

	*p = (struct passage){.g = g};
	p->changed = out->len != g->frame_len || memcmp(out->frame, g->frame, out->len) != 0;
	if (!read_frame(g->frame, g->frame_len, &p->in))
		return;
	p->ep = endpoint(w, &p->in.dst, p->in.dport);
	p->from_client = p->ep;
	if (!p->ep)
		p->ep = endpoint(w, &p->in.src, p->in.sport);
	p->from_ca = p->ep && !p->from_client;
	p->tcp = p->ep;
	if (!p->tcp)
		return;
	memset(&key, 0, sizeof(key));
	key.client = p->from_client ? p->in.src : p->in.dst;
	key.client_port = p->from_client ? p->in.sport : p->in.dport;
	key.endpoint = p->ep->id;
	p->conn = twin_map_lookup(twin_map(TWIN_sg_conns), &key);
}

/* ---- what left with other bytes ---- */

static bool same_but(const struct passage *p, __u32 from, __u32 to)
{
	const __u8 *in = p->g->frame, *out = p->g->outcome.frame;
	__u32 sum = p->in.l4_off + 16;

	if (p->g->outcome.len != p->g->frame_len)
		return false;
	for (__u32 i = 0; i < p->g->frame_len; i++)
		if ((i < from || i >= to) && i != sum && i != sum + 1 && in[i] != out[i])
			return false;
	return true;
}

/* A segment of a spliced connection: one number moved by the constant. */
static bool is_translated(const struct passage *p)
{
	__u32 delta, at = p->in.l4_off + (p->from_client ? 8 : 4);

	if (!p->conn || !(p->conn->flags & SG_CONN_SPLICED) || !same_but(p, at, at + 4))
		return false;
	delta = p->conn->splice.cookie - p->conn->ca.isn;
	if (p->from_client)
		return p->out.ack == p->in.ack - delta &&
		       (p->conn->ca.known || p->in.tcp_flags & SG_TCP_RST);
	return p->conn->ca.known ? p->out.seq == p->in.seq + delta
				 : p->out.seq == p->conn->splice.cookie + 1;
}

/* What the guard says to a client. */
static bool is_answer(const struct sg_packet *out)
{
	__u32 options = out->payload_off - out->l4_off - 20;

	switch (out->tcp_flags) {
	case SG_TCP_SYN | SG_TCP_ACK:
		return !out->payload_len && options <= 4 && out->window == 536;
	case SG_TCP_FIN | 0x08 | SG_TCP_ACK:
		return out->payload_len && !options;
	case SG_TCP_FIN | SG_TCP_ACK:
	case SG_TCP_ACK:
		return !out->payload_len && !options;
	default:
		return out->tcp_flags & SG_TCP_RST && !out->payload_len;
	}
}

/* What it says to the CA in a client's name, in answer to the CA. */
static bool is_join(const struct passage *p)
{
	const struct sg_packet *out = &p->out;

	if (out->tcp_flags & SG_TCP_RST)
		return !out->payload_len;
	return p->in.tcp_flags & SG_TCP_SYN &&
	       out->tcp_flags == (out->payload_len ? SG_TCP_ACK | 0x08 : SG_TCP_ACK) && p->conn &&
	       out->seq == p->conn->client.isn + 1 && out->ack == p->in.seq + 1;
}

static const char *sent_back(const struct passage *p)
{
	const __u8 *in = p->g->frame, *out = p->g->outcome.frame;

	if (memcmp(out, in + 6, 6) || memcmp(out + 6, in, 6) ||
	    memcmp(&p->out.src, &p->in.dst, sizeof(p->in.dst)) ||
	    memcmp(&p->out.dst, &p->in.src, sizeof(p->in.src)) || p->out.sport != p->in.dport ||
	    p->out.dport != p->in.sport)
		return "what is sent back goes to who sent it";
	if (!frame_sums_right(out, &p->out) || !frame_tcp_sum_whole(out, &p->out))
		return "what is sent back has right checksums";
	if (p->from_client ? !is_answer(&p->out) : !is_join(p))
		return "what is sent back is one of the guard's packets";
	return NULL;
}

/* Would the stack finish its checksum, and does the guard know? */
static bool begun_and_known(const struct passage *p)
{
	__u32 mark = p->from_client ? SG_CONN_PARTIAL : SG_CONN_CA_PARTIAL;

	return frame_tcp_sum_whole(p->g->frame, &p->in) || (p->conn && p->conn->flags & mark);
}

static const char *sent_on(const struct passage *p)
{
	const struct sg_packet *out = &p->out;
	bool made = p->from_client && out->seq + 1 == p->in.seq && p->in.payload_len &&
		    out->tcp_flags == SG_TCP_SYN && !out->payload_len && !out->ack,
	     translated = is_translated(p),
	     reset = !translated && out->tcp_flags == SG_TCP_RST && !out->payload_len;

	if (memcmp(p->g->outcome.frame, p->g->frame, 12) != 0)
		return "what goes on keeps its MAC addresses";
	if (!made && !reset && !translated)
		return "what goes on is a SYN or a RST of the guard, or has one number moved";
	if (frame_sums_right(p->g->frame, &p->in) && (made || reset || begun_and_known(p)) &&
	    !frame_sums_right(p->g->outcome.frame, out))
		return "what goes on has right checksums if it came with them";
	return NULL;
}

/* ---- what left as it came ---- */

static bool steps_are_there(void)
{
	for (__u32 i = 0; i < SG_STEP_MAX_; i++)
		if (!*(const __u32 *)twin_map_lookup(twin_map(TWIN_sg_steps), &i))
			return false;
	return true;
}

/* In intercept only what began before it, and what the guard joined, reaches the CA. */
static const char *passed(const struct passage *p)
{
	const struct world *w = &p->g->world;
	const struct sg_service *svc = &w->services[p->ep->service];

	if (!p->from_client || !svc->enabled || !p->ep->ca_ifindex || !steps_are_there() ||
	    sg_mode_now(w->live.mode_word, w->ticks) < SG_MODE_INTERCEPT || p->conn)
		return NULL;
	if ((p->in.tcp_flags & (SG_TCP_SYN | SG_TCP_ACK | SG_TCP_RST)) == SG_TCP_SYN)
		return "in intercept no client's SYN reaches the CA";
	return w->ticks > w->live.intercept_since + svc->life_ticks
		       ? "in intercept nothing unproven reaches the CA"
		       : NULL;
}

const char *invariants_door(const struct gen *g)
{
	const struct outcome *out = &g->outcome;
	struct passage p;

	look(g, &p);
	if (out->action == XDP_DROP)
		return NULL;
	if (!p.changed && out->action == XDP_TX)
		return "what is sent back was written by the guard";
	if (!p.changed)
		return p.tcp ? passed(&p) : NULL;
	if (!p.tcp || !read_frame(out->frame, out->len, &p.out))
		return "only TCP of an endpoint is changed, and stays it";
	return out->action == XDP_TX ? sent_back(&p) : sent_on(&p);
}

/* ---- what is held ---- */

struct held {
	__s32 waiting[SG_SERVICES][SG_PRIORITY_MAX_];
	__u32 by_source[1 << SG_HELD_BY_BITS];
	__u32 of_conns; /* that wait, or have their turn */
};

static const char *frame_holds(__u32 index, struct held *held)
{
	const struct sg_frame *f = twin_map_lookup(twin_map(TWIN_sg_frames), &index);
	const struct sg_waiting *waiting;

	if (!f->ticket || (f->state != SG_FRAME_WAITING && f->state != SG_FRAME_GRANTED))
		return NULL;
	if (f->service >= GUARD_SERVICES || f->priority >= SG_PRIORITY_MAX_ ||
	    f->payload_off + f->payload_len != f->len || !f->payload_len)
		return "a held frame has a service, a priority and bytes";
	held->of_conns++;
	if (f->state == SG_FRAME_WAITING) {
		held->waiting[f->service][f->priority]++;
		held->by_source[(f->source_hash >> 16) & ((1 << SG_HELD_BY_BITS) - 1)]++;
	}
	waiting = twin_map_lookup(twin_map(TWIN_sg_waiting), &f->key);
	return waiting && waiting->frame == index && waiting->ticket == f->ticket
		       ? NULL
		       : "a held frame is found by its connection";
}

const char *invariants_held(void)
{
	static struct held held;
	__u32 frames = twin_map_about(twin_map(TWIN_sg_frames))->max_entries;
	const char *broken = NULL;

	memset(&held, 0, sizeof(held));
	for (__u32 i = 0; i < frames && !broken; i++)
		broken = frame_holds(i, &held);
	if (broken)
		return broken;
	for (__u32 i = 0; i < SG_SERVICES; i++) {
		const struct sg_intercept *ic = twin_map_lookup(twin_map(TWIN_sg_intercepts), &i);

		if (memcmp(ic->waiting, held.waiting[i], sizeof(held.waiting[i])) != 0)
			return "those who wait are counted by priority";
	}
	for (__u32 i = 0; i < 1 << SG_HELD_BY_BITS; i++)
		if (*(const __u32 *)twin_map_lookup(twin_map(TWIN_sg_held_by), &i) !=
		    held.by_source[i])
			return "those who wait are counted by source";
	return held.of_conns == twin_map_count(twin_map(TWIN_sg_waiting))
		       ? NULL
		       : "nobody is looked for who does not wait";
}

__u32 invariants_granted(const struct sg_budget *b, __u32 service)
{
	__u32 frames = twin_map_about(twin_map(TWIN_sg_frames))->max_entries, n = 0;

	for (__u32 i = 0; i < frames; i++) {
		const struct sg_frame *f = twin_map_lookup(twin_map(TWIN_sg_frames), &i);
		const struct sg_lease *lease = &b->leases[f->lease % SG_LEASES];

		n += f->ticket && f->state == SG_FRAME_GRANTED && f->service == service &&
		     lease->used && lease->generation == f->generation;
	}
	return n;
}
