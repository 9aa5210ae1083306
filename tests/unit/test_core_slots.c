// SPDX-License-Identifier: GPL-2.0-only
/* Slots as leases: taken up to the cap and not beyond, released once, expiring by state, found by the
 * clock hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../lib/budget_cases.h"

static struct sg_budget budget;

static int setup(void **state)
{
	(void)state;
	sg_budget_init(&budget, 0, START);
	return 0;
}

static __u32 take(__u64 expires)
{
	struct sg_conn_key key = {.client_port = 7};

	return sg_lease_take(&budget, &key, 1, 2, expires);
}

static void test_every_lease_once(void **state)
{
	static bool seen[SG_LEASES];

	(void)state;
	for (__u32 i = 0; i < SG_LEASES; i++) {
		__u32 lease = take(START);

		assert_true(lease < SG_LEASES && !seen[lease]);
		seen[lease] = true;
	}
	assert_int_equal(budget.slots_used, SG_LEASES);
	assert_int_equal(take(START), SG_NO_LEASE);
	sg_lease_release(&budget, 77, 2);
	assert_int_equal(take(START), 77);
	assert_int_equal(take(START), SG_NO_LEASE);
}

static void test_release_once(void **state)
{
	__u32 a = take(START), b = take(START);

	(void)state;
	sg_lease_release(&budget, a, 3); /* another connection's by now */
	assert_int_equal(budget.slots_used, 2);
	sg_lease_release(&budget, a, 2);
	sg_lease_release(&budget, a, 2);
	assert_int_equal(budget.slots_used, 1);
	assert_int_equal(budget.free_top, SG_LEASES - 1);
	sg_lease_release(&budget, SG_NO_LEASE, 2);
	sg_lease_release(&budget, SG_LEASES, 2);
	assert_int_equal(budget.slots_used, 1);
	/* No two connections ever get the same one. */
	assert_int_not_equal(take(START), b);
	assert_int_not_equal(take(START), b);
}

static void test_cap_and_one_more(void **state)
{
	struct sg_service svc = case_service(0, 15);
	struct sg_grant grants[15], grant;

	(void)state;
	for (int i = 0; i < 15; i++)
		assert_int_equal(
			case_ask(&budget, &svc, SG_PRIORITY_ENROLMENT, START, true, &grants[i]),
			SG_REASON_ADMITTED);
	assert_int_equal(case_ask(&budget, &svc, SG_PRIORITY_ENROLMENT, START, true, &grant),
			 SG_REASON_SLOTS);
	assert_int_equal(budget.slots_used, 15);
	sg_lease_release(&budget, grants[3].lease, 1);
	assert_int_equal(case_ask(&budget, &svc, SG_PRIORITY_ENROLMENT, START, true, &grant),
			 SG_REASON_ADMITTED);
	assert_int_equal(case_ask(&budget, &svc, SG_PRIORITY_ENROLMENT, START, true, &grant),
			 SG_REASON_SLOTS);
}

static void test_leases_gone_is_no_slot(void **state)
{
	struct sg_service svc = case_service(0, 0);
	struct sg_grant grant;
	__u64 head;

	(void)state;
	while (take(START) != SG_NO_LEASE)
		;
	head = budget.head;
	assert_int_equal(case_ask(&budget, &svc, SG_PRIORITY_ENROLMENT, START, true, &grant),
			 SG_REASON_SLOTS);
	assert_int_equal(budget.head, head);
}

static void test_expiry_by_state(void **state)
{
	struct sg_service svc = case_service(80, 15);
	__u64 half = case_times.half_open, t = START;

	(void)state;
	assert_int_equal(sg_lease_expiry(&svc, half, SG_CONN_SYN_SENT, true, t, t), t + 5000);
	assert_int_equal(sg_lease_expiry(&svc, half, SG_CONN_SYN_ACKED, true, t, t + 1000),
			 t + 6000);
	/* However often its SYN comes. */
	assert_int_equal(sg_lease_expiry(&svc, half, SG_CONN_SYN_SENT, true, t, t + 29000),
			 t + 30000);
	assert_int_equal(sg_lease_expiry(&svc, half, SG_CONN_ESTABLISHED, true, t, t), t + 10000);
	assert_int_equal(sg_lease_expiry(&svc, half, SG_CONN_ESTABLISHED, false, t, t), t + 60000);
	assert_int_equal(sg_lease_expiry(&svc, half, SG_CONN_ESTABLISHED, false, t, t + 170000),
			 t + 180000);
	assert_int_equal(sg_lease_expiry(&svc, half, SG_CONN_ESTABLISHED, true, t, t + 179000),
			 t + 180000);
}

static void test_expired(void **state)
{
	struct sg_lease lease = {.used = 1, .expires = START};

	(void)state;
	assert_false(sg_lease_expired(&lease, START - 1));
	assert_false(sg_lease_expired(&lease, START));
	assert_true(sg_lease_expired(&lease, START + 1));
	lease.used = 0;
	assert_false(sg_lease_expired(&lease, START + 1));
}

/* As many refusals as leases ever used, and every one was looked at. */
static void test_clock_hand_sees_all(void **state)
{
	struct sg_service svc = case_service(0, 5);
	bool seen[SG_LEASES] = {};

	(void)state;
	assert_int_equal(sg_lease_at_hand(&budget, 9), 0);
	for (int i = 0; i < 5; i++)
		take(START);
	budget.lease_hand = 0xfffffffe; /* it wraps */
	for (int i = 0; i < 10; i++)
		seen[sg_budget_suspect(&budget, &svc, SG_REASON_SLOTS, START)] = true;
	for (__u32 i = 0; i < SG_LEASES; i++)
		assert_int_equal(seen[i], budget.leases[i].used);
}

static void test_suspect_of_an_unsettled_place(void **state)
{
	struct sg_service svc = case_service(3, 0);
	struct sg_grant grants[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		case_ask(&budget, &svc, SG_PRIORITY_ENROLMENT, START + i, true, &grants[i]);
	assert_int_equal(sg_budget_suspect(&budget, &svc, SG_REASON_WINDOW_UNSETTLED, START),
			 grants[0].lease);
	assert_int_equal(sg_budget_suspect(&budget, &svc, SG_REASON_WINDOW, START), SG_NO_LEASE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_every_lease_once, setup),
		cmocka_unit_test_setup(test_release_once, setup),
		cmocka_unit_test_setup(test_cap_and_one_more, setup),
		cmocka_unit_test_setup(test_leases_gone_is_no_slot, setup),
		cmocka_unit_test_setup(test_expiry_by_state, setup),
		cmocka_unit_test_setup(test_expired, setup),
		cmocka_unit_test_setup(test_clock_hand_sees_all, setup),
		cmocka_unit_test_setup(test_suspect_of_an_unsettled_place, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
