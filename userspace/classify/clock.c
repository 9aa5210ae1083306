// SPDX-License-Identifier: GPL-2.0-only
/* Time in a case: the program's test clock, the timeouts it runs by, and the daemon's part in them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "../../bpf/core/budget.h"
#include "scepguard.skel.h"
#include "../config/config.h"
#include "../util/cleanup.h"
#include "../util/units.h"

/* A tick is a millisecond on every machine: the program is told its constants in ticks, so they need not
 * be the kernel's, and one case has one verdict.
 */
#define SG_CLASSIFY_HZ 1000ull

/* When a case begins: any time but 0, which means "never" to the program. */
#define SG_CASE_BEGINS_NS (86400 * SG_NS_PER_S)

/* A configuration that sets nothing which can be left out. */
static const char least_config[] =
	"interfaces: [lo]\nservices: [{name: classify, addresses: [192.0.2.1]}]\n";

__u64 sg_classifier_ticks(__u64 ns)
{
	return ns / SG_NS_PER_S * SG_CLASSIFY_HZ + ns % SG_NS_PER_S * SG_CLASSIFY_HZ / SG_NS_PER_S;
}

__u64 sg_classifier_first_tick(void)
{
	return sg_classifier_ticks(SG_CASE_BEGINS_NS);
}

int sg_classifier_defaults(struct sg_service *svc)
{
	struct sg_config_errors errors = {};
	_cleanup_config_ struct sg_config *conf = NULL;
	const struct sg_conf_timeouts *timeouts;
	int err = sg_config_parse_memory("defaults", least_config, strlen(least_config), &conf,
					 &errors);

	if (err)
		return err;
	timeouts = &conf->services[0].timeouts;
	svc->syn_ticks = sg_classifier_ticks(timeouts->syn_ns);
	svc->request_ticks = sg_classifier_ticks(timeouts->request_ns);
	svc->idle_ticks = sg_classifier_ticks(timeouts->idle_ns);
	svc->life_ticks = sg_classifier_ticks(timeouts->life_ns);
	svc->mss = conf->services[0].intercept.mss;
	return 0;
}

/* The case's clock; at_ns: since its first frame. */
static void set_clock(struct sg_classifier *c, __u64 at_ns)
{
	c->skel->bss->sg_test_time.ticks = sg_classifier_ticks(SG_CASE_BEGINS_NS + at_ns);
	c->skel->bss->sg_test_time.ktime_ns = SG_CASE_BEGINS_NS + at_ns;
}

void sg_classifier_clock_begin(struct sg_classifier *c)
{
	c->swept_s = 0;
	set_clock(c, 0);
}

/* As the daemon asks it; the program looks itself whether the connection's time is over. */
static int end_one(struct sg_classifier *c, const struct sg_lease *lease)
{
	struct sg_end_call call = {.key = lease->key, .generation = lease->generation};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &call, .ctx_size_in = sizeof(call));

	return bpf_prog_test_run_opts(bpf_program__fd(c->skel->progs.sg_end), &opts) ? -errno : 0;
}

/* Every connection holds a lease here, so the leases say whose time is over. The RSTs that the daemon
 * sends are no frames of the case, and nothing hears them.
 */
static int end_expired(struct sg_classifier *c, __u64 now)
{
	_cleanup_free_ struct sg_budget *budget = malloc(sizeof(*budget));
	__u32 zero = 0;
	int err = 0;

	if (!budget)
		return -ENOMEM;
	if (bpf_map_lookup_elem(bpf_map__fd(c->skel->maps.sg_budgets), &zero, budget))
		return -errno;
	for (__u32 i = 0; !err && i < budget->leases_high && i < SG_LEASES; i++)
		if (sg_lease_expired(&budget->leases[i], now))
			err = end_one(c, &budget->leases[i]);
	return err;
}

int sg_classifier_time(struct sg_classifier *c, __u64 at_ns)
{
	set_clock(c, at_ns);
	if (at_ns / SG_NS_PER_S == c->swept_s)
		return 0;
	c->swept_s = at_ns / SG_NS_PER_S;
	return end_expired(c, c->skel->bss->sg_test_time.ticks);
}
