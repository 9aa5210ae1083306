// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "twin_map.h"

#define BUCKETS 256

/* In front of every record of a ring buffer, as in the kernel (BPF_RINGBUF_HDR_SZ). */
struct record {
	struct record *next;
	struct twin_map *map;
	size_t len;
	bool submitted;
	__u64 bytes[];
};

struct twin_map {
	struct twin_map_spec spec;
	__u8 *values; /* arrays */
	__u32 count;
	struct twin_element *buckets[BUCKETS];
	struct record *first, *last; /* ring buffer */
	__u32 used;                  /* bytes of it, headers included */
};

static void *allocate(size_t len)
{
	void *p = calloc(1, len);

	if (p)
		return p;
	perror("twin: no memory");
	exit(2);
}

static bool is_array(const struct twin_map *map)
{
	return map->spec.type == BPF_MAP_TYPE_ARRAY ||
	       map->spec.type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       map->spec.type == BPF_MAP_TYPE_PROG_ARRAY;
}

static size_t value_at(const struct twin_map *map)
{
	return (map->spec.key_size + 7) / 8 * 8;
}

struct twin_map *twin_map_new(const struct twin_map_spec *spec)
{
	struct twin_map *map = allocate(sizeof(*map));

	map->spec = *spec;
	if (is_array(map))
		map->values = allocate((size_t)spec->max_entries * spec->value_size);
	return map;
}

static void drop_records(struct twin_map *map)
{
	for (struct record *r = map->first, *next; r; r = next) {
		next = r->next;
		free(r);
	}
	map->first = map->last = NULL;
	map->used = 0;
}

void twin_map_clear(struct twin_map *map)
{
	if (is_array(map)) {
		memset(map->values, 0, (size_t)map->spec.max_entries * map->spec.value_size);
		return;
	}
	for (__u32 i = 0; i < BUCKETS && map->count; i++) {
		for (struct twin_element *e = map->buckets[i], *next; e; e = next) {
			next = e->next;
			free(e);
			map->count--;
		}
		map->buckets[i] = NULL;
	}
	drop_records(map);
}

void twin_map_free(struct twin_map *map)
{
	if (!map)
		return;
	twin_map_clear(map);
	free(map->values);
	free(map);
}

const struct twin_map_spec *twin_map_about(const struct twin_map *map)
{
	return &map->spec;
}

__u32 twin_map_count(const struct twin_map *map)
{
	return map->count;
}

/* FNV-1a. */
static __u32 bucket_of(const struct twin_map *map, const void *key)
{
	const __u8 *p = key;
	__u32 hash = 2166136261u;

	for (__u32 i = 0; i < map->spec.key_size; i++)
		hash = (hash ^ p[i]) * 16777619u;
	return (hash ^ hash >> 16) % BUCKETS;
}

static struct twin_element **find(struct twin_map *map, const void *key)
{
	struct twin_element **at = &map->buckets[bucket_of(map, key)];

	while (*at && memcmp((*at)->bytes, key, map->spec.key_size) != 0)
		at = &(*at)->next;
	return at;
}

const void *twin_element_key(const struct twin_element *element)
{
	return element->bytes;
}

void *twin_element_value(const struct twin_map *map, const struct twin_element *element)
{
	return (__u8 *)element->bytes + value_at(map);
}

/* Do the first `bits` of two keys agree, behind the prefix length? */
static bool prefix_matches(const __u8 *a, const __u8 *b, __u32 bits)
{
	__u32 whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return !rest || !((a[whole] ^ b[whole]) >> (8 - rest));
}

/* The longest prefix of the key, one by one. */
static void *lookup_prefix(struct twin_map *map, const void *key)
{
	const struct twin_element *at = NULL, *best = NULL;
	__u32 bits, best_bits = 0, most;

	memcpy(&most, key, sizeof(most));
	while (twin_map_next(map, &at)) {
		memcpy(&bits, at->bytes, sizeof(bits));
		if (bits > most || (best && bits < best_bits) ||
		    !prefix_matches((const __u8 *)at->bytes + 4, (const __u8 *)key + 4, bits))
			continue;
		best = at;
		best_bits = bits;
	}
	return best ? twin_element_value(map, best) : NULL;
}

void *twin_map_lookup(struct twin_map *map, const void *key)
{
	struct twin_element *found;
	__u32 index;

	if (map->spec.type == BPF_MAP_TYPE_LPM_TRIE)
		return lookup_prefix(map, key);
	if (!is_array(map)) {
		found = *find(map, key);
		return found ? twin_element_value(map, found) : NULL;
	}
	memcpy(&index, key, sizeof(index));
	if (index >= map->spec.max_entries)
		return NULL;
	return map->values + (size_t)index * map->spec.value_size;
}

/* An existing entry is replaced by a new one, as in the kernel: pointers to the old one are stale. */
static long update_element(struct twin_map *map, const void *key, const void *value, __u64 flags)
{
	struct twin_element **at = find(map, key), *old = *at, *new;

	if (old && flags == BPF_NOEXIST)
		return -EEXIST;
	if (!old && flags == BPF_EXIST)
		return -ENOENT;
	if (!old && map->count >= map->spec.max_entries)
		return map->spec.type == BPF_MAP_TYPE_HASH ? -E2BIG : -ENOSPC;
	new = allocate(sizeof(*new) + value_at(map) + map->spec.value_size);
	memcpy(new->bytes, key, map->spec.key_size);
	memcpy((__u8 *)new->bytes + value_at(map), value, map->spec.value_size);
	new->bucket = bucket_of(map, key);
	new->next = old ? old->next : NULL;
	*at = new;
	if (old)
		free(old);
	else
		map->count++;
	return 0;
}

long twin_map_update(struct twin_map *map, const void *key, const void *value, __u64 flags)
{
	void *to;

	if (!is_array(map))
		return update_element(map, key, value, flags);
	to = twin_map_lookup(map, key);
	if (!to)
		return -E2BIG;
	memcpy(to, value, map->spec.value_size);
	return 0;
}

long twin_map_delete(struct twin_map *map, const void *key)
{
	struct twin_element **at, *old;

	if (is_array(map))
		return -EINVAL;
	at = find(map, key);
	old = *at;
	if (!old)
		return -ENOENT;
	*at = old->next;
	free(old);
	map->count--;
	return 0;
}

bool twin_map_next(const struct twin_map *map, const struct twin_element **at)
{
	__u32 bucket = 0;

	if (*at) {
		bucket = (*at)->bucket + 1;
		*at = (*at)->next;
	}
	while (!*at && bucket < BUCKETS)
		*at = map->buckets[bucket++];
	return *at;
}

/* Bytes a record takes in the kernel's ring: header of 8, whole multiples of 8. */
static __u32 record_room(size_t len)
{
	return (__u32)(len + 8 + 7) / 8 * 8;
}

void *twin_ring_reserve(struct twin_map *map, __u32 size)
{
	struct record *r;

	if (map->used + record_room(size) > map->spec.max_entries - 1)
		return NULL;
	r = allocate(sizeof(*r) + size);
	/* What the kernel hands out is not zero either. */
	memset(r->bytes, 0xa5, size);
	r->map = map;
	r->len = size;
	if (map->last)
		map->last->next = r;
	else
		map->first = r;
	map->last = r;
	map->used += record_room(size);
	return r->bytes;
}

__u64 twin_ring_query(const struct twin_map *map, __u64 what)
{
	if (what != BPF_RB_AVAIL_DATA) {
		fprintf(stderr, "twin: '%s' is asked for %llu\n", map->spec.name, what);
		abort();
	}
	return map->used;
}

void twin_ring_submit(void *record, __u64 flags)
{
	struct record *r =
		(struct record *)(void *)((__u8 *)record - offsetof(struct record, bytes));

	if (flags & ~(__u64)(BPF_RB_NO_WAKEUP | BPF_RB_FORCE_WAKEUP)) {
		fprintf(stderr, "twin: a record of '%s' is submitted with flags %llu\n",
			r->map->spec.name, flags);
		abort();
	}
	if (r->submitted) {
		fprintf(stderr, "twin: a record of '%s' is submitted twice\n", r->map->spec.name);
		abort();
	}
	r->submitted = true;
}

__u32 twin_ring_drain(struct twin_map *map, void (*take)(void *ctx, const void *record, size_t len),
		      void *ctx)
{
	__u32 count = 0;

	for (struct record *r = map->first; r; r = r->next, count++) {
		if (!r->submitted) {
			fprintf(stderr, "twin: a record of '%s' was never submitted\n",
				map->spec.name);
			abort();
		}
		if (take)
			take(ctx, r->bytes, r->len);
	}
	drop_records(map);
	return count;
}
