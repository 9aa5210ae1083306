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

void sg_prom_open_service(FILE *out, const struct sg_prom_metric *m, const char *suffix,
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

static void write_modes(FILE *out, const struct sg_prom_metric *m, enum sg_mode mode)
{
	for (unsigned int i = 0; i < SG_MODE_MAX_; i++)
		fprintf(out, PREFIX "%s{mode=\"%s\"} %d\n", m->name, sg_label_mode(i), mode == i);
}

void sg_prom_write_mode(FILE *out, const struct sg_prom_metric *m, const struct sg_prom_view *view)
{
	write_modes(out, m, view->snap->mode);
}

void sg_prom_write_configured_mode(FILE *out, const struct sg_prom_metric *m,
				   const struct sg_prom_view *view)
{
	write_modes(out, m, view->snap->config_mode);
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
			sg_prom_open_service(out, m, "", view->snap->services[s].name);
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
			sg_prom_open_service(out, m, "", view->detail[d].service);
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
	sg_prom_open_service(out, m, "", d->service);
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
