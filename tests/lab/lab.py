#!/usr/bin/env python3
"""Scripted scenarios in front of an IOS-like CA, with and without the guard.

    lab.py run storm5 --mode police --minutes 20 --scale 10
    lab.py compare storm5                 none, observe and police side by side
    lab.py matrix                         the promises, checked: exit status 1 if one fails
    lab.py list

Figures come from the CA's OWN log.  Minutes and seconds are the field's; --scale divides them
(20 minutes at 10 take 2 minutes).  The kernel's SYN retransmission timer does not compress, so
compare only runs of one scale.
"""

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import netlab  # noqa: E402
from guard import Guard  # noqa: E402
from lab_actors import Fleet, IosCa, build_actors  # noqa: E402

IOS = {"connections": 80, "window": 60, "block": 15, "max_connections": 16}
SERVICE_MS = 100  # field milliseconds from whole request to first byte

# Fleet options per scenario; "flip" also says when the shadow certificate appears.
STORM = {1: {"storm_rate": 80, "storm_sources": 1000},
         5: {"storm_rate": 400, "storm_sources": 3000},
         20: {"storm_rate": 1600, "storm_sources": 6000}}
ENROL = {"enrol_rate": 6}
SCENARIOS = {
    "calm": {**ENROL, "storm_rate": 10, "storm_sources": 200},
    "storm1": {**ENROL, **STORM[1]},
    "storm5": {**ENROL, **STORM[5]},
    "storm20": {**ENROL, **STORM[20]},
    "rush": {"rush": 60},
    "synflood": {**ENROL, "synflood_pps": 2000},
    "flip": {**ENROL, **STORM[5], "shadow_at": 0.5},
}
SPOOFED = ("synflood",)
MODES = ("none", "observe", "police")


def ca_options(options):
    """The CA's command line: IOS's limits and timeouts, compressed."""
    scale = options.scale
    ca = {"connections": IOS["connections"], "max_connections": IOS["max_connections"],
          "window": IOS["window"] / scale, "block": IOS["block"] / scale,
          "half_open": 30 / scale, "fin_wait": 10 / scale, "idle": 180 / scale,
          "life": 180 / scale, "service_ms": SERVICE_MS / scale,
          "count": options.count, "reading": options.reading,
          "during_block": options.during_block, "after_block": options.after_block}
    shadow_at = SCENARIOS[options.scenario].get("shadow_at")
    if shadow_at is not None:
        ca["shadow_after"] = shadow_at * options.minutes * 60 / scale
    return ca


def fleet_options(options):
    """The fleet's command line."""
    fleet = {k: v for k, v in SCENARIOS[options.scenario].items() if k != "shadow_at"}
    return {**fleet, "minutes": options.minutes, "scale": options.scale, "seed": options.seed}


def run(options):
    """One scenario in one mode; the result as a dict."""
    make = netlab.one_armed if options.one_armed else netlab.two_armed
    with make(f"{options.scenario}{options.mode}", ca_gate=True) as lab:
        ca = IosCa(lab, **ca_options(options))
        guard = None
        if options.mode != "none":
            guard = Guard(lab, options.mode, options.scale, limits=IOS)
            guard.start()
        target = lab.ca6 if options.ipv6 else lab.ca4
        wall_s = options.minutes * 60 / options.scale
        fleet = Fleet(lab, target, **fleet_options(options)).finish(wall_s + 30)
        status = (guard.status(), guard.command("status").stdout) if guard else (None, "")
        if guard:
            guard.stop()
        summary = ca.stop()
        if options.keep_log:
            Path(options.keep_log).write_bytes(ca.log_path.read_bytes())
        return result_of(options, fleet, summary, status)


def result_of(options, fleet, ca, status):
    """What the table shows, and everything behind it."""
    roles = [fleet[name] for name in ("enrolment", "rush")]
    attempted = sum(role["attempted"] for role in roles)
    # A router's address is its identity; the CA's log says which of them got a certificate.
    enrolled = ca["enrolled_clients"]
    return {
        "scenario": options.scenario, "mode": options.mode, "minutes": options.minutes,
        "scale": options.scale, "seed": options.seed,
        "attempted": attempted, "enrolled": enrolled,
        "enrolled_share": enrolled / attempted if attempted else None,
        "spent_on_404": ca["spent_on_404"],
        "shadow_fetched": ca["requests"]["GetNextCACert"]["200"],
        "deaf_s": round(ca["deaf_s"] * options.scale, 1), "deaf_episodes": ca["deaf_episodes"],
        "worst_window": max(ca["worst_window"][k] for k in ("syn", "handshake", "accept")),
        "peak_open": ca["peak_open"], "queue_full": ca["queue_full"],
        "ca": {k: v for k, v in ca.items() if k != "enrolments"}, "fleet": fleet,
        "guard_status": status[0], "guard_text": status[1],
    }


# --- tables --------------------------------------------------------------------------------

COLUMNS = (("scenario", 9), ("guard", 8), ("enrolled", 16), ("404s", 6), ("deaf s", 7),
           ("episodes", 8), ("worst/60s", 9), ("peak open", 9), ("full", 6))


def header():
    """The table's head line."""
    return "  ".join(name.rjust(width) for name, width in COLUMNS)


def row(result):
    """One run as one line of the table."""
    share = result["enrolled_share"]
    of = f"{result['enrolled']} of {result['attempted']}"
    if share is not None:
        of += f" {share:4.0%}"
    cells = (result["scenario"], result["mode"], of, result["spent_on_404"], result["deaf_s"],
             result["deaf_episodes"], result["worst_window"], result["peak_open"],
             result["queue_full"])
    return "  ".join(str(cell).rjust(width) for cell, (_, width) in zip(cells, COLUMNS))


def legend(options):
    """What the figures mean, below a table."""
    wall = options.minutes * 60 / options.scale
    return (f"{options.minutes:g} field minutes in {wall:.0f} s (scale {options.scale:g}); all "
            f"figures from the CA's own log.\nIts limits: {IOS['connections']} new connections "
            f"in {IOS['window']} s, else deaf {IOS['block']} s; {IOS['max_connections']} at once "
            "(full = SYNs dropped for that).")


# --- commands ------------------------------------------------------------------------------

def run_apart(options, scenario, mode):
    """The same in a process of its own, so that several can run side by side."""
    words = [sys.executable, __file__, "run", scenario, "--mode", mode, "--json",
             "--minutes", str(options.minutes), "--scale", str(options.scale),
             "--seed", str(options.seed), "--count", options.count, "--reading", options.reading,
             "--during-block", options.during_block, "--after-block", options.after_block]
    words += [f"--{flag.replace('_', '-')}" for flag in ("ipv6", "one_armed")
              if getattr(options, flag)]
    # Same process group: Ctrl-C reaches the child too, which cleans up after itself.
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise netlab.LabError(f"{scenario} {mode}: exit {done.returncode}")
    return json.loads(done.stdout)


def command_run(options):
    result = run(options)
    if options.json:
        print(json.dumps(result))
    else:
        print(header(), row(result), legend(options), sep="\n")
    return 0


def command_compare(options):
    results = []
    print(header(), flush=True)
    for mode in options.modes.split(","):
        results.append(run_apart(options, options.scenario, mode))
        print(row(results[-1]), flush=True)
    print(legend(options))
    if options.json_file:
        Path(options.json_file).write_text(json.dumps(results, indent=1) + "\n")
    return 0


def promises(scenario, none, police):
    """(what, kept) for every promise that this pair of runs tests; none where SYNs are spoofed."""
    if scenario in SPOOFED:
        return
    yield "the CA never went deaf", police["deaf_episodes"] == 0
    yield (f"fewer than {IOS['connections']} new connections in any window",
           police["worst_window"] < IOS["connections"])
    yield "no SYN met a full CA", police["queue_full"] == 0
    yield "as many enrolled as without the guard", police["enrolled"] >= none["enrolled"]
    if scenario in ("calm", "storm1"):
        yield "at least 95 % enrolled", police["enrolled_share"] >= 0.95


def command_matrix(options):
    scenarios = options.scenarios.split(",")
    broken = 0
    pairs = [(scenario, mode) for scenario in scenarios for mode in ("none", "police")]
    with ThreadPoolExecutor(options.jobs) as pool:
        runs = list(pool.map(lambda pair: run_apart(options, *pair), pairs))
    print(header())
    for none, police in zip(runs[::2], runs[1::2]):
        print(row(none), row(police), sep="\n")
        if none["scenario"] in SPOOFED:
            print("    --     spoofed: reported, nothing is promised")
        for what, kept in promises(none["scenario"], none, police):
            print(f"    {'ok    ' if kept else 'BROKEN'} {what}")
            broken += not kept
    print(legend(options))
    if options.json_file:
        Path(options.json_file).write_text(json.dumps(runs, indent=1) + "\n")
    return 1 if broken else 0


def command_list(_options):
    for name, fleet in SCENARIOS.items():
        print(f"{name:9} {fleet}")
    return 0


def parse(argv):
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--minutes", type=float, default=20)
    common.add_argument("--scale", type=float, default=10)
    common.add_argument("--seed", type=int, default=1)
    common.add_argument("--count", default="syn", choices=("syn", "handshake", "accept"))
    common.add_argument("--reading", default="sliding", choices=("sliding", "fixed"))
    common.add_argument("--during-block", default="ignore",
                        choices=("ignore", "extend", "restart"))
    common.add_argument("--after-block", default="keep", choices=("keep", "clear"))
    common.add_argument("--ipv6", action="store_true")
    common.add_argument("--one-armed", action="store_true")
    common.add_argument("--json-file", help="write all results there")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("run", parents=[common])
    one.add_argument("scenario", choices=SCENARIOS)
    one.add_argument("--mode", default="none", choices=MODES)
    one.add_argument("--json", action="store_true")
    one.add_argument("--keep-log", help="copy the CA's log there")
    one.set_defaults(call=command_run)
    compare = commands.add_parser("compare", parents=[common])
    compare.add_argument("scenario", choices=SCENARIOS)
    compare.add_argument("--modes", default=",".join(MODES))
    compare.set_defaults(call=command_compare)
    matrix = commands.add_parser("matrix", parents=[common])
    matrix.add_argument("--scenarios", default=",".join(SCENARIOS))
    matrix.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 1) // 2))
    matrix.set_defaults(call=command_matrix)
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
