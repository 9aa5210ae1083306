// SPDX-License-Identifier: GPL-2.0-only
/* The loop that everything of the daemon's hangs on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../userspace/daemon/loop.h"

struct pair {
	struct sg_loop_watch watch[2];
	struct sg_loop loop;
	int calls[2];
};

static struct pair pair;

/* Whoever is called first takes the other one off: its event, already fetched, must not arrive. */
static void remove_other(struct sg_loop_watch *w, __u32 events)
{
	int me = w == &pair.watch[1];

	(void)events;
	pair.calls[me]++;
	sg_loop_remove(&pair.loop, &pair.watch[!me]);
	pair.loop.stop = true;
}

static void test_removed_watch_is_not_called(void **state)
{
	int fds[2][2];

	(void)state;
	assert_int_equal(sg_loop_open(&pair.loop), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pipe(fds[i]), 0);
		assert_int_equal(write(fds[i][1], "x", 1), 1);
		pair.watch[i] = (struct sg_loop_watch){fds[i][0], remove_other};
		assert_int_equal(sg_loop_add(&pair.loop, &pair.watch[i], EPOLLIN), 0);
	}
	assert_int_equal(sg_loop_run(&pair.loop), 0);
	assert_int_equal(pair.calls[0] + pair.calls[1], 1);
	sg_loop_close(&pair.loop);
	for (int i = 0; i < 2; i++) {
		close(fds[i][0]);
		close(fds[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_removed_watch_is_not_called),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
