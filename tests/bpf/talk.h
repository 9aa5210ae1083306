/* SPDX-License-Identifier: GPL-2.0-only */
/* Clients and a CA that talk through the loaded program, packet by packet. */
#ifndef SG_TEST_TALK_H
#define SG_TEST_TALK_H

#include "loaded.h"

#define TO_CA   .family = 4, .src = CLIENT_V4, .dst = CA_V4, .dport = 80
#define FROM_CA .family = 4, .src = CA_V4, .dst = CLIENT_V4, .sport = 80

static bool prepared;

static inline int once(void **state)
{
	(void)state;
	prepared = !prepare();
	return 0;
}

static inline int end(void **state)
{
	(void)state;
	scepguard_bpf__destroy(guard.skel);
	guard.skel = NULL;
	return 0;
}

/* Every test: a fresh guard in police. */
static inline void fresh(void)
{
	if (!prepared)
		skip();
	assert_int_equal(fresh_sized(1024, SG_MODE_POLICE), 0);
}

static inline __u32 syn(const char *client, __u16 port, __u32 isn)
{
	struct packet p = {TO_CA, .sport = port, .seq = isn, .flags = SG_TCP_SYN};

	p.src = client;
	return run_packet(&p, false, NULL);
}

static inline __u32 up(__u16 port, __u8 flags, __u32 seq, __u32 ack, const char *bytes, size_t len)
{
	struct packet p = {TO_CA,          .sport = port,    .seq = seq,        .ack = ack,
			   .flags = flags, .payload = bytes, .payload_len = len};

	return run_packet(&p, false, NULL);
}

static inline __u32 down(__u16 port, __u8 flags, __u32 seq, __u32 ack, const char *bytes)
{
	struct packet p = {FROM_CA,
			   .dport = port,
			   .seq = seq,
			   .ack = ack,
			   .flags = flags,
			   .payload = bytes,
			   .payload_len = strlen(bytes)};

	return run_packet(&p, true, NULL);
}

/* Handshake of client port `port`: ISNs 100 and 900. */
static inline void open_connection(__u16 port)
{
	assert_int_equal(syn(CLIENT_V4, port, 100), XDP_PASS);
	assert_int_equal(down(port, SG_TCP_SYN | SG_TCP_ACK, 900, 101, ""), XDP_PASS);
	assert_int_equal(up(port, SG_TCP_ACK, 101, 901, NULL, 0), XDP_PASS);
}

#endif
