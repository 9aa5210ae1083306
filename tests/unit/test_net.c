// SPDX-License-Identifier: GPL-2.0-only
/* Netlink messages, well-formed and not; and what every host can answer about its own loopback. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../userspace/net/device.h"
#include "../../userspace/net/link.h"
#include "../../userspace/net/netlink.h"
#include "../../userspace/net/route.h"
#include "../../userspace/util/cleanup.h"

static void test_build(void **state)
{
	const struct rtmsg route = {.rtm_family = 2};
	const __u32 value = 0x01020304;
	struct rtattr *a[RTA_MAX + 1];
	struct sg_nl_request req;
	char large[600] = "";
	__u32 len;

	(void)state;
	sg_nl_begin(&req, RTM_GETROUTE, NLM_F_DUMP, &route, sizeof(route));
	assert_int_equal(req.header.nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
	sg_nl_add(&req, RTA_OIF, &value, sizeof(value));
	sg_nl_add(&req, RTA_GATEWAY, &value, 3);
	len = req.header.nlmsg_len;
	sg_nl_add(&req, RTA_DST, large, sizeof(large)); /* does not fit: left out */
	assert_int_equal(req.header.nlmsg_len, len);
	assert_int_equal(sg_nl_attributes(&req.header, sizeof(route), a, RTA_MAX), 0);
	assert_int_equal(sg_nl_u32(a[RTA_OIF]), value);
	assert_int_equal(sg_nl_u32(a[RTA_GATEWAY]), 0); /* too short */
	assert_int_equal(sg_nl_u32(a[RTA_PRIORITY]), 0);
	assert_null(a[RTA_DST]);
}

/* Cut at every length, a message never makes us read past its end (the sanitizer looks). */
static void test_cut(void **state)
{
	const struct rtmsg route = {.rtm_family = 2};
	const __u32 value = 7;
	struct sg_nl_request req;

	(void)state;
	sg_nl_begin(&req, RTM_NEWROUTE, 0, &route, sizeof(route));
	sg_nl_add(&req, RTA_OIF, &value, sizeof(value));
	sg_nl_add(&req, RTA_PRIORITY, &value, sizeof(value));
	for (__u32 cut = sizeof(struct nlmsghdr); cut <= req.header.nlmsg_len; cut++) {
		_cleanup_free_ struct nlmsghdr *copy = malloc(cut);
		struct rtattr *a[RTA_MAX + 1];
		int err;

		memcpy(copy, &req.header, cut);
		copy->nlmsg_len = cut;
		err = sg_nl_attributes(copy, sizeof(route), a, RTA_MAX);
		assert_int_equal(err, cut < NLMSG_LENGTH(sizeof(route)) ? -EIO : 0);
		if (!err)
			assert_int_equal(!!a[RTA_PRIORITY], cut == req.header.nlmsg_len);
	}
}

/* Attributes that lie about their length end the reading. */
static void test_lying_lengths(void **state)
{
	struct rtattr lies[2] = {{.rta_len = 0, .rta_type = 1}, {.rta_len = 200, .rta_type = 2}};
	struct rtattr *a[3];

	(void)state;
	sg_nl_sort(lies, sizeof(lies), a, 2);
	assert_null(a[1]);
	assert_null(a[2]);
	sg_nl_sort(lies + 1, sizeof(lies[1]), a, 2);
	assert_null(a[2]);
	sg_nl_nested(NULL, a, 2);
	assert_null(a[1]);
}

static void test_loopback(void **state)
{
	struct sg_link link;
	char driver[32];

	(void)state;
	assert_int_equal(sg_link_by_name("lo", &link), 0);
	assert_int_equal(link.ifindex, 1);
	assert_true(link.loopback);
	assert_int_equal(sg_link_by_index(1, &link), 0);
	assert_string_equal(link.name, "lo");
	assert_int_equal(sg_link_lowest(1, &link, NULL), 0);
	assert_string_equal(link.name, "lo");
	assert_int_equal(sg_link_by_name("sg-none", &link), -ENODEV);
	assert_int_equal(sg_link_by_name("", &link), -ENODEV);
	assert_int_equal(sg_link_by_name("a-name-that-is-too-long", &link), -ENODEV);
	assert_int_equal(sg_link_by_index(0, &link), -ENODEV);
	assert_string_equal(link.name, "lo"); /* untouched */
	assert_true(sg_device_driver("sg-none", driver, sizeof(driver)) < 0);
	assert_int_equal(sg_device_offload("lo", "no-such-offload"), -ENOENT);
}

static void test_route_to_self(void **state)
{
	struct sg_route route = {.ifindex = 77};
	struct sg_addr addr;

	(void)state;
	assert_int_equal(sg_addr_parse("127.0.0.1", &addr), 0);
	assert_int_equal(sg_route_resolve(&addr, &route), 0);
	assert_true(route.local);
	assert_false(route.has_gateway);
	assert_false(route.has_mac);
	assert_int_equal(route.ifindex, 1);
	assert_string_equal(route.ifname, "lo");
	assert_int_equal(route.next_hops, 1);
	/* A broadcast is no route to one host. */
	assert_int_equal(sg_addr_parse("255.255.255.255", &addr), 0);
	route.ifindex = 77;
	assert_true(sg_route_resolve(&addr, &route) < 0);
	assert_int_equal(route.ifindex, 77);
}

static void test_monitor(void **state)
{
	_cleanup_close_ int fd = sg_route_monitor_open();

	(void)state;
	assert_true(fd >= 0);
	assert_true(sg_route_monitor_drain(fd) >= 0);
	assert_int_equal(sg_route_monitor_drain(-1), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_build),         cmocka_unit_test(test_cut),
		cmocka_unit_test(test_lying_lengths), cmocka_unit_test(test_loopback),
		cmocka_unit_test(test_route_to_self), cmocka_unit_test(test_monitor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
