// SPDX-License-Identifier: GPL-2.0-only
/* Section 1: is the CA serving, and how near is it to its limits? */
#include "doc.h"
#include "human.h"
#include "status.h"
#include "../util/units.h"

#define BAR_CELLS 10
/* So many unanswered SYNs in a row are no accident. */
#define SILENT_MIN 3

enum sg_serving sg_status_serving_of(const json_t *service)
{
	if (sg_doc_true(service, "one_sided"))
		return SG_SERVING_UNKNOWN;
	if (sg_doc_true(service, "mirror.deaf.now"))
		return SG_SERVING_DEAF;
	if (sg_doc_true(service, "mirror.answering"))
		return SG_SERVING_YES;
	if (sg_doc_count(service, "mirror.deaf.unanswered") >= SILENT_MIN)
		return SG_SERVING_SILENT;
	return sg_doc_known(service, "mirror.last_answer_time") ? SG_SERVING_QUIET
								: SG_SERVING_NEVER;
}

static void say(const struct sg_status *st, int width, struct sg_lines *lines, enum sg_paint paint,
		const char *verdict, const char *detail)
{
	sg_lines_wrap(lines, width, "  ", "%s%s%s %s", sg_paint(&st->style, paint), verdict,
		      sg_paint(&st->style, SG_PAINT_OFF), detail);
}

static void say_deaf(const struct sg_status *st, const json_t *service, int width,
		     struct sg_lines *lines)
{
	const double since = sg_doc_real(service, "mirror.deaf.since_time");
	const double next = sg_doc_real(service, "mirror.deaf.next_feeler_in_seconds");
	char text[256], lasting[SG_HUMAN_TEXT], wait[SG_HUMAN_TEXT], what[128];

	if (sg_status_observes(st))
		snprintf(what, sizeof(what), "The guard only observes, so clients go on trying.");
	else
		snprintf(what, sizeof(what),
			 "The guard sends nothing into it; it tries again in %s.",
			 sg_human_seconds(next, wait));
	snprintf(text, sizeof(text), "It has left SYNs unanswered for %s. %s",
		 sg_human_seconds(st->now - since, lasting), what);
	say(st, width, lines, SG_PAINT_BAD, "The CA is deaf.", text);
}

static void say_serving(const struct sg_status *st, const json_t *service, int width,
			struct sg_lines *lines)
{
	const double last = sg_doc_real(service, "mirror.last_answer_time");
	char text[256], ago[SG_HUMAN_TEXT], count[SG_HUMAN_TEXT];

	sg_human_ago(st->now, last, ago);
	switch (sg_status_serving_of(service)) {
	case SG_SERVING_YES:
		snprintf(text, sizeof(text), "Last connection answered: %s.", ago);
		say(st, width, lines, SG_PAINT_GOOD, "The CA is serving.", text);
		break;
	case SG_SERVING_QUIET:
		snprintf(text, sizeof(text), "It answered when last asked, %s.", ago);
		say(st, width, lines, SG_PAINT_GOOD, "Nobody asks the CA now.", text);
		break;
	case SG_SERVING_NEVER:
		say(st, width, lines, SG_PAINT_WARN, "No data yet.",
		    "Nobody has connected to the CA since the guard was loaded.");
		break;
	case SG_SERVING_UNKNOWN:
		say(st, width, lines, SG_PAINT_WARN, "Unknown.",
		    "The CA's packets do not pass where the guard can see them, so nothing is known of "
		    "its answers, nor which connections have ended.");
		break;
	case SG_SERVING_DEAF:
		say_deaf(st, service, width, lines);
		break;
	case SG_SERVING_SILENT:
		snprintf(text, sizeof(text), "%s SYNs in a row without an answer; last answer: %s.",
			 sg_human_count(sg_doc_count(service, "mirror.deaf.unanswered"), count),
			 ago);
		say(st, width, lines, SG_PAINT_BAD, "The CA does not answer.", text);
		break;
	}
}

/* One limit: what is used of it, what the guard lets through, the most there ever was. */
static void add_gauge(const struct sg_status *st, const json_t *limit, const char *name,
		      const char *most, struct sg_table *table)
{
	const unsigned long long used = sg_doc_count(limit, "used"),
				 max = sg_doc_count(limit, "limit");
	const unsigned long long cap = sg_doc_count(limit, "cap"), peak = sg_doc_count(limit, most);
	const enum sg_paint paint = max && peak >= max ? SG_PAINT_BAD : SG_PAINT_OFF;
	char bar[SG_BAR_TEXT], of[64] = "no limit", own[64] = "", worst[64];
	char n[4][SG_HUMAN_TEXT];

	if (max)
		snprintf(of, sizeof(of), "of %s", sg_human_count(max, n[0]));
	if (cap)
		snprintf(own, sizeof(own), "guard's cap %s", sg_human_count(cap, n[1]));
	snprintf(worst, sizeof(worst), "%s%s %s%s", paint ? sg_paint(&st->style, paint) : "", most,
		 sg_human_count(peak, n[2]), paint ? sg_paint(&st->style, SG_PAINT_OFF) : "");
	sg_table_row(table, name, sg_bar(&st->style, (double)used, (double)max, BAR_CELLS, bar),
		     sg_human_count(used, n[3]), of, own, worst);
}

static void add_gauges(const struct sg_status *st, const json_t *service, struct sg_lines *lines)
{
	struct sg_table with_bars = {.align = "llrlll"};
	const double window_s = sg_doc_real(service, "mirror.window.seconds");
	char name[64], window[SG_DURATION_TEXT];

	if (window_s > 0 && window_s < 1e9)
		snprintf(name, sizeof(name), "new in %s",
			 sg_duration_format_exact((__u64)(window_s * 1e9), window));
	else
		snprintf(name, sizeof(name), "new");
	add_gauge(st, sg_doc_at(service, "mirror.window"), name, "worst", &with_bars);
	add_gauge(st, sg_doc_at(service, "mirror.slots"), "open now", "peak", &with_bars);
	sg_table_finish(&with_bars, lines, "    ");
}

static void add_history(const struct sg_status *st, const json_t *service, int width,
			struct sg_lines *lines)
{
	const unsigned long long episodes = sg_doc_count(service, "mirror.deaf.episodes");
	char count[SG_HUMAN_TEXT], total[SG_HUMAN_TEXT], left[SG_HUMAN_TEXT];

	if (sg_doc_true(service, "mirror.predicted_block.now"))
		sg_lines_wrap(
			lines, width, "    ",
			"%sBy the count the CA reached its limit: it should not listen for another "
			"%s.%s",
			sg_paint(&st->style, SG_PAINT_WARN),
			sg_human_seconds(
				sg_doc_real(service, "mirror.predicted_block.remaining_seconds"),
				left),
			sg_paint(&st->style, SG_PAINT_OFF));
	if (episodes)
		sg_lines_wrap(
			lines, width, "    ", "It went deaf %s time%s, for %s in all.",
			sg_human_count(episodes, count), episodes == 1 ? "" : "s",
			sg_human_seconds(sg_doc_real(service, "mirror.deaf.total_seconds"), total));
}

void sg_status_serving(const struct sg_status *st, const json_t *service, int width,
		       struct sg_lines *lines)
{
	say_serving(st, service, width, lines);
	if (sg_status_serving_of(service) == SG_SERVING_UNKNOWN)
		return;
	add_gauges(st, service, lines);
	add_history(st, service, width, lines);
}
