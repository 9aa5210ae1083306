/* SPDX-License-Identifier: GPL-2.0-only */
/* What is wrong with a configuration file: all of it, each with its line. */
#ifndef SG_CONFIG_ERRORS_H
#define SG_CONFIG_ERRORS_H

#include <stdarg.h>
#include <stdio.h>

/* More than a person reads at once; the rest is counted. */
#define SG_CONFIG_ERRORS_MAX 64
#define SG_CONFIG_ERROR_TEXT 512

struct sg_config_error {
	unsigned int line; /* from 1; 0 = the file as a whole */
	unsigned int column;
	char text[SG_CONFIG_ERROR_TEXT]; /* "FILE:LINE: service 'x': limits.window: expected ..." */
};

/* Filled by the parser, sorted by line. Owned by the caller; needs no freeing. Start with zeroes. */
struct sg_config_errors {
	char file[256];
	unsigned int count; /* entries in use */
	unsigned int lost;  /* found but not kept */
	struct sg_config_error entries[SG_CONFIG_ERRORS_MAX];
};

/* Adds one message; "FILE:LINE: " is put before it. @line 0: "FILE: ". */
void sg_config_errors_add(struct sg_config_errors *errors, unsigned int line, unsigned int column,
			  const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void sg_config_errors_addv(struct sg_config_errors *errors, unsigned int line, unsigned int column,
			   const char *fmt, va_list args);

/* Sorts by line, keeping the order in which errors of one line were found. */
void sg_config_errors_sort(struct sg_config_errors *errors);

/* One message a line, and a last line when some were not kept. */
void sg_config_errors_print(const struct sg_config_errors *errors, FILE *out);

#endif
