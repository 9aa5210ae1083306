// SPDX-License-Identifier: GPL-2.0-only
/* The guard in the data path. One program on every listed interface: what is not TCP to or from a
 * protected endpoint passes untouched; clients' SYNs are held to the CA's limits; everything else
 * is read, never changed (police), and nothing at all is changed in observe. In intercept clients' packets take the
 * way through door.bpf.h before, and the CA's through splice.bpf.h behind what is done here.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <bpf/bpf_helpers.h>

#include "abi/scepguard_abi.h"
#include "core/net_parse.h"
#include "core/endpoint.h"
#include "core/budget.h"
#include "core/sources.h"
#include "core/refused.h"
#include "core/known.h"
#include "core/tcp_conn.h"
#include "core/request.h"
#include "core/cookie.h"
#include "core/question.h"
#include "config.bpf.h"
#include "maps.bpf.h"
#include "run.bpf.h"
#include "classify.bpf.h"
#include "events.bpf.h"
#include "frames.bpf.h"
#include "look.bpf.h"
#include "conns.bpf.h"
#include "steps.bpf.h"
#include "admit.bpf.h"
#include "client.bpf.h"
#include "ca.bpf.h"
#include "fragment.bpf.h"
#include "calls.bpf.h"
#include "make.bpf.h"
#include "hold.bpf.h"
#include "splice.bpf.h"
#include "edge.bpf.h"
#include "queue.bpf.h"
#include "ask.bpf.h"
#include "first.bpf.h"
#include "door.bpf.h"
#include "turns.bpf.h"

SEC("xdp")
int scepguard(struct xdp_md *ctx)
{
	struct sg_cursor cur = sg_frame(ctx);
	struct sg_run run = {};
	const struct sg_endpoint *ep;
	struct sg_packet *pkt;
	enum sg_parse parsed;
	enum sg_glance seen;

	if (!sg_run_configured(&run))
		return XDP_PASS;
	seen = sg_parse_glance(&cur, run.live->ports);
	if (seen != SG_GLANCE_CLOSER)
		return sg_pass_other(seen == SG_GLANCE_NOT_TCP ? SG_PASSED_NOT_TCP
							       : SG_PASSED_OTHER_TCP);
	if (!sg_run_begin(&run))
		return XDP_PASS;
	run.flow->ifindex = ctx->ingress_ifindex;
	pkt = &run.flow->pkt;
	pkt->vlan_tags = 0;
	/* Anew: else the verifier walks all that follows once for each way the glance can end. */
	cur = sg_frame(ctx);
	parsed = sg_parse_plain(&cur, pkt);
	if (parsed == SG_PARSE_CHAIN)
		parsed = sg_parse_chain_of(ctx);
	if (parsed != SG_PARSE_TCP)
		return sg_not_whole_tcp(&run, parsed);
	/* Port 0 is the entry of an address, for fragments: nobody serves there. */
	ep = pkt->dport ? sg_endpoint_find(run.live, &pkt->dst, pkt->dport) : NULL;
	if (ep)
		return sg_from_client(ctx, &run, ep);
	ep = pkt->sport ? sg_endpoint_find(run.live, &pkt->src, pkt->sport) : NULL;
	if (ep)
		return sg_from_ca(ctx, &run, ep);
	/* A reload took the endpoint away between the door and here. */
	if (sg_may_intercept())
		run.flow->through_door = false;
	return sg_pass_other(SG_PASSED_OTHER_TCP);
}

char _license[] SEC("license") = "GPL";
