/* SPDX-License-Identifier: GPL-2.0-only */
/* The last events of the program and of the daemon, kept for people, and the request log. Bounded: of each kind old
 * ones go, so what comes thousands of times a minute leaves the rare ones where they are. Pure but for the
 * writing of the log.
 */
#ifndef SG_DAEMON_EVENTS_H
#define SG_DAEMON_EVENTS_H

#include <stddef.h>
#include <jansson.h>
#include <linux/types.h>

#include "../../bpf/abi/scepguard_abi.h"
#include "../config/config.h"

/* Of each kind. */
#define SG_EVENTS_KEPT 250

/* What only the daemon knows. */
enum sg_events_own {
	SG_EVENTS_RECORD, /* nothing of the daemon's: a record of the program */
	SG_EVENTS_MODE,
	SG_EVENTS_BYPASS,
	SG_EVENTS_SHADOW,
	SG_EVENTS_UNLEARNED,
	SG_EVENTS_OWN_MAX_,
};

/* The program's kinds, the daemon's own, and one for records of another version. */
#define SG_EVENTS_KINDS (SG_EVENT_MAX_ + SG_EVENTS_OWN_MAX_)

/* Names by the number the program gives a service; "" = not in use. */
struct sg_service_names {
	char name[SG_SERVICES][SG_CONFIG_NAME_MAX];
};

struct sg_events_entry {
	__u64 number;  /* from 1, grows by one per event */
	__u64 time_ns; /* CLOCK_REALTIME */
	struct sg_event event;
	enum sg_events_own own; /* of the event then only service and sampled are set */
	const char *state;      /* own: a label that lives for ever, or NULL */
};

struct sg_events_ring {
	__u64 count; /* ever */
	struct sg_events_entry entries[SG_EVENTS_KEPT];
};

/* All zero is empty. */
struct sg_events {
	__u64 next; /* number of the next event - 1 */
	struct sg_events_ring rings[SG_EVENTS_KINDS];
};

/* Keep one. Returns its entry, valid until SG_EVENTS_KEPT more of its kind have come. */
const struct sg_events_entry *sg_events_add(struct sg_events *e, const struct sg_event *event,
					    __u64 time_ns);

/* Keep one of the daemon's own. service: as the program numbers it, SG_SERVICES = it is about all. times: it stands for so
 * many. Returns as above.
 */
const struct sg_events_entry *sg_events_note(struct sg_events *e, enum sg_events_own own,
					     __u32 service, const char *state, __u32 times,
					     __u64 time_ns);

/* As docs/control-socket.md has it. New reference or NULL. */
json_t *sg_events_json(const struct sg_events_entry *entry, const struct sg_service_names *names);

/* Events as a JSON list, oldest first, @limit at most (up to SG_EVENTS_LISTED): of each kind the newest, and of
 * each as many as of the others, as far as there are. Only those of clients inside @prefix unless it is NULL. New
 * reference or NULL.
 */
#define SG_EVENTS_LISTED 1000
json_t *sg_events_list(const struct sg_events *e, const struct sg_service_names *names,
		       size_t limit, const struct sg_addr_prefix *prefix);

/* One line of the request log, newline included, into @line. Returns its length, 0 when the event is
 * not of that kind.
 */
#define SG_REQUEST_LINE_MAX 384
size_t sg_events_request_line(const struct sg_events_entry *entry,
			      const struct sg_service_names *names,
			      char line[static SG_REQUEST_LINE_MAX]);

/* "2026-11-23T11:31:15.123Z" into @text of SG_TIME_TEXT; returns @text. */
#define SG_TIME_TEXT 40
const char *sg_events_time(__u64 time_ns, char text[static SG_TIME_TEXT]);

#endif
