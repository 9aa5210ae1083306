// SPDX-License-Identifier: GPL-2.0-only
/* The subcommands that need no daemon: run (is it), check, detach, version, help. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "target.h"
#include "../check/check.h"
#include "../daemon/daemon.h"
#include "../guard/guard.h"
#include "../util/cleanup.h"
#include "../util/json.h"
#include "../util/text.h"
#include "../version.h"

static const char *config_of(const struct sg_cli_args *args)
{
	const char *named = args->value[SG_OPT_CONFIG];

	return named ? named : SG_CLI_CONFIG_DEFAULT;
}

int sg_cmd_run(const struct sg_cli_args *args)
{
	return sg_daemon_run(config_of(args)) ? SG_EXIT_FAILED : SG_EXIT_OK;
}

/* ---- check ---- */

static int print_config_errors(const struct sg_cli_args *args,
			       const struct sg_config_errors *errors)
{
	json_t *list;

	if (!sg_cli_given(args, SG_OPT_JSON)) {
		sg_config_errors_print(errors, stderr);
		return SG_EXIT_CHECK_ERRORS;
	}
	list = json_array();
	for (unsigned int i = 0; i < errors->count; i++)
		json_array_append_new(list,
				      json_pack("{s:i, s:i, s:o}", "line", errors->entries[i].line,
						"column", errors->entries[i].column, "error",
						sg_json_text(errors->entries[i].text)));
	sg_json_print(stdout, json_pack("{s:s, s:i, s:o}", "worst", "error", "exit_status",
					SG_EXIT_CHECK_ERRORS, "config_errors", list));
	return SG_EXIT_CHECK_ERRORS;
}

static int print_report(const struct sg_cli_args *args, const struct sg_check_report *report)
{
	const int status =
		sg_check_worst(report) == SG_CHECK_ERROR ? SG_EXIT_CHECK_ERRORS : SG_EXIT_OK;
	json_t *doc;

	if (!sg_cli_given(args, SG_OPT_JSON)) {
		sg_check_print(stdout, report);
		return status;
	}
	doc = sg_check_json(report);
	json_object_set_new(doc, "exit_status", json_integer(status));
	return sg_json_print(stdout, doc) ? SG_EXIT_FAILED : status;
}

static int check_machine(const struct sg_cli_args *args, const struct sg_config *conf)
{
	_cleanup_free_ struct sg_check_report *report = calloc(1, sizeof(*report));
	int err = report ? sg_check_run(conf, report) : -ENOMEM;

	if (!err)
		return print_report(args, report);
	fprintf(stderr, "scepguard: the checks could not be run: %s\n", strerror(-err));
	return SG_EXIT_FAILED;
}

int sg_cmd_check(const struct sg_cli_args *args)
{
	_cleanup_free_ struct sg_config_errors *errors = calloc(1, sizeof(*errors));
	_cleanup_config_ struct sg_config *conf = NULL;
	int err;

	if (!errors)
		return SG_EXIT_FAILED;
	err = sg_config_load(config_of(args), &conf, errors);
	if (err)
		return print_config_errors(args, errors);
	return check_machine(args, conf);
}

/* ---- detach ---- */

/* A daemon that runs sees it and ends; what starts it again attaches it again. */
static void tell_of_daemon(const struct sg_target *target)
{
	_cleanup_client_ struct sg_client *client = NULL;

	if (!sg_client_open(target->runtime, &client))
		printf("the daemon at %s ends by itself now; to guard again: systemctl start "
		       "scepguard\n",
		       target->runtime);
}

int sg_cmd_detach(const struct sg_cli_args *args)
{
	struct sg_target target;
	int err;

	if (sg_target_choose(args, &target)) {
		fprintf(stderr,
			"scepguard: detach needs no configuration: scepguard detach --bpffs DIR, "
			"where DIR is its paths.bpffs (" SG_CLI_BPFFS_DEFAULT
			" if it names none)\n");
		return SG_EXIT_FAILED;
	}
	err = sg_guard_detach(target.bpffs);
	if (err == -ENOENT)
		fprintf(stderr,
			"scepguard: nothing is pinned below '%s': if the guard has another paths.bpffs, "
			"name it with --bpffs DIR or -c FILE\n",
			target.bpffs);
	else if (err)
		fprintf(stderr, "scepguard: cannot detach what is pinned below '%s': %s%s\n",
			target.bpffs, strerror(-err),
			err == -EACCES || err == -EPERM ? ": run this as root" : "");
	if (err)
		return SG_EXIT_FAILED;
	printf("detached: nothing is guarded any more, and traffic flows as if the guard had never been "
	       "there\n");
	if (!sg_cli_given(args, SG_OPT_BPFFS))
		tell_of_daemon(&target);
	return SG_EXIT_OK;
}

/* ---- version, help ---- */

int sg_cmd_version(const struct sg_cli_args *args)
{
	if (sg_cli_given(args, SG_OPT_JSON))
		return sg_json_print(stdout, json_pack("{s:s, s:i}", "version", SG_VERSION, "abi",
						       SG_ABI_VERSION))
			       ? SG_EXIT_FAILED
			       : SG_EXIT_OK;
	printf("scepguard %s (layout of pinned maps: %d)\n", SG_VERSION, SG_ABI_VERSION);
	return SG_EXIT_OK;
}

int sg_cmd_help(const struct sg_cli_args *args)
{
	const struct sg_cli_command *command = args->operand ? sg_cli_find(args->operand) : NULL;
	char shown[64];

	if (args->operand && !command) {
		fprintf(stderr, "scepguard help: '%s' is not a command; see scepguard --help\n",
			sg_text_quote(args->operand, shown, sizeof(shown)));
		return SG_EXIT_USAGE;
	}
	if (command)
		sg_cli_print_command_help(stdout, command);
	else
		sg_cli_print_help(stdout);
	return SG_EXIT_OK;
}
