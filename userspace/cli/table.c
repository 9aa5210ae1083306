// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lines.h"

static bool make_room(struct sg_table *table)
{
	size_t room = table->room ? 2 * table->room : 16;
	void *grown;

	if (table->rows < table->room)
		return true;
	grown = table->rows < SG_TABLE_ROWS ? reallocarray(table->cell, room, sizeof(*table->cell))
					    : NULL;
	if (!grown) {
		table->failed = true;
		return false;
	}
	table->cell = grown;
	table->room = room;
	return true;
}

void sg_table_row(struct sg_table *table, ...)
{
	const size_t columns = strlen(table->align);
	va_list args;

	if (!make_room(table))
		return;
	va_start(args, table);
	for (size_t c = 0; c < columns; c++) {
		char *text = strdup(va_arg(args, const char *));

		table->cell[table->rows][c] = text;
		table->failed |= !text;
	}
	va_end(args);
	table->rows++;
}

static size_t column_width(const struct sg_table *table, size_t c)
{
	size_t width = 0;

	for (size_t r = 0; r < table->rows; r++) {
		const char *text = table->cell[r][c];
		size_t n = text ? sg_text_columns(text) : 0;

		if (n > width)
			width = n;
	}
	return width;
}

static void add_row(const struct sg_table *table, size_t r, const size_t *widths,
		    struct sg_lines *lines, const char *indent)
{
	const size_t columns = strlen(table->align);
	char line[SG_LINE_MAX];
	size_t used = (size_t)snprintf(line, sizeof(line), "%s", indent), blank_from = used;

	for (size_t c = 0; c < columns && used < sizeof(line); c++) {
		const char *text = table->cell[r][c] ? table->cell[r][c] : "";
		const int pad = (int)(widths[c] - sg_text_columns(text));
		const bool right = table->align[c] == 'r';

		if (!widths[c]) /* an empty column takes no room */
			continue;
		used += (size_t)snprintf(line + used, sizeof(line) - used, "%s%*s%s%*s",
					 c ? "  " : "", right ? pad : 0, "", text, right ? 0 : pad,
					 "");
		if (*text && used < sizeof(line))
			blank_from = used - (right ? 0 : (size_t)pad);
	}
	line[blank_from] = '\0'; /* no blanks at the end */
	sg_lines_add(lines, "%s", line);
}

void sg_table_finish(struct sg_table *table, struct sg_lines *lines, const char *indent)
{
	const size_t columns = strlen(table->align);
	size_t widths[SG_TABLE_COLUMNS] = {0};

	for (size_t c = 0; c < columns; c++)
		widths[c] = column_width(table, c);
	for (size_t r = 0; r < table->rows; r++) {
		add_row(table, r, widths, lines, indent);
		for (size_t c = 0; c < columns; c++)
			free(table->cell[r][c]);
	}
	lines->failed |= table->failed;
	free(table->cell);
	*table = (struct sg_table){.align = table->align};
}
