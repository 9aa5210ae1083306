// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "coverage.h"
#include "names.h"

static void add_words(void *to, const void *from, size_t len)
{
	for (size_t i = 0; i < len / 8; i++)
		((__u64 *)to)[i] += ((const __u64 *)from)[i];
}

void coverage_packet(struct coverage *c, const __u8 *frame, size_t len, const struct outcome *out)
{
	c->packets++;
	if (out->action <= XDP_REDIRECT)
		c->actions[out->action]++;
	c->resets += out->len != len || memcmp(frame, out->frame, len) != 0;
}

void coverage_event(void *ctx, const struct sg_event *event)
{
	struct coverage *c = ctx;

	if (event->kind < SG_EVENT_MAX_)
		c->events[event->kind]++;
}

void coverage_case(struct coverage *c)
{
	const struct twin_map *conns = twin_map(TWIN_sg_conns);
	const struct twin_element *at = NULL;
	const __u32 zero = 0;

	c->cases++;
	for (__u32 i = 0; i < SG_SERVICES; i++)
		add_words(&c->stats, twin_map_lookup(twin_map(TWIN_sg_stats), &i),
			  sizeof(c->stats));
	add_words(&c->passed, twin_map_lookup(twin_map(TWIN_sg_passed), &zero), sizeof(c->passed));
	while (twin_map_next(conns, &at)) {
		const struct sg_conn *conn = twin_element_value(conns, at);

		if (conn->state <= SG_CONN_CLOSED)
			c->states[conn->state]++;
	}
}

void coverage_add(struct coverage *to, const struct coverage *from)
{
	add_words(to, from, sizeof(*to));
}

/* ---- judging ---- */

static __u64 of_all_priorities(const __u64 table[SG_PRIORITY_MAX_][SG_REASON_MAX_], __u32 reason)
{
	__u64 sum = 0;

	for (int i = 0; i < SG_PRIORITY_MAX_; i++)
		sum += table[i][reason];
	return sum;
}

static __u64 of_all_classes(const struct coverage *c, __u32 status)
{
	__u64 sum = 0;

	for (int i = 0; i < SG_REQUEST_MAX_; i++)
		sum += c->stats.answers[i][status];
	return sum;
}

/* In observe the CA's real state is not heeded: it is never deaf there. */
static bool never_in_observe(__u32 reason)
{
	return reason == SG_REASON_FEELER || reason == SG_REASON_CA_DEAF;
}

/* Where frames can always grow. */
static bool never_told(__u32 kind)
{
	return kind == SG_EVENT_REPLAY;
}

/* One line of the list: what, how often. */
typedef void each_fn(void *ctx, const char *kind, const char *name, __u64 count, bool must);

static void each(const struct coverage *c, each_fn *tell, void *ctx)
{
	static const char *const states[] = {"SYN_SENT", "SYN_ACKED", "ESTABLISHED", "CLOSED"};
	static const char *const statuses[] = {"no HTTP", "1xx", "2xx", "3xx", "4xx", "5xx"};

	tell(ctx, "action", "DROP", c->actions[XDP_DROP], true);
	tell(ctx, "action", "PASS", c->actions[XDP_PASS], true);
	tell(ctx, "action", "TX", c->actions[XDP_TX], true);
	tell(ctx, "action", "left as a RST", c->resets, true);
	for (__u32 i = 0; i < SG_REASON_MAX_; i++)
		tell(ctx, "reason", sg_reason_name(i), of_all_priorities(c->stats.verdicts, i),
		     true);
	for (__u32 i = 0; i < SG_REASON_MAX_; i++)
		tell(ctx, "would", sg_reason_name(i), of_all_priorities(c->stats.would, i),
		     !never_in_observe(i));
	for (__u32 i = 0; i < SG_PRIORITY_MAX_; i++)
		tell(ctx, "admitted as", sg_priority_name(i),
		     c->stats.verdicts[i][SG_REASON_ADMITTED], true);
	for (__u32 i = 0; i < SG_COUNTER_MAX_; i++)
		tell(ctx, "counter", sg_counter_name(i), c->stats.counters[i], true);
	for (__u32 i = 0; i < SG_REQUEST_MAX_; i++)
		tell(ctx, "request", sg_class_name(i), c->stats.requests[i], true);
	for (__u32 i = 0; i < SG_STATUS_CLASSES; i++)
		tell(ctx, "answer", statuses[i], of_all_classes(c, i), i != 1);
	for (__u32 i = 0; i <= SG_LATENCY_BUCKETS; i++)
		tell(ctx, "latency", "bucket", c->stats.latency[i], true);
	for (__u32 i = 0; i < SG_PASSED_MAX_; i++)
		tell(ctx, "passed", sg_passed_name(i), c->passed.packets[i], true);
	for (__u32 i = 0; i < SG_EVENT_MAX_; i++)
		tell(ctx, "event", sg_event_name(i), c->events[i], !never_told(i));
	for (__u32 i = 0; i <= SG_CONN_CLOSED; i++)
		tell(ctx, "state", states[i], c->states[i], true);
}

static void print_one(void *ctx, const char *kind, const char *name, __u64 count, bool must)
{
	(void)ctx;
	printf("# %-12s %-20s %10llu%s\n", kind, name, count, must ? "" : " (never)");
}

void coverage_print(const struct coverage *c)
{
	each(c, print_one, NULL);
}

struct judge {
	__u64 least;
	unsigned int missed;
};

static void judge_one(void *ctx, const char *kind, const char *name, __u64 count, bool must)
{
	struct judge *j = ctx;

	if (must ? count >= j->least : !count)
		return;
	fprintf(stderr, "%s %s: reached %llu times, expected %s%llu\n", kind, name, count,
		must ? "at least " : "", must ? j->least : 0);
	j->missed++;
}

unsigned int coverage_judge(const struct coverage *c, __u64 least)
{
	struct judge j = {.least = least};

	each(c, judge_one, &j);
	return j.missed;
}
