// SPDX-License-Identifier: GPL-2.0-only
/* The report of `check`: order, wording, JSON; and a run that must not crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../userspace/check/check_internal.h"
#include "../../userspace/util/json.h"

static struct sg_check_report report;

static void fill(void)
{
	struct sg_check c = {.report = &report, .name = "xdp-mode"};

	memset(&report, 0, sizeof(report));
	sg_check_add(&c, SG_CHECK_OK, "eth0", NULL, "its driver '%s' runs XDP programs itself",
		     "veth");
	sg_check_add(&c, SG_CHECK_WARNING, "eth1", "ethtool -K eth1 lro off", "merges");
	c.name = "forwarding";
	sg_check_add(&c, SG_CHECK_ERROR, "IPv4", "sysctl -w net.ipv4.ip_forward=1",
		     "does not forward");
}

static void assert_printed(const char *expected)
{
	char text[2048] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");

	assert_non_null(out);
	sg_check_print(out, &report);
	fclose(out);
	assert_string_equal(text, expected);
}

static void test_print(void **state)
{
	(void)state;
	fill();
	assert_printed("error    IPv4: does not forward\n"
		       "         do: sysctl -w net.ipv4.ip_forward=1\n"
		       "warning  eth1: merges\n"
		       "         do: ethtool -K eth1 lro off\n"
		       "ok       eth0: its driver 'veth' runs XDP programs itself\n"
		       "\n1 error, 1 warning: the guard cannot do its work here yet\n");
	report.findings[2].level = SG_CHECK_WARNING;
	report.findings[2].what_to_type[0] = '\0';
	report.lost = 3;
	assert_printed("warning  eth1: merges\n"
		       "         do: ethtool -K eth1 lro off\n"
		       "warning  IPv4: does not forward\n"
		       "ok       eth0: its driver 'veth' runs XDP programs itself\n"
		       "3 more findings, not shown\n"
		       "\n0 errors, 2 warnings: the guard works, with the limits said above\n");
	report.count = 1;
	report.lost = 0;
	assert_printed("ok       eth0: its driver 'veth' runs XDP programs itself\n"
		       "\n0 errors, 0 warnings: ready\n");
}

static void test_worst(void **state)
{
	(void)state;
	fill();
	assert_int_equal(sg_check_worst(&report), SG_CHECK_ERROR);
	report.count = 2;
	assert_int_equal(sg_check_worst(&report), SG_CHECK_WARNING);
	report.count = 0;
	assert_int_equal(sg_check_worst(&report), SG_CHECK_OK);
}

static void test_json(void **state)
{
	_cleanup_json_ json_t *j = NULL;
	const char *level, *check, *subject, *sentence, *type;
	int lost;

	(void)state;
	fill();
	j = sg_check_json(&report);
	assert_int_equal(json_array_size(json_object_get(j, "findings")), 3);
	assert_int_equal(json_unpack(j, "{s:s, s:i}", "worst", &level, "lost", &lost), 0);
	assert_string_equal(level, "error");
	assert_int_equal(lost, 0);
	assert_int_equal(json_unpack(json_array_get(json_object_get(j, "findings"), 1),
				     "{s:s, s:s, s:s, s:s, s:s}", "level", &level, "check", &check,
				     "subject", &subject, "sentence", &sentence, "what_to_type",
				     &type),
			 0);
	assert_string_equal(level, "warning");
	assert_string_equal(check, "xdp-mode");
	assert_string_equal(subject, "eth1");
	assert_string_equal(sentence, "merges");
	assert_string_equal(type, "ethtool -K eth1 lro off");
}

static void test_full(void **state)
{
	struct sg_check c = {.report = &report, .name = "x"};

	(void)state;
	memset(&report, 0, sizeof(report));
	for (int i = 0; i < SG_CHECK_FINDINGS_MAX + 2; i++)
		sg_check_add(&c, SG_CHECK_OK, "x", NULL, "%d", i);
	assert_int_equal(report.count, SG_CHECK_FINDINGS_MAX);
	assert_int_equal(report.lost, 2);
}

/* The largest configuration, on a machine that has nothing of it: all findings fit, none is lost. */
static void test_largest(void **state)
{
	struct sg_config *conf = calloc(1, sizeof(*conf));
	__u8 v4[4] = {203, 0, 113, 0};

	(void)state;
	assert_non_null(conf);
	conf->time_scale = 1;
	conf->interface_count = SG_CONFIG_INTERFACES_MAX;
	conf->service_count = SG_CONFIG_SERVICES_MAX;
	for (unsigned int i = 0; i < SG_CONFIG_INTERFACES_MAX; i++)
		snprintf(conf->interfaces[i], sizeof(conf->interfaces[i]), "sg-none%u", i);
	for (unsigned int i = 0; i < SG_CONFIG_ENDPOINTS_MAX; i++) {
		struct sg_conf_service *s = &conf->services[i % SG_CONFIG_SERVICES_MAX];

		v4[3] = (__u8)i;
		s->addresses[s->address_count++] = sg_addr_from_v4(v4);
	}
	assert_int_equal(sg_check_run(conf, &report), 0);
	assert_int_equal(report.lost, 0);
	assert_int_equal(sg_check_worst(&report), SG_CHECK_ERROR);
	free(conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_print),   cmocka_unit_test(test_worst),
		cmocka_unit_test(test_json),    cmocka_unit_test(test_full),
		cmocka_unit_test(test_largest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
