// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <time.h>

#include "cli.h"
#include "common.h"

double sg_cli_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int sg_cli_print(struct sg_lines *lines)
{
	int err = sg_lines_print(lines, stdout);

	sg_lines_free(lines);
	if (err == -ENOMEM)
		fputs("scepguard: out of memory, lines are missing\n", stderr);
	return err ? SG_EXIT_FAILED : SG_EXIT_OK;
}

json_t *sg_cli_request(const char *name)
{
	return json_pack("{s:s}", "command", name);
}
