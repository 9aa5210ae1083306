// SPDX-License-Identifier: GPL-2.0-only
/* Section 2: what is the CA being asked for, and what does it answer? */
#include <stdlib.h>
#include <string.h>

#include "doc.h"
#include "human.h"
#include "status.h"

#define CLASSES_MAX 16

struct asked {
	const char *class;
	unsigned long long a_minute, total;
};

/* Most asked first; what was asked only earlier comes last. */
static int compare(const void *a, const void *b)
{
	const struct asked *x = a, *y = b;

	if (x->a_minute != y->a_minute)
		return x->a_minute < y->a_minute ? 1 : -1;
	if (x->total != y->total)
		return x->total < y->total ? 1 : -1;
	return strcmp(x->class, y->class);
}

static size_t collect(const json_t *service, struct asked *asked)
{
	const json_t *minute = sg_doc_at(service, "requests_per_minute");
	const json_t *requests = sg_doc_at(service, "requests");
	const char *class;
	json_t *total;
	size_t n = 0;

	json_object_foreach ((json_t *)(uintptr_t)requests, class, total) {
		if (n == CLASSES_MAX || json_integer_value(total) <= 0)
			continue;
		asked[n++] = (struct asked){class, sg_doc_count(minute, class),
					    sg_doc_count(requests, class)};
	}
	if (n)
		qsort(asked, n, sizeof(*asked), compare);
	return n;
}

/* "2xx 98%, 5xx 2%" */
static const char *describe_answers(const json_t *statuses, char *buf, size_t size)
{
	const unsigned long long all = sg_doc_sum(statuses);
	const char *status;
	json_t *count;

	buf[0] = '\0';
	if (!all)
		return "none seen";
	json_object_foreach ((json_t *)(uintptr_t)statuses, status, count) {
		const size_t used = strlen(buf);
		char share[SG_HUMAN_TEXT];

		if (json_integer_value(count) > 0)
			snprintf(buf + used, size - used, "%s%s %s", used ? ", " : "",
				 strcmp(status, "other") ? status : "not HTTP",
				 sg_human_share((unsigned long long)json_integer_value(count), all,
						share));
	}
	return buf;
}

static void add_row(const json_t *service, const struct asked *asked, unsigned long long a_minute,
		    struct sg_table *table)
{
	char minute[SG_HUMAN_TEXT], share[SG_HUMAN_TEXT], total[SG_HUMAN_TEXT], answers[128];
	const json_t *of_class = json_object_get(sg_doc_at(service, "answers"), asked->class);

	sg_table_row(table, asked->class, sg_human_count(asked->a_minute, minute),
		     a_minute ? sg_human_share(asked->a_minute, a_minute, share) : "",
		     sg_human_count(asked->total, total),
		     describe_answers(of_class, answers, sizeof(answers)));
}

/* Median and 95th percentile lie in these buckets. */
static double bound_of_quantile(const json_t *latency, double quantile)
{
	const json_t *counts = sg_doc_at(latency, "counts"),
		     *bounds = sg_doc_at(latency, "bounds_seconds");
	double all = 0, seen = 0;
	const json_t *count;
	size_t i;

	json_array_foreach (counts, i, count)
		all += json_number_value(count);
	json_array_foreach (counts, i, count) {
		seen += json_number_value(count);
		if (all > 0 && seen >= quantile * all)
			return json_number_value(
				json_array_get(bounds, i)); /* 0: above all bounds */
	}
	return -1;
}

static void add_latency(const json_t *service, int width, struct sg_lines *lines)
{
	const json_t *latency = sg_doc_at(service, "latency");
	const double half = bound_of_quantile(latency, 0.5),
		     most = bound_of_quantile(latency, 0.95);
	char a[SG_HUMAN_TEXT], b[SG_HUMAN_TEXT];

	if (half < 0)
		return;
	if (half > 0 && most > 0)
		sg_lines_wrap(lines, width, "    ",
			      "Half of the answers began within %s, 95%% within %s.",
			      sg_human_seconds(half, a), sg_human_seconds(most, b));
	else
		sg_lines_wrap(lines, width, "    ", "More than 5%% of the answers took over 10s.");
}

void sg_status_requests(const struct sg_status *st, const json_t *service, int width,
			struct sg_lines *lines)
{
	const unsigned long long a_minute = sg_doc_sum(sg_doc_at(service, "requests_per_minute"));
	struct sg_table table = {.align = "lrrrl"};
	struct asked asked[CLASSES_MAX];
	const size_t n = collect(service, asked);
	char count[SG_HUMAN_TEXT];

	if (!n) {
		sg_lines_wrap(lines, width, "  ", "%sIt has not been asked anything yet.%s",
			      sg_paint(&st->style, SG_PAINT_STRONG),
			      sg_paint(&st->style, SG_PAINT_OFF));
		return;
	}
	sg_lines_wrap(lines, width, "  ", "%sAsked %s time%s in the last minute.%s",
		      sg_paint(&st->style, SG_PAINT_STRONG), sg_human_count(a_minute, count),
		      a_minute == 1 ? "" : "s", sg_paint(&st->style, SG_PAINT_OFF));
	sg_table_row(&table, "", "a minute", "share", "total", "answered");
	for (size_t i = 0; i < n; i++)
		add_row(service, &asked[i], a_minute, &table);
	sg_table_finish(&table, lines, "    ");
	add_latency(service, width, lines);
}
