/* SPDX-License-Identifier: GPL-2.0-only */
/* What the guard makes of recorded frames: the real XDP program, run by BPF_PROG_TEST_RUN on private
 * maps that nobody else sees, with every limit idle and a clock of its own. It is loaded once and emptied
 * for each case.
 */
#ifndef SG_CLASSIFY_CLASSIFY_H
#define SG_CLASSIFY_CLASSIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "../../bpf/abi/scepguard_abi.h"
#include "../util/addr.h"

/* Endpoints one run may have: their addresses need an entry each, too. */
#define SG_CLASSIFY_SERVICES_MAX SG_ENDPOINTS

/* Shortest and longest frame the program is run on, in bytes: an Ethernet header; one page without
 * the room that XDP wants at both ends (no driver gives a program without frags more).
 */
#define SG_CLASSIFY_FRAME_MIN 14
#define SG_CLASSIFY_FRAME_MAX 3520

struct sg_classifier;

struct sg_classify_service {
	struct sg_addr addr;
	__u16 port; /* host byte order */
};

/* One HTTP request, or one connection that carried bytes nobody could read as one. */
struct sg_classify_request {
	struct sg_conn_key key; /* whose */
	__u64 generation;       /* of the connection */
	__u16 number;           /* on its connection, from 1; 0: no byte was in sequence */
	__u8 request_class;     /* enum sg_request_class; UNDECIDED while its line is not final */
};

/* A frame that went on to the CA. */
struct sg_classify_sent {
	size_t index; /* of the frame of the case with which it did */
	size_t len;
	__u8 *bytes;
};

/* What became of one case. Owned by the classifier, valid until the next begin. */
struct sg_classify_result {
	const struct sg_classify_request *requests; /* in the order in which they began */
	size_t request_count;
	bool tracked;          /* there was a connection at all */
	const size_t *dropped; /* indexes of frames, ascending */
	size_t dropped_count;
	bool sent_kept; /* by sg_classifier_keep_sent() */
	const struct sg_classify_sent *sent;
	size_t sent_count;
};

/* Load the program. mode: SG_MODE_POLICE or SG_MODE_INTERCEPT. both_sides: frames from a service's address come from the
 * CA (a capture of both directions); else they are taken for forged, as on the clients' side. Says itself what fails.
 * Returns 0 or negative errno.
 */
int sg_classifier_open(const struct sg_classify_service *services, size_t count, enum sg_mode mode,
		       bool both_sides, struct sg_classifier **ret);
void sg_classifier_close(struct sg_classifier *c); /* NULL is allowed */

/* Forget everything: a new case. Returns 0 or negative errno. */
int sg_classifier_begin(struct sg_classifier *c);

/* From the next case on, keep what goes on to the CA, or do not. */
void sg_classifier_keep_sent(struct sg_classifier *c, bool keep);

/* The next frame comes at_ns after the first one; not before the last one. Timeouts are those of a
 * configuration that sets none. Once a second connections whose time is over are ended, as a guard's
 * daemon does. Returns 0 or negative errno.
 */
int sg_classifier_time(struct sg_classifier *c, __u64 at_ns);

/* The next frame of the case; the first one's index is 0. A frame counts as dropped when the program does not pass it, or
 * not as it was; in intercept see scepguard(8). A frame shorter than an Ethernet header never gets to the program (drivers
 * drop it): nothing happens. Returns 0; -EMSGSIZE: longer than SG_CLASSIFY_FRAME_MAX; -EPROTO: the program aborted;
 * -ENOSPC: more connections than the guard's table has room for; or what the kernel says.
 */
int sg_classifier_frame(struct sg_classifier *c, const void *frame, size_t len);

/* What the case came to. Returns 0 or -ENOMEM. */
int sg_classifier_end(struct sg_classifier *c, struct sg_classify_result *ret);

/* The class's name as scepguard(8) tells it. */
const char *sg_classify_name(__u8 request_class);

static inline void sg_cleanup_classifier(struct sg_classifier **c)
{
	sg_classifier_close(*c);
}
#define _cleanup_classifier_ __attribute__((cleanup(sg_cleanup_classifier)))

#endif
