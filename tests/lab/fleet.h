/* SPDX-License-Identifier: GPL-2.0-only */
/* The clients of the lab: thousands of routers in one process, each with an address of its own.
 *
 * Times on the command line are the field's; `scale` divides them (10: a field minute takes
 * 6 s). Inside, all times are CLOCK_MONOTONIC nanoseconds, already divided. The kernel's own SYN
 * retransmission timer (1 s, 2 s, ...) does not compress: compare runs of one scale only.
 *
 *   fleet.c          event loop
 *   fleet_options.c  the command line
 *   fleet_client.c   what a router does, attempt by attempt
 *   fleet_request.c  the requests, as IOS writes them
 *   fleet_timers.c   a heap of due times
 *   fleet_flood.c    SYNs from spoofed sources
 *   fleet_stats.c    what came of it, as JSON
 *   fleet_log.c      every attempt, as JSON lines, on the machine's monotonic clock
 */
#ifndef SG_LAB_FLEET_H
#define SG_LAB_FLEET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define FLEET_SECOND_NS       1000000000LL
#define FLEET_ENROLMENT_STEPS 3 /* GetCACert, GetCACaps, PKIOperation: a connection each */

enum fleet_role {
	ROLE_STORM,
	ROLE_ENROL,
	ROLE_RUSH,
	ROLE_SILENT,
	ROLE_TRICKLE,
	ROLE_SLOW,
	ROLE_MAX_,
};

enum fleet_outcome {
	OUTCOME_200,
	OUTCOME_404,
	OUTCOME_OTHER_STATUS,
	OUTCOME_CONNECT_TIMEOUT,
	OUTCOME_RESET,
	OUTCOME_NO_ANSWER, /* connected, then silence or a close */
	OUTCOME_MAX_,
	OUTCOME_UNFINISHED = OUTCOME_MAX_, /* in the log only: the run ended before it did */
};

struct fleet_options {
	struct sockaddr_storage target;
	int family;
	double scale;
	uint64_t seed;
	int64_t duration_ns, grace_ns; /* no arrivals in the last `grace` of the run */
	unsigned int storm_sources, slow_sources, slow_kinds;
	double storm_per_min, slow_per_min;
	unsigned int names; /* of trustpoints, shared out among the routers */
	double enrol_per_min;
	int64_t enrol_within_ns; /* 0: up to the grace */
	unsigned int rush, silent, trickle;
	int64_t rush_within_ns;
	int64_t synwait_ns, answer_ns, retry_period_ns, patience_ns;
	unsigned int retry_count;
	double post_share; /* of enrolments, with PKIOperation by POST */
	unsigned int mss;
	unsigned int flood_pps;
	uint64_t flood_count;
	const char *message; /* the trustpoint's name; with several, a number is put behind it */
	const char *log_path;
};

/* All times divided by the scale already. Exits with status 2 if the command line is wrong. */
void fleet_options_parse(struct fleet_options *options, int argc, char **argv);

/* --- clients -------------------------------------------------------------------------- */

struct fleet_client {
	enum fleet_role role;
	uint32_t index; /* within its role: makes its address */
	bool post;
	int fd; /* -1: none */
	bool connected;
	unsigned int step, tries;
	int64_t arrival, attempt;
	size_t sent, received;
	char head[16]; /* of the answer: "HTTP/1.1 404" */
	int64_t due;
	size_t heap_place; /* 0: no timer set */
};

struct fleet;

/* The address that makes this client a source of its own; its size. */
socklen_t fleet_client_source(const struct fleet *fleet, const struct fleet_client *client,
			      struct sockaddr_storage *ret);

/* Makes all clients and sets their first timers. 0 or -ENOMEM. */
int fleet_clients_init(struct fleet *fleet, int64_t start);
void fleet_client_timer(struct fleet *fleet, struct fleet_client *client, int64_t now);
void fleet_client_event(struct fleet *fleet, struct fleet_client *client, uint32_t events,
			int64_t now);

/* --- requests ------------------------------------------------------------------------- */

#define FLEET_REQUEST_MAX 8192

/* The request of this client's present step, into `buffer`; its length. */
size_t fleet_request_build(const struct fleet *fleet, const struct fleet_client *client,
			   char *buffer);

/* --- timers --------------------------------------------------------------------------- */

struct fleet_timers {
	struct fleet_client **heap; /* 1-based */
	size_t used;
};

int fleet_timers_init(struct fleet_timers *timers, size_t clients);
void fleet_timers_set(struct fleet_timers *timers, struct fleet_client *client, int64_t due);
void fleet_timers_clear(struct fleet_timers *timers, struct fleet_client *client);

/* The client whose timer is due, taken out; NULL: none. */
struct fleet_client *fleet_timers_take(struct fleet_timers *timers, int64_t now);

/* Next due time; INT64_MAX: none. */
int64_t fleet_timers_next(const struct fleet_timers *timers);

/* --- flood ---------------------------------------------------------------------------- */

struct fleet_flood {
	int fd;
	uint64_t sent, errors, random;
	int64_t start;
};

/* 0 or -errno. Does nothing if no flood was asked for. */
int fleet_flood_open(struct fleet_flood *flood, const struct fleet_options *options, int64_t start);

/* Sends what is due by now. */
void fleet_flood_work(struct fleet_flood *flood, const struct fleet_options *options, int64_t now);

/* --- results -------------------------------------------------------------------------- */

struct fleet_latencies {
	int64_t *ns;
	size_t used, size;
};

struct fleet_stats {
	struct {
		uint64_t clients, arrived, attempts, completed, given_up;
		uint64_t outcomes[OUTCOME_MAX_];
		struct fleet_latencies answer; /* connect() to the whole answer, 200 and 404 */
		struct fleet_latencies whole;  /* arrival to the enrolment's end */
	} roles[ROLE_MAX_];
};

void fleet_latencies_add(struct fleet_latencies *latencies, int64_t ns);
void fleet_stats_print(struct fleet *fleet, int64_t wall_ns);

/* --- log ------------------------------------------------------------------------------ */

/* 0 or -errno. Nothing is written without options->log_path. */
int fleet_log_open(struct fleet *fleet);

/* An attempt that began at client->attempt is over. */
void fleet_log_attempt(const struct fleet *fleet, const struct fleet_client *client,
		       enum fleet_outcome outcome, int64_t now);

/* Attempts under way are unfinished. */
void fleet_log_close(struct fleet *fleet, int64_t now);

/* --- the whole ------------------------------------------------------------------------ */

struct fleet {
	struct fleet_options options;
	int epoll_fd;
	uint64_t random;
	struct fleet_client *clients;
	size_t n_clients;
	int64_t storm_period_ns, slow_period_ns;
	struct fleet_timers timers;
	struct fleet_flood flood;
	struct fleet_stats stats;
	FILE *log; /* NULL: none */
};

/* xorshift64*: repeatable from the seed. */
uint64_t fleet_random(uint64_t *state);

/* Uniform in [0, 1). */
double fleet_uniform(uint64_t *state);

#endif
