// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "array.h"
#include "record.h"

/* The connection's entry, made if there is none. Generations rise, so a new one comes last. */
static struct sg_record_conn *find_conn(struct sg_record *r, const struct sg_conn_key *key,
					__u64 generation)
{
	size_t low = 0, high = r->conn_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (r->conns[middle].generation < generation)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < r->conn_count)
		return r->conns[low].generation == generation ? &r->conns[low] : NULL;
	if (sg_array_grow((void **)&r->conns, r->conn_count, &r->conn_room, sizeof(*r->conns)))
		return NULL;
	r->conns[r->conn_count] = (struct sg_record_conn){*key, generation, SIZE_MAX, false};
	return &r->conns[r->conn_count++];
}

static int add_request(struct sg_record *r, struct sg_record_conn *conn, __u16 number,
		       __u8 request_class)
{
	if (sg_array_grow((void **)&r->requests, r->request_count, &r->request_room,
			  sizeof(*r->requests)))
		return -ENOMEM;
	conn->request = r->request_count;
	r->requests[r->request_count++] =
		(struct sg_classify_request){conn->key, conn->generation, number, request_class};
	return 0;
}

/* Provisional classes are the guard's business while it waits; of a line without end none is final. */
static __u8 class_of(const struct sg_conn *conn)
{
	return conn->client.line_done ? conn->client.request_class : SG_REQUEST_UNDECIDED;
}

/* A frame can bring a whole request and the beginning of the next one. */
static int add_requests(struct sg_record *r, struct sg_record_conn *known,
			const struct sg_conn *conn)
{
	const __u16 number = conn->client.requests;
	const __u16 before = known->request == SIZE_MAX ? 0 : r->requests[known->request].number;
	int err = 0;

	if (number - before == 2)
		err = add_request(r, known, number - 1, conn->client.line.final_class);
	return err ? err : add_request(r, known, number, class_of(conn));
}

int sg_record_note(struct sg_record *r, const struct sg_conn_key *key, const struct sg_conn *conn)
{
	struct sg_record_conn *known = find_conn(r, key, conn->generation);
	const __u16 number = conn->client.requests;
	const bool fin = conn->flags & SG_CONN_CLIENT_FIN;

	if (!known)
		return -ENOMEM;
	known->unread = !number && conn->client.end - conn->client.isn - 1 > fin;
	if (!number)
		return 0;
	if (known->request == SIZE_MAX || r->requests[known->request].number != number)
		return add_requests(r, known, conn);
	/* The next one has begun, but no byte of it was in sequence: the last one is over. */
	if (!conn->client.line_done && conn->client.request_class == SG_REQUEST_NONE)
		return 0;
	r->requests[known->request].request_class = class_of(conn);
	return 0;
}

int sg_record_unread(struct sg_record *r, const struct sg_conn_key *key)
{
	struct sg_record_conn none = {.key = *key};

	return add_request(r, &none, 0, SG_REQUEST_UNDECIDED);
}

int sg_record_finish(struct sg_record *r)
{
	int err = 0;

	for (size_t i = 0; !err && i < r->conn_count; i++)
		if (r->conns[i].unread)
			err = add_request(r, &r->conns[i], 0, SG_REQUEST_UNDECIDED);
	return err;
}

void sg_record_clear(struct sg_record *r)
{
	r->conn_count = 0;
	r->request_count = 0;
}

void sg_record_free(struct sg_record *r)
{
	free(r->conns);
	free(r->requests);
	*r = (struct sg_record){};
}
