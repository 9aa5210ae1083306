/* SPDX-License-Identifier: GPL-2.0-only */
/* A scope is one mapping of the file (the whole, a service, a prefix) with the table of its keys,
 * its texts and the struct they go to; messages about it begin with its label.
 */
#ifndef SG_CONFIG_SCOPE_H
#define SG_CONFIG_SCOPE_H

#include "document.h"
#include "keys.h"

/* What libcyaml loads a key into; the slots of a scope are an array in the order of its keys. */
struct sg_slot {
	union {
		char *text;
		char **texts;
		struct sg_slot *objects; /* @count times as many slots as the scope has keys */
	};
	__u32 count; /* of a list */
};

struct sg_scope {
	struct sg_document *doc;
	struct sg_config_errors *errors;
	const yaml_node_t *node;
	const struct sg_key_scope *keys;
	const struct sg_slot *slots;
	void *target;
	__u8 *origin;
	char label[SG_CONFIG_NAME_MAX + 32]; /* "service 'x': " */
};

/* Makes the scope of the service or prefix number @index in the list @list. */
struct sg_scope sg_scope_object(struct sg_document *doc, struct sg_config_errors *errors,
				const struct sg_key_scope *keys, const yaml_node_t *list,
				unsigned int index);

/* Reports an error at the value of the dotted @path; where it is not written, at its section or
 * the scope.
 */
void sg_scope_error(const struct sg_scope *scope, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same at an item of a list. */
void sg_scope_item_error(const struct sg_scope *scope, const char *path, unsigned int index,
			 const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The same, at @node. */
void sg_scope_node_error(const struct sg_scope *scope, const yaml_node_t *node, const char *path,
			 const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* " (default)" or " (profile cisco-ios)" behind a value that nobody wrote, "" behind others. */
const char *sg_scope_origin_note(const struct sg_scope *scope, unsigned int key,
				 enum sg_config_profile profile);

#endif
