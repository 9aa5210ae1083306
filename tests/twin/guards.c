// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guards.h"
#include "kernel.h"

static bool with_kernel;

void guards_open(const struct guard_sizes *sizes, bool kernel)
{
	int err;

	twin_open(sizes);
	with_kernel = kernel;
	if (!kernel)
		return;
	err = kernel_open(sizes);
	if (!err)
		return;
	fprintf(stderr, "the kernel refuses the object: %s\n", strerror(-err));
	exit(2);
}

void guards_close(void)
{
	twin_close();
	if (with_kernel)
		kernel_close();
	with_kernel = false;
}

/* ---- writing ---- */

static bool is_array(enum twin_map_id id)
{
	__u32 type = twin_map_about(twin_map(id))->type;

	return type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

static bool is_zero(const __u8 *value, size_t len)
{
	return !len || (!value[0] && !memcmp(value, value + 1, len - 1));
}

/* Entries of the twin's that are not zero, to zero in the kernel. */
static void clear_array(enum twin_map_id id)
{
	const struct twin_map_spec *spec = twin_map_about(twin_map(id));
	static const __u8 zeros[sizeof(struct sg_budget)];

	for (__u32 i = 0; i < spec->max_entries; i++)
		if (!is_zero(twin_map_lookup(twin_map(id), &i), spec->value_size))
			kernel_write(id, &i, zeros);
}

static void clear_hash(enum twin_map_id id)
{
	static __u8 keys[64 * 1024], values[1024 * 1024];
	const struct twin_map_spec *spec = twin_map_about(twin_map(id));
	const struct twin_element *at = NULL;

	if (spec->type == BPF_MAP_TYPE_LPM_TRIE) {
		while (twin_map_next(twin_map(id), &at))
			kernel_erase(id, twin_element_key(at));
		return;
	}
	if (spec->max_entries * spec->key_size > sizeof(keys) ||
	    spec->max_entries * spec->value_size > sizeof(values))
		exit(2);
	kernel_read_hash(id, spec->max_entries, keys, values, true);
}

void guards_step(enum sg_step step, bool there)
{
	const __u32 index = step, value = there;

	if (twin_map_update(twin_map(TWIN_sg_steps), &index, &value, BPF_ANY))
		exit(2);
	if (with_kernel)
		kernel_step(step, there);
}

void guards_clear(void)
{
	for (int id = 0; id < TWIN_MAPS_COUNT; id++) {
		if (id == TWIN_sg_steps)
			continue;
		if (with_kernel && id == TWIN_sg_events)
			kernel_drain(NULL, NULL);
		else if (with_kernel && !is_array(id))
			clear_hash(id);
		else if (with_kernel)
			clear_array(id);
		twin_map_clear(twin_map(id));
	}
	for (__u32 step = 0; step < SG_STEP_MAX_; step++)
		guards_step(step, true);
}

void guards_clock(__u64 ticks, __u64 ktime_ns)
{
	twin_clock_set(ticks, ktime_ns);
	if (with_kernel)
		kernel_clock_set(ticks, ktime_ns);
}

void guards_write(enum twin_map_id id, const void *key, const void *value)
{
	if (twin_map_update(twin_map(id), key, value, BPF_ANY)) {
		fprintf(stderr, "twin: cannot write '%s'\n", twin_map_about(twin_map(id))->name);
		exit(2);
	}
	if (with_kernel)
		kernel_write(id, key, value);
}

void guards_erase(enum twin_map_id id, const void *key)
{
	if (twin_map_delete(twin_map(id), key)) {
		fprintf(stderr, "twin: cannot delete from '%s'\n",
			twin_map_about(twin_map(id))->name);
		exit(2);
	}
	if (with_kernel)
		kernel_erase(id, key);
}

/* ---- running ---- */

void guards_print_frame(const char *what, const __u8 *frame, size_t len)
{
	fprintf(stderr, "  %s (%zu bytes): ", what, len);
	for (size_t i = 0; i < len; i++)
		fprintf(stderr, "%02x", frame[i]);
	fprintf(stderr, "\n");
}

bool guards_frame(const __u8 *frame, size_t len, __u32 ifindex, struct outcome *out)
{
	static __u8 kernel_out[TWIN_FRAME_ROOM];
	size_t twin_len = len, kernel_len = len;
	int action;

	memcpy(out->frame, frame, len);
	out->action = twin_run(out->frame, &twin_len, ifindex);
	out->len = (__u32)twin_len;
	if (out->action == XDP_ABORTED) {
		fprintf(stderr, "the twin aborts\n");
		return false;
	}
	if (!with_kernel)
		return true;
	memcpy(kernel_out, frame, len);
	action = kernel_run(kernel_out, &kernel_len, ifindex);
	if (action < 0) {
		fprintf(stderr, "the kernel does not run it: %s\n", strerror(-action));
		return false;
	}
	if ((__u32)action != out->action) {
		fprintf(stderr, "action: twin %u, kernel %d\n", out->action, action);
		return false;
	}
	if (kernel_len == twin_len && !memcmp(kernel_out, out->frame, twin_len))
		return true;
	fprintf(stderr, "the frame after action %d:\n", action);
	guards_print_frame("twin", out->frame, twin_len);
	guards_print_frame("kernel", kernel_out, kernel_len);
	return false;
}

static bool same_call(enum kernel_program program, const char *name, int result, const void *after,
		      void *before, __u32 size)
{
	int other;

	if (!with_kernel)
		return true;
	other = kernel_call(program, before, size);
	if (other == result && !memcmp(before, after, size))
		return true;
	fprintf(stderr, "%s: twin returns %d, kernel %d", name, result, other);
	for (__u32 i = 0; i < size; i++)
		if (((const __u8 *)before)[i] != ((const __u8 *)after)[i])
			fprintf(stderr, "; byte %u: twin %02x, kernel %02x", i,
				((const __u8 *)after)[i], ((const __u8 *)before)[i]);
	fprintf(stderr, "\n");
	return false;
}

bool guards_take(struct sg_take_call *call)
{
	struct sg_take_call before = *call;
	int result = twin_take(call);

	return same_call(KERNEL_TAKE, "sg_take", result, call, &before, sizeof(before));
}

bool guards_end(struct sg_end_call *call)
{
	struct sg_end_call before = *call;
	int result = twin_end(call);

	return same_call(KERNEL_END, "sg_end", result, call, &before, sizeof(before));
}

bool guards_ask_clock(void)
{
	struct sg_clock_call before = {}, call = {};
	int result = twin_clock(&call);

	return same_call(KERNEL_CLOCK, "sg_clock", result, &call, &before, sizeof(before));
}

bool guards_turn(struct sg_turn_call *call)
{
	struct sg_turn_call before = *call;
	int result = twin_turn(call);

	return same_call(KERNEL_TURN, "sg_turn", result, call, &before, sizeof(before));
}

bool guards_expire(struct sg_expire_call *call)
{
	struct sg_expire_call before = *call;
	int result = twin_expire(call);

	return same_call(KERNEL_EXPIRE, "sg_expire", result, call, &before, sizeof(before));
}
