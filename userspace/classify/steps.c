// SPDX-License-Identifier: GPL-2.0-only
/* What a load for intercept has more: the programs it goes on in, and the tables that only it fills. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "internal.h"
#include "../../bpf/core/times.h"
#include "scepguard.skel.h"
#include "../util/log.h"

void sg_classifier_steps_select(struct scepguard_bpf *skel, enum sg_mode mode)
{
	const bool wanted = mode == SG_MODE_INTERCEPT;

	bpf_program__set_autoload(skel->progs.scepguard_door, wanted);
	bpf_program__set_autoload(skel->progs.scepguard_first, wanted);
	bpf_program__set_autoload(skel->progs.scepguard_question, wanted);
	bpf_program__set_autoload(skel->progs.scepguard_back, wanted);
	/* Nobody waits, and there is no probe. */
	bpf_program__set_autoload(skel->progs.sg_turn, false);
	bpf_program__set_autoload(skel->progs.sg_expire, false);
	bpf_program__set_autoload(skel->progs.sg_take, false);
}

static int fill(const struct sg_classifier *c)
{
	struct bpf_program *const steps[SG_STEP_MAX_] = {
		[SG_STEP_ENTRY] = c->skel->progs.scepguard,
		[SG_STEP_DOOR] = c->skel->progs.scepguard_door,
		[SG_STEP_FIRST] = c->skel->progs.scepguard_first,
		[SG_STEP_QUESTION] = c->skel->progs.scepguard_question,
		[SG_STEP_BACK] = c->skel->progs.scepguard_back,
	};

	for (__u32 i = 0; i < SG_STEP_MAX_; i++) {
		const int fd = bpf_program__fd(steps[i]);

		if (bpf_map_update_elem(bpf_map__fd(c->skel->maps.sg_steps), &i, &fd, BPF_ANY))
			return -errno;
	}
	return 0;
}

/* Every value from the first on. */
static int write_all(const struct bpf_map *map, __u32 entries, const void *value)
{
	for (__u32 i = 0; i < entries; i++)
		if (bpf_map_update_elem(bpf_map__fd(map), &i, value, BPF_ANY))
			return -errno;
	return 0;
}

int sg_classifier_steps_empty(struct sg_classifier *c)
{
	static const struct sg_question_bucket no_questions;
	/* Nobody waits while another asks the same: as when the CA hands the shadow certificate out. */
	static const struct sg_intercept nothing = {.ready = 1ull << 62};
	int err;

	if (c->mode != SG_MODE_INTERCEPT)
		return 0;
	for (size_t i = 0; i < SG_CLASSIFY_HELD + SG_LEASES; i++)
		if (c->held[i].ticket)
			memset(&c->held[i], 0, sizeof(c->held[i]));
	err = write_all(c->skel->maps.sg_intercepts, 1, &nothing);
	return err ? err
		   : write_all(c->skel->maps.sg_questions, SG_QUESTION_BUCKETS, &no_questions);
}

int sg_classifier_steps_fill(struct sg_classifier *c)
{
	const struct bpf_map *frames = c->skel->maps.sg_frames;
	void *held;
	int err;

	if (c->mode != SG_MODE_INTERCEPT)
		return 0;
	err = fill(c);
	if (err)
		return sg_log_err(err, "cannot set the program's steps");
	c->held_bytes = (size_t)bpf_map__max_entries(frames) * sizeof(*c->held);
	held = mmap(NULL, c->held_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(frames),
		    0);
	if (held == MAP_FAILED)
		return sg_log_err(-errno, "cannot reach the table of first segments");
	c->held = held;
	err = sg_classifier_steps_empty(c);
	return err ? sg_log_err(err, "cannot empty the program's tables") : 0;
}

void sg_classifier_steps_unload(struct sg_classifier *c)
{
	if (c->held)
		munmap(c->held, c->held_bytes);
	c->held = NULL;
}
