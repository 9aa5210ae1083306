// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/ethtool.h>
#include <linux/genetlink.h>
#include <linux/if.h>
#include <linux/sockios.h>

#include "../util/cleanup.h"
#include "device.h"
#include "netlink.h"

/* From linux/netdev.h of kernel 6.3, which Debian 12's headers do not have yet. */
#define NETDEV_GENL_NAME          "netdev"
#define NETDEV_CMD_DEV_GET        1
#define NETDEV_A_DEV_IFINDEX      1
#define NETDEV_A_DEV_XDP_FEATURES 3
#define NETDEV_XDP_ACT_BASIC      1u

/* No device has more offloads than the kernel has bits for (64 in 6.1). */
#define FEATURES_MAX 256

static int ethtool(const char *ifname, void *command)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_data = command};

	if (fd < 0)
		return -errno;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", ifname);
	return ioctl(fd, SIOCETHTOOL, &request) ? -errno : 0;
}

int sg_device_driver(const char *ifname, char *buf, size_t size)
{
	struct ethtool_drvinfo info = {.cmd = ETHTOOL_GDRVINFO};
	int err;

	err = ethtool(ifname, &info);
	if (err)
		return err;
	snprintf(buf, size, "%.*s", (int)sizeof(info.driver), info.driver);
	return 0;
}

static int feature_count(const char *ifname)
{
	_cleanup_free_ struct ethtool_sset_info *sets = calloc(1, sizeof(*sets) + sizeof(__u32));
	int err;

	if (!sets)
		return -ENOMEM;
	sets->cmd = ETHTOOL_GSSET_INFO;
	sets->sset_mask = 1ull << ETH_SS_FEATURES;
	err = ethtool(ifname, sets);
	if (err)
		return err;
	return sets->sset_mask && sets->data[0] <= FEATURES_MAX ? (int)sets->data[0] : -EOPNOTSUPP;
}

/* The bit of @feature among the @count the kernel knows, or a negative errno. */
static int feature_bit(const char *ifname, const char *feature, int count)
{
	_cleanup_free_ struct ethtool_gstrings *names =
		calloc(1, sizeof(*names) + (size_t)count * ETH_GSTRING_LEN);
	int err;

	if (!names)
		return -ENOMEM;
	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = ETH_SS_FEATURES;
	names->len = (__u32)count;
	err = ethtool(ifname, names);
	if (err)
		return err;
	for (int i = 0; i < count; i++)
		if (!strncmp((const char *)names->data + i * ETH_GSTRING_LEN, feature,
			     ETH_GSTRING_LEN))
			return i;
	return -ENOENT;
}

int sg_device_offload(const char *ifname, const char *feature)
{
	_cleanup_free_ struct ethtool_gfeatures *state =
		calloc(1, sizeof(*state) + FEATURES_MAX / 32 * sizeof(state->features[0]));
	int count = feature_count(ifname), bit, err;

	if (!state)
		return -ENOMEM;
	if (count < 0)
		return count;
	bit = feature_bit(ifname, feature, count);
	if (bit < 0)
		return bit;
	state->cmd = ETHTOOL_GFEATURES;
	state->size = (__u32)(count + 31) / 32;
	err = ethtool(ifname, state);
	if (err)
		return err;
	return state->features[bit / 32].active >> bit % 32 & 1;
}

static int read_family(const struct nlmsghdr *m, void *ctx)
{
	struct rtattr *a[CTRL_ATTR_MAX + 1];

	if (sg_nl_attributes(m, sizeof(struct genlmsghdr), a, CTRL_ATTR_MAX))
		return -EIO;
	*(__u16 *)ctx = sg_nl_u16(a[CTRL_ATTR_FAMILY_ID]);
	return 0;
}

static int read_features(const struct nlmsghdr *m, void *ctx)
{
	struct rtattr *a[NETDEV_A_DEV_XDP_FEATURES + 1];
	const struct rtattr *features;

	if (sg_nl_attributes(m, sizeof(struct genlmsghdr), a, NETDEV_A_DEV_XDP_FEATURES))
		return -EIO;
	features = a[NETDEV_A_DEV_XDP_FEATURES];
	if (!features || RTA_PAYLOAD(features) < sizeof(__u64))
		return -EOPNOTSUPP;
	memcpy(ctx, RTA_DATA(features), sizeof(__u64));
	return 0;
}

int sg_device_native_xdp(int ifindex)
{
	const struct genlmsghdr get_family = {.cmd = CTRL_CMD_GETFAMILY, .version = 1};
	const struct genlmsghdr get_device = {.cmd = NETDEV_CMD_DEV_GET, .version = 1};
	const __u32 index = (__u32)ifindex;
	struct sg_nl_request req;
	__u64 features = 0;
	__u16 family = 0;
	int err;

	sg_nl_begin(&req, GENL_ID_CTRL, 0, &get_family, sizeof(get_family));
	sg_nl_add(&req, CTRL_ATTR_FAMILY_NAME, NETDEV_GENL_NAME, sizeof(NETDEV_GENL_NAME));
	req.protocol = NETLINK_GENERIC;
	err = sg_nl_ask(&req, read_family, &family);
	if (err)
		return err == -ENOENT ? -EOPNOTSUPP : err;
	sg_nl_begin(&req, family, 0, &get_device, sizeof(get_device));
	sg_nl_add(&req, NETDEV_A_DEV_IFINDEX, &index, sizeof(index));
	req.protocol = NETLINK_GENERIC;
	err = sg_nl_ask(&req, read_features, &features);
	return err ? err : !!(features & NETDEV_XDP_ACT_BASIC);
}
