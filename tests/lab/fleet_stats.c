// SPDX-License-Identifier: GPL-2.0-only
/* What came of it: one JSON object. */
#include <stdio.h>
#include <stdlib.h>

#include "fleet.h"

void fleet_latencies_add(struct fleet_latencies *latencies, int64_t ns)
{
	if (latencies->used == latencies->size) {
		size_t size = latencies->size ? 2 * latencies->size : 256;
		int64_t *grown = realloc(latencies->ns, size * sizeof(*grown));

		if (!grown)
			return;
		latencies->ns = grown;
		latencies->size = size;
	}
	latencies->ns[latencies->used++] = ns;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Percentiles in field seconds. */
static void print_latencies(const char *name, struct fleet_latencies *latencies, double scale)
{
	static const int percents[] = {50, 90, 95, 99, 100};

	printf(", \"%s\": {\"n\": %zu", name, latencies->used);
	if (latencies->used)
		qsort(latencies->ns, latencies->used, sizeof(int64_t), compare);
	for (size_t i = 0; latencies->used && i < 5; i++) {
		size_t place = (latencies->used * (size_t)percents[i] + 99) / 100 - 1;

		printf(", \"p%d\": %.3f", percents[i],
		       (double)latencies->ns[place] * scale / FLEET_SECOND_NS);
	}
	printf("}");
	free(latencies->ns);
	latencies->ns = NULL;
}

static void print_role(struct fleet *fleet, int role)
{
	static const char *const roles[] = {"storm",  "enrolment", "rush",
					    "silent", "trickle",   "slow"};
	static const char *const outcomes[] = {
		"status_200",      "status_404",       "status_other",
		"connect_timeout", "reset_or_refused", "no_answer",
	};
	const uint64_t *counts = fleet->stats.roles[role].outcomes;

	printf(", \"%s\": {\"clients\": %llu, \"attempted\": %llu, \"completed\": %llu, "
	       "\"given_up\": %llu, \"connections\": %llu",
	       roles[role], (unsigned long long)fleet->stats.roles[role].clients,
	       (unsigned long long)fleet->stats.roles[role].arrived,
	       (unsigned long long)fleet->stats.roles[role].completed,
	       (unsigned long long)fleet->stats.roles[role].given_up,
	       (unsigned long long)fleet->stats.roles[role].attempts);
	for (int i = 0; i < OUTCOME_MAX_; i++)
		printf(", \"%s\": %llu", outcomes[i], (unsigned long long)counts[i]);
	print_latencies("answer_field_s", &fleet->stats.roles[role].answer, fleet->options.scale);
	print_latencies("whole_field_s", &fleet->stats.roles[role].whole, fleet->options.scale);
	printf("}");
}

void fleet_stats_print(struct fleet *fleet, int64_t wall_ns)
{
	printf("{\"wall_s\": %.3f, \"scale\": %g, \"note\": \"field seconds = wall seconds x scale; "
	       "the kernel's SYN retransmission timer (1 s, 1 s, ...) is not compressed\"",
	       (double)wall_ns / FLEET_SECOND_NS, fleet->options.scale);
	for (int role = 0; role < ROLE_MAX_; role++)
		print_role(fleet, role);
	printf(", \"flood\": {\"sent\": %llu, \"failed_batches\": %llu}}\n",
	       (unsigned long long)fleet->flood.sent, (unsigned long long)fleet->flood.errors);
	fflush(stdout);
}
