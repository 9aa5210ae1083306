#!/usr/bin/env python3
"""Promise 6, nobody but the CA can speak as the CA: packets with its address from the clients' side
pass, are counted as forged, and change nothing."""

import unittest

import netlab
from support import (ACK, FIN, NEXT_CA, PSH, RST, SYN, Case, RawClient, get, main, nft,
                     tcp_packet)

ANSWER = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
# The victim is not meant to be hit by what passes: the question is what the guard believes.
SWALLOW = """
table inet swallow {
	chain forward {
		type filter hook forward priority 0; policy accept;
		iifname "gw0" oifname "gw0" ip saddr %s drop
	}
}
"""


class Forged(Case):

    def forge(self, victim, flags, seq, ack, payload=b"", mac=None):
        """A segment of `victim`'s connection that claims to come from the CA, out of c0."""
        packet = tcp_packet(victim.dst, victim.src, 80, victim.sport, seq, ack, flags, payload)
        frame = victim.frame(packet)
        if mac:
            frame = frame[:6] + mac + frame[12:]
        victim.tap.send(frame)

    def all_kinds(self, lab, guard, mac=None):
        """Everything a forger could wish for, into a half-open, an open and no connection."""
        half, opened, none = (RawClient(lab, f"198.18.0.{n}", 5000 + n) for n in (1, 2, 3))
        self.assertTrue(half.syn())
        self.assertTrue(opened.open())
        opened.say(f"GET {NEXT_CA} HTTP/1.0\r\n".encode())  # its head is not complete: no answer yet
        before = guard.wait(lambda s: s["services"][0]["requests"]["GetNextCACert"] == 1,
                            "request read")["services"][0]
        sent = 0
        # The half-open one's true numbers, known to a listener: the worst case.
        for victim, seq, ack in ((half, half.ack - 1, half.seq + 1), (half, half.ack, half.seq + 1),
                                 (opened, opened.ack, opened.seq), (none, 1, none.seq + 1)):
            for flags, payload in ((SYN | ACK, b""), (ACK, b""), (ACK | PSH, ANSWER),
                                   (FIN | ACK, b""), (RST, b""), (RST | ACK, b"")):
                self.forge(victim, flags, seq, ack, payload, mac)
                sent += 1
        after = guard.wait(lambda s: s["services"][0]["counters"]["forged"] >= sent,
                           f"{sent} forged packets counted")["services"][0]
        self.assertEqual(after["counters"]["forged"], sent)
        for key in ("answers", "connections", "shadow"):
            self.assertEqual(after[key], before[key], key)
        self.assertEqual(after["mirror"]["slots"]["leases_used"],
                         before["mirror"]["slots"]["leases_used"])
        self.assertEqual(after["counters"]["closed"], before["counters"]["closed"])
        self.assertEqual(after["counters"]["syn_ack"], before["counters"]["syn_ack"])
        self.assertEqual(after["counters"]["packets_ca"], before["counters"]["packets_ca"])
        return opened

    def test_two_armed(self):
        lab = self.lab(ca_gate=True)
        nft(lab.gw, SWALLOW % lab.ca4)
        referee = self.ca(lab)
        # Long timeouts: nothing may end by itself while it is looked at.
        guard = self.guard(lab, service={"timeouts": {"request": "170s", "syn": "60s"}})
        opened = self.all_kinds(lab, guard)
        opened.say(b"Host: ca\r\n\r\n")
        guard.wait(lambda s: s["services"][0]["answers"]["GetNextCACert"]["4xx"] == 1,
                   "the CA's own answer")
        guard.stop()
        referee.stop()

    def test_deafness_is_not_ended(self):
        """Only the CA's own SYN-ACK shows that it listens again."""
        lab = self.lab()  # the CA's host is there, and will swallow SYNs
        nft(lab.gw, SWALLOW % lab.ca4)
        server = lab.ca.popen(["python3", "-m", "http.server", "80"], stdout=-1, stderr=-1)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.stderr.close)
        guard = self.guard(lab)
        netlab.wait_for(lambda: self.answers(lab), 10, "an answer of the server")
        nft(lab.ca, "table netdev d { chain i { type filter hook ingress device ca0 priority 0;\n"
                    "tcp dport 80 tcp flags & (syn | ack) == syn drop\n}\n}\n")
        clients = [RawClient(lab, f"198.18.1.{n}", 6000 + n) for n in range(1, 6)]

        def deaf():
            for client in clients:
                client.send(SYN, ack=0)
            return guard.status()["services"][0]["mirror"]["deaf"]["now"]
        netlab.wait_for(deaf, 15, "found deaf", 0.1)
        for client in clients:
            self.forge(client, SYN | ACK, 1, client.seq + 1)
            self.forge(client, RST | ACK, 0, client.seq + 1)
        service = guard.service(guard.wait(
            lambda s: s["services"][0]["counters"]["forged"] >= 10, "forged counted"))
        self.assertTrue(service["mirror"]["deaf"]["now"])
        self.assertEqual(service["mirror"]["deaf"]["episodes"], 1)
        guard.stop()

    def answers(self, lab):
        try:
            return get(lab.clients, lab.ca4)
        except OSError:
            return None


if __name__ == "__main__":
    main()
