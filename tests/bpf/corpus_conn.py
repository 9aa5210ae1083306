"""One connection as frames: what a client sends, made by hand byte by byte."""
import itertools
import struct

CLIENT4, SERVER4 = bytes([192, 0, 2, 10]), bytes([192, 0, 2, 1])
CLIENT6 = bytes.fromhex("20010db8000500000000000000000010")
SERVER6 = bytes.fromhex("20010db8000500000000000000000001")
CA_ISN, TIME = 41216, 1000
FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = 1, 2, 4, 8, 16, 32, 64, 128
HOP_BY_HOP, TCP, ROUTING, FRAGMENT, DESTINATION = 0, 6, 43, 44, 60
PORTS = [itertools.count(1024)]


def number_ports(first):
    """Connections that name no port have these from now on."""
    PORTS[0] = itertools.count(first)


def total(data):
    data += b"\0" * (len(data) % 2)
    value = sum(struct.unpack(f">{len(data) // 2}H", data))
    while value >> 16:
        value = (value & 0xFFFF) + (value >> 16)
    return value


class Conn:
    """steps: (frame, its IP packet, offset of the TCP header in that or None) for each packet the client sends,
    and a number for each answer of so many bytes that the CA gives in between.
    """

    def __init__(self, version=4, isn=0x1000, stamps=False, tags=(), port=None):
        self.version, self.isn, self.stamps, self.tags = version, isn, stamps, tags
        self.port, self.steps = port or next(PORTS[0]), []

    @property
    def frames(self):
        """What the guard sees."""
        return [step[0] for step in self.steps if not isinstance(step, int)]

    def tcp(self, at, data, flags, ack, stamp=None, bad_sum=False, options=b"", offset=None, window=8192,
            urgent=None, reserved=0, partial=False):
        """A segment whose first byte is byte `at` of the client's stream."""
        if stamp is not None:
            options += b"\x01\x01\x08\x0a" + struct.pack(">II", stamp & 0xFFFFFFFF, 0)
        options += b"\0" * (-len(options) % 4)
        if urgent is None:
            urgent = len(data) if flags & URG else 0
        head = struct.pack(">HHIIBBHHH", self.port, 80, (self.isn + 1 + at) & 0xFFFFFFFF,
                           (CA_ISN + 1 + ack) & 0xFFFFFFFF if flags & ACK else 0,
                           (offset or 5 + len(options) // 4) << 4 & 0xFF | reserved, flags, window, 0, urgent)
        segment = head + options + data
        pseudo = CLIENT4 + SERVER4 + struct.pack(">HH", 6, len(segment))
        if self.version == 6:
            pseudo = CLIENT6 + SERVER6 + struct.pack(">IHH", len(segment), 0, 6)
        value = total(pseudo) if partial else ~total(pseudo + segment) & 0xFFFF
        if bad_sum:
            value ^= 0x5A5A
        return segment[:16] + struct.pack(">H", value) + segment[18:]

    def ip(self, segment, options=b"", fragment=0, bad_ip=False, extensions=b"", first=TCP, hops=64, words=None,
           longer=0, kind=0, protocol=6):
        """The packet around it. longer: by how much its length field lies; kind: traffic class."""
        if self.version == 6:
            body = extensions + segment
            return struct.pack(">IHBB", 6 << 28 | kind << 20, max(len(body) + longer, 0), first,
                               hops) + CLIENT6 + SERVER6 + body
        length = 20 + len(options)
        head = struct.pack(">BBHHHBBH", 0x40 | (words or length // 4), kind, max(length + len(segment) + longer, 0), 7,
                           fragment, hops, protocol, 0) + CLIENT4 + SERVER4 + options
        value = ~total(head) & 0xFFFF ^ (0x1111 if bad_ip else 0)
        return head[:10] + struct.pack(">H", value) + head[12:] + segment

    def emit(self, packet, tcp, trailer=b"", cut=None, ethertype=None):
        """cut: only so many bytes of the frame."""
        kind = ethertype or (0x0800 if self.version == 4 else 0x86DD)
        tags = b"".join(struct.pack(">HH", t, 10 + i) for i, t in enumerate(self.tags))
        frame = b"\2\0\0\0\0\1\2\0\0\0\0\2" + tags + struct.pack(">H", kind) + packet + trailer
        packet += trailer
        if cut is not None:
            frame = frame[:cut]
            packet = frame[14 + len(tags):]
        self.steps.append((frame, packet, tcp))

    def send(self, at, data=b"", flags=ACK, ack=0, stamp=None, trailer=b"", cut=None, ethertype=None, **how):
        """One segment; `how` is for tcp() and ip()."""
        if stamp is None and self.stamps:
            stamp = TIME
        names = ("bad_sum", "offset", "window", "urgent", "reserved", "partial", "tcp_options")
        own = {n: how.pop(n) for n in names if n in how}
        if "tcp_options" in own:
            own["options"] = own.pop("tcp_options")
        segment = self.tcp(at, data, flags, ack, stamp, **own)
        packet = self.ip(segment, **how)
        self.emit(packet, len(packet) - len(segment), trailer, cut, ethertype)
        return self

    def open(self, data=b"", **how):
        """Handshake. how: for the SYN only."""
        self.send(-1, data, SYN, **how)
        return self.send(0)

    def answer(self, size):
        """The CA answers so many bytes."""
        self.steps.append(size)
        return self

    def pieces(self, at, data, *cuts, order=None, ack=0, overlap=0, **how):
        """One segment, sent as IP fragments cut at these bytes (multiples of 8) of its TCP part; each but the
        first begins `overlap` bytes early."""
        segment = self.tcp(at, data, ACK, ack)
        bounds = [0, *cuts, len(segment)]
        parts = []
        for start, end in zip(bounds, bounds[1:], strict=False):
            start = max(start - overlap, 0)
            parts.append((start, segment[start:end], end < len(segment)))
        for i in order or range(len(parts)):
            start, part, more = parts[i]
            if self.version == 6:
                head = struct.pack(">BBHI", TCP, 0, start | more, 77)
                packet = self.ip(part, extensions=head, first=FRAGMENT)
                self.emit(packet, 48 if not start else None)
                continue
            packet = self.ip(part, fragment=start // 8 | 0x2000 * more, **how)
            self.emit(packet, len(packet) - len(part) if not start else None)
        return self
