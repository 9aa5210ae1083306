#!/usr/bin/env python3
"""What `sudo make demo` shows: the storm without a guard, observed, policed; then real clients.

Everything happens in network namespaces of its own, which are removed at the end and on Ctrl-C.
"""

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import lab as scenarios  # noqa: E402
import netlab  # noqa: E402
import real_peers  # noqa: E402
from lab_actors import build_actors  # noqa: E402

INTRO = """\
A Cisco IOS CA takes 80 new connections a minute and 16 at once; one too many and it ignores
every SYN for 15 s.  3000 routers ask it for a shadow certificate that does not exist yet, 400
times a minute in all ({times:g} x what it takes), while 6 routers a minute want to enrol
(3 connections each, 10 tries, IOS's retry timers).

clients (fleet) -- gateway (scepguard) -- CA (IOS-like, its own log is what counts below)

Time is compressed {scale:g} times: each run is {minutes:.0f} minutes in {wall:.0f} seconds (the kernel's own
SYN resends are not compressed, so compare the runs with each other, not with a clock).
"""

LIMITS = """\
What police cannot do: among thousands of sources asking for a shadow certificate it decides at the
SYN, before the request can be read, so CA connections are still spent on 404s ({spent} of {total} here);
intercept, which reads the request before it spends a connection, is the mode that will.
"""


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=40, help="of each storm run (40)")
    parser.add_argument("--scale", type=float, default=20, help="compression (20)")
    parser.add_argument("--scenario", default="storm5", choices=scenarios.SCENARIOS)
    parser.add_argument("--modes", default="none,observe,police")
    parser.add_argument("--json-file", help="write all results there")
    return parser.parse_args()


def storm(demo, mode):
    """One storm run in `mode`; the result and, through the guard, its own status text."""
    words = ["run", demo.scenario, "--mode", mode, "--scale", str(demo.scale),
             "--minutes", str(demo.seconds * demo.scale / 60)]
    return scenarios.run(scenarios.parse(words))


def storms(demo):
    """The comparison table, a line as each run ends."""
    results = []
    print(scenarios.header(), flush=True)
    for mode in demo.modes.split(","):
        results.append(storm(demo, mode))
        print(scenarios.row(results[-1]), flush=True)
    print("\nenrolled: routers that got a certificate, of those that wanted one.  404s: CA "
          "connections\nspent on them.  deaf s: field seconds in which the CA heard nobody.  "
          "worst/60s: most new\nconnections in any 60 s (80 trip it).  peak open: of 16.  "
          "full: SYNs that met a full CA.\n")
    return results


def last_status(results):
    """What `scepguard status` said at the end of the last guarded run."""
    guarded = [r for r in results if r["guard_text"]]
    if guarded:
        print(f"scepguard status at the end of the {guarded[-1]['mode']} run:\n")
        print("\n".join("    " + line for line in guarded[-1]["guard_text"].splitlines()), "\n")


def peers(demo):
    """Real clients, real server, real time; how many failed."""
    print("Real enrolments (scepclient, strongSwan pki, against scepserver), real time:")
    failed = 0
    for mode in demo.modes.split(","):
        if mode == "none":
            continue
        results, _ = real_peers.run(mode)
        real_peers.print_results(mode, results)
        failed += sum(not worked for _, worked, _ in results)
    print()
    return failed


def main():
    demo = parse()
    netlab.need_root()
    build_actors()
    began = time.monotonic()
    fleet = scenarios.SCENARIOS[demo.scenario]
    print(INTRO.format(scale=demo.scale, wall=demo.seconds,
                       minutes=demo.seconds * demo.scale / 60,
                       times=fleet.get("storm_rate", 0) / scenarios.IOS["connections"]))
    try:
        results = storms(demo)
        last_status(results)
        failed = peers(demo)
    except netlab.LabError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    ca = results[-1]["ca"]
    print(LIMITS.format(spent=ca["spent_on_404"], total=ca["connections"]["accept"]))
    print(f"({time.monotonic() - began:.0f} s; namespaces, processes and pins are removed)")
    if demo.json_file:
        Path(demo.json_file).write_text(json.dumps(results, indent=1) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
