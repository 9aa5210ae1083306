"""One connection as frames: what a client sends, made by hand byte by byte."""
import itertools
import struct

CLIENT4, SERVER4 = bytes([192, 0, 2, 10]), bytes([192, 0, 2, 1])
CLIENT6 = bytes.fromhex("20010db8000500000000000000000010")
SERVER6 = bytes.fromhex("20010db8000500000000000000000001")
CA_ISN, TIME = 41216, 1000
FIN, SYN, RST, ACK, URG = 1, 2, 4, 16, 32
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
