// SPDX-License-Identifier: GPL-2.0-only
/* The program on its interfaces, by pinned bpf_link: attach, take over, update without a gap. */
#include <dirent.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "guard_internal.h"
#include "../net/device.h"
#include "../net/link.h"

/* An Ethernet frame's: longer ones arrive on an interface of a smaller MTU, too. */
#define SG_LEAST_MTU 1500

/* The program on an interface; 0 = none, or it cannot be asked. */
static __u32 program_there(__u32 ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	if (bpf_xdp_query(ifindex, 0, &query))
		return 0;
	return query.drv_prog_id   ? query.drv_prog_id
	       : query.skb_prog_id ? query.skb_prog_id
				   : query.prog_id;
}

/* Who is on the interface already? Says so and how to get rid of it. */
static int refuse_other(const struct sg_guard_link *link, int err)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info), id = program_there(link->ifindex);
	_cleanup_close_ int fd = -1;

	if (!id)
		return sg_log_err(err, "cannot attach to interface '%s'", link->ifname);
	fd = bpf_prog_get_fd_by_id(id);
	if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len))
		info.name[0] = '\0';
	/* Naming it takes CAP_SYS_ADMIN, which the unit does not give. */
	if (!info.name[0])
		return sg_log_refusal(
			-EBUSY,
			"interface '%s' already has an XDP program (id %u): `bpftool prog show "
			"id %u` names it; remove it first, with its own tool or `scepguard "
			"detach` of the other instance",
			link->ifname, id, id);
	return sg_log_refusal(
		-EBUSY,
		"interface '%s' already has the XDP program '%s' (id %u): remove it first, with "
		"its own tool, `scepguard detach` of the other instance, or `ip link set dev %s "
		"xdp off`",
		link->ifname, info.name, id, link->ifname);
}

static int create_link(struct sg_guard *g, struct sg_guard_link *link, __u32 flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);
	int fd = bpf_link_create(sg_guard_program_fd(g), link->ifindex, BPF_XDP, &opts);

	return fd < 0 ? -errno : fd;
}

/* Native, else generic, as the configuration allows. */
static int attach_fresh(struct sg_guard *g, struct sg_guard_link *link)
{
	int fd = -EOPNOTSUPP, native_err = 0;

	if (g->conf->xdp != SG_CONFIG_XDP_GENERIC) {
		fd = create_link(g, link, XDP_FLAGS_DRV_MODE);
		link->native = fd >= 0;
		native_err = fd < 0 ? fd : 0;
	}
	if (fd == -EBUSY || fd == -EEXIST)
		return refuse_other(link, fd);
	if (fd < 0 && g->conf->xdp != SG_CONFIG_XDP_NATIVE)
		fd = create_link(g, link, XDP_FLAGS_SKB_MODE);
	if (fd == -EBUSY || fd == -EEXIST)
		return refuse_other(link, fd);
	if (fd < 0)
		return sg_log_err(
			fd, "cannot attach to interface '%s' in %s mode", link->ifname,
			g->conf->xdp == SG_CONFIG_XDP_NATIVE
				? "native (its driver or MTU does not allow it; `xdp: generic` may)"
				: "generic");
	if (native_err)
		sg_log_warning("interface '%s' takes no native XDP (%s): generic mode, slower",
			       link->ifname, strerror(-native_err));
	link->fd = fd;
	return 0;
}

static int link_ifindex(int fd, __u32 *ifindex)
{
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return -errno;
	*ifindex = info.xdp.ifindex;
	return 0;
}

static bool query_native(__u32 ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	return !bpf_xdp_query(ifindex, 0, &query) && query.attach_mode == XDP_ATTACHED_DRV;
}

/* Take over the pinned link of this interface: our program replaces the old one in one step.
 * Returns 1 when done, 0 when there is nothing to take over.
 */
static int attach_takeover(struct sg_guard *g, struct sg_guard_link *link, const char *path)
{
	__u32 ifindex = 0;
	int fd = bpf_obj_get(path), err;

	if (fd < 0)
		return errno == ENOENT ? 0
				       : sg_log_err(-errno, "cannot open pinned link '%s'", path);
	err = link_ifindex(fd, &ifindex);
	if (err || ifindex != link->ifindex) {
		/* The interface went and came back: the link is dead. */
		close(fd);
		unlink(path);
		return 0;
	}
	if (bpf_link_update(fd, sg_guard_program_fd(g), NULL)) {
		err = -errno;
		close(fd);
		return sg_log_err(err, "cannot replace the program on interface '%s'",
				  link->ifname);
	}
	link->fd = fd;
	link->native = query_native(ifindex);
	return 1;
}

static int find_interface(struct sg_guard_link *link)
{
	link->ifindex = if_nametoindex(link->ifname);
	if (link->ifindex)
		return 0;
	return sg_log_refusal(
		-ENODEV,
		"interface '%s' (interfaces:) does not exist: see `ip -br link`, or make it",
		link->ifname);
}

/* Is the program on this interface the one of our own pinned link? */
static bool is_ours(const char *path, __u32 ifindex)
{
	_cleanup_close_ int fd = bpf_obj_get(path);
	__u32 of_link = 0;

	return fd >= 0 && !link_ifindex(fd, &of_link) && of_link == ifindex;
}

int sg_guard_attach_check(struct sg_guard *g)
{
	char path[PATH_MAX];
	int err = 0;

	for (__u32 i = 0; !err && i < g->link_count; i++) {
		struct sg_guard_link *link = &g->links[i];

		err = find_interface(link);
		if (!err)
			err = sg_guard_path(g, "links", link->ifname, path);
		if (!err && program_there(link->ifindex) && !is_ours(path, link->ifindex))
			err = refuse_other(link, -EBUSY);
	}
	return err;
}

/* Attach to one interface that exists: take over, else fresh and pinned. */
int sg_guard_attach_one(struct sg_guard *g, struct sg_guard_link *link)
{
	char path[PATH_MAX];
	int err = sg_guard_path(g, "links", link->ifname, path);

	if (!err)
		err = find_interface(link);
	if (err)
		return err;
	err = attach_takeover(g, link, path);
	if (err)
		return err < 0 ? err : 0;
	err = attach_fresh(g, link);
	if (err)
		return err;
	if (bpf_obj_pin(link->fd, path)) {
		err = -errno;
		close(link->fd);
		link->fd = -1;
		return sg_log_err(err, "cannot pin the link of interface '%s' at '%s'",
				  link->ifname, path);
	}
	link->made = true;
	return 0;
}

/* A pinned link of an interface that is no longer listed (the file changed while no daemon ran): off. */
static void drop_unlisted(struct sg_guard *g)
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;
	char path[PATH_MAX];

	if (sg_guard_path(g, "links", "", path))
		return;
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		bool listed = entry->d_name[0] == '.';

		for (__u32 i = 0; i < g->link_count; i++)
			listed |= !strcmp(g->links[i].ifname, entry->d_name);
		if (listed || sg_guard_path(g, "links", entry->d_name, path) || unlink(path))
			continue;
		sg_log_info("interface '%s' is no longer listed: detached", entry->d_name);
	}
}

/* Detach and unpin what this process attached; what it took over goes on. */
void sg_guard_attach_undo(struct sg_guard *g)
{
	char path[PATH_MAX];

	for (__u32 i = 0; i < g->link_count; i++) {
		if (!g->links[i].made)
			continue;
		if (!sg_guard_path(g, "links", g->links[i].ifname, path))
			unlink(path);
		close(g->links[i].fd);
		g->links[i].fd = -1;
		g->links[i].made = false;
	}
}

bool sg_guard_attached(const struct sg_guard *g)
{
	for (__u32 i = 0; i < g->link_count; i++)
		if (g->links[i].fd >= 0)
			return true;
	return false;
}

/* May an interface hand over packets whose checksum nobody has finished, since they were never on a wire? Those of
 * virtual devices do; of what tells no driver it has to be feared.
 */
static bool hands_over_partial(const struct sg_guard *g)
{
	static const char *const virtual_drivers[] = {
		"veth",         "tun",    "virtio_net", "bridge",  "dummy", "vif",
		"xen_netfront", "ipvlan", "macvlan",    "bonding", "team",  "802.1Q VLAN Support",
		"hv_netvsc"};
	char driver[64];

	for (__u32 i = 0; i < g->link_count; i++) {
		if (sg_device_driver(g->links[i].ifname, driver, sizeof(driver)))
			return true;
		for (size_t k = 0; k < sizeof(virtual_drivers) / sizeof(*virtual_drivers); k++)
			if (!strcmp(driver, virtual_drivers[k]))
				return true;
	}
	return false;
}

/* Hosts join segments in front of a program in generic mode only (docs/decisions/0014). One that is longer
 * than any that interface can have taken from the wire is joined; while its MTU is not known, none is.
 */
void sg_guard_joins_note(struct sg_guard *g)
{
	struct sg_link link;
	__u32 above = 0;

	for (__u32 i = 0; i < g->link_count; i++) {
		if (g->links[i].fd < 0 || g->links[i].native)
			continue;
		if (sg_link_by_index((int)g->links[i].ifindex, &link)) {
			above = 0;
			break;
		}
		above = above > SG_LEAST_MTU ? above : SG_LEAST_MTU;
		above = above > link.mtu ? above : link.mtu;
	}
	g->live.joined_above = above;
	g->live.partial_refused = !hands_over_partial(g);
}

/* Does this interface lead to a CA? */
static bool is_ca_side(const struct sg_guard *g, const struct sg_guard_link *link)
{
	for (__u32 i = 0; i < g->endpoint_count; i++)
		if (g->endpoints[i].ca_ifindex == link->ifindex)
			return true;
	return false;
}

/* Calls act for each interface, those of one side before those of the other, until one fails. */
static int for_each_side(struct sg_guard *g, bool ca_first,
			 int (*act)(struct sg_guard *g, struct sg_guard_link *link))
{
	int err = 0;

	for (int second = 0; second < 2; second++)
		for (__u32 i = 0; !err && i < g->link_count; i++)
			if (is_ca_side(g, &g->links[i]) == (ca_first != second))
				err = act(g, &g->links[i]);
	return err;
}

/* The CA's side first: a client's packet that meets this program may need it there. */
int sg_guard_attach_all(struct sg_guard *g)
{
	int err = for_each_side(g, true, sg_guard_attach_one);

	if (!err)
		drop_unlisted(g);
	return err;
}

static int update_link(struct sg_guard *g, struct sg_guard_link *link)
{
	if (link->fd < 0 || !bpf_link_update(link->fd, sg_guard_program_fd(g), NULL))
		return 0;
	if (errno == ENOLINK) /* the interface is gone; back, it gets this program */
		return 0;
	return sg_log_err(-errno, "cannot replace the program on interface '%s'", link->ifname);
}

int sg_guard_links_update(struct sg_guard *g, bool ca_first)
{
	return for_each_side(g, ca_first, update_link);
}

size_t sg_guard_attachments(struct sg_guard *g, struct sg_guard_attachment *out, size_t max)
{
	size_t n = 0;

	for (; n < g->link_count && n < max; n++) {
		const struct sg_guard_link *link = &g->links[n];
		__u32 ifindex = 0;

		memset(&out[n], 0, sizeof(out[n]));
		snprintf(out[n].ifname, sizeof(out[n].ifname), "%s", link->ifname);
		out[n].ifindex = link->ifindex;
		out[n].native = link->native;
		out[n].present = link->fd >= 0 && !link_ifindex(link->fd, &ifindex) && ifindex;
	}
	return n;
}
