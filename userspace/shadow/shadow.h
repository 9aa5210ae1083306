/* SPDX-License-Identifier: GPL-2.0-only */
/* Does the CA have its rollover certificate (Cisco: shadow)? Judged from answers that passed by.
 * Pure; the time (CLOCK_REALTIME ns, since evidence survives a reboot) is an argument.
 *
 * The rule (DESIGN 6): a 200 with application/x-x509-next-ca-cert says ready, unverified, for the
 * chain was not looked at; 404 or 403 say not ready; everything else, and silence, says nothing.
 * The latest answer counts: after the CA has changed over, the shadow is rightly gone.
 */
#ifndef SG_SHADOW_SHADOW_H
#define SG_SHADOW_SHADOW_H

#include <linux/types.h>

#include "../daemon/snapshot.h"

#define SG_SHADOW_TYPE_MAX 64

struct sg_shadow {
	enum sg_shadow_state state;
	__u64 since_ns;                        /* when this state began; 0 = since the start */
	__u64 evidence_ns;                     /* last answer to GetNextCACert; 0 = never */
	__u16 status;                          /* of that answer */
	char content_type[SG_SHADOW_TYPE_MAX]; /* of that answer, "" = none or not seen */
	__u64 not_ready_ns;                    /* last 404 or 403 */
	__u64 ready_ns;                        /* last 200 of the right type */
	__u64 cert_refused_ns; /* last 404 to GetCACert: the path or the CA's name is wrong */
	__u64 cert_served_ns;  /* last 200 to GetCACert */
};

/* How long evidence holds: three of the guard's own probes, and an hour at least. */
__u64 sg_shadow_lifetime_ns(__u64 probe_interval_ns, __u32 time_scale);

/* The CA answered GetNextCACert. media_type: lower case, without parameters (http/answer_head.h);
 * NULL or "": there was none, or it was not seen.
 */
void sg_shadow_answered(struct sg_shadow *s, __u16 status, const char *media_type, __u64 now_ns);

/* The CA answered GetCACert. */
void sg_shadow_cert_answered(struct sg_shadow *s, __u16 status, __u64 now_ns);

/* What the evidence says at now. */
enum sg_shadow_state sg_shadow_judge(const struct sg_shadow *s, __u64 lifetime_ns, __u64 now_ns);

/* Judge and note a change of state. Returns true when it changed. */
bool sg_shadow_update(struct sg_shadow *s, __u64 lifetime_ns, __u64 now_ns);

/* "unknown", "not_ready" ...: in JSON, metrics and status. */
const char *sg_shadow_state_name(enum sg_shadow_state state);

#endif
