/* SPDX-License-Identifier: GPL-2.0-only */
/* Documents of tests/fixtures/cli, and pages as one line of text. */
#ifndef SG_TESTS_CLI_FIXTURE_H
#define SG_TESTS_CLI_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../userspace/cli/doc.h"
#include "../../userspace/cli/lines.h"
#include "../../userspace/util/json.h"

#define NOW 1767225600.0 /* as the fixtures have it */

static inline json_t *load(const char *name)
{
	char path[512];
	json_error_t error;
	json_t *doc;

	/* Beside this file's folder, wherever the tests are run from. */
	snprintf(path, sizeof(path), "%.*s../fixtures/cli/%s.json",
		 (int)(strrchr(__FILE__, '/') + 1 - __FILE__), __FILE__, name);
	doc = json_load_file(path, 0, &error);
	if (!doc)
		fail_msg("%s: %s", path, error.text);
	return doc;
}

static inline char *join(const struct sg_lines *lines)
{
	size_t size = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(sg_lines_print(lines, out), 0);
	fclose(out);
	return text;
}

/* Undoes wrapping and columns: one line, single blanks. */
static inline char *flatten(char *page)
{
	size_t used = 0;

	for (const char *p = page; *p; p++) {
		char c = *p;

		if (c == '\n')
			c = ' ';
		if (c != ' ' || !used || page[used - 1] != ' ')
			page[used++] = c;
	}
	page[used] = '\0';
	return page;
}

/* The same of lines; empties them. */
static inline char *flat(struct sg_lines *lines)
{
	char *text = flatten(join(lines));

	sg_lines_free(lines);
	return text;
}

static inline void expect(const char *text, const char *const *expected)
{
	for (; *expected; expected++) {
		const char *found = strstr(text, *expected);

		if (!found)
			fail_msg("no '%s' in '%s'", *expected, text);
		text = found;
	}
}

#define EXPECT(text, ...) expect(text, (const char *const[]){__VA_ARGS__, NULL})

#endif
