// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <arpa/inet.h>

#include "events.h"
#include "labels.h"
#include "../util/json.h"
#include "../util/units.h"

static const struct sg_events_entry *keep(struct sg_events *e, __u32 kind,
					  struct sg_events_entry entry)
{
	struct sg_events_ring *ring = &e->rings[kind];
	struct sg_events_entry *at = &ring->entries[ring->count++ % SG_EVENTS_KEPT];

	entry.number = ++e->next;
	*at = entry;
	return at;
}

const struct sg_events_entry *sg_events_add(struct sg_events *e, const struct sg_event *event,
					    __u64 time_ns)
{
	return keep(e, event->kind < SG_EVENT_MAX_ ? event->kind : SG_EVENT_MAX_,
		    (struct sg_events_entry){.time_ns = time_ns, .event = *event});
}

const struct sg_events_entry *sg_events_note(struct sg_events *e, enum sg_events_own own,
					     __u32 service, const char *state, __u32 times,
					     __u64 time_ns)
{
	return keep(e, SG_EVENT_MAX_ + own,
		    (struct sg_events_entry){.time_ns = time_ns,
					     .event = {.service = service, .sampled = times},
					     .own = own,
					     .state = state});
}

static const char *kind_of(const struct sg_events_entry *entry)
{
	static const char *const own[SG_EVENTS_OWN_MAX_] = {
		[SG_EVENTS_MODE] = "mode",
		[SG_EVENTS_BYPASS] = "bypass",
		[SG_EVENTS_SHADOW] = "shadow",
		[SG_EVENTS_UNLEARNED] = "unlearned",
	};

	return entry->own ? own[entry->own] : sg_label_event(entry->event.kind);
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
		return add_class(j, ev) | (ev->status ? add_status(j, ev) : 0) |
		       (ev->question ? add_question(j, ev) : 0);
	default:
		return 0;
	}
}

static int add_client(json_t *j, const struct sg_event *ev)
{
	struct sg_addr client = client_of(ev);

	return json_object_set_new(j, "client", sg_json_addr(&client)) |
	       json_object_set_new(j, "port", json_integer(ntohs(ev->client_port)));
}

/* What is about no client. */
static int add_own(json_t *j, const struct sg_events_entry *entry)
{
	return entry->state ? json_object_set_new(j, "state", json_string(entry->state)) : 0;
}

/* What records of the program have. */
static int add_record(json_t *j, const struct sg_event *ev)
{
	int bad = add_client(j, ev);

	if (ev->kind == SG_EVENT_REFUSED)
		bad |= add_decision(j, ev);
	if (ev->kind == SG_EVENT_REQUEST || ev->kind == SG_EVENT_ANSWER)
		bad |= add_request(j, ev);
	if (ev->kind == SG_EVENT_ANSWER)
		bad |= add_answer(j, ev);
	return bad | add_intercept(j, ev);
}

json_t *sg_events_json(const struct sg_events_entry *entry, const struct sg_service_names *names)
{
	const struct sg_event *ev = &entry->event;
	_cleanup_json_ json_t *j = json_object();
	int bad = json_object_set_new(j, "number", json_integer(entry->number)) |
		  json_object_set_new(j, "time", sg_json_seconds(entry->time_ns)) |
		  json_object_set_new(j, "event", json_string(kind_of(entry))) |
		  json_object_set_new(j, "sampled", json_integer(ev->sampled));

	if (!entry->own || ev->service < SG_SERVICES)
		bad |= json_object_set_new(j, "service", sg_json_text(service_of(ev, names)));
	bad |= entry->own ? add_own(j, entry) : add_record(j, ev);
	return bad ? NULL : json_incref(j);
}

/* ---- The list ---- */

/* One ring, read from its newest entry on. */
struct reader {
	const struct sg_events_ring *ring;
	__u64 read;                         /* entries looked at */
	__u32 taken;                        /* of them, in the list */
	const struct sg_events_entry *next; /* the next one that belongs there, or NULL */
};

static bool belongs(const struct sg_events_entry *entry, const struct sg_addr_prefix *prefix)
{
	struct sg_addr client = client_of(&entry->event);

	return !prefix || (!entry->own && sg_prefix_contains(prefix, &client));
}

static void read_next(struct reader *r, const struct sg_addr_prefix *prefix)
{
	const __u64 count = r->ring->count;

	r->next = NULL;
	while (!r->next && r->read < count && r->read < SG_EVENTS_KEPT) {
		const struct sg_events_entry *entry =
			&r->ring->entries[(count - ++r->read) % SG_EVENTS_KEPT];

		if (belongs(entry, prefix))
			r->next = entry;
	}
}

/* Whose kind has the fewest in the list; of several the newest. NULL: there are no more. */
static struct reader *choose(struct reader readers[SG_EVENTS_KINDS])
{
	struct reader *best = NULL;

	for (int k = 0; k < SG_EVENTS_KINDS; k++) {
		struct reader *r = &readers[k];

		if (r->next && (!best || r->taken < best->taken ||
				(r->taken == best->taken && r->next->number > best->next->number)))
			best = r;
	}
	return best;
}

struct chosen {
	const struct sg_events_entry *entry;
};

static int by_number(const void *a, const void *b)
{
	const struct chosen *x = a, *y = b;

	return x->entry->number < y->entry->number ? -1 : x->entry->number > y->entry->number;
}

json_t *sg_events_list(const struct sg_events *e, const struct sg_service_names *names,
		       size_t limit, const struct sg_addr_prefix *prefix)
{
	struct chosen chosen[SG_EVENTS_LISTED] = {{NULL}};
	struct reader readers[SG_EVENTS_KINDS], *r;
	_cleanup_json_ json_t *list = json_array();
	size_t count = 0;
	int bad = 0;

	for (int k = 0; k < SG_EVENTS_KINDS; k++) {
		readers[k] = (struct reader){.ring = &e->rings[k]};
		read_next(&readers[k], prefix);
	}
	while (count < limit && count < SG_EVENTS_LISTED && (r = choose(readers))) {
		chosen[count++].entry = r->next;
		r->taken++;
		read_next(r, prefix);
	}
	qsort(chosen, count, sizeof(*chosen), by_number);
	for (size_t i = 0; i < count; i++)
		bad |= json_array_append_new(list, sg_events_json(chosen[i].entry, names));
	return bad ? NULL : json_incref(list);
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

	if (entry->own || ev->kind != SG_EVENT_REQUEST)
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
