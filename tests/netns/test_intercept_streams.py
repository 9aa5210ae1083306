#!/usr/bin/env python3
"""Intercept, whatever a stream is cut into and whatever becomes of its segments: it arrives as it was sent."""

import itertools
import json

from intercept_case import InterceptCase
from netlab import wait_for
from own_tcp import MSS_OPTION, OwnTcp, header_of
from rough_wire import RoughTwoArmed
from streams import PATH, Crowd, answer_to, dial, get, post, reset
from support import ACK, PSH, SYN, main, nft, now, tcp_packet

# Begins like a CMS object.
LONG = "MIIKvgYJKoZIhvcNAQcCoIIKrzCCCqsCAQExDTALBgkqhkiG9w0BBwGg" * 50
LOSS = """
table netdev loss {
	chain in {
		type filter hook ingress device %(dev)s priority 0; policy accept;
		numgen random mod 1000 < %(permille)d drop
	}
	chain out {
		type filter hook egress device %(dev)s priority 0; policy accept;
		numgen random mod 1000 < %(permille)d drop
	}
}
"""

DROPS = """
table netdev drops {
	chain in {
		type filter hook ingress device ca0 priority 0; policy accept;
		%s drop
	}
}
"""


def long_get(last):
    """A PKIOperation by GET of several segments, `operation` in front or behind the message."""
    operation, message = "operation=PKIOperation", f"message={LONG}"
    query = f"{message}&{operation}" if last else f"{operation}&{message}"
    return f"GET {PATH}?{query} HTTP/1.0\r\nHost: ca\r\n\r\n".encode()


class Shapes(InterceptCase):
    """How the client cuts its request."""

    def both(self, lab, server, request, **how):
        for address in (lab.ca4, lab.ca6):
            self.assert_served(server, self.ask(lab, address, request, **how), request)

    def test_cut_small(self):
        """Down to one byte in a segment."""
        lab = self.place()
        server, guard = self.server(lab), self.intercept(lab)
        for pieces in (1, 2, 3, 5, 40):
            self.both(lab, server, get("GetCACaps"), pieces=pieces)
        self.both(lab, server, post(700), pieces=20)
        guard.stop()

    def test_long_get(self):
        """3 kB of message, the operation in front of it or behind."""
        lab = self.place()
        server, guard = self.server(lab), self.intercept(lab)
        for last in (False, True):
            self.both(lab, server, long_get(last))
        self.assertEqual(guard.service()["requests"]["PKIOperation-GET"], 4)
        guard.stop()

    def test_broken_word(self):
        """It begins as a PKIOperation does, and asks for the shadow certificate: it is ended, and the CA does
        not get the end of it."""
        lab = self.place()
        server, guard = self.server(lab), self.intercept(lab)
        request = f"GET {PATH}?message={LONG}&operation=GetNextCACert HTTP/1.0\r\n\r\n".encode()
        for address in (lab.ca4, lab.ca6):
            got = self.ask(lab, address, request)
            self.assertEqual((got.error, got.answer), ("ConnectionResetError", b""))
            seen = wait_for(lambda got=got: server.seen_of(got.client), 3, "its beginning at the CA")
            wait_for(lambda seen=seen: seen.ended == "reset", 12, "its end at the CA")
            self.assertLess(len(seen.received), len(request))
        self.assertEqual(server.requests(), [])
        self.assert_idle(guard)
        guard.stop()

    def test_small_mss(self):
        """Of an IOS client 536, of others what they say: no longer segment gets there."""
        lab = self.place()
        server, guard = self.server(lab), self.intercept(lab)
        home, wire = self.tap(lab.clients, "c0"), self.tap(lab.ca, "ca0")
        for mss, address in itertools.product((536, 1300), (lab.ca4, lab.ca6)):
            for request in (post(3000), get("GetCACert", size=50_000)):
                got = self.ask(lab, address, request, TCP_MAXSEG=mss)
                self.assert_served(server, got, request)
                lengths = wait_for(lambda got=got: self.lengths(home, got), 3, "all on the tap")
                longest = max(lengths)
                self.assertLessEqual(longest, mss)
                if b"size" in request:
                    self.assertGreater(longest, 0.9 * mss)
                syn = wait_for(lambda got=got: [s for s in wire.of(got.client) if s.flags & SYN], 3,
                               "the CA's SYN")[0]
                said = int.from_bytes(dict(header_of(syn.frame)[1])[MSS_OPTION], "big")
                self.assertLessEqual(said, mss)
        guard.stop()

    @staticmethod
    def lengths(tap, got):
        """Of the segments with which an answer came, when all of them were tapped."""
        lengths = [len(s.payload) for s in tap.of(got.client)]
        return lengths if sum(lengths) >= len(got.answer) else None

    def test_options_of_the_client(self):
        """Timestamps, SACK and window scaling, offered or not."""
        lab = self.place()
        server, guard = self.server(lab), self.intercept(lab)
        for values in ((0, 0, 0), (1, 0, 1), (0, 1, 0), (1, 1, 1)):
            lab.clients.sysctl(dict(zip(("net.ipv4.tcp_timestamps", "net.ipv4.tcp_sack",
                                         "net.ipv4.tcp_window_scaling"), values)))
            self.both(lab, server, post(3000))
            self.both(lab, server, get("GetCACert", size=100_000))
        guard.stop()


class OwnWay(InterceptCase):
    """Clients that are not as a kernel's TCP is."""

    def burst(self, lab, server, number, source, size):
        request = post(3000)
        client = OwnTcp(lab, source % number, 8000 + number)
        self.assertTrue(client.open())
        client.burst(request, size)
        self.assertTrue(client.finish(size), client.heard)
        self.assertEqual(client.answer, answer_to(request))
        self.assertEqual(bytes(server.seen_of((client.src, client.sport)).received), request)

    def test_ignores_the_window(self):
        """Everything at once in segments of 1360 bytes (too long to be sent with the handshake's end)."""
        lab = self.place()
        server, guard = self.server(lab), self.intercept(lab)
        for n, source in enumerate(("198.18.1.%d", "fd00:198::1:%d"), 1):
            for size in (1360, 700, 100):
                self.burst(lab, server, n * size % 251, source, size)
        guard.kill()  # without a daemon nobody injects what is too long
        for n, source in enumerate(("198.18.2.%d", "fd00:198::2:%d"), 1):
            self.burst(lab, server, n, source, 1360)
        guard.start()
        self.assert_idle(guard)
        guard.stop()

    def test_other_bytes_the_second_time(self):
        """A segment that comes again with other bytes ends the connection; the CA executes neither."""
        lab = self.place()
        server, guard = self.server(lab), self.intercept(lab)
        one, other = get("PKIOperation", message="A" * 8), get("PKIOperation", message="B" * 8)
        nft(lab.ca, DROPS % "tcp dport 80")
        client = OwnTcp(lab, "198.18.1.250", 8250)
        self.assertTrue(client.open())
        client.say(one)
        guard.wait(lambda s: s["services"][0]["mirror"]["slots"]["leases_used"] == 1, "asked")
        client.send(ACK | PSH, other, seq=client.seq - len(one))
        self.assertTrue(client.receive(2, 4), "no RST")
        nft(lab.ca, "delete table netdev drops\n")
        self.assertEqual(guard.service()["counters"]["mismatches"], 1)
        client.send(ACK | PSH, one, seq=client.seq - len(one))
        guard.fresh()
        self.assertEqual(server.requests(), [])
        guard.stop()

    def test_damaged_the_second_time(self):
        """A resend that was damaged on its way is no other request: it is dropped, and the next one counts."""
        lab = self.place()
        server, guard = self.server(lab), self.intercept(lab)
        request = post(3000)
        client = OwnTcp(lab, "198.18.1.251", 8251)
        self.assertTrue(client.open())
        nft(lab.ca, DROPS % "tcp dport 80 tcp flags & psh == psh")
        client.burst(request[:500], 500)
        guard.wait(lambda s: s["services"][0]["counters"]["spliced"] == 1, "spliced")
        for count in (1, 40):
            packet = bytearray(tcp_packet(client.src, client.dst, client.sport, 80, client.first,
                                          client.ack, ACK | PSH, request[:500]))
            packet[-count] ^= 0x55
            client.tap.send(client.frame(bytes(packet)))
        guard.fresh()
        nft(lab.ca, "delete table netdev drops\n")
        client.burst(request[500:], 500)
        self.assertTrue(client.finish(500), client.heard)
        self.assertEqual(client.answer, answer_to(request))
        self.assertEqual(bytes(server.seen_of((client.src, client.sport)).received), request)
        guard.stop()

    def test_crashed_and_back(self):
        """A client that lost its memory begins anew on the same port: the old connection ends at the CA."""
        lab = self.place()
        server, guard = self.server(lab), self.intercept(lab)
        for number, source in enumerate(("198.18.3.1", "fd00:198::3:1")):
            old = OwnTcp(lab, source, 8300 + number)
            self.assertTrue(old.open())
            old.say(get("GetCACert", gate="never"))
            name = (source, 8300 + number)
            first = wait_for(lambda name=name: server.seen_of(name), 3, "at the CA")
            wait_for(lambda first=first: first.requests, 3, "asked")
            new = OwnTcp(lab, source, 8300 + number)
            self.assertTrue(new.open())
            new.burst(get("GetCACaps"), 1000)
            self.assertTrue(new.finish(1000), "not answered")
            self.assertEqual(new.answer, answer_to(get("GetCACaps")))
            wait_for(lambda first=first: first.ended == "reset", 3, "old one ended")
        self.assert_idle(guard)
        guard.stop()


class Again(InterceptCase):
    """More than one request: on one connection, on one port."""

    def test_keep_alive(self):
        """A second and a third on a spliced connection: the CA's own answers (the connection is spent already, and
        nobody else's place is saved by keeping one from it)."""
        lab = self.place()
        server, guard = self.server(lab), self.intercept(lab)
        self.refused_once(lab, server, guard)
        requests = [get("GetCACaps", version="1.1"), get("GetCACert", version="1.1", size=5000),
                    get("GetNextCACert", version="1.1"), post(3000, version="1.1"),
                    get("GetNextCACert", version="1.1"), get("GetCACert", version="1.0")]
        for address in (lab.ca4, lab.ca6):
            with dial(lab.clients, address) as sock:
                name = sock.getsockname()[:2]
                for request in requests:
                    sock.sendall(request)
                    expected, answer = answer_to(request), b""
                    while len(answer) < len(expected):
                        answer += (part := sock.recv(65536))
                        self.assertTrue(part, request)
                    self.assertEqual(answer, expected)
                self.assertEqual(sock.recv(1), b"")
            self.assertEqual(bytes(server.seen_of(name).received), b"".join(requests))
        self.assert_idle(guard)
        guard.stop()

    def test_port_again(self):
        """The same port right after, however the connection before it ended.  Often, since one cookie in 64 is that of
        the connection before."""
        lab = self.place()
        server, guard = self.server(lab), self.intercept(lab)
        for address, source in ((lab.ca4, lab.client4), (lab.ca6, lab.client6)):
            for n in range(60):
                request = (get("GetCACaps"), get("GetNextCACert"), post(300))[n % 3]
                got = self.ask(lab, address, request, source=source, port=7777, timeout=4)
                self.assertIsNone(got.error, (n, got))
                self.assertEqual(got.answer.split()[1], answer_to(request).split()[1])
                if n % 12 == 11:  # the client resets in the middle
                    sock = dial(lab.clients, address, source, 7777)
                    sock.sendall(get("GetCACert", size=300_000))
                    sock.recv(1000)
                    reset(sock)
        self.assert_idle(guard)
        guard.stop()


class Rough(InterceptCase):
    """Segments that get lost, come twice, come late.  TCP's own timers run here: no time is compressed."""

    mixed = [get("GetCACaps"), post(3000), get("GetCACert", size=5000), long_get(True)]

    def crowd(self, lab, server, requests, timeout, each=10):
        """All requests at once, many times, both families; all are served to the byte."""
        jobs = [(address, request, None) for request in requests
                for address in (lab.ca4, lab.ca6) for _ in range(each)]
        results = Crowd(lab.clients, jobs, timeout).run()
        for (_, request, _), got in zip(jobs, results):
            self.assert_served(server, got, request)

    def patient(self, lab):
        """A guard that does not end a request which is late by loss alone."""
        return self.intercept(lab, scale=1, service={"timeouts": {"request": "60s"}})

    def lossy(self, percent, requests, timeout):
        """Of what is sent either way so much is lost: half of it at each end host."""
        lab = self.place()
        server, guard = self.server(lab), self.patient(lab)
        for space, dev in ((lab.clients, "c0"), (lab.ca, "ca0")):
            nft(space, LOSS % {"dev": dev, "permille": percent * 10 // 2})
        self.crowd(lab, server, requests, timeout, 5)
        again = sum(space.protocol_counters()["Tcp.RetransSegs"] for space in (lab.clients, lab.ca))
        self.assertGreater(again, 0)
        for space in (lab.clients, lab.ca):
            nft(space, "delete table netdev loss\n")
        guard.stop()

    def test_loss_1_percent(self):
        self.lossy(1, [*self.mixed, get("GetCACert", size=100_000)], 30)

    def test_loss_10_percent(self):
        self.lossy(10, self.mixed, 45)

    def test_reordered_and_doubled(self):
        """A tenth late by up to 30 ms, a twentieth twice, some lost, on both wires."""
        lab = self.place(RoughTwoArmed)
        server, guard = self.server(lab), self.patient(lab)
        with lab.rough(1, late=0.1, doubled=0.05, lost=0.02) as did:
            self.crowd(lab, server, [*self.mixed, get("GetCACert", size=50_000)], 30, 5)
        for what in ("late", "doubled", "lost"):
            self.assertGreater(did[what], 10, what)
        # Nothing was asked twice: what came late or twice is no new request.
        asked = [bytes(s.received) for s in server.connections]
        self.assertEqual(len(asked), len({s.client for s in server.connections}))
        guard.stop()


class Crowds(InterceptCase):
    """Many at once, in front of a fast CA without a window (profile generic)."""

    def generic(self, lab, slots):
        guard = self.intercept(lab, scale=1, start=False)
        guard.config["services"][0].update(profile="generic", limits={"max_connections": slots})
        guard.start()
        return guard

    def together(self, count, slots, timeout):
        lab = self.place()
        server, guard = self.server(lab), self.generic(lab, slots)
        requests = (get("GetCACaps"), post(600), get("GetCACert", size=2000))
        jobs = [(lab.ca6 if n % 2 else lab.ca4, requests[n % 3],
                 f"fd00:64:0:{n:x}::1" if n % 2 else f"10.64.{n >> 8}.{n & 255}")
                for n in range(count)]
        begun = now()
        results = Crowd(lab.clients, jobs, timeout).run()
        took = now() - begun
        failed = [got for got in results if got.error]
        self.assertEqual(failed, [], json.dumps(guard.service()["counters"]))
        for (_, request, _), got in zip(jobs, results):
            self.assertEqual(got.answer, answer_to(request))
        self.assertEqual(len(server.requests()), count)
        self.assertLessEqual(server.peak, slots)
        guard.stop()
        return took

    def test_64(self):
        self.assertLess(self.together(64, 100, 20), 3)

    def test_2000(self):
        """Twice as many as there are slots; some wait, none longer than a resend or two."""
        self.assertLess(self.together(2000, 1000, 40), 20)

    def test_64_in_4_slots(self):
        """Sixteen of them wait for one another: turn by turn, without a pause between turns."""
        self.assertLess(self.together(64, 5, 20), 5)

if __name__ == "__main__":
    main()
