// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "frame.h"
#include "kernel.h"
#include "names.h"
#include "scenes.h"

#define FLOWS 128

/* Where a flow stands. */
struct seqs {
	bool begun;
	enum world_endpoint to;
	__u32 client, ca; /* next byte of each side */
};

/* What is looked at before and after a packet. */
struct view {
	struct sg_stats stats;
	struct sg_passed_stats passed;
	struct sg_conn conn;
	bool has_conn;
};

static struct world world;
static struct seqs flows[FLOWS];
static unsigned long frames;
static struct {
	const char *scene;
	size_t row;
	bool failed;
} at;

static void complain(const char *who, const char *what, long expected, long found)
{
	fprintf(stderr, "scene '%s', row %zu, %s: %s: expected %ld, found %ld\n", at.scene,
		at.row + 1, who, what, expected, found);
	at.failed = true;
}

static void expect(const char *who, const char *what, long expected, long found)
{
	if (expected != found)
		complain(who, what, expected, found);
}

/* ---- frames ---- */

static struct sg_ip client_ip(int flow, enum world_endpoint to)
{
	struct sg_ip ip = world_ip(to == WORLD_V6 ? "2001:db8::" : "198.51.100.0");

	ip.w[3] |= htonl((__u32)flow % 20);
	return ip;
}

static void dress(struct frame *f, const struct step *s)
{
	f->vlan_tags = s->vlan_tags;
	f->service_tags = s->service_tags;
	f->hops = s->hops;
	f->mapped = s->mapped;
	f->protocol = s->protocol;
	f->fragment = s->fragment;
	f->more_fragments = s->more;
	f->padding = s->padding;
	f->partial = s->partial;
	f->bad_tcp_sum = s->bad_tcp_sum;
	f->bad_ip_sum = s->bad_ip_sum;
	f->ip_options_len = s->ip_options;
	memset(f->ip_options, 1, s->ip_options);
	if (s->odd_option)
		memcpy(f->ip_options, (const __u8[]){0x83, 3, 4}, 3);
	for (int i = 0; s->extensions && s->extensions[i] != 0xff; i++)
		f->extension[f->extensions++] = s->extensions[i];
	if (s->stamp)
		frame_stamp(f, s->stamp);
}

static void address_client(struct frame *f, const struct step *s, int flow)
{
	const struct sg_endpoint *ep = world_endpoint(&world, s->to);

	memcpy(f->mac, (const __u8[12]){2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}, 12);
	f->src = client_ip(flow, s->to);
	f->dst = ep->ip;
	f->sport = (__u16)(4000 + flow);
	f->dport = ntohs(ep->port);
}

static void address_ca(struct frame *f, const struct step *s, int flow)
{
	const struct sg_endpoint *ep = world_endpoint(&world, s->to);

	memcpy(f->mac, (const __u8[6]){2, 0, 0, 0, 0, 3}, 6);
	memcpy(f->mac + 6, world_ca_mac, 6);
	f->mac[11] ^= s->other_mac;
	f->src = ep->ip;
	f->dst = client_ip(flow, s->to);
	f->sport = ntohs(ep->port);
	f->dport = (__u16)(4000 + flow);
}

static size_t build(const struct step *s, int flow, __u8 *out)
{
	struct seqs *seqs = &flows[flow];
	bool client = s->kind == STEP_CLIENT;
	struct frame f = {.flags = s->flags};
	__u32 *mine = client ? &seqs->client : &seqs->ca, theirs = client ? seqs->ca : seqs->client;
	size_t len;

	if (!seqs->begun || s->isn) {
		*seqs = (struct seqs){true, s->to, s->isn ? s->isn : 1000u * (__u32)flow,
				      900000u + 1000u * (__u32)flow};
		theirs = client ? seqs->ca : seqs->client;
	}
	if (client)
		address_client(&f, s, flow);
	else
		address_ca(&f, s, flow);
	dress(&f, s);
	f.payload = s->text;
	f.payload_len = s->text ? (__u16)strlen(s->text) : 0;
	f.seq = *mine + (__u32)s->seq;
	f.ack = s->flags & SG_TCP_ACK ? theirs + (__u32)s->ack : 0;
	/* A SYN that comes again has the number of the first. */
	if (s->flags & SG_TCP_SYN && client)
		f.seq = s->isn ? s->isn : 1000u * (__u32)flow;
	if (!s->seq)
		*mine = f.seq + f.payload_len + !!(s->flags & SG_TCP_SYN) +
			!!(s->flags & SG_TCP_FIN);
	len = frame_build(&f, out);
	if (s->short_ip) {
		__u8 *total = out + 14 + 4 * s->vlan_tags + 2;
		__u32 value = ((__u32)total[0] << 8 | total[1]) - s->short_ip;

		total[0] = (__u8)(value >> 8);
		total[1] = (__u8)value;
	}
	return len - s->cut;
}

/* ---- what is seen of a guard ---- */

static void look(bool kernel, const struct step *s, int flow, struct view *v)
{
	const struct sg_endpoint *ep = world_endpoint(&world, s->to);
	const struct sg_conn_key key = {.client = client_ip(flow, s->to),
					.client_port = htons((__u16)(4000 + flow)),
					.endpoint = ep->id};
	const __u32 service = ep->service, zero = 0;
	const void *conn;

	if (kernel) {
		kernel_read(TWIN_sg_stats, &service, &v->stats);
		kernel_read(TWIN_sg_passed, &zero, &v->passed);
		v->has_conn = kernel_read(TWIN_sg_conns, &key, &v->conn);
		return;
	}
	v->stats = *(struct sg_stats *)twin_map_lookup(twin_map(TWIN_sg_stats), &service);
	v->passed = *(struct sg_passed_stats *)twin_map_lookup(twin_map(TWIN_sg_passed), &zero);
	conn = twin_map_lookup(twin_map(TWIN_sg_conns), &key);
	v->has_conn = conn;
	if (conn)
		v->conn = *(const struct sg_conn *)conn;
}

static void judge_verdicts(const char *who, const struct step *s, const struct view *old,
			   const struct view *new)
{
	if (s->priority && s->verdict)
		expect(who, sg_priority_name(s->priority - 1), 1,
		       (long)(new->stats.verdicts[s->priority - 1][s->verdict - 1] -
			      old->stats.verdicts[s->priority - 1][s->verdict - 1]));
	for (__u32 reason = 0; reason < SG_REASON_MAX_; reason++) {
		long done = 0, would = 0;

		for (int i = 0; i < SG_PRIORITY_MAX_; i++) {
			done += (long)(new->stats.verdicts[i][reason] -
				       old->stats.verdicts[i][reason]);
			would += (long)(new->stats.would[i][reason] - old->stats.would[i][reason]);
		}
		if (done != (s->verdict == reason + 1))
			complain(who, sg_reason_name(reason), s->verdict == reason + 1, done);
		if (would != (s->would == reason + 1))
			complain(who, sg_reason_name(reason), s->would == reason + 1, would);
	}
}

static void judge_requests(const char *who, const struct step *s, const struct view *old,
			   const struct view *new)
{
	for (__u32 class = 0; class < SG_REQUEST_MAX_; class ++)
		expect(who, sg_class_name(class), s->done == class + 1 || s->also_done == class + 1,
		       (long)(new->stats.requests[class] - old->stats.requests[class]));
	for (__u32 status = 0; status < SG_STATUS_CLASSES; status++) {
		long answers = 0;

		for (int i = 0; i < SG_REQUEST_MAX_; i++)
			answers += (long)(new->stats.answers[i][status] -
					  old->stats.answers[i][status]);
		expect(who, "answers of a status class", s->answered == status + 1, answers);
	}
	if (s->holds || s->state)
		expect(who, "has an entry", 1, new->has_conn);
	if (s->holds && new->has_conn)
		expect(who, "class", (long)s->holds - 1, new->conn.client.request_class);
	if (s->state && new->has_conn)
		expect(who, "state", (long)s->state - 1, (long)new->conn.state);
}

static void judge_counters(const char *who, const struct step *s, const struct view *old,
			   const struct view *new)
{
	const __u32 named[] = {s->counter, s->second_counter};

	for (int i = 0; i < 2; i++)
		if (named[i])
			expect(who, sg_counter_name(named[i] - 1), 1,
			       (long)(new->stats.counters[named[i] - 1] -
				      old->stats.counters[named[i] - 1]));
	for (__u32 i = 0; i < SG_PASSED_MAX_; i++)
		expect(who, "packets of no service", s->passed == i + 1,
		       (long)(new->passed.packets[i] - old->passed.packets[i]));
}

static void judge_frame(const struct step *s, const __u8 *frame, size_t len,
			const struct outcome *out)
{
	__u8 copy[TWIN_FRAME_MAX];
	struct sg_cursor cur = {copy, copy, copy + out->len};
	struct sg_packet pkt = {};

	expect("both", "action", s->action ? s->action : XDP_PASS, out->action);
	if (!s->rst) {
		expect("both", "the frame is untouched", 1,
		       out->len == len && !memcmp(frame, out->frame, len));
		return;
	}
	memcpy(copy, out->frame, out->len);
	expect("both", "it leaves as TCP", SG_PARSE_TCP, sg_parse_frame(&cur, &pkt));
	expect("both", "a RST", SG_TCP_RST, pkt.tcp_flags & (SG_TCP_RST | SG_TCP_SYN));
	expect("both", "with right checksums", 1, frame_sums_right(copy, &pkt));
	expect("both", "to where it goes", 0,
	       memcmp(copy, out->action == XDP_TX ? frame + 6 : frame, 6));
}

/* ---- rows ---- */

static void run_frame(const struct step *s, int flow, const __u8 *frame, size_t len)
{
	const __u32 at_ca = world_interface_of_ca(&world, s->to);
	const __u32 from = s->kind == STEP_CLIENT ? world_interface_of_clients(&world, s->to)
			   : s->elsewhere         ? world.interfaces[WORLD_ELSEWHERE]
						  : at_ca;
	static struct view old[2], new[2];
	static struct outcome out;
	int guards = kernel_is_open() ? 2 : 1;

	for (int i = 0; i < guards; i++)
		look(i, s, flow, &old[i]);
	if (!guards_frame(frame, len, from, &out) || !guards_compare())
		complain("both", "they agree", 1, 0);
	frames++;
	judge_frame(s, frame, len, &out);
	for (int i = 0; i < guards; i++) {
		const char *who = i ? "kernel" : "twin";

		look(i, s, flow, &new[i]);
		judge_verdicts(who, s, &old[i], &new[i]);
		judge_requests(who, s, &old[i], &new[i]);
		judge_counters(who, s, &old[i], &new[i]);
	}
}

static void run_packets(const struct step *s)
{
	__u8 frame[TWIN_FRAME_MAX];
	size_t len;

	for (int flow = s->flow; flow < s->flow + (s->repeat ? s->repeat : 1); flow++) {
		struct seqs before = flows[flow];

		len = build(s, flow, frame);
		if (!s->at_every_length) {
			run_frame(s, flow, frame, len);
			continue;
		}
		flows[flow] = before;
		for (size_t n = 14; n < len; n++)
			run_frame(s, flow, frame, n);
	}
}

static void set_policy(__u64 action)
{
	const struct sg_prefix_key key = {.prefixlen = 96 + 24, .ip = world_ip("198.51.100.0")};
	const struct sg_policy policy = {.action = (__u32)action};

	world_policy(&world, &key, &policy);
}

static void set_services(const struct step *s)
{
	for (__u32 i = 0; i < GUARD_SERVICES; i++) {
		memcpy((__u8 *)&world.services[i] + s->offset, &s->value, s->size);
		world.services[i].next_window = world.services[i].window;
		world_write_service(&world, i);
	}
}

static void call_end(const struct step *s)
{
	struct view v = {};
	struct sg_end_call call = {.key = {.client = client_ip(s->flow, s->to),
					   .client_port = htons((__u16)(4000 + s->flow)),
					   .endpoint = world_endpoint(&world, s->to)->id}};

	look(false, s, s->flow, &v);
	call.generation = v.conn.generation;
	if (!guards_end(&call) || !guards_compare())
		complain("both", "they agree", 1, 0);
	expect("both", "ended", (long)s->value, call.ended);
}

static void call_take(const struct step *s)
{
	struct sg_take_call call = {.priority = SG_PRIORITY_ENROLMENT,
				    .key = {.client = client_ip(s->flow, s->to)}};

	if (!guards_take(&call) || !guards_compare())
		complain("both", "they agree", 1, 0);
	expect("both", "reason", (long)s->verdict - 1, call.reason);
}

static void run_step(const struct step *s)
{
	switch (s->kind) {
	case STEP_CLIENT:
	case STEP_CA:
		run_packets(s);
		return;
	case STEP_WAIT:
		world_wait(&world, s->value, 0);
		return;
	case STEP_SERVICE:
		set_services(s);
		return;
	case STEP_LIVE:
		memcpy((__u8 *)&world.live + s->offset, &s->value, s->size);
		world_write_live(&world);
		return;
	case STEP_POLICY:
		set_policy(s->value);
		return;
	case STEP_MODE:
		world_mode(&world, s->value, s->value, 0);
		return;
	case STEP_END:
		call_end(s);
		return;
	case STEP_TAKE:
		call_take(s);
		return;
	}
}

static unsigned int run_list(const struct scene *list, size_t count,
			     const __u32 interfaces[WORLD_SIDES])
{
	unsigned int failed = 0;

	for (size_t i = 0; i < count; i++) {
		memset(flows, 0, sizeof(flows));
		at.scene = list[i].name;
		at.failed = false;
		world_begin(&world, interfaces, 1000 * WORLD_HZ);
		for (at.row = 0; at.row < list[i].count && !at.failed; at.row++)
			run_step(&list[i].steps[at.row]);
		if (!guards_drain(NULL, NULL))
			complain("both", "they tell the same", 1, 0);
		failed += at.failed;
	}
	return failed;
}

unsigned int scenes_run(const __u32 interfaces[WORLD_SIDES], unsigned long *packets)
{
	unsigned int failed = 0;

	frames = 0;
	failed += run_list(scenes_limits, scenes_limits_count, interfaces);
	failed += run_list(scenes_requests, scenes_requests_count, interfaces);
	failed += run_list(scenes_frames, scenes_frames_count, interfaces);
	*packets = frames;
	return failed;
}
