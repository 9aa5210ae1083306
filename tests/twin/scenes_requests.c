// SPDX-License-Identifier: GPL-2.0-only
/* Scenes: what a connection is read to ask for, and what the CA answers. */
#include "scenes.h"

#define LINE(target) "GET " target " HTTP/1.1\r\n\r\n"
#define OK_EMPTY     "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

static const struct step classes[] = {
	HANDSHAKE(1),
	SAY(1, LINE("/scep?operation=GetCACaps"), IS(GETCACAPS)),
	HANDSHAKE(2),
	SAY(2, LINE("/cgi-bin/pkiclient.exe?operation=GetCACert&message=ca"), IS(GETCACERT)),
	HANDSHAKE(3),
	SAY(3, LINE("/cgi-bin/pkiclient.exe?operation=GetNextCACert&message=ca"),
	    IS(GETNEXTCACERT)),
	HANDSHAKE(4),
	SAY(4, LINE("/scep?operation=GetCACertChain"), IS(GETCACERTCHAIN)),
	HANDSHAKE(5),
	SAY(5, LINE("/scep?operation=PKIOperation&message=MIIB"), IS(PKIOPERATION_GET)),
	HANDSHAKE(6),
	SAY(6, "POST /scep?operation=PKIOperation HTTP/1.1\r\nContent-Length: 4\r\n\r\nabcd",
	    IS(PKIOPERATION_POST)),
	HANDSHAKE(7),
	SAY(7, LINE("/scep?operation=Enrol"), IS(OTHER_SCEP)),
	HANDSHAKE(8),
	SAY(8, LINE("/index.html"), IS(NOT_SCEP)),
	HANDSHAKE(9),
	SAY(9, "\x16\x03\x01\x02", IS(UNDECIDED)),
};

static const struct step odd_lines[] = {
	HANDSHAKE(1),
	SAY(1, LINE("/scep?oper%61tion=GetCACer%74"), IS(GETCACERT)),
	HANDSHAKE(2),
	SAY(2, LINE("http://ca/scep?operation=GetCACert"), IS(GETCACERT)),
	HANDSHAKE(3),
	SAY(3, LINE("/scep?operation=GetCACert&operation=GetNextCACert"), IS(GETNEXTCACERT)),
	HANDSHAKE(4),
	SAY(4, LINE("/scep?Operation=GetCACert"), IS(NOT_SCEP)),
	HANDSHAKE(5),
	SAY(5, "GET  /scep?operation=GetCACert HTTP/1.1\r\n\r\n", IS(UNDECIDED)),
	HANDSHAKE(6),
	SAY(6, "GET /scep?operation=GetNextCACert\r\n", IS(GETNEXTCACERT)),
	HANDSHAKE(7),
	SAY(7, "POST /scep?operation=GetCACert HTTP/1.1\r\n\r\n", IS(OTHER_SCEP)),
	HANDSHAKE(8),
	SAY(8, "\r\n\r\n" LINE("/scep?operation=GetCACert"), IS(GETCACERT)),
	HANDSHAKE(9),
	SAY(9, "GET /scep?operation=GetCACert HTTP/1.1\rX", IS(UNDECIDED)),
	HANDSHAKE(10),
	SAY(10, LINE("/scep?operation=GetCACert#x"), IS(UNDECIDED)),
};

static const struct step in_pieces[] = {
	HANDSHAKE(1),
	SAY(1, "G", HOLDS(UNDECIDED)),
	SAY(1, "ET /scep?oper", HOLDS(UNDECIDED)),
	SAY(1, "ation=GetCACert HTTP/1.1\r", HOLDS(UNDECIDED)),
	SAY(1, "\n", IS(GETCACERT)),
	SAY(1, "Host: ca\r\n\r\n", HOLDS(GETCACERT)),
};

static const struct step out_of_order[] = {
	HANDSHAKE(1),
	SAY(1, "operation=GetCACert HTTP/1.1\r\n\r\n", .seq = 10, COUNTS(REQUEST_UNLEARNED),
	    HOLDS(NONE)),
	/* Who sends before its turn what comes again otherwise gets nothing useful. */
	SAY(1, LINE("/scep?operation=GetCACert"), IS(UNDECIDED)),
	HANDSHAKE(2),
	SAY(2, "GET /scep", HOLDS(UNDECIDED)),
	SAY(2, "GET /", .seq = -9, HOLDS(UNDECIDED)),
	SAY(2, "?operation=GetCACaps HTTP/1.1\r\n", IS(GETCACAPS)),
};

static const struct step segments_nobody_takes[] = {
	HANDSHAKE(1),
	SAY(1, LINE("/scep?operation=GetCACert"), .bad_tcp_sum = true, .seq = 0, HOLDS(NONE),
	    COUNTS(REQUEST_UNLEARNED)),
	HANDSHAKE(2),
	SAY(2, LINE("/scep?operation=GetCACert"), .bad_ip_sum = true, HOLDS(NONE),
	    COUNTS(REQUEST_UNLEARNED)),
	HANDSHAKE(3),
	SAY(3, LINE("/scep?operation=GetCACert"), .partial = true, HOLDS(NONE),
	    COUNTS(REQUEST_UNLEARNED)),
};

static const struct step segments_some_take[] = {
	HANDSHAKE(1),
	SAY(1, LINE("/scep?operation=GetCACert"), .ack = -1, IS(UNDECIDED)),
	HANDSHAKE(2),
	FLAGS(2, SG_TCP_ACK | SG_TCP_URG, .text = LINE("/scep?operation=GetCACert"), IS(UNDECIDED)),
	HANDSHAKE(3),
	SAY(3, LINE("/scep?operation=GetCACert"), .ip_options = 4, .odd_option = true,
	    IS(UNDECIDED)),
	HANDSHAKE(4),
	SAY(4, LINE("/scep?operation=GetCACert"), .ip_options = 4, IS(GETCACERT)),
	HANDSHAKE(5),
	SAY(5, LINE("/scep?operation=GetCACert"), .more = true, IS(UNDECIDED)),
	SYN(6, .text = "GET", ADMITTED),
	CA_SYN_ACK(6, .ack = -3),
	ACK(6, .seq = -3, STATE(ESTABLISHED)),
	SAY(6, LINE("/scep?operation=GetCACert"), .seq = -3, IS(UNDECIDED)),
	/* Useless stays what it is. */
	HANDSHAKE(7),
	SAY(7, LINE("/scep?operation=GetNextCACert"), .ack = -1, IS(GETNEXTCACERT)),
};

static const struct step timestamps[] = {
	SYN(1, .stamp = 1000, ADMITTED),
	CA_SYN_ACK(1),
	ACK(1, .stamp = 1001),
	SAY(1, "GET /scep?operation=", .stamp = 1002, HOLDS(UNDECIDED)),
	SAY(1, "GetCACert HTTP/1.1\r\n", .stamp = 1003, IS(GETCACERT)),
	SYN(2, .stamp = 1000, ADMITTED),
	CA_SYN_ACK(2),
	ACK(2, .stamp = 1001),
	SAY(2, LINE("/scep?operation=GetCACert"), .stamp = 900, IS(UNDECIDED)),
	SYN(3, .stamp = 1000, ADMITTED),
	CA_SYN_ACK(3),
	ACK(3, .stamp = 1001),
	SAY(3, LINE("/scep?operation=GetCACert"), IS(UNDECIDED)),
};

static const struct step unfinished_sums[] = {
	SYN(1, .partial = true, ADMITTED),
	CA_SYN_ACK(1),
	ACK(1, .partial = true),
	SAY(1, LINE("/scep?operation=GetCACert"), .partial = true, IS(GETCACERT)),
};

static const struct step answers[] = {
	HANDSHAKE(1),
	SAY(1, LINE("/scep?operation=GetCACert"), IS(GETCACERT)),
	CA_ACK(1),
	CA_SAY(1, OK_EMPTY, ANSWERED(2)),
	ACK(1),
	CA_FIN(1),
	FIN(1, STATE(CLOSED)),
	HANDSHAKE(2),
	SAY(2, LINE("/scep?operation=GetNextCACert"), IS(GETNEXTCACERT)),
	CA_SAY(2, "HTTP/1.0 404 Not Fo", ANSWERED(4)),
	CA_SAY(2, "und\r\n\r\n"),
	CA_RST(2, STATE(CLOSED)),
	HANDSHAKE(3),
	SAY(3, LINE("/scep?operation=PKIOperation&message=MII"), IS(PKIOPERATION_GET)),
	CA_SAY(3, "HT"),
	CA_SAY(3, "TP/1.1 500"),
	CA_SAY(3, " \r\n", ANSWERED(5)),
	HANDSHAKE(4),
	SAY(4, LINE("/"), IS(NOT_SCEP)),
	CA_SAY(4, "SSH-2.0-x\r\n", ANSWERED(0)),
	HANDSHAKE(5),
	SAY(5, LINE("/"), IS(NOT_SCEP)),
	CA_SAY(5, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 301 Moved\r\n", ANSWERED(3)),
};

static const struct step keep_alive[] = {
	HANDSHAKE(1),
	SAY(1, LINE("/scep?operation=GetCACaps"), IS(GETCACAPS)),
	CA_SAY(1, OK_EMPTY, ANSWERED(2)),
	ACK(1),
	SAY(1, LINE("/scep?operation=GetCACert"), IS(GETCACERT)),
	CA_SAY(1, OK_EMPTY, ANSWERED(2)),
	/* The same packet acknowledges and asks. */
	SAY(1, LINE("/scep?operation=GetNextCACert"), IS(GETNEXTCACERT)),
	CA_SAY(1, "HTTP/1.1 403 No\r\n\r\n", ANSWERED(4)),
};

static const struct step pipelined[] = {
	HANDSHAKE(1),
	/* Two lines in one packet: the second request is counted and undecided. */
	SAY(1, LINE("/scep?operation=GetCACaps") "G", .holds = SG_REQUEST_UNDECIDED + 1,
	    .done = SG_REQUEST_GETCACAPS + 1, .also_done = SG_REQUEST_UNDECIDED + 1),
	HANDSHAKE(2),
	SAY(2, LINE("/scep?operation=GetCACaps"), IS(GETCACAPS)),
	SAY(2, LINE("/scep?operation=GetCACert"), IS(UNDECIDED)),
	HANDSHAKE(3),
	SAY(3, "POST /scep?operation=PKIOperation HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc",
	    IS(PKIOPERATION_POST)),
	SAY(3, "def", HOLDS(PKIOPERATION_POST)),
	SAY(3, "\r\n", HOLDS(PKIOPERATION_POST)),
	SAY(3, "P", IS(UNDECIDED)),
};

static const struct step adoption[] = {
	ACK(1, COUNTS(UNTRACKED)),
	CA_ACK(1),
	CA_FIN(1, .seq = 1),
	CA_RST(1, .seq = 1),
	CA_SYN_ACK(1),
	CA_SAY(1, "HTTP/1.1 200 OK\r\n", COUNTS(ADOPTED), STATE(ESTABLISHED)),
	ACK(1),
	SAY(1, LINE("/scep?operation=GetCACert"), IS(GETCACERT)),
	CA_SAY(1, OK_EMPTY, ANSWERED(2)),
};

static const struct step adopted_in_observe[] = {
	MODE(OBSERVE),
	CA_SYN_ACK(1, COUNTS(ADOPTED), AND(SYN_ACK), STATE(SYN_ACKED)),
	ACK(1, COUNTS(HANDSHAKES), STATE(ESTABLISHED)),
	SAY(1, LINE("/scep?operation=GetCACaps"), .seq = 0, IS(GETCACAPS)),
};

static const struct step unfinished_at_the_end[] = {
	HANDSHAKE(1),
	SAY(1, "GET /scep", HOLDS(UNDECIDED)),
	CA_RST(1, ENDS_AS(UNDECIDED)),
	HANDSHAKE(2),
	SAY(2, LINE("/scep?operation=GetCACert"), IS(GETCACERT)),
	CA_RST(2, STATE(CLOSED)),
};

static const struct step one_sided[] = {
	SYN(1, .to = WORLD_ONE_SIDED, ADMITTED),
	ACK(1, .to = WORLD_ONE_SIDED, COUNTS(HANDSHAKES), STATE(ESTABLISHED)),
	SAY(1, LINE("/scep?operation=GetCACaps"), .to = WORLD_ONE_SIDED, IS(GETCACAPS)),
	/* Its ACK is the evidence of an answer. */
	SAY(1, LINE("/scep?operation=GetCACert"), .to = WORLD_ONE_SIDED, .ack = 40, IS(GETCACERT)),
	FIN(1, .to = WORLD_ONE_SIDED, .ack = 80, STATE(CLOSED)),
	CA_SYN_ACK(2, .to = WORLD_ONE_SIDED, COUNTS(FORGED)),
};

const struct scene scenes_requests[] = {
	SCENE("every class", classes),
	SCENE("lines that readers differ over", odd_lines),
	SCENE("a line in pieces", in_pieces),
	SCENE("out of order, and again", out_of_order),
	SCENE("segments that no receiver takes", segments_nobody_takes),
	SCENE("segments that some receivers take", segments_some_take),
	SCENE("timestamps", timestamps),
	SCENE("checksums left to the card", unfinished_sums),
	SCENE("answers", answers),
	SCENE("keep-alive", keep_alive),
	SCENE("requests before any answer", pipelined),
	SCENE("met in mid-life", adoption),
	SCENE("met in observe", adopted_in_observe),
	SCENE("ended in the middle of a line", unfinished_at_the_end),
	SCENE("one side is seen", one_sided),
};
const size_t scenes_requests_count = sizeof(scenes_requests) / sizeof(scenes_requests[0]);
