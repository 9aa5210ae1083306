// SPDX-License-Identifier: GPL-2.0-only
/* Which differences between two snapshots become events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "../../userspace/daemon/changes.h"

static struct sg_changes changes;
static struct sg_snapshot snap;
static char told[512]; /* "KIND SERVICE STATE TIMES;" each */

static void tell(void *ctx, enum sg_events_own what, __u32 service, const char *state, __u32 times)
{
	size_t used = strlen(told);

	assert_ptr_equal(ctx, &snap);
	snprintf(told + used, sizeof(told) - used, "%d %u %s %u;", what, service,
		 state ? state : "-", times);
}

static const char *look(void)
{
	told[0] = '\0';
	sg_changes_look(&changes, &snap, tell, &snap);
	return told;
}

static int set_up(void **state)
{
	(void)state;
	memset(&changes, 0, sizeof(changes));
	memset(&snap, 0, sizeof(snap));
	snap.mode = SG_MODE_POLICE;
	snap.service_count = 2;
	strcpy(snap.services[0].name, "one");
	strcpy(snap.services[1].name, "two");
	snap.services[1].shadow.state = SG_SHADOW_NOT_READY;
	snap.services[1].stats.counters[SG_COUNTER_UNLEARNED] = 5;
	return 0;
}

static void test_each(void **state)
{
	char expected[64];

	(void)state;
	assert_string_equal(look(), ""); /* as it was found */
	assert_string_equal(look(), "");
	snap.mode = SG_MODE_INTERCEPT;
	snprintf(expected, sizeof(expected), "%d %d intercept 1;", SG_EVENTS_MODE, SG_SERVICES);
	assert_string_equal(look(), expected);
	assert_string_equal(look(), "");
	snap.services[1].intercept.bypass = SG_BYPASS_FOUND;
	snprintf(expected, sizeof(expected), "%d 1 found 1;", SG_EVENTS_BYPASS);
	assert_string_equal(look(), expected);
	snap.services[0].shadow.state = SG_SHADOW_READY_UNVERIFIED;
	snprintf(expected, sizeof(expected), "%d 0 ready_unverified 1;", SG_EVENTS_SHADOW);
	assert_string_equal(look(), expected);
	snap.services[1].stats.counters[SG_COUNTER_UNLEARNED] += 3;
	snprintf(expected, sizeof(expected), "%d 1 - 3;", SG_EVENTS_UNLEARNED);
	assert_string_equal(look(), expected);
	assert_string_equal(look(), "");
}

static void test_no_change(void **state)
{
	(void)state;
	look();
	snap.services[1].stats.counters[SG_COUNTER_UNLEARNED] = 2; /* the tables are new */
	assert_string_equal(look(), "");
	strcpy(snap.services[1].name, "three"); /* another service in its place */
	snap.services[1].shadow.state = SG_SHADOW_READY;
	assert_string_equal(look(), "");
	snap.service_count = 1;
	assert_string_equal(look(), "");
	snap.service_count = 2;
	snap.services[1].shadow.state = SG_SHADOW_EXPIRED;
	assert_string_equal(look(), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_each, set_up),
		cmocka_unit_test_setup(test_no_change, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
