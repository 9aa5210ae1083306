/* SPDX-License-Identifier: GPL-2.0-only */
/* What Prometheus reads: a pure formatter from snapshot to text, and a small HTTP server that gives
 * out the last text published. The server never looks at the guard, so no scrape, however many or
 * however slow, can hold anything up.
 */
#ifndef SG_EXPORT_PROM_H
#define SG_EXPORT_PROM_H

#include <stddef.h>
#include <time.h>

#include "../daemon/snapshot.h"

/* Up to this many services every metric is told for each; with more, what serves diagnosis is told
 * summed over them (service="all", verdicts by reason only), so that the series stay bounded.
 */
#define SG_PROM_DETAILED_SERVICES 2
#define SG_PROM_SERIES_MAX        500

/* Formats *snap in the Prometheus text format 0.0.4. Pure: no clock, no file. On success *text (with
 * a NUL behind its *len bytes) is the caller's, freed with free(). Returns 0 or -ENOMEM.
 */
int sg_prom_format(const struct sg_snapshot *snap, char **text, size_t *len);

struct sg_prom_http;

/* Serves GET and HEAD of "/metrics" and "/" on listen ("127.0.0.1:9834", "[::1]:9834"; borrowed) from
 * a thread of its own. Until the first publish /metrics answers 503. Returns 0 or a negative errno
 * (-EINVAL: no address, -EADDRINUSE, ...), with one message logged; *ret is untouched then.
 */
int sg_prom_http_start(const char *listen, struct sg_prom_http **ret);

/* Makes text (malloc'ed, len bytes) what is served from now on; takes ownership, also on failure
 * (out of memory: the old text stays). Call it regularly: it also ends connections that are too old.
 */
void sg_prom_http_publish(struct sg_prom_http *http, char *text, size_t len);

/* However busy a connection is, it ends after this: who sends a byte every 9 s is not idle. */
#define SG_PROM_HTTP_LIFE_MAX_S 30

/* Ends the connections that are too old at now_s (CLOCK_MONOTONIC); publish calls it. */
void sg_prom_http_expire(struct sg_prom_http *http, time_t now_s);

/* Stops the thread and frees everything. NULL is allowed. */
void sg_prom_http_stop(struct sg_prom_http *http);

#endif
