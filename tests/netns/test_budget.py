#!/usr/bin/env python3
"""Promise 1, the budget: whatever the clients do, and whatever the CA counts, it never gets
`connections` new ones in any window nor more than `max_connections` at once.  The CA's own log is
the referee; it would go deaf at the first connection too many.
"""

import unittest

from support import SCALE, Case, Fleet, learn, main, nft

FLEET = {"minutes": 3.3, "scale": SCALE, "seed": 7}  # 20 s: more than three windows
ENROL = {"enrol_rate": 6, "grace": 0}

# Between guard and CA: what comes in at the CA's host, and what leaves it. Only TCP: a lost ARP would
# hold SYNs back for a whole second, which is ten at this scale.
LOSS = """
table netdev loss {
	chain in {
		type filter hook ingress device ca0 priority 0; policy accept;
		tcp dport 80 %s
	}
}
table inet loss {
	chain out {
		type filter hook postrouting priority 0; policy accept;
		oifname "ca0" tcp sport 80 %s
	}
}
"""
NO_LOSS = "counter"


class Budget(Case):

    def referee(self, fleet, loss=None, ipv6=False, **ca):
        """The fleet against guard and CA; the CA's summary and the guard's service."""
        lab = self.lab(ca_gate=True)
        if loss:
            nft(lab.ca, LOSS % loss)
        referee = self.ca(lab, **ca)
        learn(lab)
        guard = self.guard(lab)
        Fleet(lab, lab.ca6 if ipv6 else lab.ca4, **FLEET, **fleet).finish(45)
        service = guard.service()
        guard.stop()
        self.assert_gone(lab, guard)
        return referee.stop(), service

    def refused(self, service):
        """Attempts the guard refused."""
        return sum(n for priority in service["verdicts"].values()
                   for reason, n in priority.items() if reason not in
                   ("admitted", "feeler", "lowest_turn"))

    def test_storm_counted_by_syn(self):
        ca, service = self.referee({"storm_rate": 1600, "storm_sources": 3000, **ENROL},
                                   count="syn")
        self.assert_budget(ca)
        self.assertGreater(self.refused(service), 200)
        # The guard's own book of the same thing may not be better than the CA's.
        self.assertGreaterEqual(service["mirror"]["window"]["worst"], ca["worst_window"]["syn"] - 1)

    def test_rush_counted_by_accept(self):
        ca, service = self.referee({"rush": 120, "retry_period": 20}, count="accept")
        self.assert_budget(ca)
        self.assertGreater(self.refused(service), 20)

    def test_slow_ca(self):
        """The CA takes 15 s to answer, so its slots are what is scarce."""
        ca, service = self.referee({"storm_rate": 800, "storm_sources": 3000, **ENROL},
                                   count="handshake", service_ms=15000 / SCALE)
        self.assert_budget(ca)
        self.assertGreater(ca["peak_open"], 11)
        self.assertGreater(sum(p["slots"] + p["slots_reserved"]
                               for p in service["verdicts"].values()), 100)

    def test_syn_flood(self):
        """Spoofed: police cannot keep enrolment alive, but the CA's limits it does keep."""
        ca, service = self.referee({"synflood_pps": 1500, "storm_rate": 200,
                                    "storm_sources": 500}, count="syn", half_open=30)
        self.assert_budget_spoofed(ca)
        self.assertGreater(self.refused(service), 5000)

    def assert_budget_spoofed(self, ca):
        self.assertLess(ca["worst_window"]["syn"], 80)
        self.assertLessEqual(ca["peak_open"], 16)
        self.assertEqual((ca["queue_full"], ca["deaf_s"]), (0, 0))
        self.assertGreater(ca["connections"]["syn"], 30)

    def test_syn_loss_counted_by_handshake(self):
        """SYNs are lost behind the guard: it cannot know which of them the CA counted."""
        ca, _ = self.referee({"storm_rate": 400, "storm_sources": 3000, **ENROL},
                             loss=("tcp flags & (syn | ack) == syn "
                                   "numgen random mod 100 < 30 drop", NO_LOSS),
                             count="handshake")
        self.assert_budget(ca)

    def test_loss_of_everything_fixed_window(self):
        """Every kind of segment is lost; the CA counts in fixed pieces of a window."""
        ca, _ = self.referee({"storm_rate": 400, "storm_sources": 3000, "silent": 20, "trickle": 5,
                              **ENROL}, loss=("numgen random mod 100 < 10 drop",) * 2,
                             count="syn", reading="fixed", ipv6=True)
        self.assert_budget(ca)


if __name__ == "__main__":
    main()
