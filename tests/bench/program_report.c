// SPDX-License-Identifier: GPL-2.0-only
/* What was wanted and what was found: a table for people, a file for programs. */
#include <jansson.h>
#include <sys/utsname.h>
#include <time.h>

#include "program.h"

enum bound_kind {
	BOUND_NONE,
	BOUND_NS,        /* factor ns */
	BOUND_REFERENCE, /* factor times the reference `other` of this row */
	BOUND_ROW,       /* factor times the guard's own row `other` */
	BOUND_ROW_PLUS,  /* the guard's own row `other` and factor ns */
	BOUND_ONE_CPU,   /* factor times the same row on one CPU */
};

struct bound {
	enum bound_kind kind;
	double factor;
	const char *other;
};

/* What is asked of a row, or of the difference of two rows by bytes. */
struct check {
	const char *row, *says;
	struct bound must, aim;
	const char *less; /* row taken off, and bytes it has less: the figure is ns a byte */
	int bytes;
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
	{.row = "flood-1m", .must = NS(250), .aim = NS(80)},
	{.row = "flood-1m",
	 .says = "the same, beside 1 k sources",
	 .must = TIMES_ROW(3, "flood-1k"),
	 .aim = TIMES_ROW(1.3, "flood-1k")},
	{.row = "admitted", .must = TIMES(3, G), .aim = TIMES(2, G)},
	{.row = "admitted-new", .must = TIMES(3, G), .aim = TIMES(2, G)},
	{.row = "ack-1", .must = NS(100), .aim = TIMES(1.2, CJ)},
	{.row = "ack-1k", .must = NS(100), .aim = TIMES(1.2, CJ)},
	{.row = "request", .must = PLUS(40, "ack-1"), .aim = PLUS(15, "ack-1")},
	{.row = "request-each", .must = PLUS(40, "ack-each"), .aim = PLUS(15, "ack-each")},
};

#define CHECKS (sizeof(checks) / sizeof(*checks))

/* Noise on a shared machine: a must counts as missed for --check only if the guard's lower quartile lies this
 * far above the bound, which is made of the other side's upper quartile.
 */
#define NOISE_FACTOR 1.15
#define NOISE_NS     5.0

/* A bound in ns per packet (or byte) by the other side's median, and by its upper quartile. */
struct limit {
	bool known;
	double ns, lenient_ns;
};

static const struct measurement *find_row(const struct measurement *all, int count, const char *id)
{
	for (int i = 0; i < count; i++)
		if (!strcmp(all[i].row->id, id))
			return &all[i];
	return NULL;
}

static struct limit times(const struct quartiles *q, double factor, double plus_ns)
{
	if (!q)
		return (struct limit){};
	return (struct limit){true, q->median * factor + plus_ns, q->high * factor + plus_ns};
}

static struct limit limit_of(const struct bound *b, const struct measurement *m,
			     const struct measurement *all, int count, int object)
{
	const struct measurement *other = b->other ? find_row(all, count, b->other) : NULL;

	switch (b->kind) {
	case BOUND_NONE:
		break;
	case BOUND_NS:
		return (struct limit){true, b->factor, b->factor};
	case BOUND_REFERENCE:
		return times(measured(m, b->other, 0, 1), b->factor, 0);
	case BOUND_ROW:
		return times(other ? measured(other, NULL, object, 1) : NULL, b->factor, 0);
	case BOUND_ROW_PLUS:
		return times(other ? measured(other, NULL, object, 1) : NULL, 1, b->factor);
	case BOUND_ONE_CPU:
		return times(measured(m, NULL, object, 1), b->factor, 0);
	}
	return (struct limit){};
}

static bool figure_of(const struct check *c, const struct measurement *all, int count, int object,
		      struct quartiles *ret)
{
	const struct measurement *m = find_row(all, count, c->row);
	const struct measurement *less = c->less ? find_row(all, count, c->less) : NULL;
	const struct quartiles *q, *l;

	if (!m || (c->less && !less))
		return false;
	q = measured(m, NULL, object, c->must.kind == BOUND_ONE_CPU ? 2 : 1);
	l = less ? measured(less, NULL, object, 1) : NULL;
	if (!q || (less && !l))
		return false;
	*ret = *q;
	if (l)
		*ret = (struct quartiles){(q->low - l->high) / c->bytes,
					  (q->median - l->median) / c->bytes,
					  (q->high - l->low) / c->bytes};
	return true;
}

static void print_bound(const struct limit *l, double figure)
{
	if (!l->known)
		printf(" - |");
	else
		printf(" %.1f %s |", l->ns, figure <= l->ns ? "ok" : "MISSED");
}

static const char *row_says(const struct check *c, const struct measurement *m)
{
	return c->says ? c->says : m->row->says;
}

/* One line of the table. Returns 1 when the must is missed beyond noise. */
static int print_check(const struct check *c, const struct measurement *all, int count, int object,
		       const char *label)
{
	const struct measurement *m = find_row(all, count, c->row);
	struct limit must = limit_of(&c->must, m, all, count, object);
	struct limit aim = limit_of(&c->aim, m, all, count, object);
	struct quartiles q;

	if (!figure_of(c, all, count, object, &q))
		return 0;
	printf("| %s | %s | %.1f | %.1f-%.1f |", row_says(c, m), label, q.median, q.low, q.high);
	print_bound(&must, q.median);
	print_bound(&aim, q.median);
	for (int i = 0; i < m->count && !c->less && c->must.kind != BOUND_ONE_CPU; i++)
		if (m->subjects[i].base >= 0 && m->subjects[i].object < 0)
			printf(" %s %.1f (x %.2f)", m->subjects[i].label,
			       m->subjects[i].net[0].median,
			       q.median / m->subjects[i].net[0].median);
	if (c->must.kind == BOUND_ONE_CPU)
		printf(" one CPU %.1f (x %.2f)", measured(m, NULL, object, 1)->median,
		       q.median / measured(m, NULL, object, 1)->median);
	printf(" |\n");
	return must.known && q.low > must.lenient_ns * NOISE_FACTOR &&
	       q.low > must.lenient_ns + NOISE_NS;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Rows without a bound, and those that failed. */
static void print_others(const struct options *opt, const struct measurement *all, int count)
{
	for (int i = 0; i < count; i++) {
		const struct measurement *m = &all[i];
		bool checked = false;

		for (size_t c = 0; c < CHECKS; c++)
			checked |= !strcmp(checks[c].row, m->row->id);
		if (m->failure[0])
			printf("| %s | | FAILED: %s | | | | |\n", m->row->says, m->failure);
		for (int o = 0; !checked && !m->failure[0] && o < opt->object_count; o++) {
			const struct check none = {.row = m->row->id};

			print_check(&none, all, count, o, base_name(opt->objects[o]));
		}
	}
}

int report(const struct options *opt, const struct machine *machine, const struct measurement *all,
	   int count)
{
	int missed = 0;

	(void)machine;
	printf("| row | object | net ns | quartiles | must | aim | beside |\n"
	       "| --- | --- | --- | --- | --- | --- | --- |\n");
	for (size_t c = 0; c < CHECKS; c++)
		for (int o = 0; find_row(all, count, checks[c].row) && o < opt->object_count; o++)
			missed +=
				print_check(&checks[c], all, count, o, base_name(opt->objects[o]));
	print_others(opt, all, count);
	return missed;
}
