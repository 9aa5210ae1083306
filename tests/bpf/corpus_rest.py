"""Cases for `scepguard classify` behind the request line: heads and bodies that the CA gets otherwise, so that a
request hides in them or begins elsewhere. As in corpus_cases.py: (name, Conn, decisive).
"""
from corpus_cases import CAPS, CERT, NEXT, POST, SIZE
from corpus_conn import ACK, SERVER4, TIME, URG, Conn

BODY = b"x" * 40
HEAD = POST[:-len(BODY)]
LINE = b"POST /scep?operation=PKIOperation HTTP/1.1\r\nHost: ca\r\n"
LONG, NONE = b"Content-Length: 5000\r\n\r\n", b"Content-Length: 0\r\n\r\n"
ROUTE = bytes([137, 7, 4]) + SERVER4 + b"\0"
MD5 = b"\x13\x12" + bytes(16) + b"\1\1"


def with_body(head, extra=b"", size=len(CERT)):
    """A head that promises a body."""
    return head[:-2] + extra + b"Content-Length: %d\r\n\r\n" % size


def bodies_like_requests():
    """The answer comes before the body, which looks like a useful request."""
    for name, line in (("GetNextCACert", NEXT), ("GetCACaps", CAPS)):
        post = b"POST" + line[3:]
        for kind, head in (("GET", with_body(line)), ("POST", with_body(post)),
                           ("POST, expects", with_body(post, b"Expect: 100-continue\r\n")),
                           ("GET, expects", with_body(line, b"Expect: 100-continue\r\n")),
                           ("GET, another case", with_body(line).replace(b"Content", b"content"))):
            conn = Conn().open().send(0, head).answer(100).send(len(head), CERT, ack=100)
            yield f"{kind} {name}", conn, False
            conn = Conn().open().send(0, head).send(len(head), CERT).answer(100)
            yield f"{kind} {name}, and a real one", conn.send(len(head) + SIZE, CERT, ack=100), False
        more = line + with_body(b"POST" + NEXT[3:])
        conn = Conn().open().send(0, more).answer(100).send(len(more), CERT, ack=100)
        yield f"{name}, a POST behind it", conn, False
        end, head = len(line), with_body(b"POST" + NEXT[3:])
        conn = Conn().open().send(0, line).send(end + len(head) - 1, b"x", bad_sum=True).answer(100)
        conn.send(end, head, ack=100).send(end + len(head), CERT, ack=100)
        yield f"{name}, junk where a POST ends", conn, False
        conn = Conn().open().send(0, line[:-2]).answer(100)
        yield f"{name}, unfinished", conn.send(len(line) - 2, b"X: " + CERT, ack=100), False


# What the CA does not take, or not as it is, behind the line.
DOUBTFUL = {
    "old timestamp": {"stamp": 5}, "source route": {"options": ROUTE}, "MD5": {"tcp_options": MD5},
    "lone fragment": {"fragment": 0x2000}, "urgent byte": {"flags": ACK | URG}, "wrong ACK": {"ack": -70000},
    "bad checksum": {"bad_sum": True},
}


def doubtful_heads():
    for name, how in DOUBTFUL.items():
        stamps = "stamp" in how
        later = {"stamp": TIME + 3} if stamps else {}

        def begun(data, stamps=stamps):
            return Conn(stamps=stamps).open().send(0, data)
        at = len(LINE)
        conn = begun(LINE).send(at, LONG, **how).send(at, NONE, **later).answer(100)
        yield f"{name}, a length", conn.send(at + len(NONE), NEXT, ack=100, **later), False
        junk = b"\r\nX: " + b"x" * 2 * len(NEXT)
        at = len(CAPS) - 4
        conn = begun(CAPS[:at]).send(at, junk + b"\r\n\r\n", **how).send(at, b"\r\n\r\n" + NEXT, **later)
        yield f"{name}, a field over a request", conn, False
        for first in (CAPS, POST):
            conn = begun(first).send(len(first), b"\r\n" * SIZE, **how).send(len(first), NEXT, **later)
            yield f"{name}, empty lines over a request, {len(first)}", conn, False
        at = len(HEAD)
        conn = begun(HEAD).send(at, BODY + b"\r\n" * SIZE, **how).send(at, BODY + NEXT, **later)
        yield f"{name}, body and empty lines", conn, False
        conn = begun(HEAD).send(at, BODY, **how).send(at, BODY, **later).answer(100)
        yield f"{name}, in a body", conn.send(len(POST), NEXT, ack=100, **later), False


def heads_alone():
    """The line in a segment of its own, and behind it at once what ends its head, or may say that it has a body."""
    for name, first in (("GetCACaps", CAPS), ("GetCACert", CERT)):
        line = first.split(b"\r\n")[0] + b"\r\n"
        for kind, rest in (("an empty line and a request", b"\r\n" + NEXT), ("a folded request", b" " + NEXT),
                           ("a length", b"Content-Length: %d\r\n\r\n" % len(NEXT))):
            yield f"{name} alone, then {kind}", Conn().open().send(0, line).send(len(line), rest), False


def ahead_behind_the_line():
    for cut in (5, 23, 40):
        conn = Conn().open().send(0, CAPS).send(SIZE + cut, NEXT[cut:]).answer(500)
        yield f"second ahead, {cut}", conn.send(SIZE, CERT[:cut + 9], ack=500).send(SIZE + cut + 9,
                                                                                   CERT[cut + 9:], ack=500), False
        conn = Conn().open().send(0, CAPS).answer(500).send(SIZE, ack=500).send(SIZE + cut, NEXT[cut:], ack=400)
        yield f"second ahead, old ACK, {cut}", conn.send(SIZE, CERT, ack=500), False
        conn = Conn().open().send(0, HEAD).send(len(POST) + cut, NEXT[cut:]).send(len(HEAD), BODY).answer(500)
        yield f"ahead of a body, {cut}", conn.send(len(POST), CERT, ack=500), False
    at = len(LINE)
    conn = Conn().open().send(0, LINE).send(at + 16, b"0\r\n\r\n" + NEXT).send(at, LONG).answer(500)
    yield "in a length", conn.send(at + 21 + len(NEXT), CERT, ack=500), False
    # The lowest of the bytes ahead belongs to the first request.
    conn = Conn().open().send(len(HEAD), BODY).send(len(POST) + 9, NEXT[9:]).send(0, HEAD).send(len(HEAD), BODY)
    conn.answer(500).send(len(POST), CERT[:18], ack=500)
    yield "two ahead", conn.send(len(POST) + 18, CERT[18:], ack=500), False


def honest_bodies():
    """Nothing of this may cost a client its class, nor the next request its own."""
    def then(conn, ack=500):
        return conn.answer(500).send(len(POST), CERT, ack=ack)
    start, middle = len(HEAD), len(HEAD) + 20
    yield "whole", then(Conn().open().send(0, POST)), True
    yield "body apart", then(Conn().open().send(0, HEAD).send(start, BODY)), True
    conn = Conn().open().send(0, HEAD).send(middle, BODY[20:]).send(start, BODY[:20]).send(middle, BODY[20:])
    yield "reordered, resent", then(conn), True
    yield "gap filled whole", then(Conn().open().send(0, HEAD).send(middle, BODY[20:]).send(start, BODY)), True
    conn = Conn().open().send(0, HEAD).send(middle, BODY[20:]).send(start, BODY[:20])
    yield "reordered, seen once", then(conn), False
    yield "body first", then(Conn().open().send(start, BODY).send(0, HEAD).send(start, BODY)), True
    yield "resent", then(Conn().open().send(0, POST).send(0, POST).send(start, BODY)), True
    conn = Conn().open().send(0, HEAD).answer(25).send(start, BODY, ack=25)
    yield "told to go on", then(conn, 525), True
    for cut in (60, len(HEAD) - 3):
        yield f"head in two, {cut}", then(Conn().open().send(0, HEAD[:cut]).send(cut, POST[cut:])), True
    conn = Conn().open().send(0, NEXT).answer(500).send(len(NEXT), CERT, ack=500).answer(500)
    yield "next, useful, next", conn.send(len(NEXT) + SIZE, NEXT, ack=1000), True
    named = CAPS[:-2] + b"Connection: keep-alive\r\nContent-Length: 0\r\nTE: x\r\n\r\n"
    yield "other names", Conn().open().send(0, named).answer(500).send(len(named), CERT, ack=500), True


KINDS = (bodies_like_requests, doubtful_heads, heads_alone, ahead_behind_the_line, honest_bodies)
