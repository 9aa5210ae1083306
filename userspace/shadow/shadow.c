// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "shadow.h"
#include "../util/text.h"
#include "../util/units.h"

/* RFC 8894, 4.7.1 */
#define NEXT_CA_TYPE "application/x-x509-next-ca-cert"

static const char *const state_names[SG_SHADOW_MAX_] = {
	[SG_SHADOW_UNKNOWN] = "unknown", [SG_SHADOW_NOT_READY] = "not_ready",
	[SG_SHADOW_READY] = "ready",     [SG_SHADOW_READY_UNVERIFIED] = "ready_unverified",
	[SG_SHADOW_EXPIRED] = "expired", [SG_SHADOW_WRONG_PATH] = "wrong_path",
};

__u64 sg_shadow_lifetime_ns(__u64 probe_interval_ns, __u32 time_scale)
{
	__u64 lifetime = SG_NS_PER_H;

	if (probe_interval_ns > lifetime / 3)
		lifetime = probe_interval_ns > ~0ull / 3 ? ~0ull : 3 * probe_interval_ns;
	return lifetime / (time_scale ? time_scale : 1);
}

void sg_shadow_answered(struct sg_shadow *s, __u16 status, const char *media_type, __u64 now_ns)
{
	s->evidence_ns = now_ns;
	s->status = status;
	sg_text_quote(media_type ? media_type : "", s->content_type, sizeof(s->content_type));
	if (status == 404 || status == 403)
		s->not_ready_ns = now_ns;
	else if (status == 200 && !strcmp(s->content_type, NEXT_CA_TYPE))
		s->ready_ns = now_ns;
}

void sg_shadow_cert_answered(struct sg_shadow *s, __u16 status, __u64 now_ns)
{
	if (status == 404)
		s->cert_refused_ns = now_ns;
	else if (status == 200)
		s->cert_served_ns = now_ns;
}

/* A clock set back makes evidence lie in the future: then it is new. */
static bool is_fresh(__u64 then_ns, __u64 lifetime_ns, __u64 now_ns)
{
	return then_ns && (then_ns >= now_ns || now_ns - then_ns <= lifetime_ns);
}

enum sg_shadow_state sg_shadow_judge(const struct sg_shadow *s, __u64 lifetime_ns, __u64 now_ns)
{
	if (!s->evidence_ns)
		return SG_SHADOW_UNKNOWN;
	if (!is_fresh(s->evidence_ns, lifetime_ns, now_ns))
		return SG_SHADOW_EXPIRED;
	if (s->status == 404 && is_fresh(s->cert_refused_ns, lifetime_ns, now_ns) &&
	    s->cert_served_ns < s->cert_refused_ns)
		return SG_SHADOW_WRONG_PATH;
	if (s->status == 404 || s->status == 403)
		return SG_SHADOW_NOT_READY;
	if (s->status == 200 && !strcmp(s->content_type, NEXT_CA_TYPE))
		return SG_SHADOW_READY_UNVERIFIED;
	return SG_SHADOW_UNKNOWN;
}

bool sg_shadow_update(struct sg_shadow *s, __u64 lifetime_ns, __u64 now_ns)
{
	enum sg_shadow_state state = sg_shadow_judge(s, lifetime_ns, now_ns);

	if (state == s->state)
		return false;
	s->state = state;
	s->since_ns = now_ns;
	return true;
}

const char *sg_shadow_state_name(enum sg_shadow_state state)
{
	return state < SG_SHADOW_MAX_ ? state_names[state] : "unknown";
}
