#!/usr/bin/env python3
"""Intercept in front of a CA that refuses, falls silent, answers late; and behind clients that fall silent."""

import socket

from intercept_case import InterceptCase
from netlab import PacketTap
from own_tcp import OwnTcp
from streams import answer_to, dial, exchange, get, post, reset
from support import ACK, FIN, PSH, RST, SYN, Background, main, nft, now, tcp_packet, wait_for

CAPS = get("GetCACaps")
DEAF = """
table netdev deaf {
	chain in {
		type filter hook ingress device ca0 priority 0; policy accept;
		tcp dport 80 drop
	}
}
"""
HEARS = "delete table netdev deaf\n"


class OwnCa:
    """The CA's side of the connection that began with this SYN, by hand; its host's TCP must be deaf."""

    def __init__(self, lab, syn, isn=0x70000000):
        self.syn, self.tap = syn, PacketTap(lab.ca, "ca0")
        self.seq, self.ack = isn, syn.seq + 1

    def send(self, flags, payload=b"", seq=None, ack=None):
        """Back the way the SYN came; seq and ack default to where the connection is."""
        syn = self.syn
        packet = tcp_packet(syn.dst, syn.src, syn.dport, syn.sport,
                            self.seq if seq is None else seq, self.ack if ack is None else ack,
                            flags, payload)
        self.tap.send(syn.frame[6:12] + syn.frame[:6] + syn.frame[12:14] + packet)


class CaCase(InterceptCase):

    def slots(self, guard, count):
        """Until so many are taken."""
        guard.wait(lambda s: s["services"][0]["mirror"]["slots"]["leases_used"] == count,
                   f"{count} slots taken")

    def asked(self, lab, wire, address, request=CAPS):
        """A client has asked; its socket, and the SYN on the CA's wire."""
        sock = dial(lab.clients, address)
        sock.sendall(request)
        name = sock.getsockname()[:2]
        syn = wait_for(lambda: [s for s in wire.of(name) if s.flags & SYN], 3, "the SYN")[0]
        return sock, syn


class BadCa(CaCase):

    def test_refuses(self):
        """Nobody listens: the client's connection, which the guard has accepted, is reset at once."""
        lab = self.place()
        guard = self.intercept(lab)
        for address in (lab.ca4, lab.ca6):
            got = self.ask(lab, address, CAPS)
            self.assertEqual((got.error, got.answer), ("ConnectionResetError", b""))
            self.assertLess(got.seconds, 0.5)
        self.assert_idle(guard)
        self.assertEqual(guard.service()["counters"]["refused_by_ca"], 2)
        guard.stop()

    def test_resets_in_the_answer(self):
        """What came before the RST reaches the client, and the RST does."""
        lab = self.place()
        self.server(lab)
        guard = self.intercept(lab)
        for address in (lab.ca4, lab.ca6):
            request = get("GetCACert", size=50_000, end="reset")
            got = self.ask(lab, address, request)
            whole = answer_to(request)
            self.assertEqual(got.error, "ConnectionResetError")
            self.assertEqual(got.answer, whole[:len(whole) // 2])
        self.assert_idle(guard)
        guard.stop()

    def test_telnet_connects_to_a_dead_ca(self):
        """Documented: connected says nothing of the CA, `status` does."""
        lab = self.place()
        nft(lab.ca, DEAF)
        guard = self.intercept(lab)
        for address in (lab.ca4, lab.ca6):
            dial(lab.clients, address, timeout=1).close()
        self.assert_idle(guard)
        guard.stop()

    def test_silent_for_a_while(self):
        """SYNs get lost for 3 s: clients are not reset, and are served by their own resends when it hears again."""
        lab = self.place()
        server, guard = self.server(lab), self.intercept(lab)
        self.assert_served(server, self.ask(lab, lab.ca4, CAPS), CAPS)
        nft(lab.ca, DEAF)
        results, begun = [], now()

        def client(address):
            return lambda _: results.append(exchange(lab.clients, address, post(3000), timeout=15))
        with Background(client(lab.ca4)), Background(client(lab.ca6)):
            # Longer than `syn`: the attempts are given up, and their slots with them.
            wait_for(lambda: now() > begun + 2, 5, "2 s", 0.1)
            self.slots(guard, 0)
            wait_for(lambda: now() > begun + 3, 5, "3 s", 0.1)
            nft(lab.ca, HEARS)
        self.assertEqual(len(results), 2)
        for got in results:
            self.assert_served(server, got, post(3000))
        self.assertEqual(len(server.requests()), 3)
        guard.stop()

    def test_client_gone_meanwhile(self):
        """The CA's SYN-ACK comes when the client has reset: it is told so at once, its slot is free."""
        lab = self.place()
        guard, wire = self.intercept(lab), self.tap(lab.ca, "ca0")
        nft(lab.ca, DEAF)
        for address in (lab.ca4, lab.ca6):
            sock, syn = self.asked(lab, wire, address)
            client = sock.getsockname()[:2]
            self.slots(guard, 1)
            reset(sock)
            guard.fresh()
            OwnCa(lab, syn).send(SYN | ACK)
            told = wait_for(lambda: [s for s in wire.of(client) if s.flags & RST], 3,
                            "a RST to the CA")[0]
            self.assertEqual(told.seq, syn.seq + 1)
            self.assertEqual([s for s in wire.of(client) if s.payload], [])
            self.slots(guard, 0)
        guard.stop()

    def test_late_syn_ack(self):
        """The SYN-ACK of an attempt that was given up: RST to the CA, nothing to the client, who is served by
        the next attempt."""
        lab = self.place()
        nft(lab.ca, DEAF)
        guard, wire, home = self.intercept(lab), self.tap(lab.ca, "ca0"), self.tap(lab.clients, "c0")
        for address in (lab.ca4, lab.ca6):
            client = OwnTcp(lab, "198.18.1.1" if address == lab.ca4 else "fd00:198::1:1", 9001)
            self.assertTrue(client.open())
            client.say(CAPS)
            name = (client.src, client.sport)
            syn = wait_for(lambda: [s for s in wire.of(name) if s.flags & SYN], 3, "SYN")[0]
            self.slots(guard, 1)
            self.slots(guard, 0)  # given up after `syn`
            # The guard has told the CA already, which has not heard it.
            told, before = len(self.resets(wire, syn)), len(home.of(name))
            OwnCa(lab, syn).send(SYN | ACK)
            wait_for(lambda syn=syn, told=told: len(self.resets(wire, syn)) > told, 3,
                     "RST to the CA")
            self.assertEqual(len(home.of(name)), before, "the client was told something")
            client.send(ACK | PSH, CAPS, seq=client.seq - len(CAPS))
            wait_for(lambda: len([s for s in wire.of(name) if s.flags & SYN]) == 2, 3, "next SYN")
            self.slots(guard, 1)
        guard.stop()

    def test_syn_ack_again(self):
        """The ACK with the request was lost: each SYN-ACK is answered again, with the request, until it is there.
        The client is one that resends nothing."""
        lab = self.place()
        nft(lab.ca, DEAF)
        guard, wire = self.intercept(lab), self.tap(lab.ca, "ca0")
        for source in ("198.18.1.3", "fd00:198::1:3"):
            client, name = OwnTcp(lab, source, 9003), (source, 9003)
            self.assertTrue(client.open())
            client.say(CAPS)
            syn = wait_for(lambda name=name: [s for s in wire.of(name) if s.flags & SYN], 3,
                           "the SYN")[0]
            ca = OwnCa(lab, syn)
            ca.send(SYN | ACK, ack=syn.seq + 2)  # not to this SYN
            for count in (1, 2, 3):
                ca.send(SYN | ACK)
                wait_for(lambda n=count, name=name: len(self.payloads(wire, name)) >= n, 2,
                         f"request {count}")
            ca.seq += 1
            ca.ack = syn.seq + 1 + len(CAPS)
            ca.send(ACK | PSH | FIN, answer_to(CAPS))
            client.finish(1000)
            self.assertEqual(client.answer, answer_to(CAPS))
            self.assertEqual({(s.payload, s.seq, s.ack) for s in self.payloads(wire, name)},
                             {(CAPS, syn.seq + 1, ca.seq)})
        guard.stop()

    @staticmethod
    def resets(wire, syn):
        """Those that end a connection of which nothing but its SYN-ACK was sent."""
        return [s for s in wire.of((syn.src, syn.sport)) if s.flags & RST and s.seq == syn.seq + 1]

    @staticmethod
    def payloads(wire, name):
        """Segments with bytes of this client at the CA."""
        return [s for s in wire.of(name) if s.payload and s.dport == 80]


class Silent(CaCase):
    """Clients that are not heard of any more: both ends are reset, the slot is free."""

    timeouts = {"syn": "5s", "request": "10s", "idle": "20s", "life": "60s"}

    def begin(self):
        lab = self.place()
        server = self.server(lab)
        guard = self.intercept(lab, service={"timeouts": self.timeouts})
        return lab, server, guard

    def own(self, lab, source, port):
        client = OwnTcp(lab, source, port)
        self.assertTrue(client.open())
        return client

    def ended(self, server, client, within):
        """The CA's side was reset, and the client's with the number that it expects."""
        begun = now()
        seen = server.seen_of((client.src, client.sport))
        wait_for(lambda: seen.ended == "reset", within, "reset at the CA")
        while segment := client.receive(2):
            if segment.flags & RST:
                break
        self.assertTrue(segment, "the client was not reset")
        return segment, now() - begun

    def test_half_a_head(self):
        """`request` (1 s here): a head that is never complete."""
        lab, server, guard = self.begin()
        for source in ("198.18.2.1", "fd00:198::2:1"):
            client = self.own(lab, source, 9100)
            client.say(b"GET /cgi-bin/pkiclient.exe?operation=GetCACert&mess")
            wait_for(lambda: server.seen_of((source, 9100)), 3, "at the CA")
            told, took = self.ended(server, client, 5)
            self.assertEqual(told.seq, client.ack)
            self.assertGreater(took, 0.5)
        self.assert_idle(guard)
        guard.stop()

    def test_body_never_comes(self):
        """`idle` (2 s here): the head is there, the body is not."""
        lab, server, guard = self.begin()
        client = self.own(lab, "198.18.2.2", 9200)
        client.say(post(3000)[:300])
        wait_for(lambda: server.seen_of((client.src, 9200)), 3, "at the CA")
        told, took = self.ended(server, client, 8)
        self.assertEqual(told.seq, client.ack)
        self.assertGreater(took, 1)
        self.assert_idle(guard)
        guard.stop()

    def test_answer_never_acknowledged(self):
        """The CA sends its answer again and again, which is no life of the client's."""
        lab, server, guard = self.begin()
        client = self.own(lab, "198.18.2.3", 9300)
        client.say(get("GetCACert", size=50_000))
        wait_for(lambda: server.seen_of((client.src, 9300)), 3, "at the CA")
        self.ended(server, client, 12)
        self.assert_idle(guard)
        guard.stop()

    def test_idle_kept_alive(self):
        """A real client that keeps its connection and says no more."""
        lab, server, guard = self.begin()
        for address in (lab.ca4, lab.ca6):
            with dial(lab.clients, address) as sock:
                sock.sendall(request := get("GetCACaps", version="1.1"))
                expected = answer_to(request)
                self.assertEqual(sock.recv(len(expected), socket.MSG_WAITALL), expected)
                begun = now()
                with self.assertRaises(ConnectionResetError):
                    sock.recv(1)
                self.assertLess(1, now() - begun)
                self.assertLess(now() - begun, 5)
                seen = server.seen_of(sock.getsockname()[:2])
                wait_for(lambda seen=seen: seen.ended == "reset", 3, "reset at the CA")
        self.assert_idle(guard)
        guard.stop()

    def test_without_a_daemon(self):
        """Slots of silent clients heal by others' requests."""
        lab = self.place()
        server = self.server(lab)
        guard = self.intercept(lab, limits={"connections": 1000, "window": 60, "block": 15,
                                            "max_connections": 4},
                               service={"timeouts": self.timeouts})
        silent = [self.own(lab, f"198.18.2.{n}", 9400) for n in (11, 12, 13)]
        for client in silent:
            client.say(b"GET /cgi-bin/pki")
        self.slots(guard, 3)
        guard.kill()
        expected = answer_to(CAPS)
        wait_for(lambda: self.ask(lab, lab.ca4, CAPS, timeout=5).answer == expected, 15,
                 "one is served")
        self.assertTrue([s for s in server.connections if s.ended == "reset"])
        self.assertLessEqual(server.peak, 4)
        guard.start()
        guard.stop()


if __name__ == "__main__":
    main()
