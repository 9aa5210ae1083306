#!/usr/bin/env python3
"""Every scenario beside every tool: `make lab-compare`.

    compare.py --scale 20 --scenarios storm5,rush --modes none,police,haproxy --json-file FILE

What FILE has already of such runs (same scale, seed, length, way of counting) is not run again, so
that an interrupted or widened comparison goes on; --again runs it anew.

Per run: enrolled %, the time in which 95 % of those who wanted had a certificate ("never": fewer
got one), seconds deaf.  A mode that cannot run is told and left out.
"""

import argparse
import datetime
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import gates  # noqa: E402
import lab  # noqa: E402
import netlab  # noqa: E402
from lab_actors import build_actors  # noqa: E402
from scenarios import INTERCEPT  # noqa: E402

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
    if result["fill"] is not None and not parts:
        parts += [f"{result['fill']:.0%}", f"{result['new_before_begun']} out of turn"]
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
        f"the CA counts by {options.count} (pause: by accept).",
        "Enrolled, 95 % of those who wanted had it after, CA deaf:",
        table(results, scenarios, modes, cell),
        "Storm answered, GetNextCACert that reached the CA in the worst window (while not ready), "
        "shadow certificates fetched after the flip; without a storm: how much of the guard's cap was "
        "used while anybody waited, new enrolments let in while begun ones waited:",
        table(results, scenarios, modes, side_cell)))


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenarios", default=",".join(INTERCEPT))
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--scale", type=float, default=10)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", default="syn", choices=("syn", "handshake", "accept"))
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json-file", help="results are kept there")
    parser.add_argument("--again", action="store_true", help="also what is there already")
    options = parser.parse_args()
    # What lab.run_apart() hands on and nobody changes here.
    options.flood_pps = None
    options.reading, options.during_block, options.after_block = "sliding", "ignore", "keep"
    options.ipv6 = options.one_armed = options.brief = False
    return options


def kept(options):
    """{(scenario, mode): result} of the file, where it is of such a run."""
    path = Path(options.json_file or "")
    if not path.is_file():
        return {}
    return {(r["scenario"], r["mode"]): r for r in json.loads(path.read_text())
            if (r["scale"], r["seed"]) == (options.scale, options.seed)
            and r["asked_minutes"] == options.minutes and r["asked_count"] == options.count}


def save(options, results):
    """All results so far; what is wide and told nowhere is left out."""
    if not options.json_file:
        return
    path = Path(options.json_file)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([{key: value for key, value in result.items()
                                 if key not in ("guard_status", "guard_text")}
                                for result in results.values()], indent=1) + "\n")


def run_all(options, scenarios, modes):
    """{(scenario, mode): result}; what failed is told and missing."""
    results = kept(options)
    pairs = [(s, m) for s in scenarios for m in modes if options.again or (s, m) not in results]
    lock = threading.Lock()

    def one(pair):
        try:
            result = lab.run_apart(options, *pair)
        except netlab.LabError as error:
            print(f"{pair[0]} {pair[1]}: {error}", file=sys.stderr, flush=True)
            return
        with lock:
            results[pair] = {**result, "asked_minutes": options.minutes,
                             "asked_count": options.count}
            print(lab.row(result), flush=True)
            save(options, results)

    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(one, pairs))
    return results


def main():
    options = parse()
    netlab.need_root()
    build_actors()
    scenarios, modes = options.scenarios.split(","), options.modes.split(",")
    print(lab.header(), flush=True)
    results = run_all(options, scenarios, modes)
    print("\n" + report(options, results, scenarios, modes))
    missing = [(s, m) for s in scenarios for m in modes if (s, m) not in results]
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
