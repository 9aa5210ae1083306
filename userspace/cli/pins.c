// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <bpf/bpf.h>

#include "pins.h"
#include "../util/cleanup.h"

/* The mode word, as scepguard_abi.h describes it. */
#define MODE_BITS 0xfu

static void note_link(const char *path, struct sg_pins *pins)
{
	_cleanup_close_ int fd = bpf_obj_get(path);
	struct bpf_link_info info = {0};
	__u32 len = sizeof(info);

	if (fd < 0 || pins->links == SG_CONFIG_INTERFACES_MAX)
		return;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) || info.type != BPF_LINK_TYPE_XDP)
		return;
	/* Of a link whose interface is gone the index is 0. */
	if (info.xdp.ifindex && if_indextoname(info.xdp.ifindex, pins->interfaces[pins->links]))
		pins->links++;
}

static int look_at_links(const char *directory, struct sg_pins *pins)
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/links", directory);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/links/%s", directory, entry->d_name);
		if (entry->d_name[0] != '.')
			note_link(path, pins);
	}
	return 0;
}

static void look_at_mode(const char *directory, struct sg_pins *pins)
{
	_cleanup_close_ int fd = -1;
	struct sg_live live = {0};
	const __u32 zero = 0;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/maps/sg_live", directory);
	fd = bpf_obj_get(path);
	if (fd < 0 || bpf_map_lookup_elem(fd, &zero, &live))
		return;
	pins->mode_known = true;
	pins->mode = live.mode_word & MODE_BITS;
	pins->mode_then = live.mode_word >> 4 & MODE_BITS;
	pins->trial = live.mode_word >> 8 != 0;
}

/* The directory that carries the layout in its name: "v2". Returns 0, -ENOENT or another errno. */
static int find_layout(const char *bpffs, int *ret)
{
	_cleanup_closedir_ DIR *dir = opendir(bpffs);
	struct dirent *entry;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		if (sscanf(entry->d_name, "v%d", ret) == 1)
			return 0;
	return -ENOENT;
}

int sg_pins_look(const char *bpffs, struct sg_pins *ret)
{
	struct sg_pins pins = {0};
	char directory[SG_CONFIG_PATH_MAX + 16];
	int err;

	err = find_layout(bpffs, &pins.layout);
	if (err == -ENOENT || err == -ENOTDIR) {
		*ret = pins;
		return 0;
	}
	if (err)
		return err;
	pins.found = true;
	snprintf(directory, sizeof(directory), "%s/v%d", bpffs, pins.layout);
	err = look_at_links(directory, &pins);
	if (err)
		return err;
	if (pins.layout == SG_ABI_VERSION)
		look_at_mode(directory, &pins);
	*ret = pins;
	return 0;
}
