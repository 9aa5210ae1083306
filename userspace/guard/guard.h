/* SPDX-License-Identifier: GPL-2.0-only */
/* The guard in the kernel, as the daemon holds it: load or take over, configure, attach, read.
 * Only this folder speaks libbpf's open, load and attach. Links and maps are pinned below
 * paths.bpffs, so everything goes on when the daemon dies, and a restarted one takes it over.
 */
#ifndef SG_GUARD_GUARD_H
#define SG_GUARD_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "../../bpf/abi/scepguard_abi.h"
#include "../../bpf/core/times.h"
#include "../config/config.h"

struct sg_guard;
struct sg_check_report; /* check/check.h */

/* Maps other modules read. */
enum sg_guard_map {
	SG_MAP_LIVE,
	SG_MAP_ENDPOINTS,
	SG_MAP_SERVICES,
	SG_MAP_BUDGETS,
	SG_MAP_CONNS,
	SG_MAP_CONN_RING,
	SG_MAP_SOURCES,
	SG_MAP_SYN_LIMITER,
	SG_MAP_REFUSED,
	SG_MAP_PREFIXES,
	SG_MAP_STATS,
	SG_MAP_PASSED,
	SG_MAP_EVENTS,
	SG_MAP_STEPS,
	SG_MAP_FRAMES,
	SG_MAP_WAITING,
	SG_MAP_EDGES,
	SG_MAP_QUESTIONS,
	SG_MAP_INTERCEPTS,
	SG_MAP_MAX_,
};

/* Where the program is attached. */
struct sg_guard_attachment {
	char ifname[16];
	__u32 ifindex;
	bool native;  /* false: generic */
	bool present; /* the interface exists and our program is on it */
};

/* Load the program (or take over what is pinned), fill the maps from conf and attach to every
 * listed interface. Refuses, with one message that says what to do, when another program is
 * attached, a pin has an unknown layout, or the kernel lacks something; then nothing is left
 * half attached. conf is borrowed until the next apply or close. Returns 0 or negative errno.
 */
int sg_guard_open(const struct sg_config *conf, struct sg_guard **ret);

/* Put a new configuration into the running guard. Table sizes, highest mode and pins cannot change
 * live: says so and keeps the old ones. On failure the old configuration goes on.
 */
int sg_guard_apply(struct sg_guard *g, const struct sg_config *conf);

/* Let go of the guard without detaching it: the data plane goes on alone. NULL is allowed. */
void sg_guard_close(struct sg_guard *g);

/* Close after a start that failed later on: what this process attached is detached, what it took over
 * goes on. NULL is allowed.
 */
void sg_guard_abandon(struct sg_guard *g);

/* Remove links, maps and pins below bpffs; works without daemon and configuration. -ENOENT: there is
 * nothing.
 */
int sg_guard_detach(const char *bpffs);

/* The program's clock now. Either pointer may be NULL. */
int sg_guard_clock(struct sg_guard *g, __u64 *ticks, __u64 *ktime_ns);

/* Ticks a second, as measured at load. */
__u32 sg_guard_hz(const struct sg_guard *g);

/* Conversion that heeds the time scale: of a configured duration to ticks, and of ticks to real ns. */
__u64 sg_guard_ticks(const struct sg_guard *g, __u64 configured_ns);
__u64 sg_guard_tick_ns(const struct sg_guard *g, __u64 ticks);

/* The constants of core/times.h in ticks of this guard. */
const struct sg_times *sg_guard_times(const struct sg_guard *g);

int sg_guard_map_fd(const struct sg_guard *g, enum sg_guard_map map);
__u32 sg_guard_map_entries(const struct sg_guard *g, enum sg_guard_map map); /* its capacity */

/* Attachments in the order of the configuration. Returns how many were written (at most max). */
size_t sg_guard_attachments(struct sg_guard *g, struct sg_guard_attachment *out, size_t max);

/* The mode the data plane obeys now (a timed trial may have ended by itself); until_ticks: when a
 * trial ends, 0 = for good; then: the mode after it.
 */
int sg_guard_mode(struct sg_guard *g, enum sg_mode *now, enum sg_mode *then, __u64 *until_ticks);

/* Set the mode, for good (trial_ticks 0) or for trial_ticks from when it is in force (loading a program takes its
 * time), falling back to the mode before. Returns 0 or a negative errno; what the mode needs and this
 * machine lacks, if it is that, is logged, and written to @missing unless NULL (untouched otherwise).
 */
int sg_guard_set_mode(struct sg_guard *g, enum sg_mode mode, __u64 trial_ticks,
		      struct sg_check_report *missing);

/* Intercept was left, and what it began is not over yet: its program stays for so long. */
bool sg_guard_draining(const struct sg_guard *g);

/* Once a second: heartbeat; re-resolve where the CA is behind when `routes_changed`; re-attach to
 * interfaces that came back. Returns 0, -ESTALE when the guard was detached (nothing is attached
 * again then), or the first error (each is logged once).
 */
int sg_guard_tend(struct sg_guard *g, bool routes_changed);

/* Inject one frame as if received on ifindex (BPF_F_TEST_XDP_LIVE_FRAMES): the running program sees
 * it and XDP_PASS delivers it to the stack. len: 14..SG_FRAME_MAX. Returns 0 or negative errno.
 */
int sg_guard_inject(struct sg_guard *g, __u32 ifindex, const void *frame, size_t len);

/* Close the entry of this connection if its time is over still: from then on the program passes the RSTs
 * that the caller injects, and believes nothing of them. Returns 1 when it did, 0 when not, or
 * negative errno.
 */
int sg_guard_end(struct sg_guard *g, const struct sg_conn_key *key, __u64 generation);

/* Take one place and slot for a connection of the guard's own, from the same budget and by the same
 * code as XDP. *call is filled in and out as scepguard_abi.h says.
 */
int sg_guard_take(struct sg_guard *g, struct sg_take_call *call);

/* Give place and slot to a held connection, or take one out whose time is over: *call is filled in and out
 * as scepguard_abi.h says. Return 0, or a negative errno (-ENOENT: the program cannot intercept).
 */
int sg_guard_turn(struct sg_guard *g, struct sg_turn_call *call);
int sg_guard_expire(struct sg_guard *g, struct sg_expire_call *call);

/* Find the endpoint id that belongs to an entry of sg_endpoints; false when it is gone. */
bool sg_guard_endpoint(const struct sg_guard *g, __u16 id, struct sg_endpoint *ret);

#endif
