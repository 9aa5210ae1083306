// SPDX-License-Identifier: GPL-2.0-only
/* What the program costs per packet: the real object and reference programs, by BPF_PROG_TEST_RUN.
 *
 *   program [--rounds N] [--only ROW]... [--object FILE]... [--json FILE] [--check]
 *   program --list
 *
 * Everything that is compared runs in turn, round by round (15 unless told otherwise). Figures are medians of the
 * cost per packet net of a bare XDP_DROP behind the same front program in the same round. --only takes
 * the beginning of a row's name. With several objects all are measured side by side; the layouts of their
 * maps must be those of this tree.
 *
 * Exit status 1 when a row could not be measured; with --check also when a must is missed beyond noise: not
 * by its median, but when even the guard's lower quartile lies more than 15 % (and 2 ns) above a bound made
 * of the other side's upper quartile. Machines that others use are noisy; what misses a must by less has to
 * be looked at by a person.
 */
#include <getopt.h>
#include <libgen.h>
#include <stdarg.h>

#include "program.h"
#include "program_payloads.h"

static int only_says(const struct options *opt, const char *id)
{
	for (int i = 0; i < opt->only_count; i++)
		if (!strncmp(opt->only[i], id, strlen(opt->only[i])))
			return 1;
	return !opt->only_count;
}

static void list_rows(void)
{
	for (size_t i = 0; i < row_count; i++)
		printf("%-14s %s\n", rows[i].id, rows[i].says);
}

static int usage(const char *name)
{
	fprintf(stderr,
		"usage: %s [--rounds N] [--only ROW]... [--object FILE]... [--json FILE] [--check]\n"
		"       %s --list\n",
		name, name);
	return 2;
}

static int parse_options(int argc, char **argv, struct options *opt)
{
	static const struct option known[] = {
		{"rounds", required_argument, NULL, 'r'},
		{"only", required_argument, NULL, 'o'},
		{"object", required_argument, NULL, 'b'},
		{"json", required_argument, NULL, 'j'},
		{"check", no_argument, NULL, 'c'},
		{"list", no_argument, NULL, 'l'},
		{},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 'r')
			opt->rounds = atoi(optarg);
		else if (c == 'o' && opt->only_count < ROWS_MAX)
			opt->only[opt->only_count++] = optarg;
		else if (c == 'b' && opt->object_count < OBJECTS_MAX)
			opt->objects[opt->object_count++] = optarg;
		else if (c == 'j')
			snprintf(opt->json, sizeof(opt->json), "%s", optarg);
		else if (c == 'c')
			opt->check = true;
		else if (c == 'l')
			return 1;
		else
			return -EINVAL;
	}
	return optind == argc && opt->rounds > 0 && opt->rounds <= ROUNDS_MAX ? 0 : -EINVAL;
}

/* The harness says itself what went wrong; the verifier's hundreds of lines are for whoever asks. */
static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	return level == LIBBPF_WARN && getenv("SG_BENCH_VERBOSE") ? vfprintf(stderr, format, args)
								  : 0;
}

/* Rows of one group stand together. */
static int measure_all(const struct options *opt, const struct machine *m, struct measurement *all)
{
	int count = 0, first = 0;

	for (size_t i = 0; i < row_count; i++)
		if (only_says(opt, rows[i].id))
			all[count++].row = &rows[i];
	for (int i = 0; i < count; i++) {
		fprintf(stderr, "%s\n", all[i].row->says);
		if (i + 1 < count && all[i + 1].row->group == all[i].row->group)
			continue;
		measure_rows(opt, m, &all[first], i + 1 - first);
		first = i + 1;
	}
	return count;
}

static bool any_failed(const struct measurement *all, int count)
{
	for (int i = 0; i < count; i++)
		if (all[i].failure[0] && !all[i].skipped)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	struct options opt = {.rounds = 15};
	struct measurement *all = calloc(row_count, sizeof(*all));
	struct machine machine = {};
	char self[256];
	int err = parse_options(argc, argv, &opt), count, missed;

	if (err == 1) {
		list_rows();
		free(all);
		return 0;
	}
	if (err || !all) {
		free(all);
		return usage(argv[0]);
	}
	snprintf(self, sizeof(self), "%s", argv[0]);
	snprintf(opt.directory, sizeof(opt.directory), "%s", dirname(self));
	if (!opt.json[0])
		snprintf(opt.json, sizeof(opt.json), "%s/program.json", opt.directory);
	if (!opt.object_count)
		opt.objects[opt.object_count++] = "build/bpf/scepguard.bpf.o";
	libbpf_set_print(quiet);
	payloads_build();
	if (machine_prepare(&machine)) {
		free(all);
		return 1;
	}
	count = measure_all(&opt, &machine, all);
	missed = count ? report(&opt, &machine, all, count)
		       : bench_error(-ENOENT, "no row's name begins so (--list)");
	err = missed < 0 || any_failed(all, count) || (opt.check && missed);
	free(all);
	return err ? 1 : 0;
}
