// SPDX-License-Identifier: GPL-2.0-only
/* Keys of the SYN cookies (core/cookie.h). Two halves take turns, a half for 1 << SG_COOKIE_KEY_SHIFT time
 * slots; the idle one is renewed in each turn, when no cookie made with it is looked at any more. Without
 * a daemon the halves repeat.
 */
#include <errno.h>
#include <sys/random.h>

#include "guard_internal.h"
#include "../../bpf/core/cookie.h"

#define SLOTS_OF_KEY (1u << SG_COOKIE_KEY_SHIFT)
/* Not near the end of a turn: the half must be written whole before it is used. */
#define LAST_SLOTS 8u

bool sg_guard_key_idle(__u32 slot)
{
	__u32 of_turn = slot & (SLOTS_OF_KEY - 1);

	return of_turn >= SG_COOKIE_SLOTS && of_turn < SLOTS_OF_KEY - LAST_SLOTS;
}

static int draw(__u64 key[2])
{
	__u64 fresh[2];

	if (getrandom(fresh, sizeof(fresh), 0) != (ssize_t)sizeof(fresh))
		return sg_log_err(errno ? -errno : -EIO,
				  "cannot get random bytes for the cookies' key");
	key[0] = fresh[0];
	key[1] = fresh[1];
	return 0;
}

int sg_guard_keys_first(struct sg_guard *g)
{
	int err = draw(g->live.cookie_key[0]);

	return err ? err : draw(g->live.cookie_key[1]);
}

void sg_guard_keys_renew(struct sg_guard *g)
{
	__u32 slot = (__u32)(g->live.heartbeat / g->times.cookie_slot);
	__u32 turn = slot >> SG_COOKIE_KEY_SHIFT;

	if (!sg_guard_key_idle(slot) || (g->keys_renewed && g->keys_turn == turn))
		return;
	if (draw(g->live.cookie_key[!(turn & 1)]))
		return;
	g->keys_renewed = true;
	g->keys_turn = turn;
}
