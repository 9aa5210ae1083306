// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "doc.h"
#include "human.h"
#include "render.h"

static void describe_edge(const json_t *event, const char *what, char *buf, size_t size)
{
	const unsigned long long status = sg_doc_count(event, "status");

	const char *class = sg_doc_text(event, "class");

	/* Of what was answered without an entry the program tells no more. */
	if (!status)
		snprintf(buf, size, "%s%sanswered in the CA's place", class, *class ? " " : "");
	else if (status == 503)
		snprintf(buf, size, "%s told to come back later (503)", what);
	else
		snprintf(buf, size, "%s answered here as the CA did before (%llu)", what, status);
}

static void describe_held(const json_t *event, const char *what, char *buf, size_t size)
{
	const char *priority = sg_doc_text(event, "priority");

	snprintf(buf, size, "%s waits for its turn%s%s", what, *priority ? " as " : "", priority);
}

static void describe_question(const json_t *event, char *buf, size_t size)
{
	const char *question = sg_doc_text(event, "question");

	snprintf(buf, size, "a GetNextCACert goes to the CA, to learn from its answer%s%s",
		 *question ? ": question " : "", question);
}

/* What the daemon tells of itself, by the new state. Returns false for other kinds. */
static bool describe_own(const json_t *event, const char *kind, char *buf, size_t size)
{
	static const struct {
		const char *kind, *state, *text;
	} texts[] = {
		{"mode", "observe", "the guard only observes now"},
		{"mode", "police", "the guard polices now"},
		{"mode", "intercept", "the guard intercepts now"},
		{"bypass", "tried",
		 "nothing of the CA comes: police is tried, to see whether its answers take another way"},
		{"bypass", "found",
		 "the CA's answers come past the guard: police, until one passes here"},
		{"bypass", "none",
		 "the CA's answers are not thought to come past the guard any more"},
		{"shadow", "not_ready", "the CA has no shadow certificate"},
		{"shadow", "ready", "the CA hands out its shadow certificate"},
		{"shadow", "ready_unverified",
		 "the CA hands out its shadow certificate (not verified)"},
		{"shadow", "wrong_path", "404 to everything: wrong path or CA name"},
		{"shadow", "expired", "what is known of the shadow certificate is too old"},
		{"shadow", "unknown",
		 "an answer leaves open whether there is a shadow certificate"},
		{"unlearned", "",
		 "the CA answers otherwise now: its refusal is not repeated any more"},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (strcmp(kind, texts[i].kind) != 0 ||
		    strcmp(sg_doc_text(event, "state"), texts[i].state) != 0)
			continue;
		snprintf(buf, size, "%s", texts[i].text);
		return true;
	}
	return false;
}

static void describe_intercept(const json_t *event, const char *kind, char *buf, size_t size)
{
	const char *class = sg_doc_text(event, "class"), *what = *class ? class : "its request";

	if (!strcmp(kind, "held"))
		describe_held(event, what, buf, size);
	else if (!strcmp(kind, "replay"))
		snprintf(buf, size,
			 "%s is too long to go with the end of the handshake: it is sent after it",
			 what);
	else if (!strcmp(kind, "question"))
		describe_question(event, buf, size);
	else if (!strcmp(kind, "edge"))
		describe_edge(event, what, buf, size);
	else if (!strcmp(kind, "mismatch"))
		snprintf(buf, size, "ended: %s came again with other bytes", what);
}

/* Its time is counted in ticks of the kernel: 0 is less than one. */
static void describe_answer(const json_t *event, char *buf, size_t size)
{
	const double took = sg_doc_real(event, "latency_seconds");
	char text[SG_HUMAN_TEXT];

	snprintf(buf, size, "%s answered %llu %s%s", sg_doc_text(event, "class"),
		 sg_doc_count(event, "status"), took > 0 ? "after " : "at once",
		 took > 0 ? sg_human_seconds(took, text) : "");
}

/* What is told beside time, kind, service and client. */
static void describe(const json_t *event, char *buf, size_t size)
{
	const char *kind = sg_doc_text(event, "event");

	buf[0] = '\0';
	if (!strcmp(kind, "refused"))
		snprintf(buf, size, "%s, as %s", sg_doc_text(event, "reason"),
			 sg_doc_text(event, "priority"));
	else if (!strcmp(kind, "request"))
		snprintf(buf, size, "%s%s", sg_doc_text(event, "class"),
			 sg_doc_count(event, "request") > 1 ? " (not its connection's first)" : "");
	else if (!strcmp(kind, "answer"))
		describe_answer(event, buf, size);
	else if (!strcmp(kind, "deaf"))
		snprintf(buf, size, "the CA leaves SYNs unanswered");
	else if (!strcmp(kind, "listening"))
		snprintf(buf, size, "the CA answers again");
	else if (!strcmp(kind, "forged"))
		snprintf(buf, size, "claimed to be the CA from where the CA is not");
	else if (!strcmp(kind, "reclaimed"))
		snprintf(buf, size, "its slot had expired and was freed");
	else if (!strcmp(kind, "table_full"))
		snprintf(buf, size, "a table is full, see status");
	else if (!describe_own(event, kind, buf, size))
		describe_intercept(event, kind, buf, size);
}

static enum sg_paint paint_of(const char *kind, const char *state)
{
	if (!strcmp(state, "found") || !strcmp(kind, "deaf") || !strcmp(kind, "table_full") ||
	    !strcmp(kind, "mismatch"))
		return SG_PAINT_BAD;
	if (!strcmp(kind, "refused") || !strcmp(kind, "forged") || !strcmp(state, "tried"))
		return SG_PAINT_WARN;
	return !strcmp(kind, "listening") || !strncmp(state, "ready", strlen("ready"))
		       ? SG_PAINT_GOOD
		       : SG_PAINT_OFF;
}

void sg_render_event(const json_t *event, const struct sg_style *style, double now,
		     struct sg_lines *lines)
{
	const char *kind = sg_doc_text(event, "event"), *client = sg_doc_text(event, "client");
	const char *service = sg_doc_text(event, "service");
	const enum sg_paint paint = paint_of(kind, sg_doc_text(event, "state"));
	char clock[SG_HUMAN_TEXT], text[256], who[80] = "", times[SG_HUMAN_TEXT] = "";
	const unsigned long long sampled = sg_doc_count(event, "sampled");
	const char *shown = kind;
	char n[SG_HUMAN_TEXT];

	describe(event, text, sizeof(text));
	if (sg_doc_true(event, "would") && !strcmp(kind, "refused"))
		shown = "would refuse"; /* observe: nothing was done */
	if (*client && strcmp(kind, "deaf") != 0 && strcmp(kind, "listening") != 0)
		snprintf(who, sizeof(who), "%s%s%s:%llu  ", strchr(client, ':') ? "[" : "", client,
			 strchr(client, ':') ? "]" : "", sg_doc_count(event, "port"));
	if (sampled > 1)
		snprintf(times, sizeof(times), "  (x%.20s)", sg_human_count(sampled, n));
	sg_lines_add(lines, "%s  %s%-12s%s  %s%s%s%s%s",
		     sg_human_clock(now, sg_doc_real(event, "time"), clock),
		     paint ? sg_paint(style, paint) : "", shown,
		     paint ? sg_paint(style, SG_PAINT_OFF) : "", service, *service ? "  " : "", who,
		     text, times);
}

void sg_render_mode(const json_t *doc, const struct sg_style *style, const char *instance,
		    double now, struct sg_lines *lines)
{
	const double until = sg_doc_real(doc, "mode_until_time");
	const char *mode = sg_doc_text(doc, "mode");
	char clock[SG_HUMAN_TEXT], left[SG_HUMAN_TEXT];

	if (until <= 0) {
		sg_lines_add(lines, "%s%s%s", sg_paint(style, SG_PAINT_STRONG), mode,
			     sg_paint(style, SG_PAINT_OFF));
		return;
	}
	sg_lines_wrap(lines, style->width, "",
		      "%s%s%s until %s (%s), then %s. If all is well, keep it:",
		      sg_paint(style, SG_PAINT_STRONG), mode, sg_paint(style, SG_PAINT_OFF),
		      sg_human_clock(now, until, clock), sg_human_seconds(until - now, left),
		      sg_doc_text(doc, "mode_then"));
	sg_lines_add(lines, "  scepguard mode --confirm%s", instance);
}
