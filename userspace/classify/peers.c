// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "peers.h"
#include "../../bpf/core/tcp_conn.h"

static int compare(const void *a, const void *b)
{
	const struct sg_peer *x = a, *y = b;

	return memcmp(&x->key, &y->key, sizeof(x->key));
}

struct sg_peer *sg_peers_find(const struct sg_peers *peers, const struct sg_conn_key *key)
{
	const struct sg_peer wanted = {.key = *key};
	struct sg_peer *const *found = tfind(&wanted, &peers->by_key, compare);

	return found ? *found : NULL;
}

struct sg_peer *sg_peers_add(struct sg_peers *peers, const struct sg_conn_key *key)
{
	struct sg_peer *peer = calloc(1, sizeof(*peer)), **node;

	if (!peer)
		return NULL;
	peer->key = *key;
	node = tsearch(peer, &peers->by_key, compare);
	if (!node) {
		free(peer);
		return NULL;
	}
	*node = peer;
	if (!peers->first)
		peers->end = &peers->first;
	*peers->end = peer;
	peers->end = &peer->next;
	return peer;
}

int sg_peer_keep(struct sg_peer *peer, const struct sg_packet *pkt, const void *frame, size_t len,
		 size_t index)
{
	struct sg_again *again, **at = &peer->again;

	if (peer->again_count == SG_PEER_AGAIN)
		return 0;
	again = malloc(sizeof(*again) + len);
	if (!again)
		return -ENOMEM;
	again->pkt = *pkt;
	again->index = index;
	again->len = len;
	memcpy(again->frame, frame, len);
	while (*at && !sg_seq_after((*at)->pkt.seq, pkt->seq))
		at = &(*at)->next;
	again->next = *at;
	*at = again;
	peer->again_count++;
	return 0;
}

struct sg_again *sg_peer_again(struct sg_peer *peer)
{
	struct sg_again *again = peer->again;

	if (!again)
		return NULL;
	peer->again = again->next;
	peer->again_count--;
	return again;
}

static void free_nothing(void *node)
{
	(void)node;
}

void sg_peers_clear(struct sg_peers *peers)
{
	struct sg_peer *peer, *next;
	struct sg_again *again;

	tdestroy(peers->by_key, free_nothing);
	for (peer = peers->first; peer; peer = next) {
		next = peer->next;
		while ((again = sg_peer_again(peer)))
			free(again);
		free(peer);
	}
	*peers = (struct sg_peers){};
}
