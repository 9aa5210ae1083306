// SPDX-License-Identifier: GPL-2.0-only
/* Every attempt of every router, one JSON line each, written when it ends. Times are seconds of
 * CLOCK_MONOTONIC, so that the CA's log (which names its start on that clock) can be laid beside.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

#include "fleet.h"

int fleet_log_open(struct fleet *fleet)
{
	if (!fleet->options.log_path)
		return 0;
	fleet->log = fopen(fleet->options.log_path, "w");
	return fleet->log ? 0 : -errno;
}

void fleet_log_attempt(const struct fleet *fleet, const struct fleet_client *client,
		       enum fleet_outcome outcome, int64_t now)
{
	static const char *const roles[] = {"storm", "enrol", "rush", "silent", "trickle", "slow"};
	static const char *const outcomes[] = {
		"200", "404", "other_status", "connect_timeout", "reset", "no_answer", "unfinished",
	};
	struct sockaddr_storage source;
	char text[INET6_ADDRSTRLEN];
	const void *address = &((struct sockaddr_in *)&source)->sin_addr;

	if (!fleet->log)
		return;
	fleet_client_source(fleet, client, &source);
	if (source.ss_family == AF_INET6)
		address = &((struct sockaddr_in6 *)&source)->sin6_addr;
	inet_ntop(source.ss_family, address, text, sizeof(text));
	fprintf(fleet->log,
		"{\"began\": %.6f, \"ended\": %.6f, \"role\": \"%s\", \"client\": \"%s\", "
		"\"step\": %u, \"try\": %u, \"outcome\": \"%s\"}\n",
		(double)client->attempt / FLEET_SECOND_NS, (double)now / FLEET_SECOND_NS,
		roles[client->role], text, client->step, client->tries, outcomes[outcome]);
}

void fleet_log_close(struct fleet *fleet, int64_t now)
{
	if (!fleet->log)
		return;
	for (size_t i = 0; i < fleet->n_clients; i++)
		if (fleet->clients[i].fd >= 0)
			fleet_log_attempt(fleet, &fleet->clients[i], OUTCOME_UNFINISHED, now);
	fclose(fleet->log);
	fleet->log = NULL;
}
