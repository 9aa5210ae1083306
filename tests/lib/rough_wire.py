"""Wires that lose, double and delay frames, so that these come out of order: TwoArmed with a namespace in each.

    with RoughTwoArmed("x") as lab:
        with lab.rough(seed=1, late=0.1, doubled=0.05, lost=0.02) as did:
            ...
        print(did["late"])
"""

import contextlib
import heapq
import itertools
import random
import select
import socket
import threading
import time

from netlab import TwoArmed

LATE_MAX_S = 0.03


class Forwarder(threading.Thread):
    """Frames between pairs of packet sockets."""

    def __init__(self, pairs):
        super().__init__(daemon=True)
        self.to = {}
        for one, other in pairs:
            self.to.update({one: other, other: one})
        self.done, self.chances = threading.Event(), {}
        self.random, self.did = random.Random(0), {}
        self._late, self._order = [], itertools.count()

    def run(self):
        """Until told to stop."""
        while not self.done.is_set():
            for sock in select.select(list(self.to), [], [], self._patience())[0]:
                self._forward(sock)
            while self._late and self._late[0][0] <= time.monotonic():
                _, _, sock, frame = heapq.heappop(self._late)
                sock.send(frame)

    def _patience(self):
        return max(0.0, min(0.05, self._late[0][0] - time.monotonic())) if self._late else 0.05

    def _forward(self, sock):
        for _ in range(100):
            try:
                frame, where = sock.recvfrom(65535)
            except BlockingIOError:
                return
            if where[2] != socket.PACKET_OUTGOING:
                self._deal(self.to[sock], frame)

    def _deal(self, to, frame):
        for what, chance in self.chances.items():
            if self.random.random() >= chance:
                continue
            self.did[what] += 1
            if what == "lost":
                return
            when = time.monotonic() + self.random.random() * LATE_MAX_S
            heapq.heappush(self._late, (when, next(self._order), to, frame))
            if what == "late":
                return
        to.send(frame)


class RoughTwoArmed(TwoArmed):
    """clients [c0] -- [w0] wire [w1] -- [gw0] gw [gw1] -- [w2] wire [w3] -- [ca0] ca."""

    def wire(self):
        wire = self.namespace("wire")
        wire.sysctl({"net.ipv6.conf.default.disable_ipv6": 1})
        self.veth((self.clients, "c0"), (wire, "w0"))
        self.veth((wire, "w1"), (self.gw, "gw0"))
        self.veth((self.gw, "gw1"), (wire, "w2"))
        self.veth((wire, "w3"), (self.ca, "ca0"))
        for dev in ("w0", "w1", "w2", "w3"):
            wire.end_host(dev, self.stub)
        for dev, words in (("gw0", (self.client_gw4, self.client_gw6)),
                           ("gw1", (self.ca_gw4, self.ca_gw6))):
            self.gw.address(dev, f"{words[0]}/24", f"{words[1]}/64")
        self._routed_ends()
        self._gw_routes()
        self.forwarder = Forwarder([[wire.packet_socket(dev) for dev in pair]
                                    for pair in (("w0", "w1"), ("w2", "w3"))])
        self.forwarder.start()
        self.on_close(self._end_forwarder)

    def _end_forwarder(self):
        self.forwarder.done.set()
        self.forwarder.join(5)
        for sock in self.forwarder.to:
            sock.close()

    @contextlib.contextmanager
    def rough(self, seed, **chances):
        """Meanwhile frames are lost, doubled, late with these chances; yields how many were."""
        forwarder = self.forwarder
        forwarder.random, forwarder.did = random.Random(seed), dict.fromkeys(chances, 0)
        forwarder.chances = chances
        try:
            yield forwarder.did
        finally:
            forwarder.chances = {}
