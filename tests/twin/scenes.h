/* SPDX-License-Identifier: GPL-2.0-only */
/* The packet table: scenes of a few packets each, with what must become of every one of them. A scene
 * runs on the native twin and on the real object; both must do what is written, and agree.
 *
 * A row is a packet or a change of circumstances. Sequence numbers follow from what was sent before;
 * .seq and .ack move them. What a row does not say must not happen: without a verdict none may be
 * counted, without a class no request may be, the frame leaves as it came, with XDP_PASS.
 */
#ifndef SG_TWIN_SCENES_H
#define SG_TWIN_SCENES_H

#include <stddef.h>

#include "world.h"
#include "../../bpf/core/net_parse.h"

enum step_kind {
	STEP_CLIENT,
	STEP_CA,
	STEP_WAIT,    /* value: ticks */
	STEP_SERVICE, /* a field of all services' struct sg_service */
	STEP_LIVE,    /* a field of struct sg_live */
	STEP_POLICY,  /* for 198.51.100.0/24; action: value */
	STEP_MODE,    /* value: enum sg_mode */
	STEP_END,     /* the daemon asks to end a flow; value: 1 = it must */
	STEP_TAKE,    /* the daemon takes a place; verdict: the reason */
};

struct step {
	enum step_kind kind;
	int flow;   /* client 198.51.100.(flow % 20), or 2001:db8::(flow % 20), port 4000 + flow */
	int repeat; /* the same for so many flows from `flow` on */
	enum world_endpoint to;
	__u8 flags; /* ACK besides, where there has to be one */
	const char *text;
	int seq, ack;              /* added to what would be right */
	__u32 isn;                 /* another initial sequence number than the flow's own */
	bool elsewhere, other_mac; /* not from where the CA is; one-armed: not by its MAC */

	/* how the frame is dressed */
	__u8 vlan_tags, hops, protocol;
	__u8 ip_options;        /* bytes of NOPs */
	bool odd_option;        /* the first of them is no NOP */
	const __u8 *extensions; /* ended by 0xff */
	__u16 fragment, padding;
	bool service_tags, mapped, more, partial, bad_tcp_sum, bad_ip_sum;
	__u32 stamp;          /* timestamp; 0 = no option */
	__u16 cut;            /* bytes missing at the frame's end, with lengths as they were */
	__u16 short_ip;       /* bytes the IP length falls short */
	bool at_every_length; /* cut at every byte, down to the Ethernet header */

	/* what must come of it; 0 = nothing, else one more than the value */
	__u32 action;   /* XDP_*; 0 = XDP_PASS */
	bool rst;       /* it leaves as a RST with right checksums */
	__u32 priority; /* the verdict is counted under this one */
	__u32 verdict, would, done, also_done, holds, state, answered;
	__u32 counter, second_counter;
	__u32 passed; /* of no service: enum sg_passed */

	size_t offset, size; /* of the field that is set */
	__u64 value;
};

struct scene {
	const char *name;
	const struct step *steps;
	size_t count;
};

/* ---- what happens ---- */
#define STEP(what, ...)                          \
	{                                        \
		.kind = STEP_##what, __VA_ARGS__ \
	}
#define SENDS(who, f, bits, ...) STEP(who, .flow = (f), .flags = (bits), __VA_ARGS__)
#define FLAGS(f, bits, ...)      SENDS(CLIENT, f, bits, __VA_ARGS__)
#define SYN(f, ...)              SENDS(CLIENT, f, SG_TCP_SYN, __VA_ARGS__)
#define ACK(f, ...)              SENDS(CLIENT, f, SG_TCP_ACK, __VA_ARGS__)
#define SAY(f, bytes, ...)       SENDS(CLIENT, f, SG_TCP_ACK, .text = (bytes), __VA_ARGS__)
#define FIN(f, ...)              SENDS(CLIENT, f, SG_TCP_FIN | SG_TCP_ACK, __VA_ARGS__)
#define RST(f, ...)              SENDS(CLIENT, f, SG_TCP_RST, __VA_ARGS__)
#define CA_SYN_ACK(f, ...)       SENDS(CA, f, SG_TCP_SYN | SG_TCP_ACK, __VA_ARGS__)
#define CA_ACK(f, ...)           SENDS(CA, f, SG_TCP_ACK, __VA_ARGS__)
#define CA_SAY(f, bytes, ...)    SENDS(CA, f, SG_TCP_ACK, .text = (bytes), __VA_ARGS__)
#define CA_FIN(f, ...)           SENDS(CA, f, SG_TCP_FIN | SG_TCP_ACK, __VA_ARGS__)
#define CA_RST(f, ...)           SENDS(CA, f, SG_TCP_RST | SG_TCP_ACK, __VA_ARGS__)
#define WAIT(s)                  STEP(WAIT, .value = (__u64)((s)*WORLD_HZ))
#define WAIT_BUT_ONE(s)          STEP(WAIT, .value = (__u64)((s)*WORLD_HZ) - 1)
#define WAIT_A_TICK              STEP(WAIT, .value = 1)
#define MODE(mode)               STEP(MODE, .value = SG_MODE_##mode)
#define POLICY(what)             STEP(POLICY, .value = SG_POLICY_##what)
#define FIELD(of, field, v)                                                            \
	.offset = offsetof(struct of, field), .size = sizeof(((struct of *)0)->field), \
	.value = (__u64)(v)
#define SERVICE(field, v)    STEP(SERVICE, FIELD(sg_service, field, v))
#define LIVE(field, v)       STEP(LIVE, FIELD(sg_live, field, v))
#define DAEMON_ENDS(f, yes)  STEP(END, .flow = (f), .value = (yes))
#define DAEMON_TAKES(f, why) STEP(TAKE, .flow = (f), .verdict = SG_REASON_##why + 1)

/* ---- what must come of it ---- */
#define ADMITTED         .verdict = SG_REASON_ADMITTED + 1
#define ADMITTED_AS(why) .verdict = SG_REASON_##why + 1
#define REFUSED(why)     .action = XDP_DROP, .verdict = SG_REASON_##why + 1
#define AS(name)         .priority = SG_PRIORITY_##name + 1
#define WOULD(why)       .would = SG_REASON_##why + 1
#define IS(class)        .done = SG_REQUEST_##class + 1, .holds = SG_REQUEST_##class + 1
#define HOLDS(class)     .holds = SG_REQUEST_##class + 1
#define ENDS_AS(class)   .done = SG_REQUEST_##class + 1
#define ANSWERED(n)      .answered = (n) + 1
#define STATE(name)      .state = SG_CONN_##name + 1
#define COUNTS(name)     .counter = SG_COUNTER_##name + 1
#define AND(name)        .second_counter = SG_COUNTER_##name + 1
#define PASSED(what)     .passed = SG_PASSED_##what + 1
#define SENT_BACK        .action = XDP_TX, .rst = true
#define DROPPED          .action = XDP_DROP

#define HANDSHAKE(f)                                                                         \
	SYN(f, ADMITTED, STATE(SYN_SENT)), CA_SYN_ACK(f, COUNTS(SYN_ACK), STATE(SYN_ACKED)), \
		ACK(f, COUNTS(HANDSHAKES), STATE(ESTABLISHED))

#define SCENE(title, array)                                      \
	{                                                        \
		title, array, sizeof(array) / sizeof((array)[0]) \
	}

extern const struct scene scenes_limits[], scenes_requests[], scenes_frames[];
extern const size_t scenes_limits_count, scenes_requests_count, scenes_frames_count;

/* Run all scenes. Returns how many failed; *packets: frames run. */
unsigned int scenes_run(const __u32 interfaces[WORLD_SIDES], unsigned long *packets);

#endif
