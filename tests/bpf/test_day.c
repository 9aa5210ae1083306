// SPDX-License-Identifier: GPL-2.0-only
/* 24 virtual hours without a daemon: calm, storms, floods, silence and reboots of the CA, with the tables,
 * limits and timeouts that are shipped. The CA's side is the referee (day.h).
 */
#include "day_peers.h"

#define CALM                                                             \
	{                                                                \
		.arrivals = 40, .next_permille = 100, .odd_permille = 50 \
	}
#define STORM                                                              \
	{                                                                  \
		.arrivals = 1300, .next_permille = 900, .odd_permille = 20 \
	}
#define FLOOD                                                                            \
	{                                                                                \
		.arrivals = 40, .next_permille = 100, .odd_permille = 50, .spoofed = 600 \
	}
#define SILENCE \
	{       \
	}

static const struct day_hour hours[25] = {
	STORM,
	CALM,
	SILENCE,
	CALM,
	{.arrivals = 100, .odd_permille = 800},
	CALM,
	CALM,
	{.arrivals = 1300, .next_permille = 900, .odd_permille = 20, .spoofed = 600},
	FLOOD,
	SILENCE,
	SILENCE,
	CALM,
	CALM,
	FLOOD,
	CALM,
	CALM,
	STORM,
	CALM,
	SILENCE,
	CALM,
	CALM,
	FLOOD,
	CALM,
	STORM,
	SILENCE,
};

/* Spans of 5 s without an admission that a calm hour may have, of 720. With an arrival every 3 s at least
 * each is a halt of the window: the place of a client that fell silent, and that no answer to one of the
 * next four has settled, is dated when the ring comes round to it, since nobody reaps.
 */
#define HALTS_CALM 6

static void say(__u32 hour, __u64 admitted, __u32 halts)
{
	const struct sg_budget *b = budget();

	if (getenv("SG_TELL"))
		print_message(
			"hour %2u: %4llu admitted, %u spans without, %u served, %u at once, slots "
			"%u, open %d, entries %u, episodes %u\n",
			hour, (unsigned long long)admitted, halts, day.served, day.at_once_most,
			b->slots_used, b->actual.open, conn_count(), b->deaf.episodes);
}

static void assert_within_budget(void)
{
	assert_int_equal(day.syns.violations, 0);
	assert_int_equal(day.handshakes.violations, 0);
	assert_in_range(day.at_once_most, 1, DAY_SLOTS);
	assert_in_range(budget()->actual.worst, 1, DAY_CAP);
}

/* No entry lost for want of room, none that stays for ever. */
static void assert_tables_sound(void)
{
	assert_int_equal(count_of(SG_COUNTER_CONN_MAP_FULL), 0);
	assert_in_range(conn_count(), 1, 16384);
	assert_in_range(budget()->slots_used, 0, DAY_SLOTS);
	assert_in_range(budget()->actual.open, 0, DAY_SLOTS);
}

/* The CA is off. Three SYNs, what is under way and resent, and a feeler every 16 s come to it. */
static void reboot(__u64 off_ms, __u32 most)
{
	const __u32 episodes = budget()->deaf.episodes;

	day_reboot(off_ms);
	day_until(day.now + off_ms);
	assert_in_range(day.while_off, 3, most);
	assert_int_equal(budget()->deaf.episodes, episodes + 1);
	day_until(day.now + 60000);
	assert_in_range(day.answered_again, day.off_until, day.off_until + 25000);
	assert_int_equal(budget()->deaf.since, 0);
}

static bool is_calm(__u32 hour)
{
	const struct day_hour calm = CALM;

	return !memcmp(&hours[hour], &calm, sizeof(calm));
}

static __u64 hour_of_day(__u32 hour)
{
	const __u64 before = budget()->head;
	__u64 head = before;
	__u32 halts = 0;

	if (hour == 5 || hour == 15) {
		day_until(hour * DAY_HOUR + DAY_HOUR / 2);
		reboot(40000, 10);
	}
	while (day.now < (hour + 1) * DAY_HOUR) {
		day_until(day.now + 5000);
		halts += budget()->head == head;
		head = budget()->head;
	}
	say(hour, head - before, halts);
	assert_within_budget();
	assert_tables_sound();
	if (is_calm(hour))
		assert_in_range(halts, 0, HALTS_CALM);
	return head - before;
}

/* Whatever is still held comes free by asking, at most once for each lease. */
static void assert_slots_heal(void)
{
	__u32 asked = 0;

	day_until(day.now + 400000);
	while (budget()->slots_used < DAY_SLOTS - 2) {
		assert_true(++asked <= 2 * DAY_SLOTS);
		ask(stranger(), 1);
	}
}

static void test_day(void **state)
{
	__u64 admitted[24];

	(void)state;
	fresh_at(INITIAL_JIFFIES(250), 250);
	day_start(hours, INITIAL_JIFFIES(250), 1);
	for (__u32 hour = 0; hour < 24; hour++)
		admitted[hour] = hour_of_day(hour);
	/* The last storm is served as the one before; 46 a minute is the share of the class rollover. */
	assert_true(admitted[23] >= 46 * 60);
	assert_true(admitted[23] * 100 >= admitted[16] * 90);
	assert_true(admitted[22] * 100 >= admitted[1] * 90);
	assert_slots_heal();
}

/* What an hour of storm comes to that has this time in its middle. */
static void storm_about(__u64 middle, __u64 *admitted, __u32 *served)
{
	static const struct day_hour storm[2] = {STORM, STORM};
	const __u64 base = middle - DAY_HOUR / 2 * 250 / 1000;
	__u64 head;

	fresh_at(base, 250);
	day_start(storm, base, 7);
	head = budget()->head;
	day_until(DAY_HOUR);
	assert_within_budget();
	assert_tables_sound();
	*admitted = budget()->head - head;
	*served = day.served;
}

/* When 32 bits of ticks change sign or come round, nothing is different. */
static void test_wraps(void **state)
{
	static const __u64 wraps[] = {1ull << 31, 1ull << 32, 3ull << 31};
	__u64 admitted, usual;
	__u32 served, usually_served;

	(void)state;
	storm_about(1ull << 30, &usual, &usually_served);
	assert_true(usual > 2000);
	for (size_t i = 0; i < sizeof(wraps) / sizeof(wraps[0]); i++) {
		storm_about(wraps[i], &admitted, &served);
		assert_int_equal(admitted, usual);
		assert_int_equal(served, usually_served);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_day),
		cmocka_unit_test(test_wraps),
	};

	return cmocka_run_group_tests(tests, once, end);
}
