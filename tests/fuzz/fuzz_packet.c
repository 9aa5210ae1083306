// SPDX-License-Identifier: GPL-2.0-only
/* libFuzzer target: the bytes of a frame -> the guard's parser and all that reads headers. Crashes when the
 * strict reader (strict_packet.h) or libpcap's filters disagree, and when anything outside the frame is
 * read: it lies in a block of its exact length. Each input is read whole, and cut at one byte of it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../../bpf/core/segment.h"
#include "packet_filters.h"
#include "packet_mutator.h"
#include "strict_packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

static void require(bool right, const char *what)
{
	if (right)
		return;
	fprintf(stderr, "fuzz_packet: %s\n", what);
	abort();
}

static void compare_address(const struct strict *s, const struct sg_ip *got, int nth)
{
	uint8_t want[16] = {[10] = 0xff, [11] = 0xff};

	if (s->family == 4)
		memcpy(want + 12, s->frame + s->ip + 12 + 4 * nth, 4);
	else
		memcpy(want, s->frame + s->ip + 8 + 16 * nth, 16);
	require(!memcmp(want, got, 16), "address");
}

static void compare_header(const struct strict *s, const struct sg_packet *pkt)
{
	const long tcp = s->tcp;

	require(pkt->payload_off == s->data && pkt->payload_len == s->len - s->data, "payload");
	require(pkt->payload_off + pkt->payload_len <= s->len, "payload behind the end");
	require(pkt->seq == strict_number(s, tcp + 4, 4), "sequence number");
	require(pkt->ack == strict_number(s, tcp + 8, 4), "ACK number");
	require(pkt->tcp_flags == strict_number(s, tcp + 13, 1), "flags");
	require(pkt->window == strict_number(s, tcp + 14, 2), "window");
}

static void compare(const struct strict *s, enum sg_parse result, const struct sg_packet *pkt)
{
	static const enum sg_parse expected[] = {
		[STRICT_TCP] = SG_PARSE_TCP,         [STRICT_PORTS] = SG_PARSE_TINY,
		[STRICT_OTHER] = SG_PARSE_NOT_TCP,   [STRICT_LATER] = SG_PARSE_FRAGMENT,
		[STRICT_TORN] = SG_PARSE_OVERLAP,    [STRICT_CHAIN] = SG_PARSE_HIDDEN,
		[STRICT_BROKEN] = SG_PARSE_MALFORMED};

	require(result == expected[s->kind], "another kind of packet");
	if (result == SG_PARSE_MALFORMED || (result == SG_PARSE_NOT_TCP && !s->family))
		return;
	require(pkt->family == s->family && pkt->vlan_tags == s->tags && pkt->l3_off == s->ip &&
			pkt->hops == s->hops,
		"IP header");
	compare_address(s, &pkt->src, 0);
	compare_address(s, &pkt->dst, 1);
	if (result != SG_PARSE_TCP && result != SG_PARSE_TINY)
		return;
	require(pkt->l4_off == s->tcp && pkt->fragment == s->first_of_many, "TCP's place");
	require(sg_ntohs(pkt->sport) == strict_number(s, s->tcp, 2) &&
			sg_ntohs(pkt->dport) == strict_number(s, s->tcp + 2, 2),
		"ports");
	if (result == SG_PARSE_TCP)
		compare_header(s, pkt);
}

/* As bpf/look.bpf.h does it. */
static struct sg_segment_look look(const uint8_t *frame, const uint8_t *end,
				   const struct sg_packet *pkt)
{
	const __u32 ip_len = pkt->l4_off - pkt->l3_off, header = pkt->payload_off - pkt->l4_off;
	struct sg_segment_look look = {0};
	int ip_sum = pkt->family == 4 ? sg_sum(frame + pkt->l3_off, end, ip_len) : 0;
	__u16 field;

	memcpy(&field, frame + pkt->l4_off + 16, sizeof(field));
	sg_segment_judge(pkt, ip_sum, sg_sum(frame + pkt->l4_off, end, header + pkt->payload_len),
			 field, false, &look);
	if (header > 20)
		sg_find_stamp(frame + pkt->l4_off + 20, end, header - 20, &look);
	if (ip_len > (pkt->family == 4 ? 20 : 40) && !sg_ip_plain(frame + pkt->l3_off, end, pkt))
		look.odd_ip = true;
	return look;
}

/* Two zeros are one in this arithmetic; a field of either kind means the same sum. */
static bool same_sum(long long a, long long b)
{
	return a % 0xffff == b % 0xffff;
}

/* Known differences: a fragment's sum covers bytes that are not here, and is believed; longer than
 * SG_SUM_MAX is not summed, and believed with a doubt; a field that holds the pseudo header's sum was not sent
 * over a wire yet, unless it is right as it stands.
 */
static void compare_look(const struct strict *s, const struct sg_segment_look *look)
{
	const struct strict_options options = strict_options(s);
	const long long field = strict_number(s, s->tcp + 16, 2), pseudo = strict_pseudo(s);
	const bool ip_right = s->family == 6 || strict_sum(s, s->ip, s->tcp, 0) == 0xffff;
	const bool too_long = s->len - s->tcp > SG_SUM_MAX;
	const bool holds = !too_long && strict_sum(s, s->tcp, s->len, pseudo) == 0xffff;
	const bool right = too_long || holds;

	require(!look->partial || (same_sum(field, pseudo) && !holds),
		"a sum taken for unfinished");
	require(look->partial || field != pseudo || holds, "an unfinished sum not known");
	require(look->sound == (ip_right && (right || s->first_of_many || look->partial)),
		"checksums");
	require(look->odd_ip == (!s->plain || s->hops < SG_HOPS_MIN), "odd IP");
	require(look->stamped == options.stamped, "timestamp seen or not");
	require(!look->stamped || look->odd_tcp || look->stamp == options.stamp, "timestamp");
	require(look->odd_tcp == (options.odd || (too_long && !look->partial)), "odd TCP options");
}

/* What is passed at a glance is nothing that a closer look would want. Known differences: it may be broken;
 * and a first fragment without its ports cannot be put together with what brings them (RFC 791: all but
 * the last are of eight bytes and more).
 */
static void check_glance(const struct sg_cursor *cur, const struct strict *s)
{
	const bool ports = s->kind == STRICT_TCP || s->kind == STRICT_PORTS;
	const enum sg_glance seen = sg_parse_glance(cur, sg_port_bit(sg_htons(FILTER_PORT)));
	const bool to_port = ports && (strict_number(s, s->tcp, 2) == FILTER_PORT ||
				       strict_number(s, s->tcp + 2, 2) == FILTER_PORT);

	if (seen == SG_GLANCE_NOT_TCP)
		require(s->kind == STRICT_OTHER || s->kind == STRICT_BROKEN,
			"TCP, at a glance not");
	if (seen == SG_GLANCE_OTHER_TCP)
		require(!to_port && (ports || s->kind == STRICT_BROKEN ||
				     (s->kind == STRICT_TORN && s->first_of_many)),
			"one of ours, at a glance not");
	require(sg_parse_glance(cur, 0) == SG_GLANCE_CLOSER, "a glance without ports");
}

static void one_frame(const uint8_t *input, size_t len)
{
	uint8_t *frame = malloc(len ? len : 1);
	struct sg_cursor cur = {frame, frame, frame + len};
	struct sg_packet pkt = {0};
	struct sg_segment_look looked;
	enum sg_parse result;
	struct strict strict;

	require(frame, "no memory");
	memcpy(frame, input, len);
	for (__u32 more = 1; more < 64; more += 6)
		require(sg_sum(frame, frame + len, (__u32)len + more) == SG_SUM_NONE,
			"a sum of more than there is");
	strict_read(&strict, frame, len);
	check_glance(&cur, &strict);
	result = sg_parse_frame(&cur, &pkt);
	compare(&strict, result, &pkt);
	if (result == SG_PARSE_TCP) {
		looked = look(frame, frame + len, &pkt);
		compare_look(&strict, &looked);
	}
	require(filters_agree(frame, len, &strict), "libpcap sees it otherwise");
	free(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	size_t cut = 0;

	for (size_t i = 0; i < size; i++)
		cut = cut * 31 + input[i];
	one_frame(input, size);
	one_frame(input, size ? cut % size : 0);
	return 0;
}
