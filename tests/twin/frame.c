// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "frame.h"

static void put16(__u8 *at, __u32 value)
{
	at[0] = (__u8)(value >> 8);
	at[1] = (__u8)value;
}

static void put32(__u8 *at, __u32 value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

static __u32 sum_of(const __u8 *p, size_t len, __u32 sum)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (__u32)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

void frame_stamp(struct frame *f, __u32 stamp)
{
	f->tcp_options_len = 12;
	memset(f->tcp_options, 1, 2);
	f->tcp_options[2] = 8;
	f->tcp_options[3] = 10;
	put32(f->tcp_options + 4, stamp);
	put32(f->tcp_options + 8, 0);
}

/* TCP header and payload. addresses: source and destination as they stand in the IP header. */
static size_t build_tcp(const struct frame *f, __u8 *at, const __u8 *addresses,
			size_t addresses_len)
{
	size_t header = 20 + f->tcp_options_len, len = header + f->payload_len;
	__u32 sum = sum_of(addresses, addresses_len, (__u32)len + SG_IPPROTO_TCP);

	put16(at, f->sport);
	put16(at + 2, f->dport);
	put32(at + 4, f->seq);
	put32(at + 8, f->ack);
	at[12] = (__u8)(header / 4 << 4);
	at[13] = f->flags;
	put16(at + 14, 64240);
	put16(at + 16, 0);
	put16(at + 18, 0);
	memcpy(at + 20, f->tcp_options, f->tcp_options_len);
	if (f->payload_len)
		memcpy(at + header, f->payload, f->payload_len);
	if (!f->partial)
		sum = ~sum_of(at, len, sum);
	put16(at + 16, f->bad_tcp_sum ? sum ^ 0x5a5a : sum);
	return len;
}

static size_t build_ipv4(const struct frame *f, __u8 *at)
{
	size_t header = 20 + f->ip_options_len, len;
	__u32 sum;

	at[0] = (__u8)(0x40 | header / 4);
	at[1] = 0;
	put16(at + 4, 0x1234);
	put16(at + 6, (f->more_fragments ? 0x2000 : 0) | f->fragment);
	at[8] = f->hops ? f->hops : 64;
	at[9] = f->protocol ? f->protocol : SG_IPPROTO_TCP;
	put16(at + 10, 0);
	memcpy(at + 12, &f->src.w[3], 4);
	memcpy(at + 16, &f->dst.w[3], 4);
	memcpy(at + 20, f->ip_options, f->ip_options_len);
	len = header + build_tcp(f, at + header, at + 12, 8);
	put16(at + 2, (__u32)len);
	sum = ~sum_of(at, header, 0);
	put16(at + 10, f->bad_ip_sum ? sum ^ 0x5a5a : sum);
	return len;
}

static size_t build_ipv6(const struct frame *f, __u8 *at)
{
	__u8 protocol = f->protocol ? f->protocol : SG_IPPROTO_TCP;
	size_t len = 40;

	put32(at, 0x60000000);
	at[6] = f->extensions ? f->extension[0] : protocol;
	at[7] = f->hops ? f->hops : 64;
	memcpy(at + 8, &f->src, 16);
	memcpy(at + 24, &f->dst, 16);
	for (__u32 i = 0; i < f->extensions; i++, len += 8) {
		__u8 *ext = at + len;

		memset(ext, 0, 8);
		ext[0] = i + 1 < f->extensions ? f->extension[i + 1] : protocol;
		if (f->extension[i] == SG_IPPROTO_FRAGMENT)
			put16(ext + 2, (__u32)f->fragment << 3 | f->more_fragments);
		else if (f->extension[i] != SG_IPPROTO_ROUTING)
			put16(ext + 2, 0x0104); /* PadN of all six bytes */
	}
	len += build_tcp(f, at + len, at + 8, 32);
	put16(at + 4, (__u32)len - 40);
	return len;
}

size_t frame_build(const struct frame *f, __u8 *out)
{
	bool v4 = sg_ip_is_v4(&f->src) && !f->mapped;
	size_t most = 14 + 4 * f->vlan_tags + 40 + 8 * FRAME_EXTENSIONS + 20 + FRAME_OPTIONS +
		      f->payload_len + f->padding,
	       len = 12;

	if (most > TWIN_FRAME_MAX)
		return 0;
	memcpy(out, f->mac, 12);
	for (__u32 i = 0; i < f->vlan_tags; i++, len += 4) {
		put16(out + len, f->service_tags && !i ? SG_ETH_P_8021AD : SG_ETH_P_8021Q);
		put16(out + len + 2, 100 + i);
	}
	put16(out + len, v4 ? SG_ETH_P_IP : SG_ETH_P_IPV6);
	len += 2;
	len += v4 ? build_ipv4(f, out + len) : build_ipv6(f, out + len);
	memset(out + len, 0, f->padding);
	return len + f->padding;
}

/* Of the pseudo header: before it is added to what it stands for. */
static __u32 pseudo_sum(const __u8 *frame, const struct sg_packet *pkt)
{
	size_t len = pkt->payload_off - pkt->l4_off + pkt->payload_len;
	bool v4 = pkt->family == 4;

	return sum_of(frame + pkt->l3_off + (v4 ? 12 : 8), v4 ? 8 : 32,
		      (__u32)len + SG_IPPROTO_TCP);
}

bool frame_tcp_sum_whole(const __u8 *frame, const struct sg_packet *pkt)
{
	size_t len = pkt->payload_off - pkt->l4_off + pkt->payload_len;

	return sum_of(frame + pkt->l4_off, len, pseudo_sum(frame, pkt)) == 0xffff;
}

bool frame_sums_right(const __u8 *frame, const struct sg_packet *pkt)
{
	const __u8 *ip = frame + pkt->l3_off, *tcp = frame + pkt->l4_off;

	if (pkt->family == 4 && sum_of(ip, (ip[0] & 0xf) * 4, 0) != 0xffff)
		return false;
	return frame_tcp_sum_whole(frame, pkt) ||
	       ((__u32)tcp[16] << 8 | tcp[17]) == pseudo_sum(frame, pkt);
}
