/* SPDX-License-Identifier: GPL-2.0-only */
/* The requests of one case, from what the connection table says after each frame. Pure. */
#ifndef SG_CLASSIFY_RECORD_H
#define SG_CLASSIFY_RECORD_H

#include "classify.h"

/* A connection as seen last. */
struct sg_record_conn {
	struct sg_conn_key key;
	__u64 generation;
	size_t request; /* index of its last request, SIZE_MAX before the first */
	bool unread;    /* carried bytes, none in sequence yet */
};

/* All zero is an empty record. */
struct sg_record {
	struct sg_record_conn *conns; /* by generation, ascending */
	size_t conn_count, conn_room;
	struct sg_classify_request *requests;
	size_t request_count, request_room;
};

/* Note the state of one connection after a frame. Returns 0 or -ENOMEM. */
int sg_record_note(struct sg_record *r, const struct sg_conn_key *key, const struct sg_conn *conn);

/* At the end: a connection that carried bytes of which none could be read is one undecided request.
 * Returns 0 or -ENOMEM.
 */
int sg_record_finish(struct sg_record *r);

/* The same for one that the guard made no entry of. Generation 0. Returns 0 or -ENOMEM. */
int sg_record_unread(struct sg_record *r, const struct sg_conn_key *key);

void sg_record_clear(struct sg_record *r); /* keeps the memory */
void sg_record_free(struct sg_record *r);

#endif
