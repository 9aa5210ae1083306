"""What stands between clients and CA in a run: nothing, the guard, or one of the baselines.

    gate = gates.make(lab, "intercept", scale)
    gate.start() ... gate.kill() ... gate.restart() ... gate.status() ... gate.stop()

`gate.ca` is added to the CA's command line; `gate.pids()` are the gate's own processes.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "baselines"))

import baselines  # noqa: E402
from guard import Guard  # noqa: E402
from scenarios import IOS  # noqa: E402

GUARDED = ("observe", "police", "intercept")
MODES = ("none", *GUARDED, *baselines.KINDS)


class NoGate:
    """The gateway forwards and that is all."""

    ca = {}

    def start(self):
        """Nothing to start."""

    def kill(self):
        """Nothing to kill."""

    def restart(self):
        """Nothing to restart."""

    def status(self):
        """(status --json, status) where there is one."""
        return None, ""

    def pids(self):
        """Process ids of the gate."""
        return []

    def stop(self):
        """Nothing to stop."""


class ScepGate(NoGate):
    """scepguard in one of its modes."""

    def __init__(self, lab, mode, scale, **config):
        self.guard = Guard(lab, mode, scale, limits=IOS, **config)

    def start(self):
        self.guard.start()

    def kill(self):
        process, self.guard.process = self.guard.process, None
        process.kill()
        process.wait()

    def restart(self):
        self.guard.start()

    def status(self):
        return self.guard.status(), self.guard.command("status").stdout

    def pids(self):
        return [self.guard.process.pid]

    def stop(self):
        self.guard.stop()


def make(lab, mode, scale):
    """The gate of this name; not started."""
    if mode == "none":
        return NoGate()
    if mode in GUARDED:
        return ScepGate(lab, mode, scale)
    return baselines.KINDS[mode](lab, scale)
