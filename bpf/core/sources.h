/* SPDX-License-Identifier: GPL-2.0-only */
/* What is known of a source, and what a SYN of it is therefore predicted to want. Entries are made
 * at admission only. Times of one source may be written by two CPUs at once: the later wins, and
 * the worst effect is one prediction.
 */
#ifndef SG_SOURCES_H
#define SG_SOURCES_H

#include <linux/types.h>
#include <stdbool.h>
#include "cursor.h"
#include "times.h"
#include "gcra.h"

/* What counts as one source: IPv4 /n by mask, IPv6 by prefix. */
static __always_inline struct sg_ip sg_source_mask(const struct sg_ip *ip, __u32 ipv4_mask,
						   __u32 ipv6_prefix)
{
	struct sg_ip out = *ip;

	if (sg_ip_is_v4(ip)) {
		out.w[3] &= sg_htonl(ipv4_mask);
		return out;
	}
	for (__u32 i = 0; i < 4; i++) {
		__u32 bits = ipv6_prefix > i * 32 ? ipv6_prefix - i * 32 : 0;

		if (bits < 32)
			out.w[i] &= bits ? sg_htonl(0xffffffffu << (32 - bits)) : 0;
	}
	return out;
}

/* What a request is worth. GetCACertChain, -Caps and -Cert begin an enrolment. */
static __always_inline __u32 sg_request_priority(__u32 request_class)
{
	switch (request_class) {
	case SG_REQUEST_PKIOPERATION_GET:
	case SG_REQUEST_PKIOPERATION_POST:
		return SG_PRIORITY_ENROLMENT;
	case SG_REQUEST_GETCACERT:
	case SG_REQUEST_GETCACAPS:
	case SG_REQUEST_GETCACERTCHAIN:
		return SG_PRIORITY_BOOTSTRAP;
	case SG_REQUEST_GETNEXTCACERT:
		return SG_PRIORITY_ROLLOVER;
	default:
		return SG_PRIORITY_OTHER;
	}
}

static __always_inline bool sg_source_claims(const struct sg_source *src, __u64 now)
{
	return src->claim_left && now < src->claim_until;
}

/* Predicted priority of a SYN: in progress > useful lately > never seen (as bootstrap) > what it
 * asked last. A source shared by several routers counts as its most useful request of the last
 * `useful_recent`. src NULL: never seen.
 */
static __always_inline __u32 sg_source_predict(const struct sg_source *src,
					       const struct sg_times *times, __u64 now)
{
	__u64 latest = 0;
	__u32 priority = SG_PRIORITY_BOOTSTRAP;

	if (!src)
		return SG_PRIORITY_BOOTSTRAP;
	if (sg_source_claims(src, now))
		return SG_PRIORITY_IN_PROGRESS;
	for (__u32 i = SG_PRIORITY_ENROLMENT; i < SG_PRIORITY_MAX_; i++) {
		if (src->asked[i] && now - src->asked[i] <= times->useful_recent)
			return i;
		if (src->asked[i] > latest) {
			latest = src->asked[i];
			priority = i;
		}
	}
	/* Useful once, long ago: as good as never seen. Asked for the shadow only: still rollover. */
	return priority < SG_PRIORITY_BOOTSTRAP ? SG_PRIORITY_BOOTSTRAP : priority;
}

/* Start or renew the claim of a source whose request shows an enrolment in progress. GetCACaps
 * alone does not: jscep and Windows ask it all the time. Not renewed within `claim_renew` unless
 * by PKIOperation.
 */
static __always_inline void sg_source_claim(struct sg_source *src, const struct sg_service *svc,
					    __u32 request_class, const struct sg_times *times,
					    __u64 now)
{
	bool pki = sg_request_priority(request_class) == SG_PRIORITY_ENROLMENT;

	if (!pki && request_class != SG_REQUEST_GETCACERT)
		return;
	if (!pki && src->claim_granted && now - src->claim_granted < times->claim_renew)
		return;
	src->claim_granted = now;
	src->claim_until = now + svc->in_progress_ticks;
	src->claim_left = svc->in_progress_connections;
}

/* A request line of this source was read to its end. */
static __always_inline void sg_source_requested(struct sg_source *src, const struct sg_service *svc,
						__u32 request_class, const struct sg_times *times,
						__u64 now)
{
	__u32 priority = sg_request_priority(request_class);

	src->last_seen = now;
	src->last_class = request_class;
	src->asked[priority] = now;
	__sync_fetch_and_add(&src->requests[request_class < SG_REQUEST_MAX_ ? request_class : 0],
			     1);
	if (priority <= SG_PRIORITY_BOOTSTRAP && !src->useful_since && !src->left_unfinished)
		src->useful_since = now;
	sg_source_claim(src, svc, request_class, times, now);
}

/* Index for counters by status: 2..5, 0 for what is not HTTP. */
static __always_inline __u32 sg_status_class(__u32 status)
{
	if (status >= 600 || status < 200)
		return 0;
	return status < 300 ? 2 : status < 400 ? 3 : status < 500 ? 4 : 5;
}

static __always_inline void sg_source_answered(struct sg_source *src, __u32 request_class,
					       __u32 status)
{
	src->last_status = status;
	__sync_fetch_and_add(&src->answers[sg_status_class(status)], 1);
	/* Served, also by "there is no such thing": who asks for that must not grow old by it. Not by "come again". */
	if (sg_status_class(status) >= 2 && sg_status_class(status) <= 4 &&
	    sg_request_priority(request_class) <= SG_PRIORITY_BOOTSTRAP)
		src->useful_since = 0;
	if (sg_status_class(status) == 2 &&
	    sg_request_priority(request_class) <= SG_PRIORITY_BOOTSTRAP)
		src->left_unfinished = 0;
}

/* A connection of this source is over, and half a request was all it sent: it kept a place at the CA for nothing. Until a
 * useful ask of it is answered it competes with the lowest, or a few hundred such sources have all places, always.
 */
static __always_inline void sg_source_left_unfinished(struct sg_source *src)
{
	src->left_unfinished = 1;
	src->useful_since = 0;
	src->claim_left = 0;
}

/* An attempt of this source was admitted. */
static __always_inline void sg_source_admitted(struct sg_source *src, __u32 priority, __u64 now)
{
	__u32 left;

	if (!src->first_seen)
		src->first_seen = now;
	src->last_seen = now;
	__sync_fetch_and_add(&src->admitted, 1);
	__sync_fetch_and_add(&src->connections, 1);
	left = sg_read_once(src->claim_left);
	/* Not a plain subtraction: two CPUs would take the last one twice and leave 4294967295. */
	if (priority == SG_PRIORITY_IN_PROGRESS && left)
		__sync_val_compare_and_swap(&src->claim_left, left, left - 1);
}

/* Second bucket (police): charged by completed handshakes only, so that spoofing a source's address
 * cannot silence it.
 */
static __always_inline void sg_source_handshake(struct sg_source *src,
						const struct sg_source_limits *lim, __u64 now)
{
	/* The first one: 0 is no arrival time (shortly after boot it would lie ahead). */
	__u32 tat = src->last_handshake ? src->handshake_tat : (__u32)now;

	src->last_handshake = now;
	src->handshake_tat = sg_gcra_charge(tat, lim->interval_ticks, lim->burst, now);
}

/* Does the second bucket let a source pass that the first one refuses? */
static __always_inline bool sg_source_proven(const struct sg_source *src,
					     const struct sg_source_limits *lim,
					     const struct sg_times *times, __u64 now)
{
	return src && src->last_handshake && now - src->last_handshake <= times->useful_recent &&
	       sg_gcra_may(src->handshake_tat, lim->interval_ticks, lim->burst, now);
}

#endif
