// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "top_sources.h"

int sg_top_sources_open(struct sg_top_sources *t, enum sg_control_sort sort, __u32 limit)
{
	*t = (struct sg_top_sources){.sort = sort, .limit = limit};
	t->entries = calloc(2ul * limit, sizeof(*t->entries));
	return t->entries ? 0 : -ENOMEM;
}

void sg_top_sources_close(struct sg_top_sources *t)
{
	free(t->entries);
	t->entries = NULL;
}

static __u64 rank(const struct sg_source *src, enum sg_control_sort sort)
{
	__u64 sum = 0;

	switch (sort) {
	case SG_CONTROL_SORT_REQUESTS:
		for (int i = 0; i < SG_REQUEST_MAX_; i++)
			sum += src->requests[i];
		return sum;
	case SG_CONTROL_SORT_ADMITTED:
		return src->admitted;
	case SG_CONTROL_SORT_CONNECTIONS:
		return src->connections > 0 ? src->connections : 0;
	default:
		return src->last_seen;
	}
}

/* Largest first; of equals the one seen last. */
static int compare(const void *a, const void *b, void *sort)
{
	const struct sg_top_entry *first = a, *second = b;
	enum sg_control_sort by = *(enum sg_control_sort *)sort;
	__u64 x = rank(&first->src, by), y = rank(&second->src, by);

	if (x != y)
		return x < y ? 1 : -1;
	if (first->src.last_seen != second->src.last_seen)
		return first->src.last_seen < second->src.last_seen ? 1 : -1;
	return 0;
}

void sg_top_sources_finish(struct sg_top_sources *t)
{
	qsort_r(t->entries, t->count, sizeof(*t->entries), compare, &t->sort);
	if (t->count > t->limit)
		t->count = t->limit;
}

void sg_top_sources_add(struct sg_top_sources *t, const struct sg_source_key *key,
			const struct sg_source *src)
{
	if (t->count == 2 * t->limit)
		sg_top_sources_finish(t);
	t->entries[t->count++] = (struct sg_top_entry){*key, *src};
}
