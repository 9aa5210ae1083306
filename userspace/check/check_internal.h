/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of this folder share. Nobody else includes it. */
#ifndef SG_CHECK_CHECK_INTERNAL_H
#define SG_CHECK_CHECK_INTERNAL_H

#include <stdbool.h>

#include "../net/link.h"
#include "../net/netfilter.h"
#include "../net/route.h"
#include "check.h"

/* An interface of the configuration as it is now. */
struct sg_check_interface {
	const char *name;
	bool present;
	struct sg_link link;
};

/* An address of a service, and where it is. */
struct sg_check_endpoint {
	const struct sg_conf_service *service;
	const struct sg_addr *addr;
	char subject[SG_CHECK_SUBJECT_TEXT]; /* "branch-ca 192.0.2.1" */
	int err;                             /* of the lookup; 0 = @route is known */
	struct sg_route route;
	char behind[IFNAMSIZ]; /* interface its packets come from, "" = unknown */
};

/* What all checks look at; gathered once. */
struct sg_check {
	const struct sg_config *conf;
	struct sg_check_report *report;
	const char *name; /* of the check that runs */
	struct sg_check_interface interfaces[SG_CONFIG_INTERFACES_MAX];
	struct sg_check_endpoint endpoints[SG_CONFIG_ENDPOINTS_MAX];
	unsigned int endpoint_count;
	bool may_bpf; /* set by the check of privileges */
	bool bridged; /* all interfaces are ports of one bridge: nothing is routed */
};

typedef void (*sg_check_fn)(struct sg_check *c);

/* Adds a finding of the running check. @what_to_type NULL: nothing to do. */
void sg_check_add(struct sg_check *c, enum sg_check_level level, const char *subject,
		  const char *what_to_type, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* The interface of the configuration called @name, or NULL. */
const struct sg_check_interface *sg_check_interface(const struct sg_check *c, const char *name);

/* The number in the file /proc/sys/@path, or @unknown when it cannot be read. */
long sg_check_sysctl(long unknown, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* check_intercept.c */
/* The level of what intercept cannot bear and other modes can. */
enum sg_check_level sg_check_grade(const struct sg_check *c);
void sg_check_conntrack(struct sg_check *c);
/* The same with rules that were read. */
void sg_check_rules(struct sg_check *c, const struct sg_netfilter *filter);
void sg_check_mss(struct sg_check *c);
/* The interface runs the program in generic mode. */
void sg_check_joined(struct sg_check *c, const char *ifname);
/* check_host.c */
void sg_check_config(struct sg_check *c);
void sg_check_privileges(struct sg_check *c);
void sg_check_directories(struct sg_check *c);
void sg_check_memory(struct sg_check *c);
/* check_kernel.c */
void sg_check_kernel(struct sg_check *c);
void sg_check_bpffs(struct sg_check *c);
/* check_interfaces.c */
void sg_check_present(struct sg_check *c);
void sg_check_mtu(struct sg_check *c);
void sg_check_xdp_mode(struct sg_check *c);
void sg_check_xdp_attached(struct sg_check *c);
void sg_check_offloads(struct sg_check *c);
/* check_routes.c */
void sg_check_ca_side(struct sg_check *c);
void sg_check_one_armed(struct sg_check *c);
void sg_check_forwarding(struct sg_check *c);
void sg_check_paths(struct sg_check *c);

#endif
