// SPDX-License-Identifier: GPL-2.0-only
/* The gate: which connections the CA has open, and whether a packet comes through.
 *
 * It looks at SYNs only to refuse; everything else passes, the inner kernel's TCP judges it.
 * An entry = one of the CA's slots, from the SYN let in until both FINs, an RST that
 * the CA would believe (exactly in sequence) or a timeout. A SYN of an open connection with
 * the same initial sequence number is a retransmission and no new connection.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ios_ca.h"

/* Attempts seen lately, to tell retransmitted SYNs that were refused from new ones. Only
 * the count of what was *offered* rests on it, so an overfull bucket is harmless.
 */
#define SEEN_BUCKETS 16384
#define SEEN_WAYS    4

struct entry {
	struct ca_flow flow;
	int64_t since;     /* 0: free */
	int64_t fin_since; /* the CA's FIN; 0: none yet */
	uint32_t client_isn, ca_isn;
	uint32_t client_next; /* what the CA expects next: only an RST exactly here ends it */
	bool synack_seen, established, client_fin, ca_fin;
};

struct ca_gate {
	const struct ca_options *options;
	struct ca_limit limit;
	struct entry *entries; /* max_connections of them, searched in turn: there are 16 */
	unsigned int open, half_open;
	int inner_fd;
	uint64_t seen[SEEN_BUCKETS][SEEN_WAYS];
	unsigned int seen_next;
};

int ca_gate_open(const struct ca_options *options, int inner_fd, struct ca_gate **ret)
{
	struct ca_gate *gate = calloc(1, sizeof(*gate));
	int err = -ENOMEM;

	if (!gate)
		return err;
	gate->options = options;
	gate->inner_fd = inner_fd;
	gate->entries = calloc(options->max_connections, sizeof(*gate->entries));
	if (gate->entries)
		err = ca_limit_init(&gate->limit, &options->limit);
	if (err) {
		free(gate->entries);
		free(gate);
		return err;
	}
	*ret = gate;
	return 0;
}

void ca_gate_close(struct ca_gate *gate)
{
	ca_limit_free(&gate->limit);
	free(gate->entries);
	free(gate);
}

const struct ca_limit *ca_gate_limit(const struct ca_gate *gate)
{
	return &gate->limit;
}

static struct entry *find(struct ca_gate *gate, const struct ca_flow *flow)
{
	for (unsigned int i = 0; i < gate->options->max_connections; i++) {
		struct entry *entry = &gate->entries[i];

		if (entry->since && !memcmp(&entry->flow, flow, sizeof(*flow)))
			return entry;
	}
	return NULL;
}

static struct entry *find_free(struct ca_gate *gate)
{
	for (unsigned int i = 0; i < gate->options->max_connections; i++)
		if (!gate->entries[i].since)
			return &gate->entries[i];
	return NULL;
}

static void open_entry(struct ca_gate *gate, struct entry *entry, const struct ca_segment *syn,
		       int64_t now)
{
	*entry = (struct entry){.flow = syn->flow,
				.since = now,
				.client_isn = syn->seq,
				.client_next = syn->seq + 1};
	gate->open++;
	gate->half_open++;
	ca_log_open_now(gate->open, gate->half_open);
}

static void close_entry(struct ca_gate *gate, struct entry *entry, const char *how, int64_t now)
{
	gate->open--;
	if (!entry->established)
		gate->half_open--;
	ca_log_close(now, &entry->flow, how, now - entry->since);
	ca_log_open_now(gate->open, gate->half_open);
	entry->since = 0;
}

static void count(struct ca_gate *gate, enum ca_count rule, int64_t now)
{
	if (rule == gate->options->count && ca_limit_count(&gate->limit, now))
		ca_log_deaf_onset(now);
}

static void expire_block(struct ca_gate *gate, int64_t now)
{
	if (ca_limit_expire(&gate->limit, now))
		ca_log_deaf_end(&gate->limit);
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 29;
}

/* True the first time this attempt (4-tuple and initial sequence number) is seen. */
static bool is_new_attempt(struct ca_gate *gate, const struct ca_segment *syn)
{
	uint64_t words[4], hash = syn->seq, *bucket;

	memcpy(words, &syn->flow.client, 16);
	memcpy(words + 2, &syn->flow.ca, 16);
	for (int i = 0; i < 4; i++)
		hash = mix(hash, words[i]);
	hash = mix(hash, (uint64_t)syn->flow.client_port << 16 | syn->flow.ca_port) | 1;
	bucket = gate->seen[hash >> 32 & (SEEN_BUCKETS - 1)];
	for (int i = 0; i < SEEN_WAYS; i++)
		if (bucket[i] == hash)
			return false;
	bucket[gate->seen_next++ % SEEN_WAYS] = hash;
	return true;
}

/* A SYN that is not a retransmission of an open connection's. */
static bool syn_arrives(struct ca_gate *gate, const struct ca_segment *syn, int64_t now)
{
	struct entry *entry;
	bool is_new = is_new_attempt(gate, syn);

	if (is_new)
		ca_log_event(now, CA_RULE_OFFERED, &syn->flow);
	if (gate->limit.deaf) {
		if (is_new)
			ca_limit_attempt_while_deaf(&gate->limit, now);
		ca_log_drop_deaf();
		return false;
	}
	entry = find_free(gate);
	if (!entry) {
		ca_log_queue_full(now, &syn->flow);
		return false;
	}
	count(gate, CA_COUNT_SYN, now);
	if (gate->limit.deaf) {
		ca_log_drop_deaf();
		return false;
	}
	ca_log_event(now, CA_RULE_SYN, &syn->flow);
	open_entry(gate, entry, syn, now);
	return true;
}

static bool syn_of_open(struct ca_gate *gate, struct entry *entry, const struct ca_segment *syn,
			int64_t now)
{
	bool again = syn->seq == entry->client_isn;

	if (!again && (entry->ca_fin || !entry->established)) {
		/* The client began anew while the old connection was on its way out. */
		close_entry(gate, entry, "reused", now);
		return syn_arrives(gate, syn, now);
	}
	if (gate->limit.deaf) {
		ca_log_drop_deaf();
		return false;
	}
	return true;
}

static bool seq_after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

static void client_goes_on(struct ca_gate *gate, struct entry *entry,
			   const struct ca_segment *segment, int64_t now)
{
	if (segment->flags & CA_TCP_RST) {
		if (segment->seq == entry->client_next)
			close_entry(gate, entry, "client RST", now);
		return;
	}
	if (!(segment->flags & CA_TCP_ACK))
		return;
	if (!entry->established && entry->synack_seen && segment->ack == entry->ca_isn + 1) {
		entry->established = true;
		gate->half_open--;
		ca_log_event(now, CA_RULE_HANDSHAKE, &entry->flow);
		count(gate, CA_COUNT_HANDSHAKE, now);
	}
	if (segment->seq == entry->client_next)
		entry->client_next += segment->payload_bytes;
	if (segment->flags & CA_TCP_FIN && !entry->client_fin &&
	    segment->seq + segment->payload_bytes == entry->client_next) {
		entry->client_fin = true;
		entry->client_next++;
		if (entry->ca_fin)
			close_entry(gate, entry, "both FIN", now);
	}
}

bool ca_gate_from_client(struct ca_gate *gate, const uint8_t *packet, size_t bytes, int64_t now)
{
	struct ca_segment segment;
	struct entry *entry;

	if (!ca_packet_parse(packet, bytes, true, &segment))
		return true;
	expire_block(gate, now);
	entry = find(gate, &segment.flow);
	if ((segment.flags & (CA_TCP_SYN | CA_TCP_ACK)) == CA_TCP_SYN)
		return entry ? syn_of_open(gate, entry, &segment, now)
			     : syn_arrives(gate, &segment, now);
	if (entry)
		client_goes_on(gate, entry, &segment, now);
	return true;
}

bool ca_gate_from_ca(struct ca_gate *gate, const uint8_t *packet, size_t bytes, int64_t now)
{
	struct ca_segment segment;
	struct entry *entry;

	if (!ca_packet_parse(packet, bytes, false, &segment))
		return true;
	entry = find(gate, &segment.flow);
	if (!entry)
		return true;
	if (segment.flags & CA_TCP_RST) {
		close_entry(gate, entry, "CA RST", now);
		return true;
	}
	if (segment.flags & CA_TCP_SYN) {
		entry->synack_seen = true;
		entry->ca_isn = segment.seq;
	}
	if (segment.flags & CA_TCP_ACK && seq_after(segment.ack, entry->client_next))
		entry->client_next = segment.ack;
	if (segment.flags & CA_TCP_FIN && !entry->ca_fin) {
		entry->ca_fin = true;
		entry->fin_since = now;
		if (entry->client_fin)
			close_entry(gate, entry, "both FIN", now);
	}
	return true;
}

void ca_gate_accepted(struct ca_gate *gate, const struct sockaddr_in6 *client, int64_t now)
{
	struct ca_flow flow = {.client = client->sin6_addr,
			       .client_port = ntohs(client->sin6_port)};

	ca_log_event(now, CA_RULE_ACCEPT, &flow);
	count(gate, CA_COUNT_ACCEPT, now);
}

/* The inner kernel must forget the connection too, or it would go on answering. */
static void time_out(struct ca_gate *gate, struct entry *entry, const char *how, int64_t now)
{
	uint8_t packet[64];
	size_t bytes = ca_packet_build_rst(&entry->flow, entry->client_next, packet);

	/* A full queue loses it: the inner kernel's own timers then do the work. */
	if (write(gate->inner_fd, packet, bytes) < 0)
		how = "timeout, not reset";
	close_entry(gate, entry, how, now);
}

void ca_gate_tick(struct ca_gate *gate, int64_t now)
{
	const struct ca_options *options = gate->options;

	expire_block(gate, now);
	for (unsigned int i = 0; gate->open && i < options->max_connections; i++) {
		struct entry *entry = &gate->entries[i];

		if (!entry->since)
			continue;
		if (!entry->established && now - entry->since >= options->half_open_ns)
			time_out(gate, entry, "half-open timeout", now);
		else if (entry->fin_since && now - entry->fin_since >= options->fin_wait_ns)
			time_out(gate, entry, "FIN wait timeout", now);
	}
}
