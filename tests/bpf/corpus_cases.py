"""Cases for `scepguard classify` at the TCP layer: ways to show the guard another request than the CA, and odd
streams that are honest. A kind is a generator of (name, Conn, decisive); what Linux delivers is the oracle. In a
decisive case the guard must not only not be tricked, but say what was delivered.
"""
from corpus_conn import ACK, CWR, ECE, FIN, PSH, RST, SYN, TIME, URG, Conn

NEXT = b"GET /scep?operation=GetNextCACert HTTP/1.0\r\nHost: example\r\n\r\n"
CAPS = b"GET /scep?operation=GetCACaps HTTP/1.0\r\nHost: example1234\r\n\r\n"
CERT = b"GET /scep?operation=GetCACert HTTP/1.0\r\nHost: example1234\r\n\r\n"
POST = b"POST /scep?operation=PKIOperation HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\n" + b"x" * 40
SIZE = len(NEXT)
CUTS = (5, 20, 27, 40)


def get(target):
    return b"GET " + target + b" HTTP/1.0\r\nHost: example\r\n\r\n"


TARGETS = {
    "plain": b"/scep?operation=GetCACert", "next": b"/scep?operation=GetNextCACert",
    "escaped value": b"/scep?operation=Get%4eextCACert", "escaped name": b"/scep?%6fperation=GetNextCACert",
    "escaped all": b"/scep?%6F%70eration=%47etNextCACert", "escaped useful": b"/scep?operation=GetCACap%73",
    "twice": b"/scep?operation=GetCACaps&operation=GetNextCACert",
    "twice, other order": b"/scep?operation=GetNextCACert&operation=GetCACaps",
    "behind message": b"/scep?message=MII" + b"A" * 300 + b"&operation=PKIOperation",
    "in a value": b"/scep?message=operation=GetNextCACert&operation=GetCACert",
    "in the path": b"/operation=GetCACaps/scep?operation=GetNextCACert",
    "escaped ampersand": b"/scep?operation=GetCACert&message=x%26operation=GetNextCACert",
    "semicolon": b"/scep?operation=GetCACaps;operation=GetNextCACert",
    "absolute": b"http://192.0.2.1/scep?operation=GetCACert", "no operation": b"/index.html",
}


def targets():
    """More of them, against real servers: test_readers.py."""
    for version in (4, 6):
        for name, target in TARGETS.items():
            yield f"{name} over IPv{version}", Conn(version).open().send(0, get(target)), True


def cut_requests():
    """Two segments, cut at every byte; the sequence number wraps on the way."""
    for cut in range(1, len(CAPS)):
        yield f"useful at {cut}", Conn(isn=0xFFFFFFF0).open().send(0, CAPS[:cut]).send(cut, CAPS[cut:]), True
        yield f"next at {cut}", Conn().open().send(0, NEXT[:cut]).send(cut, NEXT[cut:]), True
    for version in (4, 6):
        for data in (CAPS, NEXT, POST):
            conn = Conn(version).open()
            for at in range(len(data)):
                conn.send(at, data[at:at + 1])
            yield f"byte by byte, {data[:30]} over IPv{version}", conn, True


def truncated_requests():
    for end in range(len(CAPS)):
        yield f"ends at {end}", Conn().open().send(0, CAPS[:end]), False
        yield f"ends at {end}, FIN", Conn().open().send(0, CAPS[:end], flags=ACK | FIN), False
        yield f"next behind {end}", Conn().open().send(0, CAPS[:end]).send(end, NEXT), False


def out_of_order():
    for cut in CUTS:
        yield f"behind first, {cut}", Conn().open().send(cut, CAPS[cut:]).send(0, CAPS[:cut]), False
        yield f"other behind first, {cut}", Conn().open().send(cut, NEXT[cut:]).send(0, CAPS[:cut]), False
        yield f"other behind, all, {cut}", Conn().open().send(cut, NEXT[cut:]).send(0, CAPS), False
        yield f"useful behind, next, {cut}", Conn().open().send(cut, CAPS[cut:]).send(0, NEXT), False
        conn = Conn().open().send(cut, CAPS[cut:]).send(cut, NEXT[cut:])
        yield f"two behind, {cut}", conn.send(0, CAPS[:cut]), False
        conn = Conn().open().send(cut + 4, NEXT[cut + 4:]).send(0, CAPS[:cut])
        yield f"gap of four, {cut}", conn.send(cut, CAPS[cut:]), False
    backwards = Conn().open()
    for at in range(len(CAPS) - 1, -1, -1):
        backwards.send(at, CAPS[at:at + 1])
    yield "backwards", backwards, False
    yield "before its time", Conn().open().send(-20, CAPS).send(0, NEXT), False
    yield "far away", Conn().open().send(500000, CAPS).send(0, NEXT), True
    yield "just outside the window", Conn().open().send(70000, CAPS).send(0, NEXT), True


def overlaps():
    for cut in CUTS:
        yield f"resent otherwise, {cut}", Conn().open().send(0, CAPS[:cut]).send(0, NEXT), False
        yield f"resent usefully, {cut}", Conn().open().send(0, NEXT[:cut]).send(0, CAPS), False
        yield f"left, {cut}", Conn().open().send(0, NEXT[:cut]).send(cut - 4, CAPS[cut - 4:]), False
        yield f"left, next, {cut}", Conn().open().send(0, CAPS[:cut]).send(cut - 4, NEXT[cut - 4:]), False
        conn = Conn().open().send(cut, NEXT[cut:cut + 8]).send(0, CAPS[:cut + 4])
        yield f"right, {cut}", conn.send(cut + 4, CAPS[cut + 4:]), False
        conn = Conn().open().send(cut, NEXT[cut:cut + 4]).send(cut - 4, CAPS[cut - 4:cut + 12])
        yield f"around, {cut}", conn.send(0, CAPS[:cut]).send(cut + 12, CAPS[cut + 12:]), False
        conn = Conn().open().send(cut - 4, NEXT[cut - 4:cut + 12]).send(cut, CAPS[cut:cut + 4])
        yield f"within, {cut}", conn.send(0, CAPS[:cut - 4]).send(cut, CAPS[cut:]), False
    yield "whole, otherwise", Conn().open().send(0, NEXT).send(0, CAPS), False
    yield "whole, usefully", Conn().open().send(0, CAPS).send(0, NEXT), False


def bad_checksums():
    for data, name in ((CAPS, "whole"), (CAPS[:25], "half"), (CAPS[:1], "a byte")):
        yield f"TCP, {name}", Conn().open().send(0, data, bad_sum=True).send(0, NEXT), True
        yield f"IPv6 TCP, {name}", Conn(6).open().send(0, data, bad_sum=True).send(0, NEXT), True
        yield f"IP, {name}", Conn().open().send(0, data, bad_ip=True).send(0, NEXT), True
        yield f"only begun, {name}", Conn().open().send(0, data, partial=True).send(0, NEXT), True
    yield "in the middle", (Conn().open().send(0, NEXT[:20]).send(20, CAPS[20:], bad_sum=True)
                            .send(20, NEXT[20:])), True
    yield "of the SYN", Conn().open(bad_sum=True).send(0, CAPS), False
    yield "of the SYN, then a good one", Conn().send(-1, b"", SYN, bad_sum=True).open().send(0, CAPS), False


def hops_left():
    """The guard sees packets that die behind it: the stack is behind a router here."""
    for version in (4, 6):
        for hops in (0, 1):
            yield (f"useful with {hops} left, IPv{version}",
                   Conn(version).open().send(0, CAPS, hops=hops).send(0, NEXT), False)
            yield (f"half with {hops} left, IPv{version}", Conn(version).open().send(0, CAPS[:25], hops=hops)
                   .send(0, NEXT), False)
            yield (f"next with {hops} left, IPv{version}",
                   Conn(version).open().send(0, NEXT, hops=hops).send(0, CAPS), False)
        yield f"all with 30 left, IPv{version}", Conn(version).open(hops=30).send(0, CAPS, hops=30), True
        yield f"255 of one, 64 of the other, IPv{version}", Conn(version).open(hops=255).send(0, CAPS), True


def timestamps():
    """PAWS (RFC 7323, 5.3)."""
    for back in (1, 2, 100, 500, 1 << 16, (1 << 31) - 1):
        yield f"{back} back", Conn(stamps=True).open().send(0, CAPS, stamp=TIME - back).send(0, NEXT), False
        yield (f"half, {back} back",
               Conn(stamps=True).open().send(0, CAPS[:25], stamp=TIME - back).send(0, NEXT), False)
        conn = Conn(stamps=True).open().send(0, NEXT[:10], stamp=TIME + back).send(10, CAPS[10:])
        yield f"{back} back after some", conn.send(10, NEXT[10:], stamp=TIME + back), False
    for on in (0, 1, 3, 1000, 1 << 20):
        yield f"{on} on", Conn(stamps=True).open().send(0, CAPS, stamp=TIME + on), True
    missing = Conn(stamps=True).open()
    missing.stamps = False
    yield "missing", missing.send(0, CAPS).send(0, NEXT, stamp=TIME), False
    yield "not asked for", Conn().open().send(0, CAPS, stamp=TIME), True
    yield "not asked for, old", Conn().open().send(0, CAPS, stamp=5).send(0, NEXT), False
    wrap = Conn().open(stamp=0xFFFFFFFE).send(0, CAPS[:9], stamp=0xFFFFFFFF)
    yield "wraps", wrap.send(9, CAPS[9:], stamp=3), False


def wrong_acks():
    for ack in (1, 2, 500, 9999, 65535, 1 << 20, (1 << 31) - 10, -1, -2, -500, -8192, -70000, -200000, -(1 << 30)):
        yield f"{ack:+d}", Conn().open().send(0, CAPS, ack=ack).send(0, NEXT), False
        yield f"half, {ack:+d}", Conn().open().send(0, CAPS[:25], ack=ack).send(0, NEXT), False
        yield f"next, {ack:+d}", Conn().open().send(0, NEXT, ack=ack).send(0, CAPS), False
    for flags in (0, PSH, URG, FIN):
        yield f"none, flags {flags}", Conn().open().send(0, CAPS, flags=flags).send(0, NEXT), False
    conn = Conn().send(-1, b"", SYN).send(0, b"", ack=77).send(0, CAPS)
    yield "of the handshake", conn, False


def flags():
    for at in (0, 1, 30, 100, 8192, 900000, -1, -100):
        for kind in (RST, RST | ACK):
            yield f"RST at {at}, {kind}", Conn().open().send(at, flags=kind).send(0, NEXT), False
            yield f"RST at {at}, {kind}, useful", Conn().open().send(at, flags=kind).send(0, CAPS), False
    for at in (0, 1, 10, 30, SIZE):
        yield f"FIN at {at}", Conn().open().send(at, flags=FIN | ACK).send(0, NEXT), False
        yield f"FIN at {at}, useful", Conn().open().send(at, flags=FIN | ACK).send(0, CAPS), False
        conn = Conn().open().send(0, CAPS[:at or 1], flags=FIN | ACK).send(at or 1, NEXT[at or 1:])
        yield f"FIN with {at}, more behind", conn, False
    yield "bad FIN", Conn().open().send(0, flags=FIN | ACK, bad_sum=True).send(0, CAPS), False
    yield "useful, FIN", Conn().open().send(0, CAPS, flags=FIN | ACK), True
    yield "useful, PSH", Conn().open().send(0, CAPS, flags=ACK | PSH), True
    yield "useful, ECE and CWR", Conn().open().send(0, CAPS, flags=ACK | ECE | CWR), True
    yield "data in SYN", Conn().open(CAPS).send(0, NEXT), False
    yield "next in SYN", Conn().open(NEXT).send(0, CAPS), False
    yield "half in SYN", Conn().open(CAPS[:20]).send(0, NEXT), False
    yield "second SYN", Conn().open().send(-1, flags=SYN).send(0, NEXT), False
    yield "SYN with data on the open one", Conn().open().send(0, CAPS, flags=SYN | ACK).send(0, NEXT), False
    for cut in (1, 30, SIZE):
        conn = Conn().open().send(0, CAPS[:cut], flags=ACK | URG).send(cut, CAPS[cut:])
        yield f"urgent, {cut}", conn, False
        conn = Conn().open().send(0, CAPS[:cut], flags=ACK | URG, urgent=1).send(cut, CAPS[cut:])
        yield f"urgent first of {cut}", conn, False
    inserted = NEXT[:20] + b"X" + NEXT[20:]
    yield "urgent byte in the name", Conn().open().send(0, inserted, flags=ACK | URG, urgent=21), False
    yield "urgent pointer without flag", Conn().open().send(0, CAPS, urgent=9), True


def port_reuse():
    for isn in (0x1000, 0x1001, 0x2000, 0x90001000, 0xFFFFFFFF):
        for end in (RST | ACK, FIN | ACK):
            conn = Conn(port=next_port()).open().send(0, CAPS).send(SIZE, flags=end)
            conn.isn = isn
            yield f"ISN {isn:#x} after {end}", conn.open().send(0, NEXT), False
        conn = Conn(port=next_port()).open().send(0, CAPS[:20])
        conn.isn = isn
        yield f"ISN {isn:#x} after half a line", conn.open().send(0, NEXT), False


def next_port():
    return Conn().port


def kept_alive():
    """The CA answers, and the client's ACK says so."""
    first = Conn().open().send(0, CAPS).answer(500)
    yield "useful, next", first.send(SIZE, NEXT, ack=500), True
    yield "next, useful", Conn().open().send(0, NEXT).answer(500).send(SIZE, CAPS, ack=500), True
    conn = Conn().open().send(0, POST).answer(700).send(len(POST), NEXT, ack=700)
    yield "POST, next", conn, True
    conn = Conn(6, stamps=True).open()
    for turn, data in enumerate((CAPS, CERT, NEXT, CERT)):
        conn.send(turn * SIZE, data, ack=turn * 300, stamp=TIME + turn).answer(300)
    yield "four, IPv6, stamps", conn, True
    for cut in (1, 16, 30):
        conn = Conn().open().send(0, CAPS).answer(500).send(SIZE, NEXT[:cut], ack=500)
        yield f"second cut at {cut}", conn.send(SIZE + cut, NEXT[cut:], ack=500), True
        conn = Conn().open().send(0, CAPS).answer(500).send(SIZE, NEXT[:cut], ack=250)
        yield f"second cut at {cut}, ACK in between", conn.send(SIZE + cut, NEXT[cut:], ack=500), False
    conn = Conn().open().send(0, CAPS).answer(500).send(SIZE, ack=500).send(SIZE, NEXT, ack=500)
    yield "bare ACK first", conn, True
    conn = Conn().open().send(0, CAPS).answer(500).send(0, NEXT, ack=500).send(SIZE, NEXT, ack=500)
    yield "first resent otherwise", conn, False
    conn = Conn().open().send(0, CAPS).answer(500).send(SIZE, NEXT, ack=500)
    yield "second resent otherwise", conn.send(SIZE, CAPS, ack=500), False
    conn = Conn().open().send(0, CAPS).answer(500).send(SIZE - 10, NEXT[-10:] + CERT, ack=500)
    yield "second overlaps the first", conn, False
    conn = Conn().open().send(0, CAPS).send(SIZE, NEXT[:20]).answer(500)
    yield "second begun too early", conn.send(SIZE + 20, NEXT[20:], ack=500), False
    conn = Conn().open().send(0, CAPS).answer(500).send(SIZE + 20, CERT[20:], ack=500)
    yield "second out of order", conn.send(SIZE, NEXT[:20], ack=500), False
    conn = Conn().open().send(0, CAPS).answer(500).send(SIZE + 20, CERT[20:], ack=500)
    yield "second without its beginning", conn, True
    conn = Conn().open().send(0, CAPS).send(SIZE, NEXT, ack=500)
    yield "an answer that was not", conn, False
    conn = Conn().open().send(0, CAPS).answer(500).send(SIZE, CERT, ack=500, bad_sum=True)
    yield "second with a bad checksum", conn.send(SIZE, NEXT, ack=500), True


def pipelined():
    for first in (CAPS, NEXT + b"\n", POST):
        for second in (CAPS, NEXT + b"\n", POST):
            name = f"{len(first)} and {len(second)}"
            yield f"{name}, one segment", Conn().open().send(0, first + second), False
            yield f"{name}, two segments", Conn().open().send(0, first).send(len(first), second), False
            conn = Conn().open().send(0, first + second[:9]).send(len(first) + 9, second[9:])
            yield f"{name}, cut in the second", conn, False
            conn = Conn().open().send(0, first + second + CAPS).answer(900)
            yield f"{name}, three, then one more", conn.send(len(first + second + CAPS), NEXT, ack=900), False


def odd_but_honest():
    """Nothing of this may cost a client its class."""
    yield "no separate ACK", Conn().send(-1, b"", SYN).send(0, CAPS), True
    yield "SYN twice", Conn().send(-1, b"", SYN).open().send(0, CAPS), True
    yield "resent whole", Conn().open().send(0, CAPS).send(0, CAPS), True
    yield "first half resent", Conn().open().send(0, CAPS[:30]).send(0, CAPS[:30]).send(30, CAPS[30:]), True
    yield "resent with more", Conn().open().send(0, CAPS[:30]).send(0, CAPS), True
    yield "keep-alive probe", Conn().open().send(0, CAPS[:30]).send(29).send(30, CAPS[30:]), True
    yield "keep-alive with a byte", Conn().open().send(0, CAPS[:30]).send(29, b"\0").send(30, CAPS[30:]), True
    yield "bare ACKs between", Conn().open().send(0, CAPS[:9]).send(9).send(9).send(9, CAPS[9:]), True
    yield "window closed", Conn().open().send(0, CAPS, window=0), True
    yield "reserved bits", Conn().open().send(0, CAPS, reserved=0xE), True
    for name, options in {"MSS": b"\x02\x04\x05\xb4", "MSS, SACK, scale": b"\x02\x04\x05\xb4\x04\x02"
                          b"\x01\x01\x01\x03\x03\x07", "Fast Open, empty": b"\x22\x02",
                          "unknown": b"\xfd\x04ab", "end first": b"\0\0\0\0",
                          "12 NOPs": b"\x01" * 12, "40 NOPs": b"\x01" * 40}.items():
        # More options than any stack sends leave a doubt.
        plain = name != "40 NOPs"
        yield f"SYN options: {name}", Conn().open(tcp_options=options).send(0, CAPS), plain
        yield f"data options: {name}", Conn().open().send(0, CAPS, tcp_options=options), plain
    yield "SACK", Conn().open().send(0, CAPS, tcp_options=b"\x01\x01\x05\x0a" + bytes(8)), True
    for isn in (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF - SIZE):
        yield f"ISN {isn:#x}", Conn(isn=isn).open().send(0, CAPS[:7]).send(7, CAPS[7:]), True
    for port in (1, 80, 1023, 65535):
        yield f"port {port}", Conn(port=port).open().send(0, CAPS), True
    for kind in (1, 2, 3, 0xB8):
        yield f"traffic class {kind}", Conn().open().send(0, CAPS, kind=kind), True
        yield f"traffic class {kind}, IPv6", Conn(6).open().send(0, CAPS, kind=kind), True
    big = get(b"/scep?message=MII" + b"A" * 3000 + b"&operation=PKIOperation")
    for size in (536, 1220, 1360, 1440, 1460):
        for version in (4, 6):
            conn = Conn(version, isn=0xFFFFFA00).open()
            for at in range(0, len(big), size):
                conn.send(at, big[at:at + size])
            yield f"segments of {size}, IPv{version}", conn, True


def long_segments():
    """Of jumbo Ethernet: up to what fits into a page. Nobody joins segments in front of `classify`, so a checksum that
    is only begun is as wrong in these as in short ones."""
    for version in (4, 6):
        most = 3520 - (54 if version == 4 else 74)
        for size in (1440, 1461, 1480, 1581, 1600, 2000, 3000, most):
            head = b"POST /scep?operation=PKIOperation HTTP/1.1\r\nHost: a\r\nContent-Length: %04d\r\n\r\n"
            post = head % (size - len(head % 0))
            yield f"POST of {size}, IPv{version}", Conn(version).open().send(0, post.ljust(size, b"x")), True
            head = CAPS[:-2] + b"X: "
            caps = head + b"y" * (size - len(head) - 4) + b"\r\n\r\n"
            yield f"useful of {size}, IPv{version}", Conn(version).open().send(0, caps), True
            line = get(b"/scep?message=" + b"A" * (size - 90) + b"&operation=PKIOperation")
            yield f"line of {len(line)}, IPv{version}", Conn(version).open().send(0, line), True
            yield (f"only begun, {size}, IPv{version}",
                   Conn(version).open().send(0, caps, partial=True).send(0, NEXT), True)
            yield (f"bad checksum, {size}, IPv{version}",
                   Conn(version).open().send(0, caps, bad_sum=True).send(0, NEXT), True)


KINDS = (targets, cut_requests, truncated_requests, out_of_order, overlaps, bad_checksums, timestamps, wrong_acks,
         flags, port_reuse, kept_alive, pipelined, odd_but_honest, long_segments)
