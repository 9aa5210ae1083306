#!/usr/bin/env python3
"""What the daemon costs: CPU, memory, and how long those who ask it wait, by the routers it knows.

    loop_cost.py                 a table
    loop_cost.py --json FILE     all figures

Two guards run side by side, their table of known sources set to 131072 and filled by this test through
the pinned map: one with 1 k, one with 100 k. At last the second is flooded with SYNs.
CPU is what the kernel's scheduler booked for the daemon's threads, second by second; one second is one
tick, with all that goes with it (a published page of metrics, the state file, the minute's sums).
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import guard as guard_lib  # noqa: E402
import loop_tables  # noqa: E402
import netlab  # noqa: E402
import path_flood  # noqa: E402
import path_report as report  # noqa: E402

TABLE = 131072
PORT = 9834
ROUND_S = 12  # the daemon walks through all sources in ten ticks: the first walk is not counted
ASKS = 21
METRIC = re.compile(r"^(\w+)(?:{[^}]*})? (\S+)$", re.M)


class Daemon:
    """A guard in a lab of its own, and what it used."""

    def __init__(self, name, sources):
        self.name, self.sources = name, sources
        self.lab = netlab.two_armed(name).__enter__()
        try:
            self.guard = guard_lib.Guard(self.lab, "police", tables={"sources": TABLE},
                                         metrics={"listen": f'"127.0.0.1:{PORT}"'})
            self.guard.start()
            loop_tables.fill_sources(self.guard, sources)
        except BaseException:
            self.lab.close()
            raise

    def cpu_ns(self):
        """Of all threads since they began."""
        tasks = Path(f"/proc/{self.guard.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)

    def memory_bytes(self):
        """(resident now, resident at most) of the process."""
        text = Path(f"/proc/{self.guard.process.pid}/status").read_text()
        return tuple(int(re.search(rf"{key}:\s+(\d+) kB", text)[1]) * 1024
                     for key in ("VmRSS", "VmHWM"))

    def map_bytes(self):
        """What the kernel booked for the maps that the daemon holds, each once."""
        maps = {}
        for file in Path(f"/proc/{self.guard.process.pid}/fdinfo").iterdir():
            said = dict(re.findall(r"^(\w+):\s+(\d+)$", file.read_text(), re.M))
            if "map_id" in said:
                maps[said["map_id"]] = int(said["memlock"])
        return sum(maps.values())

    def scrape(self):
        """The page of metrics, asked for as Prometheus does."""
        with self.lab.gw.connect("127.0.0.1", PORT) as sock:
            sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            page = b"".join(iter(lambda: sock.recv(1 << 16), b""))
        if not page.startswith(b"HTTP/1.1 200"):
            raise netlab.LabError(f"{self.name}: no page of metrics: {page[:60]}")
        return page.decode()

    def metric(self, name):
        return max(float(value) for key, value in METRIC.findall(self.scrape()) if key == name)

    def ask(self, *words):
        """`scepguard WORDS`; its output."""
        done = subprocess.run(self.lab.gw.argv([guard_lib.PROGRAM, *words, "-c",
                                                self.guard.config_path]),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if done.returncode not in guard_lib.STATUS_ANSWERED:
            raise netlab.LabError(f"{self.name}: {words}: {done.stderr.decode().strip()}")
        return done.stdout

    def close(self):
        try:
            self.guard.stop()
        finally:
            self.lab.close()


def watch(daemons, seconds):
    """{name: [share of a core, one a second]}."""
    shares = {one.name: [] for one in daemons}
    before = {one.name: (time.monotonic_ns(), one.cpu_ns()) for one in daemons}
    for _ in range(seconds):
        time.sleep(1)
        for one in daemons:
            now = time.monotonic_ns(), one.cpu_ns()
            wall, used = (new - old for new, old in zip(now, before[one.name]))
            shares[one.name].append(used / wall)
            before[one.name] = now
    return shares


def latencies(daemon):
    """{what: milliseconds of each time}."""
    asked = {"/metrics": daemon.scrape, "status": lambda: daemon.ask("status"),
             "sources": lambda: daemon.ask("sources"),
             "sources -n 1000": lambda: daemon.ask("sources", "-n", "1000", "--json")}
    took = {what: [] for what in asked}
    for _ in range(ASKS):
        for what, ask in asked.items():
            begun = time.perf_counter()
            ask()
            took[what].append((time.perf_counter() - begun) * 1e3)
    return took


def cpu_figures(daemon, shares):
    """{quantity: figure}; the daemon itself tells how long its ticks took, waiting included."""
    return {"CPU of a core, mean, %": 100 * sum(shares) / len(shares),
            "CPU of a core, worst second, %": 100 * max(shares),
            "CPU a tick, ms": report.Spread([1e3 * share for share in shares]),
            "longest tick, ms": 1e3 * daemon.metric("scepguard_loop_duration_worst_seconds")}


def figures_of(daemon, shares):
    resident, most = daemon.memory_bytes()
    figures = cpu_figures(daemon, shares)
    figures |= {"resident, MB": resident / 1e6, "resident at most, MB": most / 1e6,
                "maps in the kernel, MB": daemon.map_bytes() / 1e6}
    for what, times in latencies(daemon).items():
        figures[f"{what}: ms"] = report.Spread(times)
    return figures


def rows_of(columns):
    """A row a quantity from {column: {quantity: figure}}."""
    names = list(dict.fromkeys(name for figures in columns.values() for name in figures))
    return [report.Row(name, {column: figures[name] for column, figures in columns.items()
                              if name in figures}) for name in names]


def flooded(daemon, options):
    """The shares while one CPU sends SYNs from a million sources."""
    argv = [path_flood.TOOL, path_flood.OBJECT, "send", "c0", f"to={daemon.lab.gw.mac('gw0')}",
            "source=198.18.0.9:4000", f"target={daemon.lab.ca4}:80", "sources=1048576",
            f"packets={options.flood}", f"cpu={max(os.sched_getaffinity(0))}"]
    flood = daemon.lab.clients.popen(argv, stdout=subprocess.PIPE, text=True)
    shares = []
    while flood.poll() is None and len(shares) < 120:
        shares += watch([daemon], 1)[daemon.name]
    said = flood.communicate()[0]
    if flood.returncode or len(shares) < 4:
        raise netlab.LabError(f"the flood ended with status {flood.returncode} after "
                              f"{len(shares)} s")
    return shares[:-1], json.loads(said)


def check_known(daemon):
    known = daemon.metric("scepguard_source_table_entries")
    if known < daemon.sources:
        raise netlab.LabError(f"{daemon.name}: knows {known:.0f} of {daemon.sources}")


def measure(options, told):
    daemons, columns = [], {}
    try:
        for sources, words in ((1000, "1 k sources"), (100000, "100 k sources")):
            daemons.append(Daemon(words, sources))
        time.sleep(ROUND_S)
        for one in daemons:
            check_known(one)
        shares = watch(daemons, options.seconds)
        for one in daemons:
            columns[one.name] = figures_of(one, shares[one.name])
        flood_shares, told["flood"] = flooded(daemons[-1], options)
        columns[f"{daemons[-1].name}, flooded"] = cpu_figures(daemons[-1], flood_shares)
    finally:
        for one in reversed(daemons):
            one.close()
    return rows_of(columns)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--seconds", type=int, default=130, help="two of its minutes and more")
    parser.add_argument("--flood", type=int, default=20_000_000, help="packets")
    options = parser.parse_args()
    netlab.need_root()
    told = {"seconds": options.seconds, "table of known sources": TABLE,
            "asked so many times": ASKS, "the command's own start is in its latency": True}
    rows = measure(options, told)
    result = report.Report("loop", rows, told)
    result.show()
    if options.json:
        result.write(options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
