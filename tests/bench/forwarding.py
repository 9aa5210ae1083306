#!/usr/bin/env python3
"""What the guard costs established traffic: throughput through it, against a bare XDP_PASS.

    forwarding.py              a table
    forwarding.py --check      guard and XDP_PASS only; exit status 1 if the ratio is below 0.90
    forwarding.py --json FILE  all figures

Gateways stand side by side: one with the guard (police), one with a program that is nothing but
`return XDP_PASS` on the same interfaces, one with an nftables ruleset that tracks connections, one
with nothing at all. A connection to the protected port runs through each; they take turns in short
rounds, in an order that changes, so that whatever else the machine does hits all. Each round gives a
ratio to XDP_PASS; the median of those is the result.

What made earlier figures of this noisy, and is kept still here:
- Two CPUs. Sender, gateway and receiver were put on them anew by the scheduler every few
  milliseconds: quartiles 15 % apart, and a guard "faster" than XDP_PASS now and then. All is pinned
  to one CPU: a veth is received where it was sent, so that the cost of the whole way is on it.
- The clock on the wall, which runs on while others have that CPU. The CPU time of both ends counts;
  softirqs run in their names. Gbit/s are those of one CPU that does nothing else.
- TCP that forgets its window while the others have their turn, and buffers that adapt: both fixed.
- Long rounds: whatever disturbs hits one gateway alone. Now each round is a tenth of a second.
No segmentation or receive offload anywhere, as if every packet were on a wire by itself: the gateway
is asked for a verdict on each, which is the hard case.
"""

import argparse
import os
import random
import socket
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import guard as guard_lib  # noqa: E402
import netlab  # noqa: E402
import path_report as report  # noqa: E402
import path_rules  # noqa: E402

guard_lib.PROGRAM = Path(os.environ.get("SCEPGUARD", guard_lib.PROGRAM))
MUST, AIM = 0.90, 0.98
BASE, GUARD, CONNTRACK, NOTHING = "XDP_PASS", "guard", "nftables conntrack", "nothing at all"
BUFFER_BYTES = 1 << 20
STATUS_AGE_S = 1.5  # what `status` says is up to a tick old
SO_SNDBUFFORCE, SO_RCVBUFFORCE = 32, 33
# One thread each way: a request of 4 bytes says how many bytes to send.
SERVER = f"""
import socket, struct
zeros = memoryview(bytes({BUFFER_BYTES}))
s = socket.create_server(("::", 80), family=socket.AF_INET6, dualstack_ipv6=True)
s.setsockopt(socket.SOL_SOCKET, {SO_SNDBUFFORCE}, {BUFFER_BYTES})
print("ready", flush=True)
c, _ = s.accept()
while (head := c.recv(4, socket.MSG_WAITALL)):
    left = struct.unpack("!I", head)[0]
    while left:
        left -= c.send(zeros[:left])
"""


class Gateway:
    """A lab, one connection through it, and how fast that is."""

    def __init__(self, kind, mode):
        self.kind = kind
        self.lab = netlab.two_armed(kind).__enter__()
        self.guard = self.sock = None
        try:
            self.prepare(mode)
        except BaseException:
            self.close()
            raise

    def prepare(self, mode):
        if self.kind == GUARD:
            self.guard = guard_lib.Guard(self.lab, mode)
            self.guard.start()
        elif self.kind == BASE:
            for dev in ("gw0", "gw1"):
                self.lab.gw.xdp_stub(dev)
        elif self.kind == CONNTRACK:
            path_rules.load(self.lab.gw, path_rules.STATEFUL, self.lab.ca4)
        # Attaching sets these at the peers: all gateways the same, whatever came first.
        for space, dev in ((self.lab.clients, "c0"), (self.lab.ca, "ca0"), (self.lab.gw, "gw0"),
                           (self.lab.gw, "gw1")):
            space.offloads(dev, tx="off", tso="off", gso="off", gro="off")
        self.lab.ca.sysctl({"net.ipv4.tcp_slow_start_after_idle": 0})
        self.server = self.lab.ca.popen([sys.executable, "-c", SERVER], stdout=-1, text=True)
        self.server.stdout.readline()
        self.sock = self.connect()
        self.buffer = bytearray(BUFFER_BYTES)

    def connect(self):
        sock = self.lab.clients.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        sock.settimeout(20)
        sock.connect((self.lab.ca4, 80))
        return sock

    def cpu_ns(self):
        """CPU time that the two ends have used."""
        booked = Path(f"/proc/{self.server.pid}/schedstat").read_text()
        return int(booked.split()[0]) + time.thread_time_ns()

    def fetch(self, size):
        """Bytes per second of CPU time, from the CA's side to the client."""
        left = size
        begun = self.cpu_ns()
        self.sock.sendall(size.to_bytes(4, "big"))
        while left:
            got = self.sock.recv_into(self.buffer, min(left, len(self.buffer)))
            if not got:
                raise netlab.LabError("the server closed")
            left -= got
        return size * 1e9 / (self.cpu_ns() - begun)

    def prove(self, least_bytes):
        """LabError if the traffic did not pass what was measured."""
        if self.kind == GUARD:
            time.sleep(STATUS_AGE_S)
            seen = self.guard.status()["services"][0]["counters"]
            if seen["packets_ca"] < least_bytes / 3000 or seen["handshakes"] != 1:
                raise netlab.LabError(f"the traffic did not pass the guard: {seen}")
            self.sock.close()
            self.guard.stop()
        if self.kind == CONNTRACK:
            path_rules.prove_established(self.lab.gw, least_bytes)

    def close(self):
        if self.sock:
            self.sock.close()
        self.lab.close()


def rounds_of(gateways, rounds, seconds):
    """[{kind: bytes per second of CPU time}]."""
    for gateway in gateways:  # TCP finds its pace
        gateway.fetch(20_000_000)
    size = int(min(1e9, max(1e6, gateways[0].fetch(20_000_000) * seconds)))
    rates = []
    for _ in range(rounds):
        order = random.sample(gateways, len(gateways))
        rates.append({gateway.kind: gateway.fetch(size) for gateway in order})
    for gateway in gateways:
        gateway.prove(rounds * size)
    return rates


def measure(kinds, rounds, seconds, mode):
    gateways = []
    try:
        for kind in kinds:
            gateways.append(Gateway(kind, mode))
        return rounds_of(gateways, rounds, seconds)
    finally:
        for gateway in reversed(gateways):
            gateway.close()


def rows_of(kinds, rates, mode):
    rows = []
    for kind in kinds:
        ratios = report.Spread([one[kind] / one[BASE] for one in rates])
        speed = report.Spread([one[kind] * 8 / 1e9 for one in rates])
        row = report.Row(f"established, {kind}" + (f" ({mode})" if kind == GUARD else ""),
                         {"Gbit/s of one CPU": speed, "of XDP_PASS": ratios})
        if kind == GUARD:
            row.demand("of XDP_PASS", must=MUST, aim=AIM)
        rows.append(row)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--mode", default="police", choices=("observe", "police"))
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=0.1, help="length of a turn, about")
    parser.add_argument("--cpu", type=int, default=max(os.sched_getaffinity(0)))
    options = parser.parse_args()
    netlab.need_root()
    os.sched_setaffinity(0, {options.cpu})  # and all that is started from here
    kinds = (BASE, GUARD) if options.check else (BASE, GUARD, CONNTRACK, NOTHING)
    rates = measure(kinds, options.rounds, options.seconds, options.mode)
    result = report.Report("forwarding", rows_of(kinds, rates, options.mode), {
        "rounds": options.rounds, "seconds a turn": options.seconds, "cpu": options.cpu,
        "what": "one TCP connection, 1448-byte segments, no offloads, all on one CPU"})
    result.show()
    if options.json:
        result.write(options.json)
    if options.check and result.missed():
        print(f"not ok: the median ratio is below {MUST}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
