// SPDX-License-Identifier: GPL-2.0-only
/* The interfaces: there, up, able to run XDP, free of other programs, and honest about packets. */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../net/device.h"
#include "../util/cleanup.h"
#include "../util/text.h"
#include "check_internal.h"

/* A native program that does not ask for fragments needs the frame in one page of 4096 bytes: less 256
 * of head room, 320 of skb_shared_info and 14 to 22 of Ethernet and VLAN tags. Drivers differ a
 * little, so this is a hint.
 */
#define NATIVE_MTU_MAX 3498

/* Drivers with native XDP for kernels that do not tell (before 6.3): the common ones of servers and
 * virtual machines (reasoned, from their documentation). One that is missing here gives a warning only.
 */
static const char *const native_drivers[] = {
	"bnxt_en", "bonding", "ena",        "hv_netvsc",    "i40e",      "ice",  "igb",
	"igc",     "ixgbe",   "ixgbevf",    "mlx4_en",      "mlx5_core", "qede", "sfc",
	"tun",     "veth",    "virtio_net", "xen_netfront", NULL,
};

static void check_present(struct sg_check *c, const struct sg_check_interface *i)
{
	char type[SG_CHECK_TEXT] = "";

	sg_text_append(type, sizeof(type), "ip link set %s up", i->name);
	if (!i->present)
		sg_check_add(c, SG_CHECK_ERROR, i->name, "ip -brief link",
			     "there is no such interface");
	else if (i->link.loopback)
		sg_check_add(c, SG_CHECK_ERROR, i->name, NULL,
			     "is the loopback interface: no gateway's traffic passes there");
	else if (!i->link.up)
		sg_check_add(c, SG_CHECK_ERROR, i->name, type, "is down");
	else if (!i->link.carrier)
		sg_check_add(c, SG_CHECK_WARNING, i->name, NULL,
			     "is up, but without carrier: is the cable in?");
	else if (!strcmp(i->link.kind, "bridge"))
		sg_check_add(
			c, SG_CHECK_ERROR, i->name,
			"in the configuration: the bridge's ports as interfaces",
			"is a bridge: frames that it only forwards never reach a program on it");
	else if (i->link.lower)
		sg_check_add(c, SG_CHECK_WARNING, i->name,
			     "in the configuration: the device below it as interface",
			     "is a %s device: only the slow generic XDP works there", i->link.kind);
	else
		sg_check_add(c, SG_CHECK_OK, i->name, NULL, "is up");
}

/* Calls @check for each interface that is there. */
static void for_each_present(struct sg_check *c,
			     void (*check)(struct sg_check *c, const struct sg_check_interface *i))
{
	for (__u32 i = 0; i < c->conf->interface_count; i++)
		if (c->interfaces[i].present)
			check(c, &c->interfaces[i]);
}

void sg_check_present(struct sg_check *c)
{
	for (__u32 i = 0; i < c->conf->interface_count; i++)
		check_present(c, &c->interfaces[i]);
}

static void check_mtu(struct sg_check *c, const struct sg_check_interface *i)
{
	char type[SG_CHECK_TEXT] = "";

	if (i->link.mtu <= NATIVE_MTU_MAX || c->conf->xdp == SG_CONFIG_XDP_GENERIC)
		return;
	sg_text_append(type, sizeof(type), "ip link set %s mtu 1500", i->name);
	sg_check_add(c, SG_CHECK_WARNING, i->name, type,
		     "has an MTU of %u: most drivers refuse native XDP above %d%s", i->link.mtu,
		     NATIVE_MTU_MAX,
		     c->conf->xdp == SG_CONFIG_XDP_AUTO ? ", and the slow generic mode is used"
							: "");
}

void sg_check_mtu(struct sg_check *c)
{
	for_each_present(c, check_mtu);
}

/* 1, 0, or a negative errno when nothing is known. */
static int native_possible(const struct sg_link *link, char *driver, size_t size)
{
	int known = sg_device_native_xdp(link->ifindex);

	if (sg_device_driver(link->name, driver, size))
		snprintf(driver, size, "%s", *link->kind ? link->kind : "unknown");
	if (known >= 0)
		return known;
	for (size_t i = 0; native_drivers[i]; i++)
		if (!strcmp(driver, native_drivers[i]))
			return 1;
	return known;
}

static void check_xdp_mode(struct sg_check *c, const struct sg_check_interface *i)
{
	enum sg_config_xdp want = c->conf->xdp;
	char driver[32];
	int native = native_possible(&i->link, driver, sizeof(driver));

	if (want == SG_CONFIG_XDP_GENERIC || native != 1)
		sg_check_joined(c, i->name);
	if (want == SG_CONFIG_XDP_GENERIC)
		sg_check_add(c, SG_CHECK_OK, i->name, NULL,
			     "runs the program in generic mode, as configured%s",
			     native == 1 ? ", though its driver could run it itself" : "");
	else if (native == 1)
		sg_check_add(c, SG_CHECK_OK, i->name, NULL,
			     "its driver '%s' runs XDP programs itself", driver);
	else if (want == SG_CONFIG_XDP_NATIVE)
		sg_check_add(c, native ? SG_CHECK_WARNING : SG_CHECK_ERROR, i->name,
			     "in the configuration: xdp: auto", "its driver '%s' %s native XDP",
			     driver, native ? "is not known to have" : "does not have");
	else
		sg_check_add(
			c, SG_CHECK_WARNING, i->name, NULL,
			"its driver '%s' %s native XDP: the generic mode is used, which costs more CPU for each "
			"packet",
			driver, native ? "is not known to have" : "does not have");
}

void sg_check_xdp_mode(struct sg_check *c)
{
	for_each_present(c, check_xdp_mode);
}

/* Is @prog_id the program of one of the links pinned below @bpffs? */
static bool pinned_here(const char *bpffs, __u32 prog_id)
{
	char pattern[SG_CONFIG_PATH_MAX + 16];
	bool found = false;
	glob_t links;

	snprintf(pattern, sizeof(pattern), "%s/v*/links/*", bpffs);
	if (glob(pattern, GLOB_NOSORT, NULL, &links))
		return false;
	for (size_t i = 0; i < links.gl_pathc && !found; i++) {
		_cleanup_close_ int fd = bpf_obj_get(links.gl_pathv[i]);
		struct bpf_link_info info = {0};
		__u32 len = sizeof(info);

		found = fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) &&
			info.prog_id == prog_id;
	}
	globfree(&links);
	return found;
}

/* Naming a program by its number takes CAP_SYS_ADMIN; without it the number must do. */
static void program_name(__u32 id, char *buf, size_t size)
{
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info = {0};
	__u32 len = sizeof(info);

	snprintf(buf, size, "?");
	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) && info.name[0])
		snprintf(buf, size, "%s", info.name);
}

static void check_xdp_attached(struct sg_check *c, const struct sg_check_interface *i)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	char name[BPF_OBJ_NAME_LEN], type[SG_CHECK_TEXT] = "";
	__u32 id;

	if (bpf_xdp_query(i->link.ifindex, 0, &query))
		return;
	id = query.drv_prog_id   ? query.drv_prog_id
	     : query.skb_prog_id ? query.skb_prog_id
	     : query.hw_prog_id  ? query.hw_prog_id
				 : query.prog_id;
	if (!id)
		return;
	if (pinned_here(c->conf->paths.bpffs, id)) {
		sg_check_add(c, SG_CHECK_OK, i->name, NULL,
			     "this guard's program is attached already (id %u)", id);
		return;
	}
	program_name(id, name, sizeof(name));
	/* A link, as other guards have it, is not taken off by ip(8). */
	if (!strcmp(name, "scepguard"))
		sg_text_append(type, sizeof(type),
			       "scepguard detach -c FILE   # FILE of the other instance");
	else
		sg_text_append(type, sizeof(type),
			       "ip link set dev %s xdp off   # or the tool that attached it",
			       i->name);
	sg_check_add(c, SG_CHECK_ERROR, i->name, type,
		     "another XDP program is attached: '%s' (id %u); an interface takes only one",
		     name, id);
}

void sg_check_xdp_attached(struct sg_check *c)
{
	for_each_present(c, check_xdp_attached);
}

/* Offloads that hide from XDP what was on the wire. */
static const struct {
	const char *feature, *ethtool, *why;
} offloads[] = {
	{"rx-lro", "lro", "merges segments, which belong together only for an end host"},
	{"rx-gro-hw", "rx-gro-hw", "merges segments before XDP sees them"},
};

static void check_offloads(struct sg_check *c, const struct sg_check_interface *i)
{
	char type[SG_CHECK_TEXT] = "";

	for (size_t k = 0; k < sizeof(offloads) / sizeof(offloads[0]); k++) {
		if (sg_device_offload(i->name, offloads[k].feature) != 1)
			continue;
		type[0] = '\0';
		sg_text_append(type, sizeof(type), "ethtool -K %s %s off", i->name,
			       offloads[k].ethtool);
		sg_check_add(c, sg_check_grade(c), i->name, type, "%s %s", offloads[k].feature,
			     offloads[k].why);
	}
	/* It matters only where tagged frames have somewhere to go. */
	if (sg_device_offload(i->name, "rx-vlan-hw-parse") != 1 ||
	    (!i->link.master && sg_link_carries_vlans(i->link.ifindex) != 1))
		return;
	type[0] = '\0';
	sg_text_append(type, sizeof(type), "ethtool -K %s rxvlan off", i->name);
	sg_check_add(
		c, sg_check_grade(c), i->name, type,
		"takes VLAN tags off before XDP sees them: what the guard itself sends back to a "
		"tagged frame would go out untagged");
}

void sg_check_offloads(struct sg_check *c)
{
	for_each_present(c, check_offloads);
}
