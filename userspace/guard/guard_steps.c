// SPDX-License-Identifier: GPL-2.0-only
/* The programs that intercept goes on in (sg_steps). Each load has an array of its own, and it is not
 * shared as other maps are: an entry must go on in steps of its own load, with which it shares what is not
 * pinned (the packet at hand) and all constants. So a packet meets one load or the other, never both,
 * while links are replaced one by one. The array is pinned, since it forgets its programs when nobody
 * holds it, and the pins of former loads go when no link runs their entry any more.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "guard_internal.h"

static const char *const step_programs[SG_STEP_MAX_] = {
	[SG_STEP_ENTRY] = "scepguard",       [SG_STEP_DOOR] = "scepguard_door",
	[SG_STEP_FIRST] = "scepguard_first", [SG_STEP_QUESTION] = "scepguard_question",
	[SG_STEP_BACK] = "scepguard_back",
};

/* What the daemon asks of them. */
static const char *const step_calls[] = {"sg_turn", "sg_expire"};

static void select_one(struct bpf_object *obj, const char *name, bool wanted)
{
	struct bpf_program *program = bpf_object__find_program_by_name(obj, name);

	if (program)
		bpf_program__set_autoload(program, wanted);
}

void sg_guard_steps_select(struct bpf_object *obj, enum sg_mode highest)
{
	bool wanted = highest >= SG_MODE_INTERCEPT;

	for (__u32 i = SG_STEP_ENTRY + 1; i < SG_STEP_MAX_; i++)
		select_one(obj, step_programs[i], wanted);
	for (size_t i = 0; i < sizeof(step_calls) / sizeof(step_calls[0]); i++)
		select_one(obj, step_calls[i], wanted);
}

static int fill(struct bpf_object *obj, int steps)
{
	for (__u32 i = 0; i < SG_STEP_MAX_; i++) {
		struct bpf_program *program =
			bpf_object__find_program_by_name(obj, step_programs[i]);
		int fd = program ? bpf_program__fd(program) : -ENOENT;

		if (fd < 0)
			return sg_log_err(fd, "there is no program '%s'", step_programs[i]);
		if (bpf_map_update_elem(steps, &i, &fd, BPF_ANY))
			return sg_log_err(-errno, "cannot set step '%s'", step_programs[i]);
	}
	return 0;
}

/* "sg_steps_<id of the map>" */
static int steps_name(int steps, char name[SG_STEPS_NAME])
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(steps, &info, &len))
		return sg_log_err(-errno, "cannot read about the map of steps");
	snprintf(name, SG_STEPS_NAME, SG_STEPS_PREFIX "%u", info.id);
	return 0;
}

int sg_guard_steps_fill(const struct sg_guard *g, struct bpf_object *obj, enum sg_mode highest)
{
	char name[SG_STEPS_NAME], path[PATH_MAX];
	int steps = bpf_object__find_map_fd_by_name(obj, "sg_steps"), err;

	if (highest < SG_MODE_INTERCEPT)
		return 0;
	err = steps_name(steps, name);
	if (!err)
		err = sg_guard_path(g, "maps", name, path);
	if (!err)
		err = fill(obj, steps);
	if (err)
		return err;
	return bpf_obj_pin(steps, path) ? sg_log_err(-errno, "cannot pin map '%s'", path) : 0;
}

static void remove_others(const struct sg_guard *g, const char *own)
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;
	char path[PATH_MAX];

	if (sg_guard_path(g, "maps", "", path))
		return;
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, SG_STEPS_PREFIX, strlen(SG_STEPS_PREFIX)) ||
		    !strcmp(entry->d_name, own) || sg_guard_path(g, "maps", entry->d_name, path))
			continue;
		if (unlink(path))
			sg_log_err(-errno, "cannot remove '%s'", path);
	}
}

void sg_guard_steps_settle(const struct sg_guard *g)
{
	char name[SG_STEPS_NAME];

	if (!steps_name(sg_guard_map_fd(g, SG_MAP_STEPS), name))
		remove_others(g, name);
}

void sg_guard_steps_abandon(const struct sg_guard *g)
{
	char name[SG_STEPS_NAME], path[PATH_MAX];

	if (g->skel && !steps_name(sg_guard_map_fd(g, SG_MAP_STEPS), name) &&
	    !sg_guard_path(g, "maps", name, path))
		unlink(path);
}
