"""The lab's C actors as Python objects: the IOS-like CA and the fleet of its clients.

    with netlab.two_armed("x", ca_gate=True) as lab:
        ca = IosCa(lab, window=6, block=1.5)
        ...
        print(ca.stop()["worst_window"])
"""

import json
import subprocess

from netlab_core import BUILD, LabError, call, ROOT, stop


def build_actors():
    """Build ios_ca and fleet if they are not up to date (make decides)."""
    call(["make", "-s", "-C", ROOT, "-f", "tests/lab/lab.mk", "lab"], timeout=300)


def _words(options):
    """{'max_connections': 4, 'port': [80, 81], 'pause_box': True} as command-line words."""
    words = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        for one in value if isinstance(value, (list, tuple)) else [value]:
            if one is True:
                words.append(flag)
            elif one is not None and one is not False:
                words += [flag, str(one)]
    return words


class IosCa:
    """tests/lab/ios_ca in the lab's `ca` namespace.  Options: its long options, '_' for '-'.

    The topology must have been made with ca_gate=True.  `address` defaults to the
    topology's IPv4 and IPv6 service addresses.
    """

    def __init__(self, lab, **options):
        options.setdefault("address", [lab.ca4, lab.ca6])
        self.log_path = lab.directory / options.pop("log_name", "ca.jsonl")
        self.process = lab.ca.popen(
            [BUILD / "ios_ca", "--front-dev", "ca0", "--log", self.log_path, *_words(options)],
            stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise LabError("ios_ca did not start")

    def events(self, kind=None):
        """The log so far (flushed every 0.1 s) as dicts, optionally of one kind of event."""
        lines = self.log_path.read_text().splitlines(keepends=True)
        found = [json.loads(line) for line in lines if line.endswith("\n")]
        return [event for event in found if kind in (None, event["event"])]

    def signal(self, number):
        """E.g. SIGUSR1: the shadow certificate appears."""
        self.process.send_signal(number)

    def stop(self):
        """End it; its summary as a dict."""
        self.process.terminate()
        text = self.process.stdout.read()
        if stop(self.process) != 0:
            raise LabError(f"ios_ca ended with status {self.process.returncode}")
        return json.loads(text)


class Fleet:
    """tests/lab/fleet in the lab's `clients` namespace; finish() waits for its summary."""

    def __init__(self, lab, target, **options):
        self.process = lab.clients.popen([BUILD / "fleet", "--target", target, *_words(options)],
                                         stdout=subprocess.PIPE, text=True)

    def finish(self, timeout):
        """Wait for the end of its --duration; its summary as a dict."""
        try:
            text = self.process.communicate(timeout=timeout)[0]
        except subprocess.TimeoutExpired as error:
            raise LabError(f"fleet still runs after {timeout} s") from error
        if self.process.returncode != 0:
            raise LabError(f"fleet ended with status {self.process.returncode}")
        return json.loads(text)
