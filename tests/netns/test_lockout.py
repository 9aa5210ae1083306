#!/usr/bin/env python3
"""Promise 5, no lock-out: neither a limit, nor a spoofer, nor silence, nor a full table keeps an
honest client out for longer than it must."""

import unittest

import netlab
from support import (GENEROUS, PSH, ACK, SCALE, SYN, CA_CERT, Background, Case, Fleet, RawClient,
                     attempt, get, main, now, read_answer, wait_for)

SOURCE = "10.64.0.%d"
SMALL = {"connections": 40, "window": 60, "block": 15, "max_connections": 6}
NO_RESERVE = {"enrolment": "0%", "bootstrap": "0%", "rollover": "0%", "other": "0%"}
# The guard's own slots: max_connections - headroom.
SLOTS = SMALL["max_connections"] - 1
# The CA itself lets nothing go while a test looks.
PATIENT_CA = {"half_open": 60, "idle": 60, "life": 60, "fin_wait": 60}


def refill(lab, source, timeout=10, **how):
    """Ask until admitted; seconds it took."""
    begun = now()
    wait_for(lambda: attempt(lab.clients, lab.ca4, source, timeout=0.25, **how) == 200, timeout,
             f"{source} admitted")
    return now() - begun


class Sources(Case):

    def test_rate_refills(self):
        """12 a minute and a burst of 6: the seventh is refused, and 5 s later it is not, however
        often it asked in between."""
        lab = self.lab(ca_gate=True)
        ca, guard = self.ca(lab), self.guard(lab)
        source = SOURCE % 7
        first = [attempt(lab.clients, lab.ca4, source) for _ in range(6)]
        self.assertEqual(first, [200] * 6)
        self.assertEqual(attempt(lab.clients, lab.ca4, source, timeout=0.1), "TimeoutError")
        reasons = guard.service()["verdicts"]
        self.assertGreater(sum(p["source_rate"] for p in reasons.values()), 0)
        self.assertLess(refill(lab, source), 3 * 5 / SCALE + 1)
        self.assertEqual(get(lab.clients, lab.ca4, source=SOURCE % 8), 200)
        guard.stop()
        ca.stop()

    def test_connections_per_source(self):
        """Four at once; the fifth gets in when one has ended."""
        lab = self.lab(ca_gate=True)
        ca, guard = self.ca(lab), self.guard(lab)
        source = SOURCE % 9
        held = [lab.clients.connect(lab.ca4, 80, source) for _ in range(4)]
        self.assertEqual(attempt(lab.clients, lab.ca4, source, timeout=0.1), "TimeoutError")
        reasons = guard.service()["verdicts"]
        self.assertGreater(sum(p["source_connections"] for p in reasons.values()), 0)
        self.assertEqual(get(lab.clients, lab.ca4, source=SOURCE % 10), 200)
        for sock in held:
            sock.sendall(f"GET {CA_CERT} HTTP/1.0\r\n\r\n".encode())
            read_answer(sock)
            sock.close()
        self.assertLess(refill(lab, source), 3)
        guard.stop()
        ca.stop()

    def test_spoofed_victim(self):
        """A spoofer sends SYNs with a router's address, far beyond that source's rate (though not beyond
        the CA's): the router still enrols."""
        lab = self.lab(ca_gate=True)
        ca = self.ca(lab)
        guard = self.guard(lab, sources={"default": {"rate": "12/min", "burst": 6,
                                                     "connections": 10}})
        victim = SOURCE % 11
        self.assertEqual(get(lab.clients, lab.ca4, CA_CERT, source=victim), 200)
        spoofer = RawClient(lab, victim, 1)

        def flood(done):
            port = 2000
            while not done.wait(0.15):
                spoofer.sport = port = port + 1 if port < 60000 else 2000
                spoofer.seq = port
                spoofer.send(SYN, ack=0)
        with Background(flood):
            guard.wait(lambda s: s["services"][0]["requests"]["none"] > 20, "rate used up")
            # Each at its first SYN: one resent by the kernel would come a second later.
            answers = [attempt(lab.clients, lab.ca4, victim, CA_CERT, timeout=0.9)
                       for _ in range(4)]
        self.assertEqual(answers, [200] * 4)
        guard.stop()
        ca.stop()


class Slots(Case):

    def guard_small(self, lab, **service):
        return self.guard(lab, limits=SMALL, sources=GENEROUS,
                          service={"reserve": NO_RESERVE, **service})

    def silent(self, lab, count, speak=b""):
        """Clients that finish the handshake, say `speak`, and are never heard again."""
        made = [RawClient(lab, f"198.18.2.{n}", 7000 + n) for n in range(1, count + 1)]
        for client in made:
            self.assertTrue(client.open(), "admitted")
            if speak:
                client.say(speak)
        return made

    def test_heal_without_daemon(self):
        """Silent clients hold every slot, the daemon is dead: the refused SYNs of others free them, at
        the CA too."""
        lab = self.lab(ca_gate=True)
        ca, guard = self.ca(lab, SMALL, **PATIENT_CA), self.guard_small(lab)
        self.silent(lab, SLOTS)
        guard.kill()
        self.assertEqual(attempt(lab.clients, lab.ca4, SOURCE % 1, timeout=0.1), "TimeoutError")
        begun, served = now(), 0
        for n in range(2, 2 + SLOTS):
            refill(lab, SOURCE % n, 15)
            served += 1
        self.assertLess(now() - begun, 10)
        resets = wait_for(lambda: [e for e in ca.events("close") if e["how"] == "client RST"
                                   and e["client"].startswith("198.18.2.")], 5,
                          "the CA's slots freed by RST")
        self.assertGreaterEqual(len(resets), 1)
        guard.start()
        counters = guard.service()["counters"]
        self.assertGreaterEqual(counters["reclaimed"], 1)
        guard.stop()
        summary = ca.stop()
        self.assertLessEqual(summary["peak_open"], SMALL["max_connections"])
        self.assertEqual(summary["queue_full"], 0)

    def test_half_open_heal_without_daemon(self):
        """The same with clients that only ever sent a SYN."""
        lab = self.lab(ca_gate=True)
        ca, guard = self.ca(lab, SMALL, **PATIENT_CA), self.guard_small(lab)
        for n in range(1, SLOTS + 1):
            self.assertTrue(RawClient(lab, f"198.18.3.{n}", 7100 + n).syn())
        guard.kill()
        for n in range(20, 20 + SLOTS):
            refill(lab, SOURCE % n, 15)
        resets = wait_for(lambda: [e for e in ca.events("close") if e["how"] == "client RST"
                                   and e["client"].startswith("198.18.3.")], 5,
                          "the CA's half-open slots freed by RST")
        self.assertGreaterEqual(len(resets), 1)
        summary = ca.stop()
        self.assertLessEqual(summary["peak_open"], SMALL["max_connections"])
        self.assertEqual(summary["queue_full"], 0)

    def test_reaper(self):
        """With the daemon alive nobody has to be refused for it."""
        lab = self.lab(ca_gate=True)
        ca, guard = self.ca(lab, SMALL, **PATIENT_CA), self.guard_small(lab)
        self.silent(lab, SLOTS, b"GET /cgi-bin/pki")
        guard.wait(lambda s: s["services"][0]["mirror"]["slots"]["leases_used"] == 0, "reaped")
        wait_for(lambda: len([e for e in ca.events("close") if e["how"] == "client RST"]) == SLOTS,
                 5, "every slot freed at the CA")
        self.assertEqual(guard.service()["counters"]["reclaimed"], 0)
        guard.stop()
        ca.stop()

    def test_trickled_post(self):
        """One POST of a byte at a time, for as long as we look, halts nobody: more than a whole window's
        worth of others is served meanwhile."""
        lab = self.lab(ca_gate=True)
        ca = self.ca(lab, SMALL, **PATIENT_CA)
        guard = self.guard_small(lab, timeouts={"request": "60s", "life": "600s"})
        trickler = self.silent(lab, 1, b"POST /cgi-bin/pkiclient.exe?operation=PKIOperation "
                                       b"HTTP/1.0\r\nContent-Length: 5000\r\n\r\n")[0]

        def trickle(done):
            while not done.wait(0.2):
                trickler.send(ACK | PSH, b"x")
                trickler.seq += 1
        served = []
        with Background(trickle):
            end = now() + 20
            while now() < end and len(served) < 2 * SMALL["connections"]:
                if attempt(lab.clients, lab.ca4, SOURCE % (len(served) % 200), timeout=0.5) == 200:
                    served.append(now())
        gaps = [b - a for a, b in zip(served, served[1:])]
        self.assertEqual(len(served), 2 * SMALL["connections"])
        # A window ran full in between; nothing waits longer than one window for its turn.
        self.assertLess(max(gaps), SMALL["window"] / SCALE + 1)
        self.assertEqual(guard.service()["mirror"]["slots"]["leases_used"], 1)
        guard.stop()
        summary = ca.stop()
        self.assertLess(summary["worst_window"]["syn"], SMALL["connections"])

    def test_ca_pauses(self):
        """The CA stops for 4 s and then does everything at once: not over its limit, and those who wait
        are served."""
        lab = self.lab(ca_gate=True)
        ca = self.ca(lab, pause_at=3, pause_for=4, count="accept")
        guard = self.guard(lab)
        fleet = Fleet(lab, lab.ca4, minutes=2.5, scale=SCALE, seed=3, storm_rate=300,
                      storm_sources=2000, enrol_rate=6, grace=0).finish(40)
        self.assertGreater(fleet["enrolment"]["attempted"], 5)
        guard.stop()
        resumed = [e["t"] for e in ca.events("resume")]
        self.assertEqual(len(resumed), 1)
        later = [e for e in ca.events("request") if e["t"] > resumed[0] + 1]
        self.assertGreater(len(later), 30)
        self.assert_budget(ca.stop())


class FullTables(Case):

    def test_tiny_tables(self):
        """Tables of 64 in front of hundreds of sources: counted, limits kept, everybody still gets
        through."""
        lab = self.lab(ca_gate=True)
        ca = self.ca(lab)
        guard = self.guard(lab, tables={"connections": 64, "sources": 64, "syn_limiter": 64})
        Fleet(lab, lab.ca4, minutes=2.2, scale=SCALE, seed=4, storm_rate=800,
              storm_sources=2000).finish(40)
        service = guard.service()
        self.assertGreater(service["counters"]["source_map_full"], 0)
        self.assertEqual(guard.status()["sources"]["capacity"], 64)
        # A source nobody has ever seen, with no entry to be had for it.
        refill(lab, "10.66.1.1", 15)
        guard.stop()
        self.assert_budget(ca.stop())

    def test_tiny_connection_table(self):
        """More connections at once than the table holds (a CA without limits): evicted ones go on."""
        lab = self.lab()
        server = lab.ca.popen(["python3", "-c", SERVER], stdout=-1, text=True)
        self.assertEqual(server.stdout.readline(), "ready\n")
        guard = self.guard(lab, limits={"connections": 1000, "window": 1, "block": 1,
                                        "max_connections": 1000},
                           sources=GENEROUS, service={"reserve": NO_RESERVE},
                           tables={"connections": 64})
        held = [lab.clients.connect(lab.ca4, 80, SOURCE % (n % 250)) for n in range(150)]
        self.assertGreater(guard.service()["counters"]["conn_evicted"], 50)
        for sock in held:
            sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
            self.assertTrue(sock.recv(100).startswith(b"HTTP/1.0 200"))
            sock.close()
        guard.stop()


SERVER = """
import socket, threading
s = socket.create_server(("::", 80), family=socket.AF_INET6, dualstack_ipv6=True, backlog=500)
print("ready", flush=True)
def one(c):
    with c:
        c.recv(4096)
        c.sendall(b"HTTP/1.0 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
while True:
    threading.Thread(target=one, args=(s.accept()[0],), daemon=True).start()
"""


if __name__ == "__main__":
    main()
