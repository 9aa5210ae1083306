/* SPDX-License-Identifier: GPL-2.0-only */
/* Telling the daemon: reserve, fill, submit, count the lost. Refusals are sampled (an event a packet
 * would more than double the cost of a drop); state changes are always told.
 */
#ifndef SG_EVENTS_BPF_H
#define SG_EVENTS_BPF_H

/* Fill the common part. ev points at least at a whole struct sg_event. */
static __always_inline void sg_event_fill(struct sg_event *ev, const struct sg_run *run, __u32 kind)
{
	__builtin_memset(ev, 0, sizeof(*ev));
	ev->ktime_ns = sg_now_ns();
	ev->ticks = run->flow->now;
	ev->kind = kind;
	ev->service = run->flow->service;
	ev->would = !sg_polices(run);
	ev->client = run->flow->key.client;
	ev->client_port = run->flow->key.client_port;
	ev->endpoint = run->flow->key.endpoint;
	ev->sampled = 1;
	if (run->conn) {
		ev->priority = run->conn->priority;
		ev->reason = run->conn->reason;
		ev->request_class = run->conn->client.request_class;
		ev->request_number = run->conn->client.requests;
		ev->status = run->conn->ca.status;
	}
}

/* When so many bytes wait in the buffer the daemon is woken for anything: a sixteenth of it. Only then, for
 * a few records: a daemon that comes late is not called at each sample.
 */
#define SG_EVENTS_WAKE_FROM (64 << 10)
#define SG_EVENTS_WAKE_TO   (80 << 10)

/* Only a change of state is told at once, and by force: after a record that woke nobody the kernel thinks that
 * there is a wakeup to come. The daemon looks every tick anyway, and a wakeup costs more than a hundred
 * drops: one for each sample was most of what a flood cost.
 */
static __always_inline __u64 sg_event_wakes(__u32 kind)
{
	__u64 waiting;

	if (kind == SG_EVENT_DEAF || kind == SG_EVENT_LISTENING || kind == SG_EVENT_TABLE_FULL ||
	    kind == SG_EVENT_REPLAY)
		return BPF_RB_FORCE_WAKEUP;
	waiting = bpf_ringbuf_query(&sg_events, BPF_RB_AVAIL_DATA);
	return waiting >= SG_EVENTS_WAKE_FROM && waiting < SG_EVENTS_WAKE_TO ? BPF_RB_FORCE_WAKEUP
									     : BPF_RB_NO_WAKEUP;
}

/* Tell one thing about the packet at hand. conn may be NULL. sampled: how many this one stands for. */
__noinline int sg_event_tell(struct sg_conn *conn, __u32 kind, __u32 priority, __u32 reason,
			     __u32 sampled)
{
	struct sg_run run = {};
	struct sg_event *ev;

	if (!sg_run_again(&run, conn))
		return 0;
	ev = bpf_ringbuf_reserve(&sg_events, sizeof(*ev), 0);
	if (!ev) {
		sg_count(&run, SG_COUNTER_EVENTS_LOST);
		return 0;
	}
	sg_event_fill(ev, &run, kind);
	if (!conn) {
		ev->priority = priority;
		ev->reason = reason;
	}
	ev->sampled = sampled;
	bpf_ringbuf_submit(ev, sg_event_wakes(kind));
	return 0;
}

/* Tell the daemon that there is something to do with a stored frame (intercept). now: wake it for this. */
static __always_inline void sg_event_frame(__u32 kind, __u32 frame, __u64 ticket, bool now)
{
	struct sg_run run = {};
	struct sg_event *ev;

	if (!sg_run_again(&run, NULL))
		return;
	ev = bpf_ringbuf_reserve(&sg_events, sizeof(*ev), 0);
	if (!ev) {
		sg_count(&run, SG_COUNTER_EVENTS_LOST);
		return;
	}
	sg_event_fill(ev, &run, kind);
	ev->priority = run.flow->ask.priority;
	ev->frame = frame;
	ev->ticket = ticket;
	bpf_ringbuf_submit(ev, now ? BPF_RB_FORCE_WAKEUP : sg_event_wakes(kind));
}

/* One in sample_mask + 1 by this CPU's own count. */
static __always_inline bool sg_event_sampled(const struct sg_run *run, __u64 count)
{
	return !(count & run->live->sample_mask);
}

#endif
