// SPDX-License-Identifier: GPL-2.0-only
/* What the process may do, where it may write, and whether the tables fit. */
#include <cap-ng.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../bpf/abi/scepguard_abi.h"
#include "../util/cleanup.h"
#include "../util/text.h"
#include "check_internal.h"

/* Bytes the kernel adds to an element of a hash: links, hash value, rounding (reasoned). */
#define HASH_OVERHEAD 64

void sg_check_config(struct sg_check *c)
{
	char listen[SG_LISTEN_TEXT];

	if (c->conf->time_scale > 1)
		sg_check_add(
			c, SG_CHECK_WARNING, "time_scale", "in the configuration: time_scale: 1",
			"every duration is divided by %u, which is for labs only; a real CA would go deaf",
			c->conf->time_scale);
	if (c->conf->metrics.enabled && !sg_addr_is_loopback(&c->conf->metrics.addr))
		sg_check_add(c, SG_CHECK_WARNING, "metrics.listen",
			     "in the configuration: metrics: {listen: 127.0.0.1:9834}",
			     "%s is open to others, without encryption and password",
			     sg_addr_format_listen(&c->conf->metrics.addr, c->conf->metrics.port,
						   listen));
	for (__u32 i = 0; i < c->conf->service_count; i++) {
		const struct sg_conf_service *s = &c->conf->services[i];

		if (*s->probe.ca_certificate && access(s->probe.ca_certificate, R_OK))
			sg_check_add(
				c, SG_CHECK_WARNING, s->name, NULL,
				"probe.ca_certificate '%s' cannot be read (%s): answers of the CA cannot be verified",
				s->probe.ca_certificate, strerror(errno));
	}
}

void sg_check_privileges(struct sg_check *c)
{
	const char *missing;
	bool net, perfmon;

	if (capng_get_caps_process()) {
		sg_check_add(c, SG_CHECK_ERROR, "capabilities", NULL,
			     "the capabilities of this process cannot be read");
		return;
	}
	/* CAP_SYS_ADMIN includes CAP_BPF and CAP_PERFMON (capabilities(7)), but not CAP_NET_ADMIN. */
	c->may_bpf = capng_have_capability(CAPNG_EFFECTIVE, CAP_BPF) ||
		     capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN);
	perfmon = capng_have_capability(CAPNG_EFFECTIVE, CAP_PERFMON) ||
		  capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN);
	net = capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN);
	if (c->may_bpf && net && perfmon) {
		sg_check_add(c, SG_CHECK_OK, "capabilities", NULL,
			     "CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON are there");
		return;
	}
	missing = c->may_bpf && net ? "CAP_PERFMON is missing"
		  : c->may_bpf      ? "CAP_NET_ADMIN is missing"
		  : net             ? "CAP_BPF is missing"
				    : "CAP_BPF and CAP_NET_ADMIN are missing";
	sg_check_add(c, SG_CHECK_ERROR, "capabilities", "sudo scepguard check -c FILE",
		     "%s%s: the program can neither be loaded nor attached", missing,
		     perfmon || (c->may_bpf && net) ? "" : ", and so is CAP_PERFMON");
}

/* The nearest existing directory at or above @path. */
static void existing_parent(const char *path, char *buf, size_t size)
{
	struct stat st;
	char *slash;

	snprintf(buf, size, "%s", path);
	while (stat(buf, &st)) {
		slash = strrchr(buf, '/');
		if (!slash || slash == buf)
			break;
		*slash = '\0';
	}
	if (stat(buf, &st))
		snprintf(buf, size, "/");
}

static void check_directory(struct sg_check *c, const char *key, const char *path)
{
	char parent[SG_CONFIG_PATH_MAX], type[SG_CHECK_TEXT];
	struct stat st;

	existing_parent(path, parent, sizeof(parent));
	snprintf(type, sizeof(type), "mkdir -p %s", path);
	if (stat(parent, &st) || !S_ISDIR(st.st_mode))
		sg_check_add(c, SG_CHECK_ERROR, key, NULL,
			     "'%s' is not a directory, and '%s' has to be below it", parent, path);
	else if (access(parent, W_OK | X_OK))
		sg_check_add(c, SG_CHECK_ERROR, key, strcmp(parent, path) ? type : NULL,
			     "'%s' cannot be written to (%s)", parent, strerror(errno));
	else
		sg_check_add(c, SG_CHECK_OK, key, NULL, "'%s' %s", path,
			     strcmp(parent, path) ? "will be made" : "can be written to");
}

void sg_check_directories(struct sg_check *c)
{
	check_directory(c, "paths.runtime", c->conf->paths.runtime);
	check_directory(c, "paths.state", c->conf->paths.state);
}

/* Kernel memory of the maps, which is taken at load and never grows. */
static __u64 table_bytes(const struct sg_conf_tables *t)
{
	__u64 cpus = (__u64)sysconf(_SC_NPROCESSORS_CONF);
	__u64 conn = sizeof(struct sg_conn) + 2 * sizeof(struct sg_conn_key) + HASH_OVERHEAD;
	__u64 source = sizeof(struct sg_source) + sizeof(struct sg_source_key) + HASH_OVERHEAD;

	__u64 frame = sizeof(struct sg_frame) + sizeof(struct sg_waiting) +
		      sizeof(struct sg_conn_key) + HASH_OVERHEAD;

	return t->connections * conn + t->sources * source + t->held * frame +
	       t->syn_limiter / 8 *
		       (__u64)(sizeof(struct sg_syn_bucket) + sizeof(struct sg_refused_bucket)) +
	       SG_SERVICES * (sizeof(struct sg_budget) + cpus * sizeof(struct sg_stats)) +
	       SG_CONFIG_PREFIXES_MAX * (sizeof(struct sg_policy) + HASH_OVERHEAD);
}

/* MemAvailable of /proc/meminfo in bytes, 0 = unknown: what can be taken without swapping. */
static __u64 available_bytes(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/meminfo", "re");
	unsigned long long kib;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			return kib * 1024;
	return 0;
}

void sg_check_memory(struct sg_check *c)
{
	const __u64 mib = 1024 * 1024;
	__u64 need = table_bytes(&c->conf->tables), have = available_bytes();
	enum sg_check_level level = SG_CHECK_OK;

	if (have && need > have)
		level = SG_CHECK_ERROR;
	else if (have && need > have / 4)
		level = SG_CHECK_WARNING;
	sg_check_add(c, level, "tables",
		     level ? "in the configuration: smaller tables.connections and tables.sources"
			   : NULL,
		     "take about %llu MiB of kernel memory; %llu MiB are available",
		     (unsigned long long)(need / mib + 1), (unsigned long long)(have / mib));
}
