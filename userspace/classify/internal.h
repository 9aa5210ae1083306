/* SPDX-License-Identifier: GPL-2.0-only */
/* What classify.c, clock.c and load.c share. Nobody else includes it. */
#ifndef SG_CLASSIFY_INTERNAL_H
#define SG_CLASSIFY_INTERNAL_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "classify.h"
#include "record.h"

/* Connections of one case, as many as the guard's table holds by default. A power of two. */
#define SG_CLASSIFY_CONNS 16384

/* Frames after which it is seen to it that so many leases are free, so that more connections than the CA
 * could ever have at once are no limit here. Below SG_LEASES.
 */
#define SG_RENEW_FRAMES 512

struct scepguard_bpf;

struct sg_classifier {
	struct scepguard_bpf *skel;
	int program_fd, conns_fd, flows_fd;
	__u32 cpu;              /* the only one this runs on */
	__u8 *flows;            /* one value of sg_flows: of every CPU */
	size_t flow_size;       /* of one CPU's */
	size_t key_offset;      /* of the connection's key in it */
	__u64 first_generation; /* connections up to this one belong to earlier cases */
	__u64 frames;           /* of this case */
	__u64 swept_s; /* second of the case in which expired connections were ended last */
	bool used;     /* there is something to forget */
	struct sg_budget *fresh; /* an idle budget */
	struct sg_record record;
};

/* load.c */
int sg_classifier_load(struct sg_classifier *c);
void sg_classifier_unload(struct sg_classifier *c);
int sg_classifier_configure(struct sg_classifier *c, const struct sg_classify_service *services,
			    size_t count, bool both_sides);
int sg_classifier_empty(struct sg_classifier *c);
int sg_classifier_generation(struct sg_classifier *c, __u64 *ret);
int sg_classifier_renew_leases(struct sg_classifier *c);

/* clock.c */
__u64 sg_classifier_ticks(__u64 ns);
__u64 sg_classifier_first_tick(void); /* when every case begins */
void sg_classifier_clock_begin(struct sg_classifier *c);
/* Fill in the timeouts a configuration has that sets none. Returns 0 or negative errno. */
int sg_classifier_timeouts(struct sg_service *svc);

#endif
