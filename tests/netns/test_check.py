#!/usr/bin/env python3
"""`scepguard check` on gateways that are right, and on each kind that is not.

Every finding must name its subject, be of the right level, and say what to do.  Nothing is
attached and nothing changed by the check itself: the last test looks.
"""

import json
import os
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import netlab  # noqa: E402
from guard import Guard  # noqa: E402

PROGRAM = Path(os.environ.get("SCEPGUARD", netlab.ROOT / "build" / "scepguard"))


def setUpModule():
    netlab.need_root()


class CheckCase(unittest.TestCase):
    """One lab for all tests of a class; each test puts back what it changes."""

    topology = None

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.topology("check").__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.lab.close()

    def check(self, wrap=(), addresses=None, **changes):
        """Run the check in the gateway with a configuration that is right but for `changes`."""
        conf = {
            "interfaces": self.lab.gw_interfaces(),
            "paths": {"runtime": str(self.lab.directory / "run"),
                      "bpffs": str(self.lab.bpffs() / "scepguard"),
                      "state": str(self.lab.directory / "state")},
            "services": [{"name": "ca", "addresses": addresses or [self.lab.ca4, self.lab.ca6],
                          **changes.pop("service", {})}],
            **changes,
        }
        path = self.lab.directory / "check.yaml"
        path.write_text(json.dumps(conf))  # JSON is YAML
        done = self.lab.gw.run([*wrap, PROGRAM, "check", "-c", path, "--json"], check=False)
        self.assertIn(done.returncode, (0, 4), done.stderr)
        report = json.loads(done.stdout)
        self.assertEqual(report["exit_status"], done.returncode)
        self.assertEqual(report["worst"] == "error", done.returncode == 4)
        return report

    def find(self, report, check, subject):
        """The findings of one check about one subject."""
        return [f for f in report["findings"] if f["check"] == check and f["subject"] == subject]

    def assert_found(self, report, level, check, subject, words, what_to_type=None):
        for found in self.find(report, check, subject):
            if found["level"] == level and words in found["sentence"]:
                if what_to_type is not None:
                    self.assertEqual(found["what_to_type"], what_to_type)
                return
        self.fail(f"no {level} of {check} about {subject} with {words!r} in "
                  f"{json.dumps(report['findings'], indent=1)}")

    def poke(self, address):
        """Make the gateway resolve the neighbour and the bridge learn it."""
        self.lab.gw.run(["python3", "-c",
                         "import socket,sys\n"
                         "try: socket.create_connection((sys.argv[1], 9), 1)\n"
                         "except OSError: pass\n", address])


class TwoArmed(CheckCase):
    topology = netlab.TwoArmed

    def test_right(self):
        report = self.check()
        self.assertEqual(report["worst"], "ok", json.dumps(report, indent=1))
        self.assert_found(report, "ok", "kernel", "kernel", "has what the program needs")
        self.assert_found(report, "ok", "interface", "gw0", "is up")
        self.assert_found(report, "ok", "xdp-mode", "gw1", "'veth' runs XDP programs itself")
        self.assert_found(report, "ok", "ca-side", f"ca {self.lab.ca4}", "it is behind 'gw1'")
        self.assert_found(report, "ok", "ca-side", f"ca {self.lab.ca6}", "it is behind 'gw1'")
        self.assert_found(report, "ok", "bpffs", "paths.bpffs", "is on a bpf file system")
        self.assert_found(report, "ok", "forwarding", "IPv6", "forwards")

    def test_interface_missing(self):
        report = self.check(interfaces=["gw0", "gw1", "gw9"])
        self.assert_found(report, "error", "interface", "gw9", "no such interface",
                          "ip -brief link")
        self.assert_found(report, "ok", "interface", "gw0", "is up")

    def test_interface_loopback(self):
        report = self.check(interfaces=["gw0", "gw1", "lo"])
        self.assert_found(report, "error", "interface", "lo", "loopback")

    def test_interface_down(self):
        self.lab.veth((self.lab.gw, "spare0"), (self.lab.gw, "spare1"))
        self.lab.gw.ip("link", "set", "spare0", "down")
        self.addCleanup(self.lab.gw.ip, "link", "del", "spare0")
        report = self.check(interfaces=["gw0", "gw1", "spare0", "spare1"])
        self.assert_found(report, "error", "interface", "spare0", "is down",
                          "ip link set spare0 up")
        self.assert_found(report, "warning", "interface", "spare1", "without carrier")

    def test_large_mtu(self):
        for space, dev in ((self.lab.gw, "gw0"), (self.lab.clients, "c0")):
            self.addCleanup(space.ip, "link", "set", dev, "mtu", "1500")
        # The stub on the peer limits that one's MTU, not ours.
        self.lab.gw.ip("link", "set", "gw0", "mtu", "3499")
        self.assert_found(self.check(), "warning", "mtu", "gw0", "has an MTU of 3499",
                          "ip link set gw0 mtu 1500")
        self.assertEqual(self.find(self.check(xdp="generic"), "mtu", "gw0"), [])
        self.lab.gw.ip("link", "set", "gw0", "mtu", "3498")
        self.assertEqual(self.find(self.check(), "mtu", "gw0"), [])

    def test_generic_mode(self):
        self.assert_found(self.check(xdp="generic"), "ok", "xdp-mode", "gw0", "as configured")

    def test_no_native_driver(self):
        self.lab.gw.ip("link", "add", "br9", "type", "bridge")
        self.addCleanup(self.lab.gw.ip, "link", "del", "br9")
        self.lab.gw.ip("link", "set", "br9", "up")
        report = self.check(interfaces=["gw0", "gw1", "br9"])
        self.assert_found(report, "warning", "xdp-mode", "br9", "'bridge' does not have native")
        report = self.check(interfaces=["gw0", "gw1", "br9"], xdp="native")
        self.assert_found(report, "error", "xdp-mode", "br9", "'bridge' does not have native",
                          "in the configuration: xdp: auto")

    def test_another_program(self):
        stub = self.lab.gw.xdp_stub("gw0")
        self.assert_found(self.check(), "error", "xdp-attached", "gw0", "'xdp_pass_stub' (id ")
        os.close(stub)
        self.assertEqual(self.find(self.check(), "xdp-attached", "gw0"), [])

    def test_guard_is_running(self):
        """Our own program is no obstacle; that of another instance is."""
        guard = Guard(self.lab, "observe")
        guard.start()
        self.addCleanup(guard.stop)
        own = {name: str(path) for name, path in guard.config["paths"].items()}
        report = self.check(paths=own)
        self.assert_found(report, "ok", "xdp-attached", "gw0", "this guard's program is attached")
        self.assert_found(report, "ok", "bpffs", "paths.bpffs", "is taken over")
        other = {**own, "bpffs": str(self.lab.bpffs() / "other")}
        self.assert_found(self.check(paths=other), "error", "xdp-attached", "gw0",
                          "'scepguard' (id ")

    def test_no_forwarding(self):
        self.addCleanup(self.lab.gw.sysctl, {"net.ipv4.ip_forward": 1,
                                             "net.ipv6.conf.all.forwarding": 1})
        self.lab.gw.sysctl({"net.ipv4.ip_forward": 0})
        report = self.check()
        self.assert_found(report, "error", "forwarding", "IPv4", "does not forward",
                          "sysctl -w net.ipv4.ip_forward=1")
        self.assert_found(report, "ok", "forwarding", "IPv6", "forwards")
        self.assertEqual(self.find(self.check(addresses=[self.lab.ca6]), "forwarding", "IPv4"), [])

    def test_ca_interface_not_listed(self):
        report = self.check(interfaces=["gw0"])
        self.assert_found(report, "error", "ca-side", f"ca {self.lab.ca4}", "behind 'gw1'",
                          "in the configuration: interfaces: [gw0, gw1]")

    def test_behind(self):
        report = self.check(service={"behind": "gw0"})
        self.assert_found(report, "ok", "ca-side", f"ca {self.lab.ca4}",
                          "behind 'gw0', as configured")

    def test_no_route(self):
        report = self.check(addresses=["203.0.113.9"])
        self.assert_found(report, "error", "ca-side", "ca 203.0.113.9", "no route to it",
                          "ip route add 203.0.113.9 via GATEWAY")

    def test_ca_on_the_gateway(self):
        report = self.check(addresses=[self.lab.ca_gw4])
        self.assert_found(report, "warning", "ca-side", f"ca {self.lab.ca_gw4}",
                          "answers, the CA's deafness and the shadow certificate are not seen")
        self.assertEqual(self.find(report, "forwarding", "IPv4"), [])

    def test_several_next_hops(self):
        self.lab.gw.ip("route", "add", "203.0.113.0/24", "nexthop", "via", self.lab.client4,
                       "nexthop", "via", self.lab.ca4)
        self.addCleanup(self.lab.gw.ip, "route", "del", "203.0.113.0/24")
        report = self.check(addresses=["203.0.113.9"])
        self.assert_found(report, "warning", "paths", "ca 203.0.113.9", "has 2 next hops")

    def test_no_bpffs(self):
        self.lab.bpffs()
        report = self.check(paths={"bpffs": str(self.lab.directory / "plain")})
        self.assert_found(report, "error", "bpffs", "paths.bpffs", "not on a bpf file system")

    def test_directories(self):
        plain = self.lab.directory / "file"
        plain.write_text("")
        report = self.check(paths={"runtime": str(plain / "x"),
                                   "bpffs": str(self.lab.bpffs() / "scepguard"),
                                   "state": str(self.lab.directory)})
        self.assert_found(report, "error", "directories", "paths.runtime", "is not a directory")
        self.assert_found(report, "ok", "directories", "paths.state", "can be written to")

    def test_no_privileges(self):
        report = self.check(wrap=["setpriv", "--bounding-set=-all", "--inh-caps=-all"])
        self.assert_found(report, "error", "privileges", "capabilities",
                          "CAP_BPF and CAP_NET_ADMIN are missing")
        self.assert_found(report, "warning", "kernel", "kernel", "cannot be tried")

    def test_one_privilege_missing(self):
        report = self.check(wrap=["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"])
        self.assert_found(report, "error", "privileges", "capabilities",
                          "CAP_NET_ADMIN is missing")

    def test_configuration_warnings(self):
        report = self.check(time_scale=60, metrics={"listen": "0.0.0.0:9834"},
                            service={"probe": {"ca_certificate": "/nonexistent.pem"}})
        self.assert_found(report, "warning", "config", "time_scale", "divided by 60")
        self.assert_found(report, "warning", "config", "metrics.listen", "open to others")
        self.assert_found(report, "warning", "config", "ca", "cannot be read")

    def test_tables(self):
        report = self.check(tables={"connections": 1048576, "sources": 1048576})
        found = self.find(report, "memory", "tables")
        self.assertRegex(found[0]["sentence"], r"take about \d{3,} MiB of kernel memory")

    def test_changes_nothing(self):
        def state():
            words = [["ip", "-d", "link"], ["ip", "route"], ["ip", "-6", "route"]]
            return [self.lab.gw.run(w).stdout for w in words] + \
                sorted(str(p) for p in self.lab.bpffs().rglob("*"))
        before = state()
        self.check()
        self.assertEqual(state(), before)


class OneArmed(CheckCase):
    topology = netlab.OneArmed

    def test_no_default_route(self):
        report = self.check()
        self.assert_found(report, "warning", "one-armed", f"ca {self.lab.ca4}",
                          "no default route")

    def default_route(self, via):
        self.lab.gw.route("default", "via", via)
        self.addCleanup(self.lab.gw.ip, "route", "del", "default")
        self.poke(self.lab.ca4)
        self.poke(via)

    def test_told_apart(self):
        self.default_route(self.lab.client4)
        report = self.check(addresses=[self.lab.ca4])
        self.assert_found(report, "ok", "one-armed", f"ca {self.lab.ca4}",
                          "told apart by its MAC address on 'gw0'")
        self.assertEqual(report["worst"], "ok", json.dumps(report, indent=1))

    def test_same_next_hop(self):
        self.default_route(self.lab.ca4)
        report = self.check(addresses=[self.lab.ca4])
        self.assert_found(report, "warning", "one-armed", f"ca {self.lab.ca4}",
                          "the same next hop on 'gw0'")

    def test_redirects(self):
        self.default_route(self.lab.client4)
        self.lab.gw.sysctl({"net.ipv4.conf.gw0.send_redirects": 1})
        self.addCleanup(self.lab.gw.sysctl, {"net.ipv4.conf.gw0.send_redirects": 0})
        self.assert_found(self.check(), "warning", "one-armed", f"ca {self.lab.ca4}", "redirects",
                          "sysctl -w net.ipv4.conf.all.send_redirects=0 "
                          "net.ipv4.conf.gw0.send_redirects=0")


class Bridged(CheckCase):
    topology = netlab.Bridged

    def forget(self):
        """The bridge's ports lose what they learnt."""
        self.lab.gw.ip("neigh", "flush", "dev", "br0")

    def test_offloads(self):
        """Tagged frames have somewhere to go on a bridge port, so the tag must be seen."""
        self.addCleanup(self.lab.gw.offloads, "gw0", rxvlan="off")
        self.lab.gw.offloads("gw0", rxvlan="on")
        self.assert_found(self.check(), "warning", "offloads", "gw0", "takes VLAN tags off",
                          "ethtool -K gw0 rxvlan off")
        self.lab.gw.offloads("gw0", rxvlan="off")
        self.assertEqual(self.find(self.check(), "offloads", "gw0"), [])

    def test_port_learnt(self):
        for dev in self.lab.gw_interfaces():
            self.lab.gw.offloads(dev, rxvlan="off")
        self.poke(self.lab.ca4)
        self.poke(self.lab.ca6)
        report = self.check()
        self.assert_found(report, "ok", "ca-side", f"ca {self.lab.ca4}",
                          "it is behind 'gw1', by way of br0")
        self.assert_found(report, "ok", "ca-side", f"ca {self.lab.ca6}",
                          "it is behind 'gw1', by way of br0")
        self.assertEqual(self.find(report, "forwarding", "IPv4"), [])
        self.assertEqual(report["worst"], "ok", json.dumps(report, indent=1))

    def test_port_not_learnt(self):
        self.forget()
        self.assert_found(self.check(), "warning", "ca-side", f"ca {self.lab.ca4}",
                          "has not learnt yet", f"ping -c 1 {self.lab.ca4}")

    def test_no_route_on_a_bridge(self):
        report = self.check(addresses=["203.0.113.9"])
        self.assert_found(report, "error", "ca-side", "ca 203.0.113.9",
                          "cannot find out behind which port")

    def test_bridge_itself_listed(self):
        report = self.check(interfaces=["br0"])
        self.assert_found(report, "error", "interface", "br0", "is a bridge")


if __name__ == "__main__":
    unittest.main(verbosity=2)
