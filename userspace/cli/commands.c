// SPDX-License-Identifier: GPL-2.0-only
/* The table of subcommands, and what --help makes of it. */
#include <string.h>

#include "cli.h"

#define READING (SG_OPT_INSTANCE | SG_OPT_BIT(JSON))

const struct sg_cli_command sg_cli_commands[] = {
	{"run", NULL, SG_OPT_BIT(CONFIG), "guard, in the foreground, until told to end",
	 sg_cmd_run},
	{"check", NULL, SG_OPT_BIT(CONFIG) | SG_OPT_BIT(JSON),
	 "is this file right, and this machine ready for it?", sg_cmd_check},
	{"status", NULL, READING, "how are the CA and its clients, and what should I do now?",
	 sg_cmd_status},
	{"sources", NULL, READING | SG_OPT_BIT(NUMBER) | SG_OPT_BIT(SORT),
	 "who asks the CA, and what for?", sg_cmd_sources},
	{"questions", "[SERVICE]", READING,
	 "what does the guard answer in the CA's place? (intercept)", sg_cmd_questions},
	{"explain", "ADDRESS", READING, "what would happen to this client now, and why?",
	 sg_cmd_explain},
	{"events", NULL, READING | SG_OPT_BIT(FOLLOW) | SG_OPT_BIT(NUMBER),
	 "what happened lately, one line each", sg_cmd_events},
	{"mode", "[MODE]", READING | SG_OPT_BIT(CONFIRM_WITHIN) | SG_OPT_BIT(CONFIRM),
	 "show the mode, or change it: observe, police, intercept", sg_cmd_mode},
	{"detach", NULL, SG_OPT_BIT(CONFIG) | SG_OPT_BIT(BPFFS),
	 "take the guard out of the path; needs neither daemon nor configuration", sg_cmd_detach},
	{"classify", NULL,
	 SG_OPT_BIT(JSONL) | SG_OPT_BIT(PCAP) | SG_OPT_BIT(SERVICE) | SG_OPT_BIT(MODE) |
		 SG_OPT_BIT(JSON),
	 "what does the guard make of these recorded frames?", sg_cmd_classify},
	{"version", NULL, SG_OPT_BIT(JSON), "which version is this?", sg_cmd_version},
	{"help", "[COMMAND]", 0, "help on a command", sg_cmd_help},
};

const size_t sg_cli_command_count = sizeof(sg_cli_commands) / sizeof(sg_cli_commands[0]);

static const struct {
	char letter;
	const char *name;
	const char *arg;
	const char *help;
} options[] = {
#define X(id, letter, name, arg, help) [SG_OPT_##id] = {letter, name, arg, help},
	SG_CLI_OPTIONS(X)
#undef X
};

const struct sg_cli_command *sg_cli_find(const char *name)
{
	for (size_t i = 0; i < sg_cli_command_count; i++)
		if (!strcmp(sg_cli_commands[i].name, name))
			return &sg_cli_commands[i];
	return NULL;
}

static void print_option(FILE *out, unsigned int option)
{
	char left[40];

	if (options[option].letter)
		snprintf(left, sizeof(left), "-%c, --%s", options[option].letter,
			 options[option].name);
	else
		snprintf(left, sizeof(left), "    --%s", options[option].name);
	if (options[option].arg) {
		size_t used = strlen(left);

		snprintf(left + used, sizeof(left) - used, " %s", options[option].arg);
	}
	fprintf(out, "  %-26s %s\n", left, options[option].help);
}

void sg_cli_print_command_help(FILE *out, const struct sg_cli_command *command)
{
	const __u32 shown = command->options | SG_OPT_BIT(HELP);

	fprintf(out, "usage: scepguard %s%s%s%s\n\n%s\n\noptions:\n", command->name,
		command->options ? " [OPTIONS]" : "", command->operand ? " " : "",
		command->operand ? command->operand : "", command->help);
	for (unsigned int i = 0; i < SG_OPT_MAX_; i++)
		if (shown & 1u << i)
			print_option(out, i);
}

void sg_cli_print_help(FILE *out)
{
	fputs("usage: scepguard COMMAND [OPTIONS]\n\n"
	      "Keeps a SCEP CA inside the limits of its HTTP server.\n\ncommands:\n",
	      out);
	for (size_t i = 0; i < sg_cli_command_count; i++) {
		const struct sg_cli_command *c = &sg_cli_commands[i];
		char left[40];

		snprintf(left, sizeof(left), "%s%s%s", c->name, c->operand ? " " : "",
			 c->operand ? c->operand : "");
		fprintf(out, "  %-19s %s\n", left, c->help);
	}
	fputs("\nscepguard COMMAND --help tells a command's options; scepguard(8) tells everything.\n",
	      out);
}
