// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <arpa/inet.h>

#include "events.h"
#include "labels.h"
#include "../util/json.h"
#include "../util/units.h"

const struct sg_events_entry *sg_events_add(struct sg_events *e, const struct sg_event *event,
					    __u64 time_ns)
{
	struct sg_events_entry *entry = &e->entries[e->next % SG_EVENTS_KEPT];

	*entry = (struct sg_events_entry){++e->next, time_ns, *event};
	return entry;
}

const struct sg_events_entry *sg_events_get(const struct sg_events *e, __u64 number)
{
	if (!number || number > e->next || number < sg_events_oldest(e))
		return NULL;
	return &e->entries[(number - 1) % SG_EVENTS_KEPT];
}

__u64 sg_events_oldest(const struct sg_events *e)
{
	return e->next > SG_EVENTS_KEPT ? e->next - SG_EVENTS_KEPT + 1 : 1;
}

static struct sg_addr client_of(const struct sg_event *ev)
{
	struct sg_addr addr;

	memcpy(addr.b, &ev->client, sizeof(addr.b));
	return addr;
}

static const char *service_of(const struct sg_event *ev, const struct sg_service_names *names)
{
	return ev->service < SG_SERVICES && names->name[ev->service][0] ? names->name[ev->service]
									: "unknown";
}

/* What only some kinds of event have. */
static int add_decision(json_t *j, const struct sg_event *ev)
{
	return json_object_set_new(j, "priority", json_string(sg_label_priority(ev->priority))) |
	       json_object_set_new(j, "reason", json_string(sg_label_reason(ev->reason))) |
	       json_object_set_new(j, "would", json_boolean(ev->would));
}

static int add_request(json_t *j, const struct sg_event *ev)
{
	return json_object_set_new(j, "class", json_string(sg_label_class(ev->request_class))) |
	       json_object_set_new(j, "request", json_integer(ev->request_number));
}

/* Told with a status, but no time it took. */
static int add_status(json_t *j, const struct sg_event *ev)
{
	return json_object_set_new(j, "status", json_integer(ev->status));
}

/* As `questions` names it; 0 = the request was no question that can be learned. */
static int add_question(json_t *j, const struct sg_event *ev)
{
	char hash[20];

	snprintf(hash, sizeof(hash), "%016llx", (unsigned long long)ev->question);
	return json_object_set_new(j, "question", ev->question ? json_string(hash) : json_null());
}

static int add_answer(json_t *j, const struct sg_event *ev)
{
	return add_status(j, ev) |
	       json_object_set_new(j, "latency_seconds",
				   sg_json_seconds(ev->latency_us * SG_NS_PER_US));
}

/* A record that tells no class tells no priority either. */
static int add_class(json_t *j, const struct sg_event *ev)
{
	if (ev->request_class == SG_REQUEST_NONE)
		return 0;
	return json_object_set_new(j, "class", json_string(sg_label_class(ev->request_class))) |
	       json_object_set_new(j, "priority", json_string(sg_label_priority(ev->priority)));
}

/* Kinds of intercept: what each has beside the common keys. */
static int add_intercept(json_t *j, const struct sg_event *ev)
{
	switch (ev->kind) {
	case SG_EVENT_HELD:
	case SG_EVENT_REPLAY:
	case SG_EVENT_MISMATCH:
		return add_class(j, ev);
	case SG_EVENT_QUESTION:
		return add_question(j, ev);
	case SG_EVENT_EDGE:
		return add_class(j, ev) | add_status(j, ev) | add_question(j, ev);
	default:
		return 0;
	}
}

json_t *sg_events_json(const struct sg_events_entry *entry, const struct sg_service_names *names)
{
	const struct sg_event *ev = &entry->event;
	struct sg_addr client = client_of(ev);
	_cleanup_json_ json_t *j = json_object();
	int bad = json_object_set_new(j, "number", json_integer(entry->number)) |
		  json_object_set_new(j, "time", sg_json_seconds(entry->time_ns)) |
		  json_object_set_new(j, "event", json_string(sg_label_event(ev->kind))) |
		  json_object_set_new(j, "service", sg_json_text(service_of(ev, names))) |
		  json_object_set_new(j, "client", sg_json_addr(&client)) |
		  json_object_set_new(j, "port", json_integer(ntohs(ev->client_port))) |
		  json_object_set_new(j, "sampled", json_integer(ev->sampled));

	if (ev->kind == SG_EVENT_REFUSED)
		bad |= add_decision(j, ev);
	if (ev->kind == SG_EVENT_REQUEST || ev->kind == SG_EVENT_ANSWER)
		bad |= add_request(j, ev);
	if (ev->kind == SG_EVENT_ANSWER)
		bad |= add_answer(j, ev);
	bad |= add_intercept(j, ev);
	return bad ? NULL : json_incref(j);
}

json_t *sg_events_list(const struct sg_events *e, const struct sg_service_names *names,
		       size_t limit, const struct sg_addr_prefix *prefix)
{
	_cleanup_json_ json_t *list = json_array();
	__u64 oldest = sg_events_oldest(e);

	if (!list)
		return NULL;
	for (__u64 n = e->next; n >= oldest && json_array_size(list) < limit; n--) {
		const struct sg_events_entry *entry = sg_events_get(e, n);
		struct sg_addr client = client_of(&entry->event);

		if (prefix && !sg_prefix_contains(prefix, &client))
			continue;
		if (json_array_insert_new(list, 0, sg_events_json(entry, names)))
			return NULL;
	}
	return json_incref(list);
}

const char *sg_events_time(__u64 time_ns, char text[static SG_TIME_TEXT])
{
	time_t seconds = time_ns / SG_NS_PER_S;
	struct tm tm = {0};
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(text, SG_TIME_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, SG_TIME_TEXT - n, ".%03uZ",
		 (unsigned int)(time_ns % SG_NS_PER_S / SG_NS_PER_MS));
	return text;
}

size_t sg_events_request_line(const struct sg_events_entry *entry,
			      const struct sg_service_names *names,
			      char line[static SG_REQUEST_LINE_MAX])
{
	const struct sg_event *ev = &entry->event;
	struct sg_addr client = client_of(ev);
	char time_text[SG_TIME_TEXT], address[SG_ADDR_TEXT];
	int n;

	if (ev->kind != SG_EVENT_REQUEST)
		return 0;
	/* A service's name has no character that JSON would escape (the configuration sees to it). */
	n = snprintf(line, SG_REQUEST_LINE_MAX,
		     "{\"time\":\"%s\",\"service\":\"%s\",\"client\":\"%s\",\"port\":%u,"
		     "\"class\":\"%s\",\"request\":%u,\"sampled\":%u}\n",
		     sg_events_time(entry->time_ns, time_text), service_of(ev, names),
		     sg_addr_format(&client, address), ntohs(ev->client_port),
		     sg_label_class(ev->request_class), ev->request_number, ev->sampled);
	return n > 0 && n < SG_REQUEST_LINE_MAX ? (size_t)n : 0;
}
