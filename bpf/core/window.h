/* SPDX-License-Identifier: GPL-2.0-only */
/* The exact window: at most N new connections in ANY `window`, whatever the CA counts.
 *
 * A ring of places, one per admission. The i-th admission is allowed only if place i-N is settled
 * and older than the window. A place's date only moves forward: at every SYN of its connection
 * that is forwarded, at the CA's SYN-ACK, at the ACK that ends the handshake, and to the moment
 * that settles it.
 *
 * Why that is exact. Let the CA count connection i at time c(i): at its SYN, at the end of its
 * handshake, or at accept(). Its place has a first date f(i) (admission) and a last one l(i)
 * (settled), and f(i) <= c(i) <= l(i): nothing reaches the CA before f(i); and a place is settled
 * only by proof that the CA has counted (an answer, its FIN or RST, an answer to a connection
 * whose handshake ended later, since accept queues are FIFO) or that it never will (given up: a
 * late SYN-ACK is answered with RST). An attempt that is over without any sign of the CA (given up,
 * or its client left) counts for `syn` longer than the window: so long may the CA have paused with
 * its packets in hand; a SYN-ACK that comes even later dates the place once more. Among any N+1 counted connections two have numbers
 * i < j congruent mod N, so j >= i + N. Admission numbers grow with time, and i+N was admitted
 * only when l(i) + window <= f(i+N); hence c(j) >= f(j) >= f(i+N) >= l(i) + window >= c(i) +
 * window: N+1 counts never fit into one window. `window` carries 1/600 for path jitter, since
 * c is at the CA and l at the guard.
 *
 * Limits may shrink at any time. After growing to N' > N, places between i-N' and i-N may be
 * unsettled or young; so a raised limit counts only after one window plus `life` (the caller), and
 * a temporarily halved one is checked in addition to N, never instead of it.
 *
 * The FIFO rule says: the CA answered j, so it has taken from its queue whatever was in it before j. Let h(j) be
 * when the first ACK of j was forwarded; its handshake ended at the CA no earlier. Let l(i) be when the last
 * segment of i was forwarded with which the handshake of i may have ended. If l(i) lies before h(j), by more
 * than the path's jitter, i is counted, or its handshake has not ended: the ACK was lost, or the CA was deaf to it,
 * or waits for data. Then it ends only with a segment that is still to come. So, until the CA has
 * read bytes of i (which proves its handshake), every segment of it dates its place and opens it again, and so does a
 * SYN-ACK sent again; and none goes on once the settled place has let another one in, or when the attempt is
 * older than `half_open` (else a client could hold the ring up with segments that the CA does not take).
 * The CA's RST proves nothing about its queue: kernels reset what they do not know.
 *
 * What is not covered: a CA that counts SYN resends
 * of one attempt as new connections.
 */
#ifndef SG_WINDOW_H
#define SG_WINDOW_H

#include <linux/types.h>
#include <stdbool.h>
#include "cursor.h"

#define SG_PLACE_FLAGS   0xfull
#define SG_PLACE_NUMBER  0xfffffull
#define SG_PLACE_RETRIES 4

/* Of a window: what a packet may overtake another one by, between the guard and the CA. */
#define SG_PLACE_JITTER 600

/* Admissions before an answered one that are asked whether they were overtaken. */
#define SG_OVERTAKES 4

static __always_inline __u64 sg_place_word(__u64 ticks, __u64 number, __u32 flags)
{
	return ticks << 24 | (number & SG_PLACE_NUMBER) << 4 | flags;
}

static __always_inline __u64 sg_place_ticks(__u64 word)
{
	return word >> 24;
}

static __always_inline bool sg_place_is(__u64 word, __u64 number)
{
	return ((word >> 4) & SG_PLACE_NUMBER) == (number & SG_PLACE_NUMBER);
}

enum sg_place_event {
	SG_PLACE_EV_SYN,       /* a SYN of the attempt was forwarded (again) */
	SG_PLACE_EV_SYN_ACK,   /* the CA answered it, or answered again */
	SG_PLACE_EV_ACK,       /* the ACK that ends the handshake was forwarded */
	SG_PLACE_EV_OVERTAKEN, /* the CA answered a connection whose handshake ended later */
	SG_PLACE_EV_FINAL,     /* the CA answered this one */
	SG_PLACE_EV_ENDED,     /* it is over (client, guard), the CA may not know it yet */
	SG_PLACE_EV_NEVER,     /* over, and no ACK of it was or will be forwarded: no handshake */
	SG_PLACE_EV_LATE,      /* the CA answered the SYN of an attempt that was over */
};

/* The word after an event, or the same word when the event changes nothing. Pure. */
static __always_inline __u64 sg_place_next(__u64 word, enum sg_place_event event, __u64 now)
{
	__u32 flags = word & SG_PLACE_FLAGS;
	__u64 ticks = sg_place_ticks(word);

	if (flags & SG_PLACE_FINAL && event != SG_PLACE_EV_LATE)
		return word;
	if (ticks < now)
		ticks = now;
	switch (event) {
	case SG_PLACE_EV_SYN:
		if (flags & SG_PLACE_HANDSHAKE)
			return word;
		break;
	case SG_PLACE_EV_SYN_ACK:
		flags = SG_PLACE_SYN_ACKED;
		break;
	case SG_PLACE_EV_ACK:
		/* Open again: what overtook it overtook an earlier ACK, and that may be lost. */
		flags = SG_PLACE_SYN_ACKED | SG_PLACE_HANDSHAKE;
		break;
	case SG_PLACE_EV_OVERTAKEN:
		if (flags & SG_PLACE_SETTLED)
			return word;
		flags |= SG_PLACE_SETTLED;
		break;
	case SG_PLACE_EV_FINAL:
		flags |= SG_PLACE_SETTLED | SG_PLACE_FINAL;
		break;
	case SG_PLACE_EV_ENDED:
		/* Counted already; an end long after, without a daemon, must not date it anew. */
		if (flags & SG_PLACE_SETTLED)
			return word;
		flags &= ~SG_PLACE_SYN_ACKED; /* as if given up */
		break;
	case SG_PLACE_EV_NEVER:
		/* A SYN is counted by the SYN-ACK. Dating it now would halt the ring for a window. */
		if (!(flags & SG_PLACE_SYN_ACKED))
			return word;
		ticks = sg_place_ticks(word);
		flags |= SG_PLACE_SETTLED | SG_PLACE_FINAL;
		break;
	case SG_PLACE_EV_LATE:
		break;
	}
	return sg_place_word(ticks, word >> 4, flags);
}

/* What the end of a connection says about its place. */
static __always_inline enum sg_place_event sg_place_end_event(const struct sg_conn *conn)
{
	if (conn->flags & SG_CONN_CA_ANSWERED)
		return SG_PLACE_EV_FINAL;
	/* An ACK that is no handshake here (out of order) may be one to the CA. */
	return conn->client.handshake || conn->client.seen != conn->opened ? SG_PLACE_EV_ENDED
									   : SG_PLACE_EV_NEVER;
}

/* The CA's SYN-ACK was seen, but nothing that proves that its handshake has ended there. */
static __always_inline bool sg_conn_unproven(const struct sg_conn *conn)
{
	return conn->ca.known && !(conn->flags & (SG_CONN_CA_READ | SG_CONN_CA_ANSWERED));
}

/* Has this connection ended without proof that the CA knows more of it than its SYN? Whatever was sent
 * to end it may be lost: in police nothing of it may reach the CA any more, and a SYN-ACK to it is
 * answered with RST. SG_PLACE_EV_NEVER rests on this.
 */
static __always_inline bool sg_conn_forfeited(const struct sg_conn *conn)
{
	return conn->state == SG_CONN_CLOSED && conn->place != SG_NO_PLACE &&
	       sg_conn_unproven(conn);
}

/* Apply an event to place `number`, if the ring still holds it. Lock-free: compare-and-swap; after
 * SG_PLACE_RETRIES lost races the event is lost, which only several CPUs at the same place in the
 * same instant can bring about; the winner's date is then at most that instant older.
 */
static __always_inline void sg_place_move(__u64 *places, __u64 number, enum sg_place_event event,
					  __u64 now)
{
	__u64 *place = &places[number & (SG_PLACES - 1)];

	for (int i = 0; i < SG_PLACE_RETRIES; i++) {
		__u64 word = sg_read_once(*place), next;

		if (!sg_place_is(word, number))
			return;
		next = sg_place_next(word, event, now);
		if (next == word || __sync_val_compare_and_swap(place, word, next) == word)
			return;
	}
}

/* Given up: no SYN-ACK for `syn` since the last SYN was forwarded. It keeps its last SYN's time;
 * from now on a SYN-ACK to it must be answered with RST and its SYNs are new attempts.
 */
static __always_inline bool sg_place_given_up(__u64 word, __u64 now, __u64 syn_ticks)
{
	return !(word & (SG_PLACE_SYN_ACKED | SG_PLACE_SETTLED)) &&
	       sg_place_ticks(word) + syn_ticks < now;
}

enum sg_window_look { SG_WINDOW_FREE, SG_WINDOW_YOUNG, SG_WINDOW_UNSETTLED };

/* May the next admission (number head) take place, with at most `connections` in any `window`
 * ticks? connections: 1..SG_PLACES-1.
 */
static __always_inline enum sg_window_look sg_window_look(const __u64 *places, __u64 head,
							  __u32 connections, __u64 window,
							  __u64 now, __u64 syn_ticks)
{
	__u64 word = sg_read_once(places[(head - connections) & (SG_PLACES - 1)]);

	if (sg_place_ticks(word) + window > now)
		return SG_WINDOW_YOUNG;
	if (word & SG_PLACE_SETTLED)
		return SG_WINDOW_FREE;
	if (word & SG_PLACE_SYN_ACKED)
		return SG_WINDOW_UNSETTLED;
	return sg_place_ticks(word) + window + syn_ticks > now ? SG_WINDOW_YOUNG : SG_WINDOW_FREE;
}

/* The FIFO rule: has the CA answered a connection whose handshake ended later than this place's? Each
 * segment from the CA asks this of one place (a clock hand over the last N). Two ACKs that lie closer than
 * the path's jitter may have changed their order.
 */
static __always_inline bool sg_place_overtaken(__u64 word, __u64 answered_handshake, __u64 window)
{
	return (word & (SG_PLACE_HANDSHAKE | SG_PLACE_SETTLED)) == SG_PLACE_HANDSHAKE &&
	       sg_place_ticks(word) + window / SG_PLACE_JITTER < answered_handshake;
}

/* Has place `number`, settled or gone from the ring, let another one in? head: the next admission. */
static __always_inline bool sg_place_spent(const __u64 *places, __u64 head, __u64 number,
					   __u32 connections)
{
	__u64 word = sg_read_once(places[number & (SG_PLACES - 1)]);

	return connections && head - number > connections &&
	       (!sg_place_is(word, number) || word & SG_PLACE_SETTLED);
}

#endif
