/* SPDX-License-Identifier: GPL-2.0-only */
/* The one table of keys: what each is called, what kind of value it takes, within which bounds,
 * where it goes and what it is when nobody wrote it. The libcyaml schema, the check of the
 * file's shape, the reading of values and the defaults are all made from it.
 */
#ifndef SG_CONFIG_KEYS_H
#define SG_CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "config.h"

enum sg_key_shape {
	SG_KEY_SHAPE_VALUE,   /* key: text */
	SG_KEY_SHAPE_LIST,    /* key: [text, ...] */
	SG_KEY_SHAPE_OBJECTS, /* key: a list of mappings with keys of their own */
};

struct sg_key;

/* How a kind of value is read. */
struct sg_kind {
	/* Reads @text into the field @to. Returns 0; -ENODATA: the unit is missing; another
	 * negative errno: not such a value, or out of bounds. @to is untouched on failure.
	 */
	int (*read)(const struct sg_key *key, const char *text, void *to);
	/* Completes the sentence "expected ...". */
	void (*expect)(const struct sg_key *key, char *buf, size_t size);
	const char *units; /* to be added when a number came without one, or NULL */
};

struct sg_key_scope {
	const struct sg_key *keys;
	unsigned int count;
};

struct sg_key {
	const char *path; /* dotted, below its scope; keys of a section follow one another */
	enum sg_key_shape shape;
	const struct sg_kind *kind; /* of the value, or of each item */
	size_t offset;              /* of the field in the scope's struct */
	__u64 min, max;             /* bounds; strings: @max is the size of the buffer */
	const char *const *words;   /* kind word: in the order of the enum, ends with NULL */
	bool zero;                  /* 0 is allowed although it is below @min */
	bool required;
	const char *example; /* of a whole value, for messages about lists and missing keys */
	/* Lists and lists of objects */
	size_t count_offset;
	size_t item_size;
	unsigned int items_max;
	const struct sg_key_scope *objects;
	/* What it is when not written; NULL: all zero. A list gets this one item. */
	const char *preset;
	const char *by_profile[SG_CONFIG_PROFILE_MAX_]; /* where it depends on the profile */
};

extern const struct sg_key_scope sg_keys_global;  /* target: struct sg_config */
extern const struct sg_key_scope sg_keys_service; /* target: struct sg_conf_service */
extern const struct sg_key_scope sg_keys_prefix;  /* target: struct sg_conf_prefix */

extern const char *const sg_words_mode[];
extern const char *const sg_words_profile[];

extern const struct sg_kind sg_kind_word;      /* enum (unsigned int) */
extern const struct sg_kind sg_kind_flag;      /* bool */
extern const struct sg_kind sg_kind_count;     /* __u32 */
extern const struct sg_kind sg_kind_limit;     /* __u32; "none" is 0 */
extern const struct sg_kind sg_kind_port;      /* __u16 */
extern const struct sg_kind sg_kind_duration;  /* __u64, ns */
extern const struct sg_kind sg_kind_timespan;  /* the same; "none" is 0 */
extern const struct sg_kind sg_kind_rate;      /* struct sg_unit_rate; "none" is all zero */
extern const struct sg_kind sg_kind_percent;   /* __u32, per-mille */
extern const struct sg_kind sg_kind_address;   /* struct sg_addr */
extern const struct sg_kind sg_kind_prefix;    /* struct sg_addr_prefix */
extern const struct sg_kind sg_kind_listen;    /* struct sg_conf_metrics */
extern const struct sg_kind sg_kind_name;      /* char[max] */
extern const struct sg_kind sg_kind_interface; /* char[IFNAMSIZ] */
extern const struct sg_kind sg_kind_behind;    /* the same; "auto" is "" */
extern const struct sg_kind sg_kind_path;      /* char[max] */
extern const struct sg_kind sg_kind_target;    /* char[max]: path of a URL */
extern const struct sg_kind sg_kind_message;   /* char[max]: value of a URL parameter */

/* The text a key has when it is not written, or NULL. */
const char *sg_key_preset(const struct sg_key *key, enum sg_config_profile profile);

#endif
