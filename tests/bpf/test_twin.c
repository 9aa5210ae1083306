// SPDX-License-Identifier: GPL-2.0-only
/* The native twin against the real object: the packet table, then generated inputs, a million by default
 * and 20 with SG_SOAK=1. Without root the twin goes alone, and the rest is skipped aloud.
 *
 *   test_twin [--seed S [--case N]] [--inputs N] [--native]
 *
 * --case: only this case of this seed, packet by packet, as a disagreement names it. TAP on standard
 * output, for scripts/run-unit.sh.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../twin/coverage.h"
#include "../twin/gen.h"
#include "../twin/invariants.h"
#include "../twin/kernel.h"
#include "../twin/scenes.h"

#define WORKERS 2
#define SEEDS   GEN_KINDS /* one of each kind of gen_sizes() */
#ifndef TWIN_INPUTS
#define TWIN_INPUTS 1000000ull
#endif
#define TWIN_INPUTS_SOAK (20 * TWIN_INPUTS)
/* Packets and other happenings of a case. */
#define CASE_STEPS_MIN  50
#define CASE_STEPS_MORE 500
/* In a million inputs everything must be reached so often. */
#define LEAST_A_MILLION 30

struct options {
	__u64 seed, only_case, inputs;
	bool one_case, native;
};

/* What a worker is doing, and has done: the parent reads it also when the worker has died. */
struct report {
	__u64 seed, number;
	struct coverage coverage;
};

static __u32 interfaces[WORLD_SIDES] = {11, 12, 13, 14};
static unsigned int tests;

static void result(bool good, const char *what, const char *skipped)
{
	printf("%sok %u - %s%s%s\n", good ? "" : "not ", ++tests, what, skipped ? " # SKIP " : "",
	       skipped ? skipped : "");
}

/* ---- one case ---- */

static void explain(const struct gen *g, __u64 seed, __u64 number, __u64 step)
{
	fprintf(stderr,
		"disagreement: seed %llu, case %llu, step %llu, packet %llu; again: --seed %llu "
		"--case %llu\n",
		seed, number, step, g->packets, seed, number);
	guards_print_frame("last frame", g->frame, g->frame_len);
	fprintf(stderr, "  on interface %u, tick %llu\n", g->frame_ifindex, g->world.ticks);
}

/* careful: compare all state, too. */
static bool run_step(struct gen *g, struct invariants *inv, bool careful, struct coverage *c)
{
	__u64 before = g->packets;
	const char *broken;

	if (!gen_step(g) || (careful && !guards_compare()))
		return false;
	if (g->packets != before)
		coverage_packet(c, g->frame, g->frame_len, &g->outcome);
	broken = invariants_step(inv, g, g->packets != before);
	if (!broken && careful)
		broken = invariants_end(inv);
	if (broken)
		fprintf(stderr, "broken: %s\n", broken);
	return !broken;
}

/* Run a case. careful: find the step at which it begins to differ. */
static bool run_case(__u64 seed, __u64 number, bool careful, struct coverage *c)
{
	static struct invariants inv;
	static struct gen g;
	struct dice dice = dice_of_seed(seed, number);
	__u64 steps = CASE_STEPS_MIN + dice_roll(&dice, CASE_STEPS_MORE);
	const char *broken;

	g.take = coverage_event;
	g.take_ctx = c;
	gen_begin(&g, dice, interfaces);
	invariants_begin(&inv);
	for (__u64 i = 0; i < steps; i++) {
		if (run_step(&g, &inv, careful, c))
			continue;
		explain(&g, seed, number, i);
		return false;
	}
	coverage_case(c);
	broken = invariants_end(&inv);
	if (guards_drain(coverage_event, c) && guards_compare() && !broken)
		return true;
	fprintf(stderr, "seed %llu, case %llu: wrong at its end: %s\n", seed, number,
		broken ? broken : "they differ");
	return false;
}

/* Cases of one seed, until there are enough inputs. */
static bool run_seed(const struct options *o, __u64 seed, __u64 inputs, struct report *report)
{
	const struct guard_sizes sizes = gen_sizes(seed);
	__u64 end = report->coverage.packets + inputs;
	struct coverage again = {};

	report->seed = seed;
	guards_open(&sizes, !o->native);
	for (report->number = 0; report->coverage.packets < end; report->number++) {
		if (run_case(seed, report->number, false, &report->coverage))
			continue;
		fprintf(stderr, "the same case packet by packet:\n");
		guards_open(&sizes, !o->native);
		if (run_case(seed, report->number, true, &again))
			fprintf(stderr, "... and now they agree\n");
		return false;
	}
	guards_close();
	return true;
}

/* ---- workers ---- */

static void work(const struct options *o, unsigned int worker, struct report *report)
{
	if (!o->native)
		kernel_stay_on_cpu(worker);
	for (unsigned int i = worker; i < SEEDS; i += WORKERS)
		if (!run_seed(o, o->seed + i, o->inputs / SEEDS, report))
			exit(1);
	exit(0);
}

static bool wait_for(pid_t pid, const struct report *report)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!status)
		return true;
	fprintf(stderr, "ended with status %d in seed %llu, case %llu\n", status, report->seed,
		report->number);
	return false;
}

static bool generate(const struct options *o, struct coverage *sum)
{
	struct report *reports = mmap(NULL, WORKERS * sizeof(*reports), PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pids[WORKERS];
	bool good = true;

	if (reports == MAP_FAILED)
		return false;
	fflush(stdout);
	for (unsigned int i = 0; i < WORKERS; i++) {
		pids[i] = fork();
		if (!pids[i])
			work(o, i, &reports[i]);
	}
	for (unsigned int i = 0; i < WORKERS; i++) {
		good &= pids[i] > 0 && wait_for(pids[i], &reports[i]);
		coverage_add(sum, &reports[i].coverage);
	}
	munmap(reports, WORKERS * sizeof(*reports));
	return good;
}

/* ---- tests ---- */

static bool test_scenes(bool with_kernel)
{
	const struct guard_sizes sizes = {64, 64, 64, 4, 1, 65536, SG_MODE_POLICE, WORLD_HZ};
	unsigned long packets;
	unsigned int failed;
	char what[128];

	guards_open(&sizes, with_kernel);
	failed = scenes_run(interfaces, &packets);
	guards_close();
	snprintf(what, sizeof(what), "packet table, %lu packets, %s", packets,
		 with_kernel ? "twin and kernel" : "twin");
	result(!failed, what, NULL);
	return !failed;
}

static bool test_generated(const struct options *o)
{
	static struct coverage sum;
	struct timespec from, to;
	bool agree, reached;
	double seconds;
	char what[128];

	clock_gettime(CLOCK_MONOTONIC, &from);
	agree = generate(o, &sum);
	clock_gettime(CLOCK_MONOTONIC, &to);
	seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	coverage_print(&sum);
	snprintf(what, sizeof(what), "%llu inputs in %llu cases, %.0f a second, %s", sum.packets,
		 sum.cases, (double)sum.packets / seconds,
		 o->native ? "twin alone" : "no disagreement");
	result(agree, what, NULL);
	reached = !coverage_judge(&sum, sum.packets * LEAST_A_MILLION / 1000000);
	result(reached, "inputs reach every reason, counter, class, event and state", NULL);
	return agree && reached;
}

/* Frames that cannot grow behind their end, and at their head not by much: no test run of the kernel is so small. The
 * twin alone, then, for what must hold of every packet; and what is told when there is no room at all.
 */
static bool test_no_room(const struct options *o)
{
	static const __u32 heads[] = {0, 60, 150, TWIN_ROOM_HEAD};
	static struct report report;
	const struct options alone = {.native = true};
	__u64 each = o->inputs / 5 / GEN_KINDS, told;
	bool hold = true;
	char what[128];

	for (__u32 i = 0; i < GEN_KINDS && hold; i++) {
		if (gen_sizes(i).highest_mode < SG_MODE_INTERCEPT)
			continue;
		twin_room(heads[i % 4], 0);
		hold = run_seed(&alone, 16 + i, each, &report);
	}
	twin_room(TWIN_ROOM_HEAD, TWIN_FRAME_ROOM);
	told = report.coverage.events[SG_EVENT_REPLAY];
	snprintf(what, sizeof(what), "%llu inputs without room, %llu to be sent again, twin alone",
		 report.coverage.packets, told);
	hold = hold && told * 1000000 >= LEAST_A_MILLION * report.coverage.packets;
	result(hold, what, NULL);
	return hold;
}

static int replay(const struct options *o)
{
	const struct guard_sizes sizes = gen_sizes(o->seed);
	struct coverage c = {};
	bool good;

	guards_open(&sizes, !o->native);
	good = run_case(o->seed, o->only_case, true, &c);
	guards_close();
	printf("seed %llu, case %llu: %s\n", o->seed, o->only_case, good ? "agree" : "disagree");
	return !good;
}

static struct options options_of(int argc, char **argv)
{
	static const struct option names[] = {{"seed", required_argument, NULL, 's'},
					      {"case", required_argument, NULL, 'c'},
					      {"inputs", required_argument, NULL, 'i'},
					      {"native", no_argument, NULL, 'n'},
					      {}};
	struct options o = {.seed = 1,
			    .inputs = getenv("SG_SOAK") ? TWIN_INPUTS_SOAK : TWIN_INPUTS};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) >= 0) {
		if (c == '?')
			exit(2);
		if (c == 's')
			o.seed = strtoull(optarg, NULL, 0);
		else if (c == 'c')
			o.only_case = strtoull(optarg, NULL, 0);
		else if (c == 'i')
			o.inputs = strtoull(optarg, NULL, 0);
		o.one_case |= c == 'c';
		o.native |= c == 'n';
	}
	return o;
}

int main(int argc, char **argv)
{
	struct options o = options_of(argc, argv);
	const char *why = "asked for";
	bool good;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!o.native && kernel_prepare(interfaces, &why))
		o.native = true;
	if (o.one_case)
		return replay(&o);
	good = test_scenes(false);
	if (o.native)
		result(true, "packet table in the kernel", why);
	else
		good &= test_scenes(true);
	good &= test_no_room(&o);
	good &= test_generated(&o);
	if (o.native)
		result(true, "the same inputs in the kernel", why);
	printf("1..%u\n", tests);
	return !good;
}
