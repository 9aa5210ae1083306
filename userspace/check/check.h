/* SPDX-License-Identifier: GPL-2.0-only */
/* Is this machine ready for that configuration? Looks, and changes nothing. Each finding is one
 * sentence and what to type.
 */
#ifndef SG_CHECK_CHECK_H
#define SG_CHECK_CHECK_H

#include <stdio.h>
#include <jansson.h>

#include "../config/config.h"

enum sg_check_level {
	SG_CHECK_OK,
	SG_CHECK_WARNING, /* the guard works, with the limitation said */
	SG_CHECK_ERROR,   /* `run` would fail or protect nothing */
	SG_CHECK_LEVEL_MAX_,
};

#define SG_CHECK_FINDINGS_MAX 128 /* 8 interfaces x 6 checks + 32 endpoints x 2, and room */
#define SG_CHECK_SUBJECT_TEXT 64
#define SG_CHECK_TEXT         384

struct sg_check_finding {
	enum sg_check_level level;
	const char *check; /* name of the check, stable, for scripts: "xdp-mode" */
	char subject[SG_CHECK_SUBJECT_TEXT]; /* "eth0", "branch-ca 192.0.2.1", "kernel" */
	char sentence[SG_CHECK_TEXT];
	char what_to_type[SG_CHECK_TEXT]; /* "" = nothing to do */
};

struct sg_check_report {
	unsigned int count;
	unsigned int lost; /* findings that did not fit */
	struct sg_check_finding findings[SG_CHECK_FINDINGS_MAX];
};

/* Runs every check. @report is owned by the caller and overwritten. Returns 0, or a negative
 * errno when the checks themselves could not be run (no netlink socket).
 */
int sg_check_run(const struct sg_config *conf, struct sg_check_report *report);

/* Can intercept work on this machine with that configuration (whatever mode it names)? Each reason why not is
 * logged at @level, with what to type. Returns 0, -EOPNOTSUPP, or another negative errno when it could not
 * be found out. @ret, unless NULL: with -EOPNOTSUPP those reasons; untouched otherwise.
 */
int sg_check_intercept(const struct sg_config *conf, enum sg_log_level level,
		       struct sg_check_report *ret);

/* The worst level found: what the exit status of `scepguard check` is made from. */
enum sg_check_level sg_check_worst(const struct sg_check_report *report);

/* For people: errors first, then warnings, then what is well; what to type is indented. */
void sg_check_print(FILE *out, const struct sg_check_report *report);

/* New reference, or NULL when out of memory. */
json_t *sg_check_json(const struct sg_check_report *report);

#endif
