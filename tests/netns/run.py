#!/usr/bin/env python3
"""Runs the tests of this directory: each in a process of its own, with a time limit.

    run.py                      all
    run.py budget daemon.Kill   those whose name (file.Class.test) begins with one of these
    run.py -l                   lists them

Prints `ok NAME SECONDS`, `not ok NAME REASON` with the output, or `SKIPPED NAME REASON`; the last
line counts.  A class with setUpClass (one lab for all of its tests) is one entry.
"""

import argparse
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "lib")]

import netlab  # noqa: E402

TIMEOUT_S = 60     # of a test, though each is meant to take less than 40
TIDY_S = 20        # to remove its lab after it was told to end
CLASS_TIMEOUT_S = 120


class Unit:
    """What one process runs."""

    def __init__(self, file, klass, method=None):
        self.path = ".".join(filter(None, (file, klass.__name__, method)))
        short = self.path.removeprefix("test_")
        self.name = short.replace(".test_", ".")
        # A class decides for itself how long it may take, and whether it wants the machine alone.
        self.timeout = getattr(klass, "timeout", TIMEOUT_S if method else CLASS_TIMEOUT_S)
        self.alone = getattr(klass, "alone", False)
        self.process = self.reason = None
        self.state, self.seconds, self.output = "not run", 0.0, ""

    def run(self):
        """In a child, ended when its time is over."""
        begun = time.monotonic()
        self.process = subprocess.Popen([sys.executable, __file__, "--one", self.path],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True,
                                        start_new_session=True)
        try:
            self.output = self.process.communicate(timeout=self.timeout)[0]
            late = False
        except subprocess.TimeoutExpired:
            self.output = self.end()
            late = True
        self.seconds = time.monotonic() - begun
        self.judge(late)

    def end(self):
        """TERM makes the lab unwind; what is left after that is killed."""
        self.process.terminate()
        try:
            return self.process.communicate(timeout=TIDY_S)[0]
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.communicate()[0]

    def judge(self, late):
        """state and reason from how the child ended."""
        lines = self.output.splitlines()
        result = lines.pop() if lines and lines[-1].startswith('{"netns": ') else None
        self.output = "\n".join(lines)
        if late:
            self.state, self.reason = "not ok", f"not ended within {self.timeout} s"
        elif result is None:
            self.state = "not ok"
            self.reason = f"its process ended with status {self.process.returncode}"
        else:
            self.state, self.reason = json.loads(result)["netns"]


def tests_of(suite):
    """Flat."""
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from tests_of(item)
        else:
            yield item


def discover():
    """All units, in order of files and lines of the files' classes."""
    units, loader = [], unittest.TestLoader()
    for path in sorted(HERE.glob("test_*.py")):
        module = importlib.import_module(path.stem)
        seen = set()
        for test in tests_of(loader.loadTestsFromModule(module)):
            klass = type(test)
            if klass.__module__ != path.stem or klass in seen:
                continue
            if "setUpClass" in dir(klass) and klass.setUpClass.__func__ is not \
                    unittest.TestCase.setUpClass.__func__:
                seen.add(klass)
                units.append(Unit(path.stem, klass))
            else:
                units.append(Unit(path.stem, klass, test.id().rsplit(".", 1)[-1]))
    return units


def run_one(path):
    """In the child: the test itself, then one line for the parent."""
    suite = unittest.TestLoader().loadTestsFromName(path)
    result = unittest.TextTestRunner(verbosity=0, stream=sys.stdout).run(suite)
    failed = result.failures + result.errors + [(t, "unexpected success")
                                                for t in result.unexpectedSuccesses]
    if failed:
        last = failed[0][1].strip().splitlines()
        verdict = ["not ok", last[-1][:200] if last else "failed"]
    elif not result.testsRun:
        verdict = ["not ok", "no test ran"]
    elif result.skipped:
        verdict = ["SKIPPED", result.skipped[0][1]]
    else:
        verdict = ["ok", None]
    sys.stdout.flush()
    print(json.dumps({"netns": verdict}), flush=True)
    return 0


class Runner:
    """Runs units, some side by side, and tells."""

    def __init__(self, units, verbose):
        self.units, self.verbose = units, verbose
        self.lock, self.stopped = threading.Lock(), False

    def one(self, unit):
        if self.stopped:
            return
        unit.run()
        with self.lock:
            tail = f"{unit.seconds:.1f}" if unit.state == "ok" else unit.reason
            print(unit.state, unit.name, tail, flush=True)
            if unit.state == "not ok" or self.verbose:
                print("\n".join("    " + line for line in unit.output.splitlines()), flush=True)

    def stop(self, number, _frame):
        """Ctrl-C: what runs unwinds its labs, nothing new begins."""
        self.stopped = True
        for unit in self.units:
            if unit.process and unit.process.poll() is None:
                unit.process.send_signal(signal.SIGTERM)
        print(f"interrupted by {signal.Signals(number).name}: cleaning", file=sys.stderr)

    def all(self, jobs):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.stop)
        with ThreadPoolExecutor(jobs) as pool:
            waiting = [pool.submit(self.one, u) for u in self.units if not u.alone]
            while not all(done.done() for done in waiting):
                time.sleep(0.1)  # signals are handled in this thread
        for unit in self.units:
            if unit.alone:
                self.one(unit)
        netlab.sweep()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("-l", "--list", action="store_true")
    parser.add_argument("-v", "--verbose", action="store_true", help="output of all tests")
    parser.add_argument("-j", "--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        return run_one(options.one)
    units = [u for u in discover()
             if not options.names or any(u.name.startswith(n) for n in options.names)]
    if options.list:
        print("\n".join(u.name for u in units))
        return 0
    if os.geteuid() != 0:
        print("SKIPPED all tests in namespaces: they need root")
        return 77
    begun = time.monotonic()
    runner = Runner(units, options.verbose)
    runner.all(options.jobs)
    states = [u.state for u in units]
    print(f"{len(states)} tests: {states.count('ok')} ok, {states.count('not ok')} not ok, "
          f"{states.count('SKIPPED')} skipped, {states.count('not run')} not run, "
          f"{time.monotonic() - begun:.0f} s")
    return 0 if units and states.count("ok") + states.count("SKIPPED") == len(units) else 1


if __name__ == "__main__":
    sys.exit(main())
