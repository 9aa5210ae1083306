// SPDX-License-Identifier: GPL-2.0-only
/* Adds up the time that each device's NAPI poll takes in softirq: everything the kernel does with
 * packets as they arrive (XDP, forwarding, TCP). For all devices of all namespaces and all
 * processes that were interrupted for it, told apart.
 *
 * A poll begins where the softirq does, or the poll before it ended. That holds in softirq only:
 * what is told of a device with threaded NAPI means nothing.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include "poll_time.h"

#define NET_RX_SOFTIRQ 3 /* include/linux/interrupt.h */

/* As far as they matter here; CO-RE finds the members. */
struct ns_common {
	unsigned int inum;
} __attribute__((preserve_access_index));

struct net {
	struct ns_common ns;
} __attribute__((preserve_access_index));

struct net_device {
	int ifindex;
	struct {
		struct net *net;
	} nd_net;
} __attribute__((preserve_access_index));

struct napi_struct {
	struct net_device *dev;
} __attribute__((preserve_access_index));

/* Nothing else polls on a CPU that is in softirq. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} poll_start SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct poll_key);
	__type(value, struct poll_sum);
} poll_sums SEC(".maps");

static __always_inline __u64 *started(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&poll_start, &zero);
}

SEC("raw_tp/softirq_entry")
int softirq_begins(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 *start = started();

	if (start && ctx->args[0] == NET_RX_SOFTIRQ)
		*start = bpf_ktime_get_ns();
	return 0;
}

static __always_inline struct poll_sum *sum_of(const struct poll_key *key)
{
	struct poll_sum *sum = bpf_map_lookup_elem(&poll_sums, key), first = {};

	if (sum)
		return sum;
	bpf_map_update_elem(&poll_sums, key, &first, BPF_NOEXIST);
	return bpf_map_lookup_elem(&poll_sums, key);
}

/* A device has just been polled. */
SEC("raw_tp/napi_poll")
int poll_ends(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 now = bpf_ktime_get_ns(), *start = started();
	struct napi_struct *napi = (void *)ctx->args[0];
	struct poll_key key = {
		.ifindex = (__u32)BPF_CORE_READ(napi, dev, ifindex),
		.netns_inum = BPF_CORE_READ(napi, dev, nd_net.net, ns.inum),
		.pid = (__u32)(bpf_get_current_pid_tgid() >> 32),
	};
	struct poll_sum *sum;

	if (!start || !*start)
		return 0;
	sum = sum_of(&key);
	if (sum) {
		__sync_fetch_and_add(&sum->ns, now - *start);
		__sync_fetch_and_add(&sum->packets, ctx->args[1]);
		__sync_fetch_and_add(&sum->polls, 1);
	}
	*start = now;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
