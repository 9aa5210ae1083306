// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "doc.h"
#include "human.h"
#include "render.h"

#define PRIORITY_WIDTH 100 /* narrower terminals have no room for that column */

static bool several_services(const json_t *sources)
{
	const char *first = sg_doc_text(json_array_get(sources, 0), "service");
	const json_t *source;
	size_t i;

	json_array_foreach (sources, i, source)
		if (strcmp(sg_doc_text(source, "service"), first) != 0)
			return true;
	return false;
}

/* "GetNextCACert 404" */
static const char *describe_last(const json_t *source, char *buf, size_t size)
{
	const char *class = sg_doc_text(source, "last_class");

	if (!strcmp(class, "none"))
		return "nothing yet";
	if (sg_doc_count(source, "last_status"))
		snprintf(buf, size, "%s %llu", class, sg_doc_count(source, "last_status"));
	else
		snprintf(buf, size, "%s", class);
	return buf;
}

static void add_row(const json_t *source, bool services, bool priority, double now,
		    struct sg_table *table)
{
	char seen[SG_HUMAN_TEXT], open[SG_HUMAN_TEXT], admitted[SG_HUMAN_TEXT];
	char requests[SG_HUMAN_TEXT], last[80];

	sg_table_row(table, sg_doc_text(source, "address"),
		     services ? sg_doc_text(source, "service") : "",
		     sg_human_ago(now, sg_doc_real(source, "last_seen_time"), seen),
		     sg_human_count(sg_doc_count(source, "connections"), open),
		     sg_human_count(sg_doc_count(source, "admitted"), admitted),
		     sg_human_count(sg_doc_sum(sg_doc_at(source, "requests")), requests),
		     describe_last(source, last, sizeof(last)),
		     priority ? sg_doc_text(source, "priority") : "");
}

void sg_render_sources(const json_t *doc, const struct sg_style *style, double now,
		       struct sg_lines *lines)
{
	const json_t *sources = sg_doc_at(doc, "sources"), *source;
	const bool services = several_services(sources), priority = style->width >= PRIORITY_WIDTH;
	struct sg_table table = {.align = "llrrrrll"};
	char total[SG_HUMAN_TEXT], shown[SG_HUMAN_TEXT];
	size_t i;

	if (!json_array_size(sources)) {
		sg_lines_wrap(
			lines, style->width, "",
			"No source is known yet: one is remembered when its first connection is let "
			"through.");
		return;
	}
	/* A column without a text takes no room. */
	sg_table_row(&table, "source", services ? "service" : "", "seen", "open", "let in", "asked",
		     "last asked", priority ? "competes as" : "");
	json_array_foreach (sources, i, source)
		add_row(source, services, priority, now, &table);
	sg_table_finish(&table, lines, "");
	sg_lines_add(lines, "%s of %s known sources",
		     sg_human_count(json_array_size(sources), shown),
		     sg_human_count(sg_doc_count(doc, "total"), total));
}
