/* SPDX-License-Identifier: GPL-2.0-only */
/* The loaded program on a clock that the test sets, with the tables, timeouts and limits of a
 * configuration that sets none.
 */
#ifndef SG_TEST_CLOCKED_H
#define SG_TEST_CLOCKED_H

#include "talk.h"
#include "../../userspace/config/config.h"

/* When each test of a RUN_AT_ALL_TIMES() begins. */
static __u64 begin_ticks __attribute__((unused));
static __u32 begin_hz __attribute__((unused));

/* What jiffies64 is at boot: its lower half wraps five minutes later (linux/jiffies.h). */
#define INITIAL_JIFFIES(hz) ((1ull << 32) - 300ull * (hz))

static inline void clock_set(__u64 ticks)
{
	guard.skel->bss->sg_test_time.ticks = ticks;
	guard.skel->bss->sg_test_time.ktime_ns = ticks * (1000000000 / guard.hz);
}

static inline __u64 clock_now(void)
{
	return guard.skel->bss->sg_test_time.ticks;
}

static inline void pass_ticks(__u64 ticks)
{
	clock_set(clock_now() + ticks);
}

static inline void pass_s(__u64 seconds)
{
	pass_ticks(seconds * guard.hz);
}

static inline __u64 ns_ticks(__u64 ns)
{
	return ns / 1000000 * guard.hz / 1000;
}

/* As guard_config.c fills it in. */
static inline void shipped_service(void)
{
	static const char text[] =
		"interfaces: [lo]\nservices: [{name: test, addresses: [192.0.2.1]}]\n";
	struct sg_config_errors errors = {};
	struct sg_config *conf = NULL;
	const struct sg_conf_service *c;

	assert_int_equal(sg_config_parse_memory("test", text, strlen(text), &conf, &errors), 0);
	c = &conf->services[0];
	guard.svc = (struct sg_service){
		.name = "test",
		.enabled = 1,
		.slots = sg_config_cap_slots(c),
		.window = {.connections = sg_config_cap_connections(c),
			   .ticks = ns_ticks(c->limits.window_ns + c->limits.window_ns / 600) + 1},
		.ca_window_ticks = ns_ticks(c->limits.window_ns),
		.reserve_permille = {[SG_PRIORITY_ENROLMENT] = c->reserve.enrolment_permille,
				     [SG_PRIORITY_BOOTSTRAP] = c->reserve.bootstrap_permille,
				     [SG_PRIORITY_ROLLOVER] = c->reserve.rollover_permille,
				     [SG_PRIORITY_OTHER] = c->reserve.other_permille},
		.syn_ticks = ns_ticks(c->timeouts.syn_ns),
		.request_ticks = ns_ticks(c->timeouts.request_ns),
		.idle_ticks = ns_ticks(c->timeouts.idle_ns),
		.life_ticks = ns_ticks(c->timeouts.life_ns),
		.block_ticks = ns_ticks(c->limits.block_ns + 1000000000),
		.deaf_unanswered = c->deaf.unanswered,
		.deaf_within_ticks = ns_ticks(c->deaf.within_ns),
		.in_progress_connections = c->in_progress.connections,
		.in_progress_ticks = ns_ticks(c->in_progress.time_ns),
	};
	guard.live.source_default = (struct sg_source_limits){
		.interval_ticks = ns_ticks(conf->sources.limits.rate.per_ns) /
				  conf->sources.limits.rate.count,
		.burst = conf->sources.limits.burst,
		.connections = conf->sources.limits.connections,
	};
	sg_config_free(conf);
	write_service();
	write_live();
}

static inline void empty_hash(struct bpf_map *map)
{
	char key[64];

	while (!bpf_map_get_next_key(map_fd(map), NULL, key))
		assert_int_equal(bpf_map_delete_elem(map_fd(map), key), 0);
}

static inline void empty_buckets(struct bpf_map *map)
{
	static const struct sg_syn_bucket none;

	for (__u32 i = 0; i < bpf_map__max_entries(map); i++)
		assert_int_equal(bpf_map_update_elem(map_fd(map), &i, &none, 0), 0);
}

/* As after load: nothing is known of anybody. */
static inline void empty_tables(void)
{
	struct sg_stats *none = calloc(libbpf_num_possible_cpus(), sizeof(*none));
	__u32 zero = 0;

	assert_non_null(none);
	assert_int_equal(bpf_map_update_elem(map_fd(guard.skel->maps.sg_stats), &zero, none, 0), 0);
	free(none);
	empty_hash(guard.skel->maps.sg_conns);
	empty_hash(guard.skel->maps.sg_sources);
	empty_buckets(guard.skel->maps.sg_syn_limiter);
	empty_buckets(guard.skel->maps.sg_refused);
}

static inline void fresh_budget_at(__u64 ticks, __u32 connections)
{
	static struct sg_budget book;
	__u32 zero = 0;

	sg_budget_init(&book, connections, ticks);
	assert_int_equal(bpf_map_update_elem(map_fd(guard.skel->maps.sg_budgets), &zero, &book, 0),
			 0);
}

/* A fresh guard in police at this time, its tables as large as they are shipped. Loaded anew only when
 * its ticks are others.
 */
static inline void fresh_at(__u64 ticks, __u32 hz)
{
	if (!prepared)
		skip();
	if (!guard.skel || !guard.test_clock || guard.hz != hz) {
		guard.hz = hz;
		guard.test_clock = true;
		assert_int_equal(fresh_sized(16384, SG_MODE_POLICE), 0);
	}
	clock_set(ticks);
	empty_tables();
	write_endpoint(CA_V4, 80, 1);
	guard.live.loaded = guard.live.heartbeat = guard.live.police_since = ticks;
	set_mode(SG_MODE_POLICE);
	shipped_service();
	fresh_budget_at(ticks, guard.svc.window.connections);
}

#define LINE_CAPS  "GET /scep?operation=GetCACaps HTTP/1.0\r\n\r\n"
#define LINE_CERT  "GET /scep?operation=GetCACert HTTP/1.0\r\n\r\n"
#define LINE_NEXT  "GET /scep?operation=GetNextCACert HTTP/1.0\r\n\r\n"
#define LINE_PKI   "GET /scep?operation=PKIOperation&message=MII HTTP/1.0\r\n\r\n"
#define LINE_OTHER "GET /index.html HTTP/1.0\r\n\r\n"
#define ANSWER_OK  "HTTP/1.0 200 OK\r\n\r\n"
#define CLIENT_ISN 100u
#define CA_ISN     900u

static inline __u32 from_client(const char *client, __u16 port, __u8 flags, __u32 seq, __u32 ack,
				const char *bytes)
{
	struct packet p = {TO_CA,
			   .sport = port,
			   .seq = seq,
			   .ack = ack,
			   .flags = flags,
			   .payload = bytes,
			   .payload_len = strlen(bytes)};

	p.src = client;
	return run_packet(&p, false, NULL);
}

static inline __u32 from_ca(const char *client, __u16 port, __u8 flags, __u32 seq, __u32 ack,
			    const char *bytes)
{
	struct packet p = {FROM_CA,
			   .dport = port,
			   .seq = seq,
			   .ack = ack,
			   .flags = flags,
			   .payload = bytes,
			   .payload_len = strlen(bytes)};

	p.dst = client;
	return run_packet(&p, true, NULL);
}

/* What became of an attempt, by the program's own count. */
struct verdict {
	__u32 action;
	__u32 priority, reason; /* SG_PRIORITY_MAX_: no attempt was counted */
	bool reclaimed;         /* it was refused, and became the RST of an old connection */
};

static inline struct verdict ask(const char *client, __u16 port)
{
	struct sg_stats before = stats(), after;
	struct verdict v = {.priority = SG_PRIORITY_MAX_, .reason = SG_REASON_MAX_};

	v.action = from_client(client, port, SG_TCP_SYN, CLIENT_ISN, 0, "");
	after = stats();
	v.reclaimed = after.counters[SG_COUNTER_RECLAIMED] != before.counters[SG_COUNTER_RECLAIMED];
	for (__u32 p = 0; p < SG_PRIORITY_MAX_; p++)
		for (__u32 r = 0; r < SG_REASON_MAX_; r++)
			if (after.verdicts[p][r] != before.verdicts[p][r]) {
				v.priority = p;
				v.reason = r;
			}
	return v;
}

#define assert_refused_as(got, why)                           \
	do {                                                  \
		const struct verdict v_ = (got);              \
                                                              \
		assert_int_equal(v_.reason, SG_REASON_##why); \
		assert_int_equal(v_.reclaimed, false);        \
		assert_int_equal(v_.action, XDP_DROP);        \
	} while (0)

#define assert_admitted(got)                                     \
	do {                                                     \
		const struct verdict v_ = (got);                 \
                                                                 \
		assert_int_equal(v_.reason, SG_REASON_ADMITTED); \
		assert_int_equal(v_.action, XDP_PASS);           \
	} while (0)

/* The rest of the handshake. */
static inline void shake(const char *client, __u16 port)
{
	assert_int_equal(from_ca(client, port, SG_TCP_SYN | SG_TCP_ACK, CA_ISN, CLIENT_ISN + 1, ""),
			 XDP_PASS);
	assert_int_equal(from_client(client, port, SG_TCP_ACK, CLIENT_ISN + 1, CA_ISN + 1, ""),
			 XDP_PASS);
}

static inline void request(const char *client, __u16 port, const char *line)
{
	assert_int_equal(from_client(client, port, SG_TCP_ACK, CLIENT_ISN + 1, CA_ISN + 1, line),
			 XDP_PASS);
}

/* The answer, and both ends close. */
static inline void answer(const char *client, __u16 port, const char *line)
{
	const __u32 end = CLIENT_ISN + 1 + strlen(line), ca_end = CA_ISN + 1 + strlen(ANSWER_OK);

	from_ca(client, port, SG_TCP_FIN | SG_TCP_ACK, CA_ISN + 1, end, ANSWER_OK);
	from_client(client, port, SG_TCP_FIN | SG_TCP_ACK, end, ca_end + 1, "");
}

/* A whole connection in an instant, if its SYN is admitted. */
static inline struct verdict serve(const char *client, __u16 port, const char *line)
{
	struct verdict v = ask(client, port);

	if (v.action != XDP_PASS || v.reclaimed)
		return v;
	shake(client, port);
	request(client, port, line);
	answer(client, port, line);
	return v;
}

/* A router nobody knows yet. */
static inline const char *stranger(void)
{
	static char text[INET_ADDRSTRLEN];
	static __u32 number;

	number++;
	snprintf(text, sizeof(text), "10.%u.%u.%u", number >> 16 & 255, number >> 8 & 255,
		 number & 255);
	return text;
}

static inline __u64 count_of(enum sg_counter counter)
{
	return stats().counters[counter];
}

/* Every test of the list, at times at which clocks wrap or change sign. */
#define RUN_AT_ALL_TIMES(tests)                                                      \
	({                                                                           \
		static const struct {                                                \
			__u64 ticks;                                                 \
			__u32 hz;                                                    \
		} times_[] = {                                                       \
			{INITIAL_JIFFIES(250), 250},                                 \
			{(1ull << 32) - 2, 250},                                     \
			{(1ull << 31) - 3000, 1000},                                 \
			{(1ull << 33) - 500, 100},                                   \
		};                                                                   \
		int failed_ = 0;                                                     \
                                                                                     \
		for (size_t t_ = 0; t_ < sizeof(times_) / sizeof(times_[0]); t_++) { \
			begin_ticks = times_[t_].ticks;                              \
			begin_hz = times_[t_].hz;                                    \
			failed_ += cmocka_run_group_tests(tests, once, end);         \
		}                                                                    \
		failed_;                                                             \
	})

#endif
