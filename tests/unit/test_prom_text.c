// SPDX-License-Identifier: GPL-2.0-only
/* The metrics' text: bounded, complete, readable by promtool. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "../../userspace/export/prom.h"

static struct sg_snapshot *make_snapshot(__u32 services, __u32 interfaces)
{
	struct sg_snapshot *snap = test_calloc(1, sizeof(*snap));

	snap->taken_ns = 1700000000ULL * SG_NS_PER_S + 250 * SG_NS_PER_MS;
	snap->service_count = services;
	snap->attachment_count = interfaces;
	for (__u32 i = 0; i < services; i++)
		snprintf(snap->services[i].name, sizeof(snap->services[i].name), "ca-%u", i);
	for (__u32 i = 0; i < interfaces; i++)
		snprintf(snap->attachments[i].ifname, sizeof(snap->attachments[i].ifname), "eth%u",
			 i);
	return snap;
}

static char *format(const struct sg_snapshot *snap)
{
	char *text = NULL;
	size_t len = 0;

	assert_int_equal(sg_prom_format(snap, &text, &len), 0);
	assert_int_equal(strlen(text), len);
	return text;
}

/* Calls back for each sample line, with its name and labels, and its value. */
static void each_sample(const char *text, void (*see)(const char *series, double value, void *arg),
			void *arg)
{
	char *copy = strdup(text), *at, *line;

	for (line = strtok_r(copy, "\n", &at); line; line = strtok_r(NULL, "\n", &at)) {
		char *space = strrchr(line, ' ');

		if (*line == '#')
			continue;
		assert_non_null(space);
		*space = '\0';
		see(line, strtod(space + 1, NULL), arg);
	}
	free(copy);
}

static void count_sample(const char *series, double value, void *arg)
{
	(void)series;
	(void)value;
	++*(unsigned int *)arg;
}

static unsigned int count_series(__u32 services, __u32 interfaces)
{
	struct sg_snapshot *snap = make_snapshot(services, interfaces);
	char *text = format(snap);
	unsigned int n = 0;

	each_sample(text, count_sample, &n);
	free(text);
	test_free(snap);
	return n;
}

/* What a number of services and interfaces costs; README and man page quote the results. */
static unsigned int formula(__u32 services, __u32 interfaces)
{
	enum {
		SINGLE_REASONS = 8, /* told with priority="any" */
		REASONS_WITH_PRIORITY = SG_REASON_MAX_ - SINGLE_REASONS,
		WOULD_WITH_PRIORITY = 2, /* admitted, and all that is for want of budget */
		HOLD_BOUNDS = SG_LATENCY_BUCKETS - 4,
		COUNTERS_UNTOLD = 1,
	};
	unsigned int global = 17 + 2 * SG_MODE_MAX_ + SG_PASSED_MAX_ + 2 * interfaces;
	unsigned int service = 27 + SG_SHADOW_MAX_ + 4;
	unsigned int classes = SG_REQUEST_MAX_ - 1; /* "none" is left out */
	unsigned int detail = classes + classes * 5 + (SG_LATENCY_BUCKETS + 3) + (HOLD_BOUNDS + 3) +
			      SG_PRIORITY_MAX_ + SG_COUNTER_MAX_ - COUNTERS_UNTOLD;

	if (services > SG_PROM_DETAILED_SERVICES)
		return global + services * service + detail + 2 * SINGLE_REASONS +
		       REASONS_WITH_PRIORITY + WOULD_WITH_PRIORITY;
	detail += 2 * SINGLE_REASONS +
		  (REASONS_WITH_PRIORITY + WOULD_WITH_PRIORITY) * SG_PRIORITY_MAX_;
	return global + services * (service + detail);
}

static void test_series_bounded(void **state)
{
	(void)state;
	for (__u32 s = 0; s <= SG_SERVICES; s++) {
		unsigned int n = count_series(s, SG_CONFIG_INTERFACES_MAX);

		assert_int_equal(n, formula(s, SG_CONFIG_INTERFACES_MAX));
		assert_in_range(n, 1, SG_PROM_SERIES_MAX);
	}
	assert_int_equal(count_series(2, 2), formula(2, 2));
}

struct unique {
	char **seen;
	size_t count;
};

static void note_series(const char *series, double value, void *arg)
{
	struct unique *u = arg;

	(void)value;
	for (size_t i = 0; i < u->count; i++)
		assert_string_not_equal(u->seen[i], series);
	u->seen[u->count++] = strdup(series);
}

static void test_no_series_twice(void **state)
{
	char *seen[SG_PROM_SERIES_MAX + 1];

	(void)state;
	for (__u32 services = 2; services <= 3; services++) {
		struct sg_snapshot *snap = make_snapshot(services, 2);
		struct unique u = {seen, 0};
		char *text = format(snap);

		each_sample(text, note_series, &u);
		while (u.count)
			free(seen[--u.count]);
		free(text);
		test_free(snap);
	}
}

struct sum {
	const char *prefix;
	double total;
};

static void add_sample(const char *series, double value, void *arg)
{
	struct sum *sum = arg;

	if (!strncmp(series, sum->prefix, strlen(sum->prefix)))
		sum->total += value;
}

static void expect_sum(const char *text, const char *prefix, double expected)
{
	struct sum sum = {prefix, 0};

	each_sample(text, add_sample, &sum);
	if (sum.total != expected)
		fail_msg("%s...: %g instead of %g", prefix, sum.total, expected);
}

/* Each counter of the map is in exactly one series: whatever is folded, nothing is lost. */
static void fill_stats(struct sg_stats *stats, __u64 step)
{
	__u64 *word = (__u64 *)stats;

	for (size_t i = 0; i < sizeof(*stats) / sizeof(*word); i++)
		word[i] = step * (i + 1);
	memset(stats->requests, 0, sizeof(stats->requests[0])); /* "none" is never a request */
}

static double total(const __u64 *word, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += (double)word[i];
	return sum;
}

#define TOTAL(a) total((const __u64 *)(a), sizeof(a) / sizeof(__u64))

/* Sum over all families of counters[]: each counter once, whichever family tells it. */
static double told_counters(const char *text)
{
	static const char *const families[] = {
#define X(id, label, help) label "_total",
		SG_COUNTER_LIST(X)
#undef X
			"cookies_total",
		"edge_answers_total", "question_changes_total"};
	double told = 0;

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		char prefix[64];
		struct sum sum = {prefix, 0};

		snprintf(prefix, sizeof(prefix), "scepguard_%s{", families[i]);
		each_sample(text, add_sample, &sum);
		told += sum.total;
	}
	return told;
}

static void test_counters_told_once(void **state)
{
	(void)state;
	for (__u32 services = 1; services <= 4; services++) {
		struct sg_snapshot *snap = make_snapshot(services, 1);
		double counted = 0;
		char *text;

		for (__u32 i = 0; i < services; i++)
			for (unsigned int c = 0; c < SG_COUNTER_MAX_; c++) {
				/* Of two powers no other sum of powers is the same. */
				__u64 n = 1ull << c;

				snap->services[i].stats.counters[c] = n;
				counted += c == SG_COUNTER_LATER_SEGMENTS ? 0 : (double)n;
			}
		text = format(snap);
		if (told_counters(text) != counted)
			fail_msg("%u services: %f instead of %f", services, told_counters(text),
				 counted);
		free(text);
		test_free(snap);
	}
}

static void test_nothing_lost(void **state)
{
	(void)state;
	for (__u32 services = 1; services <= 4; services++) {
		struct sg_snapshot *snap = make_snapshot(services, 1);
		double verdicts = 0, would = 0, answers = 0, requests = 0, forged = 0, count = 0;
		double held = 0, waiting = 0;
		char *text;

		for (__u32 i = 0; i < services; i++) {
			struct sg_stats *s = &snap->services[i].stats;

			fill_stats(s, i + 1);
			verdicts += TOTAL(s->verdicts);
			would += TOTAL(s->would);
			answers += TOTAL(s->answers);
			requests += TOTAL(s->requests);
			count += TOTAL(s->latency);
			held += TOTAL(s->waited);
			snap->services[i].intercept.waiting[SG_PRIORITY_BOOTSTRAP] = 1 + i;
			snap->services[i].intercept.waiting[SG_PRIORITY_OTHER] = 100;
			waiting += 101 + i;
			forged += (double)s->counters[SG_COUNTER_FORGED];
		}
		text = format(snap);
		expect_sum(text, "scepguard_verdicts_total{", verdicts);
		expect_sum(text, "scepguard_would_verdicts_total{", would);
		expect_sum(text, "scepguard_answers_total{", answers);
		expect_sum(text, "scepguard_requests_total{", requests);
		expect_sum(text, "scepguard_answer_duration_seconds_count{", count);
		expect_sum(text, "scepguard_forged_total{", forged);
		expect_sum(text, "scepguard_hold_seconds_count{", held);
		expect_sum(text, "scepguard_held_requests{", waiting);
		free(text);
		test_free(snap);
	}
}

static void expect_line(const char *text, const char *line)
{
	const char *at = strstr(text, line);

	if (!at || at == text || at[-1] != '\n' || at[strlen(line)] != '\n')
		fail_msg("no line '%s'", line);
}

static void test_values(void **state)
{
	struct sg_snapshot *snap = make_snapshot(1, 1);
	struct sg_snap_service *service = &snap->services[0];
	char *text;

	(void)state;
	strcpy(service->name, "a\"b\\c");
	snap->mode = SG_MODE_POLICE;
	snap->attachments[0].present = snap->attachments[0].native = true;
	service->mirror.window_used = 77;
	service->mirror.window_ns = 60 * SG_NS_PER_S;
	service->mirror.deaf = true;
	service->mirror.deaf_total_ns = 15 * SG_NS_PER_S + 1;
	service->shadow.state = SG_SHADOW_NOT_READY;
	service->stats.verdicts[SG_PRIORITY_ROLLOVER][SG_REASON_WINDOW] = 5;
	service->stats.would[SG_PRIORITY_OTHER][SG_REASON_DENIED] = 6;
	service->stats.answers[SG_REQUEST_GETNEXTCACERT][4] = 7;
	text = format(snap);
	expect_line(text, "scepguard_updated_timestamp_seconds 1700000000.25");
	expect_line(text, "scepguard_mode{mode=\"police\"} 1");
	expect_line(text, "scepguard_mode{mode=\"observe\"} 0");
	expect_line(text, "scepguard_attached{interface=\"eth0\",xdp=\"native\"} 1");
	expect_line(text, "scepguard_attached{interface=\"eth0\",xdp=\"generic\"} 0");
	expect_line(text, "scepguard_window_connections{service=\"a\\\"b\\\\c\"} 77");
	expect_line(text, "scepguard_window_seconds{service=\"a\\\"b\\\\c\"} 60");
	expect_line(text, "scepguard_ca_deaf{service=\"a\\\"b\\\\c\"} 1");
	expect_line(text, "scepguard_ca_deaf_seconds_total{service=\"a\\\"b\\\\c\"} 15.000000001");
	expect_line(text, "scepguard_shadow_state{service=\"a\\\"b\\\\c\",state=\"not_ready\"} 1");
	expect_line(text, "scepguard_shadow_state{service=\"a\\\"b\\\\c\",state=\"unknown\"} 0");
	expect_line(text, "scepguard_verdicts_total{service=\"a\\\"b\\\\c\",priority=\"rollover\","
			  "verdict=\"refuse\",reason=\"window\"} 5");
	expect_line(text, "scepguard_would_verdicts_total{service=\"a\\\"b\\\\c\",priority=\"any\","
			  "verdict=\"refuse\",reason=\"denied\"} 6");
	expect_line(text, "scepguard_answers_total{service=\"a\\\"b\\\\c\",class=\"GetNextCACert\","
			  "status=\"4xx\"} 7");
	free(text);
	test_free(snap);
}

static void test_intercept(void **state)
{
	struct sg_snapshot *snap = make_snapshot(1, 0);
	struct sg_snap_service *service = &snap->services[0];
	char *text;

	(void)state;
	snap->mode = SG_MODE_POLICE;
	snap->config_mode = SG_MODE_INTERCEPT;
	service->stats.counters[SG_COUNTER_COOKIES_OLD] = 1;
	service->stats.counters[SG_COUNTER_EDGE_BUSY] = 2;
	service->stats.counters[SG_COUNTER_UNLEARNED] = 3;
	service->stats.counters[SG_COUNTER_TURNS] = 4;
	service->stats.would[SG_PRIORITY_ROLLOVER][SG_REASON_WINDOW] = 5;
	service->stats.would[SG_PRIORITY_ROLLOVER][SG_REASON_SLOTS_RESERVED] = 6;
	service->stats.waited[0] = 1;
	service->stats.waited[5] = 10;
	service->stats.waited[SG_LATENCY_BUCKETS] = 100;
	service->stats.waited_sum_ns = 62500 * SG_NS_PER_MS;
	service->intercept = (struct sg_snap_intercept){
		.splices = 7,
		.waiting = {[SG_PRIORITY_ENROLMENT] = 8},
		.longest_ns = 1500 * SG_NS_PER_MS,
		.questions = 9,
		.bypass = SG_BYPASS_FOUND,
	};
	text = format(snap);
	expect_line(text, "scepguard_mode{mode=\"intercept\"} 0");
	expect_line(text, "scepguard_configured_mode{mode=\"intercept\"} 1");
	expect_line(text, "scepguard_cookies_total{service=\"ca-0\",result=\"old\"} 1");
	expect_line(text, "scepguard_edge_answers_total{service=\"ca-0\",answer=\"busy\"} 2");
	expect_line(text,
		    "scepguard_question_changes_total{service=\"ca-0\",change=\"unlearned\"} 3");
	expect_line(text, "scepguard_turns_total{service=\"ca-0\"} 4");
	expect_line(text, "scepguard_would_verdicts_total{service=\"ca-0\",priority=\"rollover\","
			  "verdict=\"refuse\",reason=\"budget\"} 11");
	expect_line(text, "scepguard_hold_seconds_bucket{service=\"ca-0\",le=\"0.1\"} 1");
	expect_line(text, "scepguard_hold_seconds_bucket{service=\"ca-0\",le=\"0.25\"} 11");
	expect_line(text, "scepguard_hold_seconds_bucket{service=\"ca-0\",le=\"+Inf\"} 111");
	expect_line(text, "scepguard_hold_seconds_sum{service=\"ca-0\"} 62.5");
	expect_line(text, "scepguard_splices{service=\"ca-0\"} 7");
	expect_line(text, "scepguard_held_requests{service=\"ca-0\",priority=\"enrolment\"} 8");
	expect_line(text, "scepguard_held_longest_seconds{service=\"ca-0\"} 1.5");
	expect_line(text, "scepguard_questions_learned{service=\"ca-0\"} 9");
	expect_line(text, "scepguard_answers_bypass{service=\"ca-0\"} 2");
	assert_null(strstr(text, "scepguard_cookies_old_total"));
	free(text);
	test_free(snap);
}

static void test_histogram_cumulative(void **state)
{
	struct sg_snapshot *snap = make_snapshot(1, 0);
	struct sg_stats *stats = &snap->services[0].stats;
	char *text;

	(void)state;
	stats->latency[0] = 1;
	stats->latency[3] = 10;
	stats->latency[SG_LATENCY_BUCKETS] = 100;
	stats->latency_sum_ns = 1500 * SG_NS_PER_MS;
	text = format(snap);
#define BUCKET "scepguard_answer_duration_seconds_bucket{service=\"ca-0\",le="
	expect_line(text, BUCKET "\"0.005\"} 1");
	expect_line(text, BUCKET "\"0.025\"} 1");
	expect_line(text, BUCKET "\"0.05\"} 11");
	expect_line(text, BUCKET "\"30\"} 11");
	expect_line(text, BUCKET "\"+Inf\"} 111");
	expect_line(text, "scepguard_answer_duration_seconds_sum{service=\"ca-0\"} 1.5");
	expect_line(text, "scepguard_answer_duration_seconds_count{service=\"ca-0\"} 111");
	free(text);
	test_free(snap);
}

static void test_promtool(void **state)
{
	(void)state;
	if (system("command -v promtool >/dev/null 2>&1") != 0) {
		print_message("promtool is not installed (package prometheus): not checked\n");
		skip();
	}
	for (__u32 services = 0; services <= 3; services++) {
		struct sg_snapshot *snap = make_snapshot(services, 2);
		char *text = format(snap);
		FILE *promtool = popen("promtool check metrics >&2", "w");

		assert_non_null(promtool);
		assert_int_not_equal(fputs(text, promtool), EOF);
		assert_int_equal(pclose(promtool), 0);
		free(text);
		test_free(snap);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_series_bounded),
		cmocka_unit_test(test_no_series_twice),
		cmocka_unit_test(test_counters_told_once),
		cmocka_unit_test(test_nothing_lost),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_intercept),
		cmocka_unit_test(test_histogram_cumulative),
		cmocka_unit_test(test_promtool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
