// SPDX-License-Identifier: GPL-2.0-only
/* The two books of verdicts: what was done, and what police would have done (observe). */
#include <stddef.h>

#include "prom_metric.h"
#include "../daemon/labels.h"

typedef const __u64 (*sg_prom_book)[SG_REASON_MAX_];

/* Reasons that do not depend on whom an attempt competes as, or name the class themselves: one series
 * each (priority="any") keeps the number of series down.
 */
static bool reason_has_priority(enum sg_reason reason)
{
	switch (reason) {
	case SG_REASON_FEELER:
	case SG_REASON_LOWEST_TURN:
	case SG_REASON_OTHER_TURN:
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

/* For want of a slot or a place. */
static bool reason_is_budget(enum sg_reason reason)
{
	return reason_has_priority(reason) && sg_label_reason_verdict(reason) == SG_VERDICT_REFUSE;
}

static void write_verdict(FILE *out, const struct sg_prom_metric *m, const char *service,
			  const char *priority, __u32 verdict, const char *reason, __u64 value)
{
	sg_prom_open_service(out, m, "", service);
	fprintf(out, ",priority=\"%s\",verdict=\"%s\",reason=\"%s\"} %llu\n", priority,
		sg_label_verdict(verdict), reason, (unsigned long long)value);
}

static void write_reason(FILE *out, const struct sg_prom_metric *m, const struct sg_prom_view *view,
			 const char *service, sg_prom_book book, enum sg_reason r)
{
	const __u32 verdict = sg_label_reason_verdict(r);
	const bool apart = !view->summed && reason_has_priority(r);
	__u64 sum = 0;

	for (unsigned int p = 0; p < SG_PRIORITY_MAX_; p++) {
		sum += book[p][r];
		if (apart)
			write_verdict(out, m, service, sg_label_priority(p), verdict,
				      sg_label_reason(r), book[p][r]);
	}
	if (!apart)
		write_verdict(out, m, service, "any", verdict, sg_label_reason(r), sum);
}

void sg_prom_write_verdicts(FILE *out, const struct sg_prom_metric *m,
			    const struct sg_prom_view *view)
{
	for (__u32 d = 0; d < view->detail_count; d++)
		for (unsigned int r = 0; r < SG_REASON_MAX_; r++)
			write_reason(out, m, view, view->detail[d].service,
				     view->detail[d].stats->verdicts, r);
}

/* In observe the question is who would suffer; which of the CA's limits it would be is told by status. */
static void write_budget(FILE *out, const struct sg_prom_metric *m, const struct sg_prom_view *view,
			 const char *service, sg_prom_book book)
{
	__u64 all = 0;

	for (unsigned int p = 0; p < SG_PRIORITY_MAX_; p++) {
		__u64 sum = 0;

		for (unsigned int r = 0; r < SG_REASON_MAX_; r++)
			sum += reason_is_budget(r) ? book[p][r] : 0;
		all += sum;
		if (!view->summed)
			write_verdict(out, m, service, sg_label_priority(p), SG_VERDICT_REFUSE,
				      "budget", sum);
	}
	if (view->summed)
		write_verdict(out, m, service, "any", SG_VERDICT_REFUSE, "budget", all);
}

void sg_prom_write_would(FILE *out, const struct sg_prom_metric *m, const struct sg_prom_view *view)
{
	for (__u32 d = 0; d < view->detail_count; d++) {
		const struct sg_prom_detail *detail = &view->detail[d];

		for (unsigned int r = 0; r < SG_REASON_MAX_; r++)
			if (!reason_is_budget(r))
				write_reason(out, m, view, detail->service, detail->stats->would,
					     r);
		write_budget(out, m, view, detail->service, detail->stats->would);
	}
}
