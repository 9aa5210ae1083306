// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "played_ca.h"
#include "../../bpf/core/tcp_conn.h"

/* What it has room for. */
#define SG_PLAYED_WINDOW 65535

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";

void sg_played_open(struct sg_played_ca *ca, const void *frame, const struct sg_packet *syn,
		    __u32 isn)
{
	*ca = (struct sg_played_ca){.up = true, .isn = isn, .next = syn->seq + 1, .syn = *syn};
	memcpy(ca->head, frame, syn->l4_off);
}

/* Pieces that are their turn now. */
static void join(struct sg_played_ca *ca)
{
	for (size_t i = 0; i < ca->ahead_count;) {
		if (sg_seq_after(ca->ahead[i].from, ca->next)) {
			i++;
			continue;
		}
		if (sg_seq_after(ca->ahead[i].to, ca->next))
			ca->next = ca->ahead[i].to;
		ca->ahead[i] = ca->ahead[--ca->ahead_count];
		i = 0;
	}
}

static void take_bytes(struct sg_played_ca *ca, const struct sg_packet *pkt)
{
	const __u32 end = pkt->seq + pkt->payload_len;

	if (end - ca->next > SG_PLAYED_WINDOW || !sg_seq_after(end, ca->next))
		return;
	if (!sg_seq_after(pkt->seq, ca->next)) {
		ca->next = end;
		join(ca);
	} else if (ca->ahead_count < SG_PLAYED_AHEAD) {
		ca->ahead[ca->ahead_count].from = pkt->seq;
		ca->ahead[ca->ahead_count++].to = end;
	}
}

bool sg_played_take(struct sg_played_ca *ca, const struct sg_packet *pkt, bool sound)
{
	const __u32 end = pkt->seq + pkt->payload_len;

	if (!ca->up || ca->gone || !sound)
		return false;
	if (pkt->tcp_flags & SG_TCP_RST) {
		ca->gone = pkt->seq == ca->next;
		return false;
	}
	/* Of bytes it has not said, or long ago: it says where it stands, and takes nothing. */
	if ((pkt->tcp_flags & (SG_TCP_SYN | SG_TCP_ACK)) != SG_TCP_ACK ||
	    pkt->ack - (ca->isn + 1) > ca->said)
		return pkt->payload_len;
	if (!ca->fin)
		take_bytes(ca, pkt);
	if (pkt->tcp_flags & SG_TCP_FIN && !ca->fin && end == ca->next) {
		ca->fin = true;
		ca->next++;
	}
	return pkt->payload_len || pkt->tcp_flags & SG_TCP_FIN;
}

void sg_played_bytes(const struct sg_played_ca *ca, __u8 *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const size_t at = ca->said - ca->answered + i;

		bytes[i] = at < sizeof(answer) - 1 ? (__u8)answer[at] : 'A';
	}
}

size_t sg_played_frame(const struct sg_played_ca *ca, __u8 flags, size_t len, void *out)
{
	__u8 bytes[SG_WIRE_PAYLOAD];
	const struct sg_wire_segment segment = {
		.seq = ca->isn + (flags & SG_TCP_SYN ? 0 : 1 + ca->said),
		.ack = ca->next,
		.flags = flags | SG_TCP_ACK,
		.payload = bytes,
		.payload_len = len,
	};

	sg_played_bytes(ca, bytes, len);
	return sg_wire_answer(ca->head, &ca->syn, &segment, out);
}
