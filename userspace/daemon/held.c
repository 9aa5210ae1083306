// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "held.h"

/* False: it is gone, or its slot is another's by now. */
static bool read_frame(const struct sg_turns *t, const struct sg_turns_note *note,
		       struct sg_held *ret)
{
	const struct sg_frame *slot = &t->frames[note->slot];

	*ret = (struct sg_held){
		.key = slot->key,
		.since = slot->since,
		.deadline = slot->deadline,
		.priority = note->priority,
		.request_class = slot->request_class,
	};
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return note->ticket && __atomic_load_n(&slot->ticket, __ATOMIC_ACQUIRE) == note->ticket &&
	       __atomic_load_n(&slot->state, __ATOMIC_ACQUIRE) != SG_FRAME_SENT;
}

void sg_held_look(const struct sg_turns *t, __u64 now, struct sg_held_waits *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (__u32 i = 0; i < t->count; i++) {
		const struct sg_turns_note *note = &t->notes[i];
		__u64 *longest = &ret->longest[note->service][note->priority];
		struct sg_held held;

		if (!note->granted && read_frame(t, note, &held) && now > held.since &&
		    now - held.since > *longest)
			*longest = now - held.since;
	}
}

/* The turnkeeper's order (turns.c). */
static bool goes_before(const struct sg_turns_note *a, const struct sg_turns_note *b)
{
	if (a->priority != b->priority)
		return a->priority < b->priority;
	if (a->asked_since != b->asked_since)
		return a->asked_since < b->asked_since;
	return a->ticket < b->ticket;
}

static __u32 place_of(const struct sg_turns *t, const struct sg_turns_note *note)
{
	__u32 place = 1;

	if (note->granted)
		return 0;
	for (__u32 i = 0; i < t->count; i++) {
		const struct sg_turns_note *other = &t->notes[i];

		place += other->ticket && !other->granted && other->service == note->service &&
			 goes_before(other, note);
	}
	return place;
}

static int by_place(const void *a, const void *b)
{
	const struct sg_held *x = a, *y = b;

	return x->place < y->place ? -1 : x->place > y->place;
}

__u32 sg_held_of(const struct sg_turns *t, const struct sg_ip *client, __u32 service,
		 struct sg_held *ret, __u32 max)
{
	__u32 count = 0;

	for (__u32 i = 0; i < t->count && count < max; i++) {
		const struct sg_turns_note *note = &t->notes[i];
		struct sg_held held;

		if (note->service != service || !read_frame(t, note, &held) ||
		    memcmp(&held.key.client, client, sizeof(*client)) != 0)
			continue;
		held.place = place_of(t, note);
		ret[count++] = held;
	}
	qsort(ret, count, sizeof(*ret), by_place);
	return count;
}
