#!/usr/bin/env python3
"""Promise 3, transparency: what is not a refused SYN arrives byte for byte as it was sent.

The gateway is a bridge here, so even Ethernet headers must survive; frames are compared as sent
at one end and received at the other.
"""

import hashlib
import random
import select
import socket
import struct
import unittest
from pathlib import Path

import netlab
from support import (ACK, FIN, PSH, RST, SYN, Background, Case, Segment, checksum, ip_packet,
                     learn, mac_bytes, main, now, read_answer, tcp_packet)

SOL_PACKET, PACKET_AUXDATA = 263, 8
VLAN_VALID, VLAN_TPID_VALID = 1 << 4, 1 << 6
BROADCAST = b"\xff" * 6


class Wire:
    """Frames sent from and received at one device, as they were on the wire: the kernel takes the outer
    VLAN tag off, PACKET_AUXDATA tells it."""

    def __init__(self, namespace, dev):
        self.sock = namespace.packet_socket(dev)
        self.sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)

    def send(self, frame):
        self.sock.send(frame)

    def read(self, timeout, outgoing=False):
        """The next frame that came in (outgoing: that went out), or None."""
        deadline = now() + timeout
        while (left := deadline - now()) > 0 and select.select([self.sock], [], [], left)[0]:
            frame, extra, _, where = self.sock.recvmsg(65535, 256)
            if (where[2] == socket.PACKET_OUTGOING) == outgoing:
                return self.tagged(frame, extra)
        return None

    @staticmethod
    def tagged(frame, extra):
        for level, kind, data in extra:
            if (level, kind) != (SOL_PACKET, PACKET_AUXDATA):
                continue
            status, _, _, _, _, tci, tpid = struct.unpack("=IIIHHHH", data[:20])
            if status & VLAN_VALID:
                tpid = tpid if status & VLAN_TPID_VALID else 0x8100
                return frame[:12] + struct.pack("!HH", tpid, tci) + frame[12:]
        return frame


def udp(src, dst, payload, rng):
    """A UDP datagram in an IP packet."""
    family = socket.AF_INET6 if ":" in src else socket.AF_INET
    head = struct.pack("!HHHH", rng.randrange(1, 65536), rng.choice((53, 80, 123, 5000)),
                       8 + len(payload), 0)
    pseudo = (socket.inet_pton(family, src) + socket.inet_pton(family, dst)
              + struct.pack("!IBBBB", 8 + len(payload), 0, 0, 0, 17))
    total = checksum(pseudo + head + payload) or 0xffff
    return ip_packet(src, dst, 17, head[:6] + struct.pack("!H", total) + payload)


def icmp(src, dst, payload, rng):
    """An echo request."""
    head = struct.pack("!BBHHH", 8, 0, 0, rng.randrange(65536), rng.randrange(65536))
    return ip_packet(src, dst, 1, head[:2] + struct.pack("!H", checksum(head + payload))
                     + head[4:] + payload)


def arp(src, dst, macs):
    """A request for an address."""
    return struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, macs[1], socket.inet_aton(src),
                       bytes(6), socket.inet_aton(dst))


class Frames:
    """Frames of every kind from one end to the other; `ca` is the protected address."""

    def __init__(self, seed, src4, dst4, src6, dst6, macs):
        self.rng = random.Random(seed)
        self.pairs, self.macs = ((src4, dst4), (src6, dst6)), macs

    def payload(self):
        return self.rng.randbytes(self.rng.choice((0, 1, 46, 333, 1024, 1400)))

    def tcp_elsewhere(self, src, dst):
        """TCP on ports that are not protected, every flag, even nonsense."""
        return tcp_packet(src, dst, self.rng.randrange(1024, 65536),
                          self.rng.choice((22, 81, 443, 8080)), self.rng.getrandbits(32),
                          self.rng.getrandbits(32), self.rng.randrange(64), self.payload())

    def kinds(self):
        """(EtherType, what follows) of each kind."""
        for (src, dst), ether in zip(self.pairs, (0x0800, 0x86dd)):
            yield ether, udp(src, dst, self.payload(), self.rng)
            yield ether, self.tcp_elsewhere(src, dst)
            yield ether, ip_packet(src, dst, 47, self.payload())
            packet = tcp_packet(src, dst, 1025, 80, 1, 1, ACK, self.payload())
            yield ether, packet[:self.rng.randrange(1, 40)]  # cut short
        (src, dst), _ = self.pairs
        yield 0x0800, icmp(src, dst, self.payload(), self.rng)
        for protocol in (6, 17):
            late = bytearray(ip_packet(src, dst, protocol, self.rng.randbytes(200)))
            late[6:8] = struct.pack("!H", 100)  # not the first fragment
            late[10:12] = bytes(2)
            late[10:12] = struct.pack("!H", checksum(bytes(late[:20])))
            yield 0x0800, bytes(late)
        yield 0x0806, arp(src, dst, self.macs)
        yield 0x88b5, bytes(46) + self.payload()  # for experiments (IEEE 802); the least a wire has

    def tags(self):
        """No tag, 802.1Q, QinQ, three."""
        q = struct.pack("!HH", 0x8100, self.rng.randrange(1, 4095))
        return (b"", q, struct.pack("!HH", 0x88a8, self.rng.randrange(1, 4095)) + q, q + q + q)

    def frame(self, tags, ether, body):
        return self.macs[0] + self.macs[1] + tags + struct.pack("!H", ether) + body

    def all(self):
        """Each kind with each depth of tags; and established or stray segments of the service."""
        for tags in self.tags():
            for ether, body in self.kinds():
                yield self.frame(tags, ether, body)
            for flags in (ACK, ACK | PSH, FIN | ACK, RST, SYN | ACK):
                for (src, dst), ether in zip(self.pairs, (0x0800, 0x86dd)):
                    yield self.frame(tags, ether,
                                     tcp_packet(src, dst, 2000, 80, self.rng.getrandbits(32), 7,
                                                flags, self.payload()))


class OtherTraffic(Case):
    """Raw frames through the bridge, one at a time."""

    def lab_bridged(self):
        lab = self.lab(netlab.Bridged)
        # Snooping and netfilter drop IP packets that are cut short; the bridge shall be a mere wire.
        lab.gw.ip("link", "set", "br0", "type", "bridge", "mcast_snooping", "0")
        for family in ("ip", "ip6", "arp"):
            if Path("/proc/sys/net/bridge").exists():
                lab.gw.sysctl({f"net.bridge.bridge-nf-call-{family}tables": 0})
        # The ends shall not answer what they get.
        for space in (lab.clients, lab.ca):
            space.run(["nft", "-f", "-"], input="""
                table netdev deaf {
                    chain in {
                        type filter hook ingress device %s priority 0; policy drop;
                        arp operation { request, reply } accept
                        icmpv6 type { 133-137 } accept
                    }
                }
                """ % ("c0" if space is lab.clients else "ca0"))
        return lab

    def compare(self, mode):
        lab = self.lab_bridged()
        learn(lab)
        guard = self.guard(lab, mode)
        ends = [Wire(lab.clients, "c0"), Wire(lab.ca, "ca0")]
        macs = [mac_bytes(lab.clients.mac("c0")), mac_bytes(lab.ca.mac("ca0"))]
        there = Frames(1, lab.client4, lab.ca4, lab.client6, lab.ca6, (macs[1], macs[0]))
        back = Frames(2, lab.ca4, lab.client4, lab.ca6, lab.client6, (macs[0], macs[1]))
        sent = 0
        if mode == "observe":
            # Far beyond every limit, of one source and of the CA.
            for n in range(200):
                ends[0].send(syn := there.frame(b"", 0x0800, tcp_packet(
                    lab.client4, lab.ca4, 3000 + n, 80, n, 0, SYN)))
                self.assert_arrives(ends[1], syn)
        for frames, source, target in ((there, *ends), (back, *reversed(ends))):
            for frame in frames.all():
                source.send(frame)
                self.assert_arrives(target, frame)
                sent += 1
        self.assertGreater(sent, 150)
        passed = guard.fresh()["passed"]
        for kind in ("not_tcp", "other_tcp", "fragment", "malformed"):
            self.assertGreater(passed[kind], 0, f"frames parsed as {kind}")
        guard.stop()

    def assert_arrives(self, target, frame):
        """This very frame is among those that come in (the kernels' own may be, too)."""
        deadline, others = now() + 3, []
        while now() < deadline:
            got = target.read(deadline - now())
            if got == frame:
                return
            if got:
                others.append(got.hex())
        self.fail(f"sent {frame.hex()}, received {others}")

    def test_police(self):
        self.compare("police")

    def test_observe(self):
        self.compare("observe")


SERVER = """
import socket, sys, random
body = random.Random(5).randbytes(300_000)
s = socket.create_server(("::", 80), family=socket.AF_INET6, dualstack_ipv6=True)
print("ready", flush=True)
while True:
    c, _ = s.accept()
    try:
        while b"\\r\\n\\r\\n" not in c.recv(65536): pass
        c.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Type: application/x-x509-next-ca-cert\\r\\n"
                  b"Content-Length: %d\\r\\n\\r\\n" % len(body) + body)
    except OSError: pass
    c.close()
"""


class ServiceTraffic(Case):
    """A protected CA's answers: the bytes a client reads, and every single frame."""

    def read(self, lab, address):
        sock = lab.clients.connect(address, 80)
        with sock:
            sock.sendall(b"GET /cgi-bin/pkiclient.exe?operation=GetCACert HTTP/1.0\r\n"
                         b"X-Pad: " + b"p" * 4000 + b"\r\n\r\n")
            return hashlib.sha256(read_answer(sock)).hexdigest()

    def record(self, wire, outgoing, into):
        """Collect TCP frames of port 80 until told to stop and nothing more comes."""
        def body(done):
            while True:
                frame = wire.read(0.2, outgoing)
                if frame is None:
                    if done.is_set():
                        return
                elif (segment := Segment.parse(frame)) and 80 in (segment.sport, segment.dport):
                    into.append(frame)
        return body

    def compare(self, mode):
        lab = self.lab(netlab.Bridged)
        server = lab.ca.popen(["python3", "-c", SERVER], stdout=-1, text=True)
        self.assertEqual(server.stdout.readline(), "ready\n")
        direct = {self.read(lab, a) for a in (lab.ca4, lab.ca6)}
        self.assertEqual(len(direct), 1)
        learn(lab)
        guard = self.guard(lab, mode)
        for address in (lab.ca4, lab.ca6):
            seen = {(end, way): [] for end in ("client", "ca") for way in ("out", "in")}
            wires = {"client": (lab.clients, "c0"), "ca": (lab.ca, "ca0")}
            recorders = [Background(self.record(Wire(*wires[end]), way == "out", into))
                         for (end, way), into in seen.items()]
            for recorder in recorders:
                recorder.start()
            try:
                self.assertEqual({self.read(lab, address)}, direct)
            finally:
                for recorder in recorders:
                    recorder.__exit__()
            self.assertGreater(len(seen["ca", "out"]), 200)
            self.assertEqual(sorted(seen["client", "out"]), sorted(seen["ca", "in"]))
            self.assertEqual(sorted(seen["ca", "out"]), sorted(seen["client", "in"]))
        answers = guard.service()["answers"]["GetCACert"]
        self.assertEqual(answers["2xx"], 2)
        guard.stop()

    def test_police(self):
        self.compare("police")

    def test_observe(self):
        self.compare("observe")


if __name__ == "__main__":
    main()
