// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include "document.h"
#include "../util/text.h"

static int check_encoding(const char *text, size_t len, struct sg_config_errors *errors)
{
	size_t valid = sg_text_utf8_valid(text, len);
	const char *nul = memchr(text, '\0', len);
	unsigned int line = 1;

	if (nul && (size_t)(nul - text) < valid)
		valid = (size_t)(nul - text);
	if (valid == len)
		return 0;
	for (size_t i = 0; i < valid; i++)
		line += text[i] == '\n';
	sg_config_errors_add(errors, line, 0,
			     "expected UTF-8 text, found byte 0x%02x; save the file as UTF-8",
			     (unsigned char)text[valid]);
	return -EINVAL;
}

static int check_tabs(const char *text, size_t len, struct sg_config_errors *errors)
{
	bool indentation = true;
	unsigned int line = 1;
	int err = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n') {
			line++;
			indentation = true;
		} else if (indentation && text[i] == '\t') {
			sg_config_errors_add(
				errors, line, 0,
				"found a tab in the indentation; YAML wants blanks there");
			indentation = false;
			err = -EINVAL;
		} else if (text[i] != ' ') {
			indentation = false;
		}
	}
	return err;
}

static int add_yaml_error(const yaml_parser_t *parser, struct sg_config_errors *errors)
{
	const char *problem = parser->problem ? parser->problem : "it cannot be read";
	char context[128] = "";

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (parser->context)
		sg_text_append(context, sizeof(context), " %s that began in line %u",
			       parser->context, (unsigned int)parser->context_mark.line + 1);
	sg_config_errors_add(errors, (unsigned int)parser->problem_mark.line + 1,
			     (unsigned int)parser->problem_mark.column + 1, "not YAML: %s%s",
			     problem, context);
	return -EINVAL;
}

static const char *forbidden(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_ALIAS_EVENT:
		return "an alias (*name)";
	case YAML_SCALAR_EVENT:
		if (strlen((const char *)event->data.scalar.value) != event->data.scalar.length)
			return "a NUL character (\\0)";
		return event->data.scalar.anchor ? "an anchor (&name)"
		       : event->data.scalar.tag  ? "a tag (!name)"
						 : NULL;
	case YAML_SEQUENCE_START_EVENT:
		return event->data.sequence_start.anchor ? "an anchor (&name)"
		       : event->data.sequence_start.tag  ? "a tag (!name)"
							 : NULL;
	case YAML_MAPPING_START_EVENT:
		return event->data.mapping_start.anchor ? "an anchor (&name)"
		       : event->data.mapping_start.tag  ? "a tag (!name)"
							: NULL;
	default:
		return NULL;
	}
}

struct scan {
	unsigned int depth;
	unsigned int documents;
};

/* Looks at one event; returns 0 or -EINVAL. */
static int scan_event(struct scan *scan, const yaml_event_t *event, struct sg_config_errors *errors)
{
	unsigned int line = (unsigned int)event->start_mark.line + 1;
	unsigned int column = (unsigned int)event->start_mark.column + 1;
	const char *what = forbidden(event);

	if (what) {
		sg_config_errors_add(
			errors, line, column,
			"found %s; expected plain values, in quotes if they look like one", what);
		return -EINVAL;
	}
	if (event->type == YAML_SEQUENCE_START_EVENT || event->type == YAML_MAPPING_START_EVENT)
		scan->depth++;
	else if (event->type == YAML_SEQUENCE_END_EVENT || event->type == YAML_MAPPING_END_EVENT)
		scan->depth--;
	if (scan->depth > SG_CONFIG_DEPTH_MAX) {
		sg_config_errors_add(errors, line, column,
				     "found more than %d levels; no key is that deep",
				     SG_CONFIG_DEPTH_MAX);
		return -EINVAL;
	}
	if (event->type == YAML_DOCUMENT_START_EVENT && ++scan->documents > 1) {
		sg_config_errors_add(
			errors, line, column,
			"found a second document ('---'); a configuration is one document");
		return -EINVAL;
	}
	return 0;
}

/* One pass over the events before anything is built, so that a hostile file cannot make us build
 * much: it ends at the first thing a configuration never has.
 */
static int scan_events(const char *text, size_t len, struct sg_config_errors *errors)
{
	struct scan scan = {0};
	yaml_parser_t parser;
	yaml_event_t event;
	bool end = false;
	int err = 0;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	while (!err && !end) {
		if (!yaml_parser_parse(&parser, &event)) {
			err = add_yaml_error(&parser, errors);
			break;
		}
		err = scan_event(&scan, &event, errors);
		end = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return err;
}

static int load(const char *text, size_t len, struct sg_document *doc,
		struct sg_config_errors *errors)
{
	yaml_parser_t parser;
	int err = 0;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	if (!yaml_parser_load(&parser, &doc->yaml))
		err = add_yaml_error(&parser, errors);
	yaml_parser_delete(&parser);
	if (err)
		return err;
	doc->root = yaml_document_get_root_node(&doc->yaml);
	if (doc->root && doc->root->type == YAML_MAPPING_NODE)
		return 0;
	sg_config_errors_add(
		errors, doc->root ? sg_document_line(doc->root) : 0, 0,
		doc->root ? "expected 'key: value' lines such as 'mode: observe'"
			  : "the file is empty; scepguard.yaml(5) shows what belongs in it");
	sg_document_close(doc);
	return -EINVAL;
}

int sg_document_open(const char *text, size_t len, struct sg_document *ret,
		     struct sg_config_errors *errors)
{
	struct sg_document doc;
	int err;

	err = check_encoding(text, len, errors);
	if (!err)
		err = check_tabs(text, len, errors);
	if (!err)
		err = scan_events(text, len, errors);
	if (!err)
		err = load(text, len, &doc, errors);
	if (err)
		return err;
	*ret = doc;
	return 0;
}

void sg_document_close(struct sg_document *doc)
{
	yaml_document_delete(&doc->yaml);
	doc->root = NULL;
}

static const yaml_node_t *find_child(struct sg_document *doc, const yaml_node_t *node,
				     const char *name, size_t len)
{
	if (node->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
	     p++) {
		const char *key = sg_document_text(yaml_document_get_node(&doc->yaml, p->key));

		if (strlen(key) == len && !memcmp(key, name, len))
			return yaml_document_get_node(&doc->yaml, p->value);
	}
	return NULL;
}

const yaml_node_t *sg_document_find(struct sg_document *doc, const yaml_node_t *node,
				    const char *path)
{
	while (node) {
		size_t len = strcspn(path, ".");

		node = find_child(doc, node, path, len);
		if (!path[len])
			break;
		path += len + 1;
	}
	return node;
}

const yaml_node_t *sg_document_item(struct sg_document *doc, const yaml_node_t *node,
				    unsigned int index)
{
	if (!node || node->type != YAML_SEQUENCE_NODE ||
	    index >= node->data.sequence.items.top - node->data.sequence.items.start)
		return NULL;
	return yaml_document_get_node(&doc->yaml, node->data.sequence.items.start[index]);
}

const char *sg_document_text(const yaml_node_t *node)
{
	return node && node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : "";
}

unsigned int sg_document_line(const yaml_node_t *node)
{
	return node ? (unsigned int)node->start_mark.line + 1 : 0;
}

unsigned int sg_document_column(const yaml_node_t *node)
{
	return node ? (unsigned int)node->start_mark.column + 1 : 0;
}
