// SPDX-License-Identifier: GPL-2.0-only
/* Scenes: frames of every build, what is passed untouched, and who may speak as the CA. */
#include "scenes.h"

static const __u8 hop_by_hop[] = {0, 0xff}, two_options[] = {60, 60, 0xff}, routing[] = {43, 0xff},
		  all_kinds[] = {0, 60, 43, 44, 60, 0xff},
		  too_deep[] = {60, 60, 60, 60, 60, 60, 60, 0xff}, fragmented[] = {44, 0xff},
		  esp[] = {50, 0xff};

static const struct step tags[] = {
	SYN(1, .vlan_tags = 1, ADMITTED),
	SYN(2, .vlan_tags = 4, ADMITTED),
	SYN(3, .vlan_tags = 2, .service_tags = true, ADMITTED),
	SYN(4, .vlan_tags = 5, PASSED(NOT_TCP)),
	SYN(5, .to = WORLD_V6, .vlan_tags = 1, ADMITTED),
};

static const struct step ipv4_options[] = {
	SYN(1, .ip_options = 4, ADMITTED),
	SYN(2, .ip_options = 40, ADMITTED),
	SYN(3, .ip_options = 8, .odd_option = true, ADMITTED),
	SYN(4, .padding = 12, ADMITTED),
};

static const struct step fragments[] = {
	SYN(1, .more = true, ADMITTED),
	ACK(2, .fragment = 3, PASSED(FRAGMENT)),
	ACK(2, .fragment = 185, .more = true, PASSED(FRAGMENT)),
	ACK(2, .fragment = 1, REFUSED(TINY_FRAGMENT)), /* would overwrite the flags */
	SYN(3, .more = true, .short_ip = 8, .cut = 8, REFUSED(TINY_FRAGMENT)),
	SYN(3, .more = true, .short_ip = 16, .cut = 16, REFUSED(TINY_FRAGMENT)),
	SYN(3, .short_ip = 8, .cut = 8, PASSED(MALFORMED)),
	/* Not to a protected address: not ours. */
	CA_ACK(3, .fragment = 1, PASSED(FRAGMENT)),
	MODE(OBSERVE),
	ACK(2, .fragment = 1, WOULD(TINY_FRAGMENT)),
};

static const struct step ipv6_chains[] = {
	SYN(1, .to = WORLD_V6, .extensions = hop_by_hop, ADMITTED),
	SYN(2, .to = WORLD_V6, .extensions = two_options, ADMITTED),
	SYN(3, .to = WORLD_V6, .extensions = routing, ADMITTED),
	SYN(4, .to = WORLD_V6, .extensions = all_kinds, ADMITTED),
	SYN(5, .to = WORLD_V6, .extensions = too_deep, REFUSED(TINY_FRAGMENT)),
	SYN(6, .to = WORLD_V6, .extensions = fragmented, .more = true, ADMITTED),
	SYN(7, .to = WORLD_V6, .extensions = fragmented, .fragment = 1, REFUSED(TINY_FRAGMENT)),
	SYN(7, .to = WORLD_V6, .extensions = fragmented, .fragment = 3, PASSED(FRAGMENT)),
	SYN(7, .to = WORLD_V6, .extensions = esp, PASSED(NOT_TCP)),
};

static const struct step cut_off[] = {
	SYN(1, .at_every_length = true, PASSED(MALFORMED)),
};

static const struct step cut_off_ipv6[] = {
	SYN(1, .to = WORLD_V6, .at_every_length = true, PASSED(MALFORMED)),
	SYN(1, .to = WORLD_V6, .extensions = all_kinds, .at_every_length = true, PASSED(MALFORMED)),
	SYN(1, .vlan_tags = 4, .ip_options = 40, .at_every_length = true, PASSED(MALFORMED)),
};

static const struct step not_ours[] = {
	SYN(1, .protocol = 17, PASSED(NOT_TCP)),
	SYN(1, .to = WORLD_V6, .protocol = 58, PASSED(NOT_TCP)),
	SYN(1, .short_ip = 41, PASSED(MALFORMED)),
	/* On the wire these are nobody's addresses. */
	SYN(1, .mapped = true, PASSED(MALFORMED)),
	CA_SYN_ACK(1, .mapped = true, PASSED(MALFORMED)),
};

static const struct step forged[] = {
	HANDSHAKE(1),
	CA_RST(1, .elsewhere = true, COUNTS(FORGED), STATE(ESTABLISHED)),
	CA_SAY(1, "HTTP/1.1 200 OK\r\n", .elsewhere = true, .seq = 1, COUNTS(FORGED)),
	CA_SYN_ACK(2, .elsewhere = true, COUNTS(FORGED)),
	CA_RST(1, STATE(CLOSED), ENDS_AS(NONE), COUNTS(PACKETS_CA)),
};

static const struct step one_armed[] = {
	SYN(1, .to = WORLD_SAME_WIRE, ADMITTED),
	CA_SYN_ACK(1, .to = WORLD_SAME_WIRE, .other_mac = true, .seq = 1, COUNTS(FORGED)),
	CA_SYN_ACK(1, .to = WORLD_SAME_WIRE, COUNTS(SYN_ACK)),
	ACK(1, .to = WORLD_SAME_WIRE, COUNTS(HANDSHAKES)),
	/* Without a daemon nobody could follow a change of the MAC. */
	WAIT(31),
	CA_SAY(1, "x", .to = WORLD_SAME_WIRE, .other_mac = true, COUNTS(PACKETS_CA)),
};

static const struct step observe[] = {
	MODE(OBSERVE),
	SERVICE(slots, 1),
	SERVICE(window.connections, 2),
	SYN(1, WOULD(ADMITTED)),
	SYN(2, WOULD(SLOTS)),
	CA_SYN_ACK(2, COUNTS(ADOPTED)),
	ACK(2, COUNTS(HANDSHAKES)),
	SYN(3, WOULD(SLOTS)),
	WAIT(6),
	/* The expired lease lapses; nothing is rewritten. */
	SYN(3, WOULD(SLOTS)),
	SYN(3, WOULD(ADMITTED)),
	SYN(4, WOULD(SLOTS)),
	RST(1, .seq = 7, STATE(SYN_SENT)),
	RST(1, STATE(CLOSED), ENDS_AS(NONE)),
	LIVE(source_default.connections, 1),
	SERVICE(slots, 0),
	SERVICE(window.connections, 0),
	SYN(23, WOULD(SOURCE_CONNECTIONS)),
	POLICY(DENY),
	SYN(5, WOULD(DENIED)),
};

static const struct step trial[] = {
	SERVICE(slots, 1),
	SYN(1, ADMITTED),
	SYN(2, REFUSED(SLOTS)),
	LIVE(mode_word, SG_MODE_WORD(SG_MODE_OBSERVE, SG_MODE_POLICE, 1002 * WORLD_HZ)),
	SYN(2, WOULD(SLOTS)),
	WAIT(2),
	SYN(2, REFUSED(SLOTS)),
};

static const struct step switched_off[] = {
	SERVICE(enabled, 0),
	SYN(1),
	CA_SAY(1, "x"),
};

const struct scene scenes_frames[] = {
	SCENE("VLAN tags", tags),
	SCENE("IPv4 options and padding", ipv4_options),
	SCENE("fragments", fragments),
	SCENE("IPv6 extension headers", ipv6_chains),
	SCENE("cut off at every byte", cut_off),
	SCENE("cut off at every byte, IPv6, tags, options", cut_off_ipv6),
	SCENE("not TCP", not_ours),
	SCENE("forged packets of the CA", forged),
	SCENE("one-armed", one_armed),
	SCENE("observe changes nothing", observe),
	SCENE("a trial ends by itself", trial),
	SCENE("a service that is switched off", switched_off),
};
const size_t scenes_frames_count = sizeof(scenes_frames) / sizeof(scenes_frames[0]);
