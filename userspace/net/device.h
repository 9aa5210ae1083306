/* SPDX-License-Identifier: GPL-2.0-only */
/* What a network device and its driver can do, and what they do to packets before XDP sees them. */
#ifndef SG_NET_DEVICE_H
#define SG_NET_DEVICE_H

#include <stddef.h>
#include <linux/types.h>

/* The driver's name ("ixgbe", "veth") in @buf. Returns 0 or a negative errno (-EOPNOTSUPP: the device
 * does not tell).
 */
int sg_device_driver(const char *ifname, char *buf, size_t size);

/* Whether an offload is on, by the name that `ethtool -k` has inside the kernel ("rx-lro").
 * Returns 1, 0, -ENOENT (the kernel knows no such offload) or another negative errno.
 */
int sg_device_offload(const char *ifname, const char *feature);

/* Whether the driver runs XDP programs itself. Returns 1, 0, -EOPNOTSUPP (a kernel before 6.3 does not
 * tell) or another negative errno.
 */
int sg_device_native_xdp(int ifindex);

#endif
