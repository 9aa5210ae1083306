// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "twin.h"
#include "twin_packet.h"

/* Of the address sanitizer; not every clang here has its header. */
void __asan_poison_memory_region(void const volatile *at, size_t len);
void __asan_unpoison_memory_region(void const volatile *at, size_t len);

#define ARENA_BYTES 4096
/* IP headers, 14 bytes and tags of 4 behind this, are aligned for native loads. */
#define FRAME_AT   258
#define ETH_HEADER 14

static __u8 *arena;
static __u32 room_head = TWIN_ROOM_HEAD, room_tail = ARENA_BYTES;

_Noreturn static void give_up(const char *what)
{
	fprintf(stderr, "twin: %s\n", what);
	abort();
}

void twin_room(__u32 head, __u32 tail)
{
	room_head = head < TWIN_ROOM_HEAD ? head : TWIN_ROOM_HEAD;
	room_tail = tail;
}

/* Where the room behind the frame ends; set when it begins. */
static __u8 *room_end;

static __u8 *data_of(const struct xdp_md *ctx)
{
	return (__u8 *)(uintptr_t)ctx->data;
}

static __u8 *end_of(const struct xdp_md *ctx)
{
	return (__u8 *)(uintptr_t)ctx->data_end;
}

/* Nothing but the frame can be touched. What is around it is zero, as in the test run. */
static void fence(const struct xdp_md *ctx)
{
	__asan_poison_memory_region(arena, ARENA_BYTES);
	__asan_unpoison_memory_region(data_of(ctx), ctx->data_end - ctx->data);
}

void twin_packet_begin(struct xdp_md *ctx, const __u8 *frame, size_t len)
{
	__u8 *data;

	if (len > TWIN_FRAME_MAX)
		give_up("a frame longer than the kernel takes");
	if (!arena) {
		/* struct xdp_md has pointers of 32 bits. */
		arena = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
		if (arena == MAP_FAILED)
			give_up("no memory below 2 GiB for a frame");
	}
	data = arena + FRAME_AT;
	room_end = data + TWIN_ROOM_END;
	if (room_tail < TWIN_ROOM_END - len)
		room_end = data + len + room_tail;
	*ctx = (struct xdp_md){.data = (__u32)(uintptr_t)data,
			       .data_end = (__u32)(uintptr_t)(data + len)};
	__asan_unpoison_memory_region(arena, ARENA_BYTES);
	memset(arena, 0, ARENA_BYTES);
	memcpy(data, frame, len);
	fence(ctx);
}

size_t twin_packet_end(const struct xdp_md *ctx, __u8 *frame)
{
	size_t len = ctx->data_end - ctx->data;

	memcpy(frame, data_of(ctx), len);
	return len;
}

/* As bpf_xdp_pointer(): lengths that cannot be are told apart from those that are not there. */
static long lies_within(const struct xdp_md *ctx, __u32 offset, __u32 len)
{
	if (offset > 0xffff || len > 0xffff)
		return -EFAULT;
	return offset + len > ctx->data_end - ctx->data ? -EINVAL : 0;
}

long twin_packet_load(const struct xdp_md *ctx, __u32 offset, void *to, __u32 len)
{
	long err = lies_within(ctx, offset, len);

	if (!err)
		memcpy(to, data_of(ctx) + offset, len);
	return err;
}

long twin_packet_store(const struct xdp_md *ctx, __u32 offset, const void *from, __u32 len)
{
	long err = lies_within(ctx, offset, len);

	if (!err)
		memcpy(data_of(ctx) + offset, from, len);
	return err;
}

long twin_packet_head(struct xdp_md *ctx, int delta)
{
	__u8 *data = data_of(ctx) + delta;

	if (data < arena + FRAME_AT - room_head || data > end_of(ctx) - ETH_HEADER)
		return -EINVAL;
	ctx->data = (__u32)(uintptr_t)data;
	fence(ctx);
	return 0;
}

/* What is new is zero. */
long twin_packet_tail(struct xdp_md *ctx, int delta)
{
	__u8 *end = end_of(ctx), *to = end + delta;

	if (to > room_end || to < data_of(ctx) + ETH_HEADER)
		return -EINVAL;
	ctx->data_end = (__u32)(uintptr_t)to;
	fence(ctx);
	if (delta > 0)
		memset(end, 0, (size_t)delta);
	return 0;
}
