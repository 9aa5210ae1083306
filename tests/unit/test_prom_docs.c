// SPDX-License-Identifier: GPL-2.0-only
/* Alert rules and dashboard speak only of metrics that exist, and each alert fires when it should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "../../userspace/export/prom_metric.h"

#define PREFIX "scepguard_"

static void path_of(const char *below_root, char *path, size_t size)
{
	snprintf(path, size, "%.*s../../%s", (int)(strrchr(__FILE__, '/') + 1 - __FILE__), __FILE__,
		 below_root);
}

static char *read_text(const char *below_root)
{
	char path[512], *text;
	FILE *in;
	long size;

	path_of(below_root, path, sizeof(path));
	in = fopen(path, "r");
	if (!in)
		fail_msg("cannot open %s", path);
	fseek(in, 0, SEEK_END);
	size = ftell(in);
	rewind(in);
	text = calloc(1, (size_t)size + 1);
	assert_int_equal(fread(text, 1, (size_t)size, in), size);
	fclose(in);
	return text;
}

/* A histogram is asked for by its series. */
static bool is_metric(const char *name, size_t len)
{
	static const char *const suffixes[] = {"", "_bucket", "_sum", "_count"};

	for (size_t i = 0; i < sg_prom_metric_count; i++) {
		const struct sg_prom_metric *m = &sg_prom_metrics[i];
		const size_t kinds = strcmp(m->type, "histogram") ? 1 : 4;

		for (size_t s = kinds == 1 ? 0 : 1; s < kinds; s++) {
			const size_t own = strlen(m->name);

			if (len == own + strlen(suffixes[s]) && !memcmp(name, m->name, own) &&
			    !memcmp(name + own, suffixes[s], strlen(suffixes[s])))
				return true;
		}
	}
	return false;
}

static void expect_metrics_exist(const char *below_root)
{
	char *text = read_text(below_root);
	unsigned int found = 0;

	for (const char *at = text; (at = strstr(at, PREFIX)); found++) {
		size_t len = 0;

		at += strlen(PREFIX);
		while (islower((unsigned char)at[len]) || isdigit((unsigned char)at[len]) ||
		       at[len] == '_')
			len++;
		if (!is_metric(at, len))
			fail_msg("%s: there is no metric " PREFIX "%.*s", below_root, (int)len, at);
	}
	assert_in_range(found, 10, 1000);
	free(text);
}

static void test_metrics_exist(void **state)
{
	(void)state;
	expect_metrics_exist("docs/alerts.yml");
	expect_metrics_exist("docs/dashboards/scepguard.json");
	expect_metrics_exist("tests/fixtures/alerts_test.yml");
}

static void test_dashboard(void **state)
{
	char path[512];
	json_t *dashboard, *panel;
	size_t i, asking = 0;

	(void)state;
	path_of("docs/dashboards/scepguard.json", path, sizeof(path));
	dashboard = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(dashboard);
	json_array_foreach (json_object_get(dashboard, "panels"), i, panel) {
		assert_true(json_is_string(json_object_get(panel, "title")));
		assert_true(json_is_object(json_object_get(panel, "gridPos")));
		asking += json_array_size(json_object_get(panel, "targets")) > 0;
	}
	assert_in_range(asking, 10, 100);
	json_decref(dashboard);
}

static void test_alerts(void **state)
{
	char path[512], command[600];

	(void)state;
	if (system("command -v promtool >/dev/null 2>&1") != 0) {
		print_message("promtool is not installed (package prometheus): not checked\n");
		skip();
	}
	path_of("docs/alerts.yml", path, sizeof(path));
	snprintf(command, sizeof(command), "promtool check rules '%s' >&2", path);
	assert_int_equal(system(command), 0);
	path_of("tests/fixtures/alerts_test.yml", path, sizeof(path));
	snprintf(command, sizeof(command), "promtool test rules '%s' >&2", path);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_metrics_exist),
		cmocka_unit_test(test_dashboard),
		cmocka_unit_test(test_alerts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
