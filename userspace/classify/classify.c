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

int sg_classifier_open(const struct sg_classify_service *services, size_t count, enum sg_mode mode,
		       bool both_sides, struct sg_classifier **ret)
{
	struct sg_classifier *c;
	int err;

	if (!count || count > SG_CLASSIFY_SERVICES_MAX)
		return -EINVAL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->mode = mode;
	c->both_sides = both_sides;
	err = stay_on_cpu(c);
	if (!err)
		err = sg_classifier_load(c);
	if (!err)
		err = sg_classifier_configure(c, services, count);
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
	sg_fates_free(&c->fates);
	sg_peers_clear(&c->peers);
	free(c->flows);
	free(c);
}

int sg_classifier_begin(struct sg_classifier *c)
{
	int err;

	sg_record_clear(&c->record);
	sg_fates_clear(&c->fates);
	sg_peers_clear(&c->peers);
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
	struct sg_peer *peer;
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
	peer = sg_peers_find(&c->peers, &key);
	if (peer && conn.flags & SG_CONN_SPLICED && conn.splice.cookie == peer->cookie)
		peer->met = true;
	return sg_record_note(&c->record, &key, &conn);
}

void sg_classifier_keep_sent(struct sg_classifier *c, bool keep)
{
	c->fates.keep_sent = keep;
}

int sg_classifier_run(struct sg_classifier *c, const void *frame, size_t len,
		      struct sg_classify_out *out)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (__u32)len,
		    .data_out = out->frame, .data_size_out = sizeof(out->frame), .repeat = 1);

	if (bpf_prog_test_run_opts(c->program_fd, &opts))
		return -errno;
	if (opts.retval == XDP_ABORTED)
		return -EPROTO;
	out->action = opts.retval;
	out->len = opts.data_size_out;
	return note_conn(c);
}

int sg_classifier_plain(struct sg_classifier *c, const void *frame, size_t len)
{
	struct sg_classify_out out;
	int err = sg_classifier_run(c, frame, len, &out);

	if (err)
		return err;
	if (out.action != XDP_PASS || out.len != len || memcmp(out.frame, frame, len))
		err = sg_fates_drop(&c->fates, c->index);
	if (!err && out.action == XDP_PASS)
		err = sg_fates_send(&c->fates, c->index, out.frame, out.len);
	return err;
}

int sg_classifier_frame(struct sg_classifier *c, const void *frame, size_t len)
{
	int err = 0;

	c->index = c->frames++;
	if (len > SG_CLASSIFY_FRAME_MAX)
		return -EMSGSIZE;
	if (len < SG_CLASSIFY_FRAME_MIN)
		return 0;
	c->used = true;
	if (c->index % SG_RENEW_FRAMES == SG_RENEW_FRAMES - 1)
		err = sg_classifier_renew_leases(c);
	if (err)
		return err;
	return c->mode == SG_MODE_INTERCEPT ? sg_intercept_frame(c, frame, len)
					    : sg_classifier_plain(c, frame, len);
}

int sg_classifier_end(struct sg_classifier *c, struct sg_classify_result *ret)
{
	int err = c->mode == SG_MODE_INTERCEPT ? sg_intercept_finish(c) : 0;

	err = err ? err : sg_record_finish(&c->record);
	if (err)
		return err;
	*ret = (struct sg_classify_result){
		.requests = c->record.requests,
		.request_count = c->record.request_count,
		.tracked = c->record.conn_count > 0 || c->peers.first,
		.dropped = c->fates.dropped,
		.dropped_count = c->fates.dropped_count,
		.sent_kept = c->fates.keep_sent,
		.sent = c->fates.sent,
		.sent_count = c->fates.sent_count,
	};
	return 0;
}
