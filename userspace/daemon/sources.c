// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <bpf/bpf.h>

#include "sources.h"
#include "../../bpf/core/gcra.h"

#define ROUND_TICKS 10

int sg_sources_open(struct sg_sources *s, const struct sg_guard *guard)
{
	int err;

	*s = (struct sg_sources){.evict_from = SG_SOURCES_AGES};
	s->capacity = sg_guard_map_entries(guard, SG_MAP_SOURCES);
	err = sg_marks_open(&s->marks, sg_guard_map_fd(guard, SG_MAP_REFUSED),
			    sg_guard_map_entries(guard, SG_MAP_REFUSED));
	if (err)
		return err;
	s->marks.stale = true; /* of a daemon before */
	sg_marks_begin(&s->marks);
	return sg_maps_walk_open(&s->walk, sg_guard_map_fd(guard, SG_MAP_SOURCES),
				 sizeof(struct sg_source_key), sizeof(struct sg_source));
}

void sg_sources_close(struct sg_sources *s)
{
	sg_maps_walk_close(&s->walk);
	sg_marks_close(&s->marks);
}

__u32 sg_sources_age_bucket(__u64 age_ticks)
{
	__u32 log, bucket;

	if (age_ticks < 2)
		return 0;
	log = 63 - __builtin_clzll(age_ticks);
	bucket = 2 * log + (age_ticks >> (log - 1) & 1); /* upper or lower half of the octave */
	return bucket < SG_SOURCES_AGES ? bucket : SG_SOURCES_AGES - 1;
}

__u32 sg_sources_oldest_bucket(const struct sg_sources_ages *ages, __u32 excess)
{
	__u32 bucket = SG_SOURCES_AGES, sum = 0;

	while (bucket && sum < excess)
		sum += ages->count[--bucket];
	return bucket;
}

bool sg_sources_may_go(const struct sg_source *src, __u64 now)
{
	return src->connections <= 0 && (!src->claim_left || now >= src->claim_until);
}

static __u64 age_of(const struct sg_source *src, __u64 now)
{
	return now > src->last_seen ? now - src->last_seen : 0;
}

bool sg_sources_count(struct sg_sources *s, const struct sg_source *src, __u64 now)
{
	__u32 bucket = sg_sources_age_bucket(age_of(src, now));
	bool may_go = sg_sources_may_go(src, now);

	/* Who goes is not counted: else the next round would forget as many once more. */
	if (may_go && s->evict_left && bucket >= s->evict_from) {
		s->evict_left--;
		return true;
	}
	s->counted++;
	s->ages.count[bucket] += may_go;
	return false;
}

/* A source that is admitted in this instant may be forgotten after all: what the program writes to
 * it then is lost, and it is taken for one never seen. Nobody is locked out by that.
 */
static void tend_one(struct sg_sources *s, const struct sg_sweep *sweep, const __u64 *hash_key,
		     const struct sg_source_key *key, const struct sg_source *src)
{
	sg_recount_suspect(&s->suspects, sweep, key, src);
	if (sg_sources_count(s, src, sweep->now) && !bpf_map_delete_elem(s->walk.fd, key)) {
		s->evicted_total++;
		s->marks.stale = true;
	} else {
		sg_marks_need(&s->marks, sg_source_hash(&key->ip, hash_key));
	}
}

void sg_sources_end_round(struct sg_sources *s)
{
	__u32 full = (__u64)s->capacity * SG_SOURCES_FULL_PERMILLE / 1000;
	__u32 leave = (__u64)s->capacity * SG_SOURCES_LEAVE_PERMILLE / 1000;

	s->known = s->counted;
	s->counted = 0;
	s->evict_left = s->known > full ? s->known - leave : 0;
	s->evict_from =
		s->evict_left ? sg_sources_oldest_bucket(&s->ages, s->evict_left) : SG_SOURCES_AGES;
	memset(&s->ages, 0, sizeof(s->ages));
}

/* Was wrong by as much at the last tick and still is: set it right. Between reading and writing
 * (microseconds) an admission of this very source may come, whose marks are then lost; the next
 * recount would find its connection missing.
 */
static void correct_one(struct sg_sources *s, const struct sg_sweep *sweep,
			const struct sg_recount_source *suspect)
{
	struct sg_source src;
	__s32 found;

	if (bpf_map_lookup_elem(s->walk.fd, &suspect->key, &src))
		return;
	found = sg_sweep_source_connections(sweep, &suspect->key);
	if (src.connections - found != suspect->off)
		return;
	src.connections = found;
	if (!bpf_map_update_elem(s->walk.fd, &suspect->key, &src, BPF_EXIST))
		s->suspects.corrected_total++;
}

int sg_sources_tend(struct sg_sources *s, const struct sg_sweep *sweep, const __u64 *hash_key)
{
	const struct sg_source_key *keys = s->walk.keys;
	const struct sg_source *sources = s->walk.values;
	__u32 share = s->capacity / ROUND_TICKS + SG_MAPS_BATCH, seen = 0;
	bool end = false;
	int n;

	for (__u32 i = 0; i < s->suspects.count; i++)
		correct_one(s, sweep, &s->suspects.suspects[i]);
	s->suspects.count = 0;
	while (!end && seen < share) {
		n = sg_maps_walk_next(&s->walk, &end);
		if (n < 0) {
			s->walk.begun = false;
			return n;
		}
		for (int i = 0; i < n; i++)
			tend_one(s, sweep, hash_key, &keys[i], &sources[i]);
		seen += n;
	}
	if (end) {
		sg_sources_end_round(s);
		sg_marks_end(&s->marks);
		sg_marks_begin(&s->marks);
	}
	return 0;
}
