// SPDX-License-Identifier: GPL-2.0-only
/* Intercept: answers of the guard, keys of its cookies, how long it repeats and holds. */
#include <string.h>

#include "gen.h"

static const char busy[] = "HTTP/1.0 503 Service Unavailable\r\nRetry-After: 30\r\n"
			   "Content-Length: 0\r\nConnection: close\r\n\r\n",
		  not_found[] = "HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n"
				"Connection: close\r\n\r\n",
		  forbidden[] = "HTTP/1.0 403 Forbidden\r\nContent-Length: 0\r\n"
				"Connection: close\r\n\r\n";

/* Sum of 16-bit words in memory order, with a zero behind an odd end. */
static __u32 sum_of(const __u8 *bytes, __u32 len)
{
	__u32 sum = 0;
	__u16 word;

	for (__u32 i = 0; i < len; i += 2) {
		memcpy(&word, bytes + i, 2);
		sum += word;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void write_edge(__u32 service, enum sg_edge kind, __u16 status, const char *text, __u32 len)
{
	struct sg_edge_answer edge = {.len = (__u16)len, .status = status};
	__u32 index = service * SG_EDGE_MAX_ + kind;

	if (len)
		memcpy(edge.bytes, text, len);
	edge.sum = sum_of(edge.bytes, len);
	guards_write(TWIN_sg_edges, &index, &edge);
}

static void change_service(struct gen *g, __u32 service)
{
	struct dice *d = &g->dice;
	char own[SG_EDGE_BYTES];

	memset(own, 'z', sizeof(own));
	memcpy(own, not_found, sizeof(not_found) - 1);
	write_edge(service, SG_EDGE_AS_CA, DICE_OF(d, __u16, 404, 404, 403), own,
		   DICE_OF(d, __u32, 0, 1, 2, 79, 80, 199, 200, 511, 512));
	write_edge(service, SG_EDGE_404, 404, not_found,
		   dice_hits(d, 16) ? 0 : sizeof(not_found) - 1);
	write_edge(service, SG_EDGE_403, 403, forbidden, sizeof(forbidden) - 1);
	write_edge(service, SG_EDGE_BUSY, 503, busy, dice_hits(d, 16) ? 0 : sizeof(busy) - 1);
}

void gen_change_edges(struct gen *g)
{
	change_service(g, (__u32)dice_roll(&g->dice, GUARD_SERVICES));
}

/* Any of the two: also the one in use, as if it had been renewed too early. */
void gen_change_keys(struct gen *g)
{
	__u64 *key = g->world.live.cookie_key[dice_roll(&g->dice, 2)];

	key[0] = dice_roll(&g->dice, 1ull << 32);
	key[1] = dice_roll(&g->dice, 1ull << 32);
	world_write_live(&g->world);
}

void gen_choose_intercept(struct dice *d, struct sg_service *svc)
{
	svc->answer_ttl_ticks = DICE_OF(d, __u64, 0, S(1), S(30), S(30));
	svc->hold_ticks = DICE_OF(d, __u64, 0, S(1), S(15), S(15));
	svc->mss = DICE_OF(d, __u32, 1360, 1360, 1360, 536, 0, 1460);
	svc->answer_busy = dice_hits(d, 6);
	svc->question_path = dice_hits(d, 4);
}
