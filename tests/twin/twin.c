// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "twin.h"

/* The program itself, on the helpers of this directory. */
#include "helpers.h"
#include "../../bpf/scepguard.bpf.c" // NOLINT(bugprone-suspicious-include)

/* Of the address sanitizer; not every clang here has its header. */
void __asan_poison_memory_region(void const volatile *at, size_t len);
void __asan_unpoison_memory_region(void const volatile *at, size_t len);

#define ARENA_BYTES 4096
/* IP headers, 14 bytes and tags of 4 behind this, are aligned for native loads. */
#define FRAME_AT 258

static __u8 *arena;
static bool opened;
static const struct bpf_spin_lock *lock_held;

_Noreturn static void give_up(const char *what)
{
	fprintf(stderr, "twin: %s\n", what);
	abort();
}

/* ---- helpers ---- */

void bpf_spin_lock(struct bpf_spin_lock *lock)
{
	if (lock_held || lock->val)
		give_up("a lock is taken while one is held");
	lock_held = lock;
	lock->val = 1;
}

void bpf_spin_unlock(struct bpf_spin_lock *lock)
{
	if (lock_held != lock || lock->val != 1)
		give_up("a lock is released that is not held");
	lock_held = NULL;
	lock->val = 0;
}

long bpf_xdp_load_bytes(struct xdp_md *ctx, __u32 offset, void *to, __u32 len)
{
	const __u8 *data = (const __u8 *)(long)ctx->data;
	__u32 have = ctx->data_end - ctx->data;

	if (lock_held)
		give_up("a helper is called with a lock held");
	if (offset > 0xffff || len > 0xffff)
		return -EFAULT;
	if (offset + len > have)
		return -EINVAL;
	memcpy(to, data + offset, len);
	return 0;
}

__u64 bpf_jiffies64(void)
{
	give_up("the kernel's clock is asked for");
}

__u64 bpf_ktime_get_ns(void)
{
	give_up("the kernel's clock is asked for");
}

/* ---- what is frozen at load ---- */

/* libbpf writes .rodata before it is frozen. So does this: pages of it are made writable, and the
 * compiler is not told what is written.
 */
static void set_frozen(const volatile void *variable, const void *value, size_t len)
{
	volatile __u8 *to = (volatile __u8 *)(uintptr_t)variable;
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = (uintptr_t)variable & ~(page - 1);

	if (mprotect((void *)from, (uintptr_t)variable + len - from, PROT_READ | PROT_WRITE))
		give_up("cannot write constants");
	__asm__ volatile("" : "+r"(to));
	for (size_t i = 0; i < len; i++)
		to[i] = ((const __u8 *)value)[i];
}

static void freeze(const struct guard_sizes *sizes)
{
	const __u32 yes = 1, ring_mask = sizes->ring - 1, bucket_mask = sizes->syn_buckets - 1,
		    tick_ns = 1000000000 / sizes->hz;
	struct sg_times times;

#define X(name, ms, why) times.name = (__u64)(ms)*sizes->hz / 1000;
	SG_TIME_LIST(X)
#undef X
	set_frozen(&sg_test_clock, &yes, sizeof(yes));
	set_frozen(&sg_times, &times, sizeof(times));
	set_frozen(&sg_conn_ring_mask, &ring_mask, sizeof(ring_mask));
	set_frozen(&sg_syn_bucket_mask, &bucket_mask, sizeof(bucket_mask));
	set_frozen(&sg_tick_ns, &tick_ns, sizeof(tick_ns));
	set_frozen(&sg_highest_mode, &sizes->highest_mode, sizeof(sizes->highest_mode));
}

/* ---- maps ---- */

struct twin_map *twin_map(enum twin_map_id id)
{
	switch (id) {
#define X(map)           \
	case TWIN_##map: \
		return TWIN_MAP(&map);
		TWIN_MAPS(X)
#undef X
	case TWIN_MAPS_COUNT:
		break;
	}
	return NULL;
}

/* Entries the daemon sets before load, else those of the map's own definition. */
static __u32 entries(enum twin_map_id id, const struct guard_sizes *sizes, __u32 otherwise)
{
	switch (id) {
	case TWIN_sg_conns:
		return sizes->conns;
	case TWIN_sg_conn_ring:
		return sizes->ring;
	case TWIN_sg_sources:
		return sizes->sources;
	case TWIN_sg_syn_limiter:
	case TWIN_sg_refused:
		return sizes->syn_buckets;
	case TWIN_sg_events:
		return sizes->event_bytes;
	default:
		return otherwise;
	}
}

/* N of __uint(name, N). */
#define UINT(member) ((__u32)(sizeof(*(member)) / sizeof(int)))

static void make_maps(const struct guard_sizes *sizes)
{
#define X(map)                                                              \
	map.type = (void *)twin_map_new(&(struct twin_map_spec){            \
		#map, UINT(map.type), sizeof(*map.key), sizeof(*map.value), \
		entries(TWIN_##map, sizes, UINT(map.max_entries))});
	TWIN_TABLES(X)
#undef X
	sg_events.type = (void *)twin_map_new(&(struct twin_map_spec){
		"sg_events", UINT(sg_events.type), 0, 0, entries(TWIN_sg_events, sizes, 0)});
}

void twin_close(void)
{
	if (!opened)
		return;
	for (int id = 0; id < TWIN_MAPS_COUNT; id++)
		twin_map_free(twin_map(id));
	opened = false;
}

void twin_open(const struct guard_sizes *sizes)
{
	twin_close();
	freeze(sizes);
	make_maps(sizes);
	opened = true;
	if (arena)
		return;
	/* struct xdp_md has pointers of 32 bits. */
	arena = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (arena == MAP_FAILED)
		give_up("no memory below 2 GiB for a frame");
}

void twin_clock_set(__u64 ticks, __u64 ktime_ns)
{
	sg_test_time.ticks = ticks;
	sg_test_time.ktime_ns = ktime_ns;
}

/* ---- programs ---- */

/* What one packet leaves behind for itself is nothing to the next one: whoever reads it all the same
 * reads something else than the kernel does.
 */
static void soil_scratch(void)
{
	const __u32 zero = 0;

	memset(bpf_map_lookup_elem(&sg_flows, &zero), 0xa5, sizeof(struct sg_flow));
	memset(bpf_map_lookup_elem(&sg_scratch, &zero), 0xa5, sizeof(struct sg_conn));
}

__u32 twin_run(__u8 *frame, size_t len, __u32 ifindex)
{
	__u8 *data = arena + FRAME_AT;
	struct xdp_md ctx = {.data = (__u32)(uintptr_t)data,
			     .data_end = (__u32)(uintptr_t)(data + len),
			     .ingress_ifindex = ifindex};
	__u32 action;

	if (len > TWIN_FRAME_MAX)
		give_up("a frame longer than the kernel takes");
	__asan_poison_memory_region(arena, ARENA_BYTES);
	__asan_unpoison_memory_region(data, len);
	memcpy(data, frame, len);
	soil_scratch();
	action = scepguard(&ctx);
	memcpy(frame, data, len);
	if (lock_held)
		give_up("a lock is still held at the end");
	return action;
}

int twin_take(struct sg_take_call *call)
{
	return sg_take(call);
}

int twin_end(struct sg_end_call *call)
{
	return sg_end(call);
}

int twin_clock(struct sg_clock_call *call)
{
	return sg_clock(call);
}
