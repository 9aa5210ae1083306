/* SPDX-License-Identifier: GPL-2.0-only */
/* Oracle for the request-line reader: whole buffers, strings and no states, so that it shares no
 * idea with the code under test.
 *
 * - A strict reader (RFC 9112, RFC 3986) says what a well-formed line asks for.
 * - A family of lenient readers, one for every combination of habits seen in real servers, says
 *   whether anybody could see GetNextCACert in it.
 */
#ifndef SG_NAIVE_HTTP_H
#define SG_NAIVE_HTTP_H

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "../../bpf/abi/classes.h"

/* Habits of lenient readers. */
#define NAIVE_SEMICOLON    0x01 /* ';' separates parameters too */
#define NAIVE_NO_FRAGMENT  0x02 /* '#' is nothing special */
#define NAIVE_TRIM         0x04 /* white space around names and values goes */
#define NAIVE_NUL_ENDS     0x08 /* names and values are C strings */
#define NAIVE_CASELESS     0x10 /* names in any case */
#define NAIVE_LOOSE_SPACES 0x20 /* any run of white space parts the line, the version may lack */
#define NAIVE_QUESTION     0x40 /* so does a second '?' (HAProxy) */
#define NAIVE_HABITS       0x80 /* number of combinations */

/* A string that may hold NUL. */
struct naive {
	char *at;
	size_t len;
};

/* Longest buffer judged, in bytes. */
#define NAIVE_MAX 8192

/* A copy to take apart, with a NUL behind it. Only one at a time. */
static inline struct naive naive_copy(const char *bytes, size_t len)
{
	static char copy[NAIVE_MAX + 1];

	if (len > NAIVE_MAX)
		abort();
	memcpy(copy, bytes, len);
	copy[len] = 0;
	return (struct naive){copy, len};
}

static inline int naive_hex(char c)
{
	const char *digits = "0123456789abcdef", *found = c ? strchr(digits, c | 0x20) : NULL;

	/* c | 0x20 maps control bytes onto digits: those are none. */
	if (!found || (c < 'A' && (c < '0' || c > '9')))
		return -1;
	return found - digits;
}

/* Decodes escapes in place; with `plus`, '+' becomes a space as forms have it. */
static inline struct naive naive_decode(struct naive s, bool plus)
{
	size_t in, out = 0;

	for (in = 0; in < s.len; in++) {
		char c = s.at[in];

		if (plus && c == '+') {
			c = ' ';
		} else if (c == '%' && in + 2 < s.len && naive_hex(s.at[in + 1]) >= 0 &&
			   naive_hex(s.at[in + 2]) >= 0) {
			c = naive_hex(s.at[in + 1]) << 4 | naive_hex(s.at[in + 2]);
			in += 2;
		}
		s.at[out++] = c;
	}
	s.len = out;
	return s;
}

static inline bool naive_white(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline struct naive naive_trim(struct naive s)
{
	while (s.len && naive_white(s.at[0])) {
		s.at++;
		s.len--;
	}
	while (s.len && naive_white(s.at[s.len - 1]))
		s.len--;
	return s;
}

static inline bool naive_is(struct naive s, const char *text)
{
	return s.len == strlen(text) && !memcmp(s.at, text, s.len);
}

/* What a reader with these habits makes of a raw name or value. */
static inline struct naive naive_habits(struct naive raw, unsigned int habits)
{
	struct naive s = naive_decode(raw, true);

	if (habits & NAIVE_NUL_ENDS && memchr(s.at, 0, s.len))
		s.len = strlen(s.at);
	return habits & NAIVE_TRIM ? naive_trim(s) : s;
}

static inline bool naive_any_of(char c, const char *stops)
{
	for (; *stops; stops++)
		if (c == *stops)
			return true;
	return false;
}

/* Cuts off what stands before the first byte out of `stops`; *found is that byte, 0 if none. */
static inline struct naive naive_until(struct naive *rest, const char *stops, char *found)
{
	struct naive part = {rest->at, 0};

	while (part.len < rest->len && !naive_any_of(rest->at[part.len], stops))
		part.len++;
	*found = part.len < rest->len ? rest->at[part.len] : 0;
	rest->at += part.len + !!*found;
	rest->len -= part.len + !!*found;
	return part;
}

static inline bool naive_query_has_next(struct naive query, unsigned int habits)
{
	static const char *const ends[] = {"&", "&;", "&?", "&;?"};
	const char *end = ends[!!(habits & NAIVE_SEMICOLON) + 2 * !!(habits & NAIVE_QUESTION)];
	char found;

	do {
		struct naive value = naive_until(&query, end, &found);
		char equals;
		struct naive name = naive_until(&value, "=", &equals);

		name = naive_habits(name, habits);
		if (habits & NAIVE_CASELESS ? name.len == 9 && !strncasecmp(name.at, "operation", 9)
					    : naive_is(name, "operation")) {
			if (naive_is(naive_habits(value, habits), "GetNextCACert"))
				return true;
		}
	} while (found);
	return false;
}

/* The target as such a reader finds it; false when it finds no request. */
static inline bool naive_target(struct naive line, unsigned int habits, struct naive *target)
{
	const char *spaces = habits & NAIVE_LOOSE_SPACES ? " \t\v\f\r" : " ";
	struct naive version;
	char found;

	line = naive_trim(line);
	naive_until(&line, spaces, &found);
	if (!found)
		return false;
	if (habits & NAIVE_LOOSE_SPACES)
		line = naive_trim(line);
	*target = naive_until(&line, spaces, &found);
	version = naive_trim(line);
	return habits & NAIVE_LOOSE_SPACES || (version.len > 5 && !memcmp(version.at, "HTTP/", 5));
}

static inline bool naive_reader_sees_next(const char *bytes, size_t len, unsigned int habits)
{
	struct naive rest, line, target;
	bool seen = false;
	char found;

	rest = naive_copy(bytes, len);
	do {
		line = naive_until(&rest, "\n", &found);
	} while (found && !naive_trim(line).len);
	if (found && naive_target(line, habits, &target)) {
		if (!(habits & NAIVE_NO_FRAGMENT))
			target = naive_until(&target, "#", &found);
		naive_until(&target, "?", &found);
		seen = found && naive_query_has_next(target, habits);
	}
	return seen;
}

/* Could any reader see GetNextCACert in the first request of these bytes? */
static inline bool naive_anyone_sees_next(const char *bytes, size_t len)
{
	unsigned int habits;

	for (habits = 0; habits < NAIVE_HABITS; habits++)
		if (naive_reader_sees_next(bytes, len, habits))
			return true;
	return false;
}

struct naive_line {
	bool strict;       /* well-formed, and whole */
	bool plain;        /* and nothing in it that readers are known to differ over */
	int request_class; /* what it asks for, if strict */
};

static inline int naive_operation(struct naive value)
{
	static const struct {
		const char *text;
		int request_class;
	} known[] = {
		{"GetCACaps", SG_REQUEST_GETCACAPS},
		{"GetCACert", SG_REQUEST_GETCACERT},
		{"GetNextCACert", SG_REQUEST_GETNEXTCACERT},
		{"GetCACertChain", SG_REQUEST_GETCACERTCHAIN},
		{"PKIOperation", SG_REQUEST_PKIOPERATION_GET},
	};
	size_t i;

	value = naive_decode(value, true);
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (naive_is(value, known[i].text))
			return known[i].request_class;
	return SG_REQUEST_OTHER_SCEP;
}

/* Least useful operation in the query, SG_REQUEST_NONE when there is none. */
static inline int naive_lowest(struct naive query, bool *plain)
{
	int lowest = SG_REQUEST_NONE, operation;
	char found, equals;

	do {
		struct naive value = naive_until(&query, "&", &found);
		struct naive name = naive_until(&value, "=", &equals);
		size_t i;

		for (i = 0; i < name.len; i++)
			if (strchr("+[%", name.at[i]))
				*plain = false;
		name = naive_decode(name, true);
		if (!naive_is(name, "operation")) {
			if (name.len == 9 && !strncasecmp(name.at, "operation", 9))
				*plain = false;
			continue;
		}
		operation = naive_operation(value);
		if (lowest == SG_REQUEST_NONE || operation < lowest)
			lowest = operation;
	} while (found);
	return lowest;
}

static inline int naive_class(struct naive method, int lowest)
{
	static const char *const no_answer[] = {"GET", "POST", "HEAD"};
	size_t i;

	if (lowest == SG_REQUEST_NONE)
		return SG_REQUEST_NOT_SCEP;
	if (lowest <= SG_REQUEST_GETNEXTCACERT || naive_is(method, "GET"))
		return lowest;
	if (naive_is(method, "POST"))
		return lowest == SG_REQUEST_PKIOPERATION_GET ? SG_REQUEST_PKIOPERATION_POST
							     : SG_REQUEST_OTHER_SCEP;
	for (i = 0; i < 3; i++)
		if (method.len == strlen(no_answer[i]) &&
		    !strncasecmp(method.at, no_answer[i], method.len))
			return SG_REQUEST_NOT_SCEP;
	return SG_REQUEST_OTHER_SCEP;
}

static inline bool naive_strict_target(struct naive target)
{
	static const char *const schemes[] = {"http://", "https://"};
	size_t i, n;

	if (target.len && target.at[0] == '/')
		return true;
	for (i = 0; i < 2; i++) {
		n = strlen(schemes[i]);
		if (target.len > n && !strncasecmp(target.at, schemes[i], n) &&
		    !strchr("/?#", target.at[n]))
			return true;
	}
	return false;
}

/* Reads one whole line of printable ASCII, without its line end. */
static inline void naive_read_line(struct naive line, struct naive_line *ret)
{
	struct naive method, target;
	char found;
	size_t i;

	method = naive_until(&line, " ", &found);
	if (!method.len || !found)
		return;
	for (i = 0; i < method.len; i++)
		if (!isalnum(method.at[i]) && method.at[i] != '-')
			return;
	target = naive_until(&line, " ", &found);
	if (!naive_strict_target(target) || !found || line.len != 8 ||
	    memcmp(line.at, "HTTP/1.", 7) || line.at[7] < '0' || line.at[7] > '9')
		return;
	ret->strict = true;
	ret->plain = !memchr(target.at, ';', target.len) && !memchr(target.at, '#', target.len);
	target = naive_until(&target, "#", &found);
	naive_until(&target, "?", &found);
	ret->plain = ret->plain && !memchr(target.at, '?', target.len);
	ret->request_class =
		naive_class(method, found ? naive_lowest(target, &ret->plain) : SG_REQUEST_NONE);
}

/* What a strict reader makes of the first request in these bytes. */
static inline struct naive_line naive_strict(const char *bytes, size_t len)
{
	struct naive_line ret = {false, false, SG_REQUEST_UNDECIDED};
	struct naive rest, line;
	unsigned int lines = 0;
	char found;
	size_t i;

	rest = naive_copy(bytes, len);
	do {
		line = naive_until(&rest, "\n", &found);
		if (line.len && line.at[line.len - 1] == '\r')
			line.len--;
	} while (found && !line.len && ++lines <= 4);
	for (i = 0; i < line.len; i++)
		if (line.at[i] < ' ' || line.at[i] > '~')
			line.len = 0;
	if (found && line.len)
		naive_read_line(line, &ret);
	return ret;
}

static inline bool naive_is_useful(int request_class)
{
	return request_class > SG_REQUEST_GETNEXTCACERT;
}

/* Is this final class right for the first request in these bytes?  NULL, or what is wrong. */
static inline const char *naive_judge(const char *bytes, size_t len, int request_class)
{
	struct naive_line line = naive_strict(bytes, len);

	if (naive_is_useful(request_class)) {
		if (!line.strict)
			return "useful class for a line that is not well-formed";
		if (request_class != line.request_class)
			return "another useful class than a strict reader's";
		if (naive_anyone_sees_next(bytes, len))
			return "useful class where a reader can see GetNextCACert";
	} else if (line.strict && line.plain && request_class != line.request_class) {
		return "another class than a strict reader's for a plain line";
	} else if (line.strict && request_class != line.request_class &&
		   request_class != SG_REQUEST_UNDECIDED) {
		return "neither the strict reader's class nor undecided";
	}
	return NULL;
}

#endif
