/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets of the CA: they pass, and say what it does: answers SYNs, answers requests, closes. */
#ifndef SG_CA_BPF_H
#define SG_CA_BPF_H

/* Did this packet come in where the CA is? By interface; one-armed also by source MAC, unless the
 * daemon is dead and could not follow a change of it.
 */
static __always_inline bool sg_is_ca(struct xdp_md *ctx, const struct sg_run *run,
				     const struct sg_endpoint *ep)
{
	const __u8 *eth;

	if (!ep->ca_ifindex || ep->ca_ifindex != run->flow->ifindex)
		return false;
	if (!ep->one_armed || !ep->mac_known ||
	    run->flow->now > run->live->heartbeat + SG_TIMES->heartbeat_stale)
		return true;
	eth = sg_frame_at(ctx, 6, 6);
	if (!eth)
		return false;
	for (int i = 0; i < 6; i++)
		if (eth[i] != ep->ca_mac[i])
			return false;
	return true;
}

static __always_inline int sg_forged(struct sg_run *run)
{
	if (sg_event_sampled(run, run->stats->counters[SG_COUNTER_FORGED]))
		sg_event_tell(NULL, SG_EVENT_FORGED, 0, 0, run->live->sample_mask + 1);
	sg_count(run, SG_COUNTER_FORGED);
	return XDP_PASS;
}

/* The CA listens: any answer to a SYN says so, whoever's SYN it was. */
static __always_inline void sg_ca_listens(struct sg_run *run)
{
	if (sg_deaf_answer(&run->budget->deaf, run->svc, run->flow->now))
		sg_event_tell(NULL, SG_EVENT_LISTENING, 0, 0, 1);
}

/* Fill the entry of a connection met in mid-life. */
static __always_inline void sg_adopt_fill(struct xdp_md *ctx, struct sg_run *run,
					  struct sg_conn *conn)
{
	sg_conn_adopt(conn, &run->flow->pkt, run->flow->now);
	sg_path_note(ctx, &conn->ca.path, run);
	conn->flags |= SG_CONN_ACTUAL;
	conn->priority = SG_PRIORITY_OTHER;
	if (!sg_polices(run))
		return;
	bpf_spin_lock(&run->budget->lock);
	conn->lease = sg_lease_take(run->budget, &run->flow->key, SG_NO_PLACE, conn->generation,
				    run->flow->now + run->svc->request_ticks);
	bpf_spin_unlock(&run->budget->lock);
	if (conn->lease == SG_NO_LEASE)
		sg_count(run, SG_COUNTER_LEASES_FULL);
}

/* A SYN-ACK adopts only in observe and shortly after load; a data segment always; bare ACK, FIN and
 * RST never (else every close would come back to life).
 */
static __always_inline bool sg_adopts(const struct sg_run *run)
{
	const struct sg_packet *pkt = &run->flow->pkt;

	if (pkt->tcp_flags & (SG_TCP_RST | SG_TCP_FIN) || !(pkt->tcp_flags & SG_TCP_ACK))
		return false;
	if (pkt->tcp_flags & SG_TCP_SYN)
		return !sg_polices(run) ||
		       run->flow->now <= run->live->loaded + run->svc->syn_ticks;
	return pkt->payload_len;
}

/* A connection the guard has not admitted but the CA speaks on: take it over. It takes a slot, above
 * the cap if need be (police).
 */
__noinline int sg_ca_adopt(struct xdp_md *ctx)
{
	struct sg_run run = {};
	struct sg_conn *conn;
	__u64 generation;
	__u32 lease;

	if (!sg_run_again(&run, NULL) || !sg_adopts(&run))
		return 0;
	sg_run_source(&run, &run.flow->pkt.dst);
	generation = sg_generation_next();
	conn = sg_conn_blank(&run, generation);
	if (!conn)
		return 0;
	sg_adopt_fill(ctx, &run, conn);
	lease = conn->lease;
	if (!sg_conn_insert(&run, conn)) {
		if (lease < SG_LEASES)
			sg_lease_return(run.budget, lease, generation);
		return 0;
	}
	sg_count(&run, SG_COUNTER_ADOPTED);
	if (!(run.flow->pkt.tcp_flags & SG_TCP_SYN)) {
		__sync_fetch_and_add(&run.budget->actual.open, 1);
		return 0;
	}
	sg_count(&run, SG_COUNTER_SYN_ACK);
	sg_actual_open(&run.budget->actual, run.svc->ca_window_ticks, run.flow->now);
	return 0;
}

/* First SYN-ACK of an attempt. */
__noinline int sg_ca_answered_syn(struct xdp_md *ctx, struct sg_conn *conn)
{
	struct sg_run run = {};

	if (!conn || !sg_run_again(&run, conn))
		return 0;
	sg_count(&run, SG_COUNTER_SYN_ACK);
	sg_actual_open(&run.budget->actual, run.svc->ca_window_ticks, run.flow->now);
	__sync_fetch_and_or(&conn->flags, SG_CONN_ACTUAL);
	/* The client's side may have ended it meanwhile, and found no mark to take away. */
	if (sg_read_once(conn->state) == SG_CONN_CLOSED)
		sg_actual_closed(conn, run.budget);
	sg_path_note(ctx, &conn->ca.path, &run);
	return 0;
}

/* A SYN-ACK to an attempt that was given up, or ended, or comes again when its place is another's: nobody
 * may count on it any more.
 */
static __always_inline bool sg_ca_too_late(struct sg_run *run)
{
	const struct sg_conn *conn = run->conn;

	if (!sg_polices(run) || run->flow->pkt.ack != conn->client.isn + 1 ||
	    conn->flags & SG_CONN_ADOPTED)
		return false;
	if (conn->ca.known && !sg_forfeits(run))
		return sg_budget_too_late(run->budget, run->svc, SG_TIMES, conn, run->flow->now);
	return conn->state == SG_CONN_CLOSED || sg_attempt_over(run);
}

/* The first byte of an answer: how long it took, in us; 0 when not known. */
static __always_inline __u32 sg_answer_latency(struct sg_run *run)
{
	static const __u32 bounds_ms[SG_LATENCY_BUCKETS] = SG_LATENCY_BOUNDS_MS;
	__u64 since = run->conn->client.requested, took;
	__u32 bucket = 0;

	if (!since)
		return 0;
	run->conn->client.requested = 0;
	took = (run->flow->now - since) * sg_tick_ns;
	for (__u32 i = 0; i < SG_LATENCY_BUCKETS; i++)
		bucket += took > (__u64)bounds_ms[i] * 1000000;
	run->stats->latency[sg_bound(bucket, SG_LATENCY_BUCKETS + 1, 0)]++;
	run->stats->latency_sum_ns += took;
	took /= 1000;
	return took > 0xffffffff ? 0xffffffff : took;
}

/* Copy up to SG_ANSWER_HEAD bytes of the head of an answer to GetNextCACert, from which the daemon
 * alone decides about the shadow certificate.
 */
static __always_inline void sg_answer_head(struct xdp_md *ctx, struct sg_run *run,
					   struct sg_answer_event *ev, __u32 skip)
{
	__u32 len = run->flow->pkt.payload_len - skip, off = run->flow->pkt.payload_off + skip;
	__u32 have = run->conn->ca.head_bytes;

	if (have >= SG_ANSWER_HEAD)
		return;
	if (len > SG_ANSWER_HEAD - have)
		len = SG_ANSWER_HEAD - have;
	/* The compiler would test another copy of the length ("invalid zero-sized read"). */
	asm volatile("" : "+r"(len));
	if (!len || len > SG_ANSWER_HEAD || bpf_xdp_load_bytes(ctx, off, ev->head, len))
		return;
	ev->event.head_bytes = len;
	ev->event.head_offset = have;
	run->conn->ca.head_bytes = have + len;
}

/* Tell an answer. */
static __always_inline void sg_answer_tell(struct xdp_md *ctx, struct sg_run *run, __u32 skip,
					   __u32 latency_us)
{
	struct sg_answer_event *ev = bpf_ringbuf_reserve(&sg_events, sizeof(*ev), 0);

	if (!ev) {
		sg_count(run, SG_COUNTER_EVENTS_LOST);
		return;
	}
	sg_event_fill(&ev->event, run, SG_EVENT_ANSWER);
	ev->event.latency_us = latency_us;
	if (run->conn->client.request_class == SG_REQUEST_GETNEXTCACERT)
		sg_answer_head(ctx, run, ev, skip);
	bpf_ringbuf_submit(ev, sg_event_wakes(SG_EVENT_ANSWER));
}

static __always_inline void sg_answer_counted(struct sg_run *run)
{
	struct sg_conn *conn = run->conn;
	__u32 class = conn->client.request_class, status = sg_status_class(conn->ca.status);
	struct sg_source *src = sg_source_of(conn);

	class = sg_bound(class, SG_REQUEST_MAX_, SG_REQUEST_UNDECIDED);
	run->stats->answers[class][sg_bound(status, SG_STATUS_CLASSES, 0)]++;
	if (src)
		sg_source_answered(src, class, conn->ca.status);
}

/* Bytes of an answer: its status line, and the head of GetNextCACert's. */
__noinline int sg_answer_read(struct xdp_md *ctx, struct sg_conn *conn)
{
	struct sg_run run = {};
	__u32 skip = 0, latency_us = 0;
	bool decided = false;

	if (!conn || !sg_run_again(&run, conn) || !sg_answer_place(conn, &run.flow->pkt, &skip))
		return 0;
	if (!conn->ca.answer_done) {
		latency_us = sg_answer_latency(&run);
		sg_classify_answer(ctx, &conn->ca.answer, run.flow->pkt.payload_off + skip,
				   run.flow->pkt.payload_len - skip);
		decided = sg_http_answer_done(&conn->ca.answer);
	}
	if (decided) {
		conn->ca.answer_done = 1;
		conn->ca.status = sg_http_answer_status(&conn->ca.answer);
		sg_answer_counted(&run);
	}
	if (decided || (conn->client.request_class == SG_REQUEST_GETNEXTCACERT &&
			conn->ca.head_bytes < SG_ANSWER_HEAD))
		sg_answer_tell(ctx, &run, skip, latency_us);
	conn->ca.next = run.flow->pkt.seq + run.flow->pkt.payload_len;
	return 0;
}

/* The FIFO rule for one place (core/window.h). */
static __always_inline void sg_ca_overtake(struct sg_run *run, __u64 number)
{
	if (sg_budget_overtaken(run->budget, run->svc, number, run->flow->now))
		sg_place_event(run->flow->service, number, SG_PLACE_EV_OVERTAKEN, run->flow->now);
}

/* The CA has answered this connection: its place is settled for good, and those whose handshakes
 * ended earlier may be. The admissions just before it are looked at now: found later by the clock hand,
 * they would be dated later, and hold the ring up for that long.
 */
static __always_inline void sg_ca_settles(struct sg_run *run)
{
	struct sg_conn *conn = run->conn;
	struct sg_budget *budget = run->budget;

	__sync_fetch_and_or(&conn->flags, SG_CONN_PLACE_SETTLED | SG_CONN_CA_ANSWERED);
	sg_place_event(run->flow->service, conn->place, SG_PLACE_EV_FINAL, run->flow->now);
	/* Later of two; a lost race makes the FIFO rule wait for the next answer. */
	if (conn->client.handshake > budget->answered_handshake)
		budget->answered_handshake = conn->client.handshake;
	if (conn->place == SG_NO_PLACE)
		return;
	for (__u32 i = 1; i <= SG_OVERTAKES; i++)
		sg_ca_overtake(run, conn->place - i);
}

/* Any segment of the CA looks at one other place, for the FIFO rule. */
static __always_inline void sg_ca_overtakes(struct sg_run *run)
{
	struct sg_budget *budget = run->budget;
	struct sg_window_limit limit = sg_budget_window(run->svc, run->flow->now);
	__u64 number;

	if (!limit.connections || limit.connections >= SG_PLACES)
		return;
	number = budget->head - 1 - budget->settle_hand++ % limit.connections;
	sg_ca_overtake(run, number);
}

static __always_inline int sg_ca_segment(struct xdp_md *ctx, struct sg_run *run)
{
	struct sg_conn *conn = run->conn;
	struct sg_packet *pkt = &run->flow->pkt;
	__u32 effects;

	if (conn->client.credit)
		sg_conn_credit(conn, run->flow->now);
	if (pkt->tcp_flags & SG_TCP_SYN && sg_ca_too_late(run)) {
		sg_count(run, SG_COUNTER_LATE_SYN_ACK);
		sg_place_event(run->flow->service, conn->place, SG_PLACE_EV_LATE, run->flow->now);
		/* Its next SYN opens another connection at the CA, so it has to be another attempt here. */
		sg_conn_finish(conn, run->flow->now);
		return sg_answer_stray(ctx, run->flow);
	}
	effects = sg_conn_from_ca(conn, pkt, run->flow->now);
	if (effects & (SG_EFFECT_SYN_ACK | SG_EFFECT_SYN_ACK_AGAIN))
		sg_place_event(run->flow->service, conn->place, SG_PLACE_EV_SYN_ACK,
			       run->flow->now);
	if (effects & SG_EFFECT_SYN_ACK)
		sg_ca_answered_syn(ctx, conn);
	if (effects & (SG_EFFECT_ANSWERED | SG_EFFECT_REFUSED) &&
	    !(conn->flags & SG_CONN_PLACE_SETTLED))
		sg_ca_settles(run);
	if (effects & SG_EFFECT_REFUSED) {
		sg_count(run, SG_COUNTER_CONN_REFUSED_BY_CA);
		sg_ca_listens(run);
	}
	sg_ca_overtakes(run);
	if (effects & SG_EFFECT_BELIEVED) {
		if (pkt->payload_len)
			sg_answer_read(ctx, conn);
		sg_conn_extend(run);
	}
	if (effects & SG_EFFECT_ENDED)
		sg_conn_finish(conn, run->flow->now);
	return XDP_PASS;
}

/* Observe: a SYN-ACK to an entry that has ended. The attempt was given up, or its address and port are used again, and
 * the SYN that the CA answers passed without an entry of its own. An answer given before is no new one.
 */
static __always_inline bool sg_ca_answers_anew(const struct sg_run *run)
{
	const struct sg_packet *pkt = &run->flow->pkt;
	const struct sg_conn *conn = run->conn;

	return !sg_polices(run) && conn->state == SG_CONN_CLOSED &&
	       (pkt->tcp_flags & (SG_TCP_SYN | SG_TCP_ACK | SG_TCP_RST)) ==
		       (SG_TCP_SYN | SG_TCP_ACK) &&
	       (!conn->ca.known || pkt->ack != conn->client.isn + 1);
}

/* A packet that says it comes from a protected endpoint. */
static __always_inline int sg_from_ca(struct xdp_md *ctx, struct sg_run *run,
				      const struct sg_endpoint *ep)
{
	struct sg_packet *pkt = &run->flow->pkt;

	if (!sg_run_enter(run, ep, &pkt->dst, pkt->dport))
		return XDP_PASS;
	if (!sg_is_ca(ctx, run, ep))
		return sg_forged(run);
	sg_count(run, SG_COUNTER_PACKETS_CA);
	if ((pkt->tcp_flags & (SG_TCP_SYN | SG_TCP_ACK | SG_TCP_RST)) == (SG_TCP_SYN | SG_TCP_ACK))
		sg_ca_listens(run);
	run->conn = bpf_map_lookup_elem(&sg_conns, &run->flow->key);
	if (!run->conn || sg_ca_answers_anew(run))
		sg_ca_adopt(ctx);
	else if (run->conn->state != SG_CONN_CLOSED || !run->conn->ca.known || sg_forfeits(run))
		return sg_go_back(ctx, run->conn, sg_ca_segment(ctx, run));
	else
		return sg_go_back(ctx, run->conn, XDP_PASS);
	return XDP_PASS;
}

#endif
