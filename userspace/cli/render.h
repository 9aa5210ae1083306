/* SPDX-License-Identifier: GPL-2.0-only */
/* The other documents as text for people. Pure; now is Unix seconds. */
#ifndef SG_CLI_RENDER_H
#define SG_CLI_RENDER_H

#include <jansson.h>

#include "lines.h"
#include "style.h"

/* `sources`: a table. */
void sg_render_sources(const json_t *doc, const struct sg_style *style, double now,
		       struct sg_lines *lines);

/* `questions`: a table for each service, or for the one named @only (NULL: all). Returns false when there
 * is no such service.
 */
bool sg_render_questions(const json_t *doc, const char *only, const struct sg_style *style,
			 struct sg_lines *lines);

/* `explain`: sentences. mode: the one in force, "observe", "police" or "intercept". */
void sg_render_explain(const json_t *doc, const struct sg_style *style, const char *mode,
		       double now, struct sg_lines *lines);

/* One event of `events`: one line. */
void sg_render_event(const json_t *event, const struct sg_style *style, double now,
		     struct sg_lines *lines);

/* What `mode` says: the mode, and how long. instance: as in struct sg_status. */
void sg_render_mode(const json_t *doc, const struct sg_style *style, const char *instance,
		    double now, struct sg_lines *lines);

#endif
