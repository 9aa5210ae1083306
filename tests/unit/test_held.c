// SPDX-License-Identifier: GPL-2.0-only
/* Who waits, how long, and after whom: read from the turnkeeper's notes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../../userspace/daemon/held.h"

#define NOW   100000ull
#define SLOTS 64

struct fixture {
	struct sg_turns turns;
	struct sg_frame frames[SLOTS];
	struct sg_turns_note notes[SLOTS];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->turns.frames = f->frames;
	f->turns.notes = f->notes;
	f->turns.entries = SLOTS;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	free(*state);
	return 0;
}

static struct sg_ip client(__u32 n)
{
	return (struct sg_ip){.w = {0, 0, 0, n}};
}

/* A request of client n, held since then; its ticket is its slot's number + 1. */
static struct sg_turns_note *hold(struct fixture *f, __u32 n, __u8 service, __u8 priority,
				  __u64 since)
{
	const __u32 slot = f->turns.count++;

	f->frames[slot] = (struct sg_frame){
		.ticket = slot + 1,
		.state = SG_FRAME_WAITING,
		.key = {.client = client(n), .client_port = slot, .endpoint = 3},
		.since = since,
		.asked_since = since,
		.deadline = since + 5000,
		.service = service,
		.priority = priority,
		.request_class = SG_REQUEST_GETCACERT,
	};
	f->notes[slot] = (struct sg_turns_note){
		.ticket = slot + 1,
		.asked_since = since,
		.deadline = since + 5000,
		.slot = slot,
		.service = service,
		.priority = priority,
	};
	return &f->notes[slot];
}

static void test_longest(void **state)
{
	struct fixture *f = *state;
	struct sg_held_waits waits;

	sg_held_look(&f->turns, NOW, &waits);
	assert_int_equal(waits.longest[1][SG_PRIORITY_ROLLOVER], 0);
	hold(f, 1, 1, SG_PRIORITY_ROLLOVER, NOW - 10);
	hold(f, 2, 1, SG_PRIORITY_ROLLOVER, NOW - 30);
	hold(f, 3, 1, SG_PRIORITY_ROLLOVER, NOW - 20);
	hold(f, 4, 1, SG_PRIORITY_OTHER, NOW + 1); /* written a moment after the clock was read */
	hold(f, 5, 0, SG_PRIORITY_ROLLOVER, NOW - 7);
	hold(f, 6, 1, SG_PRIORITY_ROLLOVER, NOW - 99)->granted = true;
	sg_held_look(&f->turns, NOW, &waits);
	assert_int_equal(waits.longest[1][SG_PRIORITY_ROLLOVER], 30);
	assert_int_equal(waits.longest[0][SG_PRIORITY_ROLLOVER], 7);
	assert_int_equal(waits.longest[1][SG_PRIORITY_OTHER], 0);
}

/* Notes are older than the slots they are about. */
static void test_those_that_are_gone(void **state)
{
	struct fixture *f = *state;
	const struct sg_ip one = client(1);
	struct sg_held_waits waits;
	struct sg_held held[4];

	hold(f, 1, 0, SG_PRIORITY_OTHER, NOW - 10);
	hold(f, 1, 0, SG_PRIORITY_OTHER, NOW - 10);
	hold(f, 1, 0, SG_PRIORITY_OTHER, NOW - 10)->ticket = 0;
	f->frames[0].ticket = 77;
	f->frames[1].state = SG_FRAME_SENT;
	f->frames[2].ticket = 0;
	assert_int_equal(sg_held_of(&f->turns, &one, 0, held, 4), 0);
	sg_held_look(&f->turns, NOW, &waits);
	assert_int_equal(waits.longest[0][SG_PRIORITY_OTHER], 0);
}

static void test_place(void **state)
{
	struct fixture *f = *state;
	const struct sg_ip one = client(1), nobody = client(9);
	struct sg_held held[4];

	hold(f, 2, 0, SG_PRIORITY_BOOTSTRAP, NOW - 10); /* a better class: before all of client 1 */
	hold(f, 1, 0, SG_PRIORITY_ROLLOVER, NOW - 50);
	hold(f, 2, 0, SG_PRIORITY_ROLLOVER, NOW - 60); /* asks for longer */
	hold(f, 1, 0, SG_PRIORITY_ROLLOVER, NOW - 50); /* as long, came later */
	hold(f, 2, 0, SG_PRIORITY_OTHER, NOW - 90);    /* a lower class */
	hold(f, 2, 0, SG_PRIORITY_BOOTSTRAP, NOW - 90)->granted = true;
	hold(f, 2, 1, SG_PRIORITY_BOOTSTRAP, NOW - 90); /* of another service */
	hold(f, 1, 0, SG_PRIORITY_OTHER, NOW - 99)->granted = true;
	hold(f, 1, 1, SG_PRIORITY_OTHER, NOW - 99);
	assert_int_equal(sg_held_of(&f->turns, &one, 0, held, 4), 3);
	assert_int_equal(held[0].place, 0); /* has its turn */
	assert_int_equal(held[0].priority, SG_PRIORITY_OTHER);
	assert_int_equal(held[1].place, 3);
	assert_int_equal(held[1].since, NOW - 50);
	assert_int_equal(held[1].deadline, NOW - 50 + 5000);
	assert_int_equal(held[1].key.client_port, 1);
	assert_int_equal(held[1].key.endpoint, 3);
	assert_int_equal(held[1].request_class, SG_REQUEST_GETCACERT);
	assert_int_equal(held[2].place, 4);
	assert_int_equal(sg_held_of(&f->turns, &one, 0, held, 2), 2);
	assert_int_equal(sg_held_of(&f->turns, &one, 1, held, 4), 1);
	assert_int_equal(held[0].place, 2);
	assert_int_equal(sg_held_of(&f->turns, &nobody, 0, held, 4), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_longest),
		T(test_those_that_are_gone),
		T(test_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
