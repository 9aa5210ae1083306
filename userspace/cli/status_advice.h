/* SPDX-License-Identifier: GPL-2.0-only */
/* Inside section 5: what its rules say with, and those that stand in a file of their own. */
#ifndef SG_CLI_STATUS_ADVICE_H
#define SG_CLI_STATUS_ADVICE_H

#include "status.h"

struct sg_advice {
	const struct sg_status *st;
	int width;
	struct sg_lines *lines;
	unsigned int count;
};

/* One piece of advice, numbered and wrapped. */
void sg_advice_say(struct sg_advice *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What to type: never wrapped, so that it can be copied. */
void sg_advice_type(struct sg_advice *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* check, which takes a file only: the one the daemon has read. */
void sg_advice_type_check(struct sg_advice *a);

/* ---- status_advice_intercept.c ---- */

/* The guard itself left intercept, for a time. Returns false when it did not. */
bool sg_advice_bypass(struct sg_advice *a);
void sg_advice_not_as_configured(struct sg_advice *a);
/* What of a storm is better in intercept. */
void sg_advice_try_intercept(struct sg_advice *a, const json_t *service);
/* What goes wrong in it. */
void sg_advice_intercept(struct sg_advice *a, const json_t *service);

#endif
