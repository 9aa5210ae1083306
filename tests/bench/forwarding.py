#!/usr/bin/env python3
"""What the guard costs established traffic: throughput through it, against a bare XDP_PASS.

    forwarding.py              a table
    forwarding.py --check      the same; exit status 1 if the median ratio is below 0.90
    forwarding.py --json FILE  all figures

Two gateways stand side by side, one with the guard (police), one with a program that is nothing
but `return XDP_PASS` on the same interfaces. One connection to the protected port runs through
each; they take turns in short rounds, in an order that changes, so that whatever else the machine
does hits both. Each pair of rounds gives a ratio; the median of those is the result.
"""

import argparse
import json
import os
import random
import socket
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import guard as guard_lib  # noqa: E402
import netlab  # noqa: E402

guard_lib.PROGRAM = Path(os.environ.get("SCEPGUARD", guard_lib.PROGRAM))
WANTED = 0.90
# One thread each way on one core: a request of 4 bytes says how many bytes to send.
SERVER = """
import socket, struct
zeros = memoryview(bytes(1 << 20))
s = socket.create_server(("::", 80), family=socket.AF_INET6, dualstack_ipv6=True)
print("ready", flush=True)
c, _ = s.accept()
while (head := c.recv(4, socket.MSG_WAITALL)):
    left = struct.unpack("!I", head)[0]
    while left:
        left -= c.send(zeros[:left])
"""


class Gateway:
    """A lab, one connection through it, and how fast that is."""

    def __init__(self, name, mode):
        self.lab = netlab.two_armed(name).__enter__()
        self.guard = self.sock = None
        try:
            self.prepare(mode)
        except BaseException:
            self.close()
            raise

    def prepare(self, mode):
        if mode:
            self.guard = guard_lib.Guard(self.lab, mode)
            self.guard.start()
        else:
            for dev in ("gw0", "gw1"):
                self.lab.gw.xdp_stub(dev)
        # Attaching sets these at the peers: both gateways the same, whatever came first.
        for space, dev in ((self.lab.clients, "c0"), (self.lab.ca, "ca0"), (self.lab.gw, "gw0"),
                           (self.lab.gw, "gw1")):
            space.offloads(dev, tx="off", tso="off", gso="off", gro="off")
        server = self.lab.ca.popen([sys.executable, "-c", SERVER], stdout=-1, text=True)
        server.stdout.readline()
        self.sock = self.lab.clients.connect(self.lab.ca4, 80, timeout=20)
        self.buffer = bytearray(1 << 20)

    def fetch(self, size):
        """Seconds for so many bytes from the CA's side to the client."""
        begun = time.perf_counter()
        self.sock.sendall(size.to_bytes(4, "big"))
        while size:
            got = self.sock.recv_into(self.buffer, min(size, len(self.buffer)))
            if not got:
                raise netlab.LabError("the server closed")
            size -= got
        return time.perf_counter() - begun

    def close(self):
        if self.sock:
            self.sock.close()
        self.lab.close()


def measure(pairs, seconds, mode):
    """[(bytes per second bare, with guard)]."""
    bare = Gateway("bare", None)
    try:
        guarded = Gateway("guarded", mode)
        try:
            for gateway in (bare, guarded):  # TCP finds its pace
                gateway.fetch(20_000_000)
            size = int(min(1e9, max(1e6, 20e6 / bare.fetch(20_000_000) * seconds)))
            rates = []
            for _ in range(pairs):
                order = random.sample((bare, guarded), 2)
                took = {gateway: gateway.fetch(size) for gateway in order}
                rates.append((size / took[bare], size / took[guarded]))
            seen = guarded.guard.status()["services"][0]["counters"]
            # Else it is not the guard that was measured. (The figures are up to a second old.)
            if seen["packets_ca"] < pairs * size / 3000 or seen["handshakes"] != 1:
                raise netlab.LabError(f"the traffic did not pass the guard: {seen}")
            guarded.sock.close()
            guarded.guard.stop()
            return rates
        finally:
            guarded.close()
    finally:
        bare.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--mode", default="police", choices=("observe", "police"))
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.5, help="length of a round, about")
    options = parser.parse_args()
    netlab.need_root()
    rates = measure(options.pairs, options.seconds, options.mode)
    ratios = sorted(guarded / bare for bare, guarded in rates)
    median = statistics.median(ratios)
    bare, guarded = (statistics.median(column) * 8 / 1e9 for column in zip(*rates))
    print(f"established traffic, one connection, {len(rates)} pairs of rounds of about "
          f"{options.seconds:g} s, {socket.gethostname()}, {os.cpu_count()} CPUs")
    print(f"  bare XDP_PASS   {bare:6.2f} Gbit/s")
    print(f"  with the guard  {guarded:6.2f} Gbit/s   ({options.mode})")
    print(f"  ratio           {median:6.3f}          (median; quartiles "
          f"{ratios[len(ratios) // 4]:.3f} to {ratios[len(ratios) * 3 // 4]:.3f})")
    if options.json:
        Path(options.json).write_text(json.dumps({"ratio": median, "ratios": ratios,
                                                  "bits_per_second": rates}) + "\n")
    if options.check and median < WANTED:
        print(f"not ok: the median ratio {median:.3f} is below {WANTED}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
