// SPDX-License-Identifier: GPL-2.0-only
/* What is asked of each row: a must and an aim, and whether they are met. */
#include "program.h"

enum bound_kind {
	BOUND_NONE,
	BOUND_NS,        /* factor ns */
	BOUND_REFERENCE, /* factor times the reference `other` of this row */
	BOUND_ROW,       /* factor times the guard's own row `other` */
	BOUND_ROW_PLUS,  /* the guard's own row `other` and factor ns */
	BOUND_ONE_CPU, /* factor times the same row on one CPU; the figure is that of two at once */
};

struct bound {
	enum bound_kind kind;
	double factor;
	const char *other;
};

struct check {
	const char *row, *says; /* NULL: the row's own words */
	struct bound must, aim;
	const char
		*less; /* row that is taken off; the figure is then ns a byte of the difference */
};

#define NS(x)                     \
	{                         \
		BOUND_NS, x, NULL \
	}
#define TIMES(x, name)                   \
	{                                \
		BOUND_REFERENCE, x, name \
	}
#define TIMES_ROW(x, id)         \
	{                        \
		BOUND_ROW, x, id \
	}
#define PLUS(x, id)                   \
	{                             \
		BOUND_ROW_PLUS, x, id \
	}
#define ONE_CPU(x)                     \
	{                              \
		BOUND_ONE_CPU, x, NULL \
	}
#define G  "limiter_lru"
#define S  "limiter_sets"
#define CJ "lookup"

static const struct check checks[] = {
	{.row = "unrelated", .must = TIMES(4, "parse"), .aim = TIMES(2.5, "parse")},
	{.row = "refused-1", .must = TIMES(1.25, G), .aim = TIMES(3, S)},
	{.row = "refused-1k", .must = TIMES(1.25, G), .aim = TIMES(3, S)},
	{.row = "refused-1k-v6",
	 .says = "SYN refused per source, IPv6 beside IPv4",
	 .must = TIMES_ROW(1.35, "refused-1k"),
	 .aim = TIMES_ROW(1.1, "refused-1k")},
	{.row = "refused-1k-vlan",
	 .says = "SYN refused per source, one VLAN tag beside none",
	 .must = TIMES_ROW(1.35, "refused-1k"),
	 .aim = TIMES_ROW(1.1, "refused-1k")},
	{.row = "refused-1k-two",
	 .says = "SYN refused per source, two CPUs at once",
	 .must = ONE_CPU(1.5),
	 .aim = ONE_CPU(1.1)},
	{.row = "flood-1m", .must = NS(250), .aim = NS(80)},
	{.row = "flood-1m",
	 .says = "the same, beside 1 k sources",
	 .must = TIMES_ROW(3, "flood-1k"),
	 .aim = TIMES_ROW(1.3, "flood-1k")},
	{.row = "flood-1m-two",
	 .says = "the same, two CPUs at once",
	 .must = ONE_CPU(1.5),
	 .aim = ONE_CPU(1.1)},
	{.row = "admitted", .must = TIMES(3, G), .aim = TIMES(2, G)},
	{.row = "admitted-new", .must = TIMES(3, G), .aim = TIMES(2, G)},
	{.row = "ack-1", .must = NS(100), .aim = TIMES(1.2, CJ)},
	{.row = "ack-1k", .must = NS(100), .aim = TIMES(1.2, CJ)},
	{.row = "ack-1-v6",
	 .says = "established ACK, IPv6 beside IPv4",
	 .must = TIMES_ROW(1.35, "ack-1"),
	 .aim = TIMES_ROW(1.1, "ack-1")},
	{.row = "ack-1-vlan",
	 .says = "established ACK, one VLAN tag beside none",
	 .must = TIMES_ROW(1.35, "ack-1"),
	 .aim = TIMES_ROW(1.1, "ack-1")},
	{.row = "ack-two", .must = ONE_CPU(1.5), .aim = ONE_CPU(1.1)},
	{.row = "request", .must = PLUS(40, "ack-1"), .aim = PLUS(15, "ack-1")},
	{.row = "request-1k", .must = PLUS(40, "ack-1k"), .aim = PLUS(15, "ack-1k")},
	{.row = "request-kept", .must = PLUS(40, "ack-1"), .aim = PLUS(15, "ack-1")},
	{.row = "dfa-base64-1460",
	 .says = "request line with base64 message, ns a byte",
	 .must = NS(12),
	 .aim = NS(6),
	 .less = "dfa-base64-230"},
	{.row = "dfa-escapes-1460",
	 .says = "request line percent-encoded, ns a byte",
	 .must = NS(12),
	 .aim = NS(6),
	 .less = "dfa-escapes-230"},
	{.row = "dfa-head-1460",
	 .says = "header fields behind a line, ns a byte",
	 .must = NS(12),
	 .aim = NS(6),
	 .less = "dfa-head-230"},
	{.row = "dfa-base64-1460", .must = NS(10000)},
	{.row = "dfa-escapes-1460", .must = NS(10000)},
	{.row = "dfa-head-1460", .must = NS(10000)},
};

#define CHECKS (sizeof(checks) / sizeof(*checks))

/* Noise on a shared machine: a must counts as missed for --check only if the guard's lower quartile lies
 * so far above the bound, and the bound is made of the other side's upper quartile.
 */
#define NOISE_FACTOR 1.15
#define NOISE_NS     2.0

static const struct measurement *find_row(const struct measurement *all, int count, const char *id)
{
	for (int i = 0; id && i < count; i++)
		if (!strcmp(all[i].row->id, id))
			return &all[i];
	return NULL;
}

static struct limit limit_from(const struct quartiles *q, double factor, double plus_ns)
{
	if (!q)
		return (struct limit){};
	return (struct limit){true, q->median * factor + plus_ns, q->high * factor + plus_ns};
}

static const struct quartiles *own_row(const struct measurement *all, int count, const char *id,
				       int object)
{
	const struct measurement *m = find_row(all, count, id);

	return m ? measured(m, NULL, object, 1) : NULL;
}

static struct limit limit_of(const struct bound *b, const struct measurement *m,
			     const struct measurement *all, int count, int object)
{
	switch (b->kind) {
	case BOUND_NONE:
		break;
	case BOUND_NS:
		return (struct limit){true, b->factor, b->factor};
	case BOUND_REFERENCE:
		return limit_from(measured(m, b->other, 0, 1), b->factor, 0);
	case BOUND_ROW:
		return limit_from(own_row(all, count, b->other, object), b->factor, 0);
	case BOUND_ROW_PLUS:
		return limit_from(own_row(all, count, b->other, object), 1, b->factor);
	case BOUND_ONE_CPU:
		return limit_from(measured(m, NULL, object, 1), b->factor, 0);
	}
	return (struct limit){};
}

static struct quartiles per_byte(const struct quartiles *more, const struct quartiles *less,
				 size_t bytes)
{
	return (struct quartiles){(more->low - less->high) / bytes,
				  (more->median - less->median) / bytes,
				  (more->high - less->low) / bytes};
}

static bool result_of(const struct check *c, const struct measurement *all, int count, int object,
		      struct result *out)
{
	const struct measurement *m = find_row(all, count, c->row), *less;
	const struct quartiles *q, *taken_off;

	if (!m)
		return false;
	*out = (struct result){.m = m,
			       .says = c->says ? c->says : m->row->says,
			       .object = object,
			       .cpus = c->must.kind == BOUND_ONE_CPU ? 2 : 1,
			       .per_byte = c->less};
	q = measured(m, NULL, object, out->cpus);
	if (!q)
		return false;
	out->figure = *q;
	if (c->less) {
		less = find_row(all, count, c->less);
		taken_off = own_row(all, count, c->less, object);
		if (!taken_off)
			return false;
		out->figure = per_byte(q, taken_off, m->frame.len - less->frame.len);
	}
	out->must = limit_of(&c->must, m, all, count, object);
	out->aim = limit_of(&c->aim, m, all, count, object);
	out->missed = out->must.known && q->low > 0 &&
		      out->figure.low > out->must.lenient_ns * NOISE_FACTOR &&
		      out->figure.low > out->must.lenient_ns + (c->less ? 0 : NOISE_NS);
	return true;
}

static bool is_checked(const struct measurement *m)
{
	for (size_t i = 0; i < CHECKS; i++)
		if (!strcmp(checks[i].row, m->row->id))
			return true;
	return false;
}

int results_of(const struct options *opt, const struct measurement *all, int count,
	       struct result *out, int max)
{
	int found = 0;

	for (size_t c = 0; c < CHECKS; c++)
		for (int o = 0; o < opt->object_count && found < max; o++)
			found += result_of(&checks[c], all, count, o, &out[found]);
	for (int i = 0; i < count; i++) {
		const struct check none = {.row = all[i].row->id};

		for (int o = 0; !is_checked(&all[i]) && o < opt->object_count && found < max; o++)
			found += result_of(&none, all, count, o, &out[found]);
	}
	return found;
}
