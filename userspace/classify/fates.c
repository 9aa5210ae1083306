// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "array.h"
#include "fates.h"

int sg_fates_drop(struct sg_fates *fates, size_t index)
{
	if (sg_array_grow((void **)&fates->dropped, fates->dropped_count, &fates->dropped_room,
			  sizeof(*fates->dropped)))
		return -ENOMEM;
	fates->dropped[fates->dropped_count++] = index;
	return 0;
}

void sg_fates_undrop(struct sg_fates *fates, size_t index)
{
	for (size_t i = fates->dropped_count; i--;) {
		if (fates->dropped[i] != index)
			continue;
		fates->dropped_count--;
		memmove(fates->dropped + i, fates->dropped + i + 1,
			(fates->dropped_count - i) * sizeof(*fates->dropped));
		return;
	}
}

int sg_fates_send(struct sg_fates *fates, size_t index, const void *frame, size_t len)
{
	__u8 *bytes;

	if (!fates->keep_sent)
		return 0;
	if (sg_array_grow((void **)&fates->sent, fates->sent_count, &fates->sent_room,
			  sizeof(*fates->sent)))
		return -ENOMEM;
	bytes = malloc(len + 1);
	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, frame, len);
	fates->sent[fates->sent_count++] = (struct sg_classify_sent){index, len, bytes};
	return 0;
}

void sg_fates_clear(struct sg_fates *fates)
{
	for (size_t i = 0; i < fates->sent_count; i++)
		free(fates->sent[i].bytes);
	fates->sent_count = 0;
	fates->dropped_count = 0;
}

void sg_fates_free(struct sg_fates *fates)
{
	sg_fates_clear(fates);
	free(fates->sent);
	free(fates->dropped);
	*fates = (struct sg_fates){};
}
