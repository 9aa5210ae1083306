// SPDX-License-Identifier: GPL-2.0-only
/* From file to struct: read, tree with positions, shape, libcyaml, values, rules. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../util/cleanup.h"
#include "../util/text.h"
#include "raw.h"
#include "rules.h"
#include "shape.h"
#include "values.h"

struct parse {
	struct sg_config *conf;
	struct sg_config_errors *errors;
	struct sg_document doc;
	const struct sg_slot *slots;
	struct sg_scope services[SG_CONFIG_SERVICES_MAX];
	struct sg_scope prefixes[SG_CONFIG_PREFIXES_MAX];
};

static struct sg_scope global_scope(struct parse *p)
{
	return (struct sg_scope){
		.doc = &p->doc,
		.errors = p->errors,
		.node = p->doc.root,
		.keys = &sg_keys_global,
		.slots = p->slots,
		.target = p->conf,
		.origin = p->conf->origin,
	};
}

/* Scope of entry @index of the list of objects under the global @key. */
static struct sg_scope object_scope(struct parse *p, unsigned int key, __u32 index)
{
	const struct sg_key *k = &sg_keys_global.keys[key];
	const yaml_node_t *list = sg_document_find(&p->doc, p->doc.root, k->path);
	struct sg_scope scope = sg_scope_object(&p->doc, p->errors, k->objects, list, index);

	scope.slots = &p->slots[key].objects[index * k->objects->count];
	return scope;
}

static void read_service(struct parse *p, __u32 index)
{
	struct sg_conf_service *s = &p->conf->services[index];
	struct sg_scope *scope = &p->services[index];

	*scope = object_scope(p, SG_KEY_GLOBAL_SERVICES, index);
	scope->target = s;
	scope->origin = s->origin;
	/* First the profile, on which what is not written depends. */
	if (sg_values_read_key(scope, SG_KEY_SERVICE_PROFILE, SG_CONFIG_PROFILE_CISCO_IOS) &&
	    sg_values_read(scope, s->profile))
		sg_rules_check_service(p->conf, scope);
}

static void read_prefix(struct parse *p, __u32 index)
{
	struct sg_conf_prefix *prefix = &p->conf->sources.prefixes[index];
	struct sg_scope *scope = &p->prefixes[index];

	*scope = object_scope(p, SG_KEY_GLOBAL_SOURCES_PREFIXES, index);
	scope->target = prefix;
	scope->origin = prefix->origin;
	prefix->limits = p->conf->sources.limits;
	sg_values_read(scope, SG_CONFIG_PROFILE_CISCO_IOS);
}

static int read_values(struct parse *p)
{
	struct sg_scope global = global_scope(p);

	p->conf->service_count = p->slots[SG_KEY_GLOBAL_SERVICES].count;
	p->conf->sources.prefix_count = p->slots[SG_KEY_GLOBAL_SOURCES_PREFIXES].count;
	p->conf->sources.prefixes =
		calloc(p->conf->sources.prefix_count + 1, sizeof(*p->conf->sources.prefixes));
	if (!p->conf->sources.prefixes)
		return -ENOMEM;
	sg_values_read(&global, SG_CONFIG_PROFILE_CISCO_IOS);
	for (__u32 i = 0; i < p->conf->service_count; i++)
		read_service(p, i);
	for (__u32 i = 0; i < p->conf->sources.prefix_count; i++)
		read_prefix(p, i);
	/* Values that could not be read would contradict others without reason. */
	if (!p->errors->count)
		sg_rules_check_config(p->conf, &global, p->services, p->prefixes);
	return p->errors->count ? -EINVAL : 0;
}

static int parse_document(struct parse *p, const char *text, size_t len)
{
	struct sg_scope global = global_scope(p);
	struct sg_raw *raw;
	int err;

	if (!sg_shape_check(&global))
		return -EINVAL;
	err = sg_raw_load(text, len, &raw, &p->slots, p->errors);
	if (err)
		return err;
	err = read_values(p);
	sg_raw_free(raw);
	return err;
}

static void begin_errors(struct sg_config_errors *errors, const char *name)
{
	errors->count = 0;
	errors->lost = 0;
	sg_text_quote(name, errors->file, sizeof(errors->file));
}

int sg_config_parse_memory(const char *name, const char *text, size_t len, struct sg_config **ret,
			   struct sg_config_errors *errors)
{
	_cleanup_config_ struct sg_config *conf = calloc(1, sizeof(*conf));
	_cleanup_free_ struct parse *p = calloc(1, sizeof(*p));
	int err;

	begin_errors(errors, name);
	if (!conf || !p)
		return -ENOMEM;
	if (len > SG_CONFIG_FILE_MAX) {
		sg_config_errors_add(
			errors, 0, 0,
			"expected a file of at most %d KiB, found more; is it the right one?",
			SG_CONFIG_FILE_MAX / 1024);
		return -EINVAL;
	}
	p->conf = conf;
	p->errors = errors;
	err = sg_document_open(text, len, &p->doc, errors);
	if (err)
		return err;
	err = parse_document(p, text, len);
	sg_document_close(&p->doc);
	sg_config_errors_sort(errors);
	if (err)
		return err;
	*ret = SG_TAKE_PTR(conf);
	return 0;
}

/* Reads at most @size bytes. Returns how many, or a negative errno. */
static ssize_t read_file(const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	size_t used = 0;
	ssize_t n = 1;

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -ENOTSUP;
	while (used < size && n) {
		n = read(fd, buf + used, size - used);
		if (n < 0)
			return -errno;
		used += (size_t)n;
	}
	return (ssize_t)used;
}

int sg_config_load(const char *path, struct sg_config **ret, struct sg_config_errors *errors)
{
	_cleanup_free_ char *text = malloc(SG_CONFIG_FILE_MAX + 1);
	ssize_t len;

	begin_errors(errors, path);
	if (!text)
		return -ENOMEM;
	len = read_file(path, text, SG_CONFIG_FILE_MAX + 1);
	if (len < 0) {
		sg_config_errors_add(
			errors, 0, 0, "cannot be read: %s%s",
			len == -ENOTSUP ? "not a regular file" : strerror((int)-len),
			len == -ENOENT ? "; write one, docs/scepguard.example.yaml shows how" : "");
		return (int)len;
	}
	return sg_config_parse_memory(path, text, (size_t)len, ret, errors);
}
