/* SPDX-License-Identifier: GPL-2.0-only */
/* Requests that are held, and what the daemon does for them. */
#ifndef SG_TEST_HELD_H
#define SG_TEST_HELD_H

#include "intercept.h"

#define HOLD_S 15

static const struct wire_net others[] = {
	{"a second client", 4, 0, "198.51.100.8", CA_V4},
	{"a third client", 4, 0, "203.0.113.5", CA_V4},
};

/* Useless, so that its source has no claim to be served first. */
#define PAGE REQUEST("/")

/* One slot, and the first talk has it. */
static inline void one_slot(const struct talk *first)
{
	struct talk t = *first;

	guard.svc.slots = 1;
	write_service();
	SPLICE(&t, PAGE);
	turnkeeper_lives();
}

static inline struct talk talk_of(__u16 port)
{
	struct talk t = TALK(port);

	return t;
}

/* It is held, as the last. Returns its slot. */
static inline __u32 held(struct talk *t, const char *bytes, int line)
{
	told_of(SG_EVENT_HELD);
	counted(SG_COUNTER_HELD);
	shake_hands(t, 1460, line);
	expect_seg(SEG(CLIENT(t, 0, 0, WIRE_PSH | WIRE_ACK, .bytes = bytes, .len = strlen(bytes),
			      .window = 4321)),
		   XDP_DROP, NULL, line);
	if (told_of(SG_EVENT_HELD) != 1 || counted(SG_COUNTER_HELD) != 1)
		fail_msg("line %d: it was not held", line);
	return told.last[SG_EVENT_HELD].frame;
}

#define HELD(t, bytes) held(t, bytes, __LINE__)

/* Asks for its turn. Returns whether it has it; *reason: why not. */
static inline bool turn(__u32 slot, __u32 *reason)
{
	struct sg_turn_call call = {.frame = slot, .ticket = frame_at(slot).ticket};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &call, .ctx_size_in = sizeof(call));

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(guard.skel->progs.sg_turn), &opts),
			 0);
	if (reason)
		*reason = call.reason;
	return call.done;
}

static inline bool expires(__u32 slot)
{
	struct sg_expire_call call = {.frame = slot, .ticket = frame_at(slot).ticket};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &call, .ctx_size_in = sizeof(call));

	assert_int_equal(
		bpf_prog_test_run_opts(bpf_program__fd(guard.skel->progs.sg_expire), &opts), 0);
	return call.done;
}

/* What is stored becomes the SYN. */
static inline void inject(const struct talk *t, __u32 slot, int line)
{
	struct sg_frame frame = frame_at(slot);

	expect_action(XDP_PASS, run_frame(frame.frame, frame.len, frame.ifindex), line);
	expect_frame(SEG(.port = t->port, .seq = t->isn, .flags = WIRE_SYN, .hops = WIRE_OWN_HOPS,
			 .window = 4321, .mss = GUARD_MSS),
		     0, line);
}

/* The one that had the slot is over. */
static inline void gives_way(const struct talk *t)
{
	PASSES_AS(SEG(CA(t, 0, ASKED, WIRE_RST | WIRE_ACK)),
		  SEG(AT_CLIENT(t, 0, ASKED, WIRE_RST | WIRE_ACK)));
}

static inline struct talk begun(__u16 port)
{
	struct talk t = talk_of(port);

	t.cookie = wire_cookie(net, (const uint64_t(*)[2])guard.live.cookie_key, t.port, t.isn,
			       slot_now(), 3);
	one_slot(&t);
	return t;
}

#define OK200 "HTTP/1.0 200 OK\r\n\r\n"
#define OKL   (sizeof(OK200) - 1)

/* The client sends these bytes, at that place of its stream; the CA acknowledges, or resets. */
#define SENDS_ON(t, at, acked, b)                                \
	PASSES_AS(SEG(CLIENT(t, at, acked, WIRE_ACK, BYTES(b))), \
		  SEG(AT_CA(t, at, acked, WIRE_ACK, BYTES(b))))
#define CA_ACKS(t, upto) \
	PASSES_AS(SEG(CA(t, 0, upto, WIRE_ACK)), SEG(AT_CLIENT(t, 0, upto, WIRE_ACK)))
#define CA_RESETS(t, at, upto)                               \
	PASSES_AS(SEG(CA(t, at, upto, WIRE_RST | WIRE_ACK)), \
		  SEG(AT_CLIENT(t, at, upto, WIRE_RST | WIRE_ACK)))

#endif
