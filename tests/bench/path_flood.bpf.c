// SPDX-License-Identifier: GPL-2.0-only
/* The sender of tests/bench/path.py, and its watch.
 *
 * path_send is run over live frames (BPF_F_TEST_XDP_LIVE_FRAMES): it writes the next source into
 * the frame and sends it, as a driver would, to the veth's other end. path_drop is the bare XDP_DROP
 * that everything is measured against. The two watch programs add up what the sending CPU spends in
 * NET_RX softirqs after it has sent: on a veth that is the whole receive side.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "path_flood.h"

const volatile __u32 path_sources = 1; /* a power of two; 0: the frame is sent as it is */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct path_watch);
} path_watched SEC(".maps");

static __always_inline struct path_watch *watch(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&path_watched, &zero);
}

/* Written by userspace before the run. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct path_plan);
} path_planned SEC(".maps");

static __always_inline __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)sum;
}

/* RFC 1624: the checksum after one 32-bit word was exchanged for another. */
static __always_inline __u16 exchanged(__u16 check, __u32 before, __u32 after)
{
	return ~fold((__u16)~check + (__u16)~before + (__u16)(~before >> 16) + (__u16)after +
		     (after >> 16));
}

static __always_inline void vary(struct iphdr *ip, struct tcphdr *tcp, __u64 number)
{
	/* An odd factor: every source once before any comes again, in no order a cache could guess. */
	__u64 mixed = number * 0x9e3779b97f4a7c15ull; /* 2^64 / phi */
	__u32 source = bpf_htonl(PATH_SOURCES4 + ((__u32)mixed & (path_sources - 1)));
	__u32 seq = (__u32)(mixed >> 32);
	__u16 port = bpf_htons(1024 + (seq & 0x7fff));

	ip->check = exchanged(ip->check, ip->saddr, source);
	tcp->check = exchanged(tcp->check, ip->saddr, source);
	tcp->check = exchanged(tcp->check, tcp->seq, seq);
	tcp->check = exchanged(tcp->check, tcp->source, port);
	ip->saddr = source;
	tcp->seq = seq;
	tcp->source = port;
}

/* The frame is written anew every time: its page comes back as the receiver left it, with another MAC
 * address and a hop less.
 */
SEC("xdp")
int path_send(struct xdp_md *ctx)
{
	void *frame = (void *)(long)ctx->data;
	struct iphdr *ip = frame + sizeof(struct ethhdr);
	struct path_watch *w = watch();
	struct path_plan *plan;
	__u32 zero = 0;

	plan = bpf_map_lookup_elem(&path_planned, &zero);
	if (!plan || !w || frame + PATH_FRAME_BYTES > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	w->sent++;
	__builtin_memcpy(frame, plan->frame, PATH_FRAME_BYTES);
	if (path_sources)
		vary(ip, (void *)(ip + 1), plan->next++);
	return XDP_TX;
}

SEC("xdp")
int path_drop(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_DROP;
}

/* Softirqs of this sender: the first after something was sent, and those that follow on its heels (the
 * next device on the way). Others would be counted only in the instant after one of ours.
 */
SEC("raw_tp/softirq_entry")
int path_entered(struct bpf_raw_tracepoint_args *ctx)
{
	struct path_watch *w = watch();
	__u64 now;

	if (!w || ctx->args[0] != PATH_NET_RX || !w->sent)
		return 0;
	now = bpf_ktime_get_ns();
	if (w->sent == w->received && now - w->last_ns > PATH_HEELS_NS)
		return 0;
	w->entered_ns = now;
	/* The time before the first batch is not known; when it is long, somebody else had the CPU. */
	if (w->last_ns && now - w->last_ns < PATH_BATCH_NS) {
		w->send_ns += now - w->last_ns;
		w->send_count += w->sent - w->received;
	}
	return 0;
}

SEC("raw_tp/softirq_exit")
int path_left(struct bpf_raw_tracepoint_args *ctx)
{
	struct path_watch *w = watch();

	if (!w || ctx->args[0] != PATH_NET_RX || !w->entered_ns)
		return 0;
	w->last_ns = bpf_ktime_get_ns();
	w->receive_ns += w->last_ns - w->entered_ns;
	w->entered_ns = 0;
	w->received = w->sent;
	w->softirqs++;
	return 0;
}

char _license[] SEC("license") = "GPL";
