// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "turns.h"
#include "../util/log.h"

#define NOBODY (-1)

/* Why one has no turn, beside enum sg_reason: its question is being asked by another. */
#define QUESTION_IS_ASKED SG_REASON_MAX_

/* What a round knows: the best of each class, and whose time is over. */
struct round {
	__s32 best[SG_SERVICES][SG_PRIORITY_MAX_]; /* notes, or NOBODY */
	__s32 due[SG_TURNS_DUE_MAX];
	__u32 due_count;
	__u32 left; /* turns that may still be asked for */
	__u64 now;
};

/* ---- Slots, shared with the program ---- */

/* The program writes the ticket first, the state last, and takes them back the other way round. */
static bool slot_is(const struct sg_frame *slot, __u64 ticket)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&slot->ticket, __ATOMIC_ACQUIRE) == ticket;
}

static __u32 slot_state(const struct sg_frame *slot)
{
	return __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE);
}

/* False: nobody waits there. */
static bool read_slot(const struct sg_turns *t, __u32 index, struct sg_turns_note *ret)
{
	const struct sg_frame *slot = &t->frames[index];
	struct sg_turns_note note = {.slot = index};
	__u32 state;

	note.ticket = __atomic_load_n(&slot->ticket, __ATOMIC_ACQUIRE);
	if (!note.ticket)
		return false;
	state = slot_state(slot);
	if (state != SG_FRAME_WAITING && state != SG_FRAME_GRANTED)
		return false;
	note.granted = state == SG_FRAME_GRANTED;
	note.asked_since = slot->asked_since;
	note.question = slot->question;
	note.deadline = slot->deadline;
	note.service = slot->service;
	note.priority = slot->priority;
	if (!slot_is(slot, note.ticket) || note.service >= SG_SERVICES ||
	    note.priority >= SG_PRIORITY_MAX_)
		return false;
	*ret = note;
	return true;
}

/* Copy the frame out; it may be given back, and taken by another, at any moment. One that waits may be stored anew
 * meanwhile, when the client sends more of it: a copy of half and half has a wrong checksum and is dropped.
 */
static int copy_frame(struct sg_turns *t, __u32 index, __u64 ticket, __u32 *ifindex, size_t *len)
{
	const struct sg_frame *slot = &t->frames[index];
	__u32 from;
	size_t n;

	if (!slot_is(slot, ticket))
		return -ESTALE;
	n = slot->len;
	from = slot->ifindex;
	if (n > sizeof(t->frame))
		return -ESTALE;
	memcpy(t->frame, slot->frame, n);
	if (!slot_is(slot, ticket))
		return -ESTALE;
	*ifindex = from;
	*len = n;
	return 0;
}

static int inject(struct sg_turns *t, __u32 ifindex, size_t len)
{
	int err = t->calls.inject(t->calls.ctx, ifindex, t->frame, len);

	if (err)
		sg_log_debug("cannot inject a held request: %s", strerror(-err));
	return err;
}

/* ---- Notes ---- */

static void add_note(struct sg_turns *t, const struct sg_turns_note *note)
{
	__u32 place = t->note_of[note->slot];

	if (!place) {
		t->notes[t->count++] = *note;
		t->note_of[note->slot] = t->count;
		return;
	}
	if (t->notes[place - 1].ticket != note->ticket)
		t->notes[place - 1] = *note;
	else
		t->notes[place - 1].granted = note->granted;
}

/* Take out the notes of those that are gone. */
static void sort_out(struct sg_turns *t)
{
	__u32 kept = 0;

	for (__u32 i = 0; i < t->count; i++) {
		const struct sg_turns_note *note = &t->notes[i];

		if (!note->ticket) {
			t->note_of[note->slot] = 0;
			continue;
		}
		t->note_of[note->slot] = kept + 1;
		t->notes[kept++] = *note;
	}
	t->count = kept;
}

void sg_turns_held(struct sg_turns *t, __u32 slot)
{
	struct sg_turns_note note;

	if (slot < t->entries && read_slot(t, slot, &note))
		add_note(t, &note);
}

__u8 sg_turns_class(const struct sg_turns *t, __u32 slot, __u64 ticket)
{
	__u8 class;

	if (slot >= t->entries || !ticket || !slot_is(&t->frames[slot], ticket))
		return SG_REQUEST_NONE;
	class = t->frames[slot].request_class;
	return slot_is(&t->frames[slot], ticket) ? class : SG_REQUEST_NONE;
}

void sg_turns_scan(struct sg_turns *t)
{
	for (__u32 i = 0; i < t->count; i++) {
		struct sg_turns_note *note = &t->notes[i];
		const struct sg_frame *slot = &t->frames[note->slot];

		note->tried = false;
		if (!slot_is(slot, note->ticket) || slot_state(slot) == SG_FRAME_SENT)
			note->ticket = 0;
	}
	sort_out(t);
	for (__u32 i = 0; i < t->entries; i++)
		sg_turns_held(t, i);
}

/* ---- Order ---- */

static bool goes_before(const struct sg_turns_note *a, const struct sg_turns_note *b)
{
	if (a->asked_since != b->asked_since)
		return a->asked_since < b->asked_since;
	return a->ticket < b->ticket;
}

static bool may_go(const struct sg_turns_note *note, __u64 now)
{
	return note->ticket && !note->granted && now <= note->deadline && now >= note->not_before;
}

/* Something is to be done for it, whether there is room at the CA or not. */
static bool is_due(const struct sg_turns *t, const struct sg_turns_note *note, __u64 now)
{
	if (!note->ticket)
		return false;
	if (note->told)
		return now >= note->told + t->times.expire_after;
	return now > note->deadline || (note->granted && !note->tried);
}

static void consider(const struct sg_turns *t, struct round *r, __u32 i)
{
	const struct sg_turns_note *note = &t->notes[i];
	__s32 *best = &r->best[note->service][note->priority];

	if (may_go(note, r->now)) {
		if (*best == NOBODY || goes_before(note, &t->notes[*best]))
			*best = i;
	} else if (r->due_count < SG_TURNS_DUE_MAX && is_due(t, note, r->now)) {
		r->due[r->due_count++] = i;
	}
}

static void look_at_all(const struct sg_turns *t, struct round *r)
{
	memset(r->best, 0xff, sizeof(r->best)); /* NOBODY */
	for (__u32 i = 0; i < t->count; i++)
		consider(t, r, i);
}

/* The one after the best of a class, which is gone or has to pause. */
static void find_next(const struct sg_turns *t, struct round *r, __u32 service, __u32 priority)
{
	__s32 *best = &r->best[service][priority];

	*best = NOBODY;
	for (__u32 i = 0; i < t->count; i++) {
		const struct sg_turns_note *note = &t->notes[i];

		if (note->service == service && note->priority == priority &&
		    may_go(note, r->now) &&
		    (*best == NOBODY || goes_before(note, &t->notes[*best])))
			*best = i;
	}
}

/* The best class from this one on that has somebody who may go, or SG_PRIORITY_MAX_. */
static __u32 next_class(const struct round *r, __u32 service, __u32 from)
{
	while (from < SG_PRIORITY_MAX_ && r->best[service][from] == NOBODY)
		from++;
	return from;
}

/* There is one. */
static __u32 lowest_class(const struct round *r, __u32 service)
{
	__u32 p = SG_PRIORITY_MAX_ - 1;

	while (p > 0 && r->best[service][p] == NOBODY)
		p--;
	return p;
}

/* ---- Turns ---- */

/* It has its turn, or the CA has answered its question meanwhile and the program will. Until its frame comes nobody else
 * touches that; the client's own next segment may be it, and then there is nothing to do. What cannot be injected the
 * next scan finds.
 */
static void send_granted(struct sg_turns *t, const struct sg_turns_note *note)
{
	__u32 ifindex, state = slot_state(&t->frames[note->slot]);
	size_t len;

	if ((state == SG_FRAME_GRANTED || state == SG_FRAME_WAITING) &&
	    !copy_frame(t, note->slot, note->ticket, &ifindex, &len))
		inject(t, ifindex, len);
}

/* Ask for a turn of this one. Returns SG_REASON_ADMITTED when it had it, or is gone; else why not, or
 * QUESTION_IS_ASKED.
 */
static __u32 give_turn(struct sg_turns *t, struct sg_turns_note *note)
{
	struct sg_turn_call call = {.frame = note->slot, .ticket = note->ticket};

	if (t->calls.turn(t->calls.ctx, &call))
		return SG_REASON_WINDOW; /* the program cannot: as if nobody could go */
	if (call.waits)
		return QUESTION_IS_ASKED;
	if (!call.done && call.reason != SG_REASON_ADMITTED)
		return call.reason;
	if (call.done)
		send_granted(t, note);
	note->ticket = 0;
	return SG_REASON_ADMITTED;
}

/* The refusal is about this request, or its source: others of its class may go. */
static bool is_about_itself(__u32 reason)
{
	return reason == SG_REASON_DENIED || reason == SG_REASON_SOURCE_RATE ||
	       reason == SG_REASON_SOURCE_CONNECTIONS || reason == QUESTION_IS_ASKED;
}

/* All that ask the same wait for the same answer: one turn of a round tells that. */
static void question_waits(struct sg_turns *t, const struct sg_turns_note *asked, __u64 until)
{
	for (__u32 i = 0; i < t->count; i++)
		if (t->notes[i].question == asked->question &&
		    t->notes[i].service == asked->service)
			t->notes[i].not_before = until;
}

/* Ask for the best of this class. Returns as give_turn(). */
static __u32 serve_class(struct sg_turns *t, struct round *r, __u32 service, __u32 priority)
{
	struct sg_turns_note *note = &t->notes[r->best[service][priority]];
	__u32 reason = give_turn(t, note);

	r->left--;
	if (reason == QUESTION_IS_ASKED)
		question_waits(t, note, r->now + t->times.question_pause);
	else if (is_about_itself(reason))
		note->not_before = r->now + t->times.source_pause;
	if (is_about_itself(reason) || reason == SG_REASON_ADMITTED)
		find_next(t, r, service, priority);
	return reason;
}

/* The refusal is about what is kept free of this class: another one may have less kept free of it. */
static bool is_about_reserve(__u32 reason)
{
	return reason == SG_REASON_WINDOW_RESERVED || reason == SG_REASON_SLOTS_RESERVED;
}

/* Who was refused lately has a claim to the place in ten (sg_budget_turn()); behind better classes the lowest would
 * never be.
 */
static void let_lowest_ask(struct sg_turns *t, struct round *r, __u32 service, __u32 lowest)
{
	if (!r->left || r->now - t->lowest_asked[service] < t->times.lowest_asks)
		return;
	t->lowest_asked[service] = r->now;
	while (r->left && r->best[service][lowest] != NOBODY &&
	       serve_class(t, r, service, lowest) == QUESTION_IS_ASKED)
		;
}

/* By class: what refuses the best refuses all behind it, but for its source, for what is kept free of its class, and for
 * a place in ten that belongs to the lowest.
 */
static void serve(struct sg_turns *t, struct round *r, __u32 service)
{
	__u32 from = 0, priority, lowest, reason;

	while (r->left && (priority = next_class(r, service, from)) < SG_PRIORITY_MAX_) {
		lowest = lowest_class(r, service);
		reason = serve_class(t, r, service, priority);
		if (reason == SG_REASON_OTHER_TURN && lowest != priority && r->left)
			reason = serve_class(t, r, service, lowest);
		if (reason == SG_REASON_ADMITTED || is_about_itself(reason))
			continue;
		if (!is_about_reserve(reason)) {
			if (reason != SG_REASON_CA_DEAF && lowest != priority)
				let_lowest_ask(t, r, service, lowest);
			return;
		}
		from = priority + 1;
	}
}

/* Its time is over: injected, it gets its 503 from the program, or goes on if it has its turn. If it is there for long
 * after that, it is taken out.
 */
static void see_to(struct sg_turns *t, struct sg_turns_note *note, __u64 now)
{
	struct sg_expire_call call = {.frame = note->slot, .ticket = note->ticket};
	bool over = now > note->deadline;
	__u32 ifindex;
	size_t len;

	if (note->told) {
		if (!t->calls.expire(t->calls.ctx, &call))
			note->ticket = 0;
		else
			note->told = now;
		return;
	}
	note->tried = true;
	note->told = over ? now : 0;
	if (!copy_frame(t, note->slot, note->ticket, &ifindex, &len))
		inject(t, ifindex, len);
	if (!slot_is(&t->frames[note->slot], note->ticket) ||
	    slot_state(&t->frames[note->slot]) == SG_FRAME_SENT)
		note->ticket = 0;
}

void sg_turns_round(struct sg_turns *t, __u64 now)
{
	struct round r = {.now = now, .left = SG_TURNS_A_ROUND};

	sg_turns_alive(t, now);
	if (!t->count)
		return;
	look_at_all(t, &r);
	for (__u32 i = 0; i < SG_SERVICES; i++)
		serve(t, &r, (t->first_service + i) % SG_SERVICES);
	t->first_service = (t->first_service + 1) % SG_SERVICES;
	for (__u32 i = 0; i < r.due_count; i++)
		see_to(t, &t->notes[r.due[i]], now);
	sort_out(t);
}

int sg_turns_replay(struct sg_turns *t, __u32 slot, __u64 ticket)
{
	__u32 ifindex;
	size_t len;

	if (slot >= t->entries || !ticket || copy_frame(t, slot, ticket, &ifindex, &len))
		return -ESTALE;
	return inject(t, ifindex, len);
}

void sg_turns_alive(struct sg_turns *t, __u64 now)
{
	for (__u32 i = 0; i < SG_SERVICES; i++)
		__atomic_store_n(&t->intercepts[i].turnkeeper, now, __ATOMIC_RELEASE);
}

void sg_turns_shadow_ready(struct sg_turns *t, __u32 service, __u64 now)
{
	if (service < SG_SERVICES)
		__atomic_store_n(&t->intercepts[service].ready, now, __ATOMIC_RELEASE);
}

/* ---- Memory ---- */

int sg_turns_open(struct sg_turns *t, int frames_fd, __u32 entries, int intercepts_fd)
{
	void *frames =
		mmap(NULL, entries * sizeof(*t->frames), PROT_READ, MAP_SHARED, frames_fd, 0);
	void *intercepts = mmap(NULL, SG_SERVICES * sizeof(*t->intercepts), PROT_READ | PROT_WRITE,
				MAP_SHARED, intercepts_fd, 0);
	int err = -errno;

	*t = (struct sg_turns){.entries = entries};
	t->frames = frames == MAP_FAILED ? NULL : frames;
	t->intercepts = intercepts == MAP_FAILED ? NULL : intercepts;
	t->notes = calloc(entries, sizeof(*t->notes));
	t->note_of = calloc(entries, sizeof(*t->note_of));
	if (t->frames && t->intercepts && t->notes && t->note_of)
		return 0;
	if (t->frames && t->intercepts)
		err = -ENOMEM;
	sg_turns_close(t);
	return sg_log_err(err, "cannot map the table of held requests into memory");
}

void sg_turns_close(struct sg_turns *t)
{
	if (t->frames)
		munmap((void *)t->frames, t->entries * sizeof(*t->frames));
	if (t->intercepts)
		munmap(t->intercepts, SG_SERVICES * sizeof(*t->intercepts));
	free(t->notes);
	free(t->note_of);
	*t = (struct sg_turns){0};
}
