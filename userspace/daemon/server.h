/* SPDX-License-Identifier: GPL-2.0-only */
/* The control socket: a unix stream socket, non-blocking, with a bound on everything a client can
 * make it hold. A client that is slow, silent or hostile is dropped and counted.
 */
#ifndef SG_DAEMON_SERVER_H
#define SG_DAEMON_SERVER_H

#include <linux/types.h>

#include "control.h"
#include "loop.h"

#define SG_SERVER_CLIENTS    16
#define SG_SERVER_OUTPUT_MAX (1024 * 1024)
#define SG_SERVER_IDLE_NS    (30ull * 1000000000ull)
/* When all places are taken, a client that has asked nothing for so long makes room for a new one. Longer
 * than a client needs from connecting to asking.
 */
#define SG_SERVER_SPARE_NS (250ull * 1000000ull)
/* Answers to one client before the others and the clock get their turn. One: with 100 000 sources known
 * `sources` takes 65 ms (measured), and 16 clients may ask at once.
 */
#define SG_SERVER_LINES_A_TURN 1

struct sg_server;

struct sg_server_totals {
	__u32 clients;
	__u64 dropped;
};

/* Listens on <runtime>/control.sock; a stale socket of a dead daemon is replaced (the caller holds
 * the lock of the runtime directory). Answers come from handler(ctx). loop is borrowed. Returns 0 or
 * a negative errno, logged.
 */
int sg_server_open(const char *runtime, struct sg_loop *loop, sg_control_handler handler, void *ctx,
		   struct sg_server **ret);

/* Does anybody follow the events? */
bool sg_server_has_followers(const struct sg_server *s);

/* Send one line (with its newline) to every follower. */
void sg_server_tell_followers(struct sg_server *s, const char *line, size_t len);

/* Drop clients that have asked nothing for SG_SERVER_IDLE_NS. now_ns: CLOCK_MONOTONIC. */
void sg_server_tend(struct sg_server *s, __u64 now_ns);

struct sg_server_totals sg_server_totals(const struct sg_server *s);

/* Drop all clients and remove the socket. NULL is allowed. */
void sg_server_close(struct sg_server *s);

#endif
