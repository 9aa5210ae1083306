// SPDX-License-Identifier: GPL-2.0-only
/* The subcommands that read: ask, then render. */
#include <errno.h>
#include <string.h>

#include "client.h"
#include "common.h"
#include "doc.h"
#include "offline.h"
#include "render.h"
#include "status.h"
#include "../util/addr.h"
#include "../util/json.h"
#include "../util/text.h"

static int say_offline(const struct sg_cli_args *args, const struct sg_target *target)
{
	struct sg_lines lines = {0};
	struct sg_pins pins = {0};
	char instance[4200];
	const int look = sg_pins_look(target->bpffs, &pins);

	if (sg_cli_given(args, SG_OPT_JSON)) {
		sg_json_print(stdout, sg_offline_json(target, look, &pins));
		return SG_EXIT_NOT_RUNNING;
	}
	sg_offline_render(target, look, &pins,
			  args->value[SG_OPT_CONFIG]
				  ? sg_target_options(args, instance, sizeof(instance))
				  : "",
			  sg_style_detect(stdout).width, &lines);
	sg_cli_print(&lines);
	return SG_EXIT_NOT_RUNNING;
}

/* A CA in trouble is the document's message, not a failure to get it. */
static int print_status(const struct sg_cli_args *args, const json_t *doc)
{
	char instance[4200];
	const struct sg_status st = {
		.doc = doc,
		.style = sg_style_detect(stdout),
		.now = sg_cli_now(),
		.instance = sg_target_options(args, instance, sizeof(instance)),
	};
	struct sg_lines lines = {0};
	int status;

	sg_status_render(&st, &lines);
	status = sg_cli_print(&lines);
	if (status == SG_EXIT_OK && sg_status_in_trouble(doc))
		status = SG_EXIT_NOT_SERVING;
	return status;
}

int sg_cmd_status(const struct sg_cli_args *args)
{
	_cleanup_client_ struct sg_client *client = NULL;
	_cleanup_json_ json_t *doc = NULL;
	struct sg_target target;
	int err, status;

	if (sg_target_choose(args, &target))
		return SG_EXIT_FAILED;
	err = sg_client_open(target.runtime, &client);
	if (err == -ENOENT)
		return say_offline(args, &target);
	if (err)
		return SG_EXIT_FAILED;
	status = sg_client_exchange(client, args, sg_cli_request("status"), &doc);
	if (status != SG_EXIT_OK)
		return status;
	if (sg_cli_given(args, SG_OPT_JSON))
		return sg_status_in_trouble(doc) ? SG_EXIT_NOT_SERVING : SG_EXIT_OK;
	return print_status(args, doc);
}

int sg_cmd_sources(const struct sg_cli_args *args)
{
	_cleanup_json_ json_t *doc = NULL;
	const struct sg_style style = sg_style_detect(stdout);
	json_t *request = sg_cli_request("sources");
	struct sg_lines lines = {0};
	int status;

	if (args->number)
		json_object_set_new(request, "limit", json_integer(args->number));
	if (sg_cli_given(args, SG_OPT_SORT))
		json_object_set_new(request, "sort", sg_json_text(args->value[SG_OPT_SORT]));
	status = sg_client_ask(args, request, &doc);
	if (status != SG_EXIT_OK || sg_cli_given(args, SG_OPT_JSON))
		return status;
	sg_render_sources(doc, &style, sg_cli_now(), &lines);
	return sg_cli_print(&lines);
}

static int say_no_service(const char *name, const json_t *doc)
{
	const json_t *service;
	char shown[64];
	size_t i;

	fprintf(stderr, "scepguard questions: there is no service '%s': this guard has",
		sg_text_quote(name, shown, sizeof(shown)));
	json_array_foreach (sg_doc_at(doc, "services"), i, service)
		fprintf(stderr, "%s '%s'", i ? "," : "", sg_doc_text(service, "name"));
	fputc('\n', stderr);
	return SG_EXIT_FAILED;
}

int sg_cmd_questions(const struct sg_cli_args *args)
{
	_cleanup_json_ json_t *doc = NULL;
	const struct sg_style style = sg_style_detect(stdout);
	struct sg_lines lines = {0};
	int status = sg_client_ask(args, sg_cli_request("questions"), &doc);

	if (status != SG_EXIT_OK || sg_cli_given(args, SG_OPT_JSON))
		return status;
	if (!sg_render_questions(doc, args->operand, &style, &lines) && args->operand)
		return say_no_service(args->operand, doc);
	return sg_cli_print(&lines);
}

int sg_cmd_explain(const struct sg_cli_args *args)
{
	_cleanup_json_ json_t *doc = NULL, *mode = NULL;
	const struct sg_style style = sg_style_detect(stdout);
	struct sg_lines lines = {0};
	struct sg_addr address;
	char shown[64];
	int status;

	if (sg_addr_parse(args->operand, &address)) {
		fprintf(stderr,
			"scepguard explain: '%s': expected an IPv4 or IPv6 address, like 192.0.2.7\n",
			sg_text_quote(args->operand, shown, sizeof(shown)));
		return SG_EXIT_USAGE;
	}
	status = sg_client_ask(
		args, json_pack("{s:s, s:s}", "command", "explain", "address", args->operand),
		&doc);
	if (status != SG_EXIT_OK || sg_cli_given(args, SG_OPT_JSON))
		return status;
	status = sg_client_ask(args, sg_cli_request("status"), &mode);
	if (status != SG_EXIT_OK)
		return status;
	sg_render_explain(doc, &style, sg_doc_text(mode, "mode"), sg_cli_now(), &lines);
	return sg_cli_print(&lines);
}
