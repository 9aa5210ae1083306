// SPDX-License-Identifier: GPL-2.0-only
/* Any bytes on the control socket, and any file as the kept state.
 *
 * First byte 's': the rest is state.json, which is read, used by the mirror, written and read again.
 * Any other byte decides how the handler behaves; the rest is a line of a client.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../userspace/daemon/control.h"
#include "../../userspace/daemon/labels.h"
#include "../../userspace/daemon/state.h"
#include "../../userspace/util/units.h"

#define LOAD "boot 1"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* ---- a line of a client ---- */

static void check_sentence(const char *error)
{
	size_t len = strnlen(error, SG_CONTROL_ERROR);

	must(len && len < SG_CONTROL_ERROR);
	for (size_t i = 0; i < len; i++)
		must(!iscntrl((unsigned char)error[i]));
}

static void check_request(const struct sg_control_request *req)
{
	bool lists = req->command == SG_CONTROL_SOURCES || req->command == SG_CONTROL_EVENTS;

	must(req->command < SG_CONTROL_MAX_);
	must(lists ? req->limit >= 1 && req->limit <= SG_CONTROL_LIMIT_MAX : !req->limit);
	must(req->sort < SG_CONTROL_SORT_MAX_);
	must(!req->sort || req->command == SG_CONTROL_SOURCES);
	must(!req->follow || req->command == SG_CONTROL_EVENTS);
	must(req->mode <= SG_MODE_INTERCEPT);
	must(!req->confirm_within_ns ||
	     (req->command == SG_CONTROL_MODE && req->confirm_within_ns >= SG_NS_PER_S &&
	      req->confirm_within_ns <= SG_NS_PER_D));
}

static json_t *handler(void *ctx, const struct sg_control_request *req, char *error)
{
	check_request(req);
	switch (*(const uint8_t *)ctx % 3) {
	case 0:
		return json_pack("{s:i}", "command", req->command);
	case 1:
		snprintf(error, SG_CONTROL_ERROR, "no");
		return NULL;
	default:
		return NULL;
	}
}

static void one_line(uint8_t behaviour, const char *line, size_t len)
{
	struct sg_control_request untouched, req, handled;
	char error[SG_CONTROL_ERROR] = "";
	json_t *answer;
	char *text;
	int err;

	memset(&untouched, 0x5a, sizeof(untouched));
	req = untouched;
	err = sg_control_parse(line, len, &req, error);
	if (err) {
		/* Bytes, padding too: nothing at all may be written on failure. */
		// NOLINTNEXTLINE(bugprone-suspicious-memory-comparison)
		must(!memcmp(&req, &untouched, sizeof(req)));
		check_sentence(error);
	} else {
		check_request(&req);
	}
	answer = sg_control_handle(line, len, handler, &behaviour, &handled);
	must(json_is_object(answer) && json_is_boolean(json_object_get(answer, "ok")));
	must(json_is_true(json_object_get(answer, "ok")) == (!err && behaviour % 3 == 0));
	must((handled.command == SG_CONTROL_MAX_) == !json_is_true(json_object_get(answer, "ok")));
	text = json_dumps(answer, JSON_COMPACT);
	must(text && !strchr(text, '\n'));
	free(text);
	json_decref(answer);
}

/* ---- the kept state ---- */

struct kept {
	struct sg_mirror mirror;
	struct sg_shadow shadow;
};

static int read_state(const json_t *j, struct kept *k)
{
	struct sg_state_service service = {"ca", 60 * SG_NS_PER_S, &k->mirror, &k->shadow};

	memset(k, 0, sizeof(*k));
	return sg_state_read(j, LOAD, &service, 1);
}

/* What was read must be something the mirror could have come to itself. */
static void check_state(struct kept *k)
{
	static struct sg_actual actual = {.head = 3, .dates = {100, 200, 300}};
	const struct sg_mirror_limits limits = {80, 15000, 3750};
	__u32 worst = k->mirror.worst, episodes = k->mirror.episodes;

	must(k->shadow.state < SG_SHADOW_MAX_);
	must(strnlen(k->shadow.content_type, sizeof(k->shadow.content_type)) <
	     sizeof(k->shadow.content_type));
	must(k->mirror.tail <= k->mirror.next && k->mirror.next - k->mirror.tail <= SG_PLACES);
	must(k->mirror.count_from <= k->mirror.next);
	sg_mirror_advance(&k->mirror, &limits, &actual);
	must(k->mirror.episodes == episodes); /* three connections trip no limit of 80 */
	must(k->mirror.worst <= (worst > SG_PLACES ? worst : SG_PLACES));
}

static void one_state(const char *text, size_t len)
{
	json_t *j = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL), *again;
	struct sg_state_service service;
	struct kept first, second;

	if (!j)
		return;
	if (!read_state(j, &first)) {
		service = (struct sg_state_service){"ca", 60 * SG_NS_PER_S, &first.mirror,
						    &first.shadow};
		again = sg_state_json(LOAD, &service, 1);
		must(again && !read_state(again, &second));
		/* Both were zero before, padding too. */
		// NOLINTNEXTLINE(bugprone-suspicious-memory-comparison)
		must(!memcmp(&first, &second, sizeof(first)));
		json_decref(again);
		check_state(&first);
	}
	json_decref(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (*data == 's')
		one_state((const char *)data + 1, size - 1);
	else
		one_line(*data, (const char *)data + 1, size - 1);
	return 0;
}
