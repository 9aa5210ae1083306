// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cyaml/cyaml.h>

#include "raw.h"
#include "../util/text.h"

/* All keys of all scopes, an end mark for each section, and room. */
#define FIELDS_MAX 256
#define NAMES_MAX  32
#define VALUES_MAX 8

/* A schema refers to its parts by address, so they live together here. */
struct sg_raw {
	cyaml_config_t config;
	cyaml_schema_value_t root;
	cyaml_schema_field_t fields[FIELDS_MAX];
	unsigned int field_count;
	char names[NAMES_MAX][32]; /* of sections */
	unsigned int name_count;
	cyaml_schema_value_t values[VALUES_MAX]; /* entries of lists of objects */
	unsigned int value_count;
	void *slots;
	char reason[256]; /* libcyaml's first message */
};

static const cyaml_schema_value_t text_entry = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED),
};

static const cyaml_schema_field_t *add_scope(struct sg_raw *raw, const struct sg_key_scope *keys);

static cyaml_schema_value_t *object_entry(struct sg_raw *raw, const struct sg_key_scope *keys)
{
	cyaml_schema_value_t *value = &raw->values[raw->value_count++];

	*value = (cyaml_schema_value_t){
		.type = CYAML_MAPPING,
		.flags = CYAML_FLAG_DEFAULT,
		.data_size = (uint32_t)(keys->count * sizeof(struct sg_slot)),
		.mapping = {.fields = add_scope(raw, keys)},
	};
	return value;
}

/* One key: its slot is number @index of the scope. */
static cyaml_schema_field_t key_field(struct sg_raw *raw, const struct sg_key *key,
				      const char *name, unsigned int index)
{
	uint32_t offset = (uint32_t)(index * sizeof(struct sg_slot));
	cyaml_schema_field_t field = {
		.key = name,
		.data_offset = offset + (uint32_t)offsetof(struct sg_slot, text),
		.value = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, char, 0,
					     CYAML_UNLIMITED)},
	};
	const cyaml_schema_value_t *entry = &text_entry;

	if (key->shape == SG_KEY_SHAPE_VALUE)
		return field;
	if (key->shape == SG_KEY_SHAPE_OBJECTS)
		entry = object_entry(raw, key->objects);
	field.count_offset = offset + (uint32_t)offsetof(struct sg_slot, count);
	field.count_size = sizeof(((struct sg_slot *)0)->count);
	field.value = (cyaml_schema_value_t){
		.type = CYAML_SEQUENCE,
		.flags = (enum cyaml_flag)(CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL),
		.data_size = key->shape == SG_KEY_SHAPE_OBJECTS ? entry->data_size : sizeof(char *),
		.sequence = {.entry = entry, .min = 0, .max = key->items_max},
	};
	return field;
}

/* How many keys from @first on are in the same section as @first, whose name begins at @depth and
 * has @len bytes.
 */
static unsigned int section_keys(const struct sg_key_scope *keys, unsigned int first,
				 unsigned int end, size_t depth, size_t len)
{
	unsigned int i = first;

	while (i < end &&
	       !strncmp(keys->keys[i].path + depth, keys->keys[first].path + depth, len + 1))
		i++;
	return i - first;
}

/* The fields of keys @first to @end - 1, all of which share the first @depth bytes of their path. A
 * section is a mapping inside the same array of slots.
 */
static const cyaml_schema_field_t *add_fields(struct sg_raw *raw, const struct sg_key_scope *keys,
					      unsigned int first, unsigned int end, size_t depth)
{
	cyaml_schema_field_t *fields = &raw->fields[raw->field_count], *f = fields;

	raw->field_count += end - first + 1; /* the last stays zero: the end mark */
	for (unsigned int i = first; i < end; f++) {
		const char *name = keys->keys[i].path + depth;
		size_t len = strcspn(name, ".");
		unsigned int n;
		char *copy;

		if (!name[len]) {
			*f = key_field(raw, &keys->keys[i], name, i);
			i++;
			continue;
		}
		n = section_keys(keys, i, end, depth, len);
		copy = raw->names[raw->name_count++];
		snprintf(copy, sizeof(raw->names[0]), "%.*s", (int)len, name);
		f->key = copy;
		f->value = (cyaml_schema_value_t){
			.type = CYAML_MAPPING,
			.flags = CYAML_FLAG_OPTIONAL,
			.data_size = (uint32_t)(keys->count * sizeof(struct sg_slot)),
			.mapping = {.fields = add_fields(raw, keys, i, i + n, depth + len + 1)},
		};
		i += n;
	}
	return fields;
}

static const cyaml_schema_field_t *add_scope(struct sg_raw *raw, const struct sg_key_scope *keys)
{
	return add_fields(raw, keys, 0, keys->count, 0);
}

/* libcyaml tells its reason and then a backtrace; the reason is what a person needs. */
static void keep_reason(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
	struct sg_raw *raw = ctx;

	if (level < CYAML_LOG_ERROR || *raw->reason)
		return;
	vsnprintf(raw->reason, sizeof(raw->reason), fmt, args);
	raw->reason[strcspn(raw->reason, "\n")] = '\0';
}

int sg_raw_load(const char *text, size_t len, struct sg_raw **ret, const struct sg_slot **ret_slots,
		struct sg_config_errors *errors)
{
	struct sg_raw *raw = calloc(1, sizeof(*raw));
	cyaml_err_t err;

	if (!raw)
		return -ENOMEM;
	raw->config = (cyaml_config_t){
		.log_fn = keep_reason,
		.log_ctx = raw,
		.log_level = CYAML_LOG_ERROR,
		.mem_fn = cyaml_mem,
		.flags = CYAML_CFG_IGNORE_UNKNOWN_KEYS | CYAML_CFG_NO_ALIAS,
	};
	raw->root = (cyaml_schema_value_t){
		.type = CYAML_MAPPING,
		.flags = CYAML_FLAG_POINTER,
		.data_size = (uint32_t)(sg_keys_global.count * sizeof(struct sg_slot)),
		.mapping = {.fields = add_scope(raw, &sg_keys_global)},
	};
	err = cyaml_load_data((const uint8_t *)text, len, &raw->config, &raw->root,
			      (cyaml_data_t **)&raw->slots, NULL);
	if (err == CYAML_OK) {
		*ret = raw;
		*ret_slots = raw->slots;
		return 0;
	}
	if (err != CYAML_ERR_OOM)
		sg_config_errors_add(errors, 0, 0, "libcyaml refuses it: %s",
				     *raw->reason ? raw->reason : cyaml_strerror(err));
	sg_raw_free(raw);
	return err == CYAML_ERR_OOM ? -ENOMEM : -EINVAL;
}

void sg_raw_free(struct sg_raw *raw)
{
	if (!raw)
		return;
	cyaml_free(&raw->config, &raw->root, raw->slots, 0);
	free(raw);
}
