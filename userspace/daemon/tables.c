// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>

#include "clock.h"
#include "tables.h"

int sg_tables_open(struct sg_tables *t, const struct sg_guard *guard)
{
	int err;

	*t = (struct sg_tables){0};
	err = sg_maps_walk_open(&t->conns, sg_guard_map_fd(guard, SG_MAP_CONNS),
				sizeof(struct sg_conn_key), sizeof(struct sg_conn));
	t->sweep = sg_sweep_new(sg_guard_map_entries(guard, SG_MAP_CONNS));
	t->scratch = calloc(sg_maps_cpus(), sizeof(struct sg_stats));
	if (!err && (!t->sweep || !t->scratch))
		err = -ENOMEM;
	if (err)
		sg_tables_close(t);
	return err;
}

void sg_tables_close(struct sg_tables *t)
{
	sg_maps_walk_close(&t->conns);
	sg_sweep_free(t->sweep);
	free(t->scratch);
	t->sweep = NULL;
	t->scratch = NULL;
}

static int look_up(const struct sg_guard *guard, enum sg_guard_map map, __u32 index, void *value)
{
	return bpf_map_lookup_elem(sg_guard_map_fd(guard, map), &index, value) ? -errno : 0;
}

/* 64 questions, in 8 values: no more calls than that, and none on guards that never intercept. */
static int read_intercept(struct sg_tables *t, const struct sg_guard *guard, __u32 index)
{
	struct sg_question_bucket *buckets = t->questions[index];
	int err = look_up(guard, SG_MAP_INTERCEPTS, index, &t->intercepts[index]);

	if (err || !t->intercepts[index].cookie_last) {
		memset(buckets, 0, sizeof(t->questions[index]));
		return err;
	}
	for (__u32 i = 0; i < SG_QUESTION_BUCKETS && !err; i++)
		err = look_up(guard, SG_MAP_QUESTIONS, index * SG_QUESTION_BUCKETS + i,
			      &buckets[i]);
	return err;
}

static int read_service(struct sg_tables *t, const struct sg_guard *guard, __u32 index)
{
	int err;

	if (!t->services[index].enabled)
		return 0;
	err = read_intercept(t, guard, index);
	if (!err)
		err = look_up(guard, SG_MAP_BUDGETS, index, &t->budgets[index]);
	if (!err)
		err = sg_maps_sum(sg_guard_map_fd(guard, SG_MAP_STATS), index,
				  (__u64 *)&t->stats[index], sizeof(t->stats[index]), t->scratch);
	return err;
}

static int read_arrays(struct sg_tables *t, const struct sg_guard *guard)
{
	int err = look_up(guard, SG_MAP_LIVE, 0, &t->live);

	for (__u32 i = 0; i < SG_SERVICES && !err; i++) {
		err = look_up(guard, SG_MAP_SERVICES, i, &t->services[i]);
		if (!err)
			err = read_service(t, guard, i);
	}
	if (!err)
		err = sg_maps_sum(sg_guard_map_fd(guard, SG_MAP_PASSED), 0, (__u64 *)&t->passed,
				  sizeof(t->passed), t->scratch);
	return err;
}

static int sweep_connections(struct sg_tables *t)
{
	const struct sg_conn_key *keys = t->conns.keys;
	const struct sg_conn *conns = t->conns.values;
	bool end = false;
	int n;

	t->conns.begun = false;
	while (!end) {
		n = sg_maps_walk_next(&t->conns, &end);
		if (n < 0)
			return n;
		for (int i = 0; i < n; i++)
			sg_sweep_add(t->sweep, t->budgets, t->services, &keys[i], &conns[i]);
	}
	return 0;
}

int sg_tables_read(struct sg_tables *t, struct sg_guard *guard, __u64 keep_closed_ticks)
{
	int err = sg_guard_clock(guard, &t->now_ticks, &t->ktime_ns);

	if (err)
		return err;
	t->now_ns = sg_clock_realtime_ns();
	err = read_arrays(t, guard);
	if (err)
		return err;
	sg_sweep_begin(t->sweep, t->now_ticks, keep_closed_ticks);
	return sweep_connections(t);
}

int sg_tables_service(const struct sg_tables *t, const char *name)
{
	for (int i = 0; i < SG_SERVICES; i++)
		if (t->services[i].enabled &&
		    !strncmp(t->services[i].name, name, sizeof(t->services[i].name)))
			return i;
	return -ENOENT;
}

__u64 sg_tables_time(const struct sg_tables *t, const struct sg_guard *guard, __u64 ticks)
{
	__u64 ago;

	if (!ticks)
		return 0;
	if (ticks > t->now_ticks)
		return t->now_ns + sg_guard_tick_ns(guard, ticks - t->now_ticks);
	ago = sg_guard_tick_ns(guard, t->now_ticks - ticks);
	return ago < t->now_ns ? t->now_ns - ago : 1;
}
