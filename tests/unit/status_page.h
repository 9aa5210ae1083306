/* SPDX-License-Identifier: GPL-2.0-only */
/* The status page of a situation, and what must be on it. */
#ifndef SG_TESTS_STATUS_PAGE_H
#define SG_TESTS_STATUS_PAGE_H

#include "cli_fixture.h"
#include "../../userspace/cli/status.h"

static inline json_t *situation(const char *name)
{
	json_t *doc = load("calm");
	json_t *service = json_array_get(json_object_get(doc, "services"), 0);

	if (strcmp(name, "calm") != 0) {
		_cleanup_json_ json_t *differences = load(name);

		json_object_update_recursive(doc, json_object_get(differences, "document"));
		json_object_update_recursive(service, json_object_get(differences, "service"));
	}
	return doc;
}

static inline char *render_doc(const json_t *doc, struct sg_style style)
{
	const struct sg_status st = {
		.doc = doc, .style = style, .now = NOW, .instance = " -c x.yaml"};
	struct sg_lines lines = {0};
	char *text;

	sg_status_render(&st, &lines);
	text = join(&lines);
	sg_lines_free(&lines);
	return text;
}

static inline char *render(const char *name, int width)
{
	_cleanup_json_ json_t *doc = situation(name);

	return render_doc(doc, (struct sg_style){.width = width});
}

/* All of these, in this order. */
static inline void expect_in_order(const char *name, const char *const *texts)
{
	char *page = flatten(render(name, 100)), *at = page;

	for (; *texts; texts++) {
		char *found = strstr(at, *texts);

		if (!found)
			fail_msg("%s: no '%s' in:\n%s", name, *texts, at);
		at = found;
	}
	free(page);
}

static inline void expect_absent(const char *name, const char *text)
{
	char *page = render(name, 100);

	if (strstr(page, text))
		fail_msg("%s: '%s' should not be there", name, text);
	free(page);
}

#define IN_ORDER(name, ...) expect_in_order(name, (const char *const[]){__VA_ARGS__, NULL})

static inline json_t *first_service(const json_t *doc)
{
	return json_array_get(json_object_get(doc, "services"), 0);
}

/* What is at that path of the first service. */
static inline json_t *part(const json_t *doc, const char *path)
{
	return (json_t *)(uintptr_t)sg_doc_at(first_service(doc), path);
}

static inline char *flat_page(const json_t *doc)
{
	return flatten(render_doc(doc, (struct sg_style){.width = 100}));
}

static inline void expect_on_page(const json_t *doc, const char *text, bool there)
{
	char *page = flat_page(doc);

	if ((strstr(page, text) != NULL) != there)
		fail_msg("'%s' should %sbe in:\n%s", text, there ? "" : "not ", page);
	free(page);
}

#endif
