// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "shape.h"
#include "../util/text.h"

#define PATH_TEXT 128
#define NAMES_MAX 64
#define NAME_TEXT 48

/* What follows @prefix in @path, or NULL if @path begins otherwise. */
static const char *below(const char *path, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(path, prefix, len) ? NULL : path + len;
}

static const struct sg_key *find_key(const struct sg_key_scope *keys, const char *path)
{
	for (unsigned int i = 0; i < keys->count; i++)
		if (!strcmp(keys->keys[i].path, path))
			return &keys->keys[i];
	return NULL;
}

static bool is_section(const struct sg_key_scope *keys, const char *path)
{
	for (unsigned int i = 0; i < keys->count; i++) {
		const char *rest = below(keys->keys[i].path, path);

		if (rest && *rest == '.')
			return true;
	}
	return false;
}

/* The names that may stand in the section @prefix; each once. */
static unsigned int known_names(const struct sg_key_scope *keys, const char *prefix,
				char names[NAMES_MAX][NAME_TEXT])
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < keys->count && count < NAMES_MAX; i++) {
		const char *rest = below(keys->keys[i].path, prefix);

		if (!rest)
			continue;
		snprintf(names[count], NAME_TEXT, "%.*s", (int)strcspn(rest, "."), rest);
		if (!count || strcmp(names[count], names[count - 1]))
			count++;
	}
	return count;
}

/* The path of a key called @name elsewhere in the scope: indentation gone wrong. */
static const char *elsewhere(const struct sg_key_scope *keys, const char *name)
{
	for (unsigned int i = 0; i < keys->count; i++) {
		const char *dot = strrchr(keys->keys[i].path, '.');

		if (!strcmp(dot ? dot + 1 : keys->keys[i].path, name))
			return keys->keys[i].path;
	}
	return NULL;
}

/* What to say about a key that is not known: the nearest of those that may stand there, else where
 * it belongs, else all that may.
 */
static void suggest(const struct sg_key_scope *keys, const char *prefix, const char *name,
		    char *buf, size_t size)
{
	char names[NAMES_MAX][NAME_TEXT];
	const char *pointers[NAMES_MAX], *near, *other = elsewhere(keys, name);
	unsigned int count = known_names(keys, prefix, names);

	for (unsigned int i = 0; i < count; i++)
		pointers[i] = names[i];
	near = sg_text_nearest(name, pointers, count);
	if (near) {
		sg_text_append(buf, size, "did you mean '%s'?", near);
	} else if (other) {
		sg_text_append(buf, size, "did you mean '%s'? Check the indentation", other);
	} else if (strchr(name, '.')) {
		sg_text_append(
			buf, size,
			"write each part on a line of its own, indented below the one before");
	} else {
		sg_text_append(buf, size, "known here:");
		for (unsigned int i = 0; i < count; i++)
			sg_text_append(buf, size, "%s %s", i ? "," : "", names[i]);
	}
}

static void unknown_key(const struct sg_scope *scope, const char *prefix, const yaml_node_t *key)
{
	char section[PATH_TEXT], quoted[NAME_TEXT], advice[SG_CONFIG_ERROR_TEXT / 2] = "";

	snprintf(section, sizeof(section), "%.*s", (int)strlen(prefix) - !!*prefix, prefix);
	suggest(scope->keys, prefix, sg_document_text(key), advice, sizeof(advice));
	sg_scope_node_error(scope, key, section, "unknown key '%s'; %s",
			    sg_text_quote(sg_document_text(key), quoted, sizeof(quoted)), advice);
}

static const char *found_kind(const yaml_node_t *node)
{
	switch (node->type) {
	case YAML_SEQUENCE_NODE:
		return "a list";
	case YAML_MAPPING_NODE:
		return "keys and values";
	default:
		return *sg_document_text(node) ? "a single value" : "nothing";
	}
}

static bool check_items(const struct sg_scope *scope, const struct sg_key *key,
			const yaml_node_t *list)
{
	bool objects = key->shape == SG_KEY_SHAPE_OBJECTS, ok = true;
	const yaml_node_t *item;

	for (unsigned int i = 0; (item = sg_document_item(scope->doc, list, i)); i++) {
		if (i == key->items_max) {
			sg_scope_node_error(scope, item, key->path,
					    "expected at most %u entries, found more",
					    key->items_max);
			return false;
		}
		if (item->type != (objects ? YAML_MAPPING_NODE : YAML_SCALAR_NODE)) {
			sg_scope_node_error(
				scope, item, key->path, "expected %s in each entry, found %s",
				objects ? "keys and values" : "a single value", found_kind(item));
			ok = false;
		} else if (objects) {
			struct sg_scope object =
				sg_scope_object(scope->doc, scope->errors, key->objects, list, i);

			ok &= sg_shape_check(&object);
		}
	}
	return ok;
}

static bool check_key(const struct sg_scope *scope, const struct sg_key *key,
		      const yaml_node_t *value)
{
	char expected[SG_CONFIG_ERROR_TEXT / 2] = "";

	if (key->shape == SG_KEY_SHAPE_VALUE) {
		if (value->type == YAML_SCALAR_NODE)
			return true;
		key->kind->expect(key, expected, sizeof(expected));
		sg_scope_node_error(scope, value, key->path, "expected %s, found %s", expected,
				    found_kind(value));
		return false;
	}
	if (value->type != YAML_SEQUENCE_NODE) {
		sg_scope_node_error(scope, value, key->path,
				    "expected a list, found %s; write for example '%s'",
				    found_kind(value), key->example);
		return false;
	}
	if (!sg_document_item(scope->doc, value, 0)) {
		sg_scope_node_error(scope, value, key->path,
				    "expected at least one entry, found an empty list; %s",
				    key->required ? "write at least one"
						  : "remove the key if there is none");
		return false;
	}
	return check_items(scope, key, value);
}

static bool check_repeated(const struct sg_scope *scope, const yaml_node_t *section,
			   const yaml_node_pair_t *pair, const char *path)
{
	const yaml_node_t *key = yaml_document_get_node(&scope->doc->yaml, pair->key);

	for (const yaml_node_pair_t *p = section->data.mapping.pairs.start; p < pair; p++) {
		const yaml_node_t *before = yaml_document_get_node(&scope->doc->yaml, p->key);

		if (strcmp(sg_document_text(before), sg_document_text(key)))
			continue;
		sg_scope_node_error(scope, key, path, "written twice, first in line %u; remove one",
				    sg_document_line(before));
		return false;
	}
	return true;
}

static bool check_section(const struct sg_scope *scope, const yaml_node_t *section,
			  const char *prefix);

static bool check_pair(const struct sg_scope *scope, const yaml_node_t *section,
		       const yaml_node_pair_t *pair, const char *prefix)
{
	const yaml_node_t *name = yaml_document_get_node(&scope->doc->yaml, pair->key);
	const yaml_node_t *value = yaml_document_get_node(&scope->doc->yaml, pair->value);
	const struct sg_key *key;
	char path[PATH_TEXT];

	if (name->type != YAML_SCALAR_NODE) {
		sg_scope_node_error(scope, name, "", "expected the name of a key, found %s",
				    found_kind(name));
		return false;
	}
	snprintf(path, sizeof(path), "%s%s", prefix, sg_document_text(name));
	key = find_key(scope->keys, path);
	/* "limits.window:" as one name is a path to us, but not to YAML. */
	if (strchr(sg_document_text(name), '.') || (!key && !is_section(scope->keys, path))) {
		unknown_key(scope, prefix, name);
		return true;
	}
	if (!check_repeated(scope, section, pair, path))
		return false;
	if (key)
		return check_key(scope, key, value);
	strcat(path, "."); /* a known section is far shorter than PATH_TEXT */
	return check_section(scope, value, path);
}

static bool check_section(const struct sg_scope *scope, const yaml_node_t *section,
			  const char *prefix)
{
	char path[PATH_TEXT], names[NAMES_MAX][NAME_TEXT];
	bool ok = true;

	if (section->type != YAML_MAPPING_NODE) {
		snprintf(path, sizeof(path), "%.*s", (int)strlen(prefix) - 1, prefix);
		known_names(scope->keys, prefix, names);
		sg_scope_node_error(scope, section, path,
				    "expected keys below it, such as '%s:', found %s", names[0],
				    found_kind(section));
		return false;
	}
	for (const yaml_node_pair_t *p = section->data.mapping.pairs.start;
	     p < section->data.mapping.pairs.top; p++)
		ok &= check_pair(scope, section, p, prefix);
	return ok;
}

bool sg_shape_check(const struct sg_scope *scope)
{
	bool ok = check_section(scope, scope->node, "");

	for (unsigned int i = 0; i < scope->keys->count; i++) {
		const struct sg_key *key = &scope->keys->keys[i];

		if (!key->required || sg_document_find(scope->doc, scope->node, key->path))
			continue;
		sg_scope_node_error(scope, scope->node, key->path,
				    "missing; write for example '%s'", key->example);
		ok = false;
	}
	return ok;
}
