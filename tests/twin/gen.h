/* SPDX-License-Identifier: GPL-2.0-only */
/* Inputs without end: a few clients and their CA talk as real ones do, and are disturbed: packets are
 * mutated, time jumps, the daemon changes limits, mode and endpoints, takes places and deletes.
 */
#ifndef SG_TWIN_GEN_H
#define SG_TWIN_GEN_H

#include "dice.h"
#include "frame.h"
#include "world.h"

#define GEN_FLOWS    32
#define GEN_OWN_TEXT 400

enum gen_phase {
	GEN_IDLE,
	GEN_SYN_SENT,
	GEN_SYN_ACKED,
	GEN_OPEN, /* sends its request, waits, is answered, asks again or closes */
	GEN_CLOSING,
	/* intercept */
	GEN_COOKIE,  /* the guard has answered its SYN */
	GEN_JOINING, /* its first segment became the SYN to the CA */
	GEN_EDGED,   /* the guard has answered its request */
};

/* A connection as its two ends would see it, whatever the guard does. */
struct gen_flow {
	struct sg_ip client;
	__u16 port;
	enum world_endpoint to;
	enum gen_phase phase;
	bool stamped, partial, client_fin, ca_fin;
	__u32 isn, client_next, ca_next;
	__u32 shift; /* the client knows the CA's numbers with so much added */
	__u32 stamp;
	const char *request, *answer;
	__u32 request_len, request_sent, answer_len, answer_sent;
	char own[GEN_OWN_TEXT]; /* a request that is no constant */
};

struct gen {
	struct dice dice;
	struct world world;
	struct gen_flow flows[GEN_FLOWS];
	__u32 flow_count, last_flow;
	__u32 turn;    /* a frame that has got its turn, to be injected next: its index + 1 */
	__u32 chaos;   /* one packet in so many is mutated; 0 = none */
	__u64 packets; /* run so far */
	/* The last packet, for messages. */
	__u8 frame[TWIN_FRAME_MAX];
	size_t frame_len;
	__u32 frame_ifindex;
	struct outcome outcome;
	void (*take)(void *ctx, const struct sg_event *event); /* each record told; may be NULL */
	void *take_ctx;
};

/* Table sizes and highest mode that go with a seed: so many kinds, one after the other. */
#define GEN_KINDS 8
struct guard_sizes gen_sizes(__u64 seed);

/* The guards are emptied and set up by the dice. interfaces: as for world_begin(). */
void gen_begin(struct gen *g, struct dice dice, const __u32 interfaces[WORLD_SIDES]);

/* One happening: a packet, or something the daemon does. False: the guards disagree. */
bool gen_step(struct gen *g);

#define S(seconds) ((__u64)((seconds)*WORLD_HZ)) /* in ticks */

/* gen_config.c: circumstances */
void gen_configure(struct gen *g);
void gen_reconfigure(struct gen *g);

/* gen_time.c */
void gen_let_time_pass(struct gen *g);

/* gen.c: the n-th entry of a hash by the dice, or NULL. */
const struct twin_element *gen_some_element(struct gen *g, enum twin_map_id id);

/* gen_daemon.c: something of what the daemon does. False: the guards disagree. */
bool gen_daemon(struct gen *g);

/* Inject the frame that has got its turn. */
bool gen_turn(struct gen *g);

/* gen.c: run g->frame. */
bool gen_run(struct gen *g);

/* gen_flows.c: the next packet of a flow as it should be; what became of it. */
struct gen_packet {
	struct frame frame;
	struct gen_flow *flow;
	bool from_ca;
	__u32 ifindex;
};
void gen_make_flow(struct gen *g, struct gen_flow *flow);
void gen_next_packet(struct gen *g, struct gen_flow *flow, struct gen_packet *p);
void gen_from_client(struct gen *g, struct gen_packet *p, __u8 flags);
void gen_from_ca(struct gen *g, struct gen_packet *p, __u8 flags);
void gen_client_asks(struct gen *g, struct gen_packet *p);
void gen_other_packet(struct gen *g, struct gen_packet *p);

/* gen_sent.c: the ends go on from what came of it (g->outcome). */
void gen_sent(struct gen *g, const struct gen_packet *p);

/* gen_door.c: the next packet of a flow that the guard has spoken to itself. */
void gen_behind_door(struct gen *g, struct gen_flow *flow, struct gen_packet *p);

/* gen_edges.c: what the guard is to say itself, and the keys of its cookies. */
void gen_change_edges(struct gen *g);
void gen_change_keys(struct gen *g);
void gen_choose_intercept(struct dice *d, struct sg_service *svc);

/* gen_mutate.c: of its description, and of its bytes (returns the new length, at least 14). */
void gen_mutate(struct gen *g, struct gen_packet *p);
size_t gen_mutate_bytes(struct gen *g, __u8 *frame, size_t len);
size_t gen_noise(struct gen *g, __u8 *frame);

/* gen_texts.c */
struct gen_text {
	const char *bytes;
	__u32 len;
};
struct gen_text gen_request(struct dice *d, char own[GEN_OWN_TEXT]); /* perhaps written there */
struct gen_text gen_answer(struct dice *d, const char *request);

#endif
