/* SPDX-License-Identifier: GPL-2.0-only */
/* Cleanup attributes: a reader sees that a function does not leak without opening its callees.
 * Ownership leaves a marked variable only through SG_TAKE_PTR() or SG_TAKE_FD().
 */
#ifndef SG_UTIL_CLEANUP_H
#define SG_UTIL_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <dirent.h>

static inline void sg_cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void sg_cleanup_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void sg_cleanup_fclose(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void sg_cleanup_closedir(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* Each variable must be initialised where it is declared (NULL, or -1 for a descriptor). */
#define _cleanup_free_     __attribute__((cleanup(sg_cleanup_free)))
#define _cleanup_close_    __attribute__((cleanup(sg_cleanup_close)))
#define _cleanup_fclose_   __attribute__((cleanup(sg_cleanup_fclose)))
#define _cleanup_closedir_ __attribute__((cleanup(sg_cleanup_closedir)))

#define SG_TAKE_PTR(p)                      \
	({                                  \
		__typeof__(p) taken_ = (p); \
		(p) = NULL;                 \
		taken_;                     \
	})

#define SG_TAKE_FD(fd)             \
	({                         \
		int taken_ = (fd); \
		(fd) = -1;         \
		taken_;            \
	})

#endif
