// SPDX-License-Identifier: GPL-2.0-only
/* The window and the block of an IOS-like HTTP server. No clock: time is an argument. */
#include <errno.h>
#include <stdlib.h>

#include "ios_ca.h"

int ca_limit_init(struct ca_limit *limit, const struct ca_limit_rules *rules)
{
	size_t size = (size_t)rules->connections + 1;
	int64_t *times = calloc(size, sizeof(*times));

	if (!times)
		return -ENOMEM;
	*limit =
		(struct ca_limit){.rules = *rules, .times = times, .size = size, .piece_start = -1};
	return 0;
}

void ca_limit_free(struct ca_limit *limit)
{
	free(limit->times);
	limit->times = NULL;
}

/* The ring keeps connections + 1 times: over the limit means the oldest of them is recent. */
static bool over_sliding(const struct ca_limit *limit, int64_t now)
{
	return limit->used == limit->size &&
	       now - limit->times[limit->next] < limit->rules.window_ns;
}

static bool over_fixed(const struct ca_limit *limit, int64_t now)
{
	return limit->piece_start >= 0 && now - limit->piece_start < limit->rules.window_ns &&
	       limit->piece_count > limit->rules.connections;
}

static bool is_over(const struct ca_limit *limit, int64_t now)
{
	return limit->rules.reading == CA_READING_SLIDING ? over_sliding(limit, now)
							  : over_fixed(limit, now);
}

static void remember(struct ca_limit *limit, int64_t now)
{
	int64_t window = limit->rules.window_ns;

	limit->times[limit->next] = now;
	limit->next = (limit->next + 1) % limit->size;
	if (limit->used < limit->size)
		limit->used++;
	if (limit->piece_start < 0)
		limit->piece_start = now;
	if (now - limit->piece_start >= window) {
		limit->piece_start += (now - limit->piece_start) / window * window;
		limit->piece_count = 0;
	}
	limit->piece_count++;
}

static void forget(struct ca_limit *limit)
{
	limit->used = 0;
	limit->next = 0;
	limit->piece_count = 0;
}

bool ca_limit_count(struct ca_limit *limit, int64_t now)
{
	if (limit->deaf) {
		/* Let in before the block, counted only now (handshake, accept). */
		ca_limit_attempt_while_deaf(limit, now);
		return false;
	}
	remember(limit, now);
	if (!is_over(limit, now))
		return false;
	limit->deaf = true;
	limit->deaf_since = now;
	limit->deaf_until = now + limit->rules.block_ns;
	limit->prolonged = 0;
	if (limit->rules.clear_window)
		forget(limit);
	return true;
}

void ca_limit_attempt_while_deaf(struct ca_limit *limit, int64_t now)
{
	switch (limit->rules.during) {
	case CA_DURING_IGNORE:
		break;
	case CA_DURING_EXTEND:
		remember(limit, now);
		break;
	case CA_DURING_RESTART:
		limit->deaf_until = now + limit->rules.block_ns;
		limit->prolonged++;
		break;
	}
}

bool ca_limit_expire(struct ca_limit *limit, int64_t now)
{
	if (!limit->deaf || now < limit->deaf_until)
		return false;
	if (limit->rules.during == CA_DURING_EXTEND && is_over(limit, limit->deaf_until)) {
		limit->deaf_until += limit->rules.block_ns;
		limit->prolonged++;
		return false;
	}
	limit->deaf = false;
	return true;
}
