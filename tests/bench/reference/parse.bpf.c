// SPDX-License-Identifier: GPL-2.0-only
/* Parsing alone, with the leanest parser: a packet to the service is dropped, everything else passes. */
#include "lean_parse.h"

SEC("xdp")
int parse(struct xdp_md *ctx)
{
	struct lean p;

	if (!lean_parse(ctx, &p))
		return XDP_PASS;
	return p.tcp->dest == bpf_htons(LEAN_PORT) ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
