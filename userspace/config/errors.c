// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "errors.h"
#include "../util/text.h"

void sg_config_errors_addv(struct sg_config_errors *errors, unsigned int line, unsigned int column,
			   const char *fmt, va_list args)
{
	struct sg_config_error *e;
	char message[SG_CONFIG_ERROR_TEXT];

	if (errors->count == SG_CONFIG_ERRORS_MAX) {
		errors->lost++;
		return;
	}
	e = &errors->entries[errors->count++];
	e->line = line;
	e->column = column;
	e->text[0] = '\0';
	vsnprintf(message, sizeof(message), fmt, args);
	if (line)
		sg_text_append(e->text, sizeof(e->text), "%s:%u: %s", errors->file, line, message);
	else
		sg_text_append(e->text, sizeof(e->text), "%s: %s", errors->file, message);
}

void sg_config_errors_add(struct sg_config_errors *errors, unsigned int line, unsigned int column,
			  const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	sg_config_errors_addv(errors, line, column, fmt, args);
	va_end(args);
}

/* Insertion sort: it is stable, and there are few. */
void sg_config_errors_sort(struct sg_config_errors *errors)
{
	for (unsigned int i = 1; i < errors->count; i++) {
		struct sg_config_error moved = errors->entries[i];
		unsigned int j = i;

		for (; j && errors->entries[j - 1].line > moved.line; j--)
			errors->entries[j] = errors->entries[j - 1];
		errors->entries[j] = moved;
	}
}

void sg_config_errors_print(const struct sg_config_errors *errors, FILE *out)
{
	for (unsigned int i = 0; i < errors->count; i++)
		fprintf(out, "%s\n", errors->entries[i].text);
	if (errors->lost)
		fprintf(out, "%s: %u more errors, not shown\n", errors->file, errors->lost);
}
