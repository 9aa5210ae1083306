/* SPDX-License-Identifier: GPL-2.0-only */
/* Which of the guards of this machine is meant? */
#ifndef SG_CLI_TARGET_H
#define SG_CLI_TARGET_H

#include "cli.h"
#include "../config/config.h"

struct sg_target {
	char config[4096]; /* the file it is from; "" = none was needed or found */
	char runtime[SG_CONFIG_RUNTIME_MAX];
	char bpffs[SG_CONFIG_PATH_MAX];
	bool bpffs_guessed; /* --runtime names no pins, so the default is taken */
};

/* From --runtime, --bpffs or -c; else from the default file if it is there and valid, else the
 * defaults. Returns 0; or a negative errno, said on stderr: the file that was named is no good.
 */
int sg_target_choose(const struct sg_cli_args *args, struct sg_target *ret);

/* The options that name the same instance again, to be put behind a command that a person is to
 * type: "" for the default target, else " -c FILE" or " --runtime DIR". Returns buf.
 */
const char *sg_target_options(const struct sg_cli_args *args, char *buf, size_t size);

#endif
