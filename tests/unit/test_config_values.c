// SPDX-License-Identifier: GPL-2.0-only
/* What is said about wrong values, and about values that contradict each other. */
#include "config_says.h"

static void test_wrong_values(void **state)
{
	static const struct wrong cases[] = {
		{VALID "mode: polcie\n",
		 "f:5: mode: expected observe, police or intercept, found 'polcie'; did you mean 'police'?\n"},
		{VALID "mode:\n",
		 "f:5: mode: expected observe, police or intercept, found nothing\n"},
		{VALID "xdp: yes\n", "f:5: xdp: expected auto, native or generic, found 'yes'\n"},
		{VALID "time_scale: 0\n",
		 "f:5: time_scale: expected a number from 1 to 1000, found '0'\n"},
		{VALID "time_scale: 1001\n",
		 "f:5: time_scale: expected a number from 1 to 1000, found '1001'\n"},
		{VALID "time_scale: 99999999999999999999\n",
		 "f:5: time_scale: expected a number from 1 to 1000, found '99999999999999999999'\n"},
		{VALID "paths: {runtime: run}\n",
		 "f:5: paths.runtime: expected an absolute path of at most 89 bytes, found 'run'\n"},
		{VALID
		 "paths: {runtime: /rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr}\n",
		 "f:5: paths.runtime: expected an absolute path of at most 89 bytes, found '/rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr...'\n"},
		{VALID "tables: {held: 1}\n",
		 "f:5: tables.held: expected a number from 16 to 65536, found '1'\n"},
		{VALID "metrics: {listen: localhost}\n",
		 "f:5: metrics.listen: expected an address and port such as 127.0.0.1:9834 or [::1]:9834, or off, found 'localhost'\n"},
		{VALID "metrics: {listen: \"::1:9834\"}\n",
		 "f:5: metrics.listen: expected an address and port such as 127.0.0.1:9834 or [::1]:9834, or off, found '::1:9834'\n"},
		{VALID "log: {level: verbose}\n",
		 "f:5: log.level: expected error, warning, info or debug, found 'verbose'\n"},
		{VALID "log: {requests: \"true\"}\n",
		 "f:5: log.requests: expected off, sampled or all, found 'true'\n"},
		{"interfaces: [a/b, this-name-is-too-long, \"\"]\n" SERVICE,
		 "f:1: interfaces: expected the name of an interface, at most 15 characters, found 'a/b'\n"
		 "f:1: interfaces: expected the name of an interface, at most 15 characters, found 'this-name-is-too-long'\n"
		 "f:1: interfaces: expected the name of an interface, at most 15 characters, found nothing\n"},
		{VALID
		 "sources: {default: {rate: 12, burst: 0, connections: 0}, ipv4_prefix: 33, ipv6_prefix: 0}\n",
		 "f:5: sources.default.rate: expected a rate such as 12/min (/s, /min, /h or /d), or none, found '12'; add a unit: /s, /min, /h or /d\n"
		 "f:5: sources.default.burst: expected a number from 1 to 10000, found '0'\n"
		 "f:5: sources.default.connections: expected a number from 1 to 100000, or none, found '0'\n"
		 "f:5: sources.ipv4_prefix: expected a number from 8 to 32, found '33'\n"
		 "f:5: sources.ipv6_prefix: expected a number from 16 to 128, found '0'\n"},
	};

	(void)state;
	assert_all_say(cases, ARRAY_SIZE(cases));
}

static void test_wrong_service_values(void **state)
{
	static const struct wrong cases[] = {
		{TOP
		 "services: [{name: \"c a\", addresses: [192.0.2.1/24, 0.0.0.0, ff02::1, ca.example]}]\n",
		 "f:2: service 'c a': name: expected 1 to 31 letters, digits, '-', '_' or '.', the first a letter or digit, found 'c a'\n"
		 "f:2: service 'c a': addresses: expected the IPv4 or IPv6 address of a host, without prefix length, found '192.0.2.1/24'\n"
		 "f:2: service 'c a': addresses: expected the IPv4 or IPv6 address of a host, without prefix length, found '0.0.0.0'\n"
		 "f:2: service 'c a': addresses: expected the IPv4 or IPv6 address of a host, without prefix length, found 'ff02::1'\n"
		 "f:2: service 'c a': addresses: expected the IPv4 or IPv6 address of a host, without prefix length, found 'ca.example'\n"},
		{VALID "  ports: [0, 65536, http]\n",
		 "f:5: service 'ca': ports: expected a TCP port from 1 to 65535, found '0'\n"
		 "f:5: service 'ca': ports: expected a TCP port from 1 to 65535, found '65536'\n"
		 "f:5: service 'ca': ports: expected a TCP port from 1 to 65535, found 'http'\n"},
		{VALID "  behind: \"eth 0\"\n",
		 "f:5: service 'ca': behind: expected auto or the name of one of the interfaces, found 'eth 0'\n"},
		{VALID "  profile: cisco\n",
		 "f:5: service 'ca': profile: expected cisco-ios or generic, found 'cisco'\n"},
		{VALID "  limits: {connections: 0, window: 60, block: 1w, max_connections: 1001}\n",
		 "f:5: service 'ca': limits.connections: expected a number from 1 to 1000, or none, found '0'\n"
		 "f:5: service 'ca': limits.window: expected a duration from 100ms to 1d, such as 60s, or none, found '60'; add a unit: ms, s, m, h or d\n"
		 "f:5: service 'ca': limits.block: expected a duration from 100ms to 1d, such as 15s, or none, found '1w'\n"
		 "f:5: service 'ca': limits.max_connections: expected a number from 1 to 1000, or none, found '1001'\n"},
		{VALID "  limits:\n"
		       "    window: 99999999999999999999s\n"
		       "    block: 50ms\n",
		 "f:6: service 'ca': limits.window: expected a duration from 100ms to 1d, such as 60s, or none, found '99999999999999999999s'\n"
		 "f:7: service 'ca': limits.block: expected a duration from 100ms to 1d, such as 15s, or none, found '50ms'\n"},
		{VALID "  headroom: {connections: -1, slots: none}\n",
		 "f:5: service 'ca': headroom.connections: expected a number from 0 to 1000, found '-1'\n"
		 "f:5: service 'ca': headroom.slots: expected a number from 0 to 1000, found 'none'\n"},
		{VALID "  reserve: {rollover: 40, other: 91%, bootstrap: 10.55%}\n",
		 "f:5: service 'ca': reserve.bootstrap: expected a percentage from 0% to 90%, found '10.55%'\n"
		 "f:5: service 'ca': reserve.rollover: expected a percentage from 0% to 90%, found '40'; add a unit: %\n"
		 "f:5: service 'ca': reserve.other: expected a percentage from 0% to 90%, found '91%'\n"},
	};

	(void)state;
	assert_all_say(cases, ARRAY_SIZE(cases));
}

static void test_wrong_behaviour(void **state)
{
	static const struct wrong cases[] = {
		{VALID "  timeouts: {syn: 0, request: 11m, idle: forever}\n",
		 "f:5: service 'ca': timeouts.syn: expected a duration from 100ms to 1m, such as 5s, found '0'\n"
		 "f:5: service 'ca': timeouts.request: expected a duration from 100ms to 10m, such as 10s, found '11m'\n"
		 "f:5: service 'ca': timeouts.idle: expected a duration from 100ms to 1h, such as 60s, found 'forever'\n"},
		{VALID "  deaf: {unanswered: 0, within: 2}\n",
		 "f:5: service 'ca': deaf.unanswered: expected a number from 1 to 100, found '0'\n"
		 "f:5: service 'ca': deaf.within: expected a duration from 100ms to 1m, such as 2s, found '2'; add a unit: ms, s, m, h or d\n"},
		{VALID "  refuse: rst\n",
		 "f:5: service 'ca': refuse: expected drop or reset, found 'rst'\n"},
		{VALID "  intercept: {answer: 404, question: url, hold: 10m, mss: 1500}\n",
		 "f:5: service 'ca': intercept.answer: expected as-ca or unavailable, found '404'\n"
		 "f:5: service 'ca': intercept.question: expected target or path, found 'url'\n"
		 "f:5: service 'ca': intercept.hold: expected a duration from 1s to 1m, such as 20s, found '10m'\n"
		 "f:5: service 'ca': intercept.mss: expected a number from 536 to 1460, found '1500'\n"},
		{VALID
		 "  probe: {interval: 10, path: cgi-bin, message: \"a b\", ca_certificate: ca.pem}\n",
		 "f:5: service 'ca': probe.interval: expected a duration from 1s to 7d, such as 10m, or 0 for never, found '10'; add a unit: ms, s, m, h or d\n"
		 "f:5: service 'ca': probe.path: expected the path of a URL, beginning with '/', at most 255 ASCII characters without blank, '?' and '#', found 'cgi-bin'\n"
		 "f:5: service 'ca': probe.message: expected the value of a URL parameter, at most 255 ASCII characters without blank, '?', '#' and '&', found 'a b'\n"
		 "f:5: service 'ca': probe.ca_certificate: expected an absolute path of at most 199 bytes, found 'ca.pem'\n"},
		{VALID "  probe: {path: \"/a?b\", message: \"\"}\n",
		 "f:5: service 'ca': probe.path: expected the path of a URL, beginning with '/', at most 255 ASCII characters without blank, '?' and '#', found '/a?b'\n"
		 "f:5: service 'ca': probe.message: expected the value of a URL parameter, at most 255 ASCII characters without blank, '?', '#' and '&', found nothing\n"},
		{VALID "  rollover: {ca_lifetime: 5y, auto_enroll: 0%}\n",
		 "f:5: service 'ca': rollover.ca_lifetime: expected a duration from 1h to 36500d, found '5y'\n"
		 "f:5: service 'ca': rollover.auto_enroll: expected a percentage from 1% to 100%, found '0%'\n"},
	};

	(void)state;
	assert_all_say(cases, ARRAY_SIZE(cases));
}

static void test_wrong_prefixes(void **state)
{
	static const struct wrong cases[] = {
		{VALID "sources:\n"
		       "  prefixes:\n"
		       "  - {prefix: 10.9.0.1/16}\n"
		       "  - {prefix: 10.9.0.0/33}\n"
		       "  - {prefix: 10.9/16}\n",
		 "f:7: prefix '10.9.0.1/16': prefix: expected a prefix such as 10.9.0.0/16 (IPv4: up to /32, IPv6: up to /128) with no bit set behind its length, found '10.9.0.1/16'; did you mean 10.9.0.0/16?\n"
		 "f:8: prefix '10.9.0.0/33': prefix: expected a prefix such as 10.9.0.0/16 (IPv4: up to /32, IPv6: up to /128) with no bit set behind its length, found '10.9.0.0/33'\n"
		 "f:9: prefix '10.9/16': prefix: expected a prefix such as 10.9.0.0/16 (IPv4: up to /32, IPv6: up to /128) with no bit set behind its length, found '10.9/16'\n"},
		{VALID "sources:\n"
		       "  prefixes:\n"
		       "  - {prefix: \"2001:db8::/32\"}\n",
		 "f:7: prefix '2001:db8::/32': prefix: can never match, since no service has an IPv6 address; remove it or add the address\n"},
		{VALID "sources:\n"
		       "  prefixes:\n"
		       "  - {prefix: \"::/0\", deny: true}\n",
		 "f:7: prefix '::/0': prefix: would hold IPv4 as well (::ffff:0:0/96); write 2000::/3 for IPv6 and 0.0.0.0/0 for IPv4\n"},
		{VALID "sources:\n"
		       "  prefixes:\n"
		       "  - {prefix: 10.9.0.0/16}\n"
		       "  - {prefix: 10.8.0.0/16}\n"
		       "  - {prefix: \"::ffff:10.9.0.0/112\"}\n",
		 "f:9: prefix '::ffff:10.9.0.0/112': prefix: is listed twice; remove one\n"},
		{VALID "sources:\n"
		       "  prefixes:\n"
		       "  - {prefix: 10.9.0.0/16, deny: true, exempt: true}\n"
		       "  - {prefix: 10.8.0.0/16, deny: true, rate: 1/s}\n"
		       "  - {prefix: 10.7.0.0/16, exempt: true, burst: 2, connections: 3}\n",
		 "f:7: prefix '10.9.0.0/16': deny: expected deny or exempt, found both; remove one\n"
		 "f:8: prefix '10.8.0.0/16': rate: has no meaning beside deny; remove one of them\n"
		 "f:9: prefix '10.7.0.0/16': burst: has no meaning beside exempt; remove one of them\n"
		 "f:9: prefix '10.7.0.0/16': connections: has no meaning beside exempt; remove one of them\n"},
		{VALID "sources:\n"
		       "  prefixes:\n"
		       "  - {prefix: 10.9.0.0/16, deny: maybe, rate: 9}\n",
		 "f:7: prefix '10.9.0.0/16': rate: expected a rate such as 12/min (/s, /min, /h or /d), or none, found '9'; add a unit: /s, /min, /h or /d\n"
		 "f:7: prefix '10.9.0.0/16': deny: expected true or false, found 'maybe'\n"},
	};

	(void)state;
	assert_all_say(cases, ARRAY_SIZE(cases));
}

static void test_contradictions(void **state)
{
	static const struct wrong cases[] = {
		{VALID "  headroom: {connections: 79}\n",
		 "f:5: service 'ca': headroom.connections: headroom.connections is 79 and limits.connections 80 (profile cisco-ios), which leaves the guard no connection (limit - 1 - headroom); lower the headroom\n"},
		{VALID "  limits: {connections: 3}\n",
		 "f:5: service 'ca': limits.connections: headroom.connections is 2 (default) and limits.connections 3, which leaves the guard no connection (limit - 1 - headroom); lower the headroom\n"},
		{VALID "  limits: {max_connections: 1}\n",
		 "f:5: service 'ca': limits.max_connections: headroom.slots is 1 (default) and limits.max_connections 1, which leaves the guard no slot (limit - headroom); lower the headroom\n"},
		{VALID "  headroom: {slots: 16}\n",
		 "f:5: service 'ca': headroom.slots: headroom.slots is 16 and limits.max_connections 16 (profile cisco-ios), which leaves the guard no slot (limit - headroom); lower the headroom\n"},
		{VALID "  profile: generic\n"
		       "  limits: {connections: 80}\n",
		 "f:6: service 'ca': limits.window: missing; limits.connections (80) needs the time it counts in, such as 60s\n"},
		{VALID "  profile: generic\n"
		       "  limits: {window: 60s}\n",
		 "f:6: service 'ca': limits.window: expected none, since limits.connections is none; write both or neither\n"},
		{VALID "  limits: {connections: none, window: 60s}\n",
		 "f:5: service 'ca': limits.window: expected none, since limits.connections is none; write both or neither\n"},
		{VALID "  timeouts: {life: 5s, idle: 6s}\n",
		 "f:5: service 'ca': timeouts.idle: expected at most timeouts.life, which is 5s, found 6s; shorten the one or lengthen the other\n"},
		{VALID "  timeouts: {idle: 5m}\n",
		 "f:5: service 'ca': timeouts.idle: expected at most timeouts.life, which is 3m (default), found 5m; shorten the one or lengthen the other\n"},
		{VALID "  timeouts: {idle: 30s, life: 40s}\n  intercept: {hold: 50s}\n",
		 "f:6: service 'ca': intercept.hold: expected at most timeouts.life, which is 40s, found 50s; shorten the one or lengthen the other\n"},
		{VALID "  rollover: {ca_lifetime: 10d, overlap: 11d}\n",
		 "f:5: service 'ca': rollover.overlap: expected at most rollover.ca_lifetime, which is 10d, found 11d; shorten the one or lengthen the other\n"},
		{VALID "  behind: eth2\n",
		 "f:5: service 'ca': behind: expected auto or one of the interfaces, found 'eth2'; add it to interfaces if the CA is there\n"},
		{VALID "  ports: [80, 81, 80]\n",
		 "f:5: service 'ca': ports: 80 is listed twice; remove one\n"},
		{TOP "services: [{name: ca, addresses: [192.0.2.1, \"::ffff:192.0.2.1\"]}]\n",
		 "f:2: service 'ca': addresses: 192.0.2.1 is listed twice; remove one\n"},
		{"interfaces: [eth0, eth1, eth0]\n" SERVICE,
		 "f:1: interfaces: 'eth0' is listed twice; remove one\n"},
	};

	(void)state;
	assert_all_say(cases, ARRAY_SIZE(cases));
}

static void test_services_together(void **state)
{
	static const struct wrong cases[] = {
		{VALID "- name: two\n"
		       "  addresses: [192.0.2.2, 192.0.2.1]\n"
		       "  ports: [443, 80]\n",
		 "f:6: service 'two': addresses: 192.0.2.1:80 belongs to service 'ca' already; one address and port has one budget\n"},
		{VALID "- name: ca\n"
		       "  addresses: [192.0.2.2]\n",
		 "f:5: service 'ca': name: an earlier service has the same name; give each its own\n"},
		{VALID "  ports: [1, 2, 3, 4, 5, 6]\n"
		       "- name: two\n"
		       "  addresses: [192.0.2.2, 192.0.2.3, 192.0.2.4]\n"
		       "  ports: [1, 2, 3, 4, 5, 6, 7, 8, 9]\n",
		 "f:7: service 'two': addresses: expected at most 32 endpoints (addresses x ports) in all services, found 33 up to here; list fewer\n"},
		{TOP "services:\n"
		     "- {name: s0, addresses: [192.0.2.1]}\n"
		     "- {name: s1, addresses: [192.0.2.2]}\n"
		     "- {name: s2, addresses: [192.0.2.3]}\n"
		     "- {name: s3, addresses: [192.0.2.4]}\n"
		     "- {name: s4, addresses: [192.0.2.5]}\n"
		     "- {name: s5, addresses: [192.0.2.6]}\n"
		     "- {name: s6, addresses: [192.0.2.7]}\n"
		     "- {name: s7, addresses: [192.0.2.8]}\n"
		     "- {name: s8, addresses: [192.0.2.9]}\n",
		 "f:11: services: expected at most 8 entries, found more\n"},
		{"interfaces: [a, b, c, d, e, f, g, h, i]\n" SERVICE,
		 "f:1: interfaces: expected at most 8 entries, found more\n"},
	};

	(void)state;
	assert_all_say(cases, ARRAY_SIZE(cases));
}

static void test_all_at_once(void **state)
{
	static const struct wrong cases[] = {
		{"mode: polcie\n"
		 "interface: [eth0]\n"
		 "interfaces: [eth0]\n"
		 "services:\n"
		 "- name: ca\n"
		 "  addresses: [192.0.2.1]\n"
		 "  limits:\n"
		 "    window: 60\n"
		 "    conections: 7\n"
		 "  behind: eth9\n"
		 "- name: two\n"
		 "  addresses: [192.0.2.300]\n"
		 "  headroom: {slots: 16}\n"
		 "log: {level: loud}\n",
		 "f:1: mode: expected observe, police or intercept, found 'polcie'; did you mean 'police'?\n"
		 "f:2: unknown key 'interface'; did you mean 'interfaces'?\n"
		 "f:8: service 'ca': limits.window: expected a duration from 100ms to 1d, such as 60s, or none, found '60'; add a unit: ms, s, m, h or d\n"
		 "f:9: service 'ca': limits: unknown key 'conections'; did you mean 'connections'?\n"
		 "f:12: service 'two': addresses: expected the IPv4 or IPv6 address of a host, without prefix length, found '192.0.2.300'\n"
		 "f:14: log.level: expected error, warning, info or debug, found 'loud'\n"},
	};

	(void)state;
	assert_all_say(cases, ARRAY_SIZE(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong_values),    cmocka_unit_test(test_wrong_service_values),
		cmocka_unit_test(test_wrong_behaviour), cmocka_unit_test(test_wrong_prefixes),
		cmocka_unit_test(test_contradictions),  cmocka_unit_test(test_services_together),
		cmocka_unit_test(test_all_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
