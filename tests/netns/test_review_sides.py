#!/usr/bin/env python3
"""One-armed, only the CA's MAC tells it from a client: also with `behind`, and also while the neighbour
is not resolved."""

import netlab
from support import ACK, PSH, RST, SYN, Case, RawClient, learn, main, tcp_packet


class OneArmed(Case):

    def forge(self, lab, guard):
        """Out of c0, so with a client's MAC; what was counted as forged and as the CA's."""
        victim = RawClient(lab, "198.18.0.1", 5001)
        before = guard.service()["counters"]
        for flags, payload in ((SYN | ACK, b""), (ACK | PSH, b"HTTP/1.1 200 OK\r\n"), (RST, b"")):
            victim.tap.send(victim.frame(tcp_packet(victim.dst, victim.src, 80, victim.sport, 1,
                                                    victim.seq + 1, flags, payload)))
        after = guard.wait(lambda s: sum(s["services"][0]["counters"][k] - before[k]
                                         for k in ("forged", "packets_ca")) >= 3,
                           "three packets seen")["services"][0]["counters"]
        return after["forged"] - before["forged"], after["adopted"] - before["adopted"]

    def one_armed(self, **service):
        lab = self.lab(netlab.OneArmed)
        learn(lab)
        return lab, self.guard(lab, service=service)

    def test_behind(self):
        lab, guard = self.one_armed(behind="gw0")
        self.assertEqual(self.forge(lab, guard), (3, 0))
        guard.stop()

    def test_unresolved_neighbour(self):
        lab, guard = self.one_armed()
        self.assertEqual(self.forge(lab, guard), (3, 0))
        lab.ca.ip("link", "set", "ca0", "down")  # so that nobody answers for it
        for address in (lab.ca4, lab.ca6):
            lab.gw.ip("neigh", "del", address, "dev", "gw0")
        guard.fresh()
        self.assertEqual(self.forge(lab, guard), (3, 0))
        guard.stop()


if __name__ == "__main__":
    main()
