/* SPDX-License-Identifier: GPL-2.0-only */
/* BPF maps as the kernel keeps them for one CPU, natively. Every entry of a hash is an allocation of its
 * own and goes at once when it is deleted or replaced, so that the address sanitizer sees a pointer
 * that outlives its entry (in the kernel: another connection's entry by then).
 */
#ifndef SG_TWIN_MAP_H
#define SG_TWIN_MAP_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

struct twin_map;

struct twin_map_spec {
	const char *name;
	__u32 type; /* BPF_MAP_TYPE_ARRAY, _PERCPU_ARRAY (one CPU), _HASH, _LPM_TRIE, _RINGBUF or
		     _PROG_ARRAY (a word, 0: no program) */
	__u32 key_size, value_size; /* bytes; 0 for a ring buffer */
	__u32 max_entries;          /* bytes for a ring buffer */
};

/* Never NULL: ends the process when there is no memory. Owned by the caller: twin_map_free(). */
struct twin_map *twin_map_new(const struct twin_map_spec *spec);
void twin_map_free(struct twin_map *map);

/* As just created: arrays zero, everything else empty. */
void twin_map_clear(struct twin_map *map);

const struct twin_map_spec *twin_map_about(const struct twin_map *map);

/* Entries of a hash or trie. */
__u32 twin_map_count(const struct twin_map *map);

/* As the helpers: pointer or NULL; 0 or negative errno (E2BIG: a hash is full). */
void *twin_map_lookup(struct twin_map *map, const void *key);
long twin_map_update(struct twin_map *map, const void *key, const void *value, __u64 flags);
long twin_map_delete(struct twin_map *map, const void *key);

/* Walk a hash or trie: *at is NULL at first; false at the end. Nothing may be changed meanwhile. */
struct twin_element {
	struct twin_element *next; /* in its bucket */
	__u32 bucket;
	__u64 bytes[]; /* key, then value from the next multiple of 8 on */
};
bool twin_map_next(const struct twin_map *map, const struct twin_element **at);
const void *twin_element_key(const struct twin_element *element);
void *twin_element_value(const struct twin_map *map, const struct twin_element *element);

/* Records. reserve: NULL when the kernel would have no room. */
void *twin_ring_reserve(struct twin_map *map, __u32 size);
void twin_ring_submit(void *record, __u64 flags);

/* bpf_ringbuf_query(): bytes that wait (BPF_RB_AVAIL_DATA), the only thing the program asks for. */
__u64 twin_ring_query(const struct twin_map *map, __u64 what);

/* Hand all records to `take`, oldest first, and empty the ring. Returns how many. */
__u32 twin_ring_drain(struct twin_map *map, void (*take)(void *ctx, const void *record, size_t len),
		      void *ctx);

#endif
