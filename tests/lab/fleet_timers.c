// SPDX-License-Identifier: GPL-2.0-only
/* One timer per client in a binary heap; and the random numbers. */
#include <errno.h>
#include <stdlib.h>

#include "fleet.h"

uint64_t fleet_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

double fleet_uniform(uint64_t *state)
{
	return (double)(fleet_random(state) >> 11) / (double)(1ULL << 53);
}

int fleet_timers_init(struct fleet_timers *timers, size_t clients)
{
	timers->heap = calloc(clients + 1, sizeof(struct fleet_client *));
	timers->used = 0;
	return timers->heap ? 0 : -ENOMEM;
}

static void put(struct fleet_timers *timers, size_t place, struct fleet_client *client)
{
	timers->heap[place] = client;
	client->heap_place = place;
}

static void sift_up(struct fleet_timers *timers, size_t place, struct fleet_client *client)
{
	while (place > 1 && timers->heap[place / 2]->due > client->due) {
		put(timers, place, timers->heap[place / 2]);
		place /= 2;
	}
	put(timers, place, client);
}

static void sift_down(struct fleet_timers *timers, size_t place, struct fleet_client *client)
{
	for (size_t child = 2 * place; child <= timers->used; child = 2 * place) {
		if (child < timers->used && timers->heap[child + 1]->due < timers->heap[child]->due)
			child++;
		if (timers->heap[child]->due >= client->due)
			break;
		put(timers, place, timers->heap[child]);
		place = child;
	}
	put(timers, place, client);
}

void fleet_timers_clear(struct fleet_timers *timers, struct fleet_client *client)
{
	size_t place = client->heap_place;
	struct fleet_client *last;

	if (!place)
		return;
	client->heap_place = 0;
	last = timers->heap[timers->used--];
	if (last == client)
		return;
	if (place > 1 && timers->heap[place / 2]->due > last->due)
		sift_up(timers, place, last);
	else
		sift_down(timers, place, last);
}

void fleet_timers_set(struct fleet_timers *timers, struct fleet_client *client, int64_t due)
{
	fleet_timers_clear(timers, client);
	client->due = due;
	sift_up(timers, ++timers->used, client);
}

struct fleet_client *fleet_timers_take(struct fleet_timers *timers, int64_t now)
{
	struct fleet_client *client = timers->used ? timers->heap[1] : NULL;

	if (!client || client->due > now)
		return NULL;
	fleet_timers_clear(timers, client);
	return client;
}

int64_t fleet_timers_next(const struct fleet_timers *timers)
{
	return timers->used ? timers->heap[1]->due : INT64_MAX;
}
