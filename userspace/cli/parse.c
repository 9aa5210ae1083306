// SPDX-License-Identifier: GPL-2.0-only
/* From argv to struct sg_cli_args. Each mistake gets one sentence and where help is. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "../daemon/control.h"
#include "../util/text.h"
#include "../util/units.h"

#define NUMBER_MAX 1000 /* as the control socket has it */
#define LONG_BASE  256  /* what getopt returns for option i: above every letter */

static const struct {
	char letter;
	const char *name;
	bool has_arg;
} options[] = {
#define X(id, letter, name, arg, help) [SG_OPT_##id] = {letter, name, (arg) != NULL},
	SG_CLI_OPTIONS(X)
#undef X
};

__attribute__((format(printf, 2, 3))) static int say_usage(const struct sg_cli_command *command,
							   const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "scepguard %s: ", command->name);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "; see scepguard %s --help\n", command->name);
	return -EINVAL;
}

static bool takes(const struct sg_cli_command *command, unsigned int option)
{
	return option == SG_OPT_HELP || (command->options & 1u << option);
}

/* getopt's two descriptions of the options of one command. */
static void describe(const struct sg_cli_command *command, char *letters, struct option *longs)
{
	*letters++ = ':'; /* a missing argument is told as ':' */
	for (unsigned int i = 0; i < SG_OPT_MAX_; i++) {
		if (!takes(command, i))
			continue;
		*longs++ = (struct option){options[i].name,
					   options[i].has_arg ? required_argument : no_argument,
					   NULL, (int)(LONG_BASE + i)};
		if (!options[i].letter)
			continue;
		*letters++ = options[i].letter;
		if (options[i].has_arg)
			*letters++ = ':';
	}
	*letters = '\0';
	*longs = (struct option){0};
}

static unsigned int option_of(int found)
{
	if (found >= LONG_BASE)
		return (unsigned int)(found - LONG_BASE);
	for (unsigned int i = 0; i < SG_OPT_MAX_; i++)
		if (options[i].letter == found)
			return i;
	return SG_OPT_MAX_;
}

static int parse_sort(const struct sg_cli_command *command, const char *sort)
{
	enum sg_control_sort known;
	char shown[64];

	if (!sort || sg_control_sort_parse(sort, &known))
		return 0;
	return say_usage(command, "--sort '%s': expected recent, requests, admitted or connections",
			 sg_text_quote(sort, shown, sizeof(shown)));
}

static int parse_values(const struct sg_cli_command *command, struct sg_cli_args *args)
{
	const char *number = args->value[SG_OPT_NUMBER],
		   *within = args->value[SG_OPT_CONFIRM_WITHIN];
	__u64 n;

	if (parse_sort(command, args->value[SG_OPT_SORT]))
		return -EINVAL;
	if (number) {
		if (sg_count_parse(number, &n) || n < 1 || n > NUMBER_MAX)
			return say_usage(command, "-n '%s': expected a number from 1 to %d", number,
					 NUMBER_MAX);
		args->number = (__u32)n;
	}
	if (within && (sg_duration_parse(within, &n) || !n))
		return say_usage(command,
				 "--confirm-within '%s': expected a time with its unit, like 10m",
				 within);
	if (within)
		args->confirm_within_ns = n;
	if (args->value[SG_OPT_CONFIG] && args->value[SG_OPT_RUNTIME])
		return say_usage(command,
				 "-c and --runtime both name the instance: give one of them");
	if (args->value[SG_OPT_CONFIG] && args->value[SG_OPT_BPFFS])
		return say_usage(command, "-c and --bpffs both name the pins: give one of them");
	return 0;
}

static int parse_operand(const struct sg_cli_command *command, int argc, char **argv,
			 struct sg_cli_args *args)
{
	const bool wanted = command->operand && command->operand[0] != '[';

	if (optind < argc && !command->operand)
		return say_usage(command, "'%s' is too much: this command takes no operand",
				 argv[optind]);
	if (argc - optind > 1)
		return say_usage(command, "'%s' is too much: one %s is enough", argv[optind + 1],
				 command->operand);
	if (optind < argc)
		args->operand = argv[optind];
	else if (wanted && !args->value[SG_OPT_HELP])
		return say_usage(command, "%s is missing", command->operand);
	return 0;
}

static int parse_options(const struct sg_cli_command *command, int argc, char **argv,
			 struct sg_cli_args *args)
{
	struct option longs[SG_OPT_MAX_ + 1];
	char letters[2 * SG_OPT_MAX_ + 2];
	int found;

	describe(command, letters, longs);
	optind = 0; /* glibc: begin anew */
	opterr = 0;
	while ((found = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		if (found == ':')
			return say_usage(command, "'%s' needs an argument", argv[optind - 1]);
		if (found == '?')
			return say_usage(command, "'%s' is not an option of this command",
					 argv[optind - 1]);
		args->value[option_of(found)] = optarg ? optarg : "";
		if (option_of(found) != SG_OPT_SERVICE)
			continue;
		if (args->service_count == SG_CLI_SERVICES_MAX)
			return say_usage(command, "--service: at most %d of them",
					 SG_CLI_SERVICES_MAX);
		args->services[args->service_count++] = optarg;
	}
	return 0;
}

int sg_cli_parse(const struct sg_cli_command *command, int argc, char **argv,
		 struct sg_cli_args *ret)
{
	struct sg_cli_args args = {.program = "scepguard"};
	int err;

	err = parse_options(command, argc, argv, &args);
	if (!err)
		err = parse_values(command, &args);
	if (!err)
		err = parse_operand(command, argc, argv, &args);
	if (!err)
		*ret = args;
	return err;
}

static int unknown_command(const char *name)
{
	const char *names[16] = {0}, *near;
	char shown[64];

	for (size_t i = 0; i < sg_cli_command_count && i < 16; i++)
		names[i] = sg_cli_commands[i].name;
	near = sg_text_nearest(name, names, sg_cli_command_count);
	fprintf(stderr, "scepguard: '%s' is not a command",
		sg_text_quote(name, shown, sizeof(shown)));
	if (near)
		fprintf(stderr, ": did you mean '%s'?\n", near);
	else
		fputs("; see scepguard --help\n", stderr);
	return SG_EXIT_USAGE;
}

int sg_cli_main(int argc, char **argv)
{
	const struct sg_cli_command *command;
	struct sg_cli_args args;

	if (argc < 2) {
		sg_cli_print_help(stderr);
		return SG_EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		sg_cli_print_help(stdout);
		return SG_EXIT_OK;
	}
	command = sg_cli_find(strcmp(argv[1], "--version") ? argv[1] : "version");
	if (!command)
		return unknown_command(argv[1]);
	if (sg_cli_parse(command, argc - 1, argv + 1, &args))
		return SG_EXIT_USAGE;
	if (sg_cli_given(&args, SG_OPT_HELP)) {
		sg_cli_print_command_help(stdout, command);
		return SG_EXIT_OK;
	}
	return command->run(&args);
}
