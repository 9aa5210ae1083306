#!/usr/bin/env python3
"""What the gateway pays for one refused GetNextCACert, guard beside proxies, in runs of one kind.

    cpu_cost.py --modes intercept,haproxy,nginx --rounds 5

CPU of the gateway = what the kernel spends in the NAPI polls of gw0 and gw1 (poll_time.bpf.c: all
that is done with a packet as it arrives: XDP, forwarding, the proxy's TCP), plus the run time of all
threads of guard or proxy (/proc/PID/task/*/schedstat, nanoseconds) less the polls that interrupted
them (on a veth the receiver's work is done on the sender's time).  What else the machine does is not
counted, nor are clients and CA, which need the same whoever refuses.  A round measures each mode
once; the median counts.

A storm with one name from 10000 sources: the tool has learnt that the CA refuses, and says so
itself.  Real time, no compression.  Refused = answered 404 within the measured seconds, by the
fleet's log.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import gates  # noqa: E402
import netlab  # noqa: E402
from lab_actors import Fleet, IosCa, build_actors  # noqa: E402

SOURCES = 10000  # 6 asks a minute each at 1000 a second: below every per-source limit
LEARN_S = 3
BUILD = netlab.BUILD


def run_time_us(pids):
    """CPU time of all threads of these processes."""
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1000


class Polls:
    """What poll_time has seen, asked twice."""

    def __init__(self, lab):
        self.gateway = lab.gw.path.stat().st_ino
        self.process = lab.gw.popen([BUILD / "poll_time", BUILD / "poll_time.bpf.o"],
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise netlab.LabError("poll_time did not start")

    def read(self, pids):
        """Microseconds and packets of the gateway; microseconds of all devices on `pids`' time."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        sums = json.loads(self.process.stdout.readline())
        own = [s for s in sums if s["netns"] == self.gateway]
        return (sum(s["ns"] for s in own) / 1000, sum(s["packets"] for s in own),
                sum(s["ns"] for s in sums if s["pid"] in pids) / 1000)


def measure(lab, gate, seconds):
    """Of `seconds` in a running storm: begin, end, microseconds of polls and processes, packets."""
    polls, pids = Polls(lab), gate.pids()
    time.sleep(LEARN_S)
    begin, before, run = time.monotonic(), polls.read(pids), run_time_us(pids)
    time.sleep(seconds)
    end, after, run2 = time.monotonic(), polls.read(pids), run_time_us(pids)
    spent, packets, lent = (b - a for a, b in zip(before, after))
    return begin, end, spent, run2 - run - lent, packets


def play(mode, per_second, seconds):
    """One run: microseconds a refused request in polls and processes, and packets."""
    with netlab.two_armed(f"cpu{mode}", ca_gate=True) as lab:
        gate = gates.make(lab, mode, 1)
        ca = IosCa(lab, **gate.ca)
        gate.start()
        for dev in ("gw0", "gw1"):  # without XDP a veth has NAPI only for GRO
            lab.gw.offloads(dev, gro="on")
        log = lab.directory / "fleet.jsonl"
        fleet = Fleet(lab, lab.ca4, log=log, minutes=(LEARN_S + seconds + 1) / 60,
                      storm_sources=SOURCES, storm_rate=per_second * 60)
        begin, end, polls_us, run_us, packets = measure(lab, gate, seconds)
        fleet.finish(30)
        gate.stop()
        ca.stop()
        attempts = [json.loads(line) for line in log.read_text().splitlines()]
    ends = [a["outcome"] for a in attempts if begin <= a["ended"] < end]
    refused = ends.count("404")
    if refused < 0.9 * per_second * seconds or len(ends) > 1.01 * refused:
        raise netlab.LabError(f"{mode}: {refused} of {len(ends)} refused in {seconds} s, "
                              f"expected {per_second * seconds}")
    return {"polls": polls_us / refused, "processes": run_us / refused,
            "packets": packets / refused}


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modes", default="intercept,haproxy,nginx")
    parser.add_argument("--per-second", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json-file", help="write all rounds there")
    return parser.parse_args()


def told(runs):
    """The runs of a mode in one line."""
    whole = [r["polls"] + r["processes"] for r in runs]
    polls, processes, packets = (statistics.median(r[part] for r in runs)
                                 for part in ("polls", "processes", "packets"))
    return (f"{statistics.median(whole):6.1f} ({min(whole):.1f} to {max(whole):.1f}): {polls:.1f} "
            f"with {packets:.1f} packets received, {processes:.1f} in the process")


def main():
    options = parse()
    netlab.need_root()
    build_actors()
    modes = options.modes.split(",")
    rounds = {mode: [] for mode in modes}
    try:
        for _ in range(options.rounds):
            for mode in modes:
                rounds[mode].append(play(mode, options.per_second, options.seconds))
    except netlab.LabError as error:
        print(f"cpu_cost: {error}", file=sys.stderr)
        return 2
    print(f"CPU microseconds of the gateway for a refused GetNextCACert, {options.per_second} a "
          f"second; median (least to most) of {options.rounds} rounds")
    for mode in modes:
        print(f"  {mode:12} {told(rounds[mode])}")
    if options.json_file:
        Path(options.json_file).write_text(json.dumps(rounds, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
