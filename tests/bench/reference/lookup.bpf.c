// SPDX-License-Identifier: GPL-2.0-only
/* CJ: parse, look the connection up in a hash, date it on jiffies. Unknown ones are dropped. */
#include "lean_parse.h"

/* As large as the guard's connection table. */
#define CONNS 16384

/* Date it no more often than this, in ticks: a write makes the line dirty for other CPUs. */
#define DATE_TICKS 100

struct flow_v4 {
	__be32 source, dest;
	__be16 sport, dport;
	__u32 protocol;
};

struct flow_v6 {
	__be32 source[4], dest[4];
	__be16 sport, dport;
	__u32 protocol;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CONNS);
	__type(key, struct flow_v4);
	__type(value, __u64);
} flows_v4 SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, CONNS);
	__type(key, struct flow_v6);
	__type(value, __u64);
} flows_v6 SEC(".maps");

static __always_inline int date(__u64 *seen)
{
	__u64 now = bpf_jiffies64();

	if (!seen)
		return XDP_DROP;
	if (now - *seen > DATE_TICKS)
		*seen = now;
	return XDP_PASS;
}

static __always_inline __u64 *find_v4(const struct lean *p)
{
	const struct iphdr *ip = p->l3;
	struct flow_v4 key = {ip->saddr, ip->daddr, p->tcp->source, p->tcp->dest, IPPROTO_TCP};

	return bpf_map_lookup_elem(&flows_v4, &key);
}

static __always_inline __u64 *find_v6(const struct lean *p)
{
	const struct ipv6hdr *ip = p->l3;
	struct flow_v6 key = {
		.sport = p->tcp->source, .dport = p->tcp->dest, .protocol = IPPROTO_TCP};

	__builtin_memcpy(key.source, &ip->saddr, 16);
	__builtin_memcpy(key.dest, &ip->daddr, 16);
	return bpf_map_lookup_elem(&flows_v6, &key);
}

SEC("xdp")
int lookup(struct xdp_md *ctx)
{
	struct lean p;

	if (!lean_parse(ctx, &p))
		return XDP_PASS;
	return p.v6 ? date(find_v6(&p)) : date(find_v4(&p));
}

char _license[] SEC("license") = "GPL";
