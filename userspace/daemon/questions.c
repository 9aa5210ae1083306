// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "questions.h"
#include "../../bpf/core/cursor.h"
#include "../../bpf/core/question.h"
#include "../util/json.h"

struct text {
	const char *at;
	size_t len;
};

/* ---- Texts ---- */

static void keep(char *to, size_t room, struct text from)
{
	size_t n = from.len < room - 1 ? from.len : room - 1;

	for (size_t i = 0; i < n; i++)
		to[i] = from.at[i] > ' ' && from.at[i] <= '~' ? from.at[i] : '?';
	to[n] = '\0';
}

/* What stands before any of these bytes, or all there is. */
static struct text until(struct text t, const char *ends)
{
	size_t n = 0;

	while (n < t.len && !strchr(ends, t.at[n]))
		n++;
	return (struct text){t.at, n};
}

static struct text behind(struct text t, size_t n)
{
	return (struct text){t.at + n, t.len - n};
}

static struct text target_of(struct text request)
{
	struct text method = until(request, " \r\n");

	if (method.len + 1 >= request.len || request.at[method.len] != ' ')
		return (struct text){request.at, 0};
	return until(behind(request, method.len + 1), " \r\n");
}

/* Value of the first Host; only if its line's end is there. */
static struct text host_of(struct text rest)
{
	struct text line;

	while ((line = until(rest, "\n")).len < rest.len && line.len > 1) {
		rest = behind(rest, line.len + 1);
		if (line.len < 5 || strncasecmp(line.at, "host:", 5))
			continue;
		line = behind(line, 5);
		while (line.len && (*line.at == ' ' || *line.at == '\t'))
			line = behind(line, 1);
		return until(line, " \t\r");
	}
	return (struct text){rest.at, 0};
}

static bool is_learned(const struct sg_question_bucket *table, __u64 hash)
{
	const struct sg_question_bucket *b = &table[hash % SG_QUESTION_BUCKETS];

	for (int i = 0; i < SG_QUESTION_SLOTS; i++)
		if (b->slot[i].hash == hash)
			return true;
	return false;
}

static struct sg_question_said *place_for(struct sg_questions *q, __u32 service, __u64 hash,
					  const struct sg_question_bucket *table)
{
	struct sg_question_said *said = q->said[service], *oldest = NULL, *unknown = NULL;

	for (int i = 0; i < SG_QUESTIONS_KEPT; i++)
		if (said[i].hash == hash)
			return &said[i];
	for (int i = 0; i < SG_QUESTIONS_KEPT; i++) {
		if (!said[i].hash)
			return &said[i];
		if (!oldest || said[i].told < oldest->told)
			oldest = &said[i];
		if (table && !is_learned(table, said[i].hash) &&
		    (!unknown || said[i].told < unknown->told))
			unknown = &said[i];
	}
	return unknown ? unknown : oldest;
}

bool sg_questions_full(const struct sg_questions *q, __u32 service)
{
	if (service >= SG_SERVICES)
		return false;
	for (int i = 0; i < SG_QUESTIONS_KEPT; i++)
		if (!q->said[service][i].hash)
			return false;
	return true;
}

void sg_questions_add(struct sg_questions *q, __u32 service, __u64 hash, const __u8 *request,
		      size_t len, const struct sg_question_bucket *table, __u64 now)
{
	struct text all = {(const char *)request, len};
	struct text target = target_of(all);
	struct sg_question_said *said;

	if (service >= SG_SERVICES || !hash || !target.len)
		return;
	said = place_for(q, service, hash, table);
	said->hash = hash;
	said->told = now;
	keep(said->target, sizeof(said->target), target);
	keep(said->host, sizeof(said->host), host_of(all));
}

const struct sg_question_said *sg_questions_find(const struct sg_questions *q, __u32 service,
						 __u64 hash)
{
	for (int i = 0; service < SG_SERVICES && hash && i < SG_QUESTIONS_KEPT; i++)
		if (q->said[service][i].hash == hash)
			return &q->said[service][i];
	return NULL;
}

void sg_questions_drop(struct sg_questions *q, __u32 service)
{
	if (service < SG_SERVICES)
		memset(q->said[service], 0, sizeof(q->said[service]));
}

/* ---- What is known of them ---- */

struct telling {
	const struct sg_questions *questions;
	const struct sg_questions_view *view;
	const struct sg_times *times;
	__u64 now;
	__u32 hz;
};

static json_t *seconds(const struct telling *t, __u64 ticks)
{
	return json_real((double)ticks / t->hz);
}

static __u64 canary_window(const struct telling *t)
{
	__u64 window = t->view->limits.ca_window_ticks;

	return window ? window : t->times->window_otherwise;
}

static __u64 until_settled(const struct telling *t, __u64 sent)
{
	__u64 window = canary_window(t);

	return sg_canary_settled(sent, window, t->now) ? 0 : sent + window - t->now;
}

/* Ticks until one more canary may go, whichever question it asks (sg_canary_may()). */
static __u64 until_canary(const struct telling *t)
{
	const struct sg_intercept *ic = &t->view->intercept;
	__u64 first = until_settled(t, ic->canary_sent[0]);
	__u64 second = until_settled(t, ic->canary_sent[1]), flies = 0;

	if (sg_canary_flies(ic->canary_since, t->times, t->now))
		flies = ic->canary_since + t->times->canary_wait - t->now;
	if (second < first)
		first = second;
	return flies > first ? flies : first;
}

static const char *state_of(const struct telling *t, __u64 age)
{
	__u64 ttl = t->view->limits.answer_ttl_ticks;

	if (age < ttl)
		return "fresh";
	return age < ttl * SG_QUESTION_STALE ? "stale" : "over";
}

static json_t *text_or_null(const char *text)
{
	return text && *text ? json_string(text) : json_null();
}

static json_t *tell_question(const struct telling *t, const struct sg_question *known)
{
	const struct sg_question_said *said =
		sg_questions_find(t->questions, t->view->service, known->hash);
	__u64 ttl = t->view->limits.answer_ttl_ticks, age = sg_question_age(known->refused, t->now);
	__u64 next = until_canary(t);
	char hash[17];

	if (age < ttl && ttl - age > next)
		next = ttl - age;
	snprintf(hash, sizeof(hash), "%016" PRIx64, (uint64_t)known->hash);
	return json_pack("{s:s, s:s, s:o, s:o, s:i, s:o, s:I, s:s, s:o}", "service", t->view->name,
			 "hash", hash, "target", text_or_null(said ? said->target : NULL), "host",
			 text_or_null(said ? said->host : NULL), "status", known->status,
			 "age_seconds", seconds(t, age), "hits", (json_int_t)known->hits, "state",
			 state_of(t, age), "next_canary_in_seconds", seconds(t, next));
}

static int by_refused(const void *a, const void *b)
{
	const struct sg_question *x = a, *y = b;

	return x->refused < y->refused ? 1 : -(x->refused > y->refused);
}

/* Those of this epoch, the one refused last first. Returns how many. */
static size_t pick(const struct telling *t, struct sg_question picked[SG_QUESTIONS_KEPT])
{
	size_t n = 0;

	for (int i = 0; i < SG_QUESTIONS_KEPT; i++) {
		const struct sg_question *known =
			&t->view->table[i / SG_QUESTION_SLOTS].slot[i % SG_QUESTION_SLOTS];

		if (known->hash && known->epoch == t->view->intercept.epoch)
			picked[n++] = *known;
	}
	qsort(picked, n, sizeof(*picked), by_refused);
	return n;
}

static json_t *tell_service(const struct telling *t, __u32 learned)
{
	const struct sg_intercept *ic = &t->view->intercept;
	const struct sg_service *limits = &t->view->limits;
	int recent =
		!!until_settled(t, ic->canary_sent[0]) + !!until_settled(t, ic->canary_sent[1]);

	return json_pack("{s:s, s:i, s:i, s:o, s:s, s:i, s:b, s:i, s:o}", "name", t->view->name,
			 "learned", learned, "capacity", SG_QUESTIONS_KEPT, "answer_ttl_seconds",
			 seconds(t, limits->answer_ttl_ticks), "answer",
			 limits->answer_busy ? "unavailable" : "as_ca", "as_ca_bytes",
			 t->view->as_ca_bytes, "canary_in_flight",
			 sg_canary_flies(ic->canary_since, t->times, t->now), "canaries_in_window",
			 recent, "next_canary_in_seconds", seconds(t, until_canary(t)));
}

static int tell(const struct telling *t, json_t *services, json_t *list)
{
	struct sg_question picked[SG_QUESTIONS_KEPT];
	size_t n = pick(t, picked);
	__u32 learned = 0;
	int bad = 0;

	for (size_t i = 0; i < n; i++) {
		bad |= json_array_append_new(list, tell_question(t, &picked[i]));
		learned += sg_question_age(picked[i].refused, t->now) <
			   t->view->limits.answer_ttl_ticks * SG_QUESTION_STALE;
	}
	return bad | json_array_append_new(services, tell_service(t, learned));
}

json_t *sg_questions_json(const struct sg_questions *q, const struct sg_questions_view *views,
			  size_t count, const struct sg_times *times, __u64 now, __u32 hz)
{
	_cleanup_json_ json_t *services = json_array(), *list = json_array();
	struct telling t = {.questions = q, .times = times, .now = now, .hz = hz};
	int bad = 0;

	for (size_t i = 0; i < count && !bad; i++) {
		t.view = &views[i];
		bad = tell(&t, services, list);
	}
	return bad ? NULL : json_pack("{s:O, s:O}", "services", services, "questions", list);
}
