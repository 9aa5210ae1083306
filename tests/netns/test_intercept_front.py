#!/usr/bin/env python3
"""Intercept's front door: nothing unproven ever reaches the CA; a client may go at any stage."""

import random
import socket

from intercept_case import NEXT, InterceptCase
from own_tcp import MSS_OPTION, OwnTcp, header_of
from streams import Got, answer_to, dial, get, post, read_all, reset
from support import (ACK, FIN, PSH, RST, SYN, RawClient, main, now, tcp_packet, wait_for)

# Slots of cookies last 0.8 s here: good for 1.6 to 2.4 s, then known as too old for another 2.4 s.
FAST = 40
COOKIE_SLOT_S = 32 / FAST
FLOOD = 400


class Unproven(InterceptCase):
    """The tap on the CA's wire is the judge."""

    def closed(self, lab, **guard):
        """A guard whose time of grace for older connections is over."""
        guard = self.intercept(lab, scale=FAST, **{
            "service": {"timeouts": {"life": "40s", "idle": "40s", "request": "30s"}}, **guard})
        stray = RawClient(lab, "198.18.9.9", 999)

        def is_refused(status):
            stray.send(ACK | PSH, b"GET / HTTP/1.0\r\n\r\n", ack=5)
            return status["services"][0]["counters"]["cookies_refused"]
        guard.wait(is_refused, "strays refused")
        return guard

    def strangers(self, lab, rng, tap):
        """A raw client of each family, with ever new spoofed addresses and ports."""
        raw = [RawClient(lab, source, 1, tap=tap) for source in ("198.18.0.1", "fd00:198::1")]
        for n in range(FLOOD // 4):
            one = raw[n % 2]
            one.sport = rng.randrange(1024, 65536)
            one.src = (f"fd00:198::{rng.getrandbits(16):x}:{rng.getrandbits(16):x}" if n % 2 else
                       f"198.18.{rng.randrange(10, 250)}.{rng.randrange(1, 255)}")
            yield one

    def flood(self, lab, rng, tap, flags, payload=b""):
        """Segments of as many strangers, with numbers out of the air."""
        for raw in self.strangers(lab, rng, tap):
            for one in flags:
                raw.send(one, payload, seq=rng.getrandbits(32), ack=rng.getrandbits(32))

    def proven(self, lab, tap, number):
        """A client that got the guard's SYN-ACK."""
        client = OwnTcp(lab, f"198.18.5.{number}", 5000 + number, tap=tap)
        self.assertTrue(client.open(), "no SYN-ACK")
        return client

    def damaged(self, client):
        """A proven first segment with a wrong checksum."""
        packet = bytearray(tcp_packet(client.src, client.dst, client.sport, 80, client.seq,
                                      client.ack, ACK | PSH, get("GetCACaps")))
        packet[-1] ^= 1
        client.tap.send(client.frame(bytes(packet)))

    def test_nothing_reaches_the_ca(self):
        lab = self.place()
        server, guard = self.server(lab), self.closed(lab)
        rng, wire = random.Random(1), self.tap(lab.ca, "ca0")
        before = guard.fresh()["connections"]["used"]
        tap = RawClient(lab, "198.18.9.8", 998).tap
        self.flood(lab, rng, tap, (SYN, ACK, FIN | ACK, ACK | PSH))
        self.flood(lab, rng, tap, (ACK | PSH, ACK | PSH | FIN), get("GetCACert"))
        self.flood(lab, rng, tap, (0, RST, RST | ACK, SYN | ACK, SYN | FIN, SYN | RST, 63),
                   b"GET /cgi-bin/pki")
        old = [self.proven(lab, tap, n) for n in range(1, 4)]
        begun = now()
        bare, odd, damaged = (self.proven(lab, tap, n) for n in range(4, 7))
        bare.send(ACK)
        odd.say(b"\x16\x03\x01\x02\x00\x01\x00\x01")
        self.assertTrue(odd.receive(2, RST), "TLS to the HTTP port is not refused")
        self.damaged(damaged)
        # Three slots later at most the cookie of the handshake is too old.
        wait_for(lambda: now() > begun + 3.1 * COOKIE_SLOT_S, 10, "cookies too old", 0.1)
        for client in old:
            client.say(get("GetCACaps"))
            self.assertTrue(client.receive(2, RST), "too old a proof is not refused")
        status = guard.fresh()
        counters = status["services"][0]["counters"]
        self.assertGreaterEqual(counters["cookies_old"], len(old))
        for name, least in (("cookies_refused", FLOOD), ("bad_checksum", 1), ("refused_early", 1),
                            ("cookies_sent", FLOOD // 4)):
            self.assertGreaterEqual(counters[name], least, name)
        self.assertEqual(status["connections"]["used"], before, "entries were made")
        self.assertEqual(server.connections, [])
        self.honest(lab, server, wire)
        guard.stop()

    def honest(self, lab, server, wire):
        """Somebody with a request is served, and is the only one that the CA's wire has seen."""
        allowed = set()
        for address in (lab.ca4, lab.ca6):
            got = self.ask(lab, address, get("GetCACaps"))
            self.assert_served(server, got, get("GetCACaps"))
            allowed.add(got.client)
        def seen():
            return {(s.src, s.sport) for s in wire.frames}
        wait_for(lambda: seen() >= allowed, 3, "the honest on the CA's wire")
        self.assertEqual(seen(), allowed)

    def test_form_of_the_answer(self):
        """Whatever a SYN offers, the SYN-ACK has an MSS and a window of 536, and so has the CA's SYN."""
        lab = self.place()
        self.server(lab)
        guard, wire = self.closed(lab), self.tap(lab.ca, "ca0")
        options = (b"\x02\x04\x05\xb4\x04\x02\x08\x0a\0\0\0\1\0\0\0\0\x01\x03\x03\x0a",
                   b"", b"\x01\x01\x02\x04\x02\x18\x01\x01", b"\x03\x03\x07\x00")
        for n, offered in enumerate(options):
            for source in (f"198.18.6.{n + 1}", f"fd00:198::6:{n + 1}"):
                client = OwnTcp(lab, source, 6000 + n, options=offered)
                answer = client.syn()
                self.assertEqual((answer.window, [k for k, _ in answer.options]),
                                 (536, [MSS_OPTION]))
                self.assertEqual(answer.payload, b"")
        got = self.ask(lab, lab.ca4, get("GetCACaps"))
        syn = wait_for(lambda: [s for s in wire.of(got.client) if s.flags & SYN], 3, "the CA's SYN")
        self.assertEqual(len(syn), 1)
        self.assertEqual([k for k, _ in header_of(syn[0].frame)[1]], [MSS_OPTION])
        guard.stop()

    def test_nobody_is_amplified(self):
        """A SYN is answered with one SYN-ACK of no more bytes than it had: nobody is amplified."""
        lab = self.place()
        self.server(lab)
        guard, home = self.closed(lab), self.tap(lab.clients, "c0")
        wire = self.tap(lab.ca, "ca0")
        raw = OwnTcp(lab, "198.18.7.1", 7000)
        for n in range(50):
            raw.src = f"198.18.7.{n + 1}"
            raw.tap.send(raw.frame(tcp_packet(raw.src, raw.dst, raw.sport, 80, raw.seq, 0, SYN, b"",
                                              options=raw.options)))
        wait_for(lambda: len(home.frames) >= 50, 3, "SYN-ACKs")
        # The guard itself sends nothing again.
        wait_for(lambda: now() > home.begun + 1.5, 5, "time for a resend", 0.1)
        self.assertEqual(len(home.frames), 50)
        self.assertTrue(all(len(s.frame) <= 60 for s in home.frames))
        self.assertEqual(wire.frames, [])
        guard.stop()


class ClientGoes(InterceptCase):
    """At every stage: nothing is left at the CA, no slot stays taken."""

    def own(self, lab, number):
        client = OwnTcp(lab, f"198.18.4.{number}", 4000 + number)
        self.assertTrue(client.open())
        return client

    def test_before_the_ca_is_asked(self):
        """After SYN-ACK, after the handshake, by RST or by FIN: the CA never hears of it."""
        lab = self.place()
        server, guard, wire = self.server(lab), self.intercept(lab), self.tap(lab.ca, "ca0")
        guard.fresh()
        one = OwnTcp(lab, "198.18.4.1", 4001)
        one.syn()
        one.send(RST, seq=one.seq + 1)
        two = self.own(lab, 2)
        two.send(RST)
        three = self.own(lab, 3)
        three.send(FIN | ACK)
        answer = three.receive(2, FIN | ACK)
        self.assertTrue(answer, "a FIN without request is not answered")
        self.assertEqual((answer.seq, answer.ack), (three.ack, three.seq + 1))
        socket_client = dial(lab.clients, lab.ca4)
        socket_client.close()
        socket_client = dial(lab.clients, lab.ca6)
        reset(socket_client)
        guard.fresh()
        self.assertEqual([(s.src, s.sport) for s in wire.frames if s.flags & SYN], [])
        self.assertEqual(server.connections, [])
        self.assert_idle(guard)
        guard.stop()

    def test_in_the_middle(self):
        """Before the answer, and in the midst of it: the CA gets the reset, in its own numbers."""
        lab = self.place()
        server, guard = self.server(lab), self.intercept(lab)
        for address in (lab.ca4, lab.ca6):
            for request in (get("GetCACert", gate="never"), post(3000, gate="never"),
                            get("GetCACert", size=300_000, take=5)):
                sock = dial(lab.clients, address)
                name = sock.getsockname()[:2]
                sock.sendall(request)
                seen = wait_for(lambda: server.seen_of(name), 3, "at the CA")
                wait_for(lambda: bytes(seen.received) == request, 3, "whole request at the CA")
                if b"take" in request:
                    sock.recv(1000)
                reset(sock)
                wait_for(lambda: seen.ended == "reset", 3, f"reset at the CA: {request[:80]}")
        self.assert_idle(guard)
        guard.stop()

    def test_after_the_answer_at_the_edge(self):
        """RST, FIN, FIN twice behind the guard's own answer: nothing goes to the CA."""
        lab = self.place()
        server, guard = self.server(lab), self.intercept(lab)
        self.refused_once(lab, server, guard)
        wire = self.tap(lab.ca, "ca0")
        for number, flags in ((7, (RST,)), (8, (ACK, FIN | ACK, FIN | ACK)), (9, (ACK, RST | ACK))):
            client = self.own(lab, number)
            client.say(NEXT)
            answer = client.receive(2, FIN)
            self.assertTrue(b" 404 " in answer.payload, answer.payload)
            client.ack = answer.seq + len(answer.payload) + 1
            for one in flags:
                client.send(one)
                if one & FIN:
                    last = client.receive(2)
                    self.assertEqual((last.flags, last.seq, last.ack),
                                     (ACK, client.ack & 0xffffffff, client.seq + 1 & 0xffffffff))
        guard.fresh()
        self.assertEqual(wire.frames, [])
        guard.stop()

    def test_half_closed(self):
        """shutdown(SHUT_WR) with the request, or later: the answer comes whole."""
        lab = self.place()
        server, guard = self.server(lab), self.intercept(lab)
        for address in (lab.ca4, lab.ca6):
            for request in (get("GetCACaps"), post(3000), get("GetCACert", size=300_000),
                            get("GetCACert", wait=0.5)):
                got = self.ask(lab, address, request, half_close=True)
                self.assert_served(server, got, request)
            with dial(lab.clients, address) as sock:
                sock.sendall(request := get("GetCACert", gate=address))
                seen = wait_for(lambda: server.seen_of(sock.getsockname()[:2]), 3, "at the CA")
                wait_for(lambda: seen.requests, 3, "asked")
                sock.shutdown(socket.SHUT_WR)
                # The CA gets to know before it answers.
                wait_for(lambda: seen.ended == "fin", 3, "FIN at the CA")
                server.open(address)
                got = read_all(sock, Got())
            self.assertEqual((got.error, got.answer), (None, answer_to(request)))
        self.assert_idle(guard)
        guard.stop()


if __name__ == "__main__":
    main()
