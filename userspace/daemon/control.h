/* SPDX-License-Identifier: GPL-2.0-only */
/* The control protocol, without sockets: one JSON object per line in, one out. Pure: everything the
 * guard knows comes through the handler. docs/control-socket.md describes what it says.
 */
#ifndef SG_DAEMON_CONTROL_H
#define SG_DAEMON_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>
#include <linux/types.h>

#include "../util/addr.h"

#define SG_CONTROL_LINE_MAX  4096
#define SG_CONTROL_LIMIT_MAX 1000
#define SG_CONTROL_ERROR     160

/* X(identifier, name) */
#define SG_CONTROL_COMMANDS(X) \
	X(VERSION, "version")  \
	X(STATUS, "status")    \
	X(SOURCES, "sources")  \
	X(EXPLAIN, "explain")  \
	X(EVENTS, "events")    \
	X(MODE, "mode")        \
	X(CONFIRM, "confirm")  \
	X(METRICS, "metrics")  \
	X(QUESTIONS, "questions")

enum sg_control_command {
#define X(id, name) SG_CONTROL_##id,
	SG_CONTROL_COMMANDS(X)
#undef X
		SG_CONTROL_MAX_,
};

enum sg_control_sort {
	SG_CONTROL_SORT_RECENT,
	SG_CONTROL_SORT_REQUESTS,
	SG_CONTROL_SORT_ADMITTED,
	SG_CONTROL_SORT_CONNECTIONS,
	SG_CONTROL_SORT_MAX_,
};

/* A request after validation; what its command does not use is 0. */
struct sg_control_request {
	enum sg_control_command command;
	__u32 limit; /* 1..SG_CONTROL_LIMIT_MAX */
	enum sg_control_sort sort;
	bool follow;
	struct sg_addr address;
	__u32 mode;              /* enum sg_mode */
	__u64 confirm_within_ns; /* as configured; 0 = for good */
};

/* An order of `sources` by its name. Returns false, *ret untouched, for what is none (NULL too). */
bool sg_control_sort_parse(const char *name, enum sg_control_sort *ret);

/* Reads one line (no newline). Returns 0, or -EINVAL with a sentence in @error; @ret is untouched
 * then.
 */
int sg_control_parse(const char *line, size_t len, struct sg_control_request *ret,
		     char error[static SG_CONTROL_ERROR]);

/* Answers a request: a new object whose keys become the answer, or NULL with a sentence in @error. An object with
 * a key "error" is a refusal that has more to say.
 */
typedef json_t *(*sg_control_handler)(void *ctx, const struct sg_control_request *req,
				      char error[static SG_CONTROL_ERROR]);

/* Reads one line and answers it: an object with "ok", new reference; NULL when out of memory. *ret is
 * the request when it was understood and answered, else its command is SG_CONTROL_MAX_.
 */
json_t *sg_control_handle(const char *line, size_t len, sg_control_handler handler, void *ctx,
			  struct sg_control_request *ret);

/* {"ok":false,"error":...} */
json_t *sg_control_refusal(const char *error);

#endif
