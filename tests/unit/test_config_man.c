// SPDX-License-Identifier: GPL-2.0-only
/* The man page against the table of keys: every key, its words, its bounds and its default, and
 * nothing that is not a key.
 */
#include <libgen.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../userspace/config/keys.h"
#include "../../userspace/util/cleanup.h"
#include "../../userspace/util/text.h"

#define ENTRY ".It Ic "

static const struct sg_key_scope *const scopes[] = {&sg_keys_global, &sg_keys_service,
						    &sg_keys_prefix};
static char page[65536];

static int read_page(void **state)
{
	_cleanup_free_ char *here = strdup(__FILE__);
	_cleanup_free_ char *path = NULL;
	_cleanup_fclose_ FILE *f = NULL;

	(void)state;
	if (asprintf(&path, "%s/../../docs/scepguard.yaml.5", dirname(here)) < 0)
		return -1;
	f = fopen(path, "r");
	return f && fread(page, 1, sizeof(page) - 1, f) > 1000 ? 0 : -1;
}

/* The text of a key's entry, on one line. The keys of prefixes come last in the page. */
static void entry_of(const struct sg_key *key, bool prefix, char *buf, size_t size)
{
	const char *from = prefix ? strstr(page, "Each entry of\n.Ic sources.prefixes") : page;
	char heading[96];
	const char *end;

	snprintf(heading, sizeof(heading), "\n" ENTRY "%s\n", key->path);
	assert_non_null(from);
	print_message("%s\n", key->path);
	from = strstr(from, heading);
	assert_non_null(from);
	from += strlen(heading);
	end = strstr(from, "\n.It ");
	if (!end || strstr(from, "\n.El") < end)
		end = strstr(from, "\n.El");
	assert_non_null(end);
	snprintf(buf, size, "%.*s", (int)(end - from), from);
	for (char *p = buf; *p; p++)
		if (*p == '\n')
			*p = ' ';
}

static void assert_says(const struct sg_key *key, const char *entry, const char *text)
{
	if (!strstr(entry, text))
		fail_msg("%s: expected '%s' in: %s", key->path, text, entry);
}

static void check_default(const struct sg_key *key, const char *entry)
{
	char text[128];

	if (key->required) {
		assert_says(key, entry, "Required.");
		return;
	}
	if (key->by_profile[0])
		snprintf(text, sizeof(text), "Default: %s (cisco-ios), %s (generic).",
			 key->by_profile[SG_CONFIG_PROFILE_CISCO_IOS],
			 key->by_profile[SG_CONFIG_PROFILE_GENERIC]);
	else if (key->preset)
		snprintf(text, sizeof(text), "Default: %s.", key->preset);
	else if (key->shape == SG_KEY_SHAPE_OBJECTS)
		return;
	else
		snprintf(text, sizeof(text), "Default: ");
	assert_says(key, entry, text);
}

static bool is_duration(const struct sg_key *key)
{
	return key->kind == &sg_kind_duration || key->kind == &sg_kind_timespan;
}

static void check_bounds(const struct sg_key *key, const char *entry)
{
	char min[SG_DURATION_TEXT], max[SG_DURATION_TEXT], text[128] = "";

	if (is_duration(key))
		snprintf(text, sizeof(text), "%s to %s", sg_duration_format_exact(key->min, min),
			 sg_duration_format_exact(key->max, max));
	else if (key->kind == &sg_kind_percent)
		snprintf(text, sizeof(text), "from %llu%% to %llu%%", key->min / 10, key->max / 10);
	else if (key->kind == &sg_kind_count || key->kind == &sg_kind_limit ||
		 key->kind == &sg_kind_port || key->kind == &sg_kind_rate)
		snprintf(text, sizeof(text), "%llu to %llu", key->min, key->max);
	else if (key->kind == &sg_kind_path && key->preset)
		snprintf(text, sizeof(text), "at most %llu bytes", key->max - 1);
	else if (key->kind == &sg_kind_name)
		snprintf(text, sizeof(text), "1 to %llu letters", key->max - 1);
	assert_says(key, entry, text);
	if (key->shape == SG_KEY_SHAPE_OBJECTS || key->kind == &sg_kind_interface) {
		snprintf(text, sizeof(text), "list of 1 to %u ", key->items_max);
		assert_says(key, entry, text);
	}
	if (key->kind == &sg_kind_limit || key->kind == &sg_kind_timespan ||
	    key->kind == &sg_kind_rate)
		assert_says(key, entry, "or .Cm none ");
}

static void check_words(const struct sg_key *key, const char *entry)
{
	char text[64];

	for (size_t i = 0; key->words && key->words[i]; i++) {
		snprintf(text, sizeof(text), ".Cm %s", key->words[i]);
		assert_says(key, entry, text);
	}
}

static void test_every_key_is_described(void **state)
{
	char entry[4096];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (unsigned int k = 0; k < scopes[i]->count; k++) {
			const struct sg_key *key = &scopes[i]->keys[k];

			entry_of(key, scopes[i] == &sg_keys_prefix, entry, sizeof(entry));
			check_default(key, entry);
			check_bounds(key, entry);
			check_words(key, entry);
		}
}

static bool is_key(const char *name, size_t len)
{
	for (size_t i = 0; i < 3; i++)
		for (unsigned int k = 0; k < scopes[i]->count; k++)
			if (strlen(scopes[i]->keys[k].path) == len &&
			    !memcmp(scopes[i]->keys[k].path, name, len))
				return true;
	return false;
}

static void test_nothing_else_is_described(void **state)
{
	unsigned int count = 0;

	(void)state;
	for (const char *p = strstr(page, "\n" ENTRY); p; p = strstr(p + 1, "\n" ENTRY)) {
		const char *name = p + 1 + strlen(ENTRY);

		if (!is_key(name, strcspn(name, "\n")))
			fail_msg("'%.*s' is not a key", (int)strcspn(name, "\n"), name);
		count++;
	}
	assert_int_equal(count, SG_KEY_GLOBAL_MAX_ + SG_KEY_SERVICE_MAX_ + SG_KEY_PREFIX_MAX_);
}

/* The examples of the page are configurations. */
static void test_examples_load(void **state)
{
	static struct sg_config_errors errors;
	unsigned int count = 0;

	(void)state;
	for (const char *p = strstr(page, ".Bd -literal"); p; p = strstr(p + 1, ".Bd -literal")) {
		const char *text = strchr(p, '\n') + 1, *end = strstr(text, "\n.Ed");
		_cleanup_config_ struct sg_config *conf = NULL;

		assert_non_null(end);
		if (sg_config_parse_memory("man", text, (size_t)(end + 1 - text), &conf, &errors))
			fail_msg("%s", errors.entries[0].text);
		count++;
	}
	assert_int_equal(count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_key_is_described),
		cmocka_unit_test(test_nothing_else_is_described),
		cmocka_unit_test(test_examples_load),
	};

	return cmocka_run_group_tests(tests, read_page, NULL);
}
