// SPDX-License-Identifier: GPL-2.0-only
/* The exact window as a property: whatever is lost, delayed, resent, paused, trickled, spoofed or
 * changed live, the CA never counts one more than the cap in any window, by each of three counting
 * rules; and it stays useful while that holds.
 *
 * SG_SEEDS=n runs n seeds instead of the usual number (soak), SG_SEED=n only that one, SG_SEED_FROM=n
 * starts there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../lib/sim_run.h"

#define WINDOW_MS 60000

static const char *const counting_names[] = {"SYNs", "handshakes", "accepts"};

static __u64 number_from(const char *name, __u64 otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

/* Highest cap in force at any time in [from, to]. */
static __u32 highest_cap(const struct sim *s, __u64 from, __u64 to)
{
	__u32 highest = 0;

	for (__u32 i = 0; i < s->cap_count; i++) {
		__u64 until = i + 1 < s->cap_count ? s->caps[i + 1].at : ~0ull;

		if (s->caps[i].at <= to && until >= from && s->caps[i].n > highest)
			highest = s->caps[i].n;
	}
	return highest;
}

/* Ends of windows with more counts than the cap allowed. Connections begun before a limit was lowered
 * were rightly admitted under the old one; those begun in observe are not the guard's doing.
 */
static __u32 excesses(const struct sim *s, bool tell)
{
	__u32 found = 0;

	for (__u32 end = 0; end < s->count; end++) {
		__u64 opened = ~0ull;
		__u32 inside = 0;

		for (__u32 i = end + 1; i-- > 0;) {
			__u64 at = s->counts_opened[i];

			if (s->counts[end] - s->counts[i] >= s->conf.window_ms)
				break;
			if (at < s->conf.observe_ms || s->counts[i] < s->conf.observe_ms)
				continue;
			opened = at < opened ? at : opened;
			if (++inside <= highest_cap(s, opened, s->counts[end]))
				continue;
			found++;
			if (tell && found <= 3)
				print_message("window ending at %llu ms has %u counts, cap %u\n",
					      (unsigned long long)s->counts[end], inside,
					      highest_cap(s, opened, s->counts[end]));
			break;
		}
	}
	return found;
}

static __u64 random_state;

static __u32 below(__u32 n)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return n ? (random_state >> 33) % n : 0;
}

static bool chance(__u32 percent)
{
	return below(100) < percent;
}

/* Dates that are wrong by tenths of a second show only when the next client comes at once, its
 * handshake is quick, and the ones before it are slow to answer.
 */
static void focus(struct sim_conf *conf)
{
	conf->window_ms = 6000 + below(4000);
	conf->jitter_ms = below(conf->window_ms / 600 - 4);
	conf->connections = 1 + below(3);
	conf->slots = 0;
	conf->arrival_ms = 20 + below(40);
	conf->client_delay_ms = 1 + below(5);
	conf->loss_ca = chance(70) ? 100 + below(200) : 0;
	if (chance(50)) {
		conf->stall_every_ms = 3000 + below(5000);
		conf->stall_ms = 3000;
	}
	conf->weight[chance(50) ? SIM_TRICKLE : SIM_NORMAL] += 10;
	if (!conf->change_every_ms && !conf->observe_ms)
		conf->duration_ms = 90000;
}

/* Whatever may happen, in random measure. */
static struct sim_conf random_conf(__u64 seed)
{
	struct sim_conf conf = {.duration_ms = 120000};

	random_state = seed * 0x9e3779b97f4a7c15ull + 12345;
	conf.counting = seed % SIM_COUNT_MAX_;
	/* Short windows: more admissions in a run, and seconds of delay weigh more. */
	conf.window_ms = chance(80) ? 6000 + below(20000) : WINDOW_MS;
	/* Few places, and always somebody who asks: then every date matters. */
	conf.connections = 1 + below(chance(80) ? 5 : 40);
	conf.slots = chance(30) ? 0 : 2 + below(10);
	conf.loss_client = chance(60) ? below(300) : 0;
	conf.loss_ca = chance(60) ? below(300) : 0;
	conf.jitter_ms = below(conf.window_ms / 600 - 4);
	conf.client_delay_ms = 80;
	conf.arrival_ms = 50 + below(chance(80) ? 200 : 3000);
	conf.weight[SIM_NORMAL] = 1 + below(20);
	for (__u32 kind = SIM_TRICKLE; kind < SIM_KIND_MAX_; kind++)
		conf.weight[kind] = chance(40) ? below(6) : 0;
	conf.workers = chance(60) ? 1000 : 1 + below(16);
	conf.service_ms = 10 + below(chance(20) ? 3000 : 300);
	if (chance(40)) {
		conf.pause_every_ms = 10000 + below(60000);
		conf.pause_ms = 5000;
	}
	if (chance(40)) {
		conf.stall_every_ms = 10000 + below(60000);
		conf.stall_ms = 5000;
	}
	if (chance(20)) {
		conf.deaf_every_ms = 30000 + below(60000);
		conf.deaf_ms = 15000;
	}
	if (chance(30)) {
		conf.change_every_ms = 20000 + below(60000);
		conf.duration_ms = 5 * conf.window_ms + 300000;
	}
	if (chance(15)) {
		conf.observe_ms = 20000 + below(60000);
		conf.duration_ms += 60000;
	}
	if (chance(50))
		focus(&conf);
	/* Beyond `syn` the guard does not wait for the accept() of what was reset, by the client or by
	 * itself: no second pause behind the first, and no backlog of minutes from observe.
	 */
	conf.reset_is_accepted = chance(50) && conf.workers == 1000;
	if (conf.reset_is_accepted && conf.pause_every_ms)
		conf.stall_every_ms = 0;
	if (conf.observe_ms)
		conf.workers = 1000;
	conf.reaper = chance(70);
	conf.reserves = chance(50);
	return conf;
}

static void print_conf(__u64 seed, const struct sim_conf *c)
{
	print_message(
		"seed %llu: CA counts %s, window %u, N %u, slots %u, loss %u/%u permille, jitter %u ms, "
		"arrivals %u ms, workers %u, service %u ms, pause %u, stall %u, deaf %u, "
		"change %u, observe %u, reset accepted %d, reaper %d, reserves %d, kinds",
		(unsigned long long)seed, counting_names[c->counting], c->window_ms, c->connections,
		c->slots, c->loss_client, c->loss_ca, c->jitter_ms, c->arrival_ms, c->workers,
		c->service_ms, c->pause_ms, c->stall_ms, c->deaf_ms, c->change_every_ms,
		c->observe_ms, c->reset_is_accepted, c->reaper, c->reserves);
	for (__u32 i = 0; i < SIM_KIND_MAX_; i++)
		print_message(" %u", c->weight[i]);
	print_message("\n");
}

/* A guard's clock at the start: anything, mostly around where 32 bits of it wrap, as after boot. */
static __u64 base_of(__u64 seed)
{
	return seed % 4 ? (1ull << 32) - 300 * 250 + seed % 1000 : 1000000 + seed;
}

static bool holds(__u64 seed, bool tell)
{
	struct sim_conf conf = random_conf(seed);
	struct sim *s;
	__u32 found;

	s = sim_run(&conf, seed, base_of(seed));
	found = excesses(s, tell);

	if (found && tell)
		print_conf(seed, &conf);
	free(s);
	return !found;
}

static void test_never_one_too_many(void **state)
{
	__u64 only = number_from("SG_SEED", 0), from = number_from("SG_SEED_FROM", 1);
	__u64 seeds = number_from("SG_SEEDS", 400);
	__u32 broken = 0;

	(void)state;
	for (__u64 seed = only ? only : from; seed < (only ? only + 1 : from + seeds); seed++)
		broken += !holds(seed, broken < 8);
	if (broken)
		fail_msg("%u of %llu seeds exceeded the window", broken, (unsigned long long)seeds);
}

/* Seeds that once exceeded the window. What they were about is told packet by packet in test_core_fifo.c, for
 * another draw of the simulation makes another story of a seed.
 */
static void test_seeds_that_exceeded(void **state)
{
	static const __u64 seeds[] = {104129, 33946, 211088};

	(void)state;
	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		assert_true(holds(seeds[i], true));
}

/* No loss, no oddity, twice the demand. */
static struct sim_conf calm(__u32 connections)
{
	struct sim_conf conf = {.window_ms = WINDOW_MS, .duration_ms = 11 * WINDOW_MS};

	conf.connections = connections;
	conf.arrival_ms = WINDOW_MS / connections / 2;
	conf.client_delay_ms = 80;
	conf.weight[SIM_NORMAL] = 1;
	conf.jitter_ms = 20;
	conf.workers = 1000;
	conf.service_ms = 200;
	return conf;
}

/* Percent of what the CA would have stood that it got, after a window to start. */
static __u32 used_percent(const struct sim *s, __u64 from)
{
	__u64 windows = (s->conf.duration_ms - from) / s->conf.window_ms;
	__u32 counted = 0;

	for (__u32 i = 0; i < s->count; i++)
		counted += s->counts[i] >= from;
	return counted * 100 / (windows * s->conf.connections);
}

static void test_calm_uses_the_window(void **state)
{
	static const __u32 caps[] = {1, 2, 10, 77, 150};

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct sim_conf conf = calm(caps[i]);
		struct sim *s = sim_run(&conf, 1 + i, 5000);
		__u32 percent = used_percent(s, WINDOW_MS);

		if (percent < 90 || percent > 101)
			fail_msg("N = %u: %u %% of the window used", caps[i], percent);
		free(s);
	}
}

/* One odd client among honest ones must not halt them: no gap between admissions beyond a window (after
 * a burst nobody may) and what it takes to give the odd one up, and most of the window is used.
 */
static void odd_one(enum sim_kind kind, __u32 least_percent)
{
	struct sim_conf conf = calm(20);
	struct sim *s;
	__u32 percent;

	conf.weight[SIM_NORMAL] = 50;
	conf.weight[kind] = 1;
	conf.slots = 15;
	conf.reaper = kind == SIM_HALF_OPEN;
	s = sim_run(&conf, 7 + kind, 5000);
	percent = used_percent(s, WINDOW_MS);
	if (percent < least_percent)
		fail_msg("kind %d: only %u %% of the window used", kind, percent);
	if (s->longest_halt > WINDOW_MS + 15000)
		fail_msg("kind %d: nobody admitted for %llu ms", kind,
			 (unsigned long long)s->longest_halt);
	free(s);
}

static void test_one_trickled_post_halts_nobody(void **state)
{
	(void)state;
	odd_one(SIM_TRICKLE, 85);
}

static void test_silent_clients_halt_nobody(void **state)
{
	(void)state;
	odd_one(SIM_SILENT, 85);
	odd_one(SIM_HALF_OPEN, 80);
	odd_one(SIM_SLOW_ACK, 85);
}

static void test_those_who_leave_halt_nobody(void **state)
{
	(void)state;
	odd_one(SIM_RST_SYN, 80);
	odd_one(SIM_RST_EARLY, 85);
	odd_one(SIM_FIN_EARLY, 85);
}

/* The referee itself: without a cap in the guard it must find excesses. */
static void test_referee_sees_an_excess(void **state)
{
	struct sim_conf conf = calm(10);
	struct sim *s;

	(void)state;
	conf.connections = 20;
	s = sim_run(&conf, 3, 5000);
	assert_int_equal(excesses(s, false), 0);
	s->caps[0].n = 18;
	assert_true(excesses(s, false) > 0);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_never_one_too_many),
		cmocka_unit_test(test_seeds_that_exceeded),
		cmocka_unit_test(test_calm_uses_the_window),
		cmocka_unit_test(test_one_trickled_post_halts_nobody),
		cmocka_unit_test(test_silent_clients_halt_nobody),
		cmocka_unit_test(test_those_who_leave_halt_nobody),
		cmocka_unit_test(test_referee_sees_an_excess),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
