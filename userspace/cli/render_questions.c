// SPDX-License-Identifier: GPL-2.0-only
/* `questions`: what the CA refused to answer, and the guard answers in its place. */
#include <string.h>

#include "doc.h"
#include "human.h"
#include "render.h"

#define INDENT       "  "
#define OTHERS_WIDTH 45 /* columns that all but target and host take, as a rule */
#define TARGET_MIN   17 /* less of a target says nothing; a hash fits */
#define HOST_MAX     24 /* of the host's column */
#define HOST_WIDTH   100 /* narrower terminals have no room for it, unless it tells questions apart */

/* Columns left for the two texts of a row; host 0 = it is not shown. */
struct room {
	size_t target, host;
};

/* "now", "in 48s" */
static const char *describe_wait(double seconds, char buf[static SG_HUMAN_TEXT])
{
	char wait[SG_HUMAN_TEXT];

	if (seconds <= 0)
		return strcpy(buf, "now");
	snprintf(buf, SG_HUMAN_TEXT, "in %.30s",
		 sg_human_seconds((double)(long)(seconds + 0.999), wait));
	return buf;
}

/* The end of a text that is too long: there stands what tells targets apart. */
static const char *shorten(const char *text, size_t columns, char *buf, size_t size)
{
	const size_t len = strlen(text);

	if (len <= columns || columns < 4)
		snprintf(buf, size, "%s", text);
	else
		snprintf(buf, size, "...%s", text + len - (columns - 3));
	return buf;
}

static const char *target_of(const json_t *question, char *buf, size_t size)
{
	const char *target = sg_doc_text(question, "target");

	if (*target)
		snprintf(buf, size, "%s", target);
	else
		snprintf(buf, size, "#%s", sg_doc_text(question, "hash"));
	return buf;
}

static const char *host_of(const json_t *question)
{
	const char *host = sg_doc_text(question, "host");

	return *host ? host : "-";
}

static void add_row(const json_t *question, struct room room, struct sg_table *table)
{
	char answer[SG_HUMAN_TEXT], age[SG_HUMAN_TEXT], hits[SG_HUMAN_TEXT], next[SG_HUMAN_TEXT];
	char target[1024], shown[1024], host[1024];

	snprintf(answer, sizeof(answer), "%llu", sg_doc_count(question, "status"));
	sg_table_row(table, answer, sg_human_seconds(sg_doc_real(question, "age_seconds"), age),
		     sg_human_count(sg_doc_count(question, "hits"), hits),
		     sg_doc_text(question, "state"),
		     describe_wait(sg_doc_real(question, "next_canary_in_seconds"), next),
		     room.host ? shorten(host_of(question), room.host, host, sizeof(host)) : "",
		     shorten(target_of(question, target, sizeof(target)), room.target, shown,
			     sizeof(shown)));
}

static bool is_of(const json_t *question, const json_t *service)
{
	return !strcmp(sg_doc_text(question, "service"), sg_doc_text(service, "name"));
}

/* Longest host of a service's questions if they have several, or if there is room for them anyway. */
static size_t host_columns(const json_t *doc, const json_t *service, const struct sg_style *style)
{
	const char *first = NULL;
	const json_t *question;
	size_t i, longest = 0;
	bool several = false;

	json_array_foreach (sg_doc_at(doc, "questions"), i, question) {
		const char *host = host_of(question);

		if (!is_of(question, service))
			continue;
		several |= first && strcmp(first, host) != 0;
		first = host;
		if (strlen(host) > longest)
			longest = strlen(host);
	}
	if (!several && style->width < HOST_WIDTH)
		return 0;
	return longest < HOST_MAX ? longest : HOST_MAX;
}

static struct room make_room(const json_t *doc, const json_t *service, const struct sg_style *style)
{
	struct room room = {.host = host_columns(doc, service, style)};
	const int left = style->width - OTHERS_WIDTH - (room.host ? (int)room.host + 2 : 0);

	room.target = left > TARGET_MIN ? (size_t)left : TARGET_MIN;
	return room;
}

/* What of a table is not plain to see. */
struct remarks {
	bool stale, over, unknown;
};

static void note(const json_t *question, struct remarks *r)
{
	const char *state = sg_doc_text(question, "state");

	r->stale |= !strcmp(state, "stale");
	r->over |= !strcmp(state, "over");
	r->unknown |= !sg_doc_known(question, "target");
}

static void add_legend(const struct remarks *r, const struct sg_style *style,
		       struct sg_lines *lines)
{
	if (r->unknown)
		sg_lines_wrap(lines, style->width, INDENT,
			      "#: learned before this daemon started, so its target is not known.");
	if (r->stale)
		sg_lines_wrap(lines, style->width, INDENT,
			      "stale: repeated until one client has asked again.");
	if (r->over)
		sg_lines_wrap(lines, style->width, INDENT,
			      "over: too old to be repeated; it goes to the CA like any other.");
}

static size_t add_questions(const json_t *doc, const json_t *service, const struct sg_style *style,
			    struct sg_lines *lines)
{
	const struct room room = make_room(doc, service, style);
	struct sg_table table = {.align = "rrrllll"};
	struct remarks remarks = {0};
	const json_t *question;
	size_t i, count = 0;

	json_array_foreach (sg_doc_at(doc, "questions"), i, question) {
		if (!is_of(question, service))
			continue;
		if (!count++)
			sg_table_row(&table, "answer", "age", "hits", "state", "next ask",
				     room.host ? "host" : "", "target");
		add_row(question, room, &table);
		note(question, &remarks);
	}
	sg_table_finish(&table, lines, INDENT);
	add_legend(&remarks, style, lines);
	return count;
}

static void add_heading(const json_t *service, const struct sg_style *style, struct sg_lines *lines)
{
	char learned[SG_HUMAN_TEXT], capacity[SG_HUMAN_TEXT], ttl[SG_HUMAN_TEXT];

	sg_lines_wrap(lines, style->width, "",
		      "%s%s%s: %s of %s questions learned; a refusal is repeated for %s, then one "
		      "client may ask again.",
		      sg_paint(style, SG_PAINT_STRONG), sg_doc_text(service, "name"),
		      sg_paint(style, SG_PAINT_OFF),
		      sg_human_count(sg_doc_count(service, "learned"), learned),
		      sg_human_count(sg_doc_count(service, "capacity"), capacity),
		      sg_human_seconds(sg_doc_real(service, "answer_ttl_seconds"), ttl));
}

static void add_answer(const json_t *service, const struct sg_style *style, struct sg_lines *lines)
{
	const unsigned long long bytes = sg_doc_count(service, "as_ca_bytes");
	char n[SG_HUMAN_TEXT];

	if (!strcmp(sg_doc_text(service, "answer"), "unavailable"))
		sg_lines_wrap(lines, style->width, INDENT,
			      "Clients get 503 with Retry-After (intercept.answer).");
	else if (bytes)
		sg_lines_wrap(
			lines, style->width, INDENT,
			"Clients get the CA's own refusal (%s bytes), or its status alone where "
			"that does not fit.",
			sg_human_count(bytes, n));
	else
		sg_lines_wrap(
			lines, style->width, INDENT,
			"Clients get the CA's status alone: its own words were not seen whole "
			"yet.");
}

static void add_canaries(const json_t *service, const struct sg_style *style,
			 struct sg_lines *lines)
{
	const double next = sg_doc_real(service, "next_canary_in_seconds");
	char text[SG_HUMAN_TEXT];

	if (sg_doc_true(service, "canary_in_flight"))
		sg_lines_wrap(lines, style->width, INDENT, "One of them is being asked again now.");
	else if (next > 0)
		sg_lines_wrap(
			lines, style->width, INDENT,
			"Two were asked again within the window, the most there may be; the next "
			"%s.",
			describe_wait(next, text));
}

bool sg_render_questions(const json_t *doc, const char *only, const struct sg_style *style,
			 struct sg_lines *lines)
{
	const json_t *service;
	bool found = false;
	size_t i;

	json_array_foreach (sg_doc_at(doc, "services"), i, service) {
		if (only && strcmp(sg_doc_text(service, "name"), only) != 0)
			continue;
		if (found)
			sg_lines_add(lines, "%s", "");
		found = true;
		add_heading(service, style, lines);
		if (!add_questions(doc, service, style, lines))
			continue;
		add_answer(service, style, lines);
		add_canaries(service, style, lines);
	}
	return found;
}
