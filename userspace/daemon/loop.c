// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <unistd.h>
#include <sys/epoll.h>

#include "loop.h"

int sg_loop_open(struct sg_loop *loop)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0)
		return -errno;
	*loop = (struct sg_loop){.epoll_fd = fd};
	return 0;
}

static int control(struct sg_loop *loop, int op, struct sg_loop_watch *w, __u32 events)
{
	struct epoll_event ev = {.events = events, .data.ptr = w};

	return epoll_ctl(loop->epoll_fd, op, w->fd, &ev) ? -errno : 0;
}

int sg_loop_add(struct sg_loop *loop, struct sg_loop_watch *w, __u32 events)
{
	return control(loop, EPOLL_CTL_ADD, w, events);
}

int sg_loop_change(struct sg_loop *loop, struct sg_loop_watch *w, __u32 events)
{
	return control(loop, EPOLL_CTL_MOD, w, events);
}

void sg_loop_remove(struct sg_loop *loop, struct sg_loop_watch *w)
{
	control(loop, EPOLL_CTL_DEL, w, 0);
	for (int i = 0; i < loop->batch_count; i++)
		if (loop->batch[i] == w)
			loop->batch[i] = NULL;
}

static void hand_out(struct sg_loop *loop, const struct epoll_event *events, int n)
{
	for (int i = 0; i < n; i++)
		loop->batch[i] = events[i].data.ptr;
	loop->batch_count = n;
	for (int i = 0; i < n; i++) {
		struct sg_loop_watch *w = loop->batch[i];

		if (w)
			w->ready(w, events[i].events);
	}
	loop->batch_count = 0;
}

int sg_loop_run(struct sg_loop *loop)
{
	struct epoll_event events[SG_LOOP_BATCH];
	int n;

	while (!loop->stop) {
		n = epoll_wait(loop->epoll_fd, events, SG_LOOP_BATCH, -1);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			hand_out(loop, events, n);
	}
	return 0;
}

void sg_loop_close(struct sg_loop *loop)
{
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	loop->epoll_fd = -1;
}
