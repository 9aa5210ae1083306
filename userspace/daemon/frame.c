// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "frame.h"
#include "../../bpf/core/net_parse.h"

#define TTL 64

/* RFC 1071 over 16-bit words in network order; @len even. */
static __u32 sum_words(__u32 sum, const void *data, size_t len)
{
	const __u8 *p = data;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (__u32)p[i] << 8 | p[i + 1];
	return sum;
}

static __be16 fold(__u32 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sg_htons((__u16)~sum);
}

static __u8 *put_ethernet(__u8 *p, const struct sg_path *path, __u16 type)
{
	__be16 be_type = sg_htons(type);

	memcpy(p, path->mac, sizeof(path->mac));
	p += sizeof(path->mac);
	memcpy(p, path->vlan, 4ul * path->vlan_tags);
	p += 4ul * path->vlan_tags;
	memcpy(p, &be_type, sizeof(be_type));
	return p + sizeof(be_type);
}

static __u8 *put_ipv4(__u8 *p, const struct sg_frame_rst_spec *spec)
{
	struct sg_ipv4_header ip = {
		.version_ihl = 0x45,
		.total_length = sg_htons(sizeof(ip) + sizeof(struct sg_tcp_header)),
		.fragment = sg_htons(0x4000), /* do not fragment: no identification needed */
		.ttl = TTL,
		.protocol = SG_IPPROTO_TCP,
		.src = spec->src.w[3],
		.dst = spec->dst.w[3],
	};

	ip.checksum = fold(sum_words(0, &ip, sizeof(ip)));
	memcpy(p, &ip, sizeof(ip));
	return p + sizeof(ip);
}

static __u8 *put_ipv6(__u8 *p, const struct sg_frame_rst_spec *spec)
{
	struct sg_ipv6_header ip = {
		.version_class_flow = sg_htonl(6u << 28),
		.payload_length = sg_htons(sizeof(struct sg_tcp_header)),
		.next_header = SG_IPPROTO_TCP,
		.hop_limit = TTL,
		.src = spec->src,
		.dst = spec->dst,
	};

	memcpy(p, &ip, sizeof(ip));
	return p + sizeof(ip);
}

/* The pseudo header's sum: an IPv4 address is the last word of its mapped form. */
static __u32 sum_pseudo(const struct sg_frame_rst_spec *spec)
{
	int from = spec->family == 4 ? 3 : 0;
	size_t len = (4 - from) * sizeof(spec->src.w[0]);
	__u32 sum = SG_IPPROTO_TCP + sizeof(struct sg_tcp_header);

	sum = sum_words(sum, &spec->src.w[from], len);
	return sum_words(sum, &spec->dst.w[from], len);
}

static __u8 *put_tcp(__u8 *p, const struct sg_frame_rst_spec *spec)
{
	struct sg_tcp_header tcp = {
		.sport = spec->sport,
		.dport = spec->dport,
		.seq = sg_htonl(spec->seq),
		.offset = sizeof(tcp) / 4 << 4,
		.flags = SG_TCP_RST,
	};

	tcp.checksum = fold(sum_words(sum_pseudo(spec), &tcp, sizeof(tcp)));
	memcpy(p, &tcp, sizeof(tcp));
	return p + sizeof(tcp);
}

size_t sg_frame_rst_build(const struct sg_frame_rst_spec *spec, __u8 frame[static SG_FRAME_RST_MAX])
{
	__u8 *p;

	if (!spec->path->ifindex || spec->path->vlan_tags > SG_VLAN_MAX)
		return 0;
	if (spec->family == 4)
		p = put_ipv4(put_ethernet(frame, spec->path, SG_ETH_P_IP), spec);
	else if (spec->family == 6)
		p = put_ipv6(put_ethernet(frame, spec->path, SG_ETH_P_IPV6), spec);
	else
		return 0;
	return put_tcp(p, spec) - frame;
}
