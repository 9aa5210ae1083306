// SPDX-License-Identifier: GPL-2.0-only
/* Scenes: who is admitted, who is refused and why, and how what was taken becomes free again. */
#include "scenes.h"

/* ---- admission ---- */

static const struct step admitted[] = {
	SYN(1, ADMITTED, STATE(SYN_SENT)),
	SYN(1, COUNTS(SYN_RESENT)),
	CA_SYN_ACK(1, COUNTS(SYN_ACK), STATE(SYN_ACKED)),
	SYN(1, COUNTS(SYN_RESENT)),
	CA_SYN_ACK(1, .seq = -1),
	ACK(1, COUNTS(HANDSHAKES), STATE(ESTABLISHED)),
	SYN(1, REFUSED(SOURCE_CONNECTIONS)),
	SYN(1, .isn = 77, REFUSED(SOURCE_CONNECTIONS)),
};

static const struct step any_flag_beside_syn[] = {
	FLAGS(1, SG_TCP_SYN | SG_TCP_FIN, ADMITTED),
	FLAGS(2, SG_TCP_SYN | SG_TCP_URG, ADMITTED),
	FLAGS(3, SG_TCP_SYN | 0x08, ADMITTED),
	FLAGS(4, SG_TCP_SYN | 0xc0, ADMITTED),
	FLAGS(5, SG_TCP_SYN | SG_TCP_RST, COUNTS(UNTRACKED)),
	FLAGS(6, SG_TCP_SYN | SG_TCP_ACK, COUNTS(UNTRACKED)),
};

static const struct step denied[] = {
	POLICY(DENY),
	SYN(1, REFUSED(DENIED)),
	SYN(1, .to = WORLD_V6, ADMITTED),
};

static const struct step exempt[] = {
	LIVE(source_default.interval_ticks, 1000),
	LIVE(source_default.burst, 1),
	POLICY(EXEMPT),
	SYN(1, ADMITTED),
	SYN(21, ADMITTED),
	SYN(41, ADMITTED),
};

static const struct step source_rate[] = {
	LIVE(source_default.interval_ticks, 10 * WORLD_HZ),
	LIVE(source_default.burst, 2),
	SYN(1, ADMITTED),
	SYN(21, ADMITTED),
	SYN(41, REFUSED(SOURCE_RATE)),
	SYN(2, ADMITTED),
	WAIT_BUT_ONE(10),
	SYN(41, REFUSED(SOURCE_RATE)),
	WAIT_A_TICK,
	SYN(41, ADMITTED),
	SYN(61, REFUSED(SOURCE_RATE)),
};

static const struct step second_bucket[] = {
	LIVE(source_default.interval_ticks, 10 * WORLD_HZ),
	LIVE(source_default.burst, 2),
	HANDSHAKE(1),
	SYN(21, ADMITTED),
	/* Its first bucket is empty; its handshakes have only taken one. */
	SYN(41, ADMITTED),
};

static const struct step source_connections[] = {
	LIVE(source_default.connections, 2),
	SYN(1, ADMITTED),
	SYN(21, ADMITTED),
	SYN(41, REFUSED(SOURCE_CONNECTIONS)),
	SYN(2, ADMITTED),
	CA_RST(21, COUNTS(CONN_REFUSED_BY_CA), AND(CLOSED), ENDS_AS(NONE)),
	SYN(41, ADMITTED),
};

/* ---- the window ---- */

static const struct step window[] = {
	SERVICE(window.connections, 3),
	SYN(1, .repeat = 3, ADMITTED),
	SYN(4, REFUSED(WINDOW)),
	WAIT_BUT_ONE(60 + 5), /* nobody answered: `syn` longer */
	SYN(4, REFUSED(WINDOW)),
	WAIT_A_TICK,
	SYN(4, ADMITTED),
};

static const struct step window_reserved[] = {
	SERVICE(window.connections, 4),
	SERVICE(reserve_permille[SG_PRIORITY_BOOTSTRAP], 500),
	SYN(1, .repeat = 2, ADMITTED),
	SYN(3, REFUSED(WINDOW_RESERVED)),
};

static const struct step window_unsettled[] = {
	SERVICE(window.connections, 1),
	SERVICE(window.ticks, 2 * WORLD_HZ),
	SYN(1, ADMITTED),
	CA_SYN_ACK(1),
	WAIT(3),
	SYN(2, REFUSED(WINDOW_UNSETTLED)),
	ACK(1, COUNTS(HANDSHAKES)),
	WAIT(3),
	SYN(2, REFUSED(WINDOW_UNSETTLED)),
	/* An answer settles it, and dates it now. */
	CA_SAY(1, "x"),
	WAIT_BUT_ONE(2),
	SYN(2, REFUSED(WINDOW)),
	WAIT_A_TICK,
	SYN(2, ADMITTED),
};

static const struct step fifo[] = {
	SERVICE(window.connections, 2),
	SERVICE(window.ticks, 2 * WORLD_HZ),
	HANDSHAKE(1),
	WAIT(1),
	HANDSHAKE(2),
	WAIT(3),
	SYN(3, REFUSED(WINDOW_UNSETTLED)),
	/* The second was answered, so the first was accepted; each segment looks at one place. */
	CA_SAY(2, "x"),
	CA_ACK(2),
	CA_ACK(2),
	WAIT(2),
	SYN(3, ADMITTED),
};

static const struct step observed_are_counted[] = {
	SERVICE(window.connections, 2),
	LIVE(loaded, 1000 * WORLD_HZ),
	/* Shortly after load a SYN-ACK of a connection that nobody admitted: it is one of the two. */
	CA_SYN_ACK(1, COUNTS(ADOPTED), AND(SYN_ACK)),
	SYN(2, ADMITTED),
	CA_SYN_ACK(2),
	SYN(3, REFUSED(WINDOW)),
};

/* ---- slots ---- */

static const struct step slots[] = {
	SERVICE(slots, 2),
	HANDSHAKE(1),
	HANDSHAKE(2),
	SYN(3, REFUSED(SLOTS)),
	CA_RST(1, COUNTS(CLOSED), ENDS_AS(NONE)),
	CA_RST(1), /* once only */
	SYN(3, ADMITTED),
	SYN(4, REFUSED(SLOTS)),
};

static const struct step slots_reserved[] = {
	SERVICE(slots, 4),
	SERVICE(reserve_permille[SG_PRIORITY_BOOTSTRAP], 500),
	SYN(1, .repeat = 2, ADMITTED),
	SYN(3, REFUSED(SLOTS_RESERVED)),
};

static const struct step reclaim[] = {
	SERVICE(slots, 1),
	HANDSHAKE(1),
	WAIT(9),
	SYN(2, REFUSED(SLOTS)),
	WAIT(2),
	/* The refused SYN becomes the RST that ends the other one at the CA. */
	SYN(2, .verdict = SG_REASON_SLOTS + 1, .rst = true, COUNTS(RECLAIMED), AND(CLOSED),
	    ENDS_AS(NONE)),
	SYN(2, ADMITTED),
	/* Nothing of the first goes further; its client is told. */
	ACK(1, SENT_BACK, COUNTS(FORFEITED)),
	RST(1, .seq = 0),
	FLAGS(1, SG_TCP_FIN, DROPPED, COUNTS(FORFEITED)),
};

static const struct step reclaim_other_family[] = {
	SERVICE(slots, 1),
	HANDSHAKE(1),
	WAIT(11),
	SYN(2, .to = WORLD_V6, REFUSED(SLOTS)), /* cannot carry it */
	WAIT(181),
	SYN(2, .to = WORLD_V6, REFUSED(SLOTS), COUNTS(RECLAIM_UNSENT), ENDS_AS(NONE)),
	SYN(2, .to = WORLD_V6, ADMITTED),
};

static const struct step reclaim_not_by_any[] = {
	SERVICE(slots, 1),
	HANDSHAKE(1),
	WAIT(11),
	SYN(2, .ip_options = 4, REFUSED(SLOTS)),
	SYN(2, .more = true, REFUSED(SLOTS)),
	SYN(2, .hops = 1, .bad_tcp_sum = true, .verdict = SG_REASON_SLOTS + 1, .rst = true,
	    COUNTS(RECLAIMED), ENDS_AS(NONE)),
};

static const struct step reclaim_by_own_syn[] = {
	HANDSHAKE(7),
	WAIT(11),
	SYN(7, .isn = 5000, .rst = true, COUNTS(RECLAIMED), ENDS_AS(NONE)),
	SYN(7, .isn = 5000, ADMITTED),
};

static const struct step refused_by_rst[] = {
	SERVICE(refuse_reset, 1),
	SERVICE(slots, 1),
	SYN(1, ADMITTED),
	SYN(2, .verdict = SG_REASON_SLOTS + 1, SENT_BACK),
	SYN(2, .to = WORLD_V6, .vlan_tags = 2, .verdict = SG_REASON_SLOTS + 1, SENT_BACK),
	SYN(2, .partial = true, .verdict = SG_REASON_SLOTS + 1, SENT_BACK),
};

static const struct step daemon_calls[] = {
	SERVICE(window.connections, 2),
	SERVICE(life_ticks, 20 * WORLD_HZ),
	DAEMON_TAKES(9, ADMITTED),
	HANDSHAKE(1),
	DAEMON_TAKES(10, WINDOW),
	DAEMON_ENDS(1, 0),
	WAIT(21),
	DAEMON_ENDS(1, 1),
	DAEMON_ENDS(1, 0),
};

static const struct step daemon_takes_again[] = {
	SERVICE(slots, 2), DAEMON_TAKES(9, ADMITTED), DAEMON_TAKES(9, ADMITTED),
	SYN(1, ADMITTED),  SYN(2, REFUSED(SLOTS)),
};

/* ---- whose turn ---- */

static const struct step turns[] = {
	HANDSHAKE(1),
	SAY(1, "GET / HTTP/1.1\r\n\r\n", IS(NOT_SCEP)),
	CA_ACK(1),
	SYN(2, .repeat = 8, ADMITTED),
	SERVICE(slots, 1),
	SYN(21, REFUSED(SLOTS)),
	SERVICE(slots, 0),
	/* The tenth place below enrolment belongs to the lowest class that asks. */
	SYN(11, REFUSED(OTHER_TURN)),
	SYN(21, ADMITTED_AS(LOWEST_TURN)),
	SYN(11, ADMITTED),
};

#define ASKS(f, operation, class)                                                              \
	HANDSHAKE(f), SAY(f, "GET /scep?operation=" operation " HTTP/1.1\r\n\r\n", IS(class)), \
		CA_ACK(f)

static const struct step predicted[] = {
	SERVICE(in_progress_connections, 2),
	SYN(5, ADMITTED, AS(BOOTSTRAP)), /* never seen */
	ASKS(1, "GetCACert", GETCACERT),
	SYN(21, ADMITTED, AS(IN_PROGRESS)),
	SYN(41, ADMITTED, AS(IN_PROGRESS)),
	SYN(61, ADMITTED, AS(BOOTSTRAP)), /* the claim is used up */
	ASKS(2, "PKIOperation&message=MII", PKIOPERATION_GET),
	SYN(22, ADMITTED, AS(IN_PROGRESS)),
	ASKS(3, "GetNextCACert", GETNEXTCACERT),
	SYN(23, ADMITTED, AS(ROLLOVER)),
	ASKS(4, "Enrol", OTHER_SCEP),
	SYN(24, ADMITTED, AS(OTHER)),
	/* Caps alone begin no enrolment. */
	ASKS(6, "GetCACaps", GETCACAPS),
	SYN(26, ADMITTED, AS(BOOTSTRAP)),
	WAIT_BUT_ONE(300),
	SYN(42, ADMITTED, AS(IN_PROGRESS)),
	ASKS(7, "PKIOperation&message=MII", PKIOPERATION_GET),
	WAIT(300),
	SYN(27, ADMITTED, AS(ENROLMENT)), /* the claim is over */
	WAIT(300),
	SYN(47, ADMITTED, AS(ENROLMENT)),
	/* Useful once, long ago; and who asked for the shadow only. */
	WAIT_A_TICK,
	SYN(67, ADMITTED, AS(BOOTSTRAP)),
	SYN(43, ADMITTED, AS(ROLLOVER)),
};

static const struct step refused_come_again[] = {
	SERVICE(slots, 4),
	SERVICE(reserve_permille[SG_PRIORITY_ROLLOVER], 500),
	SYN(1, .repeat = 4, ADMITTED),
	SYN(5, REFUSED(SLOTS)),
	CA_RST(1, ENDS_AS(NONE)),
	CA_RST(2, ENDS_AS(NONE)),
	WAIT(4),
	/* As a new one it would be admitted still; after five minutes it counts as "seen, not useful". */
	WAIT(301),
	SYN(11, ADMITTED),
	SYN(5, REFUSED(SLOTS_RESERVED)),
};

/* ---- deafness ---- */

static const struct step deaf[] = {
	HANDSHAKE(1),
	SERVICE(deaf_unanswered, 3),
	SERVICE(deaf_within_ticks, 0),
	SYN(2, .repeat = 3, ADMITTED),
	SYN(5, REFUSED(CA_DEAF)),
	SYN(2, DROPPED, COUNTS(SYN_RESENT_DEAF)),
	WAIT(16),
	/* A feeler must be a SYN that a CA which listens would answer. */
	SYN(5, .bad_tcp_sum = true, REFUSED(CA_DEAF)),
	SYN(5, .hops = 3, REFUSED(CA_DEAF)),
	SYN(5, .ip_options = 4, .odd_option = true, REFUSED(CA_DEAF)),
	SYN(5, ADMITTED_AS(FEELER), COUNTS(FEELERS)),
	SYN(6, REFUSED(CA_DEAF)),
	WAIT(16),
	SYN(5, .isn = 78, .rst = true, COUNTS(RECLAIMED), ENDS_AS(NONE)),
	SYN(5, ADMITTED_AS(FEELER)),
	CA_SYN_ACK(5, COUNTS(SYN_ACK)),
	SYN(6, ADMITTED),
};

static const struct step feeler_is_a_resend[] = {
	HANDSHAKE(1),
	SERVICE(deaf_unanswered, 1),
	SERVICE(deaf_within_ticks, 0),
	SERVICE(block_ticks, 2 * WORLD_HZ),
	SYN(2, ADMITTED),
	SYN(3, REFUSED(CA_DEAF)),
	WAIT(3),
	SYN(2, COUNTS(FEELERS), AND(SYN_RESENT)),
};

static const struct step silent_is_not_deaf[] = {
	HANDSHAKE(1),     SERVICE(deaf_unanswered, 1), SERVICE(deaf_within_ticks, 0),
	SYN(2, ADMITTED), SYN(3, REFUSED(CA_DEAF)),    WAIT(77),
	SYN(3, ADMITTED),
};

/* ---- over, late, given up ---- */

static const struct step late_syn_ack[] = {
	SYN(1, ADMITTED),
	WAIT(6),
	CA_SYN_ACK(1, SENT_BACK, COUNTS(LATE_SYN_ACK), STATE(CLOSED), ENDS_AS(NONE)),
	CA_SYN_ACK(1, SENT_BACK, COUNTS(LATE_SYN_ACK)),
	SYN(1, ADMITTED), /* a new attempt */
};

static const struct step given_up_comes_again[] = {
	SYN(1, ADMITTED),
	WAIT(6),
	SYN(1, ADMITTED, COUNTS(CLOSED), ENDS_AS(NONE)),
};

static const struct step client_leaves[] = {
	SERVICE(slots, 1),
	HANDSHAKE(1),
	RST(1),
	SYN(2, REFUSED(SLOTS)),
	WAIT(6),
	SYN(2, .verdict = SG_REASON_SLOTS + 1, .rst = true, COUNTS(RECLAIMED), ENDS_AS(NONE)),
};

static const struct step fin_and_fin[] = {
	SERVICE(slots, 1),
	HANDSHAKE(1),
	CA_FIN(1, STATE(ESTABLISHED)),
	FIN(1, STATE(CLOSED), COUNTS(CLOSED), ENDS_AS(NONE)),
	HANDSHAKE(2),
	FIN(2, STATE(ESTABLISHED)),
	CA_FIN(2, STATE(CLOSED), ENDS_AS(NONE)),
	HANDSHAKE(3),
	CA_FIN(3),
	RST(3, STATE(CLOSED), ENDS_AS(NONE)),
	SYN(4, ADMITTED),
};

static const struct step rst_not_in_sequence[] = {
	HANDSHAKE(1),
	RST(1, .seq = 1, STATE(ESTABLISHED)),
	RST(1, .seq = -1, STATE(ESTABLISHED)),
	CA_RST(1, .seq = 1, STATE(ESTABLISHED)),
	CA_RST(1, STATE(CLOSED), ENDS_AS(NONE)),
	SYN(2, ADMITTED),
	CA_RST(2, .ack = 1, STATE(SYN_SENT)),
	CA_RST(2, STATE(CLOSED), ENDS_AS(NONE)),
};

static const struct step table_heals[] = {
	SYN(1, .repeat = 64, ADMITTED),
	SYN(65, ADMITTED, COUNTS(CONN_EVICTED), ENDS_AS(NONE)),
};

const struct scene scenes_limits[] = {
	SCENE("admitted, sent again, open", admitted),
	SCENE("every SYN is an attempt", any_flag_beside_syn),
	SCENE("policy: deny", denied),
	SCENE("policy: exempt", exempt),
	SCENE("rate of a source", source_rate),
	SCENE("completed handshakes have a bucket of their own", second_bucket),
	SCENE("connections of a source", source_connections),
	SCENE("window", window),
	SCENE("window, reserve", window_reserved),
	SCENE("window, unsettled place", window_unsettled),
	SCENE("window, first in first out", fifo),
	SCENE("window counts what the CA answered", observed_are_counted),
	SCENE("slots", slots),
	SCENE("slots, reserve", slots_reserved),
	SCENE("a slot is reclaimed at the CA", reclaim),
	SCENE("another family carries no RST", reclaim_other_family),
	SCENE("nor does every SYN", reclaim_not_by_any),
	SCENE("a SYN on an open connection ends it when due", reclaim_by_own_syn),
	SCENE("refused by RST", refused_by_rst),
	SCENE("the daemon takes and ends", daemon_calls),
	SCENE("the daemon takes again from the same port", daemon_takes_again),
	SCENE("one place in ten", turns),
	SCENE("whom a SYN competes as", predicted),
	SCENE("refused and come again", refused_come_again),
	SCENE("a deaf CA", deaf),
	SCENE("a resend is the feeler", feeler_is_a_resend),
	SCENE("silence for long is no deafness", silent_is_not_deaf),
	SCENE("SYN-ACK after the attempt was given up", late_syn_ack),
	SCENE("a SYN after that is a new attempt", given_up_comes_again),
	SCENE("a client's RST frees nothing at once", client_leaves),
	SCENE("FIN and FIN, FIN and RST", fin_and_fin),
	SCENE("RST not exactly in sequence", rst_not_in_sequence),
	SCENE("the table heals itself", table_heals),
};
const size_t scenes_limits_count = sizeof(scenes_limits) / sizeof(scenes_limits[0]);
