/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames from a description, of every kind that the program reads differently: tags, options, extension
 * headers, fragments, wrong and unfinished checksums. Faster than tests/lib/packet.h, with addresses as
 * the tables hold them.
 */
#ifndef SG_TWIN_FRAME_H
#define SG_TWIN_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "twin.h"
#include "../../bpf/core/net_parse.h"

#define FRAME_OPTIONS    40
#define FRAME_EXTENSIONS 8
#define FRAME_PAYLOAD    3000 /* longest payload, bytes */

struct frame {
	__u8 mac[12];
	struct sg_ip src, dst; /* v4-mapped: an IPv4 packet */
	bool mapped;           /* ... no, an IPv6 packet with such addresses */
	__u16 sport, dport;    /* host order, as all numbers here */
	__u32 seq, ack;
	__u8 flags;
	const void *payload;
	__u16 payload_len;

	__u8 vlan_tags;
	bool service_tags;                    /* 802.1ad */
	__u8 hops;                            /* 0: 64 */
	__u8 protocol;                        /* 0: TCP */
	__u8 ip_options_len, tcp_options_len; /* multiples of 4, up to FRAME_OPTIONS */
	__u8 ip_options[FRAME_OPTIONS], tcp_options[FRAME_OPTIONS];
	__u8 extensions; /* IPv6 headers of 8 bytes, padding inside, of these types */
	__u8 extension[FRAME_EXTENSIONS];
	__u16 fragment; /* in units of 8 bytes; IPv6: needs a fragment header among the extensions */
	bool more_fragments;
	__u16 padding; /* bytes behind the IP packet */
	bool partial;  /* the TCP checksum is the pseudo header's sum */
	bool bad_tcp_sum, bad_ip_sum;
};

/* NOPs and a timestamp (RFC 7323). Sets tcp_options. */
void frame_stamp(struct frame *f, __u32 stamp);

/* Build it into out[TWIN_FRAME_MAX]. Returns its length, 0 when it would be too long. */
size_t frame_build(const struct frame *f, __u8 *out);

/* Are the checksums of a whole TCP frame right, or is the TCP one the pseudo header's sum? */
bool frame_sums_right(const __u8 *frame, const struct sg_packet *pkt);

/* Is the TCP checksum right, and not only begun? */
bool frame_tcp_sum_whole(const __u8 *frame, const struct sg_packet *pkt);

#endif
