#!/usr/bin/env python3
"""Network namespaces for tests: made in a moment, removed whatever happens.

    with netlab.two_armed("budget") as lab:
        server = lab.ca.popen(["python3", "-m", "http.server", "80"])
        lab.clients.run(["curl", "-s", f"http://{lab.ca4}/"])

`Lab` owns everything it makes: namespaces, processes, a scratch directory, a
private bpffs.  It takes all of it back when the block ends, by an exception,
Ctrl-C or SIGTERM too.  What a SIGKILL leaves behind the next Lab sweeps away.

Topologies (addresses are the class constants of `Topology`):

    two_armed:  clients [c0] -- [gw0] gw [gw1] -- [ca0] ca        routed
    one_armed:  clients [c0] -+
                          gw [gw0] -+- switch (bridge)            routed, one interface
                             ca [ca0] -+
    bridged:    like two_armed, but gw is a bridge br0 over gw0 and gw1

Commands run through `nsenter --net=`, not `ip netns exec`: the latter mounts a
fresh /sys and hides pinned BPF objects.  End hosts get an XDP_PASS stub (native
XDP_TX and redirect into a veth need one on its peer) and no transmit offloads
(frames then carry real checksums, as on a wire).
"""

import socket
import sys

from netlab_core import (BUILD, ROOT, Lab, LabError, Namespace, PacketTap, call, need_root, stop,
                         stop_all, sweep, wait_for)

__all__ = ["BUILD", "ROOT", "Bridged", "Lab", "LabError", "Namespace", "OneArmed", "PacketTap",
           "Topology", "TwoArmed", "bridged", "call", "need_root", "one_armed", "stop", "stop_all",
           "sweep", "two_armed", "wait_for"]


class Topology(Lab):
    """Clients, a gateway and a CA.  Subclasses wire them; the addresses are common to all.

    With ca_gate=True the CA's service addresses are NOT put on ca0 (which gets .254 and
    ::fe instead): tests/lab/ios_ca answers for them from behind its gate.
    """

    client4, client_gw4 = "10.77.1.2", "10.77.1.1"
    client6, client_gw6 = "fd00:77:1::2", "fd00:77:1::1"
    ca4, ca_gw4, ca_link4 = "192.168.105.3", "192.168.105.1", "192.168.105.254"
    ca6, ca_gw6, ca_link6 = "fd00:105::3", "fd00:105::1", "fd00:105::fe"
    # Any address in here can be bound in `clients` (IP_FREEBIND not needed): thousands of sources.
    sources4, sources6 = "10.64.0.0/14", "fd00:64::/48"
    # Routed towards clients and swallowed there: what a spoofer writes as his source.
    spoofed4, spoofed6 = "198.18.0.0/15", "fd00:198::/48"

    def __init__(self, prefix, ca_gate=False, stub=True):
        super().__init__(prefix)
        self.ca_gate = ca_gate
        self.stub = stub
        self.clients = self.gw = self.ca = None

    def build(self):
        self.clients, self.gw, self.ca = (self.namespace(n) for n in ("clients", "gw", "ca"))
        self.gw.sysctl({"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1})
        self.wire()
        self._many_sources()
        self.clients.end_host("c0", self.stub)
        self.ca.end_host("ca0", self.stub)

    def wire(self):
        """Make the wires, addresses and routes between c0 and ca0."""
        raise NotImplementedError

    def ca_addresses(self):
        """What ca0 itself carries."""
        return ((f"{self.ca_link4}/24", f"{self.ca_link6}/64") if self.ca_gate
                else (f"{self.ca4}/24", f"{self.ca6}/64"))

    def gw_interfaces(self):
        """The gateway's interfaces, as a guard's configuration lists them."""
        return ["gw0", "gw1"]

    def _many_sources(self):
        for anyip, spoofed in ((self.sources4, self.spoofed4), (self.sources6, self.spoofed6)):
            self.clients.route(f"local {anyip}", "dev", "lo")
            self.clients.route(f"blackhole {spoofed}")

    def _routed_ends(self):
        """Addresses and routes of clients and CA when gw routes between the two subnets."""
        self.clients.address("c0", f"{self.client4}/24", f"{self.client6}/64")
        self.ca.address("ca0", *self.ca_addresses())
        for via in (self.client_gw4, self.client_gw6):
            self.clients.route("default", "via", via)
        for via in (self.ca_gw4, self.ca_gw6):
            self.ca.route("default", "via", via)

    def _gw_routes(self):
        """Towards the many sources and the spoofed ones."""
        for net in (self.sources4, self.spoofed4):
            self.gw.route(net, "via", self.client4)
        for net in (self.sources6, self.spoofed6):
            self.gw.route(net, "via", self.client6)


class TwoArmed(Topology):
    """clients [c0] -- [gw0] gw [gw1] -- [ca0] ca, routed."""

    def wire(self):
        self.veth((self.clients, "c0"), (self.gw, "gw0"))
        self.veth((self.gw, "gw1"), (self.ca, "ca0"))
        self.gw.address("gw0", f"{self.client_gw4}/24", f"{self.client_gw6}/64")
        self.gw.address("gw1", f"{self.ca_gw4}/24", f"{self.ca_gw6}/64")
        self._routed_ends()
        self._gw_routes()


class OneArmed(Topology):
    """Everybody on one switch; gw routes between two subnets over its single interface."""

    def wire(self):
        switch = self.namespace("switch")
        switch.ip("link", "add", "br0", "type", "bridge", "stp_state", "0", "forward_delay", "0")
        switch.ip("link", "set", "br0", "up")
        for space, dev, port in ((self.clients, "c0", "sw0"), (self.gw, "gw0", "sw1"),
                                 (self.ca, "ca0", "sw2")):
            self.veth((space, dev), (switch, port))
            switch.ip("link", "set", port, "master", "br0")
        if self.stub:  # what gw0 transmits from XDP arrives at sw1
            switch.end_host("sw1")
        self.gw.address("gw0", f"{self.client_gw4}/24", f"{self.client_gw6}/64",
                        f"{self.ca_gw4}/24", f"{self.ca_gw6}/64")
        self.gw.sysctl({"net.ipv4.conf.gw0.send_redirects": 0})
        self._routed_ends()
        self._gw_routes()

    def gw_interfaces(self):
        return ["gw0"]


class Bridged(Topology):
    """gw is a bridge; clients' own router hop is `clients` itself, all in the CA's subnet."""

    client4, client6 = "192.168.105.77", "fd00:105::77"

    def wire(self):
        self.veth((self.clients, "c0"), (self.gw, "gw0"))
        self.veth((self.gw, "gw1"), (self.ca, "ca0"))
        self.gw.ip("link", "add", "br0", "type", "bridge", "stp_state", "0", "forward_delay", "0")
        for port in ("gw0", "gw1"):
            self.gw.ip("link", "set", port, "master", "br0")
        self.gw.address("br0", f"{self.ca_gw4}/24", f"{self.ca_gw6}/64")
        self.clients.address("c0", f"{self.client4}/24", f"{self.client6}/64")
        self.ca.address("ca0", *self.ca_addresses())
        for space in (self.gw, self.ca):
            for net in (self.sources4, self.spoofed4):
                space.route(net, "via", self.client4)
            for net in (self.sources6, self.spoofed6):
                space.route(net, "via", self.client6)


two_armed, one_armed, bridged = TwoArmed, OneArmed, Bridged


def _main():
    """`netlab.py sweep` removes what killed labs left; `netlab.py selftest` tries all three."""
    need_root()
    if sys.argv[1:] == ["sweep"]:
        sweep()
        return
    for make in (two_armed, one_armed, bridged):
        with make("selftest") as lab:
            for address, source in ((lab.ca4, "10.65.3.4"), (lab.ca6, "fd00:64:0:7::1")):
                family = socket.AF_INET6 if ":" in address else socket.AF_INET
                server = lab.ca.socket(family, socket.SOCK_STREAM)
                server.bind((address, 80))
                server.listen()
                client = lab.clients.connect(address, 80, source)
                assert server.accept()[1][0] == source
                client.close()
                server.close()
            print(f"{make.__name__}: ok, bpffs {lab.bpffs()}")


if __name__ == "__main__":
    _main()
