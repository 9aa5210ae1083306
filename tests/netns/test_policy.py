#!/usr/bin/env python3
"""What the operator decides about sources and refusals: deny, exempt, a NAT'd site, `refuse: reset`."""

import unittest

from support import Case, attempt, get, main, now

PREFIXES = [
    {"prefix": "10.64.9.0/24", "deny": "true"},
    {"prefix": "10.64.10.0/24", "exempt": "true"},
    {"prefix": "10.65.0.0/16", "rate": "600/min", "burst": 20, "connections": 16},
    {"prefix": "fd00:64:0:9::/64", "deny": "true"},
]
DEFAULT = {"rate": "6/min", "burst": 3, "connections": 4}


class Policies(Case):

    def counts(self, lab, address, sources, tries):
        """How many of so many attempts each source gets through, all of them at once."""
        return [sum(attempt(lab.clients, address, s, timeout=0.15) == 200 for _ in range(tries))
                for s in sources]

    def test_prefixes(self):
        lab = self.lab(ca_gate=True)
        ca = self.ca(lab)
        guard = self.guard(lab, sources={"default": DEFAULT, "prefixes": PREFIXES})
        default, denied, exempt, site = self.counts(
            lab, lab.ca4, ("10.64.1.1", "10.64.9.1", "10.64.10.1", "10.65.3.4"), 8)
        self.assertEqual((denied, exempt, site), (0, 8, 8))
        self.assertIn(default, (3, 4))  # one may have been earned meanwhile
        verdicts = guard.service()["verdicts"]
        self.assertGreaterEqual(sum(p["denied"] for p in verdicts.values()), 8)
        self.assertGreaterEqual(sum(p["source_rate"] for p in verdicts.values()), 4)
        self.assertEqual(self.counts(lab, lab.ca6, ("fd00:64:0:9::1",), 2), [0])
        # IPv6: a /64 is one source.
        shared = self.counts(lab, lab.ca6, [f"fd00:64:0:8::{n}" for n in range(1, 9)], 1)
        self.assertIn(sum(shared), (3, 4))
        # Live: deny lifted, another one set.
        guard.reload_good(sources={"default": DEFAULT, "prefixes": [
            {"prefix": "10.64.10.1/32", "deny": "true"}, PREFIXES[1]]})
        self.assertEqual(self.counts(lab, lab.ca4, ("10.64.9.1", "10.64.10.1", "10.64.10.2"), 3),
                         [3, 0, 3])
        guard.stop()
        self.assertEqual(ca.stop()["deaf_s"], 0)

    def test_exempt_still_counts(self):
        """Exempt from the limit per source, not from the CA's."""
        lab = self.lab(ca_gate=True)
        ca = self.ca(lab)
        # By reset, so that a refusal takes no time.
        guard = self.guard(lab, sources={"default": DEFAULT, "prefixes": PREFIXES},
                           service={"refuse": "reset"})
        answers = [attempt(lab.clients, lab.ca4, "10.64.10.1", timeout=1) for _ in range(150)]
        self.assertGreater(answers.count(200), 30)
        self.assertGreater(answers.count("ConnectionRefusedError"), 30)
        guard.stop()
        self.assert_budget(ca.stop())


class Refuse(Case):

    def reset(self, lab, address, source):
        self.assertEqual([attempt(lab.clients, address, source) for _ in range(3)], [200] * 3)
        begun = now()
        self.assertEqual(attempt(lab.clients, address, source, timeout=3), "ConnectionRefusedError")
        self.assertLess(now() - begun, 0.9)  # before any SYN would have been resent

    def test_reset(self):
        lab = self.lab(ca_gate=True)
        ca = self.ca(lab)
        guard = self.guard(lab, service={"refuse": "reset"}, sources={"default": DEFAULT})
        self.reset(lab, lab.ca4, "10.64.1.2")
        self.reset(lab, lab.ca6, "fd00:64:0:1::1")
        guard.stop()
        self.assertEqual(ca.stop()["connections"]["offered"], 6)

    def test_reset_generic(self):
        lab = self.lab(ca_gate=True)
        ca = self.ca(lab)
        guard = self.guard(lab, service={"refuse": "reset"}, sources={"default": DEFAULT},
                           xdp="generic")
        self.reset(lab, lab.ca4, "10.64.1.2")
        guard.stop()
        ca.stop()

    def test_drop(self):
        """The default: silence."""
        lab = self.lab(ca_gate=True)
        ca, guard = self.ca(lab), self.guard(lab, sources={"default": DEFAULT})
        for _ in range(3):
            self.assertEqual(get(lab.clients, lab.ca4, source="10.64.1.3"), 200)
        self.assertEqual(attempt(lab.clients, lab.ca4, "10.64.1.3", timeout=0.3), "TimeoutError")
        guard.stop()
        ca.stop()


if __name__ == "__main__":
    main()
