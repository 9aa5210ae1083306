/* SPDX-License-Identifier: GPL-2.0-only */
/* Entries of the connection table: made, ended, forgotten. Ending releases what the entry holds
 * (slot, place, its source's count) exactly once; deleting is left to whoever reuses its place in
 * sg_conn_ring, or to the daemon, since the other CPU may still hold a pointer.
 */
#ifndef SG_CONNS_BPF_H
#define SG_CONNS_BPF_H

/* Place of a key in sg_open_conns. Keyed, so that nobody picks connections that share one. */
static __always_inline __u32 sg_conn_place(const struct sg_ip *client, __be16 port, __u16 endpoint,
					   const __u64 *secret)
{
	const __u64 golden = 0x9e3779b97f4a7c15ull;
	__u64 h = ((__u64)client->w[0] << 32 | client->w[1]) ^ secret[0];

	h = (h ^ (__u64)port << 16 ^ endpoint) * golden;
	h ^= ((__u64)client->w[2] << 32 | client->w[3]) ^ secret[1];
	h = (h ^ h >> 32) * golden;
	return (__u32)(h >> (64 - SG_OPEN_CONNS_BITS));
}

/* Count a connection in. */
static __always_inline void sg_conn_count_in(__u32 place)
{
	__u32 *open = bpf_map_lookup_elem(&sg_open_conns, &place);

	if (open)
		__sync_fetch_and_add(open, 1);
}

/* And out. Of two CPUs that make and end entries of one key at once, an entry may be counted once too often or once
 * too seldom: too many is a look in vain, too few a resent SYN that is taken for an attempt of its own. Never
 * below 0, or it would go on.
 */
static __always_inline void sg_conn_count_out(__u32 place)
{
	__u32 *open = bpf_map_lookup_elem(&sg_open_conns, &place);

	if (open && sg_read_once(*open))
		__sync_fetch_and_sub(open, 1);
}

/* Not counted as open at the CA any more: by the one who takes the mark away. */
static __always_inline void sg_actual_closed(struct sg_conn *conn, struct sg_budget *budget)
{
	if (__sync_fetch_and_and(&conn->flags, ~SG_CONN_ACTUAL) & SG_CONN_ACTUAL)
		__sync_fetch_and_sub(&budget->actual.open, 1);
}

/* Remember the request that was read with its source. Not with the request itself but with the next packet
 * of the connection, or its end: a request is then read in half the time, and the next connection of the
 * source, which is what it is for, comes after that. Either side's CPU may do it; one does.
 */
__noinline int sg_conn_credit(struct sg_conn *conn, __u64 now)
{
	struct sg_service *svc;
	struct sg_source *src;
	__u32 class, service;

	if (!conn || !__sync_lock_test_and_set(&conn->client.credit, 0))
		return 0;
	service = conn->service;
	svc = bpf_map_lookup_elem(&sg_services, &service);
	src = sg_source_of(conn);
	class = sg_bound(conn->client.request_class, SG_REQUEST_MAX_, SG_REQUEST_UNDECIDED);
	if (svc && src)
		sg_source_requested(src, svc, class, SG_TIMES, now);
	return 0;
}

/* Whoever waits for the answer to its question waits no longer: there is one, or none will come. */
__noinline int sg_splice_asked(struct sg_conn *conn, __u32 answered, __u64 now)
{
	struct sg_intercept *ic;
	__u32 service;

	if (!conn || !(conn->flags & SG_CONN_ASKS) ||
	    !(__sync_fetch_and_and(&conn->flags, ~SG_CONN_ASKS) & SG_CONN_ASKS))
		return 0;
	service = conn->service;
	ic = bpf_map_lookup_elem(&sg_intercepts, &service);
	if (!ic)
		return 0;
	if (answered || !conn->ca.known)
		sg_asking_done(ic, conn->splice.question);
	else
		sg_asking_failed(ic, conn->splice.question, SG_TIMES, now);
	return 0;
}

/* A spliced connection is over: what of it concerns others? */
static __always_inline void sg_splice_over(struct sg_conn *conn, struct sg_source *src, __u64 now)
{
	sg_splice_asked(conn, false, now);
	/* The CA had taken all that was read, and no more, and waited for the rest in vain. */
	if (src && conn->ca.known && !sg_seq_after(conn->splice.first_end, conn->ca.ack) &&
	    conn->ca.ack == conn->client.next && conn->ca.answers != conn->client.requests &&
	    sg_request_owed(conn))
		sg_source_left_unfinished(src);
}

/* End a connection: everything it holds is released, by the first caller only (both sides may call at
 * once).
 */
__noinline int sg_conn_finish(struct sg_conn *conn, __u64 now)
{
	struct sg_budget *budget;
	struct sg_stats *stats;
	struct sg_source *src;
	__u32 lease, service, place;

	if (!conn)
		return 0;
	/* Before it is closed: then its memory may become another's. */
	place = conn->open_place;
	if (!sg_conn_close(conn))
		return 0;
	sg_conn_count_out(place);
	sg_conn_credit(conn, now);
	service = conn->service;
	budget = bpf_map_lookup_elem(&sg_budgets, &service);
	stats = bpf_map_lookup_elem(&sg_stats, &service);
	if (!budget || !stats)
		return 0;
	stats->counters[SG_COUNTER_CLOSED]++;
	if (sg_request_unfinished(conn))
		stats->requests[conn->client.requests ? SG_REQUEST_UNDECIDED : SG_REQUEST_NONE]++;
	sg_place_event(service, conn->place, sg_place_end_event(conn), now);
	lease = __sync_lock_test_and_set(&conn->lease, SG_NO_LEASE);
	if (lease < SG_LEASES) {
		bpf_spin_lock(&budget->lock);
		sg_lease_release(budget, lease, conn->generation);
		bpf_spin_unlock(&budget->lock);
	}
	sg_actual_closed(conn, budget);
	src = conn->flags & SG_CONN_SOURCE ? sg_source_of(conn) : NULL;
	if (src && src->connections > 0)
		__sync_fetch_and_sub(&src->connections, 1);
	if (conn->flags & SG_CONN_SPLICED)
		sg_splice_over(conn, src, now);
	return 0;
}

/* Next generation; it is also the entry's place in sg_conn_ring. 0 is never given. */
static __always_inline __u64 sg_generation_next(void)
{
	__u32 zero = 0;
	__u64 *next = bpf_map_lookup_elem(&sg_generation, &zero);

	return next ? __sync_fetch_and_add(next, 1) + 1 : 0;
}

/* Take the ring's place of this generation for `key` and delete the entry that had it. */
__noinline int sg_conn_ring_take(const struct sg_conn_key *key, __u64 generation, __u64 now)
{
	__u32 index = generation & sg_conn_ring_mask, service;
	struct sg_conn_ring_entry *entry = bpf_map_lookup_elem(&sg_conn_ring, &index);
	struct sg_conn_ring_entry old_entry;
	struct sg_stats *stats;
	struct sg_conn *old;

	if (!entry || !key)
		return 0;
	old_entry = *entry;
	entry->key = *key;
	entry->generation = generation;
	if (!old_entry.generation)
		return 0;
	old = bpf_map_lookup_elem(&sg_conns, &old_entry.key);
	if (!old || old->generation != old_entry.generation)
		return 0;
	service = old->service;
	stats = bpf_map_lookup_elem(&sg_stats, &service);
	if (stats && old->state != SG_CONN_CLOSED)
		stats->counters[SG_COUNTER_CONN_EVICTED]++;
	sg_conn_finish(old, now);
	bpf_map_delete_elem(&sg_conns, &old_entry.key);
	return 0;
}

/* An empty entry to fill (per-CPU scratch), or NULL. */
static __always_inline struct sg_conn *sg_conn_blank(struct sg_run *run, __u64 generation)
{
	__u32 zero = 0;
	struct sg_conn *conn = bpf_map_lookup_elem(&sg_scratch, &zero);

	if (!conn)
		return NULL;
	__builtin_memset(conn, 0, sizeof(*conn));
	conn->generation = generation;
	conn->place = SG_NO_PLACE;
	conn->lease = SG_NO_LEASE;
	conn->service = run->flow->service;
	conn->source = run->flow->source.ip;
	conn->open_place = sg_conn_place(&run->flow->key.client, run->flow->key.client_port,
					 run->flow->key.endpoint, run->live->hash_key);
	return conn;
}

/* How packets of this side come in, for frames the daemon may have to send along the same way. */
static __always_inline void sg_path_note(struct xdp_md *ctx, struct sg_path *path,
					 struct sg_run *run)
{
	bpf_xdp_load_bytes(ctx, 0, path->mac, sizeof(path->mac));
	path->ifindex = run->flow->ifindex;
	path->vlan_tags = run->flow->pkt.vlan_tags;
	for (__u32 i = 0; i < SG_VLAN_MAX; i++)
		if (i < run->flow->pkt.vlan_tags)
			bpf_xdp_load_bytes(ctx, 12 + 4 * i, &path->vlan[i], 4);
}

/* Put the filled entry into the table in place of what had its key. Returns the entry or NULL when
 * the table is full (counted): the connection then goes on untracked.
 */
static __always_inline struct sg_conn *sg_conn_insert(struct sg_run *run, struct sg_conn *blank)
{
	if (run->conn)
		sg_conn_finish(run->conn, run->flow->now);
	sg_conn_ring_take(&run->flow->key, blank->generation, run->flow->now);
	sg_conn_count_in(blank->open_place);
	if (bpf_map_update_elem(&sg_conns, &run->flow->key, blank, BPF_ANY)) {
		sg_conn_count_out(blank->open_place);
		sg_count(run, SG_COUNTER_CONN_MAP_FULL);
		sg_event_tell(NULL, SG_EVENT_TABLE_FULL, 0, 0, 1);
		return NULL;
	}
	return bpf_map_lookup_elem(&sg_conns, &run->flow->key);
}

/* Give a lease back that no connection holds. */
static __always_inline void sg_lease_return(struct sg_budget *budget, __u32 lease, __u64 generation)
{
	bpf_spin_lock(&budget->lock);
	sg_lease_release(budget, lease, generation);
	bpf_spin_unlock(&budget->lock);
}

/* Extend the connection's lease, when that would add more than `refresh`. */
static __always_inline void sg_conn_extend(struct sg_run *run)
{
	struct sg_conn *conn = run->conn;
	struct sg_lease *lease;
	__u64 expires;
	__u32 index = conn->lease;

	if (index >= SG_LEASES || conn->flags & SG_CONN_ABANDONED)
		return;
	lease = &run->budget->leases[index];
	expires = sg_lease_expiry(run->svc, SG_TIMES->half_open, conn->state, sg_request_owed(conn),
				  conn->opened, run->flow->now);
	if (lease->generation != conn->generation)
		return;
	/* Shorter too: a request that is not complete in time, after a handshake. */
	if (expires > lease->expires + SG_TIMES->refresh || expires < lease->expires)
		lease->expires = expires;
}

/* The client reset it (police). Its slot is held for `syn` more, then freed like that of a client that fell
 * silent: with the guard's own RST, which the CA does take.
 */
static __always_inline void sg_conn_abandon(struct sg_run *run)
{
	struct sg_conn *conn = run->conn;
	__u64 expires = run->flow->now + run->svc->syn_ticks;
	struct sg_lease *lease;
	__u32 index = conn->lease;

	if (index >= SG_LEASES || !sg_polices(run)) {
		sg_conn_finish(conn, run->flow->now);
		return;
	}
	__sync_fetch_and_or(&conn->flags, SG_CONN_ABANDONED);
	sg_splice_asked(conn, false, run->flow->now);
	lease = &run->budget->leases[index];
	if (lease->generation == conn->generation && lease->expires > expires)
		lease->expires = expires;
}

/* The CA's packets cannot be seen: it is this host itself, or they take another path (none was ever
 * seen). Then the client's side has to do.
 */
static __always_inline bool sg_one_sided(const struct sg_run *run)
{
	return !run->flow->ca_ifindex || !run->budget->deaf.last_answer;
}

/* Police lets nothing of it reach the CA any more (core/window.h). */
static __always_inline bool sg_forfeits(const struct sg_run *run)
{
	return sg_polices(run) && sg_conn_forfeited(run->conn);
}

#endif
