// SPDX-License-Identifier: GPL-2.0-only
/* A case through the program in intercept. Recorded frames speak to a CA whose numbers the guard replaces, so the tool
 * stands in for both ends: each later ACK number of a client is moved by what the guard's cookie is ahead of the
 * recorded CA's; and the SYN that the program makes is answered, in the recorded numbers. What comes out on the CA's side
 * then is what was recorded.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "../../bpf/core/endpoint.h"
#include "../../bpf/core/tcp_conn.h"
#include "../util/cleanup.h"

/* A frame of a client as it goes in, and what came out. */
struct passage {
	const __u8 *frame;
	size_t len;
	const struct sg_packet *pkt;
	size_t index; /* in the case */
	bool again;   /* it was thrown away before */
	struct sg_classify_out out;
	struct sg_packet out_pkt; /* valid if out_read */
	bool out_read;
};

/* The endpoint with this address and port; 0: none. */
static __u16 endpoint_of(const struct sg_classifier *c, const struct sg_ip *ip, __be16 port)
{
	for (size_t i = 0; port && i < c->endpoint_count; i++)
		if (sg_endpoint_is(&c->endpoints[i], ip, port))
			return c->endpoints[i].id;
	return 0;
}

/* ---- the CA that is played ---- */

/* It says something; whether the program lets it through is the program's business. */
static int ca_says(struct sg_classifier *c, struct sg_peer *peer, __u8 flags, size_t len,
		   struct sg_classify_out *out)
{
	static const __u8 played[6] = SG_PLAYED_MAC;
	__u8 frame[SG_WIRE_ANSWER_MAX] __attribute__((aligned(8)));
	const size_t size = sg_played_frame(&peer->ca, flags, len, frame);
	int err;

	memcpy(frame + 6, played, sizeof(played));
	err = sg_classifier_run(c, frame, size, out);
	peer->ca.said += (__u32)len;
	return err;
}

/* A frame has come out on its side. */
static int ca_hears(struct sg_classifier *c, struct sg_peer *peer,
		    const struct sg_classify_out *sent, const struct sg_packet *pkt)
{
	const bool sound = sg_wire_sound(sent->frame, sent->len, pkt, peer->partial);
	struct sg_classify_out out;
	int err = sg_fates_send(&c->fates, c->index, sent->frame, sent->len);

	if (err || peer->recorded || !sg_played_take(&peer->ca, pkt, sound))
		return err;
	return ca_says(c, peer, 0, 0, &out);
}

/* It gets a SYN. The program makes of its SYN-ACK the ACK, with the first segment. */
static int ca_opens(struct sg_classifier *c, struct sg_peer *peer, const struct passage *p)
{
	struct sg_classify_out out;
	struct sg_packet pkt;
	int err = sg_fates_send(&c->fates, c->index, p->out.frame, p->out.len);

	sg_played_open(&peer->ca, p->out.frame, &p->out_pkt, peer->ca_isn);
	err = err ? err : ca_says(c, peer, SG_TCP_SYN, 0, &out);
	if (err || out.action != XDP_TX || !sg_wire_read(out.frame, out.len, &pkt))
		return err;
	return ca_hears(c, peer, &out, &pkt);
}

/* How much does a client that was recorded alone acknowledge of what its CA has not said here? Only who has been asked a
 * whole line begins to say something.
 */
static int ca_owes(struct sg_classifier *c, struct sg_peer *peer, __u32 ack, __u32 *ret)
{
	const __u32 owed = ack - (peer->ca_isn + 1) - peer->ca.said;
	struct sg_conn conn;

	*ret = 0;
	if (!owed || owed > SG_SEQ_REACH)
		return 0;
	if (bpf_map_lookup_elem(c->conns_fd, &peer->key, &conn))
		return errno == ENOENT ? 0 : -errno;
	if (conn.state != SG_CONN_ESTABLISHED || (!conn.client.line_done && !peer->ca.answers))
		return 0;
	if (conn.client.line_done && peer->ca.answers != conn.client.requests) {
		peer->ca.answered = peer->ca.said;
		peer->ca.answers = conn.client.requests;
	}
	*ret = owed;
	return 0;
}

/* It says what this segment of its client acknowledges. */
static int ca_keeps_up(struct sg_classifier *c, struct sg_peer *peer, const struct sg_packet *pkt)
{
	struct sg_classify_out out;
	__u32 owed;
	int err;

	if (!peer->ca.up || peer->ca.gone || peer->recorded || !(pkt->tcp_flags & SG_TCP_ACK))
		return 0;
	err = ca_owes(c, peer, pkt->ack, &owed);
	while (!err && owed) {
		const __u32 piece = owed < SG_WIRE_PAYLOAD ? owed : SG_WIRE_PAYLOAD;

		err = ca_says(c, peer, SG_TCP_PSH, piece, &out);
		owed -= piece;
	}
	return err;
}

/* Its client has closed, and begins anew: by then it has closed, too. */
static int ca_closes(struct sg_classifier *c, struct sg_peer *peer)
{
	struct sg_classify_out out;

	if (!peer->ca.fin || peer->recorded)
		return 0;
	peer->ca.fin = false;
	return ca_says(c, peer, SG_TCP_FIN, 0, &out);
}

/* ---- clients ---- */

static int run_passage(struct sg_classifier *c, const void *frame, struct passage *p)
{
	int err = sg_classifier_run(c, frame, p->len, &p->out);

	if (!err)
		p->out_read = sg_wire_read(p->out.frame, p->out.len, &p->out_pkt);
	return err;
}

/* The guard has answered a SYN. */
static int shake_hands(struct sg_classifier *c, struct sg_peer *peer, const struct sg_conn_key *key,
		       const struct passage *p)
{
	if (!peer || peer->isn != p->pkt->seq)
		peer = sg_peers_add(&c->peers, key);
	if (!peer)
		return -ENOMEM;
	peer->isn = p->pkt->seq;
	/* Of several answers the last one: a client that has one sends no SYN. */
	if (!peer->acked)
		peer->cookie = p->out_pkt.seq;
	peer->partial = sg_wire_partial(p->frame, p->len, p->pkt);
	return 0;
}

static int client_syn(struct sg_classifier *c, struct sg_peer *peer, const struct sg_conn_key *key,
		      struct passage *p)
{
	int err = peer ? ca_closes(c, peer) : 0;

	err = err ? err : run_passage(c, p->frame, p);
	if (err)
		return err;
	if (p->out.action == XDP_TX && p->out_read &&
	    (p->out_pkt.tcp_flags & (SG_TCP_SYN | SG_TCP_ACK)) == (SG_TCP_SYN | SG_TCP_ACK))
		return shake_hands(c, peer, key, p);
	if (p->out.action != XDP_PASS)
		return sg_fates_drop(&c->fates, c->index);
	return sg_fates_send(&c->fates, c->index, p->out.frame, p->out.len);
}

/* Is it what a client sends again, since nobody acknowledges it: proven to be of the handshake, but not its first segment? */
static bool comes_again(const struct sg_peer *peer, const struct passage *p)
{
	const __u8 kind = p->pkt->tcp_flags & (SG_TCP_SYN | SG_TCP_ACK | SG_TCP_RST);

	return p->out.action == XDP_DROP && !peer->ca.up && kind == SG_TCP_ACK &&
	       p->pkt->ack == peer->ca_isn + 1 && sg_seq_after(p->pkt->seq, peer->isn + 1) &&
	       !p->pkt->fragment && sg_wire_sound(p->frame, p->len, p->pkt, peer->partial);
}

/* The program has thrown a segment away. Without data, and as long as nothing has gone to the CA, it was the guard's own
 * affair.
 */
static int not_passed(struct sg_classifier *c, struct sg_peer *peer, const struct passage *p)
{
	int err;

	if (p->again || (!p->pkt->payload_len && !peer->ca.up))
		return 0;
	err = sg_fates_drop(&c->fates, p->index);
	if (err || !comes_again(peer, p))
		return err;
	return sg_peer_keep(peer, p->pkt, p->frame, p->len, p->index);
}

/* Does it pass with nothing changed but the numbers, which are the recorded ones again? */
static bool same(const struct passage *p)
{
	return p->out.action == XDP_PASS && p->out.len == p->len &&
	       sg_wire_same(p->out.frame, p->frame, p->len, p->pkt);
}

/* Does the guard speak in the CA's place: close, or acknowledge where there is nothing to lose? */
static bool answered(const struct passage *p)
{
	if (p->out.action != XDP_TX || !p->out_read || p->out_pkt.tcp_flags & SG_TCP_RST)
		return false;
	return !p->pkt->payload_len || p->out_pkt.tcp_flags & SG_TCP_FIN;
}

static int after_segment(struct sg_classifier *c, struct sg_peer *peer, const struct passage *p)
{
	if (p->out.action == XDP_PASS && p->out_read && sg_wire_is_syn(&p->out_pkt))
		return ca_opens(c, peer, p);
	if (same(p)) {
		sg_fates_undrop(&c->fates, p->index);
		return ca_hears(c, peer, &p->out, p->pkt);
	}
	return answered(p) ? 0 : not_passed(c, peer, p);
}

/* The number the recorded CA began with: what comes first acknowledges its SYN-ACK. */
static void learn_ca_isn(struct sg_peer *peer, const struct passage *p)
{
	if (peer->acked || !(p->pkt->tcp_flags & SG_TCP_ACK))
		return;
	peer->ca_isn = p->pkt->ack - 1;
	peer->acked = !(p->pkt->tcp_flags & SG_TCP_RST) &&
		      sg_wire_sound(p->frame, p->len, p->pkt, peer->partial);
}

/* A checksum that is only begun is believed of a connection whose SYN had one, as in police. */
static int believe_partial(struct sg_classifier *c, const struct sg_peer *peer)
{
	if (c->live.partial_refused == !peer->partial)
		return 0;
	c->live.partial_refused = !peer->partial;
	return sg_classifier_write_live(c);
}

/* Has it become the RST that ends another connection of this address and port at the CA? */
static bool carries(const struct passage *p)
{
	return p->out.action == XDP_PASS && p->out_read && p->out_pkt.tcp_flags & SG_TCP_RST &&
	       !(p->pkt->tcp_flags & SG_TCP_RST);
}

static int client_segment(struct sg_classifier *c, struct sg_peer *peer, struct passage *p)
{
	__u8 moved[SG_CLASSIFY_FRAME_MAX] __attribute__((aligned(8)));
	int err;

	learn_ca_isn(peer, p);
	if (p->pkt->payload_len && sg_wire_sound(p->frame, p->len, p->pkt, peer->partial))
		peer->unread = true;
	err = ca_keeps_up(c, peer, p->pkt);
	err = err ? err : believe_partial(c, peer);
	if (err)
		return err;
	memcpy(moved, p->frame, p->len);
	sg_wire_move_ack(moved, p->len, p->pkt, peer->cookie - peer->ca_isn);
	err = run_passage(c, moved, p);
	if (!err && carries(p)) {
		err = sg_fates_send(&c->fates, c->index, p->out.frame, p->out.len);
		/* Its client sends it again. */
		err = err ? err : run_passage(c, moved, p);
	}
	return err ? err : after_segment(c, peer, p);
}

/* Once the CA has the beginning, what was thrown away before comes again. */
static int send_again(struct sg_classifier *c, struct sg_peer *peer)
{
	struct passage p = {.again = true};
	int err = 0;

	while (!err && peer->ca.up) {
		_cleanup_free_ struct sg_again *again = sg_peer_again(peer);

		if (!again)
			break;
		p.frame = again->frame;
		p.len = again->len;
		p.pkt = &again->pkt;
		p.index = again->index;
		err = client_segment(c, peer, &p);
	}
	return err;
}

static int from_client(struct sg_classifier *c, const struct sg_conn_key *key, struct passage *p)
{
	struct sg_peer *peer = sg_peers_find(&c->peers, key);
	int err;

	if (sg_wire_is_syn(p->pkt))
		return client_syn(c, peer, key, p);
	if (!peer)
		return sg_classifier_plain(c, p->frame, p->len);
	err = client_segment(c, peer, p);
	/* Of a recorded CA it waits for a word: by then the beginning is acknowledged. */
	return err || peer->recorded ? err : send_again(c, peer);
}

/* ---- a recorded CA ---- */

/* Its SYN-ACK comes when the program has made a SYN, and from then on what it said. */
static int from_ca(struct sg_classifier *c, const struct sg_conn_key *key, struct passage *p)
{
	struct sg_peer *peer = c->both_sides ? sg_peers_find(&c->peers, key) : NULL;
	const __u8 kind = p->pkt->tcp_flags & (SG_TCP_SYN | SG_TCP_ACK | SG_TCP_RST);
	int err;

	if (!peer)
		return sg_classifier_plain(c, p->frame, p->len);
	if (kind == (SG_TCP_SYN | SG_TCP_ACK) && p->pkt->ack == peer->isn + 1) {
		peer->recorded = true;
		if (!peer->acked)
			peer->ca_isn = p->pkt->seq;
		peer->acked = true;
		return 0;
	}
	if (!peer->ca.up)
		return 0;
	err = run_passage(c, p->frame, p);
	if (!err && p->out.action != XDP_PASS)
		err = sg_fates_drop(&c->fates, c->index);
	return err ? err : send_again(c, peer);
}

int sg_intercept_frame(struct sg_classifier *c, const void *frame, size_t len)
{
	__u8 bytes[SG_CLASSIFY_FRAME_MAX] __attribute__((aligned(8)));
	struct sg_conn_key key;
	struct sg_packet pkt;
	struct passage p = {.frame = bytes, .len = len, .pkt = &pkt, .index = c->index};

	memcpy(bytes, frame, len);
	if (!sg_wire_read(bytes, len, &pkt))
		return sg_classifier_plain(c, bytes, len);
	key = (struct sg_conn_key){pkt.src, pkt.sport, endpoint_of(c, &pkt.dst, pkt.dport)};
	if (key.endpoint)
		return from_client(c, &key, &p);
	key = (struct sg_conn_key){pkt.dst, pkt.dport, endpoint_of(c, &pkt.src, pkt.sport)};
	if (key.endpoint)
		return from_ca(c, &key, &p);
	return sg_classifier_plain(c, bytes, len);
}

int sg_intercept_finish(struct sg_classifier *c)
{
	struct sg_peer *peer;
	int err = 0;

	for (peer = c->peers.first; !err && peer; peer = peer->next) {
		err = send_again(c, peer);
		if (!err && peer->unread && !peer->met)
			err = sg_record_unread(&c->record, &peer->key);
	}
	return err;
}
