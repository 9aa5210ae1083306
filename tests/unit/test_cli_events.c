// SPDX-License-Identifier: GPL-2.0-only
/* `scepguard events`: one line for each. */
#include "cli_fixture.h"
#include "../../bpf/abi/reasons.h"
#include "../../userspace/cli/render.h"
#include "../../userspace/daemon/labels.h"
#include "../../userspace/shadow/shadow.h"

static const struct sg_style style80 = {.width = 80};

static void test_events(void **state)
{
	static const char *const expected[] = {
		"04:33:20 would refuse branch-ca 192.0.2.7:49152 window_reserved, as rollover "
		"(x8) ",
		"23:59:57 request branch-ca [2001:db8::7]:49153 GetCACert (not its connection's first) ",
		"23:59:57 answer branch-ca 192.0.2.7:49153 GetNextCACert answered 404 after 12ms ",
		"23:59:58 deaf branch-ca the CA leaves SYNs unanswered ",
		"23:59:59 listening branch-ca the CA answers again ",
		"23:59:59 held branch-ca 192.0.2.7:49153 GetCACert waits for its turn as bootstrap ",
		"23:59:59 replay branch-ca 192.0.2.7:49153 its request is too long to go with the end of "
		"the handshake: it is sent after it ",
		"23:59:59 question branch-ca 192.0.2.7:49153 a GetNextCACert goes to the CA, to learn "
		"from its answer: question 0123456789abcdef ",
		"23:59:59 edge branch-ca 192.0.2.7:49153 GetNextCACert answered here as the CA did "
		"before (404) (x64) ",
		"23:59:59 edge branch-ca 192.0.2.7:49153 GetCACert told to come back later (503) ",
		"23:59:59 mismatch branch-ca 192.0.2.7:49153 ended: PKIOperation-GET came again with "
		"other bytes ",
		"23:59:59 mode the guard polices now ",
		"23:59:59 unlearned branch-ca the CA answers otherwise now: its refusal is not repeated "
		"any more (x3) ",
	};
	_cleanup_json_ json_t *doc = load("events");
	const json_t *event;
	size_t i;

	(void)state;
	json_array_foreach (json_object_get(doc, "events"), i, event) {
		struct sg_lines lines = {0};
		char *text;

		sg_render_event(event, &style80, NOW - 2, &lines);
		assert_int_equal(lines.count, 1);
		text = flat(&lines);
		assert_string_equal(text, expected[i]);
		free(text);
	}
	assert_int_equal(i, sizeof(expected) / sizeof(expected[0]));
}

/* Each kind has something to say. */
static void test_events_of_all_kinds(void **state)
{
	static const char *const kinds[] = {
#define X(id, label) label,
		SG_EVENT_LIST(X)
#undef X
	};

	(void)state;
	for (size_t i = 0; i < SG_EVENT_MAX_; i++) {
		_cleanup_json_ json_t *event =
			json_pack("{s:s, s:f, s:s, s:s, s:i, s:s, s:i}", "event", kinds[i], "time",
				  NOW, "service", "ca", "client", "192.0.2.7", "port", 7, "class",
				  "GetCACert", "status", 200);
		struct sg_lines lines = {0};
		char *text, *end;

		sg_render_event(event, &style80, NOW, &lines);
		text = flat(&lines);
		end = strstr(text, " ca ");
		assert_non_null(end);
		if (strlen(end) <= strlen(" ca 192.0.2.7:7 "))
			fail_msg("'%s' says nothing", text);
		free(text);
	}
}

static const char *shadow_name(__u32 state)
{
	return sg_shadow_state_name((enum sg_shadow_state)state);
}

/* Of each of the daemon's own kinds, in each state that there is. */
static void test_own_events(void **state)
{
	static const struct {
		const char *kind;
		const char *(*label)(__u32);
		__u32 count;
	} kinds[] = {{"mode", sg_label_mode, SG_MODE_MAX_},
		     {"bypass", sg_label_bypass, SG_BYPASS_FOUND + 1},
		     {"shadow", shadow_name, SG_SHADOW_MAX_}};

	(void)state;
	for (size_t k = 0; k < 3; k++)
		for (__u32 i = 0; i < kinds[k].count; i++) {
			_cleanup_json_ json_t *event = json_pack(
				"{s:s, s:f, s:s, s:s, s:i}", "event", kinds[k].kind, "time", NOW,
				"service", "ca", "state", kinds[k].label(i), "sampled", 1);
			struct sg_lines lines = {0};
			char *text;

			sg_render_event(event, &style80, NOW, &lines);
			text = flat(&lines);
			if (strlen(strstr(text, " ca ")) < strlen(" ca the guard"))
				fail_msg("nothing is said of %s", text);
			assert_null(strchr(text, '_'));
			free(text);
		}
}

static char *line_of(const char *kind, const char *key, int value)
{
	_cleanup_json_ json_t *event =
		json_pack("{s:s, s:f, s:s, s:s, s:i, s:i}", "event", kind, "time", NOW, "service",
			  "ca", "client", "192.0.2.7", "port", 7, key, value);
	struct sg_lines lines = {0};

	sg_render_event(event, &style80, NOW, &lines);
	return flat(&lines);
}

/* The program tells not everything of each. */
static void test_what_is_not_told(void **state)
{
	char *text = line_of("edge", "status", 0);

	(void)state;
	assert_non_null(strstr(text, ":7 answered in the CA's place"));
	assert_null(strstr(text, "0)"));
	free(text);
	text = line_of("answer", "status", 404); /* within one tick of the kernel */
	assert_non_null(strstr(text, "answered 404 at once"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_events_of_all_kinds),
		cmocka_unit_test(test_own_events),
		cmocka_unit_test(test_what_is_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
