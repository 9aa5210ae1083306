/* SPDX-License-Identifier: GPL-2.0-only */
/* What became of the frames of one case. Pure. */
#ifndef SG_CLASSIFY_FATES_H
#define SG_CLASSIFY_FATES_H

#include "classify.h"

/* All zero is an empty list. */
struct sg_fates {
	size_t *dropped; /* indexes, ascending */
	size_t dropped_count, dropped_room;
	struct sg_classify_sent *sent; /* with keep_sent: what went on to the CA */
	size_t sent_count, sent_room;
	bool keep_sent;
};

/* Frame `index`, the highest so far, was dropped. Returns 0 or -ENOMEM. */
int sg_fates_drop(struct sg_fates *fates, size_t index);

/* It came again, and was not. */
void sg_fates_undrop(struct sg_fates *fates, size_t index);

/* This went on to the CA when frame `index` came; forgotten unless keep_sent. Returns 0 or -ENOMEM. */
int sg_fates_send(struct sg_fates *fates, size_t index, const void *frame, size_t len);

void sg_fates_clear(struct sg_fates *fates); /* keeps keep_sent, and memory */
void sg_fates_free(struct sg_fates *fates);

#endif
