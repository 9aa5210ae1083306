// SPDX-License-Identifier: GPL-2.0-only
/* What a packet costs in intercept: the real object, by BPF_PROG_TEST_RUN.
 *
 *   intercept_cost [--rounds N] [--only ROW] [--object FILE]... [--json FILE]
 *
 * A packet that the guard rewrites is made anew before each pass by a front program (intercept_front.bpf.c). Figures
 * are net of a bare XDP_DROP behind the same front, medians of rounds in which all rows and objects take turns. A row
 * counts only if the guard's own counters say that every packet took the way it is about. First segments and
 * SYN-ACKs, which change what the guard knows, go through once each, timed by the kernel's own account: their
 * figures are of colder caches. Exit status 1 when a row could not be measured.
 */
#include <getopt.h>
#include <jansson.h>
#include <libgen.h>
#include <stdarg.h>
#include <unistd.h>

#include "intercept_cost.h"
#include "program_payloads.h"

#define ROWS  32
#define STEPS 200

struct cost_options {
	const char *objects[OBJECTS_MAX], *only, *json;
	int object_count, rounds;
	char directory[256];
};

/* A row with one object: the guard and the drop, each behind a front of its own. */
struct measured_row {
	const struct cost_row *row;
	struct scene *scene;
	struct cost_frame packet;
	struct intercept_front *front, *base;
	int drop_fd;
	double net[ROUNDS_MAX];
	bool failed;
};

static int usage(const char *name)
{
	fprintf(stderr, "usage: %s [--rounds N] [--only ROW] [--object FILE]... [--json FILE]\n",
		name);
	return 2;
}

static int parse_options(int argc, char **argv, struct cost_options *opt)
{
	static const struct option known[] = {
		{"rounds", required_argument, NULL, 'r'},
		{"only", required_argument, NULL, 'o'},
		{"object", required_argument, NULL, 'b'},
		{"json", required_argument, NULL, 'j'},
		{},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 'r')
			opt->rounds = atoi(optarg);
		else if (c == 'o')
			opt->only = optarg;
		else if (c == 'b' && opt->object_count < OBJECTS_MAX)
			opt->objects[opt->object_count++] = optarg;
		else if (c == 'j')
			opt->json = optarg;
		else
			return -EINVAL;
	}
	if (!opt->object_count)
		opt->objects[opt->object_count++] = "build/bpf/scepguard.bpf.o";
	return optind == argc && opt->rounds > 0 && opt->rounds <= ROUNDS_MAX ? 0 : -EINVAL;
}

/* ---- The front ---- */

static struct front_plan plan_of(const struct cost_frame *f)
{
	return (struct front_plan){.vary = f->frame.vary,
				   .varies = f->varies,
				   .resizes = f->frame.len != f->left_len,
				   .frame_len = f->frame.len,
				   .left_len = f->left_len,
				   .restored = f->restored};
}

static struct intercept_front *make_front(const struct cost_frame *f, int target_fd)
{
	struct intercept_front *front = intercept_front__open();
	const __u32 zero = 0;
	int err = front ? 0 : -errno;

	if (!err) {
		front->rodata->plan = plan_of(f);
		err = intercept_front__load(front);
	}
	if (!err &&
	    (bpf_map_update_elem(bpf_map__fd(front->maps.next), &zero, &target_fd, 0) ||
	     bpf_map_update_elem(bpf_map__fd(front->maps.frames), &zero, f->frame.bytes, 0)))
		err = -errno;
	if (!err)
		return front;
	bench_error(err, "cannot put the front before a program");
	intercept_front__destroy(front);
	return NULL;
}

static int row_load(struct measured_row *m)
{
	int err;

	m->scene->family = m->row->family;
	err = m->row->prepare(m->scene, m->row, &m->packet);
	if (err)
		return err;
	m->front = make_front(&m->packet, m->scene->guard->program_fd);
	m->base = make_front(&m->packet, m->drop_fd);
	return m->front && m->base ? 0 : -ENOMEM;
}

/* ---- Measuring ---- */

/* One run, from packet 0 on, of the entry as it was. */
static int run_once(struct measured_row *m, struct intercept_front *front, int wanted, double *ns)
{
	const struct machine *machine = m->scene->guard->machine;
	struct run run = {.fd = bpf_program__fd(front->progs.intercept_front),
			  .frame = m->packet.frame.bytes,
			  .len = m->packet.frame.len,
			  .repeat = m->row->repeat,
			  .ifindex = m->packet.from_ca ? machine->ca_if : machine->client_if};
	__u32 action;
	int err = 0;

	if (m->packet.entry &&
	    bpf_map_update_elem(m->scene->guard->conns_fd, m->packet.key, m->packet.entry, BPF_ANY))
		return bench_error(-errno, "cannot put the connection's entry back");
	/* Of many sources every run has others: the caches are to be as cold as they are in a flood. */
	if (m->packet.entry)
		front->bss->packets = 0;
	err = run_program(&run, ns, &action);
	if (!err && action != (__u32)wanted)
		return bench_error(-EPROTO, "'%s': the last packet's action was %u, expected %d",
				   m->row->id, action, wanted);
	return err;
}

static int run_counted(struct measured_row *m, double *ns)
{
	struct guard_counts before, after;
	int err = guard_count(m->scene->guard, &before);
	__u64 took;

	err = err ? err : run_once(m, m->front, m->row->action, ns);
	err = err ? err : guard_count(m->scene->guard, &after);
	guard_read_events(m->scene->guard);
	if (err)
		return err;
	took = m->row->took(&after) - m->row->took(&before);
	return took <= m->row->repeat && took + m->row->others >= m->row->repeat
		       ? 0
		       : bench_error(-EPROTO, "'%s': %llu of %u packets took the way meant",
				     m->row->id, (unsigned long long)took, m->row->repeat);
}

/* What it takes alone, beside the drop: who goes first changes from round to round. A run of each warms up. */
static int sample(struct measured_row *m, int round)
{
	double guard_ns, base_ns;
	int err = run_counted(m, &guard_ns);

	if (round & 1)
		err = err ? err : run_once(m, m->base, XDP_DROP, &base_ns);
	err = err ? err : run_counted(m, &guard_ns);
	if (!(round & 1))
		err = err ? err : run_once(m, m->base, XDP_DROP, &base_ns);
	m->net[round] = guard_ns - base_ns;
	return err;
}

static void measure(struct measured_row *all, int count, int rounds)
{
	for (int i = 0; i < count; i++)
		all[i].failed = row_load(&all[i]) != 0;
	for (int round = 0; round < rounds; round++)
		for (int i = 0; i < count; i++)
			all[i].failed = all[i].failed || sample(&all[i], round);
}

/* ---- Results ---- */

static void print_row(const char *says, const char *object, const struct quartiles *q, double must)
{
	char bound[32] = "-";

	if (must > 0)
		snprintf(bound, sizeof(bound), "%.0f %s", must,
			 q->median <= must ? "ok" : "MISSED");
	printf("| %s | %s | %.0f | %.0f-%.0f | %s |\n", says, object, q->median, q->low, q->high,
	       bound);
}

static json_t *row_json(const char *id, const char *object, const struct quartiles *q, double must)
{
	return json_pack("{s:s, s:s, s:f, s:f, s:f, s:f}", "row", id, "object", object, "low",
			 q->low, "median", q->median, "high", q->high, "must", must);
}

static bool report_rows(const struct measured_row *all, int count, int rounds,
			const struct cost_options *opt, json_t *list)
{
	bool failed = false;

	puts("| row | object | ns | quartiles | must |\n| --- | --- | --: | --- | --- |");
	for (int i = 0; i < count; i++) {
		const char *object = opt->objects[i % opt->object_count];
		struct quartiles q;

		failed = failed || all[i].failed;
		if (all[i].failed)
			continue;
		q = quartiles_of(all[i].net, rounds);
		print_row(all[i].row->says, object, &q, all[i].row->must_ns);
		json_array_append_new(list,
				      row_json(all[i].row->id, object, &q, all[i].row->must_ns));
	}
	return failed;
}

/* Net of the drop's median: the two are of different packets. */
static void report_steps(struct cost_step *steps, const char *object, json_t *list)
{
	const double drop =
		quartiles_of(steps[STEP_BARE_DROP].samples, steps[STEP_BARE_DROP].count).median;

	for (int i = STEP_BARE_DROP + 1; i < STEP_MAX; i++) {
		struct quartiles q = quartiles_of(steps[i].samples, steps[i].count);

		q = (struct quartiles){q.low - drop, q.median - drop, q.high - drop};
		print_row(steps[i].says, object, &q, 0);
		json_array_append_new(list, row_json(steps[i].id, object, &q, 0));
	}
}

static int measure_steps(struct scene *s, int drop_fd, const char *object, json_t *list)
{
	struct cost_step *steps = calloc(STEP_MAX, sizeof(*steps));
	int stats = bpf_enable_stats(BPF_STATS_RUN_TIME), err;

	if (!steps || stats < 0)
		return bench_error(-errno, "the kernel does not account for programs");
	steps[STEP_BARE_DROP].says = "bare drop";
	steps[STEP_ADMITTED] = (struct cost_step){
		.id = "admitted", .says = "first segment admitted (it becomes the SYN), once each"};
	steps[STEP_SYN_ACK] = (struct cost_step){
		.id = "syn-ack",
		.says = "SYN-ACK of the CA (it becomes ACK and request), once each"};
	err = scene_steps(s, drop_fd, STEPS, steps);
	close(stats);
	if (!err)
		report_steps(steps, object, list);
	free(steps);
	return err;
}

static int write_json(const char *path, json_t *rows, const struct machine *m, int rounds)
{
	json_t *all = json_pack("{s:i, s:i, s:i, s:O}", "hz", m->hz, "cpus", m->cpus, "rounds",
				rounds, "rows", rows);
	int err = all && path ? json_dump_file(all, path, JSON_INDENT(1)) : 0;

	json_decref(all);
	return err ? bench_error(-EIO, "cannot write '%s'", path) : 0;
}

/* ---- Everything ---- */

static int load_drop(const struct cost_options *opt, struct bpf_object **obj)
{
	char path[512];
	int err;

	snprintf(path, sizeof(path), "%s/reference/drop.bpf.o", opt->directory);
	err = object_open(path, obj);
	if (!err && bpf_object__load(*obj))
		err = bench_error(-errno, "the kernel refuses '%s'", path);
	return err ? err : object_program_fd(*obj, "drop");
}

static int choose_rows(const struct cost_options *opt, struct scene *scenes, int drop_fd,
		       struct measured_row *all)
{
	int count = 0;

	for (int i = 0; i < cost_row_count; i++) {
		const struct cost_row *row = &cost_rows[i];

		if (opt->only && strncmp(opt->only, row->id, strlen(opt->only)))
			continue;
		for (int o = 0; o < opt->object_count; o++)
			all[count++] = (struct measured_row){
				.row = row, .scene = &scenes[o], .drop_fd = drop_fd};
	}
	return count;
}

static int measure_all(const struct cost_options *opt, const struct machine *m,
		       struct scene *scenes, int drop_fd)
{
	struct measured_row *all = calloc(ROWS * OBJECTS_MAX, sizeof(*all));
	json_t *list = json_array();
	bool failed;
	int count, err = 0;

	if (!all || !list)
		return -ENOMEM;
	count = choose_rows(opt, scenes, drop_fd, all);
	measure(all, count, opt->rounds);
	failed = report_rows(all, count, opt->rounds, opt, list);
	for (int o = 0; !err && !opt->only && o < opt->object_count; o++)
		err = measure_steps(&scenes[o], drop_fd, opt->objects[o], list);
	err = write_json(opt->json, list, m, opt->rounds) || err || failed;
	for (int i = 0; i < count; i++) {
		intercept_front__destroy(all[i].front);
		intercept_front__destroy(all[i].base);
		free(all[i].packet.entry);
	}
	json_decref(list);
	free(all);
	return err;
}

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN && getenv("SG_BENCH_VERBOSE") ? vfprintf(stderr, format, args)
								  : 0;
}

int main(int argc, char **argv)
{
	struct cost_options opt = {.rounds = 15};
	struct scene scenes[OBJECTS_MAX] = {};
	struct bpf_object *drop = NULL;
	struct machine machine = {};
	char self[256];
	int err, drop_fd;

	if (parse_options(argc, argv, &opt))
		return usage(argv[0]);
	snprintf(self, sizeof(self), "%s", argv[0]);
	snprintf(opt.directory, sizeof(opt.directory), "%s", dirname(self));
	libbpf_set_print(quiet);
	if (machine_prepare(&machine))
		return 1;
	drop_fd = load_drop(&opt, &drop);
	err = drop_fd < 0 ? drop_fd : 0;
	for (int o = 0; !err && o < opt.object_count; o++)
		err = scene_begin(opt.objects[o], &machine, &scenes[o]);
	err = err ? err : measure_all(&opt, &machine, scenes, drop_fd);
	for (int o = 0; o < opt.object_count; o++)
		guard_free(scenes[o].guard);
	bpf_object__close(drop);
	return err ? 1 : 0;
}
