// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "doc.h"
#include "../util/cleanup.h"

const json_t *sg_doc_at(const json_t *doc, const char *path)
{
	const json_t *at = doc;

	while (at && *path) {
		size_t len = strcspn(path, ".");
		char key[64];

		if (len >= sizeof(key))
			return NULL;
		memcpy(key, path, len);
		key[len] = '\0';
		at = json_object_get(at, key);
		path += len + (path[len] == '.');
	}
	return json_is_null(at) ? NULL : at;
}

bool sg_doc_known(const json_t *doc, const char *path)
{
	return sg_doc_at(doc, path) != NULL;
}

double sg_doc_real(const json_t *doc, const char *path)
{
	return json_number_value(sg_doc_at(doc, path));
}

unsigned long long sg_doc_count(const json_t *doc, const char *path)
{
	json_int_t n = json_integer_value(sg_doc_at(doc, path));

	return n > 0 ? (unsigned long long)n : 0;
}

bool sg_doc_true(const json_t *doc, const char *path)
{
	return json_is_true(sg_doc_at(doc, path));
}

const char *sg_doc_text(const json_t *doc, const char *path)
{
	const char *text = json_string_value(sg_doc_at(doc, path));

	return text ? text : "";
}

unsigned long long sg_doc_sum(const json_t *object)
{
	unsigned long long sum = 0;
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
		if (json_is_object(value))
			sum += sg_doc_sum(value);
		else if (json_integer_value(value) > 0)
			sum += (unsigned long long)json_integer_value(value);
	}
	return sum;
}

static bool is_control(const unsigned char *at)
{
	return *at < 0x20 || *at == 0x7f || (at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0);
}

static void clean_text(json_t *text)
{
	_cleanup_free_ char *copy = strdup(json_string_value(text));
	unsigned char *from = (unsigned char *)copy, *to = from;

	if (!copy)
		return;
	while (*from) {
		bool control = is_control(from);

		if (control && *from == 0xc2)
			from++;
		*to++ = control ? '?' : *from;
		from++;
	}
	*to = '\0';
	json_string_set(text, copy);
}

void sg_doc_make_printable(json_t *doc)
{
	const char *key;
	json_t *value;
	size_t i;

	if (json_is_string(doc))
		clean_text(doc);
	json_array_foreach (doc, i, value)
		sg_doc_make_printable(value);
	json_object_foreach (doc, key, value)
		sg_doc_make_printable(value);
}
