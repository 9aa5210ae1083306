// SPDX-License-Identifier: GPL-2.0-only
/* explain, sources, mode and the page without a daemon. */
#include <errno.h>

#include "cli_fixture.h"
#include "../../bpf/abi/reasons.h"
#include "../../userspace/cli/offline.h"
#include "../../userspace/cli/render.h"

static const struct sg_style style80 = {.width = 80};

static char *explain(const json_t *doc, const char *mode)
{
	struct sg_lines lines = {0};

	sg_render_explain(doc, &style80, mode, NOW, &lines);
	return flat(&lines);
}

static void test_explain_refused(void **state)
{
	_cleanup_json_ json_t *doc = load("explain_refused");
	char *text = explain(doc, "police");

	(void)state;
	EXPECT(text, "192.0.2.7 is a source of its own.",
	       "new connections at 12/min, 6 of them at once, and have 4 open (sources.default)",
	       "A connection now would be refused: the last places are kept for more useful requests "
	       "(window_reserved).",
	       "It competes as rollover: it asked last for the next CA certificate",
	       "What to do: Nothing at this client",
	       "First seen 3d ago, last seen 2s ago; let through 40",
	       "Asked: GetNextCACert 38, GetCACert 2. Answered: 2xx 2, 4xx 37.",
	       "port 49152 to 192.168.105.3:80: established for 1s, asked GetNextCACert", "Lately:",
	       "23:58:58 answer branch-ca 192.0.2.7:49100 GetNextCACert answered 404 after 12ms");
	assert_null(strstr(text, "native"));
	free(text);
	text = explain(doc, "observe");
	EXPECT(text,
	       "A connection now is let through, since the guard observes; police would refuse it: "
	       "the last places are kept");
	free(text);
}

static json_t *service_of(json_t *doc)
{
	return json_array_get(json_object_get(doc, "services"), 0);
}

static void set_now(json_t *doc, const char *verdict, const char *reason)
{
	json_object_set_new(service_of(doc), "now",
			    json_pack("{s:s, s:s, s:s}", "verdict", verdict, "reason", reason,
				      "sentence", "because"));
}

static void test_explain_bypass(void **state)
{
	_cleanup_json_ json_t *doc = load("explain_refused");
	char *text;

	(void)state;
	json_object_set_new(service_of(doc), "bypass_since_time", json_real(NOW - 150));
	json_object_set_new(service_of(doc), "bypass", json_string("tried"));
	text = explain(doc, "police");
	EXPECT(text,
	       "Nothing of the CA has passed here for 2m 30s: it is down, or its answers take another way "
	       "(scepguard status).");
	free(text);
	json_object_set_new(service_of(doc), "bypass", json_string("found"));
	text = explain(doc, "police");
	EXPECT(text, "for 2m 30s: its answers come past the guard, so what is told below");
	free(text);
	json_object_set_new(service_of(doc), "bypass", json_string("none"));
	text = explain(doc, "police");
	assert_null(strstr(text, "passed here"));
	free(text);
}

/* In intercept a request waits; and it is told which connections the guard has joined. */
static void test_explain_intercept(void **state)
{
	_cleanup_json_ json_t *doc = load("explain_refused");
	json_t *open = json_object_get(service_of(doc), "open");
	char *text = explain(doc, "intercept");

	(void)state;
	EXPECT(text,
	       "A request now would have to wait for its turn: the last places are kept for more "
	       "useful requests (window_reserved).",
	       "asked GetNextCACert; native: from before intercept");
	free(text);
	json_object_set_new(json_array_get(open, 0), "spliced", json_true());
	set_now(doc, "admit", "admitted");
	text = explain(doc, "intercept");
	EXPECT(text,
	       "A request now would go on to the CA, unless it is one the CA has just refused",
	       "asked GetNextCACert; spliced");
	free(text);
	json_object_set_new(json_object_get(service_of(doc), "now"), "before", json_integer(1203));
	text = explain(doc, "intercept");
	EXPECT(text, "A request now would have to wait for its turn: 1,203 wait before it.");
	assert_null(strstr(text, "because"));
	free(text);
	text = explain(doc, "police");
	EXPECT(text, "A connection now would be let through: because");
	free(text);
	set_now(doc, "refuse", "denied");
	json_object_set_new(json_object_get(service_of(doc), "now"), "before", json_integer(5));
	text = explain(doc, "intercept");
	EXPECT(text, "A request now would be refused: because (denied)");
	free(text);
	set_now(doc, "refuse", "source_rate");
	text = explain(doc, "intercept");
	EXPECT(text, "A request now would be refused: because (source_rate)");
	free(text);
	text = explain(doc, "police"); /* on its way out of intercept */
	EXPECT(text, "asked GetNextCACert; spliced");
	free(text);
}

static int times_in(const char *text, const char *part)
{
	int times = 0;

	for (; (text = strstr(text, part)); text++)
		times++;
	return times;
}

static void test_explain_faults(void **state)
{
	_cleanup_json_ json_t *doc = load("explain_refused");
	json_t *source = json_object_get(service_of(doc), "source");
	char *text = explain(doc, "intercept");

	(void)state;
	assert_null(strstr(text, "unfinished"));
	assert_null(strstr(text, "It began a PKIOperation"));
	free(text);
	json_object_set_new(source, "left_unfinished", json_true());
	json_object_set_new(source, "broke_word", json_true());
	text = explain(doc, "intercept");
	EXPECT(text,
	       "It left a request unfinished, and kept a place at the CA for it: it comes last "
	       "until something useful that it asks is answered.");
	EXPECT(text, "It began a PKIOperation that was none");
	free(text);
	text = explain(doc, "police");
	assert_null(strstr(text, "unfinished"));
	free(text);
}

static void test_explain_held(void **state)
{
	_cleanup_json_ json_t *doc = load("explain_refused");
	json_t *held = json_pack("[{s:i, s:s, s:s, s:s, s:f, s:f, s:i, s:b}]", "port", 50000,
				 "endpoint", "192.168.105.3:80", "class", "GetCACert", "priority",
				 "bootstrap", "waited_seconds", 3.25, "deadline_in_seconds", 16.75,
				 "place", 1235, "granted", 0);
	char *text;

	(void)state;
	json_object_set_new(service_of(doc), "held", held);
	text = explain(doc, "intercept");
	EXPECT(text,
	       "Waiting for a turn: port 50000 to 192.168.105.3:80: GetCACert has waited for 3s as "
	       "bootstrap; 1,234 are before it; its time is over in 16s");
	free(text);
	json_object_set_new(json_array_get(held, 0), "place", json_integer(1));
	text = explain(doc, "intercept");
	EXPECT(text, "as bootstrap; it is next");
	free(text);
	json_object_set_new(json_array_get(held, 0), "granted", json_true());
	text = explain(doc, "intercept");
	EXPECT(text, "as bootstrap; it has its turn");
	assert_null(strstr(text, "is over"));
	assert_null(strstr(text, "its turn and"));
	free(text);
	for (int i = 0; i < 8; i++)
		json_array_append(held, json_array_get(held, 0));
	text = explain(doc, "intercept");
	EXPECT(text, "it has its turn and 4 more");
	assert_int_equal(times_in(text, "it has its turn"), 5);
	free(text);
	json_array_clear(held);
	text = explain(doc, "intercept");
	assert_null(strstr(text, "Waiting for a turn"));
	free(text);
}

/* Whatever the reason of a refusal, it is said what helps; an admission needs no help. */
static void test_explain_helps(void **state)
{
	static const struct {
		const char *label;
		enum sg_verdict verdict;
	} reasons[] = {
#define X(id, verdict, label, sentence) {label, SG_VERDICT_##verdict},
		SG_REASON_LIST(X)
#undef X
	};
	_cleanup_json_ json_t *doc = load("explain_refused");

	(void)state;
	for (size_t i = 0; i < SG_REASON_MAX_; i++) {
		const bool admit = reasons[i].verdict == SG_VERDICT_ADMIT;
		char *text;

		set_now(doc, admit ? "admit" : "refuse", reasons[i].label);
		text = explain(doc, "police");
		if ((strstr(text, "What to do:") != NULL) == admit)
			fail_msg("%s: %s", reasons[i].label, text);
		EXPECT(text, admit ? "would be let through: because" : "would be refused: because");
		free(text);
	}
}

static void test_explain_policies(void **state)
{
	_cleanup_json_ json_t *doc = load("explain_refused");
	json_t *policy = json_object_get(doc, "policy");
	char *text;

	(void)state;
	json_object_set_new(policy, "prefix", json_string("192.0.2.0/24"));
	json_object_set_new(policy, "action", json_string("deny"));
	text = explain(doc, "police");
	EXPECT(text, "The prefix 192.0.2.0/24 denies it.");
	free(text);
	json_object_set_new(policy, "action", json_string("exempt"));
	text = explain(doc, "police");
	EXPECT(text, "192.0.2.0/24 exempts it", "the CA's budget still counts");
	free(text);
	json_object_set_new(policy, "action", json_string("limits"));
	json_object_set_new(policy, "rate", json_null());
	json_object_set_new(policy, "connections", json_integer(0));
	json_object_set_new(doc, "source", json_string("192.0.2.0/28"));
	text = explain(doc, "police");
	EXPECT(text, "counts as one source with all of 192.0.2.0/28",
	       "new connections at any rate, and have any number open (192.0.2.0/24)");
	free(text);
}

static void test_explain_unknown(void **state)
{
	_cleanup_json_ json_t *doc = load("explain_refused");
	char *text;

	(void)state;
	json_object_set_new(service_of(doc), "known", json_false());
	json_object_set_new(service_of(doc), "source", json_null());
	json_object_set_new(service_of(doc), "open", json_array());
	json_object_set_new(doc, "requests", json_array());
	text = explain(doc, "police");
	EXPECT(text, "It is not known here");
	assert_null(strstr(text, "Lately"));
	assert_null(strstr(text, "never"));
	free(text);
}

static void test_sources(void **state)
{
	_cleanup_json_ json_t *doc = load("sources"), *none = json_pack("{s:[]}", "sources");
	struct sg_lines lines = {0};
	char *text;

	(void)state;
	sg_render_sources(doc, &style80, NOW, &lines);
	for (size_t i = 0; i < lines.count; i++)
		assert_in_range(sg_text_columns(lines.line[i]), 1, 80);
	assert_non_null(strstr(lines.line[0], "source  ")); /* one service: no column for it */
	text = flat(&lines);
	assert_null(strstr(text, "branch-ca"));
	EXPECT(text, "last asked", "192.0.2.7 3s ago 1 1,240 1,240 GetNextCACert 404",
	       "2001:db8:1:2::/64 1h 06m ago 0 12 12 GetCACert",
	       "198.51.100.9 just now 0 1 0 nothing yet", "4 of 311 known sources");
	free(text);
	json_object_set_new(json_array_get(json_object_get(doc, "sources"), 1), "service",
			    json_string("other"));
	sg_render_sources(doc, &(const struct sg_style){.width = 100}, NOW, &lines);
	text = flat(&lines);
	EXPECT(text, "competes as", "GetNextCACert 404 rollover", "nothing yet bootstrap");
	free(text);
	sg_render_sources(doc, &style80, NOW, &lines);
	text = flat(&lines);
	EXPECT(text, "192.0.2.7 branch-ca 3s ago", "10.20.30.40 other 31s ago");
	free(text);
	sg_render_sources(none, &style80, NOW, &lines);
	text = flat(&lines);
	EXPECT(text, "No source is known yet");
	free(text);
}

static void test_mode(void **state)
{
	_cleanup_json_ json_t *doc = json_pack("{s:s, s:s, s:f}", "mode", "police", "mode_then",
					       "observe", "mode_until_time", NOW + 420);
	struct sg_lines lines = {0};
	char *text;

	(void)state;
	sg_render_mode(doc, &style80, " -c f", NOW, &lines);
	text = flat(&lines);
	EXPECT(text, "police until 00:07:00 (7m), then observe.", "scepguard mode --confirm -c f");
	free(text);
	json_object_set_new(doc, "mode_until_time", json_null());
	sg_render_mode(doc, &style80, "", NOW, &lines);
	text = flat(&lines);
	assert_string_equal(text, "police ");
	free(text);
}

static char *offline(int look, const struct sg_pins *pins, bool guessed)
{
	const struct sg_target target = {"", "/run/x", "/sys/fs/bpf/x", guessed};
	struct sg_lines lines = {0};

	sg_offline_render(&target, look, pins, "", 80, &lines);
	return flat(&lines);
}

static void test_offline(void **state)
{
	struct sg_pins pins = {0};
	char *text = offline(0, &pins, false);

	(void)state;
	EXPECT(text, "nobody answers at /run/x/control.sock",
	       "No data plane is pinned below /sys/fs/bpf/x: nothing is guarded",
	       "systemctl start scepguard");
	assert_null(strstr(text, "detach"));
	free(text);
	text = offline(0, &pins, true);
	EXPECT(text, "if this guard has another paths.bpffs, ask with -c FILE");
	free(text);
	text = offline(-EACCES, &pins, false);
	EXPECT(text, "cannot be seen: '/sys/fs/bpf/x': Permission denied. Look as root.");
	free(text);
	pins = (struct sg_pins){.found = true, .layout = SG_ABI_VERSION};
	text = offline(0, &pins, false);
	EXPECT(text, "its program is on no interface: nothing is guarded");
	free(text);
}

static void test_offline_enforcing(void **state)
{
	struct sg_pins pins = {.found = true,
			       .layout = SG_ABI_VERSION,
			       .links = 2,
			       .interfaces = {"eth0", "eth1"},
			       .mode_known = true,
			       .mode = SG_MODE_POLICE};
	char *text = offline(0, &pins, false);

	(void)state;
	EXPECT(text, "goes on alone on eth0, eth1, in police: the CA stays inside its limits",
	       "no packet is unguarded", "scepguard detach --bpffs /sys/fs/bpf/x");
	free(text);
	pins.mode = SG_MODE_OBSERVE;
	text = offline(0, &pins, false);
	EXPECT(text, "in observe: it counts and refuses nothing");
	free(text);
	pins.mode = SG_MODE_POLICE;
	pins.trial = true;
	text = offline(0, &pins, false);
	EXPECT(text,
	       "in police on trial: when the trial is over, as it may be by now, it is in observe by itself");
	free(text);
}

static void test_offline_json(void **state)
{
	const struct sg_target target = {"", "/run/x", "/sys/fs/bpf/x", false};
	const struct sg_pins pins = {.found = true, .links = 1, .interfaces = {"eth0"}};
	_cleanup_json_ json_t *doc = sg_offline_json(&target, 0, &pins);
	_cleanup_json_ json_t *unread = sg_offline_json(&target, -EACCES, &pins);

	(void)state;
	assert_false(sg_doc_true(doc, "ok"));
	assert_true(json_is_false(sg_doc_at(doc, "running")));
	assert_string_equal(
		json_string_value(json_array_get(sg_doc_at(doc, "pinned.interfaces"), 0)), "eth0");
	assert_false(sg_doc_known(doc, "pinned.mode"));
	assert_false(sg_doc_known(unread, "pinned"));
	assert_string_equal(sg_doc_text(unread, "pins_unreadable"), "Permission denied");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_explain_refused),   cmocka_unit_test(test_explain_bypass),
		cmocka_unit_test(test_explain_intercept), cmocka_unit_test(test_explain_faults),
		cmocka_unit_test(test_explain_held),      cmocka_unit_test(test_explain_helps),
		cmocka_unit_test(test_explain_policies),  cmocka_unit_test(test_explain_unknown),
		cmocka_unit_test(test_sources),           cmocka_unit_test(test_mode),
		cmocka_unit_test(test_offline),           cmocka_unit_test(test_offline_enforcing),
		cmocka_unit_test(test_offline_json),
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
