// SPDX-License-Identifier: GPL-2.0-only
/* Metrics that have labels of their own. Every value of a label is there from the start, so that a
 * rate() never misses the first happening. No client address is ever a label.
 */
#include "prom_metric.h"
#include "../daemon/labels.h"
#include "../shadow/shadow.h"
#include "../version.h"

#define PREFIX        "scepguard_"
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static void open_service(FILE *out, const struct sg_prom_metric *m, const char *suffix,
			 const char *service)
{
	fprintf(out, PREFIX "%s%s{service=\"", m->name, suffix);
	sg_prom_write_escaped(out, service);
	fputc('"', out);
}

void sg_prom_write_build(FILE *out, const struct sg_prom_metric *m, const struct sg_prom_view *view)
{
	(void)view;
	fprintf(out, PREFIX "%s{version=\"", m->name);
	sg_prom_write_escaped(out, SG_VERSION);
	fprintf(out, "\",layout=\"%d\"} 1\n", SG_ABI_VERSION);
}

void sg_prom_write_mode(FILE *out, const struct sg_prom_metric *m, const struct sg_prom_view *view)
{
	for (unsigned int i = 0; i < SG_MODE_MAX_; i++)
		fprintf(out, PREFIX "%s{mode=\"%s\"} %d\n", m->name, sg_label_mode(i),
			view->snap->mode == i);
}

void sg_prom_write_attached(FILE *out, const struct sg_prom_metric *m,
			    const struct sg_prom_view *view)
{
	static const char *const xdp_labels[] = {"generic", "native"};

	for (__u32 i = 0; i < view->snap->attachment_count; i++) {
		const struct sg_guard_attachment *a = &view->snap->attachments[i];

		for (unsigned int native = 0; native < ARRAY_SIZE(xdp_labels); native++) {
			fprintf(out, PREFIX "%s{interface=\"", m->name);
			sg_prom_write_escaped(out, a->ifname);
			fprintf(out, "\",xdp=\"%s\"} %d\n", xdp_labels[native],
				a->present && a->native == native);
		}
	}
}

void sg_prom_write_passed(FILE *out, const struct sg_prom_metric *m,
			  const struct sg_prom_view *view)
{
	for (unsigned int i = 0; i < SG_PASSED_MAX_; i++)
		fprintf(out, PREFIX "%s{kind=\"%s\"} %llu\n", m->name, sg_label_passed(i),
			(unsigned long long)view->snap->passed.packets[i]);
}

void sg_prom_write_shadow(FILE *out, const struct sg_prom_metric *m,
			  const struct sg_prom_view *view)
{
	for (__u32 s = 0; s < view->snap->service_count; s++)
		for (unsigned int i = 0; i < SG_SHADOW_MAX_; i++) {
			open_service(out, m, "", view->snap->services[s].name);
			fprintf(out, ",state=\"%s\"} %d\n", sg_shadow_state_name(i),
				view->snap->services[s].shadow.state == i);
		}
}

/* A request has at least one byte, so class "none" has no series of requests. */
void sg_prom_write_requests(FILE *out, const struct sg_prom_metric *m,
			    const struct sg_prom_view *view)
{
	for (__u32 d = 0; d < view->detail_count; d++)
		for (unsigned int c = SG_REQUEST_NONE + 1; c < SG_REQUEST_MAX_; c++) {
			open_service(out, m, "", view->detail[d].service);
			fprintf(out, ",class=\"%s\"} %llu\n", sg_label_class(c),
				(unsigned long long)view->detail[d].stats->requests[c]);
		}
}

/* An answer whose request was not seen (class "none") counts with the undecided ones. */
static __u64 answers_of(const struct sg_stats *stats, unsigned int class, unsigned int status)
{
	__u64 n = stats->answers[class][status];

	if (class == SG_REQUEST_UNDECIDED)
		n += stats->answers[SG_REQUEST_NONE][status];
	return n;
}

static void write_answer(FILE *out, const struct sg_prom_metric *m, const struct sg_prom_detail *d,
			 unsigned int class, unsigned int status)
{
	__u64 n = answers_of(d->stats, class, status);

	if (status == 1) /* 1xx is never final: counts with what is not HTTP */
		return;
	if (status == 0)
		n += answers_of(d->stats, class, 1);
	open_service(out, m, "", d->service);
	fprintf(out, ",class=\"%s\",status=\"%s\"} %llu\n", sg_label_class(class),
		sg_label_status_class(status), (unsigned long long)n);
}

void sg_prom_write_answers(FILE *out, const struct sg_prom_metric *m,
			   const struct sg_prom_view *view)
{
	for (__u32 d = 0; d < view->detail_count; d++)
		for (unsigned int c = SG_REQUEST_NONE + 1; c < SG_REQUEST_MAX_; c++)
			for (unsigned int s = 0; s < SG_STATUS_CLASSES; s++)
				write_answer(out, m, &view->detail[d], c, s);
}

static void write_histogram(FILE *out, const struct sg_prom_metric *m,
			    const struct sg_prom_detail *d)
{
	static const __u64 bounds_ms[] = SG_LATENCY_BOUNDS_MS;
	unsigned long long count = 0;

	_Static_assert(ARRAY_SIZE(bounds_ms) == SG_LATENCY_BUCKETS, "a bound for each bucket");
	for (unsigned int i = 0; i <= SG_LATENCY_BUCKETS; i++) {
		count += d->stats->latency[i];
		open_service(out, m, "_bucket", d->service);
		fputs(",le=\"", out);
		if (i < SG_LATENCY_BUCKETS)
			sg_prom_write_seconds(out, bounds_ms[i] * SG_NS_PER_MS);
		else
			fputs("+Inf", out);
		fprintf(out, "\"} %llu\n", count);
	}
	open_service(out, m, "_sum", d->service);
	fputs("} ", out);
	sg_prom_write_seconds(out, d->stats->latency_sum_ns);
	fputc('\n', out);
	open_service(out, m, "_count", d->service);
	fprintf(out, "} %llu\n", count);
}

void sg_prom_write_latency(FILE *out, const struct sg_prom_metric *m,
			   const struct sg_prom_view *view)
{
	for (__u32 d = 0; d < view->detail_count; d++)
		write_histogram(out, m, &view->detail[d]);
}

/* Reasons that do not depend on whom an attempt competes as: one series each (priority="any") keeps
 * the number of series down.
 */
static bool reason_has_priority(enum sg_reason reason)
{
	switch (reason) {
	case SG_REASON_FEELER:
	case SG_REASON_DENIED:
	case SG_REASON_SOURCE_RATE:
	case SG_REASON_SOURCE_CONNECTIONS:
	case SG_REASON_CA_DEAF:
	case SG_REASON_TINY_FRAGMENT:
		return false;
	default:
		return true;
	}
}

static void write_verdict(FILE *out, const struct sg_prom_metric *m, const char *service,
			  const char *priority, enum sg_reason reason, __u64 value)
{
	open_service(out, m, "", service);
	fprintf(out, ",priority=\"%s\",verdict=\"%s\",reason=\"%s\"} %llu\n", priority,
		sg_label_verdict(sg_label_reason_verdict(reason)), sg_label_reason(reason),
		(unsigned long long)value);
}

void sg_prom_write_verdicts(FILE *out, const struct sg_prom_metric *m,
			    const struct sg_prom_view *view)
{
	for (__u32 d = 0; d < view->detail_count; d++) {
		const __u64(*book)[SG_REASON_MAX_] =
			(const void *)((const char *)view->detail[d].stats + m->offset);

		for (unsigned int r = 0; r < SG_REASON_MAX_; r++) {
			__u64 sum = 0;

			for (unsigned int p = 0; p < SG_PRIORITY_MAX_; p++) {
				sum += book[p][r];
				if (!view->summed && reason_has_priority(r))
					write_verdict(out, m, view->detail[d].service,
						      sg_label_priority(p), r, book[p][r]);
			}
			if (view->summed || !reason_has_priority(r))
				write_verdict(out, m, view->detail[d].service, "any", r, sum);
		}
	}
}
