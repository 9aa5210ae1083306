// SPDX-License-Identifier: GPL-2.0-only
/* What the program tells: kept for people, written to the request log, and judged where it says
 * something about the rollover certificate.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "run.h"
#include "../http/answer_head.h"
#include "../util/cleanup.h"
#include "../util/json.h"

/* How long an answer's head may take; afterwards it is judged by what came. */
#define HEAD_PATIENCE_NS (10 * SG_NS_PER_S)

/* Records handled before the clock and other descriptors get their turn. */
#define RECORDS_A_TURN 4096

static struct sg_run_service *service_of(struct sg_daemon *d, __u8 index)
{
	for (__u32 i = 0; i < d->conf->service_count; i++)
		if (d->services[i].index == index)
			return &d->services[i];
	return NULL;
}

static void judge_head(struct sg_daemon *d, const struct sg_head *head)
{
	struct sg_run_service *service = service_of(d, head->service);
	struct sg_answer_head read = {0};

	if (!service)
		return;
	if (sg_answer_head_read(head->bytes, head->len, &read))
		read.media_type[0] = '\0';
	sg_shadow_answered(&service->shadow, head->status, read.media_type, sg_clock_realtime_ns());
}

/* A refusal is plain from its status; everything else waits for the media type. */
static void add_next_ca_answer(struct sg_daemon *d, const struct sg_answer_event *record,
			       __u64 time_ns)
{
	struct sg_run_service *service = service_of(d, record->event.service);
	__u16 status = record->event.status;
	struct sg_head done;

	if (service && (status == 404 || status == 403))
		sg_shadow_answered(&service->shadow, status, NULL, time_ns);
	else if (sg_heads_add(&d->heads, record, sg_clock_monotonic_ns(), &done))
		judge_head(d, &done);
}

static void add_answer(struct sg_daemon *d, const struct sg_answer_event *record, size_t size,
		       __u64 time_ns)
{
	const struct sg_event *ev = &record->event;
	struct sg_run_service *service = service_of(d, ev->service);

	if (ev->request_class == SG_REQUEST_GETCACERT && service)
		sg_shadow_cert_answered(&service->shadow, ev->status, time_ns);
	if (ev->request_class == SG_REQUEST_GETNEXTCACERT && size >= sizeof(*record))
		add_next_ca_answer(d, record, time_ns);
}

static void tell(struct sg_daemon *d, const struct sg_events_entry *entry)
{
	_cleanup_free_ char *text = NULL;
	json_t *line;

	if (!sg_server_has_followers(d->server))
		return;
	line = json_pack("{s:b, s:o*}", "ok", 1, "event", sg_events_json(entry, &d->names));
	text = line ? json_dumps(line, JSON_COMPACT) : NULL;
	json_decref(line);
	if (!text)
		return;
	sg_server_tell_followers(d->server, text, strlen(text));
	sg_server_tell_followers(d->server, "\n", 1);
}

static void note(void *ctx, enum sg_events_own what, __u32 service, const char *state, __u32 times)
{
	struct sg_daemon *d = ctx;
	int index = service < SG_SERVICES ? d->services[service].index : SG_SERVICES;

	if (index >= 0)
		tell(d,
		     sg_events_note(&d->events, what, index, state, times, sg_clock_realtime_ns()));
}

void sg_run_note_changes(struct sg_daemon *d)
{
	sg_changes_look(&d->changes, &d->snap, note, d);
}

/* As it is kept. What is held has no entry yet, so its record tells no class: its stored segment does. */
static struct sg_event complete(const struct sg_daemon *d, const struct sg_event *ev)
{
	struct sg_event copy = *ev;

	if (ev->kind == SG_EVENT_HELD && ev->request_class == SG_REQUEST_NONE)
		copy.request_class = sg_turns_class(&d->turns, ev->frame, ev->ticket);
	return copy;
}

int sg_run_record(void *ctx, void *data, size_t size)
{
	static __u32 records;
	struct sg_daemon *d = ctx;
	const struct sg_event *ev = data;
	char line[SG_REQUEST_LINE_MAX];
	const struct sg_events_entry *entry;
	struct sg_event kept;
	__u64 time_ns;

	if (size < sizeof(*ev))
		return 0;
	time_ns = sg_clock_realtime_ns() - (sg_clock_monotonic_ns() - ev->ktime_ns);
	if (ev->kind == SG_EVENT_ANSWER)
		add_answer(d, data, size, time_ns);
	sg_run_intercept_record(d, ev, size);
	/* Later pieces of a head repeat their answer: one event is enough. */
	if (ev->kind != SG_EVENT_ANSWER || !ev->head_offset) {
		kept = complete(d, ev);
		entry = sg_events_add(&d->events, &kept, time_ns);
		tell(d, entry);
		if (d->conf->log.requests != SG_CONFIG_REQUESTS_OFF)
			sg_log_lines_add(&d->lines, line,
					 sg_events_request_line(entry, &d->names, line));
	}
	return ++records % RECORDS_A_TURN ? 0 : -EAGAIN;
}

void sg_run_judge_unfinished(struct sg_daemon *d)
{
	__u64 now_ns = sg_clock_monotonic_ns();
	struct sg_head done;

	while (now_ns > HEAD_PATIENCE_NS &&
	       sg_heads_expire(&d->heads, now_ns - HEAD_PATIENCE_NS, &done))
		judge_head(d, &done);
}
