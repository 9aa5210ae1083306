/* SPDX-License-Identifier: GPL-2.0-only */
/* Talks to the daemon over its control socket (docs/control-socket.md). */
#ifndef SG_CLI_CLIENT_H
#define SG_CLI_CLIENT_H

#include <jansson.h>

#include "cli.h"

struct sg_client;

/* Connects to <runtime>/control.sock. Returns 0; -ENOENT or -ECONNREFUSED: no daemon runs there (said
 * nowhere, the caller knows what to say); another negative errno, said on stderr.
 */
int sg_client_open(const char *runtime, struct sg_client **ret);

/* Sends request (reference taken; NULL = out of memory). Returns 0 or a negative errno, said on
 * stderr.
 */
int sg_client_send(struct sg_client *client, json_t *request);

/* Waits for one line; timeout_s 0 = for ever. Returns 1 and *line (without newline, valid until the next
 * call); 0: the daemon closed the connection; or a negative errno, said on stderr.
 */
int sg_client_line(struct sg_client *client, unsigned int timeout_s, const char **line);

/* NULL is allowed. */
void sg_client_close(struct sg_client *client);

static inline void sg_cleanup_client(struct sg_client **client)
{
	sg_client_close(*client);
}
#define _cleanup_client_ __attribute__((cleanup(sg_cleanup_client)))

/* Reads an answer: an object with "ok" true is returned (new reference) with all its texts made safe
 * for a terminal; otherwise NULL, and the daemon's sentence or what is wrong is said on stderr.
 */
json_t *sg_client_read_answer(const char *line);

/* One question, one answer: *ret (new reference). With --json the answer is also printed as it came,
 * and is not made printable. Takes request. Returns the exit status; *ret is set when it is SG_EXIT_OK.
 */
int sg_client_exchange(struct sg_client *client, const struct sg_cli_args *args, json_t *request,
		       json_t **ret);

/* The same with the instance that args name. */
int sg_client_ask(const struct sg_cli_args *args, json_t *request, json_t **ret);

/* Says on stderr that nobody answers at runtime. Returns SG_EXIT_NOT_RUNNING. */
int sg_client_say_not_running(const char *runtime);

#endif
