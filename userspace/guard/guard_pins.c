// SPDX-License-Identifier: GPL-2.0-only
/* Pins below paths.bpffs: where they are, whether what is there fits, and their removal. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "guard_internal.h"

#define SG_BPF_FS_MAGIC 0xcafe4a11

int sg_guard_path(const struct sg_guard *g, const char *kind, const char *name, char out[PATH_MAX])
{
	int n = snprintf(out, PATH_MAX, "%s/v%d/%s%s%s", g->bpffs, SG_ABI_VERSION, kind,
			 *name ? "/" : "", name);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int make_directory(const char *path)
{
	if (!mkdir(path, 0700) || errno == EEXIST)
		return 0;
	return sg_log_err(-errno, "cannot make directory '%s'", path);
}

static int check_bpffs(const char *bpffs)
{
	char parent[SG_CONFIG_PATH_MAX];
	struct statfs fs;
	char *slash;

	snprintf(parent, sizeof(parent), "%s", bpffs);
	while (statfs(parent, &fs)) {
		slash = strrchr(parent, '/');
		if (!slash || slash == parent)
			return sg_log_refusal(-ENOENT, "no such directory: '%s' (paths.bpffs)",
					      bpffs);
		*slash = '\0';
	}
	if ((__u32)fs.f_type == SG_BPF_FS_MAGIC)
		return 0;
	return sg_log_refusal(
		-EINVAL,
		"'%s' (paths.bpffs) is not on a bpf file system: type `mount -t bpf bpf "
		"/sys/fs/bpf`, or choose a path below one",
		bpffs);
}

/* A pin directory of another layout version must not be overlooked: two guards would be attached. */
static int check_versions(const char *bpffs)
{
	_cleanup_closedir_ DIR *dir = opendir(bpffs);
	struct dirent *entry;

	if (!dir)
		return errno == ENOENT ? 0 : sg_log_err(-errno, "cannot read '%s'", bpffs);
	while ((entry = readdir(dir))) {
		int version;

		if (sscanf(entry->d_name, "v%d", &version) != 1 || version == SG_ABI_VERSION)
			continue;
		return sg_log_refusal(
			-EPROTO,
			"'%s/%s' holds a guard of another layout than this version's (v%d): type "
			"`scepguard detach --bpffs %s`, then start again",
			bpffs, entry->d_name, SG_ABI_VERSION, bpffs);
	}
	return 0;
}

int sg_guard_pins_prepare(const struct sg_guard *g)
{
	static const char *const kinds[] = {"maps", "links"};
	char path[PATH_MAX];
	int err = check_bpffs(g->bpffs);

	if (!err)
		err = check_versions(g->bpffs);
	if (!err)
		err = make_directory(g->bpffs);
	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/v%d", g->bpffs, SG_ABI_VERSION);
	err = make_directory(path);
	for (size_t i = 0; !err && i < 2; i++) {
		err = sg_guard_path(g, kinds[i], "", path);
		if (!err)
			err = make_directory(path);
	}
	return err;
}

/* State worth pinning: everything but the compiler's own sections, what belongs to one packet, and what
 * belongs to one load (guard_steps.c).
 */
static bool is_state(const struct bpf_map *map)
{
	static const char *const scratch[] = {"sg_scratch",      "sg_flows", "sg_call_scratch",
					      "sg_blank_source", "sg_texts", "sg_steps"};
	const char *name = bpf_map__name(map);

	for (size_t i = 0; i < sizeof(scratch) / sizeof(scratch[0]); i++)
		if (!strcmp(name, scratch[i]))
			return false;
	return !strncmp(name, "sg_", 3);
}

static int reuse_one(struct sg_guard *g, struct bpf_map *map)
{
	_cleanup_close_ int fd = -1;
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);
	char path[PATH_MAX];
	int err = sg_guard_path(g, "maps", bpf_map__name(map), path);

	if (err)
		return err;
	fd = bpf_obj_get(path);
	if (fd < 0 && errno == ENOENT) {
		g->anew |= !strcmp(bpf_map__name(map), "sg_conns");
		return 0;
	}
	if (fd < 0)
		return sg_log_err(-errno, "cannot open pinned map '%s'", path);
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return sg_log_err(-errno, "cannot read about pinned map '%s'", path);
	if (info.type != (__u32)bpf_map__type(map) || info.key_size != bpf_map__key_size(map) ||
	    info.value_size != bpf_map__value_size(map))
		return sg_log_refusal(
			-EPROTO,
			"pinned map '%s' has another layout than this version's: type `scepguard "
			"detach --bpffs %s`, then start again",
			path, g->bpffs);
	if (info.max_entries != bpf_map__max_entries(map)) {
		sg_log_warning(
			"'%s' keeps its %u entries; the configured %u count after `scepguard detach` "
			"and a start",
			path, info.max_entries, bpf_map__max_entries(map));
		err = bpf_map__set_max_entries(map, info.max_entries);
	}
	return err ? err : bpf_map__reuse_fd(map, fd);
}

/* Before load: take pinned maps instead of making new ones. */
int sg_guard_pins_reuse(struct sg_guard *g, struct bpf_object *obj)
{
	struct bpf_map *map;
	int err;

	bpf_object__for_each_map (map, obj) {
		if (!is_state(map))
			continue;
		err = reuse_one(g, map);
		if (err)
			return err;
	}
	return 0;
}

/* After load: pin what is not pinned yet. */
int sg_guard_pins_keep(struct sg_guard *g, struct bpf_object *obj)
{
	struct bpf_map *map;
	char path[PATH_MAX];
	int err;

	bpf_object__for_each_map (map, obj) {
		if (!is_state(map))
			continue;
		err = sg_guard_path(g, "maps", bpf_map__name(map), path);
		if (err)
			return err;
		if (!access(path, F_OK))
			continue;
		if (bpf_obj_pin(bpf_map__fd(map), path))
			return sg_log_err(-errno, "cannot pin map '%s'", path);
	}
	return 0;
}

/* Take the program off the interface. Unpinning alone would not, while a daemon holds the link. */
static int end_link(const char *path)
{
	_cleanup_close_ int fd = bpf_obj_get(path);

	if (fd < 0)
		return sg_log_err(-errno, "cannot open pinned link '%s'", path);
	if (bpf_link_detach(fd))
		return sg_log_err(-errno, "cannot detach the program of link '%s'", path);
	return 0;
}

/* Remove every file of one directory and then itself; links are detached. Counts what was removed. */
static int remove_directory(const char *path, bool links, unsigned int *removed)
{
	_cleanup_closedir_ DIR *dir = opendir(path);
	struct dirent *entry;
	char child[PATH_MAX];
	int err = 0, ended;

	if (!dir)
		return errno == ENOENT ? 0 : sg_log_err(-errno, "cannot read '%s'", path);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		if (snprintf(child, sizeof(child), "%s/%s", path, entry->d_name) >=
		    (int)sizeof(child))
			continue;
		ended = links ? end_link(child) : 0;
		err = ended ? ended : err;
		if (unlink(child))
			err = sg_log_err(-errno, "cannot remove '%s'", child);
		else
			(*removed)++;
	}
	if (!err && rmdir(path))
		err = sg_log_err(-errno, "cannot remove '%s'", path);
	return err;
}

/* Links first, so that nothing runs on maps without names. */
static int detach_version(const char *bpffs, const char *version, unsigned int *removed)
{
	static const char *const kinds[] = {"links", "maps", ""};
	char path[PATH_MAX];
	int err = 0;

	for (size_t i = 0; !err && i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s%s%s", bpffs, version, *kinds[i] ? "/" : "",
			 kinds[i]);
		err = remove_directory(path, !i, removed);
	}
	return err;
}

int sg_guard_detach(const char *bpffs)
{
	_cleanup_closedir_ DIR *dir = opendir(bpffs);
	unsigned int removed = 0;
	struct dirent *entry;
	int err = 0, version;

	if (!dir)
		return -errno;
	err = check_bpffs(bpffs); /* what lies elsewhere is not ours to remove */
	while (!err && (entry = readdir(dir)))
		if (sscanf(entry->d_name, "v%d", &version) == 1)
			err = detach_version(bpffs, entry->d_name, &removed);
	if (err)
		return err;
	if (rmdir(bpffs) && errno != ENOTEMPTY && errno != EBUSY)
		return sg_log_err(-errno, "cannot remove '%s'", bpffs);
	return removed ? 0 : -ENOENT;
}
