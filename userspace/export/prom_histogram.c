// SPDX-License-Identifier: GPL-2.0-only
/* Histograms: cumulative, as Prometheus has them. */
#include "prom_metric.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The lowest bounds of a wait would all say the same: the turnkeeper looks every 10 ms. */
#define HOLD_BOUNDS_FROM 4 /* 100 ms */

static const __u64 bounds_ms[] = SG_LATENCY_BOUNDS_MS;

_Static_assert(ARRAY_SIZE(bounds_ms) == SG_LATENCY_BUCKETS, "a bound for each bucket");

/* Bounds below number `from` are not told; what lies below them is in the first that is. */
static void write_histogram(FILE *out, const struct sg_prom_metric *m, const char *service,
			    const __u64 *counts, __u64 sum_ns, unsigned int from)
{
	unsigned long long count = 0;

	for (unsigned int i = 0; i <= SG_LATENCY_BUCKETS; i++) {
		count += counts[i];
		if (i < from)
			continue;
		sg_prom_open_service(out, m, "_bucket", service);
		fputs(",le=\"", out);
		if (i < SG_LATENCY_BUCKETS)
			sg_prom_write_seconds(out, bounds_ms[i] * SG_NS_PER_MS);
		else
			fputs("+Inf", out);
		fprintf(out, "\"} %llu\n", count);
	}
	sg_prom_open_service(out, m, "_sum", service);
	fputs("} ", out);
	sg_prom_write_seconds(out, sum_ns);
	fputc('\n', out);
	sg_prom_open_service(out, m, "_count", service);
	fprintf(out, "} %llu\n", count);
}

void sg_prom_write_latency(FILE *out, const struct sg_prom_metric *m,
			   const struct sg_prom_view *view)
{
	for (__u32 d = 0; d < view->detail_count; d++)
		write_histogram(out, m, view->detail[d].service, view->detail[d].stats->latency,
				view->detail[d].stats->latency_sum_ns, 0);
}

void sg_prom_write_hold(FILE *out, const struct sg_prom_metric *m, const struct sg_prom_view *view)
{
	for (__u32 d = 0; d < view->detail_count; d++)
		write_histogram(out, m, view->detail[d].service, view->detail[d].stats->waited,
				view->detail[d].stats->waited_sum_ns, HOLD_BOUNDS_FROM);
}
