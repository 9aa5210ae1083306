/* SPDX-License-Identifier: GPL-2.0-only */
/* One TCP segment of a recorded frame, read by the program's own parser: what classify in intercept has to know of it
 * before the program has run, and to change in it. Pure.
 */
#ifndef SG_CLASSIFY_WIRE_H
#define SG_CLASSIFY_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "../../bpf/core/net_parse.h"

/* Link layer (four tags) and IPv6 header: the longest that is ever kept to send something back. */
#define SG_WIRE_HEAD    72

#define SG_WIRE_PAYLOAD 1400

/* A segment that is made; host byte order. */
struct sg_wire_segment {
	__u32 seq, ack;
	__u8 flags;
	const void *payload;
	size_t payload_len; /* at most SG_WIRE_PAYLOAD */
};

/* Longest frame sg_wire_answer() makes. */
#define SG_WIRE_ANSWER_MAX (SG_WIRE_HEAD + 20 + SG_WIRE_PAYLOAD)

/* Read a frame. False when it is none with a whole TCP header. */
bool sg_wire_read(const void *frame, size_t len, struct sg_packet *ret);

/* Is it the SYN of a client (with whatever other flags), as the program takes it? */
static inline bool sg_wire_is_syn(const struct sg_packet *pkt)
{
	return (pkt->tcp_flags & (SG_TCP_SYN | SG_TCP_ACK | SG_TCP_RST)) == SG_TCP_SYN;
}

/* Is its TCP checksum only begun: the pseudo header's sum? Not one that is right as it is, which has that value once in 65536. */
bool sg_wire_partial(const void *frame, size_t len, const struct sg_packet *pkt);

/* Would a receiver believe it? Checksums only. partial: also one that is only begun. */
bool sg_wire_sound(const void *frame, size_t len, const struct sg_packet *pkt, bool partial);

/* Move the ACK number, and with it the checksum: a right one stays right, a wrong one as wrong as it was (RFC 1624). One
 * that is only begun stays: the number is not in it.
 */
void sg_wire_move_ack(void *frame, size_t len, const struct sg_packet *pkt, __u32 by);

/* Are two frames of one length the same, where 0 and 0xffff are one checksum? pkt: of both. */
bool sg_wire_same(const void *a, const void *b, size_t len, const struct sg_packet *pkt);

/* What goes the other way than the frame [from] (of which only the headers below TCP are read; plain ones, without IP
 * options). from_len: at least pkt->l4_off. out: SG_WIRE_ANSWER_MAX bytes. Returns the length.
 */
size_t sg_wire_answer(const void *from, const struct sg_packet *pkt,
		      const struct sg_wire_segment *segment, void *out);

#endif
