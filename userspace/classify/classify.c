// SPDX-License-Identifier: GPL-2.0-only
/* One private copy of the guard, fed frame by frame. After each frame the connection it belonged to
 * is looked up: the program leaves that key in sg_flows, so nothing is parsed a second time.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "../util/log.h"

const char *sg_classify_name(__u8 request_class)
{
	static const char *const names[SG_REQUEST_MAX_] = {
#define X(identifier, label) [SG_REQUEST_##identifier] = label,
		SG_REQUEST_CLASSES(X)
#undef X
	};

	return request_class < SG_REQUEST_MAX_ ? names[request_class] : "undecided";
}

/* sg_flows is per CPU: stay on this one. */
static int stay_on_cpu(struct sg_classifier *c)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	if (cpu < 0 || cpu >= CPU_SETSIZE)
		return sg_log_refusal(-EOPNOTSUPP, "cannot tell the CPU this runs on");
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		return sg_log_err(-errno, "cannot stay on CPU %d", cpu);
	c->cpu = (__u32)cpu;
	return 0;
}

int sg_classifier_open(const struct sg_classify_service *services, size_t count, bool both_sides,
		       struct sg_classifier **ret)
{
	struct sg_classifier *c;
	int err;

	if (!count || count > SG_CLASSIFY_SERVICES_MAX)
		return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	err = stay_on_cpu(c);
	if (!err)
		err = sg_classifier_load(c);
	if (!err)
		err = sg_classifier_configure(c, services, count, both_sides);
	if (err) {
		sg_classifier_close(c);
		return err;
	}
	*ret = c;
	return 0;
}

void sg_classifier_close(struct sg_classifier *c)
{
	if (!c)
		return;
	sg_classifier_unload(c);
	sg_record_free(&c->record);
	free(c->flows);
	free(c);
}

int sg_classifier_begin(struct sg_classifier *c)
{
	int err;

	sg_record_clear(&c->record);
	sg_classifier_clock_begin(c);
	c->frames = 0;
	if (!c->used)
		return 0;
	c->used = false;
	err = sg_classifier_empty(c);
	return err ? err : sg_classifier_generation(c, &c->first_generation);
}

/* Look at the connection the program worked on last. */
static int note_conn(struct sg_classifier *c)
{
	struct sg_conn_key key;
	struct sg_conn conn;
	__u32 zero = 0;

	if (bpf_map_lookup_elem(c->flows_fd, &zero, c->flows))
		return -errno;
	memcpy(&key, c->flows + c->cpu * c->flow_size + c->key_offset, sizeof(key));
	if (bpf_map_lookup_elem(c->conns_fd, &key, &conn))
		return errno == ENOENT ? 0 : -errno;
	if (conn.generation <= c->first_generation)
		return 0;
	if (conn.generation - c->first_generation > SG_CLASSIFY_CONNS)
		return -ENOSPC;
	return sg_record_note(&c->record, &key, &conn);
}

/* Run the program on one frame. *same: it was passed as it is. */
static int run_frame(struct sg_classifier *c, const void *frame, size_t len, bool *same)
{
	__u8 out[SG_CLASSIFY_FRAME_MAX] = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (__u32)len,
		    .data_out = out, .data_size_out = sizeof(out), .repeat = 1);

	if (bpf_prog_test_run_opts(c->program_fd, &opts))
		return -errno;
	*same = opts.retval == XDP_PASS && opts.data_size_out == len && !memcmp(out, frame, len);
	return opts.retval == XDP_ABORTED ? -EPROTO : 0;
}

int sg_classifier_frame(struct sg_classifier *c, const void *frame, size_t len, bool *dropped)
{
	bool same = true;
	int err = 0;

	if (len > SG_CLASSIFY_FRAME_MAX)
		return -EMSGSIZE;
	if (len >= SG_CLASSIFY_FRAME_MIN) {
		c->used = true;
		if (c->frames++ % SG_RENEW_FRAMES == SG_RENEW_FRAMES - 1)
			err = sg_classifier_renew_leases(c);
		if (!err)
			err = run_frame(c, frame, len, &same);
		if (!err)
			err = note_conn(c);
	}
	if (err)
		return err;
	*dropped = !same;
	return 0;
}

int sg_classifier_end(struct sg_classifier *c, struct sg_classify_result *ret)
{
	int err = sg_record_finish(&c->record);

	if (err)
		return err;
	*ret = (struct sg_classify_result){
		.requests = c->record.requests,
		.request_count = c->record.request_count,
		.tracked = c->record.conn_count > 0,
	};
	return 0;
}
