/* SPDX-License-Identifier: GPL-2.0-only */
/* Intercept: the program goes on in another one (sg_steps), verified by itself. What it knows of the packet is in sg_flow.
 * A step that is not there, or one too many, falls through: the packet goes on as in police.
 */
#ifndef SG_STEPS_BPF_H
#define SG_STEPS_BPF_H

/* The window the guard offers: one segment comes, the rest when the CA's own ACK opens it (facts). */
#define SG_DOOR_WINDOW 536

/* Can this load intercept at all? Folds to false in every other. */
static __always_inline bool sg_may_intercept(void)
{
	return sg_highest_mode >= SG_MODE_INTERCEPT;
}

static __always_inline bool sg_spliced(const struct sg_conn *conn)
{
	return sg_may_intercept() && conn->flags & SG_CONN_SPLICED;
}

/* What the client's acknowledgements are ahead of the CA's numbers, and the CA's numbers behind the client's. Once
 * ca.known: made of what was written before that, for the client's side may be on another CPU.
 */
static __always_inline __u32 sg_splice_delta(const struct sg_conn *conn)
{
	return conn->splice.cookie - conn->ca.isn;
}

/* On through the entry, with what police does. */
static __always_inline int sg_go_native(struct xdp_md *ctx, struct sg_run *run)
{
	run->flow->through_door = true;
	bpf_tail_call(ctx, &sg_steps, SG_STEP_ENTRY);
	run->flow->through_door = false;
	return XDP_PASS;
}

/* A client's packet is counted and, in intercept, has to go through the door; both once. */
static __always_inline void sg_go_door(struct xdp_md *ctx, struct sg_run *run)
{
	if (sg_may_intercept() && run->flow->through_door) {
		run->flow->through_door = false;
		return;
	}
	sg_count(run, SG_COUNTER_PACKETS_CLIENT);
	if (sg_may_intercept())
		bpf_tail_call(ctx, &sg_steps, SG_STEP_DOOR);
}

/* What passes to the client of a spliced connection gets the numbers it knows. */
static __always_inline int sg_go_back(struct xdp_md *ctx, const struct sg_conn *conn, int action)
{
	if (action == XDP_PASS && sg_spliced(conn))
		bpf_tail_call(ctx, &sg_steps, SG_STEP_BACK);
	return action;
}

/* Time slot of a cookie made now. */
static __always_inline __u32 sg_cookie_slot(__u64 now)
{
	return (__u32)(now / SG_TIMES->cookie_slot);
}

#endif
