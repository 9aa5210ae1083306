"""A TCP client of our own, on a packet tap: it obeys no window, sends what it likes, and keeps every segment."""

import struct

from netlab import PacketTap
from support import ACK, FIN, PSH, RST, RawClient, Segment, now, tcp_packet

RESEND_S = 0.2
MSS_OPTION = 2


def header_of(frame):
    """(window, [(kind, bytes)]) of the TCP header in a frame that Segment.parse() understands."""
    at = 54 if frame[12:14] == b"\x86\xdd" else 14 + (frame[14] & 15) * 4
    window = struct.unpack("!H", frame[at + 14:at + 16])[0]
    rest, options = frame[at + 20:at + (frame[at + 12] >> 4) * 4], []
    while rest and rest[0]:
        size = 1 if rest[0] == 1 else rest[1]
        if rest[0] != 1:
            options.append((rest[0], rest[2:size]))
        rest = rest[size:]
    return window, options


def mss_option(mss):
    """For SYNs."""
    return struct.pack("!BBH", MSS_OPTION, 4, mss)


class OwnTcp(RawClient):
    """One connection.  Everything that came is in `heard`; what the peer said, in order, in `answer`."""

    def __init__(self, lab, source, sport, tap=None, options=mss_option(1460), **more):
        super().__init__(lab, source, sport, tap=tap or PacketTap(lab.clients, "c0"), **more)
        self.options, self.heard, self.answer = options, [], b""
        self.unsent, self.finished, self.was_reset = b"", False, False
        self.sent_fin = False

    def syn(self, timeout=2.0):
        """SYN with our options; the SYN-ACK, or None."""
        packet = tcp_packet(self.src, self.dst, self.sport, self.dport, self.seq, 0, 2, b"",
                            options=self.options)
        self.tap.send(self.frame(packet))
        answer = self.receive(timeout, 2 | ACK)
        if answer:
            self.ack = answer.seq + 1
        return answer

    def open(self, timeout=2.0):
        """A whole handshake."""
        done = super().open(timeout)
        self.first = self.acked = self.seq
        return done

    def receive(self, timeout=2.0, flags=0):
        """As RawClient's, and kept."""
        def ours(frame):
            seg = Segment.parse(frame)
            return (seg and (seg.src, seg.dst, seg.sport, seg.dport)
                    == (self.dst, self.src, self.dport, self.sport)
                    and seg.flags & flags == flags)
        frames = self.tap.receive(timeout, ours)
        if not frames:
            return None
        segment = Segment.parse(frames[0])
        segment.window, segment.options = header_of(frames[0])
        self.heard.append(segment)
        return segment

    def burst(self, data, size, window=65535):
        """All of it at once, whatever the peer's window."""
        self.unsent += data
        for at in range(0, len(data), size):
            self._data(at, size, window)

    def _data(self, at, size, window=65535):
        packet = tcp_packet(self.src, self.dst, self.sport, self.dport, self.first + at, self.ack,
                            ACK | PSH, self.unsent[at:at + size], window)
        self.tap.send(self.frame(packet))
        self.seq = self.first + len(self.unsent)

    def finish(self, size, timeout=10.0):
        """Resend, read and acknowledge until the peer's FIN or RST; then close.  True after a FIN."""
        end, again = now() + timeout, now() + RESEND_S
        while now() < end and not (self.finished or self.was_reset):
            segment = self.receive(min(0.05, RESEND_S))
            if segment:
                self.take(segment)
            elif now() > again:
                again = now() + RESEND_S
                self._resend(size)
        if self.finished:
            self.send(FIN | ACK)
            self.seq += 1
        return self.finished

    def take(self, segment):
        """What a receiver does with a segment."""
        if segment.flags & RST:
            self.was_reset = True
            return
        behind = (segment.ack - self.acked) & 0xffffffff
        if segment.flags & ACK and behind <= len(self.unsent):
            self.acked = segment.ack
        if segment.seq == self.ack & 0xffffffff and (segment.payload or segment.flags & FIN):
            self.answer += segment.payload
            self.ack += len(segment.payload) + (segment.flags & FIN)
            self.finished = bool(segment.flags & FIN)
        if segment.payload or segment.flags & FIN:
            self.send(ACK)

    def _resend(self, size):
        """What is not acknowledged, one segment (as after a timeout)."""
        at = (self.acked - self.first) & 0xffffffff
        if at < len(self.unsent):
            self._data(at, size)
