// SPDX-License-Identifier: GPL-2.0-only
/* What `questions` shows, from a document in tests/fixtures/cli. */
#include "cli_fixture.h"
#include "../../userspace/cli/render.h"

static char *questions(const json_t *doc, const char *only, int width)
{
	const struct sg_style style = {.width = width};
	struct sg_lines lines = {0};

	assert_true(sg_render_questions(doc, only, &style, &lines));
	for (size_t i = 0; i < lines.count; i++)
		if (sg_text_columns(lines.line[i]) > (size_t)width)
			fail_msg("wider than %d: '%s'", width, lines.line[i]);
	return flat(&lines);
}

static void test_questions(void **state)
{
	_cleanup_json_ json_t *doc = load("questions");
	char *text = questions(doc, NULL, 140);

	(void)state;
	EXPECT(text,
	       "branch-ca: 3 of 64 questions learned; a refusal is repeated for 1m, then one client may "
	       "ask again.",
	       "answer age hits state next ask host target",
	       "404 12s 1,240 fresh in 48s 192.168.105.3 "
	       "/cgi-bin/pkiclient.exe?operation=GetNextCACert&message=branch-ca",
	       "403 2m 05s 0 stale in 32s - #00000000000000ff", "404 11m 40s 3 over now",
	       "#: learned before this daemon started",
	       "stale: repeated until one client has asked again.", "over: too old to be repeated",
	       "the CA's own refusal (187 bytes)", "Two were asked again within the window",
	       "the next in 32s.", "old-ca: 0 of 64 questions learned");
	assert_null(strstr(text, "503")); /* nothing is learned there, so nothing is said */
	free(text);
	text = questions(doc, "old-ca", 80);
	assert_null(strstr(text, "branch-ca"));
	free(text);
}

/* The end of a target tells routers apart; a host's column comes when hosts do. */
static void test_questions_narrow(void **state)
{
	_cleanup_json_ json_t *doc = load("questions");
	json_t *list = json_object_get(doc, "questions");
	struct sg_lines lines = {0};
	char *text = questions(doc, NULL, 80);

	(void)state;
	EXPECT(text, "host target", "192.168.105.3 ...message=branch-ca", "#00000000000000ff ");
	free(text);
	json_array_remove(list, 2);
	json_array_remove(list, 1);
	text = questions(doc, NULL, 80);
	EXPECT(text, "next ask target", "in 48s ...", "=GetNextCACert&message=branch-ca");
	assert_null(strstr(text, "192.168.105.3"));
	assert_null(strstr(text, "stale"));
	assert_null(strstr(text, "over:"));
	assert_null(strstr(text, "#"));
	free(text);
	assert_false(
		sg_render_questions(doc, "nobody", &(const struct sg_style){.width = 80}, &lines));
	assert_int_equal(lines.count, 0);
}

static void test_questions_answer(void **state)
{
	_cleanup_json_ json_t *doc = load("questions");
	json_t *service = json_array_get(json_object_get(doc, "services"), 0);
	char *text;

	(void)state;
	json_object_set_new(service, "as_ca_bytes", json_integer(0));
	json_object_set_new(service, "canary_in_flight", json_true());
	text = questions(doc, NULL, 80);
	EXPECT(text, "get the CA's status alone", "One of them is being asked again now.");
	assert_null(strstr(text, "within the window"));
	free(text);
	json_object_set_new(service, "answer", json_string("unavailable"));
	json_object_set_new(service, "canary_in_flight", json_false());
	json_object_set_new(service, "next_canary_in_seconds", json_integer(0));
	text = questions(doc, NULL, 80);
	EXPECT(text, "Clients get 503 with Retry-After (intercept.answer).");
	assert_null(strstr(text, "within the window"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_questions_narrow),
		cmocka_unit_test(test_questions_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
