// SPDX-License-Identifier: GPL-2.0-only
/* The kinds of values: how each is read, and what to say when it is not one. */
#include <errno.h>
#include <string.h>
#include <linux/if.h>

#include "../util/text.h"
#include "keys.h"

static bool in_bounds(const struct sg_key *key, __u64 value)
{
	return (value >= key->min && value <= key->max) || (!value && key->zero);
}

static int read_word(const struct sg_key *key, const char *text, void *to)
{
	for (unsigned int i = 0; key->words[i]; i++)
		if (!strcmp(key->words[i], text)) {
			*(unsigned int *)to = i;
			return 0;
		}
	return -EINVAL;
}

static void expect_word(const struct sg_key *key, char *buf, size_t size)
{
	for (unsigned int i = 0; key->words[i]; i++)
		sg_text_append(buf, size, "%s%s",
			       !i                  ? ""
			       : key->words[i + 1] ? ", "
						   : " or ",
			       key->words[i]);
}

static int read_flag(const struct sg_key *key, const char *text, void *to)
{
	(void)key;
	if (strcmp(text, "true") && strcmp(text, "false"))
		return -EINVAL;
	*(bool *)to = !strcmp(text, "true");
	return 0;
}

static void expect_flag(const struct sg_key *key, char *buf, size_t size)
{
	(void)key;
	sg_text_append(buf, size, "true or false");
}

static int read_count(const struct sg_key *key, const char *text, void *to)
{
	__u64 value;
	int err;

	err = sg_count_parse(text, &value);
	if (err)
		return err;
	if (!in_bounds(key, value))
		return -ERANGE;
	*(__u32 *)to = (__u32)value;
	return 0;
}

static void expect_count(const struct sg_key *key, char *buf, size_t size)
{
	sg_text_append(buf, size, "a number from %llu to %llu", (unsigned long long)key->min,
		       (unsigned long long)key->max);
}

static int read_limit(const struct sg_key *key, const char *text, void *to)
{
	if (strcmp(text, "none"))
		return read_count(key, text, to);
	*(__u32 *)to = 0;
	return 0;
}

static void expect_limit(const struct sg_key *key, char *buf, size_t size)
{
	expect_count(key, buf, size);
	sg_text_append(buf, size, ", or none");
}

static int read_port(const struct sg_key *key, const char *text, void *to)
{
	__u32 port;
	int err;

	err = read_count(key, text, &port);
	if (err)
		return err;
	*(__u16 *)to = (__u16)port;
	return 0;
}

static void expect_port(const struct sg_key *key, char *buf, size_t size)
{
	(void)key;
	sg_text_append(buf, size, "a TCP port from 1 to 65535");
}

static int read_duration(const struct sg_key *key, const char *text, void *to)
{
	__u64 ns;
	int err;

	err = sg_duration_parse(text, &ns);
	if (err)
		return err;
	if (!in_bounds(key, ns))
		return -ERANGE;
	*(__u64 *)to = ns;
	return 0;
}

static void expect_duration(const struct sg_key *key, char *buf, size_t size)
{
	char min[SG_DURATION_TEXT], max[SG_DURATION_TEXT];

	sg_text_append(buf, size, "a duration from %s to %s",
		       sg_duration_format_exact(key->min, min),
		       sg_duration_format_exact(key->max, max));
	if (key->preset || key->by_profile[0])
		sg_text_append(buf, size, ", such as %s",
			       sg_key_preset(key, SG_CONFIG_PROFILE_CISCO_IOS));
	if (key->zero)
		sg_text_append(buf, size, ", or 0 for never");
}

static int read_timespan(const struct sg_key *key, const char *text, void *to)
{
	if (strcmp(text, "none"))
		return read_duration(key, text, to);
	*(__u64 *)to = 0;
	return 0;
}

static void expect_timespan(const struct sg_key *key, char *buf, size_t size)
{
	expect_duration(key, buf, size);
	sg_text_append(buf, size, ", or none");
}

static int read_rate(const struct sg_key *key, const char *text, void *to)
{
	struct sg_unit_rate rate = {0};
	int err;

	if (strcmp(text, "none")) {
		err = sg_rate_parse(text, &rate);
		if (err)
			return err;
		if (!in_bounds(key, rate.count))
			return -ERANGE;
	}
	memcpy(to, &rate, sizeof(rate));
	return 0;
}

static void expect_rate(const struct sg_key *key, char *buf, size_t size)
{
	(void)key;
	sg_text_append(buf, size, "a rate such as 12/min (/s, /min, /h or /d), or none");
}

static int read_percent(const struct sg_key *key, const char *text, void *to)
{
	__u32 permille;
	int err;

	err = sg_permille_parse(text, &permille);
	if (err)
		return err;
	if (!in_bounds(key, permille))
		return -ERANGE;
	*(__u32 *)to = permille;
	return 0;
}

static void expect_percent(const struct sg_key *key, char *buf, size_t size)
{
	sg_text_append(buf, size, "a percentage from %llu%% to %llu%%",
		       (unsigned long long)key->min / 10, (unsigned long long)key->max / 10);
}

const struct sg_kind sg_kind_word = {read_word, expect_word, NULL};
const struct sg_kind sg_kind_flag = {read_flag, expect_flag, NULL};
const struct sg_kind sg_kind_count = {read_count, expect_count, NULL};
const struct sg_kind sg_kind_limit = {read_limit, expect_limit, NULL};
const struct sg_kind sg_kind_port = {read_port, expect_port, NULL};
const struct sg_kind sg_kind_duration = {read_duration, expect_duration, "ms, s, m, h or d"};
const struct sg_kind sg_kind_timespan = {read_timespan, expect_timespan, "ms, s, m, h or d"};
const struct sg_kind sg_kind_rate = {read_rate, expect_rate, "/s, /min, /h or /d"};
const struct sg_kind sg_kind_percent = {read_percent, expect_percent, "%"};
