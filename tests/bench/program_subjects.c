// SPDX-License-Identifier: GPL-2.0-only
/* What a row compares: the bare drop, references, the guard's objects, each behind a front of its own. */
#include "program.h"

/* Of CJ's keys: TCP. */
struct flow_v4 {
	__be32 source, dest;
	__be16 sport, dport;
	__u32 protocol;
};

struct flow_v6 {
	__be32 source[4], dest[4];
	__be16 sport, dport;
	__u32 protocol;
};

/* ---- references ---- */

/* Sources that are to be refused earn one connection an hour; others as many as they like. */
static int set_rates(struct bpf_object *obj, const struct row *row, __u32 hz)
{
	const bool refused = row->action == XDP_DROP;
	const __u64 interval_ns = refused ? 3600ull * 1000000000 : 1;
	const __u64 burst_ns = refused ? 6 * interval_ns : 3600ull * 1000000000;
	const __u32 interval = refused ? 3600 * hz : 1, burst = refused ? 6 * interval : 0x7fffffff;
	const struct {
		const char *name;
		const void *value;
		size_t size;
	} constants[] = {{"interval_ns", &interval_ns, 8},
			 {"burst_ns", &burst_ns, 8},
			 {"interval_ticks", &interval, 4},
			 {"burst_ticks", &burst, 4}};

	for (size_t i = 0; i < sizeof(constants) / sizeof(*constants); i++) {
		int err = object_set(obj, constants[i].name, constants[i].value, constants[i].size);

		if (err && err != -ENOENT)
			return err;
	}
	return 0;
}

/* Tell CJ of every connection of the row. */
static int add_flows(const struct bpf_object *obj, const struct row *row, const struct frame *frame)
{
	const int fd = object_map_fd(obj, row->shape.family == 4 ? "flows_v4" : "flows_v6");
	const __u64 seen = 0;

	for (__u32 cpu = 0; cpu < row_cpus(row); cpu++) {
		for (__u64 n = 0; n < 1ull << row->shape.source_bits; n++) {
			uint8_t bytes[PACKET_MAX], *l3 = bytes + frame->vary.l3_off;
			struct flow_v4 v4 = {.protocol = IPPROTO_TCP};
			struct flow_v6 v6 = {.protocol = IPPROTO_TCP};

			frame_nth(frame, n, cpu, bytes);
			memcpy(&v4.source, l3 + 12, 8);
			memcpy(&v4.sport, bytes + frame->vary.l4_off, 4);
			memcpy(v6.source, l3 + 8, 32);
			memcpy(&v6.sport, bytes + frame->vary.l4_off, 4);
			if (bpf_map_update_elem(fd,
						row->shape.family == 4 ? (void *)&v4 : (void *)&v6,
						&seen, BPF_ANY))
				return bench_error(-errno, "cannot fill CJ's table");
		}
	}
	return 0;
}

static int load_reference(const struct options *opt, const struct machine *m, const struct row *row,
			  const char *name, const struct frame *frame, struct subject *s)
{
	char path[512];
	int err;

	snprintf(path, sizeof(path), "%s/reference/%s.bpf.o", opt->directory, name);
	snprintf(s->label, sizeof(s->label), "%s", name);
	s->object = -1;
	err = object_open(path, &s->reference);
	err = err ? err : set_rates(s->reference, row, m->hz);
	if (!err && bpf_object__load(s->reference))
		err = bench_error(-errno, "the kernel refuses '%s'", path);
	if (err)
		return err;
	s->target_fd = object_program_fd(s->reference, name);
	if (s->target_fd < 0)
		return s->target_fd;
	return strcmp(name, "lookup") ? 0 : add_flows(s->reference, row, frame);
}

/* ---- the front ---- */

/* Which words of the entry does this packet change? They are what the front puts back. */
static int find_changes(struct guard *g, const struct frame *frame, struct front_reset *reset,
			const uint8_t *key, const uint64_t *was)
{
	uint64_t *is = malloc(g->conn_size);
	int err = is ? 0 : -ENOMEM;

	if (!err && guard_packet(g, frame->bytes, frame->len, false) != XDP_PASS)
		err = -EPROTO;
	if (!err && bpf_map_lookup_elem(g->conns_fd, key, is))
		err = -errno;
	memcpy(reset->key, key, g->conn_key_size);
	for (__u32 i = 0; !err && i < g->conn_size / 8; i++) {
		if (is[i] == was[i])
			continue;
		if (reset->count == FRONT_RESET_WORDS) {
			err = -E2BIG;
			break;
		}
		reset->index[reset->count] = i;
		reset->value[reset->count++] = was[i];
	}
	free(is);
	return err || reset->count ? err : -ENOENT;
}

/* The key of packet 0's connection, out of any other one: the client's address stands in front. */
static int find_key(const struct guard *g, const struct frame *frame, struct front_reset *reset,
		    uint8_t *key)
{
	const __be32 word = htonl(frame->vary.base + vary_source(&frame->vary, 0, 0));

	if (bpf_map_get_next_key(g->conns_fd, NULL, key))
		return -errno;
	reset->source_off = frame->vary.family == 4 ? 12 : 4;
	memcpy(key + reset->source_off, &word, sizeof(word));
	return 0;
}

static int fill_reset(struct guard *g, const struct frame *frame, struct front_reset *reset)
{
	uint8_t key[FRONT_KEY_MAX] = {};
	uint64_t *was = malloc(g->conn_size);
	int err = was && g->conn_key_size <= sizeof(key) ? 0 : -ENOMEM;

	memset(reset, 0, sizeof(*reset));
	err = err ? err : find_key(g, frame, reset, key);
	if (!err && bpf_map_lookup_elem(g->conns_fd, key, was))
		err = -errno;
	err = err ? err : find_changes(g, frame, reset, key, was);
	free(was);
	return err ? bench_error(err, "cannot see what the packet changes") : 0;
}

static int make_front(const struct row *row, const struct frame *frame,
		      const struct front_reset *reset, struct subject *s)
{
	struct program_front *front = program_front__open();
	const __u32 zero = 0;
	int err = front ? 0 : -errno;

	if (err)
		return err;
	s->front = front;
	front->rodata->vary = frame->vary;
	front->rodata->varies = row->shape.source_bits || row->shape.new_ports ||
				row->shape.goes_on || row->two_cpus;
	front->rodata->stamps = row->warm != 0;
	if (reset) {
		front->rodata->reset = *reset;
		err = bpf_map__reuse_fd(front->maps.conns, s->guard->conns_fd);
	}
	err = err ? err : program_front__load(front);
	if (!err &&
	    bpf_map_update_elem(bpf_map__fd(front->maps.next), &zero, &s->target_fd, BPF_ANY))
		err = -errno;
	return err ? bench_error(err, "cannot put the front before '%s'", s->label) : 0;
}

/* ---- subjects ---- */

static struct subject *add_subject(struct measurement *m, int base)
{
	struct subject *s = &m->subjects[m->count++];

	s->base = base;
	s->object = -1;
	return s;
}

static int add_guard(const struct options *opt, const struct machine *machine,
		     const struct frame *frame, int object, struct measurement *m)
{
	const struct row *row = m->row;
	struct front_reset reset;
	struct subject *s = add_subject(m, 0), *base;
	const char *slash = strrchr(opt->objects[object], '/');
	int err;

	s->object = object;
	snprintf(s->label, sizeof(s->label), "%s", slash ? slash + 1 : opt->objects[object]);
	err = guard_load(opt->objects[object], machine, SG_MODE_POLICE, &s->guard);
	if (err)
		return err;
	s->target_fd = s->guard->program_fd;
	err = row->state->prepare(s->guard, row);
	if (err || !row->resets)
		return err ? err : make_front(row, frame, NULL, s);
	err = fill_reset(s->guard, frame, &reset);
	err = err ? err : make_front(row, frame, &reset, s);
	if (err)
		return err;
	/* The same front before a bare drop, in the guard's own table. */
	base = add_subject(m, -1);
	s->base = m->count - 1;
	snprintf(base->label, sizeof(base->label), "drop");
	base->guard = s->guard;
	base->target_fd = m->subjects[0].target_fd;
	return make_front(row, frame, &reset, base);
}

int subjects_load(const struct options *opt, const struct machine *machine, struct measurement *m)
{
	const struct row *row = m->row;
	const struct frame *frame = &m->frame;
	struct subject *drop = add_subject(m, -1);
	int err;

	frame_build(&row->shape, row->frame, row_cpu_bit(row), &m->frame);
	err = load_reference(opt, machine, row, "drop", frame, drop);

	err = err ? err : make_front(row, frame, NULL, drop);
	for (int i = 0; !err && i < REFERENCES_MAX && row->references[i]; i++) {
		struct subject *s = add_subject(m, 0);

		err = load_reference(opt, machine, row, row->references[i], frame, s);
		err = err ? err : make_front(row, frame, NULL, s);
	}
	for (int i = 0; !err && i < opt->object_count; i++)
		err = add_guard(opt, machine, frame, i, m);
	return err;
}

void subjects_free(struct measurement *m)
{
	for (int i = 0; i < m->count; i++) {
		struct subject *s = &m->subjects[i];

		program_front__destroy(s->front);
		bpf_object__close(s->reference);
		if (s->object >= 0)
			guard_free(s->guard);
		s->front = NULL;
		s->reference = NULL;
		s->guard = NULL;
	}
}
