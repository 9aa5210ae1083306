// SPDX-License-Identifier: GPL-2.0-only
/* The mode in force: one word that the program obeys (docs/decisions/0006). Entering intercept: first the
 * program everywhere, on the CA's side before the clients', then the word; leaving: the word only, the
 * rest is guard_drain.c's.
 */
#include <errno.h>

#include "guard_internal.h"
#include "../../bpf/core/endpoint.h"
#include "../check/check.h"

static enum sg_mode higher(enum sg_mode a, enum sg_mode b)
{
	return a > b ? a : b;
}

enum sg_mode sg_guard_mode_ahead(__u64 word, __u64 now)
{
	enum sg_mode mode = (enum sg_mode)sg_mode_now(word, now);

	return word >> 8 > now ? higher(mode, (enum sg_mode)(word >> 4 & 0xf)) : mode;
}

/* The file's, and what a takeover finds in force or not yet over. */
enum sg_mode sg_guard_mode_needed(struct sg_guard *g, const struct sg_config *conf, __u64 now)
{
	enum sg_mode need = (enum sg_mode)conf->mode, ahead;

	if (!g->live.loaded)
		return need;
	ahead = sg_guard_mode_ahead(g->live.mode_word, now);
	if (g->live.config_mode == (__u32)conf->mode)
		need = higher(need, ahead);
	if (ahead >= SG_MODE_INTERCEPT || sg_guard_drain_pending(g, now))
		need = SG_MODE_INTERCEPT;
	return need;
}

int sg_guard_mode_allowed(const struct sg_guard *g, const struct sg_config *conf, __u64 now,
			  bool takeover)
{
	bool same = g->live.loaded && g->live.config_mode == (__u32)conf->mode;
	bool began =
		g->live.loaded && sg_guard_mode_ahead(g->live.mode_word, now) >= SG_MODE_INTERCEPT;

	if (same ? !began : conf->mode != SG_CONFIG_MODE_INTERCEPT)
		return 0;
	sg_guard_sides_ask(conf);
	if (!takeover || !began)
		return sg_check_intercept(conf, SG_LOG_ERROR, NULL);
	/* It intercepts already, with the daemon or without it: better with. */
	sg_check_intercept(conf, SG_LOG_WARNING, NULL);
	return 0;
}

int sg_guard_mode_enable(struct sg_guard *g, enum sg_mode mode)
{
	int err;

	if (mode <= g->highest)
		return 0;
	err = sg_guard_load(g, mode);
	if (!err)
		err = sg_guard_links_update(g, true);
	if (!err)
		sg_guard_steps_settle(g);
	return err;
}

void sg_guard_mode_rises(struct sg_guard *g, enum sg_mode from, enum sg_mode to, __u64 when)
{
	if (from < SG_MODE_POLICE && to >= SG_MODE_POLICE)
		g->live.police_since = when;
	if (from < SG_MODE_INTERCEPT && to >= SG_MODE_INTERCEPT)
		g->live.intercept_since = when;
}

int sg_guard_mode(struct sg_guard *g, enum sg_mode *now, enum sg_mode *then, __u64 *until_ticks)
{
	__u64 ticks;
	int err = sg_guard_clock(g, &ticks, NULL);

	if (err)
		return err;
	*now = sg_mode_now(g->live.mode_word, ticks);
	*then = (g->live.mode_word >> 4) & 0xf;
	*until_ticks = g->live.mode_word >> 8;
	if (*until_ticks && ticks >= *until_ticks)
		*until_ticks = 0;
	return 0;
}

/* Whatever takes its time: what the mode needs, and the program that can do it. */
static int prepare_mode(struct sg_guard *g, enum sg_mode mode, struct sg_check_report *missing)
{
	enum sg_mode before, then;
	__u64 until;
	int err = sg_guard_mode(g, &before, &then, &until);

	if (!err && mode >= SG_MODE_INTERCEPT && before < SG_MODE_INTERCEPT) {
		sg_guard_sides_ask(g->conf);
		err = sg_check_intercept(g->conf, SG_LOG_ERROR, missing);
	}
	return err ? err : sg_guard_mode_enable(g, mode);
}

int sg_guard_set_mode(struct sg_guard *g, enum sg_mode mode, __u64 trial_ticks,
		      struct sg_check_report *missing)
{
	enum sg_mode before, then;
	__u64 ticks, until;
	int err = prepare_mode(g, mode, missing);

	/* Only now: a trial begins when its mode is in force. */
	if (!err)
		err = sg_guard_clock(g, &ticks, NULL);
	if (!err)
		err = sg_guard_mode(g, &before, &then, &until);
	if (err)
		return err;
	/* A trial within a trial falls back to what the first one would have fallen back to. */
	if (!until)
		then = before;
	sg_guard_mode_rises(g, before, mode, ticks);
	/* A trial of a lower mode ends in the higher one by the program itself. */
	if (trial_ticks)
		sg_guard_mode_rises(g, mode, then, ticks + trial_ticks);
	g->live.mode_word = trial_ticks ? SG_MODE_WORD(mode, then, ticks + trial_ticks)
					: SG_MODE_WORD(mode, mode, 0);
	return sg_guard_live_write(g);
}

/* The data plane falls back by itself when a trial is over. Say so, and keep the word of it, so that
 * whoever reads it without the daemon does not find a trial that ended long ago.
 */
void sg_guard_trial_end(struct sg_guard *g)
{
	enum sg_mode tried = g->live.mode_word & 0xf, then = (g->live.mode_word >> 4) & 0xf;
	__u64 until = g->live.mode_word >> 8;

	if (!until || g->live.heartbeat < until)
		return;
	g->live.mode_word = SG_MODE_WORD(then, then, 0);
	sg_log_warning("nobody confirmed mode '%s': its trial is over, back in '%s'",
		       sg_config_mode_name((enum sg_config_mode)tried),
		       sg_config_mode_name((enum sg_config_mode)then));
}
