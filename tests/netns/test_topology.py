#!/usr/bin/env python3
"""Where the guard can stand: one-armed, bridged, IPv6, generic XDP, beside the CA; and what it says
where it cannot see all."""

import json
import subprocess
import unittest

import netlab
from support import (ACK, IOS, NEXT_CA, SCALE, SYN, Case, Fleet, RawClient, attempt, get, learn,
                     mac_bytes, main, tcp_packet, wait_for)

STORM = {"minutes": 2.2, "scale": SCALE, "seed": 21, "storm_rate": 800, "storm_sources": 2000,
         "enrol_rate": 6, "grace": 0}
REFUSED = ("source_rate", "source_connections", "slots", "slots_reserved", "window",
           "window_reserved", "window_unsettled", "other_turn")


class Topologies(Case):

    def storm(self, lab, ipv6=False, **guard):
        """The whole promise in this place: budget, requests read, answers seen."""
        ca = self.ca(lab)
        learn(lab)  # as the README says: ping the CA from the gateway first
        guard = self.guard(lab, **guard)
        status = guard.fresh()
        Fleet(lab, lab.ca6 if ipv6 else lab.ca4, **STORM).finish(40)
        service = guard.service()
        self.assertNotIn("one_sided", [k for k, v in service.items() if v])
        self.assertGreater(service["answers"]["GetNextCACert"]["4xx"], 20)
        self.assertEqual(service["counters"]["forged"], 0)
        self.assertGreater(sum(p[r] for p in service["verdicts"].values() for r in REFUSED), 50)
        self.assertEqual(service["shadow"]["state"], "not_ready")
        guard.stop()
        self.assert_gone(lab, guard)
        self.assert_budget(ca.stop())
        return status

    def test_one_armed(self):
        self.storm(self.lab(netlab.OneArmed, ca_gate=True))

    def test_one_armed_ipv6(self):
        self.storm(self.lab(netlab.OneArmed, ca_gate=True), ipv6=True)

    def test_bridged(self):
        self.storm(self.lab(netlab.Bridged, ca_gate=True))

    def test_two_armed_ipv6(self):
        self.storm(self.lab(ca_gate=True), ipv6=True)

    def test_generic(self):
        lab = self.lab(ca_gate=True)
        status = self.storm(lab, xdp="generic")
        self.assertEqual({a["xdp"] for a in status["attachments"]}, {"generic"})

    def joined_above(self, **guard):
        """What the daemon tells the program about segments that hosts join."""
        lab = self.lab()
        lab.gw.run(["ip", "link", "set", "gw1", "mtu", "1800"])
        guard = self.guard(lab, **guard)
        pin = next(p for p in guard.pins() if p.endswith("/sg_live"))
        text = subprocess.run(["bpftool", "--json", "map", "dump", "pinned", pin], capture_output=True, text=True,
                              check=True).stdout
        guard.stop()
        return json.loads(text)[0]["formatted"]["value"]["joined_above"]

    def test_joined_native(self):
        self.assertEqual(self.joined_above(), 0)

    def test_joined_generic(self):
        """Longer than the longest MTU."""
        self.assertEqual(self.joined_above(xdp="generic"), 1800)

    def test_native(self):
        """What auto chooses on a veth."""
        lab = self.lab()
        guard = self.guard(lab)
        self.assertEqual({(a["interface"], a["xdp"]) for a in guard.fresh()["attachments"]},
                         {("gw0", "native"), ("gw1", "native")})
        guard.stop()

    def test_bridge_learns_later(self):
        """At start the bridge does not know where the CA is; it follows when it does."""
        lab = self.lab(netlab.Bridged, ca_gate=True)
        ca, guard = self.ca(lab), self.guard(lab)
        self.assertEqual(get(lab.clients, lab.ca4), 200)
        self.assertTrue(guard.service()["one_sided"])
        learn(lab)

        def answered(status):
            attempt(lab.clients, lab.ca4)
            return status["services"][0]["answers"]["GetCACaps"]["2xx"]
        guard.wait(answered, "the CA's answers seen")
        self.assertFalse(guard.service()["one_sided"])
        guard.stop()
        ca.stop()

    def test_one_armed_forged(self):
        """One-armed, the clients' interface is the CA's: its MAC address decides."""
        lab = self.lab(netlab.OneArmed, ca_gate=True)
        ca = self.ca(lab)
        learn(lab)
        guard = self.guard(lab, service={"timeouts": {"request": "170s", "syn": "60s"}})
        victim = RawClient(lab, "198.18.0.1", 5001)
        self.assertTrue(victim.open())
        before = guard.service()
        self.assertEqual(before["counters"]["forged"], 0)
        # To an address of the switch's other side of which nobody answers: it must not reach the victim.
        for n, flags in enumerate((SYN | ACK, ACK, 1 | ACK, 4, 4 | ACK), 1):
            packet = tcp_packet(victim.dst, victim.src, 80, victim.sport, victim.ack, victim.seq,
                                flags, b"HTTP/1.1 404 x\r\n\r\n" if flags == ACK else b"")
            victim.tap.send(victim.frame(packet))
            guard.wait(lambda s, n=n: s["services"][0]["counters"]["forged"] == n, "counted")
        after = guard.service()
        self.assertEqual(after["connections"], before["connections"])
        self.assertEqual(after["answers"], before["answers"])
        # The same with the CA's own MAC address is the CA as far as anyone can tell.
        packet = tcp_packet(victim.dst, victim.src, 80, victim.sport, victim.ack, victim.seq, 4)
        frame = mac_bytes(lab.gw.mac("gw0")) + mac_bytes(lab.ca.mac("ca0")) + b"\x08\x00" + packet
        victim.tap.send(frame)
        guard.wait(lambda s: s["services"][0]["connections"] == before["connections"] - 1, "ended")
        guard.stop()
        ca.stop()


class Partial(Case):
    """Where only one direction passes the guard."""

    def test_ca_on_the_guard(self):
        """Its answers cannot be seen; limits on clients work, and that is said."""
        lab = self.lab()
        lab.gw.popen(["python3", "-m", "http.server", "80", "--bind", "::"], stdout=-3, stderr=-3)
        guard = self.guard(lab, start=False, sources={"default": {"rate": "12/min", "burst": 6,
                                                                  "connections": 100}})
        guard.config["services"][0]["addresses"] = [lab.ca_gw4]
        guard.start()
        wait_for(lambda: attempt(lab.clients, lab.ca_gw4) == 404, 10, "an answer of the server")
        said = guard.log()
        self.assertIn("this host's own address", said)
        self.assertIn("limits on clients work", said)
        self.assertTrue(guard.service()["one_sided"])
        source = "10.64.0.5"
        answers = [attempt(lab.clients, lab.ca_gw4, source, NEXT_CA, 0.3) for _ in range(8)]
        self.assertEqual(answers, [404] * 6 + ["TimeoutError"] * 2)
        self.assertEqual(guard.service()["requests"]["GetNextCACert"], 6)
        # Slots do not leak although the CA's FINs are not seen.
        guard.wait(lambda s: s["services"][0]["mirror"]["slots"]["leases_used"] == 0, "slots back")
        guard.stop()
        self.assert_gone(lab, guard)

    def asymmetric(self):
        """A second wire from CA to clients, past the gateway."""
        lab = self.lab(ca_gate=True)
        lab.veth((lab.ca, "ca1"), (lab.clients, "c1"))
        lab.ca.address("ca1", "10.99.0.1/24")
        lab.clients.address("c1", "10.99.0.2/24")
        lab.ca.end_host("ca1")
        lab.clients.end_host("c1")
        for net in (lab.sources4, "10.77.1.0/24"):
            lab.ca.route(net, "via", "10.99.0.2")
        return lab

    def test_asymmetric_path(self):
        """SYNs are still limited, established connections are not broken, status says it."""
        lab = self.asymmetric()
        ca, guard = self.ca(lab), self.guard(lab)
        status, sock = get(lab.clients, lab.ca4, NEXT_CA, close=False)
        sock.close()
        self.assertEqual(status, 404)
        service = guard.service()
        self.assertTrue(service["one_sided"])
        self.assertEqual(service["counters"]["packets_ca"], 0)
        self.assertEqual(service["requests"]["GetNextCACert"], 1)
        Fleet(lab, lab.ca4, **STORM).finish(40)
        service = guard.service()
        self.assertGreater(sum(p[r] for p in service["verdicts"].values() for r in REFUSED), 50)
        text = guard.command("status", check=False).stdout
        self.assertRegex(text, r"(?i)answers?")
        guard.stop()
        summary = ca.stop()
        self.assertLess(summary["worst_window"]["syn"], IOS["connections"])
        self.assertGreater(summary["connections"]["accept"], 20)
        self.assertLessEqual(summary["peak_open"], IOS["max_connections"])


if __name__ == "__main__":
    main()
