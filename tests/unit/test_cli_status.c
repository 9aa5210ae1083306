// SPDX-License-Identifier: GPL-2.0-only
/* The status page, from documents in tests/fixtures/cli. A situation is calm.json with differences. */
#include "status_page.h"

static void test_calm(void **state)
{
	(void)state;
	IN_ORDER("calm", "observe on eth0 (native), eth1 (native), daemon up 5d 2h",
		 "branch-ca 192.168.105.3 port 80", "The CA is serving.",
		 "6 of 80 guard's cap 77 worst 21", "1 of 16", "Asked 6 times in the last minute",
		 "GetCACert 2 33% 1,633 2xx 100%", "2xx >99%, 5xx <1%",
		 "within 25ms, 95% within 50ms", "refuses nothing", "0 of 6 attempts",
		 "ready, as far as can be seen", "200 application/x-x509-next-ca-cert, 20m ago",
		 "What to do now", "Nothing: all is calm");
	expect_absent("calm", "went deaf");
	expect_absent("calm", "1. ");
}

static void test_storm_observe(void **state)
{
	(void)state;
	IN_ORDER("storm_observe", "The CA is serving.", "74 of 80 guard's cap 77 worst 93",
		 "It went deaf 6 times, for 1m 31s in all", "GetNextCACert 61 88% 12,340 4xx 100%",
		 "GetCACert 4 6%", "PKIOperation-GET 3 4%", "PKIOperation-POST 0 0% 22",
		 "not-SCEP 0 0% 3", "would have refused 48 of 102 attempts",
		 "rollover 44 47 window_reserved", "window_reserved: the last places are kept",
		 "not ready", "404, 1s ago", "1. branch-ca was", "worst window 93 of 80",
		 "scepguard mode police --confirm-within 10m -c x.yaml",
		 "2. branch-ca is asked for its next certificate 61 times a minute",
		 "auto-rollover DAYS");
	expect_absent("storm_observe", "calm");
	expect_absent("storm_observe", "3. ");
}

/* The same rush, answered with certificates, is what should be. */
static void test_no_storm_when_ready(void **state)
{
	static const char *const ready[] = {"ready", "ready_unverified"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		_cleanup_json_ json_t *doc = situation("storm_police");
		json_t *service = json_array_get(json_object_get(doc, "services"), 0);
		char *page;

		assert_true(sg_status_is_storm(service));
		json_object_set_new(json_object_get(service, "shadow"), "state",
				    json_string(ready[i]));
		assert_false(sg_status_is_storm(service));
		page = render_doc(doc, (struct sg_style){.width = 100});
		assert_null(strstr(page, "auto-rollover"));
		free(page);
	}
}

static void test_storm_police(void **state)
{
	(void)state;
	IN_ORDER("storm_police", "police until 00:07:00, then observe", "76 of 80",
		 "refused 1,171 of 1,247 attempts", "in_progress 12 0",
		 "rollover 40 1,160 window_reserved", "other 6 8",
		 "43,200 let through, 1,112,000 refused",
		 "1. police is on trial: in 7m the guard falls back to observe",
		 "scepguard mode --confirm -c x.yaml", "2. branch-ca is asked",
		 "auto-rollover DAYS", "3. Police keeps branch-ca listening",
		 "it refused 3 of 33 attempts to enrol", "scepguard check -c",
		 "scepguard mode intercept --confirm-within 10m -c x.yaml");
	expect_absent("storm_police", "mode police --confirm-within");
	expect_absent("storm_police", "(an estimate");
}

/* As long as no enrolment is refused, intercept is no more than an idea. */
static void test_storm_that_refuses_no_enrolment(void **state)
{
	_cleanup_json_ json_t *doc = situation("storm_police");

	(void)state;
	json_object_del(part(doc, "verdicts_per_minute.enrolment"), "source_rate");
	json_object_del(part(doc, "verdicts_per_minute.bootstrap"), "slots_reserved");
	expect_on_page(doc, "3. Until then police keeps branch-ca listening", true);
	expect_on_page(doc, "scepguard check -c", true);
	expect_on_page(doc, "mode intercept", false);
}

static void test_deaf(void **state)
{
	(void)state;
	IN_ORDER("deaf", "The CA is deaf. It has left SYNs unanswered for 7s.", "tries again in 8s",
		 "should not listen for another 7s", "It went deaf 1 time, for 7s",
		 "rollover 12 212 ca_deaf", "1. branch-ca is deaf: wait",
		 "lower limits.connections");
}

static void test_deaf_in_observe(void **state)
{
	_cleanup_json_ json_t *doc = situation("deaf");
	char *page;

	(void)state;
	json_object_set_new(doc, "mode", json_string("observe"));
	page = flatten(render_doc(doc, (struct sg_style){.width = 100}));
	assert_non_null(strstr(page, "clients go on trying."));
	assert_non_null(strstr(page, "1. branch-ca is deaf, and nobody can enrol."));
	assert_non_null(strstr(page, "scepguard mode police --confirm-within 10m"));
	assert_null(strstr(page, "tries again in"));
	free(page);
}

static void test_no_data(void **state)
{
	(void)state;
	IN_ORDER("no_data", "No data yet. Nobody has connected", "0 of 80",
		 "not been asked anything", "Nobody tried to connect",
		 "Shadow certificate: unknown", "1. branch-ca: nobody has",
		 "scepguard check -c /etc/scepguard/scepguard.yaml");
	expect_absent("no_data", "calm");
	expect_absent("no_data", "Last answer");
}

static void test_one_sided(void **state)
{
	(void)state;
	IN_ORDER("one_sided", "Unknown. The CA's packets do not pass",
		 "GetCACert 2 33% 1,633 none seen",
		 "1. branch-ca: put the guard where both directions pass", "scepguard check");
	expect_absent("one_sided", "of 80"); /* what cannot be counted is not shown as 0 */
}

static void test_just_started(void **state)
{
	(void)state;
	IN_ORDER("just_started", "daemon up 2s (so figures of the last minute are not whole yet)",
		 "The CA is serving. Last connection answered: just now", "Asked 1 time in",
		 "Since it was loaded, 2s ago: 1 would have passed", "Nothing: all is calm");
}

static void test_silent(void **state)
{
	(void)state;
	IN_ORDER("silent", "The CA does not answer. 14 SYNs in a row", "last answer: 2h 13m ago",
		 "1. branch-ca does not answer at all", "ping 192.168.105.3");
}

static void test_trouble(void **state)
{
	static const struct {
		const char *name;
		bool trouble;
	} cases[] = {{"calm", false},  {"storm_observe", false}, {"storm_police", false},
		     {"deaf", true},   {"no_data", false},       {"one_sided", false},
		     {"silent", true}, {"just_started", false},  {"intercept", false}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_json_ json_t *doc = situation(cases[i].name);

		assert_int_equal(sg_status_in_trouble(doc), cases[i].trouble);
	}
}

/* One difference, one sentence. */
static void expect_advice(const char *path, json_t *value, const char *sentence)
{
	_cleanup_json_ json_t *doc = situation("calm");
	char *page, parent[64], *dot;

	page = render_doc(doc, (struct sg_style){.width = 1000});
	assert_null(strstr(page, sentence));
	free(page);
	snprintf(parent, sizeof(parent), "%s", path);
	dot = strrchr(parent, '.');
	if (dot)
		*dot = '\0';
	else
		parent[0] = '\0';
	json_object_set_new((json_t *)(uintptr_t)sg_doc_at(doc, parent), dot ? dot + 1 : path,
			    value);
	page = render_doc(doc, (struct sg_style){.width = 400});
	if (!strstr(page, sentence) || strstr(page, "all is calm"))
		fail_msg("%s: no '%s' in:\n%s", path, sentence, page);
	free(page);
}

static void test_advice_on_the_guard(void **state)
{
	(void)state;
	expect_advice("taken_time", json_real(NOW - 95), "These numbers are 1m 35s old");
	expect_advice("config.reload_ok", json_false(), "The last reload was refused");
	expect_advice("connections.used", json_integer(16000),
		      "The table of connections is nearly");
	expect_advice("sources.used", json_integer(65000), "Raise tables.sources");
	expect_advice(
		"attachments",
		json_pack("[{s:s, s:b, s:s}]", "interface", "eth7", "present", 0, "xdp", "native"),
		"eth7 is missing");
}

static void expect_service_advice(const char *child, const char *key, json_t *value,
				  const char *mode, const char *sentence)
{
	_cleanup_json_ json_t *doc = situation("calm");
	json_t *service = json_array_get(json_object_get(doc, "services"), 0);
	char *page;

	json_object_set_new(doc, "mode", json_string(mode));
	json_object_set_new((json_t *)(uintptr_t)sg_doc_at(service, child), key, value);
	page = render_doc(doc, (struct sg_style){.width = 400});
	if (!strstr(page, sentence))
		fail_msg("%s.%s: no '%s' in:\n%s", child, key, sentence, page);
	free(page);
}

static void test_advice_on_a_service(void **state)
{
	(void)state;
	expect_service_advice("counters", "forged", json_integer(3), "police",
			      "3 packet(s) claimed");
	expect_service_advice("mirror.window", "used", json_integer(78), "police",
			      "answered 78 connections in its window");
	expect_service_advice("mirror.slots", "peak", json_integer(16), "observe",
			      "was brought to its limits");
	expect_service_advice("verdicts_per_minute.enrolment", "source_rate", json_integer(5),
			      "police", "5 of 11 attempts to enrol were refused");
	expect_service_advice("verdicts_per_minute.bootstrap", "source_connections",
			      json_integer(6), "observe",
			      "6 of 12 attempts to enrol would have been");
	expect_service_advice("shadow", "state", json_string("wrong_path"), "observe",
			      "answers 404 to everything");
}

/* At n the CA trips, at n - 1 it does not. */
static void test_limit_is_reached_at_the_limit(void **state)
{
	(void)state;
	for (int worst = 79; worst <= 80; worst++) {
		_cleanup_json_ json_t *doc = situation("calm");
		json_t *service = json_array_get(json_object_get(doc, "services"), 0);
		char *page;

		json_object_set_new((json_t *)(uintptr_t)sg_doc_at(service, "mirror.window"),
				    "worst", json_integer(worst));
		page = render_doc(doc, (struct sg_style){.width = 100});
		assert_int_equal(strstr(page, "was brought to its limits") != NULL, worst == 80);
		free(page);
	}
}

static const char *const situations[] = {"calm",         "storm_observe", "storm_police",
					 "deaf",         "no_data",       "one_sided",
					 "just_started", "silent",        "intercept"};

/* No line is wider than the terminal, save what is to be typed. */
static void test_widths(void **state)
{
	static const int widths[] = {80, 100, 149, 150, 200, 400};

	(void)state;
	for (size_t s = 0; s < sizeof(situations) / sizeof(situations[0]); s++)
		for (size_t w = 0; w < sizeof(widths) / sizeof(widths[0]); w++) {
			char *page = render(situations[s], widths[w]), *at, *line;

			for (line = strtok_r(page, "\n", &at); line;
			     line = strtok_r(NULL, "\n", &at))
				if (strncmp(line, "       ", 7) != 0 &&
				    sg_text_columns(line) > (size_t)widths[w])
					fail_msg("%s at %d: '%s'", situations[s], widths[w], line);
			free(page);
		}
}

static void test_wide_is_side_by_side(void **state)
{
	char *narrow = render("calm", SG_STATUS_WIDE - 1), *wide = render("calm", SG_STATUS_WIDE);
	const char *first = strstr(wide, "The CA is serving"),
		   *second = strstr(wide, "Asked 6 times");

	(void)state;
	assert_true(second > first && !memchr(first, '\n', (size_t)(second - first)));
	first = strstr(narrow, "The CA is serving");
	second = strstr(narrow, "Asked 6 times");
	assert_true(second > first && memchr(first, '\n', (size_t)(second - first)));
	free(narrow);
	free(wide);
}

static bool is_ascii(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

static void test_plain_terminals(void **state)
{
	_cleanup_json_ json_t *doc = situation("storm_police");
	char *page;

	(void)state;
	page = render_doc(doc, (struct sg_style){.width = 80});
	assert_null(strchr(page, '\033'));
	assert_true(is_ascii(page));
	free(page);
	page = render_doc(doc, (struct sg_style){.width = 80, .bars = true});
	assert_non_null(strstr(page, "#########.  76"));
	assert_true(is_ascii(page));
	free(page);
	page = render_doc(
		doc, (struct sg_style){.width = 80, .bars = true, .utf8 = true, .color = true});
	assert_non_null(strstr(page, "█████████░  76"));
	assert_non_null(strstr(page, "\033[32mThe CA is serving.\033[0m"));
	assert_non_null(strstr(page, "\033[31mworst 93\033[0m"));
	free(page);
}

/* A document of another version, or none at all, is no reason to crash. */
static void test_strange_documents(void **state)
{
	static const char *const strange[] = {
		"{}",
		"{\"services\": []}",
		"{\"services\": [{}]}",
		"{\"services\": [null, 1, \"x\", {\"mirror\": 7, \"addresses\": [1], \"ports\": \"x\"}]}",
		"{\"services\": {}, \"mode\": 1, \"attachments\": [[]]}",
		"{\"services\": [{\"latency\": {\"counts\": [1, \"x\"], \"bounds_seconds\": {}}}]}",
		"{\"services\": [{\"mirror\": {\"window\": {\"seconds\": 1e300, \"used\": -5}}}]}",
		"{\"mode\": \"intercept\", \"draining\": 7, \"services\": [{\"intercept\": 7}]}",
		"{\"mode\": \"intercept\", \"services\": [{\"intercept\": {\"waiting\": []}}]}",
		"{\"mode\": \"police\", \"draining\": true, \"services\": [{}]}",
		"{\"services\": [{\"requests\": {\"a\": 1e9, \"b\": 5}, \"answers\": []}]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
		_cleanup_json_ json_t *doc = json_loads(strange[i], 0, NULL);

		assert_non_null(doc);
		free(render_doc(doc, (struct sg_style){.width = 80, .bars = true}));
		sg_status_in_trouble(doc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calm),
		cmocka_unit_test(test_storm_observe),
		cmocka_unit_test(test_no_storm_when_ready),
		cmocka_unit_test(test_storm_police),
		cmocka_unit_test(test_storm_that_refuses_no_enrolment),
		cmocka_unit_test(test_deaf),
		cmocka_unit_test(test_deaf_in_observe),
		cmocka_unit_test(test_no_data),
		cmocka_unit_test(test_one_sided),
		cmocka_unit_test(test_just_started),
		cmocka_unit_test(test_silent),
		cmocka_unit_test(test_trouble),
		cmocka_unit_test(test_advice_on_the_guard),
		cmocka_unit_test(test_advice_on_a_service),
		cmocka_unit_test(test_limit_is_reached_at_the_limit),
		cmocka_unit_test(test_widths),
		cmocka_unit_test(test_wide_is_side_by_side),
		cmocka_unit_test(test_plain_terminals),
		cmocka_unit_test(test_strange_documents),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
