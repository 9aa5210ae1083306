/* SPDX-License-Identifier: GPL-2.0-only */
/* The CA of one connection, played: it takes of its client's segments what any TCP takes, and knows how much it has said. In
 * intercept somebody has to answer the SYN that the program makes, and a client that was recorded alone acknowledges what
 * its CA said. Pure.
 */
#ifndef SG_CLASSIFY_PLAYED_CA_H
#define SG_CLASSIFY_PLAYED_CA_H

#include "wire.h"

/* Pieces that came before it was their turn; one more is thrown away, and comes again. */
#define SG_PLAYED_AHEAD 32

/* All zero: it has not got a SYN. Sequence numbers in host order, its own in the recorded client's numbers. */
struct sg_played_ca {
	bool up;
	bool fin;       /* its client has closed, and it knows */
	bool gone;      /* its client has reset it */
	__u32 isn;      /* its own */
	__u32 next;     /* next byte of its client */
	__u32 said;     /* bytes */
	__u32 answered; /* bytes it had said when its last answer began */
	__u16 answers;  /* requests it has begun to answer */
	size_t ahead_count;
	struct {
		__u32 from, to;
	} ahead[SG_PLAYED_AHEAD];
	struct sg_packet syn;    /* by which it knows the way back */
	__u8 head[SG_WIRE_HEAD]; /* of the SYN's frame */
};

/* It gets this SYN (a plain one, as the program makes it), and will begin with the number isn. */
void sg_played_open(struct sg_played_ca *ca, const void *frame, const struct sg_packet *syn,
		    __u32 isn);

/* A segment of its client has reached it. sound: its checksums hold. Returns whether it acknowledges (again). */
bool sg_played_take(struct sg_played_ca *ca, const struct sg_packet *pkt, bool sound);

/* Bytes of its stream from `said` on: an answer with a status line, and then anything. */
void sg_played_bytes(const struct sg_played_ca *ca, __u8 *bytes, size_t len);

/* A frame of it: flags, and so many bytes of what it has to say. out: SG_WIRE_ANSWER_MAX. Returns the length. */
size_t sg_played_frame(const struct sg_played_ca *ca, __u8 flags, size_t len, void *out);

#endif
