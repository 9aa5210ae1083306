// SPDX-License-Identifier: GPL-2.0-only
/* Parsing alone, with the guard's own parser: lengths, fragments, four VLAN tags, extension headers. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "../../../bpf/core/net_parse.h"

SEC("xdp")
int parse_core(struct xdp_md *ctx)
{
	const __u8 *data = (const __u8 *)(long)ctx->data;
	struct sg_cursor cur = {data, data, (const __u8 *)(long)ctx->data_end};
	struct sg_packet pkt = {};

	if (sg_parse_plain(&cur, &pkt) != SG_PARSE_TCP)
		return XDP_PASS;
	return pkt.dport == sg_htons(80) ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
