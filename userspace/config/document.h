/* SPDX-License-Identifier: GPL-2.0-only */
/* The file as a tree with positions (libyaml). It serves to say *where* something is wrong; the
 * values themselves come from libcyaml, which keeps no positions.
 */
#ifndef SG_CONFIG_DOCUMENT_H
#define SG_CONFIG_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>

#include "errors.h"

/* A configuration has at most five levels; more is no configuration. */
#define SG_CONFIG_DEPTH_MAX 8

struct sg_document {
	yaml_document_t yaml;
	yaml_node_t *root; /* a mapping */
};

/* Checks that @text is UTF-8 without tabs as indentation, is one YAML document without anchors,
 * aliases and tags, and no deeper than SG_CONFIG_DEPTH_MAX; then reads it. Returns 0, -EINVAL
 * with the reasons in @errors, or -ENOMEM. On success sg_document_close() is due.
 */
int sg_document_open(const char *text, size_t len, struct sg_document *ret,
		     struct sg_config_errors *errors);
void sg_document_close(struct sg_document *doc);

/* The value of the dotted @path below @node (a mapping), or NULL. */
const yaml_node_t *sg_document_find(struct sg_document *doc, const yaml_node_t *node,
				    const char *path);

/* Item @index of the list @node, or NULL. */
const yaml_node_t *sg_document_item(struct sg_document *doc, const yaml_node_t *node,
				    unsigned int index);

/* The text of a scalar, "" for anything else. Bytes after a NUL are not seen. */
const char *sg_document_text(const yaml_node_t *node);

/* Line of a node, from 1; 0 for NULL. */
unsigned int sg_document_line(const yaml_node_t *node);
unsigned int sg_document_column(const yaml_node_t *node);

#endif
