/* SPDX-License-Identifier: GPL-2.0-only */
/* A third opinion of a frame: libpcap's filters, run on its bytes. They look at fewer fields than the
 * guard does, so they are asked only what they answer:
 * - an IPv4 or plain IPv6 packet that is TCP to a port, behind n tags, must match, and no other;
 * - a chain of IPv6 headers must lead to TCP.
 * Known differences, where libpcap is not asked: it does not compare lengths (broken packets match, and torn ones), takes
 * 0x9100 for a tag, walks over authentication headers, and reads the reserved byte of a fragment header
 * as a length.
 */
#ifndef SG_PACKET_FILTERS_H
#define SG_PACKET_FILTERS_H

#include "strict_packet.h"

#define FILTER_PORT 80

/* Does libpcap see in these bytes what the strict reader saw? Of its own translation unit: <pcap.h> and
 * <linux/bpf.h> do not go together.
 */
bool filters_agree(const uint8_t *frame, size_t len, const struct strict *s);

#endif
