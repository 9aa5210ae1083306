/* SPDX-License-Identifier: GPL-2.0-only */
/* In place of libbpf's <bpf/bpf_helpers.h>, whose guard this takes, when bpf/scepguard.bpf.c is built
 * natively, unchanged: the helpers it calls, as functions of twin_map.h and twin.c. A map's sizes are in
 * its own type, as for libbpf; its `type` member, a null pointer there, points to the native map here.
 */
#ifndef SG_TWIN_HELPERS_H
#define SG_TWIN_HELPERS_H

#ifdef __BPF_HELPERS__
#error "libbpf's helpers came first"
#endif
#define __BPF_HELPERS__ // NOLINT(bugprone-reserved-identifier)

#include "twin_map.h"

#define SEC(name)
#define __uint(name, val) int(*name)[val]
#define __type(name, val) __typeof__(val) *name
#define __noinline        __attribute__((noinline))
#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

#define TWIN_MAP(map) ((struct twin_map *)(void *)(map)->type)

/* Through typed copies, so that a key or a value of another map does not compile. */
#define bpf_map_lookup_elem(map, k)                                                  \
	({                                                                           \
		const __typeof__(*(map)->key) *twin_key_ = (k);                      \
		(__typeof__((map)->value))twin_map_lookup(TWIN_MAP(map), twin_key_); \
	})
#define bpf_map_update_elem(map, k, v, flags)                                  \
	({                                                                     \
		const __typeof__(*(map)->key) *twin_key_ = (k);                \
		const __typeof__(*(map)->value) *twin_value_ = (v);            \
		twin_map_update(TWIN_MAP(map), twin_key_, twin_value_, flags); \
	})
#define bpf_map_delete_elem(map, k)                             \
	({                                                      \
		const __typeof__(*(map)->key) *twin_key_ = (k); \
		twin_map_delete(TWIN_MAP(map), twin_key_);      \
	})
#define bpf_ringbuf_reserve(map, size, flags) twin_ring_reserve(TWIN_MAP(map), size)
#define bpf_ringbuf_submit(record, flags)     twin_ring_submit(record, flags)
#define bpf_ringbuf_query(map, what)          twin_ring_query(TWIN_MAP(map), what)
/* Comes back only when there is no such step. */
#define bpf_tail_call(ctx, map, index) twin_tail_call(ctx, TWIN_MAP(map), index)
void twin_tail_call(struct xdp_md *ctx, struct twin_map *map, __u32 index);

void bpf_spin_lock(struct bpf_spin_lock *lock);
void bpf_spin_unlock(struct bpf_spin_lock *lock);
long bpf_xdp_load_bytes(struct xdp_md *ctx, __u32 offset, void *to, __u32 len);
long bpf_xdp_store_bytes(struct xdp_md *ctx, __u32 offset, void *from, __u32 len);
long bpf_xdp_adjust_head(struct xdp_md *ctx, int delta);
long bpf_xdp_adjust_tail(struct xdp_md *ctx, int delta);
__u64 bpf_jiffies64(void);
__u64 bpf_ktime_get_ns(void);

#endif
