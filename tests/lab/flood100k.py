#!/usr/bin/env python3
"""Enrolments through intercept while 100 000 SYNs a second from random sources beat on it.

    flood100k.py                       30 s of calm, 30 s of flood: `ok` or BROKEN for each promise
    flood100k.py --pps 200000 --seconds 60

Both runs have the same routers at the same times; time is compressed by --scale but for the flood,
whose rate is what one CPU of this machine really sends (tests/bench/path_flood, from a million
addresses) and the gateway's interface really receives.  Wants the machine for itself.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import gates  # noqa: E402
import netlab  # noqa: E402
import promises  # noqa: E402
from judge import judge  # noqa: E402
from lab_actors import Fleet, IosCa, build_actors  # noqa: E402
from scenarios import CAP, ca_options  # noqa: E402
import lab as runs  # noqa: E402

SENDER = netlab.BUILD.parent / "bench" / "path_flood"
SOURCES = 1 << 20
ENROL_RATE = 12  # a field minute: 36 of the 77 connections, so that nobody waits for a place
AHEAD = 1.1  # the sender aims at more than is demanded of it


class Flood:
    """The sender on c0; `rate()` is what gw0 has received a second."""

    def __init__(self, lab, pps):
        self.lab = lab
        words = {"to": lab.gw.mac("gw0"), "source": "198.18.0.9:4000", "target": f"{lab.ca4}:80",
                 "cpu": max(os.sched_getaffinity(0)), "sources": SOURCES,
                 "packets": 0xffffffff, "pps": round(pps * AHEAD)}
        self.process = lab.clients.popen(
            [SENDER, f"{SENDER}.bpf.o", "send", "c0", *(f"{k}={v}" for k, v in words.items())])
        time.sleep(0.5)
        self.began, self.before = time.monotonic(), self._received()

    def _received(self):
        return self.lab.gw.counters("gw0")["rx"]["packets"]

    def rate(self):
        """Packets a second so far."""
        if self.process.poll() is not None:
            raise netlab.LabError(f"the sender ended with status {self.process.returncode}")
        return (self._received() - self.before) / (time.monotonic() - self.began)

    def stop(self):
        """Its end, before the fleet's log is read."""
        netlab.stop(self.process)


def run(options, pps):
    """The figures of one run, as those of lab.py; `pps`, too."""
    with netlab.two_armed("flood100k" if pps else "calm100k", ca_gate=True) as lab:
        gate = gates.make(lab, "intercept", options.scale)
        ca = IosCa(lab, **ca_options(options))
        gate.start()
        flood = Flood(lab, pps) if pps else None
        log = lab.directory / "fleet.jsonl"
        minutes = options.seconds * options.scale / 60
        fleet = Fleet(lab, lab.ca4, log=log, minutes=minutes, scale=options.scale,
                      seed=options.seed, enrol_rate=ENROL_RATE)
        summary = fleet.finish(options.seconds + 30)
        rate = flood.rate() if flood else 0
        if flood:
            flood.stop()
        status = gate.status()
        gate.stop()
        ca_summary = ca.stop()
        attempts = [json.loads(line) for line in log.read_text().splitlines()]
        options.minutes = minutes
        options.mode = f"{rate / 1000:.0f} kpps" if pps else "no flood"
        result = runs.result_of(options, summary, ca_summary, status,
                                judge(ca.events(), attempts, options.scale, CAP))
        return {**result, "pps": rate}


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pps", type=int, default=100000)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--scale", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json-file", help="write both runs there")
    options = parser.parse_args()
    options.scenario = "synflood"
    options.count, options.reading = "syn", "sliding"
    options.during_block, options.after_block = "ignore", "keep"
    return options


def main():
    options = parse()
    netlab.need_root()
    build_actors()
    netlab.call(["make", "-s", "-C", netlab.ROOT, SENDER.relative_to(netlab.ROOT),
                 f"{SENDER.relative_to(netlab.ROOT)}.bpf.o"], timeout=300)
    try:
        calm, flooded = run(options, 0), run(options, options.pps)
    except netlab.LabError as error:
        print(f"flood100k: {error}", file=sys.stderr)
        return 2
    print(runs.header(), runs.row(calm), runs.row(flooded), sep="\n")
    checked = [(f"{flooded['pps']:.0f} SYNs a second received (of {options.pps})",
                flooded["pps"] >= options.pps),
               *promises.intercept(options.scenario, flooded, calm)]
    broken = runs.print_promises(checked)
    print(runs.legend(flooded))
    if options.json_file:
        Path(options.json_file).write_text(json.dumps([calm, flooded], indent=1) + "\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
