// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lines.h"

/* Length in bytes of a colour sequence at text, or 0. */
static size_t escape_length(const char *text)
{
	size_t n = 2;

	if (text[0] != '\033' || text[1] != '[')
		return 0;
	while (text[n] && text[n] != 'm')
		n++;
	return text[n] ? n + 1 : n;
}

size_t sg_text_columns(const char *text)
{
	size_t columns = 0;

	while (*text) {
		size_t escape = escape_length(text);

		if (escape) {
			text += escape;
			continue;
		}
		columns += ((unsigned char)*text & 0xc0) != 0x80;
		text++;
	}
	return columns;
}

/* Takes text, NULL = out of memory. */
static void add_line(struct sg_lines *lines, char *text)
{
	if (text && lines->count == lines->room) {
		size_t room = lines->room ? 2 * lines->room : 32;
		char **grown = reallocarray(lines->line, room, sizeof(*grown));

		if (grown) {
			lines->line = grown;
			lines->room = room;
		} else {
			free(text);
			text = NULL;
		}
	}
	if (!text) {
		lines->failed = true;
		return;
	}
	lines->line[lines->count++] = text;
}

void sg_lines_add(struct sg_lines *lines, const char *fmt, ...)
{
	char text[SG_LINE_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	add_line(lines, strdup(text));
}

/* Bytes of text that fit into width columns, cut at a blank; the whole first word at least. */
static size_t fitting(const char *text, size_t width)
{
	size_t columns = 0, at = 0, fits = 0;

	while (text[at]) {
		size_t escape = escape_length(text + at);

		if (text[at] == ' ' && columns <= width)
			fits = at;
		columns += !escape && ((unsigned char)text[at] & 0xc0) != 0x80;
		at += escape ? escape : 1;
		if (columns > width && fits)
			return fits;
	}
	return columns <= width || !fits ? at : fits;
}

/* The first word may be wider than a line. */
static size_t line_length(const char *text, size_t width)
{
	size_t n = fitting(text, width), word = strcspn(text, " ");

	return n < strlen(text) || sg_text_columns(text) <= width ? n : word;
}

void sg_lines_wrap(struct sg_lines *lines, int width, const char *first, const char *fmt, ...)
{
	const int indent = (int)sg_text_columns(first);
	const size_t room = width > indent + 10 ? (size_t)(width - indent) : 10;
	char text[SG_LINE_MAX];
	const char *at = text;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	do {
		size_t n = line_length(at, room);

		if (at == text)
			sg_lines_add(lines, "%s%.*s", first, (int)n, at);
		else
			sg_lines_add(lines, "%*s%.*s", indent, "", (int)n, at);
		at += n;
		at += strspn(at, " ");
	} while (*at);
}

void sg_lines_beside(struct sg_lines *lines, struct sg_lines *left, struct sg_lines *right, int at)
{
	const size_t count = left->count > right->count ? left->count : right->count;

	for (size_t i = 0; i < count; i++) {
		const char *l = i < left->count ? left->line[i] : "";
		const char *r = i < right->count ? right->line[i] : "";
		const int used = (int)sg_text_columns(l);

		if (*r)
			sg_lines_add(lines, "%s%*s%s", l, used < at ? at - used : 1, "", r);
		else
			sg_lines_add(lines, "%s", l);
	}
	lines->failed |= left->failed | right->failed;
	sg_lines_free(left);
	sg_lines_free(right);
}

int sg_lines_print(const struct sg_lines *lines, FILE *out)
{
	for (size_t i = 0; i < lines->count; i++)
		if (fputs(lines->line[i], out) == EOF || fputc('\n', out) == EOF)
			return -EIO;
	return lines->failed ? -ENOMEM : 0;
}

void sg_lines_free(struct sg_lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		free(lines->line[i]);
	free(lines->line);
	*lines = (struct sg_lines){0};
}
