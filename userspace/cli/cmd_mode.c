// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "client.h"
#include "common.h"
#include "render.h"
#include "target.h"
#include "../daemon/labels.h"
#include "../util/json.h"
#include "../util/text.h"

static int bad_mode(const char *mode)
{
	char shown[64];

	fprintf(stderr, "scepguard mode: '%s': expected observe, police or intercept\n",
		sg_text_quote(mode, shown, sizeof(shown)));
	return SG_EXIT_USAGE;
}

/* Which of its three forms is it: show, change or confirm? */
static int make_request(const struct sg_cli_args *args, json_t **ret)
{
	const bool confirm = sg_cli_given(args, SG_OPT_CONFIRM);
	__u32 mode;

	if (confirm && (args->operand || args->confirm_within_ns)) {
		fputs("scepguard mode: --confirm keeps the mode on trial and goes alone\n", stderr);
		return SG_EXIT_USAGE;
	}
	if (args->confirm_within_ns && !args->operand) {
		fputs("scepguard mode: --confirm-within needs a mode: scepguard mode police "
		      "--confirm-within 10m\n",
		      stderr);
		return SG_EXIT_USAGE;
	}
	if (args->operand && !sg_label_mode_parse(args->operand, &mode))
		return bad_mode(args->operand);
	*ret = sg_cli_request(confirm ? "confirm" : args->operand ? "mode" : "status");
	if (args->operand)
		json_object_set_new(*ret, "mode", json_string(args->operand));
	if (args->confirm_within_ns)
		json_object_set_new(*ret, "confirm_within_ns",
				    json_integer((json_int_t)args->confirm_within_ns));
	return SG_EXIT_OK;
}

/* Only what is about the mode, of a whole status. */
static int show_json(const struct sg_cli_args *args, json_t *request)
{
	struct sg_cli_args quiet = *args;
	_cleanup_json_ json_t *doc = NULL;
	int status;

	quiet.value[SG_OPT_JSON] = NULL;
	status = sg_client_ask(&quiet, request, &doc);
	if (status != SG_EXIT_OK)
		return status;
	return sg_json_print(stdout, json_pack("{s:b, s:O, s:O, s:O}", "ok", 1, "mode",
					       json_object_get(doc, "mode"), "mode_then",
					       json_object_get(doc, "mode_then"), "mode_until_time",
					       json_object_get(doc, "mode_until_time")))
		       ? SG_EXIT_FAILED
		       : SG_EXIT_OK;
}

int sg_cmd_mode(const struct sg_cli_args *args)
{
	const struct sg_style style = sg_style_detect(stdout);
	_cleanup_json_ json_t *doc = NULL;
	struct sg_lines lines = {0};
	json_t *request = NULL;
	char instance[4200];
	int status;

	status = make_request(args, &request);
	if (status != SG_EXIT_OK)
		return status;
	if (!args->operand && !sg_cli_given(args, SG_OPT_CONFIRM) &&
	    sg_cli_given(args, SG_OPT_JSON))
		return show_json(args, request);
	status = sg_client_ask(args, request, &doc);
	if (status != SG_EXIT_OK || sg_cli_given(args, SG_OPT_JSON))
		return status;
	sg_render_mode(doc, &style, sg_target_options(args, instance, sizeof(instance)),
		       sg_cli_now(), &lines);
	return sg_cli_print(&lines);
}
