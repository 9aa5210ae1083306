/* SPDX-License-Identifier: GPL-2.0-only */
/* What is pinned below a directory, seen without the daemon: is a data plane in the path, and what does
 * it do? Only looks.
 */
#ifndef SG_CLI_PINS_H
#define SG_CLI_PINS_H

#include <net/if.h>

#include "../../bpf/abi/scepguard_abi.h"
#include "../config/config.h"

struct sg_pins {
	bool found;         /* a directory of pins is there */
	int layout;         /* of its maps; another one than SG_ABI_VERSION is not read further */
	unsigned int links; /* programs attached */
	char interfaces[SG_CONFIG_INTERFACES_MAX][IF_NAMESIZE];
	bool mode_known;
	__u32 mode, mode_then; /* enum sg_mode */
	bool trial;            /* mode is on trial; the program itself ends it */
};

/* Returns 0 (with found = false when there is nothing), or a negative errno: -EACCES, -EPERM when only
 * root may look.
 */
int sg_pins_look(const char *bpffs, struct sg_pins *ret);

#endif
