/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of this folder share. Nobody else includes it. */
#ifndef SG_GUARD_INTERNAL_H
#define SG_GUARD_INTERNAL_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <limits.h>

#include "guard.h"
#include "../util/cleanup.h"
#include "../util/log.h"

struct scepguard_bpf;

struct sg_guard_link {
	char ifname[SG_CONFIG_IF_MAX];
	__u32 ifindex;
	int fd; /* -1 = not attached */
	bool native;
	bool made; /* by this process: a start that fails takes it off again */
	bool told; /* that it is missing */
};

struct sg_guard {
	const struct sg_config *conf; /* borrowed */
	struct scepguard_bpf *skel;
	char bpffs[SG_CONFIG_PATH_MAX];
	__u32 hz;
	__u32 time_scale;
	enum sg_mode highest;
	struct sg_times times;
	struct sg_live live; /* as written last; the daemon is its only writer */
	struct sg_service services[SG_SERVICES];
	__u32 index_of[SG_CONFIG_SERVICES_MAX]; /* configured service -> sg_services */
	struct sg_guard_link links[SG_CONFIG_INTERFACES_MAX];
	__u32 link_count;
	struct sg_endpoint
		endpoints[2 * SG_ENDPOINTS]; /* those in force, address entries included */
	__u32 endpoint_count;
	bool side_told[SG_SERVICES]; /* that the CA's side is unknown */
	bool anew;                   /* sg_conns was not pinned: no connection is known */
	bool keys_renewed;           /* by this process, in turn keys_turn */
	__u32 keys_turn;
	__u64 drain_since; /* intercept was left, as this process saw it; 0 = it was not, or all is over */
	__u32 drain_looks; /* so many in a row have found nothing left */
	__u64 drain_retry; /* not before this is the lower mode's program loaded */
};

/* Paths of pins: "<bpffs>/v<version>/maps/<name>". Returns 0 or -ENAMETOOLONG. */
int sg_guard_path(const struct sg_guard *g, const char *kind, const char *name, char out[PATH_MAX]);

/* guard_pins.c */
int sg_guard_pins_prepare(const struct sg_guard *g);
int sg_guard_pins_reuse(struct sg_guard *g, struct bpf_object *obj);
int sg_guard_pins_keep(struct sg_guard *g, struct bpf_object *obj);

/* guard_mode.c */
/* The highest mode the word asks for at now or will by itself. Pure. */
enum sg_mode sg_guard_mode_ahead(__u64 word, __u64 now);
/* The highest mode the program must be able to do when it starts with conf; sg_live was read. */
enum sg_mode sg_guard_mode_needed(struct sg_guard *g, const struct sg_config *conf, __u64 now);
/* Does this machine meet what the mode that conf leads to needs? takeover: at start, when it may hold already.
 * Each reason why not is logged. Returns 0 or negative errno.
 */
int sg_guard_mode_allowed(const struct sg_guard *g, const struct sg_config *conf, __u64 now,
			  bool takeover);
/* Make the program able to do this mode, everywhere. Returns 0 or negative errno. */
int sg_guard_mode_enable(struct sg_guard *g, enum sg_mode mode);
/* Note since when modes hold. Does not write sg_live. */
void sg_guard_mode_rises(struct sg_guard *g, enum sg_mode from, enum sg_mode to, __u64 when);
/* A trial that is over is taken out of the word. Does not write sg_live. */
void sg_guard_trial_end(struct sg_guard *g);

/* guard_drain.c */
/* What is left of intercept. Times in ticks. */
struct sg_drain_look {
	__u64 now;
	__u64 good_until; /* a cookie may be good until then; 0 = none was given */
	__u64 bound;      /* all that began with one must be over then */
	__u32 frames;     /* held; these two are 0 before good_until */
	__u32 spliced;    /* connections open */
};
/* May the lower mode's program take over? Pure. */
bool sg_drain_over(const struct sg_drain_look *look);
/* Is anything of intercept left? At start, with the maps of a guard that was there. */
bool sg_guard_drain_pending(struct sg_guard *g, __u64 now);
/* Once a second, after the heartbeat. */
void sg_guard_drain(struct sg_guard *g);

/* guard_keys.c */
/* Both keys, at first load. Returns 0 or negative errno. Does not write sg_live. */
int sg_guard_keys_first(struct sg_guard *g);
/* The idle one, once in its time. Does not write sg_live. */
void sg_guard_keys_renew(struct sg_guard *g);
/* In this time slot nobody looks at cookies of the half that is not its own, nor will soon. Pure. */
bool sg_guard_key_idle(__u32 slot);

/* guard_steps.c */
#define SG_STEPS_PREFIX "sg_steps_"
#define SG_STEPS_NAME   sizeof(SG_STEPS_PREFIX "4294967295")

/* Before load: which of intercept's programs are loaded at all. */
void sg_guard_steps_select(struct bpf_object *obj, enum sg_mode highest);
/* After load, before any link runs it: its steps, and the pin that holds them. Returns 0 or negative errno. */
int sg_guard_steps_fill(const struct sg_guard *g, struct bpf_object *obj, enum sg_mode highest);
/* After all links run this load: the pins of other loads go. */
void sg_guard_steps_settle(const struct sg_guard *g);
/* No link runs this load: its own pin goes. */
void sg_guard_steps_abandon(const struct sg_guard *g);

/* guard_load.c */
int sg_guard_measure_hz(__u32 *hz);
int sg_guard_load(struct sg_guard *g, enum sg_mode highest);
void sg_guard_unload(struct sg_guard *g);
struct bpf_map *sg_guard_bpf_map(const struct sg_guard *g, enum sg_guard_map map);
int sg_guard_program_fd(const struct sg_guard *g);
enum sg_guard_call {
	SG_CALL_CLOCK,
	SG_CALL_TAKE,
	SG_CALL_END,
	SG_CALL_TURN,
	SG_CALL_EXPIRE,
	SG_CALL_MAX_
};
int sg_guard_call_fd(const struct sg_guard *g, enum sg_guard_call call);

/* guard_attach.c */
/* Could every listed interface be attached to? Looks only; says what is in the way. */
int sg_guard_attach_check(struct sg_guard *g);
int sg_guard_attach_all(struct sg_guard *g);
int sg_guard_attach_one(struct sg_guard *g, struct sg_guard_link *link);
/* After another program was loaded: replace it everywhere, in one step each. ca_first: on the CA's side first,
 * as when spliced connections may begin; else last, as when none is left.
 */
int sg_guard_links_update(struct sg_guard *g, bool ca_first);
void sg_guard_attach_undo(struct sg_guard *g);
/* Does any link run this program? */
bool sg_guard_attached(const struct sg_guard *g);

/* guard_services.c */
/* The place in sg_services of every configured service: the one that carries its name, else a free
 * one. present: SG_SERVICES of them; index_of: conf->service_count, distinct. False: too many.
 */
bool sg_guard_place_services(const struct sg_service *present, const struct sg_config *conf,
			     __u32 *index_of);

/* After links or MTUs have changed: g->live.joined_above. Does not write sg_live. */
void sg_guard_joins_note(struct sg_guard *g);

/* guard_config.c */
/* All limits of a service in ticks, whatever was in force before. Pure. */
void sg_guard_fill_service(const struct sg_guard *g, const struct sg_conf_service *conf,
			   struct sg_service *svc);
int sg_guard_configure(struct sg_guard *g, const struct sg_config *conf);
int sg_guard_live_write(struct sg_guard *g);

/* guard_sides.c */
/* Before it is judged whether intercept can work: make the kernel find the CAs it has lost sight of, and bridges
 * learn them. Takes a second at most.
 */
void sg_guard_sides_ask(const struct sg_config *conf);
int sg_guard_endpoints_write(struct sg_guard *g, const struct sg_config *conf);

#endif
