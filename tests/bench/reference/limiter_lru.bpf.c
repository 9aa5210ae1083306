// SPDX-License-Identifier: GPL-2.0-only
/* G, the usual limiter: per source a theoretical arrival time (GCRA) in an LRU hash, on ktime. */
#include "lean_parse.h"

const volatile __u64 interval_ns = 1000000000;
const volatile __u64 burst_ns = 6000000000;

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __be32);
	__type(value, __u64);
} sources_v4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, __u64);
} sources_v6 SEC(".maps");

static __always_inline int judge(void *map, const void *key)
{
	__u64 now = bpf_ktime_get_ns(), first = now + interval_ns;
	__u64 *arrival = bpf_map_lookup_elem(map, key);

	if (!arrival) {
		bpf_map_update_elem(map, key, &first, BPF_ANY);
		return XDP_PASS;
	}
	if (*arrival < now) {
		*arrival = first;
		return XDP_PASS;
	}
	if (*arrival + interval_ns - now > burst_ns)
		return XDP_DROP;
	*arrival += interval_ns;
	return XDP_PASS;
}

SEC("xdp")
int limiter_lru(struct xdp_md *ctx)
{
	struct lean p;
	__be32 v4;
	__u64 v6;

	if (!lean_parse(ctx, &p) || !lean_is_attempt(&p))
		return XDP_PASS;
	if (p.v6) {
		v6 = lean_prefix(&p);
		return judge(&sources_v6, &v6);
	}
	v4 = lean_source(&p);
	return judge(&sources_v4, &v4);
}

char _license[] SEC("license") = "GPL";
