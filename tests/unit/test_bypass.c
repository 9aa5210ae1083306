// SPDX-License-Identifier: GPL-2.0-only
/* When the CA's silence makes intercept give way, and what ends the doubt. In virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../../userspace/daemon/bypass.h"

#define SILENT      1000
#define SILENT_SEEN 4000

static const struct sg_bypass_times times = {.silent = SILENT, .silent_seen = SILENT_SEEN};

struct fixture {
	struct sg_bypass b;
	struct sg_bypass_counts counts;
	enum sg_bypass_mode mode;
	bool reachable;
	__u64 now;
};

static int set_up(void **state)
{
	static struct fixture f;

	f = (struct fixture){
		.counts = {.attempts = 50, .from_ca = 400},
		.mode = SG_BYPASS_INTERCEPT,
		.reachable = true,
		.now = 100000,
	};
	*state = &f;
	return 0;
}

static enum sg_bypass_act tick(struct fixture *f)
{
	return sg_bypass_advance(&f->b, &f->counts, &times, f->mode, f->reachable, f->now);
}

/* One look a second, for so long. Returns the first thing to do. */
static enum sg_bypass_act pass(struct fixture *f, __u64 ticks)
{
	for (__u64 end = f->now + ticks; f->now < end; f->now += 250) {
		enum sg_bypass_act act = tick(f);

		if (act != SG_BYPASS_NOTHING)
			return act;
	}
	return tick(f);
}

/* Intercept from now on, and after it nothing of the CA. */
static void go_silent(struct fixture *f)
{
	assert_int_equal(tick(f), SG_BYPASS_NOTHING);
	f->counts.attempts += SG_BYPASS_ATTEMPTS;
}

static void test_silence_tries_police(void **state)
{
	struct fixture *f = *state;

	go_silent(f);
	assert_int_equal(pass(f, SILENT - 250), SG_BYPASS_NOTHING);
	f->now += 250;
	assert_true(sg_bypass_asks(&f->b, &f->counts, &times, f->now));
	assert_int_equal(tick(f), SG_BYPASS_TRY_POLICE);
	f->mode = SG_BYPASS_POLICE_ON_TRIAL;
	assert_int_equal(pass(f, 10 * SILENT), SG_BYPASS_NOTHING);
	assert_int_equal(f->b.state, SG_BYPASS_TRIED);
}

/* What came before intercept is no evidence, nor is a CA that nobody asks. */
static void test_nobody_asks(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(pass(f, 10 * SILENT), SG_BYPASS_NOTHING);
	f->counts.attempts += SG_BYPASS_ATTEMPTS - 1;
	assert_int_equal(pass(f, 10 * SILENT), SG_BYPASS_NOTHING);
	f->counts.attempts += 1;
	assert_int_equal(pass(f, 0), SG_BYPASS_TRY_POLICE);
}

static void test_not_reachable(void **state)
{
	struct fixture *f = *state;

	f->reachable = false;
	go_silent(f);
	assert_int_equal(pass(f, 100 * SILENT), SG_BYPASS_NOTHING);
	f->reachable = true;
	assert_int_equal(tick(f), SG_BYPASS_TRY_POLICE);
}

/* A CA that was seen in this intercept is rather deaf than gone by another way. */
static void test_seen_before(void **state)
{
	struct fixture *f = *state;

	tick(f);
	f->counts.from_ca++;
	assert_int_equal(tick(f), SG_BYPASS_NOTHING);
	f->counts.attempts += SG_BYPASS_ATTEMPTS_SEEN - 1;
	assert_int_equal(pass(f, 2 * SILENT_SEEN), SG_BYPASS_NOTHING);
	f->counts.attempts += 1;
	assert_int_equal(tick(f), SG_BYPASS_TRY_POLICE);
	set_up(state);
	tick(f);
	f->counts.from_ca++;
	tick(f);
	f->counts.attempts += SG_BYPASS_ATTEMPTS_SEEN;
	assert_int_equal(pass(f, SILENT_SEEN - 250), SG_BYPASS_NOTHING);
	f->now += 250;
	assert_int_equal(tick(f), SG_BYPASS_TRY_POLICE);
}

/* Each packet of the CA begins the count anew. */
static void test_any_packet_counts(void **state)
{
	struct fixture *f = *state;

	go_silent(f);
	pass(f, SILENT - 250);
	f->counts.from_ca++;
	f->now += 250;
	assert_int_equal(tick(f), SG_BYPASS_NOTHING);
	assert_int_equal(pass(f, 10 * SILENT_SEEN), SG_BYPASS_NOTHING);
	f->counts.attempts += SG_BYPASS_ATTEMPTS_SEEN;
	assert_int_equal(pass(f, SILENT_SEEN), SG_BYPASS_TRY_POLICE);
}

static void give_way(struct fixture *f)
{
	go_silent(f);
	assert_int_equal(pass(f, SILENT), SG_BYPASS_TRY_POLICE);
	f->mode = SG_BYPASS_POLICE_ON_TRIAL;
}

static void test_a_packet_ends_the_doubt(void **state)
{
	struct fixture *f = *state;

	give_way(f);
	assert_int_equal(tick(f), SG_BYPASS_NOTHING);
	f->counts.from_ca++;
	f->counts.unheard = 5;
	assert_int_equal(tick(f), SG_BYPASS_BACK);
	f->mode = SG_BYPASS_INTERCEPT;
	assert_int_equal(pass(f, 10 * SILENT), SG_BYPASS_NOTHING);
	assert_true(f->b.seen);
}

/* Clients that go on speaking with the CA, though nothing of it was seen. */
static void test_clients_prove_it(void **state)
{
	struct fixture *f = *state;

	give_way(f);
	f->counts.unheard = SG_BYPASS_UNHEARD - 1;
	assert_int_equal(pass(f, 10 * SILENT), SG_BYPASS_NOTHING);
	f->counts.unheard++;
	assert_int_equal(tick(f), SG_BYPASS_STAY);
	assert_int_equal(f->b.state, SG_BYPASS_FOUND);
	assert_int_equal(pass(f, 100 * SILENT), SG_BYPASS_NOTHING);
	f->counts.from_ca++; /* the way was mended, or somebody had only pretended */
	assert_int_equal(tick(f), SG_BYPASS_BACK);
}

/* For people: since when, and how many clients were served past the guard. */
static void test_is_told(void **state)
{
	struct fixture *f = *state;
	__u64 asked;

	go_silent(f);
	asked = f->now;
	assert_int_equal(pass(f, SILENT), SG_BYPASS_TRY_POLICE);
	f->mode = SG_BYPASS_POLICE_ON_TRIAL;
	assert_int_equal(f->b.silent_since, asked);
	f->counts.unheard = SG_BYPASS_UNHEARD - 1;
	pass(f, SILENT);
	f->counts.unheard = SG_BYPASS_UNHEARD + 3;
	pass(f, SILENT);
	f->counts.unheard = 1; /* the others have ended */
	pass(f, SILENT);
	assert_int_equal(f->b.state, SG_BYPASS_FOUND);
	assert_int_equal(f->b.silent_since, asked);
	assert_int_equal(f->b.unheard, SG_BYPASS_UNHEARD + 3);
	f->counts.from_ca++;
	assert_int_equal(tick(f), SG_BYPASS_BACK);
	assert_int_equal(f->b.silent_since, 0);
	assert_int_equal(f->b.unheard, 0);
}

static void test_ordered_anew(void **state)
{
	struct fixture *f = *state;

	give_way(f);
	f->counts.unheard = SG_BYPASS_UNHEARD;
	assert_int_equal(tick(f), SG_BYPASS_STAY);
	f->mode = SG_BYPASS_INTERCEPT;
	assert_int_equal(tick(f), SG_BYPASS_NOTHING);
	assert_int_equal(f->b.state, SG_BYPASS_WATCH);
	assert_int_equal(pass(f, 10 * SILENT), SG_BYPASS_NOTHING); /* nobody asks */
	f->counts.attempts += SG_BYPASS_ATTEMPTS;
	assert_int_equal(pass(f, SILENT), SG_BYPASS_TRY_POLICE);
}

/* Whoever orders a mode in between has the last word. */
static void test_another_mode_is_ordered(void **state)
{
	struct fixture *f = *state;

	give_way(f);
	f->mode = SG_BYPASS_OTHER;
	assert_int_equal(tick(f), SG_BYPASS_NOTHING);
	f->counts.from_ca++;
	f->counts.unheard = 100;
	assert_int_equal(pass(f, 10 * SILENT), SG_BYPASS_NOTHING);
	f->mode = SG_BYPASS_POLICE_ON_TRIAL; /* not ours */
	f->counts.from_ca++;
	assert_int_equal(pass(f, 10 * SILENT), SG_BYPASS_NOTHING);
	assert_int_equal(f->b.state, SG_BYPASS_WATCH);
}

static void test_count(void **state)
{
	static struct sg_stats stats;
	struct sg_bypass_counts counts;

	(void)state;
	memset(&stats, 0, sizeof(stats));
	stats.verdicts[SG_PRIORITY_OTHER][SG_REASON_ADMITTED] = 1;
	stats.verdicts[SG_PRIORITY_IN_PROGRESS][SG_REASON_FEELER] = 2;
	stats.verdicts[SG_PRIORITY_ROLLOVER][SG_REASON_LOWEST_TURN] = 4;
	stats.verdicts[SG_PRIORITY_ROLLOVER][SG_REASON_WINDOW] = 8;
	stats.would[SG_PRIORITY_ROLLOVER][SG_REASON_ADMITTED] = 16;
	stats.counters[SG_COUNTER_PACKETS_CA] = 32;
	counts = sg_bypass_count(&stats, 64);
	assert_int_equal(counts.attempts, 7);
	assert_int_equal(counts.from_ca, 32);
	assert_int_equal(counts.unheard, 64);
}

#define T(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_is_told),
		T(test_silence_tries_police),
		T(test_nobody_asks),
		T(test_not_reachable),
		T(test_seen_before),
		T(test_any_packet_counts),
		T(test_a_packet_ends_the_doubt),
		T(test_clients_prove_it),
		T(test_ordered_anew),
		T(test_another_mode_is_ordered),
		T(test_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
