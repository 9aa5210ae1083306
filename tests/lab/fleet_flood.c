// SPDX-License-Identifier: GPL-2.0-only
/* A SYN flood whose sources do not exist: addresses that the lab routes back and swallows.
 * Bounded by rate and number; sent by hand through a raw socket.
 */
#define FLOOD_BATCH 64
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fleet.h"

#define SPOOFED4   0xc6120000u /* 198.18.0.0/15 */
#define PACKET_MAX (sizeof(struct ip6_hdr) + sizeof(struct tcphdr))

int fleet_flood_open(struct fleet_flood *flood, const struct fleet_options *options, int64_t start)
{
	*flood = (struct fleet_flood){.fd = -1, .start = start, .random = options->seed * 2 + 7};
	if (!options->flood_pps)
		return 0;
	flood->fd = socket(options->family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	return flood->fd < 0 ? -errno : 0;
}

static uint32_t sum16(const void *data, size_t bytes)
{
	const uint8_t *p = data;
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < bytes; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	return sum;
}

/* `addresses`: source and destination, adjacent. */
static void put_tcp(uint8_t *where, const void *addresses, size_t bytes, uint16_t port,
		    uint64_t random)
{
	struct tcphdr tcp = {
		.source = htons((uint16_t)(1024 + random % 60000)),
		.dest = port,
		.seq = (uint32_t)(random >> 32),
		.doff = 5,
		.syn = 1,
		.window = htons(4128),
	};
	uint32_t sum =
		sum16(addresses, bytes) + sum16(&tcp, sizeof(tcp)) + IPPROTO_TCP + sizeof(tcp);

	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	tcp.check = htons((uint16_t)~sum);
	memcpy(where, &tcp, sizeof(tcp));
}

static size_t build4(const struct fleet_options *options, uint64_t *random, uint8_t *packet)
{
	const struct sockaddr_in *target = (const struct sockaddr_in *)&options->target;
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = htons(sizeof(ip) + sizeof(struct tcphdr)),
		.ttl = 64,
		.protocol = IPPROTO_TCP,
		.saddr = htonl(SPOOFED4 | (uint32_t)(fleet_random(random) >> 47)),
		.daddr = target->sin_addr.s_addr,
	};

	memcpy(packet, &ip, sizeof(ip)); /* the kernel fills in the checksum */
	put_tcp(packet + sizeof(ip), packet + offsetof(struct iphdr, saddr), 8, target->sin_port,
		fleet_random(random));
	return sizeof(ip) + sizeof(struct tcphdr);
}

static size_t build6(const struct fleet_options *options, uint64_t *random, uint8_t *packet)
{
	const struct sockaddr_in6 *target = (const struct sockaddr_in6 *)&options->target;
	struct ip6_hdr ip = {
		.ip6_flow = htonl(6u << 28),
		.ip6_plen = htons(sizeof(struct tcphdr)),
		.ip6_nxt = IPPROTO_TCP,
		.ip6_hlim = 64,
		.ip6_dst = target->sin6_addr,
	};
	uint64_t low = fleet_random(random), subnet = fleet_random(random);

	inet_pton(AF_INET6, "fd00:198::", &ip.ip6_src);
	memcpy(&ip.ip6_src.s6_addr[6], &subnet, 2);
	memcpy(&ip.ip6_src.s6_addr[8], &low, 8);
	memcpy(packet, &ip, sizeof(ip));
	put_tcp(packet + sizeof(ip), packet + offsetof(struct ip6_hdr, ip6_src), 32,
		target->sin6_port, fleet_random(random));
	return sizeof(ip) + sizeof(struct tcphdr);
}

static void send_batch(struct fleet_flood *flood, const struct fleet_options *options,
		       unsigned int count)
{
	static uint8_t packets[FLOOD_BATCH][PACKET_MAX];
	struct sockaddr_storage to = options->target;
	struct mmsghdr messages[FLOOD_BATCH] = {0};
	struct iovec parts[FLOOD_BATCH];
	int sent;

	if (options->family == AF_INET6)
		((struct sockaddr_in6 *)&to)->sin6_port = 0; /* a raw socket knows no ports */
	for (unsigned int i = 0; i < count; i++) {
		size_t bytes = options->family == AF_INET
				       ? build4(options, &flood->random, packets[i])
				       : build6(options, &flood->random, packets[i]);

		parts[i] = (struct iovec){.iov_base = packets[i], .iov_len = bytes};
		messages[i].msg_hdr = (struct msghdr){.msg_name = &to,
						      .msg_namelen = sizeof(struct sockaddr_in6),
						      .msg_iov = &parts[i],
						      .msg_iovlen = 1};
	}
	sent = sendmmsg(flood->fd, messages, count, 0);
	if (sent < 0)
		flood->errors++;
	/* What the kernel would not take counts as sent: the rate is a promise, not a goal. */
	flood->sent += count;
}

void fleet_flood_work(struct fleet_flood *flood, const struct fleet_options *options, int64_t now)
{
	uint64_t due;

	if (flood->fd < 0)
		return;
	due = (uint64_t)((double)(now - flood->start) / FLEET_SECOND_NS * options->flood_pps);
	if (options->flood_count && due > options->flood_count)
		due = options->flood_count;
	/* At most 50 ms behind is made up for: a stalled process must not burst. */
	if (due > flood->sent + options->flood_pps / 20)
		flood->sent = due - options->flood_pps / 20;
	while (flood->sent < due) {
		uint64_t left = due - flood->sent;

		send_batch(flood, options, left < FLOOD_BATCH ? (unsigned int)left : FLOOD_BATCH);
	}
}
