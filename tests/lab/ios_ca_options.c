// SPDX-License-Identifier: GPL-2.0-only
/* The command line of ios_ca. Bad options end the process with status 2 and a sentence. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ios_ca.h"

static const char help[] =
	"usage: ios_ca --front-dev DEV --address ADDR... [options]   (in the CA's namespace)\n"
	"  --port N              listen here (several allowed; default 80)\n"
	"  --log FILE            JSON lines\n"
	"limits (seconds may be fractions: compressed time)\n"
	"  --connections N       new connections allowed in a window (80)\n"
	"  --window S            the window (60)\n"
	"  --block S             deaf this long after one too many (15)\n"
	"  --max-connections N   at once, half-open ones included (16)\n"
	"  --half-open S         life of a half-open connection (30)\n"
	"  --fin-wait S          life after our FIN without the client's (10)\n"
	"  --count RULE          syn | handshake | accept: what counts as new (syn)\n"
	"  --reading HOW         sliding | fixed window (sliding)\n"
	"  --during-block WHAT   ignore | extend | restart: what attempts then do (ignore)\n"
	"  --after-block WHAT    keep | clear the window's count (keep)\n"
	"server\n"
	"  --service-ms MS       from whole request to first answer byte (0)\n"
	"  --idle S, --life S    HTTP timeouts (180, 180)\n"
	"  --shadow-after S      the shadow certificate appears (else on SIGUSR1)\n"
	"  --pause-at S --pause-for S   the HTTP server freezes, then does everything at once\n"
	"  --pause-box           the pause freezes packets too\n"
	"  --trust-forwarded     the log names whom X-Forwarded-For names (behind a proxy)\n";

enum option_id {
	OPT_FRONT_DEV = 256,
	OPT_ADDRESS,
	OPT_PORT,
	OPT_LOG,
	OPT_CONNECTIONS,
	OPT_WINDOW,
	OPT_BLOCK,
	OPT_MAX_CONNECTIONS,
	OPT_HALF_OPEN,
	OPT_FIN_WAIT,
	OPT_COUNT,
	OPT_READING,
	OPT_DURING_BLOCK,
	OPT_AFTER_BLOCK,
	OPT_SERVICE_MS,
	OPT_IDLE,
	OPT_LIFE,
	OPT_SHADOW_AFTER,
	OPT_PAUSE_AT,
	OPT_PAUSE_FOR,
	OPT_PAUSE_BOX,
	OPT_TRUST_FORWARDED,
	OPT_HELP,
};

static const struct option option_table[] = {
	{"front-dev", required_argument, NULL, OPT_FRONT_DEV},
	{"address", required_argument, NULL, OPT_ADDRESS},
	{"port", required_argument, NULL, OPT_PORT},
	{"log", required_argument, NULL, OPT_LOG},
	{"connections", required_argument, NULL, OPT_CONNECTIONS},
	{"window", required_argument, NULL, OPT_WINDOW},
	{"block", required_argument, NULL, OPT_BLOCK},
	{"max-connections", required_argument, NULL, OPT_MAX_CONNECTIONS},
	{"half-open", required_argument, NULL, OPT_HALF_OPEN},
	{"fin-wait", required_argument, NULL, OPT_FIN_WAIT},
	{"count", required_argument, NULL, OPT_COUNT},
	{"reading", required_argument, NULL, OPT_READING},
	{"during-block", required_argument, NULL, OPT_DURING_BLOCK},
	{"after-block", required_argument, NULL, OPT_AFTER_BLOCK},
	{"service-ms", required_argument, NULL, OPT_SERVICE_MS},
	{"idle", required_argument, NULL, OPT_IDLE},
	{"life", required_argument, NULL, OPT_LIFE},
	{"shadow-after", required_argument, NULL, OPT_SHADOW_AFTER},
	{"pause-at", required_argument, NULL, OPT_PAUSE_AT},
	{"pause-for", required_argument, NULL, OPT_PAUSE_FOR},
	{"pause-box", no_argument, NULL, OPT_PAUSE_BOX},
	{"trust-forwarded", no_argument, NULL, OPT_TRUST_FORWARDED},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

static void usage_error(const char *what, const char *value)
{
	fprintf(stderr, "ios_ca: %s '%s' (see ios_ca --help)\n", what, value);
	exit(2);
}

static double number(const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || value < 0)
		usage_error("expected a number of 0 or more, found", text);
	return value;
}

static int64_t duration(const char *text)
{
	return (int64_t)(number(text) * CA_SECOND_NS);
}

static unsigned int positive(const char *text)
{
	double value = number(text);

	if (value < 1 || value > 1e6)
		usage_error("expected a count of 1 to 1000000, found", text);
	return (unsigned int)value;
}

/* Index of `text` in the NULL-terminated list. */
static int one_of(const char *text, const char *const *names)
{
	for (int i = 0; names[i]; i++)
		if (!strcmp(text, names[i]))
			return i;
	usage_error("unknown choice", text);
	return -1;
}

static void set_place(struct ca_options *options, int option, const char *value)
{
	switch (option) {
	case OPT_FRONT_DEV:
		options->front_dev = value;
		break;
	case OPT_ADDRESS:
		if (options->n_addresses == CA_ADDRESSES_MAX)
			usage_error("too many addresses at", value);
		options->addresses[options->n_addresses++] = value;
		break;
	case OPT_PORT:
		if (options->n_ports == CA_PORTS_MAX)
			usage_error("too many ports at", value);
		options->ports[options->n_ports++] = (uint16_t)positive(value);
		break;
	case OPT_LOG:
		options->log_path = value;
		break;
	case OPT_HELP:
		fputs(help, stdout);
		exit(0);
	default:
		exit(2); /* getopt has said why */
	}
}

static bool set_limit(struct ca_options *options, int option, const char *value)
{
	switch (option) {
	case OPT_CONNECTIONS:
		options->limit.connections = positive(value);
		return true;
	case OPT_WINDOW:
		options->limit.window_ns = duration(value);
		return true;
	case OPT_BLOCK:
		options->limit.block_ns = duration(value);
		return true;
	case OPT_MAX_CONNECTIONS:
		options->max_connections = positive(value);
		return true;
	case OPT_HALF_OPEN:
		options->half_open_ns = duration(value);
		return true;
	case OPT_FIN_WAIT:
		options->fin_wait_ns = duration(value);
		return true;
	default:
		return false;
	}
}

static bool set_choice(struct ca_options *options, int option, const char *value)
{
	static const char *const counts[] = {"syn", "handshake", "accept", NULL};
	static const char *const readings[] = {"sliding", "fixed", NULL};
	static const char *const during[] = {"ignore", "extend", "restart", NULL};
	static const char *const after[] = {"keep", "clear", NULL};

	switch (option) {
	case OPT_COUNT:
		options->count = (enum ca_count)one_of(value, counts);
		return true;
	case OPT_READING:
		options->limit.reading = (enum ca_reading)one_of(value, readings);
		return true;
	case OPT_DURING_BLOCK:
		options->limit.during = (enum ca_during)one_of(value, during);
		return true;
	case OPT_AFTER_BLOCK:
		options->limit.clear_window = one_of(value, after) == 1;
		return true;
	default:
		return false;
	}
}

static bool set_server(struct ca_options *options, int option, const char *value)
{
	switch (option) {
	case OPT_SERVICE_MS:
		options->service_ns = (int64_t)(number(value) * 1e6);
		return true;
	case OPT_IDLE:
		options->idle_ns = duration(value);
		return true;
	case OPT_LIFE:
		options->life_ns = duration(value);
		return true;
	case OPT_SHADOW_AFTER:
		options->shadow_after_ns = duration(value);
		return true;
	case OPT_PAUSE_AT:
		options->pause_at_ns = duration(value);
		return true;
	case OPT_PAUSE_FOR:
		options->pause_for_ns = duration(value);
		return true;
	case OPT_PAUSE_BOX:
		options->pause_box = true;
		return true;
	case OPT_TRUST_FORWARDED:
		options->trust_forwarded = true;
		return true;
	default:
		return false;
	}
}

void ca_options_parse(struct ca_options *options, int argc, char **argv)
{
	int option;

	*options = (struct ca_options){
		.limit = {.connections = 80,
			  .window_ns = 60 * CA_SECOND_NS,
			  .block_ns = 15 * CA_SECOND_NS},
		.max_connections = 16,
		.half_open_ns = 30 * CA_SECOND_NS,
		.fin_wait_ns = 10 * CA_SECOND_NS,
		.idle_ns = 180 * CA_SECOND_NS,
		.life_ns = 180 * CA_SECOND_NS,
		.shadow_after_ns = -1,
	};
	while ((option = getopt_long(argc, argv, "", option_table, NULL)) != -1)
		if (!set_limit(options, option, optarg) && !set_choice(options, option, optarg) &&
		    !set_server(options, option, optarg))
			set_place(options, option, optarg);
	if (!options->front_dev || !options->n_addresses || optind < argc)
		usage_error("needed: --front-dev and --address; found",
			    optind < argc ? argv[optind] : "");
	if (!options->n_ports)
		options->ports[options->n_ports++] = 80;
}
