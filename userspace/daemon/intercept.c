// SPDX-License-Identifier: GPL-2.0-only
/* What the daemon does for intercept, in the loop: rounds of the turnkeeper, answers of the guard's own, texts of
 * questions. Nothing here blocks, and all of it may come late: the data plane goes on by itself.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "clock.h"
#include "run.h"
#include "../util/cleanup.h"
#include "../util/log.h"

/* As configured, so divided by the time scale. */
#define SOURCE_PAUSE_NS (250 * SG_NS_PER_MS)
/* Not much longer than a CA takes to answer. */
#define QUESTION_PAUSE_NS (100 * SG_NS_PER_MS)
#define EXPIRE_AFTER_NS   (2 * SG_NS_PER_S)

#define DAEMON_OF(watch, member) \
	((struct sg_daemon *)((char *)(watch)-offsetof(struct sg_daemon, member)))

/* ---- Turns ---- */

static int call_turn(void *guard, struct sg_turn_call *call)
{
	return sg_guard_turn(guard, call);
}

static int call_expire(void *guard, struct sg_expire_call *call)
{
	return sg_guard_expire(guard, call);
}

static int call_inject(void *guard, __u32 ifindex, const void *frame, size_t len)
{
	return sg_guard_inject(guard, ifindex, frame, len);
}

/* While somebody waits, or never. */
static void set_rounds(struct sg_daemon *d, bool wanted)
{
	const struct timespec interval = {.tv_nsec = wanted ? SG_TURNS_ROUND_NS : 0};
	const struct itimerspec spec = {.it_interval = interval, .it_value = interval};

	if (wanted != d->rounds_run && !timerfd_settime(d->rounds.fd, 0, &spec, NULL))
		d->rounds_run = wanted;
}

static void rounds_ready(struct sg_loop_watch *w, __u32 events)
{
	struct sg_daemon *d = DAEMON_OF(w, rounds);
	__u64 expirations, now;

	(void)events;
	if (read(w->fd, &expirations, sizeof(expirations)) != sizeof(expirations))
		return;
	/* Who came to wait since then wakes nobody, if others wait already. */
	ring_buffer__consume(d->ring);
	if (!sg_guard_clock(d->guard, &now, NULL))
		sg_turns_round(&d->turns, now);
	set_rounds(d, sg_turns_wanted(&d->turns));
}

static int open_turns(struct sg_daemon *d)
{
	int err = sg_turns_open(&d->turns, sg_guard_map_fd(d->guard, SG_MAP_FRAMES),
				sg_guard_map_entries(d->guard, SG_MAP_FRAMES),
				sg_guard_map_fd(d->guard, SG_MAP_INTERCEPTS));

	if (err)
		return err;
	d->turns.calls = (struct sg_turns_calls){call_turn, call_expire, call_inject, d->guard};
	d->turns.times = (struct sg_turns_times){
		.source_pause = sg_guard_ticks(d->guard, SOURCE_PAUSE_NS),
		.question_pause = sg_guard_ticks(d->guard, QUESTION_PAUSE_NS),
		.expire_after = sg_guard_ticks(d->guard, EXPIRE_AFTER_NS),
		.lowest_asks = sg_guard_times(d->guard)->asked_recent / 2,
	};
	return 0;
}

int sg_run_intercept_open(struct sg_daemon *d)
{
	int err = open_turns(d);
	int fd;

	if (err)
		return err;
	for (__u32 i = 0; i < SG_SERVICES; i++)
		sg_edges_begin(&d->edges, i);
	fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	d->rounds = (struct sg_loop_watch){fd, rounds_ready};
	return sg_loop_add(&d->loop, &d->rounds, EPOLLIN);
}

void sg_run_intercept_close(struct sg_daemon *d)
{
	if (d->rounds.fd >= 0)
		close(d->rounds.fd);
	d->rounds.fd = -1;
	sg_turns_close(&d->turns);
}

/* ---- Answers of the guard's own ---- */

static bool is_learned(const struct sg_daemon *d, __u32 service, __u64 hash)
{
	const struct sg_question_bucket *b =
		&d->tables.questions[service][hash % SG_QUESTION_BUCKETS];

	for (int i = 0; hash && i < SG_QUESTION_SLOTS; i++)
		if (b->slot[i].hash == hash)
			return true;
	return false;
}

static bool words_stay(const struct sg_daemon *d, __u32 service)
{
	return is_learned(d, service, d->edges.as_ca_question[service]);
}

/* While it is written a packet may read half of each: its checksum is wrong then, and its client asks again. */
static void write_edges(struct sg_daemon *d, __u32 service)
{
	int fd = sg_guard_map_fd(d->guard, SG_MAP_EDGES);

	for (__u32 kind = 0; kind < SG_EDGE_MAX_; kind++) {
		__u32 index = service * SG_EDGE_MAX_ + kind;

		if (d->edges.dirty[service][kind] &&
		    !bpf_map_update_elem(fd, &index, &d->edges.answers[service][kind], BPF_ANY))
			d->edges.dirty[service][kind] = false;
	}
}

static void tend_edges(struct sg_daemon *d)
{
	for (__u32 i = 0; i < d->conf->service_count; i++) {
		const struct sg_conf_service *conf = &d->conf->services[i];
		int index = d->services[i].index;

		if (index < 0)
			continue;
		sg_edges_configure(
			&d->edges, index,
			sg_edges_retry_after(conf->limits.window_ns, d->conf->time_scale));
		write_edges(d, index);
	}
}

static int find_conn(const struct sg_daemon *d, const struct sg_conn_key *key, struct sg_conn *ret)
{
	return bpf_map_lookup_elem(sg_guard_map_fd(d->guard, SG_MAP_CONNS), key, ret);
}

/* Some refusals end with their connection. */
static void look_at_ends(struct sg_daemon *d)
{
	__u64 now_ns = sg_clock_monotonic_ns();

	for (int i = 0; i < SG_EDGES_PENDING; i++) {
		struct sg_edges_pending *p = &d->edges.pending[i];
		struct sg_conn conn;
		bool there = p->begun_ns && !find_conn(d, &p->key, &conn);

		sg_edges_look(&d->edges, &d->questions, p, there ? &conn : NULL,
			      words_stay(d, p->service), now_ns);
	}
}

/* Which question an answer belongs to is in its connection's entry. */
static void add_answer(struct sg_daemon *d, const struct sg_answer_event *record)
{
	const struct sg_event *ev = &record->event;
	struct sg_conn_key key = {
		.client = ev->client, .client_port = ev->client_port, .endpoint = ev->endpoint};
	struct sg_answer_event copy = *record;
	struct sg_conn conn;

	if (ev->service >= SG_SERVICES || ev->request_class != SG_REQUEST_GETNEXTCACERT)
		return;
	copy.event.question = ev->request_number == 1 && !find_conn(d, &key, &conn) &&
					      conn.flags & SG_CONN_SPLICED
				      ? conn.splice.question
				      : 0;
	sg_edges_answered(&d->edges, &d->questions, &copy, words_stay(d, ev->service),
			  sg_clock_monotonic_ns());
}

/* ---- Questions ---- */

static void add_question(struct sg_daemon *d, const struct sg_answer_event *record)
{
	const struct sg_event *ev = &record->event;

	if (ev->service < SG_SERVICES && ev->head_bytes <= sizeof(record->head))
		sg_questions_add(&d->questions, ev->service, ev->question, record->head,
				 ev->head_bytes, d->tables.questions[ev->service], ev->ticks);
}

/* What the tables say now, not at the last tick. */
static int read_view(const struct sg_daemon *d, __u32 service, struct sg_questions_view *view)
{
	int fd = sg_guard_map_fd(d->guard, SG_MAP_QUESTIONS), err = 0;

	if (bpf_map_lookup_elem(sg_guard_map_fd(d->guard, SG_MAP_SERVICES), &service,
				&view->limits) ||
	    bpf_map_lookup_elem(sg_guard_map_fd(d->guard, SG_MAP_INTERCEPTS), &service,
				&view->intercept))
		return -errno;
	for (__u32 i = 0; i < SG_QUESTION_BUCKETS && !err; i++) {
		__u32 index = service * SG_QUESTION_BUCKETS + i;

		err = bpf_map_lookup_elem(fd, &index, &view->table[i]);
	}
	view->service = service;
	view->as_ca_bytes = d->edges.answers[service][SG_EDGE_AS_CA].len;
	return err;
}

json_t *sg_run_questions_json(const struct sg_daemon *d)
{
	_cleanup_free_ struct sg_questions_view *views = calloc(SG_SERVICES, sizeof(*views));
	size_t count = 0;
	__u64 now;

	if (!views || sg_guard_clock(d->guard, &now, NULL))
		return NULL;
	for (__u32 i = 0; i < d->conf->service_count; i++) {
		views[count].name = d->services[i].name;
		if (d->services[i].index >= 0 && !read_view(d, d->services[i].index, &views[count]))
			count++;
	}
	return sg_questions_json(&d->questions, views, count, sg_guard_times(d->guard), now,
				 sg_guard_hz(d->guard));
}

/* ---- In the loop ---- */

void sg_run_intercept_record(struct sg_daemon *d, const struct sg_event *ev, size_t size)
{
	const struct sg_answer_event *record =
		size >= sizeof(*record) ? (const struct sg_answer_event *)ev : NULL;

	if (ev->kind == SG_EVENT_HELD)
		sg_turns_held(&d->turns, ev->frame);
	else if (ev->kind == SG_EVENT_REPLAY)
		sg_turns_replay(&d->turns, ev->frame, ev->ticket);
	else if (ev->kind == SG_EVENT_QUESTION && record)
		add_question(d, record);
	else if (ev->kind == SG_EVENT_ANSWER && record)
		add_answer(d, record);
	set_rounds(d, sg_turns_wanted(&d->turns));
}

/* Only who has read the answer's head knows that it was the certificate, and not some page. */
static void tell_ready(struct sg_daemon *d, __u64 now)
{
	for (__u32 i = 0; i < d->conf->service_count; i++) {
		const struct sg_run_service *run = &d->services[i];

		if (run->index >= 0 && (run->shadow.state == SG_SHADOW_READY ||
					run->shadow.state == SG_SHADOW_READY_UNVERIFIED))
			sg_turns_shadow_ready(&d->turns, run->index, now);
	}
}

void sg_run_intercept_tick(struct sg_daemon *d)
{
	__u64 now;

	if (!sg_guard_clock(d->guard, &now, NULL)) {
		sg_turns_alive(&d->turns, now);
		tell_ready(d, now);
	}
	sg_turns_scan(&d->turns);
	set_rounds(d, sg_turns_wanted(&d->turns));
	look_at_ends(d);
	tend_edges(d);
}
