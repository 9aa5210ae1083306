#!/usr/bin/env python3
"""What `sudo make demo` shows: the storm without a guard, observed, policed, intercepted; then real
clients.

Everything happens in network namespaces of its own, which are removed at the end and on Ctrl-C.
"""

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import lab  # noqa: E402
import netlab  # noqa: E402
import real_peers  # noqa: E402
from lab_actors import build_actors  # noqa: E402
from scenarios import IOS, SCENARIOS  # noqa: E402

ENROLMENTS_IN_STORM, STORM_SCALE = 30, 10

INTRO = """\
A Cisco IOS CA takes 80 new connections a minute and 16 at once; one too many and it ignores
every SYN for 15 s.  3000 routers ask it for a shadow certificate that does not exist yet, 400
times a minute in all ({times:g} x what it takes), while 6 routers a minute want to enrol
(3 connections each, 10 tries, IOS's retry timers).

clients (fleet) -- gateway (scepguard) -- CA (IOS-like, its own log is what counts below)

Time is compressed {scale:g} times: each run is {minutes:.0f} minutes in {wall:.0f} seconds (the kernel's own
SYN resends are not compressed, so compare the runs with each other, not with a clock).
"""

# What a mode did with the CA's connections, and what follows.
CLOSING = {
    "police": """\
police decides at the SYN, before the request can be read, so among thousands of sources asking for
a shadow certificate it still spends CA connections on 404s: {spent} of {total} here.
""",
    "intercept": """\
intercept finishes the handshake itself, reads the request and spends a CA connection only on one
that is worth it: {spent} of {total} went to 404s here, and {storm:.1%} of the storm was answered.
""",
}


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=32, help="of each storm run (32)")
    parser.add_argument("--scale", type=float, default=20, help="compression (20)")
    parser.add_argument("--scenario", default="storm5", choices=SCENARIOS)
    parser.add_argument("--modes", default="none,observe,police,intercept")
    parser.add_argument("--json-file", help="write all results there")
    return parser.parse_args()


def storm(demo, mode):
    """One storm run in `mode`; the result and, through the guard, its own status text."""
    words = ["run", demo.scenario, "--mode", mode, "--scale", str(demo.scale),
             "--minutes", str(demo.seconds * demo.scale / 60)]
    return lab.run(lab.parse(words))


def storms(demo):
    """The comparison table, a line as each run ends."""
    results = []
    print(lab.header(), flush=True)
    for mode in demo.modes.split(","):
        results.append(storm(demo, mode))
        print(lab.row(results[-1]), flush=True)
    print("\nenrolled: routers that got a certificate, of those that wanted one.  p95 s: in this time "
          "95 %\nof them had it.  404s: CA connections spent on them.  deaf s: field seconds in "
          "which the CA heard\nnobody.  worst/60s: most new connections in any 60 s (80 trip it).  "
          "peak open: of 16.  full: SYNs\nthat met a full CA.\n")
    return results


def last_status(results):
    """What `scepguard status` said at the end of the last guarded run."""
    guarded = [r for r in results if r["guard_text"]]
    if guarded:
        print(f"scepguard status at the end of the {guarded[-1]['mode']} run:\n")
        print("\n".join("    " + line for line in guarded[-1]["guard_text"].splitlines()), "\n")


def closing(results):
    """What each mode that has something to say about it spent on 404s."""
    for result in results:
        if result["mode"] in CLOSING and result["storm_asks"]:
            print(CLOSING[result["mode"]].format(
                spent=result["spent_on_404"], total=result["ca"]["connections"]["accept"],
                storm=result["storm_answered_share"]))


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
    if "intercept" in demo.modes.split(","):
        print("\nThe same one after the other in the midst of a storm (5 times the CA's capacity):")
        results, _ = real_peers.run_in_storm("intercept", ENROLMENTS_IN_STORM, STORM_SCALE)
        real_peers.print_results("intercept", results)
        failed += sum(not worked for _, worked, _ in results)
    print()
    return failed


def main():
    demo = parse()
    netlab.need_root()
    build_actors()
    began = time.monotonic()
    fleet = SCENARIOS[demo.scenario]["fleet"]
    print(INTRO.format(scale=demo.scale, wall=demo.seconds,
                       minutes=demo.seconds * demo.scale / 60,
                       times=fleet.get("storm_rate", 0) / IOS["connections"]))
    try:
        results = storms(demo)
        last_status(results)
        failed = peers(demo)
    except netlab.LabError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    closing(results)
    print(f"({time.monotonic() - began:.0f} s; namespaces, processes and pins are removed)")
    if demo.json_file:
        Path(demo.json_file).write_text(json.dumps(results, indent=1) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
