// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

#define LINE_BYTES 1024

static enum sg_log_level shown = SG_LOG_INFO;
static FILE *stream;

static const struct {
	const char *name;
	int priority; /* syslog(3), what sd-daemon(3) prefixes carry */
} levels[SG_LOG_LEVEL_MAX_] = {
	[SG_LOG_ERROR] = {"error", 3},
	[SG_LOG_WARNING] = {"warning", 4},
	[SG_LOG_INFO] = {"info", 6},
	[SG_LOG_DEBUG] = {"debug", 7},
};

void sg_log_set_level(enum sg_log_level level)
{
	shown = level;
}

enum sg_log_level sg_log_level(void)
{
	return shown;
}

void sg_log_set_stream(FILE *out)
{
	stream = out;
}

const char *sg_log_level_name(enum sg_log_level level)
{
	return levels[level].name;
}

static void write_line(enum sg_log_level level, char *line)
{
	FILE *out = stream ? stream : stderr;

	for (char *p = line; *p; p++)
		if (iscntrl((unsigned char)*p))
			*p = '?';
	if (getenv("JOURNAL_STREAM"))
		fprintf(out, "<%d>%s\n", levels[level].priority, line);
	else
		fprintf(out, "%s: %s\n", levels[level].name, line);
	fflush(out);
}

void sg_log(enum sg_log_level level, const char *fmt, ...)
{
	char line[LINE_BYTES];
	va_list args;

	if (level > shown)
		return;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	write_line(level, line);
}

int sg_log_refusal(int err, const char *fmt, ...)
{
	char line[LINE_BYTES];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	write_line(SG_LOG_ERROR, line);
	return err;
}

int sg_log_err(int err, const char *fmt, ...)
{
	char line[LINE_BYTES];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (err && len >= 0 && (size_t)len < sizeof(line))
		snprintf(line + len, sizeof(line) - (size_t)len, ": %s", strerror(-err));
	write_line(SG_LOG_ERROR, line);
	return err;
}
