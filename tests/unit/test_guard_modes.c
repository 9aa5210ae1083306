// SPDX-License-Identifier: GPL-2.0-only
/* What modes need and leave behind: the word read ahead, since when modes hold, keys of the cookies, the
 * drain, and intercept's keys of the configuration in ticks. All in virtual time.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "../../userspace/guard/guard_internal.h"
#include "../../bpf/core/cookie.h"

#define NOW                    1000000
#define SLOT                   8000 /* 32 s at 250 ticks a second */

#define WORD(now, then, until) SG_MODE_WORD(SG_MODE_##now, SG_MODE_##then, until)

/* A trial counts as long as it lasts, and what it falls back to from the first moment on. */
static void test_ahead(void **state)
{
	(void)state;
	assert_int_equal(sg_guard_mode_ahead(WORD(POLICE, POLICE, 0), NOW), SG_MODE_POLICE);
	assert_int_equal(sg_guard_mode_ahead(WORD(POLICE, INTERCEPT, 0), NOW), SG_MODE_POLICE);
	assert_int_equal(sg_guard_mode_ahead(WORD(INTERCEPT, POLICE, NOW + 1), NOW),
			 SG_MODE_INTERCEPT);
	assert_int_equal(sg_guard_mode_ahead(WORD(INTERCEPT, POLICE, NOW), NOW), SG_MODE_POLICE);
	assert_int_equal(sg_guard_mode_ahead(WORD(POLICE, INTERCEPT, NOW + 1), NOW),
			 SG_MODE_INTERCEPT);
	assert_int_equal(sg_guard_mode_ahead(WORD(OBSERVE, INTERCEPT, NOW), NOW),
			 SG_MODE_INTERCEPT);
}

static void test_rises(void **state)
{
	struct sg_guard g = {.live = {.police_since = 1, .intercept_since = 2}};

	(void)state;
	sg_guard_mode_rises(&g, SG_MODE_INTERCEPT, SG_MODE_OBSERVE, NOW);
	sg_guard_mode_rises(&g, SG_MODE_INTERCEPT, SG_MODE_INTERCEPT, NOW);
	assert_int_equal(g.live.police_since, 1);
	assert_int_equal(g.live.intercept_since, 2);
	sg_guard_mode_rises(&g, SG_MODE_POLICE, SG_MODE_INTERCEPT, NOW);
	assert_int_equal(g.live.police_since, 1);
	assert_int_equal(g.live.intercept_since, NOW);
	sg_guard_mode_rises(&g, SG_MODE_OBSERVE, SG_MODE_POLICE, NOW + 1);
	assert_int_equal(g.live.police_since, NOW + 1);
	assert_int_equal(g.live.intercept_since, NOW);
	sg_guard_mode_rises(&g, SG_MODE_OBSERVE, SG_MODE_INTERCEPT, NOW + 2);
	assert_int_equal(g.live.police_since, NOW + 2);
	assert_int_equal(g.live.intercept_since, NOW + 2);
}

/* In every slot in which the idle half may be renewed, none of the slots a cookie is looked for in has it, nor
 * have the next ones, in which the write may still be under way.
 */
static void test_key_is_idle(void **state)
{
	unsigned int allowed = 0;

	(void)state;
	for (__u32 slot = 1000; slot < 1000 + 1024; slot++) {
		__u32 half = slot >> SG_COOKIE_KEY_SHIFT & 1;

		if (!sg_guard_key_idle(slot))
			continue;
		allowed++;
		for (__u32 of = slot - SG_COOKIE_SLOTS + 1; of <= slot + 1; of++)
			assert_int_equal(of >> SG_COOKIE_KEY_SHIFT & 1, half);
	}
	assert_true(allowed > 1024 / 2); /* and there is time for it in each turn */
}

static void tend_at(struct sg_guard *g, __u32 slot)
{
	g->live.heartbeat = (__u64)slot * SLOT + 17;
	sg_guard_keys_renew(g);
}

static void test_keys_are_renewed(void **state)
{
	struct sg_guard g = {.times.cookie_slot = SLOT};
	__u64 first[2][2], second[2][2];

	(void)state;
	assert_int_equal(sg_guard_keys_first(&g), 0);
	assert_memory_not_equal(g.live.cookie_key[0], g.live.cookie_key[1], 16);
	memcpy(first, g.live.cookie_key, sizeof(first));
	tend_at(&g, 256 + 1); /* a cookie of the turn before may be good still */
	assert_memory_equal(g.live.cookie_key, first, sizeof(first));
	tend_at(&g, 256 + 60); /* an even turn: the half in use is 0 */
	memcpy(second, g.live.cookie_key, sizeof(second));
	assert_memory_equal(second[0], first[0], 16);
	assert_memory_not_equal(second[1], first[1], 16);
	tend_at(&g, 256 + 61); /* once in a turn */
	assert_memory_equal(g.live.cookie_key, second, sizeof(second));
	tend_at(&g, 384 + 127); /* too late for this turn: the half may be used at any moment */
	assert_memory_equal(g.live.cookie_key, second, sizeof(second));
	tend_at(&g, 384 + 60);
	assert_memory_equal(g.live.cookie_key[1], second[1], 16);
	assert_memory_not_equal(g.live.cookie_key[0], second[0], 16);
}

static void test_drain(void **state)
{
	struct sg_drain_look look = {.now = NOW, .good_until = NOW + 1, .bound = NOW + 9};

	(void)state;
	assert_false(sg_drain_over(&look)); /* a cookie is good still */
	look.now = look.good_until;
	assert_true(sg_drain_over(&look));
	look.frames = 1;
	assert_false(sg_drain_over(&look));
	look.frames = 0;
	look.spliced = 1;
	assert_false(sg_drain_over(&look));
	look.now = look.bound;
	assert_true(sg_drain_over(&look)); /* time is up */
	look = (struct sg_drain_look){.now = NOW, .good_until = NOW + 1, .bound = NOW};
	assert_false(sg_drain_over(&look)); /* but a good cookie is honoured, whatever the bound */
	look = (struct sg_drain_look){.now = NOW};
	assert_true(sg_drain_over(&look)); /* nobody ever got one */
}

static void test_service_in_ticks(void **state)
{
	struct sg_conf_service conf = {
		.intercept = {.answer_ttl_ns = 60 * SG_NS_PER_S,
			      .hold_ns = 20 * SG_NS_PER_S,
			      .mss = 1360},
	};
	struct sg_guard g = {.hz = 250, .time_scale = 10};
	struct sg_service svc;

	(void)state;
	sg_guard_fill_service(&g, &conf, &svc);
	assert_int_equal(svc.answer_ttl_ticks, 1500);
	assert_int_equal(svc.hold_ticks, 500);
	assert_int_equal(svc.mss, 1360);
	assert_int_equal(svc.answer_busy, 0);
	assert_int_equal(svc.question_path, 0);
	conf.intercept.answer = SG_CONFIG_ANSWER_UNAVAILABLE;
	sg_guard_fill_service(&g, &conf, &svc);
	assert_int_equal(svc.answer_busy, 1);
	assert_int_equal(svc.question_path, 0);
	conf.intercept.answer = SG_CONFIG_ANSWER_AS_CA;
	conf.intercept.question = SG_CONFIG_QUESTION_PATH;
	sg_guard_fill_service(&g, &conf, &svc);
	assert_int_equal(svc.answer_busy, 0);
	assert_int_equal(svc.question_path, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ahead),       cmocka_unit_test(test_rises),
		cmocka_unit_test(test_key_is_idle), cmocka_unit_test(test_keys_are_renewed),
		cmocka_unit_test(test_drain),       cmocka_unit_test(test_service_in_ticks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
