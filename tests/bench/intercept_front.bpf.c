// SPDX-License-Identifier: GPL-2.0-only
/* Stands before a program that rewrites its packet: gives the frame of BPF_PROG_TEST_RUN, which is the one that the
 * last pass has left, its length and its bytes back, makes the next packet of it, and goes on by a tail call. What
 * that costs is measured with a bare drop behind it and taken off: whatever the program behind does, the front calls
 * the same helpers. A frame whose length the guard has changed is first cut to that length (which it has already, or,
 * before the drop, has not), then to its own.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "intercept_front.h"

#define FRAME_BYTES 2048

const volatile struct front_plan plan = {};

/* Packets made so far. The harness sets it. */
__u64 packets;

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} next SEC(".maps");

/* The row's frame. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u8[FRAME_BYTES]);
} frames SEC(".maps");

/* Or clang takes the zeros above for the truth. */
static __always_inline const struct front_plan *plan_loaded(void)
{
	const struct front_plan *p = (const struct front_plan *)&plan;

	asm volatile("" : "+r"(p));
	return p;
}

static __always_inline int give_back(struct xdp_md *ctx, const struct front_plan *p)
{
	__u32 zero = 0;
	__u8 *bytes = bpf_map_lookup_elem(&frames, &zero);
	int len = (int)(ctx->data_end - ctx->data);

	if (!bytes)
		return -1;
	if (p->resizes && (bpf_xdp_adjust_tail(ctx, (int)p->left_len - len) ||
			   bpf_xdp_adjust_tail(ctx, (int)(p->frame_len - p->left_len))))
		return -1;
	/* A packet that took another way by chance (core/cookie.h) has another length. */
	if (!p->resizes && len != (int)p->frame_len &&
	    bpf_xdp_adjust_tail(ctx, (int)p->frame_len - len))
		return -1;
	if (p->restored && p->restored <= FRAME_BYTES)
		return bpf_xdp_store_bytes(ctx, 0, bytes, p->restored);
	return 0;
}

static __always_inline int make_packet(struct xdp_md *ctx, const struct front_plan *p)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	if (data + p->vary.l4_off + sizeof(struct sg_tcp_header) > end)
		return -1;
	vary_apply(&p->vary, data + p->vary.l3_off, data + p->vary.l4_off, packets, 0);
	return 0;
}

SEC("xdp")
int intercept_front(struct xdp_md *ctx)
{
	const struct front_plan *p = plan_loaded();

	if (give_back(ctx, p))
		return XDP_ABORTED;
	if (p->varies && make_packet(ctx, p))
		return XDP_ABORTED;
	packets++;
	bpf_tail_call_static(ctx, &next, 0);
	return XDP_ABORTED;
}

char _license[] SEC("license") = "GPL";
