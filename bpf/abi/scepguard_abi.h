/* SPDX-License-Identifier: GPL-2.0-only */
/* What the program in the kernel and the daemon agree on: keys, values, events.
 *
 * Units: every time is in ticks of bpf_jiffies64() unless its name says otherwise; a tick is
 * 1/HZ s, and HZ is measured at load (facts: it must never be assumed). Byte order: __be types
 * as on the wire, everything else host. IPv4 addresses are v4-mapped (::ffff:a.b.c.d).
 */
#ifndef SCEPGUARD_ABI_H
#define SCEPGUARD_ABI_H

#include <linux/types.h>
#include <linux/bpf.h>
#include "classes.h"
#include "reasons.h"
#include "../core/http_line.h"
#include "../core/http_answer.h"

/* Carried by the directory of the pins: raise it with every change of a map's layout. */
#define SG_ABI_VERSION 4

#define SG_SERVICES    8
#define SG_ENDPOINTS   32
/* Two halves: a reload fills the idle one and switches over with one word. Slots are chosen by a
 * seed that the daemon searches until no two endpoints collide, so a lookup is one comparison.
 */
#define SG_ENDPOINT_SLOTS 1024
/* Places are a power of two above any `connections` (1000 at most), so limits change live. */
#define SG_PLACES          1024
#define SG_LEASES          1024
#define SG_NO_LEASE        0xffffffffu
#define SG_NO_PLACE        (~0ull)
#define SG_VLAN_MAX        4
#define SG_ANSWER_HEAD     512
#define SG_LATENCY_BUCKETS 12
#define SG_STATUS_CLASSES  6 /* 1xx is never final: 0 = not HTTP, 2xx, 3xx, 4xx, 5xx at 2..5 */

enum sg_mode { SG_MODE_OBSERVE, SG_MODE_POLICE, SG_MODE_INTERCEPT, SG_MODE_MAX_ };

/* An address as the tables hold it. */
struct sg_ip {
	__be32 w[4];
};

/* ---- Configuration: written by the daemon, read by the program ---- */

/* Rate of a source: `burst` at once, then one every interval_ticks; 0 = no rate limit. */
struct sg_source_limits {
	__u32 interval_ticks;
	__u32 burst;
	__u32 connections; /* at once, half-open ones included; 0 = no limit */
	__u32 pad;
};

enum sg_policy_action { SG_POLICY_LIMITS, SG_POLICY_EXEMPT, SG_POLICY_DENY };

/* LPM key: prefix of a v4-mapped address. */
struct sg_prefix_key {
	__u32 prefixlen; /* bits, 0..128; an IPv4 /n is 96 + n */
	struct sg_ip ip;
};

struct sg_policy {
	__u32 action; /* enum sg_policy_action */
	__u32 pad;
	struct sg_source_limits limits;
};

/* mode_word: now (bits 0-3) | then (4-7) | until (8-63, ticks; 0 = for good). One word, so that
 * it is read and written whole, and the program itself ends a timed trial.
 */
#define SG_MODE_WORD(now, then, until) ((__u64)(now) | (__u64)(then) << 4 | (__u64)(until) << 8)

/* sg_live[0]. Owner: the daemon; the program only reads it. */
struct sg_live {
	__u64 mode_word;
	__u64 police_since; /* when the mode last rose to police */
	__u64 heartbeat;    /* when the daemon last lived; stale after sg_times.heartbeat_stale */
	__u64 loaded;       /* when this guard first started: SYN-ACKs adopt for a while */
	__u64 hash_key[2];  /* secret of the source table, from getrandom at first load */
	__u64 ports; /* bits of the endpoints' ports (core/endpoint.h); 0 = look at every packet */
	__u32 endpoint_half;    /* 0 or 1 */
	__u32 endpoint_seed[2]; /* of each half */
	__u32 policies;         /* prefixes in sg_prefixes; 0 = do not look */
	__u32 ipv4_mask;        /* host order: what counts as one IPv4 source */
	__u32 ipv6_prefix;      /* bits, 1..128 */
	__u32 sample_mask;      /* refusals: one event in sample_mask + 1 per CPU */
	__u32 config_mode;      /* enum sg_mode of the file that was applied last */
	__u32 log_requests;     /* 1: every request is told; else one in sample_mask + 1 */
	__u32 joined_above; /* bytes: longer IP packets are several segments (generic mode); 0 = none are */
	__u32 partial_refused; /* 1: no interface is of a kind that hands over unfinished checksums (veth, tap, virtio do) */
	__u32 pad;
	struct sg_source_limits source_default;
	/* Intercept. Keys of the cookies, from getrandom: of a time slot s, that of half s >> SG_COOKIE_KEY_SHIFT & 1;
	 * the daemon renews the idle half (core/cookie.h).
	 */
	__u64 cookie_key[2][2];
	__u64 intercept_since; /* when the mode last rose to intercept, or state was lost under it */
};

/* sg_endpoints[half * SG_ENDPOINT_SLOTS + slot]. */
struct sg_endpoint {
	struct sg_ip ip;
	__be16 port;    /* 0: the entry of the address itself, for fragments */
	__u8 used;      /* 0 = empty slot */
	__u8 service;   /* index in sg_services */
	__u16 id;       /* stable over reloads; part of the connection's key */
	__u8 ca_mac[6]; /* source MAC of the CA's packets; asked only when one_armed */
	__u8 mac_known;
	__u8 one_armed; /* clients' and CA's packets arrive on the same interface */
	__u16 pad;
	__u32 ca_ifindex; /* the CA is behind this interface; 0 = unknown (then nobody is the CA) */
};

struct sg_window_limit {
	__u32 connections; /* the guard's own cap in any window; 0 = no limit */
	__u32 pad;
	__u64 ticks; /* window + 1/600 of it for path jitter + 1 tick of rounding */
};

/* sg_services[i]. Owner: the daemon. A reader may see a mixture of old and new for one packet
 * while a reload writes: the limits of both hold within one place.
 */
struct sg_service {
	char name[32]; /* by which a reload or a new daemon finds it again */
	__u32 enabled;
	__u32 slots; /* the guard's own cap at once; 0 = no limit */
	/* A raised limit counts only from next_from on (one window plus `life` after the change):
	 * before that places further back than the old limit may be unsettled.
	 */
	struct sg_window_limit window;
	struct sg_window_limit next_window;
	__u64 next_from;
	__u64 ca_window_ticks; /* the CA's own window, for the actual book */
	__u32 reserve_permille[SG_PRIORITY_MAX_];
	__u32 refuse_reset; /* police: 1 = answer with RST, 0 = drop */
	__u64 syn_ticks, request_ticks, idle_ticks, life_ticks;
	__u64 block_ticks; /* block + 1 s: how long nothing is sent into a deaf CA */
	__u64 deaf_within_ticks;
	__u32 deaf_unanswered;
	__u32 in_progress_connections;
	__u64 in_progress_ticks;
	/* intercept */
	__u64 answer_ttl_ticks; /* how long a refusal seen from the CA is repeated */
	__u64 hold_ticks;       /* longest wait for a turn; 0 = requests are not held */
	__u32 mss;              /* offered to clients, and the most offered to the CA */
	__u32 answer_busy; /* 1: refusals are repeated as 503 with Retry-After, not as the CA's own */
	__u32 question_path; /* 1: of a target only the path and the operation are the question */
	__u32 pad;
};

/* ---- State: written by the program ---- */

struct sg_conn_key {
	struct sg_ip client;
	__be16 client_port;
	__u16 endpoint; /* sg_endpoint.id */
};

/* sg_open_conns: entries, by a hash of the connection's key. */
#define SG_OPEN_CONNS_BITS 12

/* sg_conn_ring[generation % size]. */
struct sg_conn_ring_entry {
	struct sg_conn_key key;
	__u32 pad;
	__u64 generation; /* 0 = never used */
};

/* How packets of one side came in: enough to build one more of them for re-injection. */
struct sg_path {
	__u8 mac[12]; /* destination, source, as received */
	__u16 vlan_tags;
	__u16 pad;
	__be32 vlan[SG_VLAN_MAX]; /* TPID and TCI of each tag */
	__u32 ifindex;
};

enum sg_conn_state {
	SG_CONN_SYN_SENT,    /* SYN forwarded, nothing back yet */
	SG_CONN_SYN_ACKED,   /* the CA answered it */
	SG_CONN_ESTABLISHED, /* the client's ACK was forwarded */
	SG_CONN_CLOSED,      /* ended; the entry stays until its ring place is reused */
};

/* Bits of sg_conn.flags (changed with atomic or). */
#define SG_CONN_CLIENT_FIN    0x01u
#define SG_CONN_CA_FIN        0x02u
#define SG_CONN_ADOPTED       0x04u  /* met in mid-life */
#define SG_CONN_ACTUAL        0x08u  /* counted as open at the CA (the actual book) */
#define SG_CONN_PLACE_SETTLED 0x10u  /* its place is settled for good */
#define SG_CONN_CA_READ       0x20u  /* the CA acknowledged client data: its handshake is over */
#define SG_CONN_CA_ANSWERED   0x40u  /* first byte from the CA seen */
#define SG_CONN_SOURCE        0x80u  /* counted in its source's `connections` */
#define SG_CONN_ABANDONED     0x100u /* the client sent RST: its lease is no longer extended */
#define SG_CONN_DOUBT         0x200u /* the CA may read other client bytes than the guard, for good */
#define SG_CONN_AHEAD         0x400u /* bytes from client.ahead on were sent before it was their turn */
#define SG_CONN_PARTIAL       0x800u /* its SYNs came without a finished checksum (same host, veth) */
#define SG_CONN_STAMPED       0x1000u /* its SYN carried a timestamp: client.stamp is the last one */
#define SG_CONN_SPLICED       0x2000u /* intercept: the client's handshake was with the guard */
#define SG_CONN_CA_PARTIAL \
	0x4000u /* the CA's SYN-ACK came without a finished checksum (same host, veth) */
#define SG_CONN_CUT    0x8000u  /* ended by the guard: the client gets RST for whatever it sends */
#define SG_CONN_CANARY 0x10000u /* asks a learned question again */
#define SG_CONN_PROVISIONAL \
	0x20000u              /* admitted for a line that was not whole: it began as PKIOperation */
#define SG_CONN_ASKS 0x40000u /* others wait for the answer to its question */

/* Intercept: how a client's side of a connection and the CA's hang together. Numbers of the client are the same on
 * both sides, those of the CA differ by one constant.
 */
struct sg_splice {
	__u64 question;  /* hash of its GetNextCACert, 0 = not learnable */
	__u64 syn_sent;  /* when the last SYN of it went to the CA */
	__u32 cookie;    /* initial sequence number that the guard gave the client */
	__u32 epoch;     /* of sg_intercept when its question went to the CA */
	__u32 frame;     /* its first segment in sg_frames, or SG_NO_FRAME */
	__u32 first_end; /* sequence number behind the stored payload */
	__u64 ticket;    /* of the frame */
	__u16 mss;       /* the client's, from the cookie */
	__u16 window;    /* of its first segment */
	__u16 taught;    /* answers the questions were learned from: as many as ca.answers */
	__u16 syns;      /* sent to the CA */
	__u32 before; /* first number of the client on this port before; a late copy of that is known */
	/* In every mode; here for want of room in `ca`. 1: the CA has none for more of the client's bytes (window 0). */
	__u32 shut;
};

/* sg_conns. Key sg_conn_key. State advances by compare-and-swap. Fields below `client` are
 * written by the side the client's packets arrive on, those below `ca` by the other; two packets
 * of one side on two CPUs may mix (worst effect: one segment is not read, or read twice).
 * `generation` is unique to the entry: whoever comes back to it by key (ring, lease, daemon) finds
 * another number and stops. A CPU that is within an entry just as its ring place is taken again
 * (16384 admissions later by default) may still write to it: microseconds, one entry, not guarded.
 */
struct sg_conn {
	__u64 generation; /* number in sg_conn_ring */
	__u64 place;      /* admission number in the budget's ring, or SG_NO_PLACE */
	__u64 opened;
	__u32 state;
	__u32 flags;
	__u32 lease;      /* index or SG_NO_LEASE; taken out by exchange, so released once */
	__u32 open_place; /* where it is counted in sg_open_conns */
	__u8 service;
	__u8 priority;       /* it was admitted as */
	__u8 reason;         /* with which it was admitted */
	__u8 family;         /* 4 or 6 */
	struct sg_ip source; /* key of its source (masked) */

	/* client's side */
	struct {
		__u64 seen;
		__u64 handshake; /* when its first ACK was forwarded */
		__u64 requested; /* when the last request line ended; 0 = none open */
		__u32 isn;
		__u32 next;         /* next byte the classifier expects */
		__u32 end;          /* highest sequence number sent + 1 */
		__u32 ack;          /* last ACK number */
		__u32 request_ack;  /* ACK number when the last request line began, or ended */
		__u32 ahead;        /* lowest byte sent before its turn, with SG_CONN_AHEAD */
		__u32 stamp;        /* last timestamp believed, with SG_CONN_STAMPED */
		__u32 credit;       /* 1: request_class is not in its source's entry yet */
		__u16 requests;     /* request lines begun */
		__u8 request_class; /* of the last request; enum sg_request_class */
		__u8 line_done;
		struct sg_http_line line;
		struct sg_path path;
	} client;

	/* CA's side */
	struct {
		__u64 seen;
		__u64 syn_ack; /* last SYN-ACK */
		__u32 isn;
		__u32 next;    /* next byte the answer reader expects */
		__u32 end;     /* highest sequence number sent + 1 */
		__u32 ack;     /* last ACK number: what the CA has received */
		__u16 answers; /* requests whose answer has begun, compared with client.requests */
		__u16 status;  /* of the last answer */
		__u8 known;    /* a segment of the CA was seen */
		__u8 answer_done;
		__u16 head_bytes; /* of a GetNextCACert answer, told to the daemon */
		struct sg_http_answer answer;
		struct sg_path path;
	} ca;

	struct sg_splice splice;
};

/* One place of the window's ring: ticks (bits 24-63) | number mod 2^20 (4-23) | flags (0-3). The
 * number is in the word so that one compare-and-swap proves the place is still ours.
 */
#define SG_PLACE_SYN_ACKED 1u
#define SG_PLACE_HANDSHAKE 2u
#define SG_PLACE_SETTLED   4u
#define SG_PLACE_FINAL     8u /* settled for good; without it a resent SYN-ACK opens it again */

struct sg_lease {
	struct sg_conn_key key;
	__u32 used;
	__u64 place; /* of the same connection */
	__u64 generation;
	__u64 expires;
};

/* The actual book: what the CA did, whatever the guard wanted. Written without the lock by the
 * CPU that sees the CA's packets; two CPUs at once may lose one date (the window reads one less).
 */
struct sg_actual {
	__u64 dates[SG_PLACES]; /* first SYN-ACK of each connection */
	__u64 head, tail;       /* dates [tail, head) were inside the window at the last one */
	__u32 worst;            /* most in any window, ever */
	__s32 open;             /* connections open now */
	__u32 open_peak;
	__u32 pad;
};

struct sg_deaf {
	__u32 unanswered; /* SYNs forwarded since the last SYN-ACK */
	__u32 episodes;
	__u64 first_unanswered;
	__u64 last_answer; /* last SYN-ACK; 0 = never */
	__u64 since;       /* 0 = listening */
	__u64 next_feeler;
	__u64 resume_until; /* half the window until then */
	__u64 deaf_ticks;   /* sum over finished episodes */
};

/* sg_budgets[i]: one service's lock, ring, leases and heads in one value, so that all pointers
 * are found before the lock is taken. In observe this is the *would* book.
 */
struct sg_budget {
	struct bpf_spin_lock lock;
	__u32 slots_used;
	__u64 head;                        /* number of the next admission */
	__u64 answered_handshake;          /* latest handshake of a connection the CA answered */
	__u64 asked[SG_PRIORITY_MAX_];     /* when this priority was last refused */
	__u64 paced_due[SG_PRIORITY_MAX_]; /* sg_budget_ahead(): when the next one is due */
	__u32 below_enrolment;             /* admissions below enrolment, for one in ten */
	__u32 settle_hand;
	__u32 lease_hand;
	__u32 leases_high; /* leases above were never used */
	__u32 free_top;
	__u16 free_leases[SG_LEASES];
	__u16 place_lease[SG_PLACES];
	__u64 places[SG_PLACES];
	struct sg_lease leases[SG_LEASES];
	struct sg_deaf deaf;
	struct sg_actual actual;
};

/* sg_sources. Entry made at admission, so a flood cannot reach it. */
struct sg_source_key {
	struct sg_ip ip; /* masked to what counts as one source */
	__u32 service;
};

struct sg_source {
	__u64 first_seen;
	__u64 last_seen;
	__u64 asked[SG_PRIORITY_MAX_]; /* last request worth this priority; 0 = never */
	__u64 useful_since;            /* first useful ask not yet answered, but by 5xx; 0 = none */
	__u64 claim_until;             /* in-progress claim */
	__u64 claim_granted;
	__u64 last_handshake;
	__u32 claim_left;    /* connections left of it */
	__u32 handshake_tat; /* second rate bucket, charged by completed handshakes only */
	__s32 connections;   /* open now, half-open ones included */
	__u32 admitted;
	__u32 requests[SG_REQUEST_MAX_];
	__u32 answers[SG_STATUS_CLASSES];
	__u16 last_status;
	__u8 last_class;
	__u8 broke_word; /* 1: a request of it that began as PKIOperation was none */
	__u8 left_unfinished; /* 1: it left a request unfinished, and has had no answer to a useful one since */
	__u8 pad2[3];
};

/* sg_syn_limiter: 8 slots of fingerprint (bits 32-63) | theoretical arrival time (0-31, ticks). */
struct sg_syn_bucket {
	__u64 slot[8];
};

/* sg_refused: core/refused.h and core/known.h. */
#define SG_REFUSED_SLOTS 7

struct sg_refused_bucket {
	__u64 slot[SG_REFUSED_SLOTS];
	__u64 known;
};

/* sg_stats[service], per CPU. */
struct sg_stats {
	__u64 counters[SG_COUNTER_MAX_];
	__u64 verdicts[SG_PRIORITY_MAX_][SG_REASON_MAX_]; /* what was done (police) */
	__u64 would[SG_PRIORITY_MAX_][SG_REASON_MAX_]; /* what police would have done (observe) */
	__u64 requests[SG_REQUEST_MAX_];
	__u64 answers[SG_REQUEST_MAX_][SG_STATUS_CLASSES];
	__u64 latency[SG_LATENCY_BUCKETS + 1]; /* request to first byte; last = above all bounds */
	__u64 latency_sum_ns;
	__u64 waited[SG_LATENCY_BUCKETS + 1]; /* held to its turn, or to its end; bounds as above */
	__u64 waited_sum_ns;
};

/* Upper bounds of the latency buckets, in ms. Latency is measured in ticks (4 ms at 250 a second), which
 * are free; the clock of nanoseconds costs as much as all else that is done for a request.
 */
#define SG_LATENCY_BOUNDS_MS                                                 \
	{                                                                    \
		5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000 \
	}

/* sg_passed[0], per CPU: packets of no service. */
struct sg_passed_stats {
	__u64 packets[SG_PASSED_MAX_];
};

/* One record of sg_events. */
struct sg_event {
	__u64 ktime_ns;
	__u64 ticks;
	__u8 kind; /* enum sg_event_kind */
	__u8 service;
	__u8 priority;
	__u8 reason;
	__u8 request_class;
	__u8 would; /* 1 = observe: nothing was done */
	__be16 client_port;
	struct sg_ip client;
	__u16 endpoint;
	__u16 status;
	__u32 latency_us;     /* answers: request to first byte */
	__u16 request_number; /* on its connection, from 1 */
	__u16 head_bytes;     /* of head[], answers to GetNextCACert only */
	__u16 head_offset;    /* where in the answer head[] begins */
	__u16 pad;
	__u32 sampled; /* this record stands for so many */
	__u32 frame;   /* SG_EVENT_HELD, _REPLAY: its slot in sg_frames */
	__u32 pad2;
	__u64 question; /* hash, of GetNextCACert in intercept; 0 = none */
	__u64 ticket;   /* of the frame */
};

/* A GetNextCACert answer carries the first bytes of its head behind the record; SG_EVENT_QUESTION those of
 * the request.
 */
struct sg_answer_event {
	struct sg_event event;
	__u8 head[SG_ANSWER_HEAD];
};

#include "intercept_abi.h"

/* ---- Calls of the daemon into the program (SEC("syscall")) ---- */

/* sg_clock: the program's clock, since userspace cannot read jiffies. */
struct sg_clock_call {
	__u64 ticks;    /* out */
	__u64 ktime_ns; /* out */
};

/* sg_end: close a connection's entry if its time is over. The caller sends the RSTs. */
struct sg_end_call {
	struct sg_conn_key key; /* in */
	__u32 ended;            /* out: 0 = it is another one by now, or its time is not over */
	__u64 generation;       /* in */
};

/* sg_turn: give place and slot to a held connection. The caller then injects its frame. */
struct sg_turn_call {
	__u32 frame;  /* in */
	__u32 reason; /* out: enum sg_reason */
	__u64 ticket; /* in */
	__u32 done; /* out: 1 = granted, or answered meanwhile: inject it; 0 = not, for `reason`, or it is another's by now */
	__u32 waits; /* out: 1 = its question is being asked, by another: not now */
};

/* sg_expire: a held connection's time is over: take it out. */
struct sg_expire_call {
	__u32 frame;  /* in */
	__u32 done;   /* out: 1 = its slot is free now */
	__u64 ticket; /* in */
};

/* sg_take: one place and slot for a connection of the guard's own (probe). */
struct sg_take_call {
	__u32 service;          /* in */
	__u32 priority;         /* in */
	struct sg_conn_key key; /* in: the probe's own address and port */
	__u32 reason;           /* out: enum sg_reason */
	__u64 generation;       /* out: of the entry made, 0 = refused */
};

#endif
