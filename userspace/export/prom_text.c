// SPDX-License-Identifier: GPL-2.0-only
/* The Prometheus text format 0.0.4: how the rows of the table are written. Pure. */
#include <errno.h>
#include <stdlib.h>

#include "prom_metric.h"

#define PREFIX "scepguard_"

/* Stats are summed as plain words. */
_Static_assert(sizeof(struct sg_stats) % sizeof(__u64) == 0, "sg_stats holds only __u64");
#define STATS_WORDS (sizeof(struct sg_stats) / sizeof(__u64))

void sg_prom_write_escaped(FILE *out, const char *value)
{
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			fputc('\\', out);
		if (*value == '\n')
			fputs("\\n", out);
		else
			fputc(*value, out);
	}
}

void sg_prom_write_seconds(FILE *out, __u64 ns)
{
	unsigned long long whole = ns / SG_NS_PER_S, rest = ns % SG_NS_PER_S;
	int digits = 9;

	fprintf(out, "%llu", whole);
	if (!rest)
		return;
	while (rest % 10 == 0) {
		rest /= 10;
		digits--;
	}
	fprintf(out, ".%0*llu", digits, rest);
}

static void write_number(FILE *out, const void *base, const struct sg_prom_metric *m)
{
	const void *at = (const char *)base + m->offset;

	switch (m->kind) {
	case SG_PROM_U32:
		fprintf(out, "%u", *(const __u32 *)at);
		break;
	case SG_PROM_U64:
		fprintf(out, "%llu", (unsigned long long)*(const __u64 *)at);
		break;
	case SG_PROM_BOOL:
		fprintf(out, "%d", *(const bool *)at);
		break;
	case SG_PROM_NS:
		sg_prom_write_seconds(out, *(const __u64 *)at);
		break;
	case SG_PROM_NONE:
		break;
	}
	fputc('\n', out);
}

static void write_of_service(FILE *out, const char *service, const void *base,
			     const struct sg_prom_metric *m)
{
	fprintf(out, PREFIX "%s{service=\"", m->name);
	sg_prom_write_escaped(out, service);
	fputs("\"} ", out);
	write_number(out, base, m);
}

void sg_prom_write_global(FILE *out, const struct sg_prom_metric *m,
			  const struct sg_prom_view *view)
{
	fprintf(out, PREFIX "%s ", m->name);
	write_number(out, view->snap, m);
}

void sg_prom_write_service(FILE *out, const struct sg_prom_metric *m,
			   const struct sg_prom_view *view)
{
	for (__u32 i = 0; i < view->snap->service_count; i++)
		write_of_service(out, view->snap->services[i].name, &view->snap->services[i], m);
}

void sg_prom_write_detail(FILE *out, const struct sg_prom_metric *m,
			  const struct sg_prom_view *view)
{
	for (__u32 i = 0; i < view->detail_count; i++)
		write_of_service(out, view->detail[i].service, view->detail[i].stats, m);
}

static void sum_stats(const struct sg_snapshot *snap, struct sg_stats *sum)
{
	__u64 *to = (__u64 *)sum;

	for (__u32 i = 0; i < snap->service_count; i++) {
		const __u64 *from = (const __u64 *)&snap->services[i].stats;

		for (size_t w = 0; w < STATS_WORDS; w++)
			to[w] += from[w];
	}
}

static void sum_waiting(const struct sg_snapshot *snap, __u32 *sum)
{
	for (__u32 i = 0; i < snap->service_count; i++)
		for (int p = 0; p < SG_PRIORITY_MAX_; p++)
			sum[p] += snap->services[i].intercept.waiting[p];
}

/* Over all services. */
struct sums {
	struct sg_stats stats;
	__u32 waiting[SG_PRIORITY_MAX_];
};

static void make_view(const struct sg_snapshot *snap, struct sums *sums, struct sg_prom_view *view)
{
	*view = (struct sg_prom_view){.snap = snap};
	view->summed = snap->service_count > SG_PROM_DETAILED_SERVICES;
	if (view->summed) {
		sum_stats(snap, &sums->stats);
		sum_waiting(snap, sums->waiting);
		view->detail[0] = (struct sg_prom_detail){"all", &sums->stats, sums->waiting};
		view->detail_count = 1;
		return;
	}
	for (__u32 i = 0; i < snap->service_count; i++)
		view->detail[i] =
			(struct sg_prom_detail){snap->services[i].name, &snap->services[i].stats,
						snap->services[i].intercept.waiting};
	view->detail_count = snap->service_count;
}

static void write_all(FILE *out, const struct sg_prom_view *view)
{
	for (size_t i = 0; i < sg_prom_metric_count; i++) {
		const struct sg_prom_metric *m = &sg_prom_metrics[i];

		fprintf(out, "# HELP " PREFIX "%s %s\n", m->name, m->help);
		fprintf(out, "# TYPE " PREFIX "%s %s\n", m->name, m->type);
		m->write(out, m, view);
	}
}

int sg_prom_format(const struct sg_snapshot *snap, char **text, size_t *len)
{
	struct sums sums = {0};
	struct sg_prom_view view;
	size_t size = 0;
	char *buf = NULL;
	FILE *out;
	bool bad;

	make_view(snap, &sums, &view);
	out = open_memstream(&buf, &size);
	if (!out)
		return -ENOMEM;
	write_all(out, &view);
	bad = ferror(out);
	if (fclose(out) || bad) {
		free(buf);
		return -ENOMEM;
	}
	*text = buf;
	*len = size;
	return 0;
}
