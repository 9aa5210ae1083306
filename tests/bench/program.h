/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the per-packet benchmark share. */
#ifndef SG_BENCH_PROGRAM_H
#define SG_BENCH_PROGRAM_H

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/packet.h"
#include "program_front.h"
#include "program_front.skel.h"

#define OBJECTS_MAX    4
#define REFERENCES_MAX 4
#define SUBJECTS_MAX   (1 + REFERENCES_MAX + 2 * OBJECTS_MAX)
#define ROUNDS_MAX     201
#define CPUS_MAX       2
#define ROWS_MAX       64

#define CLIENT_PORT    20000
#define CLIENT_ISN     1000u
#define CA_ISN         5000u
#define ANSWER \
	"HTTP/1.0 404 Not Found\r\nServer: cisco-IOS\r\nAccept-Ranges: none\r\n\r\n404 Not Found"

/* Print one line about what went wrong. Returns err. */
int bench_error(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- frames (program_frames.c) ---- */

enum frame_kind {
	FRAME_UNRELATED, /* TCP between others */
	FRAME_SAME_PORT, /* the same to the service's port */
	FRAME_NOT_TCP,   /* UDP between others */
	FRAME_SYN,
	FRAME_HANDSHAKE, /* the ACK that ends it */
	FRAME_REQUEST,   /* first segment with data: the row's payload */
	FRAME_ACK,       /* of the CA's answer */
	FRAME_ANSWER,    /* from the CA, behind the first bytes of its answer; goes_on */
};

/* From whom a row's packets come and what they look like. */
struct shape {
	int family; /* 4 or 6 */
	int vlan_tags;
	__u32 source_bits; /* 2^source_bits sources */
	bool new_ports;    /* port and sequence number differ from packet to packet */
	bool goes_on;      /* one request after the other on the same connection */
	__u32 base;        /* see struct vary */
	const char *payload;
};

struct frame {
	uint8_t bytes[PACKET_MAX];
	__u32 len;
	struct vary vary;
};

void frame_build(const struct shape *shape, enum frame_kind kind, __u32 cpu_bit, struct frame *out);
/* vary's sums of a frame of which all else is filled in. */
void frame_fill_sums(struct frame *f);
/* Packet n of this CPU into bytes[PACKET_MAX], as the front program makes it. */
void frame_nth(const struct frame *frame, __u64 n, __u32 cpu, uint8_t *bytes);
/* The CA's packet to the sender of this client's packet. Returns its length. */
size_t frame_reply(const struct frame *like, const uint8_t *client, __u8 flags, __u32 seq,
		   __u32 ack, const char *payload, uint8_t *out);

/* ---- the machine and running (program_run.c) ---- */

struct machine {
	__u32 hz, client_if, ca_if;
	int cpus; /* online */
};

/* Privileges, a network namespace of our own with two interfaces, the kernel's tick. */
int machine_prepare(struct machine *m);
int machine_pin(int cpu);

struct run {
	int fd; /* program */
	const uint8_t *frame;
	__u32 len, repeat, ifindex;
};

/* Run it. *ns: per packet; *action: of the last packet. Both may be NULL. */
int run_program(const struct run *run, double *ns, __u32 *action);
/* The same on CPU 0 and on CPU 1 at once. *ns: mean of the two. */
int run_twice(const struct run *run, double *ns, __u32 *action);

struct quartiles {
	double low, median, high;
};

struct quartiles quartiles_of(const double *samples, int count);

/* ---- the guard (program_guard.c) ---- */

struct guard {
	struct bpf_object *obj;
	const struct machine *machine;
	enum sg_mode mode;
	int program_fd, clock_fd;
	int conns_fd, budgets_fd, services_fd, live_fd, stats_fd, passed_fd;
	__u32 conn_size, conn_key_size;
	struct ring_buffer *events;
	pthread_t reader;
	bool reader_stops;
	struct sg_live live;
	struct sg_service svc; /* the limits of the example configuration */
	__u64 fillers;         /* sources used so far to bring the window to its limit */
};

struct guard_counts {
	struct sg_stats stats;
	struct sg_passed_stats passed;
};

/* mode: of the load and of the mode word. */
int guard_load(const char *path, const struct machine *m, enum sg_mode mode, struct guard **ret);
void guard_free(struct guard *g);
int guard_write_live(struct guard *g);
/* No limit on the window, on connections at once, on sources. */
int guard_limits_off(struct guard *g);
/* Those of docs/scepguard.example.yaml. */
int guard_limits_on(struct guard *g);
int guard_fresh_budget(struct guard *g);
/* Run one packet. Returns the XDP action or a negative errno. */
int guard_packet(struct guard *g, const uint8_t *bytes, __u32 len, bool from_ca);
int guard_count(struct guard *g, struct guard_counts *ret);
/* Read the events nobody waits for, so that the ring has room. */
void guard_read_events(struct guard *g);
/* Somebody who waits for events and reads them, until told to stop. */
int guard_reader_start(struct guard *g);
void guard_reader_stop(struct guard *g);
/* ---- BPF objects in general (program_objects.c) ---- */

int object_open(const char *path, struct bpf_object **ret);
/* Set a `const volatile` of an object that is not loaded yet. -ENOENT: it has none of this name. */
int object_set(struct bpf_object *obj, const char *name, const void *value, size_t size);
int object_map_fd(const struct bpf_object *obj, const char *name);
int object_program_fd(const struct bpf_object *obj, const char *name);

/* ---- rows (program_rows.c, program_states.c) ---- */

struct row;
struct subject;

/* How a row brings the guard into the state it measures. */
struct state {
	int (*prepare)(struct guard *g, const struct row *row);
	/* Around every run, not timed. first: the front's count before it. Both may be NULL. */
	int (*before)(struct guard *g, const struct row *row);
	int (*after)(struct guard *g, const struct row *row, __u64 first, __u64 packets);
	/* Packets that took the way the row is about, of all so far. */
	__u64 (*took)(const struct guard_counts *counts);
};

struct row {
	const char *id, *says;
	int group; /* rows of one group are measured together */
	struct shape shape;
	enum frame_kind frame;
	const struct state *state;
	const char *references[REFERENCES_MAX]; /* names in reference/ */
	__u32 warm; /* packets before those that are timed, of a short run on one CPU; shape.new_ports */
	__u32 repeat; /* packets a run */
	__u32 runs;   /* runs a round, whose median counts; 0 = 1 */
	bool resets;  /* the connection's entry is put back before every packet, by the front */
	bool two_cpus;
	bool reader; /* somebody waits for the guard's events, as the daemon does, on the other CPU */
	int action;      /* of every packet at the guard, and at the references; see any_action */
	bool any_action; /* the references need not do the same */
};

/* CPUs that the row's packets come in on, and struct vary's cpu_bit: above the sources of any row. */
static inline __u32 row_cpus(const struct row *row)
{
	return row->two_cpus ? CPUS_MAX : 1;
}

static inline __u32 row_cpu_bit(const struct row *row)
{
	return row->two_cpus ? 20 : 0;
}

/* Packets a run and CPU: with warm, one more stands for the end. */
static inline __u32 row_sent(const struct row *row)
{
	return row->warm ? row->warm + row->repeat + 1 : row->repeat;
}

extern const struct row rows[];
extern const size_t row_count;

/* ---- measuring (program_subjects.c, program_measure.c) ---- */

struct subject {
	char label[64];
	int target_fd;
	struct guard *guard;          /* or NULL */
	struct bpf_object *reference; /* or NULL */
	int base;                     /* index of the subject it is net of, -1: is one itself */
	int object;                   /* index of the guard object, -1: a reference */
	struct program_front *front;
	double gross[CPUS_MAX][ROUNDS_MAX]; /* on one CPU; on two at once */
	struct quartiles net[CPUS_MAX];
};

struct measurement {
	const struct row *row;
	struct frame frame;
	struct subject subjects[SUBJECTS_MAX];
	int count, rounds;
	char failure[160]; /* why there is no figure; empty: there is one */
	bool skipped;      /* for want of something here, which is no failure */
};

struct options {
	const char *objects[OBJECTS_MAX];
	int object_count;
	const char *only[ROWS_MAX];
	int only_count;
	int rounds;
	bool check;
	char json[512];
	char directory[256]; /* of the reference objects */
};

/* Load everything the row compares, in the row's state. */
int subjects_load(const struct options *opt, const struct machine *machine, struct measurement *m);
void subjects_free(struct measurement *m);

/* Measure rows that are compared with each other, round by round together. */
void measure_rows(const struct options *opt, const struct machine *machine,
		  struct measurement *group, int count);
/* Net of the reference with this name, or of guard object `object` if name is NULL. NULL: there is none. */
const struct quartiles *measured(const struct measurement *m, const char *name, int object,
				 int cpus);

/* ---- results (program_checks.c, program_report.c) ---- */

/* A bound in ns by the other side's median, and by its upper quartile. */
struct limit {
	bool known;
	double ns, lenient_ns;
};

struct result {
	const struct measurement *m;
	const char *says;
	int object;
	int cpus;      /* the figure is of so many at once */
	bool per_byte; /* the figure is ns a byte */
	struct quartiles figure;
	struct limit must, aim;
	bool missed; /* the must, beyond noise */
};

/* Everything that is asked of these rows, and rows of which nothing is asked. Returns how many, at most max. */
int results_of(const struct options *opt, const struct measurement *all, int count,
	       struct result *out, int max);
/* Prints the table and writes the file. Returns how many musts were missed beyond noise, or negative errno. */
int report(const struct options *opt, const struct machine *m, const struct measurement *all,
	   int count);

#endif
