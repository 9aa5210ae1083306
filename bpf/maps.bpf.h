/* SPDX-License-Identifier: GPL-2.0-only */
/* Every map: owner (who writes), reader, key, size and why that size. All are pinned, so state
 * outlives the daemon; sizes marked (config) are set by the daemon before load.
 */
#ifndef SG_MAPS_BPF_H
#define SG_MAPS_BPF_H

/* Written by the daemon; read by the program for every packet. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sg_live);
} sg_live SEC(".maps");

/* Written by the daemon (idle half, then switched); 1024 slots a half so that 32 endpoints and
 * their addresses are placed without a collision after a few seeds.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2 * SG_ENDPOINT_SLOTS);
	__type(key, __u32);
	__type(value, struct sg_endpoint);
} sg_endpoints SEC(".maps");

/* Limits of each service. Written by the daemon. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SG_SERVICES);
	__type(key, __u32);
	__type(value, struct sg_service);
} sg_services SEC(".maps");

/* Written by the program under each value's own lock; initialised by the daemon; about 60 KB each
 * for 1024 places and leases, which is more than any CA's limits.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SG_SERVICES);
	__type(key, __u32);
	__type(value, struct sg_budget);
} sg_budgets SEC(".maps");

/* Connections. Written by the program; the daemon deletes closed ones. Never LRU: an attacker must
 * not choose what is forgotten. (config) tables.connections, bounded by sg_conn_ring.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, struct sg_conn_key);
	__type(value, struct sg_conn);
} sg_conns SEC(".maps");

/* The key of each entry of sg_conns, by generation modulo size: whoever takes a place here deletes
 * the entry that had it, so the table cannot fill without a daemon. As large as sg_conns.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct sg_conn_ring_entry);
} sg_conn_ring SEC(".maps");

/* Next generation. One word, atomic add; written at admissions and adoptions only. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} sg_generation SEC(".maps");

/* How many connections are open whose key has this hash: one load tells the SYNs of strangers from those that
 * may belong to an entry that is not closed. Written by the program when one is made and when it ends. 16 KB, to
 * stay in the first cache: a CA has a few dozen open at most.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << SG_OPEN_CONNS_BITS);
	__type(key, __u32);
	__type(value, __u32);
} sg_open_conns SEC(".maps");

/* Known sources. Written by the program at admission; the daemon evicts idle ones. (config)
 * tables.sources: one per router, with room to grow.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct sg_source_key);
	__type(value, struct sg_source);
} sg_sources SEC(".maps");

/* Per-source rate, 8 slots a bucket. Written by the program. (config) tables.syn_limiter / 8: sized
 * for honest clients, so that it stays in the cache (65536 slots are 512 KB).
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536 / 8);
	__type(key, __u32);
	__type(value, struct sg_syn_bucket);
} sg_syn_limiter SEC(".maps");

/* Unknown sources that were refused, and marks of the known ones: as many buckets. Written by the program
 * at refusals (once in `refused_new` and source), the one thing of a source that a flood can write, and at
 * admissions; the daemon, which has it in its memory, clears marks.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536 / 8);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct sg_refused_bucket);
} sg_refused SEC(".maps");

/* Prefix policies. Written by the daemon; looked at only when sg_live.policies says so. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 512);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct sg_prefix_key);
	__type(value, struct sg_policy);
} sg_prefixes SEC(".maps");

/* Counters of each service, per CPU, so no atomics. Written by the program, read by the daemon. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SG_SERVICES);
	__type(key, __u32);
	__type(value, struct sg_stats);
} sg_stats SEC(".maps");

/* Packets of no service, per CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sg_passed_stats);
} sg_passed SEC(".maps");

/* Samples and state changes for the daemon; 1 MiB holds 1700 of the largest records, ten seconds of
 * a busy CA. A full buffer loses events, counted.
 */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} sg_events SEC(".maps");

/* ---- Intercept. Of full size in every mode (8 MB), since a pinned map keeps its size and the mode may rise. ---- */

/* The programs, of this load: not shared with another one's, but pinned by a name of its own, since a
 * PROG_ARRAY forgets its programs when nobody holds it. Written by the daemon (guard_steps.c).
 */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, SG_STEP_MAX_);
	__type(key, __u32);
	__type(value, __u32);
} sg_steps SEC(".maps");

/* First segments. Written by the program; the daemon reads them to see who waits. (config) tables.held: as many
 * as a storm has connections that are worth waiting.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4096 + SG_LEASES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct sg_frame);
} sg_frames SEC(".maps");

/* Which of them a connection's is. Written by the program, also for the daemon (sg_expire). (config) as sg_frames. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct sg_conn_key);
	__type(value, struct sg_waiting);
} sg_waiting SEC(".maps");

/* Next ticket of a frame; its slot is looked for from there on. One word, atomic add. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} sg_ticket SEC(".maps");

/* How many frames are held of sources with this hash: none may have more waiting than it may have connections. 64 KB; two
 * sources share a count once in 16384, and are then refused a little early. Written by the program.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << SG_HELD_BY_BITS);
	__type(key, __u32);
	__type(value, __u32);
} sg_held_by SEC(".maps");

/* What the guard answers itself. Written by the daemon. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SG_SERVICES *SG_EDGE_MAX_);
	__type(key, __u32);
	__type(value, struct sg_edge_answer);
} sg_edges SEC(".maps");

/* Questions the CA refused, 64 a service: a handful of trustpoint names, and room for what attackers make
 * up. Written by the program.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SG_SERVICES *SG_QUESTION_BUCKETS);
	__type(key, __u32);
	__type(value, struct sg_question_bucket);
} sg_questions SEC(".maps");

/* Who waits, and canaries. Written by the program; turnkeeper by the daemon, which has it in its memory: an update
 * would put back all the rest.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SG_SERVICES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct sg_intercept);
} sg_intercepts SEC(".maps");

/* A bare RST for the frame at hand. */
struct sg_rst {
	struct sg_ip src, dst;
	__be16 sport, dport;
	__u32 seq, ack;
	__u8 flags;
	bool turn; /* send back: swap MACs, for XDP_TX */
};

/* A whole segment, made of the frame at hand (intercept). Host order unless the type says otherwise. */
struct sg_made {
	struct sg_ip src, dst;
	__be16 sport, dport;
	__u32 seq, ack;
	__u32 payload_sum; /* of its 16-bit words in memory order, folded */
	__u16 payload_len;
	__u16 window;
	__u16 mss; /* the only option; 0 = none */
	__u8 flags;
	bool turn; /* send back: swap MACs, for XDP_TX */
};

/* The longest headers below TCP that are moved: Ethernet, four tags, IPv6. */
#define SG_HEAD_BYTES 72

/* What the packet at hand is, per CPU; not pinned. In a map and not on the stack, because the verifier
 * forgets what was stored: else it walks all that follows once for every way the headers can be
 * stacked (a million instructions), and the stack has 512 bytes.
 */
struct sg_flow {
	struct sg_packet pkt;
	struct sg_conn_key key;
	struct sg_source_key source;
	struct sg_source_limits limits;
	struct sg_segment_look look; /* valid after sg_segment_look() */
	struct sg_rst rst;           /* what the frame becomes */
	struct sg_ask ask;
	struct sg_grant grant;
	__u64 now;
	__u32 mode;
	__u32 effects; /* SG_EFFECT_* */
	__u32 ifindex;
	__u32 ca_ifindex;
	__u8 service;
	bool limited; /* per source, by limits */
	bool noted;   /* a refusal of its source need not be noted in sg_refused */
	/* intercept */
	bool through_door; /* set for sg_steps[SG_STEP_ENTRY]: the segment has the CA's numbers */
	bool met;          /* at the door: there is an entry of its connection */
	bool probing;      /* a request is read that may not go on: it is not counted */
	struct sg_cookie_proof proof;
	struct sg_made made;
	__u64 source_hash;
	__u64 question;
	__u64 ticket;     /* of the frame stored last */
	__u64 held_since; /* it is held anew: since then, until held_until; 0 = it is not */
	__u64 held_until;
	__u64 asked_since; /* of its source: since when it asks for something useful in vain */
	bool canary;
	bool being_asked; /* its question is, by another: it waits for that answer */
	bool was_partial; /* the frame that is injected again came with an unfinished checksum */
	__u8 head[SG_HEAD_BYTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sg_flow);
} sg_flows SEC(".maps");

/* A new entry is built here: too large for the stack. Per CPU; not pinned. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sg_conn);
} sg_scratch SEC(".maps");

/* The first bytes of a request, to find its question. Per CPU; not pinned. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sg_question_text);
} sg_texts SEC(".maps");

/* An empty source, to insert. Never written. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sg_source);
} sg_blank_source SEC(".maps");

/* The same for the syscall program, which a packet may interrupt on its CPU. One caller at a time: the
 * daemon's only thread.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sg_conn);
} sg_call_scratch SEC(".maps");

#endif
