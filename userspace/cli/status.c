// SPDX-License-Identifier: GPL-2.0-only
/* The page: head line, a block for each service, what to do. */
#include <string.h>

#include "doc.h"
#include "human.h"
#include "status.h"
#include "../../bpf/abi/reasons.h"

#define PROSE_MAX   100 /* wider lines are hard to read */
#define GUTTER      4
#define STORM_MIN   10 /* a minute: below it nobody suffers */
#define STORM_SHARE 0.5

const char *sg_status_mode(const struct sg_status *st)
{
	return sg_doc_text(st->doc, "mode");
}

bool sg_status_observes(const struct sg_status *st)
{
	return !strcmp(sg_status_mode(st), "observe");
}

bool sg_status_intercepts(const struct sg_status *st)
{
	return !strcmp(sg_status_mode(st), "intercept");
}

bool sg_status_is_admission(const char *reason)
{
	static const char *const admissions[] = {
#define X(id, verdict, label, sentence) SG_VERDICT_##verdict == SG_VERDICT_ADMIT ? label : "",
		SG_REASON_LIST(X)
#undef X
	};

	for (size_t i = 0; i < SG_REASON_MAX_; i++)
		if (*admissions[i] && !strcmp(admissions[i], reason))
			return true;
	return false;
}

struct sg_tally sg_status_tally(const json_t *reasons)
{
	struct sg_tally tally = {0};
	const char *reason;
	json_t *count;

	json_object_foreach ((json_t *)(uintptr_t)reasons, reason, count) {
		json_int_t n = json_integer_value(count);

		if (n <= 0)
			continue;
		*(sg_status_is_admission(reason) ? &tally.admitted : &tally.refused) +=
			(unsigned long long)n;
	}
	return tally;
}

struct sg_tally sg_status_tally_book(const json_t *book)
{
	struct sg_tally sum = {0};
	const char *priority;
	json_t *reasons;

	json_object_foreach ((json_t *)(uintptr_t)book, priority, reasons) {
		struct sg_tally one = sg_status_tally(reasons);

		sum.admitted += one.admitted;
		sum.refused += one.refused;
	}
	return sum;
}

/* What the guard answered itself was asked, too. Told to come back is also who waited in vain. */
static unsigned long long repeated(const json_t *service)
{
	const json_t *minute = sg_doc_at(service, "counters_per_minute");
	const unsigned long long busy = sg_doc_count(minute, "edge_busy");
	const unsigned long long expired = sg_doc_count(minute, "held_expired");

	return sg_doc_count(minute, "edge_as_ca") + sg_doc_count(minute, "edge_status") +
	       (busy > expired ? busy - expired : 0);
}

unsigned long long sg_status_next_asked(const json_t *service)
{
	return sg_doc_count(service, "requests_per_minute.GetNextCACert") + repeated(service);
}

bool sg_status_is_storm(const json_t *service)
{
	const unsigned long long next = sg_status_next_asked(service);
	const unsigned long long all =
		sg_doc_sum(sg_doc_at(service, "requests_per_minute")) + repeated(service);
	const char *state = sg_doc_text(service, "shadow.state");

	return next >= STORM_MIN && (double)next >= STORM_SHARE * (double)all &&
	       strcmp(state, "ready") != 0 && strcmp(state, "ready_unverified") != 0;
}

static void add_head(const struct sg_status *st, struct sg_lines *lines)
{
	const char *strong = sg_paint(&st->style, SG_PAINT_STRONG);
	const char *off = sg_paint(&st->style, SG_PAINT_OFF);
	const double until = sg_doc_real(st->doc, "mode_until_time");
	const double up_s = st->now - sg_doc_real(st->doc, "started_time");
	char up[SG_HUMAN_TEXT], clock[SG_HUMAN_TEXT], trial[128] = "", where[256] = "";
	const json_t *attachment;
	size_t i;

	if (until > 0)
		snprintf(trial, sizeof(trial), " until %s, then %.20s",
			 sg_human_clock(st->now, until, clock), sg_doc_text(st->doc, "mode_then"));
	json_array_foreach (sg_doc_at(st->doc, "attachments"), i, attachment) {
		size_t used = strlen(where);

		snprintf(where + used, sizeof(where) - used, "%s%s (%s)", i ? ", " : " on ",
			 sg_doc_text(attachment, "interface"),
			 sg_doc_true(attachment, "present") ? sg_doc_text(attachment, "xdp")
							    : "missing");
	}
	sg_lines_wrap(lines, st->style.width, "", "%sscepguard %s, %s%s%s%s, daemon up %s%s",
		      strong, sg_doc_text(st->doc, "version"), sg_status_mode(st), trial, off,
		      where, sg_human_seconds(up_s, up),
		      up_s < 60 ? " (so figures of the last minute are not whole yet)" : "");
}

static void add_service_name(const struct sg_status *st, const json_t *service,
			     struct sg_lines *lines)
{
	const json_t *addresses = sg_doc_at(service, "addresses"),
		     *ports = sg_doc_at(service, "ports");
	char where[128] = "";
	const json_t *item;
	size_t i;

	json_array_foreach (addresses, i, item)
		snprintf(where + strlen(where), sizeof(where) - strlen(where), "%s%s",
			 i ? ", " : "", json_string_value(item) ? json_string_value(item) : "?");
	json_array_foreach (ports, i, item)
		snprintf(where + strlen(where), sizeof(where) - strlen(where), "%s%lld",
			 i ? "," : " port ", (long long)json_integer_value(item));
	sg_lines_add(lines, "%s%s%s  %s", sg_paint(&st->style, SG_PAINT_STRONG),
		     sg_doc_text(service, "name"), sg_paint(&st->style, SG_PAINT_OFF), where);
}

typedef void (*section)(const struct sg_status *, const json_t *, int, struct sg_lines *);

/* Side by side they are still read in their order: left, right, next row. */
static void add_pair(const struct sg_status *st, const json_t *service, section first,
		     section second, struct sg_lines *lines)
{
	struct sg_lines left = {0}, right = {0};
	const int half = (st->style.width - GUTTER) / 2;
	const int width = half < PROSE_MAX ? half : PROSE_MAX;

	first(st, service, width, &left);
	second(st, service, width, &right);
	sg_lines_beside(lines, &left, &right, width + GUTTER);
}

static void add_service(const struct sg_status *st, const json_t *service, struct sg_lines *lines)
{
	static const section sections[] = {sg_status_serving, sg_status_requests,
					   sg_status_verdicts, sg_status_shadow};
	const int width = st->style.width < PROSE_MAX ? st->style.width : PROSE_MAX;
	const bool wide = st->style.width >= SG_STATUS_WIDE;

	sg_lines_add(lines, "%s", "");
	add_service_name(st, service, lines);
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i += wide ? 2 : 1) {
		if (i)
			sg_lines_add(lines, "%s", "");
		if (wide)
			add_pair(st, service, sections[i], sections[i + 1], lines);
		else
			sections[i](st, service, width, lines);
	}
}

void sg_status_render(const struct sg_status *st, struct sg_lines *lines)
{
	const int width = st->style.width < PROSE_MAX ? st->style.width : PROSE_MAX;
	const json_t *service;
	size_t i;

	add_head(st, lines);
	json_array_foreach (sg_doc_at(st->doc, "services"), i, service)
		add_service(st, service, lines);
	sg_lines_add(lines, "%s", "");
	sg_status_advice(st, width, lines);
}

bool sg_status_in_trouble(const json_t *doc)
{
	const json_t *service;
	size_t i;

	json_array_foreach (sg_doc_at(doc, "services"), i, service) {
		enum sg_serving serving = sg_status_serving_of(service);

		if (serving == SG_SERVING_DEAF || serving == SG_SERVING_SILENT)
			return true;
	}
	return false;
}
