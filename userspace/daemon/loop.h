/* SPDX-License-Identifier: GPL-2.0-only */
/* epoll with callbacks. One thread; nothing in it may block. */
#ifndef SG_DAEMON_LOOP_H
#define SG_DAEMON_LOOP_H

#include <stdbool.h>
#include <linux/types.h>

/* Stands inside the structure of whoever is called; must live as long as it is added. */
struct sg_loop_watch {
	int fd;
	void (*ready)(struct sg_loop_watch *w, __u32 events); /* EPOLLIN ... */
};

/* A watch may be freed by a callback while its event waits in the same batch: sg_loop_remove()
 * strikes it out.
 */
#define SG_LOOP_BATCH 32

struct sg_loop {
	int epoll_fd;
	bool stop;
	int batch_count;
	void *batch[SG_LOOP_BATCH]; /* watches of the events being handed out */
};

/* Each returns 0 or a negative errno. */
int sg_loop_open(struct sg_loop *loop);
int sg_loop_add(struct sg_loop *loop, struct sg_loop_watch *w, __u32 events);
int sg_loop_change(struct sg_loop *loop, struct sg_loop_watch *w, __u32 events);
void sg_loop_remove(struct sg_loop *loop, struct sg_loop_watch *w);

/* Until loop->stop. Returns 0 or the error of epoll_wait(2). */
int sg_loop_run(struct sg_loop *loop);
void sg_loop_close(struct sg_loop *loop);

#endif
