// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "kernel.h"
#include "scepguard.skel.h"

static struct scepguard_bpf *skel;
static struct ring_buffer *ring;
static int cpus;

/* What the ring buffer's records are handed to. */
static struct {
	void (*take)(void *ctx, const void *record, size_t len);
	void *ctx;
	__u32 count;
} drain;

_Noreturn static void give_up(const char *what)
{
	fprintf(stderr, "kernel: %s: %s\n", what, strerror(errno));
	exit(2);
}

int kernel_prepare(__u32 interfaces[KERNEL_INTERFACES], const char **why)
{
	static const char make[] = "ip link add sg0 type veth peer name sg1 && "
				   "ip link add sg2 type veth peer name sg3";
	char name[] = "sg0";

	*why = "needs root to load the BPF object";
	if (geteuid())
		return -EPERM;
	*why = "no network namespace, or no veth, can be made here";
	if (unshare(CLONE_NEWNET) || system(make)) // NOLINT(cert-env33-c)
		return -EPERM;
	for (int i = 0; i < KERNEL_INTERFACES; i++) {
		name[2] = (char)('0' + i);
		interfaces[i] = if_nametoindex(name);
		if (!interfaces[i])
			return -ENODEV;
	}
	return 0;
}

void kernel_stay_on_cpu(unsigned int n)
{
	unsigned int seen = 0;
	cpu_set_t allowed, one;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		give_up("cannot ask for the CPUs");
	n %= (unsigned int)CPU_COUNT(&allowed);
	for (unsigned int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &allowed) || seen++ != n)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (sched_setaffinity(0, sizeof(one), &one))
			give_up("cannot stay on one CPU");
		return;
	}
}

/* ---- load ---- */

static int on_record(void *ctx, void *record, size_t len)
{
	(void)ctx;
	drain.count++;
	if (drain.take)
		drain.take(drain.ctx, record, len);
	return 0;
}

static void freeze(const struct guard_sizes *sizes)
{
	skel->rodata->sg_test_clock = 1;
	skel->rodata->sg_conn_ring_mask = sizes->ring - 1;
	skel->rodata->sg_syn_bucket_mask = sizes->syn_buckets - 1;
	skel->rodata->sg_frame_mask = sizes->frames - 1;
	skel->rodata->sg_highest_mode = sizes->highest_mode;
	skel->rodata->sg_tick_ns = 1000000000 / sizes->hz;
#define X(name, ms, why) *(__u64 *)&skel->rodata->sg_times.name = (__u64)(ms)*sizes->hz / 1000;
	SG_TIME_LIST(X)
#undef X
	bpf_map__set_max_entries(skel->maps.sg_conns, sizes->conns);
	bpf_map__set_max_entries(skel->maps.sg_conn_ring, sizes->ring);
	bpf_map__set_max_entries(skel->maps.sg_sources, sizes->sources);
	bpf_map__set_max_entries(skel->maps.sg_syn_limiter, sizes->syn_buckets);
	bpf_map__set_max_entries(skel->maps.sg_refused, sizes->syn_buckets);
	bpf_map__set_max_entries(skel->maps.sg_frames, sizes->frames + SG_LEASES);
	bpf_map__set_max_entries(skel->maps.sg_waiting, sizes->frames);
	bpf_map__set_max_entries(skel->maps.sg_events, sizes->event_bytes);
}

/* As the daemon: what a lower mode has no use for is not loaded. */
static void select_programs(const struct guard_sizes *sizes)
{
	struct bpf_program *const intercept[] = {
		skel->progs.scepguard_door,
		skel->progs.scepguard_first,
		skel->progs.scepguard_question,
		skel->progs.scepguard_back,
		skel->progs.sg_turn,
		skel->progs.sg_expire,
	};

	for (size_t i = 0; i < sizeof(intercept) / sizeof(intercept[0]); i++)
		bpf_program__set_autoload(intercept[i], sizes->highest_mode >= SG_MODE_INTERCEPT);
}

/* sg_frames is large, and can be seen without a call. */
static void *frames_seen;
static size_t frames_bytes;

static int see_frames(void)
{
	struct bpf_map *map = skel->maps.sg_frames;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	frames_bytes = (size_t)bpf_map__max_entries(map) * bpf_map__value_size(map);
	frames_bytes = (frames_bytes + page - 1) / page * page;
	frames_seen = mmap(NULL, frames_bytes, PROT_READ, MAP_SHARED, bpf_map__fd(map), 0);
	if (frames_seen != MAP_FAILED)
		return 0;
	frames_seen = NULL;
	return -errno;
}

const void *kernel_frames(void)
{
	return frames_seen;
}

void kernel_close(void)
{
	if (frames_seen)
		munmap(frames_seen, frames_bytes);
	frames_seen = NULL;
	ring_buffer__free(ring);
	ring = NULL;
	scepguard_bpf__destroy(skel);
	skel = NULL;
}

int kernel_open(const struct guard_sizes *sizes)
{
	int err;

	kernel_close();
	cpus = libbpf_num_possible_cpus();
	skel = scepguard_bpf__open();
	if (!skel)
		return -errno;
	freeze(sizes);
	select_programs(sizes);
	err = scepguard_bpf__load(skel);
	if (!err) {
		ring = ring_buffer__new(bpf_map__fd(skel->maps.sg_events), on_record, NULL, NULL);
		err = ring ? see_frames() : -errno;
	}
	if (err)
		kernel_close();
	return err;
}

bool kernel_is_open(void)
{
	return skel;
}

static struct bpf_map *map_of(enum twin_map_id id)
{
	switch (id) {
#define X(map)           \
	case TWIN_##map: \
		return skel->maps.map;
		TWIN_MAPS(X)
#undef X
	case TWIN_MAPS_COUNT:
		break;
	}
	return NULL;
}

int kernel_fd(enum twin_map_id id)
{
	return bpf_map__fd(map_of(id));
}

/* ---- programs ---- */

void kernel_clock_set(__u64 ticks, __u64 ktime_ns)
{
	skel->bss->sg_test_time.ticks = ticks;
	skel->bss->sg_test_time.ktime_ns = ktime_ns;
}

int kernel_run(__u8 *frame, size_t *len, __u32 ifindex)
{
	static __u8 out[TWIN_FRAME_ROOM];
	struct xdp_md ctx = {.data_end = (__u32)*len, .ingress_ifindex = ifindex};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (__u32)*len,
		    .data_out = out, .data_size_out = sizeof(out), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = 1);

	if (bpf_prog_test_run_opts(bpf_program__fd(skel->progs.scepguard), &opts))
		return -errno;
	*len = opts.data_size_out;
	memcpy(frame, out, *len);
	return (int)opts.retval;
}

int kernel_call(enum kernel_program program, void *call, __u32 size)
{
	struct bpf_program *const programs[] = {
		[KERNEL_TAKE] = skel->progs.sg_take,     [KERNEL_END] = skel->progs.sg_end,
		[KERNEL_CLOCK] = skel->progs.sg_clock,   [KERNEL_TURN] = skel->progs.sg_turn,
		[KERNEL_EXPIRE] = skel->progs.sg_expire,
	};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = call, .ctx_size_in = size);

	if (bpf_prog_test_run_opts(bpf_program__fd(programs[program]), &opts))
		return -errno;
	return (int)opts.retval;
}

void kernel_step(enum sg_step step, bool there)
{
	struct bpf_program *const steps[SG_STEP_MAX_] = {
		[SG_STEP_ENTRY] = skel->progs.scepguard,
		[SG_STEP_DOOR] = skel->progs.scepguard_door,
		[SG_STEP_FIRST] = skel->progs.scepguard_first,
		[SG_STEP_QUESTION] = skel->progs.scepguard_question,
		[SG_STEP_BACK] = skel->progs.scepguard_back,
	};
	int fd = bpf_program__fd(steps[step]), map = bpf_map__fd(skel->maps.sg_steps);
	__u32 index = step;

	if (skel->rodata->sg_highest_mode < SG_MODE_INTERCEPT)
		return;
	if (there ? bpf_map_update_elem(map, &index, &fd, BPF_ANY)
		  : bpf_map_delete_elem(map, &index) && errno != ENOENT)
		give_up("cannot set a step");
}

/* ---- maps ---- */

static bool is_per_cpu(enum twin_map_id id)
{
	return bpf_map__type(map_of(id)) == BPF_MAP_TYPE_PERCPU_ARRAY;
}

bool kernel_read(enum twin_map_id id, const void *key, void *value)
{
	size_t words = (bpf_map__value_size(map_of(id)) + 7) / 8;
	static __u64 each[64 * 1024 / 8];

	if (!is_per_cpu(id)) {
		if (!bpf_map_lookup_elem(kernel_fd(id), key, value))
			return true;
		if (errno != ENOENT)
			give_up("cannot read an entry");
		return false;
	}
	if (words * (size_t)cpus > sizeof(each) / 8 ||
	    bpf_map_lookup_elem(kernel_fd(id), key, each))
		give_up("cannot read counters");
	memset(value, 0, words * 8);
	for (int cpu = 0; cpu < cpus; cpu++)
		for (size_t i = 0; i < words; i++)
			((__u64 *)value)[i] += each[(size_t)cpu * words + i];
	return true;
}

/* Counters are only written to zero. */
void kernel_write(enum twin_map_id id, const void *key, const void *value)
{
	static const __u64 zeros[64 * 1024 / 8];

	if (bpf_map_update_elem(kernel_fd(id), key, is_per_cpu(id) ? zeros : value, BPF_ANY))
		give_up("cannot write an entry");
}

void kernel_erase(enum twin_map_id id, const void *key)
{
	if (bpf_map_delete_elem(kernel_fd(id), key))
		give_up("cannot delete an entry");
}

void kernel_read_all(enum twin_map_id id, __u32 count, void *values)
{
	static __u32 keys[1 << SG_HELD_BY_BITS];
	__u32 batch;

	if (count > sizeof(keys) / sizeof(keys[0]) ||
	    (bpf_map_lookup_batch(kernel_fd(id), NULL, &batch, keys, values, &count, NULL) &&
	     errno != ENOENT))
		give_up("cannot read an array");
}

__u32 kernel_read_hash(enum twin_map_id id, __u32 most, void *keys, void *values, bool and_delete)
{
	__u64 batch[8];
	__u32 count = most;
	int err;

	err = and_delete ? bpf_map_lookup_and_delete_batch(kernel_fd(id), NULL, batch, keys, values,
							   &count, NULL)
			 : bpf_map_lookup_batch(kernel_fd(id), NULL, batch, keys, values, &count,
						NULL);
	if (err && errno != ENOENT)
		give_up("cannot read a hash");
	return count;
}

__u32 kernel_drain(void (*take)(void *ctx, const void *record, size_t len), void *ctx)
{
	drain.take = take;
	drain.ctx = ctx;
	drain.count = 0;
	if (ring_buffer__consume(ring) < 0)
		give_up("cannot read the ring buffer");
	return drain.count;
}

/* ---- names ---- */

static size_t append(char *out, size_t out_len, size_t at, const char *text)
{
	int n = at < out_len ? snprintf(out + at, out_len - at, "%s", text) : 0;

	return at + (n > 0 ? (size_t)n : 0);
}

/* The member of a struct that `bits` lies in; NULL when there is none. */
static const struct btf_member *member_at(const struct btf_type *type, __u32 bits)
{
	const struct btf_member *m = btf_members(type), *found = NULL;

	for (__u32 i = 0; i < btf_vlen(type); i++)
		if (btf_member_bit_offset(type, i) <= bits)
			found = &m[i];
	return found;
}

void kernel_field(enum twin_map_id id, size_t offset, char *out, size_t out_len)
{
	const struct btf *btf = bpf_object__btf(skel->obj);
	__u32 type_id = bpf_map__btf_value_type_id(map_of(id));
	const struct btf_type *type;
	char index[16];
	size_t at = 0;

	out[0] = 0;
	for (;;) {
		type = btf__type_by_id(btf, type_id);
		while (type && (btf_is_mod(type) || btf_is_typedef(type)))
			type = btf__type_by_id(btf, type->type);
		if (type && btf_is_struct(type) && btf_vlen(type)) {
			const struct btf_member *m = member_at(type, (__u32)offset * 8);

			at = append(out, out_len, at, at ? "." : "");
			at = append(out, out_len, at, btf__name_by_offset(btf, m->name_off));
			offset -= m->offset / 8;
			type_id = m->type;
		} else if (type && btf_is_array(type)) {
			__s64 each = btf__resolve_size(btf, btf_array(type)->type);

			if (each <= 0)
				return;
			snprintf(index, sizeof(index), "[%zu]", offset / (size_t)each);
			at = append(out, out_len, at, index);
			offset %= (size_t)each;
			type_id = btf_array(type)->type;
		} else {
			return;
		}
	}
}
