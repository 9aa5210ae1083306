/* SPDX-License-Identifier: GPL-2.0-only */
/* The turnkeeper: of the requests that the program holds (sg_frames), who goes to the CA next. It gives a turn (sg_turn)
 * and injects the stored frame, as if the client had sent it again: a retransmission nobody had to wait for. Dead or
 * slow, it costs nobody more than that: the client's own retransmission is admitted by the same code.
 *
 * Order: class, then since when the source asks in vain, then arrival. What is held is remembered here (a note a
 * frame: nothing of it changes while its slot keeps its ticket), so that a round of thousands looks at notes in a row
 * and not at as many frames; whatever the notes say, the program looks again.
 */
#ifndef SG_DAEMON_TURNS_H
#define SG_DAEMON_TURNS_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "../../bpf/abi/scepguard_abi.h"

/* Work of one round, all services together: 16 turns in 10 ms are more than any CA takes. */
#define SG_TURNS_A_ROUND  16
#define SG_TURNS_DUE_MAX  32
#define SG_TURNS_ROUND_NS 10000000ull

/* One held frame. */
struct sg_turns_note {
	__u64 ticket; /* 0 = it is gone: the note goes at the end of the round */
	__u64 asked_since;
	__u64 question; /* hash; 0 = none that others ask */
	__u64 deadline;
	__u64 not_before; /* refused for its source's sake: not asked for again earlier */
	__u64 told;       /* when it was injected because its time was over; 0 = not yet */
	__u32 slot;       /* in sg_frames */
	__u8 service;
	__u8 priority;
	bool granted; /* has its turn, but its frame did not go on */
	bool tried;   /* granted, and injected once more since the last scan */
};

/* What the program is asked to do. Each returns 0 or a negative errno; ctx is handed to all. */
struct sg_turns_calls {
	int (*turn)(void *ctx, struct sg_turn_call *call);
	int (*expire)(void *ctx, struct sg_expire_call *call);
	int (*inject)(void *ctx, __u32 ifindex, const void *frame, size_t len);
	void *ctx;
};

/* In ticks. */
struct sg_turns_times {
	__u64 source_pause; /* until a frame that was refused for its source's sake is tried again */
	__u64 question_pause; /* until one whose question is being asked by another is tried again */
	__u64 expire_after; /* its deadline was told so long ago and it is still there: take it out */
	__u64 lowest_asks; /* at least as often the lowest class asks, too: less than asked_recent */
};

struct sg_turns {
	const struct sg_frame *frames; /* the maps' own memory, shared with the program */
	struct sg_intercept *intercepts;
	__u32 entries;       /* of frames */
	__u32 count;         /* of notes */
	__u32 *note_of;      /* slot -> its note + 1; 0 = none */
	__u32 first_service; /* of the next round: each is first in its turn */
	__u64 lowest_asked[SG_SERVICES];
	struct sg_turns_note *notes;
	struct sg_turns_times times;
	struct sg_turns_calls calls;
	__u8 frame[SG_FRAME_MAX]; /* a copy, to inject */
};

/* @frames_fd: of sg_frames, @entries its size; @intercepts_fd: of sg_intercepts; both stay the caller's. calls and
 * times are set by the caller. Returns 0, or a negative errno with a message.
 */
int sg_turns_open(struct sg_turns *t, int frames_fd, __u32 entries, int intercepts_fd);
void sg_turns_close(struct sg_turns *t);

/* The turnkeeper lives: to be told at least every second. */
void sg_turns_alive(struct sg_turns *t, __u64 now);

/* The CA hands out the shadow certificate: service's GetNextCACerts are worth a connection. now: ticks */
void sg_turns_shadow_ready(struct sg_turns *t, __u32 service, __u64 now);

/* The program says that it holds a frame in this slot. */
void sg_turns_held(struct sg_turns *t, __u32 slot);

/* Class of the request in this slot, if it is still the one with this ticket; else SG_REQUEST_NONE. */
__u8 sg_turns_class(const struct sg_turns *t, __u32 slot, __u64 ticket);

/* Look at every slot, once a second: events may be lost, and a daemon before this one may have left turns given
 * whose frames it did not inject.
 */
void sg_turns_scan(struct sg_turns *t);

/* Give turns, and see to those whose time is over. Bounded as above. */
void sg_turns_round(struct sg_turns *t, __u64 now);

/* Does anybody wait? Else there is no need of rounds. */
static inline bool sg_turns_wanted(const struct sg_turns *t)
{
	return t->count;
}

/* The program has sent the connection's SYN and could not send its first segment along: inject it now. Returns 0,
 * -ESTALE when the slot is another's by now, or the error of the injection.
 */
int sg_turns_replay(struct sg_turns *t, __u32 slot, __u64 ticket);

#endif
