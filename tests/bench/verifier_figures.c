// SPDX-License-Identifier: GPL-2.0-only
/* What the verifier said about each program of an object: verifier_figures OBJECT MODE.
 *
 * MODE is sg_highest_mode (0 observe, 1 police, 2 intercept). Prints one JSON line: what each program took
 * (instructions verified, peak states, time, sizes), and the time to load the whole object, maps and
 * all. Loads nothing that stays: all goes with the process.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "../../bpf/core/times.h"

#define LOG_STATS 4 /* BPF_LOG_STATS: the summary only, so that writing the log costs nothing */
#define LOG_BYTES (1 << 16)
#define PROGRAMS  16
#define HZ        250ull
#define INTERCEPT 2

/* What the daemon loads for intercept only (userspace/guard/guard_steps.c). */
static const char *const intercept_only[] = {
	"scepguard_door", "scepguard_first", "scepguard_question",
	"scepguard_back", "sg_turn",         "sg_expire"};

static char logs[PROGRAMS][LOG_BYTES];

static int fail(int err, const char *what)
{
	fprintf(stderr, "verifier_figures: %s: %s\n", what, strerror(abs(err)));
	return 1;
}

/* Offset of a variable in .rodata, from the object's type information; -1 if it is not there. */
static int rodata_offset(const struct btf *btf, const char *name)
{
	int id = btf__find_by_name_kind(btf, ".rodata", BTF_KIND_DATASEC);
	const struct btf_type *section = id < 0 ? NULL : btf__type_by_id(btf, id);
	const struct btf_var_secinfo *vars = section ? btf_var_secinfos(section) : NULL;

	for (int i = 0; section && i < btf_vlen(section); i++) {
		const struct btf_type *var = btf__type_by_id(btf, vars[i].type);

		if (!strcmp(btf__name_by_offset(btf, var->name_off), name))
			return (int)vars[i].offset;
	}
	return -1;
}

/* libbpf keeps the initial value where it may be written before the load. */
static int set_constant(struct bpf_object *obj, const char *name, const void *value, size_t bytes)
{
	int offset = rodata_offset(bpf_object__btf(obj), name);
	struct bpf_map *map;

	bpf_object__for_each_map (map, obj) {
		size_t size;
		char *data;

		if (!strstr(bpf_map__name(map), ".rodata"))
			continue;
		data = (char *)bpf_map__initial_value(map, &size);
		if (offset < 0 || !data || offset + bytes > size)
			return -ENOENT;
		memcpy(data + offset, value, bytes);
		return 0;
	}
	return -ENOENT;
}

/* As the daemon sets them: the verifier knows these numbers, and skips what they rule out. */
static int set_constants(struct bpf_object *obj, __u32 mode)
{
	const struct sg_times times = {
#define X(name, ms, why) .name = (ms)*HZ / 1000,
		SG_TIME_LIST(X)
#undef X
	};
	int err = set_constant(obj, "sg_highest_mode", &mode, sizeof(mode));

	return err ? err : set_constant(obj, "sg_times", &times, sizeof(times));
}

/* False: the object has no program of one of these names any more. */
static bool select_programs(struct bpf_object *obj, __u32 mode)
{
	for (size_t i = 0; i < sizeof(intercept_only) / sizeof(*intercept_only); i++) {
		struct bpf_program *program =
			bpf_object__find_program_by_name(obj, intercept_only[i]);

		if (!program)
			return false;
		bpf_program__set_autoload(program, mode >= INTERCEPT);
	}
	return true;
}

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int want_logs(struct bpf_object *obj)
{
	struct bpf_program *program;
	int i = 0;

	bpf_object__for_each_program(program, obj)
	{
		if (i == PROGRAMS)
			return -E2BIG;
		bpf_program__set_log_level(program, LOG_STATS);
		bpf_program__set_log_buf(program, logs[i++], LOG_BYTES);
	}
	return 0;
}

/* The number behind `key` in a verifier's summary. */
static long number_after(const char *log, const char *key)
{
	const char *found = strstr(log, key);

	return found ? strtol(found + strlen(key), NULL, 10) : -1;
}

static int print_program(const struct bpf_program *program, const char *log, const char *comma)
{
	struct bpf_prog_info info = {0};
	__u32 size = sizeof(info);
	long insns = number_after(log, "processed ");

	if (insns < 0) {
		fprintf(stderr, "verifier_figures: '%s': no summary in the verifier's log: %s\n",
			bpf_program__name(program), log);
		return -EBADMSG;
	}
	if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size))
		return -errno;
	printf("%s{\"name\": \"%s\", \"verified\": %ld, \"peak_states\": %ld, \"total_states\": %ld, "
	       "\"verify_ms\": %.3f, \"bytecode\": %u, \"jited_bytes\": %u}",
	       comma, bpf_program__name(program), insns, number_after(log, "peak_states "),
	       number_after(log, "total_states "),
	       (double)number_after(log, "verification time ") / 1e3, info.xlated_prog_len / 8,
	       info.jited_prog_len);
	return 0;
}

static int print_all(struct bpf_object *obj, double load_ms)
{
	const struct bpf_program *program;
	struct bpf_program *next = NULL;
	const char *comma = "";
	int err, i = 0;

	printf("{\"load_ms\": %.3f, \"programs\": [", load_ms);
	while ((next = bpf_object__next_program(obj, next))) {
		program = next;
		i++;
		if (!bpf_program__autoload(program))
			continue;
		err = print_program(program, logs[i - 1], comma);
		if (err)
			return err;
		comma = ", ";
	}
	puts("]}");
	return 0;
}

int main(int argc, char **argv)
{
	struct bpf_object *obj;
	double begun_ms, load_ms;
	__u32 mode;
	int err;

	if (argc != 3) {
		fprintf(stderr, "usage: verifier_figures OBJECT MODE\n");
		return 2;
	}
	begun_ms = now_ms();
	obj = bpf_object__open_file(argv[1], NULL);
	if (!obj)
		return fail(errno, argv[1]);
	mode = (__u32)strtoul(argv[2], NULL, 10);
	err = set_constants(obj, mode);
	if (!err && !select_programs(obj, mode))
		err = -ENOENT;
	err = err ? err : want_logs(obj);
	err = err ? err : bpf_object__load(obj);
	load_ms = now_ms() - begun_ms;
	err = err ? err : print_all(obj, load_ms);
	bpf_object__close(obj);
	return err ? fail(err, argv[1]) : 0;
}
