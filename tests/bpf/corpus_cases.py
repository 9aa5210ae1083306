"""Cases for `scepguard classify`: ways to show the guard another request than the CA."""
import itertools
import struct

CLIENT4, SERVER4 = bytes([192, 0, 2, 10]), bytes([192, 0, 2, 1])
CLIENT6 = bytes.fromhex("20010db8000500000000000000000010")
SERVER6 = bytes.fromhex("20010db8000500000000000000000001")
CA_ISN, TIME = 41216, 1000
FIN, SYN, RST, ACK, URG = 1, 2, 4, 16, 32
NEXT = b"GET /scep?operation=GetNextCACert HTTP/1.0\r\nHost: example\r\n\r\n"
CAPS = b"GET /scep?operation=GetCACaps HTTP/1.0\r\nHost: example1234\r\n\r\n"
PORT = itertools.count(20000)


def total(data):
    data += b"\0" * (len(data) % 2)
    value = sum(struct.unpack(f">{len(data) // 2}H", data))
    while value >> 16:
        value = (value & 0xFFFF) + (value >> 16)
    return value


class Conn:
    """One connection's packets as Ethernet frames, and as (IP packet, TCP offset) for a stack."""

    def __init__(self, version=4, isn=0x1000, stamps=False, vlans=0):
        self.version, self.isn, self.stamps = version, isn, stamps
        self.port, self.vlans = next(PORT), vlans
        self.packets, self.frames = [], []

    def tcp(self, at, data, flags, ack, stamp, bad_sum):
        options = b"" if stamp is None else b"\x01\x01\x08\x0a" + struct.pack(">II", stamp, 0)
        offset = 5 + len(options) // 4
        head = struct.pack(">HHIIBBHHH", self.port, 80, (self.isn + 1 + at) & 0xFFFFFFFF,
                           (CA_ISN + 1 + ack) & 0xFFFFFFFF if flags & ACK else 0, offset << 4,
                           flags, 8192, 0, len(data) if flags & URG else 0)
        segment = head + options + data
        pseudo = CLIENT4 + SERVER4 + struct.pack(">HH", 6, len(segment))
        if self.version == 6:
            pseudo = CLIENT6 + SERVER6 + struct.pack(">IHH", len(segment), 0, 6)
        value = ~total(pseudo + segment) & 0xFFFF
        if bad_sum:
            value ^= 0x5A5A
        return segment[:16] + struct.pack(">H", value) + segment[18:]

    def ip(self, segment, options=b"", fragment=0, bad_ip=False, extensions=b"", first=6):
        if self.version == 6:
            body = extensions + segment
            return struct.pack(">IHBB", 6 << 28, len(body), first, 64) + CLIENT6 + SERVER6 + body
        words = 5 + len(options) // 4
        head = struct.pack(">BBHHHBBH", 0x40 | words, 0, words * 4 + len(segment), 7, fragment,
                           64, 6, 0) + CLIENT4 + SERVER4 + options
        value = ~total(head) & 0xFFFF ^ (0x1111 if bad_ip else 0)
        return head[:10] + struct.pack(">H", value) + head[12:] + segment

    def emit(self, packet, tcp):
        kind = b"\x08\x00" if self.version == 4 else b"\x86\xdd"
        tags = b"".join(b"\x81\x00" + struct.pack(">H", 10 + i) for i in range(self.vlans))
        self.packets.append((packet, tcp))
        self.frames.append(b"\2\0\0\0\0\1\2\0\0\0\0\2" + tags + kind + packet)

    def send(self, at, data=b"", flags=ACK, ack=0, stamp=None, bad_sum=False, **ip):
        if stamp is None and self.stamps:
            stamp = TIME
        segment = self.tcp(at, data, flags, ack, stamp, bad_sum)
        packet = self.ip(segment, **ip)
        self.emit(packet, len(packet) - len(segment))
        return self

    def open(self, data=b""):
        self.send(-1, data, SYN)
        return self.send(0)

    def pieces(self, at, data, *cuts, **how):
        """One segment, sent as IP fragments cut at these bytes (multiples of 8) of its TCP part."""
        segment = self.tcp(at, data, ACK, 0, None, False)
        bounds = [0, *cuts, len(segment)]
        for start, end in zip(bounds, bounds[1:], strict=False):
            more = 0x2000 if end < len(segment) else 0
            self.emit(self.ip(segment[start:end], fragment=start // 8 | more, **how),
                      20 if not start else None)
        return self


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
    "in the fragment": b"/scep?operation=GetCACaps#&operation=GetNextCACert",
    "escaped ampersand": b"/scep?operation=GetCACert&message=x%26operation=GetNextCACert",
    "semicolon": b"/scep?operation=GetCACaps;operation=GetNextCACert",
    "absolute": b"http://192.0.2.1/scep?operation=GetCACert",
    "no operation": b"/index.html",
}


def requests():
    for name, target in TARGETS.items():
        yield f"target: {name}", Conn().open().send(0, get(target))
    for cut in range(1, len(CAPS)):
        yield f"cut at {cut}", Conn(isn=0xFFFFFFF0).open().send(0, CAPS[:cut]).send(cut, CAPS[cut:])
    for cut in range(1, len(NEXT)):
        yield f"next cut at {cut}", Conn().open().send(0, NEXT[:cut]).send(cut, NEXT[cut:])
    for end in range(len(CAPS)):
        yield f"ends at {end}", Conn().open().send(0, CAPS[:end])


def orders():
    for cut in (5, 20, 27, 40):
        yield f"behind first, {cut}", Conn().open().send(cut, CAPS[cut:]).send(0, CAPS[:cut])
        yield f"other behind first, {cut}", Conn().open().send(cut, NEXT[cut:]).send(0, CAPS[:cut])
        yield f"other behind, all, {cut}", Conn().open().send(cut, NEXT[cut:]).send(0, CAPS)
        yield f"useful behind, next, {cut}", Conn().open().send(cut, CAPS[cut:]).send(0, NEXT)
        yield f"resent otherwise, {cut}", Conn().open().send(0, CAPS[:cut]).send(0, NEXT)
        yield f"resent usefully, {cut}", Conn().open().send(0, NEXT[:cut]).send(0, CAPS)
        yield f"overlap left, {cut}", Conn().open().send(0, NEXT[:cut]).send(cut - 4, CAPS[cut - 4:])
    yield "resent whole", Conn().open().send(0, NEXT).send(0, CAPS)
    yield "before its time", Conn().open().send(-20, CAPS).send(0, NEXT)
    yield "far away", Conn().open().send(500000, CAPS).send(0, NEXT)


def insertions():
    yield "bad TCP checksum", Conn().open().send(0, CAPS, bad_sum=True).send(0, NEXT)
    yield "bad checksum, half", Conn().open().send(0, CAPS[:25], bad_sum=True).send(0, NEXT)
    yield "bad IP checksum", Conn().open().send(0, CAPS, bad_ip=True).send(0, NEXT)
    yield "ACK of the future", Conn().open().send(0, CAPS, ack=9999).send(0, NEXT)
    yield "ACK of the past", Conn().open().send(0, CAPS, ack=-200000).send(0, NEXT)
    yield "ACK a little old", Conn().open().send(0, CAPS, ack=-1).send(0, NEXT)
    yield "no ACK flag", Conn().open().send(0, CAPS, flags=0).send(0, NEXT)
    yield "old timestamp", Conn(stamps=True).open().send(0, CAPS, stamp=TIME - 500).send(0, NEXT)
    yield "stamps in order", Conn(stamps=True).open().send(0, CAPS, stamp=TIME + 3)
    yield "RST elsewhere", Conn().open().send(100, flags=RST).send(0, NEXT)
    yield "RST behind the window", Conn().open().send(900000, flags=RST | ACK).send(0, NEXT)
    yield "FIN ahead", Conn().open().send(30, flags=FIN | ACK).send(0, NEXT)
    yield "FIN, then a request", Conn().open().send(0, flags=FIN | ACK).send(0, CAPS)
    yield "useful, FIN", Conn().open().send(0, CAPS, flags=FIN | ACK)
    yield "data in SYN", Conn().open(CAPS).send(0, NEXT)
    yield "next in SYN", Conn().open(NEXT).send(0, CAPS)
    yield "urgent", Conn().open().send(0, CAPS[:30], flags=ACK | URG).send(30, CAPS[30:])
    yield "second SYN", Conn().open().send(-1, flags=SYN).send(0, NEXT)


def lower_layers():
    nop, route = b"\x01" * 4, bytes([131, 7, 4]) + SERVER4 + b"\0"
    yield "IPv4 options", Conn().open().send(0, CAPS, options=nop)
    yield "source route", Conn().open().send(0, CAPS, options=route).send(0, NEXT)
    yield "bad option", Conn().open().send(0, CAPS, options=bytes([7, 2, 0, 0])).send(0, NEXT)
    yield "option cut off", Conn().open().send(0, CAPS, options=bytes([7, 99, 4, 0])).send(0, NEXT)
    for tags in range(1, 5):
        yield f"{tags} VLAN tags", Conn(vlans=tags).open().send(0, CAPS)
    yield "fragments", Conn().open().pieces(0, NEXT, 48)
    yield "fragments of a useful one", Conn().open().pieces(0, CAPS, 48)
    yield "line behind", Conn().open().pieces(0, NEXT, 24).send(0, CAPS)
    yield "lost fragment", Conn().open().pieces(0, CAPS, 48).send(0, NEXT)
    yield "IPv6", Conn(6).open().send(0, CAPS)
    pad = b"\x06\x00\x01\x04\0\0\0\0"
    yield "IPv6 options", Conn(6).open().send(0, CAPS, extensions=pad, first=60)
    hop = b"\x3c\x00\x01\x04\0\0\0\0" + pad
    yield "IPv6 chain", Conn(6).open().send(0, CAPS, extensions=hop, first=0)
    bad = b"\x06\x00\x80\x04\0\0\0\0"
    yield "unknown option", Conn(6).open().send(0, CAPS, extensions=bad, first=60).send(0, NEXT)
    routing = b"\x06\x02\x00\x01\0\0\0\0" + SERVER6
    yield "routing header", Conn(6).open().send(0, CAPS, extensions=routing, first=43).send(0, NEXT)


def all_cases():
    """(name, Conn) of every kind."""
    for group in (requests, orders, insertions, lower_layers):
        for name, conn in group():
            yield f"{group.__name__}: {name}", conn
