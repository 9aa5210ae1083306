#!/usr/bin/env python3
"""`observe` touches nothing and keeps true books: the *actual* one equals the CA's own log while the
CA is over every limit it has.  (Frames compared byte for byte: test_transparency.py.)"""

import unittest

from support import SCALE, Case, Fleet, LabError, main

# Names of the CA's log are the guard's classes.
CLASSES = ("GetCACaps", "GetCACert", "GetNextCACert", "PKIOperation-GET", "PKIOperation-POST")


class Observe(Case):

    def dropped(self, lab):
        """What the kernel says XDP did on the gateway's interfaces besides passing."""
        total = 0
        for dev in ("gw0", "gw1"):
            counters = lab.gw.driver_counters(dev)
            names = [n for n in counters if n.endswith(("xdp_drops", "xdp_tx", "xdp_redirect"))]
            if not names:
                raise LabError(f"no XDP counters on {dev}: {counters}")
            total += sum(counters[n] for n in names)
        return total

    def storm(self, lab, ipv6=False):
        return Fleet(lab, lab.ca6 if ipv6 else lab.ca4, minutes=2.5, scale=SCALE, seed=31,
                     storm_rate=250, storm_sources=2000, enrol_rate=20, grace=0,
                     answer_timeout=20).finish(40)

    def test_books(self, ipv6=False):
        lab = self.lab(ca_gate=True)
        ca, guard = self.ca(lab), self.guard(lab, "observe")
        self.storm(lab, ipv6)
        service = guard.service(guard.wait(
            lambda s: s["services"][0]["mirror"]["slots"]["used"] == 0, "all connections ended",
            25))
        self.assertEqual(self.dropped(lab), 0)
        self.assertEqual(sum(n for p in service["verdicts"].values() for n in p.values()), 0)
        refused = sum(n for p in service["would"].values() for r, n in p.items()
                      if r not in ("admitted", "feeler", "lowest_turn"))
        self.assertGreater(refused, 20, "police would have refused")
        guard.stop()
        self.compare(service, ca.stop())

    def test_books_ipv6(self):
        self.test_books(ipv6=True)

    def compare(self, service, ca):
        """Guard against referee."""
        self.assertGreater(ca["deaf_s"], 0, "the storm was meant to be too much for it")
        for name in CLASSES:
            log = ca["requests"][name]
            self.assertEqual(service["requests"][name], sum(log.values()), name)
            self.assertEqual(service["answers"][name]["2xx"], log["200"], name)
            self.assertEqual(sum(service["answers"][name].values()), sum(log.values()), name)
        self.assertGreater(ca["requests"]["GetNextCACert"]["other"], 50)
        self.assertGreater(ca["pkioperations_completed"], 3)
        counters, window = service["counters"], service["mirror"]["window"]
        self.assertEqual(counters["syn_ack"], ca["connections"]["syn"])
        self.assertEqual(counters["handshakes"], ca["connections"]["handshake"])
        # The two clocks cut a window a tick apart.
        self.assertAlmostEqual(window["worst"], ca["worst_window"]["syn"], delta=1)
        self.assertGreaterEqual(window["worst"], 79)
        # The CA's peak counts from the SYN on, the guard's from the answer to it.
        self.assertAlmostEqual(service["mirror"]["slots"]["peak"], ca["peak_open"], delta=2)

    def test_deafness_is_seen(self):
        """The CA goes deaf, the guard says so, and that it is over, about when it is."""
        lab = self.lab(ca_gate=True)
        ca, guard = self.ca(lab), self.guard(lab, "observe")
        self.storm(lab)
        deaf = guard.service()["mirror"]["deaf"]
        guard.stop()
        ca.stop()
        spells = self.spells(ca.events())
        self.assertGreater(len(spells), 0)
        self.assertAlmostEqual(deaf["episodes"], len(spells), delta=1)
        self.assertAlmostEqual(deaf["total_seconds"], sum(b - a for a, b in spells),
                               delta=0.5 * len(spells) + 1)

    @staticmethod
    def spells(events):
        """(from, to) of each time in which no SYN was answered. A block that ends with the window still
        full begins anew at the next SYN: for those outside that is one spell."""
        spells, begun = [], None
        for event in events:
            if event["event"] == "deaf_onset" and begun is None:
                begun = event["t"]
            elif event["event"] == "syn" and begun is not None:
                spells.append((begun, event["t"]))
                begun = None
        return spells

    def test_drops_are_seen(self):
        """The kernel's counters that must stay at 0 in observe do not in police."""
        lab = self.lab(ca_gate=True)
        ca, guard = self.ca(lab), self.guard(lab)
        Fleet(lab, lab.ca4, minutes=0.5, scale=SCALE, seed=32, storm_rate=1600,
              storm_sources=2000).finish(30)
        self.assertGreater(self.dropped(lab), 20)
        guard.stop()
        ca.stop()


if __name__ == "__main__":
    main()
