/* SPDX-License-Identifier: GPL-2.0-only */
/* One daemon for each runtime directory, and for each set of pins. */
#ifndef SG_DAEMON_INSTANCE_H
#define SG_DAEMON_INSTANCE_H

#include "../config/config.h"

struct sg_instance {
	int pid_fd;   /* locked <runtime>/scepguard.pid */
	int bpffs_fd; /* locked <bpffs>, -1 while it does not exist */
	char pid_path[SG_CONFIG_RUNTIME_MAX + 16];
};

/* Make the runtime and state directories and take the locks. Refuses, naming the other's pid, when
 * another daemon has one. Returns 0, -EADDRINUSE or another negative errno; logged.
 */
int sg_instance_claim(struct sg_instance *in, const struct sg_conf_paths *paths);

/* The pins' directory exists now: lock it too. Returns like the above. */
int sg_instance_claim_bpffs(struct sg_instance *in, const struct sg_conf_paths *paths);

/* Remove the pid file and let go of the locks. */
void sg_instance_release(struct sg_instance *in);

#endif
