/* SPDX-License-Identifier: GPL-2.0-only */
/* The first N sources by some order, out of many met one by one. Pure; room for 2N. */
#ifndef SG_DAEMON_TOP_SOURCES_H
#define SG_DAEMON_TOP_SOURCES_H

#include <linux/types.h>

#include "control.h"
#include "../../bpf/abi/scepguard_abi.h"

struct sg_top_entry {
	struct sg_source_key key;
	struct sg_source src;
};

struct sg_top_sources {
	enum sg_control_sort sort;
	__u32 limit, count;
	struct sg_top_entry *entries; /* 2 * limit places */
};

/* limit: 1 at least. Returns 0 or -ENOMEM. */
int sg_top_sources_open(struct sg_top_sources *t, enum sg_control_sort sort, __u32 limit);
void sg_top_sources_close(struct sg_top_sources *t);

void sg_top_sources_add(struct sg_top_sources *t, const struct sg_source_key *key,
			const struct sg_source *src);

/* Put the first ones in order; t->count is then at most t->limit. */
void sg_top_sources_finish(struct sg_top_sources *t);

#endif
