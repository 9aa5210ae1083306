/* SPDX-License-Identifier: GPL-2.0-only */
/* Acts on what a sweep picked: ends connections whose time is over, at both sides, and deletes
 * entries closed long ago.
 */
#ifndef SG_DAEMON_REAPER_H
#define SG_DAEMON_REAPER_H

#include "frame.h"
#include "sweep.h"
#include "../guard/guard.h"

/* The RST to the CA (as if from the client) and to the client (as if from the CA). Pure. Each
 * length is 0 when that side's path is not known, or (client) when it waits for its SYN-ACK still:
 * its own resends are then its way on.
 */
struct sg_reaper_frames {
	size_t to_ca_len, to_client_len;
	__u8 to_ca[SG_FRAME_RST_MAX], to_client[SG_FRAME_RST_MAX];
};

void sg_reaper_build(const struct sg_conn_key *key, const struct sg_conn *conn,
		     const struct sg_endpoint *endpoint, struct sg_reaper_frames *ret);

/* End what is due: close the entry, if it still is, and inject both frames. Sets
 * ended[service] to how many were ended. spliced_only: for observe, which changes nothing, but may have come
 * after intercept, which must finish what it began.
 */
void sg_reaper_end(struct sg_guard *guard, const struct sg_sweep *sweep, bool spliced_only,
		   __u32 ended[static SG_SERVICES]);

/* Delete the entries picked as closed long ago. */
void sg_reaper_delete(struct sg_guard *guard, const struct sg_sweep *sweep);

#endif
