// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdbool.h>
#include <cap-ng.h>
#include <linux/capability.h>
#include <sys/prctl.h>

#include "privileges.h"
#include "../util/log.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

int sg_privileges_drop(void)
{
	/* CAP_PERFMON: without it the verifier refuses the program that a higher mode needs. */
	static const unsigned int kept[] = {CAP_BPF, CAP_NET_ADMIN, CAP_PERFMON};
	bool has[ARRAY_SIZE(kept)];
	capng_select_t what;

	if (capng_get_caps_process())
		return sg_log_err(-EPERM, "cannot read this process's capabilities");
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		has[i] = capng_have_capability(CAPNG_PERMITTED, kept[i]);
	/* The bounding set can be narrowed only by who has CAP_SETPCAP (a service manager's work). */
	what = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) ? CAPNG_SELECT_BOTH
								   : CAPNG_SELECT_CAPS;
	capng_clear(what);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (has[i])
			capng_update(CAPNG_ADD,
				     CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET,
				     kept[i]);
	if (capng_apply(what))
		return sg_log_err(-EPERM, "cannot give up capabilities");
	/* Root gets them back by executing a file otherwise. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return sg_log_err(-errno, "cannot forswear new privileges");
	return 0;
}
