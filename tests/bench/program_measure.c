// SPDX-License-Identifier: GPL-2.0-only
/* Rounds: everything a group of rows compares runs in turn, each behind a front program of its own. A figure
 * counts only if the guard's own counters say that every packet took the way its row is about.
 */
#include "program.h"

#define RUNS_MAX 16

static int fail(struct measurement *m, const char *text)
{
	snprintf(m->failure, sizeof(m->failure), "%s", text);
	return -EPROTO;
}

static bool right_action(const struct row *row, const struct subject *s, __u32 action)
{
	if (!strcmp(s->label, "drop"))
		return action == XDP_DROP;
	if (s->object < 0 && row->any_action)
		return action == XDP_DROP || action == XDP_PASS;
	return action == (__u32)row->action;
}

static struct run run_of(const struct machine *machine, const struct measurement *m,
			 const struct subject *s, __u64 repeat)
{
	return (struct run){.fd = bpf_program__fd(s->front->progs.front),
			    .frame = m->frame.bytes,
			    .len = m->frame.len,
			    .repeat = (__u32)repeat,
			    .ifindex = m->row->frame == FRAME_ANSWER ? machine->ca_if
								     : machine->client_if};
}

/* A run too short to be timed from outside: the kernel sleeps before and after each, and caches grow cold. The
 * front looks at the clock after the packets that warm up and at the end.
 */
static int run_stamped(const struct measurement *m, const struct subject *s, struct run *run,
		       double *ns, __u32 *action)
{
	struct front_count *count = &s->front->bss->counts[0];
	int err;

	count->stamp_at[0] = count->packets + m->row->warm;
	count->stamp_at[1] = count->stamp_at[0] + m->row->repeat;
	run->repeat = row_sent(m->row);
	err = run_program(run, NULL, action);
	*ns = (double)(count->stamp_ns[1] - count->stamp_ns[0]) / m->row->repeat;
	return err;
}

static int run_timed(const struct machine *machine, struct measurement *m, const struct subject *s,
		     int cpus, double *ns)
{
	struct run run = run_of(machine, m, s, m->row->repeat);
	__u32 action = XDP_ABORTED;
	int err;

	if (m->row->warm)
		err = run_stamped(m, s, &run, ns, &action);
	else
		err = cpus == 2 ? run_twice(&run, ns, &action) : run_program(&run, ns, &action);
	if (err || right_action(m->row, s, action))
		return err;
	snprintf(m->failure, sizeof(m->failure), "%.40s: the last packet's action was %u", s->label,
		 action);
	return -EPROTO;
}

static int run_read(const struct machine *machine, struct measurement *m, const struct subject *s,
		    int cpus, double *ns)
{
	int err = guard_reader_start(s->guard);

	if (err)
		return err;
	err = run_timed(machine, m, s, cpus, ns);
	guard_reader_stop(s->guard);
	return err;
}

/* A run of the guard: state, counters, run, counters. */
static int run_guard(const struct machine *machine, struct measurement *m, const struct subject *s,
		     int cpus, double *ns)
{
	const struct row *row = m->row;
	const __u64 first = s->front->bss->counts[0].packets;
	const __u64 sent = (__u64)row_sent(row) * cpus;
	struct guard_counts before, after;
	int err = row->state->before ? row->state->before(s->guard, row) : 0;
	__u64 took;

	err = err ? err : guard_count(s->guard, &before);
	if (!err)
		err = row->reader ? run_read(machine, m, s, cpus, ns)
				  : run_timed(machine, m, s, cpus, ns);
	err = err ? err : guard_count(s->guard, &after);
	guard_read_events(s->guard);
	if (!err && row->state->after)
		err = row->state->after(s->guard, row, first, sent);
	if (err)
		return err;
	took = row->state->took(&after) - row->state->took(&before);
	if (took == sent)
		return 0;
	snprintf(m->failure, sizeof(m->failure), "%.40s: %llu of %llu packets took the way meant",
		 s->label, (unsigned long long)took, (unsigned long long)sent);
	return -EPROTO;
}

static int run_subject(const struct machine *machine, struct measurement *m,
		       const struct subject *s, int cpus, double *ns)
{
	return s->object >= 0 ? run_guard(machine, m, s, cpus, ns)
			      : run_timed(machine, m, s, cpus, ns);
}

/* One subject's sample of a round. */
static int sample(const struct machine *machine, struct measurement *m, struct subject *s, int cpus,
		  int round)
{
	const int runs = m->row->runs ? (int)m->row->runs : 1;
	double ns[RUNS_MAX];
	int err = 0;

	for (int i = 0; !err && i < runs; i++)
		err = run_subject(machine, m, s, cpus, &ns[i]);
	if (!err)
		s->gross[cpus - 1][round] = quartiles_of(ns, runs).median;
	return err;
}

/* Caches and tables as they will be. Of the references nobody asks yet what they did: the limiters' sources
 * first use up their bursts.
 */
static int warm_up(const struct machine *machine, struct measurement *m)
{
	const __u64 all = (m->row->any_action ? 2ull : 8ull) << m->row->shape.source_bits;
	int err = 0;

	for (int i = 0; !err && i < m->count; i++) {
		struct subject *s = &m->subjects[i];
		struct run run = run_of(machine, m, s, all > m->row->repeat ? all : m->row->repeat);
		__u32 action;
		double ns;

		if (s->object >= 0)
			err = run_subject(machine, m, s, 1, &ns);
		else if (m->row->two_cpus)
			err = run_twice(&run, &ns, &action);
		else
			err = run_program(&run, &ns, &action);
	}
	return err;
}

static int one_round(const struct machine *machine, struct measurement *m, int round)
{
	int err = 0;

	/* Another one begins each time: what follows a costly one finds colder caches. */
	for (int i = 0; !err && i < m->count; i++) {
		struct subject *s = &m->subjects[(i + round) % m->count];

		for (__u32 cpus = 1; !err && cpus <= row_cpus(m->row); cpus++)
			err = sample(machine, m, s, (int)cpus, round);
	}
	return err;
}

static void fill_net(struct measurement *m)
{
	for (int i = 0; i < m->count; i++) {
		struct subject *s = &m->subjects[i];

		for (__u32 cpus = 0; s->base >= 0 && cpus < row_cpus(m->row); cpus++) {
			const double *base = m->subjects[s->base].gross[cpus];
			double net[ROUNDS_MAX];

			for (int round = 0; round < m->rounds; round++)
				net[round] = s->gross[cpus][round] - base[round];
			s->net[cpus] = quartiles_of(net, m->rounds);
		}
	}
}

static void note(struct measurement *m, int err)
{
	if (err && !m->failure[0])
		fail(m, strerror(-err));
}

void measure_rows(const struct options *opt, const struct machine *machine,
		  struct measurement *group, int count)
{
	for (int i = 0; i < count; i++) {
		struct measurement *m = &group[i];

		m->rounds = opt->rounds;
		m->skipped = m->row->two_cpus && machine->cpus < CPUS_MAX;
		note(m, m->skipped ? fail(m, "only one CPU here") : subjects_load(opt, machine, m));
		if (!m->failure[0])
			note(m, warm_up(machine, m));
	}
	for (int round = 0; round < opt->rounds; round++)
		for (int i = 0; i < count; i++)
			if (!group[i].failure[0])
				note(&group[i], one_round(machine, &group[i], round));
	for (int i = 0; i < count; i++) {
		if (!group[i].failure[0])
			fill_net(&group[i]);
		subjects_free(&group[i]);
	}
}

const struct quartiles *measured(const struct measurement *m, const char *name, int object,
				 int cpus)
{
	for (int i = 0; !m->failure[0] && i < m->count; i++) {
		const struct subject *s = &m->subjects[i];

		if (s->base < 0)
			continue;
		if (name ? s->object < 0 && !strcmp(s->label, name) : s->object == object)
			return &s->net[cpus - 1];
	}
	return NULL;
}
