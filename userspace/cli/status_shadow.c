// SPDX-License-Identifier: GPL-2.0-only
/* Section 4: is the shadow certificate (the CA's next one) ready? */
#include <string.h>

#include "doc.h"
#include "human.h"
#include "status.h"

/* X(state, paint, what it means) */
static const struct {
	const char *state;
	enum sg_paint paint;
	const char *headline, *meaning;
} states[] = {
	{"unknown", SG_PAINT_WARN, "Shadow certificate: unknown.",
	 "No answer to GetNextCACert has told yet whether the CA has its next certificate."},
	{"not_ready", SG_PAINT_WARN, "Shadow certificate: not ready.",
	 "The CA refuses GetNextCACert: every router that asks now asks in vain, and comes back."},
	{"ready", SG_PAINT_GOOD, "Shadow certificate: ready.",
	 "The CA hands out its next certificate, and its signature is right."},
	{"ready_unverified", SG_PAINT_GOOD, "Shadow certificate: ready, as far as can be seen.",
	 "The CA answers GetNextCACert with a certificate; its signature was not checked."},
	{"expired", SG_PAINT_WARN, "Shadow certificate: unknown by now.",
	 "What is known is too old to be trusted."},
	{"wrong_path", SG_PAINT_BAD, "Shadow certificate: wrong path or CA name.",
	 "The CA answers 404 to GetNextCACert and to GetCACert alike."},
};

static void add_evidence(const struct sg_status *st, const json_t *shadow, int width,
			 struct sg_lines *lines)
{
	const double since = sg_doc_real(shadow, "since_time");
	const char *type = sg_doc_text(shadow, "content_type");
	char ago[SG_HUMAN_TEXT], begun[SG_HUMAN_TEXT], change[80] = "";

	if (!sg_doc_known(shadow, "evidence_time"))
		return;
	if (since > 0)
		snprintf(change, sizeof(change), "; so since %s",
			 sg_human_clock(st->now, since, begun));
	sg_lines_wrap(lines, width, "    ", "Last answer to GetNextCACert: %llu%s%s, %s%s.",
		      sg_doc_count(shadow, "last_status"), *type ? " " : "", type,
		      sg_human_ago(st->now, sg_doc_real(shadow, "evidence_time"), ago), change);
}

void sg_status_shadow(const struct sg_status *st, const json_t *service, int width,
		      struct sg_lines *lines)
{
	const json_t *shadow = sg_doc_at(service, "shadow");
	const char *state = sg_doc_text(shadow, "state");

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (!strcmp(states[i].state, state))
			sg_lines_wrap(lines, width, "  ", "%s%s%s %s",
				      sg_paint(&st->style, states[i].paint), states[i].headline,
				      sg_paint(&st->style, SG_PAINT_OFF), states[i].meaning);
	add_evidence(st, shadow, width, lines);
}
