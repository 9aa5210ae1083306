/* SPDX-License-Identifier: GPL-2.0-only */
/* Arrays that grow. */
#ifndef SG_CLASSIFY_ARRAY_H
#define SG_CLASSIFY_ARRAY_H

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

/* Room for one more element of `size` bytes. Returns 0 or -ENOMEM. */
static inline int sg_array_grow(void **array, size_t count, size_t *room, size_t size)
{
	const size_t wanted = *room ? *room * 2 : 16;
	void *more;

	if (count < *room)
		return 0;
	more = reallocarray(*array, wanted, size);
	if (!more)
		return -ENOMEM;
	*array = more;
	*room = wanted;
	return 0;
}

#endif
