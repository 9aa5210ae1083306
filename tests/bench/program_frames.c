// SPDX-License-Identifier: GPL-2.0-only
/* The frames that are run: one for each row, which the front program varies, and the CA's answers. */
#include "program.h"

#define CA_V4    "192.168.105.3"
#define CA_V6    "2001:db8:105::3"
#define OTHER_V4 "203.0.113.9"
#define OTHER_V6 "2001:db8:999::9"

static __u32 words_complemented(const uint8_t *p, size_t len)
{
	__u32 sum = 0;
	__u16 word;

	for (size_t i = 0; i + 1 < len; i += 2) {
		memcpy(&word, p + i, sizeof(word));
		sum += (__u16)~word;
	}
	return sum;
}

/* What the sums are without the words that vary (RFC 1624: HC' = ~(~HC + ~m + m')). */
void frame_fill_sums(struct frame *f)
{
	uint8_t *l3 = f->bytes + f->vary.l3_off, *l4 = f->bytes + f->vary.l4_off;
	const __u32 source =
		12; /* the word that varies: IPv4 address, second word of the IPv6 one */

	if (f->vary.family == 4)
		f->vary.ip_sum =
			words_complemented(l3 + 10, 2) + words_complemented(l3 + source, 4);
	f->vary.tcp_sum = words_complemented(l4 + 16, 2) + words_complemented(l3 + source, 4);
	if (f->vary.vary_port)
		f->vary.tcp_sum += words_complemented(l4, 2);
	if (f->vary.vary_isn)
		f->vary.tcp_sum += words_complemented(l4 + 4, 4);
	if (f->vary.seq_step)
		f->vary.tcp_sum += words_complemented(l4 + 4, 8);
}

static const char answer_bytes[1000];

/* Sequence numbers as the connection of CLIENT_ISN and CA_ISN has them. */
static void fill_tcp(enum frame_kind kind, const char *payload, struct packet *p)
{
	p->seq = CLIENT_ISN + 1;
	p->ack = CA_ISN + 1;
	p->flags = SG_TCP_ACK;
	switch (kind) {
	case FRAME_SYN:
		p->seq = CLIENT_ISN;
		p->ack = 0;
		p->flags = SG_TCP_SYN;
		p->tcp_options = 4;
		break;
	case FRAME_REQUEST:
		p->payload = payload;
		p->payload_len = strlen(payload);
		break;
	case FRAME_ANSWER:
		p->seq = CA_ISN + sizeof(ANSWER);
		p->ack = CLIENT_ISN + 1 + strlen(payload);
		p->payload = answer_bytes;
		p->payload_len = sizeof(answer_bytes);
		break;
	case FRAME_ACK:
		p->seq += strlen(payload);
		p->ack += sizeof(ANSWER) - 1;
		break;
	default:
		break;
	}
}

static void turn(struct packet *p)
{
	const char *source = p->src;
	uint16_t port = p->sport;

	p->src = p->dst;
	p->sport = p->dport;
	p->dst = source;
	p->dport = port;
}

void frame_build(const struct shape *shape, enum frame_kind kind, __u32 cpu_bit, struct frame *out)
{
	bool v4 = shape->family == 4,
	     other = kind == FRAME_UNRELATED || kind == FRAME_SAME_PORT || kind == FRAME_NOT_TCP;
	char source[INET6_ADDRSTRLEN];
	struct packet p = {
		.family = shape->family,
		.src = source,
		.dst = other ? (v4 ? OTHER_V4 : OTHER_V6) : (v4 ? CA_V4 : CA_V6),
		.sport = CLIENT_PORT,
		.dport = other && kind != FRAME_SAME_PORT ? 443 : 80,
		.vlan_tags = shape->vlan_tags,
		.protocol = kind == FRAME_NOT_TCP ? 17 : 0,
	};

	if (v4)
		snprintf(source, sizeof(source), "%u.%u.%u.%u", shape->base >> 24,
			 shape->base >> 16 & 255, shape->base >> 8 & 255, shape->base & 255);
	else
		snprintf(source, sizeof(source), "2001:db8:%x:%x::7", shape->base >> 16,
			 shape->base & 0xffff);
	fill_tcp(kind, shape->payload ? shape->payload : "", &p);
	if (kind == FRAME_ANSWER)
		turn(&p);
	memset(out, 0, sizeof(*out));
	out->len = packet_build(&p, out->bytes);
	out->vary = (struct vary){
		.l3_off = 14 + 4 * shape->vlan_tags,
		.l4_off = 14 + 4 * shape->vlan_tags + (v4 ? 20 : 40),
		.family = shape->family,
		.source_bits = shape->source_bits,
		.vary_port = shape->new_ports,
		.vary_isn = shape->new_ports,
		.cpu_bit = cpu_bit,
		.base = kind == FRAME_ANSWER ? ntohl(inet_addr(CA_V4)) : shape->base,
		.port = 1024,
		.seq_step = shape->goes_on ? p.payload_len : 0,
		.ack_step = kind == FRAME_ANSWER ? 0 : sizeof(ANSWER) - 1,
		.seq = p.seq,
		.ack = p.ack,
	};
	frame_fill_sums(out);
}

void frame_nth(const struct frame *frame, __u64 n, __u32 cpu, uint8_t *bytes)
{
	memcpy(bytes, frame->bytes, frame->len);
	vary_apply(&frame->vary, bytes + frame->vary.l3_off, bytes + frame->vary.l4_off, n, cpu);
}

size_t frame_reply(const struct frame *like, const uint8_t *client, __u8 flags, __u32 seq,
		   __u32 ack, const char *payload, uint8_t *out)
{
	const uint8_t *l3 = client + like->vary.l3_off, *l4 = client + like->vary.l4_off;
	int family = like->vary.family, af = family == 4 ? AF_INET : AF_INET6;
	char to[INET6_ADDRSTRLEN];
	struct packet p = {
		.family = family,
		.src = family == 4 ? CA_V4 : CA_V6,
		.dst = inet_ntop(af, l3 + (family == 4 ? 12 : 8), to, sizeof(to)),
		.sport = 80,
		.dport = (uint16_t)(l4[0] << 8 | l4[1]),
		.seq = seq,
		.ack = ack,
		.flags = flags,
		.payload = payload,
		.payload_len = payload ? strlen(payload) : 0,
		.vlan_tags = (like->vary.l3_off - 14) / 4,
	};

	return packet_build(&p, out);
}
