// SPDX-License-Identifier: GPL-2.0-only
/* What is said when the file is no YAML, is hostile, or has other keys than it should. */
#include "config_says.h"

static void test_not_yaml(void **state)
{
	static const struct wrong cases[] = {
		{"", "f: the file is empty; scepguard.yaml(5) shows what belongs in it\n"},
		{"# only a comment\n",
		 "f: the file is empty; scepguard.yaml(5) shows what belongs in it\n"},
		{"- a\n"
		 "- b\n",
		 "f:1: expected 'key: value' lines such as 'mode: observe'\n"},
		{"just text\n", "f:1: expected 'key: value' lines such as 'mode: observe'\n"},
		{"mode: [observe\n",
		 "f:2: not YAML: did not find expected ',' or ']' while parsing a flow sequence that began in line 1\n"},
		{"mode: \"observe\n",
		 "f:2: not YAML: found unexpected end of stream while scanning a quoted scalar that began in line 1\n"},
		{"a: b: c\n", "f:1: not YAML: mapping values are not allowed in this context\n"},
		{VALID "log:\n"
		       "\tlevel: info\n",
		 "f:6: found a tab in the indentation; YAML wants blanks there\n"},
		{"mode: caf\xe9"
		 "\n",
		 "f:1: expected UTF-8 text, found byte 0xe9; save the file as UTF-8\n"},
		{TOP "mode: \"ob\\0serve\"\n",
		 "f:2: found a NUL character (\\0); expected plain values, in quotes if they look like one\n"},
		{VALID "---\n"
		       "mode: police\n",
		 "f:5: found a second document ('---'); a configuration is one document\n"},
	};

	(void)state;
	assert_all_say(cases, ARRAY_SIZE(cases));
}

static void test_hostile_yaml(void **state)
{
	static const struct wrong cases[] = {
		{"a: &a [1, 2]\n",
		 "f:1: found an anchor (&name); expected plain values, in quotes if they look like one\n"},
		{"a: *b\n",
		 "f:1: found an alias (*name); expected plain values, in quotes if they look like one\n"},
		{"mode: !!str observe\n",
		 "f:1: found a tag (!name); expected plain values, in quotes if they look like one\n"},
		{"x: &x {a: 1}\n"
		 "y: [*x, *x]\n",
		 "f:1: found an anchor (&name); expected plain values, in quotes if they look like one\n"},
		{"a: [[[[[[[[[1]]]]]]]]]\n",
		 "f:1: found more than 8 levels; no key is that deep\n"},
	};

	(void)state;
	assert_all_say(cases, ARRAY_SIZE(cases));
}

static void test_unknown_keys(void **state)
{
	static const struct wrong cases[] = {
		{VALID "mdoe: police\n", "f:5: unknown key 'mdoe'; did you mean 'mode'?\n"},
		{VALID "frobnicate: 1\n",
		 "f:5: unknown key 'frobnicate'; known here: mode, interfaces, xdp, time_scale, paths, services, sources, tables, metrics, log\n"},
		{VALID "  window: 60s\n",
		 "f:5: service 'ca': unknown key 'window'; did you mean 'limits.window'? Check the indentation\n"},
		{VALID "  limits.window: 60s\n",
		 "f:5: service 'ca': unknown key 'limits.window'; write each part on a line of its own, indented below the one before\n"},
		{VALID "  limits: {windwo: 60s}\n",
		 "f:5: service 'ca': limits: unknown key 'windwo'; did you mean 'window'?\n"},
		{VALID "sources: {defaults: {rate: 1/s}}\n",
		 "f:5: sources: unknown key 'defaults'; did you mean 'default'?\n"},
		{VALID "sources: {prefixes: [{prefix: 10.0.0.0/8, alow: true}]}\n",
		 "f:5: prefix '10.0.0.0/8': unknown key 'alow'; known here: prefix, rate, burst, connections, exempt, deny\n"},
		{VALID "? [a, b]\n"
		       ": c\n",
		 "f:5: expected the name of a key, found a list\n"},
		{VALID "\"a\\nb\": 1\n",
		 "f:5: unknown key 'a?b'; known here: mode, interfaces, xdp, time_scale, paths, services, sources, tables, metrics, log\n"},
	};

	(void)state;
	assert_all_say(cases, ARRAY_SIZE(cases));
}

static void test_wrong_shape(void **state)
{
	static const struct wrong cases[] = {
		{"interfaces: eth0\n" SERVICE,
		 "f:1: interfaces: expected a list, found a single value; write for example 'interfaces: [eth0, eth1]'\n"},
		{"interfaces: []\n" SERVICE,
		 "f:1: interfaces: expected at least one entry, found an empty list; write at least one\n"},
		{"interfaces: [[eth0]]\n" SERVICE,
		 "f:1: interfaces: expected a single value in each entry, found a list\n"},
		{TOP "services: {name: ca}\n",
		 "f:2: services: expected a list, found keys and values; write for example 'services: [{name: branch-ca, addresses: [192.0.2.10]}]'\n"},
		{TOP "services: []\n",
		 "f:2: services: expected at least one entry, found an empty list; write at least one\n"},
		{TOP "services: [ca]\n",
		 "f:2: services: expected keys and values in each entry, found a single value\n"},
		{TOP "services:\n",
		 "f:2: services: expected a list, found nothing; write for example 'services: [{name: branch-ca, addresses: [192.0.2.10]}]'\n"},
		{VALID "  limits: 80\n",
		 "f:5: service 'ca': limits: expected keys below it, such as 'connections:', found a single value\n"},
		{VALID "  limits:\n",
		 "f:5: service 'ca': limits: expected keys below it, such as 'connections:', found nothing\n"},
		{VALID "  ports: 80\n",
		 "f:5: service 'ca': ports: expected a list, found a single value; write for example 'ports: [80]'\n"},
		{VALID "  refuse: [drop]\n",
		 "f:5: service 'ca': refuse: expected drop or reset, found a list\n"},
		{VALID "mode: {a: b}\n",
		 "f:5: mode: expected observe, police or intercept, found keys and values\n"},
		{VALID "sources: {prefixes: []}\n",
		 "f:5: sources.prefixes: expected at least one entry, found an empty list; remove the key if there is none\n"},
		{VALID "log: {level: info, level: debug}\n",
		 "f:5: log.level: written twice, first in line 5; remove one\n"},
		{VALID "log: {level: info}\n"
		       "log: {requests: off}\n",
		 "f:6: log: written twice, first in line 5; remove one\n"},
	};

	(void)state;
	assert_all_say(cases, ARRAY_SIZE(cases));
}

static void test_missing(void **state)
{
	static const struct wrong cases[] = {
		{"mode: observe\n",
		 "f:1: interfaces: missing; write for example 'interfaces: [eth0, eth1]'\n"
		 "f:1: services: missing; write for example 'services: [{name: branch-ca, addresses: [192.0.2.10]}]'\n"},
		{TOP "services: [{ports: [80]}]\n",
		 "f:2: service number 1: name: missing; write for example 'name: branch-ca'\n"
		 "f:2: service number 1: addresses: missing; write for example 'addresses: [192.0.2.10]'\n"},
		{VALID "sources: {prefixes: [{deny: true}]}\n",
		 "f:5: prefix number 1: prefix: missing; write for example 'prefix: 10.9.0.0/16'\n"},
		{TOP "services: [{name: ca, addresses: [192.0.2.1]}, {addresses: [192.0.2.2]}]\n",
		 "f:2: service number 2: name: missing; write for example 'name: branch-ca'\n"},
	};

	(void)state;
	assert_all_say(cases, ARRAY_SIZE(cases));
}

static void test_file_cannot_be_read(void **state)
{
	struct sg_config *conf = (void *)0x1;

	(void)state;
	assert_int_equal(sg_config_load("/nonexistent/x.yaml", &conf, &errors), -ENOENT);
	assert_int_equal(errors.count, 1);
	assert_string_equal(
		errors.entries[0].text,
		"/nonexistent/x.yaml: cannot be read: No such file or directory; write one, "
		"docs/scepguard.example.yaml shows how");
	assert_int_equal(sg_config_load("/", &conf, &errors), -EISDIR);
	assert_string_equal(errors.entries[0].text, "/: cannot be read: Is a directory");
	assert_int_equal(sg_config_load("/dev/null", &conf, &errors), -ENOTSUP);
	assert_string_equal(errors.entries[0].text,
			    "/dev/null: cannot be read: not a regular file");
	assert_ptr_equal(conf, (void *)0x1);
}

static void test_file_size(void **state)
{
	size_t max = SG_CONFIG_FILE_MAX, len = strlen(VALID);
	_cleanup_free_ char *text = malloc(max + 1);
	_cleanup_config_ struct sg_config *conf = NULL;
	struct sg_config *untouched = NULL;

	(void)state;
	assert_non_null(text);
	memset(text, '#', max + 1); /* not a string: the length is what counts */
	for (size_t i = 0; i < len; i++)
		text[i] = VALID[i];
	assert_int_equal(sg_config_parse_memory("f", text, max, &conf, &errors), 0);
	assert_int_equal(sg_config_parse_memory("f", text, max + 1, &untouched, &errors), -EINVAL);
	assert_null(untouched);
	assert_string_equal(
		errors.entries[0].text,
		"f: expected a file of at most 256 KiB, found more; is it the right one?");
}

static void test_many_errors(void **state)
{
	char text[8192] = VALID, shown[65536] = "";
	struct sg_config *conf = NULL;
	FILE *out;

	(void)state;
	for (int i = 0; i < SG_CONFIG_ERRORS_MAX + 5; i++)
		sg_text_append(text, sizeof(text), "unknown_%d: 1\n", i);
	assert_int_equal(sg_config_parse_memory("f", text, strlen(text), &conf, &errors), -EINVAL);
	assert_int_equal(errors.count, SG_CONFIG_ERRORS_MAX);
	assert_int_equal(errors.lost, 5);
	assert_int_equal(errors.entries[0].line, 5);
	assert_int_equal(errors.entries[0].column, 1);
	out = fmemopen(shown, sizeof(shown), "w");
	assert_non_null(out);
	sg_config_errors_print(&errors, out);
	fclose(out);
	assert_non_null(strstr(shown, "f:5: unknown key 'unknown_0'"));
	assert_non_null(strstr(shown, "\nf: 5 more errors, not shown\n"));
}

static void test_deep_and_long(void **state)
{
	static const char *const openings[] = {"[", "{a: ", "- ", "? ", "[{"};
	_cleanup_free_ char *text = malloc(SG_CONFIG_FILE_MAX);
	struct sg_config *conf = NULL;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < ARRAY_SIZE(openings); i++) {
		size_t n = strlen(openings[i]);

		for (size_t at = 0; at < SG_CONFIG_FILE_MAX; at++)
			text[at] = openings[i][at % n];
		assert_int_equal(
			sg_config_parse_memory("f", text, SG_CONFIG_FILE_MAX, &conf, &errors),
			-EINVAL);
		assert_non_null(strstr(errors.entries[0].text, "found more than 8 levels"));
	}
	assert_null(conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_yaml),      cmocka_unit_test(test_hostile_yaml),
		cmocka_unit_test(test_unknown_keys),  cmocka_unit_test(test_wrong_shape),
		cmocka_unit_test(test_missing),       cmocka_unit_test(test_file_cannot_be_read),
		cmocka_unit_test(test_file_size),     cmocka_unit_test(test_many_errors),
		cmocka_unit_test(test_deep_and_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
