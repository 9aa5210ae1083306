/* SPDX-License-Identifier: GPL-2.0-only */
/* An IOS-like CA for tests, with IOS's real limits: the referee of every promise about them.
 *
 * Real kernel TCP stands behind a gate in user space. The gate reads every IP packet from a
 * TUN device in the CA's namespace ("front"), lets it through or not, and writes it to a TUN
 * device in a namespace of the process's own ("inner"), where the HTTP server listens.
 * So limits act on SYNs in arrival order, as in a router, and not where Linux would put them.
 *
 *   ios_ca.c        event loop
 *   ios_ca_options.c the command line
 *   ios_ca_net.c    namespaces, TUN devices, addresses
 *   ios_ca_packet.c reading and building TCP/IP packets
 *   ios_ca_limit.c  the window and the block (pure: time is an argument)
 *   ios_ca_gate.c   connections, half-open ones included, and what happens to a packet
 *   ios_ca_http.c   the HTTP server
 *   ios_ca_answer.c what it answers
 *   ios_ca_log.c    JSON lines, exact worst windows, summary
 *
 * All times are nanoseconds of CLOCK_MONOTONIC unless a name says otherwise.
 */
#ifndef SG_LAB_IOS_CA_H
#define SG_LAB_IOS_CA_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CA_SECOND_NS     1000000000LL
#define CA_ADDRESSES_MAX 8
#define CA_PORTS_MAX     8

/* What the CA counts as a new connection. Nobody outside Cisco knows: all are offered. */
enum ca_count { CA_COUNT_SYN, CA_COUNT_HANDSHAKE, CA_COUNT_ACCEPT };

/* The window: the last `window` seconds at any time, or consecutive pieces of that length. */
enum ca_reading { CA_READING_SLIDING, CA_READING_FIXED };

/* What a new attempt during a block does: nothing; counts, and a block that ends over the
 * limit goes on for another; starts the block anew.
 */
enum ca_during { CA_DURING_IGNORE, CA_DURING_EXTEND, CA_DURING_RESTART };

struct ca_limit_rules {
	enum ca_reading reading;
	enum ca_during during;
	bool clear_window; /* a block empties the window (else: 80 in any 60 s, to the letter) */
	unsigned int connections; /* this many are allowed; the next one trips */
	int64_t window_ns;
	int64_t block_ns;
};

struct ca_options {
	struct ca_limit_rules limit;
	enum ca_count count;
	unsigned int max_connections; /* at once, half-open ones included */
	int64_t half_open_ns;         /* life of a half-open connection */
	int64_t fin_wait_ns;          /* life after the CA's FIN without the client's */
	int64_t idle_ns, life_ns;     /* HTTP server's timeouts */
	int64_t service_ns;           /* from whole request to first answer byte */
	int64_t shadow_after_ns;      /* the shadow certificate appears; < 0: by SIGUSR1 only */
	int64_t pause_at_ns, pause_for_ns;
	bool pause_box;       /* the pause freezes packets too, not only the HTTP server */
	bool trust_forwarded; /* whose request it is: X-Forwarded-For, set by a proxy of ours */
	const char *front_dev, *log_path;
	const char *addresses[CA_ADDRESSES_MAX];
	int n_addresses;
	uint16_t ports[CA_PORTS_MAX];
	int n_ports;
};

/* Fills in defaults and reads the command line; exits with status 2 if it cannot. */
void ca_options_parse(struct ca_options *options, int argc, char **argv);

/* --- limit (pure) --------------------------------------------------------------------- */

/* Times of the last `connections + 1` counted attempts, in a ring; and the block. */
struct ca_limit {
	struct ca_limit_rules rules;
	int64_t *times;
	size_t size, next, used;
	int64_t piece_start; /* fixed reading: where the current piece begins; < 0: none */
	unsigned int piece_count;
	bool deaf;
	int64_t deaf_since, deaf_until;
	unsigned int prolonged; /* times this block was extended or restarted */
};

/* 0 or -ENOMEM. ca_limit_free() gives it back. */
int ca_limit_init(struct ca_limit *limit, const struct ca_limit_rules *rules);
void ca_limit_free(struct ca_limit *limit);

/* One new connection counts at `now`. True if it is one too many: the block begins. */
bool ca_limit_count(struct ca_limit *limit, int64_t now);

/* A new attempt met a deaf CA. */
void ca_limit_attempt_while_deaf(struct ca_limit *limit, int64_t now);

/* Ends a block that is over. True if it just ended; `deaf_until` then tells when. */
bool ca_limit_expire(struct ca_limit *limit, int64_t now);

/* --- packets -------------------------------------------------------------------------- */

/* IPv4 as ::ffff:a.b.c.d. Ports in host byte order. */
struct ca_flow {
	struct in6_addr client, ca;
	uint16_t client_port, ca_port;
};

struct ca_segment {
	struct ca_flow flow;
	uint32_t seq, ack, payload_bytes;
	uint8_t flags; /* CA_TCP_* */
};

#define CA_TCP_FIN 0x01
#define CA_TCP_SYN 0x02
#define CA_TCP_RST 0x04
#define CA_TCP_ACK 0x10

/* True if the IP packet holds a whole TCP header of an unfragmented segment. */
bool ca_packet_parse(const uint8_t *packet, size_t bytes, bool from_client, struct ca_segment *ret);

/* Builds the client's RST with this sequence number into `packet` (>= 60 bytes); its length. */
size_t ca_packet_build_rst(const struct ca_flow *flow, uint32_t seq, uint8_t *packet);

/* --- gate ----------------------------------------------------------------------------- */

struct ca_gate;

/* `inner_fd` takes the packets the gate itself makes (RSTs for expired entries). */
int ca_gate_open(const struct ca_options *options, int inner_fd, struct ca_gate **ret);
void ca_gate_close(struct ca_gate *gate);

/* True: let the packet through to the inner (front) side. */
bool ca_gate_from_client(struct ca_gate *gate, const uint8_t *packet, size_t bytes, int64_t now);
bool ca_gate_from_ca(struct ca_gate *gate, const uint8_t *packet, size_t bytes, int64_t now);

/* The HTTP server took a connection. */
void ca_gate_accepted(struct ca_gate *gate, const struct sockaddr_in6 *client, int64_t now);

/* Timeouts and the end of a block; call every few milliseconds. */
void ca_gate_tick(struct ca_gate *gate, int64_t now);

/* --- HTTP server ---------------------------------------------------------------------- */

struct ca_http;

/* Listens on all ports in the calling thread's namespace. */
int ca_http_open(const struct ca_options *options, struct ca_gate *gate, struct ca_http **ret);
void ca_http_close(struct ca_http *http);

/* Readable when there is work; a pause is simply not calling ca_http_work(). */
int ca_http_fd(const struct ca_http *http);
void ca_http_work(struct ca_http *http, int64_t now);

/* Answers that are due, timeouts. Returns when it wants to be called again, at the latest. */
int64_t ca_http_tick(struct ca_http *http, int64_t now);

void ca_http_set_shadow(struct ca_http *http, bool exists);

/* --- answers -------------------------------------------------------------------------- */

enum ca_operation {
	CA_OP_GETCACAPS,
	CA_OP_GETCACERT,
	CA_OP_GETNEXTCACERT,
	CA_OP_PKIOPERATION_GET,
	CA_OP_PKIOPERATION_POST,
	CA_OP_OTHER_SCEP,
	CA_OP_NOT_SCEP,
	CA_OP_BAD,
	CA_OP_MAX_,
};

struct ca_question {
	enum ca_operation op;
	size_t message_bytes; /* of a PKIOperation */
};

struct ca_answer {
	char *text; /* to be freed */
	size_t bytes;
	unsigned int status;
};

/* 0 or -ENOMEM. `shadow`: the next CA certificate exists. */
int ca_answer_build(const struct ca_question *question, bool shadow, struct ca_answer *ret);

/* The address in the head's X-Forwarded-For into `ret`, which stays as it is without one. */
void ca_answer_forwarded_for(const char *head, struct in6_addr *ret);

/* --- network -------------------------------------------------------------------------- */

/* Opens the front TUN here, moves the process to a new namespace, opens the inner TUN there. */
int ca_net_open(const struct ca_options *options, int *ret_front_fd, int *ret_inner_fd);

/* --- log ------------------------------------------------------------------------------ */

/* Which worst window an event goes into; `offered` is every new SYN that came, let in or not. */
enum ca_rule { CA_RULE_OFFERED, CA_RULE_SYN, CA_RULE_HANDSHAKE, CA_RULE_ACCEPT, CA_RULE_MAX_ };

int ca_log_open(const struct ca_options *options, int64_t start);
void ca_log_flush(void);
void ca_log_event(int64_t now, enum ca_rule rule, const struct ca_flow *flow);
void ca_log_drop_deaf(void);
void ca_log_queue_full(int64_t now, const struct ca_flow *flow);
void ca_log_deaf_onset(int64_t now);
void ca_log_deaf_end(const struct ca_limit *limit);
void ca_log_close(int64_t now, const struct ca_flow *flow, const char *how, int64_t age);
void ca_log_open_now(unsigned int open, unsigned int half_open);

/* Answered: `router` asked, over a connection from `client` (a proxy's, or the router's own). */
void ca_log_request(int64_t now, const struct sockaddr_in6 *client, const struct in6_addr *router,
		    uint16_t ca_port, enum ca_operation op, unsigned int status);
void ca_log_shadow(int64_t now);
void ca_log_pause(int64_t now, bool begins);

/* Writes the summary to the log and to stdout, frees everything. */
void ca_log_finish(int64_t now, const struct ca_limit *limit);

const struct ca_limit *ca_gate_limit(const struct ca_gate *gate);

#endif
