// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel must be able to do, asked by trying (libbpf's probes), and the bpf file system. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/magic.h>

#include "../util/text.h"
#include "check_internal.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* What the BPF object uses that is not older than 5.0; with the version that brought it. */
static const struct {
	enum bpf_prog_type type;
	const char *name, *since;
} programs[] = {
	{BPF_PROG_TYPE_XDP, "XDP programs", "4.8"},
	{BPF_PROG_TYPE_SYSCALL, "syscall programs", "5.14"},
};

static const struct {
	enum bpf_map_type type;
	const char *name, *since;
} maps[] = {
	{BPF_MAP_TYPE_LPM_TRIE, "LPM trie maps", "4.11"},
	{BPF_MAP_TYPE_RINGBUF, "ring buffers", "5.8"},
};

static const struct {
	enum bpf_func_id id;
	const char *name, *since;
} helpers[] = {
	{BPF_FUNC_spin_lock, "bpf_spin_lock", "5.1"},
	{BPF_FUNC_jiffies64, "bpf_jiffies64", "5.6"},
	{BPF_FUNC_ringbuf_reserve, "bpf_ringbuf_reserve", "5.8"},
	{BPF_FUNC_xdp_load_bytes, "bpf_xdp_load_bytes", "5.18"},
};

/* @result of a probe: 1 = there, 0 = not, negative = could not be tried. */
static bool probed(struct sg_check *c, int result, const char *name, const char *since)
{
	if (result == 1)
		return true;
	if (!result)
		sg_check_add(c, SG_CHECK_ERROR, "kernel", NULL,
			     "has no %s (since Linux %s): use a newer kernel", name, since);
	else
		sg_check_add(c, SG_CHECK_WARNING, "kernel", NULL,
			     "whether it has %s cannot be tried: %s", name, strerror(-result));
	return false;
}

static bool probe_all(struct sg_check *c)
{
	bool ok = true;

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		ok &= probed(c, libbpf_probe_bpf_prog_type(programs[i].type, NULL),
			     programs[i].name, programs[i].since);
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
		ok &= probed(c, libbpf_probe_bpf_map_type(maps[i].type, NULL), maps[i].name,
			     maps[i].since);
	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
		ok &= probed(c, libbpf_probe_bpf_helper(BPF_PROG_TYPE_XDP, helpers[i].id, NULL),
			     helpers[i].name, helpers[i].since);
	return ok;
}

static int keep_quiet(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level;
	(void)fmt;
	(void)args;
	return 0;
}

/* Without privileges every probe would seem to fail, or to succeed. */
static void check_features(struct sg_check *c, const char *release)
{
	libbpf_print_fn_t before;
	bool ok;

	if (!c->may_bpf) {
		sg_check_add(c, SG_CHECK_WARNING, "kernel", "sudo scepguard check -c FILE",
			     "what Linux %s can do cannot be tried without CAP_BPF", release);
		return;
	}
	before = libbpf_set_print(keep_quiet);
	ok = probe_all(c);
	libbpf_set_print(before);
	if (ok)
		sg_check_add(c, SG_CHECK_OK, "kernel", NULL, "Linux %s has what the program needs",
			     release);
}

void sg_check_kernel(struct sg_check *c)
{
	unsigned int major = 0, minor = 0;
	struct utsname uts;

	uname(&uts);
	if (sscanf(uts.release, "%u.%u", &major, &minor) == 2 &&
	    (major < 6 || (major == 6 && minor < 1)))
		sg_check_add(c, SG_CHECK_WARNING, "kernel", NULL,
			     "Linux %s is older than 6.1, the oldest this guard is made for",
			     uts.release);
	check_features(c, uts.release);
}

/* Is @path, or the nearest directory above it that exists, on a bpf file system? */
static bool on_bpffs(const char *path)
{
	char parent[SG_CONFIG_PATH_MAX];
	struct statfs fs;
	char *slash;

	snprintf(parent, sizeof(parent), "%s", path);
	while (statfs(parent, &fs)) {
		slash = strrchr(parent, '/');
		if (!slash || slash == parent)
			return false;
		*slash = '\0';
	}
	return (__u32)fs.f_type == BPF_FS_MAGIC;
}

void sg_check_bpffs(struct sg_check *c)
{
	static const char usual[] = "/sys/fs/bpf";
	const char *path = c->conf->paths.bpffs;
	char type[SG_CHECK_TEXT] = "";

	if (on_bpffs(path)) {
		sg_check_add(c, SG_CHECK_OK, "paths.bpffs", NULL, "'%s' is on a bpf file system%s",
			     path,
			     access(path, F_OK) ? "" : "; what is pinned there is taken over");
		return;
	}
	if (strncmp(path, usual, strlen(usual)))
		sg_text_append(type, sizeof(type), "mkdir -p %s && mount -t bpf bpf %s", path,
			       path);
	else
		sg_text_append(type, sizeof(type), "mount -t bpf bpf %s", usual);
	sg_check_add(c, SG_CHECK_ERROR, "paths.bpffs", type,
		     "'%s' is not on a bpf file system, where links and maps outlive the daemon",
		     path);
}
