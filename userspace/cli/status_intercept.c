// SPDX-License-Identifier: GPL-2.0-only
/* Section 3 in intercept: what does the guard answer itself, who waits, what is spliced? And what is left
 * of it when intercept was left.
 */
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

/* A counter's growth in the trailing minute. */
static unsigned long long minute(const json_t *service, const char *counter)
{
	return sg_doc_count(sg_doc_at(service, "counters_per_minute"), counter);
}

static unsigned long long edge_answers(const json_t *service)
{
	return minute(service, "edge_as_ca") + minute(service, "edge_status") +
	       minute(service, "edge_busy");
}

static unsigned long long waiting(const json_t *service)
{
	const json_t *all = sg_doc_at(service, "intercept.waiting");
	unsigned long long sum = 0;

	for (size_t p = 0; p < SG_PRIORITY_MAX_; p++)
		sum += sg_doc_count(json_object_get(all, priorities[p]), "requests");
	return sum;
}

static void add_headline(const struct sg_status *st, const json_t *service, int width,
			 struct sg_lines *lines)
{
	const char *strong = sg_paint(&st->style, SG_PAINT_STRONG);
	const char *off = sg_paint(&st->style, SG_PAINT_OFF);
	const unsigned long long begun = minute(service, "cookies_sent");
	char n[3][SG_HUMAN_TEXT];

	if (begun || edge_answers(service) || minute(service, "spliced"))
		sg_lines_wrap(
			lines, width, "  ",
			"%sIn the last minute the guard answered %s SYNs itself, passed %s requests on to "
			"the CA, and answered %s in its place.%s",
			strong, sg_human_count(begun, n[0]),
			sg_human_count(minute(service, "spliced"), n[1]),
			sg_human_count(edge_answers(service), n[2]), off);
	else
		sg_lines_wrap(
			lines, width, "  ",
			"%sThe guard intercepts.%s Nobody tried to connect in the last minute.",
			strong, off);
}

static void add_answers(const json_t *service, int width, struct sg_lines *lines)
{
	char n[3][SG_HUMAN_TEXT];

	if (!edge_answers(service))
		return;
	sg_lines_wrap(
		lines, width, "    ",
		"In its place: %s refusals in the CA's own words, %s by their status alone; %s "
		"told to come back later.",
		sg_human_count(minute(service, "edge_as_ca"), n[0]),
		sg_human_count(minute(service, "edge_status"), n[1]),
		sg_human_count(minute(service, "edge_busy"), n[2]));
}

static void add_queue(const json_t *service, struct sg_lines *lines)
{
	const json_t *all = sg_doc_at(service, "intercept.waiting");
	struct sg_table table = {.align = "lrr"};

	sg_table_row(&table, "waiting as", "requests", "longest");
	for (size_t p = 0; p < SG_PRIORITY_MAX_; p++) {
		const json_t *one = json_object_get(all, priorities[p]);
		const double longest = sg_doc_real(one, "longest_seconds");
		char n[SG_HUMAN_TEXT], wait[SG_HUMAN_TEXT];

		if (sg_doc_count(one, "requests"))
			sg_table_row(&table, priorities[p],
				     sg_human_count(sg_doc_count(one, "requests"), n),
				     longest > 0 ? sg_human_seconds(longest, wait) : "");
	}
	sg_table_finish(&table, lines, "    ");
}

static void add_waiting(const json_t *service, int width, struct sg_lines *lines)
{
	char n[3][SG_HUMAN_TEXT];

	if (waiting(service))
		add_queue(service, lines);
	else
		sg_lines_wrap(lines, width, "    ", "Nobody waits for a turn.");
	if (minute(service, "held") || minute(service, "turns") || minute(service, "held_expired"))
		sg_lines_wrap(
			lines, width, "    ",
			"In the last minute %s requests were held, %s had their turn, %s waited in vain.",
			sg_human_count(minute(service, "held"), n[0]),
			sg_human_count(minute(service, "turns"), n[1]),
			sg_human_count(minute(service, "held_expired"), n[2]));
}

static void add_questions(const json_t *service, int width, struct sg_lines *lines)
{
	const unsigned long long learned = sg_doc_count(service, "intercept.questions_learned");
	char n[SG_HUMAN_TEXT];

	if (learned)
		sg_lines_wrap(lines, width, "    ",
			      "%s question%s learned%s (scepguard questions).",
			      sg_human_count(learned, n), learned == 1 ? "" : "s",
			      sg_doc_true(service, "intercept.canary_in_flight")
				      ? ", one is being asked again"
				      : "");
}

/* What came without a right to: a flood, mostly. */
static void add_strangers(const json_t *service, int width, struct sg_lines *lines)
{
	const unsigned long long refused = minute(service, "cookies_refused"),
				 old = minute(service, "cookies_old");
	char n[2][SG_HUMAN_TEXT];

	if (refused + old)
		sg_lines_wrap(
			lines, width, "    ",
			"%s segments belonged to no connection, %s had a proof that was too old.",
			sg_human_count(refused, n[0]), sg_human_count(old, n[1]));
}

void sg_status_intercept(const struct sg_status *st, const json_t *service, int width,
			 struct sg_lines *lines)
{
	const unsigned long long splices = sg_doc_count(service, "intercept.splices");
	char n[SG_HUMAN_TEXT];

	add_headline(st, service, width, lines);
	add_answers(service, width, lines);
	add_waiting(service, width, lines);
	if (splices)
		sg_lines_wrap(lines, width, "    ", "%s connection%s spliced now.",
			      sg_human_count(splices, n), splices == 1 ? " is" : "s are");
	add_questions(service, width, lines);
	add_strangers(service, width, lines);
}

void sg_status_leaving(const struct sg_status *st, const json_t *service, int width,
		       struct sg_lines *lines)
{
	const unsigned long long splices = sg_doc_count(service, "intercept.splices");
	const unsigned long long held = waiting(service);
	const char *strong = sg_paint(&st->style, SG_PAINT_STRONG);
	const char *off = sg_paint(&st->style, SG_PAINT_OFF);
	char n[2][SG_HUMAN_TEXT];

	if (!sg_doc_true(st->doc, "draining"))
		return;
	if (splices + held)
		sg_lines_wrap(
			lines, width, "  ",
			"%sLeaving intercept:%s %s connection%s still spliced, %s request%s still "
			"waiting for a turn. They are finished first.",
			strong, off, sg_human_count(splices, n[0]), splices == 1 ? "" : "s",
			sg_human_count(held, n[1]), held == 1 ? "" : "s");
	else
		sg_lines_wrap(
			lines, width, "  ",
			"%sLeaving intercept:%s nothing is left of it but handshakes that may go on "
			"still.",
			strong, off);
}
