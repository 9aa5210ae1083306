// SPDX-License-Identifier: GPL-2.0-only
#include "keys.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define MS            SG_NS_PER_MS
#define S             SG_NS_PER_S
#define MIN           SG_NS_PER_MIN
#define H             SG_NS_PER_H
#define D             SG_NS_PER_D

/* Words stand in the order of their enums. */
const char *const sg_words_mode[] = {"observe", "police", "intercept", NULL};
const char *const sg_words_profile[] = {"cisco-ios", "generic", NULL};
static const char *const words_xdp[] = {"auto", "native", "generic", NULL};
static const char *const words_refuse[] = {"drop", "reset", NULL};
static const char *const words_answer[] = {"as-ca", "unavailable", NULL};
static const char *const words_question[] = {"target", "path", NULL};
static const char *const words_level[] = {"error", "warning", "info", "debug", NULL};
static const char *const words_requests[] = {"off", "sampled", "all", NULL};

/* A table is read by its columns. */
/* clang-format off */

/* Columns: key, path, field it goes to, kind; then bounds and what it is when not written. */
#define VALUE(id, name, type, field, k, ...) \
	[id] = { .path = name, .offset = offsetof(struct type, field), .kind = &sg_kind_##k, __VA_ARGS__ }
#define LIST(id, name, type, field, n, k, most, ...)                                      \
	[id] = { .path = name, .offset = offsetof(struct type, field), .kind = &sg_kind_##k, \
		 .shape = SG_KEY_SHAPE_LIST, .item_size = sizeof(((struct type *)0)->field[0]), \
		 .count_offset = offsetof(struct type, n), .items_max = most, __VA_ARGS__ }
#define OBJECTS(id, name, scope, most, ...) \
	[id] = { .path = name, .shape = SG_KEY_SHAPE_OBJECTS, .objects = &scope, .items_max = most, __VA_ARGS__ }

#define FROM(lo, hi)   .min = lo, .max = hi
#define IS(text)       .preset = text
#define REQUIRED(text) .required = true, .example = text
#define PROFILES(cisco, other) \
	.by_profile = { [SG_CONFIG_PROFILE_CISCO_IOS] = cisco, [SG_CONFIG_PROFILE_GENERIC] = other }

#define P(id, name, field, k, ...) VALUE(SG_KEY_PREFIX_##id, name, sg_conf_prefix, field, k, __VA_ARGS__)

/* Limits that are not written here are those of sources.default. */
static const struct sg_key prefix_keys[SG_KEY_PREFIX_MAX_] = {
	P(PREFIX,      "prefix",      prefix,             prefix, REQUIRED("prefix: 10.9.0.0/16")),
	P(RATE,        "rate",        limits.rate,        rate,   FROM(1, 1000000)),
	P(BURST,       "burst",       limits.burst,       count,  FROM(1, 10000)),
	P(CONNECTIONS, "connections", limits.connections, limit,  FROM(1, 100000)),
	P(EXEMPT,      "exempt",      exempt,             flag,   IS("false")),
	P(DENY,        "deny",        deny,               flag,   IS("false")),
};

#define SV(id, name, field, k, ...) VALUE(SG_KEY_SERVICE_##id, name, sg_conf_service, field, k, __VA_ARGS__)

static const struct sg_key service_keys[SG_KEY_SERVICE_MAX_] = {
	SV(NAME, "name", name, name, FROM(1, SG_CONFIG_NAME_MAX), REQUIRED("name: branch-ca")),
	LIST(SG_KEY_SERVICE_ADDRESSES, "addresses", sg_conf_service, addresses, address_count, address,
	     SG_CONFIG_ADDRESSES_MAX, REQUIRED("addresses: [192.0.2.10]")),
	LIST(SG_KEY_SERVICE_PORTS, "ports", sg_conf_service, ports, port_count, port,
	     SG_CONFIG_PORTS_MAX, FROM(1, 65535), IS("80"), .example = "ports: [80]"),
	SV(BEHIND,  "behind",  behind,  behind, FROM(1, SG_CONFIG_IF_MAX), IS("auto")),
	SV(PROFILE, "profile", profile, word,   .words = sg_words_profile, IS("cisco-ios")),

	/* cisco-ios: what the HTTP server of an IOS CA tolerates. */
	SV(LIMITS_CONNECTIONS, "limits.connections", limits.connections, limit,
	   FROM(1, SG_CONFIG_LIMIT_MAX), PROFILES("80", "none")),
	SV(LIMITS_WINDOW, "limits.window", limits.window_ns, timespan,
	   FROM(100 * MS, 24 * H), PROFILES("60s", "none")),
	SV(LIMITS_BLOCK, "limits.block", limits.block_ns, timespan,
	   FROM(100 * MS, 24 * H), PROFILES("15s", "none")),
	SV(LIMITS_MAX_CONNECTIONS, "limits.max_connections", limits.max_connections, limit,
	   FROM(1, SG_CONFIG_LIMIT_MAX), PROFILES("16", "none")),
	SV(HEADROOM_CONNECTIONS, "headroom.connections", headroom.connections, count,
	   FROM(0, SG_CONFIG_LIMIT_MAX), IS("2")),
	SV(HEADROOM_SLOTS, "headroom.slots", headroom.slots, count, FROM(0, SG_CONFIG_LIMIT_MAX), IS("1")),

	/* At most 90%: a class that could never be admitted would starve. */
	SV(RESERVE_ENROLMENT, "reserve.enrolment", reserve.enrolment_permille, percent, FROM(0, 900), IS("0%")),
	SV(RESERVE_BOOTSTRAP, "reserve.bootstrap", reserve.bootstrap_permille, percent, FROM(0, 900), IS("10%")),
	SV(RESERVE_ROLLOVER,  "reserve.rollover",  reserve.rollover_permille,  percent, FROM(0, 900), IS("40%")),
	SV(RESERVE_OTHER,     "reserve.other",     reserve.other_permille,     percent, FROM(0, 900), IS("60%")),

	SV(TIMEOUTS_SYN,     "timeouts.syn",     timeouts.syn_ns,     duration, FROM(100 * MS, 1 * MIN),  IS("5s")),
	SV(TIMEOUTS_REQUEST, "timeouts.request", timeouts.request_ns, duration, FROM(100 * MS, 10 * MIN), IS("10s")),
	SV(TIMEOUTS_IDLE,    "timeouts.idle",    timeouts.idle_ns,    duration, FROM(100 * MS, 1 * H),    IS("60s")),
	SV(TIMEOUTS_LIFE,    "timeouts.life",    timeouts.life_ns,    duration, FROM(100 * MS, 24 * H),   IS("180s")),
	SV(DEAF_UNANSWERED, "deaf.unanswered", deaf.unanswered, count,    FROM(1, 100),           IS("3")),
	SV(DEAF_WITHIN,     "deaf.within",     deaf.within_ns,  duration, FROM(100 * MS, 1 * MIN), IS("2s")),
	SV(IN_PROGRESS_TIME, "in_progress.time", in_progress.time_ns, duration, FROM(1 * S, 1 * H), IS("5m")),
	SV(IN_PROGRESS_CONNECTIONS, "in_progress.connections", in_progress.connections, count,
	   FROM(1, 100), IS("6")),
	SV(REFUSE, "refuse", refuse, word, .words = words_refuse, IS("drop")),

	SV(INTERCEPT_ANSWER, "intercept.answer", intercept.answer, word, .words = words_answer, IS("as-ca")),
	SV(INTERCEPT_ANSWER_TTL, "intercept.answer_ttl", intercept.answer_ttl_ns, duration,
	   FROM(1 * S, 1 * H), IS("60s")),
	SV(INTERCEPT_QUESTION, "intercept.question", intercept.question, word,
	   .words = words_question, IS("target")),
	SV(INTERCEPT_HOLD, "intercept.hold", intercept.hold_ns, duration, FROM(1 * S, 1 * MIN), IS("20s")),
	/* 536 is what every IPv4 host takes (RFC 9293 3.7.1), 1460 fills an Ethernet frame. */
	SV(INTERCEPT_MSS, "intercept.mss", intercept.mss, count, FROM(536, 1460), IS("1360")),

	SV(PROBE_INTERVAL, "probe.interval", probe.interval_ns, duration,
	   FROM(1 * S, 7 * D), .zero = true, IS("10m")),
	SV(PROBE_PATH, "probe.path", probe.path, target,
	   FROM(1, SG_CONFIG_TEXT_MAX), IS("/cgi-bin/pkiclient.exe")),
	SV(PROBE_MESSAGE, "probe.message", probe.message, message, FROM(1, SG_CONFIG_TEXT_MAX)),
	SV(PROBE_CA_CERTIFICATE, "probe.ca_certificate", probe.ca_certificate, path,
	   FROM(1, SG_CONFIG_PATH_MAX)),

	/* Not told is a value of its own here: nobody's timers can be assumed. */
	SV(ROLLOVER_CA_LIFETIME, "rollover.ca_lifetime", rollover.ca_lifetime_ns, duration,
	   FROM(1 * H, 36500 * D)),
	SV(ROLLOVER_OVERLAP, "rollover.overlap", rollover.overlap_ns, duration, FROM(1 * MIN, 36500 * D)),
	SV(ROLLOVER_CLIENT_LIFETIME, "rollover.client_lifetime", rollover.client_lifetime_ns, duration,
	   FROM(1 * MIN, 36500 * D)),
	SV(ROLLOVER_AUTO_ENROLL, "rollover.auto_enroll", rollover.auto_enroll_permille, percent,
	   FROM(10, 1000)),
};

#define G(id, name, field, k, ...) VALUE(SG_KEY_GLOBAL_##id, name, sg_config, field, k, __VA_ARGS__)

static const struct sg_key global_keys[SG_KEY_GLOBAL_MAX_] = {
	G(MODE, "mode", mode, word, .words = sg_words_mode, IS("observe")),
	LIST(SG_KEY_GLOBAL_INTERFACES, "interfaces", sg_config, interfaces, interface_count, interface,
	     SG_CONFIG_INTERFACES_MAX, FROM(1, SG_CONFIG_IF_MAX), REQUIRED("interfaces: [eth0, eth1]")),
	G(XDP, "xdp", xdp, word, .words = words_xdp, IS("auto")),
	G(TIME_SCALE, "time_scale", time_scale, count, FROM(1, 1000), IS("1")),
	G(PATHS_RUNTIME, "paths.runtime", paths.runtime, path, FROM(1, SG_CONFIG_RUNTIME_MAX), IS("/run/scepguard")),
	G(PATHS_BPFFS, "paths.bpffs", paths.bpffs, path, FROM(1, SG_CONFIG_PATH_MAX), IS("/sys/fs/bpf/scepguard")),
	G(PATHS_STATE, "paths.state", paths.state, path, FROM(1, SG_CONFIG_PATH_MAX), IS("/var/lib/scepguard")),
	OBJECTS(SG_KEY_GLOBAL_SERVICES, "services", sg_keys_service, SG_CONFIG_SERVICES_MAX,
		REQUIRED("services: [{name: branch-ca, addresses: [192.0.2.10]}]")),

	G(SOURCES_DEFAULT_RATE, "sources.default.rate", sources.limits.rate, rate, FROM(1, 1000000), IS("12/min")),
	G(SOURCES_DEFAULT_BURST, "sources.default.burst", sources.limits.burst, count, FROM(1, 10000), IS("6")),
	G(SOURCES_DEFAULT_CONNECTIONS, "sources.default.connections", sources.limits.connections, limit,
	  FROM(1, 100000), IS("4")),
	/* Wider than /8 and /16 would make the Internet one source. */
	G(SOURCES_IPV4_PREFIX, "sources.ipv4_prefix", sources.ipv4_prefix, count, FROM(8, 32), IS("32")),
	G(SOURCES_IPV6_PREFIX, "sources.ipv6_prefix", sources.ipv6_prefix, count, FROM(16, 128), IS("64")),
	OBJECTS(SG_KEY_GLOBAL_SOURCES_PREFIXES, "sources.prefixes", sg_keys_prefix, SG_CONFIG_PREFIXES_MAX,
		.example = "prefixes: [{prefix: 192.0.2.0/24, exempt: true}]"),

	/* The bounds keep each table below half a gigabyte: an entry of connections takes some
	 * 400 bytes of the kernel, of sources 260, a held frame 2 KiB, a place of the SYN limiter 8.
	 */
	G(TABLES_CONNECTIONS, "tables.connections", tables.connections, count, FROM(64, 1048576), IS("16384")),
	G(TABLES_HELD,        "tables.held",        tables.held,        count, FROM(16, 65536),   IS("4096")),
	G(TABLES_SOURCES,     "tables.sources",     tables.sources,     count, FROM(64, 1048576), IS("65536")),
	G(TABLES_SYN_LIMITER, "tables.syn_limiter", tables.syn_limiter, count, FROM(64, 4194304), IS("65536")),
	G(METRICS_LISTEN, "metrics.listen", metrics, listen, IS("127.0.0.1:9834")),
	G(LOG_LEVEL,    "log.level",    log.level,    word, .words = words_level,    IS("info")),
	G(LOG_REQUESTS, "log.requests", log.requests, word, .words = words_requests, IS("off")),
};

/* clang-format on */

const struct sg_key_scope sg_keys_prefix = {prefix_keys, ARRAY_SIZE(prefix_keys)};
const struct sg_key_scope sg_keys_service = {service_keys, ARRAY_SIZE(service_keys)};
const struct sg_key_scope sg_keys_global = {global_keys, ARRAY_SIZE(global_keys)};

const char *sg_key_preset(const struct sg_key *key, enum sg_config_profile profile)
{
	return key->by_profile[profile] ? key->by_profile[profile] : key->preset;
}
