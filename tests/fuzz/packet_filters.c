// SPDX-License-Identifier: GPL-2.0-only
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

#include "packet_filters.h"

#define FILTER_TAGS 5 /* 0 to 4 */

enum { FILTER_V4, FILTER_V6, FILTER_CHAIN, FILTERS };

static struct bpf_program *filter_compile(pcap_t *pcap, int tags, int which)
{
	static const char *const texts[FILTERS] = {
		"ip proto 6 and dst port 80", "ip6 proto 6 and dst port 80", "ip6 protochain 6"};
	struct bpf_program *program = calloc(1, sizeof(*program));
	char text[128] = "";

	for (int i = 0; i < tags; i++)
		strcat(text, "vlan and ");
	strcat(text, texts[which]);
	if (!program || pcap_compile(pcap, program, text, 1, PCAP_NETMASK_UNKNOWN)) {
		fprintf(stderr, "cannot compile the filter '%s': %s\n", text, pcap_geterr(pcap));
		abort();
	}
	return program;
}

static bool filter_matches(int tags, int which, const uint8_t *frame, size_t len)
{
	static struct bpf_program *programs[FILTER_TAGS][FILTERS];
	const struct pcap_pkthdr header = {.caplen = (bpf_u_int32)len, .len = (bpf_u_int32)len};
	static pcap_t *pcap;

	if (!pcap)
		pcap = pcap_open_dead(DLT_EN10MB, 65535);
	if (!programs[tags][which])
		programs[tags][which] = filter_compile(pcap, tags, which);
	return pcap_offline_filter(programs[tags][which], &header, frame);
}

/* Has the chain a header, before TCP, that libpcap walks in another way? */
static bool filter_walks_otherwise(const struct strict *s)
{
	long long kind = strict_number(s, s->ip + 6, 1);

	for (long at = s->ip + 40; at < s->tcp && kind >= 0;) {
		const long long size = strict_number(s, at + 1, 1);

		if (kind == 44 && size)
			return true;
		kind = strict_number(s, at, 1);
		at += (long)(size + 1) * 8;
	}
	return false;
}

bool filters_agree(const uint8_t *frame, size_t len, const struct strict *s)
{
	const bool ports = s->kind == STRICT_TCP || s->kind == STRICT_PORTS;
	const bool to_port = ports && strict_number(s, s->tcp + 2, 2) == FILTER_PORT;

	if (s->kind == STRICT_BROKEN || s->kind == STRICT_TORN || !s->family)
		return true;
	if (s->family == 4)
		return filter_matches(s->tags, FILTER_V4, frame, len) == to_port;
	if (ports && s->tcp == s->ip + 40 &&
	    filter_matches(s->tags, FILTER_V6, frame, len) != to_port)
		return false;
	return !ports || filter_walks_otherwise(s) ||
	       filter_matches(s->tags, FILTER_CHAIN, frame, len);
}
