// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "units.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

struct unit {
	const char *name;
	__u64 ns;
};

/* Largest first: the exact formatter takes the first that divides. */
static const struct unit duration_units[] = {
	{"d", SG_NS_PER_D}, {"h", SG_NS_PER_H},   {"m", SG_NS_PER_MIN},
	{"s", SG_NS_PER_S}, {"ms", SG_NS_PER_MS},
};

static const struct unit rate_units[] = {
	{"s", SG_NS_PER_S},
	{"min", SG_NS_PER_MIN},
	{"h", SG_NS_PER_H},
	{"d", SG_NS_PER_D},
};

/* Reads leading digits. Returns what follows them, or NULL: no digit, or (errno-like in @ret_err)
 * more than fits.
 */
static const char *parse_digits(const char *text, __u64 *ret, int *ret_err)
{
	__u64 value = 0;
	const char *p;

	*ret_err = -EINVAL;
	for (p = text; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (__u64)(*p - '0'), &value)) {
			*ret_err = -ERANGE;
			return NULL;
		}
	if (p == text)
		return NULL;
	*ret = value;
	return p;
}

static const struct unit *find_unit(const struct unit *units, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(units[i].name, name))
			return &units[i];
	return NULL;
}

int sg_duration_parse(const char *text, __u64 *ret_ns)
{
	const struct unit *unit;
	const char *rest;
	__u64 value;
	int err;

	rest = parse_digits(text, &value, &err);
	if (!rest)
		return err;
	if (!*rest && value)
		return -ENODATA;
	if (!*rest) {
		*ret_ns = 0;
		return 0;
	}
	unit = find_unit(duration_units, ARRAY_SIZE(duration_units), rest);
	if (!unit)
		return -EINVAL;
	if (__builtin_mul_overflow(value, unit->ns, &value))
		return -ERANGE;
	*ret_ns = value;
	return 0;
}

int sg_rate_parse(const char *text, struct sg_unit_rate *ret)
{
	const struct unit *unit;
	const char *rest;
	__u64 value;
	int err;

	rest = parse_digits(text, &value, &err);
	if (!rest)
		return err;
	if (!*rest)
		return -ENODATA;
	if (*rest != '/')
		return -EINVAL;
	unit = find_unit(rate_units, ARRAY_SIZE(rate_units), rest + 1);
	if (!unit)
		return -EINVAL;
	if (value > UINT_MAX)
		return -ERANGE;
	*ret = (struct sg_unit_rate){.count = (__u32)value, .per_ns = unit->ns};
	return 0;
}

int sg_permille_parse(const char *text, __u32 *ret)
{
	__u64 whole, tenth = 0;
	const char *rest;
	int err;

	rest = parse_digits(text, &whole, &err);
	if (!rest)
		return err;
	if (rest[0] == '.' && rest[1] >= '0' && rest[1] <= '9') {
		tenth = (__u64)(rest[1] - '0');
		rest += 2;
	}
	if (!*rest)
		return -ENODATA;
	if (strcmp(rest, "%"))
		return -EINVAL;
	if (whole > 100 || (whole == 100 && tenth))
		return -ERANGE;
	*ret = (__u32)(whole * 10 + tenth);
	return 0;
}

int sg_count_parse(const char *text, __u64 *ret)
{
	const char *rest;
	__u64 value;
	int err;

	rest = parse_digits(text, &value, &err);
	if (!rest)
		return err;
	if (*rest)
		return -EINVAL;
	*ret = value;
	return 0;
}

const char *sg_duration_format(__u64 ns, char buf[static SG_DURATION_TEXT])
{
	unsigned long long days = ns / SG_NS_PER_D, hours = ns / SG_NS_PER_H % 24;
	unsigned long long minutes = ns / SG_NS_PER_MIN % 60, seconds = ns / SG_NS_PER_S % 60;

	if (ns < SG_NS_PER_S)
		snprintf(buf, SG_DURATION_TEXT, "%llums", (unsigned long long)(ns / SG_NS_PER_MS));
	else if (ns < SG_NS_PER_MIN)
		snprintf(buf, SG_DURATION_TEXT, "%llus", seconds);
	else if (ns < SG_NS_PER_H)
		snprintf(buf, SG_DURATION_TEXT, "%llum %02llus", minutes, seconds);
	else if (ns < SG_NS_PER_D)
		snprintf(buf, SG_DURATION_TEXT, "%lluh %02llum", hours, minutes);
	else
		snprintf(buf, SG_DURATION_TEXT, "%llud %lluh", days, hours);
	return buf;
}

const char *sg_duration_format_exact(__u64 ns, char buf[static SG_DURATION_TEXT])
{
	__u64 ms = ns / SG_NS_PER_MS;

	if (!ms) {
		snprintf(buf, SG_DURATION_TEXT, "0");
		return buf;
	}
	for (size_t i = 0; i < ARRAY_SIZE(duration_units); i++) {
		__u64 unit_ms = duration_units[i].ns / SG_NS_PER_MS;

		if (ms % unit_ms)
			continue;
		snprintf(buf, SG_DURATION_TEXT, "%llu%s", (unsigned long long)(ms / unit_ms),
			 duration_units[i].name);
		break;
	}
	return buf;
}

const char *sg_rate_format(const struct sg_unit_rate *rate, char buf[static SG_DURATION_TEXT])
{
	char per[SG_DURATION_TEXT];

	for (size_t i = 0; i < ARRAY_SIZE(rate_units); i++)
		if (rate_units[i].ns == rate->per_ns) {
			snprintf(buf, SG_DURATION_TEXT, "%u/%s", rate->count, rate_units[i].name);
			return buf;
		}
	snprintf(buf, SG_DURATION_TEXT, "%u/%.16s", rate->count,
		 sg_duration_format_exact(rate->per_ns, per));
	return buf;
}
