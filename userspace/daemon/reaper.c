// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <bpf/bpf.h>

#include "reaper.h"
#include "../util/log.h"

/* RFC 5961, 3.2: a RST must carry exactly the next number its receiver expects. The CA expects what
 * it acknowledged last, the client likewise.
 */
void sg_reaper_build(const struct sg_conn_key *key, const struct sg_conn *conn,
		     const struct sg_endpoint *endpoint, struct sg_reaper_frames *ret)
{
	struct sg_frame_rst_spec to_ca = {
		.path = &conn->client.path,
		.family = conn->family,
		.src = key->client,
		.dst = endpoint->ip,
		.sport = key->client_port,
		.dport = endpoint->port,
		.seq = conn->ca.known ? conn->ca.ack : conn->client.isn + 1,
	};
	struct sg_frame_rst_spec to_client = {
		.path = &conn->ca.path,
		.family = conn->family,
		.src = endpoint->ip,
		.dst = key->client,
		.sport = endpoint->port,
		.dport = key->client_port,
		.seq = conn->client.ack,
	};

	ret->to_ca_len = sg_frame_rst_build(&to_ca, ret->to_ca);
	ret->to_client_len = conn->state == SG_CONN_ESTABLISHED
				     ? sg_frame_rst_build(&to_client, ret->to_client)
				     : 0;
}

/* The entry is closed already: the program lets both pass. */
static int inject(struct sg_guard *guard, const struct sg_conn *conn,
		  const struct sg_reaper_frames *frames)
{
	int err = 0;

	if (frames->to_client_len)
		err = sg_guard_inject(guard, conn->ca.path.ifindex, frames->to_client,
				      frames->to_client_len);
	if (frames->to_ca_len && !err)
		err = sg_guard_inject(guard, conn->client.path.ifindex, frames->to_ca,
				      frames->to_ca_len);
	return err;
}

void sg_reaper_end(struct sg_guard *guard, const struct sg_sweep *sweep, bool spliced_only,
		   __u32 ended[static SG_SERVICES])
{
	struct sg_reaper_frames frames;
	struct sg_endpoint endpoint;
	int err;

	memset(ended, 0, sizeof(*ended) * SG_SERVICES);
	for (__u32 i = 0; i < sweep->reap_count; i++) {
		const struct sg_sweep_conn *due = &sweep->reap[i];

		if (spliced_only && !(due->conn.flags & SG_CONN_SPLICED))
			continue;
		if (!sg_guard_endpoint(guard, due->key.endpoint, &endpoint))
			continue;
		sg_reaper_build(&due->key, &due->conn, &endpoint, &frames);
		if (!frames.to_ca_len && !frames.to_client_len)
			continue;
		err = sg_guard_end(guard, &due->key, due->conn.generation);
		if (!err)
			continue; /* spoken on since the sweep */
		if (err > 0)
			err = inject(guard, &due->conn, &frames);
		if (err) {
			sg_log_debug("cannot end a connection whose time is over: %s",
				     strerror(-err));
			continue;
		}
		ended[due->conn.service]++;
	}
}

/* The same client port may have begun a new attempt since the sweep: take the entry out and look at
 * it in one step, and put back what is not the one that was picked. In between (microseconds) a
 * packet of that new attempt finds no entry and passes unread; what another CPU writes to it then
 * is lost.
 */
static void delete_one(int fd, const struct sg_sweep_closed *closed)
{
	struct sg_conn conn;

	if (bpf_map_lookup_and_delete_elem(fd, &closed->key, &conn))
		return;
	if (conn.generation != closed->generation || conn.state != SG_CONN_CLOSED)
		bpf_map_update_elem(fd, &closed->key, &conn, BPF_NOEXIST);
}

void sg_reaper_delete(struct sg_guard *guard, const struct sg_sweep *sweep)
{
	int fd = sg_guard_map_fd(guard, SG_MAP_CONNS);

	for (__u32 i = 0; i < sweep->delete_count; i++)
		delete_one(fd, &sweep->closed[i]);
}
