// SPDX-License-Identifier: GPL-2.0-only
/* Which configured service has which place in sg_services. Pure. */
#include <string.h>

#include "guard_internal.h"

static __u32 find_name(const struct sg_service *present, const char *name)
{
	for (__u32 i = 0; i < SG_SERVICES; i++)
		if (present[i].name[0] && !strncmp(present[i].name, name, sizeof(present[i].name)))
			return i;
	return SG_SERVICES;
}

static __u32 find_free(const struct sg_service *present, __u32 taken)
{
	for (__u32 i = 0; i < SG_SERVICES; i++)
		if (!present[i].enabled && !(taken & 1u << i))
			return i;
	return SG_SERVICES;
}

/* Names first, also of services that were removed and come back: none of theirs may be given away. */
bool sg_guard_place_services(const struct sg_service *present, const struct sg_config *conf,
			     __u32 *index_of)
{
	__u32 taken = 0;

	for (__u32 i = 0; i < conf->service_count; i++) {
		index_of[i] = find_name(present, conf->services[i].name);
		if (index_of[i] < SG_SERVICES)
			taken |= 1u << index_of[i];
	}
	for (__u32 i = 0; i < conf->service_count; i++) {
		if (index_of[i] < SG_SERVICES)
			continue;
		index_of[i] = find_free(present, taken);
		if (index_of[i] == SG_SERVICES)
			return false;
		taken |= 1u << index_of[i];
	}
	return true;
}
