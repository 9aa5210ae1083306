// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "client.h"
#include "common.h"
#include "doc.h"
#include "render.h"
#include "target.h"
#include "../util/json.h"

#define FOLLOW_BEFORE 10 /* events shown before those to come, without -n */

static int print_event(const json_t *event, const struct sg_style *style)
{
	struct sg_lines lines = {0};
	int status;

	sg_render_event(event, style, sg_cli_now(), &lines);
	status = sg_cli_print(&lines);
	/* Whoever reads a pipe wants the line now; a reader that is gone ends us by SIGPIPE. */
	return fflush(stdout) == EOF ? SG_EXIT_FAILED : status;
}

static int print_list(const json_t *doc, const struct sg_style *style)
{
	const json_t *event;
	size_t i;

	json_array_foreach (sg_doc_at(doc, "events"), i, event)
		if (print_event(event, style) != SG_EXIT_OK)
			return SG_EXIT_FAILED;
	return SG_EXIT_OK;
}

static int print_followed(const struct sg_cli_args *args, const char *line,
			  const struct sg_style *style)
{
	_cleanup_json_ json_t *answer = NULL;

	if (sg_cli_given(args, SG_OPT_JSON))
		return puts(line) == EOF || fflush(stdout) == EOF ? SG_EXIT_FAILED : SG_EXIT_OK;
	answer = sg_client_read_answer(line);
	return answer ? print_event(sg_doc_at(answer, "event"), style) : SG_EXIT_FAILED;
}

static int follow(const struct sg_cli_args *args, struct sg_client *client,
		  const struct sg_style *style)
{
	const char *line;
	int n;

	fflush(stdout);
	while ((n = sg_client_line(client, 0, &line)) > 0)
		if (print_followed(args, line, style) != SG_EXIT_OK)
			return SG_EXIT_FAILED;
	if (!n)
		fputs("scepguard: the daemon closed the connection: it ended, or this reader was too "
		      "slow\n",
		      stderr);
	return SG_EXIT_FAILED;
}

static json_t *make_request(const struct sg_cli_args *args)
{
	const bool following = sg_cli_given(args, SG_OPT_FOLLOW);
	json_t *request = sg_cli_request("events");

	if (args->number || following)
		json_object_set_new(request, "limit",
				    json_integer(args->number ? args->number : FOLLOW_BEFORE));
	if (following)
		json_object_set_new(request, "follow", json_true());
	return request;
}

int sg_cmd_events(const struct sg_cli_args *args)
{
	_cleanup_client_ struct sg_client *client = NULL;
	_cleanup_json_ json_t *doc = NULL;
	const struct sg_style style = sg_style_detect(stdout);
	struct sg_target target;
	int err, status;

	if (sg_target_choose(args, &target))
		return SG_EXIT_FAILED;
	err = sg_client_open(target.runtime, &client);
	if (err)
		return err == -ENOENT ? sg_client_say_not_running(target.runtime) : SG_EXIT_FAILED;
	status = sg_client_exchange(client, args, make_request(args), &doc);
	if (status == SG_EXIT_OK && !sg_cli_given(args, SG_OPT_JSON))
		status = print_list(doc, &style);
	if (status == SG_EXIT_OK && sg_cli_given(args, SG_OPT_FOLLOW))
		status = follow(args, client, &style);
	return status;
}
