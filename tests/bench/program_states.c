// SPDX-License-Identifier: GPL-2.0-only
/* How the guard is brought into the state a row measures: with packets through the loaded program, as it
 * would have come there, and with limits that make it stay there.
 */
#include "program_states.h"

/* Entries of the tables (docs/scepguard.example.yaml). */
#define SOURCES      65536
#define SOURCES_BITS 16
#define CONNS        16384

/* 172.16.0.0/16 and 2001:db8:ac10::/48: none of the sources of any row. */
#define FILLERS_BASE 0xac100000u

/* Slower than any run of the benchmark: a source that has used its burst stays refused. */
#define REFUSED_INTERVAL_S 3600

static int refuse(const char *what, __u64 n, int action)
{
	return bench_error(action < 0 ? action : -EPROTO, "%s of packet %llu: the program says %d",
			   what, (unsigned long long)n, action);
}

static int pass(struct guard *g, const struct frame *frame, __u64 n, __u32 cpu, const char *what)
{
	uint8_t bytes[PACKET_MAX];
	int action;

	frame_nth(frame, n, cpu, bytes);
	action = guard_packet(g, bytes, frame->len, false);
	return action == XDP_PASS ? 0 : refuse(what, n, action);
}

static int answer(struct guard *g, const struct frame *frame, __u64 n, __u32 cpu, __u8 flags,
		  __u32 seq, __u32 ack, const char *payload)
{
	uint8_t client[PACKET_MAX], bytes[PACKET_MAX];
	int action;

	frame_nth(frame, n, cpu, client);
	action = guard_packet(g, bytes, frame_reply(frame, client, flags, seq, ack, payload, bytes),
			      true);
	return action == XDP_PASS ? 0 : refuse("answer to the sender", n, action);
}

/* The CA refuses the SYN: the connection is over, its place settled, its slot free. */
static int reset_attempt(struct guard *g, const struct frame *syn, __u64 n, __u32 cpu)
{
	uint8_t client[PACKET_MAX];
	__u32 isn;

	frame_nth(syn, n, cpu, client);
	memcpy(&isn, client + syn->vary.l4_off + 4, sizeof(isn));
	return answer(g, syn, n, cpu, SG_TCP_RST | SG_TCP_ACK, 0, ntohl(isn) + 1, NULL);
}

static int attempt(struct guard *g, const struct frame *syn, __u64 n, __u32 cpu)
{
	int err = pass(g, syn, n, cpu, "SYN");

	return err ? err : reset_attempt(g, syn, n, cpu);
}

static void syn_of(const struct row *row, struct frame *out)
{
	frame_build(&row->shape, FRAME_SYN, row_cpu_bit(row), out);
}

/* Every source of the row, on every CPU, makes `times` attempts that the CA refuses. */
static int attempts(struct guard *g, const struct row *row, __u32 times)
{
	const __u64 all = (__u64)times << row->shape.source_bits;
	struct frame syn;
	int err = 0;

	syn_of(row, &syn);
	for (__u32 cpu = 0; !err && cpu < row_cpus(row); cpu++)
		for (__u64 n = 0; !err && n < all; n++)
			err = attempt(g, &syn, n, cpu);
	return err;
}

/* ---- refused by its source's rate ---- */

static int prepare_source_rate(struct guard *g, const struct row *row)
{
	const struct sg_source_limits limits = {.interval_ticks =
							REFUSED_INTERVAL_S * g->machine->hz,
						.burst = 6,
						.connections = 4};
	int err = guard_limits_off(g);

	g->live.source_default = limits;
	err = err ? err : guard_write_live(g);
	err = err ? err : attempts(g, row, limits.burst);
	err = err ? err : guard_limits_on(g);
	g->live.source_default = limits;
	err = err ? err : guard_write_live(g);
	return err ? err : guard_fresh_budget(g);
}

static __u64 verdicts(const struct guard_counts *c, enum sg_reason reason)
{
	__u64 sum = 0;

	for (int i = 0; i < SG_PRIORITY_MAX_; i++)
		sum += c->stats.verdicts[i][reason];
	return sum;
}

static __u64 took_source_rate(const struct guard_counts *c)
{
	return verdicts(c, SG_REASON_SOURCE_RATE);
}

const struct state state_source_rate = {.prepare = prepare_source_rate, .took = took_source_rate};

/* The same beside three prefix policies, none of which is about these sources. */
static int prepare_policies(struct guard *g, const struct row *row)
{
	static const struct {
		__u32 bits, address;
	} prefixes[] = {{16, 0x0a090000}, {32, 0xc0000207}, {24, 0xc6336400}};
	const struct sg_policy policy = {.action = SG_POLICY_EXEMPT};
	const int fd = object_map_fd(g->obj, "sg_prefixes");
	int err = prepare_source_rate(g, row);

	for (size_t i = 0; !err && i < 3; i++) {
		struct sg_prefix_key key = {.prefixlen = 96 + prefixes[i].bits};

		key.ip.w[2] = htonl(0xffff);
		key.ip.w[3] = htonl(prefixes[i].address);
		err = bpf_map_update_elem(fd, &key, &policy, BPF_ANY) ? -errno : 0;
	}
	g->live.policies = 3;
	return err ? err : guard_write_live(g);
}

const struct state state_policies = {.prepare = prepare_policies, .took = took_source_rate};

/* ---- refused by the window, all tables full ---- */

static void filler_syn(const struct row *row, struct frame *out)
{
	struct shape shape = row->shape;

	shape.base = FILLERS_BASE;
	shape.source_bits = SOURCES_BITS;
	shape.new_ports = true;
	frame_build(&shape, FRAME_SYN, 0, out);
}

/* As many sources as the tables have entries are admitted once each. */
static int prepare_full(struct guard *g, const struct row *row)
{
	struct frame syn;
	int err = guard_limits_off(g);

	g->live.source_default = (struct sg_source_limits){
		.interval_ticks = 5 * g->machine->hz, .burst = 6, .connections = 4};
	err = err ? err : guard_write_live(g);
	filler_syn(row, &syn);
	for (__u64 n = 0; !err && n < SOURCES; n++)
		err = attempt(g, &syn, n, 0);
	return err ? err : guard_limits_on(g);
}

/* Attempts until the window is used up, as a flood would make them. */
static int fill_window(struct guard *g, const struct row *row)
{
	uint8_t bytes[PACKET_MAX];
	struct frame syn;
	int err = guard_fresh_budget(g), action;

	filler_syn(row, &syn);
	for (__u32 i = 0; !err && i <= g->svc.window.connections; i++, g->fillers++) {
		frame_nth(&syn, SOURCES + g->fillers, 0, bytes);
		action = guard_packet(g, bytes, syn.len, false);
		if (action == XDP_DROP)
			return 0;
		err = action == XDP_PASS ? reset_attempt(g, &syn, SOURCES + g->fillers, 0)
					 : refuse("SYN", g->fillers, action);
	}
	return err ? err : bench_error(-EPROTO, "the window admits more than its limit");
}

static __u64 took_window(const struct guard_counts *c)
{
	return verdicts(c, SG_REASON_WINDOW) + verdicts(c, SG_REASON_WINDOW_RESERVED);
}

const struct state state_window = {
	.prepare = prepare_full, .before = fill_window, .took = took_window};

/* ---- admitted ---- */

/* Room for one run: as many places and slots as there can be, each free again at once when the CA has
 * refused the SYN (window of no time). What is looked at, taken and written is what it always is.
 */
static int wide_limits(struct guard *g)
{
	const __u32 zero = 0;
	int err = guard_limits_on(g);

	if (err)
		return err;
	g->svc.slots = 1000;
	g->svc.window.connections = 1000;
	g->svc.window.ticks = 0;
	g->svc.next_window = g->svc.window;
	g->live.source_default =
		(struct sg_source_limits){.interval_ticks = 1, .burst = 100, .connections = 100};
	err = bpf_map_update_elem(g->services_fd, &zero, &g->svc, BPF_ANY) ? -errno : 0;
	return err ? err : guard_write_live(g);
}

/* Every source is known; the connection table is full of connections that have ended. */
static int prepare_admitted(struct guard *g, const struct row *row)
{
	int err = guard_limits_off(g);

	err = err ? err : attempts(g, row, CONNS >> row->shape.source_bits);
	err = err ? err : guard_fresh_budget(g);
	return err ? err : wide_limits(g);
}

static int end_attempts(struct guard *g, const struct row *row, __u64 first, __u64 packets)
{
	struct frame syn;
	int err = 0;

	syn_of(row, &syn);
	for (__u64 n = first; !err && n < first + packets; n++)
		err = reset_attempt(g, &syn, n, 0);
	return err;
}

static __u64 took_admitted(const struct guard_counts *c)
{
	return verdicts(c, SG_REASON_ADMITTED);
}

const struct state state_admitted = {
	.prepare = prepare_admitted, .after = end_attempts, .took = took_admitted};

/* The same with sources that were never seen: the connection table full, that of the sources not. */
static int prepare_new(struct guard *g, const struct row *row)
{
	struct frame syn;
	int err = guard_limits_off(g);

	filler_syn(row, &syn);
	for (__u64 n = 0; !err && n < CONNS; n++)
		err = attempt(g, &syn, n, 0);
	err = err ? err : guard_fresh_budget(g);
	return err ? err : wide_limits(g);
}

/* As the daemon does with those idle for long. */
static int forget_sources(struct guard *g, const struct row *row, __u64 first, __u64 packets)
{
	const int fd = object_map_fd(g->obj, "sg_sources");
	struct frame syn;
	int err = end_attempts(g, row, first, packets);

	syn_of(row, &syn);
	for (__u64 n = first; !err && n < first + packets; n++) {
		struct sg_source_key key = {
			.ip = sg_ip_from_v4(htonl(syn.vary.base + vary_source(&syn.vary, n, 0)))};

		err = bpf_map_delete_elem(fd, &key) ? -errno : 0;
	}
	return err;
}

const struct state state_admitted_new = {
	.prepare = prepare_new, .after = forget_sources, .took = took_admitted};

/* ---- connections ---- */

static int open_connection(struct guard *g, const struct row *row, __u64 n, __u32 cpu)
{
	struct frame syn, ack;
	int err;

	syn_of(row, &syn);
	frame_build(&row->shape, FRAME_HANDSHAKE, row_cpu_bit(row), &ack);
	err = pass(g, &syn, n, cpu, "SYN");
	err = err ? err
		  : answer(g, &syn, n, cpu, SG_TCP_SYN | SG_TCP_ACK, CA_ISN, CLIENT_ISN + 1, NULL);
	return err ? err : pass(g, &ack, n, cpu, "handshake");
}

/* The request, and the CA's answer. */
static int ask(struct guard *g, const struct row *row, __u64 n, __u32 cpu)
{
	const __u32 end = CLIENT_ISN + 1 + strlen(row->shape.payload);
	struct frame request;
	int err;

	frame_build(&row->shape, FRAME_REQUEST, row_cpu_bit(row), &request);
	err = pass(g, &request, n, cpu, "request");
	return err ? err : answer(g, &request, n, cpu, SG_TCP_ACK, CA_ISN + 1, end, ANSWER);
}

/* Are they all open, and have they all asked (or not) what the CA has answered? */
static int check_open(struct guard *g, const struct row *row, bool asked)
{
	const __u64 wanted = (__u64)row_cpus(row) << row->shape.source_bits;
	struct guard_counts c;
	__u64 requests = 0;
	int err = guard_count(g, &c);

	for (int i = 0; !err && i < SG_REQUEST_MAX_; i++)
		requests += c.stats.requests[i];
	if (err || (c.stats.counters[SG_COUNTER_HANDSHAKES] == wanted &&
		    !c.stats.counters[SG_COUNTER_CLOSED] && requests == (asked ? wanted : 0)))
		return err;
	return bench_error(-EPROTO, "connections do not open, or close, as they should");
}

static int connections(struct guard *g, const struct row *row, bool asked)
{
	int err = guard_limits_off(g);

	for (__u32 cpu = 0; !err && cpu < row_cpus(row); cpu++) {
		for (__u64 n = 0; !err && n < 1ull << row->shape.source_bits; n++) {
			err = open_connection(g, row, n, cpu);
			err = err || !asked ? err : ask(g, row, n, cpu);
		}
		guard_read_events(g);
	}
	err = err ? err : check_open(g, row, asked);
	return err ? err : guard_limits_on(g);
}

static int prepare_established(struct guard *g, const struct row *row)
{
	return connections(g, row, true);
}

static int prepare_opened(struct guard *g, const struct row *row)
{
	return connections(g, row, false);
}

/* Opened anew: shortly after a handshake a segment may still be what ends it for the CA, and dates the
 * connection's place.
 */
static int reopen(struct guard *g, const struct row *row)
{
	struct frame syn;
	int err = guard_limits_off(g);

	syn_of(row, &syn);
	for (__u32 cpu = 0; !err && cpu < row_cpus(row); cpu++) {
		for (__u64 n = 0; !err && n < 1ull << row->shape.source_bits; n++) {
			err = answer(g, &syn, n, cpu, SG_TCP_RST | SG_TCP_ACK, CA_ISN + 1,
				     CLIENT_ISN + 1, NULL);
			err = err ? err : open_connection(g, row, n, cpu);
		}
	}
	return err ? err : guard_limits_on(g);
}

/* A connection of which the CA's side is not seen: there the client's ACK number alone says that a request
 * was answered and that the next one begins.
 */
static int prepare_one_sided(struct guard *g, const struct row *row)
{
	struct frame syn, ack;
	int err = guard_limits_off(g);

	syn_of(row, &syn);
	frame_build(&row->shape, FRAME_HANDSHAKE, row_cpu_bit(row), &ack);
	err = err ? err : pass(g, &syn, 0, 0, "SYN");
	err = err ? err : pass(g, &ack, 0, 0, "handshake");
	return err ? err : guard_limits_on(g);
}

/* Packets of connections that are known and not closed, and that no request begins with. */
static __u64 took_established(const struct guard_counts *c)
{
	__u64 took = c->stats.counters[SG_COUNTER_PACKETS_CLIENT] -
		     c->stats.counters[SG_COUNTER_UNTRACKED] -
		     c->stats.counters[SG_COUNTER_FORFEITED] -
		     c->stats.counters[SG_COUNTER_REQUEST_UNLEARNED] -
		     c->stats.counters[SG_COUNTER_CLOSED];

	for (int i = 0; i < SG_REQUEST_MAX_; i++)
		took -= c->stats.requests[i];
	return took;
}

static __u64 took_from_ca(const struct guard_counts *c)
{
	return c->stats.counters[SG_COUNTER_PACKETS_CA] - c->stats.counters[SG_COUNTER_ADOPTED] -
	       c->stats.counters[SG_COUNTER_FORGED] - c->stats.counters[SG_COUNTER_CLOSED];
}

static __u64 took_next(const struct guard_counts *c)
{
	return c->stats.requests[SG_REQUEST_GETNEXTCACERT];
}

static __u64 took_operation(const struct guard_counts *c)
{
	return c->stats.requests[SG_REQUEST_PKIOPERATION_GET] +
	       c->stats.requests[SG_REQUEST_PKIOPERATION_POST];
}

const struct state state_established = {.prepare = prepare_established, .took = took_established};
const struct state state_answering = {.prepare = prepare_established, .took = took_from_ca};
const struct state state_operation = {
	.prepare = prepare_opened, .before = reopen, .took = took_operation};
const struct state state_next = {.prepare = prepare_opened, .before = reopen, .took = took_next};
const struct state state_next_kept = {.prepare = prepare_one_sided, .took = took_next};

/* ---- not the guard's business ---- */

static int prepare_nothing(struct guard *g, const struct row *row)
{
	(void)g;
	(void)row;
	return 0;
}

static __u64 took_other_tcp(const struct guard_counts *c)
{
	return c->passed.packets[SG_PASSED_OTHER_TCP];
}

static __u64 took_not_tcp(const struct guard_counts *c)
{
	return c->passed.packets[SG_PASSED_NOT_TCP];
}

const struct state state_other_tcp = {.prepare = prepare_nothing, .took = took_other_tcp};
const struct state state_not_tcp = {.prepare = prepare_nothing, .took = took_not_tcp};
