// SPDX-License-Identifier: GPL-2.0-only
/* The walk over the connection table, the recount after it, and who is forgotten when the table of
 * sources is nearly full. All in virtual time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../bpf/core/budget.h"
#include "../../userspace/daemon/recount.h"
#include "../../userspace/daemon/sources.h"
#include "../../userspace/daemon/sweep.h"

#define NOW  1000000
#define LIFE 45000
#define KEEP 2500

struct fixture {
	struct sg_budget budgets[SG_SERVICES];
	struct sg_service services[SG_SERVICES];
	struct sg_recount recount;
	struct sg_sweep *sweep;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->sweep = sg_sweep_new(16384);
	for (int i = 0; i < SG_SERVICES; i++) {
		sg_budget_init(&f->budgets[i], 0, 0);
		f->services[i].life_ticks = LIFE;
	}
	sg_sweep_begin(f->sweep, NOW, KEEP);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	sg_sweep_free(f->sweep);
	free(f);
	return 0;
}

static struct sg_conn_key key_of(__u32 n)
{
	return (struct sg_conn_key){.client.w[3] = n, .client_port = n & 0xffff, .endpoint = 1};
}

/* An established connection with a lease of its own, which runs out at @expires. */
static struct sg_conn leased(struct fixture *f, __u64 generation, __u64 expires)
{
	struct sg_conn_key key = key_of(generation);
	struct sg_conn conn = {
		.generation = generation,
		.state = SG_CONN_ESTABLISHED,
		.opened = NOW - 100,
		.flags = SG_CONN_SOURCE | SG_CONN_ACTUAL,
		.source.w[3] = generation,
	};

	conn.lease = sg_lease_take(&f->budgets[0], &key, 0, generation, expires);
	f->budgets[0].actual.open++;
	return conn;
}

static void add(struct fixture *f, const struct sg_conn *conn)
{
	struct sg_conn_key key = key_of(conn->generation);

	sg_sweep_add(f->sweep, f->budgets, f->services, &key, conn);
}

static void test_due_at_the_tick(void **state)
{
	struct fixture *f = *state;
	struct sg_conn last = leased(f, 1, NOW), over = leased(f, 2, NOW - 1);
	struct sg_conn old = leased(f, 3, NOW + 100), older = leased(f, 4, NOW + 100);

	old.opened = NOW - LIFE;
	older.opened = NOW - LIFE - 1;
	add(f, &last);
	add(f, &over);
	add(f, &old);
	add(f, &older);
	assert_int_equal(f->sweep->reap_count, 2);
	assert_int_equal(f->sweep->reap[0].conn.generation, 2);
	assert_int_equal(f->sweep->reap[1].conn.generation, 4);
	assert_int_equal(f->sweep->services[0].open, 4);
}

/* Splices are counted while they are open. */
static void test_splices(void **state)
{
	struct fixture *f = *state;
	struct sg_conn native = leased(f, 1, NOW + 100), spliced = leased(f, 2, NOW + 100);
	struct sg_conn closed = leased(f, 3, NOW + 100);

	spliced.flags |= SG_CONN_SPLICED;
	closed.flags |= SG_CONN_SPLICED;
	closed.state = SG_CONN_CLOSED;
	add(f, &native);
	add(f, &spliced);
	add(f, &closed);
	assert_int_equal(f->sweep->services[0].spliced, 1);
	sg_sweep_begin(f->sweep, NOW + 1, KEEP);
	assert_int_equal(f->sweep->services[0].spliced, 0);
}

/* The lease belongs to another connection by now, or none is held: only life counts. */
static void test_foreign_lease_ends_nobody(void **state)
{
	struct fixture *f = *state;
	struct sg_conn conn = leased(f, 1, NOW - 5);

	f->budgets[0].leases[conn.lease].generation = 99;
	add(f, &conn);
	conn.lease = SG_NO_LEASE;
	add(f, &conn);
	assert_int_equal(f->sweep->reap_count, 0);
	conn.opened = NOW - LIFE - 1;
	add(f, &conn);
	assert_int_equal(f->sweep->reap_count, 1);
}

/* In observe a connection stays due for ever: it counts in the walk that first finds it so. */
static void test_newly_due_once(void **state)
{
	struct fixture *f = *state;
	struct sg_conn conn = leased(f, 1, NOW + 10);

	add(f, &conn);
	assert_int_equal(f->sweep->services[0].newly_due, 0);
	sg_sweep_begin(f->sweep, NOW + 250, KEEP);
	add(f, &conn);
	assert_int_equal(f->sweep->services[0].newly_due, 1);
	sg_sweep_begin(f->sweep, NOW + 500, KEEP);
	add(f, &conn);
	assert_int_equal(f->sweep->services[0].newly_due, 0);
	assert_int_equal(f->sweep->reap_due, 1);
}

static void test_closed_are_kept_a_while(void **state)
{
	struct fixture *f = *state;
	struct sg_conn conn = {.generation = 7, .state = SG_CONN_CLOSED, .lease = SG_NO_LEASE};

	conn.client.seen = NOW - KEEP;
	add(f, &conn);
	assert_int_equal(f->sweep->delete_count, 0);
	conn.client.seen = NOW - KEEP - 1;
	conn.ca.seen = NOW - 1;
	add(f, &conn);
	assert_int_equal(f->sweep->delete_count, 0);
	conn.ca.seen = 0;
	add(f, &conn);
	assert_int_equal(f->sweep->delete_count, 1);
	assert_int_equal(f->sweep->closed[0].generation, 7);
	assert_int_equal(f->sweep->services[0].open, 0);
}

/* A late copy of its first request must be known for as long as its cookie is good. */
static void test_closed_splices_are_kept_longer(void **state)
{
	struct fixture *f = *state;
	struct sg_conn spliced = {
		.generation = 7,
		.state = SG_CONN_CLOSED,
		.flags = SG_CONN_SPLICED,
		.lease = SG_NO_LEASE,
		.client.seen = NOW - 2 * KEEP,
	};
	struct sg_conn native = spliced;

	native.flags = 0;
	sg_sweep_keep_spliced(f->sweep, 2 * KEEP);
	sg_sweep_begin(f->sweep, NOW, KEEP); /* a walk forgets nothing of it */
	add(f, &spliced);
	assert_int_equal(f->sweep->delete_count, 0);
	add(f, &native);
	assert_int_equal(f->sweep->delete_count, 1);
	spliced.client.seen--;
	add(f, &spliced);
	assert_int_equal(f->sweep->delete_count, 2);
	sg_sweep_keep_spliced(f->sweep, KEEP / 2); /* never less than others */
	spliced.client.seen = NOW - KEEP;
	add(f, &spliced);
	assert_int_equal(f->sweep->delete_count, 2);
}

/* Clients that speak on after their SYN, though nothing of the CA has passed. */
static void test_unheard(void **state)
{
	struct fixture *f = *state;
	const struct sg_conn spoken = {
		.lease = SG_NO_LEASE, .opened = NOW - 9, .client.seen = NOW - 8};
	struct sg_conn conn = spoken;

	sg_sweep_unheard_since(f->sweep, 0, NOW - 10);
	conn.client.seen = conn.opened; /* a SYN only */
	add(f, &conn);
	conn = spoken;
	conn.flags = SG_CONN_SPLICED;
	add(f, &conn);
	conn.flags = SG_CONN_ADOPTED;
	add(f, &conn);
	conn = spoken;
	conn.ca.known = 1;
	add(f, &conn);
	conn = spoken;
	conn.opened = NOW - 10;
	add(f, &conn);
	assert_int_equal(f->sweep->services[0].unheard, 0);
	add(f, &spoken);
	conn = spoken;
	conn.state = SG_CONN_CLOSED;
	add(f, &conn);
	assert_int_equal(f->sweep->services[0].unheard, 2);
	sg_sweep_begin(f->sweep, NOW + 1, KEEP);
	assert_int_equal(f->sweep->services[0].unheard, 0);
}

/* In observe nothing ends those that are not spliced: they must not be in the way. */
static void test_splices_are_picked_before_others(void **state)
{
	struct fixture *f = *state;
	struct sg_conn native = {.generation = 1, .lease = SG_NO_LEASE}, spliced = native;
	__u32 picked = 0;

	spliced.generation = 2;
	spliced.flags = SG_CONN_SPLICED;
	add(f, &spliced);
	for (int i = 0; i < 2 * SG_SWEEP_REAP_MAX; i++)
		add(f, &native);
	for (int i = 0; i < 2 * SG_SWEEP_REAP_MAX; i++) {
		add(f, &spliced);
		add(f, &native);
	}
	assert_int_equal(f->sweep->reap_count, SG_SWEEP_REAP_MAX);
	for (__u32 i = 0; i < f->sweep->reap_count; i++)
		picked += f->sweep->reap[i].conn.generation == 2;
	assert_int_equal(picked, SG_SWEEP_REAP_MAX);
}

static void test_picks_are_bounded(void **state)
{
	struct fixture *f = *state;
	struct sg_conn due = {.generation = 1, .lease = SG_NO_LEASE}, closed = due;

	closed.state = SG_CONN_CLOSED;
	for (int i = 0; i < 2000; i++) {
		add(f, &due);
		add(f, &closed);
	}
	assert_int_equal(f->sweep->reap_count, SG_SWEEP_REAP_MAX);
	assert_int_equal(f->sweep->reap_due, 2000);
	assert_int_equal(f->sweep->delete_count, SG_SWEEP_DELETE_MAX);
}

static void test_service_out_of_range(void **state)
{
	struct fixture *f = *state;
	struct sg_conn conn = {.service = SG_SERVICES, .lease = 5};

	add(f, &conn);
	assert_int_equal(f->sweep->entries, 1);
	assert_int_equal(f->sweep->reap_count, 0);
}

static void test_sources_are_counted_per_walk(void **state)
{
	struct fixture *f = *state;
	struct sg_source_key key = {.ip.w[3] = 5};
	struct sg_conn conn = {.state = SG_CONN_ESTABLISHED,
			       .opened = NOW,
			       .lease = SG_NO_LEASE,
			       .flags = SG_CONN_SOURCE,
			       .source.w[3] = 5};

	for (__u32 n = 0; n < 3; n++)
		add(f, &conn);
	for (__u32 n = 100; n < 16000; n++) {
		conn.source.w[3] = n;
		add(f, &conn);
	}
	assert_int_equal(sg_sweep_source_connections(f->sweep, &key), 3);
	key.service = 1;
	assert_int_equal(sg_sweep_source_connections(f->sweep, &key), 0);
	key.service = 0;
	sg_sweep_begin(f->sweep, NOW + 1, KEEP);
	assert_int_equal(sg_sweep_source_connections(f->sweep, &key), 0);
}

static __u32 recount(struct fixture *f)
{
	return sg_recount_service(&f->recount, &f->budgets[0], &f->sweep->services[0]);
}

static void test_agreeing_books_have_no_drift(void **state)
{
	struct fixture *f = *state;
	struct sg_conn a = leased(f, 1, NOW + 5), b = leased(f, 2, NOW + 5);

	add(f, &a);
	add(f, &b);
	assert_int_equal(recount(f), 0);
	assert_int_equal(recount(f), 0);
	assert_int_equal(f->recount.drift_total, 0);
}

/* A lease without its connection is drift when it was so twice, and is summed up once. */
static void test_leaked_lease(void **state)
{
	struct fixture *f = *state;
	struct sg_conn gone = leased(f, 1, NOW + 5);

	f->budgets[0].actual.open = 0;
	assert_int_equal(recount(f), 0);
	assert_int_equal(recount(f), 1);
	assert_int_equal(recount(f), 1);
	assert_int_equal(f->recount.drift_total, 1);
	sg_lease_release(&f->budgets[0], gone.lease, gone.generation);
	assert_int_equal(recount(f), 0);
}

/* Read in the moment between two connections on one lease: no drift, though the lease is unheld twice. */
static void test_changing_lease_is_no_drift(void **state)
{
	struct fixture *f = *state;
	struct sg_conn conn = leased(f, 1, NOW + 5);

	f->budgets[0].actual.open = 0;
	assert_int_equal(recount(f), 0);
	f->budgets[0].leases[conn.lease].generation = 2;
	assert_int_equal(recount(f), 0);
}

static void test_counters_off(void **state)
{
	struct fixture *f = *state;

	f->budgets[0].slots_used = 3;
	f->budgets[0].actual.open = -2;
	assert_int_equal(recount(f), 0);
	assert_int_equal(recount(f), 5);
	assert_int_equal(recount(f), 5);
	assert_int_equal(f->recount.drift_total, 5);
	f->budgets[0].slots_used = 1; /* off by another number: new, not yet confirmed */
	assert_int_equal(recount(f), 2);
	assert_int_equal(recount(f), 3);
}

static void test_suspects(void **state)
{
	struct fixture *f = *state;
	struct sg_recount_sources list = {0};
	struct sg_source_key key = {.ip.w[3] = 1};
	struct sg_conn conn = leased(f, 1, NOW + 5);
	struct sg_source src = {.connections = 1};

	add(f, &conn);
	sg_recount_suspect(&list, f->sweep, &key, &src);
	assert_int_equal(list.count, 0);
	src.connections = 4;
	sg_recount_suspect(&list, f->sweep, &key, &src);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.suspects[0].off, 3);
	for (int i = 0; i < 2 * SG_RECOUNT_SUSPECTS; i++)
		sg_recount_suspect(&list, f->sweep, &key, &src);
	assert_int_equal(list.count, SG_RECOUNT_SUSPECTS);
}

static void test_age_buckets_grow(void **state)
{
	__u32 last = 0;

	(void)state;
	assert_int_equal(sg_sources_age_bucket(0), 0);
	for (__u64 age = 1; age < 1ull << 40; age += age / 3 + 1) {
		__u32 bucket = sg_sources_age_bucket(age);

		assert_true(bucket >= last && bucket < SG_SOURCES_AGES);
		last = bucket;
	}
	assert_int_equal(last, SG_SOURCES_AGES - 1);
	assert_true(sg_sources_age_bucket(250 * 60) < sg_sources_age_bucket(250 * 120));
	assert_int_equal(sg_sources_age_bucket(~0ull), SG_SOURCES_AGES - 1);
}

static void test_oldest_go_first(void **state)
{
	struct sg_sources_ages ages = {.count = {[10] = 100, [20] = 50, [30] = 5}};

	(void)state;
	assert_int_equal(sg_sources_oldest_bucket(&ages, 0), SG_SOURCES_AGES);
	assert_int_equal(sg_sources_oldest_bucket(&ages, 5), 30);
	assert_int_equal(sg_sources_oldest_bucket(&ages, 6), 20);
	assert_int_equal(sg_sources_oldest_bucket(&ages, 56), 10);
	assert_int_equal(sg_sources_oldest_bucket(&ages, 1000), 0);
}

static void test_who_may_not_go(void **state)
{
	struct sg_source src = {0};

	(void)state;
	assert_true(sg_sources_may_go(&src, NOW));
	src.connections = 1;
	assert_false(sg_sources_may_go(&src, NOW));
	src.connections = 0;
	src.claim_left = 1;
	src.claim_until = NOW + 1;
	assert_false(sg_sources_may_go(&src, NOW));
	assert_true(sg_sources_may_go(&src, NOW + 1));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_due_at_the_tick),
		T(test_splices),
		T(test_foreign_lease_ends_nobody),
		T(test_newly_due_once),
		T(test_closed_are_kept_a_while),
		T(test_closed_splices_are_kept_longer),
		T(test_splices_are_picked_before_others),
		T(test_unheard),
		T(test_picks_are_bounded),
		T(test_service_out_of_range),
		T(test_sources_are_counted_per_walk),
		T(test_agreeing_books_have_no_drift),
		T(test_leaked_lease),
		T(test_changing_lease_is_no_drift),
		T(test_counters_off),
		T(test_suspects),
		cmocka_unit_test(test_age_buckets_grow),
		cmocka_unit_test(test_oldest_go_first),
		cmocka_unit_test(test_who_may_not_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
