/* SPDX-License-Identifier: GPL-2.0-only */
/* Life of one connection as seen from the middle, both directions. Pure bookkeeping: what a packet
 * means for the connection is returned as effects; the caller moves places, slots and counters.
 * A packet that does not fit (RFC 5961: RST not exactly in sequence, ACK of bytes never sent)
 * changes nothing.
 */
#ifndef SG_TCP_CONN_H
#define SG_TCP_CONN_H

#include <linux/types.h>
#include <stdbool.h>
#include "net_parse.h"
#include "segment.h"

#define SG_EFFECT_SYN_ACK       0x01u /* first SYN-ACK */
#define SG_EFFECT_SYN_ACK_AGAIN 0x02u
#define SG_EFFECT_HANDSHAKE     0x04u /* the ACK that ends the handshake */
#define SG_EFFECT_MAYBE_LATE    0x08u /* the handshake may have ended only with this segment */
#define SG_EFFECT_ANSWERED      0x10u /* first byte or FIN of the CA */
#define SG_EFFECT_REFUSED       0x20u /* the CA answered the SYN with RST */
#define SG_EFFECT_ENDED         0x40u
#define SG_EFFECT_BELIEVED      0x80u /* the segment fits the connection: its payload may be read */
#define SG_EFFECT_ABANDONED     0x100u /* the client says it is over; the CA need not have heard it */

/* Farthest a sequence number may lie from the last one to be believed: an unscaled window each side
 * and then some (clients that scale send more, but not 1 MiB ahead of a SCEP server).
 */
#define SG_SEQ_REACH (1 << 20)

/* Farthest a timestamp may move from one SYN to its resend, in its own ticks: an hour of them at 1 kHz. So
 * that it would take 500 resends to make an earlier one look like a later one.
 */
#define SG_STAMP_RESEND_MAX (1u << 22)

static __always_inline bool sg_seq_after(__u32 a, __u32 b)
{
	return (__s32)(a - b) > 0;
}

static __always_inline bool sg_seq_near(__u32 a, __u32 b)
{
	return a - b + SG_SEQ_REACH <= 2 * SG_SEQ_REACH;
}

static __always_inline __u32 sg_packet_end(const struct sg_packet *pkt)
{
	return pkt->seq + pkt->payload_len + !!(pkt->tcp_flags & SG_TCP_FIN) +
	       !!(pkt->tcp_flags & SG_TCP_SYN);
}

/* A new attempt: the entry of an admitted (or, in observe, any answered) SYN. */
static __always_inline void sg_conn_open(struct sg_conn *c, const struct sg_packet *syn, __u64 now)
{
	c->state = SG_CONN_SYN_SENT;
	c->opened = now;
	c->family = syn->family;
	c->client.seen = now;
	c->client.isn = syn->seq;
	c->client.next = syn->seq + 1;
	c->client.end = syn->seq + 1;
	c->client.request_class = SG_REQUEST_NONE;
}

/* Take over a connection met in mid-life, from a segment of the CA: its requests so far are not
 * known; the next one on it will be read.
 */
static __always_inline void sg_conn_adopt(struct sg_conn *c, const struct sg_packet *pkt, __u64 now)
{
	bool syn_ack = pkt->tcp_flags & SG_TCP_SYN;

	c->state = syn_ack ? SG_CONN_SYN_ACKED : SG_CONN_ESTABLISHED;
	/* Its SYN was not looked at: an unfinished checksum has to be believed. */
	c->flags = SG_CONN_ADOPTED | SG_CONN_PARTIAL | (syn_ack ? 0 : SG_CONN_CA_READ);
	c->opened = now;
	c->family = pkt->family;
	c->client.seen = now;
	c->client.isn = pkt->ack - 1;
	c->client.next = pkt->ack;
	c->client.end = pkt->ack;
	c->client.ack = syn_ack ? 0 : pkt->seq;
	c->client.request_class = syn_ack ? SG_REQUEST_NONE : SG_REQUEST_UNDECIDED;
	c->client.line_done = !syn_ack;
	c->client.request_ack = pkt->seq;
	c->ca.known = 1;
	c->ca.seen = now;
	c->ca.syn_ack = now;
	c->ca.isn = syn_ack ? pkt->seq : pkt->seq - 1;
	c->ca.next = pkt->seq + 1;
	c->ca.end = sg_packet_end(pkt);
	c->ca.ack = pkt->ack;
	c->ca.answer_done = !syn_ack;
}

/* Is this SYN a resend of the entry's attempt? Same 4-tuple and same initial sequence number. */
static __always_inline bool sg_conn_is_resend(const struct sg_conn *c, const struct sg_packet *syn)
{
	return c->state != SG_CONN_CLOSED && c->client.isn == syn->seq &&
	       !(c->flags & SG_CONN_ADOPTED && c->state == SG_CONN_ESTABLISHED);
}

static __always_inline void sg_conn_flag(struct sg_conn *c, __u32 flag)
{
	if (!(c->flags & flag))
		__sync_fetch_and_or(&c->flags, flag);
}

/* A SYN of this connection was forwarded, the first or a resend. Unfinished checksums are believed
 * later only if all its SYNs had them and yet were answered: over a wire the CA throws them away.
 * Data in a SYN is read by some (RFC 7413) and thrown away by others.
 */
static __always_inline void sg_conn_syn_look(struct sg_conn *c, const struct sg_packet *syn,
					     const struct sg_segment_look *look, bool resend)
{
	if (!resend && look->partial)
		sg_conn_flag(c, SG_CONN_PARTIAL);
	else if (!look->partial && c->flags & SG_CONN_PARTIAL)
		__sync_fetch_and_and(&c->flags, ~SG_CONN_PARTIAL);
	if (syn->payload_len || syn->fragment || look->odd_tcp || look->odd_ip || !look->sound)
		sg_conn_flag(c, SG_CONN_DOUBT);
	if (!look->stamped)
		return;
	/* The CA may have taken either SYN: what the later timestamp lets through, the earlier one does, too. */
	if (resend && c->flags & SG_CONN_STAMPED &&
	    look->stamp - c->client.stamp > SG_STAMP_RESEND_MAX) {
		sg_conn_flag(c, SG_CONN_DOUBT);
		return;
	}
	c->client.stamp = look->stamp;
	sg_conn_flag(c, SG_CONN_STAMPED);
}

/* May a segment of the client be looked at further? False: every receiver throws it away. A timestamp
 * that goes back, or is missing, is thrown away by some only (RFC 7323, 5.3).
 */
static __always_inline bool sg_conn_looks_sound(struct sg_conn *c, const struct sg_packet *pkt,
						const struct sg_segment_look *look)
{
	if (!look->sound)
		return false;
	if (look->partial && !(c->flags & SG_CONN_PARTIAL) && !look->joined)
		return false;
	if (look->odd_ip || look->odd_tcp)
		sg_conn_flag(c, SG_CONN_DOUBT);
	if (!(c->flags & SG_CONN_STAMPED))
		return true;
	if (!look->stamped || (__s32)(look->stamp - c->client.stamp) < 0)
		sg_conn_flag(c, SG_CONN_DOUBT);
	else if (!sg_seq_after(pkt->seq, c->client.next))
		c->client.stamp = look->stamp;
	return true;
}

static __always_inline __u32 sg_conn_fin(struct sg_conn *c, __u32 mine, __u32 others)
{
	__u32 before = __sync_fetch_and_or(&c->flags, mine);

	return (before | mine) & others ? SG_EFFECT_ENDED : 0;
}

/* The client's side of the handshake. one_sided: the CA's packets do not pass here, so an ACK that
 * continues the SYN must do.
 */
static __always_inline __u32 sg_conn_client_ack(struct sg_conn *c, const struct sg_packet *pkt,
						bool one_sided, __u64 now)
{
	__u32 from = c->ca.known ? SG_CONN_SYN_ACKED : SG_CONN_SYN_SENT;

	if (c->state != from || (c->ca.known ? pkt->ack != c->ca.isn + 1 : !one_sided))
		return 0;
	/* Behind a gap, too, it ends the handshake at the CA. */
	if (!c->client.handshake)
		c->client.handshake = now;
	if (pkt->seq != c->client.isn + 1)
		return 0;
	if (__sync_val_compare_and_swap(&c->state, from, SG_CONN_ESTABLISHED) != from)
		return 0;
	c->client.ack = pkt->ack;
	c->client.request_ack = pkt->ack;
	return SG_EFFECT_HANDSHAKE;
}

/* Is there no gap before this packet that a request line may still be waiting for? */
static __always_inline bool sg_conn_is_read(const struct sg_conn *c, const struct sg_packet *pkt)
{
	return c->client.line_done || !sg_seq_after(pkt->seq, c->client.next);
}

/* Is the client's FIN behind every byte of it, or the same FIN again? An old one is ignored. */
static __always_inline bool sg_conn_fin_counts(const struct sg_conn *c, const struct sg_packet *pkt)
{
	__u32 behind = pkt->seq + pkt->payload_len + !!(c->flags & SG_CONN_CLIENT_FIN);

	return pkt->tcp_flags & SG_TCP_FIN && !sg_seq_after(pkt->seq, c->client.end) &&
	       !sg_seq_after(c->client.end, behind);
}

/* A packet of the client other than SYN. Returns effects. one_sided: as above; then the client's FIN
 * must end the connection, for the CA's is never seen. A RST is only the client's word: with a wrong
 * checksum, too few hops to live or bytes missing before it the CA never takes it, and keeps its slot.
 */
static __always_inline __u32 sg_conn_from_client(struct sg_conn *c, const struct sg_packet *pkt,
						 bool one_sided, __u64 now)
{
	__u32 effects = 0, end = pkt->seq + pkt->payload_len;

	if (c->state == SG_CONN_CLOSED)
		return 0;
	if (pkt->tcp_flags & SG_TCP_RST) {
		bool exact = pkt->seq == c->client.end ||
			     pkt->seq == (c->ca.known ? c->ca.ack : c->client.next);
		bool proven = c->flags & SG_CONN_CA_FIN || (one_sided && !c->ca.known);

		return !exact ? 0 : proven ? SG_EFFECT_ENDED : SG_EFFECT_ABANDONED;
	}
	/* What comes with a SYN on an open connection is thrown away (RFC 5961, 4). */
	if ((pkt->tcp_flags & (SG_TCP_ACK | SG_TCP_SYN)) != SG_TCP_ACK ||
	    !sg_seq_near(pkt->seq, c->client.end))
		return 0;
	if (c->ca.known && (sg_seq_after(pkt->ack, c->ca.end) || !sg_seq_near(pkt->ack, c->ca.end)))
		return 0;
	c->client.seen = now;
	/* Behind a FIN there are no bytes, or that was none for the CA. */
	if (c->flags & SG_CONN_CLIENT_FIN && sg_seq_after(end, c->client.end))
		sg_conn_flag(c, SG_CONN_DOUBT);
	if (c->state != SG_CONN_ESTABLISHED) {
		effects = sg_conn_client_ack(c, pkt, one_sided, now);
		if (!effects)
			return 0;
	} else if (!(c->flags & SG_CONN_CA_READ)) {
		effects = SG_EFFECT_MAYBE_LATE;
	}
	if (sg_seq_after(pkt->ack, c->client.ack))
		c->client.ack = pkt->ack;
	/* One-sided, only a FIN behind everything ends it: what is missing will come again. */
	if (sg_conn_fin_counts(c, pkt)) {
		effects |= sg_conn_fin(c, SG_CONN_CLIENT_FIN,
				       one_sided && !c->ca.known && sg_conn_is_read(c, pkt)
					       ? SG_CONN_CLIENT_FIN
					       : SG_CONN_CA_FIN);
		end++;
	} else if (pkt->tcp_flags & SG_TCP_FIN) {
		/* The CA may have taken it, or take it once what is missing before it has come. */
		sg_conn_flag(c, SG_CONN_DOUBT);
	} else if (!pkt->payload_len) {
		/* What an ACK alone lies behind may have ended with a FIN that was lost before the guard, and comes again. */
		end--;
	}
	if (sg_seq_after(end, c->client.end))
		c->client.end = end;
	return effects | SG_EFFECT_BELIEVED;
}

/* The CA's SYN-ACK to this attempt. */
static __always_inline __u32 sg_conn_syn_ack(struct sg_conn *c, const struct sg_packet *pkt)
{
	if (pkt->ack != c->client.isn + 1)
		return 0;
	if (c->ca.known)
		return pkt->seq == c->ca.isn ? SG_EFFECT_SYN_ACK_AGAIN : 0;
	c->ca.isn = pkt->seq;
	c->ca.next = pkt->seq + 1;
	c->ca.end = pkt->seq + 1;
	c->ca.ack = pkt->ack;
	/* The client's CPU may read what is above once it sees `known`; an atomic that returns is a barrier. */
	__sync_fetch_and_or(&c->flags, 0);
	c->ca.known = 1;
	if (__sync_val_compare_and_swap(&c->state, SG_CONN_SYN_SENT, SG_CONN_SYN_ACKED) !=
	    SG_CONN_SYN_SENT)
		return 0;
	return SG_EFFECT_SYN_ACK;
}

/* To a SYN it is the CA's answer. Later it proves no accept(): a kernel resets what it does not know. */
static __always_inline __u32 sg_conn_ca_rst(const struct sg_conn *c, const struct sg_packet *pkt)
{
	if (c->state == SG_CONN_SYN_SENT)
		return pkt->tcp_flags & SG_TCP_ACK && pkt->ack == c->client.isn + 1
			       ? SG_EFFECT_ENDED | SG_EFFECT_REFUSED
			       : 0;
	/* client.ack is known from the handshake on. */
	return pkt->seq == c->ca.end ||
			       (c->state == SG_CONN_ESTABLISHED && pkt->seq == c->client.ack)
		       ? SG_EFFECT_ENDED
		       : 0;
}

/* A packet of the CA. Returns effects. */
static __always_inline __u32 sg_conn_from_ca(struct sg_conn *c, const struct sg_packet *pkt,
					     __u64 now)
{
	__u32 effects = 0, end = sg_packet_end(pkt);

	if (c->state == SG_CONN_CLOSED)
		return 0;
	if (pkt->tcp_flags & SG_TCP_RST)
		return sg_conn_ca_rst(c, pkt);
	if (!(pkt->tcp_flags & SG_TCP_ACK))
		return 0;
	if (pkt->tcp_flags & SG_TCP_SYN) {
		effects = sg_conn_syn_ack(c, pkt);
		if (effects) {
			c->ca.seen = now;
			c->ca.syn_ack = now;
		}
		return effects;
	}
	if (!c->ca.known || !sg_seq_near(pkt->seq, c->ca.end))
		return 0;
	c->ca.seen = now;
	c->splice.shut = !pkt->window;
	if (sg_seq_after(pkt->ack, c->ca.ack))
		c->ca.ack = pkt->ack;
	/* One more than the client's bytes: the CA has its FIN, which passed here before what it follows. */
	if (pkt->ack == c->client.end + 1 &&
	    (c->flags & (SG_CONN_DOUBT | SG_CONN_CLIENT_FIN)) == SG_CONN_DOUBT)
		effects |= sg_conn_fin(c, SG_CONN_CLIENT_FIN, SG_CONN_CA_FIN);
	if (sg_seq_after(pkt->ack, c->client.isn + 1) && !(c->flags & SG_CONN_CA_READ))
		__sync_fetch_and_or(&c->flags, SG_CONN_CA_READ);
	if (pkt->payload_len || pkt->tcp_flags & SG_TCP_FIN)
		effects |= SG_EFFECT_ANSWERED;
	if (pkt->tcp_flags & SG_TCP_FIN && !sg_seq_after(pkt->seq, c->ca.end))
		effects |= sg_conn_fin(c, SG_CONN_CA_FIN, SG_CONN_CLIENT_FIN);
	if (sg_seq_after(end, c->ca.end))
		c->ca.end = end;
	return effects | SG_EFFECT_BELIEVED;
}

/* End the connection: true for the one caller that did it. */
static __always_inline bool sg_conn_close(struct sg_conn *c)
{
	return __sync_lock_test_and_set(&c->state, SG_CONN_CLOSED) != SG_CONN_CLOSED;
}

#endif
