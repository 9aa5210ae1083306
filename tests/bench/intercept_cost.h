/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the intercept benchmark share. */
#ifndef SG_BENCH_INTERCEPT_COST_H
#define SG_BENCH_INTERCEPT_COST_H

#include "program.h"
#include "intercept_front.h"
#include "intercept_front.skel.h"

/* A guard that intercepts, and clients and a CA that talk through it. */
struct scene {
	struct guard *guard;
	int family;
	__u16 port;  /* of the last client */
	bool taught; /* the CA has refused the question */
	int frames_fd;
	uint8_t out[PACKET_MAX]; /* the frame after the last packet */
	__u32 out_len;
	/* of the last connection */
	__u32 cookie;
	char key[FRONT_KEY_MAX];
};

/* The packets of a row: the frame, and how one differs from the next. */
struct cost_frame {
	struct frame frame;
	bool varies, from_ca;
	__u32 restored;
	__u32 left_len; /* behind the guard */
	/* The connection's entry, put back before every run; NULL: the row leaves nothing behind. */
	void *entry;
	char key[FRONT_KEY_MAX];
};

struct cost_row {
	const char *id, *says;
	double must_ns; /* 0 = nothing is asked */
	int family;
	__u32 source_bits;
	__u32 repeat; /* packets a run */
	int action;
	/* Bring the guard into the state and make the frame. */
	int (*prepare)(struct scene *s, const struct cost_row *row, struct cost_frame *out);
	/* Packets that took the way the row is about, of all so far. */
	__u64 (*took)(const struct guard_counts *c);
	__u32 others; /* packets of a run that may have taken another way */
};

extern const struct cost_row cost_rows[];
extern const int cost_row_count;

/* Rows of packets that change what is kept, so that each is sent once: first segments and the SYN-ACKs of the CA. */
struct cost_step {
	const char *id, *says;
	double samples[ROUNDS_MAX];
	int count;
};

enum cost_step_id { STEP_BARE_DROP, STEP_ADMITTED, STEP_SYN_ACK, STEP_MAX };

/* Send `times` requests through the guard, with what the CA answers. */
int scene_steps(struct scene *s, int drop_fd, int times, struct cost_step *steps);

/* A PKIOperation of a few bytes. */
#define OPERATION                                                                          \
	"GET /cgi-bin/pkiclient.exe?operation=PKIOperation&message=MIIHxgYJKoZIhvcNAQcCoI" \
	"IHtzCCB7MCAQExDjAMBggqhkiG9w0CBQUAMIID HTTP/1.0\r\n\r\n"
/* One scene for all rows of this object. */
int scene_begin(const char *object, const struct machine *m, struct scene *s);
/* A new client's SYN, and its cookie. */
int scene_greet(struct scene *s);
/* The last client's first segment, and the CA's packets to it. */
struct packet scene_request(const struct scene *s, const char *text);
struct packet scene_syn_ack(const struct scene *s);
struct packet scene_from_ca(const struct scene *s, __u8 flags, __u32 seq, __u32 ack,
			    const void *payload, size_t len);
/* wanted: the action; another one is said, with `what`, and -EPROTO. */
int scene_send(struct scene *s, struct packet p, bool ca, int wanted, const char *what);
/* Returns the action, and the frame in s->out. */
int scene_packet(struct scene *s, const uint8_t *bytes, __u32 len, bool from_ca);

#endif
