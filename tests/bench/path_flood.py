#!/usr/bin/env python3
"""What one CPU can drop, and forward, on a veth: the guard beside XDP_DROP, XDP_PASS and nftables.

    path_flood.py                 a table
    path_flood.py --check         the same; exit status 1 if a must is missed
    path_flood.py --json FILE     all figures
    path_flood.py --only WORD     only contests whose name has it (flood, established)

A contest: gateways stand side by side, each with another program or ruleset; path_flood (C) sends
bursts to them in turn, in an order that changes; each round gives ratios, whose medians count.

How one CPU is meant. A veth frame is received in a softirq of the CPU that sent it (no threaded
NAPI, no RPS: both would move it elsewhere), so the sender is pinned and all happens on that CPU, by
turns: 64 packets are sent, then received. The sender runs packets that exist once as live frames
(BPF_PROG_RUN), which is all a sender can save; the receiver gets them as from a driver's ring: XDP sees
the frame, whoever needs an skb makes one first. Two figures follow:
- `Mpps`: packets a second with sending and receiving on that CPU ("end to end"); what is demanded is
  demanded of this one.
- `receive ns`: the time in the receiving softirqs, by a BPF program on their tracepoints; the sender is
  not in it, so the ratios of this one are harsher. A bare XDP_DROP takes two dozen ns here, two calls'
  worth: nothing that looks anything up stays near it.
"""

import argparse
import json
import os
import random
import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import guard as guard_lib  # noqa: E402
import loop_tables  # noqa: E402
import netlab  # noqa: E402
import path_report as report  # noqa: E402
import path_rules  # noqa: E402

TOOL = netlab.ROOT / "build" / "bench" / "path_flood"
OBJECT = netlab.ROOT / "build" / "bench" / "path_flood.bpf.o"
DROP, PASS, GUARD, METER = "bare XDP_DROP", "XDP_PASS", "guard (police)", "nft ingress, meter first"
PORT = 80
MPPS, NS = "Mpps", "receive ns"
LEAK_MOST = 0.01  # of a flood's packets may come through, else it is no dropping that is measured
STATUS_AGE_S = 1.5  # what `status` says is up to a tick old
ROOM = 512  # entries of the connection table that are left for the CA's own
FULL_SOURCES = 0.79  # of the known sources' table: from 0.80 on the daemon makes room


class Contestant:
    """A gateway, what stands in it, and how it is sent to."""

    def __init__(self, name, **sending):
        self.name = name
        self.sending = sending
        self.guard = None
        # No stub at the ends: the sender needs its own on c0 only, ca0 gets another program.
        self.lab = netlab.TwoArmed(name, stub=False).__enter__()
        try:
            self.prepare()
        except BaseException:
            self.lab.close()
            raise

    def prepare(self):
        lab = self.lab
        lab.clients.xdp_stub("c0")
        self.mac = lab.gw.mac("gw0")
        self.server = lab.ca.socket()
        self.server.bind((lab.ca4, PORT))
        self.server.listen(16)
        if self.name == DROP:
            self.attach(lab.gw, "gw0")
        elif self.name in REFERENCES:
            program = REFERENCES[self.name]
            self.attach(lab.gw, "gw0", OBJECT.parent / "reference" / f"{program}.bpf.o", program)
        elif self.name == PASS:
            for dev in ("gw0", "gw1"):
                lab.gw.xdp_stub(dev)
        elif self.name == GUARD:
            self.guard = guard_lib.Guard(lab, "police")
            self.guard.start()
        else:
            # Without a program of its own it takes GRO for a veth to receive by NAPI, as drivers do.
            lab.gw.offloads("gw0", gro="on")
            if self.name in RULESETS:
                path_rules.load(lab.gw, RULESETS[self.name], lab.ca4)

    def attach(self, space, dev, obj=OBJECT, program="path_drop"):
        process = space.popen([TOOL, obj, "attach", dev, program], stdout=-1, text=True)
        if process.stdout.readline() != "ready\n":
            raise netlab.LabError(f"cannot attach {program} to {dev}")

    def burst(self, cpu, **more):
        """path_flood's own figures."""
        words = {"to": self.mac, "source": "198.18.0.9:4000", "target": f"{self.lab.ca4}:{PORT}",
                 "cpu": cpu, **self.sending, **more}
        argv = [TOOL, OBJECT, "send", "c0", *(f"{key}={value}" for key, value in words.items())]
        seen = json.loads(self.lab.clients.run(argv).stdout)
        if seen["packets"] != more["packets"]:
            raise netlab.LabError(f"{self.name}: {seen['packets']} of {more['packets']} received")
        if more["packets"] > 1 and not seen["send_ns"]:
            raise netlab.LabError(f"{self.name}: no batch was timed")
        return {MPPS: 1e3 / max(1, seen["receive_ns"] + seen["send_ns"]), NS: seen["receive_ns"]}

    def forwarded(self):
        return self.lab.gw.counters("gw1")["tx"]["packets"]

    def refusals(self):
        """{reason: SYNs} of the guard so far."""
        sums = {}
        for reasons in self.guard.status()["services"][0]["verdicts"].values():
            for reason, count in reasons.items():
                sums[reason] = sums.get(reason, 0) + count
        return sums

    def close(self):
        try:
            if self.guard:
                self.guard.stop()
        finally:
            self.server.close()
            self.lab.close()


RULESETS = {
    METER: path_rules.INGRESS,
    "nft ingress, limit first": path_rules.INGRESS_LIMIT_FIRST,
    "nft prerouting (raw)": path_rules.PREROUTING,
    "nft forward, conntrack": path_rules.FORWARD,
    "nft conntrack": path_rules.STATEFUL,
}
# Bare limiters of the TEST_RUN benchmark, which do nothing else. From a million sources they let all by.
REFERENCES = {"limiter on an LRU hash (G)": "limiter_lru", "limiter on sets (S)": "limiter_sets"}
FLOODED = (DROP, GUARD, METER, "nft ingress, limit first", "nft prerouting (raw)",
           "nft forward, conntrack", *REFERENCES)
FORWARDING = (PASS, GUARD, "nft conntrack", "nothing at all")


def rounds_of(contestants, options, **more):
    """{name: {figure: [of each round]}}."""
    figures = {one.name: {MPPS: [], NS: []} for one in contestants}
    for number in range(options.rounds):
        for one in random.sample(contestants, len(contestants)):
            first = (number + 1) * options.packets + (1 << 24)
            seen = one.burst(options.cpu, packets=options.packets, first=first, **more)
            for key, value in seen.items():
                figures[one.name][key].append(value)
    return figures


def rows_of(title, figures, base, rival):
    """A row a contestant; ratios round by round."""
    rows = []
    for name, own in figures.items():
        def times(figure, other, own=own):
            pairs = zip(own[figure], figures[other][figure])
            return report.Spread([a / b if figure == MPPS else b / a for a, b in pairs])
        cells = {MPPS: report.Spread(own[MPPS]), f"of {base}": times(MPPS, base),
                 f"× {rival}": times(MPPS, rival), NS: report.Spread(own[NS]),
                 f"{NS}: of {base}": times(NS, base), f"{NS}: × {rival}": times(NS, rival)}
        rows.append(report.Row(f"{title}: {name}", cells))
    return rows


def flood(contestants, options, sources, title):
    """One flood, by so many sources: rows and the guard's reasons."""
    for one in contestants:
        one.burst(options.cpu, packets=max(options.packets, sources * 5 // 4), sources=sources)
    guard = next(one for one in contestants if one.name == GUARD)
    leaked = {one.name: one.forwarded() for one in contestants}
    time.sleep(STATUS_AGE_S)
    refused = guard.refusals()
    figures = rounds_of(contestants, options, sources=sources)
    sent = options.rounds * options.packets
    for one in contestants:
        if one.forwarded() - leaked[one.name] > sent * LEAK_MOST:
            raise netlab.LabError(f"{one.name} let {one.forwarded() - leaked[one.name]} of {sent} by")
    time.sleep(STATUS_AGE_S)
    reasons = {key: value - refused[key] for key, value in guard.refusals().items()
               if value != refused[key]}
    if sum(reasons.values()) != sent:
        raise netlab.LabError(f"the guard judged other SYNs than the {sent} that were sent: {reasons}")
    rows = rows_of(title, figures, DROP, METER)
    for row in rows:
        if row.name.endswith(GUARD):
            row.demand(f"of {DROP}", must=0.70, aim=0.93)
            row.demand(f"× {METER}", must=3, aim=4.3)
    return rows, reasons


def fill_tables(guard):
    sources = int(loop_tables.PinnedMap(guard, "sg_sources").entries * FULL_SOURCES)
    loop_tables.fill_sources(guard, sources)
    return {"sources": sources, "connections": loop_tables.fill_connections(guard, ROOM),
            "rates": loop_tables.fill_rates(guard)}


def floods(options, told):
    contestants, rows = [], []
    try:
        for name in FLOODED:
            contestants.append(Contestant(name))
        told["tables filled"] = fill_tables(contestants[FLOODED.index(GUARD)].guard)
        for sources, words in ((1, "1 source"), (1024, "1 k sources"), (1 << 20, "1 M sources")):
            title = f"SYN flood, {words}"
            taking_part = [one for one in contestants if sources == 1 or one.name not in REFERENCES]
            more, told[f"{title}: reasons"] = flood(taking_part, options, sources, title)
            rows += more
    finally:
        close_all(contestants)
    return rows


class Peer:
    """A handshake and one request by hand, from an address that nobody has: then nobody answers."""

    def __init__(self, contestant):
        self.one = contestant
        self.lab = contestant.lab
        self.sequence, self.acknowledged = 1000, 0

    def open(self):
        with netlab.PacketTap(self.lab.clients, "c0") as tap:
            answer = self._ask(tap, "02", 0x12)
            self.sequence += 1
            self.acknowledged = struct.unpack_from("!I", answer, 38)[0] + 1
        return {"flags": "10", "seq": self.sequence, "ack": self.acknowledged}

    def _ask(self, tap, flags, answer):
        self.one.burst(0, packets=1, flags=flags, seq=self.sequence)
        seen = tap.receive(5, lambda f: f[23:24] == b"\x06" and f[47] == answer)
        if not seen:
            raise netlab.LabError(f"{self.one.name}: the CA does not answer")
        return seen[0]


def established(options, told):
    """Acknowledgements of one open connection, from gw0 to where they are dropped: at ca0."""
    contestants = []
    try:
        for name in FORWARDING:
            contestants.append(Contestant(name))
        for one in contestants:
            one.sending = Peer(one).open()
            one.burst(options.cpu, packets=1)  # the handshake's own
            one.attach(one.lab.ca, "ca0")
            one.burst(options.cpu, packets=options.packets)
        before = {one.name: one.forwarded() for one in contestants}
        figures = rounds_of(contestants, options)
        for one in contestants:
            if one.forwarded() - before[one.name] < options.rounds * options.packets:
                raise netlab.LabError(f"{one.name} did not forward")
        told["established: guard"] = contestants[1].guard.status()["services"][0]["counters"]
    finally:
        close_all(contestants)
    return rows_of("established ACKs", figures, PASS, "nft conntrack")


def close_all(contestants):
    for one in reversed(contestants):
        one.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--only", metavar="WORD", default="")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--packets", type=int, default=400000, help="in a burst")
    parser.add_argument("--cpu", type=int, default=max(os.sched_getaffinity(0)))
    options = parser.parse_args()
    netlab.need_root()
    if not TOOL.exists() or not OBJECT.exists():
        sys.exit(f"'{TOOL}' is missing: run `make bench-path`")
    told = {"rounds": options.rounds, "packets a burst": options.packets, "cpu": options.cpu}
    reports = []
    for name, contest in (("flood", floods), ("established", established)):
        if options.only in name:
            rows = contest(options, told)
            reports.append(report.Report(f"path: {name}", rows, dict(told)))
            reports[-1].show()
    whole = report.Report("path", [row for one in reports for row in one.rows], told)
    if options.json:
        whole.write(options.json)
    return 1 if options.check and whole.missed() else 0


if __name__ == "__main__":
    sys.exit(main())
