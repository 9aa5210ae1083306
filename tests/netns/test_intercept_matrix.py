#!/usr/bin/env python3
"""Promise 3 in intercept: whatever goes through a splice arrives byte for byte, from whom it was; everywhere.

One lab for each of {routed, one-armed, bridged} x {native, generic} x {checksum offload at the end hosts: off, on};
in each all of {IPv4, IPv6} x {404 at the edge, small GET, 5 kB GET, POST of several segments, 300 kB answer}: all
120 cells.
"""

import itertools

import netlab
from intercept_case import NEXT, InterceptCase
from streams import get, post
from support import main

TOPOLOGIES = {"routed": netlab.TwoArmed, "one_armed": netlab.OneArmed, "bridged": netlab.Bridged}
REQUESTS = {"small": get("GetCACaps"), "get_5k": get("GetCACert", size=5000), "post_3k": post(3000),
            "get_300k": get("GetCACert", size=300_000)}


class Matrix(InterceptCase):
    """test_TOPOLOGY_XDP_OFFLOAD; made below."""

    def direct(self, lab, server):
        """What the same server says without a guard."""
        answers = {}
        for address, (name, request) in itertools.product((lab.ca4, lab.ca6), REQUESTS.items()):
            got = self.ask(lab, address, request)
            self.assert_served(server, got, request)
            answers[address, name] = got.answer
        for address in (lab.ca4, lab.ca6):
            answers[address, "next"] = self.ask(lab, address, NEXT).answer
        server.connections.clear()
        return answers

    def spliced(self, lab, server, direct):
        """The same through the guard."""
        for address, (name, request) in itertools.product((lab.ca4, lab.ca6), REQUESTS.items()):
            with self.subTest(address=address, request=name):
                got = self.ask(lab, address, request, timeout=8)
                self.assertIsNone(got.error, got)
                self.assertEqual(got.answer, direct[address, name])
                self.assert_served(server, got, request)

    def edge(self, lab, server, guard, direct):
        """The first GetNextCACert is the CA's, all others are answered by the guard in the CA's words."""
        self.refused_once(lab, server, guard)
        for address in (lab.ca4, lab.ca6):
            with self.subTest(address=address, request="next"):
                got = self.ask(lab, address, NEXT, timeout=3)
                self.assertIsNone(got.error, got)
                self.assertEqual(got.answer, direct[address, "next"])
                self.assertIsNone(server.seen_of(got.client), "the CA was asked again")

    def through(self, topology, xdp, offload):
        lab = self.place(TOPOLOGIES[topology])
        server = self.server(lab)
        direct = self.direct(lab, server)
        guard = self.intercept(lab, xdp=xdp)
        self.offload(lab, offload == "offload", xdp == "generic")  # attaching has set it anew
        self.assertEqual({a["xdp"] for a in guard.status()["attachments"]}, {xdp})
        self.edge(lab, server, guard, direct)
        self.spliced(lab, server, direct)
        counters = guard.service()["counters"]
        self.assertEqual(counters["spliced"], 1 + 2 * len(REQUESTS))
        self.assertGreaterEqual(counters["edge_as_ca"], 3)
        self.assertEqual(counters["bad_checksum"], 0)
        self.assert_idle(guard)
        guard.stop()
        self.assert_gone(lab, guard)


def _make():
    for values in itertools.product(TOPOLOGIES, ("native", "generic"), ("plain", "offload")):
        def test(self, values=values):
            self.through(*values)
        setattr(Matrix, f"test_{'_'.join(values)}", test)


_make()


if __name__ == "__main__":
    main()
