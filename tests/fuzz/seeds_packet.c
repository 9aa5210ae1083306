// SPDX-License-Identifier: GPL-2.0-only
/* Writes frames of every kind as seeds for fuzz_packet, whole and cut at every byte of some. */
#include "seeds.h"
#include "../lib/packet.h"

#define V4   .family = 4, .src = "198.51.100.7", .dst = "192.0.2.1"
#define V6   .family = 6, .src = "2001:db8::7", .dst = "2001:db8:1::1"
#define TCP  .sport = 40000, .dport = 80, .seq = 1, .ack = 2, .flags = SG_TCP_ACK
#define DATA .payload = "GET / HTTP/1.0\r\n\r\n", .payload_len = 18

static const uint8_t hop[] = {SG_IPPROTO_HOPOPTS, 0xff};
static const uint8_t chain[] = {SG_IPPROTO_HOPOPTS, SG_IPPROTO_DSTOPTS, SG_IPPROTO_ROUTING,
				SG_IPPROTO_DSTOPTS, 0xff};
static const uint8_t fragment[] = {SG_IPPROTO_HOPOPTS, SG_IPPROTO_FRAGMENT, 0xff};
static const uint8_t six[] = {0, 60, 60, 60, 60, 60, 0xff};
static const uint8_t seven[] = {0, 60, 60, 60, 60, 60, 60, 0xff};
static const uint8_t authentication[] = {51, 0xff};
static const char segment[1460] = "POST /scep HTTP/1.0\r\n";

static const struct packet packets[] = {
	{V4, TCP, DATA},
	{V4, TCP, DATA, .vlan_tags = 1},
	{V6, TCP, DATA, .vlan_tags = 2, .vlan_type = 0x88a8},
	{V4, TCP, .vlan_tags = 3},
	{V6, TCP, .vlan_tags = 4},
	{V4, TCP, .vlan_tags = 5},
	{V4, TCP, DATA, .ip_options = 4},
	{V4, TCP, DATA, .ip_options = 40, .tcp_options = 40},
	{V4, TCP, .tcp_options = 12, .padding = 6},
	{V4, TCP, DATA, .partial = true},
	{V4, TCP, DATA, .more_fragments = true},
	{V4, TCP, DATA, .fragment_offset = 1},
	{V4, TCP, DATA, .fragment_offset = 185},
	{V4, TCP, .protocol = 17},
	{V6, TCP, DATA},
	{V6, TCP, DATA, .extensions = hop, .tcp_options = 20},
	{V6, TCP, DATA, .extensions = chain},
	{V6, TCP, DATA, .extensions = six},
	{V6, TCP, DATA, .extensions = seven},
	{V6, TCP, DATA, .extensions = fragment, .more_fragments = true},
	{V6, TCP, DATA, .extensions = fragment, .fragment_offset = 1},
	{V6, TCP, DATA, .extensions = fragment, .fragment_offset = 100},
	{V6, TCP, DATA, .extensions = authentication},
	{V6, TCP, .protocol = 58},
	{V4, TCP, .payload = segment, .payload_len = 1460},
	{V6, TCP, .payload = segment, .payload_len = 1001},
};

int main(int argc, char **argv)
{
	const char *directory = seed_directory(argc, argv);
	uint8_t frame[PACKET_MAX];

	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		size_t len = packet_build(&packets[i], frame);
		char name[32];

		seed_write(directory, "whole", i, frame, len);
		snprintf(name, sizeof(name), "cut-%zu", i);
		for (size_t cut = 0; len < 160 && cut < len; cut++)
			seed_write(directory, name, cut, frame, cut);
	}
	return EXIT_SUCCESS;
}
