/* SPDX-License-Identifier: GPL-2.0-only */
/* May this source be among the known ones? One word a bucket of sg_refused, beside what a stranger's SYN looks at
 * anyway: a bit for each source by its hash, so that the SYNs of a flood need no look into sg_sources (a miss
 * there was three quarters of their cost). Bits 56-63 count the marks made.
 *
 * Invariant: a source in sg_sources has its mark, from some ns after its entry was made. The program sets marks
 * and never clears one: of forgotten sources they stay, and cost a look in vain, until the daemon has
 * been round all sources and clears those of nobody, if the count says that none was made meanwhile.
 */
#ifndef SG_KNOWN_H
#define SG_KNOWN_H

#include <linux/types.h>
#include <stdbool.h>
#include "cursor.h"

#define SG_KNOWN_BITS 56
#define SG_KNOWN_ONE  (1ull << SG_KNOWN_BITS) /* one more mark made */
#define SG_KNOWN_MASK (SG_KNOWN_ONE - 1)

/* The bit of a source, by bits of its hash that neither choose the bucket nor the fingerprint. */
static __always_inline __u64 sg_known_bit(__u64 hash)
{
	return 1ull << ((hash >> 24 & 0xff) * SG_KNOWN_BITS >> 8);
}

/* False: no source with this hash is known. */
static __always_inline bool sg_known_may(__u64 known, __u64 hash)
{
	return known & sg_known_bit(hash);
}

/* Mark a source, after its entry was made. Counted first: whoever clears marks then sees one or the other. */
static __always_inline void sg_known_mark(__u64 *known, __u64 hash)
{
	__sync_fetch_and_add(known, SG_KNOWN_ONE);
	__sync_fetch_and_or(known, sg_known_bit(hash));
}

#endif
