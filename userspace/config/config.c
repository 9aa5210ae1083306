// SPDX-License-Identifier: GPL-2.0-only
/* What can be said about a valid configuration without the file. */
#include <stdlib.h>

#include "config.h"
#include "keys.h"

void sg_config_free(struct sg_config *conf)
{
	if (!conf)
		return;
	free(conf->sources.prefixes);
	free(conf);
}

__u32 sg_config_cap_connections(const struct sg_conf_service *service)
{
	/* The limit itself must never be reached: at 80 in the window IOS goes deaf. */
	return service->limits.connections
		       ? service->limits.connections - 1 - service->headroom.connections
		       : 0;
}

__u32 sg_config_cap_slots(const struct sg_conf_service *service)
{
	return service->limits.max_connections
		       ? service->limits.max_connections - service->headroom.slots
		       : 0;
}

__u64 sg_config_scaled_ns(const struct sg_config *conf, __u64 ns)
{
	return ns / conf->time_scale;
}

const char *sg_config_service_key_path(enum sg_config_service_key key)
{
	return sg_keys_service.keys[key].path;
}

const char *sg_config_global_key_path(enum sg_config_global_key key)
{
	return sg_keys_global.keys[key].path;
}

const char *sg_config_mode_name(enum sg_config_mode mode)
{
	return sg_words_mode[mode];
}

const char *sg_config_profile_name(enum sg_config_profile profile)
{
	return sg_words_profile[profile];
}
