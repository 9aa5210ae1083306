// SPDX-License-Identifier: GPL-2.0-only
/* classify: recorded frames through the real program, on maps of its own. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "../classify/capture.h"
#include "../classify/classify.h"
#include "../classify/jsonl.h"

/* Documentation addresses (RFC 5737, RFC 3849): whoever makes frames by hand uses these. */
static const char *const default_services[] = {"192.0.2.1:80", "[2001:db8:5::1]:80"};

static int parse_services(const char *const *texts, size_t count, struct sg_classify_service *ret)
{
	for (size_t i = 0; i < count; i++) {
		if (!sg_addr_parse_listen(texts[i], &ret[i].addr, &ret[i].port))
			continue;
		fprintf(stderr,
			"scepguard classify: --service '%s': expected ADDRESS:PORT, like 192.0.2.1:80 or "
			"[2001:db8::1]:80\n",
			texts[i]);
		return -EINVAL;
	}
	return 0;
}

/* Observe reads as police does, and would drop nothing that could be told. */
static int parse_mode(const struct sg_cli_args *args, enum sg_mode *ret)
{
	const char *text = args->value[SG_OPT_MODE];

	if (!text || !strcmp(text, "police")) {
		*ret = SG_MODE_POLICE;
		return 0;
	}
	if (!strcmp(text, "intercept")) {
		*ret = SG_MODE_INTERCEPT;
		return 0;
	}
	fprintf(stderr, "scepguard classify: --mode '%s': expected police or intercept\n", text);
	return -EINVAL;
}

static int open_classifier(const struct sg_cli_args *args, struct sg_classifier **ret)
{
	struct sg_classify_service services[SG_CLI_SERVICES_MAX];
	const bool given = args->service_count;
	const size_t count = given ? args->service_count : 2;

	enum sg_mode mode;

	if (parse_services(given ? args->services : default_services, count, services) ||
	    parse_mode(args, &mode))
		return -EINVAL;
	return sg_classifier_open(services, count, mode, sg_cli_given(args, SG_OPT_PCAP), ret);
}

int sg_cmd_classify(const struct sg_cli_args *args)
{
	_cleanup_classifier_ struct sg_classifier *c = NULL;
	int err;

	if (sg_cli_given(args, SG_OPT_JSONL) == sg_cli_given(args, SG_OPT_PCAP)) {
		fputs("scepguard classify: give either --jsonl or --pcap FILE; see scepguard classify "
		      "--help\n",
		      stderr);
		return SG_EXIT_USAGE;
	}
	err = open_classifier(args, &c);
	if (err)
		return err == -EINVAL ? SG_EXIT_USAGE : SG_EXIT_FAILED;
	if (sg_cli_given(args, SG_OPT_JSONL))
		err = sg_classify_jsonl(c, stdin, stdout);
	else
		err = sg_classify_capture(c, args->value[SG_OPT_PCAP],
					  sg_cli_given(args, SG_OPT_JSON), stdout);
	return err ? SG_EXIT_FAILED : SG_EXIT_OK;
}
