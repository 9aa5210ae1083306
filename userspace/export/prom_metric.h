/* SPDX-License-Identifier: GPL-2.0-only */
/* Inside export/: the table of metrics and what its rows are written with. */
#ifndef SG_EXPORT_PROM_METRIC_H
#define SG_EXPORT_PROM_METRIC_H

#include <stdbool.h>
#include <stdio.h>

#include "prom.h"

/* What is told once per service, or once for the sum of all. */
struct sg_prom_detail {
	const char *service; /* label; "all" = summed */
	const struct sg_stats *stats;
	const __u32 *waiting; /* held requests by priority */
};

/* The snapshot as the rows look at it. Borrowed pointers. */
struct sg_prom_view {
	const struct sg_snapshot *snap;
	bool summed; /* more than SG_PROM_DETAILED_SERVICES */
	__u32 detail_count;
	struct sg_prom_detail detail[SG_PROM_DETAILED_SERVICES];
};

/* How the number at a row's offset is held and printed. */
enum sg_prom_kind {
	SG_PROM_NONE, /* the row's write() knows */
	SG_PROM_U32,
	SG_PROM_U64,
	SG_PROM_BOOL,
	SG_PROM_NS, /* nanoseconds, printed as seconds */
};

struct sg_prom_metric {
	const char *name; /* without "scepguard_" */
	const char *type; /* as in the TYPE line */
	const char *help; /* one line; no backslash */
	void (*write)(FILE *out, const struct sg_prom_metric *m, const struct sg_prom_view *view);
	size_t offset; /* in struct sg_snapshot, sg_snap_service or sg_stats, as write() says */
	enum sg_prom_kind kind;
};

extern const struct sg_prom_metric sg_prom_metrics[];
extern const size_t sg_prom_metric_count;

/* Rows that are one number: at offset in the snapshot, in each service, in each detail's stats. */
void sg_prom_write_global(FILE *out, const struct sg_prom_metric *m,
			  const struct sg_prom_view *view);
void sg_prom_write_service(FILE *out, const struct sg_prom_metric *m,
			   const struct sg_prom_view *view);
void sg_prom_write_detail(FILE *out, const struct sg_prom_metric *m,
			  const struct sg_prom_view *view);

/* Rows with labels of their own. */
void sg_prom_write_build(FILE *out, const struct sg_prom_metric *m,
			 const struct sg_prom_view *view);
void sg_prom_write_mode(FILE *out, const struct sg_prom_metric *m, const struct sg_prom_view *view);
void sg_prom_write_configured_mode(FILE *out, const struct sg_prom_metric *m,
				   const struct sg_prom_view *view);
void sg_prom_write_attached(FILE *out, const struct sg_prom_metric *m,
			    const struct sg_prom_view *view);
void sg_prom_write_passed(FILE *out, const struct sg_prom_metric *m,
			  const struct sg_prom_view *view);
void sg_prom_write_shadow(FILE *out, const struct sg_prom_metric *m,
			  const struct sg_prom_view *view);
void sg_prom_write_requests(FILE *out, const struct sg_prom_metric *m,
			    const struct sg_prom_view *view);
void sg_prom_write_answers(FILE *out, const struct sg_prom_metric *m,
			   const struct sg_prom_view *view);
void sg_prom_write_latency(FILE *out, const struct sg_prom_metric *m,
			   const struct sg_prom_view *view);
void sg_prom_write_verdicts(FILE *out, const struct sg_prom_metric *m,
			    const struct sg_prom_view *view);
void sg_prom_write_would(FILE *out, const struct sg_prom_metric *m,
			 const struct sg_prom_view *view);

/* Rows of intercept. */
void sg_prom_write_cookies(FILE *out, const struct sg_prom_metric *m,
			   const struct sg_prom_view *view);
void sg_prom_write_edge_answers(FILE *out, const struct sg_prom_metric *m,
				const struct sg_prom_view *view);
void sg_prom_write_question_changes(FILE *out, const struct sg_prom_metric *m,
				    const struct sg_prom_view *view);
void sg_prom_write_held(FILE *out, const struct sg_prom_metric *m, const struct sg_prom_view *view);
void sg_prom_write_hold(FILE *out, const struct sg_prom_metric *m, const struct sg_prom_view *view);

/* "scepguard_NAMESUFFIX{service="SERVICE"": further labels and "} VALUE" are the caller's. */
void sg_prom_open_service(FILE *out, const struct sg_prom_metric *m, const char *suffix,
			  const char *service);

/* A label's value with backslash, quote and newline escaped. */
void sg_prom_write_escaped(FILE *out, const char *value);
/* Nanoseconds as decimal seconds, exact, without trailing zeros. */
void sg_prom_write_seconds(FILE *out, __u64 ns);

#endif
