// SPDX-License-Identifier: GPL-2.0-only
/* A table for people, a file for programs. */
#include <dirent.h>
#include <jansson.h>
#include <sys/utsname.h>
#include <time.h>

#include "program.h"

#define RESULTS_MAX     (2 * ROWS_MAX * OBJECTS_MAX)
#define VULNERABILITIES "/sys/devices/system/cpu/vulnerabilities"

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* First line of a file, or what follows ": " in its first line that begins with `key`. */
static void read_line(const char *path, const char *key, char *out, size_t size)
{
	FILE *f = fopen(path, "re");
	char line[512];
	const char *value;

	snprintf(out, size, "unknown");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (key && strncmp(line, key, strlen(key)))
			continue;
		value = key ? strstr(line, ": ") : NULL;
		snprintf(out, size, "%.*s", (int)size - 1, value ? value + 2 : line);
		break;
	}
	if (f)
		fclose(f);
}

static json_t *mitigations(void)
{
	json_t *all = json_object();
	DIR *dir = opendir(VULNERABILITIES);
	const struct dirent *entry;
	char path[512], text[256];

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), VULNERABILITIES "/%s", entry->d_name);
		read_line(path, NULL, text, sizeof(text));
		json_object_set_new(all, entry->d_name, json_string(text));
	}
	if (dir)
		closedir(dir);
	return all;
}

/* The compiler that made an object says so in its debug information. */
static void object_compiler(const char *path, char *out, size_t size)
{
	static const char mark[] = "clang version ";
	FILE *f = fopen(path, "re");
	char *text = NULL, *found = NULL;
	size_t len = 0, room = 4 << 20;

	snprintf(out, size, "unknown");
	if (f)
		text = calloc(1, room + 1);
	if (text) {
		len = fread(text, 1, room, f);
		found = memmem(text, len, mark, strlen(mark));
	}
	if (found)
		snprintf(out, size, "%s", found);
	free(text);
	if (f)
		fclose(f);
}

static json_t *objects_json(const struct options *opt)
{
	json_t *list = json_array();
	char compiler[128];

	for (int i = 0; i < opt->object_count; i++) {
		object_compiler(opt->objects[i], compiler, sizeof(compiler));
		json_array_append_new(list, json_pack("{s:s, s:s}", "file", opt->objects[i],
						      "compiler", compiler));
	}
	return list;
}

static json_t *conditions(const struct options *opt, const struct machine *machine)
{
	char cpu[128], load[64], date[32], reference[512], compiler[128];
	struct utsname name;
	time_t now = time(NULL);

	uname(&name);
	read_line("/proc/cpuinfo", "model name", cpu, sizeof(cpu));
	read_line("/proc/loadavg", NULL, load, sizeof(load));
	snprintf(reference, sizeof(reference), "%s/reference/drop.bpf.o", opt->directory);
	object_compiler(reference, compiler, sizeof(compiler));
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
	return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:s, s:o, s:s, s:o}", "date", date,
			 "kernel", name.release, "machine", name.machine, "cpu", cpu, "cpus",
			 machine->cpus, "hz", machine->hz, "rounds", opt->rounds, "load_after",
			 load, "objects", objects_json(opt), "references_compiler", compiler,
			 "mitigations", mitigations());
}

static json_t *quartiles_json(const struct quartiles *q)
{
	return json_pack("{s:f, s:f, s:f}", "low", q->low, "median", q->median, "high", q->high);
}

static json_t *limit_json(const struct limit *l, double figure)
{
	if (!l->known)
		return json_null();
	return json_pack("{s:f, s:b}", "ns", l->ns, "ok", figure <= l->ns);
}

/* With the front. */
static json_t *gross_json(const struct subject *s, int cpus, int rounds)
{
	const struct quartiles q = quartiles_of(s->gross[cpus], rounds);

	return quartiles_json(&q);
}

static json_t *row_json(const struct measurement *m)
{
	json_t *subjects = json_array();

	for (int i = 0; !m->failure[0] && i < m->count; i++) {
		const struct subject *s = &m->subjects[i];
		json_t *one;

		one = json_pack("{s:s, s:b, s:o}", "name", s->label, "guard", s->object >= 0,
				"gross_ns", gross_json(s, 0, m->rounds));
		if (s->base >= 0)
			json_object_set_new(one, "net_ns", quartiles_json(&s->net[0]));
		if (m->row->two_cpus)
			json_object_set_new(one, "gross_ns_two_cpus", gross_json(s, 1, m->rounds));
		if (m->row->two_cpus && s->base >= 0)
			json_object_set_new(one, "net_ns_two_cpus", quartiles_json(&s->net[1]));
		json_array_append_new(subjects, one);
	}
	return json_pack("{s:s, s:s, s:s, s:o}", "row", m->row->id, "says", m->row->says, "failure",
			 m->failure, "subjects", subjects);
}

static json_t *result_json(const struct options *opt, const struct result *r)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:b}", "row", r->m->row->id, "says",
			 r->says, "object", opt->objects[r->object], "unit",
			 r->per_byte ? "ns/byte" : "ns", "figure", quartiles_json(&r->figure),
			 "must", limit_json(&r->must, r->figure.median), "aim",
			 limit_json(&r->aim, r->figure.median), "missed_beyond_noise", r->missed);
}

static int write_json(const struct options *opt, const struct machine *machine,
		      const struct measurement *all, int count, const struct result *results,
		      int found)
{
	json_t *rows_list = json_array(), *results_list = json_array(), *top;
	int err = 0;

	for (int i = 0; i < count; i++)
		json_array_append_new(rows_list, row_json(&all[i]));
	for (int i = 0; i < found; i++)
		json_array_append_new(results_list, result_json(opt, &results[i]));
	top = json_pack("{s:o, s:o, s:o}", "conditions", conditions(opt, machine), "results",
			results_list, "rows", rows_list);
	if (!top || json_dump_file(top, opt->json, JSON_INDENT(1)))
		err = bench_error(-EIO, "cannot write '%s'", opt->json);
	json_decref(top);
	return err;
}

static void print_limit(const struct limit *l, double figure)
{
	if (!l->known)
		printf(" - |");
	else
		printf(" %.1f %s |", l->ns, figure <= l->ns ? "ok" : "MISSED");
}

/* What else was measured in the row, and how many times as much the guard takes. */
static void print_beside(const struct result *r)
{
	const struct measurement *m = r->m;
	const char *comma = "";

	if (r->per_byte)
		return;
	if (r->cpus == 2) {
		const struct quartiles *one = measured(m, NULL, r->object, 1);

		printf("one CPU %.1f (x %.2f)", one->median, r->figure.median / one->median);
		comma = ", ";
	}
	for (int i = 0; i < m->count; i++) {
		const struct subject *s = &m->subjects[i];

		if (s->base < 0 || s->object >= 0)
			continue;
		printf("%s%s %.1f (x %.2f)", comma, s->label, s->net[r->cpus - 1].median,
		       r->figure.median / s->net[r->cpus - 1].median);
		comma = ", ";
	}
}

static void print_result(const struct options *opt, const struct result *r)
{
	printf("| %s |", r->says);
	if (opt->object_count > 1)
		printf(" %s |", base_name(opt->objects[r->object]));
	printf(" %.1f | %.1f-%.1f |", r->figure.median, r->figure.low, r->figure.high);
	print_limit(&r->must, r->figure.median);
	print_limit(&r->aim, r->figure.median);
	printf(" ");
	print_beside(r);
	printf(" |\n");
}

static void print_head(const struct options *opt, const struct machine *machine)
{
	json_t *c = conditions(opt, machine);
	const char *const keys[] = {"date", "kernel", "cpu", "references_compiler", "load_after"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		printf("%s: %s; ", keys[i], json_string_value(json_object_get(c, keys[i])));
	printf("HZ %u; median of %d rounds, ns a packet net of a bare XDP_DROP\n\n", machine->hz,
	       opt->rounds);
	json_decref(c);
	printf("| row |%s ns | quartiles | must | aim | beside |\n",
	       opt->object_count > 1 ? " object |" : "");
	printf("| --- |%s --: | --: | --- | --- | --- |\n", opt->object_count > 1 ? " --- |" : "");
}

int report(const struct options *opt, const struct machine *machine, const struct measurement *all,
	   int count)
{
	struct result *results = calloc(RESULTS_MAX, sizeof(*results));
	int found, missed = 0, err;

	if (!results)
		return -ENOMEM;
	found = results_of(opt, all, count, results, RESULTS_MAX);
	print_head(opt, machine);
	for (int i = 0; i < found; i++) {
		print_result(opt, &results[i]);
		missed += results[i].missed;
	}
	for (int i = 0; i < count; i++)
		if (all[i].failure[0])
			printf("\n%s: %s (%s): %s\n", all[i].skipped ? "SKIPPED" : "FAILED",
			       all[i].row->says, all[i].row->id, all[i].failure);
	err = write_json(opt, machine, all, count, results, found);
	free(results);
	return err ? err : missed;
}
