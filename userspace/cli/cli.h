/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line: one table of subcommands and one of options yield parsing, --help and (by a
 * test) the man page.
 */
#ifndef SG_CLI_CLI_H
#define SG_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <linux/types.h>

/* Exit statuses, as scepguard(8) tells them. Stable. */
enum sg_exit {
	SG_EXIT_OK = 0,
	SG_EXIT_FAILED = 1,
	SG_EXIT_USAGE = 2,
	SG_EXIT_NOT_RUNNING = 3,
	SG_EXIT_CHECK_ERRORS = 4,
	SG_EXIT_NOT_SERVING = 5, /* status: a CA is deaf or does not answer */
};

#define SG_CLI_CONFIG_DEFAULT  "/etc/scepguard/scepguard.yaml"
#define SG_CLI_RUNTIME_DEFAULT "/run/scepguard"
#define SG_CLI_BPFFS_DEFAULT   "/sys/fs/bpf/scepguard"

/* X(identifier, letter or 0, long name, argument or NULL, help) */
#define SG_CLI_OPTIONS(X)                                                                       \
	X(CONFIG, 'c', "config", "FILE",                                                        \
	  "configuration of the instance (" SG_CLI_CONFIG_DEFAULT ")")                          \
	X(RUNTIME, 0, "runtime", "DIR", "runtime directory of the instance, instead of -c")     \
	X(BPFFS, 0, "bpffs", "DIR", "directory of the pins, instead of -c")                     \
	X(JSON, 0, "json", NULL, "print the answer as JSON")                                    \
	X(FOLLOW, 'f', "follow", NULL, "go on printing events as they happen")                  \
	X(NUMBER, 'n', "number", "N", "at most so many, 1 to 1000")                             \
	X(SORT, 0, "sort", "KEY", "recent, requests, admitted or connections")                  \
	X(CONFIRM_WITHIN, 0, "confirm-within", "TIME",                                          \
	  "fall back after TIME (10m) unless confirmed")                                        \
	X(CONFIRM, 0, "confirm", NULL, "keep the mode that is on trial")                        \
	X(JSONL, 0, "jsonl", NULL, "read JSON lines {id, packets, times} from standard input")  \
	X(PCAP, 0, "pcap", "FILE", "replay capture of Ethernet frames; - is standard input")    \
	X(SERVICE, 0, "service", "ADDR:PORT", "a service the frames are for, may be repeated")  \
	X(MODE, 0, "mode", "MODE", "of the guard that is asked: police (default) or intercept") \
	X(HELP, 'h', "help", NULL, "show this help")

enum sg_cli_option {
#define X(id, letter, name, arg, help) SG_OPT_##id,
	SG_CLI_OPTIONS(X)
#undef X
		SG_OPT_MAX_,
};

/* How often --service may be given. */
#define SG_CLI_SERVICES_MAX 32

#define SG_OPT_BIT(id)      (1u << SG_OPT_##id)
/* Which instance? */
#define SG_OPT_INSTANCE (SG_OPT_BIT(CONFIG) | SG_OPT_BIT(RUNTIME))

/* A command line after parsing; texts are borrowed from argv. */
struct sg_cli_args {
	const char *program;
	const char *value[SG_OPT_MAX_]; /* "" for an option without argument; NULL = not given */
	const char *operand;            /* NULL = not given */
	__u32 number;                   /* -n; 0 = not given */
	__u64 confirm_within_ns;        /* 0 = not given */
	const char *services[SG_CLI_SERVICES_MAX]; /* every --service */
	size_t service_count;
};

struct sg_cli_command {
	const char *name;
	const char *operand; /* as in the usage line; in brackets when optional; NULL = none */
	__u32 options;       /* SG_OPT_BIT()s; --help is always there */
	const char *help;    /* one line, lower case */
	int (*run)(const struct sg_cli_args *args); /* returns enum sg_exit */
};

extern const struct sg_cli_command sg_cli_commands[];
extern const size_t sg_cli_command_count;

/* Runs one command line (argv[0] is the program); returns the exit status. */
int sg_cli_main(int argc, char **argv);

/* Reads what follows the subcommand's name in argv[0]. On failure says on stderr what is wrong and
 * returns -EINVAL.
 */
int sg_cli_parse(const struct sg_cli_command *command, int argc, char **argv,
		 struct sg_cli_args *ret);

const struct sg_cli_command *sg_cli_find(const char *name);

/* --help of the program and of one subcommand. */
void sg_cli_print_help(FILE *out);
void sg_cli_print_command_help(FILE *out, const struct sg_cli_command *command);

static inline bool sg_cli_given(const struct sg_cli_args *args, enum sg_cli_option option)
{
	return args->value[option] != NULL;
}

/* The subcommands. */
int sg_cmd_run(const struct sg_cli_args *args);
int sg_cmd_check(const struct sg_cli_args *args);
int sg_cmd_status(const struct sg_cli_args *args);
int sg_cmd_sources(const struct sg_cli_args *args);
int sg_cmd_questions(const struct sg_cli_args *args);
int sg_cmd_explain(const struct sg_cli_args *args);
int sg_cmd_events(const struct sg_cli_args *args);
int sg_cmd_mode(const struct sg_cli_args *args);
int sg_cmd_detach(const struct sg_cli_args *args);
int sg_cmd_classify(const struct sg_cli_args *args);
int sg_cmd_version(const struct sg_cli_args *args);
int sg_cmd_help(const struct sg_cli_args *args);

#endif
