// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "values.h"
#include "../util/text.h"

#define QUOTED_TEXT 64

/* "expected a duration ..., found '60'; add a unit: s, m, h or d" */
static void describe(const struct sg_key *key, const char *text, int err, char *buf, size_t size)
{
	struct sg_addr_prefix prefix;
	char quoted[QUOTED_TEXT], meant[SG_PREFIX_TEXT];
	const char *near = NULL;

	sg_text_append(buf, size, "expected ");
	key->kind->expect(key, buf, size);
	if (*text)
		sg_text_append(buf, size, ", found '%s'",
			       sg_text_quote(text, quoted, sizeof(quoted)));
	else
		sg_text_append(buf, size, ", found nothing");
	if (err == -ENODATA && key->kind->units)
		sg_text_append(buf, size, "; add a unit: %s", key->kind->units);
	if (key->words) {
		size_t count = 0;

		while (key->words[count])
			count++;
		near = sg_text_nearest(text, key->words, count);
	}
	if (near)
		sg_text_append(buf, size, "; did you mean '%s'?", near);
	if (key->kind == &sg_kind_prefix && sg_prefix_parse(text, &prefix) == -EDOM)
		sg_text_append(buf, size, "; did you mean %s?", sg_prefix_format(&prefix, meant));
}

static bool read_list(const struct sg_scope *scope, const struct sg_key *key,
		      const struct sg_slot *slot, const char *preset)
{
	const char *const one[] = {preset};
	const char *const *texts = slot->texts ? (const char *const *)slot->texts : one;
	__u32 count = slot->texts ? slot->count : preset ? 1 : 0;
	char *items = (char *)scope->target + key->offset;
	bool ok = true;

	for (__u32 i = 0; i < count; i++) {
		int err = key->kind->read(key, texts[i], items + i * key->item_size);
		char message[SG_CONFIG_ERROR_TEXT] = "";

		if (!err)
			continue;
		describe(key, texts[i], err, message, sizeof(message));
		sg_scope_item_error(scope, key->path, i, "%s", message);
		ok = false;
	}
	*(__u32 *)((char *)scope->target + key->count_offset) = count;
	return ok;
}

static bool read_value(const struct sg_scope *scope, const struct sg_key *key,
		       const struct sg_slot *slot, const char *preset)
{
	const char *text = slot->text ? slot->text : preset;
	char message[SG_CONFIG_ERROR_TEXT] = "";
	int err;

	if (!text)
		return true; /* all zero, as the table says */
	err = key->kind->read(key, text, (char *)scope->target + key->offset);
	if (!err)
		return true;
	describe(key, text, err, message, sizeof(message));
	sg_scope_error(scope, key->path, "%s", message);
	return false;
}

bool sg_values_read_key(const struct sg_scope *scope, unsigned int index,
			enum sg_config_profile profile)
{
	const struct sg_key *key = &scope->keys->keys[index];
	const struct sg_slot *slot = &scope->slots[index];
	const char *preset = sg_key_preset(key, profile);

	scope->origin[index] = slot->text                 ? SG_CONFIG_ORIGIN_WRITTEN
			       : key->by_profile[profile] ? SG_CONFIG_ORIGIN_PROFILE
							  : SG_CONFIG_ORIGIN_DEFAULT;
	if (key->shape == SG_KEY_SHAPE_OBJECTS)
		return true;
	if (key->shape == SG_KEY_SHAPE_LIST)
		return read_list(scope, key, slot, preset);
	return read_value(scope, key, slot, preset);
}

bool sg_values_read(const struct sg_scope *scope, enum sg_config_profile profile)
{
	bool ok = true;

	for (unsigned int i = 0; i < scope->keys->count; i++)
		ok &= sg_values_read_key(scope, i, profile);
	return ok;
}
