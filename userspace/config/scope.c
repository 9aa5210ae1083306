// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <string.h>

#include "scope.h"
#include "../util/text.h"

struct sg_scope sg_scope_object(struct sg_document *doc, struct sg_config_errors *errors,
				const struct sg_key_scope *keys, const yaml_node_t *list,
				unsigned int index)
{
	const char *noun = keys == &sg_keys_service ? "service" : "prefix";
	struct sg_scope scope = {
		.doc = doc,
		.errors = errors,
		.node = sg_document_item(doc, list, index),
		.keys = keys,
	};
	const char *name;
	char quoted[SG_CONFIG_NAME_MAX];

	name = sg_document_text(scope.node ? sg_document_find(doc, scope.node, keys->keys[0].path)
					   : NULL);
	if (*name)
		sg_text_append(scope.label, sizeof(scope.label), "%s '%s': ", noun,
			       sg_text_quote(name, quoted, sizeof(quoted)));
	else
		sg_text_append(scope.label, sizeof(scope.label), "%s number %u: ", noun, index + 1);
	return scope;
}

static void add_error(const struct sg_scope *scope, const yaml_node_t *node, const char *path,
		      const char *fmt, va_list args)
{
	char message[SG_CONFIG_ERROR_TEXT];

	vsnprintf(message, sizeof(message), fmt, args);
	sg_config_errors_add(scope->errors, sg_document_line(node), sg_document_column(node),
			     "%s%s%s%s", scope->label, path, *path ? ": " : "", message);
}

/* The node of @path, or of the nearest section above it that is written. */
static const yaml_node_t *nearest_node(const struct sg_scope *scope, const char *path)
{
	char above[64];
	char *dot = above;

	snprintf(above, sizeof(above), "%s", path);
	while (dot) {
		const yaml_node_t *node = sg_document_find(scope->doc, scope->node, above);

		if (node)
			return node;
		dot = strrchr(above, '.');
		if (dot)
			*dot = '\0';
	}
	return scope->node;
}

void sg_scope_error(const struct sg_scope *scope, const char *path, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add_error(scope, nearest_node(scope, path), path, fmt, args);
	va_end(args);
}

void sg_scope_item_error(const struct sg_scope *scope, const char *path, unsigned int index,
			 const char *fmt, ...)
{
	const yaml_node_t *list = nearest_node(scope, path);
	const yaml_node_t *item = sg_document_item(scope->doc, list, index);
	va_list args;

	va_start(args, fmt);
	add_error(scope, item ? item : list, path, fmt, args);
	va_end(args);
}

void sg_scope_node_error(const struct sg_scope *scope, const yaml_node_t *node, const char *path,
			 const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add_error(scope, node, path, fmt, args);
	va_end(args);
}

const char *sg_scope_origin_note(const struct sg_scope *scope, unsigned int key,
				 enum sg_config_profile profile)
{
	switch (scope->origin[key]) {
	case SG_CONFIG_ORIGIN_WRITTEN:
		return "";
	case SG_CONFIG_ORIGIN_PROFILE:
		return profile == SG_CONFIG_PROFILE_CISCO_IOS ? " (profile cisco-ios)"
							      : " (profile generic)";
	default:
		return " (default)";
	}
}
