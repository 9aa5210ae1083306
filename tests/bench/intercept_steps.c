// SPDX-License-Identifier: GPL-2.0-only
/* Packets that change what the guard knows, and so go through once each: a request that is admitted, and the CA's SYN-ACK to
 * it.
 */
#include "intercept_cost.h"

/* What the program takes for one packet, by the kernel's own account (BPF_STATS_RUN_TIME). */
static int program_time(int fd, __u64 *ns, __u64 *runs)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		return -errno;
	*ns = info.run_time_ns;
	*runs = info.run_cnt;
	return 0;
}

static int timed(struct scene *s, int fd, struct packet p, bool ca, int wanted,
		 struct cost_step *step)
{
	__u64 before = 0, after = 0, runs = 0, runs_after = 0;
	uint8_t bytes[PACKET_MAX];
	size_t len = packet_build(&p, bytes);
	const int own = s->guard->program_fd;
	int err = program_time(fd, &before, &runs), action;

	s->guard->program_fd = fd;
	action = err ? err : scene_packet(s, bytes, len, ca);
	s->guard->program_fd = own;
	err = err ? err : program_time(fd, &after, &runs_after);
	if (err || action != wanted || runs_after != runs + 1)
		return bench_error(-EPROTO, "%s: the program says %d, expected %d", step->says,
				   action, wanted);
	step->samples[step->count++] = (double)(after - before);
	return 0;
}

static int one_request(struct scene *s, int drop_fd, struct cost_step *steps)
{
	const __u32 end = CLIENT_ISN + 1 + strlen(OPERATION);
	int err = scene_greet(s);

	err = err ? err
		  : timed(s, drop_fd, scene_request(s, OPERATION), false, XDP_DROP,
			  &steps[STEP_BARE_DROP]);
	err = err ? err
		  : timed(s, s->guard->program_fd, scene_request(s, OPERATION), false, XDP_PASS,
			  &steps[STEP_ADMITTED]);
	err = err ? err
		  : timed(s, s->guard->program_fd, scene_syn_ack(s), true, XDP_TX,
			  &steps[STEP_SYN_ACK]);
	/* Over: the frame is free again, the slot too. */
	err = err ? err
		  : scene_send(s, scene_from_ca(s, SG_TCP_ACK, CA_ISN + 1, end, NULL, 0), true,
			       XDP_PASS, "ACK of the CA");
	err = err ? err
		  : scene_send(s,
			       scene_from_ca(s, SG_TCP_RST | SG_TCP_ACK, CA_ISN + 1, end, NULL, 0),
			       true, XDP_PASS, "RST of the CA");
	guard_read_events(s->guard);
	return err;
}

int scene_steps(struct scene *s, int drop_fd, int times, struct cost_step *steps)
{
	int err = 0;

	s->family = 4;
	for (int i = 0; !err && i < times; i++)
		err = one_request(s, drop_fd, steps);
	return err;
}
