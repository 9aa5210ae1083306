// SPDX-License-Identifier: GPL-2.0-only
#include "minute.h"

static __u64 growth_of(__u64 now, __u64 then)
{
	return now >= then ? now - then : now;
}

static void subtract(const struct sg_minute_counts *now, const struct sg_minute_counts *then,
		     struct sg_minute_counts *growth)
{
	for (int i = 0; i < SG_REQUEST_MAX_; i++)
		growth->requests[i] = growth_of(now->requests[i], then->requests[i]);
	for (int p = 0; p < SG_PRIORITY_MAX_; p++)
		for (int r = 0; r < SG_REASON_MAX_; r++)
			growth->verdicts[p][r] =
				growth_of(now->verdicts[p][r], then->verdicts[p][r]);
	for (int c = 0; c < SG_COUNTER_MAX_; c++)
		growth->counters[c] = growth_of(now->counters[c], then->counters[c]);
}

static __u32 oldest_of(const struct sg_minute *m)
{
	return (m->head + SG_MINUTE_SAMPLES - m->used) % SG_MINUTE_SAMPLES;
}

void sg_minute_add(struct sg_minute *m, const struct sg_minute_counts *counts, __u64 now_ns,
		   __u64 span_ns, struct sg_minute_counts *growth)
{
	__u32 oldest;

	m->samples[m->head].at_ns = now_ns;
	m->samples[m->head].counts = *counts;
	m->head = (m->head + 1) % SG_MINUTE_SAMPLES;
	if (m->used < SG_MINUTE_SAMPLES)
		m->used++;
	oldest = oldest_of(m);
	while (m->used > 1 && m->samples[oldest].at_ns + span_ns < now_ns) {
		m->used--;
		oldest = oldest_of(m);
	}
	subtract(counts, &m->samples[oldest].counts, growth);
}
