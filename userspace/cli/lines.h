/* SPDX-License-Identifier: GPL-2.0-only */
/* Text laid out in lines: wrapped, in columns, side by side. Knows UTF-8 (one column a character,
 * which holds for all that is printed here) and colour sequences (no column).
 */
#ifndef SG_CLI_LINES_H
#define SG_CLI_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define SG_LINE_MAX 1024 /* bytes of one call's text; longer is cut */

/* Start with zeroes, end with sg_lines_free(). Out of memory is remembered, not returned: lines are
 * then missing and sg_lines_print() says so.
 */
struct sg_lines {
	char **line;
	size_t count, room;
	bool failed;
};

/* Columns that text takes on a terminal. */
size_t sg_text_columns(const char *text);

/* One line as it is. */
void sg_lines_add(struct sg_lines *lines, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Prose, wrapped at blanks so that no line is wider than width, unless a word is. The first line begins
 * with first, the others with as many blanks.
 */
void sg_lines_wrap(struct sg_lines *lines, int width, const char *first, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* left and right side by side, right beginning at column at. Empties both. */
void sg_lines_beside(struct sg_lines *lines, struct sg_lines *left, struct sg_lines *right, int at);

/* Returns 0 or -ENOMEM (lines are missing) or -EIO. */
int sg_lines_print(const struct sg_lines *lines, FILE *out);
void sg_lines_free(struct sg_lines *lines);

/* A table: cells are collected, column widths follow. Fixed size: what is more is left out. */
#define SG_TABLE_COLUMNS 10
#define SG_TABLE_ROWS    1001 /* the control socket gives 1000 at most, and a heading */

struct sg_table {
	const char *align; /* one letter a column: l or r */
	char *(*cell)[SG_TABLE_COLUMNS];
	size_t rows, room;
	bool failed;
};

/* Adds one row; one text for each letter of align. */
void sg_table_row(struct sg_table *table, ...);
/* Writes the rows as lines, indented, two blanks between columns; frees the table. */
void sg_table_finish(struct sg_table *table, struct sg_lines *lines, const char *indent);

#endif
