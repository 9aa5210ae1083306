// SPDX-License-Identifier: GPL-2.0-only
/* Any bytes as a configuration: they load, or there is a message; never both, never neither. */
#include <stdint.h>
#include <stdlib.h>

#include "../../userspace/config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_config(const struct sg_config *conf)
{
	if (!conf->service_count || conf->service_count > SG_CONFIG_SERVICES_MAX ||
	    !conf->interface_count || conf->interface_count > SG_CONFIG_INTERFACES_MAX ||
	    conf->sources.prefix_count > SG_CONFIG_PREFIXES_MAX || !conf->time_scale)
		abort();
	for (__u32 i = 0; i < conf->service_count; i++) {
		const struct sg_conf_service *s = &conf->services[i];

		/* Where there is a limit, somebody is let through. */
		if ((s->limits.connections && !sg_config_cap_connections(s)) ||
		    (s->limits.max_connections && !sg_config_cap_slots(s)))
			abort();
		/* The cap lies below the limit, and there is none where there is no limit. */
		if (sg_config_cap_connections(s) >=
			    s->limits.connections + !s->limits.connections ||
		    sg_config_cap_slots(s) > s->limits.max_connections ||
		    !s->limits.connections != !s->limits.window_ns ||
		    s->timeouts.syn_ns > s->timeouts.life_ns)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sg_config_errors errors;
	struct sg_config *conf = NULL;
	int err;

	err = sg_config_parse_memory("f", (const char *)data, size, &conf, &errors);
	if (!err != !!conf || !err != !errors.count)
		abort();
	if (conf)
		check_config(conf);
	sg_config_free(conf);
	return 0;
}
