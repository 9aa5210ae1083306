/* SPDX-License-Identifier: GPL-2.0-only */
/* `scepguard status` for people: a pure function from the daemon's document to text. It answers, in
 * this order: is the CA serving; what is it being asked for; what does the guard do about it; is the
 * shadow certificate ready; what should I do now.
 */
#ifndef SG_CLI_STATUS_H
#define SG_CLI_STATUS_H

#include <jansson.h>

#include "lines.h"
#include "style.h"

/* From this width on, sections stand side by side. */
#define SG_STATUS_WIDE 150

struct sg_status {
	const json_t *doc; /* the answer to `status`; printable */
	struct sg_style style;
	double now;           /* Unix seconds */
	const char *instance; /* " -c FILE" or "", for commands a person is to type */
};

/* What is known of a CA from the way it treats SYNs. */
enum sg_serving {
	SG_SERVING_YES,     /* it answered within the last minute */
	SG_SERVING_QUIET,   /* it answered when last asked; nobody asks now */
	SG_SERVING_NEVER,   /* nobody has asked yet */
	SG_SERVING_UNKNOWN, /* its packets cannot be seen */
	SG_SERVING_DEAF,    /* it answered shortly before, and now does not */
	SG_SERVING_SILENT,  /* asked, and does not answer at all */
};

enum sg_serving sg_status_serving_of(const json_t *service);

/* Appends the whole of it. */
void sg_status_render(const struct sg_status *st, struct sg_lines *lines);

/* true when a CA does not serve: the exit status says so. */
bool sg_status_in_trouble(const json_t *doc);

/* ---- Its sections: of one service, `width` columns wide ---- */

void sg_status_serving(const struct sg_status *st, const json_t *service, int width,
		       struct sg_lines *lines);
void sg_status_requests(const struct sg_status *st, const json_t *service, int width,
			struct sg_lines *lines);
void sg_status_verdicts(const struct sg_status *st, const json_t *service, int width,
			struct sg_lines *lines);
/* Of the verdicts' section: what intercept does; what is left of it in another mode, if anything. */
void sg_status_intercept(const struct sg_status *st, const json_t *service, int width,
			 struct sg_lines *lines);
void sg_status_leaving(const struct sg_status *st, const json_t *service, int width,
		       struct sg_lines *lines);
void sg_status_shadow(const struct sg_status *st, const json_t *service, int width,
		      struct sg_lines *lines);
void sg_status_advice(const struct sg_status *st, int width, struct sg_lines *lines);

/* ---- What several of them ask ---- */

/* "observe", "police" ...: the mode in force. */
const char *sg_status_mode(const struct sg_status *st);
bool sg_status_observes(const struct sg_status *st);
bool sg_status_intercepts(const struct sg_status *st);

/* Does this reason's label stand for an admission? */
bool sg_status_is_admission(const char *reason);

struct sg_tally {
	unsigned long long admitted, refused;
};

/* Of one priority's reasons, or of a whole book (priority -> reason -> count). */
struct sg_tally sg_status_tally(const json_t *reasons);
struct sg_tally sg_status_tally_book(const json_t *book);

/* GetNextCACert of the last minute: those the CA was asked, and those the guard answered. */
unsigned long long sg_status_next_asked(const json_t *service);

/* Most of what was asked in the last minute is the next CA certificate, and the CA has none. */
bool sg_status_is_storm(const json_t *service);

#endif
