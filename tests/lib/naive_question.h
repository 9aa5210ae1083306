/* SPDX-License-Identifier: GPL-2.0-only */
/* A second reader of a GET's head, for tests of bpf/core/question.h: has all of it before it, as text, and goes
 * through it line by line.
 */
#ifndef SG_TESTS_NAIVE_QUESTION_H
#define SG_TESTS_NAIVE_QUESTION_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NAIVE_BYTES    1024
#define NAIVE_HOST_MAX 264
#define NAIVE_BLANKS   7
#define NAIVE_STEPS    98

/* What is asked, in one string that differs whenever the question does. */
struct naive_question {
	char asks[NAIVE_BYTES + NAIVE_HOST_MAX + 16];
	int hosts;
	char host[NAIVE_HOST_MAX + 1];
};

/* Only CR LF and what can be printed, and one empty line: the last. */
static inline bool naive_bytes_fit(const char *bytes, size_t len)
{
	if (len < 4 || memcmp(bytes + len - 4, "\r\n\r\n", 4) ||
	    memmem(bytes, len - 1, "\r\n\r\n", 4))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\r' && i + 1 < len && bytes[i + 1] == '\n')
			i++;
		else if (bytes[i] < ' ' || bytes[i] > '~')
			return false;
	}
	return true;
}

static inline bool naive_host(struct naive_question *q, const char *value)
{
	size_t lead = strspn(value, " "), n = strlen(value), trail = 0;

	while (trail < n - lead && value[n - 1 - trail] == ' ')
		trail++;
	n -= lead + trail;
	if (lead > NAIVE_BLANKS || trail > NAIVE_BLANKS || n > NAIVE_HOST_MAX || q->hosts++)
		return false;
	memcpy(q->host, value + lead, n);
	q->host[n] = '\0';
	return true;
}

/* One field; it has no CR LF at its end any more. */
static inline bool naive_field(struct naive_question *q, const char *line)
{
	size_t name = strcspn(line, ":");

	if (!name || !line[name] || strcspn(line, " ") < name)
		return false;
	if (name == 4 && !strncasecmp(line, "Host", 4))
		return naive_host(q, line + 5);
	return true;
}

/* Is it learnable? Not asked is how many fields there are. */
static inline bool naive_question(struct naive_question *q, const char *bytes, size_t len,
				  size_t end, bool path_only)
{
	char head[NAIVE_BYTES + 1], *line, *next;
	size_t target = end - 4;

	memset(q, 0, sizeof(*q));
	if (len > NAIVE_BYTES || len < 4 || memcmp(bytes, "GET ", 4) || end <= 4 || end >= len ||
	    !naive_bytes_fit(bytes, len))
		return false;
	memcpy(head, bytes, len - 2);
	head[len - 2] = '\0';
	line = strstr(head, "\r\n");
	if ((size_t)(line - head) < end)
		return false;
	for (line += 2; *line; line = next + 2) {
		next = strstr(line, "\r\n");
		*next = '\0';
		if (!naive_field(q, line))
			return false;
	}
	if (path_only && memchr(head + 4, '?', target))
		target = (size_t)((char *)memchr(head + 4, '?', target) - head) - 4;
	snprintf(q->asks, sizeof(q->asks), "%d %d %zu %.*s %s", path_only, q->hosts, target,
		 (int)target, head + 4, q->host);
	return true;
}

/* How many steps the guard needs for it, 16 bytes of a name or a value each. */
static inline size_t naive_steps(const char *bytes, size_t len, size_t from)
{
	size_t steps = 0, part = from;
	bool name = false;

	for (size_t i = from; i < len; i++) {
		if (bytes[i] != '\r' && !(name && bytes[i] == ':'))
			continue;
		steps += (i - part) / 16 + 1;
		name = bytes[i] == '\r';
		i += name;
		part = i + 1;
	}
	return steps;
}

#endif
