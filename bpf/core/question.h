/* SPDX-License-Identifier: GPL-2.0-only */
/* Questions the CA has refused lately, so that a refusal can be repeated here, and the canaries by which the CA is asked
 * again.
 *
 * A bucket is shared by all CPUs without a lock. Which races are accepted:
 * - hash: written last, and 0 while the rest changes. A reader that found it before may read the rest of what
 *   replaced it: one packet of a stale or forgotten question is answered with another one's refusal (404 for 403).
 *   Two CPUs that learn at the same time may take the same slot: one is not learned, and will be at the CA's next
 *   refusal; or two slots for one question: the second is found by nobody and is the next to go.
 * - refused, epoch, status: two writers of one slot both write a refusal that came just now. One that was read under
 *   the epoch before may come to stand under the new one: repeated for one TTL though the CA is ready, as when the
 *   two answers come in this order.
 * - hits: increments are lost. Only its order of magnitude counts.
 */
#ifndef SG_QUESTION_H
#define SG_QUESTION_H

#include "question_text.h"
#include "times.h"

/* How many times its TTL a refusal is repeated, at most. */
#define SG_QUESTION_STALE 10

enum sg_question_say {
	SG_QUESTION_ASK, /* not learned, forgotten, or too old: goes to the CA as class rollover */
	SG_QUESTION_REPEAT, /* the refusal is repeated */
	SG_QUESTION_CANARY, /* due to be asked again, and this one may: sg_canary_take() */
};

/* Age of a date that another CPU may have written a moment after `now`. */
static __always_inline __u64 sg_question_age(__u64 date, __u64 now)
{
	return (__s64)(now - date) < 0 ? 0 : now - date;
}

/* Slot of a question learned in this epoch, or SG_QUESTION_SLOTS. */
static __always_inline __u32 sg_question_find(const struct sg_question_bucket *b, __u64 hash,
					      __u32 epoch)
{
	__u32 found = SG_QUESTION_SLOTS;

	for (__u32 i = 0; i < SG_QUESTION_SLOTS; i++)
		if (hash && sg_read_once(b->slot[i].hash) == hash &&
		    sg_read_once(b->slot[i].epoch) == epoch && found == SG_QUESTION_SLOTS)
			found = i;
	return found;
}

/* Who asks it, as a bit of 32 by the source's hash: how many different ones, up to a few dozen. Of two CPUs at once one bit
 * may be lost.
 */
static __always_inline void sg_question_asked(struct sg_question *q, __u64 source_hash)
{
	__u32 bit = 1u << (source_hash >> 59), asked_by = sg_read_once(q->asked_by);

	if (!(asked_by & bit))
		q->asked_by = asked_by | bit;
}

static __always_inline __u32 sg_bits(__u32 word)
{
	word -= word >> 1 & 0x55555555;
	word = (word & 0x33333333) + (word >> 2 & 0x33333333);
	return ((word + (word >> 4)) & 0x0f0f0f0f) * 0x01010101 >> 24;
}

/* Two canaries a window are for what most sources ask: else one source with two wrong paths could have both, always. Is this
 * question, which is due, asked by half as many as the most asked one that is due? That counts for a TTL.
 */
static __always_inline bool sg_question_first(const struct sg_question *q, struct sg_intercept *ic,
					      __u64 ttl, __u64 now)
{
	__u32 asked = sg_bits(sg_read_once(q->asked_by));

	if (asked >= sg_read_once(ic->most) ||
	    (__s64)(now - sg_read_once(ic->most_at)) > (__s64)ttl) {
		ic->most = asked;
		ic->most_at = now;
	}
	return 2 * asked >= sg_read_once(ic->most);
}

/* It was answered here once more. Stays at the most. */
static __always_inline void sg_question_hit(struct sg_question *q)
{
	__u32 hits = sg_read_once(q->hits);

	if (hits != ~0u)
		q->hits = hits + 1;
}

/* Was this canary slot used longer than a window ago, or never? */
static __always_inline bool sg_canary_settled(__u64 sent, __u64 window, __u64 now)
{
	return !sent || (__s64)(now - sent) >= (__s64)window;
}

/* Is there a canary under way? One of which nothing is heard counts for canary_wait. */
static __always_inline bool sg_canary_flies(__u64 since, const struct sg_times *times, __u64 now)
{
	return since && (__s64)(now - since) < (__s64)times->canary_wait;
}

/* May this source send a canary now? @window: ticks of the CA's window, 0 = it has none */
static __always_inline bool sg_canary_may(const struct sg_intercept *ic,
					  const struct sg_times *times, __u64 window,
					  __u64 source_hash, __u64 now)
{
	__u64 first = sg_read_once(ic->canary_sent[0]), second = sg_read_once(ic->canary_sent[1]);

	if (!window)
		window = times->window_otherwise;
	if (sg_canary_flies(sg_read_once(ic->canary_since), times, now))
		return false;
	if ((first || second) && sg_read_once(ic->canary_source) == source_hash)
		return false;
	return sg_canary_settled(first, window, now) || sg_canary_settled(second, window, now);
}

/* What is to be done with a question that was found.
 * @ttl: ticks for which a refusal is repeated; 0 = never
 * @window: ticks of the CA's window, 0 = it has none
 *
 * Changes nothing: what it says of the canary holds until another CPU takes it.
 */
static __always_inline enum sg_question_say
sg_question_look(const struct sg_question *q, const struct sg_intercept *ic, __u64 ttl,
		 const struct sg_times *times, __u64 window, __u64 source_hash, __u64 now)
{
	__u64 age = sg_question_age(sg_read_once(q->refused), now);

	if (sg_read_once(q->epoch) != sg_read_once(ic->epoch) || age >= ttl * SG_QUESTION_STALE)
		return SG_QUESTION_ASK;
	if (age < ttl || !sg_canary_may(ic, times, window, source_hash, now))
		return SG_QUESTION_REPEAT;
	return SG_QUESTION_CANARY;
}

/* Take the canary: true for one CPU of those that try.
 *
 * Two in any window, exactly, in whatever order CPUs write: a date in canary_sent is replaced only by
 * compare-and-swap from one that was a window old, so between two dates of one of the two slots there is a window
 * at least. canary_since is accepted to be wrong in one way: see sg_canary_done(). canary_source is written last; a
 * CPU held up between the two lets one source send twice in a row, if the answer is back before it goes on.
 */
static __always_inline bool sg_canary_take(struct sg_intercept *ic, const struct sg_times *times,
					   __u64 window, __u64 source_hash, __u64 now)
{
	__u64 since = sg_read_once(ic->canary_since), date = now ? now : 1;
	__u64 first = sg_read_once(ic->canary_sent[0]), second = sg_read_once(ic->canary_sent[1]);
	__u64 *slot = &ic->canary_sent[0], old = first;

	if (!sg_canary_may(ic, times, window, source_hash, now))
		return false;
	/* The older one, or one never used. If either has settled it has, for dates only go forward. */
	if (first && (!second || (__s64)(second - first) < 0)) {
		slot = &ic->canary_sent[1];
		old = second;
	}
	if (__sync_val_compare_and_swap(&ic->canary_since, since, date) != since)
		return false;
	if (__sync_val_compare_and_swap(slot, old, date) != old) {
		/* Another one went and came back meanwhile. */
		__sync_val_compare_and_swap(&ic->canary_since, date, 0);
		return false;
	}
	ic->canary_source = source_hash;
	return true;
}

/* The canary was answered, or its connection ended. Whose it was is not asked: when one that was given up after
 * canary_wait ends late, the next one may go though another is under way; two in a window it is still.
 */
static __always_inline void sg_canary_done(struct sg_intercept *ic)
{
	ic->canary_since = 0;
}

/* Does the CA hand the shadow certificate out, as far as the daemon knew lately? */
static __always_inline bool sg_shadow_ready(const struct sg_intercept *ic,
					    const struct sg_times *times, __u64 now)
{
	__u64 ready = sg_read_once(ic->ready);

	return ready && (__s64)(now - ready) <= (__s64)times->useful_recent;
}

/* Is this question, to which nobody knows the answer, being asked? Then others wait for that answer: a storm begins with
 * many that ask the same at once, and each would cost the CA a connection. Not for longer than canary_wait. While the CA
 * hands the shadow certificate out everybody has to ask for himself.
 *
 * Races: two CPUs that look before either has begun both ask. Of two questions in one slot the later one has it; who
 * asks the earlier one again asks the CA.
 */
static __always_inline bool sg_asking_waits(const struct sg_intercept *ic, __u64 hash,
					    const struct sg_times *times, __u64 now)
{
	const struct sg_asking *slot = &ic->asking[hash & (SG_ASKING_SLOTS - 1)];

	return hash && sg_read_once(slot->hash) == hash &&
	       sg_question_age(sg_read_once(slot->since), now) < times->canary_wait &&
	       !sg_shadow_ready(ic, times, now);
}

/* It goes to the CA. If no question was asked for a window it is, in one, as good as a canary: the next one has to do
 * with what is left. Not otherwise, or whoever makes up questions could use up the canaries of those that many ask.
 */
static __always_inline void sg_asking_begin(struct sg_intercept *ic, __u64 hash, __u64 window,
					    const struct sg_times *times, __u64 now)
{
	struct sg_asking *slot = &ic->asking[hash & (SG_ASKING_SLOTS - 1)];
	__u64 first = sg_read_once(ic->canary_sent[0]), second = sg_read_once(ic->canary_sent[1]);

	if (!window)
		window = times->window_otherwise;
	/* Asked in vain within a window: nobody waits for this one. */
	if (sg_read_once(slot->hash) != hash || sg_question_age(slot->since, now) >= window) {
		slot->since = now;
		slot->hash = hash;
	}
	if (sg_canary_settled(first, window, now) && sg_canary_settled(second, window, now))
		__sync_val_compare_and_swap(&ic->canary_sent[0], first, now ? now : 1);
}

/* The CA has answered it, or will not. */
static __always_inline void sg_asking_done(struct sg_intercept *ic, __u64 hash)
{
	struct sg_asking *slot = &ic->asking[hash & (SG_ASKING_SLOTS - 1)];

	if (hash)
		__sync_val_compare_and_swap(&slot->hash, hash, 0);
}

/* The CA knows it, and has not answered: nobody waits for the next one, either, for a window. */
static __always_inline void sg_asking_failed(struct sg_intercept *ic, __u64 hash,
					     const struct sg_times *times, __u64 now)
{
	struct sg_asking *slot = &ic->asking[hash & (SG_ASKING_SLOTS - 1)];

	if (hash && sg_read_once(slot->hash) == hash)
		slot->since = now - times->canary_wait;
}

/* The slot for a question not yet known: empty; of another epoch; the least asked, of these the one refused
 * longest ago.
 *
 * A name just made up has no hits, and each costs a connection to the CA: with 80 a minute, a bucket learns ten. Such
 * names push out each other, the oldest first. A question that is asked again before the next one is learned stands
 * above all of them; one that is new has the time of several, without a hit.
 */
static __always_inline __u32 sg_question_victim(const struct sg_question_bucket *b, __u32 epoch)
{
	__u64 least = ~0ull, oldest = 0;
	__u32 victim = 0;

	for (__u32 i = 0; i < SG_QUESTION_SLOTS; i++) {
		const struct sg_question *q = &b->slot[i];
		__u64 rank = 2 + (__u64)sg_read_once(q->hits), date = sg_read_once(q->refused);

		if (!sg_read_once(q->hash))
			rank = 0;
		else if (sg_read_once(q->epoch) != epoch)
			rank = 1;
		if (rank > least || (rank == least && (__s64)(date - oldest) >= 0))
			continue;
		least = rank;
		oldest = date;
		victim = i;
	}
	return victim;
}

/* Hits age by what presses on the bucket: whenever a question is pushed out, the others count half. What is asked
 * no more is gone after some tens of these, however often it was asked; where nothing presses it harms nobody.
 */
static __always_inline void sg_question_press(struct sg_question_bucket *b)
{
	for (__u32 i = 0; i < SG_QUESTION_SLOTS; i++)
		b->slot[i].hits = sg_read_once(b->slot[i].hits) / 2;
}

static __always_inline void sg_question_refresh(struct sg_question *q, __u16 status, __u64 now)
{
	if ((__s64)(now - sg_read_once(q->refused)) > 0)
		q->refused = now;
	q->asked_by = 0;
	q->status = status;
}

static __always_inline void sg_question_write(struct sg_question *q, __u64 hash, __u16 status,
					      __u32 epoch, __u64 now)
{
	volatile __u64 *published = &q->hash;

	*published = 0;
	asm volatile("" : : : "memory");
	q->refused = now;
	q->hits = 0;
	q->asked_by = 0;
	q->epoch = epoch;
	q->status = status;
	asm volatile("" : : : "memory");
	*published = hash;
}

/* The CA refused a question.
 * @hash: 0 (not learnable) is not learned; @status: 404 or 403
 * @epoch: that of sg_intercept when the question went to the CA, or else a refusal that a 200 overtook is learned
 *
 * Returns true if it is new in this epoch.
 */
static __always_inline bool sg_question_learn(struct sg_question_bucket *b, __u64 hash,
					      __u16 status, __u32 epoch, __u64 now)
{
	__u32 victim = SG_QUESTION_SLOTS;

	if (!hash)
		return false;
	for (__u32 i = 0; i < SG_QUESTION_SLOTS; i++)
		if (sg_read_once(b->slot[i].hash) == hash && victim == SG_QUESTION_SLOTS)
			victim = i;
	if (victim == SG_QUESTION_SLOTS) {
		victim = sg_question_victim(b, epoch);
		if (b->slot[victim & 7].hash && b->slot[victim & 7].epoch == epoch)
			sg_question_press(b);
	} else if (sg_read_once(b->slot[victim & 7].epoch) == epoch) {
		sg_question_refresh(&b->slot[victim & 7], status, now);
		return false;
	}
	sg_question_write(&b->slot[victim & 7], hash, status, epoch, now);
	return true;
}

/* The CA gave another answer. Returns true if it had been learned. */
static __always_inline bool sg_question_forget(struct sg_question_bucket *b, __u64 hash)
{
	bool forgot = false;

	for (__u32 i = 0; i < SG_QUESTION_SLOTS; i++)
		if (hash && sg_read_once(b->slot[i].hash) == hash &&
		    __sync_val_compare_and_swap(&b->slot[i].hash, hash, 0) == hash)
			forgot = true;
	return forgot;
}

#endif
