// SPDX-License-Identifier: GPL-2.0-only
/* The kinds of values that are addresses, names and paths. */
#include <errno.h>
#include <string.h>

#include "../util/text.h"
#include "keys.h"

static int read_address(const struct sg_key *key, const char *text, void *to)
{
	struct sg_addr a;
	int err;

	(void)key;
	err = sg_addr_parse(text, &a);
	if (err)
		return err;
	if (!sg_addr_is_unicast(&a))
		return -ERANGE;
	memcpy(to, &a, sizeof(a));
	return 0;
}

static void expect_address(const struct sg_key *key, char *buf, size_t size)
{
	(void)key;
	sg_text_append(buf, size, "the IPv4 or IPv6 address of a host, without prefix length");
}

static int read_prefix(const struct sg_key *key, const char *text, void *to)
{
	struct sg_addr_prefix p;
	int err;

	(void)key;
	err = sg_prefix_parse(text, &p);
	if (err)
		return err;
	memcpy(to, &p, sizeof(p));
	return 0;
}

static void expect_prefix(const struct sg_key *key, char *buf, size_t size)
{
	(void)key;
	sg_text_append(buf, size,
		       "a prefix such as 10.9.0.0/16 (IPv4: up to /32, IPv6: up to "
		       "/128) with no bit set behind its length");
}

static int read_listen(const struct sg_key *key, const char *text, void *to)
{
	struct sg_conf_metrics metrics = {.enabled = true};
	int err;

	(void)key;
	if (!strcmp(text, "off")) {
		metrics.enabled = false;
	} else {
		err = sg_addr_parse_listen(text, &metrics.addr, &metrics.port);
		if (err)
			return err;
	}
	memcpy(to, &metrics, sizeof(metrics));
	return 0;
}

static void expect_listen(const struct sg_key *key, char *buf, size_t size)
{
	(void)key;
	sg_text_append(buf, size,
		       "an address and port such as 127.0.0.1:9834 or [::1]:9834, or off");
}

/* Copies @text when it is 1 to max - 1 bytes of characters that @allowed accepts. */
static int read_text(const struct sg_key *key, const char *text, void *to, bool (*allowed)(char))
{
	size_t len = strlen(text);

	if (!len || len >= key->max)
		return -ERANGE;
	for (const char *p = text; *p; p++)
		if (!allowed(*p))
			return -EINVAL;
	memcpy(to, text, len + 1);
	return 0;
}

static bool is_alphanumeric(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_name(char c)
{
	return is_alphanumeric(c) || c == '-' || c == '_' || c == '.';
}

/* What the kernel allows (dev_valid_name), less what would need quoting everywhere. */
static bool is_interface(char c)
{
	return c > ' ' && c < 0x7f && c != '/' && c != ':';
}

static bool is_path(char c)
{
	return (unsigned char)c >= ' ' && c != 0x7f;
}

static bool is_target(char c)
{
	return c > ' ' && c < 0x7f && c != '?' && c != '#';
}

static bool is_message(char c)
{
	return is_target(c) && c != '&';
}

static int read_name(const struct sg_key *key, const char *text, void *to)
{
	return is_alphanumeric(text[0]) ? read_text(key, text, to, is_name) : -EINVAL;
}

static void expect_name(const struct sg_key *key, char *buf, size_t size)
{
	sg_text_append(buf, size,
		       "1 to %llu letters, digits, '-', '_' or '.', the first a letter or digit",
		       (unsigned long long)key->max - 1);
}

static int read_interface(const struct sg_key *key, const char *text, void *to)
{
	if (!strcmp(text, ".") || !strcmp(text, ".."))
		return -EINVAL;
	return read_text(key, text, to, is_interface);
}

static void expect_interface(const struct sg_key *key, char *buf, size_t size)
{
	sg_text_append(buf, size, "the name of an interface, at most %llu characters",
		       (unsigned long long)key->max - 1);
}

static int read_behind(const struct sg_key *key, const char *text, void *to)
{
	if (strcmp(text, "auto"))
		return read_interface(key, text, to);
	*(char *)to = '\0';
	return 0;
}

static void expect_behind(const struct sg_key *key, char *buf, size_t size)
{
	(void)key;
	sg_text_append(buf, size, "auto or the name of one of the interfaces");
}

static int read_path(const struct sg_key *key, const char *text, void *to)
{
	return text[0] == '/' ? read_text(key, text, to, is_path) : -EINVAL;
}

static void expect_path(const struct sg_key *key, char *buf, size_t size)
{
	sg_text_append(buf, size, "an absolute path of at most %llu bytes",
		       (unsigned long long)key->max - 1);
}

static int read_target(const struct sg_key *key, const char *text, void *to)
{
	return text[0] == '/' ? read_text(key, text, to, is_target) : -EINVAL;
}

static void expect_target(const struct sg_key *key, char *buf, size_t size)
{
	sg_text_append(
		buf, size,
		"the path of a URL, beginning with '/', at most %llu ASCII characters without "
		"blank, '?' and '#'",
		(unsigned long long)key->max - 1);
}

static int read_message(const struct sg_key *key, const char *text, void *to)
{
	return read_text(key, text, to, is_message);
}

static void expect_message(const struct sg_key *key, char *buf, size_t size)
{
	sg_text_append(buf, size,
		       "the value of a URL parameter, at most %llu ASCII characters without "
		       "blank, '?', '#' and '&'",
		       (unsigned long long)key->max - 1);
}

const struct sg_kind sg_kind_address = {read_address, expect_address, NULL};
const struct sg_kind sg_kind_prefix = {read_prefix, expect_prefix, NULL};
const struct sg_kind sg_kind_listen = {read_listen, expect_listen, NULL};
const struct sg_kind sg_kind_name = {read_name, expect_name, NULL};
const struct sg_kind sg_kind_interface = {read_interface, expect_interface, NULL};
const struct sg_kind sg_kind_behind = {read_behind, expect_behind, NULL};
const struct sg_kind sg_kind_path = {read_path, expect_path, NULL};
const struct sg_kind sg_kind_target = {read_target, expect_target, NULL};
const struct sg_kind sg_kind_message = {read_message, expect_message, NULL};
