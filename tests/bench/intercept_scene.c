// SPDX-License-Identifier: GPL-2.0-only
/* The states of the intercept benchmark: clients and a CA talk through the loaded program until the packet that is
 * measured is the next one.
 */
#include "intercept_cost.h"
#include "program_payloads.h"

#define SERVER(family) ((family) == 4 ? "192.168.105.3" : "2001:db8:105::3")
#define CLIENT(family) ((family) == 4 ? "10.0.0.7" : "2001:db8:a00:7::7")

/* 10.0.0.0 and 2001:db8:a00::. */
#define BASE 0x0a000000u

#define UPLOAD                                                            \
	"POST /cgi-bin/pkiclient.exe?operation=PKIOperation HTTP/1.0\r\n" \
	"Content-Type: application/x-pki-message\r\nContent-Length: 16000000\r\n\r\n"
#define FOUND "HTTP/1.0 200 OK\r\nContent-Length: 100000000\r\n\r\n"

static const char not_found[] =
	"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
static const char busy[] = "HTTP/1.0 503 Service Unavailable\r\nRetry-After: 30\r\n"
			   "Content-Length: 0\r\nConnection: close\r\n\r\n";
static const char segment[1460];

int scene_packet(struct scene *s, const uint8_t *bytes, __u32 len, bool from_ca)
{
	const struct machine *m = s->guard->machine;
	struct xdp_md ctx = {.data_end = len, .ingress_ifindex = from_ca ? m->ca_if : m->client_if};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = bytes, .data_size_in = len,
		    .data_out = s->out, .data_size_out = sizeof(s->out), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = 1);

	if (bpf_prog_test_run_opts(s->guard->program_fd, &opts))
		return bench_error(-errno, "the kernel does not run the program");
	s->out_len = opts.data_size_out;
	return (int)opts.retval;
}

static struct packet from_client(const struct scene *s, __u8 flags, __u32 seq, __u32 ack,
				 const void *payload, size_t len)
{
	return (struct packet){.family = s->family,
			       .src = CLIENT(s->family),
			       .dst = SERVER(s->family),
			       .sport = s->port,
			       .dport = 80,
			       .seq = seq,
			       .ack = ack,
			       .flags = flags,
			       .payload = payload,
			       .payload_len = len};
}

struct packet scene_from_ca(const struct scene *s, __u8 flags, __u32 seq, __u32 ack,
			    const void *payload, size_t len)
{
	struct packet p = from_client(s, flags, seq, ack, payload, len);

	p.src = SERVER(s->family);
	p.dst = CLIENT(s->family);
	p.sport = 80;
	p.dport = s->port;
	return p;
}

int scene_send(struct scene *s, struct packet p, bool ca, int wanted, const char *what)
{
	uint8_t bytes[PACKET_MAX];
	size_t len = packet_build(&p, bytes);
	int action = scene_packet(s, bytes, len, ca);

	return action == wanted ? 0
				: bench_error(-EPROTO, "%s: the program says %d, expected %d", what,
					      action, wanted);
}

static __u32 tcp_word(const struct scene *s, __u32 off)
{
	__u32 word;

	memcpy(&word, s->out + 14 + (s->family == 4 ? 20 : 40) + off, sizeof(word));
	return ntohl(word);
}

/* A new client's SYN, and its cookie. */
int scene_greet(struct scene *s)
{
	int err;

	s->port++;
	err = scene_send(s, from_client(s, SG_TCP_SYN, CLIENT_ISN, 0, NULL, 0), false, XDP_TX,
			 "SYN");
	s->cookie = tcp_word(s, 4);
	return err;
}

struct packet scene_request(const struct scene *s, const char *text)
{
	return from_client(s, SG_TCP_ACK | SG_TCP_PSH, CLIENT_ISN + 1, s->cookie + 1, text,
			   strlen(text));
}

struct packet scene_syn_ack(const struct scene *s)
{
	return scene_from_ca(s, SG_TCP_SYN | SG_TCP_ACK, CA_ISN, CLIENT_ISN + 1, NULL, 0);
}

static void own_key(struct scene *s)
{
	struct sg_conn_key key = {.client_port = htons(s->port),
				  .endpoint = s->family == 4 ? 1 : 3};

	if (s->family == 4)
		key.client.w[2] = htonl(0xffff);
	inet_pton(s->family == 4 ? AF_INET : AF_INET6, CLIENT(s->family),
		  s->family == 4 ? (void *)&key.client.w[3] : (void *)&key.client);
	memset(s->key, 0, sizeof(s->key));
	memcpy(s->key, &key, sizeof(key));
}

/* A spliced connection, its first segment at the CA, which acknowledges and answers with `answer`. */
static int splice(struct scene *s, const char *text, const char *answer)
{
	const __u32 end = CLIENT_ISN + 1 + strlen(text);
	int err = scene_greet(s);

	err = err ? err : scene_send(s, scene_request(s, text), false, XDP_PASS, "first segment");
	err = err ? err : scene_send(s, scene_syn_ack(s), true, XDP_TX, "SYN-ACK of the CA");
	own_key(s);
	return err ? err
		   : scene_send(s,
				scene_from_ca(s, SG_TCP_ACK, CA_ISN + 1, end, answer,
					      answer ? strlen(answer) : 0),
				true, XDP_PASS, "answer of the CA");
}

/* ---- Frames ---- */

/* The frame of this packet, and what the guard makes of it. */
static int set_frame(struct scene *s, const struct cost_row *row, struct packet p, bool ca,
		     struct cost_frame *out)
{
	const __u32 l3 = 14, l4 = 14 + (s->family == 4 ? 20 : 40);
	struct frame *f = &out->frame;
	int action;

	f->len = packet_build(&p, f->bytes);
	f->vary = (struct vary){.l3_off = l3,
				.l4_off = l4,
				.family = s->family,
				.source_bits = row->source_bits,
				.base = BASE,
				.port = 1024,
				.seq = p.seq,
				.ack = p.ack};
	out->from_ca = ca;
	action = scene_packet(s, f->bytes, f->len, ca);
	out->left_len = s->out_len;
	return action == row->action
		       ? 0
		       : bench_error(-EPROTO, "'%s': the program says %d, expected %d", row->id,
				     action, row->action);
}

/* Its packets come from row->source_bits sources, with new ports and numbers. */
static void from_everywhere(struct cost_frame *out)
{
	out->varies = true;
	out->frame.vary.vary_port = 1;
	out->frame.vary.vary_isn = 1;
	frame_fill_sums(&out->frame);
}

/* Each goes on where the one before ended. The sender's address does not vary. */
static void goes_on(struct cost_frame *out, __u32 bytes)
{
	/* Its last word, or the second one of an IPv6 address (struct vary). */
	const uint8_t *source = out->frame.bytes + out->frame.vary.l3_off + 12;
	__u32 word;

	memcpy(&word, source, sizeof(word));
	out->varies = true;
	out->frame.vary.base = ntohl(word);
	out->frame.vary.seq_step = bytes;
	frame_fill_sums(&out->frame);
}

/* The entry as it is now is what every run begins with. */
static int keep_entry(struct scene *s, struct cost_frame *out)
{
	out->entry = malloc(s->guard->conn_size);
	if (!out->entry)
		return -ENOMEM;
	memcpy(out->key, s->key, sizeof(out->key));
	if (bpf_map_lookup_elem(s->guard->conns_fd, out->key, out->entry))
		return bench_error(-errno, "the connection has no entry");
	return 0;
}

/* ---- The rows' states ---- */

static int prepare_syn(struct scene *s, const struct cost_row *row, struct cost_frame *out)
{
	/* MSS 1460 and no more, as IOS; with 20 bytes of options, as Linux. */
	static const uint8_t mss[] = {2, 4, 5, 180},
			     linux_options[] = {2, 4, 5, 180, 4, 2, 8, 10, 0, 0,
						0, 1, 0, 0,   0, 0, 1, 3,  3, 7};
	const bool many = strstr(row->id, "linux");
	struct packet p = from_client(s, SG_TCP_SYN, CLIENT_ISN, 0, NULL, 0);
	uint8_t *options;
	int err;

	p.tcp_options = many ? sizeof(linux_options) : sizeof(mss);
	err = set_frame(s, row, p, false, out);
	options = out->frame.bytes + out->frame.vary.l4_off + 20;
	memcpy(options, many ? linux_options : mss, p.tcp_options);
	out->restored = out->frame.len;
	from_everywhere(out);
	return err;
}

static int prepare_bare_ack(struct scene *s, const struct cost_row *row, struct cost_frame *out)
{
	int err = scene_greet(s);

	err = err ? err
		  : set_frame(s, row,
			      from_client(s, SG_TCP_ACK, CLIENT_ISN + 1, s->cookie + 1, NULL, 0),
			      false, out);
	from_everywhere(out);
	return err;
}

/* A request without proof. */
static int prepare_refused(struct scene *s, const struct cost_row *row, struct cost_frame *out)
{
	int err = scene_greet(s);

	s->cookie ^= 0x00123456;
	err = err ? err : set_frame(s, row, scene_request(s, LINE), false, out);
	out->restored = out->frame.len;
	from_everywhere(out);
	return err;
}

static int write_edge(struct scene *s, enum sg_edge kind, __u16 status, const char *text)
{
	struct sg_edge_answer edge = {.len = (__u16)strlen(text), .status = status};
	const __u32 index = kind;
	__u32 sum = 0;
	__u16 word;

	memcpy(edge.bytes, text, edge.len);
	for (__u32 i = 0; i < edge.len; i += 2) {
		memcpy(&word, edge.bytes + i, 2);
		sum += word;
	}
	edge.sum = vary_fold(sum);
	return bpf_map_update_elem(object_map_fd(s->guard->obj, "sg_edges"), &index, &edge, 0)
		       ? -errno
		       : 0;
}

/* The CA refuses the question, once; then it is asked again. */
static int prepare_edge(struct scene *s, const struct cost_row *row, struct cost_frame *out)
{
	int err = s->taught ? 0 : splice(s, LINE, ANSWER);

	s->taught = true;
	err = err ? err : scene_greet(s);
	err = err ? err : set_frame(s, row, scene_request(s, LINE), false, out);
	out->restored = out->frame.len;
	return err;
}

static int prepare_upload(struct scene *s, const struct cost_row *row, struct cost_frame *out)
{
	const __u32 bytes = s->family == 4 ? 1460 : 1440, first = CLIENT_ISN + 1 + strlen(UPLOAD);
	int err = splice(s, UPLOAD, NULL);

	err = err ? err : keep_entry(s, out);
	err = err ? err
		  : set_frame(s, row,
			      from_client(s, SG_TCP_ACK, first, s->cookie + 1, segment, bytes),
			      false, out);
	out->restored = out->frame.vary.l4_off + sizeof(struct sg_tcp_header);
	goes_on(out, bytes);
	return err;
}

/* Behind a gap, while the request's line is not whole: nobody knows yet whether the CA will believe it, so it is summed. */
static int prepare_summed(struct scene *s, const struct cost_row *row, struct cost_frame *out)
{
	static const char half[] = "GET /cgi-bin/pkiclient.exe?opera";
	const __u32 behind = CLIENT_ISN + 1 + strlen(half) + 100;
	int err = splice(s, half, NULL);

	err = err ? err : keep_entry(s, out);
	err = err ? err
		  : set_frame(s, row,
			      from_client(s, SG_TCP_ACK, behind, s->cookie + 1, segment,
					  sizeof(segment)),
			      false, out);
	out->restored = out->frame.vary.l4_off + sizeof(struct sg_tcp_header);
	return err;
}

static int prepare_download(struct scene *s, const struct cost_row *row, struct cost_frame *out)
{
	const __u32 bytes = s->family == 4 ? 1460 : 1440;
	int err = splice(s, OPERATION, FOUND);

	err = err ? err : keep_entry(s, out);
	err = err ? err
		  : set_frame(s, row,
			      scene_from_ca(s, SG_TCP_ACK, CA_ISN + 1 + strlen(FOUND),
					    CLIENT_ISN + 1 + strlen(OPERATION), segment, bytes),
			      true, out);
	out->restored = out->frame.vary.l4_off + sizeof(struct sg_tcp_header);
	goes_on(out, bytes);
	return err;
}

static int prepare_spliced_ack(struct scene *s, const struct cost_row *row, struct cost_frame *out)
{
	int err = splice(s, OPERATION, FOUND);

	err = err ? err : keep_entry(s, out);
	err = err ? err
		  : set_frame(s, row,
			      from_client(s, SG_TCP_ACK, CLIENT_ISN + 1 + strlen(OPERATION),
					  s->cookie + 1 + strlen(FOUND), NULL, 0),
			      false, out);
	out->restored = out->frame.vary.l4_off + sizeof(struct sg_tcp_header);
	return err;
}

/* ---- The guard's own counters ---- */

static __u64 counter(const struct guard_counts *c, enum sg_counter which)
{
	return c->stats.counters[which];
}

static __u64 took_cookie(const struct guard_counts *c)
{
	return counter(c, SG_COUNTER_COOKIES_SENT);
}

/* Everything that a client's packet may be besides; none of it may be counted. */
static __u64 anything_else(const struct guard_counts *c)
{
	static const enum sg_counter others[] = {
		SG_COUNTER_UNTRACKED,       SG_COUNTER_FORFEITED,  SG_COUNTER_COOKIES_SENT,
		SG_COUNTER_COOKIES_PROVEN,  SG_COUNTER_MISMATCHES, SG_COUNTER_REQUEST_UNLEARNED,
		SG_COUNTER_COOKIES_REFUSED, SG_COUNTER_CLOSED,     SG_COUNTER_ODD_IP,
		SG_COUNTER_COOKIES_OLD,
	};
	__u64 sum = 0;

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		sum += counter(c, others[i]);
	return sum;
}

static __u64 took_silence(const struct guard_counts *c)
{
	return counter(c, SG_COUNTER_PACKETS_CLIENT) - anything_else(c);
}

static __u64 took_refused(const struct guard_counts *c)
{
	return counter(c, SG_COUNTER_COOKIES_REFUSED);
}

static __u64 took_unread(const struct guard_counts *c)
{
	return counter(c, SG_COUNTER_REQUEST_UNLEARNED);
}

static __u64 took_status(const struct guard_counts *c)
{
	return counter(c, SG_COUNTER_EDGE_STATUS);
}

static __u64 took_from_ca(const struct guard_counts *c)
{
	return counter(c, SG_COUNTER_PACKETS_CA) - counter(c, SG_COUNTER_ADOPTED) -
	       counter(c, SG_COUNTER_FORGED) - anything_else(c);
}

#define THOUSAND 10
#define MILLION  20
#define MANY     100000
/* Of so many packets one in seven is taken for a proof, or one that is too old, by chance (core/cookie.h). */
#define BY_CHANCE 5
#define BODY      10000 /* segments of 1460 bytes in the longest body that is believed */

const struct cost_row cost_rows[] = {
	{"cookie-1", "SYN answered, 1 source", 450, 4, 0, MANY, XDP_TX, prepare_syn, took_cookie,
	 0},
	{"cookie-1m", "SYN answered, 1 M sources", 450, 4, MILLION, MANY, XDP_TX, prepare_syn,
	 took_cookie, 0},
	{"cookie-linux", "SYN answered, 20 bytes of options, 1 k sources", 450, 4, THOUSAND, MANY,
	 XDP_TX, prepare_syn, took_cookie, 0},
	{"cookie-v6", "SYN answered, IPv6, 1 k sources", 450, 6, THOUSAND, MANY, XDP_TX,
	 prepare_syn, took_cookie, 0},
	{"ack-1k", "bare ACK of nobody, 1 k sources", 130, 4, THOUSAND, MANY, XDP_DROP,
	 prepare_bare_ack, took_silence, 0},
	{"ack-v6", "bare ACK of nobody, IPv6, 1 k sources", 130, 6, THOUSAND, MANY, XDP_DROP,
	 prepare_bare_ack, took_silence, 0},
	{"edge-404", "GetNextCACert answered with 404", 450, 4, 0, MANY, XDP_TX, prepare_edge,
	 took_status, 0},
	{"edge-404-v6", "GetNextCACert answered with 404, IPv6", 450, 6, 0, MANY, XDP_TX,
	 prepare_edge, took_status, 0},
	{"refused", "request without proof, 1 k sources", 260, 4, THOUSAND, MANY, XDP_TX,
	 prepare_refused, took_refused, BY_CHANCE},
	{"refused-v6", "request without proof, IPv6, 1 k sources", 260, 6, THOUSAND, MANY, XDP_TX,
	 prepare_refused, took_refused, BY_CHANCE},
	{"up", "spliced segment to the CA, 1460 bytes", 350, 4, 0, BODY, XDP_PASS, prepare_upload,
	 took_silence, 0},
	{"up-v6", "spliced segment to the CA, 1440 bytes, IPv6", 350, 6, 0, BODY, XDP_PASS,
	 prepare_upload, took_silence, 0},
	{"up-summed", "the same, checksum computed in full", 700, 4, 0, MANY, XDP_PASS,
	 prepare_summed, took_unread, 0},
	{"down", "spliced segment of the CA, 1460 bytes", 350, 4, 0, BODY, XDP_PASS,
	 prepare_download, took_from_ca, 0},
	{"down-v6", "spliced segment of the CA, 1440 bytes, IPv6", 350, 6, 0, BODY, XDP_PASS,
	 prepare_download, took_from_ca, 0},
	{"spliced-ack", "spliced bare ACK of the client", 350, 4, 0, MANY, XDP_PASS,
	 prepare_spliced_ack, took_silence, 0},
};

const int cost_row_count = sizeof(cost_rows) / sizeof(*cost_rows);

int scene_begin(const char *object, const struct machine *m, struct scene *s)
{
	int err = guard_load(object, m, SG_MODE_INTERCEPT, &s->guard);

	s->port = 30000;
	err = err ? err : guard_limits_off(s->guard);
	err = err ? err : write_edge(s, SG_EDGE_404, 404, not_found);
	err = err ? err : write_edge(s, SG_EDGE_403, 403, not_found);
	return err ? err : write_edge(s, SG_EDGE_BUSY, 503, busy);
}
