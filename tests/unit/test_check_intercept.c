// SPDX-License-Identifier: GPL-2.0-only
/* What intercept needs: rules of the packet filter read from netlink messages, and findings that are warnings
 * for other modes and errors for this one, with what to type.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <cmocka.h>

#include "../../userspace/check/check_internal.h"
#include "../../userspace/net/netfilter.h"
#include "../../userspace/net/netlink.h"
#include "../../userspace/util/cleanup.h"

/* ---- Rules as the kernel tells them ---- */

/* Attributes one behind the other. */
struct bytes {
	size_t len;
	char data[480];
};

static void put(struct bytes *to, __u16 type, const void *data, size_t size)
{
	struct rtattr a = {.rta_len = RTA_LENGTH(size), .rta_type = type};

	assert_true(to->len + RTA_SPACE(size) <= sizeof(to->data));
	memcpy(to->data + to->len, &a, sizeof(a));
	memcpy(to->data + to->len + RTA_LENGTH(0), data, size);
	to->len += RTA_SPACE(size);
}

static void put_text(struct bytes *to, __u16 type, const char *text)
{
	put(to, type, text, strlen(text) + 1);
}

static void put_number(struct bytes *to, __u16 type, __u32 value)
{
	__u32 be = htonl(value);

	put(to, type, &be, sizeof(be));
}

/* One more expression of a rule: its name and its data. */
static void put_expression(struct bytes *rule, const char *name, const struct bytes *data)
{
	struct bytes expression = {0};

	put_text(&expression, NFTA_EXPR_NAME, name);
	if (data)
		put(&expression, NFTA_EXPR_DATA, data->data, data->len);
	put(rule, NFTA_LIST_ELEM, expression.data, expression.len);
}

/* "ct state", "ct mark" ... into a register, or set from one. */
static void put_ct(struct bytes *rule, __u32 key, __u16 reg)
{
	struct bytes data = {0};

	put_number(&data, NFTA_CT_KEY, key);
	put_number(&data, reg, NFT_REG_1);
	put_expression(rule, "ct", &data);
}

/* A match or target of iptables, as iptables-nft carries them. */
static void put_compat(struct bytes *rule, const char *kind, __u16 type, const char *name)
{
	struct bytes data = {0};

	put_text(&data, type, name);
	put_expression(rule, kind, &data);
}

static void make_rule(struct sg_nl_request *req, const struct bytes *expressions)
{
	const struct nfgenmsg fixed = {.nfgen_family = NFPROTO_INET};

	sg_nl_begin(req, NFT_MSG_NEWRULE, 0, &fixed, sizeof(fixed));
	sg_nl_add(req, NFTA_RULE_TABLE, "filter", sizeof("filter"));
	sg_nl_add(req, NFTA_RULE_EXPRESSIONS | NLA_F_NESTED, expressions->data, expressions->len);
}

static void assert_counts(const struct bytes *expressions, unsigned int states,
			  unsigned int notracks)
{
	struct sg_netfilter_rules found = {0};
	struct sg_nl_request req;

	make_rule(&req, expressions);
	assert_int_equal(sg_netfilter_count(&req.header, &found), 0);
	assert_int_equal(found.states, states);
	assert_int_equal(found.notracks, notracks);
}

static void test_count(void **state)
{
	struct bytes rule = {0};

	(void)state;
	assert_counts(&rule, 0, 0);
	put_expression(&rule, "counter", NULL);
	put_ct(&rule, NFT_CT_MARK, NFTA_CT_DREG);
	put_ct(&rule, NFT_CT_STATE, NFTA_CT_SREG); /* nothing is asked for */
	assert_counts(&rule, 0, 0);
	put_ct(&rule, NFT_CT_STATE, NFTA_CT_DREG);
	assert_counts(&rule, 1, 0);
	put_expression(&rule, "notrack", NULL);
	assert_counts(&rule, 1, 1);
}

static void test_count_iptables(void **state)
{
	struct bytes rule = {0};

	(void)state;
	put_compat(&rule, "match", NFTA_MATCH_NAME, "tcp");
	put_compat(&rule, "target", NFTA_TARGET_NAME, "LOG");
	assert_counts(&rule, 0, 0);
	put_compat(&rule, "match", NFTA_MATCH_NAME, "conntrack");
	assert_counts(&rule, 1, 0);
	put_compat(&rule, "match", NFTA_MATCH_NAME, "state");
	put_compat(&rule, "target", NFTA_TARGET_NAME, "CT");
	assert_counts(&rule, 2, 1);
}

/* Cut at every length, a message never makes us read past its end (the sanitizer looks). */
static void test_count_cut(void **state)
{
	struct sg_nl_request req;
	struct bytes rule = {0};

	(void)state;
	put_ct(&rule, NFT_CT_STATE, NFTA_CT_DREG);
	put_compat(&rule, "match", NFTA_MATCH_NAME, "conntrack");
	make_rule(&req, &rule);
	for (__u32 cut = sizeof(struct nlmsghdr); cut <= req.header.nlmsg_len; cut++) {
		_cleanup_free_ struct nlmsghdr *copy = malloc(cut);
		struct sg_netfilter_rules found = {0};
		int err;

		memcpy(copy, &req.header, cut);
		copy->nlmsg_len = cut;
		err = sg_netfilter_count(copy, &found);
		assert_int_equal(err, cut < NLMSG_SPACE(sizeof(struct nfgenmsg)) ? -EIO : 0);
		assert_int_equal(found.states, cut == req.header.nlmsg_len ? 2 : 0);
	}
}

/* ---- Findings ---- */

struct fixture {
	struct sg_check_report report;
	struct sg_config conf;
	struct sg_check check;
	struct sg_netfilter filter;
};

/* One service, at an address behind eth1. */
static int set_up(void **state)
{
	static const __u8 ca[4] = {192, 0, 2, 1};
	struct fixture *f = calloc(1, sizeof(*f));
	struct sg_check_endpoint *e;

	if (!f)
		return -1;
	f->conf.mode = SG_CONFIG_MODE_INTERCEPT;
	f->conf.interface_count = 1;
	f->conf.services[0].ports[0] = 80;
	f->conf.services[0].port_count = 1;
	f->conf.services[0].addresses[0] = sg_addr_from_v4(ca);
	f->conf.services[0].intercept.mss = 1360;
	f->check = (struct sg_check){.conf = &f->conf, .report = &f->report, .name = "x"};
	f->check.interfaces[0] =
		(struct sg_check_interface){.name = "eth1", .present = true, .link.mtu = 1500};
	e = &f->check.endpoints[f->check.endpoint_count++];
	e->service = &f->conf.services[0];
	e->addr = &f->conf.services[0].addresses[0];
	strcpy(e->subject, "ca 192.0.2.1");
	strcpy(e->behind, "eth1");
	strcpy(e->route.oif_name, "eth1");
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

static void assert_found(const struct fixture *f, enum sg_check_level level, const char *words,
			 const char *what_to_type)
{
	assert_int_equal(f->report.count, 1);
	assert_int_equal(f->report.findings[0].level, level);
	assert_non_null(strstr(f->report.findings[0].sentence, words));
	assert_string_equal(f->report.findings[0].what_to_type, what_to_type);
}

static void test_states_are_asked_for(void **state)
{
	struct fixture *f = *state;

	f->filter.rules[NFPROTO_INET].states = 1;
	sg_check_rules(&f->check, &f->filter);
	assert_found(
		f, SG_CHECK_ERROR, "calls it invalid",
		"nft add table inet sg; nft add chain inet sg pre '{type filter hook prerouting "
		"priority -300;}'; nft add rule inet sg pre ip daddr 192.0.2.1 tcp dport 80 notrack; "
		"nft add rule inet sg pre ip saddr 192.0.2.1 tcp sport 80 notrack");
}

static void test_services_are_exempt(void **state)
{
	struct fixture *f = *state;

	f->filter.rules[NFPROTO_IPV4].states = 1;
	f->filter.rules[NFPROTO_INET].notracks = 2;
	sg_check_rules(&f->check, &f->filter);
	assert_found(f, SG_CHECK_OK, "must hold for the services both ways", "");
}

/* Rules for what is routed do not meet what is bridged. */
static void test_bridged(void **state)
{
	struct fixture *f = *state;

	f->check.bridged = true;
	f->conf.services[0].ports[1] = 443;
	f->conf.services[0].port_count = 2;
	f->filter.rules[NFPROTO_BRIDGE].states = 1;
	sg_check_rules(&f->check, &f->filter);
	assert_int_equal(f->report.count, 1);
	assert_non_null(strstr(f->report.findings[0].what_to_type,
			       "nft add rule bridge sg pre ip daddr 192.0.2.1 tcp dport "
			       "'{80,443}' notrack"));
	f->report.count = 0;
	f->check.bridged = false;
	sg_check_rules(&f->check, &f->filter);
	assert_found(f, SG_CHECK_OK, "no rule asks", "");
}

static void test_ca_on_this_host(void **state)
{
	struct fixture *f = *state;

	f->check.endpoints[0].route.local = true;
	sg_check_ca_side(&f->check);
	assert_found(f, SG_CHECK_ERROR, "this host itself has the address",
		     "in the configuration: mode: police");
	f->report.count = 0;
	f->conf.mode = SG_CONFIG_MODE_POLICE;
	sg_check_ca_side(&f->check);
	assert_found(f, SG_CHECK_WARNING, "this host itself has the address", "");
}

static void test_port_unknown(void **state)
{
	struct fixture *f = *state;

	f->check.endpoints[0].route.port_unknown = true;
	sg_check_ca_side(&f->check);
	assert_found(f, SG_CHECK_ERROR, "has not learnt", "ping -c 1 192.0.2.1");
}

static void test_mss(void **state)
{
	struct fixture *f = *state;

	sg_check_mss(&f->check);
	assert_int_equal(f->report.count, 0);
	f->check.interfaces[0].link.mtu = 1400;
	sg_check_mss(&f->check);
	assert_int_equal(f->report.count, 0);
	f->check.interfaces[0].link.mtu = 1399;
	sg_check_mss(&f->check);
	assert_found(f, SG_CHECK_ERROR, "intercept.mss is 1360",
		     "in the configuration: intercept: {mss: 1359}");
	f->report.count = 0;
	f->conf.mode = SG_CONFIG_MODE_POLICE;
	sg_check_mss(&f->check);
	assert_int_equal(f->report.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_count_iptables),
		cmocka_unit_test(test_count_cut),
		cmocka_unit_test_setup_teardown(test_states_are_asked_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_services_are_exempt, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bridged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ca_on_this_host, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_port_unknown, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_mss, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
