// SPDX-License-Identifier: GPL-2.0-only
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "twin.h"

/* The program itself, on the helpers of this directory. */
#include "helpers.h"
#include "twin_packet.h"
#include "../../bpf/scepguard.bpf.c" // NOLINT(bugprone-suspicious-include)

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

/* What nearly every helper may not be called with (verifier). */
static void no_lock(void)
{
	if (lock_held)
		give_up("a helper is called with a lock held");
}

long bpf_xdp_load_bytes(struct xdp_md *ctx, __u32 offset, void *to, __u32 len)
{
	no_lock();
	return twin_packet_load(ctx, offset, to, len);
}

long bpf_xdp_store_bytes(struct xdp_md *ctx, __u32 offset, void *from, __u32 len)
{
	no_lock();
	return twin_packet_store(ctx, offset, from, len);
}

long bpf_xdp_adjust_head(struct xdp_md *ctx, int delta)
{
	no_lock();
	return twin_packet_head(ctx, delta);
}

long bpf_xdp_adjust_tail(struct xdp_md *ctx, int delta)
{
	no_lock();
	return twin_packet_tail(ctx, delta);
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
		    frame_mask = sizes->frames - 1, tick_ns = 1000000000 / sizes->hz;
	struct sg_times times;

#define X(name, ms, why) times.name = (__u64)(ms)*sizes->hz / 1000;
	SG_TIME_LIST(X)
#undef X
	set_frozen(&sg_test_clock, &yes, sizeof(yes));
	set_frozen(&sg_times, &times, sizeof(times));
	set_frozen(&sg_conn_ring_mask, &ring_mask, sizeof(ring_mask));
	set_frozen(&sg_syn_bucket_mask, &bucket_mask, sizeof(bucket_mask));
	set_frozen(&sg_frame_mask, &frame_mask, sizeof(frame_mask));
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
	case TWIN_sg_frames:
		return sizes->frames + SG_LEASES;
	case TWIN_sg_waiting:
		return sizes->frames;
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
}

void twin_clock_set(__u64 ticks, __u64 ktime_ns)
{
	sg_test_time.ticks = ticks;
	sg_test_time.ktime_ns = ktime_ns;
}

/* ---- programs ---- */

/* The step that is gone on in, as the kernel does it: nothing of the one before is left. */
static struct {
	jmp_buf again;
	__u32 next;  /* enum sg_step */
	__u32 calls; /* of this packet */
} steps;

/* Tail calls of one packet that the kernel allows (MAX_TAIL_CALL_CNT). */
#define STEPS_MOST 33

void twin_tail_call(struct xdp_md *ctx, struct twin_map *map, __u32 index)
{
	const __u32 *set = twin_map_lookup(map, &index);

	(void)ctx;
	no_lock();
	if (!set || !*set || steps.calls >= STEPS_MOST)
		return;
	steps.calls++;
	steps.next = index;
	longjmp(steps.again, 1); // NOLINT(cert-err52-cpp)
}

static __u32 run_step(struct xdp_md *ctx, __u32 step)
{
	switch (step) {
	case SG_STEP_ENTRY:
		return scepguard(ctx);
	case SG_STEP_DOOR:
		return scepguard_door(ctx);
	case SG_STEP_FIRST:
		return scepguard_first(ctx);
	case SG_STEP_QUESTION:
		return scepguard_question(ctx);
	case SG_STEP_BACK:
		return scepguard_back(ctx);
	default:
		give_up("a step that there is not");
	}
}

/* What one packet leaves behind for itself is nothing to the next one: whoever reads it all the same
 * reads something else than the kernel does. Save four marks, which each packet leaves as the next needs
 * them; one of them only a guard that intercepts ever sets.
 */
static void soil_scratch(void)
{
	const __u32 zero = 0;
	struct sg_flow *flow = bpf_map_lookup_elem(&sg_flows, &zero);
	bool through_door = flow->through_door, probing = flow->probing;
	__u64 held_since = flow->held_since;

	memset(flow, 0xa5, sizeof(*flow));
	flow->through_door = through_door;
	flow->probing = probing;
	flow->held_since = held_since;
	flow->ask.spread = sg_may_intercept();
	memset(bpf_map_lookup_elem(&sg_scratch, &zero), 0xa5, sizeof(struct sg_conn));
	memset(bpf_map_lookup_elem(&sg_texts, &zero), 0xa5, sizeof(struct sg_question_text));
}

__u32 twin_run(__u8 *frame, size_t *len, __u32 ifindex)
{
	static struct xdp_md ctx;
	__u32 action;

	twin_packet_begin(&ctx, frame, *len);
	ctx.ingress_ifindex = ifindex;
	soil_scratch();
	steps.next = SG_STEP_ENTRY;
	steps.calls = 0;
	setjmp(steps.again); // NOLINT(cert-err52-cpp)
	action = run_step(&ctx, steps.next);
	*len = twin_packet_end(&ctx, frame);
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

int twin_turn(struct sg_turn_call *call)
{
	return sg_turn(call);
}

int twin_expire(struct sg_expire_call *call)
{
	return sg_expire(call);
}

enum sg_mode twin_highest(void)
{
	return (enum sg_mode)sg_highest_mode;
}
