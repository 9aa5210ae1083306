// SPDX-License-Identifier: GPL-2.0-only
/* S, the same on jiffies and in an array of sets: 8 slots of {fingerprint, arrival time} a set, changed by
 * compare-and-swap, the oldest one replaced.
 */
#include "lean_parse.h"

#define SETS 8192

const volatile __u32 interval_ticks = 250;
const volatile __u32 burst_ticks = 1500;
const volatile __u64 seed = 1;

struct set {
	__u64 slot[8];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SETS);
	__type(key, __u32);
	__type(value, struct set);
} sets SEC(".maps");

static __always_inline __u64 mix(__u64 x)
{
	x = (x ^ seed) * 0x9e3779b97f4a7c15ull;
	return x ^ x >> 32;
}

/* The slot with this fingerprint, else the one that is furthest behind. *known says which. */
static __always_inline __u64 *find(struct set *s, __u32 print, __u32 now, bool *known)
{
	__u64 *oldest = &s->slot[0];
	__u32 most = 0;

#pragma unroll
	for (int i = 0; i < 8; i++) {
		if ((__u32)(s->slot[i] >> 32) == print) {
			*known = true;
			return &s->slot[i];
		}
	}
#pragma unroll
	for (int i = 0; i < 8; i++) {
		__u32 age = now + 0x80000000u - (__u32)s->slot[i];

		if (age > most) {
			most = age;
			oldest = &s->slot[i];
		}
	}
	*known = false;
	return oldest;
}

SEC("xdp")
int limiter_sets(struct xdp_md *ctx)
{
	struct lean p;
	struct set *s;
	__u64 *slot, hash, old;
	__u32 index, print, now = (__u32)bpf_jiffies64(), arrival;
	bool known;

	if (!lean_parse(ctx, &p) || !lean_is_attempt(&p))
		return XDP_PASS;
	hash = mix(p.v6 ? lean_prefix(&p) : lean_source(&p));
	index = hash & (SETS - 1);
	print = (__u32)(hash >> 32) | 1;
	s = bpf_map_lookup_elem(&sets, &index);
	if (!s)
		return XDP_PASS;
	slot = find(s, print, now, &known);
	old = *slot;
	arrival = known && (__s32)((__u32)old - now) > 0 ? (__u32)old : now;
	if (arrival - now + interval_ticks > burst_ticks)
		return XDP_DROP;
	__sync_val_compare_and_swap(slot, old, (__u64)print << 32 | (arrival + interval_ticks));
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
