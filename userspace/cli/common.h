/* SPDX-License-Identifier: GPL-2.0-only */
/* What the subcommands share. */
#ifndef SG_CLI_COMMON_H
#define SG_CLI_COMMON_H

#include <jansson.h>

#include "lines.h"

/* Unix seconds, now. */
double sg_cli_now(void);

/* Prints lines on stdout and frees them. Returns the exit status. */
int sg_cli_print(struct sg_lines *lines);

/* {"command": name}: new reference, or NULL when out of memory. */
json_t *sg_cli_request(const char *name);

#endif
