/* SPDX-License-Identifier: GPL-2.0-only */
/* Small helpers on text that know nothing of what the text is about. */
#ifndef SG_UTIL_TEXT_H
#define SG_UTIL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Appends formatted text to the string in @buf of @size bytes, cut to what fits and always
 * terminated. Returns false when something was cut.
 */
bool sg_text_append(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Copies @text into @buf of @size bytes so that it can stand in a message: control characters
 * become '?', a long text ends in "...". Returns @buf.
 */
const char *sg_text_quote(const char *text, char *buf, size_t size);

/* The number of single-character edits (insert, delete, replace, swap of neighbours) from @a to
 * @b; texts over 63 bytes are never near: returns SIZE_MAX.
 */
size_t sg_text_distance(const char *a, const char *b);

/* The candidate nearest to @word, or NULL when none is near enough to be meant (over a third of the
 * word, at least one edit). @names has @count entries; NULL entries are skipped.
 */
const char *sg_text_nearest(const char *word, const char *const *names, size_t count);

/* Finds the first byte that is not part of well-formed UTF-8 (RFC 3629). Returns its offset, or
 * @len when all is well.
 */
size_t sg_text_utf8_valid(const char *text, size_t len);

#endif
