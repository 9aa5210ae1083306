#!/usr/bin/env python3
"""Scripted scenarios in front of an IOS-like CA, with and without the guard.

    lab.py run storm5 --mode police --minutes 20 --scale 10
    lab.py compare storm5                 none, observe and police side by side
    lab.py matrix                         police's promises, checked: exit status 1 if one fails
    lab.py proof                          intercept's
    lab.py list

Figures come from the CA's OWN log (judge.py); the fleet's tells who wanted something, and when.
Minutes and seconds are the field's; --scale divides them (20 minutes at 10 take 2 minutes).  The
kernel's SYN retransmission timer does not compress, so compare only runs of one scale.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import gates  # noqa: E402
import netlab  # noqa: E402
import promises  # noqa: E402
from judge import judge  # noqa: E402
from lab_actors import Fleet, IosCa, build_actors  # noqa: E402
from scenarios import (CAP, INTERCEPT, IOS, POLICE, SCENARIOS, ca_options, fleet_options,  # noqa: E402
                       length, minutes_of)


# --- one run -------------------------------------------------------------------------------

def play(options, gate):
    """What the scenario does to the gate in mid-run, at its times from now."""
    began = time.monotonic()
    wall_s = minutes_of(options) * 60 / options.scale
    for share, act in SCENARIOS[options.scenario].get("acts", ()):
        time.sleep(max(0.0, began + share * wall_s - time.monotonic()))
        getattr(gate, act)()


def run(options):
    """One scenario in one mode; the result as a dict."""
    make = netlab.one_armed if options.one_armed else netlab.two_armed
    with make(f"{options.scenario}{options.mode}", ca_gate=True) as lab:
        gate = gates.make(lab, options.mode, options.scale)
        ca = IosCa(lab, **{**ca_options(options), **gate.ca})
        gate.start()
        log = lab.directory / "fleet.jsonl"
        fleet = Fleet(lab, lab.ca6 if options.ipv6 else lab.ca4, log=log,
                      **fleet_options(options))
        play(options, gate)
        summary = fleet.finish(minutes_of(options) * 60 / options.scale + 30)
        status = gate.status()
        gate.stop()
        ca_summary = ca.stop()
        attempts = [json.loads(line) for line in log.read_text().splitlines()]
        if options.keep_log:
            Path(options.keep_log).write_bytes(ca.log_path.read_bytes())
            Path(options.keep_log + ".fleet").write_bytes(log.read_bytes())
        return result_of(options, summary, ca_summary, status,
                         judge(ca.events(), attempts, options.scale, CAP))


def result_of(options, fleet, ca, status, judged):
    """What the tables show, and everything behind it."""
    return {
        "scenario": options.scenario, "mode": options.mode, "minutes": minutes_of(options),
        "scale": options.scale, "seed": options.seed,
        **judged,
        "spent_on_404": ca["spent_on_404"],
        "shadow_fetched": ca["requests"]["GetNextCACert"]["200"],
        "deaf_s": round(ca["deaf_s"] * options.scale, 1), "deaf_episodes": ca["deaf_episodes"],
        "worst_window": max(ca["worst_window"][k] for k in ("syn", "handshake", "accept")),
        "peak_open": ca["peak_open"], "queue_full": ca["queue_full"],
        "ca": {k: v for k, v in ca.items() if k != "enrolments"}, "fleet": fleet,
        "guard_status": status[0], "guard_text": status[1],
    }


# --- tables --------------------------------------------------------------------------------

# Runs at once where times are judged.
TIMED_JOBS = 2

COLUMNS = (("scenario", 10), ("guard", 14), ("enrolled", 17), ("p95 s", 7), ("404s", 6),
           ("deaf s", 7), ("episodes", 8), ("worst/60s", 9), ("peak open", 9), ("full", 6))


def header():
    """The table's head line."""
    return "  ".join(name.rjust(width) for name, width in COLUMNS)


def row(result):
    """One run as one line of the table."""
    share = result["enrolled_share"]
    of = f"{result['enrolled']} of {result['attempted']}"
    if share is not None:
        of += f" {share:4.0%}"
    p95 = "never" if result["p95_s"] is None else f"{result['p95_s']:.1f}"
    cells = (result["scenario"], result["mode"], of, p95, result["spent_on_404"],
             result["deaf_s"], result["deaf_episodes"], result["worst_window"],
             result["peak_open"], result["queue_full"])
    return "  ".join(str(cell).rjust(width) for cell, (_, width) in zip(cells, COLUMNS))


def legend(*results):
    """What the figures mean, below a table."""
    minutes = sorted({result["minutes"] for result in results})
    scale = results[0]["scale"]
    wall = [f"{m * 60 / scale:.0f}" for m in minutes]
    return (f"{' or '.join(f'{m:g}' for m in minutes)} field minutes in {' or '.join(wall)} s "
            f"(scale {scale:g}); all figures from the CA's own log.\np95: in this time 95 % of those who wanted a "
            f"certificate had it.  The CA's limits: {IOS['connections']} new\nconnections in "
            f"{IOS['window']} s, else deaf {IOS['block']} s; {IOS['max_connections']} at once "
            "(full = SYNs dropped for that).")


# --- commands ------------------------------------------------------------------------------

def run_apart(options, scenario, mode):
    """The same in a process of its own, so that several can run side by side."""
    minutes = options.minutes or length(scenario, options.brief)
    words = [sys.executable, __file__, "run", scenario, "--mode", mode, "--json",
             "--scale", str(options.scale), "--minutes", str(minutes),
             "--seed", str(options.seed), "--count", options.count, "--reading", options.reading,
             "--during-block", options.during_block, "--after-block", options.after_block]
    words += ["--flood-pps", str(options.flood_pps)] if options.flood_pps else []
    words += [f"--{flag.replace('_', '-')}" for flag in ("ipv6", "one_armed")
              if getattr(options, flag)]
    # Same process group: Ctrl-C reaches the child too, which cleans up after itself.
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise netlab.LabError(f"{scenario} {mode}: exit {done.returncode}")
    return json.loads(done.stdout)


def save(options, results):
    """Everything as JSON, where the user wants it."""
    if options.json_file:
        Path(options.json_file).write_text(json.dumps(results, indent=1) + "\n")


def command_run(options):
    result = run(options)
    save(options, result)
    if options.json:
        print(json.dumps(result))
    else:
        print(header(), row(result), legend(result), sep="\n")
    return 0


def command_compare(options):
    results = []
    print(header(), flush=True)
    for mode in options.modes.split(","):
        results.append(run_apart(options, options.scenario, mode))
        print(row(results[-1]), flush=True)
    print(legend(results[-1]))
    save(options, results)
    return 0


def run_all(options, pairs, most=None):
    """(scenario, mode) pairs, several side by side, `most` at the most: {pair: result}."""
    # The longest first: they would be waited for alone.
    pairs = sorted(pairs, key=lambda pair: -length(pair[0], options.brief))
    with ThreadPoolExecutor(min(options.jobs, most or options.jobs)) as pool:
        results = list(pool.map(lambda pair: run_apart(options, *pair), pairs))
    return dict(zip(pairs, results))


def print_promises(checked):
    """`    ok     WHAT` or `    BROKEN WHAT` each; how many are broken."""
    broken = 0
    for what, kept in checked:
        print(f"    {'ok    ' if kept else 'BROKEN'} {what}")
        broken += not kept
    return broken


def command_matrix(options):
    broken = 0
    scenarios = (options.scenarios or ",".join(POLICE)).split(",")
    runs = run_all(options, [(s, mode) for s in scenarios for mode in ("none", "police")])
    print(header())
    for scenario in scenarios:
        none, police = runs[scenario, "none"], runs[scenario, "police"]
        print(row(none), row(police), sep="\n")
        checked = list(promises.police(scenario, none, police))
        if not checked:
            print("    --     spoofed: reported, nothing is promised")
        broken += print_promises(checked)
    print(legend(*runs.values()))
    save(options, list(runs.values()))
    return 1 if broken else 0


def command_proof(options):
    broken = 0
    scenarios = (options.scenarios or ",".join(INTERCEPT)).split(",")
    # calm is what the times of the others are measured by.
    wanted = dict.fromkeys(["calm", *scenarios])
    # Where times are judged, no more at once than a small machine has CPUs: one that waits for another's is late.
    timed = [name for name in wanted if name == "calm" or promises.is_timed(name)]
    rest = [name for name in wanted if name not in timed]
    runs = {**run_all(options, [(name, "intercept") for name in timed], TIMED_JOBS),
            **run_all(options, [(name, "intercept") for name in rest])}
    calm = runs["calm", "intercept"]
    print(header())
    for scenario in scenarios:
        result = runs[scenario, "intercept"]
        print(row(result))
        broken += print_promises(promises.intercept(scenario, result, calm))
    print(legend(*runs.values()))
    save(options, list(runs.values()))
    return 1 if broken else 0


def command_list(_options):
    for name, scenario in SCENARIOS.items():
        print(f"{name:10} {scenario}")
    return 0


def parse(argv):
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--minutes", type=float, help="default: the scenario's own, mostly 20")
    common.add_argument("--brief", action="store_true", help="lengths of `make check` (matrix, proof)")
    common.add_argument("--scale", type=float, default=10)
    common.add_argument("--seed", type=int, default=1)
    common.add_argument("--count", default="syn", choices=("syn", "handshake", "accept"))
    common.add_argument("--reading", default="sliding", choices=("sliding", "fixed"))
    common.add_argument("--during-block", default="ignore",
                        choices=("ignore", "extend", "restart"))
    common.add_argument("--after-block", default="keep", choices=("keep", "clear"))
    common.add_argument("--flood-pps", type=int, help="spoofed SYNs a wall second, where flooded")
    common.add_argument("--ipv6", action="store_true")
    common.add_argument("--one-armed", action="store_true")
    common.add_argument("--json-file", help="write all results there")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("run", parents=[common])
    one.add_argument("scenario", choices=SCENARIOS)
    one.add_argument("--mode", default="none", choices=gates.MODES)
    one.add_argument("--json", action="store_true")
    one.add_argument("--keep-log", help="copy the CA's log there, the fleet's to that.fleet")
    one.set_defaults(call=command_run)
    compare = commands.add_parser("compare", parents=[common])
    compare.add_argument("scenario", choices=SCENARIOS)
    compare.add_argument("--modes", default="none,observe,police")
    compare.set_defaults(call=command_compare)
    for name, call in (("matrix", command_matrix), ("proof", command_proof)):
        many = commands.add_parser(name, parents=[common])
        many.add_argument("--scenarios", help="comma-separated")
        many.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 1) // 2))
        many.set_defaults(call=call)
    commands.add_parser("list").set_defaults(call=command_list)
    return parser.parse_args(argv)


def main():
    options = parse(sys.argv[1:])
    if options.call is not command_list:
        netlab.need_root()
        build_actors()
    try:
        return options.call(options)
    except netlab.LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
