"""What the tests of mode intercept share: a place to stand, a server behind it, and a look at the CA's wire."""

import threading

import netlab
from netlab import PacketTap
from streams import Server, answer_to, exchange, get
from support import GENEROUS, SCALE, Case, GuardUnderTest, Segment, learn, nft, now, wait_for

# For tests that are not about the CA's limits.
ROOMY = {"connections": 1000, "window": 60, "block": 15, "max_connections": 200}
NEXT = get("GetNextCACert")
NO_RESERVE = {"enrolment": "0%", "bootstrap": "0%", "rollover": "0%", "other": "0%"}
NO_REDIRECTS = """
table ip6 one_armed {
	chain out {
		type filter hook output priority 0; policy accept;
		icmpv6 type nd-redirect drop
	}
}
"""


class WireTap:
    """Every TCP segment of port 80 that arrives at a device, collected by a thread while the `with` lasts."""

    def __init__(self, space, dev):
        self.tap = PacketTap(space, dev)
        self.frames, self.begun = [], now()
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._collect, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join(5)
        self.tap.sock.close()

    def _collect(self):
        while not self.done.is_set():
            for frame in self.tap.receive(0.05, self._is_service):
                segment = Segment.parse(frame)
                segment.when, segment.frame = now(), frame
                self.frames.append(segment)

    @staticmethod
    def _is_service(frame):
        segment = Segment.parse(frame)
        return segment and 80 in (segment.sport, segment.dport)

    def of(self, client):
        """The segments from or to this (address, port)."""
        return [s for s in list(self.frames)
                if client in ((s.src, s.sport), (s.dst, s.dport))]


class InterceptCase(Case):
    """A test makes what it needs; all of it ends with the test."""

    def place(self, topology=netlab.TwoArmed, offload=False, **options):
        """A lab whose gateway knows where the CA is, as intercept demands."""
        lab = self.lab(topology, **options)
        if topology is netlab.Bridged:
            for dev in lab.gw_interfaces():
                lab.gw.run(["ethtool", "-K", dev, "rxvlan", "off"])
        if topology is netlab.OneArmed:
            # Linux has no switch for these; the hosts would learn the way past the guard.
            nft(lab.gw, NO_REDIRECTS)
        learn(lab)
        self.offload(lab, offload, True)
        return lab

    def offload(self, lab, on, generic=False):
        """Checksums at the end hosts: left to the device (which on a veth never writes them), or real.  Segments
        joined to one reach a generic program as they are, and intercept asks to turn that off."""
        for space, dev in ((lab.clients, "c0"), (lab.ca, "ca0")):
            space.offloads(dev, tx="on" if on else "off", tso="off",
                           gso="on" if on and not generic else "off")

    def server(self, lab, **options):
        """A CA without limits of its own."""
        made = Server(lab.ca, **options)
        made.__enter__()
        self.addCleanup(made.__exit__)
        return made

    def intercept(self, lab, mode="intercept", scale=SCALE, limits=None, start=True, **top):
        """A guard in front of it; roomy unless told."""
        service = {"reserve": NO_RESERVE, **top.pop("service", {})}
        made = GuardUnderTest(lab, mode, scale, limits=limits or ROOMY, service=service,
                              **{"sources": GENEROUS, **top})
        if start:
            made.start()
        return made

    def tap(self, space, dev):
        """A WireTap for the rest of the test."""
        made = WireTap(space, dev)
        made.__enter__()
        self.addCleanup(made.__exit__)
        return made

    def ask(self, lab, address, request, **how):
        """exchange() from the clients."""
        return exchange(lab.clients, address, request, **how)

    def assert_served(self, server, got, request, shadow=False):
        """The answer is the server's, to the byte; and so is, at the server, the request, from whom it was."""
        self.assertIsNone(got.error, got)
        self.assertEqual(got.answer, answer_to(request, shadow))
        seen = server.seen_of(got.client)
        self.assertIsNotNone(seen, f"{got.client} is not among those the CA saw")
        self.assertEqual(bytes(seen.received), request)

    def refused_once(self, lab, server, guard):
        """The CA refuses NEXT; from now on the guard does, in the CA's own words."""
        first = self.ask(lab, lab.ca4, NEXT)
        self.assert_served(server, first, NEXT)
        guard.wait(lambda s: s["services"][0]["counters"]["learned"] == 1, "refusal learned")

        def in_its_words():
            """Until the daemon has them, by the status alone."""
            got = self.ask(lab, lab.ca4, NEXT, timeout=3)
            self.assertTrue(got.answer.startswith(b"HTTP/1."), got)
            self.assertEqual(got.answer.split()[1], b"404", got)
            return got.answer == first.answer
        wait_for(in_its_words, 3, "the CA's own words")

    def assert_idle(self, guard):
        """No slot of the CA's is taken."""
        guard.wait(lambda s: s["services"][0]["mirror"]["slots"]["leases_used"] == 0, "slots free")
