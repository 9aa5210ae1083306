// SPDX-License-Identifier: GPL-2.0-only
/* Section 3: what does the guard do about it? In observe: what police would have done. */
#include <string.h>

#include "doc.h"
#include "human.h"
#include "status.h"
#include "../../bpf/abi/reasons.h"

static const char *const priorities[] = {
#define X(id, label) label,
	SG_PRIORITY_LIST(X)
#undef X
};

static const struct {
	const char *label, *sentence;
} reasons[] = {
#define X(id, verdict, label, sentence) {label, sentence},
	SG_REASON_LIST(X)
#undef X
};

static void add_headline(const struct sg_status *st, struct sg_tally minute, int width,
			 struct sg_lines *lines)
{
	const char *strong = sg_paint(&st->style, SG_PAINT_STRONG);
	const char *off = sg_paint(&st->style, SG_PAINT_OFF);
	const unsigned long long asked = minute.admitted + minute.refused;
	char all[SG_HUMAN_TEXT], refused[SG_HUMAN_TEXT];

	sg_human_count(asked, all);
	sg_human_count(minute.refused, refused);
	if (sg_status_observes(st) && asked)
		sg_lines_wrap(
			lines, width, "  ",
			"%sThe guard observes and refuses nothing.%s Police would have refused %s of "
			"%s attempts in the last minute (an estimate: who is refused comes back).",
			strong, off, refused, all);
	else if (sg_status_observes(st))
		sg_lines_wrap(
			lines, width, "  ",
			"%sThe guard observes and refuses nothing.%s Nobody tried to connect in "
			"the last minute.",
			strong, off);
	else if (asked)
		sg_lines_wrap(lines, width, "  ",
			      "%sThe guard refused %s of %s attempts in the last minute.%s", strong,
			      refused, all, off);
	else
		sg_lines_wrap(lines, width, "  ",
			      "%sThe guard polices.%s Nobody tried to connect in the last minute.",
			      strong, off);
}

/* The label of the refusal that came most often, or "". */
static const char *main_reason(const json_t *of_priority)
{
	unsigned long long most = 0;
	const char *label = "", *reason;
	json_t *count;

	json_object_foreach ((json_t *)(uintptr_t)of_priority, reason, count) {
		const unsigned long long n = sg_doc_count(of_priority, reason);

		if (n > most && !sg_status_is_admission(reason)) {
			most = n;
			label = reason;
		}
	}
	return label;
}

/* Explains each label that stands in the table, once. */
static void add_legend(const bool *shown, int width, struct sg_lines *lines)
{
	for (size_t i = 0; i < SG_REASON_MAX_; i++)
		if (shown[i])
			sg_lines_wrap(lines, width, "    ", "%s: %s.", reasons[i].label,
				      reasons[i].sentence);
}

static void note_label(const char *label, bool *shown)
{
	for (size_t i = 0; i < SG_REASON_MAX_; i++)
		if (!strcmp(reasons[i].label, label))
			shown[i] = true;
}

/* Whom intercept does not let through at once waits, and is asked about again. */
static const char *name_refusals(const struct sg_status *st)
{
	if (sg_status_intercepts(st))
		return "not at once";
	return sg_status_observes(st) ? "would not" : "refused";
}

static void add_table(const struct sg_status *st, const json_t *book, int width,
		      struct sg_lines *lines)
{
	struct sg_table table = {.align = "lrrl"};
	bool shown[SG_REASON_MAX_] = {false};

	sg_table_row(&table, "competing as", sg_status_observes(st) ? "would pass" : "let through",
		     name_refusals(st), "mostly because");
	for (size_t p = 0; p < SG_PRIORITY_MAX_; p++) {
		const json_t *of_priority = json_object_get(book, priorities[p]);
		const struct sg_tally tally = sg_status_tally(of_priority);
		char admitted[SG_HUMAN_TEXT], refused[SG_HUMAN_TEXT];
		const char *why = main_reason(of_priority);

		if (!tally.admitted && !tally.refused)
			continue;
		note_label(why, shown);
		sg_table_row(&table, priorities[p], sg_human_count(tally.admitted, admitted),
			     sg_human_count(tally.refused, refused), why);
	}
	sg_table_finish(&table, lines, "    ");
	add_legend(shown, width, lines);
}

void sg_status_verdicts(const struct sg_status *st, const json_t *service, int width,
			struct sg_lines *lines)
{
	const bool observes = sg_status_observes(st);
	const json_t *minute = sg_doc_at(service, "verdicts_per_minute");
	const struct sg_tally now = sg_status_tally_book(minute);
	const struct sg_tally total =
		sg_status_tally_book(sg_doc_at(service, observes ? "would" : "verdicts"));
	char admitted[SG_HUMAN_TEXT], refused[SG_HUMAN_TEXT], ago[SG_HUMAN_TEXT];

	if (sg_status_intercepts(st)) {
		sg_status_intercept(st, service, width, lines);
	} else {
		sg_status_leaving(st, service, width, lines);
		add_headline(st, now, width, lines);
	}
	if (now.admitted + now.refused)
		add_table(st, minute, width, lines);
	if (total.admitted + total.refused)
		sg_lines_wrap(lines, width, "    ", "Since it was loaded, %s: %s %s, %s %s.",
			      sg_human_ago(st->now, sg_doc_real(st->doc, "loaded_time"), ago),
			      sg_human_count(total.admitted, admitted),
			      observes ? "would have passed" : "let through",
			      sg_human_count(total.refused, refused), name_refusals(st));
}
