/* SPDX-License-Identifier: GPL-2.0-only */
/* Texts of the questions that the program learns (it keeps a hash of each, bpf/core/question.h), and what is known of
 * them, for people. Pure; the bytes come from the network and are not trusted. A fixed number a service.
 */
#ifndef SG_DAEMON_QUESTIONS_H
#define SG_DAEMON_QUESTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <jansson.h>
#include <linux/types.h>

#include "../../bpf/abi/scepguard_abi.h"
#include "../../bpf/core/times.h"

#define SG_QUESTIONS_KEPT \
	(SG_QUESTION_BUCKETS * SG_QUESTION_SLOTS) /* as many as the program learns */
#define SG_QUESTION_TARGET 481 /* bytes with NUL: what is left of an event's 512 for a target */
#define SG_QUESTION_HOST   265

struct sg_question_said {
	__u64 hash; /* 0 = empty */
	__u64 told; /* when it was asked last, in ticks */
	char target[SG_QUESTION_TARGET];
	char host[SG_QUESTION_HOST]; /* "" = not given, or not within the bytes told */
};

/* All zero is empty. */
struct sg_questions {
	struct sg_question_said said[SG_SERVICES][SG_QUESTIONS_KEPT];
};

/* A service's part of the program's table. */
typedef struct sg_question_bucket sg_question_buckets[SG_QUESTION_BUCKETS];

/* Is there no room for another text of this service? Then sg_questions_add() needs the table. */
bool sg_questions_full(const struct sg_questions *q, __u32 service);

/* Keep the text of a question.
 * @request, @len: the first bytes of a GET; what is not printable is kept as '?', a target that is cut off as far as
 *                 it is there. Without any target it is not kept
 * @table: what the program knows, or NULL; needed when there is no room: of those it knows not, the one told longest
 *         ago goes; else of all
 */
void sg_questions_add(struct sg_questions *q, __u32 service, __u64 hash, const __u8 *request,
		      size_t len, const struct sg_question_bucket *table, __u64 now);

/* The text, or NULL. */
const struct sg_question_said *sg_questions_find(const struct sg_questions *q, __u32 service,
						 __u64 hash);

/* Forget all of a service. */
void sg_questions_drop(struct sg_questions *q, __u32 service);

/* What the guard's tables say of one service at this moment. */
struct sg_questions_view {
	const char *name;
	__u32 service; /* in the maps */
	struct sg_service limits;
	struct sg_intercept intercept;
	sg_question_buckets table;
	__u32 as_ca_bytes;
};

/* The answer of the control socket, as docs/control-socket.md has it.
 * @now: in ticks, of which a second has @hz
 *
 * New reference or NULL.
 */
json_t *sg_questions_json(const struct sg_questions *q, const struct sg_questions_view *views,
			  size_t count, const struct sg_times *times, __u64 now, __u32 hz);

#endif
