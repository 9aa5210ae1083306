/* SPDX-License-Identifier: GPL-2.0-only */
/* The last events of the program, kept for people, and the request log. Bounded: old ones go. Pure
 * but for the writing of the log.
 */
#ifndef SG_DAEMON_EVENTS_H
#define SG_DAEMON_EVENTS_H

#include <stddef.h>
#include <jansson.h>
#include <linux/types.h>

#include "../../bpf/abi/scepguard_abi.h"
#include "../config/config.h"

#define SG_EVENTS_KEPT 1000

/* Names by the number the program gives a service; "" = not in use. */
struct sg_service_names {
	char name[SG_SERVICES][SG_CONFIG_NAME_MAX];
};

struct sg_events_entry {
	__u64 number;  /* from 1, grows by one per event */
	__u64 time_ns; /* CLOCK_REALTIME */
	struct sg_event event;
};

/* All zero is empty. */
struct sg_events {
	__u64 next; /* number of the next event - 1 */
	struct sg_events_entry entries[SG_EVENTS_KEPT];
};

/* Keep one. Returns its entry, valid until SG_EVENTS_KEPT more have come. */
const struct sg_events_entry *sg_events_add(struct sg_events *e, const struct sg_event *event,
					    __u64 time_ns);

/* The entry with this number, or NULL when it is gone or yet to come. */
const struct sg_events_entry *sg_events_get(const struct sg_events *e, __u64 number);

/* Number of the oldest one kept; next + 1 when there is none. */
__u64 sg_events_oldest(const struct sg_events *e);

/* As docs/control-socket.md has it. New reference or NULL. */
json_t *sg_events_json(const struct sg_events_entry *entry, const struct sg_service_names *names);

/* The newest @limit events as a JSON list, oldest first; only those of clients inside @prefix
 * unless it is NULL. New reference or NULL.
 */
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
