// SPDX-License-Identifier: GPL-2.0-only
/* Rate of one source in virtual time, across wraps of 32-bit ticks and months of silence; and the table
 * that holds it, under a spoofed flood.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <cmocka.h>

#include "../../bpf/core/gcra.h"

#define INTERVAL 1250u /* 12/min at 250 ticks a second */
#define BURST    6u

static const struct sg_source_limits limits = {.interval_ticks = INTERVAL, .burst = BURST};

/* Open connections at `now` until refused. Returns how many. */
static __u32 exhaust(__u32 *tat, __u32 interval, __u32 burst, __u32 now)
{
	__u32 n = 0;

	while (sg_gcra_may(*tat, interval, burst, now) && n < 1000) {
		*tat = sg_gcra_charge(*tat, interval, burst, now);
		n++;
	}
	return n;
}

static void test_burst_and_one_more(void **state)
{
	static const __u32 starts[] = {0, 1, 1000000, 0x7fffffff, 0x80000000u, 0xffffffffu - 3000};

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		__u32 now = starts[i], tat = now;

		assert_int_equal(exhaust(&tat, INTERVAL, BURST, now), BURST);
		assert_int_equal(tat, now + BURST * INTERVAL);
		/* One interval earns one. */
		assert_false(sg_gcra_may(tat, INTERVAL, BURST, now + INTERVAL - 1));
		assert_int_equal(exhaust(&tat, INTERVAL, BURST, now + INTERVAL), 1);
		assert_int_equal(exhaust(&tat, INTERVAL, BURST, now + 3 * INTERVAL), 2);
		assert_int_equal(exhaust(&tat, INTERVAL, BURST, now + 100 * INTERVAL), BURST);
	}
}

static void test_burst_of_one(void **state)
{
	__u32 tat = 500, now = 500;

	(void)state;
	assert_int_equal(exhaust(&tat, INTERVAL, 1, now), 1);
	assert_false(sg_gcra_may(tat, INTERVAL, 1, now + INTERVAL - 1));
	assert_int_equal(exhaust(&tat, INTERVAL, 1, now + INTERVAL), 1);
}

static void test_no_rate(void **state)
{
	(void)state;
	for (__u32 tat = 0; tat < 0xf0000000u; tat += 0x01234567u)
		assert_true(sg_gcra_may(tat, 0, BURST, 42));
}

/* A source that used up its burst and was then silent for `gap` is refused only while the time left over
 * looks like a young one: within burst + 1 intervals below a whole wrap, and never for longer than that.
 */
static void assert_after_silence(__u32 now, __u64 gap)
{
	__u32 tat = now, later = now + (__u32)gap;
	__u64 ahead_of_wrap = (1ull << 32) - gap % (1ull << 32);

	exhaust(&tat, INTERVAL, BURST, now);
	if (gap >= BURST * INTERVAL && ahead_of_wrap > (BURST + 1) * INTERVAL &&
	    gap < (1ull << 32)) {
		if (!sg_gcra_may(tat, INTERVAL, BURST, later))
			fail_msg("refused after %llu ticks", (unsigned long long)gap);
		return;
	}
	assert_true(sg_gcra_may(tat, INTERVAL, BURST, later + (2 * BURST + 1) * INTERVAL));
}

static void test_months_of_silence(void **state)
{
	static const __u64 around[] = {1ull << 31, 1ull << 32};

	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (__s64 off = -20000; off <= 20000; off += 7)
			assert_after_silence(0xfffff000u, around[i] + off);
	for (__u64 gap = BURST * INTERVAL; gap < 1ull << 32; gap += 9999991)
		assert_after_silence(12345, gap);
}

/* Charging past the limit, as lost races do, silences nobody for longer than the burst. */
static void test_overcharging_is_bounded(void **state)
{
	__u32 tat = 1000;

	(void)state;
	for (int i = 0; i < 100; i++)
		tat = sg_gcra_charge(tat, INTERVAL, BURST, 1000);
	assert_int_equal(tat, 1000 + BURST * INTERVAL);
	assert_true(sg_gcra_may(tat, INTERVAL, BURST, 1000 + INTERVAL));
}

static void test_fingerprint_is_never_zero(void **state)
{
	(void)state;
	assert_int_not_equal(sg_source_fingerprint(0), 0);
	assert_int_not_equal(sg_source_fingerprint(0xffffffffu), 0);
	for (__u64 hash = 1; hash; hash <<= 1)
		assert_int_not_equal(sg_source_fingerprint(hash), 0);
}

static void test_bucket(void **state)
{
	struct sg_syn_bucket b = {};
	__u32 now = 50000;

	(void)state;
	assert_int_equal(sg_bucket_find(&b, 7), -1);
	assert_true(sg_bucket_may(&b, 7, &limits, now));
	for (__u32 i = 0; i < BURST; i++) {
		assert_true(sg_bucket_may(&b, 7, &limits, now));
		assert_false(sg_bucket_charge(&b, 7, &limits, now));
	}
	assert_false(sg_bucket_may(&b, 7, &limits, now));
	assert_true(sg_bucket_may(&b, 9, &limits, now));
	assert_true(sg_bucket_may(&b, 7, &limits, now + INTERVAL));
	/* It stays in its slot. */
	for (int i = 0, used = 0; i < 8; i++) {
		used += b.slot[i] != 0;
		assert_true(used <= 1);
	}
}

/* Eight sources fill it; the ninth displaces the one whose time lies furthest back, and says so while
 * that one is still charged, however much it used.
 */
static void test_bucket_displaces_the_oldest(void **state)
{
	struct sg_syn_bucket b = {};
	__u32 now = 0xfffffff0u; /* wraps between the charges */

	(void)state;
	for (__u32 i = 0; i < 8; i++) {
		for (__u32 k = 0; k < BURST; k++)
			assert_false(sg_bucket_charge(&b, 101 + 2 * i, &limits, now + 10 * i));
	}
	assert_int_equal(sg_bucket_find(&b, 101), sg_bucket_victim(&b, now + 80));
	assert_true(sg_bucket_charge(&b, 201, &limits, now + 80));
	assert_int_equal(sg_bucket_find(&b, 101), -1);
	assert_true(sg_bucket_find(&b, 103) >= 0);
	/* Long after, displacing one costs nobody anything. */
	assert_false(sg_bucket_charge(&b, 203, &limits, now + 100 * INTERVAL));
}

/* The real table of 64 Ki slots. Returns how many of `tries` a frequent sender got through while
 * `spoofed` other sources were charged between each of them.
 */
static __u32 under_flood(__u32 spoofed, __u32 tries)
{
	static struct sg_syn_bucket table[65536 / 8];
	const __u64 key[2] = {0x1234567890abcdefull, 0xfedcba0987654321ull};
	struct sg_ip me = sg_ip_from_v4(0x0100007f), other = sg_ip_from_v4(0);
	__u64 mine = sg_source_hash(&me, key), hash;
	__u32 passed = 0, next = 1, now = 1000000;

	memset(table, 0, sizeof(table));
	for (__u32 i = 0; i < tries; i++) {
		struct sg_syn_bucket *b = &table[mine & 8191];

		if (sg_bucket_may(b, sg_source_fingerprint(mine), &limits, now)) {
			passed++;
			sg_bucket_charge(b, sg_source_fingerprint(mine), &limits, now);
		}
		for (__u32 k = 0; k < spoofed / tries; k++) {
			other.w[3] = next++ * 2654435761u;
			hash = sg_source_hash(&other, key);
			b = &table[hash & 8191];
			sg_bucket_charge(b, sg_source_fingerprint(hash), &limits, now);
		}
		now++;
	}
	return passed;
}

/* 1 M other sources, all admitted (the worst case: refused ones are never charged). */
static void test_frequent_sender_in_a_flood(void **state)
{
	__u32 alone = under_flood(0, 1000), fast = under_flood(1000000, 1000);
	__u32 slow = under_flood(1000000, 20);

	(void)state;
	assert_int_equal(alone, BURST);
	print_message("of 1000 tries between 1 M others %u passed, of 20 tries %u (limit %u)\n",
		      fast, slow, BURST);
	assert_true(fast < 1000 / 4);
}

static void test_hash_spreads(void **state)
{
	static __u32 load[8192];
	const __u64 key[2] = {1, 2};

	(void)state;
	for (__u32 i = 0; i < 65536; i++) {
		struct sg_ip ip = sg_ip_from_v4(htonl(0x0a000000 + i));

		load[sg_source_hash(&ip, key) & 8191]++;
	}
	for (__u32 i = 0; i < 8192; i++)
		assert_true(load[i] < 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst_and_one_more),
		cmocka_unit_test(test_burst_of_one),
		cmocka_unit_test(test_no_rate),
		cmocka_unit_test(test_months_of_silence),
		cmocka_unit_test(test_overcharging_is_bounded),
		cmocka_unit_test(test_fingerprint_is_never_zero),
		cmocka_unit_test(test_bucket),
		cmocka_unit_test(test_bucket_displaces_the_oldest),
		cmocka_unit_test(test_frequent_sender_in_a_flood),
		cmocka_unit_test(test_hash_spreads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
