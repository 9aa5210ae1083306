// SPDX-License-Identifier: GPL-2.0-only
/* Counters of intercept that belong together: one family each, told apart by a label. Each of them is
 * left out of the counters that prom_table.c makes from the list.
 */
#include "prom_metric.h"
#include "../daemon/labels.h"

struct member {
	enum sg_counter counter;
	const char *value; /* of the label */
};

static void write_family(FILE *out, const struct sg_prom_metric *m, const struct sg_prom_view *view,
			 const char *label, const struct member *members, size_t count)
{
	for (__u32 d = 0; d < view->detail_count; d++)
		for (size_t i = 0; i < count; i++) {
			const __u64 *counters = view->detail[d].stats->counters;

			sg_prom_open_service(out, m, "", view->detail[d].service);
			fprintf(out, ",%s=\"%s\"} %llu\n", label, members[i].value,
				(unsigned long long)counters[members[i].counter]);
		}
}

#define FAMILY(out, m, view, label, members) \
	write_family(out, m, view, label, members, sizeof(members) / sizeof((members)[0]))

void sg_prom_write_cookies(FILE *out, const struct sg_prom_metric *m,
			   const struct sg_prom_view *view)
{
	static const struct member members[] = {
		{SG_COUNTER_COOKIES_SENT, "sent"},
		{SG_COUNTER_COOKIES_PROVEN, "proven"},
		{SG_COUNTER_COOKIES_REFUSED, "refused"},
		{SG_COUNTER_COOKIES_OLD, "old"},
	};

	FAMILY(out, m, view, "result", members);
}

void sg_prom_write_edge_answers(FILE *out, const struct sg_prom_metric *m,
				const struct sg_prom_view *view)
{
	static const struct member members[] = {
		{SG_COUNTER_EDGE_AS_CA, "as_ca"},
		{SG_COUNTER_EDGE_STATUS, "status"},
		{SG_COUNTER_EDGE_BUSY, "busy"},
	};

	FAMILY(out, m, view, "answer", members);
}

void sg_prom_write_question_changes(FILE *out, const struct sg_prom_metric *m,
				    const struct sg_prom_view *view)
{
	static const struct member members[] = {
		{SG_COUNTER_LEARNED, "learned"},
		{SG_COUNTER_UNLEARNED, "unlearned"},
	};

	FAMILY(out, m, view, "change", members);
}

/* Summed like counters when there are many services: five series for each would be too many. */
void sg_prom_write_held(FILE *out, const struct sg_prom_metric *m, const struct sg_prom_view *view)
{
	for (__u32 d = 0; d < view->detail_count; d++)
		for (unsigned int p = 0; p < SG_PRIORITY_MAX_; p++) {
			sg_prom_open_service(out, m, "", view->detail[d].service);
			fprintf(out, ",priority=\"%s\"} %u\n", sg_label_priority(p),
				view->detail[d].waiting[p]);
		}
}
