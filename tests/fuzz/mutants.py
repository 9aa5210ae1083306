#!/usr/bin/env python3
"""Do the fuzz targets find bugs? Plants one at a time in a copy of the sources and fuzzes from the seeds.

mutants.py [TARGET...]: for each bug, how many seconds until the target crashed; SECONDS (60) at most.
"""
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).parent))
from mutant_list import MUTANTS  # noqa: E402

TOP = Path(__file__).resolve().parents[2]
TREE = TOP / os.environ.get("TREE", "build/mutants")
PARTS = ("Makefile", "VERSION", "bpf", "userspace", "tests/fuzz", "tests/lib", "tests/fixtures", "docs")
SECONDS = int(os.environ.get("SECONDS_EACH", "60"))


def copy_tree():
    # With it what was built of the last bug: newer than the sources, it would not be built again.
    shutil.rmtree(TREE, ignore_errors=True)
    for part in PARTS:
        source, copy = TOP / part, TREE / part
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, dirs_exist_ok=True)
        else:
            shutil.copy(source, copy)


def make(*goals):
    run = subprocess.run(["make", "--no-print-directory", "-C", TREE, "WARNINGS=", *goals], text=True,
                         capture_output=True, check=False)
    return run.returncode, run.stdout + run.stderr


def run_target(target, seconds=SECONDS):
    """Seconds until it crashed, None if it did not; what it said last."""
    corpus = TREE / f"build/fuzz/{target}.corpus"
    shutil.rmtree(corpus, ignore_errors=True)
    begun = time.monotonic()
    status, said = make(f"fuzz-{target.replace('_', '-')}", f"FUZZ_SECONDS={seconds}")
    took = time.monotonic() - begun
    if not status:
        return None, ""
    reasons = [line for line in said.splitlines()
               if line.startswith(f"fuzz_{target}: ") or "SUMMARY:" in line]
    return took, reasons[0] if reasons else said[-200:]


def plant(mutant):
    """Why it could not be planted, '' when it was."""
    path = TREE / mutant.path
    text = (TOP / mutant.path).read_text()
    if text.count(mutant.old) != 1:
        return f"'{mutant.old}' stands {text.count(mutant.old)} times in '{mutant.path}': adapt the list"
    path.write_text(text.replace(mutant.old, mutant.new))
    return ""


def verdict(mutant):
    """(found, what to say of it)"""
    wrong = plant(mutant)
    if wrong:
        return False, wrong
    status, said = make(f"build/fuzz/fuzz_{mutant.target}")
    if status:
        return False, said[-400:]
    took, reason = run_target(mutant.target)
    if took is None:
        return False, f"not found in {SECONDS} s"
    return True, f"{took:.1f} s {reason}"


def try_one(mutant):
    """True when the bug was found."""
    found, text = verdict(mutant)
    shutil.copy(TOP / mutant.path, TREE / mutant.path)
    print(f"{'ok' if found else 'not ok'} {mutant.target}: {mutant.name}: {text}", flush=True)
    return found


def sound(target):
    """Without a bug the target finds none: else what it finds below says nothing."""
    took, reason = run_target(target, 5)
    print(f"{'ok' if took is None else 'not ok'} {target}: as it is, for 5 s {reason}", flush=True)
    return took is None


def main():
    targets = sys.argv[1:]
    copy_tree()
    mutants = [m for m in MUTANTS if not targets or m.target in targets]
    found = [sound(target) for target in sorted({m.target for m in mutants})]
    found += [try_one(m) for m in mutants]
    print(f"mutants: {sum(found)} passed, {len(found) - sum(found)} failed, 0 skipped")
    return 0 if all(found) and found else 1


if __name__ == "__main__":
    sys.exit(main())
