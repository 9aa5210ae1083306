/* SPDX-License-Identifier: GPL-2.0-only */
/* The part of scepguard_abi.h, which includes it, that only intercept needs: first segments, refused questions, the
 * guard's own answers. Units and byte order as there.
 */
#ifndef SCEPGUARD_INTERCEPT_ABI_H
#define SCEPGUARD_INTERCEPT_ABI_H

/* sg_steps: programs the entry goes on in; each is verified by itself. */
enum sg_step {
	SG_STEP_ENTRY,    /* scepguard: a client's segment again, with the CA's numbers */
	SG_STEP_DOOR,     /* scepguard_door: whatever comes from clients */
	SG_STEP_FIRST,    /* scepguard_first: a segment that may be a connection's first */
	SG_STEP_QUESTION, /* scepguard_question: one that asks GetNextCACert */
	SG_STEP_BACK, /* scepguard_back: the CA's packets to spliced connections, after they were read */
	SG_STEP_MAX_
};

/* sg_frames[i]: first segments of connections: held for a turn, and behind those (SG_LEASES) on their way to the CA. One owner of the bytes at a
 * time: who took the slot free (compare-and-swap of `ticket` from 0), until it gives it back.
 */
#define SG_NO_FRAME  0xffffffffu
#define SG_FRAME_MAX 1530 /* an Ethernet frame of 1500 bytes with four tags */
#define SG_FRAME_BYTES \
	1792 /* room for payload_off & 255 and SG_FRAME_MAX bytes behind it: what the verifier sees */

enum sg_frame_state {
	SG_FRAME_FREE,
	SG_FRAME_WAITING, /* held */
	SG_FRAME_GRANTED, /* has place and slot: its next segment, or its own frame injected again, goes on */
	SG_FRAME_SENT, /* its connection is in sg_conns */
};

struct sg_frame {
	__u64 ticket; /* 0 = free; else unique, in the order of arrival */
	__u32 state;  /* enum sg_frame_state; changed by compare-and-swap */
	__u32 ifindex;
	struct sg_conn_key key;
	__u32 payload_sum; /* of the payload's 16-bit words in memory order, folded to 16 bits */
	__u64 since;       /* when it was held first */
	__u64 asked_since; /* the source's first useful ask that is not served yet, or since */
	__u64 deadline;
	__u64 question;
	__u64 source_hash;
	__u32 seq; /* of the first payload byte */
	__u32 ack; /* cookie + 1 */
	__u8 service;
	__u8 priority; /* enum sg_priority */
	__u8 request_class;
	__u8 family;
	__u16 payload_off, payload_len;
	__u16 len; /* of frame[] */
	__u8 canary;
	__u8 partial; /* it came with an unfinished checksum (same host, veth); the one in frame[] is finished */
	__u32 connections; /* its source may have open at once; 0 = no limit */
	/* with SG_FRAME_GRANTED */
	__u64 place;
	__u64 generation;
	__u32 lease;
	__u32 reason;
	__u8 frame[SG_FRAME_BYTES]; /* as received */
};

/* sg_held_by: held frames, by a hash of their source. */
#define SG_HELD_BY_BITS 14

/* sg_waiting: key of a connection -> its slot in sg_frames. */
struct sg_waiting {
	__u64 ticket;
	__u32 frame;
	__u32 pad;
};

/* Answers the guard gives: the CA's own refusal, its status alone, come back later. Those of 404 and 403 are equally
 * long, so that a client's FIN behind any answer lies at one of three distances from its cookie.
 */
enum sg_edge {
	SG_EDGE_AS_CA,
	SG_EDGE_404,
	SG_EDGE_403,
	SG_EDGE_BUSY, /* 503 with Retry-After */
	SG_EDGE_MAX_
};
#define SG_EDGE_BYTES 512

/* sg_edges[service * SG_EDGE_MAX_ + kind]. Owner: the daemon. */
struct sg_edge_answer {
	__u16 len; /* bytes; 0 = there is none */
	__u16 status;
	__u32 sum; /* of its 16-bit words in memory order, a zero behind an odd end, folded to 16 bits */
	__u8 bytes[SG_EDGE_BYTES];
};

/* Questions the CA has refused: sg_questions[service * SG_QUESTION_BUCKETS + hash % SG_QUESTION_BUCKETS]. */
#define SG_QUESTION_BUCKETS 8
#define SG_QUESTION_SLOTS   8

struct sg_question {
	__u64 hash;    /* 0 = empty */
	__u64 refused; /* when the CA last refused it */
	__u32 hits;    /* how often it was answered here */
	__u32 epoch;   /* of sg_intercept when it was learned; another one = unlearned */
	__u16 status;  /* 404 or 403 */
	__u16 pad;
	__u32 asked_by; /* sources since the last answer: a bit for each by their hash */
};

struct sg_question_bucket {
	struct sg_question slot[SG_QUESTION_SLOTS];
};

/* A question nobody knows the answer to, put to the CA. */
struct sg_asking {
	__u64 hash;  /* 0 = none */
	__u64 since; /* when it went */
};

#define SG_ASKING_SLOTS 64 /* a power of 2; several times what a CA takes at once */

/* sg_intercepts[service]. */
struct sg_intercept {
	__u64 cookie_last; /* when the last cookie was given, within a second */
	__u64 turnkeeper; /* when the daemon last looked who is next; stale: whoever comes is admitted */
	__u64 canary_since;   /* one is under way since then; 0 = none */
	__u64 canary_sent[2]; /* when the last two went */
	__u64 canary_source;  /* hash of the source of the last one */
	__u32 epoch; /* raised when the CA answers a GetNextCACert with 200: all is unlearned */
	__u32 pad;
	__u64 ready; /* when the daemon last knew that the shadow certificate is handed out; 0 = never */
	__u32 most; /* sources of the most asked question that is due to be asked again, up to 32 */
	__u32 pad3;
	__u64 most_at;                   /* since when that counts */
	__s32 waiting[SG_PRIORITY_MAX_]; /* held now */
	__s32 pad2;
	struct sg_asking asking[SG_ASKING_SLOTS]; /* by hash */
};

#endif
