// SPDX-License-Identifier: GPL-2.0-only
/* Leaving intercept. The mode word is lower from the first moment, and the program, which obeys it, begins
 * nothing new; but it stays until nothing of intercept is left: no cookie that is good, no frame held, no
 * spliced connection open. Whatever remains when all of it must be over by its own time limits is cut
 * off. Then the program for the mode in force takes its place, on the clients' side first: no packet
 * of theirs may wait for a splice that the CA's side knows no more.
 *
 * All that is asked for is in pinned maps, so a daemon that is restarted goes on where this one was.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guard_internal.h"
#include "../../bpf/core/cookie.h"
#include "../daemon/maps.h"

/* A load that fails (memory) is tried again so much later. */
#define RETRY_S 60

bool sg_drain_over(const struct sg_drain_look *look)
{
	if (look->now < look->good_until)
		return false;
	return (!look->frames && !look->spliced) || look->now >= look->bound;
}

/* When the last cookie was given, of all services; 0 = never. Their longest hold and life. */
static int read_services(const struct sg_guard *g, __u64 *cookie_last, __u64 *longest)
{
	*cookie_last = *longest = 0;
	for (__u32 i = 0; i < SG_SERVICES; i++) {
		struct sg_intercept state;
		struct sg_service svc;
		__u64 last;

		if (bpf_map_lookup_elem(sg_guard_map_fd(g, SG_MAP_INTERCEPTS), &i, &state) ||
		    bpf_map_lookup_elem(sg_guard_map_fd(g, SG_MAP_SERVICES), &i, &svc))
			return -errno;
		last = svc.hold_ticks + svc.life_ticks;
		*cookie_last = state.cookie_last > *cookie_last ? state.cookie_last : *cookie_last;
		*longest = last > *longest ? last : *longest;
	}
	return 0;
}

/* Those whose turn is yet to come; the rest belongs to connections. */
static int count_frames(const struct sg_guard *g, __u32 *count)
{
	__u32 entries = sg_guard_map_entries(g, SG_MAP_FRAMES);
	size_t size = entries * sizeof(struct sg_frame);
	const struct sg_frame *frames =
		mmap(NULL, size, PROT_READ, MAP_SHARED, sg_guard_map_fd(g, SG_MAP_FRAMES), 0);

	if (frames == MAP_FAILED)
		return -errno;
	*count = 0;
	for (__u32 i = 0; i < entries; i++) {
		__u32 state = __atomic_load_n(&frames[i].state, __ATOMIC_RELAXED);

		*count += state == SG_FRAME_WAITING || state == SG_FRAME_GRANTED;
	}
	munmap((void *)frames, size);
	return 0;
}

static int count_spliced(const struct sg_guard *g, __u32 *count)
{
	struct sg_maps_walk walk;
	bool end = false;
	int n = sg_maps_walk_open(&walk, sg_guard_map_fd(g, SG_MAP_CONNS),
				  sizeof(struct sg_conn_key), sizeof(struct sg_conn));

	*count = 0;
	while (n >= 0 && !end) {
		const struct sg_conn *conns = walk.values;

		n = sg_maps_walk_next(&walk, &end);
		for (int i = 0; i < n; i++)
			*count += conns[i].state != SG_CONN_CLOSED &&
				  conns[i].flags & SG_CONN_SPLICED;
	}
	sg_maps_walk_close(&walk);
	return n < 0 ? n : 0;
}

static int look_around(const struct sg_guard *g, __u64 now, struct sg_drain_look *look)
{
	__u64 cookie_last, longest;
	int err = read_services(g, &cookie_last, &longest);

	if (err)
		return err;
	*look = (struct sg_drain_look){.now = now};
	if (cookie_last) {
		look->good_until = cookie_last + SG_COOKIE_SLOTS_GOOD * g->times.cookie_slot;
		look->bound = cookie_last + SG_COOKIE_SLOTS * g->times.cookie_slot + longest;
	}
	/* And the reaper gets its time to end what is due, when no daemon ran for long. */
	if (g->drain_since && look->bound < g->drain_since + g->times.half_open)
		look->bound = g->drain_since + g->times.half_open;
	if (now < look->good_until)
		return 0;
	err = count_frames(g, &look->frames);
	return err ? err : count_spliced(g, &look->spliced);
}

bool sg_guard_drain_pending(struct sg_guard *g, __u64 now)
{
	struct sg_drain_look look;

	return look_around(g, now, &look) || now < look.good_until || look.frames || look.spliced;
}

bool sg_guard_draining(const struct sg_guard *g)
{
	return g->drain_since != 0;
}

/* Put the lower mode's program in place. */
static int lower(struct sg_guard *g, enum sg_mode mode)
{
	int err = sg_guard_load(g, mode);

	if (!err)
		err = sg_guard_links_update(g, false);
	if (!err)
		sg_guard_steps_settle(g);
	return err;
}

static void begin(struct sg_guard *g, __u64 now)
{
	g->drain_since = now;
	sg_log_info("intercept is left: what it has begun is finished first");
}

static void finish(struct sg_guard *g, const struct sg_drain_look *look, enum sg_mode mode)
{
	if (lower(g, mode)) {
		g->drain_retry = look->now + RETRY_S * (__u64)g->hz;
		return;
	}
	g->drain_since = 0;
	if (look->frames || look->spliced)
		sg_log_warning("intercept: %u connections and %u held requests outlived their time "
			       "and are cut off",
			       look->spliced, look->frames);
	sg_log_info("nothing of intercept is left: the program can no more than '%s'",
		    sg_config_mode_name((enum sg_config_mode)mode));
}

void sg_guard_drain(struct sg_guard *g)
{
	__u64 now = g->live.heartbeat;
	enum sg_mode ahead = sg_guard_mode_ahead(g->live.mode_word, now);
	struct sg_drain_look look;

	if (g->highest < SG_MODE_INTERCEPT || ahead >= SG_MODE_INTERCEPT) {
		g->drain_since = 0;
		g->drain_looks = 0;
		return;
	}
	if (!g->drain_since)
		begin(g, now);
	if (now < g->drain_retry)
		return;
	/* Twice in a row: a request that gets its turn just now is no frame any more, and no connection yet. */
	if (look_around(g, now, &look) || !sg_drain_over(&look))
		g->drain_looks = 0;
	else if (++g->drain_looks > 1)
		finish(g, &look, ahead);
}
