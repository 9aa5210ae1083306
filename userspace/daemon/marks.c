// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "marks.h"
#include "../../bpf/core/known.h"
#include "../util/log.h"

int sg_marks_open(struct sg_marks *m, int fd, __u32 entries)
{
	void *at = mmap(NULL, entries * sizeof(*m->buckets), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			0);

	if (at == MAP_FAILED)
		return sg_log_err(-errno, "cannot map the table of refused sources into memory");
	*m = (struct sg_marks){.buckets = at, .mask = entries - 1};
	m->before = calloc(entries, sizeof(*m->before));
	m->needed = calloc(entries, sizeof(*m->needed));
	if (m->before && m->needed)
		return 0;
	sg_marks_close(m);
	return -ENOMEM;
}

void sg_marks_close(struct sg_marks *m)
{
	if (m->buckets)
		munmap(m->buckets, (m->mask + 1ul) * sizeof(*m->buckets));
	free(m->before);
	free(m->needed);
	*m = (struct sg_marks){};
}

void sg_marks_begin(struct sg_marks *m)
{
	m->running = m->stale && m->buckets;
	if (!m->running)
		return;
	m->stale = false;
	for (__u32 i = 0; i <= m->mask; i++)
		m->before[i] = __atomic_load_n(&m->buckets[i].known, __ATOMIC_ACQUIRE);
	memset(m->needed, 0, (m->mask + 1ul) * sizeof(*m->needed));
}

void sg_marks_need(struct sg_marks *m, __u64 hash)
{
	__u64 *known;

	if (!m->buckets)
		return;
	known = &m->buckets[(__u32)hash & m->mask].known;
	if (!sg_known_may(__atomic_load_n(known, __ATOMIC_RELAXED), hash))
		sg_known_mark(known, hash);
	if (m->running)
		m->needed[(__u32)hash & m->mask] |= sg_known_bit(hash);
}

/* The word is as it was when the round began, so no source was made known in it since: whoever had a mark in
 * it and was not met is gone.
 */
static __u32 clear_one(struct sg_marks *m, __u32 i)
{
	__u64 word = m->before[i], marks = word & SG_KNOWN_MASK, gone = marks & ~m->needed[i];

	if (!gone)
		return 0;
	if (__atomic_compare_exchange_n(&m->buckets[i].known, &word, word & ~gone, false,
					__ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return (__u32)__builtin_popcountll(gone);
	m->stale = true;
	return 0;
}

__u32 sg_marks_end(struct sg_marks *m)
{
	__u32 cleared = 0;

	if (!m->running)
		return 0;
	m->running = false;
	for (__u32 i = 0; i <= m->mask; i++)
		cleared += clear_one(m, i);
	return cleared;
}
