/* SPDX-License-Identifier: GPL-2.0-only */
/* The program's side of the turnkeeper: it gives and takes slots, says who may go, and takes what is injected. */
#ifndef SG_TEST_TURNS_PROGRAM_H
#define SG_TEST_TURNS_PROGRAM_H

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../userspace/daemon/turns.h"

#define SLOTS 512
#define HOLD  5000 /* ticks */
#define NOW   100000ull
#define PAUSE 60
#define SOON  20
#define GIVEN 500

/* The program's side: what it answers, and what it was asked. */
static struct {
	struct sg_turns turns;
	struct sg_frame *frames;
	struct sg_intercept *intercepts;
	__u32 reason[SG_SERVICES][SG_PRIORITY_MAX_]; /* of every request of a class */
	__u64 bad_source;                            /* its frames are refused for its sake */
	__u64 asked_now;    /* the question that is being asked; 0 = none */
	__u32 turns_left;   /* then SG_REASON_WINDOW */
	bool keeps;         /* what is injected stays in its slot */
	bool taken_at_once; /* by a segment of the client's own */
	int inject_error;
	__u64 asked[4096], injected[4096], expired[64]; /* tickets */
	__u32 asked_count, injected_count, expired_count;
	__u32 last_ifindex;
	size_t last_len;
	__u8 last_bytes[SG_FRAME_MAX];
} sim;

static __u64 dice(void)
{
	static __u64 state = 1;

	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return state >> 33;
}

static void free_slot(struct sg_frame *slot)
{
	slot->state = SG_FRAME_FREE;
	slot->ticket = 0;
}

static int do_turn(void *ctx, struct sg_turn_call *call)
{
	struct sg_frame *slot = &sim.frames[call->frame];

	(void)ctx;
	sim.asked[sim.asked_count++] = call->ticket;
	if (slot->ticket != call->ticket || slot->state != SG_FRAME_WAITING)
		return 0;
	call->waits = sim.asked_now && slot->question == sim.asked_now;
	if (call->waits)
		return 0;
	call->reason = sim.reason[slot->service][slot->priority];
	if (slot->source_hash == sim.bad_source)
		call->reason = SG_REASON_SOURCE_CONNECTIONS;
	else if (!sim.turns_left)
		call->reason = SG_REASON_WINDOW;
	if (call->reason != SG_REASON_ADMITTED && call->reason != SG_REASON_LOWEST_TURN)
		return 0;
	sim.turns_left--;
	slot->state = sim.taken_at_once ? SG_FRAME_SENT : SG_FRAME_GRANTED;
	call->done = 1;
	return 0;
}

static int do_inject(void *ctx, __u32 ifindex, const void *frame, size_t len)
{
	__u64 ticket;

	(void)ctx;
	if (sim.inject_error)
		return sim.inject_error;
	/* The tests' frames begin with their slot and ticket. */
	memcpy(&ticket, (const __u8 *)frame + 8, sizeof(ticket));
	sim.injected[sim.injected_count++] = ticket;
	sim.last_ifindex = ifindex;
	sim.last_len = len;
	memcpy(sim.last_bytes, frame, len);
	for (int i = 0; i < SLOTS && !sim.keeps; i++) {
		if (sim.frames[i].ticket != ticket)
			continue;
		if (sim.frames[i].state == SG_FRAME_GRANTED)
			sim.frames[i].state = SG_FRAME_SENT;
		else
			free_slot(&sim.frames[i]);
	}
	return 0;
}

static int do_expire(void *ctx, struct sg_expire_call *call)
{
	(void)ctx;
	sim.expired[sim.expired_count++] = call->ticket;
	if (sim.frames[call->frame].ticket == call->ticket)
		free_slot(&sim.frames[call->frame]);
	call->done = 1;
	return 0;
}

static void *shared(int *fd, size_t size)
{
	*fd = memfd_create("map", 0);
	if (*fd < 0 || ftruncate(*fd, size))
		return MAP_FAILED;
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
}

static int open_sim(void **state)
{
	int frames_fd, intercepts_fd;

	(void)state;
	memset(&sim, 0, sizeof(sim));
	sim.frames = shared(&frames_fd, SLOTS * sizeof(*sim.frames));
	sim.intercepts = shared(&intercepts_fd, SG_SERVICES * sizeof(*sim.intercepts));
	if (sim.frames == MAP_FAILED || sim.intercepts == MAP_FAILED ||
	    sg_turns_open(&sim.turns, frames_fd, SLOTS, intercepts_fd))
		return -1;
	close(frames_fd);
	close(intercepts_fd);
	sim.turns.times = (struct sg_turns_times){.source_pause = PAUSE,
						  .question_pause = SOON,
						  .expire_after = GIVEN,
						  .lowest_asks = ~0ull};
	sim.turns.calls = (struct sg_turns_calls){do_turn, do_expire, do_inject, NULL};
	sim.turns_left = ~0u;
	sim.bad_source = ~0ull;
	return 0;
}

static int close_sim(void **state)
{
	(void)state;
	sg_turns_close(&sim.turns);
	munmap(sim.frames, SLOTS * sizeof(*sim.frames));
	munmap(sim.intercepts, SG_SERVICES * sizeof(*sim.intercepts));
	return 0;
}

/* The program holds one; the daemon is told of it. */
static void hold(__u32 index, __u64 ticket, __u8 service, __u8 priority, __u64 asked_since)
{
	struct sg_frame *slot = &sim.frames[index];
	__u64 head[2] = {index, ticket};

	memset(slot, 0, sizeof(*slot));
	slot->ticket = ticket;
	slot->ifindex = 7;
	slot->asked_since = asked_since;
	slot->deadline = NOW + HOLD;
	slot->service = service;
	slot->priority = priority;
	slot->len = sizeof(head) + index % 1000;
	memcpy(slot->frame, head, sizeof(head));
	slot->state = SG_FRAME_WAITING;
	sg_turns_held(&sim.turns, index);
}

#endif
