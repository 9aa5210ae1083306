// SPDX-License-Identifier: GPL-2.0-only
#include "bypass.h"

#define X(name, verdict, label, sentence) SG_VERDICT_##verdict,
static const enum sg_verdict verdict_of[SG_REASON_MAX_] = {SG_REASON_LIST(X)};
#undef X

struct sg_bypass_counts sg_bypass_count(const struct sg_stats *stats, __u32 unheard)
{
	struct sg_bypass_counts counts = {
		.from_ca = stats->counters[SG_COUNTER_PACKETS_CA],
		.unheard = unheard,
	};

	for (int p = 0; p < SG_PRIORITY_MAX_; p++)
		for (int r = 0; r < SG_REASON_MAX_; r++)
			if (verdict_of[r] == SG_VERDICT_ADMIT)
				counts.attempts += stats->verdicts[p][r];
	return counts;
}

/* From here on the CA's silence counts. */
static void watch(struct sg_bypass *b, const struct sg_bypass_counts *counts, bool seen)
{
	*b = (struct sg_bypass){
		.state = SG_BYPASS_WATCH,
		.watched = true,
		.seen = seen,
		.attempts = counts->attempts,
		.from_ca = counts->from_ca,
	};
}

bool sg_bypass_asks(const struct sg_bypass *b, const struct sg_bypass_counts *counts,
		    const struct sg_bypass_times *times, __u64 now)
{
	__u64 attempts = b->seen ? SG_BYPASS_ATTEMPTS_SEEN : SG_BYPASS_ATTEMPTS;

	return b->state == SG_BYPASS_WATCH && b->watched && b->since &&
	       counts->from_ca == b->from_ca && counts->attempts - b->attempts >= attempts &&
	       now - b->since >= (b->seen ? times->silent_seen : times->silent);
}

static enum sg_bypass_act advance_watch(struct sg_bypass *b, const struct sg_bypass_counts *counts,
					const struct sg_bypass_times *times, bool reachable,
					__u64 now)
{
	if (!b->watched || counts->from_ca != b->from_ca) {
		watch(b, counts, b->watched);
		return SG_BYPASS_NOTHING;
	}
	if (!b->since && counts->attempts != b->attempts)
		b->since = now;
	if (!reachable || !sg_bypass_asks(b, counts, times, now))
		return SG_BYPASS_NOTHING;
	b->state = SG_BYPASS_TRIED;
	b->silent_since = b->since;
	b->since = now;
	return SG_BYPASS_TRY_POLICE;
}

static enum sg_bypass_act advance_tried(struct sg_bypass *b, const struct sg_bypass_counts *counts)
{
	if (counts->from_ca != b->from_ca) {
		watch(b, counts, true);
		return SG_BYPASS_BACK;
	}
	if (counts->unheard > b->unheard)
		b->unheard = counts->unheard;
	if (b->state != SG_BYPASS_TRIED || counts->unheard < SG_BYPASS_UNHEARD)
		return SG_BYPASS_NOTHING;
	b->state = SG_BYPASS_FOUND;
	return SG_BYPASS_STAY;
}

enum sg_bypass_act sg_bypass_advance(struct sg_bypass *b, const struct sg_bypass_counts *counts,
				     const struct sg_bypass_times *times, enum sg_bypass_mode mode,
				     bool reachable, __u64 now)
{
	bool trying = b->state != SG_BYPASS_WATCH;

	/* Intercept was ordered anew, or the trial is over; or somebody ordered another mode. */
	if (mode == SG_BYPASS_INTERCEPT ? trying : !trying || mode == SG_BYPASS_OTHER)
		*b = (struct sg_bypass){0};
	if (mode == SG_BYPASS_INTERCEPT)
		return advance_watch(b, counts, times, reachable, now);
	return b->state == SG_BYPASS_WATCH ? SG_BYPASS_NOTHING : advance_tried(b, counts);
}
