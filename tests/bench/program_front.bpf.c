// SPDX-License-Identifier: GPL-2.0-only
/* Stands before the program that is measured: makes the next packet out of the one frame that
 * BPF_PROG_TEST_RUN runs over and over, puts back what the program has changed in one connection's
 * entry, and goes on to the program by a tail call. What it costs is measured with a bare drop behind it
 * and taken off.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "program_front.h"

const volatile struct vary vary = {};
const volatile __u32 varies = 0;
const volatile __u32 stamps = 0;
const volatile struct front_reset reset = {};

/* Packets made so far, by CPU, each in a cache line of its own. The harness sets and reads them. */
struct front_count counts[FRONT_CPUS];

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} next SEC(".maps");

/* Stands for the measured object's sg_conns, of whatever size its keys and values are. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u64);
} conns SEC(".maps");

/* Or clang takes the zeros above for the truth. */
static __always_inline const struct vary *vary_loaded(void)
{
	const struct vary *v = (const struct vary *)&vary;

	asm volatile("" : "+r"(v));
	return v;
}

/* Put the entry of packet n's connection back to where it was before that packet. */
static __always_inline void restore(__u64 n, __u32 cpu)
{
	const struct front_reset *from = (const struct front_reset *)&reset;
	const struct vary *v = vary_loaded();
	__u8 key[FRONT_KEY_MAX] __attribute__((aligned(8)));
	__u64 *value;

	asm volatile("" : "+r"(from));
	__builtin_memcpy(key, from->key, sizeof(key));
	*(__be32 *)(key + (reset.source_off & (FRONT_KEY_MAX - 4))) =
		sg_htonl(v->base + vary_source(v, n, cpu));
	value = bpf_map_lookup_elem(&conns, key);
	if (!value)
		return;
#pragma unroll
	for (__u32 i = 0; i < FRONT_RESET_WORDS; i++)
		if (i < reset.count)
			value[reset.index[i]] = reset.value[i];
}

static __always_inline int make_packet(struct xdp_md *ctx, __u64 n, __u32 cpu)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const struct vary *v = vary_loaded();

	if (data + v->l4_off + sizeof(struct sg_tcp_header) > end)
		return -1;
	vary_apply(v, data + v->l3_off, data + v->l4_off, n, cpu);
	return 0;
}

SEC("xdp")
int front(struct xdp_md *ctx)
{
	__u32 cpu = bpf_get_smp_processor_id() & (FRONT_CPUS - 1);
	__u64 n = 0;

	if (varies) {
		n = counts[cpu].packets++;
		if (stamps && n == counts[cpu].stamp_at[0])
			counts[cpu].stamp_ns[0] = bpf_ktime_get_ns();
		if (stamps && n == counts[cpu].stamp_at[1])
			counts[cpu].stamp_ns[1] = bpf_ktime_get_ns();
		if (make_packet(ctx, n, cpu))
			return XDP_ABORTED;
	}
	if (reset.count)
		restore(n, cpu);
	bpf_tail_call_static(ctx, &next, 0);
	return XDP_ABORTED;
}

char _license[] SEC("license") = "GPL";
