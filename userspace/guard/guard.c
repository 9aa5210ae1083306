// SPDX-License-Identifier: GPL-2.0-only
/* Life of the guard: open, apply, tend, close; calls into the program. */
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "guard_internal.h"
#include "../../bpf/core/endpoint.h"

static void list_links(struct sg_guard *g, const struct sg_config *conf)
{
	for (__u32 i = 0; i < SG_CONFIG_INTERFACES_MAX; i++)
		g->links[i].fd = -1;
	g->link_count = conf->interface_count;
	for (__u32 i = 0; i < conf->interface_count; i++)
		snprintf(g->links[i].ifname, sizeof(g->links[i].ifname), "%s", conf->interfaces[i]);
}

/* What is pinned already? The live word says which mode the data plane may be in. */
static int read_live(struct sg_guard *g)
{
	__u32 zero = 0;

	if (bpf_map_lookup_elem(sg_guard_map_fd(g, SG_MAP_LIVE), &zero, &g->live))
		return sg_log_err(-errno, "cannot read the live configuration");
	return 0;
}

static int open_loaded(struct sg_guard *g, const struct sg_config *conf)
{
	enum sg_mode need;
	__u64 now;
	int err = sg_guard_load(g, (enum sg_mode)conf->mode);

	if (!err)
		err = read_live(g);
	if (!err)
		err = sg_guard_clock(g, &now, NULL);
	if (err)
		return err;
	err = sg_guard_mode_allowed(g, conf, now, true);
	if (err)
		return err;
	need = sg_guard_mode_needed(g, conf, now);
	if (need > g->highest)
		err = sg_guard_load(g, need);
	/* Before anything is written: a guard that is there keeps its mode and limits when we fail. */
	if (!err)
		err = sg_guard_attach_check(g);
	if (!err)
		err = sg_guard_configure(g, conf);
	return err;
}

/* A start that failed. A guard that was there before goes on; otherwise nothing is left. */
static void open_undo(struct sg_guard *g)
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;
	char path[PATH_MAX];
	bool attached = false;

	sg_guard_attach_undo(g);
	if (!sg_guard_attached(g))
		sg_guard_steps_abandon(g);
	if (!sg_guard_path(g, "links", "", path))
		dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		attached |= entry->d_name[0] != '.';
	if (dir && !attached)
		sg_guard_detach(g->bpffs);
}

int sg_guard_open(const struct sg_config *conf, struct sg_guard **ret)
{
	struct sg_guard *g = calloc(1, sizeof(*g));
	int err;

	if (!g)
		return -ENOMEM;
	g->conf = conf;
	g->time_scale = conf->time_scale;
	snprintf(g->bpffs, sizeof(g->bpffs), "%s", conf->paths.bpffs);
	list_links(g, conf);
	err = sg_guard_measure_hz(&g->hz);
	if (!err)
		err = sg_guard_pins_prepare(g);
	if (!err) {
		err = open_loaded(g, conf);
		if (!err)
			err = sg_guard_attach_all(g);
		if (!err) {
			sg_guard_steps_settle(g);
			sg_guard_joins_note(g);
			err = sg_guard_live_write(g);
		}
		if (err)
			open_undo(g);
	}
	if (err) {
		sg_guard_close(g);
		return err;
	}
	*ret = g;
	return 0;
}

void sg_guard_close(struct sg_guard *g)
{
	if (!g)
		return;
	for (__u32 i = 0; i < SG_CONFIG_INTERFACES_MAX; i++)
		if (g->links[i].fd >= 0)
			close(g->links[i].fd);
	sg_guard_unload(g);
	free(g);
}

void sg_guard_abandon(struct sg_guard *g)
{
	if (g)
		open_undo(g);
	sg_guard_close(g);
}

static bool same_interfaces(const struct sg_guard *g, const struct sg_config *conf)
{
	if (conf->interface_count != g->link_count)
		return false;
	for (__u32 i = 0; i < g->link_count; i++)
		if (strcmp(conf->interfaces[i], g->links[i].ifname))
			return false;
	return true;
}

static bool same_tables(const struct sg_config *a, const struct sg_config *b)
{
	return a->tables.connections == b->tables.connections &&
	       a->tables.sources == b->tables.sources && a->tables.held == b->tables.held &&
	       a->tables.syn_limiter == b->tables.syn_limiter;
}

int sg_guard_apply(struct sg_guard *g, const struct sg_config *conf)
{
	int err;

	if (!same_interfaces(g, conf))
		return sg_log_refusal(
			-EOPNOTSUPP,
			"interfaces cannot change by reload: restart the daemon (traffic "
			"is guarded all the while)");
	if (conf->time_scale != g->time_scale || strcmp(conf->paths.bpffs, g->bpffs))
		return sg_log_refusal(
			-EOPNOTSUPP,
			"time_scale and paths.bpffs cannot change by reload: `scepguard "
			"detach`, then start again");
	if (!same_tables(conf, g->conf))
		sg_log_warning("tables keep their sizes until `scepguard detach` and a start");
	err = sg_guard_mode_allowed(g, conf, g->live.heartbeat, false);
	if (!err)
		err = sg_guard_mode_enable(g, (enum sg_mode)conf->mode);
	if (err)
		return err;
	err = sg_guard_configure(g, conf);
	if (err) {
		/* Services are written one by one: put the old ones back. */
		sg_guard_configure(g, g->conf);
		return err;
	}
	g->conf = conf;
	return 0;
}

/* For a syscall program ctx_in is also where the result comes back (ctx_out must be absent). */
int sg_guard_clock(struct sg_guard *g, __u64 *ticks, __u64 *ktime_ns)
{
	struct sg_clock_call call = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &call, .ctx_size_in = sizeof(call));

	if (bpf_prog_test_run_opts(sg_guard_call_fd(g, SG_CALL_CLOCK), &opts))
		return sg_log_err(-errno, "cannot read the data plane's clock");
	if (ticks)
		*ticks = call.ticks;
	if (ktime_ns)
		*ktime_ns = call.ktime_ns;
	return 0;
}

int sg_guard_take(struct sg_guard *g, struct sg_take_call *call)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = call, .ctx_size_in = sizeof(*call));

	if (bpf_prog_test_run_opts(sg_guard_call_fd(g, SG_CALL_TAKE), &opts))
		return sg_log_err(-errno, "cannot take a place from the budget");
	return opts.retval ? -ENOSPC : 0;
}

int sg_guard_end(struct sg_guard *g, const struct sg_conn_key *key, __u64 generation)
{
	struct sg_end_call call = {.key = *key, .generation = generation};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &call, .ctx_size_in = sizeof(call));

	if (bpf_prog_test_run_opts(sg_guard_call_fd(g, SG_CALL_END), &opts))
		return -errno;
	return call.ended;
}

/* Run one of the calls that only a program which can intercept has. */
static int run_call(const struct sg_guard *g, enum sg_guard_call which, void *call, __u32 size)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = call, .ctx_size_in = size);
	int fd = sg_guard_call_fd(g, which);

	if (fd < 0)
		return fd;
	return bpf_prog_test_run_opts(fd, &opts) ? -errno : 0;
}

int sg_guard_turn(struct sg_guard *g, struct sg_turn_call *call)
{
	return run_call(g, SG_CALL_TURN, call, sizeof(*call));
}

int sg_guard_expire(struct sg_guard *g, struct sg_expire_call *call)
{
	return run_call(g, SG_CALL_EXPIRE, call, sizeof(*call));
}

int sg_guard_inject(struct sg_guard *g, __u32 ifindex, const void *frame, size_t len)
{
	struct xdp_md ctx = {.data_end = len, .ingress_ifindex = ifindex};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = len, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .repeat = 1,
		    .batch_size = 1);

	if (len < 14 || len > SG_FRAME_MAX)
		return -EINVAL;
	return bpf_prog_test_run_opts(sg_guard_program_fd(g), &opts) ? -errno : 0;
}

/* An interface that came back (driver reload, container restart) gets the program again. */
static void tend_links(struct sg_guard *g)
{
	struct sg_guard_attachment now[SG_CONFIG_INTERFACES_MAX];
	size_t n = sg_guard_attachments(g, now, SG_CONFIG_INTERFACES_MAX);

	for (size_t i = 0; i < n; i++) {
		struct sg_guard_link *link = &g->links[i];

		if (now[i].present) {
			link->told = false;
			continue;
		}
		if (!link->told)
			sg_log_warning("interface '%s' is gone: not guarded there", link->ifname);
		link->told = true;
		if (!if_nametoindex(link->ifname))
			continue;
		if (link->fd >= 0)
			close(link->fd);
		link->fd = -1;
		if (!sg_guard_attach_one(g, link))
			sg_log_info("interface '%s' is back: attached", link->ifname);
	}
}

/* `scepguard detach` came by: no pin and no attachment is left. (Pins alone may be hidden by a mount,
 * attachments alone may be gone with their interface.)
 */
static bool is_detached(struct sg_guard *g)
{
	struct sg_guard_attachment now[SG_CONFIG_INTERFACES_MAX];
	size_t n = sg_guard_attachments(g, now, SG_CONFIG_INTERFACES_MAX);
	char path[PATH_MAX];

	for (size_t i = 0; i < n; i++)
		if (now[i].present)
			return false;
	return !sg_guard_path(g, "links", "", path) && access(path, F_OK) && errno == ENOENT;
}

int sg_guard_tend(struct sg_guard *g, bool routes_changed)
{
	int err = sg_guard_clock(g, &g->live.heartbeat, NULL);

	if (err)
		return err;
	if (is_detached(g))
		return -ESTALE;
	sg_guard_trial_end(g);
	sg_guard_keys_renew(g);
	sg_guard_drain(g);
	if (routes_changed) {
		tend_links(g);
		sg_guard_joins_note(g);
		err = sg_guard_endpoints_write(g, g->conf);
	}
	return err ? err : sg_guard_live_write(g);
}
