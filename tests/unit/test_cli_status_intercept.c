// SPDX-License-Identifier: GPL-2.0-only
/* The status page in intercept, and when it was left. */
#include "status_page.h"

static void test_intercept(void **state)
{
	(void)state;
	IN_ORDER(
		"intercept", "intercept on eth0", "The CA is serving.",
		"In the last minute the guard answered 1,240 SYNs itself, passed 61 requests on to the "
		"CA, and answered 1,179 in its place.",
		"1,170 refusals in the CA's own words, 8 by their status alone; 1 told to come "
		"back",
		"waiting as requests longest enrolment 2 1s bootstrap 1,203 14s",
		"30 requests were held, 27 had their turn, 1 waited in vain",
		"11 connections are spliced now.",
		"3 questions learned, one is being asked again (scepguard questions).",
		"31,000 segments belonged to no connection, 2 had a proof that was too old",
		"competing as let through not at once mostly because", "enrolment 4 3 window",
		"112 not at once", "1. branch-ca is asked for its next certificate 1,180 times");
	expect_absent("intercept", "polices");
	expect_absent("intercept", "Leaving");
	expect_absent("intercept", "in progress 0");
	expect_absent("intercept", "2. ");
}

static void test_intercept_calm(void **state)
{
	_cleanup_json_ json_t *doc = situation("calm");

	(void)state;
	json_object_set_new(doc, "mode", json_string("intercept"));
	expect_on_page(doc, "The guard intercepts. Nobody tried to connect", true);
	expect_on_page(doc, "Nobody waits for a turn.", true);
	expect_on_page(doc, "spliced", false);
	expect_on_page(doc, "learned", false);
	expect_on_page(doc, "In its place", false);
	expect_on_page(doc, "waited in vain", false);
	expect_on_page(doc, "belonged to no connection", false);
	expect_on_page(doc, "Nothing: all is calm", true);
}

static void test_leaving_intercept(void **state)
{
	_cleanup_json_ json_t *doc = situation("intercept");

	(void)state;
	json_object_set_new(doc, "mode", json_string("police"));
	expect_on_page(doc, "Leaving intercept", false); /* whatever is left, the guard says when */
	json_object_set_new(doc, "draining", json_true());
	expect_on_page(
		doc,
		"Leaving intercept: 11 connections still spliced, 1,205 requests still waiting "
		"for a turn. They are finished first. The guard refused",
		true);
	json_object_set_new(part(doc, "intercept"), "splices", json_integer(1));
	json_object_set_new(part(doc, "intercept"), "waiting", json_object());
	expect_on_page(doc, "1 connection still spliced, 0 requests still", true);
	json_object_set_new(part(doc, "intercept"), "splices", json_integer(0));
	expect_on_page(doc, "Leaving intercept: nothing is left of it but handshakes", true);
}

/* Not in force though configured, and not because a trial runs. */
static void test_not_as_configured(void **state)
{
	_cleanup_json_ json_t *doc = situation("intercept");

	(void)state;
	expect_on_page(doc, "The configuration says intercept", false);
	json_object_set_new(doc, "mode", json_string("police"));
	expect_on_page(doc, "The configuration says intercept, and the guard is in police", true);
	expect_on_page(doc, "journalctl -u scepguard", true);
	json_object_set_new(doc, "mode_until_time", json_real(NOW + 60));
	expect_on_page(doc, "The configuration says intercept", false);
	json_object_set_new(doc, "mode_until_time", json_null());
	json_object_set_new(json_object_get(doc, "config"), "mode", json_string("police"));
	expect_on_page(doc, "The configuration says intercept", false);
}

/* The guard looks for itself whether the answers pass here; what it does about it is no trial of a person's. */
static void test_bypass(void **state)
{
	_cleanup_json_ json_t *doc = situation("intercept");

	(void)state;
	json_object_set_new(doc, "mode", json_string("police"));
	json_object_set_new(doc, "mode_then", json_string("intercept"));
	json_object_set_new(doc, "mode_until_time", json_real(NOW + 60));
	json_object_set_new(part(doc, "intercept"), "bypass", json_string("tried"));
	json_object_set_new(part(doc, "intercept"), "bypass_since_time", json_real(NOW - 150));
	expect_on_page(
		doc,
		"branch-ca was asked, and nothing of it has come for 2m 30s: it is down, or its "
		"answers take another way. The guard tries police to find out which.",
		true);
	expect_on_page(doc, "mode --confirm", false);
	json_object_set_new(part(doc, "intercept"), "bypass", json_string("found"));
	json_object_set_new(part(doc, "intercept"), "bypass_seen", json_integer(1234));
	json_object_set_new(first_service(doc), "one_sided", json_true());
	expect_on_page(
		doc,
		"branch-ca: its answers come past this host: none has passed here for 2m 30s, while as "
		"many as 1,234 connections at once were served. Intercept is not possible so; the guard fell back to "
		"police, until an answer passes here.",
		true);
	expect_on_page(doc, "Lead the CA's way to its clients through this host", true);
	expect_on_page(doc, "put the guard where both directions pass", false); /* said already */
	expect_on_page(doc, "mode --confirm", false);
	json_object_set_new(doc, "mode_until_time", json_null());
	expect_on_page(doc, "branch-ca: its answers come past this host", true);
	expect_on_page(doc, "The configuration says", false);
	json_object_set_new(doc, "mode", json_string("intercept"));
	expect_on_page(doc, "its answers come past this host", false);
	json_object_set_new(doc, "mode_until_time", json_real(NOW + 60));
	expect_on_page(doc, "mode --confirm", true);
}

/* Who comes back to intercept by himself is not told to try it. */
static void test_storm_in_police(void **state)
{
	_cleanup_json_ json_t *doc = situation("storm_police");

	(void)state;
	expect_on_page(doc, "cannot tell enrolments from the storm", true);
	json_object_set_new(doc, "mode_then", json_string("intercept"));
	json_object_set_new(doc, "mode_until_time", json_real(NOW + 60));
	expect_on_page(doc, "cannot tell enrolments from the storm", false);
	json_object_set_new(doc, "mode_until_time", json_null()); /* for good */
	expect_on_page(doc, "cannot tell enrolments from the storm", true);
}

static void expect_minute_advice(const char *counter, int enough, const char *sentence)
{
	for (int n = enough - 1; n <= enough; n++) {
		_cleanup_json_ json_t *doc = situation("intercept");

		json_object_set_new(part(doc, "counters_per_minute"), counter, json_integer(n));
		expect_on_page(doc, sentence, n == enough);
	}
}

static void test_advice_in_intercept(void **state)
{
	(void)state;
	expect_minute_advice("held_expired", 5, "requests waited in vain");
	expect_minute_advice("held_full", 1, "requests of the last minute had no room to wait");
	expect_minute_advice("mismatches", 1,
			     "connection(s) of the last minute were ended because a request came");
	expect_minute_advice("bad_checksum", 5, "requests of the last minute had a wrong checksum");
}

/* A storm that the guard answers is one still; who waited in vain is none. */
static void test_storm_at_the_edge(void **state)
{
	static const struct {
		const char *counter;
		bool storm, still; /* when as many have waited in vain */
	} cases[] = {{"edge_as_ca", true, true},
		     {"edge_status", true, true},
		     {"edge_busy", true, false},
		     {"cookies_sent", false, false}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_json_ json_t *doc = situation("intercept");

		json_object_set_new(first_service(doc), "counters_per_minute",
				    json_pack("{s:i}", cases[i].counter, 100));
		assert_int_equal(sg_status_is_storm(first_service(doc)), cases[i].storm);
		json_object_set_new(part(doc, "counters_per_minute"), "held_expired",
				    json_integer(95));
		assert_int_equal(sg_status_is_storm(first_service(doc)), cases[i].still);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_intercept),
		cmocka_unit_test(test_intercept_calm),
		cmocka_unit_test(test_leaving_intercept),
		cmocka_unit_test(test_not_as_configured),
		cmocka_unit_test(test_bypass),
		cmocka_unit_test(test_storm_in_police),
		cmocka_unit_test(test_advice_in_intercept),
		cmocka_unit_test(test_storm_at_the_edge),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
