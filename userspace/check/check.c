// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../util/cleanup.h"
#include "../util/text.h"
#include "check_internal.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* In the order in which a person would mend things. */
static const struct {
	const char *name;
	sg_check_fn run;
	bool intercept; /* without it that mode is refused */
} checks[] = {
	{"config", sg_check_config, false},
	{"privileges", sg_check_privileges, false},
	{"kernel", sg_check_kernel, false},
	{"bpffs", sg_check_bpffs, false},
	{"directories", sg_check_directories, false},
	{"memory", sg_check_memory, false},
	{"interface", sg_check_present, false},
	{"mtu", sg_check_mtu, false},
	{"mss", sg_check_mss, true},
	{"xdp-mode", sg_check_xdp_mode, false},
	{"xdp-attached", sg_check_xdp_attached, false},
	{"offloads", sg_check_offloads, true},
	{"ca-side", sg_check_ca_side, true},
	{"one-armed", sg_check_one_armed, true},
	{"forwarding", sg_check_forwarding, true},
	{"conntrack", sg_check_conntrack, true},
	{"paths", sg_check_paths, false},
};

void sg_check_add(struct sg_check *c, enum sg_check_level level, const char *subject,
		  const char *what_to_type, const char *fmt, ...)
{
	struct sg_check_finding *f;
	va_list args;

	if (c->report->count == SG_CHECK_FINDINGS_MAX) {
		c->report->lost++;
		return;
	}
	f = &c->report->findings[c->report->count++];
	*f = (struct sg_check_finding){.level = level, .check = c->name};
	sg_text_append(f->subject, sizeof(f->subject), "%s", subject);
	sg_text_append(f->what_to_type, sizeof(f->what_to_type), "%s",
		       what_to_type ? what_to_type : "");
	va_start(args, fmt);
	vsnprintf(f->sentence, sizeof(f->sentence), fmt, args);
	va_end(args);
}

const struct sg_check_interface *sg_check_interface(const struct sg_check *c, const char *name)
{
	for (__u32 i = 0; i < c->conf->interface_count; i++)
		if (!strcmp(c->interfaces[i].name, name))
			return &c->interfaces[i];
	return NULL;
}

long sg_check_sysctl(long unknown, const char *fmt, ...)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[160] = "/proc/sys/";
	size_t used = strlen(path);
	va_list args;
	long value;

	va_start(args, fmt);
	vsnprintf(path + used, sizeof(path) - used, fmt, args);
	va_end(args);
	f = fopen(path, "re");
	return f && fscanf(f, "%ld", &value) == 1 ? value : unknown;
}

static void gather_interfaces(struct sg_check *c)
{
	for (__u32 i = 0; i < c->conf->interface_count; i++) {
		struct sg_check_interface *interface = &c->interfaces[i];

		interface->name = c->conf->interfaces[i];
		interface->present = !sg_link_by_name(interface->name, &interface->link);
	}
	c->bridged = true;
	for (__u32 i = 0; i < c->conf->interface_count; i++)
		if (!c->interfaces[i].present || !c->interfaces[i].link.master ||
		    c->interfaces[i].link.master != c->interfaces[0].link.master)
			c->bridged = false;
}

static void gather_endpoint(struct sg_check *c, const struct sg_conf_service *service,
			    const struct sg_addr *addr)
{
	struct sg_check_endpoint *e = &c->endpoints[c->endpoint_count++];
	char text[SG_ADDR_TEXT];

	e->service = service;
	e->addr = addr;
	sg_text_append(e->subject, sizeof(e->subject), "%s %s", service->name,
		       sg_addr_format(addr, text));
	e->err = sg_route_resolve(addr, &e->route);
	if (*service->behind)
		sg_text_append(e->behind, sizeof(e->behind), "%s", service->behind);
	else if (!e->err && !e->route.local && !e->route.port_unknown)
		sg_text_append(e->behind, sizeof(e->behind), "%s", e->route.ifname);
}

static int run(const struct sg_config *conf, struct sg_check_report *report, bool intercept_only)
{
	struct sg_check *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	memset(report, 0, sizeof(*report));
	c->conf = conf;
	c->report = report;
	gather_interfaces(c);
	for (__u32 i = 0; i < conf->service_count; i++)
		for (__u32 j = 0; j < conf->services[i].address_count; j++)
			gather_endpoint(c, &conf->services[i], &conf->services[i].addresses[j]);
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		c->name = checks[i].name;
		if (checks[i].intercept || !intercept_only)
			checks[i].run(c);
	}
	free(c);
	return 0;
}

int sg_check_run(const struct sg_config *conf, struct sg_check_report *report)
{
	return run(conf, report, false);
}

/* Only its errors are left. */
static void keep_errors(struct sg_check_report *report)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < report->count; i++)
		if (report->findings[i].level == SG_CHECK_ERROR)
			report->findings[kept++] = report->findings[i];
	report->count = kept;
}

int sg_check_intercept(const struct sg_config *conf, enum sg_log_level level,
		       struct sg_check_report *ret)
{
	_cleanup_free_ struct sg_check_report *report = calloc(1, sizeof(*report));
	_cleanup_free_ struct sg_config *wished = malloc(sizeof(*wished));
	int err = report && wished ? 0 : -ENOMEM;

	if (!err) {
		*wished = *conf;
		wished->mode = SG_CONFIG_MODE_INTERCEPT;
		err = run(wished, report, true);
	}
	if (err)
		return err;
	keep_errors(report);
	for (unsigned int i = 0; i < report->count; i++) {
		const struct sg_check_finding *f = &report->findings[i];

		sg_log(level, "intercept: %s: %s%s%s", f->subject, f->sentence,
		       *f->what_to_type ? "; do: " : "", f->what_to_type);
	}
	if (!report->count)
		return 0;
	if (ret)
		*ret = *report;
	return -EOPNOTSUPP;
}

enum sg_check_level sg_check_worst(const struct sg_check_report *report)
{
	enum sg_check_level worst = SG_CHECK_OK;

	for (unsigned int i = 0; i < report->count; i++)
		if (report->findings[i].level > worst)
			worst = report->findings[i].level;
	return worst;
}
