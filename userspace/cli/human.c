// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "human.h"
#include "../util/units.h"

const char *sg_human_count(unsigned long long n, char buf[static SG_HUMAN_TEXT])
{
	char digits[24];
	size_t len = (size_t)snprintf(digits, sizeof(digits), "%llu", n), at = 0;

	for (size_t i = 0; i < len; i++) {
		if (i && (len - i) % 3 == 0)
			buf[at++] = ',';
		buf[at++] = digits[i];
	}
	buf[at] = '\0';
	return buf;
}

/* "9d 0h" is "9d". */
static void drop_empty_unit(char *text)
{
	char *second = strchr(text, ' ');

	if (second && second[1] == '0' && second[1 + strspn(second + 1, "0")] > '9')
		*second = '\0';
}

const char *sg_human_seconds(double seconds, char buf[static SG_HUMAN_TEXT])
{
	/* Above a thousand years the number is nonsense, and would not fit. */
	if (!(seconds > 0))
		return strcpy(buf, "0s");
	if (seconds < 0.001)
		return strcpy(buf, "<1ms");
	if (seconds > 1e10)
		return strcpy(buf, "for ever");
	sg_duration_format((__u64)(seconds * 1e9), buf);
	drop_empty_unit(buf);
	return buf;
}

const char *sg_human_ago(double now, double moment, char buf[static SG_HUMAN_TEXT])
{
	char age[SG_HUMAN_TEXT];

	if (moment <= 0)
		return strcpy(buf, "never");
	if (now - moment < 1)
		return strcpy(buf, "just now");
	snprintf(buf, SG_HUMAN_TEXT, "%.30s ago", sg_human_seconds(now - moment, age));
	return buf;
}

const char *sg_human_clock(double now, double moment, char buf[static SG_HUMAN_TEXT])
{
	time_t at = (time_t)moment, today = (time_t)now;
	struct tm tm, tm_today;

	if (!localtime_r(&at, &tm) || !localtime_r(&today, &tm_today))
		return strcpy(buf, "?");
	if (tm.tm_yday == tm_today.tm_yday && tm.tm_year == tm_today.tm_year)
		strftime(buf, SG_HUMAN_TEXT, "%H:%M:%S", &tm);
	else
		strftime(buf, SG_HUMAN_TEXT, "%Y-%m-%d %H:%M:%S", &tm);
	return buf;
}

const char *sg_human_share(unsigned long long part, unsigned long long whole,
			   char buf[static SG_HUMAN_TEXT])
{
	double percent = whole ? 100.0 * (double)part / (double)whole : 0;

	if (part && percent < 1)
		return strcpy(buf, "<1%");
	if (part < whole && percent > 99)
		return strcpy(buf, ">99%");
	snprintf(buf, SG_HUMAN_TEXT, "%.0f%%", percent);
	return buf;
}
