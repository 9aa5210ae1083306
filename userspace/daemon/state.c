// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "state.h"
#include "../util/cleanup.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/text.h"

#define STATE_VERSION 1
#define STATE_FILE    "state.json"

/* One list for writing and reading: X(structure, field, key) */
#define MIRROR_EVER(X)            \
	X(mirror, worst, "worst") \
	X(mirror, episodes, "episodes")

/* Numbers and ticks of one load of the data plane. */
#define MIRROR_LOAD(X)                        \
	X(mirror, next, "next")               \
	X(mirror, tail, "tail")               \
	X(mirror, last_date, "last_date")     \
	X(mirror, count_from, "count_from")   \
	X(mirror, block_since, "block_since") \
	X(mirror, block_until, "block_until")

#define SHADOW(X)                                     \
	X(shadow, state, "state")                     \
	X(shadow, since_ns, "since_ns")               \
	X(shadow, evidence_ns, "evidence_ns")         \
	X(shadow, status, "status")                   \
	X(shadow, not_ready_ns, "not_ready_ns")       \
	X(shadow, ready_ns, "ready_ns")               \
	X(shadow, cert_refused_ns, "cert_refused_ns") \
	X(shadow, cert_served_ns, "cert_served_ns")

static json_t *service_json(const struct sg_state_service *s)
{
	_cleanup_json_ json_t *mirror = json_object(), *shadow = json_object();
	int bad = 0;

#define X(part, field, key) bad |= json_object_set_new(part, key, json_integer(s->part->field));
	MIRROR_EVER(X)
	MIRROR_LOAD(X)
	SHADOW(X)
#undef X
	bad |= json_object_set_new(shadow, "content_type", sg_json_text(s->shadow->content_type));
	if (bad)
		return NULL;
	return json_pack("{s:I, s:O, s:O}", "window_ns", (json_int_t)s->window_ns, "mirror", mirror,
			 "shadow", shadow);
}

json_t *sg_state_json(const char *load, const struct sg_state_service *services, __u32 count)
{
	_cleanup_json_ json_t *of_services = json_object();
	int bad = 0;

	for (__u32 i = 0; i < count; i++)
		bad |= json_object_set_new(of_services, services[i].name,
					   service_json(&services[i]));
	if (bad)
		return NULL;
	return json_pack("{s:i, s:s, s:O}", "version", STATE_VERSION, "load", load, "services",
			 of_services);
}

/* A number that is missing, negative or no number counts as 0, which means "never" throughout. */
static __u64 number(const json_t *object, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(object, key));

	return value > 0 ? value : 0;
}

/* Numbers that belong together: a file that was damaged or edited must not trip a block that never
 * was.
 */
static bool is_possible(const struct sg_mirror *m)
{
	return m->tail <= m->next && m->next - m->tail <= SG_PLACES && m->count_from <= m->next;
}

static void read_mirror(const json_t *j, struct sg_mirror *mirror, bool same_load)
{
	struct sg_mirror found = *mirror, *of_load = &found;

#define X(part, field, key) part->field = number(j, key);
	MIRROR_EVER(X)
#undef X
#define X(part, field, key) of_load->field = number(j, key);
	MIRROR_LOAD(X)
#undef X
	if (!same_load || !is_possible(&found))
		return;
	found.worst = mirror->worst;
	found.episodes = mirror->episodes;
	*mirror = found;
}

/* A media type is ASCII (RFC 9110, 8.3.1). One byte for one byte, so that reading what was written gives
 * the same again, also where it is cut off.
 */
static void read_media_type(const char *type, char *out, size_t size)
{
	size_t i = 0;

	for (; type[i] && i + 1 < size; i++)
		out[i] = type[i] >= ' ' && type[i] <= '~' ? type[i] : '?';
	out[i] = '\0';
}

static void read_shadow(const json_t *j, struct sg_shadow *shadow)
{
	const char *type = json_string_value(json_object_get(j, "content_type"));

#define X(part, field, key) part->field = number(j, key);
	SHADOW(X)
#undef X
	read_media_type(type ? type : "", shadow->content_type, sizeof(shadow->content_type));
	if (shadow->state >= SG_SHADOW_MAX_)
		shadow->state = SG_SHADOW_UNKNOWN;
}

int sg_state_read(const json_t *j, const char *load, const struct sg_state_service *services,
		  __u32 count)
{
	const json_t *of_services = json_object_get(j, "services");
	const char *written = json_string_value(json_object_get(j, "load"));

	if (number(j, "version") != STATE_VERSION || !json_is_object(of_services) || !written)
		return -EINVAL;
	for (__u32 i = 0; i < count; i++) {
		const struct sg_state_service *s = &services[i];
		const json_t *service = json_object_get(of_services, s->name);

		if (!service)
			continue;
		if (number(service, "window_ns") == s->window_ns)
			read_mirror(json_object_get(service, "mirror"), s->mirror,
				    !strcmp(written, load));
		read_shadow(json_object_get(service, "shadow"), s->shadow);
	}
	return 0;
}

static int path_of(const char *directory, const char *name,
		   char path[static SG_CONFIG_PATH_MAX + 32])
{
	int n = snprintf(path, SG_CONFIG_PATH_MAX + 32, "%s/%s", directory, name);

	return n < SG_CONFIG_PATH_MAX + 32 ? 0 : -ENAMETOOLONG;
}

json_t *sg_state_load(const char *directory)
{
	char path[SG_CONFIG_PATH_MAX + 32];
	_cleanup_fclose_ FILE *file = NULL;
	json_error_t error = {0};
	json_t *j;

	if (path_of(directory, STATE_FILE, path))
		return NULL;
	file = fopen(path, "re");
	if (!file) {
		if (errno != ENOENT)
			sg_log_warning("cannot read '%s': %s; starting without it", path,
				       strerror(errno));
		return NULL;
	}
	j = json_loadf(file, JSON_REJECT_DUPLICATES, &error);
	if (!j)
		sg_log_warning("'%s' is damaged (%s); starting without it", path, error.text);
	return j;
}

static int write_all(const char *path, const char *text, size_t len)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, len);
	if (n != (ssize_t)len)
		return n < 0 ? -errno : -ENOSPC; /* a file is written short when the disk is full */
	return fsync(fd) ? -errno : 0;
}

int sg_state_save(const char *directory, json_t *j)
{
	char path[SG_CONFIG_PATH_MAX + 32], fresh[SG_CONFIG_PATH_MAX + 32];
	_cleanup_free_ char *text = j ? json_dumps(j, JSON_INDENT(1)) : NULL;
	int err;

	json_decref(j);
	if (!text)
		return -ENOMEM;
	err = path_of(directory, STATE_FILE, path);
	if (!err)
		err = path_of(directory, STATE_FILE ".new", fresh);
	if (!err)
		err = write_all(fresh, text, strlen(text));
	if (!err && rename(fresh, path))
		err = -errno;
	return err;
}
