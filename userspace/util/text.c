// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

#define WORD_MAX 63

bool sg_text_append(char *buf, size_t size, const char *fmt, ...)
{
	size_t used = strnlen(buf, size);
	va_list args;
	int len;

	if (used >= size)
		return false;
	va_start(args, fmt);
	len = vsnprintf(buf + used, size - used, fmt, args);
	va_end(args);
	return len >= 0 && (size_t)len < size - used;
}

const char *sg_text_quote(const char *text, char *buf, size_t size)
{
	size_t i;

	for (i = 0; text[i] && i + 1 < size; i++)
		buf[i] = iscntrl((unsigned char)text[i]) ? '?' : text[i];
	buf[i] = '\0';
	if (text[i] && size > 4)
		memcpy(buf + size - 4, "...", 4);
	return buf;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment: Levenshtein plus the swap of two neighbours, the commonest slip. */
size_t sg_text_distance(const char *a, const char *b)
{
	size_t rows[3][WORD_MAX + 2], la = strlen(a), lb = strlen(b);
	size_t *before = rows[0], *last = rows[1], *now = rows[2];

	if (la > WORD_MAX || lb > WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= lb; j++)
		last[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t *spare = before;

		now[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			now[j] = least(last[j - 1] + (a[i - 1] != b[j - 1]),
				       least(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = least(now[j], before[j - 2] + 1);
		}
		before = last;
		last = now;
		now = spare;
	}
	return last[lb];
}

const char *sg_text_nearest(const char *word, const char *const *names, size_t count)
{
	size_t best = strlen(word) / 3, distance;
	const char *found = NULL;

	if (!best)
		best = 1;
	for (size_t i = 0; i < count; i++) {
		if (!names[i])
			continue;
		distance = sg_text_distance(word, names[i]);
		if (distance < best || (distance == best && !found)) {
			best = distance;
			found = names[i];
		}
	}
	return found;
}

/* The length of the well-formed sequence at @p, or 0 (RFC 3629: no surrogates, nothing over
 * U+10FFFF, no longer form than needed).
 */
static size_t utf8_sequence(const unsigned char *p, size_t left)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t len;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (len > left)
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

size_t sg_text_utf8_valid(const char *text, size_t len)
{
	size_t i = 0, n;

	while (i < len) {
		n = utf8_sequence((const unsigned char *)text + i, len - i);
		if (!n)
			return i;
		i += n;
	}
	return len;
}
