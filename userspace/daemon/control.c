// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control.h"
#include "labels.h"
#include "../util/json.h"
#include "../util/text.h"
#include "../util/units.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const char *const sort_names[SG_CONTROL_SORT_MAX_] = {
	[SG_CONTROL_SORT_RECENT] = "recent",
	[SG_CONTROL_SORT_REQUESTS] = "requests",
	[SG_CONTROL_SORT_ADMITTED] = "admitted",
	[SG_CONTROL_SORT_CONNECTIONS] = "connections",
};

static int fail(char error[static SG_CONTROL_ERROR], const char *sentence)
{
	snprintf(error, SG_CONTROL_ERROR, "%s", sentence);
	return -EINVAL;
}

static int read_limit(const json_t *value, struct sg_control_request *req, char *error)
{
	json_int_t limit = json_integer_value(value);

	if (!json_is_integer(value) || limit < 1 || limit > SG_CONTROL_LIMIT_MAX)
		return fail(error, "'limit' must be a whole number from 1 to 1000");
	req->limit = limit;
	return 0;
}

bool sg_control_sort_parse(const char *name, enum sg_control_sort *ret)
{
	for (__u32 i = 0; name && i < ARRAY_SIZE(sort_names); i++) {
		if (!strcmp(name, sort_names[i])) {
			*ret = i;
			return true;
		}
	}
	return false;
}

static int read_sort(const json_t *value, struct sg_control_request *req, char *error)
{
	if (sg_control_sort_parse(json_string_value(value), &req->sort))
		return 0;
	return fail(error, "'sort' must be recent, requests, admitted or connections");
}

static int read_follow(const json_t *value, struct sg_control_request *req, char *error)
{
	if (!json_is_boolean(value))
		return fail(error, "'follow' must be true or false");
	req->follow = json_is_true(value);
	return 0;
}

static int read_address(const json_t *value, struct sg_control_request *req, char *error)
{
	if (!json_is_string(value) || sg_addr_parse(json_string_value(value), &req->address))
		return fail(error, "'address' must be an IPv4 or IPv6 address");
	return 0;
}

static int read_mode(const json_t *value, struct sg_control_request *req, char *error)
{
	if (!json_is_string(value) || !sg_label_mode_parse(json_string_value(value), &req->mode))
		return fail(error, "'mode' must be observe, police or intercept");
	return 0;
}

/* A day is longer than anyone tries a mode out; a typing error in units is not. */
static int read_confirm(const json_t *value, struct sg_control_request *req, char *error)
{
	json_int_t ns = json_integer_value(value);

	if (!json_is_integer(value) || ns < (json_int_t)SG_NS_PER_S || ns > (json_int_t)SG_NS_PER_D)
		return fail(error,
			    "a trial ('confirm_within_ns') lasts from one second to one day");
	req->confirm_within_ns = ns;
	return 0;
}

struct key {
	const char *name;
	int (*read)(const json_t *value, struct sg_control_request *req, char *error);
	bool required;
};

#define KEYS_MAX 3

static const struct {
	const char *name;
	__u32 limit; /* default */
	struct key keys[KEYS_MAX];
} commands[SG_CONTROL_MAX_] = {
#define X(id, text) [SG_CONTROL_##id].name = text,
	SG_CONTROL_COMMANDS(X)
#undef X
		[SG_CONTROL_SOURCES]
			.limit = 20,
	[SG_CONTROL_SOURCES].keys = {{"limit", read_limit, false}, {"sort", read_sort, false}},
	[SG_CONTROL_EXPLAIN].keys = {{"address", read_address, true}},
	[SG_CONTROL_EVENTS].limit = 100,
	[SG_CONTROL_EVENTS].keys = {{"limit", read_limit, false}, {"follow", read_follow, false}},
	[SG_CONTROL_MODE].keys = {{"mode", read_mode, true},
				  {"confirm_within_ns", read_confirm, false}},
};

static int find_command(const json_t *object, struct sg_control_request *req, char *error)
{
	const json_t *value = json_object_get(object, "command");
	char quoted[40];

	if (!json_is_string(value))
		return fail(error, "expected a key 'command' with a text");
	for (__u32 i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(json_string_value(value), commands[i].name)) {
			req->command = i;
			req->limit = commands[i].limit;
			return 0;
		}
	}
	snprintf(error, SG_CONTROL_ERROR, "unknown command '%s'",
		 sg_text_quote(json_string_value(value), quoted, sizeof(quoted)));
	return -EINVAL;
}

static const struct key *find_key(enum sg_control_command command, const char *name)
{
	for (int i = 0; i < KEYS_MAX; i++)
		if (commands[command].keys[i].name && !strcmp(commands[command].keys[i].name, name))
			return &commands[command].keys[i];
	return NULL;
}

static int read_keys(json_t *object, struct sg_control_request *req, char *error)
{
	const char *name;
	json_t *value;
	int err = 0;

	json_object_foreach (object, name, value) {
		const struct key *key = find_key(req->command, name);
		char quoted[40];

		if (!strcmp(name, "command"))
			continue;
		if (!key) {
			snprintf(error, SG_CONTROL_ERROR, "'%s' has no key '%s'",
				 commands[req->command].name,
				 sg_text_quote(name, quoted, sizeof(quoted)));
			return -EINVAL;
		}
		err = key->read(value, req, error);
		if (err)
			return err;
	}
	for (int i = 0; i < KEYS_MAX; i++) {
		const struct key *key = &commands[req->command].keys[i];

		if (key->required && !json_object_get(object, key->name)) {
			snprintf(error, SG_CONTROL_ERROR, "'%s' needs the key '%s'",
				 commands[req->command].name, key->name);
			return -EINVAL;
		}
	}
	return 0;
}

int sg_control_parse(const char *line, size_t len, struct sg_control_request *ret,
		     char error[static SG_CONTROL_ERROR])
{
	struct sg_control_request req = {0};
	_cleanup_json_ json_t *object = NULL;
	int err;

	if (len > SG_CONTROL_LINE_MAX)
		return fail(error, "the line is too long");
	object = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(object))
		return fail(error, "expected one JSON object on a line");
	err = find_command(object, &req, error);
	if (!err)
		err = read_keys(object, &req, error);
	if (!err)
		*ret = req;
	return err;
}

json_t *sg_control_refusal(const char *error)
{
	return json_pack("{s:b, s:o}", "ok", 0, "error", sg_json_text(error));
}

json_t *sg_control_handle(const char *line, size_t len, sg_control_handler handler, void *ctx,
			  struct sg_control_request *ret)
{
	char error[SG_CONTROL_ERROR] = "out of memory";
	struct sg_control_request req;
	json_t *body, *answer;

	ret->command = SG_CONTROL_MAX_;
	if (sg_control_parse(line, len, &req, error))
		return sg_control_refusal(error);
	body = handler(ctx, &req, error);
	if (!body)
		return sg_control_refusal(error);
	if (!json_object_get(body, "error"))
		*ret = req;
	answer = json_pack("{s:b}", "ok", ret->command != SG_CONTROL_MAX_);
	if (answer && json_object_update(answer, body)) {
		json_decref(answer);
		answer = NULL;
	}
	json_decref(body);
	return answer;
}
