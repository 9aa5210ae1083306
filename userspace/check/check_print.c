// SPDX-License-Identifier: GPL-2.0-only
/* The report for people and for programs. */
#include "../util/json.h"
#include "check.h"

static const char *const level_names[SG_CHECK_LEVEL_MAX_] = {
	[SG_CHECK_OK] = "ok",
	[SG_CHECK_WARNING] = "warning",
	[SG_CHECK_ERROR] = "error",
};

static unsigned int print_level(FILE *out, const struct sg_check_report *report,
				enum sg_check_level level)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < report->count; i++) {
		const struct sg_check_finding *f = &report->findings[i];

		if (f->level != level)
			continue;
		count++;
		fprintf(out, "%-8s %s: %s\n", level_names[level], f->subject, f->sentence);
		if (*f->what_to_type)
			fprintf(out, "%-8s do: %s\n", "", f->what_to_type);
	}
	return count;
}

void sg_check_print(FILE *out, const struct sg_check_report *report)
{
	unsigned int errors = print_level(out, report, SG_CHECK_ERROR);
	unsigned int warnings = print_level(out, report, SG_CHECK_WARNING);

	print_level(out, report, SG_CHECK_OK);
	if (report->lost)
		fprintf(out, "%u more findings, not shown\n", report->lost);
	fprintf(out, "\n%u error%s, %u warning%s: %s\n", errors, errors == 1 ? "" : "s", warnings,
		warnings == 1 ? "" : "s",
		errors     ? "the guard cannot do its work here yet"
		: warnings ? "the guard works, with the limits said above"
			   : "ready");
}

static json_t *finding_json(const struct sg_check_finding *f)
{
	return json_pack("{s:s, s:s, s:o, s:o, s:o}", "level", level_names[f->level], "check",
			 f->check, "subject", sg_json_text(f->subject), "sentence",
			 sg_json_text(f->sentence), "what_to_type", sg_json_text(f->what_to_type));
}

json_t *sg_check_json(const struct sg_check_report *report)
{
	_cleanup_json_ json_t *findings = json_array();

	for (unsigned int i = 0; i < report->count; i++)
		if (json_array_append_new(findings, finding_json(&report->findings[i])))
			return NULL;
	return json_pack("{s:s, s:i, s:O}", "worst", level_names[sg_check_worst(report)], "lost",
			 (int)report->lost, "findings", findings);
}
