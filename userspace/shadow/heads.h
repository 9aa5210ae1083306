/* SPDX-License-Identifier: GPL-2.0-only */
/* Heads of GetNextCACert answers, put together from the pieces the program tells (an answer may
 * come in several segments). Pure. A fixed number at once: a CA has 16 connections, and who would
 * keep more heads unfinished pushes out the oldest, which is then judged as it is.
 */
#ifndef SG_SHADOW_HEADS_H
#define SG_SHADOW_HEADS_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "../../bpf/abi/scepguard_abi.h"

#define SG_HEADS 32

struct sg_head {
	bool used;
	__u8 service;
	__u16 status;
	__u16 len; /* bytes of the answer from its first on, without a gap */
	__u16 endpoint;
	__u16 request_number;
	__be16 client_port;
	struct sg_ip client;
	__u64 begun_ns;
	__u8 bytes[SG_ANSWER_HEAD];
};

/* All zero is empty. */
struct sg_heads {
	struct sg_head heads[SG_HEADS];
};

/* Add what one record tells. When a head is finished (its empty line is there, SG_ANSWER_HEAD bytes
 * are there, or it is pushed out) it is moved to *done and true is returned.
 */
bool sg_heads_add(struct sg_heads *h, const struct sg_answer_event *record, __u64 now_ns,
		  struct sg_head *done);

/* Take out one head that was begun before @before_ns. Returns false when there is none. */
bool sg_heads_expire(struct sg_heads *h, __u64 before_ns, struct sg_head *done);

#endif
