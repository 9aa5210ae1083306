/* SPDX-License-Identifier: GPL-2.0-only */
/* Lines on standard output that must not hold up the daemon: what the reader does not take at once
 * is lost, and counted. (O_NONBLOCK would also hit others who hold the same terminal or pipe.)
 */
#ifndef SG_DAEMON_LOG_LINES_H
#define SG_DAEMON_LOG_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

/* A pipe that polls writable takes this much without blocking (pipe(7)). */
#define SG_LOG_LINES_SIZE 4096

struct sg_log_lines {
	int fd;
	bool socket;
	__u64 lost;
	__u32 count; /* lines in text */
	size_t len;
	char text[SG_LOG_LINES_SIZE];
};

void sg_log_lines_open(struct sg_log_lines *l, int fd);

/* Add a whole line, newline included, at most SG_LOG_LINES_SIZE bytes. */
void sg_log_lines_add(struct sg_log_lines *l, const char *line, size_t len);

/* Write what was added. */
void sg_log_lines_flush(struct sg_log_lines *l);

#endif
