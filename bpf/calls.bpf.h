/* SPDX-License-Identifier: GPL-2.0-only */
/* What the daemon asks of the program's own code (BPF_PROG_TEST_RUN of SEC("syscall")): its clock, one
 * way to take from the budget, under the same lock as XDP, and one to end a connection.
 */
#ifndef SG_CALLS_BPF_H
#define SG_CALLS_BPF_H

SEC("syscall")
int sg_clock(struct sg_clock_call *call)
{
	call->ticks = sg_now_ticks();
	call->ktime_ns = sg_now_ns();
	return 0;
}

SEC("syscall")
int sg_end(struct sg_end_call *call)
{
	struct sg_conn_key key = call->key;
	__u64 now = sg_now_ticks();
	struct sg_service *svc;
	struct sg_budget *budget;
	struct sg_conn *conn;
	__u32 index;

	call->ended = 0;
	conn = bpf_map_lookup_elem(&sg_conns, &key);
	if (!conn || conn->generation != call->generation)
		return 0;
	index = conn->service;
	svc = bpf_map_lookup_elem(&sg_services, &index);
	budget = bpf_map_lookup_elem(&sg_budgets, &index);
	if (!svc || !budget || !sg_conn_is_due(budget, svc, conn, now))
		return 0;
	sg_conn_finish(conn, now);
	call->ended = 1;
	return 0;
}

/* Make the table entry of a connection of the guard's own. */
static __always_inline int sg_take_entry(const struct sg_take_call *call,
					 const struct sg_live *live, const struct sg_ask *ask,
					 const struct sg_grant *grant)
{
	__u32 zero = 0;
	struct sg_conn *conn = bpf_map_lookup_elem(&sg_call_scratch, &zero), *old;

	if (!conn)
		return -1;
	/* The port was free, so what had it is over; its end was not seen, and it may still hold a slot. */
	old = bpf_map_lookup_elem(&sg_conns, &ask->key);
	if (old)
		sg_conn_finish(old, ask->now);
	__builtin_memset(conn, 0, sizeof(*conn));
	conn->generation = ask->generation;
	conn->place = grant->place;
	conn->lease = grant->lease;
	conn->service = call->service;
	conn->priority = ask->priority;
	conn->reason = grant->reason;
	conn->opened = ask->now;
	conn->open_place = sg_conn_place(&ask->key.client, ask->key.client_port, ask->key.endpoint,
					 live->hash_key);
	sg_conn_ring_take(&ask->key, ask->generation, ask->now);
	sg_conn_count_in(conn->open_place);
	if (!bpf_map_update_elem(&sg_conns, &ask->key, conn, BPF_ANY))
		return 0;
	sg_conn_count_out(conn->open_place);
	return -1;
}

SEC("syscall")
int sg_take(struct sg_take_call *call)
{
	struct sg_ask ask = {.police = true};
	struct sg_grant grant = {};
	struct sg_budget *budget;
	struct sg_service *svc;
	struct sg_live *live;
	__u32 zero = 0, index = call->service;

	live = bpf_map_lookup_elem(&sg_live, &zero);
	svc = bpf_map_lookup_elem(&sg_services, &index);
	budget = bpf_map_lookup_elem(&sg_budgets, &index);
	if (!live || !svc || !budget)
		return -1;
	ask.key = call->key;
	ask.now = sg_now_ticks();
	ask.police_since = live->police_since;
	ask.priority = call->priority;
	ask.generation = sg_generation_next();
	bpf_spin_lock(&budget->lock);
	sg_budget_take(budget, svc, SG_TIMES, &ask, &grant);
	bpf_spin_unlock(&budget->lock);
	call->reason = grant.reason;
	call->generation = 0;
	if (!sg_reason_admits(grant.reason))
		return 0;
	if (sg_take_entry(call, live, &ask, &grant)) {
		sg_lease_return(budget, grant.lease, ask.generation);
		return -1;
	}
	call->generation = ask.generation;
	return 0;
}

#endif
