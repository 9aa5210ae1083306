#!/usr/bin/env python3
"""Every scenario beside every tool: `make lab-compare`.

    compare.py --scale 20 --scenarios storm5,rush --modes none,police,haproxy --json-file FILE

Per run: enrolled %, the time in which 95 % of those who wanted had a certificate ("never": fewer
got one), seconds deaf.  A mode that cannot run is told and left out.
"""

import argparse
import datetime
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import gates  # noqa: E402
import lab  # noqa: E402
import netlab  # noqa: E402
from lab_actors import build_actors  # noqa: E402
from scenarios import SCENARIOS  # noqa: E402

MODES = ("none", "police", "intercept", *gates.baselines.KINDS)


def cell(result):
    """`100 %, 1.2 s, 0 s` of one run."""
    if result is None:
        return "-"
    p95 = "never" if result["p95_s"] is None else f"{result['p95_s']:.1f} s"
    return f"{result['enrolled_share']:.0%}, {p95}, {result['deaf_s']:.0f} s"


def side_cell(result):
    """What else tells them apart: storm answered, CA connections for GetNextCACert, the flip."""
    if result is None:
        return "-"
    parts = []
    if result["storm_asks"]:
        parts += [f"{result['storm_answered_share']:.0%}",
                  f"{result['nextca_worst_window']}/window"]
    if "flip_served" in result:
        served = f"{result['flip_served']} of {result['flip_waiting']}"
        if result["flip_all_served_s"] is not None:
            served += f" in {result['flip_all_served_s'] / 60:.1f} min"
        parts.append(served)
    if result["fill_least"] is not None and not parts:
        parts += [f"{result['fill_mean']:.0%}", f"{result['begun_unfinished']} begun in vain"]
    return ", ".join(parts) or "-"


def table(results, scenarios, modes, text):
    """Markdown: a row a scenario, a column a mode."""
    lines = ["| scenario | " + " | ".join(modes) + " |", "| --- " * (len(modes) + 1) + "|"]
    for scenario in scenarios:
        cells = [text(results.get((scenario, mode))) for mode in modes]
        lines.append(f"| {scenario} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def report(options, results, scenarios, modes):
    """All tables, with what they were measured under."""
    return "\n\n".join((
        f"{datetime.date.today()}, scale {options.scale:g}, seed {options.seed}, "
        f"counted by {options.count}.",
        "Enrolled, 95 % of those who wanted had it after, CA deaf:",
        table(results, scenarios, modes, cell),
        "Storm answered, GetNextCACert that reached the CA in the worst window (while not ready), "
        "shadow certificates fetched after the flip; without a storm: the guard's cap used while "
        "anybody waited, enrolments begun and not finished:",
        table(results, scenarios, modes, side_cell)))


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenarios", default=",".join(SCENARIOS))
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--scale", type=float, default=10)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", default="syn", choices=("syn", "handshake", "accept"))
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json-file", help="write all results there")
    options = parser.parse_args()
    # What lab.run_apart() hands on and nobody changes here.
    options.flood_pps = None
    options.reading, options.during_block, options.after_block = "sliding", "ignore", "keep"
    options.ipv6 = options.one_armed = False
    return options


def run_all(options, scenarios, modes):
    """{(scenario, mode): result}; what failed is told and missing."""
    results = {}

    def one(pair):
        try:
            results[pair] = lab.run_apart(options, *pair)
            print(lab.row(results[pair]), flush=True)
        except netlab.LabError as error:
            print(f"{pair[0]} {pair[1]}: {error}", file=sys.stderr, flush=True)

    with lab.ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(one, [(s, m) for s in scenarios for m in modes]))
    return results


def main():
    options = parse()
    netlab.need_root()
    build_actors()
    scenarios, modes = options.scenarios.split(","), options.modes.split(",")
    print(lab.header(), flush=True)
    results = run_all(options, scenarios, modes)
    print("\n" + report(options, results, scenarios, modes))
    if options.json_file:
        Path(options.json_file).parent.mkdir(parents=True, exist_ok=True)
        Path(options.json_file).write_text(json.dumps(list(results.values()), indent=1) + "\n")
    return 0 if len(results) == len(scenarios) * len(modes) else 1


if __name__ == "__main__":
    sys.exit(main())
