#!/usr/bin/env python3
"""How hard the program is for the verifier, and how long it takes to load, by compiler and mode.

    verifier_figures.py                 a table
    verifier_figures.py --check         the same; exit status 1 if a must is missed
    verifier_figures.py --json FILE     all figures

The kernel gives up at 1 000 000 instructions verified; what each kernel makes of the same program
differs, so the demand leaves room. Load time: from opening the object file to programs that run, tables
of the default sizes included; the daemon does this once at its start, and once when the mode rises.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

import netlab  # noqa: E402
import path_report as report  # noqa: E402

BUILD = netlab.ROOT / "build"
TOOL = BUILD / "bench" / "verifier_figures"
OBJECTS = {"default clang": BUILD / "bpf" / "scepguard.bpf.o",
           "clang 19": BUILD / "bpf" / "scepguard-clang19.bpf.o"}
MODES = ("observe", "police", "intercept")
MOST_INSNS, MOST_LOAD_S = 250_000, 2.0


def compiler_of(path):
    """What the compiler wrote into the object about itself."""
    found = subprocess.run(["strings", "-a", path], stdout=subprocess.PIPE, text=True, check=True)
    return next((line for line in found.stdout.splitlines() if "clang version" in line), "unknown")


def load(path, mode):
    return json.loads(netlab.call([TOOL, path, MODES.index(mode)]).stdout)


def rows_of(label, path, mode, loads):
    """A row a program, and one for the load of all."""
    runs = [load(path, mode) for _ in range(loads)]
    rows = []
    for i, program in enumerate(runs[0]["programs"]):
        def spread(key, i=i):
            return report.Spread([one["programs"][i][key] for one in runs])
        row = report.Row(f"{program['name']} ({mode}, {label})", {
            "verified": spread("verified"), "peak states": spread("peak_states"),
            "verify, ms": spread("verify_ms"), "bytecode insns": program["bytecode"],
            "JITed bytes": program["jited_bytes"]})
        rows.append(row.demand("verified", must=MOST_INSNS, least=False))
    total = report.Row(f"load of all ({mode}, {label})", {
        "verified": sum(p["verified"] for p in runs[0]["programs"]),
        "load, s": report.Spread([one["load_ms"] / 1e3 for one in runs])})
    rows.append(total.demand("load, s", must=MOST_LOAD_S, least=False))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--loads", type=int, default=5)
    options = parser.parse_args()
    netlab.need_root()
    rows, told = [], {"loads": options.loads}
    for label, path in OBJECTS.items():
        if not path.exists() or not TOOL.exists():
            sys.exit(f"'{path}' or '{TOOL}' is missing: run `make bench-verifier`")
        told[label] = compiler_of(path)
        for mode in MODES:
            rows += rows_of(label, path, mode, options.loads)
    result = report.Report("verifier", rows, told)
    result.show()
    if options.json:
        result.write(options.json)
    return 1 if options.check and result.missed() else 0


if __name__ == "__main__":
    sys.exit(main())
