// SPDX-License-Identifier: GPL-2.0-only
/* What the referee saw: one JSON line an event, exact worst windows, and a summary.
 *
 * Times in the log are seconds since the start. There is one log per process, so the state
 * is file-scope. A flood cannot fill the disk: queue_full lines are limited per second.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ios_ca.h"

#define QUEUE_FULL_LINES_PER_S 200

/* The worst window keeps every time in the trailing window, up to this many (8 bytes each:
 * 50 000 offered SYNs a second for 20 s); beyond that the figure is a lower bound.
 */
#define WORST_TIMES (1u << 20)

/* Clients with a completed enrolment; more than any fleet here has. */
#define CLIENTS_MAX (1u << 16)

struct worst {
	int64_t *times;
	size_t head, used;
	size_t max;
	uint64_t total;
};

struct client {
	struct in6_addr address;
	unsigned int completed;
};

static struct {
	FILE *file;
	int64_t start, window_ns;
	enum ca_count counted;
	struct worst worst[CA_RULE_MAX_];
	struct client *clients;
	size_t n_clients;
	uint64_t requests[CA_OP_MAX_][2]; /* answered 200, answered anything else */
	uint64_t spent_on_404, completed, dropped_deaf, queue_full;
	unsigned int open_max, half_open_max, deaf_episodes;
	int64_t deaf_ns, queue_full_second;
	unsigned int queue_full_lines;
} book;

static const char *const rule_names[] = {"offered", "syn", "handshake", "accept"};

static const char *const op_names[] = {
	"GetCACaps",         "GetCACert",  "GetNextCACert", "PKIOperation-GET",
	"PKIOperation-POST", "other-SCEP", "not-SCEP",      "bad",
};

static double seconds(int64_t ns)
{
	return (double)ns / CA_SECOND_NS;
}

int ca_log_open(const struct ca_options *options, int64_t start)
{
	book.file = options->log_path ? fopen(options->log_path, "w") : NULL;
	if (options->log_path && !book.file)
		return -errno;
	book.start = start;
	book.window_ns = options->limit.window_ns;
	book.counted = options->count;
	book.clients = calloc(CLIENTS_MAX, sizeof(*book.clients));
	if (!book.clients)
		return -ENOMEM;
	for (int i = 0; i < CA_RULE_MAX_; i++) {
		book.worst[i].times = malloc(WORST_TIMES * sizeof(int64_t));
		if (!book.worst[i].times)
			return -ENOMEM;
	}
	/* The clock that other logs of the same machine are written by. */
	if (book.file)
		fprintf(book.file,
			"{\"t\": 0, \"event\": \"start\", \"monotonic_s\": %.6f, "
			"\"window_s\": %.6f}\n",
			seconds(start), seconds(book.window_ns));
	return 0;
}

void ca_log_flush(void)
{
	if (book.file)
		fflush(book.file);
}

static const char *text(const struct in6_addr *address)
{
	static char buffer[INET6_ADDRSTRLEN];

	if (IN6_IS_ADDR_V4MAPPED(address))
		inet_ntop(AF_INET, &address->s6_addr[12], buffer, sizeof(buffer));
	else
		inet_ntop(AF_INET6, address, buffer, sizeof(buffer));
	return buffer;
}

/* Begins a line; the caller adds ", ..." and the end. Returns whether there is a log. */
static bool begin(int64_t now, const char *event)
{
	if (book.file)
		fprintf(book.file, "{\"t\": %.6f, \"event\": \"%s\"", seconds(now - book.start),
			event);
	return book.file;
}

static void end(void)
{
	fputs("}\n", book.file);
}

static void print_client(const struct ca_flow *flow)
{
	fprintf(book.file, ", \"client\": \"%s\", \"port\": %u", text(&flow->client),
		flow->client_port);
}

static void worst_add(struct worst *worst, int64_t now)
{
	const size_t mask = WORST_TIMES - 1;

	while (worst->used &&
	       (worst->used == WORST_TIMES || now - worst->times[worst->head] >= book.window_ns)) {
		worst->head = (worst->head + 1) & mask;
		worst->used--;
	}
	worst->times[(worst->head + worst->used) & mask] = now;
	worst->used++;
	worst->total++;
	if (worst->used > worst->max)
		worst->max = worst->used;
}

void ca_log_event(int64_t now, enum ca_rule rule, const struct ca_flow *flow)
{
	worst_add(&book.worst[rule], now);
	/* What was merely offered may be a flood: counted, not written. */
	if (rule == CA_RULE_OFFERED || !begin(now, rule_names[rule]))
		return;
	print_client(flow);
	if ((int)rule == (int)book.counted + CA_RULE_SYN)
		fputs(", \"counted\": true", book.file);
	end();
}

void ca_log_drop_deaf(void)
{
	book.dropped_deaf++;
}

void ca_log_queue_full(int64_t now, const struct ca_flow *flow)
{
	int64_t second = now / CA_SECOND_NS;

	book.queue_full++;
	if (second != book.queue_full_second) {
		book.queue_full_second = second;
		book.queue_full_lines = 0;
	}
	if (book.queue_full_lines++ >= QUEUE_FULL_LINES_PER_S || !begin(now, "queue_full"))
		return;
	print_client(flow);
	end();
}

void ca_log_deaf_onset(int64_t now)
{
	book.deaf_episodes++;
	if (begin(now, "deaf_onset"))
		end();
}

void ca_log_deaf_end(const struct ca_limit *limit)
{
	int64_t lasted = limit->deaf_until - limit->deaf_since;

	book.deaf_ns += lasted;
	if (!begin(limit->deaf_until, "deaf_end"))
		return;
	fprintf(book.file, ", \"lasted_s\": %.6f, \"prolonged\": %u", seconds(lasted),
		limit->prolonged);
	end();
}

void ca_log_close(int64_t now, const struct ca_flow *flow, const char *how, int64_t age)
{
	if (!begin(now, "close"))
		return;
	print_client(flow);
	fprintf(book.file, ", \"how\": \"%s\", \"age_s\": %.6f", how, seconds(age));
	end();
}

void ca_log_open_now(unsigned int open, unsigned int half_open)
{
	if (open > book.open_max)
		book.open_max = open;
	if (half_open > book.half_open_max)
		book.half_open_max = half_open;
}

static struct client *client_of(const struct in6_addr *address)
{
	uint32_t words[4], hash = 0;

	memcpy(words, address, sizeof(words));
	for (int i = 0; i < 4; i++)
		hash = (hash ^ words[i]) * 0x9e3779b1u;
	for (size_t i = hash >> 16;; i++) {
		struct client *client = &book.clients[i % CLIENTS_MAX];

		if (!client->completed && book.n_clients >= CLIENTS_MAX - 1)
			return NULL;
		if (!client->completed) {
			client->address = *address;
			book.n_clients++;
			return client;
		}
		if (!memcmp(&client->address, address, sizeof(*address)))
			return client;
	}
}

void ca_log_request(int64_t now, const struct sockaddr_in6 *client, const struct in6_addr *router,
		    uint16_t ca_port, enum ca_operation op, unsigned int status)
{
	bool pki = op == CA_OP_PKIOPERATION_GET || op == CA_OP_PKIOPERATION_POST;

	book.requests[op][status != 200]++;
	if (status == 404)
		book.spent_on_404++;
	if (pki && status == 200) {
		struct client *who = client_of(router);

		book.completed++;
		if (who)
			who->completed++;
	}
	if (!begin(now, "request"))
		return;
	fprintf(book.file,
		", \"client\": \"%s\", \"port\": %u, \"ca_port\": %u, \"operation\": \"%s\", "
		"\"status\": %u",
		text(router), ntohs(client->sin6_port), ca_port, op_names[op], status);
	if (memcmp(router, &client->sin6_addr, sizeof(*router)))
		fprintf(book.file, ", \"proxy\": \"%s\"", text(&client->sin6_addr));
	end();
}

void ca_log_shadow(int64_t now)
{
	if (begin(now, "shadow"))
		end();
}

void ca_log_pause(int64_t now, bool begins)
{
	if (begin(now, begins ? "pause" : "resume"))
		end();
}

static void print_requests(FILE *out)
{
	fprintf(out, ", \"requests\": {");
	for (int op = 0; op < CA_OP_MAX_; op++)
		fprintf(out, "%s\"%s\": {\"200\": %llu, \"other\": %llu}", op ? ", " : "",
			op_names[op], (unsigned long long)book.requests[op][0],
			(unsigned long long)book.requests[op][1]);
	fputs("}", out);
}

static void print_worst(FILE *out)
{
	fprintf(out, ", \"counted_by\": \"%s\"", rule_names[book.counted + CA_RULE_SYN]);
	for (int i = 0; i < 2; i++) {
		fprintf(out, ", \"%s\": {", i ? "worst_window" : "connections");
		for (int rule = 0; rule < CA_RULE_MAX_; rule++)
			fprintf(out, "%s\"%s\": %llu", rule ? ", " : "", rule_names[rule],
				i ? (unsigned long long)book.worst[rule].max
				  : (unsigned long long)book.worst[rule].total);
		fputs("}", out);
	}
}

static void print_enrolments(FILE *out)
{
	const char *comma = "";

	fprintf(out, ", \"enrolled_clients\": %zu, \"enrolments\": {", book.n_clients);
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		const struct client *client = &book.clients[i];

		if (!client->completed)
			continue;
		fprintf(out, "%s\"%s\": %u", comma, text(&client->address), client->completed);
		comma = ", ";
	}
	fputs("}", out);
}

static void print_summary(FILE *out, int64_t now, const struct ca_limit *limit)
{
	int64_t deaf = book.deaf_ns;

	if (limit->deaf)
		deaf += now - limit->deaf_since;
	fprintf(out, "{\"t\": %.6f, \"event\": \"summary\", \"window_s\": %.6f, \"limit\": %u",
		seconds(now - book.start), seconds(book.window_ns), limit->rules.connections);
	print_worst(out);
	fprintf(out,
		", \"peak_open\": %u, \"peak_half_open\": %u, \"queue_full\": %llu, "
		"\"dropped_while_deaf\": %llu, \"deaf_episodes\": %u, \"deaf_s\": %.6f, "
		"\"spent_on_404\": %llu, \"pkioperations_completed\": %llu",
		book.open_max, book.half_open_max, (unsigned long long)book.queue_full,
		(unsigned long long)book.dropped_deaf, book.deaf_episodes, seconds(deaf),
		(unsigned long long)book.spent_on_404, (unsigned long long)book.completed);
	print_requests(out);
	print_enrolments(out);
	fputs("}\n", out);
}

void ca_log_finish(int64_t now, const struct ca_limit *limit)
{
	print_summary(stdout, now, limit);
	fflush(stdout);
	if (book.file) {
		print_summary(book.file, now, limit);
		fclose(book.file);
	}
	for (int i = 0; i < CA_RULE_MAX_; i++)
		free(book.worst[i].times);
	free(book.clients);
}
