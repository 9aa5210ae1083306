/* SPDX-License-Identifier: GPL-2.0-only */
/* The configuration as plain C structs: what docs/scepguard.yaml.5 describes, after validation.
 *
 * Durations are nanoseconds as written in the file (before time_scale), counts are host byte
 * order, addresses struct sg_addr. Nothing here knows the kernel or the machine it runs on; that
 * is userspace/check.
 */
#ifndef SG_CONFIG_CONFIG_H
#define SG_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "../util/addr.h"
#include "../util/log.h"
#include "../util/units.h"
#include "errors.h"

/* Sizes. A configuration is for one gateway in front of a few CAs; the bounds keep the data
 * plane's loops and arrays small enough for the verifier.
 */
#define SG_CONFIG_SERVICES_MAX   8
#define SG_CONFIG_ENDPOINTS_MAX  32 /* addresses x ports, all services together */
#define SG_CONFIG_ADDRESSES_MAX  32 /* of one service; each has at least one port */
#define SG_CONFIG_PORTS_MAX      32
#define SG_CONFIG_INTERFACES_MAX 8
#define SG_CONFIG_PREFIXES_MAX   256
#define SG_CONFIG_LIMIT_MAX      1000 /* the window's ring and the leases have 1024 places */
#define SG_CONFIG_FILE_MAX       (256 * 1024)

#define SG_CONFIG_NAME_MAX       32 /* service name and its NUL: a metric label and a table column */
#define SG_CONFIG_IF_MAX         16  /* IFNAMSIZ */
#define SG_CONFIG_PATH_MAX       200 /* bpffs and files */
/* A unix socket's path has 108 bytes; the runtime directory must leave room for "/control.sock". */
#define SG_CONFIG_RUNTIME_MAX 90
#define SG_CONFIG_TEXT_MAX    256 /* probe path and message */

enum sg_config_mode {
	SG_CONFIG_MODE_OBSERVE,
	SG_CONFIG_MODE_POLICE,
	SG_CONFIG_MODE_INTERCEPT,
};

enum sg_config_xdp {
	SG_CONFIG_XDP_AUTO, /* native, else generic */
	SG_CONFIG_XDP_NATIVE,
	SG_CONFIG_XDP_GENERIC,
};

enum sg_config_profile {
	SG_CONFIG_PROFILE_CISCO_IOS,
	SG_CONFIG_PROFILE_GENERIC,
	SG_CONFIG_PROFILE_MAX_,
};

enum sg_config_refuse {
	SG_CONFIG_REFUSE_DROP,
	SG_CONFIG_REFUSE_RESET,
};

enum sg_config_answer {
	SG_CONFIG_ANSWER_AS_CA,
	SG_CONFIG_ANSWER_UNAVAILABLE,
};

enum sg_config_question {
	SG_CONFIG_QUESTION_TARGET,
	SG_CONFIG_QUESTION_PATH,
};

enum sg_config_requests {
	SG_CONFIG_REQUESTS_OFF,
	SG_CONFIG_REQUESTS_SAMPLED,
	SG_CONFIG_REQUESTS_ALL,
};

/* Where a value comes from. "Assumed" values are those nobody wrote down. */
enum sg_config_origin {
	SG_CONFIG_ORIGIN_DEFAULT,
	SG_CONFIG_ORIGIN_PROFILE,
	SG_CONFIG_ORIGIN_WRITTEN,
};

/* Every key of a service, in the order of the file. */
enum sg_config_service_key {
	SG_KEY_SERVICE_NAME,
	SG_KEY_SERVICE_ADDRESSES,
	SG_KEY_SERVICE_PORTS,
	SG_KEY_SERVICE_BEHIND,
	SG_KEY_SERVICE_PROFILE,
	SG_KEY_SERVICE_LIMITS_CONNECTIONS,
	SG_KEY_SERVICE_LIMITS_WINDOW,
	SG_KEY_SERVICE_LIMITS_BLOCK,
	SG_KEY_SERVICE_LIMITS_MAX_CONNECTIONS,
	SG_KEY_SERVICE_HEADROOM_CONNECTIONS,
	SG_KEY_SERVICE_HEADROOM_SLOTS,
	SG_KEY_SERVICE_RESERVE_ENROLMENT,
	SG_KEY_SERVICE_RESERVE_BOOTSTRAP,
	SG_KEY_SERVICE_RESERVE_ROLLOVER,
	SG_KEY_SERVICE_RESERVE_OTHER,
	SG_KEY_SERVICE_TIMEOUTS_SYN,
	SG_KEY_SERVICE_TIMEOUTS_REQUEST,
	SG_KEY_SERVICE_TIMEOUTS_IDLE,
	SG_KEY_SERVICE_TIMEOUTS_LIFE,
	SG_KEY_SERVICE_DEAF_UNANSWERED,
	SG_KEY_SERVICE_DEAF_WITHIN,
	SG_KEY_SERVICE_IN_PROGRESS_TIME,
	SG_KEY_SERVICE_IN_PROGRESS_CONNECTIONS,
	SG_KEY_SERVICE_REFUSE,
	SG_KEY_SERVICE_INTERCEPT_ANSWER,
	SG_KEY_SERVICE_INTERCEPT_ANSWER_TTL,
	SG_KEY_SERVICE_INTERCEPT_QUESTION,
	SG_KEY_SERVICE_INTERCEPT_HOLD,
	SG_KEY_SERVICE_INTERCEPT_MSS,
	SG_KEY_SERVICE_PROBE_INTERVAL,
	SG_KEY_SERVICE_PROBE_PATH,
	SG_KEY_SERVICE_PROBE_MESSAGE,
	SG_KEY_SERVICE_PROBE_CA_CERTIFICATE,
	SG_KEY_SERVICE_ROLLOVER_CA_LIFETIME,
	SG_KEY_SERVICE_ROLLOVER_OVERLAP,
	SG_KEY_SERVICE_ROLLOVER_CLIENT_LIFETIME,
	SG_KEY_SERVICE_ROLLOVER_AUTO_ENROLL,
	SG_KEY_SERVICE_MAX_,
};

/* Every key outside services and prefixes, in the order of the file. */
enum sg_config_global_key {
	SG_KEY_GLOBAL_MODE,
	SG_KEY_GLOBAL_INTERFACES,
	SG_KEY_GLOBAL_XDP,
	SG_KEY_GLOBAL_TIME_SCALE,
	SG_KEY_GLOBAL_PATHS_RUNTIME,
	SG_KEY_GLOBAL_PATHS_BPFFS,
	SG_KEY_GLOBAL_PATHS_STATE,
	SG_KEY_GLOBAL_SERVICES,
	SG_KEY_GLOBAL_SOURCES_DEFAULT_RATE,
	SG_KEY_GLOBAL_SOURCES_DEFAULT_BURST,
	SG_KEY_GLOBAL_SOURCES_DEFAULT_CONNECTIONS,
	SG_KEY_GLOBAL_SOURCES_IPV4_PREFIX,
	SG_KEY_GLOBAL_SOURCES_IPV6_PREFIX,
	SG_KEY_GLOBAL_SOURCES_PREFIXES,
	SG_KEY_GLOBAL_TABLES_CONNECTIONS,
	SG_KEY_GLOBAL_TABLES_HELD,
	SG_KEY_GLOBAL_TABLES_SOURCES,
	SG_KEY_GLOBAL_TABLES_SYN_LIMITER,
	SG_KEY_GLOBAL_METRICS_LISTEN,
	SG_KEY_GLOBAL_LOG_LEVEL,
	SG_KEY_GLOBAL_LOG_REQUESTS,
	SG_KEY_GLOBAL_MAX_,
};

/* Every key of one entry of sources.prefixes. */
enum sg_config_prefix_key {
	SG_KEY_PREFIX_PREFIX,
	SG_KEY_PREFIX_RATE,
	SG_KEY_PREFIX_BURST,
	SG_KEY_PREFIX_CONNECTIONS,
	SG_KEY_PREFIX_EXEMPT,
	SG_KEY_PREFIX_DENY,
	SG_KEY_PREFIX_MAX_,
};

/* What the CA tolerates. connections = 0 (then window_ns = 0 too): no window limit;
 * max_connections = 0: no limit at once. block_ns = 0: it does not go deaf.
 */
struct sg_conf_limits {
	__u32 connections;
	__u64 window_ns;
	__u64 block_ns;
	__u32 max_connections;
};

struct sg_conf_headroom {
	__u32 connections;
	__u32 slots;
};

/* Per class: admitted only while more than this share (per-mille, 0..900) would stay free. */
struct sg_conf_reserve {
	__u32 enrolment_permille;
	__u32 bootstrap_permille;
	__u32 rollover_permille;
	__u32 other_permille;
};

struct sg_conf_timeouts {
	__u64 syn_ns;
	__u64 request_ns;
	__u64 idle_ns;
	__u64 life_ns; /* never less than the three others */
};

struct sg_conf_deaf {
	__u32 unanswered;
	__u64 within_ns;
};

struct sg_conf_in_progress {
	__u64 time_ns;
	__u32 connections;
};

struct sg_conf_intercept {
	enum sg_config_answer answer;
	__u64 answer_ttl_ns;
	enum sg_config_question question;
	__u64 hold_ns;
	__u32 mss;
};

struct sg_conf_probe {
	__u64 interval_ns; /* 0 = never */
	char path[SG_CONFIG_TEXT_MAX];
	char message[SG_CONFIG_TEXT_MAX];        /* "" = none */
	char ca_certificate[SG_CONFIG_PATH_MAX]; /* "" = answers are not verified */
};

/* The operator's timers; 0 = not told. */
struct sg_conf_rollover {
	__u64 ca_lifetime_ns;
	__u64 overlap_ns;
	__u64 client_lifetime_ns;
	__u32 auto_enroll_permille;
};

/* One budget: what its addresses and ports accept together is held to its limits. */
struct sg_conf_service {
	char name[SG_CONFIG_NAME_MAX];
	struct sg_addr addresses[SG_CONFIG_ADDRESSES_MAX];
	__u32 address_count;
	__u16 ports[SG_CONFIG_PORTS_MAX]; /* host byte order */
	__u32 port_count;
	char behind[SG_CONFIG_IF_MAX]; /* one of the interfaces; "" = by route or bridge */
	enum sg_config_profile profile;
	struct sg_conf_limits limits;
	struct sg_conf_headroom headroom;
	struct sg_conf_reserve reserve;
	struct sg_conf_timeouts timeouts;
	struct sg_conf_deaf deaf;
	struct sg_conf_in_progress in_progress;
	enum sg_config_refuse refuse;
	struct sg_conf_intercept intercept;
	struct sg_conf_probe probe;
	struct sg_conf_rollover rollover;
	__u8 origin[SG_KEY_SERVICE_MAX_]; /* enum sg_config_origin of each key */
};

/* Limits of one source. rate.count = 0: no limit of the rate; connections = 0: none at once. */
struct sg_conf_source_limits {
	struct sg_unit_rate rate;
	__u32 burst;
	__u32 connections;
};

struct sg_conf_prefix {
	struct sg_addr_prefix prefix;
	struct sg_conf_source_limits limits; /* what is not written is that of sources.default */
	bool exempt;
	bool deny;
	__u8 origin[SG_KEY_PREFIX_MAX_];
};

struct sg_conf_sources {
	struct sg_conf_source_limits limits;
	__u32 ipv4_prefix; /* bits that make one source, counted in the family: 8..32 */
	__u32 ipv6_prefix; /* 16..128 */
	struct sg_conf_prefix *prefixes;
	__u32 prefix_count;
};

struct sg_conf_tables {
	__u32 connections;
	__u32 held;
	__u32 sources;
	__u32 syn_limiter;
};

struct sg_conf_metrics {
	bool enabled;
	struct sg_addr addr;
	__u16 port; /* host byte order */
};

struct sg_conf_paths {
	char runtime[SG_CONFIG_RUNTIME_MAX];
	char bpffs[SG_CONFIG_PATH_MAX];
	char state[SG_CONFIG_PATH_MAX];
};

struct sg_config {
	enum sg_config_mode mode;
	char interfaces[SG_CONFIG_INTERFACES_MAX][SG_CONFIG_IF_MAX];
	__u32 interface_count;
	enum sg_config_xdp xdp;
	__u32 time_scale; /* labs only: the guard divides every duration by this; 1..1000 */
	struct sg_conf_paths paths;
	struct sg_conf_service services[SG_CONFIG_SERVICES_MAX];
	__u32 service_count;
	struct sg_conf_sources sources;
	struct sg_conf_tables tables;
	struct sg_conf_metrics metrics;
	struct {
		enum sg_log_level level;
		enum sg_config_requests requests;
	} log;
	__u8 origin[SG_KEY_GLOBAL_MAX_];
};

/* Reads and validates the file at @path. On success *@ret is the caller's, freed with
 * sg_config_free(). On failure *@ret is untouched, @errors holds one message or more, and the
 * result is -EINVAL (the file is wrong), -ENOMEM, or what reading it gave (-ENOENT, -EACCES ...).
 */
int sg_config_load(const char *path, struct sg_config **ret, struct sg_config_errors *errors);

/* The same for @len bytes at @text; @name stands where messages name the file. */
int sg_config_parse_memory(const char *name, const char *text, size_t len, struct sg_config **ret,
			   struct sg_config_errors *errors);

void sg_config_free(struct sg_config *conf);

static inline void sg_cleanup_config(struct sg_config **conf)
{
	sg_config_free(*conf);
}
#define _cleanup_config_ __attribute__((cleanup(sg_cleanup_config)))

/* The guard's own caps for a service (DESIGN 4): new connections in any window, and at once. Always
 * at least 1; 0 = the service has no such limit.
 */
__u32 sg_config_cap_connections(const struct sg_conf_service *service);
__u32 sg_config_cap_slots(const struct sg_conf_service *service);

/* A duration of the configuration in the guard's real time: divided by time_scale. */
__u64 sg_config_scaled_ns(const struct sg_config *conf, __u64 ns);

/* Dotted key path ("limits.window") of a key; never NULL for a valid key. */
const char *sg_config_service_key_path(enum sg_config_service_key key);
const char *sg_config_global_key_path(enum sg_config_global_key key);

/* "observe", "cisco-ios" ...: as written in the file. */
const char *sg_config_mode_name(enum sg_config_mode mode);
const char *sg_config_profile_name(enum sg_config_profile profile);

#endif
