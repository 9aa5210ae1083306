/* SPDX-License-Identifier: GPL-2.0-only */
/* The lists from which enum, counter index, CLI label and metric label are made, so that they
 * cannot drift apart: reasons, priorities, events and the counters of packets.
 */
#ifndef SG_REASONS_H
#define SG_REASONS_H

/* What happens to an attempt (a SYN that is not a resend). */
#define SG_VERDICT_LIST(X) \
	X(ADMIT, "admit")  \
	X(REFUSE, "refuse")

/* Why an attempt was admitted or refused: X(name, verdict, label, sentence for `explain`). */
#define SG_REASON_LIST(X)                                                                          \
	X(ADMITTED, ADMIT, "admitted", "inside every limit")                                       \
	X(FEELER, ADMIT, "feeler", "one attempt to find out whether the CA listens again")         \
	X(LOWEST_TURN, ADMIT, "lowest_turn",                                                       \
	  "one place in ten goes to the lowest class that asks")                                   \
	X(DENIED, REFUSE, "denied", "the prefix policy says deny")                                 \
	X(SOURCE_RATE, REFUSE, "source_rate", "this source asks more often than its rate allows")  \
	X(SOURCE_CONNECTIONS, REFUSE, "source_connections",                                        \
	  "this source has too many connections open")                                             \
	X(SLOTS, REFUSE, "slots", "the CA's connections are all taken")                            \
	X(SLOTS_RESERVED, REFUSE, "slots_reserved",                                                \
	  "the last slots are kept for more useful requests")                                      \
	X(WINDOW, REFUSE, "window", "one more would bring the CA to its limit of new connections") \
	X(WINDOW_RESERVED, REFUSE, "window_reserved",                                              \
	  "the last places are kept for more useful requests")                                     \
	X(WINDOW_UNSETTLED, REFUSE, "window_unsettled", "an earlier connection is not yet dated")  \
	X(OTHER_TURN, REFUSE, "other_turn", "this place in ten belongs to a lower class")          \
	X(CA_DEAF, REFUSE, "ca_deaf", "the CA does not listen, another SYN would be lost")         \
	X(TINY_FRAGMENT, REFUSE, "tiny_fragment",                                                  \
	  "a fragment or a chain of headers that hides the TCP header")

enum sg_verdict {
#define X(name, label) SG_VERDICT_##name,
	SG_VERDICT_LIST(X)
#undef X
		SG_VERDICT_MAX_
};

enum sg_reason {
#define X(name, verdict, label, sentence) SG_REASON_##name,
	SG_REASON_LIST(X)
#undef X
		SG_REASON_MAX_
};

/* Whom an attempt competes as, best first. In police a SYN's priority is predicted from what its
 * source asked before (DESIGN 4, "Classes with reservation").
 */
#define SG_PRIORITY_LIST(X)           \
	X(IN_PROGRESS, "in_progress") \
	X(ENROLMENT, "enrolment")     \
	X(BOOTSTRAP, "bootstrap")     \
	X(ROLLOVER, "rollover")       \
	X(OTHER, "other")

enum sg_priority {
#define X(name, label) SG_PRIORITY_##name,
	SG_PRIORITY_LIST(X)
#undef X
		SG_PRIORITY_MAX_
};

/* Packets and happenings that are counted, per service (service 0xff: of no service). */
#define SG_COUNTER_LIST(X)                                                                        \
	X(PACKETS_CLIENT, "packets_client", "packets from clients to the service")                \
	X(PACKETS_CA, "packets_ca", "packets from the service's CA")                              \
	X(SYN_RESENT, "syn_resent", "SYNs of attempts already admitted, forwarded again")         \
	X(SYN_RESENT_DEAF, "syn_resent_deaf",                                                     \
	  "SYNs of admitted attempts held back while the CA is deaf")                             \
	X(SYN_ACK, "syn_ack", "first SYN-ACKs of the CA: connections it answered")                \
	X(CONN_REFUSED_BY_CA, "refused_by_ca", "SYNs the CA answered with RST")                   \
	X(HANDSHAKES, "handshakes", "handshakes completed")                                       \
	X(CLOSED, "closed", "connections that ended")                                             \
	X(ADOPTED, "adopted", "connections met in mid-life and taken over")                       \
	X(FORGED, "forged", "packets that claim to be the CA from where the CA is not")           \
	X(RECLAIMED, "reclaimed", "expired slots freed, at the CA too")                           \
	X(RECLAIM_UNSENT, "reclaim_unsent",                                                       \
	  "expired slots freed without a RST (other family or entry lost)")                       \
	X(LATE_SYN_ACK, "late_syn_ack",                                                           \
	  "SYN-ACKs after the attempt was given up, answered with RST")                           \
	X(CONN_MAP_FULL, "conn_map_full", "connections not tracked: table full")                  \
	X(CONN_EVICTED, "conn_evicted", "tracked connections evicted: table too small")           \
	X(SOURCE_MAP_FULL, "source_map_full", "sources not remembered: table full")               \
	X(SOURCE_EVICTED, "source_evicted", "per-source rate slots taken from another source")    \
	X(LEASES_FULL, "leases_full", "adopted connections without a slot: no lease left")        \
	X(EVENTS_LOST, "events_lost", "events not told: ring buffer full")                        \
	X(UNTRACKED, "untracked", "packets of connections the guard does not know")               \
	X(REQUEST_UNLEARNED, "out_of_order", "request bytes not read: out of order")              \
	X(FEELERS, "feelers", "SYNs let through to a deaf CA")                                    \
	X(FORFEITED, "forfeited", "packets of connections the guard had ended, kept from the CA") \
	X(COOKIES_SENT, "cookies_sent", "SYNs answered by the guard itself")                      \
	X(COOKIES_PROVEN, "cookies_proven", "segments that proved their client's address")        \
	X(COOKIES_REFUSED, "cookies_refused", "segments without connection or proof")             \
	X(COOKIES_OLD, "cookies_old", "segments with a proof that is too old")                    \
	X(LATER_SEGMENTS, "later_segments",                                                       \
	  "segments that came before their connection's first one: they come again")              \
	X(BAD_CHECKSUM, "bad_checksum", "first segments with a wrong checksum")                   \
	X(EDGE_AS_CA, "edge_as_ca", "refusals of the CA repeated in its own words")               \
	X(EDGE_STATUS, "edge_status", "refusals of the CA repeated by their status alone")        \
	X(EDGE_BUSY, "edge_busy", "requests told to come back later")                             \
	X(SPLICED, "spliced", "connections of clients joined to one of the CA")                   \
	X(REPLAYED, "replayed", "first segments sent to the CA with the end of the handshake")    \
	X(REPLAY_LATER, "replay_later",                                                           \
	  "first segments too long for that: injected, or sent again by the client")              \
	X(PROVISIONAL_ENDED, "provisional_ended",                                                 \
	  "connections ended: a request that began as PKIOperation was none")                     \
	X(MISMATCHES, "mismatches", "connections ended: a segment came again with other bytes")   \
	X(HELD, "held", "requests held for a turn")                                               \
	X(HELD_FULL, "held_full", "requests not held: no room, or too many of one source")        \
	X(HELD_EXPIRED, "held_expired", "held requests whose time was over")                      \
	X(TURNS, "turns", "held requests that got their turn")                                    \
	X(CANARIES, "canaries", "learned questions asked again")                                  \
	X(LEARNED, "learned", "refused questions learned")                                        \
	X(UNLEARNED, "unlearned", "learned questions forgotten because the CA's answer changed")  \
	X(ODD_IP, "odd_ip",                                                                       \
	  "packets with IP options, extension headers or in fragments, not let in")               \
	X(REFUSED_EARLY, "refused_early", "first bytes that cannot begin a request")

enum sg_counter {
#define X(name, label, help) SG_COUNTER_##name,
	SG_COUNTER_LIST(X)
#undef X
		SG_COUNTER_MAX_
};

/* Packets of no service, by what the parser made of them. */
#define SG_PASSED_LIST(X)         \
	X(NOT_TCP, "not_tcp")     \
	X(OTHER_TCP, "other_tcp") \
	X(FRAGMENT, "fragment")   \
	X(MALFORMED, "malformed")

enum sg_passed {
#define X(name, label) SG_PASSED_##name,
	SG_PASSED_LIST(X)
#undef X
		SG_PASSED_MAX_
};

/* Records of the ring buffer. */
#define SG_EVENT_LIST(X)            \
	X(REFUSED, "refused")       \
	X(REQUEST, "request")       \
	X(ANSWER, "answer")         \
	X(DEAF, "deaf")             \
	X(LISTENING, "listening")   \
	X(FORGED, "forged")         \
	X(RECLAIMED, "reclaimed")   \
	X(TABLE_FULL, "table_full") \
	X(HELD, "held")             \
	X(REPLAY, "replay")         \
	X(QUESTION, "question")     \
	X(EDGE, "edge")             \
	X(MISMATCH, "mismatch")

enum sg_event_kind {
#define X(name, label) SG_EVENT_##name,
	SG_EVENT_LIST(X)
#undef X
		SG_EVENT_MAX_
};

#endif
