// SPDX-License-Identifier: GPL-2.0-only
/* The command line of fleet: one table of options, most of them numbers. */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet.h"

enum value {
	VALUE_MINUTES,
	VALUE_SCALE,
	VALUE_SEED,
	VALUE_GRACE,
	VALUE_STORM_SOURCES,
	VALUE_STORM_RATE,
	VALUE_SLOW_SOURCES,
	VALUE_SLOW_RATE,
	VALUE_SLOW_KINDS,
	VALUE_NAMES,
	VALUE_ENROL_RATE,
	VALUE_ENROL_WITHIN,
	VALUE_RUSH,
	VALUE_RUSH_WITHIN,
	VALUE_SILENT,
	VALUE_TRICKLE,
	VALUE_SYNWAIT,
	VALUE_ANSWER_TIMEOUT,
	VALUE_RETRY_PERIOD,
	VALUE_RETRY_COUNT,
	VALUE_PATIENCE,
	VALUE_POST_SHARE,
	VALUE_MSS,
	VALUE_FLOOD_PPS,
	VALUE_FLOOD_COUNT,
	VALUE_PORT,
	VALUE_MAX_,
};

static const struct {
	const char *name, *help;
	double preset;
} values[VALUE_MAX_] = {
	[VALUE_MINUTES] = {"minutes", "length of the run, field minutes", 20},
	[VALUE_SCALE] = {"scale", "divides every time given here", 1},
	[VALUE_SEED] = {"seed", "of all that is random", 1},
	[VALUE_GRACE] = {"grace", "no enrolment begins in the last S seconds", 300},
	[VALUE_STORM_SOURCES] = {"storm-sources", "routers asking GetNextCACert", 0},
	[VALUE_STORM_RATE] = {"storm-rate", "asks per field minute of all of them", 80},
	[VALUE_SLOW_SOURCES] = {"slow-sources", "routers that send half a request", 0},
	[VALUE_SLOW_RATE] = {"slow-rate", "of that per field minute of all of them", 20},
	[VALUE_SLOW_KINDS] = {"slow-kinds", "1, 2: of GetNextCACert; 3, 4: PKIOperation too", 4},
	[VALUE_NAMES] = {"names", "trustpoint names, shared out among the routers", 1},
	[VALUE_ENROL_RATE] = {"enrol-rate", "enrolments beginning per field minute", 0},
	[VALUE_ENROL_WITHIN] = {"enrol-within", "only in the first S seconds; 0: up to the grace",
				0},
	[VALUE_RUSH] = {"rush", "enrolments that begin all at once", 0},
	[VALUE_RUSH_WITHIN] = {"rush-within", "'at once' is within S seconds", 5},
	[VALUE_SILENT] = {"silent", "clients that connect and say nothing", 0},
	[VALUE_TRICKLE] = {"trickle", "clients that POST a byte a second", 0},
	[VALUE_SYNWAIT] = {"synwait", "connect timeout, seconds (IOS: 30)", 30},
	[VALUE_ANSWER_TIMEOUT] = {"answer-timeout", "from connected to answered, seconds", 60},
	[VALUE_RETRY_PERIOD] = {"retry-period", "between tries of a request, seconds", 60},
	[VALUE_RETRY_COUNT] = {"retry-count", "tries of one request", 10},
	[VALUE_PATIENCE] = {"patience", "an enrolment is given up after S seconds", 900},
	[VALUE_POST_SHARE] = {"post-share", "of enrolments that use POST, 0 to 1", 0.5},
	[VALUE_MSS] = {"mss", "TCP maximum segment size (IOS: 536); 0: kernel's", 536},
	[VALUE_FLOOD_PPS] = {"synflood-pps", "spoofed SYNs per wall second", 0},
	[VALUE_FLOOD_COUNT] = {"synflood-count", "at most so many; 0: all along", 0},
	[VALUE_PORT] = {"port", "of the CA", 80},
};

static const char usage[] = "usage: fleet --target ADDRESS [options]\n";

static void print_help(void)
{
	fputs(usage, stdout);
	for (int i = 0; i < VALUE_MAX_; i++)
		printf("  --%-16s %s (%g)\n", values[i].name, values[i].help, values[i].preset);
	puts("  --message NAME     the trustpoint's name in the requests (BRANCH)");
	puts("  --log FILE         every attempt, JSON lines");
}

static void usage_error(const char *what, const char *found)
{
	fprintf(stderr, "fleet: %s, found '%s' (see fleet --help)\n", what, found);
	exit(2);
}

static double number(const char *text)
{
	char *end;
	double found = strtod(text, &end);

	if (end == text || *end || found < 0)
		usage_error("expected a number of 0 or more", text);
	return found;
}

static void set_target(struct fleet_options *options, const char *text, double port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&options->target;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&options->target;

	if (text && inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
	} else if (text && inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
	} else {
		usage_error("expected --target with an IP address", text ? text : "");
	}
	options->family = options->target.ss_family;
}

static void fill_in(struct fleet_options *options, const double *v)
{
	double tick = FLEET_SECOND_NS / v[VALUE_SCALE]; /* a field second */
	double grace = v[VALUE_GRACE];

	if (grace > v[VALUE_MINUTES] * 60 / 4)
		grace = v[VALUE_MINUTES] * 60 / 4;
	options->scale = v[VALUE_SCALE];
	options->seed = (uint64_t)v[VALUE_SEED];
	options->duration_ns = (int64_t)(v[VALUE_MINUTES] * 60 * tick);
	options->grace_ns = (int64_t)(grace * tick);
	options->storm_sources = (unsigned int)v[VALUE_STORM_SOURCES];
	options->storm_per_min = v[VALUE_STORM_RATE];
	options->slow_sources = (unsigned int)v[VALUE_SLOW_SOURCES];
	options->slow_per_min = v[VALUE_SLOW_RATE];
	options->slow_kinds = v[VALUE_SLOW_KINDS] < 1 ? 1 : (unsigned int)v[VALUE_SLOW_KINDS];
	options->names = (unsigned int)v[VALUE_NAMES];
	options->enrol_per_min = v[VALUE_ENROL_RATE];
	options->enrol_within_ns = (int64_t)(v[VALUE_ENROL_WITHIN] * tick);
	options->rush = (unsigned int)v[VALUE_RUSH];
	options->rush_within_ns = (int64_t)(v[VALUE_RUSH_WITHIN] * tick);
	options->silent = (unsigned int)v[VALUE_SILENT];
	options->trickle = (unsigned int)v[VALUE_TRICKLE];
	options->synwait_ns = (int64_t)(v[VALUE_SYNWAIT] * tick);
	options->answer_ns = (int64_t)(v[VALUE_ANSWER_TIMEOUT] * tick);
	options->retry_period_ns = (int64_t)(v[VALUE_RETRY_PERIOD] * tick);
	options->retry_count = (unsigned int)v[VALUE_RETRY_COUNT];
	options->patience_ns = (int64_t)(v[VALUE_PATIENCE] * tick);
	options->post_share = v[VALUE_POST_SHARE];
	options->mss = (unsigned int)v[VALUE_MSS];
	options->flood_pps = (unsigned int)v[VALUE_FLOOD_PPS];
	options->flood_count = (uint64_t)v[VALUE_FLOOD_COUNT];
}

void fleet_options_parse(struct fleet_options *options, int argc, char **argv)
{
	enum { OPT_TARGET = VALUE_MAX_, OPT_MESSAGE, OPT_LOG, OPT_HELP, OPT_END };
	struct option table[OPT_END + 1] = {
		[OPT_TARGET] = {"target", required_argument, NULL, 256 + OPT_TARGET},
		[OPT_MESSAGE] = {"message", required_argument, NULL, 256 + OPT_MESSAGE},
		[OPT_LOG] = {"log", required_argument, NULL, 256 + OPT_LOG},
		[OPT_HELP] = {"help", no_argument, NULL, 256 + OPT_HELP},
	};
	const char *target = NULL;
	double found[VALUE_MAX_];
	int option;

	*options = (struct fleet_options){.message = "BRANCH"};
	for (int i = 0; i < VALUE_MAX_; i++) {
		table[i] = (struct option){values[i].name, required_argument, NULL, 256 + i};
		found[i] = values[i].preset;
	}
	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
		if (option == '?')
			exit(2);
		option -= 256;
		if (option < VALUE_MAX_) {
			found[option] = number(optarg);
		} else if (option == OPT_TARGET) {
			target = optarg;
		} else if (option == OPT_MESSAGE) {
			options->message = optarg;
		} else if (option == OPT_LOG) {
			options->log_path = optarg;
		} else {
			print_help();
			exit(0);
		}
	}
	if (optind < argc)
		usage_error("expected options only", argv[optind]);
	if (found[VALUE_SCALE] <= 0)
		usage_error("expected --scale above 0", "0");
	set_target(options, target, found[VALUE_PORT]);
	fill_in(options, found);
}
