/* SPDX-License-Identifier: GPL-2.0-only */
/* Intercept: clients that the guard has shaken hands with, and what has to be known of each to go on in its name: the cookie
 * it was given, the number its recorded frames take the CA's to be, and the CA that is played. Pure.
 */
#ifndef SG_CLASSIFY_PEERS_H
#define SG_CLASSIFY_PEERS_H

#include "../../bpf/abi/scepguard_abi.h"
#include "played_ca.h"

/* Segments of one client that are kept to come again. */
#define SG_PEER_AGAIN 128

/* A segment the guard has thrown away because it is not the first; whoever sent it does so again. */
struct sg_again {
	struct sg_again *next; /* by sequence number, then as they came */
	struct sg_packet pkt;
	size_t index, len;
	__u8 frame[];
};

struct sg_peer {
	struct sg_peer *next; /* as they came */
	struct sg_conn_key key;
	__u32 isn;     /* of its SYN */
	__u32 cookie;  /* in the guard's SYN-ACK */
	__u32 ca_isn;  /* the CA's in the recorded frames */
	bool acked;    /* ca_isn is known */
	bool recorded; /* the CA's frames are in the case, too: it need not be played */
	bool partial;  /* its SYN came with a checksum that was only begun */
	bool met;      /* the program has an entry of it */
	bool unread;   /* it has sent bytes that a receiver would believe */
	struct sg_played_ca ca;
	struct sg_again *again;
	size_t again_count;
};

/* All zero is an empty table. */
struct sg_peers {
	void *by_key; /* the last of each key: tsearch(3) */
	struct sg_peer *first, **end;
};

struct sg_peer *sg_peers_find(const struct sg_peers *peers, const struct sg_conn_key *key);

/* A new one, in place of another one with this key. Returns NULL when out of memory. */
struct sg_peer *sg_peers_add(struct sg_peers *peers, const struct sg_conn_key *key);

/* Keep a segment that comes again. Returns 0, also when there are too many; or -ENOMEM. */
int sg_peer_keep(struct sg_peer *peer, const struct sg_packet *pkt, const void *frame, size_t len,
		 size_t index);

/* Take out the first of those; NULL: none. The caller frees it. */
struct sg_again *sg_peer_again(struct sg_peer *peer);

void sg_peers_clear(struct sg_peers *peers);

#endif
