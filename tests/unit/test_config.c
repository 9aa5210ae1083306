// SPDX-License-Identifier: GPL-2.0-only
/* The configuration: every key, the defaults of each profile, where a value comes from, and that no
 * cut or damaged file does harm.
 */
#include <errno.h>
#include <libgen.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../userspace/config/config.h"
#include "../../userspace/config/keys.h"
#include "../../userspace/util/cleanup.h"

#define EXAMPLE "docs/scepguard.example.yaml"
#define LEAST   "interfaces: [eth0]\nservices: [{name: ca, addresses: [192.0.2.1]"

static struct sg_config_errors errors;

/* A path below the top of the source tree, wherever the test is run. */
static char *in_tree(const char *path)
{
	_cleanup_free_ char *here = strdup(__FILE__);
	char *full;

	assert_non_null(here);
	assert_true(asprintf(&full, "%s/../../%s", dirname(here), path) > 0);
	return full;
}

static struct sg_config *parse(const char *text)
{
	struct sg_config *conf = NULL;

	if (sg_config_parse_memory("t.yaml", text, strlen(text), &conf, &errors))
		sg_config_errors_print(&errors, stderr);
	assert_non_null(conf);
	return conf;
}

static void assert_addr(const struct sg_addr *a, const char *expected)
{
	char text[SG_ADDR_TEXT];

	assert_string_equal(sg_addr_format(a, text), expected);
}

static void assert_service_defaults(const struct sg_conf_service *s)
{
	assert_int_equal(s->port_count, 1);
	assert_int_equal(s->ports[0], 80);
	assert_string_equal(s->behind, "");
	assert_int_equal(s->headroom.connections, 2);
	assert_int_equal(s->headroom.slots, 1);
	assert_int_equal(s->reserve.enrolment_permille, 0);
	assert_int_equal(s->reserve.bootstrap_permille, 100);
	assert_int_equal(s->reserve.rollover_permille, 400);
	assert_int_equal(s->reserve.other_permille, 600);
	assert_int_equal(s->timeouts.syn_ns, 5 * SG_NS_PER_S);
	assert_int_equal(s->timeouts.request_ns, 10 * SG_NS_PER_S);
	assert_int_equal(s->timeouts.idle_ns, 60 * SG_NS_PER_S);
	assert_int_equal(s->timeouts.life_ns, 180 * SG_NS_PER_S);
	assert_int_equal(s->deaf.unanswered, 3);
	assert_int_equal(s->deaf.within_ns, 2 * SG_NS_PER_S);
	assert_int_equal(s->in_progress.time_ns, 5 * SG_NS_PER_MIN);
	assert_int_equal(s->in_progress.connections, 6);
	assert_int_equal(s->refuse, SG_CONFIG_REFUSE_DROP);
	assert_int_equal(s->intercept.answer, SG_CONFIG_ANSWER_AS_CA);
	assert_int_equal(s->intercept.answer_ttl_ns, 60 * SG_NS_PER_S);
	assert_int_equal(s->intercept.question, SG_CONFIG_QUESTION_TARGET);
	assert_int_equal(s->intercept.hold_ns, 20 * SG_NS_PER_S);
	assert_int_equal(s->intercept.mss, 1360);
	assert_int_equal(s->probe.interval_ns, 10 * SG_NS_PER_MIN);
	assert_string_equal(s->probe.path, "/cgi-bin/pkiclient.exe");
}

static void assert_global_defaults(const struct sg_config *conf)
{
	assert_int_equal(conf->mode, SG_CONFIG_MODE_OBSERVE);
	assert_int_equal(conf->xdp, SG_CONFIG_XDP_AUTO);
	assert_int_equal(conf->time_scale, 1);
	assert_string_equal(conf->paths.runtime, "/run/scepguard");
	assert_string_equal(conf->paths.bpffs, "/sys/fs/bpf/scepguard");
	assert_string_equal(conf->paths.state, "/var/lib/scepguard");
	assert_int_equal(conf->sources.limits.rate.count, 12);
	assert_int_equal(conf->sources.limits.rate.per_ns, SG_NS_PER_MIN);
	assert_int_equal(conf->sources.limits.burst, 6);
	assert_int_equal(conf->sources.limits.connections, 4);
	assert_int_equal(conf->sources.ipv4_prefix, 32);
	assert_int_equal(conf->sources.ipv6_prefix, 64);
	assert_int_equal(conf->tables.connections, 16384);
	assert_int_equal(conf->tables.held, 4096);
	assert_int_equal(conf->tables.sources, 65536);
	assert_int_equal(conf->tables.syn_limiter, 65536);
	assert_true(conf->metrics.enabled);
	assert_addr(&conf->metrics.addr, "127.0.0.1");
	assert_int_equal(conf->metrics.port, 9834);
	assert_int_equal(conf->log.level, SG_LOG_INFO);
	assert_int_equal(conf->log.requests, SG_CONFIG_REQUESTS_OFF);
}

static void assert_cisco_limits(const struct sg_conf_service *s)
{
	assert_int_equal(s->profile, SG_CONFIG_PROFILE_CISCO_IOS);
	assert_int_equal(s->limits.connections, 80);
	assert_int_equal(s->limits.window_ns, 60 * SG_NS_PER_S);
	assert_int_equal(s->limits.block_ns, 15 * SG_NS_PER_S);
	assert_int_equal(s->limits.max_connections, 16);
	assert_int_equal(sg_config_cap_connections(s), 77);
	assert_int_equal(sg_config_cap_slots(s), 15);
}

/* The example writes every default down: loading it must give the defaults. */
static void test_example_loads(void **state)
{
	_cleanup_free_ char *path = in_tree(EXAMPLE);
	_cleanup_config_ struct sg_config *conf = NULL;
	const struct sg_conf_service *s;

	(void)state;
	assert_int_equal(sg_config_load(path, &conf, &errors), 0);
	assert_int_equal(errors.count, 0);
	assert_global_defaults(conf);
	assert_int_equal(conf->interface_count, 2);
	assert_string_equal(conf->interfaces[1], "eth1");
	assert_int_equal(conf->service_count, 1);
	s = &conf->services[0];
	assert_string_equal(s->name, "branch-ca");
	assert_addr(&s->addresses[0], "192.168.105.3");
	assert_service_defaults(s);
	assert_cisco_limits(s);
	assert_string_equal(s->probe.message, "branch-ca");
	assert_string_equal(s->probe.ca_certificate, "/etc/scepguard/branch-ca.pem");
	assert_int_equal(s->rollover.ca_lifetime_ns, 1825 * SG_NS_PER_D);
	assert_int_equal(s->rollover.auto_enroll_permille, 700);
	for (unsigned int key = 0; key < SG_KEY_SERVICE_MAX_; key++)
		assert_int_equal(s->origin[key], SG_CONFIG_ORIGIN_WRITTEN);
	assert_int_equal(conf->sources.prefix_count, 3);
	assert_int_equal(conf->sources.prefixes[0].limits.rate.count, 300);
	assert_true(conf->sources.prefixes[1].exempt);
	assert_true(conf->sources.prefixes[2].deny);
}

static void test_least_has_defaults(void **state)
{
	_cleanup_config_ struct sg_config *conf = parse(LEAST "}]");
	const struct sg_conf_service *s = &conf->services[0];

	(void)state;
	assert_global_defaults(conf);
	assert_service_defaults(s);
	assert_cisco_limits(s);
	assert_string_equal(s->probe.message, "");
	assert_string_equal(s->probe.ca_certificate, "");
	assert_int_equal(s->rollover.ca_lifetime_ns, 0);
	assert_int_equal(s->rollover.overlap_ns, 0);
	assert_int_equal(s->rollover.client_lifetime_ns, 0);
	assert_int_equal(s->rollover.auto_enroll_permille, 0);
	assert_int_equal(conf->sources.prefix_count, 0);
	assert_int_equal(s->origin[SG_KEY_SERVICE_NAME], SG_CONFIG_ORIGIN_WRITTEN);
	assert_int_equal(s->origin[SG_KEY_SERVICE_PORTS], SG_CONFIG_ORIGIN_DEFAULT);
	assert_int_equal(s->origin[SG_KEY_SERVICE_LIMITS_WINDOW], SG_CONFIG_ORIGIN_PROFILE);
	assert_int_equal(s->origin[SG_KEY_SERVICE_REFUSE], SG_CONFIG_ORIGIN_DEFAULT);
	assert_int_equal(conf->origin[SG_KEY_GLOBAL_INTERFACES], SG_CONFIG_ORIGIN_WRITTEN);
	assert_int_equal(conf->origin[SG_KEY_GLOBAL_MODE], SG_CONFIG_ORIGIN_DEFAULT);
}

static void test_generic_has_no_limits(void **state)
{
	_cleanup_config_ struct sg_config *conf = parse(
		LEAST ", profile: generic}, {name: two, addresses: [192.0.2.2], profile: generic, "
		      "limits: {max_connections: 9}}]");
	const struct sg_conf_service *s = &conf->services[0];

	(void)state;
	assert_int_equal(s->profile, SG_CONFIG_PROFILE_GENERIC);
	assert_int_equal(s->limits.connections, 0);
	assert_int_equal(s->limits.window_ns, 0);
	assert_int_equal(s->limits.block_ns, 0);
	assert_int_equal(s->limits.max_connections, 0);
	assert_int_equal(sg_config_cap_connections(s), 0);
	assert_int_equal(sg_config_cap_slots(s), 0);
	assert_int_equal(s->origin[SG_KEY_SERVICE_LIMITS_WINDOW], SG_CONFIG_ORIGIN_PROFILE);
	assert_service_defaults(s);
	assert_int_equal(conf->services[1].limits.max_connections, 9);
	assert_int_equal(sg_config_cap_slots(&conf->services[1]), 8);
}

static const char every_global_key[] =
	"mode: police\n"
	"interfaces: [br0.7, wan]\n"
	"xdp: generic\n"
	"time_scale: 60\n"
	"paths: {runtime: /tmp/r, bpffs: /b, state: '/s t'}\n"
	"services:\n"
	"- {name: ca, addresses: [192.0.2.1, '2001:db8::1']}\n"
	"sources:\n"
	"  default: {rate: 2/s, burst: 7, connections: none}\n"
	"  ipv4_prefix: 24\n"
	"  ipv6_prefix: 56\n"
	"  prefixes:\n"
	"  - {prefix: 10.9.0.0/16, rate: none, connections: none}\n"
	"  - {prefix: '2001:db8::/32', burst: 60, exempt: false, deny: false}\n"
	"tables: {connections: 64, held: 16, sources: 1048576, syn_limiter: 4194304}\n"
	"metrics: {listen: '[::1]:80'}\n"
	"log: {level: debug, requests: all}\n";

static void test_every_global_key(void **state)
{
	_cleanup_config_ struct sg_config *conf = parse(every_global_key);

	(void)state;
	assert_int_equal(conf->mode, SG_CONFIG_MODE_POLICE);
	assert_string_equal(sg_config_mode_name(conf->mode), "police");
	assert_string_equal(conf->interfaces[0], "br0.7");
	assert_int_equal(conf->xdp, SG_CONFIG_XDP_GENERIC);
	assert_int_equal(conf->time_scale, 60);
	assert_int_equal(sg_config_scaled_ns(conf, SG_NS_PER_MIN), SG_NS_PER_S);
	assert_string_equal(conf->paths.runtime, "/tmp/r");
	assert_string_equal(conf->paths.bpffs, "/b");
	assert_string_equal(conf->paths.state, "/s t");
	assert_int_equal(conf->services[0].address_count, 2);
	assert_addr(&conf->services[0].addresses[1], "2001:db8::1");
	assert_int_equal(conf->sources.limits.rate.count, 2);
	assert_int_equal(conf->sources.limits.rate.per_ns, SG_NS_PER_S);
	assert_int_equal(conf->sources.limits.burst, 7);
	assert_int_equal(conf->sources.limits.connections, 0);
	assert_int_equal(conf->sources.ipv4_prefix, 24);
	assert_int_equal(conf->sources.ipv6_prefix, 56);
	assert_int_equal(conf->tables.connections, 64);
	assert_int_equal(conf->tables.held, 16);
	assert_int_equal(conf->tables.sources, 1048576);
	assert_int_equal(conf->tables.syn_limiter, 4194304);
	assert_addr(&conf->metrics.addr, "::1");
	assert_int_equal(conf->metrics.port, 80);
	assert_int_equal(conf->log.level, SG_LOG_DEBUG);
	assert_int_equal(conf->log.requests, SG_CONFIG_REQUESTS_ALL);
	for (unsigned int key = 0; key < SG_KEY_GLOBAL_MAX_; key++)
		assert_int_equal(conf->origin[key], SG_CONFIG_ORIGIN_WRITTEN);
}

/* What a prefix does not say is what sources.default says. */
static void test_prefixes_inherit(void **state)
{
	_cleanup_config_ struct sg_config *conf = parse(every_global_key);
	const struct sg_conf_prefix *p = conf->sources.prefixes;

	(void)state;
	assert_int_equal(p[0].prefix.bits, 96 + 16);
	assert_int_equal(p[0].limits.rate.count, 0);
	assert_int_equal(p[0].limits.burst, 7);
	assert_int_equal(p[0].limits.connections, 0);
	assert_int_equal(p[0].origin[SG_KEY_PREFIX_RATE], SG_CONFIG_ORIGIN_WRITTEN);
	assert_int_equal(p[0].origin[SG_KEY_PREFIX_BURST], SG_CONFIG_ORIGIN_DEFAULT);
	assert_int_equal(p[1].prefix.bits, 32);
	assert_int_equal(p[1].limits.rate.count, 2);
	assert_int_equal(p[1].limits.burst, 60);
	assert_false(p[1].exempt);
	assert_false(p[1].deny);
}

static const char every_service_key[] =
	"interfaces: [eth0, eth1]\n"
	"services:\n"
	"- name: A.b_c-9\n"
	"  addresses: [198.51.100.1]\n"
	"  ports: [8080, 65535, 1]\n"
	"  behind: eth1\n"
	"  profile: generic\n"
	"  limits: {connections: 1000, window: 100ms, block: 1d, max_connections: 1000}\n"
	"  headroom: {connections: 998, slots: 0}\n"
	"  reserve: {enrolment: 0.1%, bootstrap: 90%, rollover: 12.5%, other: 1%}\n"
	"  timeouts: {syn: 200ms, request: 1s, idle: 2s, life: 1h}\n"
	"  deaf: {unanswered: 9, within: 1s}\n"
	"  in_progress: {time: 1m, connections: 1}\n"
	"  refuse: reset\n"
	"  intercept: {answer: unavailable, answer_ttl: 1s, question: path, hold: 1m, mss: 536}\n"
	"  probe: {interval: 0, path: /x, message: 'a%20b', ca_certificate: /c.pem}\n"
	"  rollover: {ca_lifetime: 36500d, overlap: 1m, client_lifetime: 365d, auto_enroll: 1%}\n";

static void test_every_service_key(void **state)
{
	_cleanup_config_ struct sg_config *conf = parse(every_service_key);
	const struct sg_conf_service *s = &conf->services[0];

	(void)state;
	assert_string_equal(s->name, "A.b_c-9");
	assert_int_equal(s->port_count, 3);
	assert_int_equal(s->ports[1], 65535);
	assert_string_equal(s->behind, "eth1");
	assert_string_equal(sg_config_profile_name(s->profile), "generic");
	assert_int_equal(s->limits.connections, 1000);
	assert_int_equal(s->limits.window_ns, 100 * SG_NS_PER_MS);
	assert_int_equal(s->limits.block_ns, SG_NS_PER_D);
	assert_int_equal(s->limits.max_connections, 1000);
	assert_int_equal(sg_config_cap_connections(s), 1);
	assert_int_equal(sg_config_cap_slots(s), 1000);
	assert_int_equal(s->reserve.enrolment_permille, 1);
	assert_int_equal(s->reserve.bootstrap_permille, 900);
	assert_int_equal(s->reserve.rollover_permille, 125);
	assert_int_equal(s->reserve.other_permille, 10);
	assert_int_equal(s->timeouts.syn_ns, 200 * SG_NS_PER_MS);
	assert_int_equal(s->timeouts.request_ns, SG_NS_PER_S);
	assert_int_equal(s->timeouts.idle_ns, 2 * SG_NS_PER_S);
	assert_int_equal(s->timeouts.life_ns, SG_NS_PER_H);
	assert_int_equal(s->deaf.unanswered, 9);
	assert_int_equal(s->deaf.within_ns, SG_NS_PER_S);
	assert_int_equal(s->in_progress.time_ns, SG_NS_PER_MIN);
	assert_int_equal(s->in_progress.connections, 1);
	assert_int_equal(s->refuse, SG_CONFIG_REFUSE_RESET);
	assert_int_equal(s->intercept.answer, SG_CONFIG_ANSWER_UNAVAILABLE);
	assert_int_equal(s->intercept.answer_ttl_ns, SG_NS_PER_S);
	assert_int_equal(s->intercept.question, SG_CONFIG_QUESTION_PATH);
	assert_int_equal(s->intercept.hold_ns, SG_NS_PER_MIN);
	assert_int_equal(s->intercept.mss, 536);
	assert_int_equal(s->probe.interval_ns, 0);
	assert_string_equal(s->probe.path, "/x");
	assert_string_equal(s->probe.message, "a%20b");
	assert_string_equal(s->probe.ca_certificate, "/c.pem");
	assert_true(s->rollover.ca_lifetime_ns == 36500ull * SG_NS_PER_D);
	assert_int_equal(s->rollover.overlap_ns, SG_NS_PER_MIN);
	assert_int_equal(s->rollover.client_lifetime_ns, 365 * SG_NS_PER_D);
	assert_int_equal(s->rollover.auto_enroll_permille, 10);
	for (unsigned int key = 0; key < SG_KEY_SERVICE_MAX_; key++)
		assert_int_equal(s->origin[key], SG_CONFIG_ORIGIN_WRITTEN);
}

/* A default gives way to what is written. */
static void test_defaults_give_way(void **state)
{
	_cleanup_config_ struct sg_config *conf =
		parse(LEAST ", limits: {connections: none}, timeouts: {life: 3s}}]");
	const struct sg_conf_service *s = &conf->services[0];

	(void)state;
	assert_int_equal(s->limits.connections, 0);
	assert_int_equal(s->limits.window_ns, 0);
	assert_int_equal(s->limits.max_connections, 16);
	assert_int_equal(s->timeouts.syn_ns, 3 * SG_NS_PER_S);
	assert_int_equal(s->timeouts.request_ns, 3 * SG_NS_PER_S);
	assert_int_equal(s->timeouts.idle_ns, 3 * SG_NS_PER_S);
	assert_int_equal(s->intercept.hold_ns, 3 * SG_NS_PER_S);
}

/* The same port on another address, and the same address on another port, are another service. */
static void test_endpoints_apart(void **state)
{
	_cleanup_config_ struct sg_config *conf =
		parse(LEAST ", ports: [80]}, {name: b, addresses: [192.0.2.2], ports: [80]}, "
			    "{name: c, addresses: [192.0.2.1], ports: [443]}]");

	(void)state;
	assert_int_equal(conf->service_count, 3);
}

static void test_intercept(void **state)
{
	_cleanup_config_ struct sg_config *conf = parse(
		"mode: intercept\n" LEAST ", intercept: {answer: unavailable, answer_ttl: 30s, "
		"question: path, hold: 15s, mss: 536}}]");

	(void)state;
	assert_int_equal(conf->mode, SG_CONFIG_MODE_INTERCEPT);
	assert_int_equal(conf->services[0].intercept.answer, SG_CONFIG_ANSWER_UNAVAILABLE);
	assert_int_equal(conf->services[0].intercept.question, SG_CONFIG_QUESTION_PATH);
	assert_int_equal(conf->services[0].intercept.answer_ttl_ns, 30 * SG_NS_PER_S);
	assert_int_equal(conf->services[0].intercept.hold_ns, 15 * SG_NS_PER_S);
	assert_int_equal(conf->services[0].intercept.mss, 536);
}

/* Every preset is a value its own key accepts, and every key has a name of its own. */
static void test_table_is_sound(void **state)
{
	static const struct sg_key_scope *const scopes[] = {&sg_keys_global, &sg_keys_service,
							    &sg_keys_prefix};
	__u8 field[512];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (unsigned int k = 0; k < scopes[i]->count; k++) {
			const struct sg_key *key = &scopes[i]->keys[k];

			assert_non_null(key->path);
			for (unsigned int profile = 0; profile < SG_CONFIG_PROFILE_MAX_; profile++)
				if (sg_key_preset(key, profile))
					assert_int_equal(
						key->kind->read(key, sg_key_preset(key, profile),
								field),
						0);
			for (unsigned int other = 0; other < k; other++)
				assert_string_not_equal(key->path, scopes[i]->keys[other].path);
		}
	assert_string_equal(sg_config_service_key_path(SG_KEY_SERVICE_LIMITS_WINDOW),
			    "limits.window");
	assert_string_equal(sg_config_global_key_path(SG_KEY_GLOBAL_TABLES_HELD), "tables.held");
}

static char *read_example(size_t *ret_len)
{
	_cleanup_free_ char *path = in_tree(EXAMPLE);
	_cleanup_fclose_ FILE *f = fopen(path, "r");
	char *text = malloc(16384);

	assert_non_null(f);
	assert_non_null(text);
	*ret_len = fread(text, 1, 16383, f);
	text[*ret_len] = '\0';
	return text;
}

/* Cut anywhere, the example loads or is refused with a message; it never crashes. The text is
 * copied so that a read past its end is seen by the sanitizer.
 */
static void test_example_cut_anywhere(void **state)
{
	_cleanup_free_ char *text = NULL;
	unsigned int loaded = 0;
	size_t len;

	(void)state;
	text = read_example(&len);
	for (size_t cut = 0; cut <= len; cut++) {
		_cleanup_config_ struct sg_config *conf = NULL;
		_cleanup_free_ char *copy = malloc(cut ? cut : 1);
		int err;

		memcpy(copy, text, cut);
		err = sg_config_parse_memory("t.yaml", copy, cut, &conf, &errors);
		loaded += !err;
		assert_int_equal(!err, !!conf);
		assert_int_equal(!err, !errors.count);
		assert_true(!err || err == -EINVAL);
	}
	assert_true(loaded > 100); /* the optional tail may go */
	assert_true(loaded < len);
}

/* The same with one byte replaced by what YAML gives a meaning. */
static void test_example_damaged_anywhere(void **state)
{
	static const char bytes[] = "\n:{[&*!|>'\"#-%@`\t\xff";
	_cleanup_free_ char *text = NULL;
	size_t len;

	(void)state;
	text = read_example(&len);
	for (size_t i = 0; i < len; i++) {
		_cleanup_config_ struct sg_config *conf = NULL;
		char before = text[i];

		text[i] = bytes[i % (sizeof(bytes) - 1)];
		sg_config_parse_memory("t.yaml", text, len, &conf, &errors);
		assert_int_equal(!conf, !!errors.count);
		text[i] = before;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example_loads),
		cmocka_unit_test(test_least_has_defaults),
		cmocka_unit_test(test_generic_has_no_limits),
		cmocka_unit_test(test_every_global_key),
		cmocka_unit_test(test_prefixes_inherit),
		cmocka_unit_test(test_every_service_key),
		cmocka_unit_test(test_defaults_give_way),
		cmocka_unit_test(test_endpoints_apart),
		cmocka_unit_test(test_intercept),
		cmocka_unit_test(test_table_is_sound),
		cmocka_unit_test(test_example_cut_anywhere),
		cmocka_unit_test(test_example_damaged_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
