// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "target.h"
#include "../util/cleanup.h"

static void from_config(struct sg_target *target, const char *path, const struct sg_config *conf)
{
	snprintf(target->config, sizeof(target->config), "%s", path);
	snprintf(target->runtime, sizeof(target->runtime), "%s", conf->paths.runtime);
	snprintf(target->bpffs, sizeof(target->bpffs), "%s", conf->paths.bpffs);
}

/* named: the user named the file, so it must be there and right. The default file may be missing,
 * unreadable or half edited: that must not keep anyone from asking the guard that runs.
 */
static int read_paths(const char *path, bool named, struct sg_target *target)
{
	_cleanup_free_ struct sg_config_errors *errors = calloc(1, sizeof(*errors));
	_cleanup_config_ struct sg_config *conf = NULL;
	int err;

	if (!errors)
		return -ENOMEM;
	err = sg_config_load(path, &conf, errors);
	if (!err) {
		from_config(target, path, conf);
	} else if (named) {
		sg_config_errors_print(errors, stderr);
		fprintf(stderr,
			"scepguard: mend it (`scepguard check -c %s` looks at it again); a guard that "
			"runs can still be asked: --runtime DIR instead of -c (its paths.runtime, %s "
			"by default)\n",
			path, SG_CLI_RUNTIME_DEFAULT);
	} else if (err == -EINVAL) {
		fprintf(stderr,
			"scepguard: '%s' has errors, so the default paths are used; see scepguard check\n",
			path);
	}
	return named ? err : 0;
}

int sg_target_choose(const struct sg_cli_args *args, struct sg_target *ret)
{
	const char *runtime = args->value[SG_OPT_RUNTIME], *bpffs = args->value[SG_OPT_BPFFS];
	const char *config = args->value[SG_OPT_CONFIG];
	struct sg_target target = {"", SG_CLI_RUNTIME_DEFAULT, SG_CLI_BPFFS_DEFAULT, false};
	int err = 0;

	if (runtime && strlen(runtime) >= sizeof(target.runtime)) {
		fprintf(stderr, "scepguard: --runtime: a path of at most %zu bytes is expected\n",
			sizeof(target.runtime) - 1);
		return -ENAMETOOLONG;
	}
	if (bpffs && strlen(bpffs) >= sizeof(target.bpffs)) {
		fprintf(stderr, "scepguard: --bpffs: a path of at most %zu bytes is expected\n",
			sizeof(target.bpffs) - 1);
		return -ENAMETOOLONG;
	}
	if (config || !(runtime || bpffs))
		err = read_paths(config ? config : SG_CLI_CONFIG_DEFAULT, config, &target);
	if (err)
		return err;
	target.bpffs_guessed = runtime && !bpffs;
	if (runtime)
		strcpy(target.runtime, runtime);
	if (bpffs)
		strcpy(target.bpffs, bpffs);
	*ret = target;
	return 0;
}

const char *sg_target_options(const struct sg_cli_args *args, char *buf, size_t size)
{
	buf[0] = '\0';
	if (args->value[SG_OPT_CONFIG])
		snprintf(buf, size, " -c %s", args->value[SG_OPT_CONFIG]);
	else if (args->value[SG_OPT_RUNTIME])
		snprintf(buf, size, " --runtime %s", args->value[SG_OPT_RUNTIME]);
	return buf;
}
