// SPDX-License-Identifier: GPL-2.0-only
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "log_lines.h"

void sg_log_lines_open(struct sg_log_lines *l, int fd)
{
	struct stat st;

	*l = (struct sg_log_lines){.fd = fd};
	l->socket = !fstat(fd, &st) && S_ISSOCK(st.st_mode);
}

void sg_log_lines_flush(struct sg_log_lines *l)
{
	struct pollfd pfd = {.fd = l->fd, .events = POLLOUT};
	ssize_t n = -1;

	if (!l->len)
		return;
	if (l->socket)
		n = send(l->fd, l->text, l->len, MSG_DONTWAIT | MSG_NOSIGNAL);
	else if (poll(&pfd, 1, 0) == 1 && pfd.revents & POLLOUT)
		n = write(l->fd, l->text, l->len);
	if (n != (ssize_t)l->len)
		l->lost += l->count;
	l->len = 0;
	l->count = 0;
}

void sg_log_lines_add(struct sg_log_lines *l, const char *line, size_t len)
{
	if (len > sizeof(l->text)) {
		l->lost++;
		return;
	}
	if (len > sizeof(l->text) - l->len)
		sg_log_lines_flush(l);
	memcpy(l->text + l->len, line, len);
	l->len += len;
	l->count++;
}
