/* SPDX-License-Identifier: GPL-2.0-only */
/* What classify.c, clock.c, intercept.c, load.c and steps.c share. Nobody else includes it. */
#ifndef SG_CLASSIFY_INTERNAL_H
#define SG_CLASSIFY_INTERNAL_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "classify.h"
#include "fates.h"
#include "peers.h"
#include "record.h"

/* Connections of one case, as many as the guard's table holds by default. A power of two. */
#define SG_CLASSIFY_CONNS 16384

/* Frames after which it is seen to it that so many leases are free, so that more connections than the CA
 * could ever have at once are no limit here. Below SG_LEASES.
 */
#define SG_RENEW_FRAMES 512

/* Requests that wait for a turn: none does, for no limit is set. A power of two. */
#define SG_CLASSIFY_HELD 16

/* Source address of the CA's frames where it is played. Locally administered. */
#define SG_PLAYED_MAC                              \
	{                                          \
		0x02, 0x73, 0x67, 0x00, 0x43, 0x41 \
	}

struct scepguard_bpf;

/* Longest frame that comes out: a page, less what XDP keeps for itself. */
#define SG_CLASSIFY_OUT_MAX 4096

struct sg_classifier {
	struct scepguard_bpf *skel;
	enum sg_mode mode;
	bool both_sides;
	struct sg_endpoint endpoints[2 * SG_CLASSIFY_SERVICES_MAX];
	size_t endpoint_count;
	struct sg_live live; /* as written last */
	int program_fd, conns_fd, flows_fd;
	__u32 cpu;              /* the only one this runs on */
	__u8 *flows;            /* one value of sg_flows: of every CPU */
	size_t flow_size;       /* of one CPU's */
	size_t key_offset;      /* of the connection's key in it */
	__u64 first_generation; /* connections up to this one belong to earlier cases */
	size_t frames;          /* of this case */
	size_t index;           /* of the frame that goes through now */
	__u64 swept_s; /* second of the case in which expired connections were ended last */
	bool used;     /* there is something to forget */
	struct sg_budget *fresh; /* an idle budget */
	struct sg_record record;
	struct sg_fates fates;
	/* intercept */
	struct sg_peers peers;
	struct sg_frame *held; /* sg_frames, in this process's memory */
	size_t held_bytes;
};

/* What came out. */
struct sg_classify_out {
	__u32 action;
	size_t len;
	__u8 frame[SG_CLASSIFY_OUT_MAX] __attribute__((aligned(8)));
};

/* classify.c */
/* Run the program on one frame, and note what it makes of its connection. Returns 0 or negative errno. */
int sg_classifier_run(struct sg_classifier *c, const void *frame, size_t len,
		      struct sg_classify_out *out);
/* The same for a frame that is to pass as it is: what becomes of it. */
int sg_classifier_plain(struct sg_classifier *c, const void *frame, size_t len);

/* intercept.c */
int sg_intercept_frame(struct sg_classifier *c, const void *frame, size_t len);
int sg_intercept_finish(struct sg_classifier *c);

/* load.c */
int sg_classifier_load(struct sg_classifier *c);
void sg_classifier_unload(struct sg_classifier *c);
int sg_classifier_configure(struct sg_classifier *c, const struct sg_classify_service *services,
			    size_t count);
int sg_classifier_write_live(struct sg_classifier *c); /* from c->live */
int sg_classifier_empty(struct sg_classifier *c);
int sg_classifier_generation(struct sg_classifier *c, __u64 *ret);
int sg_classifier_renew_leases(struct sg_classifier *c);

/* clock.c */
__u64 sg_classifier_ticks(__u64 ns);
__u64 sg_classifier_first_tick(void); /* when every case begins */
void sg_classifier_clock_begin(struct sg_classifier *c);
/* Fill in the timeouts, and the MSS of intercept, that a configuration has which sets none. Returns 0 or negative errno. */
int sg_classifier_defaults(struct sg_service *svc);

/* steps.c: what intercept has more */
void sg_classifier_steps_select(struct scepguard_bpf *skel,
				enum sg_mode mode);    /* before the load */
int sg_classifier_steps_fill(struct sg_classifier *c); /* after it */
int sg_classifier_steps_empty(struct sg_classifier *c);
void sg_classifier_steps_unload(struct sg_classifier *c);

#endif
